/* quantization.c: see quantization.h. Invariant: after hp_quantization_read without a fault, every number in the struct
 * is in its range. */
#include "layers/quantization.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading */

static const char *const mode_names[] = {
    [HP_QUANTIZED_INT8] = "int8",
    [HP_QUANTIZED_INT4] = "int4",
    [HP_QUANTIZED_FLOAT8] = "float8",
};
enum { MODES = sizeof mode_names / sizeof *mode_names };

/* "int8", "int4/64", "float8", up to "_from_" or the end. False: it is none of these. */
static bool read_mode(const char *text, hp_quantization *q) {
    size_t length = strcspn(text, "/_");
    for (int mode = HP_QUANTIZED_INT8; mode < MODES; mode++)
        if (strlen(mode_names[mode]) == length && strncmp(text, mode_names[mode], length) == 0)
            q->mode = (hp_quantization_mode)mode;
    text += length;
    if (*text == '/') {
        char *end;
        long long size = strtoll(text + 1, &end, 10);
        if (end == text + 1 || size < -1 || (double)size > HP_MAX_DIM) return false;
        q->block_size = size > 0 ? size : 0;
        text = end;
    }
    return q->mode != HP_QUANTIZED_NOT && (!*text || strncmp(text, "_from_", 6) == 0);
}

/* The mode in a dtype policy: "int8_from_float32", {"config": {"mode": "int4/64", ...}} or {"config": {"name": ...}}. */
static bool read_policy(const hp_json *policy, hp_quantization *q) {
    const hp_json *config = hp_json_get(policy, "config"), *length = hp_json_get(config, "amax_history_length");
    const char *mode = hp_json_string(config ? hp_json_get(config, "mode") : NULL);
    if (!mode) mode = hp_json_string(config ? hp_json_get(config, "name") : policy);
    q->amax_history_length = hp_json_is(length, HP_JSON_INT) ? length->integer : 1024;
    if (q->amax_history_length < 1 || q->amax_history_length > 1 << 24) return false;
    if (!mode || (!hp_json_get(config, "mode") && !strstr(mode, "_from_"))) return true; /* a plain policy */
    return read_mode(mode, q);
}

static bool read_number(const hp_json *value, double *number) {
    if (!hp_json_is(value, HP_JSON_INT) && !hp_json_is(value, HP_JSON_DOUBLE)) return false;
    *number = value->number;
    return *number > -1e6 && *number < 1e6;
}

/* An AbsMaxQuantizer of the inputs; null: they stay as they are. */
static bool read_quantizer(const hp_json *object, hp_quantization *q) {
    q->quantizes_inputs = !hp_json_is_null(object);
    if (!q->quantizes_inputs) return true;
    const hp_json *config = hp_json_get(object, "config"), *range = hp_json_get(config, "value_range");
    const hp_json *epsilon = hp_json_get(config, "epsilon");
    const char *class_name = hp_json_string(hp_json_get(object, "class_name"));
    const char *dtype = hp_json_string(hp_json_get(config, "output_dtype"));
    if (!class_name || strcmp(class_name, "AbsMaxQuantizer") != 0 || (dtype && strcmp(dtype, "int8") != 0))
        return false;
    if (range && (!hp_json_is(range, HP_JSON_ARRAY) || range->count != 2)) return false;
    int i = 0;
    HP_JSON_EACH (item, range)
        if (!read_number(item, i++ ? &q->most : &q->least)) return false;
    return (!epsilon || read_number(epsilon, &q->epsilon)) && q->least >= -128 && q->most <= 127 && q->most > 0;
}

