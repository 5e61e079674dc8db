/* csv_writer.c: rows as separated text: ids, then the elements of every output, side by side (csv_rows.h). */
#include <stdio.h>
#include <string.h>
#include "io/csv_rows.h"
#include "io/format.h"
#include "io/sink.h"
#include "kernels/kernels.h"

enum { BLOCK = 64 << 10 };

typedef struct csv_writer {
    hp_io_writer base;
    hp_io_sink *sink;
    hp_io_csv_style style;
    char *block; /* text to be written */
    size_t filled, capacity;
} csv_writer;

static hp_status flush_block(csv_writer *csv, hp_error *error) {
    size_t bytes = csv->filled;
    csv->filled = 0;
    return hp_io_sink_write(csv->sink, csv->block, bytes, error);
}

/* Room for `bytes` bytes more. */
static hp_status make_room(csv_writer *csv, size_t bytes, hp_error *error) {
    if (bytes <= csv->capacity - csv->filled) return HP_OK;
    HP_TRY(flush_block(csv, error));
    if (bytes <= csv->capacity) return HP_OK;
    char *larger = hp_alloc_aligned(bytes);
    HP_ALLOCATED(larger, error);
    hp_free(csv->block);
    csv->block = larger;
    csv->capacity = bytes;
    return HP_OK;
}

static hp_status write_csv(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    csv_writer *csv = (csv_writer *)writer;
    const size_t room = hp_io_csv_row_room(writer);
    for (int64_t row = 0; row < rows; row++) {
        HP_TRY(make_room(csv, room + hp_io_csv_strings_room(writer, row, data, ids), error));
        char *to = csv->block + csv->filled;
        csv->filled = (size_t)(hp_io_csv_put_rows(to, writer, &csv->style, row, 1, data, ids) - csv->block);
    }
    return flush_block(csv, error);
}

static hp_status put_name(csv_writer *csv, const char *name, bool *separate, hp_error *error) {
    size_t size = strlen(name);
    HP_TRY(make_room(csv, 2 * size + 3, error));
    char *to = csv->block + csv->filled;
    if (*separate) *to++ = csv->style.delimiter;
    *separate = true;
    csv->filled = (size_t)(hp_io_csv_put_string(to, name, size, csv->style.delimiter) - csv->block);
    return HP_OK;
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
    HP_TRY(make_room(csv, 1, error));
    csv->block[csv->filled++] = '\n';
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

static size_t text_of_rows(
    const hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, char *text) {
    return (size_t)(hp_io_csv_put_rows(text, writer, &((const csv_writer *)writer)->style, 0, rows, data, ids) - text);
}

static const hp_io_writer_class csv_class = {write_csv, finish_csv, close_csv, NULL, text_of_rows};

static hp_status start_csv(
    csv_writer *csv, const char *path, char delimiter, const hp_io_writer_options *options, hp_error *error) {
    csv->style = (hp_io_csv_style){delimiter, hp_kernels_select(NULL)};
    csv->block = hp_alloc_aligned(BLOCK);
    HP_ALLOCATED(csv->block, error);
    csv->capacity = BLOCK;
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
