/* gemm.c: x[..., K] times a matrix w[K, N] that is the same for every row, with an epilogue.
 *
 * A constant w is packed once for all plans; a computed one at the start of each run. The sum over K is in an order
 * that depends on K alone, so every split of rows and columns gives the same bits. */
#include <stdio.h>

#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/packing.h"

typedef struct gemm_state {
    const hp_kernels *kernels;
    const float *packed; /* NULL: w is computed */
    hp_packing packing;
    bool rows;
    size_t m, n, k; /* m: per row where `rows` is set */
    size_t x_pitch, y_pitch;
    hp_activation activation;
} gemm_state;

static hp_status gemm_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_linear_params *p = params;
    HP_TRY(hp_linear_check_inputs("gemm", inputs, input_count, HP_LINEAR_INPUTS, 2, error));
    HP_FAIL_IF(output_count != 1, error, HP_ERROR_INTERNAL, NULL, "gemm has one output");
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    char text[128], text2[128];
    int k_axis = p->transpose_w ? 1 : 0;
    HP_FAIL_IF(
        x->rank < 1 || (x->rows && x->rank < 2) || w->rank != 2 || w->rows || x->dims[x->rank - 1] != w->dims[k_axis],
        error, HP_ERROR_SHAPE, NULL, "matrix product of shapes %s and %s%s", hp_shape_text(x, text, sizeof text),
        hp_shape_text(w, text2, sizeof text2), p->transpose_w ? " transposed" : "");
    outputs[0] = inputs[HP_LINEAR_X];
    outputs[0].shape.dims[x->rank - 1] = w->dims[1 - k_axis];
    return hp_linear_check_epilogue("gemm", inputs, &outputs[0], error);
}

static hp_status gemm_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_linear_params *p = node->params;
    const hp_shape *x = &prepare->graph->values[node->inputs[HP_LINEAR_X]].tensor.shape;
    const hp_shape *w = &prepare->graph->values[node->inputs[HP_LINEAR_W]].tensor.shape;
    gemm_state *s = HP_NEW(gemm_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->rows = x->rows;
    s->m = (size_t)hp_shape_product(x, 0, x->rank - 1);
    s->k = (size_t)w->dims[p->transpose_w ? 1 : 0];
    s->n = (size_t)w->dims[p->transpose_w ? 0 : 1];
    s->x_pitch = (size_t)hp_value_pitch(prepare->graph, node->inputs[HP_LINEAR_X]);
    s->y_pitch = (size_t)hp_value_pitch(prepare->graph, node->outputs[0]);
    s->activation = p->activation;
    s->packing = (hp_packing){.k = s->k,
        .n = s->n,
        .row_stride = p->transpose_w ? 1 : s->n,
        .column_stride = p->transpose_w ? s->k : 1,
        .parts = 1};
    hp_status status = hp_packed_input(prepare, HP_LINEAR_W, &s->packing, &s->packed, error);
    if (status != HP_OK)
        hp_free(s);
    else
        *state = s;
    return status;
}

static hp_grid gemm_grid(const gemm_state *s, int64_t rows) {
    return hp_grid_make(
        hp_tile_extent(s->rows, s->m, rows), s->n, s->kernels->gemm_mr, s->kernels->gemm_nr, 2.0 * (double)s->k);
}

/* A computed w is packed whole by whoever runs: then there is one piece, so that it is packed once. */
static int64_t gemm_range(const void *state, int64_t rows) {
    const gemm_state *s = state;
    hp_grid grid = gemm_grid(s, rows);
    return s->packed ? hp_grid_pieces(&grid) : 1;
}

static size_t gemm_workspace(const void *state, int64_t rows) {
    const gemm_state *s = state;
    (void)rows;
    return s->packed ? 0 : hp_packed_part(s->kernels, &s->packing) * sizeof(float);
}

static hp_status gemm_run(const void *state, const hp_run *run) {
    const gemm_state *s = state;
    hp_grid grid = gemm_grid(s, run->rows);
    int64_t begin = run->begin, end = run->end;
    const float *packed = s->packed;
    if (!packed) {
        if (begin >= end) return HP_OK;
        hp_pack(s->kernels, &s->packing, run->inputs[HP_LINEAR_W], run->workspace);
        packed = run->workspace;
        end = hp_grid_pieces(&grid);
    }
    const float *x = run->inputs[HP_LINEAR_X];
    float *y = run->outputs[0];
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, end, &r)) {
        hp_gemm args = {.m = r.row_end - r.row_begin,
            .n = s->n,
            .k = s->k,
            .a = x + r.row_begin * s->x_pitch,
            .a_stride = s->x_pitch,
            .b = packed,
            .c = y + r.row_begin * s->y_pitch,
            .c_stride = s->y_pitch,
            .column_begin = r.column_begin,
            .column_end = r.column_end,
            .epilogue = hp_linear_epilogue(&s->activation, run, s->n)};
        if (args.epilogue.residual) args.epilogue.residual += r.row_begin * s->n;
        s->kernels->gemm(&args);
    }
    return HP_OK;
}

static double gemm_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params;
    const hp_shape *x = &inputs[HP_LINEAR_X].shape;
    return 2.0 * (double)x->dims[x->rank - 1] * (double)hp_shape_elements(&outputs[0].shape);
}

static void gemm_describe(const void *state, char *text, size_t size) {
    const gemm_state *s = state;
    snprintf(text, size, "tiles of %zu x %zu%s", s->kernels->gemm_mr, s->kernels->gemm_nr,
        s->packed ? "" : ", weights packed at each run");
}

const hp_prim hp_prim_gemm = {
    .name = "gemm",
    .infer = gemm_infer,
    .inputs_within = 1U << HP_LINEAR_X,
    .output_within = true,
    .in_place = hp_linear_in_place,
    .prepare = gemm_prepare,
    .release = hp_free,
    .range = gemm_range,
    .workspace = gemm_workspace,
    .run = gemm_run,
    .flops = gemm_flops,
    .describe = gemm_describe,
};
