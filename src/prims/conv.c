/* conv.c: convolution of [batch, spatial..., channels] by kernel[spatial..., channels / groups, filters], 1 to 3
 * spatial axes, with strides, dilation, padding, groups and an epilogue.
 *
 * Four ways, chosen by shape alone: one tap at stride 1 is a gemm over positions; one channel per group is a
 * depthwise convolution (same memory layout); windows at stride 1, and a few at stride 2, that save multiplications go
 * through tiles (conv_winograd.h); everything else goes through the window kernel, a call per group. */
#include <stdio.h>

#include "prims/conv_winograd.h"
#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/packing.h"
#include "prims/window.h"

typedef enum conv_way { WAY_WINDOW, WAY_POINTWISE, WAY_DEPTHWISE, WAY_WINOGRAD } conv_way;

typedef struct conv_state {
    const hp_kernels *kernels;
    conv_way way;
    hp_window window;
    hp_images x;
    size_t groups, group_channels, group_filters, filters;
    size_t x_pitch, y_pitch; /* between positions */
    hp_packing packing;
    const float *packed; /* NULL: the kernel is computed; unused by WAY_DEPTHWISE */
    const float *zeros;
    hp_activation activation;
    hp_winograd_state *winograd; /* WAY_WINOGRAD's; the others' fields are unused then */
} conv_state;

static hp_status conv_geometry(
    const hp_linear_params *p, const hp_tensor *inputs, hp_geometry *geometry, hp_error *error) {
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    const hp_conv_params *c = &p->conv;
    char text[128];
    HP_FAIL_IF(w->rank != c->spatial + 2 || w->rows, error, HP_ERROR_SHAPE, NULL,
        "conv: the kernel has shape %s; expected %d axes", hp_shape_text(w, text, sizeof text), c->spatial + 2);
    return hp_geometry_make(
        "conv", x, c->spatial, w->dims, c->strides, c->dilation, c->pad_before, c->pad_after, geometry, error);
}

static hp_status conv_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_linear_params *p = params;
    hp_geometry geometry;
    HP_TRY(hp_linear_check_inputs("conv", inputs, input_count, HP_LINEAR_INPUTS, 2, error));
    HP_FAIL_IF(output_count != 1, error, HP_ERROR_INTERNAL, NULL, "conv has one output");
    HP_TRY(conv_geometry(p, inputs, &geometry, error));
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    int64_t channels = x->dims[x->rank - 1], filters = w->dims[w->rank - 1], groups = p->conv.groups;
    HP_FAIL_IF(groups < 1 || channels % groups || filters % groups, error, HP_ERROR_SHAPE, NULL,
        "conv: %lld channels and %lld filters cannot be split into %lld groups", (long long)channels,
        (long long)filters, (long long)groups);
    HP_FAIL_IF(w->dims[w->rank - 2] != channels / groups, error, HP_ERROR_SHAPE, NULL,
        "conv: the kernel takes %lld channels per group; the input has %lld in %lld groups",
        (long long)w->dims[w->rank - 2], (long long)channels, (long long)groups);
    outputs[0] = (hp_tensor){HP_FLOAT32, hp_geometry_output(&geometry, x, filters)};
    return hp_linear_check_epilogue("conv", inputs, &outputs[0], error);
}

static void conv_release(void *state) {
    conv_state *s = state;
    if (s) hp_winograd_release(s->winograd);
    hp_free(s);
}

static hp_status prepare_way(const hp_prepare *prepare, const hp_geometry *geometry, conv_state *s, hp_error *error) {
    if (s->way == WAY_WINDOW) {
        hp_winograd_layer layer = {
            *geometry, s->x, s->groups, s->group_channels, s->group_filters, s->x_pitch, s->y_pitch, s->activation};
        HP_TRY(hp_winograd_prepare(prepare, &layer, &s->winograd, error));
        if (s->winograd) {
            s->way = WAY_WINOGRAD;
            return HP_OK;
        }
    }
    if (s->way != WAY_POINTWISE) HP_TRY(hp_window_get(prepare->constants, geometry, &s->window, error));
    if (s->way == WAY_POINTWISE) s->window = (hp_window){.pixels = hp_geometry_pixels(geometry), .taps = 1};
    if (s->way != WAY_POINTWISE) HP_TRY(hp_zeros_get(prepare->constants, s->x.channels, &s->zeros, error));
    if (s->way == WAY_DEPTHWISE) return HP_OK;
    s->packing = (hp_packing){.runs = s->way == WAY_WINDOW ? s->kernels->conv_runs(&s->window, s->group_channels) : 0,
        .k = hp_geometry_taps(geometry) * s->group_channels,
        .n = s->group_filters,
        .row_stride = s->filters,
        .column_stride = 1,
        .parts = s->groups,
        .part_stride = s->group_filters};
    return hp_packed_input(prepare, HP_LINEAR_W, &s->packing, &s->packed, error);
}

