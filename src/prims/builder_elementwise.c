/* builder_elementwise.c: emitters of arithmetic, comparison, logic, select and cast: each a program of one step. See
 * builder.h; passes merge chains of them. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/elementwise.h"
#include "prims/prim.h"

/* Fails where the operands cannot be broadcast together, telling what mixes rows from what does not fit. */
static bool check_broadcast(hp_builder *b, const hp_value *values, int count) {
    hp_shape shape = {0};
    for (int i = 0; i < count; i++) {
        char x[160], y[160], text[360];
        const hp_shape *other = hp_builder_shape(b, values[i]);
        hp_shape together;
        hp_broadcast_result result = hp_shape_broadcast_rows(&shape, other, &together);
        if (result != HP_BROADCAST_FITS) {
            snprintf(text, sizeof text, "shapes %s and %s", hp_shape_text(&shape, x, sizeof x),
                hp_shape_text(other, y, sizeof y));
            if (result == HP_BROADCAST_MISFIT)
                hp_builder_fail(b, HP_ERROR_SHAPE, "%s cannot be broadcast together", text);
            else {
                memcpy(text + strlen(text), " are broadcast with the rows against another axis",
                    sizeof " are broadcast with the rows against another axis");
                hp_builder_mixes_rows(b, text);
            }
            return false;
        }
        shape = together;
    }
    return true;
}

static hp_value emit_step(hp_builder *b, hp_elementwise_step step, const hp_value *values, int count) {
    union {
        hp_elementwise_params params;
        unsigned char bytes[sizeof(hp_elementwise_params) + sizeof(hp_elementwise_step)];
    } program;
    if (b->status != HP_OK || !check_broadcast(b, values, count)) return HP_NO_VALUE;
    for (int i = 0; i < count; i++) step.operands[i] = (int16_t)i;
    memset(&program, 0, sizeof program);
    program.params.step_count = 1;
    program.params.steps[0] = step;
    hp_value output;
    return hp_emit_node(b, &hp_prim_elementwise, &program, hp_elementwise_size(1), values, count, &output, 1);
}

static hp_dtype dtype_of(const hp_builder *b, hp_value x) {
    return hp_builder_tensor(b, x)->dtype;
}

hp_value hp_emit_unary(hp_builder *b, hp_value x, hp_unary op, double p0, double p1, double p2) {
    if (op == HP_UNARY_IDENTITY) return x;
    hp_dtype dtype = dtype_of(b, x);
    hp_elementwise_step step = {
        .kind = HP_STEP_UNARY, .op = (uint8_t)op, .from = (uint8_t)dtype, .dtype = (uint8_t)dtype};
    /* Only what the function reads: equal functions are then equal bytes. */
    int parameters = op < HP_UNARY_COUNT ? hp_unary_parameters[op] : 0;
    if (parameters > 0) step.params[0] = p0;
    if (parameters > 1) step.params[1] = p1;
    if (parameters > 2) step.params[2] = p2;
    return emit_step(b, step, &x, 1);
}

hp_value hp_emit_binary(hp_builder *b, hp_binary op, hp_value x, hp_value y) {
    hp_dtype dtype = dtype_of(b, x);
    hp_elementwise_step step = {
        .kind = HP_STEP_BINARY, .op = (uint8_t)op, .from = (uint8_t)dtype, .dtype = (uint8_t)dtype};
    return emit_step(b, step, (const hp_value[]){x, y}, 2);
}

hp_value hp_emit_compare(hp_builder *b, hp_compare_op op, hp_value x, hp_value y) {
    hp_elementwise_step step = {
        .kind = HP_STEP_COMPARE, .op = (uint8_t)op, .from = (uint8_t)dtype_of(b, x), .dtype = (uint8_t)HP_BOOL};
    return emit_step(b, step, (const hp_value[]){x, y}, 2);
}

hp_value hp_emit_logical(hp_builder *b, hp_logical_op op, hp_value x, hp_value y) {
    uint8_t dtype = (uint8_t)dtype_of(b, x);
    hp_elementwise_step step = {.kind = HP_STEP_LOGICAL, .op = (uint8_t)op, .from = dtype, .dtype = dtype};
    return emit_step(b, step, (const hp_value[]){x, y}, op == HP_NOT ? 1 : 2);
}

hp_value hp_emit_select(hp_builder *b, hp_value condition, hp_value x, hp_value y) {
    hp_dtype dtype = dtype_of(b, x);
    hp_elementwise_step step = {.kind = HP_STEP_SELECT, .from = (uint8_t)dtype, .dtype = (uint8_t)dtype};
    return emit_step(b, step, (const hp_value[]){condition, x, y}, 3);
}

hp_value hp_emit_cast(hp_builder *b, hp_value x, hp_dtype dtype) {
    if (dtype_of(b, x) == dtype) return x;
    hp_elementwise_step step = {.kind = HP_STEP_CAST, .from = (uint8_t)dtype_of(b, x), .dtype = (uint8_t)dtype};
    return emit_step(b, step, &x, 1);
}
