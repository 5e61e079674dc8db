/* typed_reduce.h: reductions over every element type, in plain C. See typed.h. */
#ifndef HP_PRIMS_TYPED_REDUCE_H
#define HP_PRIMS_TYPED_REDUCE_H

#include <stddef.h>
#include "hornpipe.h"
#include "prims/params.h"

/* y[o][i] = reduction over r < n of x[o][r][i], o < outer, i < inner, in the order of r. y has x's type; arg
 * reductions write int32. */
typedef void hp_typed_reducer(void *y, const void *x, size_t outer, size_t n, size_t inner);

/* NULL: there is none (a mean of integers, the sum of bools ...). float32 has arg reductions only. */
hp_typed_reducer *hp_typed_reduce(hp_dtype dtype, hp_reduction op);

#endif
