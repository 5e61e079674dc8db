/* convert.h: weights of other dtypes as float32. */
#ifndef HP_GRAPH_CONVERT_H
#define HP_GRAPH_CONVERT_H

#include <stdbool.h>
#include "hornpipe.h"

/* Whether hp_convert_to_float takes this dtype: all but strings. */
bool hp_convertible(hp_dtype dtype);
/* Converts `count` elements, as NumPy's astype: nearest even where float32 has fewer digits. `from` is aligned. */
void hp_convert_to_float(hp_dtype dtype, const void *from, size_t count, float *to);

#endif
