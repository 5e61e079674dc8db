/* load.c: whole files as arrays: hp_array_load and hp_array_save. */
#include <string.h>

#include "base/dtype.h"
#include "exec/files.h"

/* ---- arrays */

hp_io_reader_options hp_file_reader_options(const hp_file *file) {
    return (hp_io_reader_options){.format = file->format,
        .dataset = file->dataset,
        .header = (hp_io_header)file->header,
        .columns = file->columns,
        .id_columns = file->id_columns};
}

bool hp_reader_is_text(const hp_io_reader *reader) {
    return !strcmp(reader->format, "csv") || !strcmp(reader->format, "tsv");
}

/* Everything a reader gives, appended to `array` in `dtype`. */
static hp_status read_whole(hp_io_reader *reader, hp_dtype dtype, hp_array *array, hp_error *error) {
    enum { MOST_ROWS = 65536, MOST_BYTES = 4 << 20 }; /* of a batch, beside the array */
    size_t row_bytes = hp_dtype_size(dtype), capacity = 0;
    for (int i = 0; i < reader->rank; i++)
        HP_FAIL_IF(!hp_size_mul(row_bytes, (size_t)reader->dims[i], &row_bytes), error, HP_ERROR_NO_MEMORY,
            reader->name, "a row is larger than the address space");
    const int64_t bytes_rows = (int64_t)(MOST_BYTES / (row_bytes ? row_bytes : 1));
    const int64_t chunk = bytes_rows < 1 ? 1 : bytes_rows < MOST_ROWS ? bytes_rows : MOST_ROWS;
    hp_io_batch batch = {0};
    hp_status status;
    *array = (hp_array){.dtype = dtype, .rank = reader->rank + 1};
    memcpy(array->shape + 1, reader->dims, (size_t)reader->rank * sizeof(int64_t));
    if (reader->seekable && reader->rows > 0) capacity = (size_t)reader->rows; /* which the file was found to hold */
    unsigned char *data = hp_alloc_array(capacity ? capacity : 1, capacity && row_bytes ? row_bytes : 1);
    while ((status = hp_io_read(reader, chunk, &batch, error)) == HP_OK && batch.rows > 0 && data) {
        size_t rows = (size_t)(array->shape[0] + batch.rows);
        if (rows > capacity) {
            if (!hp_grow_array((void **)&data, &capacity, rows, row_bytes ? row_bytes : 1)) {
                hp_free(data);
                data = NULL;
                break;
            }
        }
        status =
            hp_io_convert(&batch.view, 0, batch.rows, dtype, data + (size_t)array->shape[0] * row_bytes, NULL, error);
        if (status != HP_OK) break;
        array->shape[0] = (int64_t)rows;
    }
    hp_io_batch_release(&batch);
    if (!data) HP_FAIL(error, HP_ERROR_NO_MEMORY, reader->name, "out of memory");
    array->data = array->owner = data;
    if (status != HP_OK) hp_array_free(array);
    return status;
}

hp_status hp_array_load(const hp_file *file, hp_array *array, hp_error *error) {
    HP_FAIL_IF(!file || !file->path || !array, error, HP_ERROR_ARGUMENT, NULL, "file or array is NULL");
    *array = (hp_array){0};
    hp_io_reader_options options = hp_file_reader_options(file);
    hp_io_reader *reader;
    HP_TRY(hp_io_reader_open(file->path, &options, &reader, error));
    hp_dtype dtype = hp_reader_is_text(reader) ? HP_FLOAT64 : reader->dtype;
    hp_status status = HP_OK;
    if (dtype == HP_STRING)
        status =
            hp_error_set(error, HP_ERROR_SHAPE, reader->name, "the file holds strings; only numbers can be loaded");
    if (status == HP_OK && reader->ragged)
        status =
            hp_error_set(error, HP_ERROR_SHAPE, reader->name, "its rows have different lengths: they are no array");
    if (status == HP_OK) status = read_whole(reader, dtype, array, error);
    hp_io_reader_close(reader);
    return status;
}

hp_status hp_array_save(const hp_file *file, const hp_array *array, hp_error *error) {
    HP_FAIL_IF(!file || !file->path || !array, error, HP_ERROR_ARGUMENT, NULL, "file or array is NULL");
    hp_status status = hp_array_check(array, "array", 0, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", file->path);
    HP_TRY(status);
    hp_io_view view = hp_array_view(file->path, array);
    hp_io_output output = {.name = file->dataset, .dtype = array->dtype, .rank = array->rank - 1};
    memcpy(output.dims, array->shape + 1, (size_t)output.rank * sizeof(int64_t));
    hp_io_writer_options options = {.format = file->format,
        .header = (hp_io_header)file->header,
        .dataset = file->dataset,
        .rows = array->shape[0],
        .rows_known = true};
    hp_io_writer *writer;
    HP_TRY(hp_io_writer_open(file->path, &output, 1, &options, &writer, error));
    const void *data = hp_io_direct(&view, array->dtype);
    void *copy = NULL;
    if (!data && array->shape[0] > 0) {
        size_t bytes = hp_dtype_size(array->dtype) * (size_t)array->shape[0] * (size_t)hp_io_row_elements(&view);
        copy = hp_alloc_aligned(bytes);
        status = copy ? hp_io_convert(&view, 0, array->shape[0], array->dtype, copy, NULL, error)
                      : hp_error_set(error, HP_ERROR_NO_MEMORY, file->path, "out of memory");
        data = copy;
    }
    if (status == HP_OK) status = hp_io_write(writer, array->shape[0], &data, NULL, error);
    if (status == HP_OK)
        status = hp_io_writer_finish(writer, error);
    else
        hp_io_writer_abort(writer);
    hp_free(copy);
    return status;
}
