/* array_reader.c: the reader of arrays whose elements have one size and lie one after the other: .npy, members of
 * .npz, raw data.
 *
 * C order: a batch is one stretch of bytes. Fortran order: a batch is one stretch for each element of a row, so the
 * source has to be able to jump; a stream is copied to a temporary file first. */
#include <string.h>
#include "io/npy_header.h"

typedef struct array_reader {
    hp_io_reader base;
    hp_io_source *source;
    hp_io_array_layout layout;
    size_t row_items, row_bytes;
    bool by_columns; /* Fortran order that differs from C order */
} array_reader;

static hp_status read_c_order(array_reader *array, char *data, int64_t rows, size_t *got_rows, hp_error *error) {
    hp_io_source *source = array->source;
    const hp_io_reader *base = &array->base;
    size_t bytes = (size_t)rows * array->row_bytes, got;
    if (source->read_at) {
        int64_t offset = array->layout.offset + base->next_row * (int64_t)array->row_bytes;
        HP_TRY(source->read_at(source, offset, data, bytes, &got, error));
    } else {
        HP_TRY(source->read(source, data, bytes, &got, error));
    }
    *got_rows = array->row_bytes ? got / array->row_bytes : (size_t)rows;
    bool cut = array->row_bytes && got % array->row_bytes != 0;
    if ((base->rows >= 0 && got < bytes) || cut) {
        int64_t row = base->next_row + (int64_t)*got_rows;
        hp_error_set(error, HP_ERROR_FORMAT, NULL,
            cut ? "the data end within row %lld%s" : "the data end before row %lld%s", (long long)row,
            base->rows >= 0 ? ", before all rows that the header promises" : "");
        if (error) error->row = row;
        return HP_ERROR_FORMAT;
    }
    return HP_OK;
}

static hp_status read_by_columns(array_reader *array, char *data, int64_t rows, hp_error *error) {
    const hp_io_array_layout *layout = &array->layout;
    size_t run = (size_t)rows * layout->item_size, got;
    for (size_t i = 0; i < array->row_items; i++) {
        int64_t item = (int64_t)i * array->base.rows + array->base.next_row;
        HP_TRY(array->source->read_at(
            array->source, layout->offset + item * (int64_t)layout->item_size, data + i * run, run, &got, error));
        HP_FAIL_IF(got < run, error, HP_ERROR_FORMAT, NULL, "the data end before all rows that the header promises");
    }
    return HP_OK;
}

static void set_view(const array_reader *array, const void *data, int64_t rows, hp_io_view *view) {
    const hp_io_array_layout *layout = &array->layout;
    *view = (hp_io_view){.data = data,
        .storage = layout->storage,
        .dtype = layout->dtype,
        .item_size = layout->item_size,
        .swapped = layout->swapped,
        .rank = layout->rank};
    memcpy(view->dims, layout->dims, sizeof view->dims);
    view->dims[0] = rows;
    ptrdiff_t stride = (ptrdiff_t)layout->item_size;
    for (int i = 0; i < layout->rank; i++) {
        int axis = array->by_columns ? i : layout->rank - 1 - i;
        view->strides[axis] = stride;
        stride *= (ptrdiff_t)view->dims[axis];
    }
}

static hp_status read_array(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    array_reader *array = (array_reader *)reader;
    int64_t rows = max_rows;
    if (reader->rows >= 0 && reader->rows - reader->next_row < rows) rows = reader->rows - reader->next_row;
    size_t bytes, got_rows = (size_t)rows;
    HP_FAIL_IF(!hp_size_mul((size_t)rows, array->row_bytes, &bytes), error, HP_ERROR_NO_MEMORY, NULL,
        "%lld rows at once do not fit into memory", (long long)rows);
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, bytes, 0);
    HP_ALLOCATED(buffer, error);
    if (array->by_columns)
        HP_TRY(read_by_columns(array, buffer->data, rows, error));
    else
        HP_TRY(read_c_order(array, buffer->data, rows, &got_rows, error));
    batch->rows = (int64_t)got_rows;
    set_view(array, buffer->data, batch->rows, &batch->view);
    return HP_OK;
}

