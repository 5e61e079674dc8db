/* csv_rows.h: rows of ids and outputs as separated text; private to io/.
 *
 * Floats are written with the fewest digits that read back the same (NaN as "nan"), strings quoted where they have to be. A
 * row's text depends on the row alone, so any thread may make it. */
#ifndef HP_IO_CSV_ROWS_H
#define HP_IO_CSV_ROWS_H

#include "io/writer.h"

/* The most bytes that are written for a row of the writer's ids and outputs, but for what strings hold; and for that. */
size_t hp_io_csv_row_room(const hp_io_writer *writer);
size_t hp_io_csv_strings_room(const hp_io_writer *writer, int64_t row, const void *const *data, const hp_string *ids);

/* How: what stands between fields, and the kernels of this machine. */
typedef struct hp_io_csv_style {
    char delimiter;
    const struct hp_kernels *kernels;
} hp_io_csv_style;

/* Writes rows [first, first + rows) of data[output] and ids (as hp_io_write has them) with their line ends, and returns where
 * the text ends; there is room for both of the above for each row. */
char *hp_io_csv_put_rows(char *to, const hp_io_writer *writer, const hp_io_csv_style *style, int64_t first,
    int64_t rows, const void *const *data, const hp_string *ids);
/* A string, of which every byte may take two, and 2 more. */
char *hp_io_csv_put_string(char *to, const char *text, size_t size, char delimiter);

#endif
