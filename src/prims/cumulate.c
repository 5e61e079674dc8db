/* cumulate.c: the primitive `cumulate`: running sums or products along an axis. See builder.h, hp_emit_cumulate. */

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"

enum { PIECE = 8192 }; /* elements */

typedef void accumulate(void *y, const void *x, int64_t n, int64_t inner, bool product, bool reverse);

/* [n][inner] of one type; y may be x. ADD and TIMES must not overflow. */
#define ACCUMULATE_OF(T, name, ADD, TIMES)                                                                             \
    static void name(void *to, const void *from, int64_t n, int64_t inner, bool product, bool reverse) {               \
        T *y = to;                                                                                                     \
        const T *x = from;                                                                                             \
        for (int64_t k = 0; k < n; k++) {                                                                              \
            int64_t at = (reverse ? n - 1 - k : k) * inner, before = reverse ? at + inner : at - inner;                \
            for (int64_t i = 0; i < inner; i++) {                                                                      \
                T p = x[at + i];                                                                                       \
                y[at + i] = k == 0 ? p : product ? (T)TIMES(y[before + i], p) : (T)ADD(y[before + i], p);              \
            }                                                                                                          \
        }                                                                                                              \
    }
#define FLOAT_ADD(a, b) ((a) + (b))
#define FLOAT_TIMES(a, b) ((a) * (b))
#define WRAP_ADD(a, b) ((uint64_t)(a) + (uint64_t)(b))
#define WRAP_TIMES(a, b) ((uint64_t)(a) * (uint64_t)(b))
ACCUMULATE_OF(float, f32, FLOAT_ADD, FLOAT_TIMES)
ACCUMULATE_OF(double, f64, FLOAT_ADD, FLOAT_TIMES)
ACCUMULATE_OF(int8_t, i8, WRAP_ADD, WRAP_TIMES)
ACCUMULATE_OF(int16_t, i16, WRAP_ADD, WRAP_TIMES)
ACCUMULATE_OF(int32_t, i32, WRAP_ADD, WRAP_TIMES)
ACCUMULATE_OF(int64_t, i64, WRAP_ADD, WRAP_TIMES)

/* Wrapping sums and products of unsigned integers have the bits of the signed ones. */
static accumulate *function_of(hp_dtype dtype) {
    switch (dtype) {
    case HP_FLOAT32:
        return f32;
    case HP_FLOAT64:
        return f64;
    case HP_INT8:
    case HP_UINT8:
        return i8;
    case HP_INT16:
    case HP_UINT16:
        return i16;
    case HP_INT32:
    case HP_UINT32:
        return i32;
    case HP_INT64:
    case HP_UINT64:
        return i64;
    default:
        return NULL;
    }
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_cumulate_params *p = params;
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "cumulate with %d inputs", input_count);
    HP_FAIL_IF(!function_of(inputs[0].dtype), error, HP_ERROR_UNSUPPORTED, NULL, "cumulative %s of %s is not supported",
        p->product ? "product" : "sum", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(p->axis < (inputs[0].shape.rows ? 1 : 0) || p->axis >= inputs[0].shape.rank, error, HP_ERROR_SHAPE, NULL,
        "cumulative %s along axis %d of a tensor of %d axes", p->product ? "product" : "sum", (int)p->axis,
        inputs[0].shape.rank);
    outputs[0] = inputs[0];
    return HP_OK;
}

typedef struct cumulate_state {
    accumulate *function;
    bool rows, product, reverse;
    int64_t outer, n, inner, in_piece;
    size_t size;
} cumulate_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_cumulate_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    cumulate_state *s = HP_NEW(cumulate_state);
    HP_ALLOCATED(s, error);
    s->function = function_of(x->dtype);
    s->rows = x->shape.rows;
    s->product = p->product != 0;
    s->reverse = p->reverse != 0;
    s->outer = hp_shape_product(&x->shape, 0, p->axis);
    s->n = x->shape.dims[p->axis];
    s->inner = hp_shape_product(&x->shape, p->axis + 1, x->shape.rank);
    s->size = hp_dtype_size(x->dtype);
    int64_t block = s->n * s->inner;
    s->in_piece = block > 0 && block < PIECE ? PIECE / block : 1;
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    const cumulate_state *s = state;
    int64_t outer = s->outer * (s->rows ? rows : 1), pieces = outer / s->in_piece + (outer % s->in_piece != 0);
    return pieces > 0 ? pieces : 1;
}

static hp_status run_cumulate(const void *state, const hp_run *run) {
    const cumulate_state *s = state;
    int64_t end = s->outer * (s->rows ? run->rows : 1), block = s->n * s->inner * (int64_t)s->size;
    if (run->end * s->in_piece < end) end = run->end * s->in_piece;
    for (int64_t o = run->begin * s->in_piece; o < end; o++)
        s->function((char *)run->outputs[0] + o * block, (const char *)run->inputs[0] + o * block, s->n, s->inner,
            s->product, s->reverse);
    return HP_OK;
}

const hp_prim hp_prim_cumulate = {.name = "cumulate",
    .infer = infer,
    .in_place = hp_in_place_first,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_cumulate};
