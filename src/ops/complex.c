/* complex.c: complex numbers, which are pairs of real values while lowering (hp_builder_complex): how they are made, and their
 * arithmetic. Graphs have them between Fourier transforms, or polar coordinates, and what makes real numbers of them.
 *
 * Invariant: what comes out as a real value is a new one, which nobody takes for a complex number. */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

/* The parts of an argument; a plain number has no imaginary part. */
static void parts_of(hp_builder *b, const hp_call *call, int position, const char *name, hp_value parts[2]) {
    hp_value x = hp_op_value(b, hp_call_arg(call, position, name), HP_FLOAT32);
    if (hp_builder_is_complex(b, x, parts) || b->status != HP_OK) return;
    const hp_json *number = hp_op_constant(call, position, name);
    if (hp_json_is(number, HP_JSON_INT) || hp_json_is(number, HP_JSON_DOUBLE)) {
        parts[0] = x;
        parts[1] = hp_op_number(b, 0, x);
    } else {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "%s: real numbers beside complex ones", name);
    }
}

/* Both operands, in one dtype. */
static void operands(hp_builder *b, const hp_call *call, hp_value x[2], hp_value y[2]) {
    parts_of(b, call, 0, "x1", x);
    parts_of(b, call, 1, "x2", y);
    hp_dtype dtype = hp_promote(hp_op_dtype(b, x[0]), hp_op_dtype(b, y[0]));
    for (int i = 0; i < 2 && b->status == HP_OK; i++) {
        x[i] = hp_emit_cast(b, x[i], dtype);
        y[i] = hp_emit_cast(b, y[i], dtype);
    }
}

static void give(hp_builder *b, hp_call *call, hp_value re, hp_value im) {
    hp_call_output(b, call, hp_builder_complex(b, (const hp_value[]){re, im}));
}

/* ---- of real numbers */

static void of_both(hp_builder *b, hp_call *call, const char *first, const char *second, hp_value parts[2]) {
    hp_shape shapes[2], both;
    hp_op_operands(b, call, first, second, parts);
    for (int i = 0; i < 2; i++) {
        parts[i] = hp_op_floating(b, parts[i]);
        shapes[i] = *hp_builder_shape(b, parts[i]);
    }
    if (b->status == HP_OK && !hp_shape_broadcast(&shapes[0], &shapes[1], &both))
        hp_builder_fail(b, HP_ERROR_SHAPE, "%s and %s have shapes that do not broadcast", first, second);
    for (int i = 0; i < 2 && b->status == HP_OK; i++) parts[i] = hp_emit_broadcast(b, parts[i], &both);
}

static void lower_complex(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value parts[2];
    of_both(b, call, "real", "imag", parts);
    give(b, call, parts[0], parts[1]);
}

static void lower_polar(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value parts[2];
    of_both(b, call, "abs_", "angle", parts);
    hp_value re = hp_op_multiply(b, parts[0], hp_op_unary(b, parts[1], HP_UNARY_COS));
    give(b, call, re, hp_op_multiply(b, parts[0], hp_op_unary(b, parts[1], HP_UNARY_SIN)));
}

/* The last axis holds both parts. */
static void lower_view_as_complex(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), parts[2];
    const hp_shape *shape = hp_builder_shape(b, x);
    if (!hp_check_rank(b, x, 1, -1)) return;
    if (shape->dims[shape->rank - 1] != 2) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "the last axis has %lld elements, expected a real and an imaginary part",
            (long long)shape->dims[shape->rank - 1]);
        return;
    }
    for (int i = 0; i < 2; i++) parts[i] = hp_op_drop_axis(b, hp_op_part(b, x, -1, i, i + 1), -1);
    give(b, call, parts[0], parts[1]);
}

static void put_parts(hp_builder *b, hp_call *call, hp_value parts[2]) {
    int rank = hp_builder_shape(b, parts[0])->rank;
    for (int i = 0; i < 2; i++) parts[i] = hp_op_new_axis(b, parts[i], rank);
    hp_call_output(b, call, hp_emit_concat(b, parts, 2, rank));
}

static hp_value zeros_like(hp_builder *b, hp_value x) {
    hp_tensor tensor = *hp_builder_tensor(b, x);
    return hp_emit_fill(b, tensor.dtype, &tensor.shape, 0);
}

static void lower_view_as_real(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    put_parts(b, call, (hp_value[]){x, zeros_like(b, x)});
}

static void complex_view_as_real(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    put_parts(b, call, x);
}

const hp_op_class hp_op_Complex = HP_OP("Complex", HP_OP_TF, hp_op_no_fields, hp_op_none, lower_complex);
const hp_op_class hp_op_Polar = HP_OP("Polar", HP_OP_NN, hp_op_no_fields, hp_op_none, lower_polar);
const hp_op_class hp_op_ViewAsComplex =
    HP_OP("ViewAsComplex", HP_OP_MATH, hp_op_no_fields, hp_op_none, lower_view_as_complex);
const hp_op_class hp_op_ViewAsReal =
    HP_OP_COMPLEX("ViewAsReal", HP_OP_MATH, hp_op_no_fields, hp_op_none, lower_view_as_real, complex_view_as_real);

