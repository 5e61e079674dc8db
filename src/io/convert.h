/* convert.h: elements of one dtype to another, straight; private to io/. */
#ifndef HP_IO_CONVERT_H
#define HP_IO_CONVERT_H

#include "io/view.h"

/* Converts `count` contiguous native numbers or bools. False: element *bad (the first such) does not fit; those
 * before it are done. Neither dtype may be HP_STRING. */
bool hp_io_convert_numbers(const void *from, hp_dtype from_dtype, size_t count, hp_dtype dtype, void *dst, size_t *bad);
/* One native number as text, for messages. */
void hp_io_describe_number(const void *value, hp_dtype dtype, char *text, size_t size);
/* Sets the error for a value at `element` of `row` of the view; `what` says what is wrong with it. */
hp_status hp_io_fail_value(const hp_io_view *view, int64_t row, int64_t element, const char *what, hp_error *error);

#endif
