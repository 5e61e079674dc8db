/* matrix.c: diagonals, triangles and products of vectors and matrices (keras/src/ops/numpy.py). */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis;
    int64_t k, offset, axis1, axis2, axisa, axisb, axisc, N;
    bool increasing;
    double dx;
    const hp_json *x;
} config;

#define MATRIX_OP(name, ...)                                                                                           \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, fields_##name, config, lower_##name);                   \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define PLAIN_OP(name)                                                                                                 \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name);             \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define SMALL(member, fallback) HP_INT(config, member, fallback, -1e9, 1e9)

/* ---- masks of the last two axes: inside(row, column) */

typedef bool where(int64_t row, int64_t column, int64_t k);
static bool lower_part(int64_t row, int64_t column, int64_t k) {
    return column <= row + k;
}
static bool upper_part(int64_t row, int64_t column, int64_t k) {
    return column >= row + k;
}

static hp_value mask(hp_builder *b, int64_t rows, int64_t columns, int64_t k, where *inside) {
    unsigned char *bits = hp_arena_alloc(&b->graph->arena, (size_t)(rows * columns) + 1);
    if (!bits) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) bits[i * columns + j] = inside(i, j, k);
    return hp_emit_literal(b, HP_BOOL, 2, (const int64_t[]){rows, columns}, bits);
}

static void triangle(hp_builder *b, hp_call *call, int64_t k, where *inside) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    if (shape.rank < 2 || (shape.rows && shape.rank == 2)) {
        hp_builder_mixes_rows(b, "a triangle of the rows");
        return;
    }
    hp_value keep = mask(b, shape.dims[shape.rank - 2], shape.dims[shape.rank - 1], k, inside);
    hp_call_output(b, call, hp_emit_select(b, keep, x, hp_op_number(b, 0, x)));
}

MATRIX_OP(Tril, SMALL(k, 0)) {
    triangle(b, call, ((const config *)layer->config)->k, lower_part);
}

MATRIX_OP(Triu, SMALL(k, 0)) {
    triangle(b, call, ((const config *)layer->config)->k, upper_part);
}

/* ---- diagonals */

/* The diagonal of two axes, last: of all elements of both, one in so many. */
static hp_value diagonal(hp_builder *b, hp_value x, int64_t offset, int64_t axis1, int64_t axis2) {
    hp_shape shape = *hp_builder_shape(b, x);
    int first = hp_builder_axis(b, axis1, shape.rank), second = hp_builder_axis(b, axis2, shape.rank);
    int permutation[HP_MAX_RANK], at = 0;
    int64_t dims[HP_MAX_RANK], rows, columns;
    if (b->status != HP_OK || first == second) return hp_builder_fail(b, HP_ERROR_SHAPE, "a diagonal of one axis");
    for (int i = 0; i < shape.rank; i++)
        if (i != first && i != second) {
            dims[at] = shape.dims[i];
            permutation[at++] = i;
        }
    permutation[at] = first;
    permutation[at + 1] = second;
    rows = shape.dims[first];
    columns = shape.dims[second];
    dims[at] = rows * columns;
    x = hp_emit_reshape(b, hp_emit_transpose(b, x, permutation), at + 1, dims);
    int64_t row = offset < 0 ? -offset : 0, column = offset > 0 ? offset : 0, count = 0;
    while (row + count < rows && column + count < columns) count++;
    int64_t *indices = hp_arena_alloc(&b->graph->arena, (size_t)count * sizeof *indices + 1);
    if (!indices) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++) indices[i] = (row + i) * columns + column + i;
    return hp_emit_gather(b, x, hp_emit_literal(b, HP_INT64, 1, &count, indices), at);
}

MATRIX_OP(Diagonal, SMALL(offset, 0), SMALL(axis1, 0), SMALL(axis2, 1)) {
    const config *c = layer->config;
    hp_call_output(b, call, diagonal(b, hp_op_operand(b, call, 0, "x"), c->offset, c->axis1, c->axis2));
}

MATRIX_OP(Trace, SMALL(offset, 0), SMALL(axis1, 0), SMALL(axis2, 1)) {
    const config *c = layer->config;
    hp_value x = hp_op_summable(b, hp_op_operand(b, call, 0, "x"));
    hp_call_output(
        b, call, hp_op_reduce(b, diagonal(b, x, c->offset, c->axis1, c->axis2), HP_REDUCTION_SUM, -1, false));
}

