/* conv_scaled.c: 1x1 convolution of x times a factor per image and channel.
 *
 * The factors go into the weights, x (s w) for (x s) w, once an image: those are far fewer than x's elements, and x is read
 * once and never written. Invariant: how a tile is cut into pieces does not change what an image's weights are. */
#include "prims/conv_scaled.h"

#include <stdio.h>

#include "prims/grid.h"
#include "prims/packing.h"
#include "prims/window.h"

/* Small images stay in level 2 from the multiplication to the convolution: there scaling x costs less than scaling weights
 * does. EfficientNetB0's 14x14 images with 80 and 112 filters lost so, its 28x28 with 40 gained. */
enum { POSITIONS_PER_FILTER = 16 };

typedef struct scaled_state {
    const hp_kernels *kernels;
    hp_images x;
    size_t filters;
    const float *packed;
    hp_activation activation;
} scaled_state;

bool hp_node_scales_weights(const hp_graph *graph, const hp_node *node) {
    const hp_images x = hp_images_of(&graph->values[node->inputs[HP_LINEAR_X]].tensor.shape);
    const hp_shape *w = &graph->values[node->inputs[HP_LINEAR_W]].tensor.shape;
    return x.positions >= POSITIONS_PER_FILTER * (size_t)w->dims[w->rank - 1];
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_linear_params *p = params;
    HP_FAIL_IF(input_count != HP_SCALED_INPUTS, error, HP_ERROR_INTERNAL, NULL, "conv_scaled takes %d inputs",
        HP_SCALED_INPUTS);
    HP_TRY(hp_prim_conv.infer(params, inputs, HP_LINEAR_INPUTS, outputs, output_count, error));
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    const hp_tensor *factors = &inputs[HP_SCALED_FACTORS];
    const hp_conv_params *c = &p->conv;
    hp_geometry g;
    HP_TRY(hp_geometry_make(
        "conv_scaled", x, c->spatial, w->dims, c->strides, c->dilation, c->pad_before, c->pad_after, &g, error));
    hp_shape wanted = *x;
    for (int i = 1; i < x->rank - 1; i++) wanted.dims[i] = 1;
    HP_FAIL_IF(!hp_geometry_is_pointwise(&g) || c->groups != 1 || factors->dtype != HP_FLOAT32 ||
                   !hp_shape_equal(&factors->shape, &wanted),
        error, HP_ERROR_INTERNAL, NULL, "conv_scaled of a window, or with factors of another shape than x");
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_shape *w = &prepare->graph->values[node->inputs[HP_LINEAR_W]].tensor.shape;
    scaled_state *s = HP_NEW(scaled_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->x = hp_images_of(&prepare->graph->values[node->inputs[HP_LINEAR_X]].tensor.shape);
    s->filters = (size_t)w->dims[w->rank - 1];
    s->activation = hp_node_linear(node)->activation;
    const hp_packing packing = {
        .k = s->x.channels, .n = s->filters, .row_stride = s->filters, .column_stride = 1, .parts = 1};
    hp_status status = hp_packed_input(prepare, HP_LINEAR_W, &packing, &s->packed, error);
    if (status == HP_OK && !s->packed)
        status = hp_error_set(error, HP_ERROR_INTERNAL, NULL, "conv_scaled with computed weights");
    if (status == HP_OK)
        *state = s;
    else
        hp_free(s);
    return status;
}

static hp_grid grid_of(const scaled_state *s, int64_t rows) {
    return hp_grid_make(hp_tile_extent(s->x.rows, s->x.images, rows) * s->x.positions, s->filters, s->kernels->gemm_mr,
        s->kernels->gemm_nr, 2.0 * (double)s->x.channels);
}

static int64_t range(const void *state, int64_t rows) {
    const hp_grid grid = grid_of(state, rows);
    return hp_grid_pieces(&grid);
}

static size_t workspace(const void *state, int64_t rows) {
    const scaled_state *s = state;
    (void)rows;
    return s->kernels->gemm_packed_size(s->x.channels, s->filters) * sizeof(float);
}

/* The part of a rectangle that lies in one image. */
static void run_image(const scaled_state *s, const hp_run *run, const hp_rectangle *r) {
    const size_t image = r->row_begin / s->x.positions;
    s->kernels->gemm_scale(run->workspace, s->packed,
        (const float *)run->inputs[HP_SCALED_FACTORS] + image * s->x.channels, s->x.channels, s->filters);
    hp_gemm args = {.m = r->row_end - r->row_begin,
        .n = s->filters,
        .k = s->x.channels,
        .a = (const float *)run->inputs[HP_LINEAR_X] + r->row_begin * s->x.channels,
        .a_stride = s->x.channels,
        .b = run->workspace,
        .c = (float *)run->outputs[0] + r->row_begin * s->filters,
        .c_stride = s->filters,
        .column_begin = r->column_begin,
        .column_end = r->column_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, s->filters)};
    if (args.epilogue.residual) args.epilogue.residual += r->row_begin * s->filters;
    s->kernels->gemm(&args);
}

static hp_status run_scaled(const void *state, const hp_run *run) {
    const scaled_state *s = state;
    const hp_grid grid = grid_of(s, run->rows);
    int64_t begin = run->begin;
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, run->end, &r)) {
        const size_t end = r.row_end;
        for (; r.row_begin < end; r.row_begin = r.row_end) {
            r.row_end = (r.row_begin / s->x.positions + 1) * s->x.positions;
            if (r.row_end > end) r.row_end = end;
            run_image(s, run, &r);
        }
    }
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    return hp_prim_conv.flops(params, inputs, outputs);
}

static void describe(const void *state, char *text, size_t size) {
    (void)state;
    snprintf(text, size, "gemm over positions, weights scaled for each image");
}

const hp_prim hp_prim_conv_scaled = {
    .name = "conv_scaled",
    .infer = infer,
    .in_place = hp_linear_in_place,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_scaled,
    .flops = flops,
    .describe = describe,
};
