/* einsum_dense.c: EinsumDense (keras/src/layers/core/einsum_dense.py): activation(einsum(equation, x, kernel) + bias).
 *
 * Invariant: a checked config has an equation of one of Keras's three forms, split into its parts. */
#include "layers/einsum_dense.h"

#include <string.h>
#include "prims/einsum.h"

typedef hp_einsum_dense einsum_dense;
enum { MAX_LETTERS = HP_EINSUM_LETTERS };

static const hp_field fields[] = {
    HP_STRING_FIELD(einsum_dense, equation),
    HP_JSON_OF(einsum_dense, output_shape, "size or list of sizes and nulls"),
    HP_STRING_FIELD(einsum_dense, bias_axes),
    HP_ACTIVATION(einsum_dense, activation),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("bias"),
    HP_LORA_FIELDS(einsum_dense),
    HP_QUANTIZATION_FIELD(einsum_dense),
    HP_FIELDS_END,
};

/* Letters from *text on, moved behind them; false: none, or too many. */
static bool letters(const char **text, char *to) {
    int n = 0;
    while ((**text >= 'a' && **text <= 'z') || (**text >= 'A' && **text <= 'Z')) {
        if (n + 1 >= MAX_LETTERS) return false;
        to[n++] = *(*text)++;
    }
    to[n] = '\0';
    return n > 0;
}

static bool skip(const char **text, const char *token) {
    size_t length = strlen(token);
    if (strncmp(*text, token, length) != 0) return false;
    *text += length;
    return true;
}

/* "ab,bc->ac", "...b,bc->...c" or "ab...,bc->ac..." */
static bool split(einsum_dense *c) {
    const char *at = c->equation;
    c->left_elided = skip(&at, "...");
    if (!letters(&at, c->input)) return false;
    c->right_elided = skip(&at, "...");
    if (c->left_elided && c->right_elided) return false;
    if (!skip(&at, ",") || !letters(&at, c->weight) || !skip(&at, "->")) return false;
    if (skip(&at, "...") != c->left_elided || !letters(&at, c->output)) return false;
    return skip(&at, "...") == c->right_elided && *at == '\0';
}

static bool read_size(const hp_json *value, int64_t *size) {
    *size = -1;
    if (hp_json_is_null(value)) return true;
    if (!hp_json_is(value, HP_JSON_INT) || value->integer < 1 || (double)value->integer > HP_MAX_DIM) return false;
    *size = value->integer;
    return true;
}

static bool read_output_shape(einsum_dense *c) {
    const hp_json *shape = c->output_shape;
    if (hp_json_is(shape, HP_JSON_INT)) {
        c->given_count = 1;
        return read_size(shape, &c->given[0]);
    }
    if (!hp_json_is(shape, HP_JSON_ARRAY) || shape->count >= HP_MAX_RANK) return false;
    HP_JSON_EACH (item, shape)
        if (!read_size(item, &c->given[c->given_count++])) return false;
    return true;
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    einsum_dense *c = config;
    char text[80];
    if (!c->equation || !split(c))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "equation",
            "found %.60s, expected one like \"ab,bc->ac\", \"...b,bc->...c\" or \"ab...,bc->ac...\"",
            c->equation ? c->equation : "nothing");
    if (!read_output_shape(c))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_shape", "found %s, expected sizes of at most %d axes",
            hp_json_describe(c->output_shape, text, sizeof text), HP_MAX_RANK - 1);
    for (const char *axis = c->bias_axes; axis && *axis; axis++)
        if (!strchr(c->output, *axis))
            hp_layer_refuse(
                scope, layer, HP_ERROR_FORMAT, "bias_axes", "the axis \"%c\" is not one of the result's", *axis);
    hp_quantization_read(scope, layer, &c->quantization, ~0U, 1U << HP_QUANTIZED_INT8);
}

/* Sizes of the result's axes: what output_shape says, in the places of the letters after the rows; null or absent ones
 * are found from the input. `elided` axes stand for "...". */
static int64_t output_size(const einsum_dense *c, int letter, int elided) {
    int place = letter + (c->left_elided ? elided : 0); /* in the full result, rows included */
    /* The full shape is rows, [elided input axes but the rows' on the left], output_shape, [elided on the right]. */
    int index = place - 1 - (c->left_elided && elided > 0 ? elided - 1 : 0);
    return index >= 0 && index < c->given_count ? c->given[index] : -1;
}

static int64_t input_size(const einsum_dense *c, const hp_shape *shape, char letter, int elided) {
    const char *at = strchr(c->input, letter);
    return at ? shape->dims[(at - c->input) + (c->left_elided ? elided : 0)] : -1;
}

