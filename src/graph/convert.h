/* convert.h: weights of other dtypes as float32 or float64. */
#ifndef HP_GRAPH_CONVERT_H
#define HP_GRAPH_CONVERT_H

#include <stdbool.h>
#include "hornpipe.h"

/* Whether hp_convert_to_real takes this dtype: all but strings. */
bool hp_convertible(hp_dtype dtype);
/* Converts `count` elements to `real`, HP_FLOAT32 or HP_FLOAT64, as NumPy's astype: nearest even where that has fewer
 * digits. `from` is aligned. */
void hp_convert_to_real(hp_dtype dtype, const void *from, size_t count, hp_dtype real, void *to);

#endif
