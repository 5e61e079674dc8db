/* matmul.c: batched matrix product x[..., M, K] times y[..., K, N], both computed; either may be transposed, leading
 * axes broadcast.
 *
 * A piece is one item of the batch and a block of columns of y, whose width depends on the shape alone; the block of
 * y (and a transposed x) is packed into the workspace. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/matmul.h"
#include "prims/prim.h"

/* The packed block of y should stay in a core's second cache together with x. */
enum { BLOCK_FLOATS = 64 << 10, LINE_FLOATS = HP_ALIGNMENT / sizeof(float) };

typedef struct matmul_state {
    const hp_kernels *kernels;
    bool rows; /* the items' outermost axis is the rows' */
    bool transpose_x, transpose_y;
    bool wide; /* float64 */
    size_t m, n, k;
    size_t column_block, column_blocks;
    int axes; /* of the batch */
    int64_t dims[HP_MAX_RANK];
    int64_t x_step[HP_MAX_RANK], y_step[HP_MAX_RANK]; /* items from one index of the axis to the next; 0: broadcast */
    size_t items;                                     /* per row where `rows` is set */
} matmul_state;

static hp_status check_operands(const hp_tensor *inputs, int input_count, hp_error *error) {
    HP_FAIL_IF(input_count != 2, error, HP_ERROR_INTERNAL, NULL, "matmul takes 2 inputs, not %d", input_count);
    for (int i = 0; i < 2; i++) {
        hp_dtype dtype = inputs[i].dtype;
        HP_FAIL_IF((dtype != HP_FLOAT32 && dtype != HP_FLOAT64) || dtype != inputs[0].dtype, error,
            HP_ERROR_UNSUPPORTED, NULL, "matmul of %s and %s: only float32 and float64 are supported",
            hp_dtype_name(inputs[0].dtype), hp_dtype_name(dtype));
        HP_FAIL_IF(inputs[i].shape.rank < 2, error, HP_ERROR_SHAPE, NULL, "matmul wants at least two axes");
    }
    return HP_OK;
}

/* Rows may be the outermost axis of the batch, in both or against axes of 1; or M of a product without batch. */
static bool rows_fit(const hp_shape *x, const hp_shape *y, const hp_matmul_params *p) {
    if (y->rows && y->rank < 3) return false;
    if (x->rows && x->rank < 3) return !p->transpose_x && y->rank == 2;
    if (x->rows && y->rank > x->rank) return false;
    if (y->rows && x->rank > y->rank) return false;
    return true;
}

static hp_status matmul_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_matmul_params *p = params;
    HP_TRY(check_operands(inputs, input_count, error));
    HP_FAIL_IF(output_count != 1, error, HP_ERROR_INTERNAL, NULL, "matmul has one output");
    hp_shape x = inputs[0].shape, y = inputs[1].shape, lead;
    char text[128], text2[128];
    hp_shape_text(&x, text, sizeof text);
    hp_shape_text(&y, text2, sizeof text2);
    HP_FAIL_IF(
        !rows_fit(&x, &y, p), error, HP_ERROR_SHAPE, NULL, "matmul of shapes %s and %s would mix rows", text, text2);
    int64_t m = x.dims[x.rank - 2], k = x.dims[x.rank - 1], k2 = y.dims[y.rank - 2], n = y.dims[y.rank - 1];
    if (p->transpose_x) m = x.dims[x.rank - 1], k = x.dims[x.rank - 2];
    if (p->transpose_y) k2 = y.dims[y.rank - 1], n = y.dims[y.rank - 2];
    bool rows = x.rows || y.rows;
    if (x.rank == 2) x.rows = false;
    x.rank -= 2;
    y.rank -= 2;
    HP_FAIL_IF(k != k2 || !hp_shape_broadcast(&x, &y, &lead) || lead.rank + 2 > HP_MAX_RANK, error, HP_ERROR_SHAPE,
        NULL, "matmul of shapes %s%s and %s%s", text, p->transpose_x ? " transposed" : "", text2,
        p->transpose_y ? " transposed" : "");
    outputs[0] = (hp_tensor){inputs[0].dtype, lead};
    hp_shape *out = &outputs[0].shape;
    out->dims[out->rank++] = m;
    out->dims[out->rank++] = n;
    out->rows = rows;
    return HP_OK;
}

/* Items from one index to the next along each of the result's `axes`, for an operand's leading axes. */
static void item_steps(const hp_shape *shape, const hp_shape *out, int64_t *step) {
    int axes = out->rank - 2, skip = out->rank - shape->rank;
    int64_t items = 1;
    for (int i = axes - 1; i >= 0; i--) {
        bool broadcast = i < skip || (shape->dims[i - skip] == 1 && !(shape->rows && i == 0));
        step[i] = broadcast ? 0 : items;
        if (i >= skip) items *= shape->dims[i - skip];
    }
}

static hp_status matmul_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_matmul_params *p = node->params;
    const hp_shape *x = &prepare->graph->values[node->inputs[0]].tensor.shape;
    const hp_shape *y = &prepare->graph->values[node->inputs[1]].tensor.shape;
    const hp_shape *out = &prepare->graph->values[node->outputs[0]].tensor.shape;
    matmul_state *s = HP_NEW(matmul_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->rows = out->rows;
    s->wide = prepare->graph->values[node->inputs[0]].tensor.dtype == HP_FLOAT64;
    s->transpose_x = p->transpose_x;
    s->transpose_y = p->transpose_y;
    s->m = (size_t)out->dims[out->rank - 2];
    s->n = (size_t)out->dims[out->rank - 1];
    s->k = (size_t)x->dims[x->rank - (p->transpose_x ? 2 : 1)];
    s->axes = out->rank - 2;
    memcpy(s->dims, out->dims, sizeof s->dims);
    item_steps(x, out, s->x_step);
    item_steps(y, out, s->y_step);
    s->items = (size_t)hp_shape_product(out, 0, s->axes);
    size_t nr = s->kernels->gemm_nr, panels = BLOCK_FLOATS / (nr * (s->k ? s->k : 1));
    s->column_block = (panels ? panels : 1) * nr;
    s->column_blocks = (s->n + s->column_block - 1) / s->column_block;
    *state = s;
    return HP_OK;
}

