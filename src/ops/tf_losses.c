/* tf_losses.c: losses that graphs of Keras 2 hold as results (tensorflow/python/ops/nn_impl.py, keras/backend.py of Keras 2.15):
 * one number for each label, or each list of labels. */
#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    int64_t axis;
    bool from_logits, compute_full_loss;
} config;

#define AXIS HP_INT(config, axis, -1, -HP_MAX_RANK, HP_MAX_RANK)
#define FROM_LOGITS HP_BOOL(config, from_logits, false)

static const double epsilon = 1e-7; /* keras.backend.epsilon() */

static hp_value clipped(hp_builder *b, hp_value x) {
    return hp_op_binary(b, HP_BINARY_MAXIMUM, hp_op_binary(b, HP_BINARY_MINIMUM, x, 1 - epsilon), epsilon);
}

static hp_value one_less(hp_builder *b, hp_value x) {
    return hp_op_subtract(b, hp_op_number(b, 1, x), x);
}

/* log(1 + exp(-|x|)) */
static hp_value log_rest(hp_builder *b, hp_value x) {
    hp_value size = hp_op_unary(b, hp_op_unary(b, x, HP_UNARY_ABSOLUTE), HP_UNARY_NEGATIVE);
    return hp_op_unary(b, hp_op_unary(b, size, HP_UNARY_EXP), HP_UNARY_LOG1P);
}

/* ---- hinges: keras.losses.hinge and squared_hinge. Labels that are all 0 or 1, in the whole batch, are taken as -1 and 1. */

static void hinge(hp_builder *b, hp_call *call, bool squared) {
    hp_value prediction = hp_op_floating(b, hp_op_operand(b, call, 1, "y_pred"));
    hp_value label = hp_emit_cast(b, hp_op_operand(b, call, 0, "y_true"), hp_op_dtype(b, prediction));
    hp_value binary =
        hp_emit_logical(b, HP_OR, hp_op_compare(b, HP_EQUAL, label, 0), hp_op_compare(b, HP_EQUAL, label, 1));
    int axes[HP_MAX_RANK], count = hp_op_axes(b, NULL, hp_builder_shape(b, label)->rank, axes);
    binary = hp_emit_reduce(b, binary, HP_REDUCTION_ALL, axes, count, false);
    label = hp_emit_select(b, binary, hp_emit_unary(b, label, HP_UNARY_AFFINE, 2, -1, 0), label);
    hp_value y = hp_op_binary(b, HP_BINARY_MAXIMUM, one_less(b, hp_op_multiply(b, label, prediction)), 0);
    if (squared) y = hp_op_unary(b, y, HP_UNARY_SQUARE);
    hp_call_output(b, call, hp_op_reduce(b, y, HP_REDUCTION_MEAN, -1, false));
}

HP_TF_OP(Hinge, HP_FIELDS_END) {
    (void)layer;
    hinge(b, call, false);
}

HP_TF_OP(SquaredHinge, HP_FIELDS_END) {
    (void)layer;
    hinge(b, call, true);
}

/* ---- of logits */

static hp_value sigmoid_cross_entropy(hp_builder *b, hp_value labels, hp_value logits) {
    hp_value above =
        hp_op_subtract(b, hp_op_binary(b, HP_BINARY_MAXIMUM, logits, 0), hp_op_multiply(b, logits, labels));
    return hp_op_add(b, above, log_rest(b, logits));
}

static hp_value softmax_cross_entropy(hp_builder *b, hp_value labels, hp_value logits, int64_t axis) {
    int place = hp_builder_axis(b, axis, hp_builder_shape(b, logits)->rank);
    hp_value y = hp_op_multiply(b, labels, hp_emit_softmax(b, logits, place, true));
    return hp_op_unary(b, hp_op_reduce(b, y, HP_REDUCTION_SUM, place, false), HP_UNARY_NEGATIVE);
}

/* Of the logits' last axis; a label outside of it is a fault of its row. */
static hp_value sparse_cross_entropy(hp_builder *b, hp_value labels, hp_value logits) {
    hp_shape shape = *hp_builder_shape(b, logits), of = *hp_builder_shape(b, labels);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape.rank < 1 || of.rank != shape.rank - 1)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "labels of %d axes, logits of %d", of.rank, shape.rank);
    labels = hp_emit_cast(b, labels, HP_INT64);
    hp_value outside = hp_op_number(b, (double)shape.dims[shape.rank - 1], labels); /* no label counts from the end */
    labels = hp_emit_select(b, hp_op_compare(b, HP_LESS, labels, 0), outside, labels);
    hp_value logs = hp_emit_softmax(b, logits, shape.rank - 1, true);
    hp_value own = hp_emit_take_along(b, logs, hp_op_new_axis(b, labels, of.rank), shape.rank - 1);
    return hp_op_unary(b, hp_op_drop_axis(b, own, shape.rank - 1), HP_UNARY_NEGATIVE);
}

HP_TF_OP(SigmoidCrossEntropy, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "labels", "logits", pair);
    hp_call_output(b, call, sigmoid_cross_entropy(b, pair[0], pair[1]));
}

HP_TF_OP(SoftmaxCrossEntropy, AXIS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "labels", "logits", pair);
    hp_call_output(b, call, softmax_cross_entropy(b, pair[0], pair[1], c->axis));
}

HP_TF_OP(SparseSoftmaxCrossEntropy, HP_FIELDS_END) {
    (void)layer;
    hp_value labels = hp_op_operand(b, call, 0, "labels"), logits = hp_op_operand(b, call, 1, "logits");
    hp_call_output(b, call, sparse_cross_entropy(b, labels, logits));
}