static hp_status conv_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_linear_params *p = node->params;
    hp_tensor inputs[2] = {prepare->graph->values[node->inputs[HP_LINEAR_X]].tensor,
        prepare->graph->values[node->inputs[HP_LINEAR_W]].tensor};
    hp_geometry geometry;
    HP_TRY(conv_geometry(p, inputs, &geometry, error));
    conv_state *s = HP_NEW(conv_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->x = hp_images_of(&inputs[0].shape);
    s->groups = (size_t)p->conv.groups;
    s->filters = (size_t)inputs[1].shape.dims[inputs[1].shape.rank - 1];
    s->x_pitch = (size_t)hp_value_pitch(prepare->graph, node->inputs[HP_LINEAR_X]);
    s->y_pitch = (size_t)hp_value_pitch(prepare->graph, node->outputs[0]);
    s->group_channels = s->x.channels / s->groups;
    s->group_filters = s->filters / s->groups;
    s->activation = p->activation;
    if (s->groups == 1 && hp_geometry_is_pointwise(&geometry))
        s->way = WAY_POINTWISE;
    else if (s->groups > 1 && s->group_channels == 1)
        s->way = WAY_DEPTHWISE;
    hp_status status = prepare_way(prepare, &geometry, s, error);
    if (status != HP_OK)
        conv_release(s);
    else
        *state = s;
    return status;
}

/* With groups a column of the grid is a group. */
static hp_grid conv_grid(const conv_state *s, int64_t rows) {
    if (s->way == WAY_WINOGRAD) return hp_winograd_grid(s->winograd, rows);
    size_t pixels = hp_tile_extent(s->x.rows, s->x.images, rows) * s->window.pixels;
    double flops = 2.0 * (double)s->window.taps * (double)s->group_channels;
    if (s->groups == 1) return hp_grid_make(pixels, s->filters, s->kernels->gemm_mr, s->kernels->gemm_nr, flops);
    return hp_grid_make(pixels, s->groups, s->kernels->gemm_mr, s->way == WAY_DEPTHWISE ? s->groups : 1,
        flops * (double)s->group_filters);
}

static bool packs_in_run(const conv_state *s) {
    return !s->packed && s->way != WAY_DEPTHWISE && s->way != WAY_WINOGRAD;
}

static int64_t conv_range(const void *state, int64_t rows) {
    const conv_state *s = state;
    hp_grid grid = conv_grid(s, rows);
    return packs_in_run(s) ? 1 : hp_grid_pieces(&grid);
}

static size_t conv_workspace(const void *state, int64_t rows) {
    const conv_state *s = state;
    (void)rows;
    if (s->way == WAY_WINOGRAD) return hp_winograd_workspace(s->winograd);
    size_t floats = 0;
    if (packs_in_run(s) && !hp_packed_floats(s->kernels, &s->packing, &floats)) return SIZE_MAX;
    return floats * sizeof(float);
}

static int64_t conv_rows(const void *state) {
    const conv_state *s = state;
    return s->way == WAY_WINOGRAD ? hp_winograd_rows(s->winograd) : 1;
}

/* Winograd's tiles may be computed twice, and so need their residual unchanged; a depthwise kernel reads it early. */
static int conv_in_place(const void *state) {
    const conv_state *s = state;
    return s->way == WAY_POINTWISE || s->way == WAY_WINDOW ? hp_linear_in_place(state) : -1;
}

static void run_pointwise(const conv_state *s, const hp_run *run, const float *packed, const hp_rectangle *r) {
    hp_gemm args = {.m = r->row_end - r->row_begin,
        .n = s->filters,
        .k = s->x.channels,
        .a = (const float *)run->inputs[HP_LINEAR_X] + r->row_begin * s->x_pitch,
        .a_stride = s->x_pitch,
        .b = packed,
        .c = (float *)run->outputs[0] + r->row_begin * s->y_pitch,
        .c_stride = s->y_pitch,
        .column_begin = r->column_begin,
        .column_end = r->column_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, s->filters)};
    if (args.epilogue.residual) args.epilogue.residual += r->row_begin * s->filters;
    s->kernels->gemm(&args);
}

