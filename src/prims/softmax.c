/* softmax.c: the primitive `softmax`, or its logarithm, over the last axis. See builder.h, hp_emit_softmax. */
#include <math.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "softmax with %d inputs", input_count);
    HP_FAIL_IF(inputs[0].dtype != HP_FLOAT32 && inputs[0].dtype != HP_FLOAT64, error, HP_ERROR_UNSUPPORTED, NULL,
        "softmax of %s is not supported", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(inputs[0].shape.rank < (inputs[0].shape.rows ? 2 : 1), error, HP_ERROR_SHAPE, NULL,
        "softmax over an axis that is not there");
    outputs[0] = inputs[0];
    return HP_OK;
}

typedef struct softmax_state {
    const hp_kernels *kernels;
    hp_rowwise vectors;
    bool logarithm, wide;
} softmax_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_softmax_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    softmax_state *s = HP_NEW(softmax_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->logarithm = p->logarithm != 0;
    s->wide = x->dtype == HP_FLOAT64;
    hp_rowwise_plan(&s->vectors, &x->shape, 1);
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const softmax_state *)state)->vectors, rows);
}

/* One vector in double precision. */
static void wide_softmax(double *y, const double *x, int64_t n, bool logarithm) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (x[i] > most || x[i] != x[i]) most = x[i];
    for (int64_t i = 0; i < n; i++) sum += exp(x[i] - most);
    double log_sum = log(sum);
    for (int64_t i = 0; i < n; i++) y[i] = logarithm ? x[i] - most - log_sum : exp(x[i] - most) / sum;
}

static hp_status run_softmax(const void *state, const hp_run *run) {
    const softmax_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->vectors, run, &begin), n = s->vectors.n;
    size_t stride = (size_t)n;
    if (s->wide) {
        const double *x = (const double *)run->inputs[0] + begin * n;
        double *y = (double *)run->outputs[0] + begin * n;
        for (int64_t r = 0; r < count; r++) wide_softmax(y + r * n, x + r * n, n, s->logarithm);
        return HP_OK;
    }
    const float *x = (const float *)run->inputs[0] + begin * n;
    float *y = (float *)run->outputs[0] + begin * n;
    if (s->logarithm)
        s->kernels->log_softmax(y, stride, x, stride, (size_t)count, stride);
    else
        s->kernels->softmax(y, stride, x, stride, (size_t)count, stride);
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    (void)params, (void)inputs;
    return 4 * (double)hp_shape_elements(&outputs[0].shape);
}

const hp_prim hp_prim_softmax = {.name = "softmax",
    .infer = infer,
    .in_place = hp_in_place_first,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_softmax,
    .flops = flops};