void hp_quantization_read(
    hp_layer_scope *scope, const hp_layer *layer, hp_quantization *q, unsigned modes, unsigned inputs_by_default) {
    const hp_json *policy = hp_json_get(hp_json_get(layer->json, "config"), "dtype");
    const hp_json *config = hp_json_get(q->quantization_config, "config");
    char text[120];
    q->least = -127, q->most = 127, q->epsilon = 1e-7;
    if (!read_policy(policy, q) || (q->mode && !(modes & 1U << q->mode)))
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "dtype", "the policy %s is not supported",
            hp_json_describe(policy, text, sizeof text));
    q->quantizes_inputs = (inputs_by_default & 1U << q->mode) != 0;
    if (q->mode != HP_QUANTIZED_INT8 && q->mode != HP_QUANTIZED_INT4) return;
    if (config && !read_quantizer(hp_json_get(config, "activation_quantizer"), q))
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "quantization_config", "the activation quantizer %s",
            hp_json_describe(hp_json_get(config, "activation_quantizer"), text, sizeof text));
    const hp_json *block = hp_json_get(config, "block_size"); /* it goes before the policy's */
    if (q->mode == HP_QUANTIZED_INT4 && hp_json_is(block, HP_JSON_INT)) {
        q->block_size = block->integer > 0 ? block->integer : 0;
        if ((double)q->block_size > HP_MAX_DIM)
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "quantization_config", "block_size is too large");
    } else if (q->mode == HP_QUANTIZED_INT4 && config) {
        q->block_size = 0;
    }
}

/* ---- weights */

/* Slots are written while a network is lowered for the first time, and only read after that. */
void hp_quantization_places(hp_layer *layer, const char *const *names) {
    size_t place = 0;
    for (; *names; names++) {
        hp_weight_slot *slot = hp_layer_weight_slot(layer, *names);
        if (!slot) continue;
        place++;
        if (slot->path_place != place) slot->path_place = place;
    }
}

const char *const hp_quantization_kernel_places[] = {"kernel", "bias", "inputs_scale", "inputs_amax_history",
    "kernel_scale", "kernel_amax_history", "outputs_grad_scale", "outputs_grad_amax_history", "kernel_zero", "g_idx",
    NULL};

/* The two halves of bytes (-128 ... 127, as floats), -8 ... 7 each: the low one first, stacked behind `x`'s axes. */
static hp_value nibbles(hp_builder *b, hp_value x) {
    hp_shape pairs = *hp_builder_shape(b, x);
    pairs.dims[pairs.rank++] = 1;
    /* floor(x / 16) is the high half as it stands in a signed byte, and x minus 16 of it the low one without a sign */
    hp_value high =
        hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_emit_float(b, 0.0625)), HP_UNARY_FLOOR, 0, 0, 0);
    hp_value low =
        hp_emit_binary(b, HP_BINARY_SUBTRACT, x, hp_emit_binary(b, HP_BINARY_MULTIPLY, high, hp_emit_float(b, 16)));
    hp_value wraps = hp_emit_compare(b, HP_GREATER_EQUAL, low, hp_emit_float(b, 8)); /* 8 ... 15: -8 ... -1 */
    low = hp_emit_select(b, wraps, hp_emit_binary(b, HP_BINARY_SUBTRACT, low, hp_emit_float(b, 16)), low);
    hp_value both[] = {
        hp_emit_reshape(b, low, pairs.rank, pairs.dims), hp_emit_reshape(b, high, pairs.rank, pairs.dims)};
    return hp_emit_concat(b, both, 2, pairs.rank - 1);
}

/* The first `size` places along the last axis. */
static hp_value first(hp_builder *b, hp_value x, int64_t size) {
    const hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK], count[HP_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) step[i] = 1, count[i] = shape.dims[i];
    if (shape.rank == 0 || count[shape.rank - 1] == size) return x;
    count[shape.rank - 1] = size;
    return hp_emit_slice(b, x, begin, count, step);
}

hp_value hp_quantization_unpacked(hp_builder *b, hp_layer *layer, const char *name, int64_t rows, int64_t columns) {
    int64_t packed = columns / 2 + columns % 2;
    hp_value x = hp_layer_weight(b, layer, name, false, HP_DIMS(rows, packed));
    return first(b, hp_emit_reshape(b, nibbles(b, x), HP_DIMS(rows, 2 * packed)), columns);
}

