/* csv_writer.c: rows as separated text: ids, then the elements of every output, side by side. Floats are written with
 * the fewest digits that read back the same (NaN as "nan"), strings quoted where they have to be. */
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "base/half.h"
#include "io/format.h"
#include "io/number_text.h"
#include "io/sink.h"

enum { BLOCK = 64 << 10 };

typedef struct csv_writer {
    hp_io_writer base;
    hp_io_sink *sink;
    char delimiter;
    char *block; /* BLOCK bytes of text to be written */
    size_t filled;
} csv_writer;

static hp_status flush_block(csv_writer *csv, hp_error *error) {
    size_t bytes = csv->filled;
    csv->filled = 0;
    return hp_io_sink_write(csv->sink, csv->block, bytes, error);
}

static inline hp_status make_room(csv_writer *csv, size_t bytes, hp_error *error) {
    return csv->filled + bytes <= BLOCK ? HP_OK : flush_block(csv, error);
}

static hp_status put_char(csv_writer *csv, char c, hp_error *error) {
    HP_TRY(make_room(csv, 1, error));
    csv->block[csv->filled++] = c;
    return HP_OK;
}

/* A field must be quoted where it holds what has a meaning, or would be read as an empty line. */
static bool needs_quotes(const csv_writer *csv, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (text[i] == csv->delimiter || text[i] == '"' || text[i] == '\n' || text[i] == '\r') return true;
    return size == 0;
}

static hp_status put_string(csv_writer *csv, const char *text, size_t size, hp_error *error) {
    bool quotes = needs_quotes(csv, text, size);
    if (quotes) HP_TRY(put_char(csv, '"', error));
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') HP_TRY(put_char(csv, '"', error));
        HP_TRY(put_char(csv, text[i], error));
    }
    return quotes ? put_char(csv, '"', error) : HP_OK;
}

/* Element `i` of `data`, a number or bool. */
static size_t format_element(const void *data, size_t i, hp_dtype dtype, char *text) {
    switch (dtype) {
    case HP_FLOAT32:
        return hp_io_format_float32(((const float *)data)[i], text);
    case HP_FLOAT64:
        return hp_io_format_float64(((const double *)data)[i], text);
    case HP_FLOAT16:
        return hp_io_format_float32(hp_half_to_float(((const uint16_t *)data)[i]), text);
    case HP_BFLOAT16:
        return hp_io_format_float32(hp_bfloat_to_float(((const uint16_t *)data)[i]), text);
    case HP_INT8:
        return hp_io_format_int64(((const int8_t *)data)[i], text);
    case HP_INT16:
        return hp_io_format_int64(((const int16_t *)data)[i], text);
    case HP_INT32:
        return hp_io_format_int64(((const int32_t *)data)[i], text);
    case HP_INT64:
        return hp_io_format_int64(((const int64_t *)data)[i], text);
    case HP_UINT16:
        return hp_io_format_uint64(((const uint16_t *)data)[i], text);
    case HP_UINT32:
        return hp_io_format_uint64(((const uint32_t *)data)[i], text);
    case HP_UINT64:
        return hp_io_format_uint64(((const uint64_t *)data)[i], text);
    case HP_BOOL:
        return hp_io_format_uint64(((const uint8_t *)data)[i] != 0, text);
    default:
        return hp_io_format_uint64(((const uint8_t *)data)[i], text);
    }
}

static hp_status put_elements(csv_writer *csv, const hp_io_output *output, const void *data, size_t first, size_t count,
    bool *separate, hp_error *error) {
    for (size_t i = first; i < first + count; i++) {
        HP_TRY(make_room(csv, HP_IO_NUMBER_TEXT + 1, error));
        if (*separate) csv->block[csv->filled++] = csv->delimiter;
        *separate = true;
        if (output->dtype == HP_STRING) {
            const hp_string *string = (const hp_string *)data + i;
            HP_TRY(put_string(csv, string->data, string->size, error));
        } else {
            csv->filled += format_element(data, i, output->dtype, csv->block + csv->filled);
        }
    }
    return HP_OK;
}

