/* time_distributed.c: TimeDistributed (keras/src/layers/rnn/time_distributed.py): an inner layer on every step.
 *
 * Time is merged into the rows, a view: the inner layer sees more rows, which it treats each by itself. Keras runs the
 * inner layer's `call` step by step, so masks that it makes itself are lost, and of a mask [batch, time, ...] it gets
 * what belongs to its step. */
#include <string.h>
#include "layers/support.h"

typedef struct time_distributed {
    hp_layer *layer;
} time_distributed;

static const hp_field fields[] = {
    HP_LAYER(time_distributed, layer),
    HP_FIELDS_END,
};

/* [batch, time, ...] as [batch * time, ...] */
static hp_value merge_time(hp_builder *b, hp_value x) {
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (__builtin_mul_overflow(shape.dims[0], shape.dims[1], &shape.dims[1]))
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the input is too large");
    return hp_emit_reshape(b, x, shape.rank - 1, shape.dims + 1);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const time_distributed *c = layer->config;
    hp_value x = call->inputs[0], mask = hp_call_mask(b, call);
    if (!hp_check_rank(b, x, 3, -1)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_value merged = merge_time(b, x);
    /* A view may give a value back that has a mask of its own. */
    hp_builder_set_mask(b, merged, HP_NO_VALUE);
    bool inner_mask = mask != HP_NO_VALUE && (hp_builder_shape(b, mask)->rank > 2 || c->layer->cls->own_code);
    if (inner_mask)
        hp_builder_set_mask(b, merged, merge_time(b, mask)); /* one bool a step says nothing to Keras's own */
    hp_arg arg = {.kind = HP_ARG_TENSOR, .tensor = merged};
    hp_call inner = {.inputs = &merged, .input_count = 1, .args = &arg, .arg_count = 1};
    hp_layer_call_full(b, c->layer, &inner);
    if (b->status != HP_OK) return;
    if (inner.output_count != 1) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer inside has %zu outputs, expected one", inner.output_count);
        return;
    }
    hp_shape made = *hp_builder_shape(b, inner.outputs[0]);
    if (made.rank < 1 || made.rank >= HP_MAX_RANK || made.dims[0] != shape.dims[0] * shape.dims[1]) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer inside does not keep its rows apart");
        return;
    }
    memmove(&made.dims[1], &made.dims[0], (size_t)made.rank * sizeof *made.dims);
    made.dims[0] = shape.dims[0];
    made.dims[1] = shape.dims[1];
    hp_value y = hp_emit_reshape(b, inner.outputs[0], made.rank + 1, made.dims);
    hp_value own_mask = hp_call_previous_mask(b, call);
    hp_call_output(b, call, y);
    if (b->status == HP_OK) hp_builder_set_mask(b, y, own_mask);
}

const hp_layer_class hp_layer_TimeDistributed = {
    .class_name = "TimeDistributed",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(time_distributed),
    .masking = HP_MASK_OWN,
    .arguments = HP_NAMES("training", "mask"),
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower,
    .no_autocast = true,
};
