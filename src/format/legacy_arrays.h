/* legacy_arrays.h: rearranging the arrays of a store that is not published yet. */
#ifndef HP_FORMAT_LEGACY_ARRAYS_H
#define HP_FORMAT_LEGACY_ARRAYS_H

#include "format/store.h"

/* Each of these gives *weight new bytes (and dims) that the store owns. The element type may be any. */

/* Transposes: axis i of the result is axis order[i]; then turns round the first `flipped` axes of the result. */
hp_status hp_array_transpose(hp_store *store, hp_weight *weight, const int *order, int flipped, hp_error *error);
/* Drops axis `axis`, which has one element. */
void hp_array_squeeze(hp_weight *weight, int axis);
/* Joins `count` arrays along the last axis; *result becomes the first's name and type. Shapes must agree. */
hp_status hp_array_join(hp_store *store, const hp_weight *const *parts, int count, hp_weight *result, hp_error *error);
/* CuDNN's kernel of `gates` blocks [rows, units] -> Keras's: each block is stored column by column (`reshaped`) or
 * transposed. */
hp_status hp_array_from_cudnn(hp_store *store, hp_weight *weight, int gates, bool reshaped, hp_error *error);
/* Adds the second half of a float32 vector to the first. */
hp_status hp_array_add_halves(hp_store *store, hp_weight *weight, hp_error *error);
/* Makes a vector [2n] a matrix [2, n]. */
void hp_array_split_rows(hp_weight *weight);

#endif
