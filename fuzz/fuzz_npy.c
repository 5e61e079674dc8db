/* fuzz_npy.c: any bytes as a .npy file: an error or an array whose rows can be read and converted. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/dtype.h"
#include "io/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(hp_io_reader *reader, hp_dtype dtype) {
    hp_io_batch batch = {0};
    hp_arena strings = {0};
    if (hp_io_read(reader, 7, &batch, NULL) == HP_OK && batch.rows > 0) {
        size_t elements = (size_t)hp_io_row_elements(&batch.view) * (size_t)batch.rows;
        void *values = elements < 1 << 20 ? hp_alloc_array(elements, hp_dtype_size(dtype)) : NULL;
        if (values) hp_io_convert(&batch.view, 0, batch.rows, dtype, values, &strings, NULL);
        hp_free(values);
    }
    hp_arena_release(&strings);
    hp_io_batch_release(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
    hp_io_reader *reader;
    hp_io_reader_options options = {.format = "npy"};
    if (hp_io_reader_open(path, &options, &reader, NULL) == HP_OK) {
        static const hp_dtype dtypes[] = {HP_FLOAT32, HP_INT8, HP_UINT64, HP_STRING, HP_FLOAT16};
        for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) read_rows(reader, dtypes[i]);
        hp_io_seek(reader, 1, NULL);
        read_rows(reader, HP_FLOAT64);
        hp_io_reader_close(reader);
    }
    close(fd);
    return 0;
}
