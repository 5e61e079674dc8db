/* chunk.c: see chunk.h.
 *
 * A row that fails is found by computing again: the call names the first bad row, the rows before it are computed, then
 * those after it, a few at first and more while all goes well. So the good rows' results are the same bytes as if the
 * bad ones were not there. */
#include "exec/chunk.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "exec/ragged.h"
#include "exec/text.h"
#include "io/csv_text.h"

enum { ROWS_AFTER_FAILURE = 64, ROWS_PER_SELECTION = 4096 };

void *hp_buffer_reserve(hp_buffer *buffer, size_t bytes) {
    if (bytes == 0) bytes = 1;
    if (buffer->data && bytes <= buffer->capacity) return buffer->data;
    if (buffer->fixed) return NULL;
    hp_free(buffer->data);
    buffer->data = hp_alloc_aligned(bytes);
    buffer->capacity = buffer->data ? bytes : 0;
    return buffer->data;
}

void hp_buffer_release(hp_buffer *buffer) {
    if (!buffer->fixed) hp_free(buffer->data);
    *buffer = (hp_buffer){0};
}

bool hp_failures_add(hp_failures *failures, int64_t first, int64_t rows, const hp_error *error) {
    if (failures->fixed ? failures->count == failures->capacity
                        : !HP_GROW(failures->at, failures->capacity, failures->count + 1))
        return false;
    size_t place = failures->count++;
    for (; place > 0 && failures->at[place - 1].first > first; place--) failures->at[place] = failures->at[place - 1];
    failures->at[place] = (hp_failure){.first = first, .rows = rows, .error = *error};
    return true;
}

/* ---- memory for results */

/* Bytes of what belongs to one row of an output. */
static size_t row_bytes(const hp_chunk *chunk, size_t output) {
    const hp_array *array = &chunk->outputs[output];
    size_t bytes = hp_dtype_size(array->dtype) * (size_t)chunk->items[output];
    for (int d = 1; d < array->rank; d++) bytes *= (size_t)array->shape[d];
    return bytes;
}

static size_t selected_item_bytes(const hp_io_output *selected) {
    size_t bytes = hp_dtype_size(selected->dtype);
    for (int d = 0; d < selected->rank; d++) bytes *= (size_t)selected->dims[d];
    return bytes;
}

/* Memory for what is selected from `items` items of each output. */
static hp_status reserve_selected(const hp_work *work, hp_chunk *chunk, size_t output, hp_error *error) {
    const hp_io_output *selected = work->selected;
    for (size_t i = 0; i < output; i++) selected += work->selected_count[i];
    for (int j = 0; j < work->selected_count[output]; j++) {
        size_t bytes;
        bool fits = hp_size_mul(selected_item_bytes(&selected[j]), (size_t)chunk->outputs[output].shape[0], &bytes);
        void *data = fits ? hp_buffer_reserve(&chunk->selected[2 * output + (size_t)j], bytes) : NULL;
        HP_ALLOCATED(data, error);
    }
    return HP_OK;
}

static bool selects(const hp_work *work) {
    return work->selection && work->selection->kind != HP_SELECT_NONE;
}

hp_status hp_chunk_prepare(const hp_work *work, hp_chunk *chunk, const hp_array *shapes, bool known, hp_error *error) {
    for (size_t i = 0; i < work->output_count; i++) {
        hp_array *array = &chunk->outputs[i];
        bool strings = shapes[i].dtype == HP_STRING; /* whose memory the session makes */
        chunk->items[i] = known && !strings ? -shapes[i].shape[0] : 0;
        *array = (hp_array){0};
        if (chunk->items[i] == 0) continue;
        *array = (hp_array){.dtype = shapes[i].dtype, .rank = shapes[i].rank};
        memcpy(array->shape, shapes[i].shape, sizeof array->shape);
        array->shape[0] = chunk->rows * chunk->items[i];
        size_t bytes = hp_dtype_size(array->dtype);
        for (int d = 0; d < array->rank; d++)
            HP_FAIL_IF(!hp_size_mul(bytes, (size_t)array->shape[d], &bytes), error, HP_ERROR_NO_MEMORY, NULL,
                "output %zu of %lld rows is larger than the address space", i, (long long)chunk->rows);
        array->data = hp_buffer_reserve(&chunk->values[i], bytes);
        HP_FAIL_IF(!array->data, error, HP_ERROR_NO_MEMORY, NULL,
            "there is no memory for the results of %lld rows at once", (long long)chunk->rows);
        if (selects(work)) HP_TRY(reserve_selected(work, chunk, i, error));
    }
    hp_text_prepare(work, chunk);
    return HP_OK;
}

