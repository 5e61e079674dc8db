/* op.h: keras.ops in a Functional graph: nodes that lower as layers do, without weights.
 *
 * An operation is a hp_layer_class with is_operation set: its config holds the arguments of its Operation class
 * (keras/src/ops), its call the tensors, numbers and arrays of the graph. One line in ops.def registers it:
 * OP(Add, "keras.src.ops.numpy", binary) declares `hp_op_class hp_op_Add` in binary.c. */
#ifndef HP_OPS_OP_H
#define HP_OPS_OP_H

#include "layers/layer.h"
#include "layers/support.h"

typedef hp_layer_class hp_op_class;

/* The class of an operation; NULL when there is none of that name and module. */
const hp_layer_class *hp_op_class_find(const char *class_name, const char *module);

/* What all operations have in common. */
#define HP_OP_(name_, module_, table, struct_name, lower_, lower_complex_, masking_)                                   \
    {                                                                                                                  \
        .class_name = name_, .module = module_, .fields = (table), .config_size = sizeof(struct_name),                 \
        .masking = (masking_), .min_inputs = 0, .max_inputs = -1, .lower = (lower_),                                   \
        .lower_complex = (lower_complex_), .no_autocast = true, .is_operation = true                                   \
    }
#define HP_OP(name, module, table, struct_name, lower)                                                                 \
    HP_OP_(name, module, table, struct_name, lower, NULL, HP_MASK_STOP)
/* What a class has beside that of complex numbers: `lower`, of one, or several, of the call's arguments. */
#define HP_OP_COMPLEX(name, module, table, struct_name, lower, lower_complex)                                          \
    HP_OP_(name, module, table, struct_name, lower, lower_complex, HP_MASK_STOP)
/* One that moves elements or adds them: of complex numbers that of their parts. */
#define HP_OP_LINEAR(name, module, table, struct_name, lower)                                                          \
    HP_OP_COMPLEX(name, module, table, struct_name, lower, hp_op_by_parts)
/* One that in Keras, too, gives back the very tensor that it got where there is nothing to do: with its mask. */
#define HP_OP_SAME(name, module, table, struct_name, lower, lower_complex)                                             \
    HP_OP_(name, module, table, struct_name, lower, lower_complex, HP_MASK_OWN)
