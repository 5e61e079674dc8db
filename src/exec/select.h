/* select.h: from predicted values to answers: the index of the largest, the k largest, or 0 and 1 by a threshold. */
#ifndef HP_EXEC_SELECT_H
#define HP_EXEC_SELECT_H

#include "base/memory.h"
#include "io/writer.h"

typedef enum hp_selection_kind {
    HP_SELECT_NONE,
    HP_SELECT_ARGMAX,
    HP_SELECT_TOP_K,
    HP_SELECT_THRESHOLD
} hp_selection_kind;

/* What is to be made of one output. */
typedef struct hp_selection {
    hp_selection_kind kind;
    int top_k;
    double threshold;
    const char *const *labels; /* names for indices; NULL: indices are written */
    size_t label_count;
} hp_selection;

/* Describes what comes out of an output of this shape per row: 1 or 2 (top_k: indices, values) entries of `selected`,
 * their names and dims filled from `output`. Text lives in `arena`. Returns their number, or 0 with *error:
 * HP_ERROR_ARGUMENT where the selection does not fit (no axis to choose along, k or labels that do not match it). */
int hp_selection_outputs(const hp_selection *selection, const hp_io_output *output, hp_arena *arena,
    hp_io_output selected[2], hp_error *error);

/* Selects from `rows` rows of `output` values into destinations[0..1], as described by hp_selection_outputs. NaN is the
 * largest, as numpy.argmax has it; among equals the first. */
void hp_selection_apply(const hp_selection *selection, const hp_io_output *output, const void *values, int64_t rows,
    void *const destinations[2]);

#endif