bool hp_chunk_divisible(const hp_work *work, const hp_chunk *chunk) {
    for (size_t i = 0; i < work->output_count; i++)
        if (chunk->items[i] == 0) return false;
    return true;
}

/* ---- failed rows */

static void blank(hp_dtype dtype, void *data, size_t count, bool answer) {
    size_t size = hp_dtype_size(dtype);
    const float nan32 = NAN;
    const double nan64 = (double)NAN;
    const float pair[2] = {NAN, NAN};
    const double wide_pair[2] = {(double)NAN, (double)NAN};
    const uint16_t half = 0x7e00, bfloat = 0x7fc0;
    static const unsigned char ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    static const unsigned char zeros[16];
    const void *pattern = ones; /* -1, or the largest of an unsigned type */
    if (dtype == HP_FLOAT32) pattern = &nan32;
    if (dtype == HP_FLOAT64) pattern = &nan64;
    if (dtype == HP_COMPLEX64) pattern = pair;
    if (dtype == HP_COMPLEX128) pattern = wide_pair;
    if (dtype == HP_FLOAT16) pattern = &half;
    if (dtype == HP_BFLOAT16) pattern = &bfloat;
    if (dtype == HP_STRING || (dtype == HP_BOOL && !answer)) pattern = zeros;
    for (size_t i = 0; i < count; i++) memcpy((unsigned char *)data + i * size, pattern, size);
}

void hp_chunk_blank(const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows) {
    const hp_io_output *selected = work->selected;
    for (size_t i = 0; i < work->output_count; i++) {
        const hp_array *array = &chunk->outputs[i];
        size_t bytes = row_bytes(chunk, i), size = hp_dtype_size(array->dtype);
        blank(array->dtype, (unsigned char *)array->data + (size_t)first * bytes, (size_t)rows * bytes / size, false);
        for (int j = 0; selects(work) && j < work->selected_count[i]; j++, selected++) {
            size_t each = selected_item_bytes(selected) * (size_t)chunk->items[i];
            blank(selected->dtype, (unsigned char *)chunk->selected[2 * i + (size_t)j].data + (size_t)first * each,
                (size_t)rows * each / hp_dtype_size(selected->dtype), true);
        }
    }
}

/* ---- selecting, by all workers of the session */

typedef struct selecting {
    const hp_work *work;
    hp_chunk *chunk;
    int64_t first, rows; /* items of each output are these times chunk->items */
} selecting;

static void select_items(const hp_work *work, hp_chunk *chunk, size_t output, int64_t first, int64_t items) {
    const hp_io_output *selected = work->selected;
    for (size_t i = 0; i < output; i++) selected += work->selected_count[i];
    const hp_array *array = &chunk->outputs[output];
    size_t value_bytes = hp_dtype_size(array->dtype);
    for (int d = 1; d < array->rank; d++) value_bytes *= (size_t)array->shape[d];
    void *places[2] = {NULL, NULL};
    for (int j = 0; j < work->selected_count[output]; j++)
        places[j] = (unsigned char *)chunk->selected[2 * output + (size_t)j].data +
                    (size_t)first * selected_item_bytes(&selected[j]);
    hp_selection_apply(work->selection, &work->outputs[output],
        (const unsigned char *)array->data + (size_t)first * value_bytes, items, places);
}

static void select_share(void *arg, int worker, int workers) {
    const selecting *s = arg;
    int64_t begin = s->rows * worker / workers, end = s->rows * (worker + 1) / workers;
    for (size_t i = 0; i < s->work->output_count; i++) {
        int64_t items = s->chunk->items[i];
        select_items(s->work, s->chunk, i, (s->first + begin) * items, (end - begin) * items);
    }
}

static hp_status select_rows(
    hp_session *session, const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows, hp_error *error) {
    if (!selects(work)) return HP_OK;
    if (!hp_chunk_divisible(work, chunk)) {
        for (size_t i = 0; i < work->output_count; i++) {
            HP_TRY(reserve_selected(work, chunk, i, error));
            select_items(work, chunk, i, 0, chunk->outputs[i].shape[0]);
        }
        return HP_OK;
    }
    selecting s = {.work = work, .chunk = chunk, .first = first, .rows = rows};
    if (session->gang && rows >= ROWS_PER_SELECTION)
        hp_gang_run(session->gang, session->jobs, select_share, &s);
    else
        select_share(&s, 0, 1);
    return HP_OK;
}

/* ---- computing */

