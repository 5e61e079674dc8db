/* embedding.c: Embedding and Masking (keras/src/layers/core/): the layers that begin masks. */
#include <math.h>
#include "layers/embedding.h"

/* x != value, as bool. */
static hp_value differs(hp_builder *b, hp_value x, double value) {
    hp_shape scalar = {0};
    hp_value other = hp_emit_fill(b, hp_builder_tensor(b, x)->dtype, &scalar, value);
    return hp_emit_compare(b, HP_NOT_EQUAL, x, other);
}

/* ---- Embedding */

typedef hp_embedding embedding;

static const hp_field embedding_fields[] = {
    HP_INT(embedding, input_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(embedding, output_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_BOOL(embedding, mask_zero, false),
    HP_LORA_FIELDS(embedding),
    HP_QUANTIZATION_FIELD(embedding),
    HP_IGNORE_WEIGHT("embeddings"),
    HP_IGNORE("input_length"),
    HP_FIELDS_END,
};

static void check_embedding(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_quantization_read(
        scope, layer, &((embedding *)config)->quantization, 1U << HP_QUANTIZED_INT8 | 1U << HP_QUANTIZED_INT4, 0);
}

hp_value hp_embedding_table(hp_builder *b, hp_layer *layer, const hp_embedding *c) {
    const hp_quantization *q = &c->quantization;
    if (q->mode == HP_QUANTIZED_NOT)
        return hp_layer_variable(b, layer, "embeddings", true, HP_DIMS(c->input_dim, c->output_dim));
    hp_value table = q->mode == HP_QUANTIZED_INT4
                         ? hp_quantization_unpacked(b, layer, "embeddings", c->input_dim, c->output_dim)
                         : hp_layer_weight(b, layer, "embeddings", false, HP_DIMS(c->input_dim, c->output_dim));
    if (q->block_size) {
        int64_t groups = hp_quantization_groups(q, c->output_dim);
        hp_value scale = hp_layer_weight(b, layer, "embeddings_scale", false, HP_DIMS(c->input_dim, groups));
        hp_value zero = hp_layer_weight(b, layer, "embeddings_zero", false, HP_DIMS(c->input_dim, groups));
        hp_value group_of = hp_layer_weight(b, layer, "g_idx", false, HP_DIMS(c->output_dim));
        return hp_quantization_ungroup(b, table, scale, zero, group_of, 1);
    }
    hp_value scale = hp_layer_weight(b, layer, "embeddings_scale", false, HP_DIMS(c->input_dim));
    return hp_emit_binary(b, HP_BINARY_DIVIDE, table, hp_emit_reshape(b, scale, HP_DIMS(c->input_dim, 1)));
}

hp_value hp_embedding_adapted(hp_builder *b, hp_layer *layer, const hp_embedding *c, hp_value table) {
    return hp_layer_lora(b, layer, "embeddings", table, &c->lora);
}

hp_value hp_embedding_look_up(hp_builder *b, const hp_embedding *c, hp_value x, hp_value table) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    hp_value indices = dtype == HP_INT32 || dtype == HP_INT64 ? x : hp_emit_cast(b, x, HP_INT32);
    hp_value y = hp_emit_gather(b, table, indices, 0);
    if (c->mask_zero) hp_builder_set_mask(b, y, differs(b, x, 0));
    return y;
}

static void lower_embedding(hp_builder *b, hp_layer *layer, hp_call *call) {
    const embedding *c = layer->config;
    hp_value table = hp_embedding_adapted(b, layer, c, hp_embedding_table(b, layer, c));
    hp_call_output(b, call, hp_embedding_look_up(b, c, call->inputs[0], table));
}

const hp_layer_class hp_layer_Embedding = {
    .class_name = "Embedding",
    .module = "keras.layers",
    .fields = embedding_fields,
    .config_size = sizeof(embedding),
    .masking = HP_MASK_OWN,
    .padding = HP_PADDING_MARKED,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_embedding,
    .lower = lower_embedding,
    .no_autocast = true,
};

/* ---- Masking: a step whose features all equal mask_value is masked, and set to 0 */

typedef struct masking {
    double mask_value;
} masking;

static const hp_field masking_fields[] = {
    HP_FLOAT(masking, mask_value, 0, -INFINITY, INFINITY),
    HP_FIELDS_END,
};

static void lower_masking(hp_builder *b, hp_layer *layer, hp_call *call) {
    const masking *c = layer->config;
    hp_value x = call->inputs[0];
    if (!hp_check_rank(b, x, 2, -1)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    int last = shape.rank - 1;
    hp_value kept = hp_emit_reduce(b, differs(b, x, c->mask_value), HP_REDUCTION_ANY, &last, 1, true);
    hp_shape scalar = {0};
    hp_value zero = hp_emit_fill(b, hp_builder_tensor(b, x)->dtype, &scalar, 0);
    hp_value y = hp_emit_select(b, kept, x, zero);
    hp_builder_set_mask(b, y, hp_emit_reshape(b, kept, last, shape.dims));
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_Masking = {
    .class_name = "Masking",
    .module = "keras.layers",
    .fields = masking_fields,
    .config_size = sizeof(masking),
    .masking = HP_MASK_OWN,
    .padding = HP_PADDING_MARKED,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower_masking,
};
