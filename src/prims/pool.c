/* pool.c: maximum or average over windows of [batch, spatial..., channels], 1 to 3 spatial axes. Averages leave the
 * padding out of the count. */
#include <math.h>

#include "base/dtype.h"
#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/window.h"

typedef struct pool_state {
    const hp_kernels *kernels;
    hp_pool_mode mode;
    bool zeros;
    bool wide; /* float64 */
    hp_window window;
    hp_images x;
    size_t x_pitch, y_pitch; /* between positions */
} pool_state;

static hp_status pool_geometry(const hp_pool_params *p, const hp_shape *x, hp_geometry *geometry, hp_error *error) {
    static const int64_t dilation[HP_MAX_SPATIAL] = {1, 1, 1};
    return hp_geometry_make(
        "pooling", x, p->spatial, p->pool_size, p->strides, dilation, p->pad_before, p->pad_after, geometry, error);
}

static hp_status pool_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_pool_params *p = params;
    hp_geometry geometry;
    HP_FAIL_IF(input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL,
        "pooling takes one input and has one output");
    HP_FAIL_IF(inputs[0].dtype != HP_FLOAT32 && inputs[0].dtype != HP_FLOAT64, error, HP_ERROR_UNSUPPORTED, NULL,
        "pooling of %s: only float32 and float64 are supported", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(p->mode != HP_POOL_MAX && p->mode != HP_POOL_AVERAGE, error, HP_ERROR_INTERNAL, NULL,
        "pooling has no mode %d", (int)p->mode);
    HP_TRY(pool_geometry(p, &inputs[0].shape, &geometry, error));
    const hp_shape *x = &inputs[0].shape;
    outputs[0] = (hp_tensor){inputs[0].dtype, hp_geometry_output(&geometry, x, x->dims[x->rank - 1])};
    return HP_OK;
}

static hp_status pool_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_pool_params *p = prepare->node->params;
    const hp_shape *x = &prepare->graph->values[prepare->node->inputs[0]].tensor.shape;
    hp_geometry geometry;
    HP_TRY(pool_geometry(p, x, &geometry, error));
    pool_state *s = HP_NEW(pool_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->mode = (hp_pool_mode)p->mode;
    s->zeros = p->zeros != 0;
    s->wide = prepare->graph->values[prepare->node->inputs[0]].tensor.dtype == HP_FLOAT64;
    s->x = hp_images_of(x);
    s->x_pitch = (size_t)hp_value_pitch(prepare->graph, prepare->node->inputs[0]);
    s->y_pitch = (size_t)hp_value_pitch(prepare->graph, prepare->node->outputs[0]);
    hp_status status = hp_window_get(prepare->constants, &geometry, &s->window, error);
    if (status != HP_OK)
        hp_free(s);
    else
        *state = s;
    return status;
}

static hp_grid pool_grid(const pool_state *s, int64_t rows) {
    size_t pixels = hp_tile_extent(s->x.rows, s->x.images, rows) * s->window.pixels;
    return hp_grid_make(pixels, s->x.channels, 1, 2 * s->kernels->vector_floats, 4.0 * (double)s->window.taps);
}

static int64_t pool_range(const void *state, int64_t rows) {
    hp_grid grid = pool_grid(state, rows);
    return hp_grid_pieces(&grid);
}

/* float64: correctness counts, not speed. NaN is what it is in the float32 kernels: greater than anything. */
static void pool_wide(const pool_state *s, const hp_run *run, const hp_rectangle *r) {
    size_t image = s->x.positions * s->x_pitch;
    for (size_t row = r->row_begin; row < r->row_end; row++) {
        const double *x = (const double *)run->inputs[0] + row / s->window.pixels * image;
        const int32_t *index = s->window.index + row % s->window.pixels * s->window.taps;
        for (size_t c = r->column_begin; c < r->column_end; c++) {
            double most = -INFINITY, sum = 0;
            size_t count = 0;
            for (size_t t = 0; t < s->window.taps; t++) {
                if (index[t] < 0 && !s->zeros) continue;
                double value = index[t] < 0 ? 0 : x[(size_t)index[t] * s->x_pitch + c];
                if (value > most || value != value) most = value;
                sum += value;
                count++;
            }
            ((double *)run->outputs[0])[row * s->y_pitch + c] = s->mode == HP_POOL_MAX ? most : sum / (double)count;
        }
    }
}

static hp_status pool_run(const void *state, const hp_run *run) {
    const pool_state *s = state;
    hp_grid grid = pool_grid(s, run->rows);
    int64_t begin = run->begin;
    hp_rectangle r;
    while (hp_grid_next(&grid, &begin, run->end, &r)) {
        if (s->wide) {
            pool_wide(s, run, &r);
            continue;
        }
        hp_pool args = {.mode = s->mode,
            .zeros = s->zeros,
            .window = s->window,
            .x = (const float *)run->inputs[0] + r.column_begin,
            .x_stride = s->x_pitch,
            .x_image_stride = s->x.positions * s->x_pitch,
            .channels = r.column_end - r.column_begin,
            .y = (float *)run->outputs[0] + r.column_begin,
            .y_stride = s->y_pitch,
            .row_begin = r.row_begin,
            .row_end = r.row_end};
        s->kernels->pool(&args);
    }
    return HP_OK;
}

static double pool_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_pool_params *p = params;
    double taps = 1;
    (void)inputs;
    for (int i = 0; i < p->spatial; i++) taps *= (double)p->pool_size[i];
    return taps * (double)hp_shape_elements(&outputs[0].shape);
}

const hp_prim hp_prim_pool = {
    .name = "pool",
    .infer = pool_infer,
    .inputs_within = 1,
    .output_within = true,
    .prepare = pool_prepare,
    .release = hp_free,
    .range = pool_range,
    .run = pool_run,
    .flops = pool_flops,
};