/* The views of rows [first, first + rows) of the chunk. */
static void slice(
    const hp_work *work, const hp_chunk *chunk, int64_t first, int64_t rows, hp_io_view *views, hp_io_text *texts) {
    for (size_t i = 0; i < work->input_count; i++) {
        views[i] = chunk->views[i];
        if (work->own_rows && work->own_rows[i]) continue;
        if (views[i].offsets) {
            views[i].offsets += first;
            continue;
        }
        views[i].dims[0] = rows;
        views[i].first_row += first;
        if (views[i].text) {
            texts[i] = *views[i].text;
            texts[i].starts += first;
            texts[i].rows = rows;
            views[i].text = &texts[i];
        } else {
            views[i].data = (const unsigned char *)views[i].data + first * views[i].strides[0];
        }
    }
}

static hp_status run_rows(
    hp_session *session, const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows, hp_error *error) {
    hp_io_view views[HP_MOST_TENSORS] = {{0}};
    hp_io_text texts[HP_MOST_TENSORS];
    hp_array outputs[HP_MOST_TENSORS];
    slice(work, chunk, first, rows, views, texts);
    bool divisible = hp_chunk_divisible(work, chunk);
    for (size_t i = 0; i < work->output_count; i++) {
        outputs[i] = chunk->outputs[i];
        if (!divisible) continue;
        outputs[i].shape[0] = rows * chunk->items[i];
        outputs[i].data = (unsigned char *)chunk->outputs[i].data + (size_t)first * row_bytes(chunk, i);
    }
    bool ragged = false;
    for (size_t i = 0; i < work->input_count; i++) ragged |= views[i].offsets != NULL;
    if (ragged) return hp_run_ragged(session, work, views, chunk->views[0].first_row + first, rows, outputs, error);
    HP_TRY(hp_session_run(session, views, outputs, error));
    for (size_t i = 0; !divisible && i < work->output_count; i++) {
        if (chunk->outputs[i].data) continue; /* made by the session just now: the chunk's from here on */
        hp_buffer_release(&chunk->values[i]);
        chunk->values[i] = (hp_buffer){.data = outputs[i].data};
        chunk->outputs[i] = outputs[i];
        chunk->outputs[i].owner = NULL;
    }
    return HP_OK;
}

/* The row of the chunk that an error means; -1: none of [first, first + rows), or the error is not one of a row. */
static int64_t failed_row(
    const hp_work *work, const hp_chunk *chunk, hp_status status, const hp_error *error, int64_t first, int64_t rows) {
    if ((status != HP_ERROR_ROW && status != HP_ERROR_FORMAT) || error->row < 0 || work->input_count == 0) return -1;
    int64_t row = error->row - chunk->views[0].first_row;
    return row >= first && row < first + rows ? row : -1;
}

hp_status hp_chunk_compute(hp_session *session, const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows,
    hp_failures *failures, int64_t *done, hp_error *error) {
    int64_t end = first + rows, step = rows, unit = work->unit;
    bool goes_on = work->on_error == HP_ON_ERROR_NAN && hp_chunk_divisible(work, chunk);
    size_t first_failure = failures->count;
    *done = rows;
    for (int64_t at = first; at < end || rows == 0;) {
        int64_t n = step < end - at ? step : end - at;
        hp_error local = {.row = -1};
        hp_status status = run_rows(session, work, chunk, at, n, &local);
        if (status == HP_OK && rows == 0) break;
        if (status == HP_OK) {
            at += n;
            step *= 4;
            continue;
        }
        int64_t bad = goes_on ? failed_row(work, chunk, status, &local, at, n) : -1;
        if (bad < 0) {
            if (error) *error = local;
            return status;
        }
        bad -= (bad - first) % unit;
        int64_t count = unit < end - bad ? unit : end - bad;
        if (bad > at) { /* the rows before it; then it is the first */
            step = bad - at;
            continue;
        }
        if (!hp_failures_add(failures, bad, count, &local)) {
            *done = at - first;
            break;
        }
        at += count;
        step = ROWS_AFTER_FAILURE * unit;
    }
    for (size_t i = first_failure; i < failures->count; i++) /* no answers are made of what was never computed */
        hp_chunk_blank(work, chunk, failures->at[i].first, failures->at[i].rows);
    HP_TRY(select_rows(session, work, chunk, first, *done, error));
    for (size_t i = first_failure; selects(work) && i < failures->count; i++)
        hp_chunk_blank(work, chunk, failures->at[i].first, failures->at[i].rows);
    int workers = *done >= ROWS_PER_SELECTION ? session->jobs : 1;
    return hp_text_make(work, chunk, first, *done, failures, session->gang, workers, error);
}
