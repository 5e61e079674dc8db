/* repeat.c: the primitive `repeat`: each element along an axis several times. See builder.h, hp_emit_repeat. Repeating
 * along the rows' axis keeps rows together, so it does not mix them. */
#include "prims/moves.h"
#include "prims/repeats.h"

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    return hp_repeats_prepare(prepare, false, state, error);
}

const hp_prim hp_prim_repeat = {.name = "repeat",
    .infer = hp_repeats_infer,
    .inputs_within = 1,
    .output_within = true,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};
