/* csv_columns.h: which columns of a table are read: header names, --columns, --id-columns; private to io/. */
#ifndef HP_IO_CSV_COLUMNS_H
#define HP_IO_CSV_COLUMNS_H

#include "io/csv_text.h"
#include "io/reader.h"

/* The first rows of a table, which decide on the header. Each is one row of text that ends in '\n'; NULL: none. */
typedef struct hp_io_csv_start {
    const char *first, *second;
    const char *end; /* of the text */
    int64_t line;    /* of the first row, counted from 1 */
} hp_io_csv_start;

/* Finds out whether there is a header, and fills `layout` and the reader's dims, id and column names. Everything made
 * lives in `arena`. Errors: HP_ERROR_ARGUMENT for columns that are not there; HP_ERROR_FORMAT. */
hp_status hp_io_csv_choose_columns(const hp_io_csv_start *start, char delimiter, const hp_io_reader_options *options,
    hp_arena *arena, hp_io_csv_layout *layout, bool *has_header, hp_io_reader *reader, hp_error *error);

/* The part of it that is left where the layout's columns and their names are there already. */
hp_status hp_io_csv_pick_columns(const hp_io_reader_options *options, hp_arena *arena, hp_io_csv_layout *layout,
    hp_io_reader *reader, hp_error *error);

#endif
