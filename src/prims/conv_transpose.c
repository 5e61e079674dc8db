/* conv_transpose.c: transposed convolution of [batch, spatial..., channels] by kernel[spatial..., filters, channels]:
 * the gradient of conv, as Keras's Conv*Transpose, with an epilogue.
 *
 * Computed as a gather: output pixel o reads input position i through tap t where o + cut = i * stride + t *
 * dilation. Which taps can meet that depends on o modulo the stride alone, its phase: each phase is a convolution
 * with its own few taps, its own packed weights and its own window table. A call of the kernel does the pixels of one
 * phase in several lines of the output (the last spatial axis) side by side, which are then put to their places; or in one
 * line, in place, where that has pixels enough. */
#include <stdio.h>
#include <string.h>

#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/packing.h"
#include "prims/window.h"

typedef struct phase {
    size_t taps;
    size_t table;  /* its part of the index tables */
    size_t packed; /* its part of the packed weights */
} phase;

typedef struct transpose_state {
    const hp_kernels *kernels;
    hp_geometry geometry; /* pad_before: what is cut off */
    hp_images x;
    size_t filters;
    int64_t phases_of[HP_MAX_SPATIAL];
    phase *phases; /* phases_of[0] x [1] x [2] */
    size_t phase_count, table_size, packed_size;
    const int32_t *tables;
    const float *packed, *zeros;
    hp_activation activation;
} transpose_state;

static hp_status transpose_geometry(
    const hp_linear_params *p, const hp_tensor *inputs, hp_geometry *geometry, hp_error *error) {
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    const hp_conv_params *c = &p->conv;
    char text[128], text2[128];
    HP_FAIL_IF(c->groups > 1, error, HP_ERROR_UNSUPPORTED, NULL, "conv_transpose: %d groups; only one is supported",
        c->groups);
    HP_FAIL_IF(x->rank < 1 || w->rank != c->spatial + 2 || w->rows || w->dims[w->rank - 1] != x->dims[x->rank - 1],
        error, HP_ERROR_SHAPE, NULL, "conv_transpose: a kernel of shape %s does not fit an input of shape %s",
        hp_shape_text(w, text, sizeof text), hp_shape_text(x, text2, sizeof text2));
    return hp_geometry_make_transposed("conv_transpose", x, c->spatial, w->dims, c->strides, c->dilation, c->pad_before,
        c->pad_after, geometry, error);
}

static hp_status transpose_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    hp_geometry geometry;
    HP_TRY(hp_linear_check_inputs("conv_transpose", inputs, input_count, HP_LINEAR_INPUTS, 2, error));
    HP_FAIL_IF(output_count != 1, error, HP_ERROR_INTERNAL, NULL, "conv_transpose has one output");
    HP_TRY(transpose_geometry(params, inputs, &geometry, error));
    const hp_shape *w = &inputs[HP_LINEAR_W].shape;
    outputs[0] =
        (hp_tensor){HP_FLOAT32, hp_geometry_output(&geometry, &inputs[HP_LINEAR_X].shape, w->dims[w->rank - 2])};
    return hp_linear_check_epilogue("conv_transpose", inputs, &outputs[0], error);
}

/* ---- phases */

/* Whether the tap meets pixels of this phase along an axis: phase + cut - tap * dilation is a multiple of stride. */
static bool tap_meets(const hp_geometry *g, int axis, int64_t phase_index, int64_t tap) {
    return (phase_index + g->pad_before[axis] - tap * g->dilation[axis]) % g->strides[axis] == 0;
}

static int64_t axis_taps(const hp_geometry *g, int axis, int64_t phase_index) {
    int64_t taps = 0;
    for (int64_t t = 0; t < g->kernel[axis]; t++) taps += tap_meets(g, axis, phase_index, t);
    return taps;
}

static int64_t axis_pixels(const hp_geometry *g, int axis, int64_t phase_index) {
    return (g->output[axis] - phase_index + g->strides[axis] - 1) / g->strides[axis];
}

/* The input position that a pixel reads through a tap that meets it; -1: outside. */
static int64_t axis_position(const hp_geometry *g, int axis, int64_t pixel, int64_t tap) {
    int64_t position = pixel + g->pad_before[axis] - tap * g->dilation[axis];
    if (position < 0 || position / g->strides[axis] >= g->input[axis]) return -1;
    return position / g->strides[axis];
}

static const phase *phase_at(const transpose_state *s, int64_t a, int64_t b, int64_t c) {
    return &s->phases[(a * s->phases_of[1] + b) * s->phases_of[2] + c];
}

static size_t packed_floats(const transpose_state *s, size_t taps) {
    hp_packing packing = {.runs = taps, .k = taps * s->x.channels, .n = s->filters};
    return taps ? hp_packed_part(s->kernels, &packing) : 0;
}