hp_value hp_quantization_unpacked_rows(
    hp_builder *b, hp_layer *layer, const char *name, int64_t rows, int64_t columns) {
    int64_t packed = rows / 2 + rows % 2;
    hp_value x = hp_layer_weight(b, layer, name, false, HP_DIMS(packed, columns));
    x = hp_emit_transpose(b, x, (const int[]){1, 0});
    x = first(b, hp_emit_reshape(b, nibbles(b, x), HP_DIMS(columns, 2 * packed)), rows);
    return hp_emit_transpose(b, x, (const int[]){1, 0});
}

hp_value hp_quantization_ungroup(
    hp_builder *b, hp_value values, hp_value scale, hp_value zero, hp_value groups, int axis) {
    groups = hp_emit_cast(b, groups, HP_INT32);
    scale = hp_emit_gather(b, scale, groups, axis);
    zero = hp_emit_gather(b, zero, groups, axis);
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, hp_emit_binary(b, HP_BINARY_SUBTRACT, values, zero), scale);
}

int64_t hp_quantization_groups(const hp_quantization *q, int64_t rows) {
    return q->block_size ? (rows + q->block_size - 1) / q->block_size : 1;
}

/* ---- values */

hp_value hp_quantization_rounded(hp_builder *b, const hp_layer *layer, hp_value value) {
    if (layer->dtype != HP_FLOAT16 && layer->dtype != HP_BFLOAT16) return value;
    return hp_emit_cast(b, hp_emit_cast(b, value, layer->dtype), HP_FLOAT32);
}

hp_value hp_quantization_inputs(hp_builder *b, const hp_layer *layer, const hp_quantization *q, hp_value x,
    const int *axes, int axis_count, hp_value *scale) {
    hp_value most =
        hp_emit_reduce(b, hp_emit_unary(b, x, HP_UNARY_ABSOLUTE, 0, 0, 0), HP_REDUCTION_MAX, axes, axis_count, true);
    most = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_ADD, most, hp_emit_float(b, q->epsilon)));
    *scale = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_float(b, q->most), most));
    x = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, *scale));
    x = hp_emit_unary(b, x, HP_UNARY_ROUND, 0, 0, 0);
    return hp_emit_unary(b, x, HP_UNARY_CLIP, (float)q->least, (float)q->most, 0);
}

hp_float8 hp_quantization_float8(hp_builder *b, hp_layer *layer, const hp_quantization *q) {
    hp_float8 scales;
    scales.inputs_scale = hp_layer_weight(b, layer, "inputs_scale", true, 0, (const int64_t[]){0});
    hp_layer_weight(b, layer, "inputs_amax_history", true, HP_DIMS(q->amax_history_length));
    scales.kernel_scale = hp_layer_weight(b, layer, "kernel_scale", true, 0, (const int64_t[]){0});
    hp_layer_weight(b, layer, "kernel_amax_history", true, HP_DIMS(q->amax_history_length));
    hp_layer_weight(b, layer, "outputs_grad_scale", true, 0, (const int64_t[]){0});
    hp_layer_weight(b, layer, "outputs_grad_amax_history", true, HP_DIMS(q->amax_history_length));
    return scales;
}

hp_value hp_quantization_to_float8(hp_builder *b, const hp_layer *layer, hp_value x, hp_value scale) {
    x = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_DIVIDE, x, scale));
    x = hp_emit_unary(b, x, HP_UNARY_CLIP, -448, 448, 0);
    x = hp_emit_unary(b, x, HP_UNARY_FLOAT8_E4M3, 0, 0, 0);
    return hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, scale));
}

hp_value hp_quantization_float8_bias(hp_builder *b, const hp_layer *layer, hp_value bias) {
    if (bias == HP_NO_VALUE || layer->dtype != HP_FLOAT32) return bias;
    return hp_emit_cast(b, hp_emit_cast(b, bias, HP_BFLOAT16), HP_FLOAT32);
}
