/* reduce.c: the primitive `reduce`: sums, means, extremes, products, any, all, argmax and argmin over axes. See
 * builder.h, hp_emit_reduce.
 *
 * Axes of one kind that lie side by side are merged, so that the input is [outer] and then reduced and kept groups in
 * turn. Groups are reduced one after the other, the last first; all but the last step of that write to the workspace.
 * How long a group is depends on the shape alone, so the order of every sum does too. */

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/typed_reduce.h"

enum {
    PIECE = 16384,   /* input elements dealt out at once */
    INNER_PART = 256 /* columns dealt out at once where there are many */
};

static bool is_arg(int op) {
    return op == HP_REDUCTION_ARGMAX || op == HP_REDUCTION_ARGMIN;
}

static bool is_kernel(hp_dtype dtype, int op) {
    return dtype == HP_FLOAT32 && op >= HP_REDUCTION_SUM && op <= HP_REDUCTION_PROD;
}

static const char *op_name(int op) {
    static const char *const names[] = {"sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin"};
    return op >= 0 && op < (int)(sizeof names / sizeof names[0]) ? names[op] : "?";
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_reduce_params *p = params;
    char text[160];
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "reduce with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape;
    HP_FAIL_IF(!is_kernel(inputs[0].dtype, p->op) && !hp_typed_reduce(inputs[0].dtype, (hp_reduction)p->op), error,
        HP_ERROR_UNSUPPORTED, NULL, "%s of %s is not supported", op_name(p->op), hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(p->axes >> x->rank != 0, error, HP_ERROR_SHAPE, NULL, "axes of a reduction are outside a tensor of %d",
        x->rank);
    HP_FAIL_IF(x->rows && (p->axes & 1), error, HP_ERROR_SHAPE, NULL, "a reduction over the rows");
    HP_FAIL_IF(is_arg(p->op) && (p->axes == 0 || (p->axes & (p->axes - 1)) != 0), error, HP_ERROR_SHAPE, NULL,
        "%s takes one axis", op_name(p->op));
    hp_shape y = {.rows = x->rows};
    bool nothing = false;
    for (int a = 0; a < x->rank; a++) {
        bool reduced = p->axes >> a & 1;
        nothing = nothing || (reduced && x->dims[a] == 0);
        if (!reduced || p->keepdims) y.dims[y.rank++] = reduced ? 1 : x->dims[a];
    }
    bool has_start =
        is_kernel(inputs[0].dtype, p->op) || (!is_arg(p->op) && p->op != HP_REDUCTION_MAX && p->op != HP_REDUCTION_MIN);
    HP_FAIL_IF(nothing && !has_start, error, HP_ERROR_SHAPE, NULL, "%s over nothing, of a tensor of shape %s",
        op_name(p->op), hp_shape_text(x, text, sizeof text));
    outputs[0] = (hp_tensor){is_arg(p->op) ? HP_INT32 : inputs[0].dtype, y};
    return HP_OK;
}

/* One group's reduction: [before][n][inner] -> [before][inner], within one outer index. */
typedef struct stage {
    int64_t before, n, inner;
} stage;

typedef struct reduce_state {
    const hp_kernels *kernels;
    hp_reduce op;
    hp_typed_reducer *typed; /* NULL: the kernel */
    bool rows;
    int64_t outer;   /* per row where there are rows */
    int64_t in, out; /* elements of one outer index */
    size_t in_size, out_size;
    int stage_count;
    stage stages[HP_MAX_RANK];
    int64_t inner_parts; /* one stage only: parts of its columns */
    int64_t outer_in_piece;
    size_t buffer[2]; /* bytes of the results of even and of odd stages, but the last */
} reduce_state;

static hp_reduce kernel_op(int op) {
    switch (op) {
    case HP_REDUCTION_MEAN:
        return HP_REDUCE_MEAN;
    case HP_REDUCTION_MAX:
        return HP_REDUCE_MAX;
    case HP_REDUCTION_MIN:
        return HP_REDUCE_MIN;
    case HP_REDUCTION_PROD:
        return HP_REDUCE_PRODUCT;
    default:
        return HP_REDUCE_SUM;
    }
}

/* Finds outer and the stages. */
static void plan_stages(reduce_state *s, const hp_shape *x, uint32_t axes) {
    int64_t dims[HP_MAX_RANK + 1];
    bool reduced[HP_MAX_RANK + 1];
    int groups = 0;
    s->outer = 1;
    for (int a = 0; a < x->rank; a++) {
        bool r = axes >> a & 1;
        if (x->dims[a] == 1) continue;
        if (groups == 0 && !r) {
            s->outer *= x->dims[a];
        } else if (groups > 0 && reduced[groups - 1] == r) {
            dims[groups - 1] *= x->dims[a];
        } else {
            dims[groups] = x->dims[a];
            reduced[groups++] = r;
        }
    }
    if (groups == 0) { /* nothing but axes of 1 is reduced */
        dims[groups] = 1;
        reduced[groups++] = true;
    }
    s->in = s->out = 1;
    int64_t inner = 1;
    for (int g = groups - 1; g >= 0; g--) {
        s->in *= dims[g];
        if (!reduced[g]) {
            s->out *= dims[g];
            inner *= dims[g];
            continue;
        }
        stage *t = &s->stages[s->stage_count++];
        *t = (stage){1, dims[g], inner};
        for (int h = 0; h < g; h++) t->before *= dims[h];
    }
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_reduce_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    reduce_state *s = HP_NEW(reduce_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->typed = is_kernel(x->dtype, p->op) ? NULL : hp_typed_reduce(x->dtype, (hp_reduction)p->op);
    s->op = kernel_op(p->op);
    s->rows = x->shape.rows;
    s->in_size = hp_dtype_size(x->dtype);
    s->out_size = is_arg(p->op) ? 4 : s->in_size;
    plan_stages(s, &x->shape, p->axes);
    int64_t columns = s->stages[0].inner;
    bool parts = s->stage_count == 1 && !s->typed && columns >= 2 * INNER_PART && s->in >= 2 * PIECE;
    s->inner_parts = parts ? (columns + INNER_PART - 1) / INNER_PART : 1;
    s->outer_in_piece = s->in > 0 && s->in < PIECE ? PIECE / s->in : 1;
    for (int i = 0; i + 1 < s->stage_count; i++) {
        size_t bytes = (size_t)(s->stages[i].before * s->stages[i].inner) * s->in_size;
        bytes = (bytes + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
        if (s->buffer[i % 2] < bytes) s->buffer[i % 2] = bytes;
    }
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    const reduce_state *s = state;
    int64_t outer = s->outer * (s->rows ? rows : 1);
    int64_t pieces =
        s->inner_parts > 1 ? outer * s->inner_parts : outer / s->outer_in_piece + (outer % s->outer_in_piece != 0);
    return pieces > 0 ? pieces : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    const reduce_state *s = state;
    (void)rows;
    return s->buffer[0] + s->buffer[1];
}

static void run_stage(const reduce_state *s, void *y, const void *x, int64_t before, int64_t n, int64_t inner) {
    if (s->typed) {
        s->typed(y, x, (size_t)before, (size_t)n, (size_t)inner);
    } else if (inner == 1) {
        s->kernels->reduce_columns(s->op, y, x, (size_t)n, (size_t)before, (size_t)n);
    } else {
        for (int64_t o = 0; o < before; o++)
            s->kernels->reduce_rows(s->op, (float *)y + o * inner, (const float *)x + o * n * inner, (size_t)inner,
                (size_t)n, (size_t)inner);
    }
}

/* Pieces [begin, end) of (outer index, part of the columns). */
static void run_parts(const reduce_state *s, const hp_run *run) {
    const stage *t = &s->stages[0];
    int64_t outer = s->outer * (s->rows ? run->rows : 1);
    for (int64_t piece = run->begin; piece < run->end && piece < outer * s->inner_parts; piece++) {
        int64_t o = piece / s->inner_parts, column = piece % s->inner_parts * INNER_PART;
        int64_t n = t->inner - column < INNER_PART ? t->inner - column : INNER_PART;
        s->kernels->reduce_rows(s->op, (float *)run->outputs[0] + o * t->inner + column,
            (const float *)run->inputs[0] + o * s->in + column, (size_t)t->inner, (size_t)t->n, (size_t)n);
    }
}

static hp_status run_reduce(const void *state, const hp_run *run) {
    const reduce_state *s = state;
    if (s->inner_parts > 1) {
        run_parts(s, run);
        return HP_OK;
    }
    int64_t begin = run->begin * s->outer_in_piece, end = s->outer * (s->rows ? run->rows : 1);
    if (run->end * s->outer_in_piece < end) end = run->end * s->outer_in_piece;
    if (begin >= end) return HP_OK;
    const char *x = (const char *)run->inputs[0] + (size_t)(begin * s->in) * s->in_size;
    char *y = (char *)run->outputs[0] + (size_t)(begin * s->out) * s->out_size;
    if (s->stage_count == 1) {
        run_stage(s, y, x, end - begin, s->stages[0].n, s->stages[0].inner);
        return HP_OK;
    }
    for (; begin < end; begin++, x += (size_t)s->in * s->in_size, y += (size_t)s->out * s->out_size) {
        const void *from = x;
        for (int i = 0; i < s->stage_count; i++) {
            void *to = i + 1 == s->stage_count ? y : (char *)run->workspace + (i % 2 ? s->buffer[0] : 0);
            run_stage(s, to, from, s->stages[i].before, s->stages[i].n, s->stages[i].inner);
            from = to;
        }
    }
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params, (void)outputs;
    return (double)hp_shape_elements(&inputs[0].shape);
}

const hp_prim hp_prim_reduce = {.name = "reduce",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_reduce,
    .flops = flops};
