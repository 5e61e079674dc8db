/* repeats.h: what `repeat` and `tile` share: an axis that appears several times is one more axis of step 0, inside or
 * outside the repeated one. */
#ifndef HP_PRIMS_REPEATS_H
#define HP_PRIMS_REPEATS_H

#include "prims/prim.h"

/* As hp_prim.infer, with hp_axis_params. */
hp_status hp_repeats_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error);
/* As hp_prim.prepare; the state is an hp_moves. `whole`: the axis as a whole is repeated, not each of its elements. */
hp_status hp_repeats_prepare(const hp_prepare *prepare, bool whole, void **state, hp_error *error);

#endif
