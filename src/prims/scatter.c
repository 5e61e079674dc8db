/* scatter.c: the primitive `scatter`: blocks of a tensor replaced, or combined with others, at computed places, one after
 * the other as they stand (keras.ops.scatter_update). See builder.h, hp_emit_scatter.
 *
 * Every place is checked before it is used: nothing outside the tensor is read or written. */
#include <inttypes.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/typed.h"

typedef void combine_function(void *y, const void *x, int64_t n);

#define COMBINE(type, name, suffix, expression)                                                                        \
    static void name##_##suffix(void *to, const void *from, int64_t n) {                                               \
        type *y = to;                                                                                                  \
        const type *x = from;                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type p = y[i], q = x[i];                                                                                   \
            y[i] = (type)(expression);                                                                                 \
        }                                                                                                              \
    }
#define COMPARED(type, name)                                                                                           \
    COMBINE(type, name, max, p < q ? q : p)                                                                            \
    COMBINE(type, name, min, q < p ? q : p)
#define INTEGERS(dtype, type, name)                                                                                    \
    COMBINE(type, name, add, (uint64_t)p + (uint64_t)q)                                                                \
    COMBINE(type, name, multiply, (uint64_t)p *(uint64_t)q)                                                            \
    COMPARED(type, name)
#define REALS(type, name)                                                                                              \
    COMBINE(type, name, add, p + q)                                                                                    \
    COMBINE(type, name, multiply, p *q)                                                                                \
    COMPARED(type, name)
HP_TYPED_INTEGERS(INTEGERS)
COMBINE(uint8_t, boolean, or, p | q)
COMBINE(uint8_t, boolean, and, p &q)
REALS(float, f32)
REALS(double, f64)

/* NULL: none for this dtype, or HP_SCATTER_REPLACE. */
static combine_function *combiner(hp_dtype dtype, int op) {
    static combine_function *const functions[][HP_SCATTER_MULTIPLY + 1] = {
#define ROW_OF(dtype_, type, name)                                                                                     \
    [dtype_] = {[HP_SCATTER_ADD] = name##_add,                                                                         \
        [HP_SCATTER_MAX] = name##_max,                                                                                 \
        [HP_SCATTER_MIN] = name##_min,                                                                                 \
        [HP_SCATTER_MULTIPLY] = name##_multiply},
        HP_TYPED_INTEGERS(ROW_OF) ROW_OF(HP_FLOAT32, float, f32)
            ROW_OF(HP_FLOAT64, double, f64)[HP_BOOL] = {[HP_SCATTER_ADD] = boolean_or,
                [HP_SCATTER_MAX] = boolean_or,
                [HP_SCATTER_MIN] = boolean_and,
                [HP_SCATTER_MULTIPLY] = boolean_and}};
    return (size_t)dtype < sizeof functions / sizeof functions[0] ? functions[dtype][op] : NULL;
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_scatter_params *p = params;
    HP_FAIL_IF(input_count != 3 || output_count != 1 || inputs[1].dtype != HP_INT64 || p->op < HP_SCATTER_REPLACE ||
                   p->op > HP_SCATTER_MULTIPLY,
        error, HP_ERROR_INTERNAL, NULL, "scatter with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape, *at = &inputs[1].shape, *u = &inputs[2].shape;
    HP_FAIL_IF(p->op != HP_SCATTER_REPLACE && !combiner(inputs[0].dtype, p->op), error, HP_ERROR_UNSUPPORTED, NULL,
        "updates that are combined with %s are not supported", hp_dtype_name(inputs[0].dtype));
    char first[160], second[160], third[160];
    int64_t depth = at->rank > 0 ? at->dims[at->rank - 1] : -1;
    bool fits = inputs[0].dtype == inputs[2].dtype && !x->rows && !at->rows && !u->rows && depth >= 0 &&
                depth <= x->rank && u->rank == at->rank - 1 + x->rank - (int)depth;
    for (int a = 0; fits && a < u->rank; a++)
        fits = u->dims[a] == (a < at->rank - 1 ? at->dims[a] : x->dims[(int)depth + a - (at->rank - 1)]);
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "updates of shape %s at indices of shape %s into %s",
        hp_shape_text(u, first, sizeof first), hp_shape_text(at, second, sizeof second),
        hp_shape_text(x, third, sizeof third));
    outputs[0] = inputs[0];
    return HP_OK;
}

typedef struct scatter_state {
    combine_function *combine; /* NULL: replace */
    int64_t count, block;      /* updates, elements of one */
    size_t bytes, size;        /* of the tensor, of an element */
    int depth;
    int64_t dims[HP_MAX_RANK];
} scatter_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_value_info *values = prepare->graph->values;
    const hp_tensor *x = &values[prepare->node->inputs[0]].tensor;
    const hp_shape *at = &values[prepare->node->inputs[1]].tensor.shape;
    scatter_state *s = HP_NEW(scatter_state);
    HP_ALLOCATED(s, error);
    s->combine = combiner(x->dtype, ((const hp_scatter_params *)prepare->node->params)->op);
    s->depth = (int)at->dims[at->rank - 1];
    s->count = hp_shape_product(at, 0, at->rank - 1);
    s->block = hp_shape_product(&x->shape, s->depth, x->shape.rank);
    s->size = hp_dtype_size(x->dtype);
    s->bytes = (size_t)hp_shape_elements(&x->shape) * s->size;
    memcpy(s->dims, x->shape.dims, sizeof s->dims);
    *state = s;
    return HP_OK;
}

/* One piece: an update may stand on the one before. */
static int64_t range(const void *state, int64_t rows) {
    (void)state, (void)rows;
    return 1;
}

static hp_status run_scatter(const void *state, const hp_run *run) {
    const scatter_state *s = state;
    if (run->end <= run->begin) return HP_OK;
    const int64_t *at = run->inputs[1];
    const char *updates = run->inputs[2];
    if (run->outputs[0] != run->inputs[0]) memcpy(run->outputs[0], run->inputs[0], s->bytes);
    for (int64_t i = 0; i < s->count; i++, at += s->depth) {
        int64_t place = 0;
        for (int d = 0; d < s->depth; d++) {
            if (at[d] < 0 || at[d] >= s->dims[d]) {
                hp_error_set(run->error, HP_ERROR_ROW, NULL, "index %" PRId64 " is outside axis %d of %" PRId64, at[d],
                    d, s->dims[d]);
                if (run->error) run->error->row = 0;
                return HP_ERROR_ROW;
            }
            place = place * s->dims[d] + at[d];
        }
        char *y = (char *)run->outputs[0] + (size_t)(place * s->block) * s->size;
        const char *x = updates + (size_t)(i * s->block) * s->size;
        if (s->combine)
            s->combine(y, x, s->block);
        else
            memcpy(y, x, (size_t)s->block * s->size);
    }
    return HP_OK;
}

const hp_prim hp_prim_scatter = {.name = "scatter",
    .infer = infer,
    .in_place = hp_in_place_first,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_scatter};
