/* gather.c: the primitive `gather`: numpy.take along one axis. See builder.h, hp_emit_gather.
 *
 * Seen as table [outer][n][inner], the output is [outer][indices][inner]. Every index is checked where it is used: a
 * row of the tile with one outside the table is reported, and nothing outside the table is read. */
#include <inttypes.h>

#include "base/dtype.h"
#include "prims/bytes.h"
#include "prims/node_params.h"
#include "prims/prim.h"

enum { PIECE_BYTES = 32 << 10 };

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_axis_params *p = params;
    char text[160];
    HP_FAIL_IF(input_count != 2 || output_count != 1 || inputs[0].dtype == HP_DTYPE_NONE, error, HP_ERROR_INTERNAL,
        NULL, "gather with %d inputs", input_count);
    const hp_shape *t = &inputs[0].shape, *i = &inputs[1].shape;
    HP_FAIL_IF(!hp_dtype_is_integer(inputs[1].dtype), error, HP_ERROR_SHAPE, NULL,
        "indices of %s; an integer dtype is needed", hp_dtype_name(inputs[1].dtype));
    HP_FAIL_IF(p->axis < 0 || p->axis >= t->rank || t->rank - 1 + i->rank > HP_MAX_RANK, error, HP_ERROR_SHAPE, NULL,
        "indices of %d axes into axis %d of a table of shape %s", i->rank, (int)p->axis,
        hp_shape_text(t, text, sizeof text));
    HP_FAIL_IF((t->rows && (i->rows || p->axis == 0)) || (i->rows && p->axis != 0), error, HP_ERROR_SHAPE, NULL,
        "the gathered elements mix rows");
    hp_shape y = {.rows = t->rows || i->rows};
    for (int a = 0; a < p->axis; a++) y.dims[y.rank++] = t->dims[a];
    for (int a = 0; a < i->rank; a++) y.dims[y.rank++] = i->dims[a];
    for (int a = p->axis + 1; a < t->rank; a++) y.dims[y.rank++] = t->dims[a];
    outputs[0] = (hp_tensor){inputs[0].dtype, y};
    return HP_OK;
}

typedef struct gather_state {
    int64_t outer, n, inner; /* of the table; outer per row where it has rows */
    int64_t indices;         /* per row where they have rows */
    bool table_rows, index_rows;
    size_t size;
    hp_dtype index_dtype;
    int64_t runs_in_piece;
} gather_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_axis_params *p = prepare->node->params;
    const hp_tensor *t = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_tensor *i = &prepare->graph->values[prepare->node->inputs[1]].tensor;
    gather_state *s = HP_NEW(gather_state);
    HP_ALLOCATED(s, error);
    s->outer = hp_shape_product(&t->shape, 0, p->axis);
    s->n = t->shape.dims[p->axis];
    s->inner = hp_shape_product(&t->shape, p->axis + 1, t->shape.rank);
    s->indices = hp_shape_elements(&i->shape);
    s->table_rows = t->shape.rows;
    s->index_rows = i->shape.rows;
    s->size = hp_dtype_size(t->dtype);
    s->index_dtype = i->dtype;
    s->runs_in_piece = PIECE_BYTES / (s->inner * (int64_t)s->size + 8);
    if (s->runs_in_piece < 1) s->runs_in_piece = 1;
    *state = s;
    return HP_OK;
}

/* Runs of `inner` elements in the output. */
static int64_t runs(const gather_state *s, int64_t rows) {
    return s->outer * s->indices * (s->table_rows || s->index_rows ? rows : 1);
}

static int64_t range(const void *state, int64_t rows) {
    const gather_state *s = state;
    int64_t n = runs(s, rows), pieces = n / s->runs_in_piece + (n % s->runs_in_piece != 0);
    return pieces > 0 ? pieces : 1;
}

/* Index i, a negative one counted from the end; -1: outside. *found: as it was given. */
static int64_t read_index(const gather_state *s, const void *indices, int64_t i, int64_t *found) {
    int64_t index = 0;
    switch (s->index_dtype) {
    case HP_INT8:
        index = ((const int8_t *)indices)[i];
        break;
    case HP_INT16:
        index = ((const int16_t *)indices)[i];
        break;
    case HP_INT32:
        index = ((const int32_t *)indices)[i];
        break;
    case HP_INT64:
        index = ((const int64_t *)indices)[i];
        break;
    case HP_UINT8:
        index = ((const uint8_t *)indices)[i];
        break;
    case HP_UINT16:
        index = ((const uint16_t *)indices)[i];
        break;
    case HP_UINT32:
        index = ((const uint32_t *)indices)[i];
        break;
    default: { /* uint64: what is past int64 is outside any table */
        uint64_t wide = ((const uint64_t *)indices)[i];
        index = wide > INT64_MAX ? INT64_MAX : (int64_t)wide;
        break;
    }
    }
    *found = index;
    if (index < 0) index += s->n;
    return index >= 0 && index < s->n ? index : -1;
}

static hp_status bad_index(const gather_state *s, const hp_run *run, int64_t i, int64_t found) {
    hp_error_set(run->error, HP_ERROR_ROW, NULL,
        "index %" PRId64 " is outside a table of %" PRId64 " entries (0 to %" PRId64 ")%s", found, s->n, s->n - 1,
        found == INT32_MIN || found == INT64_MIN ? ": NaN, as an integer" : "");
    if (run->error) run->error->row = s->index_rows && s->indices > 0 ? i / s->indices : 0;
    return HP_ERROR_ROW;
}

static hp_status run_gather(const void *state, const hp_run *run) {
    const gather_state *s = state;
    int64_t indices = s->indices * (s->index_rows ? run->rows : 1), end = runs(s, run->rows);
    int64_t bytes = s->inner * (int64_t)s->size;
    if (run->end * s->runs_in_piece < end) end = run->end * s->runs_in_piece;
    char *y = (char *)run->outputs[0];
    const char *table = run->inputs[0];
    for (int64_t at = run->begin * s->runs_in_piece; at < end; at++) {
        int64_t outer = at / indices, i = at - outer * indices, found;
        int64_t index = read_index(s, run->inputs[1], i, &found);
        if (index < 0) return bad_index(s, run, i, found);
        hp_bytes_copy(y + at * bytes, table + (outer * s->n + index) * bytes, (size_t)bytes);
    }
    return HP_OK;
}

const hp_prim hp_prim_gather = {
    .name = "gather", .infer = infer, .prepare = prepare, .release = hp_free, .range = range, .run = run_gather};
