/* multi_head_attention.c: MultiHeadAttention and GroupQueryAttention
 * (keras/src/layers/attention/{multi_head_attention,grouped_query_attention}.py).
 *
 * Keras has two ways through: the fused dot_product_attention of the backend, and its own einsums with the Softmax
 * layer. They differ where a query may see no key at all: the first averages all values, the second gives zeros.
 * Keras 2 has the second alone, with a Softmax that averages. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "layers/attention.h"
#include "prims/einsum.h"

typedef struct multi_head {
    int64_t num_heads, key_dim, value_dim, sliding_window;
    int64_t head_dim, num_query_heads, num_key_value_heads; /* GroupQueryAttention's */
    double dropout;
    bool use_bias, use_gate, softmax_robust_masking;
    hp_ints output_shape, attention_axes;
    bool keras2, grouped; /* set by check; the numbers above are then filled for both */
} multi_head;

#define COMMON_FIELDS                                                                                                  \
    HP_FLOAT(multi_head, dropout, 0, 0, 1), HP_BOOL(multi_head, use_bias, true), HP_BOOL(multi_head, use_gate, false), \
        HP_INT(multi_head, sliding_window, HP_NULL, 1, HP_MAX_DIM), HP_IGNORE("seed"), HP_IGNORE("flash_attention"),   \
        HP_IGNORE_WEIGHT("kernel"), HP_IGNORE_WEIGHT("bias")

