/* custom.h: calls of code that the caller of hornpipe registered (hp_custom_layer).
 *
 * A target is what one call of one layer is: it lives as long as the graph that it stands in, so params may hold a pointer
 * to it. That pointer says nothing in another graph: such a node is never folded into the constants of a model. */
#ifndef HP_PRIMS_CUSTOM_H
#define HP_PRIMS_CUSTOM_H

#include "prims/builder.h"

typedef struct hp_custom_target {
    const hp_custom_layer *code;
    const char *class_name, *name, *config, *arguments; /* as in hp_custom_call */
    const char *const *input_names;                     /* NULL entries: none */
    const char *const *weight_names;
} hp_custom_target;

/* The outputs that the target's shape function gives, at most HP_CUSTOM_MAX_OUTPUTS of them; 0 after a failure. */
int hp_emit_custom(hp_builder *b, const hp_custom_target *target, const hp_value *inputs, int input_count,
    const hp_value *weights, int weight_count, hp_value outputs[HP_CUSTOM_MAX_OUTPUTS]);

#endif
