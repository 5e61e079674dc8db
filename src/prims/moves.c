/* moves.c: see moves.h. */
#include "prims/moves.h"

#include <stdlib.h>

enum { PIECE_BYTES = 32 << 10 };

hp_moves *hp_moves_new(const hp_kernels *kernels, int count, size_t size, bool rows) {
    size_t bytes;
    if (!hp_size_mul((size_t)count, sizeof(hp_move), &bytes) || !hp_size_add(bytes, sizeof(hp_moves), &bytes))
        return NULL;
    hp_moves *moves = hp_alloc_array(bytes, 1);
    if (!moves) return NULL;
    moves->kernels = kernels;
    moves->count = count;
    for (int i = 0; i < count; i++) {
        moves->at[i].copy.size = size;
        moves->at[i].copy.rows = rows;
    }
    return moves;
}

void hp_moves_plan(hp_moves *moves) {
    for (int i = 0; i < moves->count; i++) hp_strided_plan(&moves->at[i].copy);
}

void hp_moves_release(void *state) {
    free(state);
}

/* Units of all copies, one after the other; `bytes`: of them all. */
static int64_t all_units(const hp_moves *moves, int64_t rows, double *bytes) {
    int64_t units = 0;
    *bytes = 0;
    for (int i = 0; i < moves->count; i++) {
        int64_t n = hp_strided_units(&moves->at[i].copy, rows);
        units += n;
        *bytes += (double)n * (double)hp_strided_unit_bytes(&moves->at[i].copy);
    }
    return units;
}

int64_t hp_moves_range(const void *state, int64_t rows) {
    double bytes;
    int64_t units = all_units(state, rows, &bytes), pieces = (int64_t)(bytes / PIECE_BYTES);
    if (pieces > units) pieces = units;
    return pieces > 1 ? pieces : 1;
}

/* The first unit of a piece: units dealt evenly, without overflow. */
static int64_t first_unit(int64_t units, int64_t pieces, int64_t piece) {
    int64_t extra = units % pieces;
    return units / pieces * piece + (piece < extra ? piece : extra);
}

hp_status hp_moves_run(const void *state, const hp_run *run) {
    const hp_moves *moves = state;
    double bytes;
    int64_t units = all_units(moves, run->rows, &bytes), pieces = hp_moves_range(state, run->rows);
    int64_t begin = first_unit(units, pieces, run->begin), end = first_unit(units, pieces, run->end);
    for (int i = 0; i < moves->count && end > 0; i++) {
        const hp_move *m = &moves->at[i];
        int64_t n = hp_strided_units(&m->copy, run->rows);
        int64_t from = begin > 0 ? begin : 0, to = end < n ? end : n;
        if (from < to)
            hp_strided_run(&m->copy, moves->kernels, run->outputs[0],
                m->input < 0 ? moves->value : run->inputs[m->input], run->rows, from, to);
        begin -= n;
        end -= n;
    }
    return HP_OK;
}

hp_status hp_moves_check(const hp_tensor *inputs, int input_count, int output_count, hp_error *error) {
    HP_FAIL_IF(input_count != 1 || output_count != 1 || inputs[0].dtype == HP_DTYPE_NONE, error, HP_ERROR_INTERNAL,
        NULL, "a primitive with one input and one output is given %d and %d", input_count, output_count);
    return HP_OK;
}

void hp_moves_value_strides(const hp_graph *graph, hp_value value, int64_t *strides) {
    hp_shape shape = graph->values[value].tensor.shape;
    if (shape.rank > 0) shape.dims[shape.rank - 1] = hp_value_pitch(graph, value);
    hp_moves_strides(&shape, strides);
}

void hp_moves_strides(const hp_shape *shape, int64_t *strides) {
    int64_t stride = 1;
    for (int a = shape->rank - 1; a >= 0; a--) {
        strides[a] = stride;
        stride *= shape->dims[a];
    }
}