static hp_status lay_out_phases(transpose_state *s, hp_error *error) {
    const hp_geometry *g = &s->geometry;
    s->phase_count = 1;
    for (int i = 0; i < HP_MAX_SPATIAL; i++) {
        s->phases_of[i] = g->strides[i] < g->output[i] ? g->strides[i] : g->output[i];
        s->phase_count *= (size_t)s->phases_of[i];
    }
    s->phases = hp_alloc_array(s->phase_count, sizeof *s->phases);
    HP_ALLOCATED(s->phases, error);
    phase *p = s->phases;
    for (int64_t a = 0; a < s->phases_of[0]; a++)
        for (int64_t b = 0; b < s->phases_of[1]; b++)
            for (int64_t c = 0; c < s->phases_of[2]; c++, p++) {
                p->taps = (size_t)(axis_taps(g, 0, a) * axis_taps(g, 1, b) * axis_taps(g, 2, c));
                p->table = s->table_size;
                p->packed = s->packed_size;
                s->table_size += p->taps * (size_t)(axis_pixels(g, 0, a) * axis_pixels(g, 1, b) * axis_pixels(g, 2, c));
                s->packed_size += packed_floats(s, p->taps);
            }
    return HP_OK;
}

/* ---- index tables */

static int32_t *fill_pixel(const hp_geometry *g, const int64_t *phase_index, const int64_t *pixel, int32_t *index) {
    for (int64_t t0 = 0; t0 < g->kernel[0]; t0++) {
        if (!tap_meets(g, 0, phase_index[0], t0)) continue;
        int64_t i = axis_position(g, 0, pixel[0], t0);
        for (int64_t t1 = 0; t1 < g->kernel[1]; t1++) {
            if (!tap_meets(g, 1, phase_index[1], t1)) continue;
            int64_t j = axis_position(g, 1, pixel[1], t1);
            for (int64_t t2 = 0; t2 < g->kernel[2]; t2++) {
                if (!tap_meets(g, 2, phase_index[2], t2)) continue;
                int64_t k = axis_position(g, 2, pixel[2], t2);
                bool inside = i >= 0 && j >= 0 && k >= 0;
                *index++ = inside ? (int32_t)((i * g->input[1] + j) * g->input[2] + k) : -1;
            }
        }
    }
    return index;
}

static hp_status fill_tables(void *context, void *data, size_t bytes, hp_error *error) {
    const transpose_state *s = context;
    const hp_geometry *g = &s->geometry;
    int32_t *index = data;
    (void)bytes;
    (void)error;
    int64_t p[HP_MAX_SPATIAL], pixel[HP_MAX_SPATIAL];
    for (p[0] = 0; p[0] < s->phases_of[0]; p[0]++)
        for (p[1] = 0; p[1] < s->phases_of[1]; p[1]++)
            for (p[2] = 0; p[2] < s->phases_of[2]; p[2]++)
                for (pixel[0] = p[0]; pixel[0] < g->output[0]; pixel[0] += g->strides[0])
                    for (pixel[1] = p[1]; pixel[1] < g->output[1]; pixel[1] += g->strides[1])
                        for (pixel[2] = p[2]; pixel[2] < g->output[2]; pixel[2] += g->strides[2])
                            index = fill_pixel(g, p, pixel, index);
    return HP_OK;
}

/* ---- weights */

typedef struct pack_context {
    const transpose_state *state;
    const float *w;
} pack_context;

/* The taps of one phase as a matrix [taps * channels][filters]. */
static void gather_taps(const pack_context *c, const int64_t *p, float *matrix) {
    const hp_geometry *g = &c->state->geometry;
    size_t channels = c->state->x.channels, filters = c->state->filters;
    for (int64_t t0 = 0; t0 < g->kernel[0]; t0++)
        for (int64_t t1 = 0; t1 < g->kernel[1]; t1++)
            for (int64_t t2 = 0; t2 < g->kernel[2]; t2++) {
                if (!tap_meets(g, 0, p[0], t0) || !tap_meets(g, 1, p[1], t1) || !tap_meets(g, 2, p[2], t2)) continue;
                size_t tap = (size_t)((t0 * g->kernel[1] + t1) * g->kernel[2] + t2);
                const float *w = c->w + tap * filters * channels;
                for (size_t i = 0; i < channels; i++)
                    for (size_t j = 0; j < filters; j++) matrix[i * filters + j] = w[j * channels + i];
                matrix += channels * filters;
            }
}

