/* softmax.c: the layer Softmax, with one axis or several and a mask (keras/src/layers/activations/softmax.py), and
 * PReLU (prelu.py). */
#include <string.h>
#include "layers/support.h"

/* ---- Softmax */

/* What a mask does: masked steps become 0; of Keras 2 from 2.4 on they lose 1e9 before, and of a row that is masked as a
 * whole get what they had; before 2.4 nothing happens to them. */
enum { ZERO, LOWERED, KEPT };

typedef struct softmax {
    hp_ints axis;
    int masked_steps;
} softmax;

static const hp_field softmax_fields[] = {
    HP_INTS(softmax, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_ENUM(softmax, masked_steps, ZERO, HP_NAMES("zero", "lowered", "kept")),
    HP_FIELDS_END,
};

static void check_softmax(hp_layer_scope *scope, hp_layer *layer, void *config) {
    if (((const softmax *)config)->axis.count == 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "axis", "no axis is named");
}

static void as_softmax(const void *config, hp_activation_spec *spec) {
    hp_activation_by_name(spec, "softmax");
    spec->params[0] = ((const softmax *)config)->axis.at[0];
}

/* exp(x - logsumexp(x, axes)): the softmax over these axes laid out as one. */
static hp_value over_axes(hp_builder *b, hp_value x, const hp_ints *axes) {
    hp_shape shape = *hp_builder_shape(b, x);
    bool chosen[HP_MAX_RANK] = {false};
    int permutation[HP_MAX_RANK], inverse[HP_MAX_RANK], place = 0;
    int64_t dims[HP_MAX_RANK], flat[HP_MAX_RANK], merged = 1;
    for (int i = 0; i < axes->count; i++) chosen[hp_builder_axis(b, axes->at[i], shape.rank)] = true;
    if (b->status != HP_OK) return HP_NO_VALUE;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < shape.rank; i++) {
            if (chosen[i] != (last == 1)) continue;
            permutation[place] = i;
            inverse[i] = place;
            dims[place] = shape.dims[i];
            if (last == 0)
                flat[place] = shape.dims[i];
            else
                merged *= shape.dims[i];
            place++;
        }
    int kept = 0;
    for (int i = 0; i < shape.rank; i++) kept += !chosen[i];
    flat[kept] = merged;
    x = hp_emit_reshape(b, hp_emit_transpose(b, x, permutation), kept + 1, flat);
    x = hp_emit_reshape(b, hp_emit_softmax(b, x, -1, false), shape.rank, dims);
    return hp_emit_transpose(b, x, inverse);
}

/* TensorFlow 2.3 says that it is Keras 2.4, and has no masks here: one that does not fit can be no other's. */
static bool fits(hp_builder *b, hp_value x, hp_value mask) {
    const hp_shape *shape = hp_builder_shape(b, x), *other = hp_builder_shape(b, mask);
    hp_shape together;
    return hp_shape_broadcast(shape, other, &together) && hp_shape_equal(shape, &together);
}

static void lower_softmax(hp_builder *b, hp_layer *layer, hp_call *call) {
    const softmax *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), mask = hp_call_tensor(b, call, 1, NULL);
    if (mask == HP_NO_VALUE) mask = hp_call_mask(b, call);
    if (c->masked_steps == KEPT || (c->masked_steps == LOWERED && !fits(b, x, mask))) mask = HP_NO_VALUE;
    if (mask != HP_NO_VALUE && b->status == HP_OK) {
        if (hp_builder_tensor(b, mask)->dtype != HP_BOOL)
            mask = hp_emit_compare(b, HP_GREATER, hp_as_float(b, mask), hp_emit_float(b, 0.5));
        hp_value low = hp_emit_float(b, -1e9);
        if (c->masked_steps == LOWERED) low = hp_emit_binary(b, HP_BINARY_ADD, x, low);
        x = hp_emit_select(b, mask, x, low);
    }
    x = c->axis.count == 1 ? hp_emit_softmax(b, x, (int)c->axis.at[0], false) : over_axes(b, x, &c->axis);
    if (mask != HP_NO_VALUE && c->masked_steps == ZERO) x = hp_emit_select(b, mask, x, hp_emit_float(b, 0));
    hp_call_output(b, call, x);
}

const hp_layer_class hp_layer_Softmax = {
    .class_name = "Softmax",
    .module = "keras.layers",
    .fields = softmax_fields,
    .config_size = sizeof(softmax),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_softmax,
    .lower = lower_softmax,
    .activation = as_softmax,
};

/* ---- PReLU: relu(x) - alpha * relu(-x), alpha per element, or shared along some axes */

typedef struct prelu {
    hp_ints shared_axes;
} prelu;

static const hp_field prelu_fields[] = {
    HP_INTS(prelu, shared_axes, HP_NULL, 1, HP_MAX_RANK - 1),
    HP_IGNORE_WEIGHT("alpha"),
    HP_FIELDS_END,
};

static void lower_prelu(hp_builder *b, hp_layer *layer, hp_call *call) {
    const prelu *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_shape shape = *hp_builder_shape(b, x);
    for (int i = 0; i < c->shared_axes.count; i++) {
        int axis = hp_builder_axis(b, c->shared_axes.at[i], shape.rank);
        if (b->status != HP_OK) return;
        shape.dims[axis] = 1;
    }
    hp_value alpha = hp_layer_weight(b, layer, "alpha", true, shape.rank - 1, shape.dims + 1);
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_PRELU, x, alpha));
}

const hp_layer_class hp_layer_PReLU = {
    .class_name = "PReLU",
    .module = "keras.layers",
    .fields = prelu_fields,
    .config_size = sizeof(prelu),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower_prelu,
};
