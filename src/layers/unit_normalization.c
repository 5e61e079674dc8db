/* unit_normalization.c: RMSNormalization and UnitNormalization (keras/src/layers/normalization/). */
#include "layers/support.h"

typedef struct unit_normalization {
    hp_ints axis;
    double epsilon;
} unit_normalization;

static const hp_field rms_fields[] = {
    HP_INTS(unit_normalization, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FLOAT(unit_normalization, epsilon, 1e-6, 0, 1e30),
    HP_FIELDS_END,
};

static const hp_field unit_fields[] = {
    HP_INTS(unit_normalization, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    unit_normalization *c = config;
    if (c->axis.count == 0) hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "axis", "no axis is named");
    for (int i = 1; i < c->axis.count; i++) /* Keras sorts them as they are, negative ones first */
        for (int k = i; k > 0 && c->axis.at[k - 1] > c->axis.at[k]; k--) {
            int64_t swap = c->axis.at[k];
            c->axis.at[k] = c->axis.at[k - 1];
            c->axis.at[k - 1] = swap;
        }
}

/* The axes of the config as places in the input. False: one does not fit, reported. */
static bool find_axes(hp_builder *b, const unit_normalization *c, int rank, int *axes) {
    for (int i = 0; i < c->axis.count; i++) {
        axes[i] = hp_builder_axis(b, c->axis.at[i], rank);
        for (int k = 0; k < i; k++)
            if (axes[k] == axes[i]) hp_builder_fail(b, HP_ERROR_FORMAT, "axis: %d is named twice", axes[i]);
    }
    return b->status == HP_OK;
}

static void lower_rms(hp_builder *b, hp_layer *layer, hp_call *call) {
    const unit_normalization *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    const hp_shape *shape = hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = c->axis.count, rank = shape->rank;
    int64_t dims[HP_MAX_RANK];
    if (b->status != HP_OK || !find_axes(b, c, rank, axes)) return;
    bool last = true; /* the last axes, in order: what the primitive does */
    for (int i = 0; i < count; i++) {
        dims[i] = shape->dims[axes[i]];
        last = last && axes[i] == rank - count + i && axes[i] > 0;
    }
    hp_value scale = hp_layer_weight(b, layer, "scale", true, count, dims);
    if (last) {
        hp_call_output(b, call, hp_emit_normalise(b, x, scale, HP_NO_VALUE, count, c->epsilon, true));
        return;
    }
    hp_value mean =
        hp_emit_reduce(b, hp_emit_unary(b, x, HP_UNARY_SQUARE, 0, 0, 0), HP_REDUCTION_MEAN, axes, count, true);
    mean = hp_emit_binary(b, HP_BINARY_ADD, mean, hp_emit_float(b, c->epsilon));
    x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_emit_unary(b, mean, HP_UNARY_RSQRT, 0, 0, 0));
    /* Keras multiplies by the scale as it stands, whatever its axes: it is broadcast from the right. */
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, scale));
}

/* keras/src/ops/nn.py _normalize, of order 2 */
static void lower_unit(hp_builder *b, hp_layer *layer, hp_call *call) {
    const unit_normalization *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    int axes[HP_MAX_RANK];
    if (!find_axes(b, c, hp_builder_shape(b, x)->rank, axes)) return;
    hp_value square = hp_emit_unary(b, x, HP_UNARY_SQUARE, 0, 0, 0);
    hp_value sum = hp_emit_reduce(b, square, HP_REDUCTION_SUM, axes, c->axis.count, true);
    hp_value inverse = hp_emit_unary(b, sum, HP_UNARY_RSQRT, 0, 0, 0);
    inverse = hp_emit_binary(b, HP_BINARY_MINIMUM, inverse, hp_emit_float(b, 1e12));
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, inverse));
}

#define NORMALIZATION(name, table, policy, lower_function)                                                             \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(unit_normalization),                                                                     \
        .masking = (policy),                                                                                           \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .check = check,                                                                                                \
        .lower = (lower_function)}

NORMALIZATION(RMSNormalization, rms_fields, HP_MASK_STOP, lower_rms);
NORMALIZATION(UnitNormalization, unit_fields, HP_MASK_PASS, lower_unit);