#define HP_OP_NUMPY "keras.src.ops.numpy"
#define HP_OP_NN "keras.src.ops.nn"
#define HP_OP_CORE "keras.src.ops.core"
#define HP_OP_MATH "keras.src.ops.math"
#define HP_OP_IMAGE "keras.src.ops.image"
#define HP_OP_TF "keras.src.ops.tf" /* what only TensorFlow has (graphs of Keras 2) */
/* Such an operation, with the fields of the file's `config`; its lower function follows. */
#define HP_TF_OP(name, ...) HP_TF_OP_COMPLEX(name, NULL, __VA_ARGS__)
#define HP_TF_OP_LINEAR(name, ...) HP_TF_OP_COMPLEX(name, hp_op_by_parts, __VA_ARGS__)
#define HP_TF_OP_COMPLEX(name, lower_complex, ...)                                                                     \
    static const hp_field fields_##name[] = {__VA_ARGS__};                                                             \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name =                                                                                   \
        HP_OP_COMPLEX(#name, HP_OP_TF, fields_##name, config, lower_##name, lower_complex);                            \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

/* A config without arguments. */
typedef struct hp_op_none {
    char unused;
} hp_op_none;
extern const hp_field hp_op_no_fields[];

/* The tensor of an argument, or an array or number of the config as a constant: numbers, nested lists, __numpy__.
 * `weak` is the dtype that a plain number of a matching kind takes (HP_DTYPE_NONE: float32, int32, bool).
 * HP_NO_VALUE after a failure, or when the argument is absent (not a failure). */
hp_value hp_op_value(hp_builder *b, const hp_arg *arg, hp_dtype weak);
/* The argument at `position`, or of that keyword, as a value; fails when it is absent. */
hp_value hp_op_operand(hp_builder *b, const hp_call *call, int position, const char *keyword);
/* Two operands of one dtype, as keras.backend.result_type promotes them (plain numbers are weak). */
void hp_op_operands(hp_builder *b, const hp_call *call, const char *first, const char *second, hp_value pair[2]);
/* A constant argument of the call, or NULL; for arguments that must be known when lowering. */
const hp_json *hp_op_constant(const hp_call *call, int position, const char *keyword);

/* ---- short forms for operations that are made of several primitives */
hp_dtype hp_op_dtype(hp_builder *b, hp_value x);
/* x where it is a float, else as float32: what keras's result_type(x.dtype, float) gives. */
hp_value hp_op_floating(hp_builder *b, hp_value x);
/* A number in the dtype of `like`. */
hp_value hp_op_number(hp_builder *b, double value, hp_value like);
hp_value hp_op_add(hp_builder *b, hp_value x, hp_value y);
hp_value hp_op_subtract(hp_builder *b, hp_value x, hp_value y);
hp_value hp_op_multiply(hp_builder *b, hp_value x, hp_value y);
hp_value hp_op_divide(hp_builder *b, hp_value x, hp_value y);
hp_value hp_op_scale(hp_builder *b, hp_value x, double factor); /* factor * x */
hp_value hp_op_unary(hp_builder *b, hp_value x, hp_unary op);
hp_value hp_op_is_nan(hp_builder *b, hp_value x);
/* With a number in x's dtype on the right. */
hp_value hp_op_binary(hp_builder *b, hp_binary op, hp_value x, double y);
hp_value hp_op_compare(hp_builder *b, hp_compare_op op, hp_value x, double y);
/* x where it is wide enough to be summed: small integers as int32 (keras/src/backend/tensorflow/numpy.py sum). */
hp_value hp_op_summable(hp_builder *b, hp_value x);
/* start, start + delta ... as a vector of `count` numbers, a whole number of at most 2^24. */
hp_value hp_op_range(hp_builder *b, double start, double delta, double count, hp_dtype dtype);
/* Elements [begin, end) of an axis, every `step`th. */
hp_value hp_op_part(hp_builder *b, hp_value x, int axis, int64_t begin, int64_t end);
/* x with a new axis of 1. */
hp_value hp_op_new_axis(hp_builder *b, hp_value x, int axis);
/* x without an axis of 1. */
hp_value hp_op_drop_axis(hp_builder *b, hp_value x, int axis);
hp_value hp_op_reduce(hp_builder *b, hp_value x, hp_reduction op, int axis, bool keepdims);
/* What remains of `dtype` of a config: that dtype, or `fallback` where it is null. Fails where it is not known. */
hp_dtype hp_op_config_dtype(hp_builder *b, const hp_layer *layer, hp_dtype fallback);
/* The integers of a config's list, tuple or single integer, null as `null`; at most HP_MAX_RANK. Fails on others. */
int hp_op_integers(hp_builder *b, const hp_json *value, int64_t null, int64_t *list);

/* ---- operations of complex numbers (complex.c): what classes have as lower_complex */
/* The class's own lower, once of the real parts, once of the imaginary ones: no other floats may be among the arguments. */
void hp_op_by_parts(hp_builder *b, hp_layer *layer, hp_call *call);
/* Whether the config's dtype is complex64; and x as that. */
bool hp_op_is_complex(const hp_layer *layer);
hp_value hp_op_as_complex(hp_builder *b, hp_value x);
void hp_op_complex_cast(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_real(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_imaginary(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_conjugate(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_absolute(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_angle(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_square(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_exp(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_add(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_subtract(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_multiply(hp_builder *b, hp_layer *layer, hp_call *call);
void hp_op_complex_divide(hp_builder *b, hp_layer *layer, hp_call *call);

/* ---- parts of operations that others are made of */
/* sqrt(x^2 + y^2), whatever their size (special.c). */
hp_value hp_op_hypot(hp_builder *b, hp_value x, hp_value y);
/* The last axis cut, or zeros behind it (signal.c). */
hp_value hp_op_of_length(hp_builder *b, hp_value x, int64_t length);
/* The real inverse of half a spectrum, of `length` numbers (signal.c). */
hp_value hp_op_inverse_real(hp_builder *b, const hp_value parts[2], int64_t length);
/* [..., frames, length] -> [..., length + stride (frames - 1)], the sum of all frames that reach a place (signal.c). */
hp_value hp_op_overlap_add(hp_builder *b, hp_value frames, int64_t stride);
/* Cut to the range of `to`, then cast (bits.c). `within`: to numbers that lie in it, as tf.saturate_cast; else to those next to
 * its ends, as Keras does. */
hp_value hp_op_saturate(hp_builder *b, hp_value x, hp_dtype to, bool within);
/* tf.gather: the first `batch` axes are those of both, and the axis that is read is behind them (index.c). */
hp_value hp_op_gather(hp_builder *b, hp_value x, hp_value indices, int axis, int batch);
/* x[..., n] on the diagonal k of rows x columns zeros (matrix.c). */
hp_value hp_op_on_diagonal(hp_builder *b, hp_value x, int64_t k, int64_t rows, int64_t columns);
/* tf.image.rgb_to_hsv and back, of [batch, height, width, 3] (image.c). */
hp_value hp_op_rgb_to_hsv(hp_builder *b, hp_value x);
hp_value hp_op_hsv_to_rgb(hp_builder *b, hp_value x);
/* The tensors of the first argument, a list `name` of at most `most`, in one dtype; returns how many, 0: failed. */
int hp_op_list(hp_builder *b, const hp_call *call, const char *name, hp_value *values, int most);

/* ---- settings that may hold tensors (graphs of Keras 2), which must follow from constants and shapes (settings.c) */
/* `given`, a key of the config; where the call has an argument of that name (position -1), what that is, with numbers in the
 * place of tensors. Sizes that are the number of rows mix rows. */
const hp_json *hp_op_setting(hp_builder *b, const hp_call *call, int position, const char *key, const hp_json *given);
/* A list of sizes, or one: at most HP_MAX_RANK; returns how many. sizes[i] is -1 for null and -1; rows[i]: it is so many times
 * the number of rows. */
int hp_op_sizes(
    hp_builder *b, const hp_call *call, const char *key, const hp_json *given, int64_t *sizes, bool rows[HP_MAX_RANK]);
/* The shape of a tensor that is made of such sizes; the number of rows can only be the first. */
bool hp_op_shape(hp_builder *b, const hp_call *call, const char *key, const hp_json *given, hp_shape *shape);

/* Axes of a reduction: null (all), an int or a list. Fills axes (at most HP_MAX_RANK, sorted, without doubles) and
 * returns their number; fails on axes outside the rank. */
int hp_op_axes(hp_builder *b, const hp_json *axis, int rank, int *axes);

#define OP(class_name, module, file) extern const hp_op_class hp_op_##class_name;
#include "ops/ops.def"
#undef OP

#endif