hp_value hp_op_on_diagonal(hp_builder *b, hp_value x, int64_t k, int64_t rows, int64_t columns) {
    enum { MOST_SIDE = 1 << 13 };
    hp_shape shape = *hp_builder_shape(b, x);
    int last = shape.rank - 1;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (last < 0 || (last == 0 && shape.rows)) return hp_builder_mixes_rows(b, "the rows on a diagonal");
    if (rows > MOST_SIDE || columns > MOST_SIDE)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a matrix of more than %d rows or columns", MOST_SIDE);
    int32_t n = (int32_t)shape.dims[last],
            *places = hp_arena_alloc(&b->graph->arena, ((size_t)(rows * columns) + 1) * sizeof *places);
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    if (!places) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < rows * columns; i++) places[i] = n; /* the zero */
    int64_t row = k < 0 ? -k : 0, column = k > 0 ? k : 0;
    for (int32_t i = 0; i < n && row + i < rows && column + i < columns; i++)
        places[(row + i) * columns + column + i] = i;
    after[last] = 1;
    hp_value padded = hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0);
    return hp_emit_gather(b, padded, hp_emit_literal(b, HP_INT32, 2, (const int64_t[]){rows, columns}, places), last);
}

/* Of a tensor of one axis, the batch's. */
static hp_value square_of(hp_builder *b, hp_value x, int64_t k) {
    int64_t size = hp_builder_shape(b, x)->dims[0] + (k < 0 ? -k : k);
    return hp_op_on_diagonal(b, x, k, size, size);
}

MATRIX_OP(Diag, SMALL(k, 0)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    bool vector = hp_builder_shape(b, x)->rank == 1;
    hp_call_output(b, call, vector ? square_of(b, x, c->k) : diagonal(b, x, c->k, 0, 1));
}

MATRIX_OP(Diagflat, SMALL(k, 0)) {
    const config *c = layer->config;
    hp_value x = hp_emit_reshape(b, hp_op_operand(b, call, 0, "x"), 1, (int64_t[]){-1});
    hp_call_output(b, call, square_of(b, x, c->k));
}

/* ---- products */

PLAIN_OP(Outer) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value left = hp_emit_reshape(b, pair[0], 2, (int64_t[]){-1, 1});
    hp_call_output(b, call, hp_op_multiply(b, left, hp_emit_reshape(b, pair[1], 1, (int64_t[]){-1})));
}

PLAIN_OP(Vdot) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    for (int i = 0; i < 2; i++) pair[i] = hp_emit_reshape(b, hp_op_floating(b, pair[i]), 1, (int64_t[]){-1});
    hp_value y = hp_op_reduce(b, hp_op_multiply(b, pair[0], pair[1]), HP_REDUCTION_SUM, 0, false);
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

/* Every element of x1 times all of x2, block by block. */
PLAIN_OP(Kron) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_shape s[2] = {*hp_builder_shape(b, pair[0]), *hp_builder_shape(b, pair[1])};
    int rank = s[0].rank > s[1].rank ? s[0].rank : s[1].rank;
    if (b->status != HP_OK) return;
    if (s[1].rows && (s[0].rows || s[0].rank == rank)) {
        hp_builder_mixes_rows(b, "kron over the batch axis");
        return;
    }
    if (2 * rank > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "kron of %d axes", rank);
        return;
    }
    int64_t dims[2][HP_MAX_RANK], whole[HP_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int64_t size[2];
        for (int k = 0; k < 2; k++) {
            int from = i - (rank - s[k].rank);
            size[k] = from >= 0 ? s[k].dims[from] : 1;
            dims[k][2 * i + k] = size[k];
            dims[k][2 * i + 1 - k] = 1;
        }
        whole[i] = size[0] * size[1];
    }
    for (int k = 0; k < 2; k++) pair[k] = hp_emit_reshape(b, pair[k], 2 * rank, dims[k]);
    hp_call_output(b, call, hp_emit_reshape(b, hp_op_multiply(b, pair[0], pair[1]), rank, whole));
}

/* Component i of a vector of two or three (the third of two is 0: HP_NO_VALUE). */
static hp_value component(hp_builder *b, hp_value x, int i) {
    int last = hp_builder_shape(b, x)->rank - 1;
    if (i >= hp_builder_shape(b, x)->dims[last]) return HP_NO_VALUE;
    return hp_op_drop_axis(b, hp_op_part(b, x, last, i, i + 1), last);
}

