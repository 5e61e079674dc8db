/* reversible_embedding.c: ReversibleEmbedding (keras/src/layers/core/reversible_embedding.py): an Embedding that also
 * projects back, with the same weights or others, when it is called with reverse=True. */
#include "layers/call_options.h"
#include "layers/embedding.h"

typedef struct reversible_embedding {
    hp_embedding table;
    bool tie_weights;
    hp_dtype reverse_dtype;
    double logit_soft_cap;
} reversible_embedding;

/* A key of a member of `table`. */
#define OF_TABLE(key, ...)                                                                                             \
    { .name = #key, .offset = offsetof(reversible_embedding, table.key), __VA_ARGS__ }

static const hp_field fields[] = {
    OF_TABLE(input_dim, .type = HP_FIELD_INT, .required = true, .min = 1, .max = HP_MAX_DIM),
    OF_TABLE(output_dim, .type = HP_FIELD_INT, .required = true, .min = 1, .max = HP_MAX_DIM),
    OF_TABLE(mask_zero, .type = HP_FIELD_BOOL, .max = 1),
    HP_BOOL(reversible_embedding, tie_weights, true),
    HP_DTYPE_FIELD(reversible_embedding, reverse_dtype),
    HP_FLOAT(reversible_embedding, logit_soft_cap, HP_NULL, 1e-30, 1e30),
    HP_FIELDS_OF_LORA(reversible_embedding, table.lora),
    HP_FIELD_OF_QUANTIZATION(reversible_embedding, table.quantization),
    HP_IGNORE_WEIGHT("embeddings"),
    HP_IGNORE("input_length"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    reversible_embedding *c = config;
    unsigned integers = 1U << HP_QUANTIZED_INT8 | 1U << HP_QUANTIZED_INT4;
    hp_quantization_read(scope, layer, &c->table.quantization, integers, integers);
}

/* The weights of an own way back (tie_weights false), [output_dim, input_dim]; *scale: what its product is divided by,
 * HP_NO_VALUE where that is done already. */
static hp_value reverse_table(hp_builder *b, hp_layer *layer, const reversible_embedding *c, hp_value *scale) {
    const hp_quantization *q = &c->table.quantization;
    int64_t in = c->table.input_dim, out = c->table.output_dim;
    *scale = HP_NO_VALUE;
    if (q->mode == HP_QUANTIZED_NOT) return hp_layer_variable(b, layer, "reverse_embeddings", true, HP_DIMS(out, in));
    hp_value table = q->mode == HP_QUANTIZED_INT4
                         ? hp_quantization_unpacked_rows(b, layer, "reverse_embeddings", out, in)
                         : hp_layer_weight(b, layer, "reverse_embeddings", false, HP_DIMS(out, in));
    if (!q->block_size) {
        *scale = hp_layer_weight(b, layer, "reverse_embeddings_scale", false, HP_DIMS(in));
        return table;
    }
    int64_t groups = hp_quantization_groups(q, out);
    hp_value of_group = hp_layer_weight(b, layer, "reverse_embeddings_scale", false, HP_DIMS(groups, in));
    hp_value zero = hp_layer_weight(b, layer, "reverse_embeddings_zero", false, HP_DIMS(groups, in));
    return hp_quantization_ungroup(
        b, table, of_group, zero, hp_layer_weight(b, layer, "g_idx", false, HP_DIMS(out)), 0);
}

/* The dtype that Keras gives the logits. Nothing is cast to the layer's dtype before (its autocast is off), weights neither. */
static hp_dtype dtype_of_logits(const hp_builder *b, const hp_layer *layer, const reversible_embedding *c, hp_value x) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    const hp_quantization *q = &c->table.quantization;
    if (q->mode == HP_QUANTIZED_NOT)
        return c->reverse_dtype != HP_DTYPE_NONE ? c->reverse_dtype : hp_promote(dtype, layer->variables);
    return q->block_size && !q->quantizes_inputs ? hp_promote(dtype, layer->dtype) : layer->dtype;
}

/* Keras divides the product of integers by the scale; a table that is divided before gives the same but for rounding. */
static hp_value project_back(hp_builder *b, hp_layer *layer, const reversible_embedding *c, hp_value x, hp_value table,
    hp_value reverse, hp_value scale) {
    const hp_quantization *q = &c->table.quantization;
    hp_value inputs_scale = HP_NO_VALUE, kernel = c->tie_weights ? table : reverse;
    hp_dtype dtype = dtype_of_logits(b, layer, c, x), computed = dtype == HP_FLOAT64 ? HP_FLOAT64 : HP_FLOAT32;
    if (q->mode == HP_QUANTIZED_NOT) { /* what is no integer is rounded to the dtype */
        x = hp_emit_cast(b, x, dtype);
        kernel = hp_emit_cast(b, kernel, dtype);
    }
    x = hp_emit_cast(b, x, computed);
    kernel = hp_emit_cast(b, kernel, computed);
    if (q->quantizes_inputs) x = hp_quantization_inputs(b, layer, q, x, (const int[]){-1}, 1, &inputs_scale);
    hp_value logits =
        c->tie_weights ? hp_emit_matmul(b, x, kernel, false, true) : hp_emit_gemm(b, x, kernel, HP_NO_VALUE);
    if (inputs_scale != HP_NO_VALUE && scale != HP_NO_VALUE)
        scale = hp_emit_binary(b, HP_BINARY_MULTIPLY, inputs_scale, scale);
    else if (inputs_scale != HP_NO_VALUE)
        scale = inputs_scale;
    if (scale != HP_NO_VALUE) logits = hp_emit_binary(b, HP_BINARY_DIVIDE, logits, hp_emit_cast(b, scale, computed));
    if (c->logit_soft_cap == c->logit_soft_cap) { /* not NaN: null */
        hp_value cap = hp_emit_fill(b, computed, &(hp_shape){0}, c->logit_soft_cap);
        logits = hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_DIVIDE, logits, cap), HP_UNARY_TANH, 0, 0, 0);
        logits = hp_emit_binary(b, HP_BINARY_MULTIPLY, logits, cap);
    }
    return hp_emit_cast(b, logits, dtype);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const reversible_embedding *c = layer->config;
    hp_value reverse = HP_NO_VALUE, scale = HP_NO_VALUE, y;
    hp_value table = hp_embedding_table(b, layer, &c->table);
    if (!c->tie_weights) reverse = reverse_table(b, layer, c, &scale);
    table = hp_embedding_adapted(b, layer, &c->table, table);
    if (hp_call_flag(b, call, "reverse", false)) {
        y = project_back(b, layer, c, call->inputs[0], table, reverse, scale);
    } else {
        hp_value row = hp_embedding_look_up(b, &c->table, call->inputs[0], table), mask = hp_builder_mask(b, row);
        y = hp_emit_cast(b, row, layer->dtype);
        if (mask != HP_NO_VALUE) hp_builder_set_mask(b, y, mask);
    }
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
    .own_dtype = true,
};
