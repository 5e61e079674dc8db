/* npy.h: writing the bytes of one .npy array to a sink; for .npy files and members of .npz. */
#ifndef HP_IO_NPY_H
#define HP_IO_NPY_H

#include "io/npy_header.h"
#include "io/sink.h"

typedef struct hp_io_npy_array {
    const hp_io_output *output;
    hp_io_sink *sink;   /* where the array goes; not owned */
    hp_io_sink *spool;  /* strings of unknown size until all are there (size and bytes of each); owned; else NULL */
    size_t string_size; /* code points of an element: fixed, or the most so far */
    size_t header_size;
    void *block; /* for elements that are converted on their way */
} hp_io_npy_array;

/* Begins the array: writes the header for `rows` rows (0 where not known yet), which is there already where `begun`. Elements of strings of unknown size
 * are spooled: then nothing is written before the end. `array` is to be released, after a failure too. */
hp_status hp_io_npy_begin(
    hp_io_npy_array *array, const hp_io_output *output, hp_io_sink *sink, int64_t rows, bool begun, hp_error *error);
hp_status hp_io_npy_append(hp_io_npy_array *array, int64_t rows, const void *data, hp_error *error);
/* Writes what was held back, and the header again, now with the right number of rows, where `rewrite`. */
hp_status hp_io_npy_end(hp_io_npy_array *array, int64_t rows, bool rewrite, hp_error *error);
void hp_io_npy_release(hp_io_npy_array *array);

#endif