static hp_value minor(hp_builder *b, const hp_value pair[2], int i, int j) {
    hp_value products[2] = {HP_NO_VALUE, HP_NO_VALUE};
    for (int k = 0; k < 2; k++) {
        hp_value left = component(b, pair[0], k ? j : i), right = component(b, pair[1], k ? i : j);
        if (left != HP_NO_VALUE && right != HP_NO_VALUE) products[k] = hp_op_multiply(b, left, right);
    }
    if (products[1] == HP_NO_VALUE) return products[0];
    if (products[0] == HP_NO_VALUE) return hp_op_scale(b, products[1], -1);
    return hp_op_subtract(b, products[0], products[1]);
}

MATRIX_OP(Cross, SMALL(axisa, -1), SMALL(axisb, -1), SMALL(axisc, -1), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    bool one = hp_json_is(c->axis, HP_JSON_INT);
    hp_value pair[2], parts[3];
    hp_op_operands(b, call, "x1", "x2", pair);
    for (int k = 0; k < 2 && b->status == HP_OK; k++) {
        int rank = hp_builder_shape(b, pair[k])->rank;
        int64_t from = one ? c->axis->integer : k ? c->axisb : c->axisa;
        pair[k] = hp_move_axis(b, pair[k], hp_builder_axis(b, from, rank), rank - 1);
    }
    if (b->status != HP_OK) return;
    const hp_shape *first = hp_builder_shape(b, pair[0]), *second = hp_builder_shape(b, pair[1]);
    bool flat = first->dims[first->rank - 1] == 2 && second->dims[second->rank - 1] == 2;
    parts[2] = minor(b, pair, 0, 1);
    if (flat) {
        hp_call_output(b, call, parts[2]);
        return;
    }
    parts[0] = minor(b, pair, 1, 2);
    parts[1] = minor(b, pair, 2, 0);
    int rank = hp_builder_shape(b, parts[2])->rank;
    for (int k = 0; k < 3; k++) parts[k] = hp_op_new_axis(b, parts[k], rank);
    hp_value y = hp_emit_concat(b, parts, 3, rank);
    hp_call_output(b, call, hp_move_axis(b, y, rank, hp_builder_axis(b, one ? c->axis->integer : c->axisc, rank + 1)));
}

/* ---- powers and areas */

MATRIX_OP(Vander, HP_INT(config, N, HP_NULL, 1, 65536), HP_BOOL(config, increasing, false)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_dtype(b, x);
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t n = c->N != HP_INT_NULL ? c->N : shape->dims[0];
    if (b->status != HP_OK) return;
    if (c->N == HP_INT_NULL && shape->rows) {
        hp_builder_mixes_rows(b, "as many powers as rows");
        return;
    }
    float *powers = hp_arena_alloc(&b->graph->arena, (size_t)n * sizeof *powers);
    for (int64_t i = 0; i < n && powers; i++) powers[i] = (float)(c->increasing ? i : n - 1 - i);
    if (!powers) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    hp_value base = hp_op_new_axis(b, hp_op_floating(b, x), shape->rank);
    hp_value exponents = hp_emit_cast(b, hp_emit_floats(b, 1, &n, powers), hp_op_dtype(b, base));
    hp_call_output(b, call, hp_emit_cast(b, hp_emit_binary(b, HP_BINARY_POWER, base, exponents), dtype));
}

MATRIX_OP(Trapezoid, HP_JSON_FIELD(config, x), HP_FLOAT(config, dx, 1, -1e30, 1e30), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value y = hp_op_floating(b, hp_op_operand(b, call, 0, "y"));
    int rank = hp_builder_shape(b, y)->rank;
    int axis = hp_builder_axis(b, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : -1, rank);
    y = hp_move_axis(b, y, axis, rank - 1);
    int64_t n = hp_builder_shape(b, y)->dims[rank - 1];
    if (c->x) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "trapezoid with places x is not supported");
        return;
    }
    hp_value heights = hp_op_add(b, hp_op_part(b, y, -1, 1, n), hp_op_part(b, y, -1, 0, n - 1));
    hp_value areas = hp_op_scale(b, hp_op_scale(b, heights, 0.5), c->dx);
    hp_call_output(b, call, hp_op_reduce(b, areas, HP_REDUCTION_SUM, -1, false));
}