static void run_depthwise(const conv_state *s, const hp_run *run, const hp_rectangle *r) {
    hp_depthwise args = {.window = s->window,
        .x = run->inputs[HP_LINEAR_X],
        .x_stride = s->x_pitch,
        .x_image_stride = s->x.positions * s->x_pitch,
        .channels = s->x.channels,
        .multiplier = s->group_filters,
        .zeros = s->zeros,
        .w = run->inputs[HP_LINEAR_W],
        .w_stride = s->filters,
        .y = run->outputs[0],
        .y_stride = s->y_pitch,
        .row_begin = r->row_begin,
        .row_end = r->row_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, s->filters)};
    s->kernels->depthwise(&args);
}

/* One group, or the only one: its columns [begin, end). */
static void run_group(const conv_state *s, const hp_run *run, const float *packed, size_t group, const hp_rectangle *r,
    size_t column_begin, size_t column_end) {
    size_t column = group * s->group_filters, offset = r->row_begin * s->y_pitch + column;
    hp_conv args = {.window = s->window,
        .x = (const float *)run->inputs[HP_LINEAR_X] + group * s->group_channels,
        .x_stride = s->x_pitch,
        .x_image_stride = s->x.positions * s->x_pitch,
        .channels = s->group_channels,
        .zeros = s->zeros,
        .w = packed + group * hp_packed_part(s->kernels, &s->packing),
        .n = s->group_filters,
        .y = (float *)run->outputs[0] + offset,
        .y_stride = s->y_pitch,
        .row_begin = r->row_begin,
        .row_end = r->row_end,
        .column_begin = column_begin,
        .column_end = column_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, s->filters)};
    if (args.epilogue.bias) args.epilogue.bias += column;
    if (args.epilogue.residual) args.epilogue.residual += r->row_begin * s->filters + column;
    s->kernels->conv(&args);
}

static hp_status conv_run(const void *state, const hp_run *run) {
    const conv_state *s = state;
    hp_grid grid = conv_grid(s, run->rows);
    int64_t begin = run->begin, end = run->end;
    const float *packed = s->packed;
    if (packs_in_run(s)) {
        if (begin >= end) return HP_OK;
        hp_pack(s->kernels, &s->packing, run->inputs[HP_LINEAR_W], run->workspace);
        packed = run->workspace;
        end = hp_grid_pieces(&grid);
    }
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, end, &r)) {
        if (s->way == WAY_POINTWISE)
            run_pointwise(s, run, packed, &r);
        else if (s->way == WAY_DEPTHWISE)
            run_depthwise(s, run, &r);
        else if (s->way == WAY_WINOGRAD)
            hp_winograd_run(s->winograd, run, &r);
        else if (s->groups == 1)
            run_group(s, run, packed, 0, &r, r.column_begin, r.column_end);
        else
            for (size_t g = r.column_begin; g < r.column_end; g++)
                run_group(s, run, packed, g, &r, 0, s->group_filters);
    }
    return HP_OK;
}

static double conv_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params;
    const hp_shape *w = &inputs[HP_LINEAR_W].shape;
    return 2.0 * (double)hp_shape_product(w, 0, w->rank - 1) * (double)hp_shape_elements(&outputs[0].shape);
}

static void conv_describe(const void *state, char *text, size_t size) {
    static const char *const names[] = {
        [WAY_WINDOW] = "direct", [WAY_POINTWISE] = "gemm over positions", [WAY_DEPTHWISE] = "channel by channel"};
    const conv_state *s = state;
    if (s->way == WAY_WINOGRAD)
        hp_winograd_describe(s->winograd, text, size);
    else
        snprintf(text, size, "%s", names[s->way]);
}

const hp_prim hp_prim_conv = {
    .name = "conv",
    .infer = conv_infer,
    .inputs_within = 1U << HP_LINEAR_X,
    .output_within = true,
    .in_place = conv_in_place,
    .prepare = conv_prepare,
    .release = conv_release,
    .range = conv_range,
    .workspace = conv_workspace,
    .rows = conv_rows,
    .run = conv_run,
    .flops = conv_flops,
    .describe = conv_describe,
};