static const hp_field multi_head_fields[] = {
    HP_INT(multi_head, num_heads, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(multi_head, key_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(multi_head, value_dim, HP_NULL, 1, HP_MAX_DIM),
    HP_INTS(multi_head, output_shape, HP_NULL, 1, HP_MAX_DIM),
    HP_INTS(multi_head, attention_axes, HP_NULL, -HP_MAX_RANK, HP_MAX_RANK),
    COMMON_FIELDS,
    HP_BOOL(multi_head, softmax_robust_masking, false), /* of Keras 2 */
    HP_IGNORE("query_shape"),                           /* Keras 2 writes what it was built with */
    HP_IGNORE("key_shape"),
    HP_IGNORE("value_shape"),
    HP_FIELDS_END,
};

static const hp_field grouped_fields[] = {
    HP_INT(multi_head, head_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(multi_head, num_query_heads, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(multi_head, num_key_value_heads, HP_REQUIRED, 1, HP_MAX_DIM),
    COMMON_FIELDS,
    HP_FIELDS_END,
};

static void check_multi_head(hp_layer_scope *scope, hp_layer *layer, void *config) {
    multi_head *c = config;
    (void)layer;
    c->keras2 = hp_layer_is_old(scope);
    if (c->value_dim == HP_INT_NULL) c->value_dim = c->key_dim;
    c->num_query_heads = c->num_key_value_heads = c->num_heads;
}

static void check_grouped(hp_layer_scope *scope, hp_layer *layer, void *config) {
    multi_head *c = config;
    c->grouped = true;
    c->num_heads = c->num_query_heads;
    c->key_dim = c->value_dim = c->head_dim;
    if (c->num_query_heads % c->num_key_value_heads != 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "num_query_heads", "found %lld, expected a multiple of %lld",
            (long long)c->num_query_heads, (long long)c->num_key_value_heads);
}

/* ---- projections: each an EinsumDense of its own, an attribute of the layer */

/* x's last `bound` axes become `out`: a kernel [bound sizes..., out...] and a bias [out...]. */
static hp_value project(hp_builder *b, hp_layer *layer, const char *kernel_name, const char *bias_name, hp_value x,
    int bound, int out_count, const int64_t *out) {
    const multi_head *c = layer->config;
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[2 * HP_MAX_RANK];
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (bound + out_count > HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "output_shape: more than %d axes", HP_MAX_RANK - bound);
    memcpy(dims, &shape.dims[shape.rank - bound], (size_t)bound * sizeof *dims);
    memcpy(dims + bound, out, (size_t)out_count * sizeof *out);
    hp_value kernel = hp_layer_weight(b, layer, kernel_name, true, bound + out_count, dims), bias = HP_NO_VALUE;
    if (c->use_bias) bias = hp_layer_weight(b, layer, bias_name, true, out_count, out);
    return hp_emit_projection(b, x, kernel, bias, bound);
}

/* An EinsumDense's two weights; format/ gives private attributes (`_query_dense`) their public names. */
#define PROJECT(attribute, ...) project(b, layer, attribute "/kernel", attribute "/bias", __VA_ARGS__)

/* ---- masks */

typedef struct attention_call {
    hp_value query, key, value; /* as given, then projected */
    hp_value mask;              /* [batch or 1, queries, keys] or as attention_mask comes; HP_NO_VALUE: none */
    bool scores, causal;        /* causal: besides the mask */
    bool dot_product;           /* what Keras calls is its backend's dot_product_attention */
} attention_call;

static hp_value mask_of(hp_builder *b, const hp_call *call, const char *name, int position, const hp_value *input) {
    hp_value mask = hp_call_tensor(b, call, position, name);
    if (mask == HP_NO_VALUE && input) mask = hp_builder_mask(b, *input);
    return hp_mask_bool(b, mask);
}

/* _compute_attention_mask but for the causal part; *query_mask: what the output's mask will be. */
static void make_mask(hp_builder *b, const multi_head *c, const hp_call *call, attention_call *a, hp_value raw_value,
    hp_value raw_key, hp_value *query_mask) {
    hp_value none = HP_NO_VALUE, own = hp_builder_mask(b, call->inputs[0]);
    hp_value query = c->grouped ? mask_of(b, call, "query_mask", 3, &call->inputs[0]) : hp_mask_bool(b, own);
    hp_value value = mask_of(b, call, "value_mask", 4, &raw_value);
    hp_value key = mask_of(b, call, "key_mask", 5, raw_key == HP_NO_VALUE ? NULL : &raw_key);
    hp_value given = mask_of(b, call, "attention_mask", 6, NULL), mask = none;
    *query_mask = own;
    if (query != none) mask = hp_expand_dims(b, query, -1);
    if (value != none) mask = hp_mask_and(b, mask, hp_expand_dims(b, value, -2));
    if (key != none) mask = hp_mask_and(b, mask, hp_expand_dims(b, key, -2));
    if (c->sliding_window != HP_INT_NULL)
        mask = hp_mask_and(b, mask,
            hp_window_mask(
                b, hp_builder_shape(b, a->query)->dims[1], hp_builder_shape(b, a->value)->dims[1], c->sliding_window));
    a->mask = hp_mask_and(b, given, mask);
}

/* ---- attention */

/* The mask with axes of 1 before its `2 * axes` last ones, up to the scores' number of axes. */
static hp_value expand_mask(hp_builder *b, hp_value mask, int rank, int axes) {
    while (b->status == HP_OK && hp_builder_shape(b, mask)->rank < rank) mask = hp_expand_dims(b, mask, -2 * axes - 1);
    return mask;
}

/* The heads side by side: [batch, time, heads * size]. */
static hp_value side_by_side(hp_builder *b, hp_value x) {
    hp_shape shape = *hp_builder_shape(b, x);
    return hp_emit_reshape(b, x, HP_DIMS(shape.dims[0], shape.dims[1], shape.dims[2] * shape.dims[3]));
}

/* One primitive for all of it. query [B, T, N, H], key and value [B, S, K, H]. Where Keras goes by its einsums, its softmax
 * gives hidden keys weights of 0. */
static hp_value fused(hp_builder *b, const multi_head *c, const attention_call *a) {
    hp_shape query = *hp_builder_shape(b, a->query), value = *hp_builder_shape(b, a->value);
    hp_value mask = a->mask;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (mask != HP_NO_VALUE) {
        mask = expand_mask(b, mask, 4, 1);
        hp_shape wanted = *hp_builder_shape(b, mask);
        wanted.dims[3] = value.dims[1];
        mask = hp_emit_broadcast(b, mask, &wanted);
    }
    hp_attention_params params = {.heads = c->num_query_heads,
        .key_heads = c->num_key_value_heads,
        .key_size = c->key_dim,
        .value_size = c->value_dim,
        .scale = 1.0F / sqrtf((float)c->key_dim),
        .hidden = a->dot_product ? HP_HIDDEN_LOWEST : HP_HIDDEN_ZERO,
        .causal = a->causal};
    hp_value y = hp_emit_attention(
        b, side_by_side(b, a->query), side_by_side(b, a->key), side_by_side(b, a->value), mask, &params);
    return hp_emit_reshape(b, y, HP_DIMS(query.dims[0], query.dims[1], c->num_query_heads, c->value_dim));
}

/* Whether the mask, with axes of 1 before its own, is one of [batch, heads, queries, keys], each or 1. */
static bool mask_fits(const hp_builder *b, const multi_head *c, const attention_call *a) {
    if (a->mask == HP_NO_VALUE) return true;
    const hp_shape *mask = hp_builder_shape(b, a->mask), *query = hp_builder_shape(b, a->query);
    const int64_t wanted[4] = {
        query->dims[0], c->num_query_heads, query->dims[1], hp_builder_shape(b, a->value)->dims[1]};
    if (mask->rank < 2 || mask->rank > 4 || (mask->rows && (!query->rows || mask->rank < 3))) return false;
    for (int i = 0; i < mask->rank; i++) {
        /* the batch stays first where there are three axes, the heads' is put in */
        int axis = i == 0 && mask->rank == 3 ? 0 : i + 4 - mask->rank;
        if (mask->dims[i] != wanted[axis] && mask->dims[i] != 1) return false;
        if (axis == 0 && mask->dims[i] == 1 && mask->rows && wanted[0] != 1) return false;
    }
    return mask->rows || mask->rank < 3 || mask->dims[0] == 1 || !query->rows;
}

/* Whether that can be: Keras 2 adds to masked scores; other axes may be attended to, weights may be asked for, or one side
 * may be the same for all rows. */
static bool can_be_fused(const hp_builder *b, const multi_head *c, const attention_call *a) {
    bool first_axis = c->attention_axes.count == 0 || (c->attention_axes.count == 1 && c->attention_axes.at[0] == 1);
    if (hp_builder_shape(b, a->query)->rank != 4 || hp_builder_shape(b, a->key)->rank != 4 || a->scores) return false;
    if (!a->dot_product && !first_axis) return false;
    if ((c->keras2 && a->mask != HP_NO_VALUE) || !mask_fits(b, c, a)) return false;
    return hp_attention_fits(b, a->query, a->key, a->value);
}

/* keras/src/backend/tensorflow/nn.py dot_product_attention, where the primitive does not fit */
static hp_value dot_product(hp_builder *b, const multi_head *c, const attention_call *a) {
    const float scale = 1.0F / sqrtf((float)c->key_dim), low = -0.7F * 3.38953e38F;
    hp_value logits = hp_emit_einsum(b, "btnh,bsnh->bnts", (const hp_value[]){a->query, a->key}, 2);
    logits = hp_emit_binary(b, HP_BINARY_MULTIPLY, logits, hp_emit_float(b, scale));
    if (a->mask != HP_NO_VALUE)
        logits = hp_emit_select(b, expand_mask(b, a->mask, 4, 1), logits, hp_emit_float(b, low));
    hp_value weights = hp_emit_softmax(b, logits, -1, false);
    return hp_emit_einsum(b, "bnts,bsnh->btnh", (const hp_value[]){weights, a->value}, 2);
}

/* Softmax over the last `axes` axes of scores, masked as the layer Softmax does: masked places are 0 even where all
 * are masked, but for Keras 2. */
static hp_value masked_softmax(hp_builder *b, const multi_head *c, hp_value scores, hp_value mask, int axes) {
    hp_shape shape = *hp_builder_shape(b, scores), flat = shape;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (mask != HP_NO_VALUE) {
        hp_value low = hp_emit_float(b, -1e9);
        mask = expand_mask(b, mask, shape.rank, axes);
        if (c->keras2 && !c->softmax_robust_masking) low = hp_emit_binary(b, HP_BINARY_ADD, scores, low);
        scores = hp_emit_select(b, mask, scores, low);
    }
    flat.rank = shape.rank - axes + 1;
    flat.dims[flat.rank - 1] = hp_shape_product(&shape, shape.rank - axes, shape.rank);
    hp_value weights = hp_emit_softmax(b, hp_emit_reshape(b, scores, flat.rank, flat.dims), -1, false);
    weights = hp_emit_reshape(b, weights, shape.rank, shape.dims);
    return mask == HP_NO_VALUE || c->keras2 ? weights : hp_emit_select(b, mask, weights, hp_emit_float(b, 0));
}

/* `count` letters from the `first` on. */
static void letters(char *to, int first, int count) {
    for (int i = 0; i < count; i++) to[i] = (char)('a' + first + i);
    to[count] = '\0';
}

/* The equations of _build_attention_equation for projected inputs of `rank` axes. False: reported. */
static bool attention_equations(
    hp_builder *b, const multi_head *c, int rank, char *dot, char *combine, size_t size, int *axes) {
    char target[2 * HP_MAX_RANK + 1], source[2 * HP_MAX_RANK + 1], scores[4 * HP_MAX_RANK + 1];
    int attended[HP_MAX_RANK], n = 0, next = rank, at = 0;
    bool is_attended[HP_MAX_RANK + 1] = {false};
    if (c->attention_axes.count == 0)
        for (int i = 1; i < rank - 2; i++) attended[n++] = i;
    for (int i = 0; i < c->attention_axes.count; i++) {
        int64_t axis = c->attention_axes.at[i];
        attended[n++] = (int)(axis >= 0 ? axis : axis + rank - 1);
    }
    for (int i = 0; i < n; i++) {
        if (attended[i] < 0 || attended[i] >= rank - 1 || is_attended[attended[i]]) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "attention_axes: the axis %lld does not fit inputs of %d axes",
                (long long)c->attention_axes.at[i], rank - 1);
            return false;
        }
        is_attended[attended[i]] = true;
    }
    letters(target, 0, rank);
    letters(source, 0, rank);
    for (int i = 0; i < rank - 1; i++)
        if (is_attended[i]) source[i] = (char)('a' + next++);
    for (int i = 0; i < rank - 1; i++)
        if (!is_attended[i]) scores[at++] = target[i];
    for (int i = 0; i < n; i++) scores[at++] = target[attended[i]];
    for (int i = 0; i < n; i++) scores[at++] = source[attended[i]];
    scores[at] = '\0';
    snprintf(dot, size, "%s,%s->%s", source, target, scores);
    snprintf(combine, size, "%s,%s->%s", scores, source, target);
    *axes = n;
    return true;
}

static hp_value unfused(hp_builder *b, const multi_head *c, attention_call *a, hp_value *weights) {
    char dot[128], combine[128];
    int rank = hp_builder_shape(b, a->value)->rank, axes = 1;
    if (b->status != HP_OK || rank > HP_MAX_RANK) return HP_NO_VALUE;
    if (c->grouped) {
        strcpy(dot, "bkuh,bquh->buqk");
        strcpy(combine, "buqk,bkuh->bquh");
    } else if (!attention_equations(b, c, rank, dot, combine, sizeof dot, &axes)) {
        return HP_NO_VALUE;
    }
    hp_value query = hp_emit_binary(b, HP_BINARY_MULTIPLY, a->query, hp_emit_float(b, 1.0F / sqrtf((float)c->key_dim)));
    hp_value scores = hp_emit_einsum(b, dot, (const hp_value[]){a->key, query}, 2);
    *weights = masked_softmax(b, c, scores, a->mask, axes);
    return hp_emit_einsum(b, combine, (const hp_value[]){*weights, a->value}, 2);
}

/* ---- the layers */

static hp_value output_projection(hp_builder *b, hp_layer *layer, hp_value x, int64_t features) {
    const multi_head *c = layer->config;
    if (c->output_shape.count) return PROJECT("output_dense", x, 2, c->output_shape.count, c->output_shape.at);
    return PROJECT("output_dense", x, 2, 1, &features);
}

/* Projections in the order in which Keras makes them. */
static hp_value project_all(hp_builder *b, hp_layer *layer, attention_call *a) {
    const multi_head *c = layer->config;
    const int64_t query_dims[2] = {c->num_query_heads, c->key_dim}, key_dims[2] = {c->num_key_value_heads, c->key_dim};
    const int64_t value_dims[2] = {c->num_key_value_heads, c->value_dim};
    const int64_t gate_dims[2] = {c->num_query_heads, c->value_dim};
    hp_value gate = HP_NO_VALUE, raw_query = a->query;
    a->query = PROJECT("query_dense", raw_query, 1, 2, query_dims);
    a->key = PROJECT("key_dense", a->key, 1, 2, key_dims);
    if (c->use_gate) {
        gate = PROJECT("_gate_dense", raw_query, 1, 2, gate_dims);
        gate = hp_emit_unary(b, gate, HP_UNARY_SIGMOID, 0, 0, 0);
    }
    a->value = PROJECT("value_dense", a->value, 1, 2, value_dims);
    return gate;
}

/* From the projections to the heads' outputs; *weights where they are asked for. */
static hp_value attend(hp_builder *b, const multi_head *c, attention_call *a, hp_value *weights) {
    int64_t repeats = c->num_query_heads / c->num_key_value_heads;
    if (can_be_fused(b, c, a)) return fused(b, c, a);
    if (repeats > 1) {
        a->key = hp_emit_repeat(b, a->key, 2, repeats);
        a->value = hp_emit_repeat(b, a->value, 2, repeats);
    }
    if (a->causal)
        a->mask = hp_mask_and(b, a->mask,
            hp_causal_mask(b, hp_builder_shape(b, a->query)->dims[1], hp_builder_shape(b, a->value)->dims[1]));
    return a->dot_product ? dot_product(b, c, a) : unfused(b, c, a, weights);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const multi_head *c = layer->config;
    hp_value raw_value = hp_call_tensor(b, call, 1, "value"), raw_key = hp_call_tensor(b, call, 2, "key");
    if (b->status == HP_OK && raw_value == HP_NO_VALUE) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "the call has no argument value");
        return;
    }
    attention_call a = {.query = hp_as_float(b, call->inputs[0]), .value = hp_as_float(b, raw_value)};
    a.key = raw_key == HP_NO_VALUE ? a.value : hp_as_float(b, raw_key);
    a.causal = hp_call_flag(b, call, "use_causal_mask", false);
    a.scores = hp_call_flag(b, call, "return_attention_scores", false);
    hp_call_refuse_training(b, call, c->dropout);
    int most = c->grouped ? 3 : HP_MAX_RANK - 1;
    if (!hp_check_rank(b, a.query, 3, most) || !hp_check_rank(b, a.value, 3, most) || !hp_check_rank(b, a.key, 3, most))
        return;
    const hp_shape *shape = hp_builder_shape(b, a.query);
    int64_t features = shape->dims[shape->rank - 1];
    hp_value query_mask, weights = HP_NO_VALUE, output;
    make_mask(b, c, call, &a, raw_value, raw_key, &query_mask);
    hp_value gate = project_all(b, layer, &a);
    a.dot_product = !c->keras2 && !(c->dropout > 0) && !a.scores && hp_builder_shape(b, a.query)->rank == 4;
    output = attend(b, c, &a, &weights);
    if (gate != HP_NO_VALUE) output = hp_emit_binary(b, HP_BINARY_MULTIPLY, output, gate);
    output = output_projection(b, layer, output, features);
    hp_call_output(b, call, output);
    if (a.scores) hp_call_output(b, call, weights);
    if (b->status != HP_OK) return;
    if (!c->grouped &&
        !c->keras2) { /* set_keras_mask(..., None): other layers that take these tensors see no mask any more */
        hp_builder_set_mask(b, call->inputs[0], HP_NO_VALUE);
        hp_builder_set_mask(b, raw_value, HP_NO_VALUE);
        if (raw_key != HP_NO_VALUE) hp_builder_set_mask(b, raw_key, HP_NO_VALUE);
    }
    if (query_mask != HP_NO_VALUE) hp_builder_set_mask(b, output, query_mask);
}

#define ATTENTION(name, python_name, table, check_function)                                                            \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .saved_name = python_name,                                                                                     \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(multi_head),                                                                             \
        .masking = HP_MASK_OWN,                                                                                        \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .check = (check_function),                                                                                     \
        .lower = lower}

ATTENTION(MultiHeadAttention, NULL, multi_head_fields, check_multi_head);
ATTENTION(GroupQueryAttention, "GroupedQueryAttention", grouped_fields, check_grouped);
ATTENTION(GroupedQueryAttention, NULL, grouped_fields, check_grouped); /* as `.h5` files call it */