/* Positive labels weigh more: (1 - labels) logits + (1 + (pos_weight - 1) labels) softplus(-logits). */
HP_TF_OP(WeightedCrossEntropy, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2], below;
    hp_op_operands(b, call, "labels", "logits", pair);
    hp_value weight = hp_op_value(b, hp_call_arg(call, 2, "pos_weight"), hp_op_dtype(b, pair[0]));
    hp_value more = hp_op_binary(b, HP_BINARY_SUBTRACT, weight, 1);
    weight = hp_op_binary(b, HP_BINARY_ADD, hp_op_multiply(b, more, pair[0]), 1);
    below = hp_op_binary(b, HP_BINARY_MAXIMUM, hp_op_unary(b, pair[1], HP_UNARY_NEGATIVE), 0);
    below = hp_op_multiply(b, weight, hp_op_add(b, log_rest(b, pair[1]), below));
    hp_call_output(b, call, hp_op_add(b, hp_op_multiply(b, one_less(b, pair[0]), pair[1]), below));
}

/* exp(x) - x targets; the full loss with Stirling's approximation of targets above 1. */
HP_TF_OP(LogPoissonLoss, HP_BOOL(config, compute_full_loss, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "targets", "log_input", pair);
    hp_value n = pair[0], y = hp_op_subtract(b, hp_op_unary(b, pair[1], HP_UNARY_EXP), hp_op_multiply(b, pair[1], n));
    if (c->compute_full_loss) {
        hp_value root = hp_op_scale(b, hp_op_unary(b, hp_op_scale(b, n, 6.283185307179586), HP_UNARY_LOG), 0.5);
        hp_value rest = hp_op_subtract(b, hp_op_multiply(b, n, hp_op_unary(b, n, HP_UNARY_LOG)), n);
        hp_value small =
            hp_emit_logical(b, HP_AND, hp_op_compare(b, HP_GREATER_EQUAL, n, 0), hp_op_compare(b, HP_LESS_EQUAL, n, 1));
        y = hp_op_add(b, y, hp_emit_select(b, small, hp_op_number(b, 0, n), hp_op_add(b, rest, root)));
    }
    hp_call_output(b, call, y);
}

/* ---- of probabilities, keras.backend's: where these were made by a sigmoid or softmax, of its logits (_get_logits) */

/* The logits that `output` was made of; `output` itself where it was not. */
static hp_value logits_of(hp_builder *b, hp_value output, bool softmax, bool *from_logits) {
    hp_value logits = hp_builder_logits(b, output, softmax);
    *from_logits |= logits != HP_NO_VALUE;
    return logits != HP_NO_VALUE ? logits : output;
}

HP_TF_OP(BinaryCrossentropyOf, FROM_LOGITS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    bool logits = c->from_logits;
    hp_op_operands(b, call, "target", "output", pair);
    pair[1] = logits_of(b, pair[1], false, &logits);
    if (logits) {
        hp_call_output(b, call, sigmoid_cross_entropy(b, pair[0], pair[1]));
        return;
    }
    hp_value p = clipped(b, pair[1]), no = hp_op_binary(b, HP_BINARY_ADD, one_less(b, p), epsilon);
    hp_value yes = hp_op_unary(b, hp_op_binary(b, HP_BINARY_ADD, p, epsilon), HP_UNARY_LOG);
    yes = hp_op_multiply(b, pair[0], yes);
    no = hp_op_unary(b, no, HP_UNARY_LOG);
    yes = hp_op_add(b, yes, hp_op_multiply(b, one_less(b, pair[0]), no));
    hp_call_output(b, call, hp_op_unary(b, yes, HP_UNARY_NEGATIVE));
}

HP_TF_OP(CategoricalCrossentropyOf, FROM_LOGITS, AXIS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    bool logits = c->from_logits;
    hp_op_operands(b, call, "target", "output", pair);
    pair[1] = logits_of(b, pair[1], true, &logits);
    if (logits) {
        hp_call_output(b, call, softmax_cross_entropy(b, pair[0], pair[1], c->axis));
        return;
    }
    hp_value p = hp_op_divide(b, pair[1], hp_op_reduce(b, pair[1], HP_REDUCTION_SUM, (int)c->axis, true));
    p = hp_op_multiply(b, pair[0], hp_op_unary(b, clipped(b, p), HP_UNARY_LOG));
    p = hp_op_reduce(b, p, HP_REDUCTION_SUM, (int)c->axis, false);
    hp_call_output(b, call, hp_op_unary(b, p, HP_UNARY_NEGATIVE));
}

/* Labels as they are where they have one axis fewer than the output, else all in a row: of one axis more the result has the
 * output's shape again. */
HP_TF_OP(SparseCategoricalCrossentropyOf, FROM_LOGITS, AXIS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value labels = hp_op_operand(b, call, 0, "target"), output = hp_op_operand(b, call, 1, "output");
    bool logits = c->from_logits;
    output = logits_of(b, output, true, &logits);
    hp_shape shape = *hp_builder_shape(b, output), of = *hp_builder_shape(b, labels);
    int axis = hp_builder_axis(b, c->axis, shape.rank);
    if (b->status != HP_OK) return;
    if (!logits) output = hp_op_unary(b, clipped(b, output), HP_UNARY_LOG);
    if (axis != shape.rank - 1) output = hp_move_axis(b, output, axis, shape.rank - 1);
    if (of.rank != shape.rank - 1) {
        shape = *hp_builder_shape(b, output);
        labels = hp_emit_reshape(b, labels, shape.rank - 1, shape.dims);
    }
    hp_call_output(b, call, sparse_cross_entropy(b, labels, output));
}