static hp_status write_csv(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    csv_writer *csv = (csv_writer *)writer;
    for (int64_t row = 0; row < rows; row++) {
        bool separate = false;
        for (int i = 0; i < writer->id_count; i++) {
            if (separate) HP_TRY(put_char(csv, csv->delimiter, error));
            separate = true;
            const hp_string *id = &ids[row * writer->id_count + i];
            HP_TRY(put_string(csv, id->data, id->size, error));
        }
        for (int i = 0; i < writer->output_count; i++) {
            size_t count = hp_io_output_row_elements(&writer->outputs[i]);
            HP_TRY(put_elements(csv, &writer->outputs[i], data[i], (size_t)row * count, count, &separate, error));
        }
        HP_TRY(put_char(csv, '\n', error));
    }
    return flush_block(csv, error);
}

static hp_status put_name(csv_writer *csv, const char *name, bool *separate, hp_error *error) {
    if (*separate) HP_TRY(put_char(csv, csv->delimiter, error));
    *separate = true;
    return put_string(csv, name, strlen(name), error);
}

/* Names of the columns: ids, then for each output its labels, its name, or name_0, name_1, name_0_0 ... */
static hp_status write_header(csv_writer *csv, const hp_io_writer_options *options, hp_error *error) {
    bool separate = false;
    char name[400];
    for (int i = 0; i < options->id_count; i++) {
        snprintf(name, sizeof name, "id_%d", i);
        HP_TRY(put_name(csv, options->id_names ? options->id_names[i] : name, &separate, error));
    }
    for (int o = 0; o < csv->base.output_count; o++) {
        const hp_io_output *output = &csv->base.outputs[o];
        size_t count = hp_io_output_row_elements(output);
        bool single = count == 1 && !output->labels;
        for (size_t i = 0; i < count; i++) {
            int n = snprintf(name, sizeof name, "%.200s", output->name);
            size_t below = count, rest = i;
            for (int axis = 0; axis < output->rank && !single; axis++) {
                below /= (size_t)output->dims[axis];
                n += snprintf(name + n, sizeof name - (size_t)n, "_%zu", rest / below);
                rest %= below;
            }
            HP_TRY(put_name(csv, output->labels ? output->labels[i] : name, &separate, error));
        }
    }
    HP_TRY(put_char(csv, '\n', error));
    return flush_block(csv, error);
}

static hp_status finish_csv(hp_io_writer *writer, hp_error *error) {
    csv_writer *csv = (csv_writer *)writer;
    HP_TRY(flush_block(csv, error));
    return hp_io_sink_commit(csv->sink, error);
}

static void close_csv(hp_io_writer *writer) {
    csv_writer *csv = (csv_writer *)writer;
    hp_io_sink_close(csv->sink);
    hp_free(csv->block);
}

static const hp_io_writer_class csv_class = {write_csv, finish_csv, close_csv, NULL};

static hp_status start_csv(
    csv_writer *csv, const char *path, char delimiter, const hp_io_writer_options *options, hp_error *error) {
    csv->delimiter = delimiter;
    csv->block = hp_alloc_aligned(BLOCK);
    HP_ALLOCATED(csv->block, error);
    HP_TRY(hp_io_sink_open(path, options, &csv->sink, error));
    csv->base.target = csv->sink;
    return options->resume || options->header == HP_IO_HEADER_NO ? HP_OK : write_header(csv, options, error);
}

static hp_status open_separated(const hp_io_place *place, char delimiter, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    HP_TRY(hp_io_writer_new(
        sizeof(csv_writer), &csv_class, place, outputs, count, options, INT32_MAX, true, writer, error));
    hp_status status = start_csv((csv_writer *)*writer, place->path, delimiter, options, error);
    if (status != HP_OK) hp_io_writer_abort(*writer);
    return status;
}

hp_status hp_io_csv_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    return open_separated(place, ',', outputs, count, options, writer, error);
}

hp_status hp_io_tsv_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    return open_separated(place, '\t', outputs, count, options, writer, error);
}
