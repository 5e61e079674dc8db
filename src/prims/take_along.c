/* take_along.c: the primitive `take_along`: elements of the last axis by indices of their own for each vector
 * (numpy.take_along_axis). See builder.h, hp_emit_take_along. */
#include <inttypes.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(input_count != 2 || output_count != 1 || inputs[1].dtype != HP_INT64, error, HP_ERROR_INTERNAL, NULL,
        "take_along with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape, *i = &inputs[1].shape;
    bool fits = x->rank == i->rank && x->rank >= 1 && x->rows == i->rows && !(x->rows && x->rank == 1);
    for (int a = 0; fits && a < x->rank - 1; a++) fits = x->dims[a] == i->dims[a];
    char first[160], second[160];
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "indices of shape %s along the last axis of %s",
        hp_shape_text(i, first, sizeof first), hp_shape_text(x, second, sizeof second));
    outputs[0] = (hp_tensor){inputs[0].dtype, *i};
    return HP_OK;
}

typedef struct take_state {
    hp_rowwise vectors; /* of the indices */
    int64_t table, in_row;
    size_t size;
} take_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *i = &prepare->graph->values[prepare->node->inputs[1]].tensor.shape;
    take_state *s = HP_NEW(take_state);
    HP_ALLOCATED(s, error);
    hp_rowwise_plan(&s->vectors, i, 1);
    s->table = x->shape.dims[x->shape.rank - 1];
    s->in_row = i->rows ? s->vectors.outer : 0;
    s->size = hp_dtype_size(x->dtype);
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const take_state *)state)->vectors, rows);
}

static hp_status run_take_along(const void *state, const hp_run *run) {
    const take_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->vectors, run, &begin), n = s->vectors.n;
    for (int64_t v = begin; v < begin + count; v++) {
        const int64_t *indices = (const int64_t *)run->inputs[1] + v * n;
        const char *x = (const char *)run->inputs[0] + (size_t)(v * s->table) * s->size;
        char *y = (char *)run->outputs[0] + (size_t)(v * n) * s->size;
        for (int64_t i = 0; i < n; i++) {
            int64_t at = indices[i] < 0 ? indices[i] + s->table : indices[i];
            if (at < 0 || at >= s->table) {
                hp_error_set(run->error, HP_ERROR_ROW, NULL, "index %" PRId64 " is outside an axis of %" PRId64,
                    indices[i], s->table);
                if (run->error) run->error->row = s->in_row > 0 ? v / s->in_row : 0;
                return HP_ERROR_ROW;
            }
            memcpy(y + (size_t)i * s->size, x + (size_t)at * s->size, s->size);
        }
    }
    return HP_OK;
}

const hp_prim hp_prim_take_along = {.name = "take_along",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_take_along};
