/* short_forms.c: what operations made of several primitives write down often. See op.h. */
#include "base/dtype.h"
#include "ops/op.h"

hp_dtype hp_op_dtype(hp_builder *b, hp_value x) {
    return hp_builder_tensor(b, x)->dtype;
}

hp_value hp_op_floating(hp_builder *b, hp_value x) {
    return hp_dtype_is_float(hp_op_dtype(b, x)) ? x : hp_emit_cast(b, x, HP_FLOAT32);
}

hp_value hp_op_number(hp_builder *b, double value, hp_value like) {
    return hp_emit_cast(b, hp_emit_literal(b, HP_FLOAT64, 0, NULL, &value), hp_op_dtype(b, like));
}

hp_value hp_op_add(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_ADD, x, y);
}

hp_value hp_op_subtract(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_SUBTRACT, x, y);
}

hp_value hp_op_multiply(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, y);
}

hp_value hp_op_divide(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_DIVIDE, x, y);
}

hp_value hp_op_scale(hp_builder *b, hp_value x, double factor) {
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_op_number(b, factor, x));
}

hp_value hp_op_unary(hp_builder *b, hp_value x, hp_unary op) {
    return hp_emit_unary(b, x, op, 0, 0, 0);
}

hp_value hp_op_binary(hp_builder *b, hp_binary op, hp_value x, double y) {
    return hp_emit_binary(b, op, x, hp_op_number(b, y, x));
}

hp_value hp_op_compare(hp_builder *b, hp_compare_op op, hp_value x, double y) {
    return hp_emit_compare(b, op, x, hp_op_number(b, y, x));
}

hp_value hp_op_summable(hp_builder *b, hp_value x) {
    hp_dtype dtype = hp_op_dtype(b, x);
    if (dtype == HP_BOOL || dtype == HP_INT8 || dtype == HP_INT16) return hp_emit_cast(b, x, HP_INT32);
    return dtype == HP_UINT8 || dtype == HP_UINT16 ? hp_emit_cast(b, x, HP_UINT32) : x;
}

hp_value hp_op_range(hp_builder *b, double start, double delta, double count, hp_dtype dtype) {
    enum { MOST = 1 << 24 };
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!(count >= 0 && count <= MOST))
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a range of %g numbers; %d are the most", count, MOST);
    int64_t length = (int64_t)count;
    double *data = hp_alloc_array((size_t)length + 1, sizeof *data);
    if (!data) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < length; i++) data[i] = start + delta * (double)i;
    hp_value y = hp_emit_cast(b, hp_emit_literal(b, HP_FLOAT64, 1, &length, data), dtype);
    hp_free(data);
    return y;
}

hp_value hp_op_is_nan(hp_builder *b, hp_value x) {
    return hp_emit_compare(b, HP_NOT_EQUAL, x, x);
}

hp_value hp_op_part(hp_builder *b, hp_value x, int axis, int64_t begin, int64_t end) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t first[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    axis = hp_builder_axis(b, axis, shape.rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape.rows && axis == 0) return hp_builder_mixes_rows(b, "rows are picked");
    for (int i = 0; i < shape.rank; i++) step[i] = 1;
    first[axis] = begin;
    shape.dims[axis] = end - begin;
    return hp_emit_slice(b, x, first, shape.dims, step);
}

hp_value hp_op_new_axis(hp_builder *b, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[HP_MAX_RANK + 1];
    axis = hp_builder_axis(b, axis, shape.rank + 1);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape.rank == HP_MAX_RANK) return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than %d axes", HP_MAX_RANK);
    if (shape.rows && axis == 0) return hp_builder_mixes_rows(b, "a new axis is put before the rows");
    for (int i = 0; i <= shape.rank; i++) dims[i] = i == axis ? 1 : shape.dims[i < axis ? i : i - 1];
    return hp_emit_reshape(b, x, shape.rank + 1, dims);
}

hp_value hp_op_drop_axis(hp_builder *b, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[HP_MAX_RANK];
    int rank = 0;
    axis = hp_builder_axis(b, axis, shape.rank);
    for (int i = 0; i < shape.rank; i++)
        if (i != axis) dims[rank++] = shape.dims[i];
    return hp_emit_reshape(b, x, rank, dims);
}

hp_value hp_op_reduce(hp_builder *b, hp_value x, hp_reduction op, int axis, bool keepdims) {
    return hp_emit_reduce(b, x, op, &axis, 1, keepdims);
}

hp_dtype hp_op_config_dtype(hp_builder *b, const hp_layer *layer, hp_dtype fallback) {
    const hp_json *given = hp_json_get(hp_json_get(layer->json, "config"), "dtype");
    const char *name = "";
    if (hp_json_is_null(given)) return fallback;
    hp_dtype dtype = hp_layer_parse_dtype(given, &name);
    if (dtype == HP_DTYPE_NONE) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "dtype \"%s\" is not known", name);
    return dtype;
}

int hp_op_integers(hp_builder *b, const hp_json *value, int64_t null, int64_t *list) {
    if (hp_json_is(value, HP_JSON_OBJECT)) { /* a tuple, tagged */
        const hp_json *config = hp_json_get(value, "config"), *items = hp_json_get(config, "items");
        value = items ? items : config;
    }
    int count = 0;
    if (hp_json_is(value, HP_JSON_INT)) {
        list[0] = value->integer;
        return 1;
    }
    if (!hp_json_is(value, HP_JSON_ARRAY) || value->count > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "found %s, expected a list of at most %d integers",
            hp_json_type_name(value), HP_MAX_RANK);
        return 0;
    }
    HP_JSON_EACH (item, value) {
        if (item->type != HP_JSON_INT && !hp_json_is_null(item))
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "found %s among integers", hp_json_type_name(item));
        list[count++] = item->type == HP_JSON_INT ? item->integer : null;
    }
    return count;
}
