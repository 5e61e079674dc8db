/* reversible_embedding.c: ReversibleEmbedding (keras/src/layers/core/reversible_embedding.py): an Embedding that also
 * projects back, with the same weights or others, when it is called with reverse=True. */
#include "layers/call_options.h"
#include "layers/lora.h"

typedef struct reversible_embedding {
    int64_t input_dim, output_dim;
    bool mask_zero, tie_weights;
    hp_dtype reverse_dtype;
    double logit_soft_cap;
    hp_lora lora;
} reversible_embedding;

static const hp_field fields[] = {
    HP_INT(reversible_embedding, input_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(reversible_embedding, output_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_BOOL(reversible_embedding, mask_zero, false),
    HP_BOOL(reversible_embedding, tie_weights, true),
    HP_DTYPE_FIELD(reversible_embedding, reverse_dtype),
    HP_FLOAT(reversible_embedding, logit_soft_cap, HP_NULL, 1e-30, 1e30),
    HP_LORA_FIELDS(reversible_embedding),
    HP_IGNORE_WEIGHT("embeddings"),
    HP_IGNORE("input_length"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const reversible_embedding *c = config;
    if (c->reverse_dtype != HP_DTYPE_NONE && c->reverse_dtype != HP_FLOAT32)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "reverse_dtype", "only float32 is supported");
}

static hp_value look_up(hp_builder *b, const reversible_embedding *c, hp_value x, hp_value table) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    hp_value indices = dtype == HP_INT32 || dtype == HP_INT64 ? x : hp_emit_cast(b, x, HP_INT32);
    hp_value y = hp_emit_gather(b, table, indices, 0);
    if (c->mask_zero && b->status == HP_OK) {
        hp_shape scalar = {0};
        hp_builder_set_mask(b, y, hp_emit_compare(b, HP_NOT_EQUAL, x, hp_emit_fill(b, dtype, &scalar, 0)));
    }
    return y;
}

static hp_value project_back(
    hp_builder *b, const reversible_embedding *c, hp_value x, hp_value table, hp_value reverse) {
    x = hp_as_float(b, x);
    hp_value logits =
        c->tie_weights ? hp_emit_matmul(b, x, table, false, true) : hp_emit_gemm(b, x, reverse, HP_NO_VALUE);
    if (c->logit_soft_cap != c->logit_soft_cap) return logits; /* NaN: null */
    hp_value cap = hp_emit_float(b, c->logit_soft_cap);
    logits = hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_DIVIDE, logits, cap), HP_UNARY_TANH, 0, 0, 0);
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, logits, cap);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const reversible_embedding *c = layer->config;
    hp_value table = hp_layer_weight(b, layer, "embeddings", true, HP_DIMS(c->input_dim, c->output_dim)), y;
    hp_value reverse = HP_NO_VALUE;
    if (!c->tie_weights)
        reverse = hp_layer_weight(b, layer, "reverse_embeddings", true, HP_DIMS(c->output_dim, c->input_dim));
    table = hp_layer_lora(b, layer, "embeddings", table, &c->lora);
    if (hp_call_flag(b, call, "reverse", false))
        y = project_back(b, c, call->inputs[0], table, reverse);
    else
        y = look_up(b, c, call->inputs[0], table);
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_ReversibleEmbedding = {
    .class_name = "ReversibleEmbedding",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(reversible_embedding),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower,
    .no_autocast = true,
};
