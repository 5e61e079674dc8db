/* sort.c: the primitive `sort`: the last axis in order, values and the places they had. See builder.h, hp_emit_sort.
 *
 * Equal elements keep their order, whether ascending or descending; NaN counts as larger than everything. */
#include <math.h>
#include <stdlib.h>

#include "base/dtype.h"
#include "base/half.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static bool sortable(hp_dtype dtype) {
    return dtype == HP_FLOAT32 || dtype == HP_FLOAT64 || dtype == HP_BOOL ||
           (hp_dtype_is_integer(dtype) && dtype != HP_UINT64);
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(
        input_count != 1 || output_count != 2, error, HP_ERROR_INTERNAL, NULL, "sort with %d inputs", input_count);
    HP_FAIL_IF(!sortable(inputs[0].dtype), error, HP_ERROR_UNSUPPORTED, NULL, "sorting %s is not supported",
        hp_dtype_name(inputs[0].dtype));
    const hp_shape *shape = &inputs[0].shape;
    HP_FAIL_IF(shape->rank < 1 || (shape->rows && shape->rank == 1) || shape->dims[shape->rank - 1] > INT32_MAX, error,
        HP_ERROR_SHAPE, NULL, "sorting %d axes", shape->rank);
    outputs[0] = inputs[0];
    outputs[1] = (hp_tensor){HP_INT32, inputs[0].shape};
    return HP_OK;
}

typedef struct item {
    union {
        double real;
        int64_t integer;
    } key;
    int64_t place;
} item;

typedef struct sort_state {
    hp_rowwise vectors;
    hp_dtype dtype;
    bool descending;
} sort_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    sort_state *s = HP_NEW(sort_state);
    HP_ALLOCATED(s, error);
    s->dtype = x->dtype;
    s->descending = ((const hp_sort_params *)prepare->node->params)->descending != 0;
    hp_rowwise_plan(&s->vectors, &x->shape, 1);
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const sort_state *)state)->vectors, rows);
}

static size_t workspace(const void *state, int64_t rows) {
    (void)rows;
    return (size_t)((const sort_state *)state)->vectors.n * sizeof(item);
}

static int by_place(const item *a, const item *b) {
    return (a->place > b->place) - (a->place < b->place);
}

static int compare_reals(double a, double b) {
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static int reals_up(const void *a, const void *b) {
    int order = compare_reals(((const item *)a)->key.real, ((const item *)b)->key.real);
    return order ? order : by_place(a, b);
}

static int reals_down(const void *a, const void *b) {
    int order = compare_reals(((const item *)b)->key.real, ((const item *)a)->key.real);
    return order ? order : by_place(a, b);
}

static int integers_up(const void *a, const void *b) {
    int64_t p = ((const item *)a)->key.integer, q = ((const item *)b)->key.integer;
    return p != q ? (p > q) - (p < q) : by_place(a, b);
}

static int integers_down(const void *a, const void *b) {
    int64_t p = ((const item *)a)->key.integer, q = ((const item *)b)->key.integer;
    return p != q ? (p < q) - (p > q) : by_place(a, b);
}

/* FOR(dtype, type, key) for everything that is sorted. */
#define SORTED(FOR)                                                                                                    \
    FOR(HP_FLOAT32, float, real)                                                                                       \
    FOR(HP_FLOAT64, double, real)                                                                                      \
    FOR(HP_INT8, int8_t, integer)                                                                                      \
    FOR(HP_INT16, int16_t, integer)                                                                                    \
    FOR(HP_INT32, int32_t, integer)                                                                                    \
    FOR(HP_INT64, int64_t, integer)                                                                                    \
    FOR(HP_UINT8, uint8_t, integer)                                                                                    \
    FOR(HP_BOOL, uint8_t, integer)                                                                                     \
    FOR(HP_UINT16, uint16_t, integer)                                                                                  \
    FOR(HP_UINT32, uint32_t, integer)

/* Vector number `v` into items, and the sorted items out again. */
static void load(const sort_state *s, const void *x, int64_t v, item *items) {
    int64_t n = s->vectors.n;
    switch (s->dtype) {
#define LOAD(dtype, type, member)                                                                                      \
    case dtype:                                                                                                        \
        for (int64_t i = 0; i < n; i++) items[i] = (item){.key.member = ((const type *)x)[v * n + i], .place = i};     \
        break;
        SORTED(LOAD)
#undef LOAD
    default:
        break;
    }
}

static void store(const sort_state *s, void *y, int32_t *places, int64_t v, const item *items) {
    int64_t n = s->vectors.n;
    for (int64_t i = 0; i < n; i++) places[v * n + i] = (int32_t)items[i].place;
    switch (s->dtype) {
#define STORE(dtype, type, member)                                                                                     \
    case dtype:                                                                                                        \
        for (int64_t i = 0; i < n; i++) ((type *)y)[v * n + i] = (type)items[i].key.member;                            \
        break;
        SORTED(STORE)
#undef STORE
    default:
        break;
    }
}

static hp_status run_sort(const void *state, const hp_run *run) {
    const sort_state *s = state;
    bool real = s->dtype == HP_FLOAT32 || s->dtype == HP_FLOAT64;
    int (*compare)(const void *, const void *) =
        real ? (s->descending ? reals_down : reals_up) : (s->descending ? integers_down : integers_up);
    int64_t begin, count = hp_rowwise_part(&s->vectors, run, &begin);
    item *items = run->workspace;
    for (int64_t v = begin; v < begin + count; v++) {
        load(s, run->inputs[0], v, items);
        if (s->vectors.n > 0) qsort(items, (size_t)s->vectors.n, sizeof *items, compare);
        store(s, run->outputs[0], run->outputs[1], v, items);
    }
    return HP_OK;
}

const hp_prim hp_prim_sort = {.name = "sort",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_sort};
