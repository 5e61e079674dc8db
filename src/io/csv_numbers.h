/* csv_numbers.h: rows of plain decimal numbers, quickly; private to io/. */
#ifndef HP_IO_CSV_NUMBERS_H
#define HP_IO_CSV_NUMBERS_H

#include "io/csv_text.h"

/* Converts the fields that `picks` name of one row to float32 or float64 at dst[target], if the row is as most are: without
 * quotes, with as many fields as the layout has columns, and numbers of at most 16 characters (optional sign, digits, an
 * optional point). The values are those of hp_io_parse_float32 and hp_io_parse_float64, bit for bit. False: dst is not to
 * be used, and the row has to be done the complete way, which also finds what is wrong with it. */
bool hp_io_quick_row(
    const hp_io_text *text, int64_t row, const hp_io_pick *picks, int64_t pick_count, hp_dtype dtype, void *dst);

#endif