bool hp_op_is_complex(const hp_layer *layer) {
    const char *dtype = hp_json_string(hp_json_get(hp_json_get(layer->json, "config"), "dtype"));
    return dtype && strcmp(dtype, "complex64") == 0;
}

hp_value hp_op_as_complex(hp_builder *b, hp_value x) {
    x = hp_emit_cast(b, x, HP_FLOAT32);
    return hp_builder_complex(b, (const hp_value[]){x, zeros_like(b, x)});
}

/* ---- the same of both parts */

static hp_arg part_of(hp_builder *b, const hp_arg *given, int part, bool in_list) {
    hp_arg arg = *given;
    hp_value parts[2];
    bool number = arg.kind == HP_ARG_CONSTANT && !hp_json_is_null(arg.constant);
    if (arg.kind == HP_ARG_TENSOR && hp_builder_is_complex(b, arg.tensor, parts)) {
        arg.tensor = parts[part];
    } else if (arg.kind == HP_ARG_LIST) {
        arg.items = hp_arena_alloc(&b->graph->arena, (arg.item_count + 1) * sizeof *arg.items);
        if (!arg.items) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        for (size_t i = 0; b->status == HP_OK && i < arg.item_count; i++)
            arg.items[i] = part_of(b, &given->items[i], part, true);
    } else if (arg.kind == HP_ARG_TENSOR ? hp_dtype_is_float(hp_op_dtype(b, arg.tensor))
                                         : number && (in_list || arg.constant->type == HP_JSON_DOUBLE)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "real numbers beside complex ones");
    }
    return arg;
}

void hp_op_by_parts(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_call halves[2] = {*call, *call};
    for (int part = 0; part < 2; part++) {
        hp_arg *args = hp_arena_alloc(&b->graph->arena, (call->arg_count + 1) * sizeof *args);
        if (!args) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        for (size_t i = 0; b->status == HP_OK && i < call->arg_count; i++)
            args[i] = part_of(b, &call->args[i], part, false);
        halves[part].args = args;
        if (b->status == HP_OK) layer->cls->lower(b, layer, &halves[part]);
    }
    for (size_t i = 0; b->status == HP_OK && i < halves[0].output_count; i++)
        give(b, call, halves[0].outputs[i], halves[1].outputs[i]);
}

/* ---- parts and polar form */

/* A new value with the same numbers. */
static hp_value real(hp_builder *b, hp_value part) {
    return hp_emit_bitcast(b, part, hp_op_dtype(b, part));
}

void hp_op_complex_real(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    hp_call_output(b, call, real(b, x[0]));
}

void hp_op_complex_imaginary(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    hp_call_output(b, call, real(b, x[1]));
}

/* As a real dtype: the real part. */
void hp_op_complex_cast(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    if (hp_op_is_complex(layer))
        give(b, call, x[0], x[1]);
    else
        hp_call_output(b, call, real(b, hp_emit_cast(b, x[0], hp_op_config_dtype(b, layer, HP_FLOAT32))));
}

void hp_op_complex_conjugate(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    give(b, call, x[0], hp_op_unary(b, x[1], HP_UNARY_NEGATIVE));
}

void hp_op_complex_absolute(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    hp_call_output(b, call, hp_op_hypot(b, x[0], x[1]));
}

void hp_op_complex_angle(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_ARCTAN2, x[1], x[0]));
}

/* ---- arithmetic */

static void multiply(hp_builder *b, hp_call *call, const hp_value x[2], const hp_value y[2]) {
    hp_value re = hp_op_subtract(b, hp_op_multiply(b, x[0], y[0]), hp_op_multiply(b, x[1], y[1]));
    give(b, call, re, hp_op_add(b, hp_op_multiply(b, x[0], y[1]), hp_op_multiply(b, x[1], y[0])));
}

void hp_op_complex_square(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    multiply(b, call, x, x);
}

void hp_op_complex_exp(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2];
    parts_of(b, call, 0, "x", x);
    hp_value size = hp_op_unary(b, x[0], HP_UNARY_EXP);
    hp_value re = hp_op_multiply(b, size, hp_op_unary(b, x[1], HP_UNARY_COS));
    give(b, call, re, hp_op_multiply(b, size, hp_op_unary(b, x[1], HP_UNARY_SIN)));
}

void hp_op_complex_add(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2], y[2];
    operands(b, call, x, y);
    give(b, call, hp_op_add(b, x[0], y[0]), hp_op_add(b, x[1], y[1]));
}

void hp_op_complex_subtract(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2], y[2];
    operands(b, call, x, y);
    give(b, call, hp_op_subtract(b, x[0], y[0]), hp_op_subtract(b, x[1], y[1]));
}

void hp_op_complex_multiply(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2], y[2];
    operands(b, call, x, y);
    multiply(b, call, x, y);
}

void hp_op_complex_divide(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x[2], y[2];
    operands(b, call, x, y);
    hp_value size = hp_op_hypot(b, y[0], y[1]), above[2];
    for (int i = 0; i < 2; i++) above[i] = hp_op_divide(b, x[i], size);
    const hp_value below[2] = {
        hp_op_divide(b, y[0], size), hp_op_unary(b, hp_op_divide(b, y[1], size), HP_UNARY_NEGATIVE)};
    multiply(b, call, above, below);
}
