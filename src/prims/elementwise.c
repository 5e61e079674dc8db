/* elementwise.c: the primitive `elementwise`: a program of unary, binary, compare, logical, select and cast steps over
 * broadcast inputs. See elementwise.h for the program.
 *
 * The output is computed block by block: every step runs over one block before the next block, so that what is
 * between steps stays in L1. An operation has one of two forms, by its shapes alone:
 *  - flat: blocks are runs of output elements. Inputs that repeat are laid out first: short periods once per run
 *    (constants once per plan), others block by block.
 *  - matrix: blocks are rows of the last axis; the kernels take the repeating inputs with strides and steps of 0.
 * Elementwise results do not depend on either. */
#include "prims/elementwise.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/layout.h"
#include "prims/prim.h"
#include "prims/typed.h"

enum {
    BLOCK = 1024,           /* elements between steps: 4 KiB of float32 a register */
    PIECE = 16 * BLOCK,     /* elements dealt out at once */
    MAX_PERIOD = 2 * BLOCK, /* longest pattern that is laid out ahead */
    MATRIX_COLUMNS = 16,    /* shorter rows are not worth a kernel's row loop */
};

/* ---- the program */

int hp_elementwise_operands(const hp_elementwise_step *step) {
    switch (step->kind) {
    case HP_STEP_BINARY:
    case HP_STEP_COMPARE:
        return 2;
    case HP_STEP_LOGICAL:
        return step->op == HP_NOT ? 1 : 2;
    case HP_STEP_SELECT:
        return 3;
    default:
        return 1;
    }
}

size_t hp_elementwise_size(int step_count) {
    return sizeof(hp_elementwise_params) + (size_t)step_count * sizeof(hp_elementwise_step);
}

/* The plain C loop of a step; NULL: a float32 kernel, or nothing, does it. */
static hp_typed_function *typed_function(const hp_elementwise_step *s) {
    switch (s->kind) {
    case HP_STEP_UNARY:
        return hp_typed_unary((hp_dtype)s->from, (hp_unary)s->op);
    case HP_STEP_BINARY:
        return hp_typed_binary((hp_dtype)s->from, (hp_binary)s->op);
    case HP_STEP_COMPARE:
        return hp_typed_compare((hp_dtype)s->from, (hp_compare_op)s->op);
    case HP_STEP_LOGICAL:
        return hp_typed_logical((hp_dtype)s->from, (hp_logical_op)s->op);
    case HP_STEP_SELECT:
        return hp_typed_select((hp_dtype)s->from);
    case HP_STEP_CAST:
        return hp_typed_cast((hp_dtype)s->from, (hp_dtype)s->dtype);
    default:
        return NULL;
    }
}

static bool is_kernel(const hp_elementwise_step *s) {
    return s->from == HP_FLOAT32 && ((s->kind == HP_STEP_UNARY && s->op < HP_UNARY_COUNT) ||
                                        (s->kind == HP_STEP_BINARY && s->op < HP_BINARY_COUNT));
}

