/* tf_matrix.c: diagonals and bands of the last two axes (tensorflow/python/ops/array_ops.py, linalg). */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    int64_t k, num_lower, num_upper;
    const hp_json *ord, *axis;
} config;

#define DIAGONAL HP_INT(config, k, 0, -1e6, 1e6)

/* rows x columns numbers: inside(row, column) or not. */
static hp_value band(hp_builder *b, int64_t rows, int64_t columns, int64_t lower, int64_t upper) {
    unsigned char *bits = hp_arena_alloc(&b->graph->arena, (size_t)(rows * columns) + 1);
    if (!bits) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            bits[i * columns + j] = (lower < 0 || i - j <= lower) && (upper < 0 || j - i <= upper);
    return hp_emit_literal(b, HP_BOOL, 2, (const int64_t[]){rows, columns}, bits);
}

/* False, reported: there are no two axes, or the rows are one. */
static bool is_matrix(hp_builder *b, hp_value x, hp_shape *shape) {
    *shape = *hp_builder_shape(b, x);
    if (b->status == HP_OK && shape->rank < 2) hp_builder_fail(b, HP_ERROR_SHAPE, "a matrix of %d axes", shape->rank);
    if (b->status == HP_OK && shape->rank == 2 && shape->rows) hp_builder_mixes_rows(b, "a matrix of the rows");
    return b->status == HP_OK;
}

HP_TF_OP(BandPart, HP_INT(config, num_lower, HP_REQUIRED, -HP_MAX_DIM, HP_MAX_DIM),
    HP_INT(config, num_upper, HP_REQUIRED, -HP_MAX_DIM, HP_MAX_DIM), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape;
    if (!is_matrix(b, x, &shape)) return;
    hp_value keep = band(b, shape.dims[shape.rank - 2], shape.dims[shape.rank - 1], c->num_lower, c->num_upper);
    hp_call_output(b, call, hp_emit_select(b, keep, x, hp_op_number(b, 0, x)));
}

HP_TF_OP(MatrixDiag, DIAGONAL, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t size = shape.rank > 0 ? shape.dims[shape.rank - 1] + (c->k < 0 ? -c->k : c->k) : 0;
    hp_call_output(b, call, hp_op_on_diagonal(b, x, c->k, size, size));
}

HP_TF_OP(MatrixSetDiag, DIAGONAL, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x", "diagonal", pair);
    hp_shape shape;
    if (!is_matrix(b, pair[0], &shape)) return;
    int64_t rows = shape.dims[shape.rank - 2], columns = shape.dims[shape.rank - 1];
    hp_value below = band(b, rows, columns, -1, c->k), above = band(b, rows, columns, -c->k, -1);
    if (c->k < 0) below = hp_emit_logical(b, HP_NOT, band(b, rows, columns, -c->k - 1, -1), HP_NO_VALUE);
    if (c->k > 0) above = hp_emit_logical(b, HP_NOT, band(b, rows, columns, -1, c->k - 1), HP_NO_VALUE);
    hp_value on = hp_emit_logical(b, HP_AND, below, above);
    hp_call_output(b, call, hp_emit_select(b, on, hp_op_on_diagonal(b, pair[1], c->k, rows, columns), pair[0]));
}

/* All elements on the diagonal of a matrix whose two sides have the tensor's axes each; and such a diagonal. */
HP_TF_OP(TensorDiag, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[2 * HP_MAX_RANK], elements = hp_shape_elements(&shape);
    if (b->status == HP_OK && shape.rows) hp_builder_mixes_rows(b, "a diagonal of the rows");
    if (b->status == HP_OK && 2 * shape.rank > HP_MAX_RANK)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than %d axes", HP_MAX_RANK);
    if (b->status != HP_OK) return;
    for (int i = 0; i < 2 * shape.rank; i++) dims[i] = shape.dims[i % shape.rank];
    x = hp_op_on_diagonal(b, hp_emit_reshape(b, x, 1, &elements), 0, elements, elements);
    hp_call_output(b, call, hp_emit_reshape(b, x, 2 * shape.rank, dims));
}

HP_TF_OP(TensorDiagPart, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int half = shape.rank / 2;
    if (b->status == HP_OK && shape.rows) hp_builder_mixes_rows(b, "a diagonal of the rows");
    bool fits = shape.rank > 0 && shape.rank % 2 == 0;
    for (int i = 0; i < half && fits; i++) fits = shape.dims[i] == shape.dims[half + i];
    if (b->status == HP_OK && !fits) hp_builder_fail(b, HP_ERROR_SHAPE, "the axes are not twice the same ones");
    if (b->status != HP_OK) return;
    int64_t elements = hp_shape_product(&shape, 0, half);
    int64_t *places = hp_arena_alloc(&b->graph->arena, (size_t)elements * sizeof *places + 1);
    if (!places) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t i = 0; i < elements; i++) places[i] = i * (elements + 1);
    hp_value flat = hp_emit_reshape(b, x, 1, (const int64_t[]){-1});
    hp_value y = hp_emit_gather(b, flat, hp_emit_literal(b, HP_INT64, 1, &elements, places), 0);
    hp_call_output(b, call, hp_emit_reshape(b, y, half, shape.dims));
}
