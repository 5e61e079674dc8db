/* normalise.c: the primitive `normalise`: layer and root-mean-square normalisation over the last axes. See builder.h,
 * hp_emit_normalise. Inputs: x, scale or none, offset or none. */
#include <math.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_normalise_params *p = params;
    char a_text[160], b_text[160];
    HP_FAIL_IF(
        input_count != 3 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "normalise with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape;
    HP_FAIL_IF(inputs[0].dtype != HP_FLOAT32 && inputs[0].dtype != HP_FLOAT64, error, HP_ERROR_UNSUPPORTED, NULL,
        "normalisation of %s is not supported", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(p->axis_count < 1 || p->axis_count > x->rank - (x->rows ? 1 : 0), error, HP_ERROR_SHAPE, NULL,
        "normalisation over the last %d axes of a tensor of shape %s", (int)p->axis_count,
        hp_shape_text(x, a_text, sizeof a_text));
    hp_shape vector = {.rank = p->axis_count};
    for (int a = 0; a < p->axis_count; a++) vector.dims[a] = x->dims[x->rank - p->axis_count + a];
    for (int i = 1; i < 3; i++)
        HP_FAIL_IF(inputs[i].dtype != HP_DTYPE_NONE &&
                       (inputs[i].dtype != inputs[0].dtype || !hp_shape_equal(&inputs[i].shape, &vector)),
            error, HP_ERROR_SHAPE, NULL, "normalisation is given a %s of %s %s; %s %s is needed",
            i == 1 ? "scale" : "offset", hp_dtype_name(inputs[i].dtype),
            hp_shape_text(&inputs[i].shape, a_text, sizeof a_text), hp_dtype_name(inputs[0].dtype),
            hp_shape_text(&vector, b_text, sizeof b_text));
    outputs[0] = inputs[0];
    return HP_OK;
}

typedef struct normalise_state {
    const hp_kernels *kernels;
    hp_rowwise vectors;
    double epsilon;
    bool rms, wide;
} normalise_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_normalise_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    normalise_state *s = HP_NEW(normalise_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->epsilon = p->epsilon;
    s->rms = p->rms != 0;
    s->wide = x->dtype == HP_FLOAT64;
    hp_rowwise_plan(&s->vectors, &x->shape, p->axis_count);
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const normalise_state *)state)->vectors, rows);
}

/* One vector in double precision. */
static void wide_normalise(
    const normalise_state *s, double *y, const double *x, const double *scale, const double *offset) {
    int64_t n = s->vectors.n;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n && !s->rms; i++) mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    double inverse = 1 / sqrt(variance / (double)n + s->epsilon);
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * (scale ? scale[i] : 1) + (offset ? offset[i] : 0);
}

static hp_status run_normalise(const void *state, const hp_run *run) {
    const normalise_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->vectors, run, &begin), n = s->vectors.n;
    if (s->wide) {
        const double *x = (const double *)run->inputs[0] + begin * n;
        double *y = (double *)run->outputs[0] + begin * n;
        for (int64_t r = 0; r < count; r++) wide_normalise(s, y + r * n, x + r * n, run->inputs[1], run->inputs[2]);
        return HP_OK;
    }
    hp_norm args = {.y = (float *)run->outputs[0] + begin * n,
        .y_stride = (size_t)n,
        .x = (const float *)run->inputs[0] + begin * n,
        .x_stride = (size_t)n,
        .rows = (size_t)count,
        .n = (size_t)n,
        .epsilon = (float)s->epsilon,
        .scale = run->inputs[1],
        .offset = run->inputs[2]};
    if (s->rms)
        s->kernels->rms_norm(&args);
    else
        s->kernels->layer_norm(&args);
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params, (void)inputs;
    return 7 * (double)hp_shape_elements(&outputs[0].shape);
}

const hp_prim hp_prim_normalise = {.name = "normalise",
    .infer = infer,
    .in_place = hp_in_place_first,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_normalise,
    .flops = flops};
