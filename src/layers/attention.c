/* attention.c: Attention and AdditiveAttention (keras/src/layers/attention/{attention,additive_attention}.py).
 *
 * Inputs are a list [query, value] or [query, value, key]; a mask of the value leaves its places out of the softmax,
 * one of the query makes the outputs of its places 0. */
#include "layers/attention.h"

enum { SCORE_DOT, SCORE_CONCAT };

typedef struct attention {
    double dropout;
    bool use_scale, causal;
    int score_mode;
} attention;

static const char *const score_modes[] = {"dot", "concat", NULL};

static const hp_field attention_fields[] = {
    HP_BOOL(attention, use_scale, false),
    HP_ENUM(attention, score_mode, SCORE_DOT, score_modes),
    HP_FLOAT(attention, dropout, 0, 0, 1),
    HP_BOOL(attention, causal, false), /* of Keras 2 */
    HP_IGNORE("seed"),
    HP_FIELDS_END,
};

static const hp_field additive_fields[] = {
    HP_BOOL(attention, use_scale, true),
    HP_FLOAT(attention, dropout, 0, 0, 1),
    HP_BOOL(attention, causal, false), /* of Keras 2 */
    HP_IGNORE("seed"),
    HP_FIELDS_END,
};

/* Masks of query and value: the argument mask, a list, or the inputs' own. */
static void find_masks(hp_builder *b, const hp_call *call, hp_value *query, hp_value *value) {
    const hp_arg *arg = hp_call_arg(call, 1, "mask");
    *query = hp_builder_mask(b, call->inputs[0]);
    *value = hp_builder_mask(b, call->inputs[1]);
    if (!arg) return;
    if (arg->kind != HP_ARG_LIST || arg->item_count < 2) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the argument mask is not a list [query_mask, value_mask]");
        return;
    }
    *query = arg->items[0].kind == HP_ARG_TENSOR ? arg->items[0].tensor : HP_NO_VALUE;
    *value = arg->items[1].kind == HP_ARG_TENSOR ? arg->items[1].tensor : HP_NO_VALUE;
}

/* sum over features of weight * tanh(query + key), for every query and key */
static hp_value sum_of_tanh(hp_builder *b, hp_value query, hp_value key, hp_value inner_scale, hp_value weight) {
    int axis = hp_builder_shape(b, query)->rank;
    hp_value both = hp_emit_binary(b, HP_BINARY_ADD, hp_expand_dims(b, query, -2), hp_expand_dims(b, key, -3));
    if (inner_scale != HP_NO_VALUE) both = hp_emit_binary(b, HP_BINARY_MULTIPLY, inner_scale, both);
    both = hp_emit_unary(b, both, HP_UNARY_TANH, 0, 0, 0);
    if (weight != HP_NO_VALUE) both = hp_emit_binary(b, HP_BINARY_MULTIPLY, weight, both);
    return hp_emit_reduce(b, both, HP_REDUCTION_SUM, &axis, 1, false);
}

static hp_value attention_scores(hp_builder *b, hp_layer *layer, hp_value query, hp_value key) {
    const attention *c = layer->config;
    hp_value scale = c->use_scale ? hp_layer_weight(b, layer, "scale", true, 0, (const int64_t[]){0}) : HP_NO_VALUE;
    if (c->score_mode == SCORE_DOT) {
        hp_value scores = hp_emit_matmul(b, query, key, false, true);
        return scale == HP_NO_VALUE ? scores : hp_emit_binary(b, HP_BINARY_MULTIPLY, scores, scale);
    }
    hp_value weight = hp_layer_weight(b, layer, "concat_score_weight", true, 0, (const int64_t[]){0});
    hp_value sum = sum_of_tanh(b, query, key, scale, HP_NO_VALUE);
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, weight, sum);
}

static hp_value additive_scores(hp_builder *b, hp_layer *layer, hp_value query, hp_value key) {
    const attention *c = layer->config;
    const hp_shape *shape = hp_builder_shape(b, query);
    hp_value scale = HP_NO_VALUE;
    if (c->use_scale) scale = hp_layer_weight(b, layer, "scale", true, HP_DIMS(shape->dims[shape->rank - 1]));
    return sum_of_tanh(b, query, key, HP_NO_VALUE, scale);
}