static hp_status fill_packed(void *context, void *data, size_t bytes, hp_error *error) {
    const pack_context *c = context;
    const transpose_state *s = c->state;
    size_t largest = 0;
    memset(data, 0, bytes);
    for (size_t i = 0; i < s->phase_count; i++)
        if (s->phases[i].taps > largest) largest = s->phases[i].taps;
    float *matrix = hp_alloc_array(largest * s->x.channels, s->filters * sizeof *matrix);
    HP_ALLOCATED(matrix, error);
    int64_t p[HP_MAX_SPATIAL];
    for (p[0] = 0; p[0] < s->phases_of[0]; p[0]++)
        for (p[1] = 0; p[1] < s->phases_of[1]; p[1]++)
            for (p[2] = 0; p[2] < s->phases_of[2]; p[2]++) {
                const phase *f = phase_at(s, p[0], p[1], p[2]);
                if (!f->taps) continue;
                gather_taps(c, p, matrix);
                s->kernels->conv_pack(
                    (float *)data + f->packed, matrix, s->filters, 1, f->taps, f->taps * s->x.channels, s->filters);
            }
    hp_free(matrix);
    return HP_OK;
}

/* ---- life */

static void transpose_release(void *state) {
    transpose_state *s = state;
    if (!s) return;
    hp_free(s->phases);
    hp_free(s);
}

static hp_status share_blobs(const hp_prepare *prepare, transpose_state *s, hp_error *error) {
    const hp_constant *w = hp_prepare_constant(prepare, HP_LINEAR_W);
    HP_FAIL_IF(!w, error, HP_ERROR_UNSUPPORTED, NULL, "conv_transpose: a kernel that is computed is not supported");
    HP_TRY(lay_out_phases(s, error));
    struct {
        char name[24];
        uint64_t id;
        hp_geometry geometry;
    } key = {"transposed weights", w->id, s->geometry};
    pack_context context = {s, w->data};
    HP_TRY(hp_packed_custom(prepare, &key, sizeof key, s->packed_size, fill_packed, &context, &s->packed, error));
    hp_input_is_packed(prepare, HP_LINEAR_W);
    struct {
        char name[24];
        hp_geometry geometry;
    } table_key = {"transposed windows", s->geometry};
    const void *tables = NULL;
    HP_TRY(hp_constants_get(prepare->constants, &table_key, sizeof table_key, s->table_size * sizeof(int32_t),
        fill_tables, s, &tables, error));
    s->tables = tables;
    return hp_zeros_get(prepare->constants, s->x.channels, &s->zeros, error);
}

static hp_status transpose_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_linear_params *p = node->params;
    hp_tensor inputs[2] = {prepare->graph->values[node->inputs[HP_LINEAR_X]].tensor,
        prepare->graph->values[node->inputs[HP_LINEAR_W]].tensor};
    hp_geometry geometry;
    HP_TRY(transpose_geometry(p, inputs, &geometry, error));
    transpose_state *s = HP_NEW(transpose_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->geometry = geometry;
    s->x = hp_images_of(&inputs[0].shape);
    s->filters = (size_t)inputs[1].shape.dims[inputs[1].shape.rank - 2];
    s->activation = p->activation;
    hp_status status = share_blobs(prepare, s, error);
    if (status != HP_OK)
        transpose_release(s);
    else
        *state = s;
    return status;
}

/* Rows of the grid are lines of the output. */
static hp_grid transpose_grid(const transpose_state *s, int64_t rows) {
    const hp_geometry *g = &s->geometry;
    size_t lines = hp_tile_extent(s->x.rows, s->x.images, rows) * (size_t)(g->output[0] * g->output[1]);
    double strides = (double)g->strides[0] * (double)g->strides[1] * (double)g->strides[2];
    double taps = (double)hp_geometry_taps(g) / strides;
    return hp_grid_make(
        lines, s->filters, 1, s->kernels->gemm_nr, 2.0 * taps * (double)s->x.channels * (double)g->output[2]);
}

static int64_t transpose_range(const void *state, int64_t rows) {
    hp_grid grid = transpose_grid(state, rows);
    return hp_grid_pieces(&grid);
}

/* Pixels that no tap meets: activation(bias + residual). */
static void run_untouched(const transpose_state *s, const hp_conv *c) {
    hp_gemm args = {.m = c->row_end,
        .n = c->n,
        .a = s->zeros,
        .b = s->zeros,
        .c = c->y,
        .c_stride = c->y_stride,
        .column_begin = c->column_begin,
        .column_end = c->column_end,
        .epilogue = c->epilogue};
    s->kernels->gemm(&args);
}

/* Lines of a phase that go through the kernel at once; 1: in place. */
static size_t lines_at_once(const transpose_state *s, bool residual) {
    enum { PIXELS = 96 };
    size_t pixels = (size_t)axis_pixels(&s->geometry, 2, 0);
    return residual || pixels > PIXELS / 2 ? 1 : PIXELS / pixels;
}

