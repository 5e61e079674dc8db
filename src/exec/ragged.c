/* ragged.c: see ragged.h.
 *
 * The rows of a part are sorted by their lengths; those of one length (or, padded, of nearly one length) are gathered,
 * computed together, and their results put where the rows stand. How rows are grouped is no choice that could be seen
 * in a result: a row is computed at its own length, or padded where that makes no difference. */
#include "exec/ragged.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"

enum { MOST_RAGGED = 8 };

typedef struct row_key {
    int64_t row;
    int64_t lengths[MOST_RAGGED];
} row_key;

typedef struct grouping {
    hp_session *session;
    const hp_work *work;
    const hp_io_view *views;
    row_key *keys;
    size_t ragged[MOST_RAGGED]; /* which inputs */
    size_t ragged_count;
} grouping;

hp_status hp_ragged_check(
    hp_model *model, const char *input, const hp_io_view *others, const hp_array *shapes, hp_error *error) {
    hp_array other[HP_MOST_TENSORS];
    HP_FAIL_IF(hp_network_mixes_rows(model->network, NULL), error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "the model mixes rows: they cannot have different lengths");
    HP_TRY(hp_output_shapes(model, others, hp_model_input_count(model), other, error));
    for (size_t i = 0; i < hp_model_output_count(model); i++)
        HP_FAIL_IF(memcmp(shapes[i].shape, other[i].shape, sizeof other[i].shape) != 0, error, HP_ERROR_SHAPE, input,
            "its rows have different lengths, and so would those of output %zu", i);
    return HP_OK;
}

/* Lengths that are padded to one: to the next of 8 steps to each power of two. */
static int64_t padded_length(int64_t length) {
    int64_t step = 1;
    while (step * 16 <= length) step *= 2;
    return (length + step - 1) / step * step;
}

