/* bucketize.c: the primitive `bucketize`: numpy.digitize. See builder.h, hp_emit_bucketize. NaN is past all
 * boundaries, as a search for it finds none that is greater. */

#include "base/dtype.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(
        input_count != 2 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "bucketize with %d inputs", input_count);
    HP_FAIL_IF((inputs[0].dtype != HP_FLOAT32 && inputs[0].dtype != HP_FLOAT64) || inputs[1].dtype != HP_FLOAT32, error,
        HP_ERROR_UNSUPPORTED, NULL, "buckets of %s are not supported", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(inputs[1].shape.rank != 1 || inputs[1].shape.rows, error, HP_ERROR_SHAPE, NULL,
        "boundaries of %d axes; one axis is needed", inputs[1].shape.rank);
    outputs[0] = (hp_tensor){HP_INT32, inputs[0].shape};
    return HP_OK;
}

typedef struct bucketize_state {
    hp_rowwise elements;
    bool wide; /* x is float64 */
    int64_t boundaries;
} bucketize_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_value_info *values = prepare->graph->values;
    bucketize_state *s = HP_NEW(bucketize_state);
    HP_ALLOCATED(s, error);
    hp_rowwise_plan(&s->elements, &values[prepare->node->inputs[0]].tensor.shape, 0);
    s->wide = values[prepare->node->inputs[0]].tensor.dtype == HP_FLOAT64;
    s->boundaries = values[prepare->node->inputs[1]].tensor.shape.dims[0];
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    const bucketize_state *s = state;
    return hp_rowwise_range(&s->elements, rows);
}

static hp_status run_bucketize(const void *state, const hp_run *run) {
    const bucketize_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->elements, run, &begin);
    const float *boundaries = run->inputs[1];
    int32_t *y = (int32_t *)run->outputs[0] + begin;
    for (int64_t i = 0; i < count; i++) {
        int64_t low = 0, high = s->boundaries;
        double x = s->wide ? ((const double *)run->inputs[0])[begin + i] : ((const float *)run->inputs[0])[begin + i];
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (x < boundaries[middle])
                high = middle;
            else
                low = middle + 1;
        }
        y[i] = (int32_t)low;
    }
    return HP_OK;
}

const hp_prim hp_prim_bucketize = {
    .name = "bucketize", .infer = infer, .prepare = prepare, .release = hp_free, .range = range, .run = run_bucketize};
