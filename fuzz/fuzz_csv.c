/* fuzz_csv.c: any bytes as a .csv file; the first byte chooses header, columns, dtype and batch size. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/dtype.h"
#include "io/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(hp_io_reader *reader, int64_t step, hp_dtype dtype) {
    hp_io_batch batch = {0};
    hp_arena strings = {0};
    while (hp_io_read(reader, step, &batch, NULL) == HP_OK && batch.rows > 0) {
        size_t elements = (size_t)hp_io_row_elements(&batch.view) * (size_t)batch.rows;
        void *values = hp_alloc_array(elements, hp_dtype_size(dtype));
        hp_string *ids = hp_alloc_array((size_t)reader->id_count * (size_t)batch.rows, sizeof *ids);
        if (values) hp_io_convert(&batch.view, 0, batch.rows, dtype, values, &strings, NULL);
        if (ids) hp_io_ids(&batch, 0, batch.rows, ids, &strings, NULL);
        hp_free(values);
        hp_free(ids);
    }
    hp_arena_release(&strings);
    hp_io_batch_release(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const hp_dtype dtypes[] = {HP_FLOAT32, HP_FLOAT64, HP_INT64, HP_STRING, HP_BOOL, HP_UINT8, HP_FLOAT16};
    if (size == 0) return 0;
    int fd = memfd_create("fuzz", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1) return 0;
    hp_io_reader *reader;
    hp_io_reader_options options = {.format = data[0] & 1 ? "csv" : "tsv",
        .header = (hp_io_header)(data[0] / 2 % 3),
        .columns = data[0] & 16 ? "1,0" : NULL,
        .id_columns = data[0] & 32 ? "0" : NULL};
    if (hp_io_reader_open(path, &options, &reader, NULL) == HP_OK) {
        read_rows(reader, 1 + data[0] % 3, dtypes[data[0] % 7]);
        if (hp_io_seek(reader, 1, NULL) == HP_OK) read_rows(reader, 100, HP_FLOAT32);
        hp_io_reader_close(reader);
    }
    close(fd);
    return 0;
}
