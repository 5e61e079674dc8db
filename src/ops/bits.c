/* bits.c: bitwise functions, shifts, common divisors and other readings of the same bytes (keras/src/ops/numpy.py). */
#include "base/dtype.h"
#include "ops/op.h"

static void lower_bits(hp_builder *b, hp_call *call, const char *first, const char *second, hp_logical_op op) {
    hp_value pair[2];
    hp_op_operands(b, call, first, second, pair);
    hp_call_output(b, call, hp_emit_logical(b, op, pair[0], pair[1]));
}

#define BITS_OP(name, op)                                                                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        lower_bits(b, call, "x", "y", op);                                                                             \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name)

BITS_OP(BitwiseAnd, HP_AND);
BITS_OP(BitwiseOr, HP_OR);
BITS_OP(BitwiseXor, HP_XOR);
BITS_OP(BitwiseLeftShift, HP_SHIFT_LEFT);
BITS_OP(LeftShift, HP_SHIFT_LEFT);
BITS_OP(BitwiseRightShift, HP_SHIFT_RIGHT);
BITS_OP(RightShift, HP_SHIFT_RIGHT);

static void lower_not(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, hp_emit_logical(b, HP_NOT, hp_op_operand(b, call, 0, "x"), HP_NO_VALUE));
}

const hp_op_class hp_op_BitwiseInvert = HP_OP("BitwiseInvert", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_not);
const hp_op_class hp_op_BitwiseNot = HP_OP("BitwiseNot", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_not);

static void lower_gcd(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    lower_bits(b, call, "x1", "x2", HP_GCD);
}

const hp_op_class hp_op_Gcd = HP_OP("Gcd", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_gcd);

/* |x1| (|x2| / gcd), 0 where one is 0. */
static void lower_lcm(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value divisor = hp_emit_logical(b, HP_GCD, pair[0], pair[1]);
    for (int i = 0; i < 2; i++) pair[i] = hp_op_unary(b, pair[i], HP_UNARY_ABSOLUTE);
    hp_value quotient = hp_emit_binary(b, HP_BINARY_FLOOR_DIVIDE, pair[1], divisor); /* 0 by 0 is 0 */
    hp_call_output(b, call, hp_op_multiply(b, pair[0], quotient));
}

const hp_op_class hp_op_Lcm = HP_OP("Lcm", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_lcm);

/* ---- other dtypes */

static void lower_view(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_config_dtype(b, layer, hp_op_dtype(b, x));
    if (b->status == HP_OK) hp_call_output(b, call, hp_emit_bitcast(b, x, dtype));
}

/* tf.bitcast: the parts of an element, or what becomes one, are an axis of their own. */
static void lower_bitcast(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_config_dtype(b, layer, hp_op_dtype(b, x));
    size_t from = hp_dtype_size(hp_op_dtype(b, x)), to = hp_dtype_size(dtype);
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    if (to > from && (shape.rank == 0 || (size_t)shape.dims[shape.rank - 1] * from != to)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "the last axis of %s is not one element of %s",
            hp_dtype_name(hp_op_dtype(b, x)), hp_dtype_name(dtype));
        return;
    }
    if (to < from) x = hp_op_new_axis(b, x, shape.rank);
    x = hp_emit_bitcast(b, x, dtype);
    hp_call_output(b, call, to > from ? hp_op_drop_axis(b, x, -1) : x);
}

/* Of the bytes as they are: half precision is not widened. */
#define BYTES_OP(name, module_, lower_)                                                                                \
    {                                                                                                                  \
        .class_name = name, .module = module_, .fields = hp_op_no_fields, .config_size = sizeof(hp_op_none),           \
        .masking = HP_MASK_STOP, .max_inputs = -1, .lower = lower_, .no_autocast = true, .own_dtype = true,            \
        .is_operation = true                                                                                           \
    }
const hp_op_class hp_op_View = BYTES_OP("View", HP_OP_NUMPY, lower_view);
const hp_op_class hp_op_Bitcast = BYTES_OP("Bitcast", HP_OP_TF, lower_bitcast);

/* Cut to the range of the dtype first (keras/src/backend/common/backend_utils.py saturate_cast). */
hp_value hp_op_saturate(hp_builder *b, hp_value x, hp_dtype to) {
    hp_dtype from = hp_op_dtype(b, x);
    if (to == HP_BOOL && from != HP_BOOL) x = hp_emit_unary(b, hp_emit_cast(b, x, HP_FLOAT64), HP_UNARY_CLIP, 0, 1, 0);
    if (hp_dtype_is_integer(to) && from != HP_BOOL) {
        int width = (int)hp_dtype_size(to) * 8;
        bool is_unsigned = to >= HP_UINT8 && to <= HP_UINT64;
        double low = is_unsigned ? 0 : -(double)(UINT64_C(1) << (width - 1));
        double high = is_unsigned ? (width == 64 ? 18446744073709549568.0 : (double)((UINT64_C(1) << width) - 1))
                                  : (width == 64 ? 9223372036854774784.0 : (double)((UINT64_C(1) << (width - 1)) - 1));
        x = hp_emit_cast(b, x, HP_FLOAT64);
        x = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_op_number(b, low, x));
        x = hp_emit_binary(b, HP_BINARY_MINIMUM, x, hp_op_number(b, high, x));
    }
    return hp_emit_cast(b, x, to);
}

static void lower_saturate_cast(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_saturate(b, x, hp_op_config_dtype(b, layer, HP_FLOAT32)));
}

const hp_op_class hp_op_SaturateCast =
    HP_OP("SaturateCast", HP_OP_CORE, hp_op_no_fields, hp_op_none, lower_saturate_cast);
