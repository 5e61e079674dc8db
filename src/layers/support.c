/* support.c: see support.h. */
#include "layers/support.h"

#include "base/dtype.h"

const char *const hp_data_formats[] = {"channels_last", "channels_first", NULL};

hp_value hp_as_float(hp_builder *b, hp_value x) {
    return hp_emit_cast(b, x, hp_builder_real(b));
}

hp_value hp_pool_operand(hp_builder *b, hp_value x, hp_pool_mode mode) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    bool integers = mode == HP_POOL_MAX && hp_dtype_is_integer(dtype), wide = integers && hp_dtype_size(dtype) == 4;
    if (integers && hp_dtype_size(dtype) == 8) return x;
    return wide ? hp_emit_cast(b, x, HP_FLOAT64) : hp_as_float(b, x);
}

hp_value hp_pool_result(hp_builder *b, hp_value y, hp_pool_mode mode, hp_dtype dtype) {
    return mode == HP_POOL_MAX && hp_dtype_is_integer(dtype) ? hp_emit_cast(b, y, dtype) : y;
}

bool hp_check_rank(hp_builder *b, hp_value x, int min, int max) {
    int rank = hp_builder_shape(b, x)->rank;
    if (b->status == HP_OK && (rank < min || (max >= 0 && rank > max))) {
        char text[96];
        hp_builder_fail(b, HP_ERROR_SHAPE, "found an input of shape %s, expected %s%d axes",
            hp_shape_text(hp_builder_shape(b, x), text, sizeof text),
            min == max   ? ""
            : rank < min ? "at least "
                         : "at most ",
            rank < min ? min : max);
    }
    return b->status == HP_OK;
}

hp_value hp_move_axis(hp_builder *b, hp_value x, int from, int to) {
    int rank = hp_builder_shape(b, x)->rank, permutation[HP_MAX_RANK], next = 0;
    if (b->status != HP_OK || from == to) return x;
    for (int i = 0; i < rank; i++) {
        if (i == to) {
            permutation[i] = from;
            continue;
        }
        if (next == from) next++;
        permutation[i] = next++;
    }
    return hp_emit_transpose(b, x, permutation);
}

hp_value hp_channels_last(hp_builder *b, hp_value x) {
    int rank = hp_builder_shape(b, x)->rank;
    return rank < 3 ? x : hp_move_axis(b, x, 1, rank - 1);
}

hp_value hp_channels_first(hp_builder *b, hp_value x) {
    int rank = hp_builder_shape(b, x)->rank;
    return rank < 3 ? x : hp_move_axis(b, x, rank - 1, 1);
}

hp_value hp_add_as_bias(hp_builder *b, hp_value x, hp_value y) {
    const hp_shape *to = hp_builder_shape(b, x), *from = hp_builder_shape(b, y);
    if (b->status != HP_OK) return HP_NO_VALUE;
    int64_t dims[HP_MAX_RANK], length = 1;
    int wide = 0, rank = to->rank, broadcast = 0; /* the axis of x that broadcasting takes */
    for (int i = 0; i < from->rank; i++) {
        if (from->dims[i] == 1) continue;
        length = from->dims[i];
        broadcast = rank - from->rank + i;
        wide++;
    }
    int axis = rank > 1 && to->dims[rank - 1] == length ? rank - 1 : 1;
    if (wide == 1 && !from->rows && rank > 1 && to->dims[axis] == length && axis != broadcast) {
        for (int i = 0; i < rank; i++) dims[i] = i == axis ? length : 1;
        y = hp_emit_reshape(b, y, rank - 1, dims + 1);
    }
    return hp_emit_binary(b, HP_BINARY_ADD, x, y);
}

bool hp_ints_spread(const hp_ints *ints, int count, int64_t *values) {
    if (!ints->scalar && ints->count != count) return false;
    for (int i = 0; i < count; i++) values[i] = ints->at[ints->scalar ? 0 : i];
    return true;
}

void hp_same_padding(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t *before, int64_t *after) {
    int64_t extent = (kernel - 1) * dilation + 1, outputs = (size + stride - 1) / stride;
    int64_t total = (outputs - 1) * stride + extent - size;
    if (total < 0) total = 0;
    *before = total / 2;
    *after = total - total / 2;
}

hp_value hp_round_to_integer(hp_builder *b, hp_value x, hp_dtype dtype) {
    static const struct {
        hp_dtype dtype;
        float least, most;
    } narrow[] = {{HP_INT8, -128, 127}, {HP_UINT8, 0, 255}, {HP_INT16, -32768, 32767}, {HP_UINT16, 0, 65535}};
    x = hp_emit_unary(b, x, HP_UNARY_ROUND, 0, 0, 0);
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        if (narrow[i].dtype == dtype) x = hp_emit_unary(b, x, HP_UNARY_CLIP, narrow[i].least, narrow[i].most, 0);
    return hp_emit_cast(b, x, dtype);
}

/* ---- dtypes together */

static int width(hp_dtype dtype) {
    return (int)hp_dtype_size(dtype);
}

static bool is_unsigned(hp_dtype dtype) {
    return dtype >= HP_UINT8 && dtype <= HP_UINT64;
}

hp_dtype hp_promote(hp_dtype a, hp_dtype b) {
    if (a == b) return a;
    if (a == HP_BOOL) return b;
    if (b == HP_BOOL) return a;
    bool float_a = hp_dtype_is_float(a), float_b = hp_dtype_is_float(b);
    if (float_a && float_b) return width(a) == width(b) ? HP_FLOAT32 : width(a) > width(b) ? a : b;
    if (float_a) return a;
    if (float_b) return b;
    if (is_unsigned(a) == is_unsigned(b)) return width(a) > width(b) ? a : b;
    hp_dtype signed_one = is_unsigned(a) ? b : a, unsigned_one = is_unsigned(a) ? a : b;
    if (width(signed_one) > width(unsigned_one)) return signed_one;
    return width(unsigned_one) == 1   ? HP_INT16
           : width(unsigned_one) == 2 ? HP_INT32
           : width(unsigned_one) == 4 ? HP_INT64
                                      : HP_FLOAT32;
}
