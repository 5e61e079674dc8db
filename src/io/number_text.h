/* number_text.h: text to numbers and numbers to text, whatever the locale; private to io/.
 *
 * Parsing is correctly rounded straight into the wanted type; printing gives the shortest digits that read back as
 * the same value. (float16 and bfloat16 are parsed by way of float64, as numpy does.) */
#ifndef HP_IO_NUMBER_TEXT_H
#define HP_IO_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "hornpipe.h"

/* Parse a decimal number that begins at `text`: an optional sign, digits with an optional point, an optional
 * exponent; or inf, infinity, nan in any case. They return the place after it, or NULL where there is no number.
 * The text must end in a byte that cannot be part of a number, and 16 bytes after that must be readable. */
const char *hp_io_parse_float32(const char *text, float *value);
const char *hp_io_parse_float64(const char *text, double *value);
/* The same for an integer that fits; *overflow tells a number that is one but is too large (NULL as well). */
const char *hp_io_parse_int64(const char *text, int64_t *value, bool *overflow);
const char *hp_io_parse_uint64(const char *text, uint64_t *value, bool *overflow);

/* One whole field as a number, with all the rules of csv_text.h (blanks around, missing values, true and false). `text`
 * needs no padding. False: `what` says what is wrong. `dtype` is not HP_STRING. */
enum { HP_IO_NUMBER_MESSAGE = 160 };
bool hp_io_number_from_text(const char *text, size_t size, hp_dtype dtype, void *dst, char what[HP_IO_NUMBER_MESSAGE]);

/* Shortest text; returns its length, at most 25. NaN is "nan", infinities "inf" and "-inf"; no terminator. `text` has
 * HP_IO_NUMBER_TEXT bytes of room, and what is behind the number is overwritten. */
enum { HP_IO_NUMBER_TEXT = 48 };
size_t hp_io_format_float32(float value, char *text);
size_t hp_io_format_float64(double value, char *text);
size_t hp_io_format_int64(int64_t value, char *text);
size_t hp_io_format_uint64(uint64_t value, char *text);

#endif
