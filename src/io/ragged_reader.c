/* ragged_reader.c: rows of different lengths out of a .npz: `values` holds the steps of all rows one after the other,
 * `offsets` where each row begins in it, and behind the last where it ends: row i is values[offsets[i]:offsets[i + 1]].
 *
 * Both are read from first to last, in step. A view of such rows is one of the steps, with the rows' offsets in it
 * (view.h). */
#include <string.h>

#include "io/format.h"

typedef struct ragged_reader {
    hp_io_reader base;
    hp_io_reader *values, *offsets;
    hp_io_batch batch; /* of offsets */
    int64_t begin;     /* of the next row, in values */
} ragged_reader;

/* The next `count` offsets. */
static hp_status read_offsets(ragged_reader *ragged, int64_t count, int64_t *offsets, hp_error *error) {
    HP_TRY(hp_io_read(ragged->offsets, count, &ragged->batch, error));
    HP_FAIL_IF(ragged->batch.rows < count, error, HP_ERROR_FORMAT, NULL, "its offsets end early");
    return hp_io_convert(&ragged->batch.view, 0, count, HP_INT64, offsets, NULL, error);
}

/* Offsets of `rows` rows, and behind them the end, counted from the first one's. */
static hp_status fill_offsets(ragged_reader *ragged, int64_t rows, int64_t *offsets, hp_error *error) {
    offsets[0] = 0;
    if (rows == 0) return HP_OK;
    HP_TRY(read_offsets(ragged, rows, offsets + 1, error));
    for (int64_t i = 1; i <= rows; i++) {
        offsets[i] -= ragged->begin;
        HP_FAIL_IF(offsets[i] < offsets[i - 1] || offsets[i] > ragged->values->rows - ragged->begin, error,
            HP_ERROR_FORMAT, NULL, "row %lld ends at step %lld, and begins at %lld of %lld",
            (long long)(ragged->base.next_row + i - 1), (long long)(offsets[i] + ragged->begin),
            (long long)(offsets[i - 1] + ragged->begin), (long long)ragged->values->rows);
    }
    return HP_OK;
}

static hp_status read_ragged(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    ragged_reader *ragged = (ragged_reader *)reader;
    int64_t rows = reader->rows - reader->next_row < max_rows ? reader->rows - reader->next_row : max_rows;
    int64_t first_row = batch->first_row;
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, 0, 0);
    HP_FAIL_IF(!buffer || !hp_io_buffer_reserve_starts(buffer, (size_t)rows + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    int64_t *offsets = (int64_t *)buffer->starts;
    HP_TRY(fill_offsets(ragged, rows, offsets, error));
    const hp_io_reader *values = ragged->values;
    if (offsets[rows] > 0)
        HP_TRY(hp_io_read(ragged->values, offsets[rows], batch, error));
    else
        batch->view = hp_io_view_of(reader->name, buffer->data, values->dtype, 0, values->rank, values->dims);
    ragged->begin += offsets[rows];
    batch->rows = rows;
    batch->first_row = first_row;
    batch->view.offsets = offsets;
    batch->view.dims[0] = offsets[rows];
    return HP_OK;
}

static hp_status seek_ragged(hp_io_reader *reader, int64_t row, hp_error *error) {
    ragged_reader *ragged = (ragged_reader *)reader;
    HP_TRY(hp_io_seek(ragged->offsets, row, error));
    HP_TRY(read_offsets(ragged, 1, &ragged->begin, error));
    HP_FAIL_IF(ragged->begin < 0, error, HP_ERROR_FORMAT, NULL, "row %lld begins at step %lld", (long long)row,
        (long long)ragged->begin);
    return hp_io_seek(ragged->values, ragged->begin, error);
}

static void close_ragged(hp_io_reader *reader) {
    ragged_reader *ragged = (ragged_reader *)reader;
    hp_io_batch_release(&ragged->batch);
    hp_io_reader_close(ragged->values);
    hp_io_reader_close(ragged->offsets);
}

static const hp_io_reader_class ragged_class = {read_ragged, seek_ragged, close_ragged};

static hp_status start_ragged(
    ragged_reader *ragged, const hp_io_place *place, const char *values, const char *offsets, hp_error *error) {
    hp_io_reader *base = &ragged->base;
    hp_io_reader_options options = {.format = "npz", .dataset = values};
    HP_TRY(hp_io_reader_open(place->path, &options, &ragged->values, error));
    options.dataset = offsets;
    HP_TRY(hp_io_reader_open(place->path, &options, &ragged->offsets, error));
    HP_FAIL_IF(ragged->offsets->rank != 0 || ragged->offsets->dtype == HP_STRING || ragged->offsets->rows < 1, error,
        HP_ERROR_FORMAT, NULL, "\"%s\" is no list of where rows begin and end", offsets);
    HP_FAIL_IF(ragged->values->dtype == HP_STRING || ragged->values->rank + 2 > HP_MAX_RANK, error, HP_ERROR_FORMAT,
        NULL, "\"%s\" holds strings, or has too many axes", values);
    base->dtype = ragged->values->dtype;
    base->rank = ragged->values->rank + 1;
    base->dims[0] = -1;
    memcpy(base->dims + 1, ragged->values->dims, (size_t)ragged->values->rank * sizeof *base->dims);
    base->rows = ragged->offsets->rows - 1;
    base->seekable = true;
    base->ragged = true;
    base->mean_length = base->rows > 0 ? (double)ragged->values->rows / (double)base->rows : 1;
    return seek_ragged(base, 0, error);
}

hp_status hp_io_ragged_open_reader(
    const hp_io_place *place, const char *values, const char *offsets, hp_io_reader **reader, hp_error *error) {
    ragged_reader *ragged = hp_io_reader_new(sizeof *ragged, &ragged_class, place);
    HP_ALLOCATED(ragged, error);
    hp_status status = start_ragged(ragged, place, values, offsets, error);
    if (status == HP_OK)
        *reader = &ragged->base;
    else
        hp_io_reader_close(&ragged->base);
    return status;
}
