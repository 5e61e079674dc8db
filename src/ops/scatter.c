/* scatter.c: tensors updated at computed places (keras/src/ops/core.py): Scatter, ScatterUpdate. An index outside of the
 * tensor is an error, as in TensorFlow on a CPU. */
#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *shape;
    int reduction;
} config;

#define SCATTER_OP(name, ...) SCATTER_OP_OF(name, HP_OP_CORE, __VA_ARGS__)
#define SCATTER_OP_OF(name, module_, ...)                                                                              \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

/* The sums of the values at each place of a tensor of zeros. */
SCATTER_OP(Scatter, HP_JSON_FIELD(config, shape)) {
    const config *c = layer->config;
    hp_value indices = hp_op_operand(b, call, 0, "indices"), values = hp_op_operand(b, call, 1, "values");
    hp_shape shape = {0};
    const hp_json *sizes = hp_op_setting(b, call, -1, "shape", c->shape);
    shape.rank = b->status == HP_OK ? hp_op_integers(b, sizes, -1, shape.dims) : 0;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "shape: a size that is not known");
    if (b->status != HP_OK) return;
    hp_value zeros = hp_emit_fill(b, hp_op_dtype(b, values), &shape, 0);
    hp_call_output(b, call, hp_emit_scatter(b, zeros, indices, values, HP_SCATTER_ADD));
}

SCATTER_OP(ScatterUpdate, HP_ENUM(config, reduction, HP_NULL, HP_NAMES("add", "max", "min", "mul"))) {
    static const hp_scatter ops[] = {HP_SCATTER_ADD, HP_SCATTER_MAX, HP_SCATTER_MIN, HP_SCATTER_MULTIPLY};
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), indices = hp_op_operand(b, call, 1, "indices");
    hp_value updates = hp_emit_cast(b, hp_op_operand(b, call, 2, "updates"), hp_op_dtype(b, x));
    hp_call_output(
        b, call, hp_emit_scatter(b, x, indices, updates, c->reduction < 0 ? HP_SCATTER_REPLACE : ops[c->reduction]));
}

/* tf.tensor_scatter_nd_sub */
SCATTER_OP_OF(ScatterSubtract, HP_OP_TF, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), indices = hp_op_operand(b, call, 1, "indices");
    hp_value updates = hp_emit_cast(b, hp_op_operand(b, call, 2, "updates"), hp_op_dtype(b, x));
    hp_call_output(b, call, hp_emit_scatter(b, x, indices, hp_op_unary(b, updates, HP_UNARY_NEGATIVE), HP_SCATTER_ADD));
}
