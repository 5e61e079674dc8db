/* encode.c: the primitive `encode`: indices as one-hot, multi-hot or counting vectors. See builder.h, hp_emit_encode.
 *
 * An output vector is cleared, then each of its indices is put in; nothing outside it is written. */
#include <inttypes.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/categories.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_encode_params *p = params;
    char text[160];
    HP_FAIL_IF(
        input_count != 2 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "encode with %d inputs", input_count);
    HP_FAIL_IF(inputs[0].dtype != HP_INT64, error, HP_ERROR_UNSUPPORTED, NULL, "encoding %s is not supported",
        hp_dtype_name(inputs[0].dtype));
    hp_shape y = inputs[0].shape;
    bool one_hot = p->encoding == HP_ENCODING_ONE_HOT;
    HP_FAIL_IF(p->depth < 1 || p->depth > INT32_MAX || (one_hot ? y.rank >= HP_MAX_RANK : y.rank < (y.rows ? 2 : 1)),
        error, HP_ERROR_SHAPE, NULL, "indices of shape %s cannot be encoded as vectors of %" PRId64,
        hp_shape_text(&y, text, sizeof text), p->depth);
    bool wide = inputs[1].dtype == HP_FLOAT64;
    HP_FAIL_IF(inputs[1].dtype != HP_DTYPE_NONE &&
                   ((inputs[1].dtype != HP_FLOAT32 && !wide) || !hp_shape_equal(&inputs[1].shape, &inputs[0].shape)),
        error, HP_ERROR_SHAPE, NULL, "weights of %s and shape %s do not belong to the indices",
        hp_dtype_name(inputs[1].dtype), hp_shape_text(&inputs[1].shape, text, sizeof text));
    if (one_hot) y.rank++;
    y.dims[y.rank - 1] = p->depth;
    outputs[0] = (hp_tensor){wide ? HP_FLOAT64 : HP_FLOAT32, y};
    return HP_OK;
}

typedef struct encode_state {
    hp_rowwise vectors;
    hp_encode_params params;
    int64_t in_row; /* vectors of one row; 0: there are no rows */
    bool wide;      /* weights and output are float64 */
} encode_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_shape *shape = &prepare->graph->values[prepare->node->inputs[0]].tensor.shape;
    encode_state *s = HP_NEW(encode_state);
    HP_ALLOCATED(s, error);
    s->params = *(const hp_encode_params *)prepare->node->params;
    s->wide = prepare->graph->values[prepare->node->outputs[0]].tensor.dtype == HP_FLOAT64;
    hp_rowwise_plan(&s->vectors, shape, s->params.encoding != HP_ENCODING_ONE_HOT);
    int64_t piece = 8192 / (s->vectors.n + s->params.depth);
    s->vectors.in_piece = piece > 1 ? piece : 1;
    s->in_row = shape->rows ? s->vectors.outer : 0;
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    const encode_state *s = state;
    return hp_rowwise_range(&s->vectors, rows);
}

static hp_status negative(const encode_state *s, const hp_run *run, int64_t vector, int64_t index) {
    hp_error_set(run->error, HP_ERROR_ROW, NULL, "index %" PRId64 " is negative, it cannot be encoded", index);
    if (run->error) run->error->row = s->in_row > 0 ? vector / s->in_row : 0;
    return HP_ERROR_ROW;
}

/* Adds the weight of index i to its element of the vector at y. */
static void count(const encode_state *s, const hp_run *run, void *y, int64_t index, int64_t i) {
    if (s->wide)
        ((double *)y)[index] += ((const double *)run->inputs[1])[i];
    else
        ((float *)y)[index] += run->inputs[1] ? ((const float *)run->inputs[1])[i] : 1;
}

static hp_status run_encode(const void *state, const hp_run *run) {
    const encode_state *s = state;
    int64_t begin, vectors = hp_rowwise_part(&s->vectors, run, &begin), n = s->vectors.n, depth = s->params.depth;
    size_t bytes = (size_t)depth * (s->wide ? sizeof(double) : sizeof(float));
    for (int64_t v = begin; v < begin + vectors; v++) {
        const int64_t *indices = (const int64_t *)run->inputs[0] + v * n;
        char *y = (char *)run->outputs[0] + (size_t)v * bytes;
        memset(y, 0, bytes);
        for (int64_t i = 0; i < n; i++) {
            if (indices[i] < 0 && s->params.strict) return negative(s, run, v, indices[i]);
            if (indices[i] < 0 || indices[i] >= depth) continue;
            if (s->params.encoding == HP_ENCODING_COUNT)
                count(s, run, y, indices[i], v * n + i);
            else
                ((float *)y)[indices[i]] = 1;
        }
    }
    return HP_OK;
}

const hp_prim hp_prim_encode = {
    .name = "encode", .infer = infer, .prepare = prepare, .release = hp_free, .range = range, .run = run_encode};
