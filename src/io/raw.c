/* raw.c: elements without a header: little-endian, C order, of a dtype and row shape that the caller knows. */
#include <string.h>
#include "base/dtype.h"
#include "io/npy_header.h"
#include "io/sink.h"

static bool host_is_big(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 0;
}

hp_status hp_io_raw_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    hp_dtype dtype = options->raw_dtype == HP_DTYPE_NONE ? HP_FLOAT32 : options->raw_dtype;
    hp_io_array_layout layout = {.storage = HP_IO_NUMBERS,
        .dtype = dtype,
        .item_size = hp_dtype_size(dtype),
        .rank = options->raw_rank + 1,
        .swapped = host_is_big() && hp_dtype_size(dtype) > 1};
    HP_FAIL_IF(dtype == HP_STRING || layout.item_size == 0, error, HP_ERROR_ARGUMENT, NULL,
        "raw data hold numbers, not %s", hp_dtype_name(dtype));
    HP_FAIL_IF(options->raw_rank < 0 || options->raw_rank >= HP_MAX_RANK, error, HP_ERROR_ARGUMENT, NULL,
        "raw rows of %d axes are not possible", options->raw_rank);
    layout.dims[0] = -1;
    for (int i = 0; i < options->raw_rank; i++) {
        layout.dims[i + 1] = options->raw_dims[i];
        HP_FAIL_IF(options->raw_dims[i] <= 0, error, HP_ERROR_ARGUMENT, NULL,
            "the shape of a row has to be known to read raw data, and axis %d of it is %lld", i,
            (long long)options->raw_dims[i]);
    }
    hp_io_source *source;
    HP_TRY(hp_io_source_open(place->path, &source, error));
    return hp_io_array_open_reader(place, source, &layout, reader, error);
}

typedef struct raw_writer {
    hp_io_writer base;
    hp_io_sink *sink;
} raw_writer;

static hp_status write_swapped(hp_io_sink *sink, const char *data, size_t count, size_t size, hp_error *error) {
    char block[4096];
    for (size_t done = 0; done < count;) {
        size_t n = sizeof block / size < count - done ? sizeof block / size : count - done;
        for (size_t i = 0; i < n; i++)
            for (size_t b = 0; b < size; b++) block[i * size + b] = data[(done + i) * size + size - 1 - b];
        HP_TRY(hp_io_sink_write(sink, block, n * size, error));
        done += n;
    }
    return HP_OK;
}

static hp_status write_raw(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    (void)ids;
    const hp_io_output *output = &writer->outputs[0];
    hp_io_sink *sink = ((raw_writer *)writer)->sink;
    if (host_is_big()) {
        size_t numbers = hp_dtype_is_complex(output->dtype) ? 2 : 1; /* of an element */
        return write_swapped(sink, data[0], (size_t)rows * hp_io_output_row_elements(output) * numbers,
            hp_dtype_size(output->dtype) / numbers, error);
    }
    return hp_io_sink_write(sink, data[0], (size_t)rows * hp_io_output_row_bytes(output), error);
}

static hp_status finish_raw(hp_io_writer *writer, hp_error *error) {
    return hp_io_sink_commit(((raw_writer *)writer)->sink, error);
}

static void close_raw(hp_io_writer *writer) {
    hp_io_sink_close(((raw_writer *)writer)->sink);
}

static const hp_io_writer_class raw_class = {write_raw, finish_raw, close_raw, NULL, NULL};

hp_status hp_io_raw_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    HP_FAIL_IF(count == 1 && outputs[0].dtype == HP_STRING, error, HP_ERROR_ARGUMENT, NULL,
        "raw data hold numbers, not strings");
    HP_TRY(hp_io_writer_new(sizeof(raw_writer), &raw_class, place, outputs, count, options, 1, false, writer, error));
    hp_status status = hp_io_sink_open(place->path, options, &((raw_writer *)*writer)->sink, error);
    (*writer)->target = ((raw_writer *)*writer)->sink;
    if (status != HP_OK) hp_io_writer_abort(*writer);
    return status;
}
