/* npy_header.h: what stands before the elements of an array: their type, order and shape. Also used for raw data,
 * which has none. */
#ifndef HP_IO_NPY_HEADER_H
#define HP_IO_NPY_HEADER_H

#include "io/format.h"
#include "io/source.h"

typedef struct hp_io_array_layout {
    hp_io_storage storage;
    hp_dtype dtype;
    size_t item_size;
    bool swapped;
    bool fortran;
    int rank;                  /* rows included, at least 1 */
    int64_t dims[HP_MAX_RANK]; /* dims[0] = rows, or -1: as many as there are (raw streams) */
    int64_t offset;            /* of the first element in the source */
} hp_io_array_layout;

/* Reads the header (of format versions 1, 2 and 3) at the start of `source`, which is left at the first element.
 * Errors: HP_ERROR_FORMAT for a damaged header; for a dtype that is no real number, bool or string; for an array
 * without axes or with more than HP_MAX_RANK. HP_ERROR_IO. */
hp_status hp_io_npy_read_header(hp_io_source *source, hp_io_array_layout *layout, hp_error *error);
bool hp_io_npy_is_magic(const unsigned char *bytes, size_t count);

/* Writes a version 1 header of C order for outputs of `rows` rows into `text`, and returns its size, which does not
 * depend on `rows`: so it can be written again when the rows are counted. `string_size`: code points of a 'U'. */
enum { HP_IO_NPY_HEADER_SIZE = 512 };
size_t hp_io_npy_make_header(
    const hp_io_output *output, size_t string_size, int64_t rows, char text[HP_IO_NPY_HEADER_SIZE]);

/* Makes a reader of the array that lies in `source` as `layout` says; takes over `source`, on failure too. */
hp_status hp_io_array_open_reader(const hp_io_place *place, hp_io_source *source, const hp_io_array_layout *layout,
    hp_io_reader **reader, hp_error *error);

/* The same of a .npy file; takes over `source`, on failure too. */
hp_status hp_io_npy_open_source(const hp_io_place *place, hp_io_source *source, hp_io_reader **reader, hp_error *error);

#endif