static int compare_keys(const void *a, const void *b) {
    const row_key *x = a, *y = b;
    for (int i = 0; i < MOST_RAGGED; i++)
        if (x->lengths[i] != y->lengths[i]) return x->lengths[i] < y->lengths[i] ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static hp_status make_keys(grouping *g, int64_t rows, hp_error *error) {
    for (size_t i = 0; i < g->work->input_count; i++) {
        if (!g->views[i].offsets) continue;
        HP_FAIL_IF(g->ragged_count == MOST_RAGGED, error, HP_ERROR_UNSUPPORTED, NULL,
            "more than %d inputs have rows of different lengths", MOST_RAGGED);
        g->ragged[g->ragged_count++] = i;
    }
    g->keys = hp_alloc_array((size_t)rows, sizeof *g->keys);
    HP_ALLOCATED(g->keys, error);
    for (int64_t row = 0; row < rows; row++) {
        g->keys[row].row = row;
        for (size_t k = 0; k < g->ragged_count; k++) {
            const int64_t *offsets = g->views[g->ragged[k]].offsets;
            int64_t length = offsets[row + 1] - offsets[row];
            g->keys[row].lengths[k] = g->work->pad ? padded_length(length) : length;
        }
    }
    if (rows > 0) qsort(g->keys, (size_t)rows, sizeof *g->keys, compare_keys);
    return HP_OK;
}

/* The value that `pad` is as an element of `dtype`, `count` times. */
static hp_status fill_padding(double pad, hp_dtype dtype, void *to, int64_t count, hp_error *error) {
    const int64_t one = 1;
    hp_io_view view = hp_io_view_of("padding", &pad, HP_FLOAT64, 1, 0, &one);
    size_t size = hp_dtype_size(dtype);
    if (count == 0) return HP_OK;
    HP_TRY(hp_io_convert(&view, 0, 1, dtype, to, NULL, error));
    for (int64_t i = 1; i < count; i++) memcpy((unsigned char *)to + (size_t)i * size, to, size);
    return HP_OK;
}

/* Rows keys[0, n) of one input, one behind the other in the model's dtype; `view` becomes a view of them. *bad is the row
 * that a failure is about. */
static hp_status gather(const grouping *g, size_t input, const row_key *keys, int64_t n, int64_t length, void **memory,
    hp_io_view *view, int64_t *bad, hp_error *error) {
    const hp_io_view *from = &g->views[input];
    hp_tensor_info info = hp_network_input(g->work->model->network, input);
    int64_t dims[HP_MAX_RANK], step = hp_io_row_elements(from);
    int rank = 0;
    if (from->offsets) dims[rank++] = length;
    for (int d = 1; d < from->rank; d++) dims[rank++] = from->dims[d];
    size_t row_bytes, bytes;
    bool fits = hp_size_mul((size_t)step * hp_dtype_size(info.dtype), from->offsets ? (size_t)length : 1, &row_bytes) &&
                hp_size_mul(row_bytes, (size_t)n, &bytes);
    *memory = fits ? hp_alloc_aligned(bytes + 1) : NULL;
    HP_ALLOCATED(*memory, error);
    for (int64_t i = 0; i < n; i++) {
        int64_t row = keys[i].row, first = from->offsets ? from->offsets[row] : row;
        int64_t count = from->offsets ? from->offsets[row + 1] - first : 1;
        unsigned char *to = (unsigned char *)*memory + (size_t)i * row_bytes;
        *bad = row;
        HP_TRY(hp_io_convert(from, first, count, info.dtype, to, NULL, error));
        if (count < length && from->offsets)
            HP_TRY(fill_padding(*g->work->pad, info.dtype, to + (size_t)(count * step) * hp_dtype_size(info.dtype),
                (length - count) * step, error));
    }
    *bad = -1;
    *view = hp_io_view_of(from->name, *memory, info.dtype, n, rank, dims);
    return HP_OK;
}

/* Puts the results of keys[0, n) to their rows. */
static void scatter(
    const hp_work *work, const row_key *keys, int64_t n, const hp_array *made, const hp_array *outputs) {
    for (size_t i = 0; i < work->output_count; i++) {
        size_t bytes = hp_dtype_size(made[i].dtype) * (size_t)(made[i].shape[0] / n);
        for (int d = 1; d < made[i].rank; d++) bytes *= (size_t)made[i].shape[d];
        for (int64_t k = 0; k < n; k++)
            memcpy((unsigned char *)outputs[i].data + (size_t)keys[k].row * bytes,
                (const unsigned char *)made[i].data + (size_t)k * bytes, bytes);
    }
}

/* Every length has to give results of the shape that was announced. */
static hp_status check_shapes(const hp_work *work, const hp_array *made, const hp_array *outputs, hp_error *error) {
    for (size_t i = 0; i < work->output_count; i++)
        HP_FAIL_IF(made[i].rank != outputs[i].rank || memcmp(made[i].shape + 1, outputs[i].shape + 1,
                                                          (size_t)(made[i].rank - 1) * sizeof *made[i].shape) != 0,
            error, HP_ERROR_SHAPE, NULL, "output %zu has another shape for rows of another length", i);
    return HP_OK;
}

/* Rows keys[0, n), all of one length. *bad as in gather. */
static hp_status run_group(
    const grouping *g, const row_key *keys, int64_t n, const hp_array *outputs, int64_t *bad, hp_error *error) {
    hp_io_view views[HP_MOST_TENSORS];
    void *memory[HP_MOST_TENSORS] = {NULL};
    hp_array made[HP_MOST_TENSORS] = {{0}};
    hp_status status = HP_OK;
    *bad = -1;
    for (size_t i = 0, k = 0; i < g->work->input_count && status == HP_OK; i++) {
        int64_t length = g->views[i].offsets ? keys[0].lengths[k++] : 0;
        status = gather(g, i, keys, n, length, &memory[i], &views[i], bad, error);
    }
    if (status == HP_OK) {
        status = hp_session_run(g->session, views, made, error);
        if (status == HP_ERROR_ROW && error->row >= 0 && error->row < n) *bad = keys[error->row].row;
    }
    if (status == HP_OK) status = check_shapes(g->work, made, outputs, error);
    if (status == HP_OK) scatter(g->work, keys, n, made, outputs);
    for (size_t i = 0; i < g->work->output_count; i++) hp_array_free(&made[i]);
    for (size_t i = 0; i < g->work->input_count; i++) hp_free(memory[i]);
    return status;
}

hp_status hp_run_ragged(hp_session *session, const hp_work *work, const hp_io_view *views, int64_t first_row,
    int64_t rows, const hp_array *outputs, hp_error *error) {
    grouping g = {.session = session, .work = work, .views = views};
    hp_status status = make_keys(&g, rows, error);
    int64_t worst = rows;
    for (int64_t first = 0, n; first < rows && (status == HP_OK || worst < rows); first += n) {
        row_key end = g.keys[first];
        for (n = 1; first + n < rows && !memcmp(g.keys[first + n].lengths, end.lengths, sizeof end.lengths);) n++;
        hp_error local = {.row = -1};
        int64_t bad;
        hp_status one = run_group(&g, &g.keys[first], n, outputs, &bad, &local);
        if (one == HP_OK || bad >= worst) continue;
        status = one;
        worst = bad < 0 ? rows : bad; /* the first bad row of all groups is the one that is told */
        local.row = bad < 0 ? local.row : first_row + bad;
        if (error) *error = local;
    }
    hp_free(g.keys);
    return status;
}
