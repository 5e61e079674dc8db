/* view.h: rows as they lie in a file or buffer, and their conversion into the model's dtype.
 *
 * A view describes rows in the representation of the file (byte order, Fortran order, fixed-size strings, CSV
 * text). Nothing is converted until hp_io_convert, which goes from there straight to the wanted dtype: no
 * value passes through a third type, so 64-bit ids stay exact. A view owns nothing. Reading one is
 * thread-safe: several workers may convert different rows of one view at the same time (a CSV is parsed
 * there, in parallel). */
#ifndef HP_IO_VIEW_H
#define HP_IO_VIEW_H

#include <stdbool.h>
#include "base/error.h"
#include "base/memory.h"

/* How the elements are stored. */
typedef enum hp_io_storage {
    HP_IO_NUMBERS, /* numbers or bools of `dtype`, or for HP_STRING hp_string structs */
    HP_IO_BYTES,   /* HP_STRING as `item_size` bytes padded with NUL (numpy 'S') */
    HP_IO_UCS4,    /* HP_STRING as item_size/4 code points padded with 0 (numpy 'U') */
    HP_IO_TEXT,    /* rows of separated text; `dtype` is HP_STRING, `text` says where the rows are */
} hp_io_storage;

struct hp_io_text; /* csv_text.h */

/* Rows of an array. Axis 0 is the rows. */
typedef struct hp_io_view {
    const char *name; /* the source, as a user knows it ("rows.npy"), for messages */
    const void *data; /* element [0, 0, ...]; not for HP_IO_TEXT */
    hp_io_storage storage;
    hp_dtype dtype;
    size_t item_size;               /* bytes of one element */
    bool swapped;                   /* stored in the other byte order */
    int rank;                       /* rows included: 1 to HP_MAX_RANK */
    int64_t dims[HP_MAX_RANK];      /* dims[0] = rows */
    ptrdiff_t strides[HP_MAX_RANK]; /* bytes; may be of any order (Fortran) and unaligned */
    int64_t first_row;              /* number in the source of row 0 of this view, from 0; for messages */
    const struct hp_io_text *text;  /* HP_IO_TEXT; else NULL */
    /* Rows of different lengths: the view is one of all their steps, and row i of the input is rows offsets[i] to
     * offsets[i + 1] - 1 of the view. Else NULL. */
    const int64_t *offsets;
} hp_io_view;

/* A view of a C-contiguous, native array in memory: `data` holds rows x dims elements of `dtype`. `dims` are
 * those of one row (`rank` of them, may be 0). For callers of the C interface, who convert with the same
 * function. */
hp_io_view hp_io_view_of(
    const char *name, const void *data, hp_dtype dtype, int64_t rows, int rank, const int64_t *dims);

/* Elements of one row: the product of dims[1..]. (Readers refuse shapes where this overflows.) */
int64_t hp_io_row_elements(const hp_io_view *view);

/* The rows themselves where they can be used as they are, C-contiguous in native byte order and aligned, as
 * `dtype`; NULL where hp_io_convert has to be called. (Bools are always converted: a file may hold bytes
 * other than 0 and 1.) */
const void *hp_io_direct(const hp_io_view *view, hp_dtype dtype);

/* Converts rows [first_row, first_row + rows) of the view (counted within the view) into `dst`, C order,
 * `dtype`.
 *
 *   dtype    what to convert to. Conversions are those of numpy's astype, except that they fail where astype
 * would give nonsense: float -> int truncates, NaN or out-of-range values are errors; int -> smaller int out
 * of range is an error; float64 -> float32 rounds to nearest even, too large gives infinity; -> bool is "not
 * zero". Text -> number: see csv_text.h (missing = NaN for floats). Numbers -> HP_STRING is refused. dst rows
 * * hp_io_row_elements(view) elements. For HP_STRING: hp_string structs, whose bytes are UTF-8 and lie in the
 * view's own memory or in `strings`, so they live as long as both. strings  where made strings go; may be
 * NULL unless dtype is HP_STRING. Not shared between threads.
 *
 * Errors: HP_ERROR_ROW, with error->row the row's number in the source and the column in the message, for a
 * value that does not fit; HP_ERROR_FORMAT, also with error->row, for a row of a text that is malformed;
 * HP_ERROR_SHAPE where the dtypes cannot be converted at all; HP_ERROR_NO_MEMORY. On failure the rows before
 * error->row are done. Thread-safe. */
hp_status hp_io_convert(const hp_io_view *view, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst,
    hp_arena *strings, hp_error *error);

/* Makes what is made once and kept, so that a process forked from one with several threads can convert. */
void hp_io_prepare_fork(void);

/* Whether hp_io_convert knows a way from the view's dtype to `dtype` (values may still fail). */
bool hp_io_convertible(hp_dtype from, hp_dtype to);

#endif