/* Kernel and bias shapes, as _analyze_split_string. False: reported. */
static bool weight_shapes(hp_builder *b, const einsum_dense *c, const hp_shape *shape, int elided, int64_t *kernel,
    int *bias_rank, int64_t *bias) {
    for (int i = 0; c->weight[i]; i++) {
        const char *at = strchr(c->output, c->weight[i]);
        int64_t size = at ? output_size(c, (int)(at - c->output), elided) : -1;
        kernel[i] = size >= 0 ? size : input_size(c, shape, c->weight[i], elided);
        if (kernel[i] >= 0) continue;
        hp_builder_fail(b, HP_ERROR_SHAPE, "output_shape: the size of the axis \"%c\" is not known", c->weight[i]);
        return false;
    }
    *bias_rank = 0;
    size_t first = c->bias_axes ? strcspn(c->output, c->bias_axes) : strlen(c->output);
    for (const char *at = c->output + first; *at; at++) {
        int64_t size = 1;
        if (strchr(c->bias_axes, *at)) {
            size = output_size(c, (int)(at - c->output), elided);
            if (size < 0) size = input_size(c, shape, *at, elided);
        }
        if (size < 0) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "bias_axes: the size of the axis \"%c\" is not known", *at);
            return false;
        }
        bias[(*bias_rank)++] = size;
    }
    for (int i = 0; c->bias_axes && c->right_elided && i < elided; i++) bias[(*bias_rank)++] = 1;
    return true;
}

/* How many axes at the input's end are summed over, where the equation is a plain projection "xyk,kab->xyab" whose bias
 * has all of the new axes or none; 0: it is not. */
static int projected_axes(const einsum_dense *c) {
    size_t kept = 0, summed, made;
    if (c->right_elided) return 0;
    while (c->input[kept] && c->input[kept] == c->output[kept]) kept++;
    summed = strlen(c->input) - kept;
    made = strlen(c->output) - kept;
    bool plain = summed > 0 && made > 0 && (kept > 0 || c->left_elided) && strlen(c->weight) == summed + made &&
                 strncmp(c->weight, c->input + kept, summed) == 0 &&
                 strcmp(c->weight + summed, c->output + kept) == 0 &&
                 strcspn(c->input, c->output + kept) == strlen(c->input);
    return plain && (!c->bias_axes || strcmp(c->bias_axes, c->output + kept) == 0) ? (int)summed : 0;
}

hp_value hp_einsum_dense_multiply(hp_builder *b, const hp_einsum_dense *c, hp_value x, hp_value kernel) {
    int projected = projected_axes(c);
    return projected ? hp_emit_projection(b, x, kernel, HP_NO_VALUE, projected)
                     : hp_emit_einsum(b, c->equation, (const hp_value[]){x, kernel}, 2);
}

static hp_value multiply_and_add(hp_builder *b, const einsum_dense *c, hp_value x, hp_value kernel, hp_value bias) {
    int projected = projected_axes(c);
    if (projected) return hp_emit_projection(b, x, kernel, bias, projected);
    hp_value y = hp_einsum_dense_multiply(b, c, x, kernel);
    return bias == HP_NO_VALUE ? y : hp_add_as_bias(b, y, bias);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const einsum_dense *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), kernel = HP_NO_VALUE, y;
    hp_shape shape = *hp_builder_shape(b, x), kernel_shape = {.rank = (int)strlen(c->weight)};
    int letters_in = (int)strlen(c->input), elided = shape.rank - letters_in, bias_rank;
    int64_t bias_dims[HP_MAX_RANK + MAX_LETTERS];
    bool may_elide = c->left_elided || c->right_elided, quantised = c->quantization.mode != HP_QUANTIZED_NOT;
    if (b->status != HP_OK || !hp_check_rank(b, x, letters_in, may_elide ? -1 : letters_in)) return;
    if (!weight_shapes(b, c, &shape, elided, kernel_shape.dims, &bias_rank, bias_dims)) return;
    if (quantised)
        y = hp_einsum_dense_quantised(b, layer, x, &kernel_shape);
    else
        kernel = hp_layer_weight(b, layer, "kernel", true, kernel_shape.rank, kernel_shape.dims);
    hp_value bias = c->bias_axes ? hp_layer_weight(b, layer, "bias", true, bias_rank, bias_dims) : HP_NO_VALUE;
    if (quantised) {
        y = hp_einsum_dense_adapted(b, layer, x, &kernel_shape, y);
        if (c->quantization.mode == HP_QUANTIZED_FLOAT8) bias = hp_quantization_float8_bias(b, layer, bias);
        if (bias != HP_NO_VALUE) y = hp_add_as_bias(b, y, bias);
    } else {
        y = multiply_and_add(b, c, x, hp_layer_lora(b, layer, "kernel", kernel, &c->lora), bias);
    }
    hp_call_output(b, call, hp_emit_activation(b, y, &c->activation));
}

const hp_layer_class hp_layer_EinsumDense = {
    .class_name = "EinsumDense",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(einsum_dense),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower,
};
