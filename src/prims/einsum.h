/* einsum.h: numpy.einsum as transpositions, views and matrix products. */
#ifndef HP_PRIMS_EINSUM_H
#define HP_PRIMS_EINSUM_H

#include "prims/builder.h"

/* The product of `count` operands (at least one) summed as the equation says: letters, "..." for leading axes that are
 * broadcast, with or without "->"; a letter twice in one operand takes the diagonal. Operands are contracted from left
 * to right; sums go over K in one order, whatever the number of rows. Fails with HP_ERROR_FORMAT on a wrong equation and
 * with HP_ERROR_SHAPE where shapes do not fit it; what would mix rows is reported as such. */
hp_value hp_emit_einsum(hp_builder *b, const char *equation, const hp_value *operands, int count);

/* x[..., bound...] times kernel[bound..., out...] (+ bias[out...], may be HP_NO_VALUE) -> [..., out...], where `bound`
 * counts the axes that are summed over: one gemm, all else is views. */
hp_value hp_emit_projection(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, int bound);

#endif