/* Without axes of a batch, rows are M's. */
static size_t items_of(const matmul_state *s, int64_t rows) {
    return s->rows && s->axes ? s->items * (size_t)rows : s->items;
}

static size_t m_of(const matmul_state *s, int64_t rows) {
    return s->rows && !s->axes ? s->m * (size_t)rows : s->m;
}

static int64_t matmul_range(const void *state, int64_t rows) {
    const matmul_state *s = state;
    int64_t pieces = (int64_t)(items_of(s, rows) * s->column_blocks);
    return pieces ? pieces : 1;
}

static size_t packed_block(const matmul_state *s) {
    size_t columns = s->column_block < s->n ? s->column_block : s->n;
    return (s->kernels->gemm_packed_size(s->k, columns) + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static size_t matmul_workspace(const void *state, int64_t rows) {
    const matmul_state *s = state;
    return (packed_block(s) + (s->transpose_x ? m_of(s, rows) * s->k : 0)) * sizeof(float);
}

static void item_offsets(const matmul_state *s, size_t item, size_t *x_item, size_t *y_item) {
    int64_t x = 0, y = 0, rest = (int64_t)item;
    for (int i = s->axes - 1; i >= 0; i--) {
        int64_t index = i == 0 ? rest : rest % s->dims[i]; /* axis 0 may have the rows as a factor */
        rest /= s->dims[i] ? s->dims[i] : 1;
        x += index * s->x_step[i];
        y += index * s->y_step[i];
    }
    *x_item = (size_t)x;
    *y_item = (size_t)y;
}

/* Columns [begin, end) of one item in float64: correctness counts, not speed. */
static void multiply_wide(
    const matmul_state *s, size_t m, const double *x, const double *y, double *z, size_t begin, size_t end) {
    size_t x_row = s->transpose_x ? 1 : s->k, x_step = s->transpose_x ? m : 1;
    size_t y_row = s->transpose_y ? 1 : s->n, y_step = s->transpose_y ? s->k : 1;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = begin; j < end; j++) z[i * s->n + j] = 0;
        for (size_t k = 0; k < s->k; k++) {
            double factor = x[i * x_row + k * x_step];
            for (size_t j = begin; j < end; j++) z[i * s->n + j] += factor * y[k * y_row + j * y_step];
        }
    }
}

static hp_status matmul_run(const void *state, const hp_run *run) {
    const matmul_state *s = state;
    size_t m = m_of(s, run->rows), items = items_of(s, run->rows);
    float *packed = run->workspace, *x_turned = packed + packed_block(s);
    size_t turned_item = SIZE_MAX;
    for (int64_t piece = run->begin; piece < run->end; piece++) {
        size_t item = (size_t)piece / (s->column_blocks ? s->column_blocks : 1), x_item, y_item;
        if (item >= items || !s->column_blocks) break;
        size_t column = (size_t)piece % s->column_blocks * s->column_block;
        size_t columns = s->n - column < s->column_block ? s->n - column : s->column_block;
        item_offsets(s, item, &x_item, &y_item);
        if (s->wide) {
            multiply_wide(s, m, (const double *)run->inputs[0] + x_item * m * s->k,
                (const double *)run->inputs[1] + y_item * s->k * s->n, (double *)run->outputs[0] + item * m * s->n,
                column, column + columns);
            continue;
        }
        const float *x = (const float *)run->inputs[0] + x_item * m * s->k;
        const float *y = (const float *)run->inputs[1] + y_item * s->k * s->n;
        if (s->transpose_x) {
            if (turned_item != x_item) s->kernels->transpose(x_turned, s->k, x, m, s->k, m);
            turned_item = x_item;
            x = x_turned;
        }
        if (s->transpose_y)
            s->kernels->gemm_pack(packed, y + column * s->k, 1, s->k, s->k, columns);
        else
            s->kernels->gemm_pack(packed, y + column, s->n, 1, s->k, columns);
        hp_gemm args = {.m = m,
            .n = columns,
            .k = s->k,
            .a = x,
            .a_stride = s->k,
            .b = packed,
            .c = (float *)run->outputs[0] + item * m * s->n + column,
            .c_stride = s->n,
            .column_end = columns};
        s->kernels->gemm(&args);
    }
    return HP_OK;
}

static double matmul_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_matmul_params *p = params;
    const hp_shape *x = &inputs[0].shape;
    return 2.0 * (double)x->dims[x->rank - (p->transpose_x ? 2 : 1)] * (double)hp_shape_elements(&outputs[0].shape);
}

static void matmul_describe(const void *state, char *text, size_t size) {
    const matmul_state *s = state;
    if (s->wide)
        snprintf(text, size, "by the definition");
    else
        snprintf(text, size, "blocks of %zu columns, packed at each run", s->column_block);
}

const hp_prim hp_prim_matmul = {
    .name = "matmul",
    .infer = matmul_infer,
    .prepare = matmul_prepare,
    .release = hp_free,
    .range = matmul_range,
    .workspace = matmul_workspace,
    .run = matmul_run,
    .flops = matmul_flops,
    .describe = matmul_describe,
};
