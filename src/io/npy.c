/* npy.c: the .npy format: opening readers, and writing. */
#include "io/npy.h"

#include <string.h>
#include "base/dtype.h"
#include "io/utf8.h"

enum { BLOCK = 64 << 10 };

/* ---- reading -------------------------------------------------------------------------------------------------- */

hp_status hp_io_npy_open_source(
    const hp_io_place *place, hp_io_source *source, hp_io_reader **reader, hp_error *error) {
    hp_io_array_layout layout;
    hp_status status = hp_io_npy_read_header(source, &layout, error);
    if (status == HP_OK) return hp_io_array_open_reader(place, source, &layout, reader, error);
    source->close(source);
    return status;
}

hp_status hp_io_npy_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    (void)options;
    hp_io_source *source;
    HP_TRY(hp_io_source_open(place->path, &source, error));
    return hp_io_npy_open_source(place, source, reader, error);
}

/* ---- writing an array to a sink ------------------------------------------------------------------------------- */

static hp_status write_header(hp_io_npy_array *array, int64_t rows, bool again, hp_error *error) {
    char text[HP_IO_NPY_HEADER_SIZE];
    array->header_size = hp_io_npy_make_header(array->output, array->string_size, rows, text);
    return again ? hp_io_sink_rewrite(array->sink, 0, text, array->header_size, error)
                 : hp_io_sink_write(array->sink, text, array->header_size, error);
}

hp_status hp_io_npy_begin(
    hp_io_npy_array *array, const hp_io_output *output, hp_io_sink *sink, int64_t rows, bool begun, hp_error *error) {
    *array = (hp_io_npy_array){.output = output, .sink = sink, .string_size = output->string_size};
    if (output->dtype == HP_STRING || output->dtype == HP_BFLOAT16) {
        array->block = hp_alloc_aligned(BLOCK);
        HP_ALLOCATED(array->block, error);
    }
    if (output->dtype == HP_STRING && output->string_size == 0)
        return hp_io_sink_open_temporary(sink, &array->spool, error);
    return begun ? HP_OK : write_header(array, rows, false, error);
}

static hp_status append_spooled(hp_io_npy_array *array, size_t count, const hp_string *strings, hp_error *error) {
    for (size_t i = 0; i < count; i++) {
        size_t points = hp_io_utf8_length(strings[i].data, strings[i].size);
        if (points > array->string_size) array->string_size = points;
        HP_TRY(hp_io_sink_write(array->spool, &strings[i].size, sizeof strings[i].size, error));
        HP_TRY(hp_io_sink_write(array->spool, strings[i].data, strings[i].size, error));
    }
    return HP_OK;
}

/* One string as an element: its code points, padded with 0. */
static hp_status write_string(hp_io_npy_array *array, const char *data, size_t size, hp_error *error) {
    uint32_t *points = array->block;
    size_t room = BLOCK / sizeof *points, filled = 0, written = 0;
    for (const char *p = data, *end = data + size; written + filled < array->string_size; filled++) {
        if (filled == room) {
            HP_TRY(hp_io_sink_write(array->sink, points, BLOCK, error));
            written += filled;
            filled = 0;
        }
        points[filled] = p < end ? hp_io_utf8_next(&p, end) : 0;
    }
    return hp_io_sink_write(array->sink, points, filled * sizeof *points, error);
}

static hp_status append_strings(hp_io_npy_array *array, size_t count, const hp_string *strings, hp_error *error) {
    for (size_t i = 0; i < count; i++) {
        size_t points = hp_io_utf8_length(strings[i].data, strings[i].size);
        HP_FAIL_IF(points > array->string_size, error, HP_ERROR_SHAPE, NULL,
            "a string of %zu characters does not fit: %zu were announced", points, array->string_size);
        HP_TRY(write_string(array, strings[i].data, strings[i].size, error));
    }
    return HP_OK;
}

/* numpy has no bfloat16; every one is a float32. */
static hp_status append_bfloat16(hp_io_npy_array *array, size_t count, const uint16_t *data, hp_error *error) {
    uint32_t *block = array->block;
    for (size_t done = 0; done < count;) {
        size_t n = count - done < BLOCK / 4 ? count - done : BLOCK / 4;
        for (size_t i = 0; i < n; i++) block[i] = (uint32_t)data[done + i] << 16;
        HP_TRY(hp_io_sink_write(array->sink, block, n * 4, error));
        done += n;
    }
    return HP_OK;
}