static const char *step_name(const hp_elementwise_step *s) {
    static const char *const compares[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
    static const char *const logicals[] = {
        "logical_and", "logical_or", "logical_xor", "logical_not", "shift_left", "shift_right", "gcd"};
    switch (s->kind) {
    case HP_STEP_UNARY:
        return s->op < HP_UNARY_COUNT ? hp_unary_names[s->op] : "?";
    case HP_STEP_BINARY:
        return s->op < HP_BINARY_COUNT ? hp_binary_names[s->op] : "?";
    case HP_STEP_COMPARE:
        return s->op <= HP_GREATER_EQUAL ? compares[s->op] : "?";
    case HP_STEP_LOGICAL:
        return s->op <= HP_GCD ? logicals[s->op] : "?";
    case HP_STEP_SELECT:
        return "select";
    default:
        return "cast";
    }
}

static hp_status check_step(
    const hp_elementwise_params *p, int at, const hp_tensor *inputs, int input_count, hp_error *error) {
    const hp_elementwise_step *s = &p->steps[at];
    bool changes = s->kind == HP_STEP_COMPARE || s->kind == HP_STEP_CAST;
    HP_FAIL_IF(!changes && s->from != s->dtype, error, HP_ERROR_INTERNAL, NULL, "step %d changes its dtype", at);
    HP_FAIL_IF(s->kind == HP_STEP_COMPARE && s->dtype != HP_BOOL, error, HP_ERROR_INTERNAL, NULL,
        "step %d compares, but does not give bool", at);
    bool plain_relu = s->params[0] == 0 && s->params[1] == INFINITY && s->params[2] == 0;
    bool lacking =
        s->kind == HP_STEP_UNARY && s->op == HP_UNARY_RELU && hp_dtype_is_integer((hp_dtype)s->from) && !plain_relu;
    HP_FAIL_IF(lacking || (!is_kernel(s) && !typed_function(s)), error, HP_ERROR_UNSUPPORTED, NULL,
        "%s of %s%s%s is not supported", step_name(s), hp_dtype_name((hp_dtype)s->from),
        s->kind == HP_STEP_CAST ? " to " : "", s->kind == HP_STEP_CAST ? hp_dtype_name((hp_dtype)s->dtype) : "");
    for (int k = 0; k < hp_elementwise_operands(s); k++) {
        int o = s->operands[k];
        bool there = o >= 0 ? o < input_count && inputs[o].dtype != HP_DTYPE_NONE : -1 - o < at;
        HP_FAIL_IF(!there, error, HP_ERROR_INTERNAL, NULL, "step %d reads operand %d, which is not there", at, o);
        hp_dtype found = o >= 0 ? inputs[o].dtype : (hp_dtype)p->steps[-1 - o].dtype;
        hp_dtype wanted = s->kind == HP_STEP_SELECT && k == 0 ? HP_BOOL : (hp_dtype)s->from;
        HP_FAIL_IF(found != wanted, error, HP_ERROR_SHAPE, NULL, "%s is given %s where it takes %s", step_name(s),
            hp_dtype_name(found), hp_dtype_name(wanted));
    }
    return HP_OK;
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_elementwise_params *p = params;
    HP_FAIL_IF(output_count != 1 || p->step_count < 1 || p->step_count > HP_MAX_ELEMENTWISE_STEPS ||
                   input_count > HP_MAX_ELEMENTWISE_INPUTS,
        error, HP_ERROR_INTERNAL, NULL, "an elementwise program of %d steps over %d inputs", (int)p->step_count,
        input_count);
    for (int i = 0; i < p->step_count; i++) HP_TRY(check_step(p, i, inputs, input_count, error));
    hp_shape shape = {0};
    for (int i = 0; i < input_count; i++) {
        char a[160], b[160];
        if (inputs[i].dtype == HP_DTYPE_NONE) continue;
        hp_shape together;
        HP_FAIL_IF(!hp_shape_broadcast(&shape, &inputs[i].shape, &together), error, HP_ERROR_SHAPE, NULL,
            "shapes %s and %s cannot be broadcast together in %s", hp_shape_text(&shape, a, sizeof a),
            hp_shape_text(&inputs[i].shape, b, sizeof b), step_name(&p->steps[p->step_count - 1]));
        shape = together;
    }
    outputs[0] = (hp_tensor){(hp_dtype)p->steps[p->step_count - 1].dtype, shape};
    return HP_OK;
}

/* ---- the state */

typedef enum operand_kind {
    FULL,     /* as it lies */
    SCALAR,   /* one element */
    STRIDED,  /* matrix form: row stride and step */
    PERIODIC, /* flat form: a pattern, laid out once: BLOCK + period elements */
    EXPANDED, /* flat form: laid out for each block */
} operand_kind;

typedef struct operand_plan {
    operand_kind kind;
    size_t size; /* of an element */
    int64_t period;
    const void *pattern; /* PERIODIC of a constant: in the store; else NULL */
    size_t buffer;       /* PERIODIC, EXPANDED: its place in the workspace */
} operand_plan;

typedef struct step_plan {
    hp_elementwise_step step;
    bool kernel;
    hp_typed_function *typed;
    size_t slot; /* place of the result in the workspace; unused for the last step */
    size_t size; /* of an element of the result */
    hp_activation activation;
} step_plan;

/* The whole program is activation(x * scale + offset) with a scale and an offset per column, as a BatchNormalization that no
 * convolution comes before: one pass does it. Inputs by number. */
typedef struct affine_plan {
    int x, scale, offset;
    hp_activation activation;
} affine_plan;

typedef struct elementwise_state {
    const hp_kernels *kernels;
    hp_layout layout;
    bool flat;
    int64_t block;           /* elements (flat) or rows (matrix) of a block */
    int64_t columns, width;  /* matrix: the last axis, and how much of it is a block's */
    int64_t blocks_in_piece; /* matrix */
    size_t workspace;
    bool is_affine; /* matrix form */
    affine_plan affine;
    int step_count;
    step_plan steps[HP_MAX_ELEMENTWISE_STEPS];
    operand_plan operands[HP_MAX_ELEMENTWISE_INPUTS];
} elementwise_state;

static size_t take(elementwise_state *s, size_t bytes) {
    size_t place = s->workspace;
    s->workspace += (bytes + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
    return place;
}

/* Flat or matrix, and the size of blocks. */
static void choose_form(elementwise_state *s) {
    const hp_layout *l = &s->layout;
    bool any = false;
    for (int i = 0; i < l->input_count; i++) any |= !hp_layout_is_full(l, i) && !hp_layout_is_scalar(l, i);
    s->columns = l->dims[l->rank - 1];
    int64_t matrix = l->rank > 2 ? s->columns * l->dims[l->rank - 2] : INT64_MAX;
    s->flat = !any || l->rank < 2 || s->columns < MATRIX_COLUMNS || (matrix < BLOCK && s->columns < 8 * MATRIX_COLUMNS);
    s->block = !any && s->step_count == 1 ? PIECE : BLOCK; /* nothing to keep in L1 */
    if (s->flat) return;
    int64_t limit = s->step_count == 1 ? PIECE : BLOCK;
    s->width = s->columns < limit ? s->columns : limit;
    s->block = limit / s->width;
    s->blocks_in_piece = PIECE / (s->block * s->width);
}

static operand_kind choose_kind(const elementwise_state *s, int input) {
    const hp_layout *l = &s->layout;
    if (hp_layout_is_scalar(l, input)) return SCALAR;
    if (hp_layout_is_full(l, input)) return FULL;
    if (!s->flat) return STRIDED;
    int64_t period = hp_layout_period(l, input);
    return period > 0 && period <= MAX_PERIOD ? PERIODIC : EXPANDED;
}

typedef struct pattern {
    const hp_layout *layout;
    int input;
    size_t size;
    const void *data;
} pattern;

/* The first period, then copies of what is there, doubling. */
static void lay_out(const hp_layout *l, int input, size_t size, const void *data, char *y) {
    size_t period = (size_t)hp_layout_period(l, input) * size, total = (size_t)BLOCK * size + period;
    hp_layout_expand(l, input, size, y, data, 0, (int64_t)(period / size));
    for (size_t done = period; done < total; done *= 2) memcpy(y + done, y, done < total - done ? done : total - done);
}

static hp_status fill_pattern(void *context, void *data, size_t bytes, hp_error *error) {
    const pattern *p = context;
    (void)bytes, (void)error;
    lay_out(p->layout, p->input, p->size, p->data, data);
    return HP_OK;
}

/* The laid-out pattern of a constant, shared by every node that broadcasts it alike. */
static hp_status constant_pattern(
    const hp_prepare *prepare, elementwise_state *s, int input, const hp_constant *constant, hp_error *error) {
    operand_plan *o = &s->operands[input];
    struct {
        char kind[16];
        uint64_t id;
        int64_t size, period, dims[HP_MAX_RANK], strides[HP_MAX_RANK];
    } key = {.kind = "broadcast", .id = constant->id, .size = (int64_t)o->size, .period = o->period};
    for (int a = 0; a < s->layout.rank; a++) {
        key.strides[a] = s->layout.strides[input][a];
        key.dims[a] = key.strides[a] ? s->layout.dims[a] : 0;
    }
    pattern context = {&s->layout, input, o->size, constant->data};
    return hp_constants_get(prepare->constants, &key, sizeof key, (size_t)(BLOCK + o->period) * o->size, fill_pattern,
        &context, &o->pattern, error);
}

static hp_status plan_operands(const hp_prepare *prepare, elementwise_state *s, hp_error *error) {
    for (int i = 0; i < s->layout.input_count; i++) {
        hp_value value = prepare->node->inputs[i];
        if (value == HP_NO_VALUE) continue;
        const hp_value_info *info = &prepare->graph->values[value];
        operand_plan *o = &s->operands[i];
        o->kind = choose_kind(s, i);
        o->size = hp_dtype_size(info->tensor.dtype);
        if (o->kind == PERIODIC) {
            o->period = hp_layout_period(&s->layout, i);
            if (info->constant && info->constant->data)
                HP_TRY(constant_pattern(prepare, s, i, info->constant, error));
            else
                o->buffer = take(s, (size_t)(BLOCK + o->period) * o->size);
        } else if (o->kind == EXPANDED) {
            o->buffer = take(s, (size_t)BLOCK * o->size);
        }
    }
    return HP_OK;
}

/* Gives every result but the last a slot; a slot is free again after its last reader. */
static void plan_steps(const hp_elementwise_params *p, elementwise_state *s) {
    int last_use[HP_MAX_ELEMENTWISE_STEPS] = {0};
    bool busy[HP_MAX_ELEMENTWISE_STEPS] = {false};
    int slot_of[HP_MAX_ELEMENTWISE_STEPS], slots = 0;
    size_t widest = 1, slot_bytes;
    for (int i = 0; i < p->step_count; i++) {
        for (int k = 0; k < hp_elementwise_operands(&p->steps[i]); k++)
            if (p->steps[i].operands[k] < 0) last_use[-1 - p->steps[i].operands[k]] = i;
        size_t size = hp_dtype_size((hp_dtype)p->steps[i].dtype);
        if (size > widest) widest = size;
    }
    slot_bytes = widest * (size_t)BLOCK;
    for (int i = 0; i < p->step_count; i++) {
        step_plan *t = &s->steps[i];
        t->step = p->steps[i];
        t->kernel = is_kernel(&t->step);
        t->typed = t->kernel ? NULL : typed_function(&t->step);
        t->size = hp_dtype_size((hp_dtype)t->step.dtype);
        if (t->kernel && t->step.kind == HP_STEP_UNARY) {
            t->activation.op = (hp_unary)t->step.op;
            for (int k = 0; k < 4; k++) t->activation.params[k] = (float)t->step.params[k];
        }
        int slot = 0;
        while (busy[slot]) slot++;
        busy[slot] = i + 1 < p->step_count; /* the last one goes to the output */
        slot_of[i] = slot;
        if (busy[slot] && slot + 1 > slots) slots = slot + 1;
        t->slot = (size_t)slot * slot_bytes;
        for (int j = 0; j < i; j++)
            if (last_use[j] == i) busy[slot_of[j]] = false;
        if (last_use[i] <= i) busy[slot] = false; /* nobody reads it */
    }
    size_t base = take(s, (size_t)slots * slot_bytes);
    for (int i = 0; i < p->step_count; i++) s->steps[i].slot += base;
}

/* The operand of a step that is an input with a value per column; -1: there is none. */
static int column_operand(const elementwise_state *s, const step_plan *t) {
    const hp_layout *l = &s->layout;
    for (int k = 0; k < 2; k++) {
        const int input = t->step.operands[k];
        bool columns = input >= 0 && l->strides[input][l->rank - 1] == 1;
        for (int a = 0; columns && a < l->rank - 1; a++) columns = l->strides[input][a] == 0;
        if (columns) return k;
    }
    return -1;
}

static bool is_float_step(const step_plan *t, hp_elementwise_kind kind) {
    return t->kernel && t->step.kind == kind;
}

static bool find_affine(const elementwise_state *s, affine_plan *affine) {
    const step_plan *multiply = &s->steps[0], *add = &s->steps[1], *activate = &s->steps[2];
    if (s->flat || s->step_count < 2 || s->step_count > 3) return false;
    if (!is_float_step(multiply, HP_STEP_BINARY) || multiply->step.op != HP_BINARY_MULTIPLY) return false;
    if (!is_float_step(add, HP_STEP_BINARY) || add->step.op != HP_BINARY_ADD) return false;
    const int scale = column_operand(s, multiply), offset = column_operand(s, add);
    if (scale < 0 || offset < 0 || add->step.operands[1 - offset] != -1) return false;
    affine->scale = multiply->step.operands[scale];
    affine->offset = add->step.operands[offset];
    affine->x = multiply->step.operands[1 - scale];
    if (affine->x < 0 || s->layout.strides[affine->x][s->layout.rank - 1] != 1) return false;
    affine->activation = (hp_activation){.op = HP_UNARY_IDENTITY};
    if (s->step_count == 2) return true;
    affine->activation = activate->activation;
    return is_float_step(activate, HP_STEP_UNARY) && activate->step.operands[0] == -2;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_elementwise_params *p = node->params;
    elementwise_state *s = HP_NEW(elementwise_state);
    HP_ALLOCATED(s, error);
    const hp_shape *shapes[HP_MAX_ELEMENTWISE_INPUTS] = {NULL};
    int64_t pitches[HP_MAX_ELEMENTWISE_INPUTS];
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != HP_NO_VALUE) {
            shapes[i] = &prepare->graph->values[node->inputs[i]].tensor.shape;
            pitches[i] = hp_value_pitch(prepare->graph, node->inputs[i]);
        }
    s->kernels = prepare->kernels;
    s->step_count = p->step_count;
    hp_layout_make(
        &s->layout, &prepare->graph->values[node->outputs[0]].tensor.shape, shapes, pitches, node->input_count);
    choose_form(s);
    plan_steps(p, s);
    s->is_affine = find_affine(s, &s->affine);
    hp_status status = plan_operands(prepare, s, error);
    if (status != HP_OK) {
        hp_free(s);
        return status;
    }
    *state = s;
    return HP_OK;
}

static int64_t round_up(int64_t n, int64_t by) {
    return n / by + (n % by != 0);
}

/* Matrix form: rows of the matrices, how many of them lie together, and the blocks of all. */
static int64_t matrix_blocks(const elementwise_state *s, int64_t rows, int64_t *height, int64_t *blocks_each) {
    const hp_layout *l = &s->layout;
    int64_t total = s->columns == 0 ? 0 : hp_layout_elements(l, rows) / s->columns;
    *height = l->rank == 2 ? total : l->dims[l->rank - 2];
    *blocks_each = round_up(*height, s->block) * round_up(s->columns, s->width);
    return *height == 0 ? 0 : total / *height * *blocks_each;
}

static int64_t range(const void *state, int64_t rows) {
    const elementwise_state *s = state;
    int64_t height, each, pieces;
    if (s->flat)
        pieces = round_up(hp_layout_elements(&s->layout, rows), PIECE);
    else
        pieces = round_up(matrix_blocks(s, rows, &height, &each), s->blocks_in_piece);
    return pieces > 0 ? pieces : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    (void)rows;
    return ((const elementwise_state *)state)->workspace;
}

/* ---- running */

static bool whole(const hp_typed_operand *o, size_t rows, size_t n) {
    return rows == 1 || (o->step == 1 && o->stride == n) || (o->step == 0 && o->stride == 0);
}

static void run_kernel(const hp_kernels *k, const step_plan *t, const hp_typed_call *c) {
    const hp_typed_operand *a = &c->operands[0], *b = &c->operands[1];
    if (t->step.kind == HP_STEP_BINARY) {
        if (c->rows == 1) {
            k->binary((hp_binary)t->step.op, c->y, a->data, a->step, b->data, b->step, c->n);
            return;
        }
        hp_binary_rows args = {.op = (hp_binary)t->step.op,
            .y = c->y,
            .y_stride = c->n,
            .a = a->data,
            .a_stride = a->stride,
            .a_step = a->step,
            .b = b->data,
            .b_stride = b->stride,
            .b_step = b->step,
            .rows = c->rows,
            .n = c->n};
        k->binary_rows(&args);
    } else if (a->step == 1) {
        if (c->rows == 1)
            k->unary(&t->activation, c->y, a->data, c->n);
        else
            k->unary_rows(&t->activation, c->y, c->n, a->data, a->stride, c->rows, c->n);
    } else { /* a value per row, repeated */
        for (size_t r = 0; r < c->rows; r++) {
            float value, *y = (float *)c->y + r * c->n;
            k->unary(&t->activation, &value, (const float *)a->data + r * a->stride, 1);
            k->fill(y, value, c->n);
        }
    }
}

static void run_affine(const elementwise_state *s, const hp_typed_operand *inputs, void *y, size_t rows, size_t n) {
    hp_channel_affine args = {.y = y,
        .y_stride = n,
        .x = inputs[s->affine.x].data,
        .x_stride = inputs[s->affine.x].stride,
        .rows = rows,
        .n = n,
        .scale = inputs[s->affine.scale].data,
        .offset = inputs[s->affine.offset].data,
        .activation = s->affine.activation};
    s->kernels->channel_affine(&args);
}

/* All steps over one block of [rows][n] elements; the last one writes to y. */
static void run_block(
    const elementwise_state *s, const hp_typed_operand *inputs, char *workspace_, void *y, size_t rows, size_t n) {
    for (int i = 0; i < s->step_count; i++) {
        const step_plan *t = &s->steps[i];
        hp_typed_call call = {
            .y = i + 1 < s->step_count ? workspace_ + t->slot : y, .rows = rows, .n = n, .params = t->step.params};
        bool flat = true;
        for (int k = 0; k < hp_elementwise_operands(&t->step); k++) {
            int o = t->step.operands[k];
            if (o >= 0)
                call.operands[k] = inputs[o];
            else
                call.operands[k] = (hp_typed_operand){workspace_ + s->steps[-1 - o].slot, n, 1};
            flat = flat && whole(&call.operands[k], rows, n);
        }
        if (flat) call.n *= call.rows, call.rows = 1;
        if (t->kernel)
            run_kernel(s->kernels, t, &call);
        else
            t->typed(&call);
    }
}

/* What does not change from block to block. */
static void bind_inputs(const elementwise_state *s, const hp_run *run, hp_typed_operand *inputs) {
    for (int i = 0; i < s->layout.input_count; i++) {
        const operand_plan *o = &s->operands[i];
        inputs[i] = (hp_typed_operand){run->inputs[i], 0, o->kind != SCALAR};
        if (o->kind == PERIODIC && !o->pattern)
            lay_out(&s->layout, i, o->size, run->inputs[i], (char *)run->workspace + o->buffer);
    }
}

static void run_flat(const elementwise_state *s, const hp_run *run) {
    hp_typed_operand inputs[HP_MAX_ELEMENTWISE_INPUTS];
    int64_t end = hp_layout_elements(&s->layout, run->rows), at = run->begin * PIECE;
    if (run->end * PIECE < end) end = run->end * PIECE;
    if (at >= end) return;
    bind_inputs(s, run, inputs);
    size_t size = s->steps[s->step_count - 1].size;
    for (; at < end; at += s->block) {
        int64_t n = end - at < s->block ? end - at : s->block;
        for (int i = 0; i < s->layout.input_count; i++) {
            const operand_plan *o = &s->operands[i];
            const char *data = run->inputs[i];
            if (o->kind == FULL) {
                inputs[i].data = data + (size_t)at * o->size;
            } else if (o->kind == PERIODIC) {
                const char *laid = o->pattern ? o->pattern : (char *)run->workspace + o->buffer;
                inputs[i].data = laid + (size_t)(at % o->period) * o->size;
            } else if (o->kind == EXPANDED) {
                char *buffer = (char *)run->workspace + o->buffer;
                hp_layout_expand(&s->layout, i, o->size, buffer, data, at, n);
                inputs[i].data = buffer;
            }
        }
        run_block(s, inputs, run->workspace, (char *)run->outputs[0] + (size_t)at * size, 1, (size_t)n);
    }
}

/* Where matrix `outer`, row `row`, column `column` lies in an input. */
static int64_t matrix_offset(const hp_layout *l, int input, int64_t outer, int64_t row, int64_t column) {
    const int64_t *strides = l->strides[input];
    int64_t offset = row * strides[l->rank - 2] + column * strides[l->rank - 1];
    for (int a = l->rank - 3; a >= 0; a--) {
        int64_t dim = a > 0 ? l->dims[a] : INT64_MAX;
        offset += outer % dim * strides[a];
        outer /= dim;
    }
    return offset;
}

static void run_matrix(const elementwise_state *s, const hp_run *run) {
    const hp_layout *l = &s->layout;
    hp_typed_operand inputs[HP_MAX_ELEMENTWISE_INPUTS];
    int64_t height, each, blocks = matrix_blocks(s, run->rows, &height, &each);
    int64_t end = run->end * s->blocks_in_piece, across = round_up(s->columns, s->width);
    if (end > blocks) end = blocks;
    if (run->begin * s->blocks_in_piece >= end) return;
    bind_inputs(s, run, inputs);
    size_t size = s->steps[s->step_count - 1].size;
    for (int64_t block = run->begin * s->blocks_in_piece; block < end; block++) {
        int64_t outer = block / each, row = block % each / across * s->block, column = block % across * s->width;
        int64_t rows = height - row < s->block ? height - row : s->block;
        int64_t n = s->columns - column < s->width ? s->columns - column : s->width;
        for (int i = 0; i < l->input_count; i++) {
            const operand_plan *o = &s->operands[i];
            if (!run->inputs[i]) continue;
            inputs[i].data = (const char *)run->inputs[i] + (size_t)matrix_offset(l, i, outer, row, column) * o->size;
            inputs[i].stride = (size_t)l->strides[i][l->rank - 2];
            inputs[i].step = (size_t)l->strides[i][l->rank - 1];
        }
        int64_t at = (outer * height + row) * s->columns + column;
        char *y = (char *)run->outputs[0] + (size_t)at * size;
        if (s->is_affine)
            run_affine(s, inputs, y, (size_t)rows, (size_t)n);
        else
            run_block(s, inputs, run->workspace, y, (size_t)rows, (size_t)n);
    }
}

static hp_status run_elementwise(const void *state, const hp_run *run) {
    const elementwise_state *s = state;
    if (s->flat)
        run_flat(s, run);
    else
        run_matrix(s, run);
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_elementwise_params *p = params;
    (void)inputs;
    double arithmetic = 0;
    for (int i = 0; i < p->step_count; i++)
        arithmetic += p->steps[i].kind == HP_STEP_UNARY || p->steps[i].kind == HP_STEP_BINARY;
    return arithmetic * (double)hp_shape_elements(&outputs[0].shape);
}

const hp_prim hp_prim_elementwise = {
    .name = "elementwise",
    .infer = infer,
    .inputs_within = UINT32_MAX,
    .in_place = hp_in_place_first,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_elementwise,
    .flops = flops,
};
