/* csv_numbers.h: rows of decimal numbers, quickly; private to io/. */
#ifndef HP_IO_CSV_NUMBERS_H
#define HP_IO_CSV_NUMBERS_H

#include "io/csv_text.h"

/* Converts the picked fields of rows [first_row, first_row + rows) to `dtype` (not HP_STRING) at `dst`, up to the first row that
 * is not as most are: with quotes, another number of fields than the layout has columns, or a field that is no such number.
 * Returns how many rows are done. The values are those of hp_io_number_from_text, bit for bit. The row
 * after them has to be done the complete way, which also finds what is wrong with it. Thread-safe. */
int64_t hp_io_quick_rows(const hp_io_text *text, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst);

#endif