static hp_status seek_array(hp_io_reader *reader, int64_t row, hp_error *error) {
    array_reader *array = (array_reader *)reader;
    hp_io_source *source = array->source;
    int64_t skip = (row - reader->next_row) * (int64_t)array->row_bytes, skipped;
    if (source->read_at) return HP_OK; /* offsets follow from next_row */
    if (row < reader->next_row) {
        HP_TRY(source->rewind(source, error));
        skip = array->layout.offset + row * (int64_t)array->row_bytes;
    }
    HP_TRY(hp_io_source_skip(source, skip, &skipped, error));
    HP_FAIL_IF(skipped < skip, error, HP_ERROR_FORMAT, NULL, "the data end before row %lld", (long long)row);
    return HP_OK;
}

static void close_array(hp_io_reader *reader) {
    hp_io_source *source = ((array_reader *)reader)->source;
    if (source) source->close(source);
}

static const hp_io_reader_class array_class = {read_array, seek_array, close_array};

/* Refuses shapes that overflow, and sources that are shorter than the shape says. */
static hp_status check_extent(array_reader *array, hp_error *error) {
    hp_io_array_layout *layout = &array->layout;
    int64_t size = array->source->size;
    size_t rows = layout->dims[0] < 0 ? 0 : (size_t)layout->dims[0], total;
    HP_FAIL_IF(!hp_io_count_elements(layout->rank - 1, layout->dims + 1, &array->row_items) ||
                   !hp_size_mul(array->row_items, layout->item_size, &array->row_bytes) ||
                   !hp_size_mul(array->row_bytes, rows, &total) || total > INT64_MAX / 2,
        error, HP_ERROR_FORMAT, NULL, "the array's shape is too large for any memory");
    if (layout->dims[0] < 0 && size >= 0) {
        HP_FAIL_IF(array->row_bytes == 0, error, HP_ERROR_ARGUMENT, NULL, "rows of raw data have no elements");
        HP_FAIL_IF((size_t)size % array->row_bytes != 0, error, HP_ERROR_FORMAT, NULL,
            "it has %lld bytes, which is no whole number of rows of %zu bytes: it ends within row %lld",
            (long long)size, array->row_bytes, (long long)((size_t)size / array->row_bytes));
        layout->dims[0] = (int64_t)((size_t)size / array->row_bytes);
    }
    HP_FAIL_IF(layout->dims[0] >= 0 && size >= 0 && size - layout->offset < (int64_t)total, error, HP_ERROR_FORMAT,
        NULL, "it is cut off: the header promises %zu bytes of elements, and %lld are there", total,
        (long long)(size - layout->offset));
    return HP_OK;
}

/* Fortran order in a stream: copied to where it can be read in any order. */
static hp_status make_jumpable(array_reader *array, hp_error *error) {
    if (array->source->read_at) return HP_OK;
    hp_io_source *spooled = NULL;
    hp_status status = hp_io_source_spool(array->source, &spooled, error);
    array->source = spooled;
    if (status != HP_OK) return status;
    array->layout.offset = 0; /* the header was read before */
    if (!spooled->read_at && array->base.rows == 0) return HP_OK;
    HP_FAIL_IF(!spooled->read_at, error, HP_ERROR_FORMAT, NULL, "it is cut off: no elements follow the header");
    return check_extent(array, error);
}

hp_status hp_io_array_open_reader(const hp_io_place *place, hp_io_source *source, const hp_io_array_layout *layout,
    hp_io_reader **reader, hp_error *error) {
    array_reader *array = hp_io_reader_new(sizeof *array, &array_class, place);
    if (!array) {
        source->close(source);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    array->source = source;
    array->layout = *layout;
    hp_status status = check_extent(array, error);
    hp_io_reader *base = &array->base;
    base->dtype = layout->dtype;
    base->rank = layout->rank - 1;
    memcpy(base->dims, layout->dims + 1, (size_t)base->rank * sizeof *base->dims);
    base->rows = array->layout.dims[0];
    array->by_columns = layout->fortran && array->row_items > 1;
    if (status == HP_OK && array->by_columns) status = make_jumpable(array, error);
    if (status != HP_OK) {
        hp_io_reader_close(base);
        return status;
    }
    base->seekable = array->source->read_at || array->source->rewind;
    base->interruptible = array->source;
    *reader = base;
    return HP_OK;
}
