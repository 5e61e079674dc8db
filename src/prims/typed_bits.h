/* typed_bits.h: bitwise loops of integers; for typed.c alone. */
#ifndef HP_PRIMS_TYPED_BITS_H
#define HP_PRIMS_TYPED_BITS_H

#include "prims/typed.h"

/* NULL: there is none for this dtype. */
hp_typed_function *hp_typed_bits(hp_dtype dtype, hp_logical_op op);

#endif
