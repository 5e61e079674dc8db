/* lookup.c: the primitive `lookup`: the places of strings or integers in a vocabulary. See builder.h, hp_emit_lookup. */
#include <inttypes.h>

#include "base/dtype.h"
#include "prims/categories.h"
#include "prims/rowwise.h"
#include "prims/vocabulary.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(input_count != 3 || output_count != 1 || !hp_vocabulary_fits(&inputs[1], &inputs[2]), error,
        HP_ERROR_INTERNAL, NULL, "lookup with %d inputs", input_count);
    hp_dtype wanted = inputs[2].dtype == HP_DTYPE_NONE ? HP_INT64 : HP_STRING;
    HP_FAIL_IF(inputs[0].dtype != wanted, error, HP_ERROR_SHAPE, NULL, "found an input of %s, expected %s",
        hp_dtype_name(inputs[0].dtype), hp_dtype_name(wanted));
    outputs[0] = (hp_tensor){HP_INT64, inputs[0].shape};
    return HP_OK;
}

typedef struct lookup_state {
    hp_rowwise elements;
    hp_lookup_params params;
    hp_vocabulary vocabulary;
    int64_t in_row; /* elements of one row */
} lookup_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_shape *shape = &prepare->graph->values[prepare->node->inputs[0]].tensor.shape;
    lookup_state *s = HP_NEW(lookup_state);
    HP_ALLOCATED(s, error);
    s->params = *(const hp_lookup_params *)prepare->node->params;
    hp_status status = hp_vocabulary_prepare(prepare, 1, 2, &s->vocabulary, error);
    if (status != HP_OK) {
        hp_free(s);
        return status;
    }
    hp_rowwise_plan(&s->elements, shape, 0);
    s->in_row = shape->rows ? s->elements.outer : 0;
    s->elements.in_piece = 1024;
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const lookup_state *)state)->elements, rows);
}

static hp_status unknown(const lookup_state *s, const hp_run *run, int64_t i) {
    if (s->vocabulary.integers) {
        hp_error_set(run->error, HP_ERROR_ROW, NULL, "%" PRId64 " is not in the vocabulary of %" PRId64 " integers",
            ((const int64_t *)run->inputs[0])[i], s->vocabulary.count);
    } else {
        const hp_string *string = (const hp_string *)run->inputs[0] + i;
        hp_error_set(run->error, HP_ERROR_ROW, NULL, "\"%.*s\" is not in the vocabulary of %" PRId64 " strings",
            (int)(string->size < 64 ? string->size : 64), string->size ? string->data : "", s->vocabulary.count);
    }
    if (run->error) run->error->row = s->in_row > 0 ? i / s->in_row : 0;
    return HP_ERROR_ROW;
}

static hp_status run_lookup(const void *state, const hp_run *run) {
    const lookup_state *s = state;
    const hp_vocabulary *v = &s->vocabulary;
    int64_t begin, count = hp_rowwise_part(&s->elements, run, &begin), *y = run->outputs[0];
    for (int64_t i = begin; i < begin + count; i++) {
        const hp_string *string = (const hp_string *)run->inputs[0] + i;
        int64_t place = v->integers ? hp_vocabulary_find_integer(v, ((const int64_t *)run->inputs[0])[i])
                                    : hp_vocabulary_find_string(v, string->data, string->size);
        if (place < 0 && s->params.strict) return unknown(s, run, i);
        y[i] = place < 0                                              ? s->params.missing
               : s->params.masked && place == s->vocabulary.count - 1 ? s->params.mask
                                                                      : s->params.start + place;
    }
    return HP_OK;
}

const hp_prim hp_prim_lookup = {
    .name = "lookup", .infer = infer, .prepare = prepare, .release = hp_free, .range = range, .run = run_lookup};
