/* depthwise.c: every channel convolved by kernels of its own, kernel[spatial..., channels, depth_multiplier], with
 * an epilogue. The kernel is read as it lies: nothing is packed.
 *
 * Two ways, chosen by shape alone: images of one or two axes with one output per channel go row by row; the rest goes
 * through a table of taps. */
#include <stdio.h>

#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/window.h"

typedef struct depthwise_state {
    const hp_kernels *kernels;
    hp_geometry geometry;
    bool plane;
    hp_window window; /* unless `plane` */
    hp_images x;
    size_t multiplier, columns;
    const float *zeros;
    hp_activation activation;
} depthwise_state;

static hp_status depthwise_geometry(
    const hp_linear_params *p, const hp_tensor *inputs, hp_geometry *geometry, hp_error *error) {
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    const hp_conv_params *c = &p->conv;
    char text[128], text2[128];
    HP_TRY(hp_linear_check_inputs("depthwise", inputs, HP_LINEAR_INPUTS, HP_LINEAR_INPUTS, 2, error));
    HP_FAIL_IF(x->rank < 1 || w->rank != c->spatial + 2 || w->rows || w->dims[w->rank - 2] != x->dims[x->rank - 1],
        error, HP_ERROR_SHAPE, NULL, "depthwise: a kernel of shape %s does not fit an input of shape %s",
        hp_shape_text(w, text, sizeof text), hp_shape_text(x, text2, sizeof text2));
    return hp_geometry_make(
        "depthwise", x, c->spatial, w->dims, c->strides, c->dilation, c->pad_before, c->pad_after, geometry, error);
}

static hp_status depthwise_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    hp_geometry geometry;
    HP_FAIL_IF(input_count != HP_LINEAR_INPUTS || output_count != 1, error, HP_ERROR_INTERNAL, NULL,
        "depthwise takes %d inputs, not %d, and has one output", HP_LINEAR_INPUTS, input_count);
    HP_TRY(depthwise_geometry(params, inputs, &geometry, error));
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    outputs[0] = (hp_tensor){HP_FLOAT32, hp_geometry_output(&geometry, x, hp_shape_product(w, w->rank - 2, w->rank))};
    return hp_linear_check_epilogue("depthwise", inputs, &outputs[0], error);
}

static hp_status depthwise_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_linear_params *p = node->params;
    hp_tensor inputs[HP_LINEAR_INPUTS] = {prepare->graph->values[node->inputs[HP_LINEAR_X]].tensor,
        prepare->graph->values[node->inputs[HP_LINEAR_W]].tensor};
    hp_geometry geometry;
    HP_TRY(depthwise_geometry(p, inputs, &geometry, error));
    depthwise_state *s = HP_NEW(depthwise_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->x = hp_images_of(&inputs[0].shape);
    s->multiplier = (size_t)inputs[1].shape.dims[inputs[1].shape.rank - 1];
    s->columns = s->x.channels * s->multiplier;
    s->activation = p->activation;
    s->geometry = geometry;
    s->plane = s->multiplier == 1 && hp_geometry_is_plane(&geometry) && geometry.kernel[1] <= HP_PLANE_TAP_ROWS;
    hp_status status = HP_OK;
    if (!s->plane) status = hp_window_get(prepare->constants, &geometry, &s->window, error);
    if (!s->plane && status == HP_OK) status = hp_zeros_get(prepare->constants, s->x.channels, &s->zeros, error);
    if (status != HP_OK)
        hp_free(s);
    else
        *state = s;
    return status;
}

/* Rows of the grid: pixels, or rows of pixels. */
static hp_grid depthwise_grid(const depthwise_state *s, int64_t rows) {
    size_t images = hp_tile_extent(s->x.rows, s->x.images, rows), pixels = hp_geometry_pixels(&s->geometry);
    size_t width = s->plane ? (size_t)s->geometry.output[2] : 1;
    double flops = 4.0 * (double)hp_geometry_taps(&s->geometry) * (double)s->multiplier;
    return hp_grid_make(images * pixels / width, s->x.channels, s->plane ? 1 : s->kernels->gemm_mr,
        2 * s->kernels->vector_floats, flops * (double)width);
}

static int64_t depthwise_range(const void *state, int64_t rows) {
    hp_grid grid = depthwise_grid(state, rows);
    return hp_grid_pieces(&grid);
}

static void run_table(const depthwise_state *s, const hp_run *run, const hp_rectangle *r) {
    size_t column = r->column_begin * s->multiplier;
    hp_depthwise args = {.window = s->window,
        .x = (const float *)run->inputs[HP_LINEAR_X] + r->column_begin,
        .x_stride = s->x.channels,
        .x_image_stride = s->x.positions * s->x.channels,
        .channels = r->column_end - r->column_begin,
        .multiplier = s->multiplier,
        .zeros = s->zeros,
        .w = (const float *)run->inputs[HP_LINEAR_W] + column,
        .w_stride = s->columns,
        .y = (float *)run->outputs[0] + column,
        .y_stride = s->columns,
        .row_begin = r->row_begin,
        .row_end = r->row_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, s->columns)};
    if (args.epilogue.bias) args.epilogue.bias += column;
    if (args.epilogue.residual) args.epilogue.residual += column;
    s->kernels->depthwise(&args);
}

/* Rows of pixels [row_begin, row_end), numbered through all images: image by image. */
static void run_plane(const depthwise_state *s, const hp_run *run, const hp_rectangle *r) {
    const hp_epilogue epilogue = hp_linear_epilogue(&s->activation, run, s->columns);
    hp_depthwise_plane args;
    size_t height = (size_t)s->geometry.output[1];
    for (size_t row = r->row_begin, image = row / height; row < r->row_end; row = ++image * height) {
        hp_plane_args(&s->geometry, s->x.channels, &args);
        size_t offset = row * args.y_width * s->columns + r->column_begin;
        size_t end = (image + 1) * height < r->row_end ? (image + 1) * height : r->row_end;
        args.x = (const float *)run->inputs[HP_LINEAR_X] + image * s->x.positions * s->x.channels + r->column_begin;
        args.channels = r->column_end - r->column_begin;
        args.w = (const float *)run->inputs[HP_LINEAR_W] + r->column_begin;
        args.y = (float *)run->outputs[0] + offset;
        args.row_begin = row - image * height;
        args.row_end = end - image * height;
        args.epilogue = epilogue;
        if (epilogue.bias) args.epilogue.bias += r->column_begin;
        if (epilogue.residual) args.epilogue.residual += offset;
        s->kernels->depthwise_plane(&args);
    }
}

static hp_status depthwise_run(const void *state, const hp_run *run) {
    const depthwise_state *s = state;
    hp_grid grid = depthwise_grid(s, run->rows);
    int64_t begin = run->begin;
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, run->end, &r)) (s->plane ? run_plane : run_table)(s, run, &r);
    return HP_OK;
}

static double depthwise_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params;
    const hp_shape *w = &inputs[HP_LINEAR_W].shape;
    return 2.0 * (double)hp_shape_product(w, 0, w->rank - 2) * (double)hp_shape_elements(&outputs[0].shape);
}

static void depthwise_describe(const void *state, char *text, size_t size) {
    snprintf(text, size, "%s", ((const depthwise_state *)state)->plane ? "row by row" : "table of taps");
}

const hp_prim hp_prim_depthwise = {
    .name = "depthwise",
    .infer = depthwise_infer,
    .prepare = depthwise_prepare,
    .release = hp_free,
    .range = depthwise_range,
    .run = depthwise_run,
    .flops = depthwise_flops,
    .describe = depthwise_describe,
};