static size_t transpose_workspace(const void *state, int64_t rows) {
    const transpose_state *s = state;
    size_t lines = lines_at_once(s, false);
    (void)rows;
    return lines > 1 ? lines * (size_t)axis_pixels(&s->geometry, 2, 0) * s->filters * sizeof(float) : 0;
}

/* The pixels of phase (p0, p1, p2) in `count` lines from `line` on, which are strides[1] apart. */
static void run_phase(
    const transpose_state *s, const hp_run *run, size_t line, size_t count, const int64_t *p, const hp_rectangle *r) {
    const hp_geometry *g = &s->geometry;
    const phase *f = phase_at(s, p[0], p[1], p[2]);
    size_t lines = (size_t)(g->output[0] * g->output[1]), image = line / lines,
           pixels = (size_t)axis_pixels(g, 2, p[2]);
    int64_t o0 = (int64_t)(line % lines) / g->output[1], o1 = (int64_t)(line % lines) % g->output[1];
    size_t q = (size_t)(o0 / g->strides[0] * axis_pixels(g, 1, p[1]) + o1 / g->strides[1]);
    size_t step = (size_t)g->strides[2] * s->filters,
           offset = (line * (size_t)g->output[2] + (size_t)p[2]) * s->filters;
    float *y = (float *)run->outputs[0] + offset;
    hp_conv args = {
        .window = {.index = s->tables + f->table + q * pixels * f->taps, .pixels = count * pixels, .taps = f->taps},
        .x = (const float *)run->inputs[HP_LINEAR_X] + image * s->x.positions * s->x.channels,
        .x_stride = s->x.channels,
        .x_image_stride = s->x.positions * s->x.channels,
        .channels = s->x.channels,
        .zeros = s->zeros,
        .w = s->packed + f->packed,
        .n = s->filters,
        .y = count > 1 ? run->workspace : y,
        .y_stride = count > 1 ? s->filters : step,
        .row_end = count * pixels,
        .column_begin = r->column_begin,
        .column_end = r->column_end,
        .epilogue = hp_linear_epilogue(&s->activation, run, step)};
    if (args.epilogue.residual) args.epilogue.residual += offset;
    if (f->taps)
        s->kernels->conv(&args);
    else
        run_untouched(s, &args);
    for (size_t i = 0; count > 1 && i < count; i++)
        s->kernels->copy_rows(y + i * (size_t)(g->strides[1] * g->output[2]) * s->filters + r->column_begin, step,
            args.y + i * pixels * s->filters + r->column_begin, s->filters, pixels, r->column_end - r->column_begin);
}

/* Lines [line, end), which lie in one slice. */
static void run_lines(const transpose_state *s, const hp_run *run, size_t line, size_t end, const hp_rectangle *r) {
    const hp_geometry *g = &s->geometry;
    size_t height = (size_t)g->output[1], stride = (size_t)g->strides[1];
    size_t most = lines_at_once(s, run->inputs[HP_LINEAR_RESIDUAL] != NULL);
    for (size_t first = line; first < end && first < line + stride; first++) {
        int64_t p[HP_MAX_SPATIAL] = {
            (int64_t)(line / height % (size_t)g->output[0]) % g->strides[0], (int64_t)(first % height % stride), 0};
        for (size_t at = first, count; at < end; at += count * stride) {
            count = (end - at + stride - 1) / stride;
            if (count > most) count = most;
            for (p[2] = 0; p[2] < s->phases_of[2]; p[2]++) run_phase(s, run, at, count, p, r);
        }
    }
}

static hp_status transpose_run(const void *state, const hp_run *run) {
    const transpose_state *s = state;
    size_t height = (size_t)s->geometry.output[1];
    hp_grid grid = transpose_grid(s, run->rows);
    int64_t begin = run->begin;
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, run->end, &r))
        for (size_t line = r.row_begin, next; line < r.row_end; line = next) {
            next = (line / height + 1) * height;
            if (next > r.row_end) next = r.row_end;
            run_lines(s, run, line, next, &r);
        }
    return HP_OK;
}

/* Each input position meets every tap once, but for what is cut off. */
static double transpose_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params;
    (void)outputs;
    const hp_shape *x = &inputs[HP_LINEAR_X].shape, *w = &inputs[HP_LINEAR_W].shape;
    return 2.0 * (double)hp_shape_elements(x) * (double)hp_shape_product(w, 0, w->rank - 1);
}

static void transpose_describe(const void *state, char *text, size_t size) {
    snprintf(text, size, "direct, %zu phases", ((const transpose_state *)state)->phase_count);
}

const hp_prim hp_prim_conv_transpose = {
    .name = "conv_transpose",
    .infer = transpose_infer,
    .prepare = transpose_prepare,
    .release = transpose_release,
    .range = transpose_range,
    .workspace = transpose_workspace,
    .run = transpose_run,
    .flops = transpose_flops,
    .describe = transpose_describe,
};