/* where(mask, scores, scores - 1e9) */
static hp_value masked_scores(hp_builder *b, hp_value scores, hp_value value_mask, bool causal) {
    const hp_shape *shape = hp_builder_shape(b, scores);
    hp_value mask = value_mask;
    if (causal) {
        hp_value before = hp_causal_mask(b, shape->dims[shape->rank - 2], shape->dims[shape->rank - 1]);
        mask = value_mask == HP_NO_VALUE ? before : hp_mask_and(b, hp_expand_dims(b, value_mask, -2), before);
    } else if (mask != HP_NO_VALUE && hp_builder_shape(b, mask)->rank == 2) {
        mask = hp_expand_dims(b, mask, -2);
    }
    if (mask == HP_NO_VALUE) return scores;
    hp_value low = hp_emit_binary(b, HP_BINARY_SUBTRACT, scores, hp_emit_float(b, 1e9));
    return hp_emit_select(b, mask, scores, low);
}

/* All of it as one primitive: the dot product of three axes, weights not asked for. HP_NO_VALUE: it does not fit. */
static hp_value fused(
    hp_builder *b, hp_layer *layer, hp_value query, hp_value key, hp_value value, hp_value mask, bool causal) {
    const attention *c = layer->config;
    const hp_shape *q = hp_builder_shape(b, query), *k = hp_builder_shape(b, key), *v = hp_builder_shape(b, value);
    if (b->status != HP_OK || c->score_mode != SCORE_DOT || q->rank != 3 || k->rank != 3 || v->rank != 3)
        return HP_NO_VALUE;
    if (q->dims[2] != k->dims[2] || !hp_attention_fits(b, query, key, value)) return HP_NO_VALUE;
    hp_attention_params params = {.heads = 1,
        .key_heads = 1,
        .key_size = q->dims[2],
        .value_size = v->dims[2],
        .scale = 1,
        .hidden = HP_HIDDEN_OFFSET,
        .causal = causal};
    if (mask != HP_NO_VALUE) { /* [batch, keys], or with an axis for the queries before them */
        const hp_shape *m = hp_builder_shape(b, mask);
        if (m->rank == 2) mask = hp_expand_dims(b, mask, -2);
        m = hp_builder_shape(b, mask);
        if (b->status != HP_OK || m->rank != 3) return HP_NO_VALUE;
        mask = hp_expand_dims(b, mask, 1);
    }
    if (c->use_scale)
        query = hp_emit_binary(
            b, HP_BINARY_MULTIPLY, query, hp_layer_weight(b, layer, "scale", true, 0, (const int64_t[]){0}));
    return hp_emit_attention(b, query, key, value, mask, &params);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call,
    hp_value (*scores_of)(hp_builder *b, hp_layer *layer, hp_value query, hp_value key)) {
    const attention *c = layer->config;
    hp_value query = hp_as_float(b, call->inputs[0]), value = hp_as_float(b, call->inputs[1]);
    hp_value key = call->input_count > 2 ? hp_as_float(b, call->inputs[2]) : value, query_mask, value_mask;
    if (!hp_check_rank(b, query, 2, -1) || !hp_check_rank(b, value, 2, -1) || !hp_check_rank(b, key, 2, -1)) return;
    hp_call_refuse_training(b, call, c->dropout);
    find_masks(b, call, &query_mask, &value_mask);
    bool causal = hp_call_flag(b, call, "use_causal_mask", false) || c->causal;
    bool asked = hp_call_flag(b, call, "return_attention_scores", false);
    hp_value output = HP_NO_VALUE, weights = HP_NO_VALUE;
    value_mask = hp_mask_bool(b, value_mask);
    if (scores_of == attention_scores && !asked) output = fused(b, layer, query, key, value, value_mask, causal);
    if (output == HP_NO_VALUE) {
        hp_value scores = masked_scores(b, scores_of(b, layer, query, key), value_mask, causal);
        weights = hp_emit_softmax(b, scores, -1, false);
        output = hp_emit_matmul(b, weights, value, false, false);
    }
    if (query_mask != HP_NO_VALUE) {
        hp_value kept = hp_expand_dims(b, hp_mask_bool(b, query_mask), -1);
        output = hp_emit_select(b, kept, output, hp_emit_float(b, 0));
    }
    hp_call_output(b, call, output);
    if (asked) hp_call_output(b, call, weights);
    if (b->status == HP_OK && query_mask != HP_NO_VALUE) hp_builder_set_mask(b, output, query_mask);
}

static void lower_attention(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, attention_scores);
}

static void lower_additive(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, additive_scores);
}

#define ATTENTION(name, table, lower_function)                                                                         \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(attention),                                                                              \
        .masking = HP_MASK_OWN,                                                                                        \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .lower = (lower_function)}

ATTENTION(Attention, attention_fields, lower_attention);
ATTENTION(AdditiveAttention, additive_fields, lower_additive);