hp_status hp_io_npy_append(hp_io_npy_array *array, int64_t rows, const void *data, hp_error *error) {
    const hp_io_output *output = array->output;
    size_t count = (size_t)rows * hp_io_output_row_elements(output);
    if (array->spool) return append_spooled(array, count, data, error);
    if (output->dtype == HP_STRING) return append_strings(array, count, data, error);
    if (output->dtype == HP_BFLOAT16) return append_bfloat16(array, count, data, error);
    return hp_io_sink_write(array->sink, data, count * hp_dtype_size(output->dtype), error);
}

/* Reads the spooled strings back, whose longest is known now. */
static hp_status write_spooled(hp_io_npy_array *array, int64_t rows, hp_error *error) {
    size_t count = (size_t)rows * hp_io_output_row_elements(array->output), got;
    if (array->string_size == 0) array->string_size = 1; /* as numpy does */
    HP_TRY(write_header(array, rows, false, error));
    hp_io_source *source;
    HP_TRY(hp_io_sink_reread(array->spool, &source, error));
    char *text = NULL;
    size_t capacity = 0;
    hp_status status = HP_OK;
    for (size_t i = 0; i < count && status == HP_OK; i++) {
        size_t size;
        status = source->read(source, &size, sizeof size, &got, error);
        if (status == HP_OK && !HP_GROW(text, capacity, size + 1))
            status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        if (status == HP_OK) status = source->read(source, text, size, &got, error);
        if (status == HP_OK) status = write_string(array, text, size, error);
    }
    hp_free(text);
    source->close(source);
    return status;
}

hp_status hp_io_npy_end(hp_io_npy_array *array, int64_t rows, bool rewrite, hp_error *error) {
    if (array->spool) return write_spooled(array, rows, error);
    return rewrite ? write_header(array, rows, true, error) : HP_OK;
}

void hp_io_npy_release(hp_io_npy_array *array) {
    hp_io_sink_close(array->spool);
    hp_free(array->block);
    *array = (hp_io_npy_array){0};
}

/* ---- the writer of .npy files --------------------------------------------------------------------------------- */

typedef struct npy_writer {
    hp_io_writer base;
    hp_io_sink *sink;  /* the target */
    hp_io_sink *spool; /* where the target is a stream and the number of rows is not known: written there first */
    hp_io_npy_array array;
} npy_writer;

static hp_status write_npy(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    (void)ids;
    return hp_io_npy_append(&((npy_writer *)writer)->array, rows, data[0], error);
}

static hp_status finish_npy(hp_io_writer *writer, hp_error *error) {
    npy_writer *npy = (npy_writer *)writer;
    HP_TRY(hp_io_npy_end(&npy->array, writer->rows, writer->expected_rows < 0, error));
    if (npy->spool) HP_TRY(hp_io_sink_copy(npy->sink, npy->spool, 0, error));
    return hp_io_sink_commit(npy->sink, error);
}

static void close_npy(hp_io_writer *writer) {
    npy_writer *npy = (npy_writer *)writer;
    hp_io_npy_release(&npy->array);
    hp_io_sink_close(npy->spool);
    hp_io_sink_close(npy->sink);
}

static const hp_io_writer_class npy_class = {write_npy, finish_npy, close_npy, NULL, NULL};

static hp_status start_npy(npy_writer *npy, const char *path, const hp_io_writer_options *options, hp_error *error) {
    const hp_io_writer *base = &npy->base;
    HP_TRY(hp_io_sink_open(path, options, &npy->sink, error));
    npy->base.target = npy->sink;
    if (base->expected_rows < 0 && !hp_io_sink_is_file(npy->sink))
        HP_TRY(hp_io_sink_open_temporary(npy->sink, &npy->spool, error));
    int64_t rows = base->expected_rows < 0 ? 0 : base->expected_rows;
    HP_TRY(hp_io_npy_begin(
        &npy->array, &base->outputs[0], npy->spool ? npy->spool : npy->sink, rows, options->resume != NULL, error));
    if (npy->array.spool)
        npy->base.not_resumable = "its strings are gathered in a temporary file first: it cannot be resumed";
    return HP_OK;
}

hp_status hp_io_npy_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    HP_TRY(hp_io_writer_new(sizeof(npy_writer), &npy_class, place, outputs, count, options, 1, false, writer, error));
    hp_status status = start_npy((npy_writer *)*writer, place->path, options, error);
    if (status != HP_OK) hp_io_writer_abort(*writer);
    return status;
}
