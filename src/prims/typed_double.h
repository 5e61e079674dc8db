/* typed_double.h: the elementwise functions of float64, for typed.c. */
#ifndef HP_PRIMS_TYPED_DOUBLE_H
#define HP_PRIMS_TYPED_DOUBLE_H

#include "prims/typed.h"

hp_typed_function *hp_typed_double_unary(hp_unary op);
hp_typed_function *hp_typed_double_binary(hp_binary op);

#endif
