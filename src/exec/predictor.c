/* predictor.c: batches pushed and pulled by the caller, who is the ring's filler and its taker; a thread of the
 * predictor's computes, or supervises worker processes.
 *
 * Invariant: batches numbers [pulled, pushed) are in the ring, at most look_ahead of them; both counts, and `finished`, are
 * under the ring's lock. */
#include <string.h>

#include "base/dtype.h"
#include "exec/dealer.h"
#include "exec/ragged.h"

enum { USUAL_LOOK_AHEAD = 4, MOST_LOOK_AHEAD = 1024, LEAST_ROOM = 1 << 20 };
static const size_t USUAL_ROOM = (size_t)4 << 30; /* reserved, not used, for each array of a batch */

struct hp_predictor {
    hp_predictor_options options;
    hp_work work;
    hp_ring ring;
    hp_shared shared;
    hp_session *session; /* threads */
    hp_crew *crew;       /* processes; the thread's */
    size_t room;         /* processes: bytes of each array of a batch */
    double pad;          /* with options.pad */
    hp_thread thread;
    bool running; /* the thread */
    bool ready;   /* it has told `status`; under the ring's lock, as what follows */
    hp_status status;
    hp_error error;
    int64_t pushed, pulled;
    int64_t rows; /* pushed */
    bool finished;
    hp_mutex push_lock; /* one push at a time starts the workers */
};

/* ---- the computing thread ----------------------------------------------------------------------------------------- */

static void tell(void *context, int64_t computed) {
    hp_predictor *p = context;
    if (p->options.progress(p->options.progress_context, computed, -1) != 0) hp_predictor_cancel(p);
}

static void compute(void *context) {
    hp_predictor *p = context;
    hp_error error = {0};
    hp_status status = HP_OK;
    if (p->options.backend == HP_BACKEND_PROCESSES)
        status = hp_crew_open(&p->ring, &p->work, &p->shared, &p->crew, &error);
    if (status != HP_OK) hp_ring_stop(&p->ring, status, &error); /* nobody will compute what is pushed */
    hp_mutex_lock(&p->ring.lock);
    p->status = status;
    p->error = error;
    p->ready = true;
    hp_condition_broadcast(&p->ring.changed[HP_CHUNK_EMPTY]);
    hp_mutex_unlock(&p->ring.lock);
    if (p->crew)
        hp_crew_deal(p->crew);
    else if (p->session)
        hp_deal_threads(&p->ring, &p->work, p->session);
    hp_crew_close(p->crew);
    p->crew = NULL;
}

static hp_status start_thread(hp_predictor *p, hp_error *error) {
    p->ring.tell = p->options.progress ? tell : NULL;
    p->ring.tell_context = p;
    HP_TRY(hp_thread_start(&p->thread, "hp-predictor", compute, p, error));
    p->running = true;
    hp_mutex_lock(&p->ring.lock);
    while (!p->ready) hp_condition_wait(&p->ring.changed[HP_CHUNK_EMPTY], &p->ring.lock);
    hp_status status = p->status;
    if (status != HP_OK && error) *error = p->error;
    hp_mutex_unlock(&p->ring.lock);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

/* Inputs as the model describes them; false where a size is known only with data. */
static bool usual_views(const hp_model *model, hp_io_view *views) {
    for (size_t i = 0; i < hp_model_input_count(model); i++) {
        hp_tensor_info info = hp_network_input(model->network, i);
        for (int d = 1; d < info.rank; d++)
            if (info.shape[d] < 0) return false;
        views[i] = hp_io_view_of(info.name, NULL, info.dtype, -1, info.rank - 1, info.shape + 1);
    }
    return hp_network_measure_count(model->network) == 0;
}

/* Starts the worker processes, once shapes are known. */
static hp_status start_processes(hp_predictor *p, const hp_io_view *views, hp_error *error) {
    HP_TRY(hp_work_plan(&p->work, views, error));
    HP_TRY(hp_work_check_processes(&p->work, true, error));
    if (p->options.chunk_rows > p->work.least_part) p->work.least_part = p->options.chunk_rows;
    return start_thread(p, error);
}

static hp_status share_memory(hp_predictor *p, int slots, hp_error *error) {
    size_t rooms = (size_t)slots * (p->work.input_count + p->work.output_count);
    p->room = USUAL_ROOM;
    HP_TRY(hp_shared_open(
        &p->shared, hp_ring_bytes(slots, &p->work) + hp_crew_bytes(p->work.jobs), rooms, &p->room, LEAST_ROOM, error));
    HP_TRY(hp_ring_open(&p->ring, slots, &p->work, &p->shared, error));
    for (int s = 0; s < slots; s++)
        for (size_t i = 0; i < p->work.input_count + p->work.output_count; i++) {
            hp_chunk *chunk = p->ring.chunks[s];
            hp_buffer *buffer = i < p->work.input_count ? &chunk->inputs[i] : &chunk->values[i - p->work.input_count];
            *buffer = (hp_buffer){.data = hp_shared_take(&p->shared, p->room), .capacity = p->room, .fixed = true};
            HP_ALLOCATED(buffer->data, error);
        }
    return HP_OK;
}

static hp_status start(hp_predictor *p, hp_error *error) {
    const hp_predictor_options *options = &p->options;
    int slots = options->look_ahead;
    if (options->backend == HP_BACKEND_PROCESSES) {
        hp_io_view views[HP_MOST_TENSORS];
        bool known = hp_network_measure_count(p->work.model->network) == 0;
        HP_TRY(hp_work_check_processes(&p->work, known, error));
        HP_TRY(share_memory(p, slots, error));
        return usual_views(p->work.model, views) ? start_processes(p, views, error) : HP_OK;
    }
    HP_TRY(hp_ring_open(&p->ring, slots, &p->work, &p->shared, error));
    hp_predict_options session = {
        .struct_size = sizeof session, .jobs = p->work.jobs, .batch_size = p->work.batch_size};
    HP_TRY(hp_session_open(p->work.model, &session, &p->session, error));
    return start_thread(p, error);
}

static hp_status check_options(const hp_predictor_options *options, hp_error *error) {
    HP_FAIL_IF(options->look_ahead < 0 || options->look_ahead > MOST_LOOK_AHEAD, error, HP_ERROR_ARGUMENT, NULL,
        "look_ahead is %d; it must be from 1 to %d, or 0 for %d", options->look_ahead, MOST_LOOK_AHEAD,
        USUAL_LOOK_AHEAD);
    HP_FAIL_IF(options->chunk_rows < 0, error, HP_ERROR_ARGUMENT, NULL, "chunk_rows is %lld; it must not be negative",
        (long long)options->chunk_rows);
    HP_FAIL_IF(options->backend != HP_BACKEND_THREADS && options->backend != HP_BACKEND_PROCESSES, error,
        HP_ERROR_ARGUMENT, NULL, "there is no backend %d", (int)options->backend);
    return HP_OK;
}

hp_status hp_predictor_open(
    hp_model *model, const hp_predictor_options *given, hp_predictor **result, hp_error *error) {
    HP_FAIL_IF(!result, error, HP_ERROR_ARGUMENT, NULL, "predictor is NULL");
    *result = NULL;
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    HP_FAIL_IF(hp_model_input_count(model) == 0, error, HP_ERROR_ARGUMENT, NULL, "the model has no inputs");
    hp_predictor *p = HP_NEW(hp_predictor);
    HP_ALLOCATED(p, error);
    hp_mutex_init(&p->push_lock);
    if (given)
        memcpy(&p->options, given, given->struct_size < sizeof p->options ? given->struct_size : sizeof p->options);
    hp_status status = check_options(&p->options, error);
    if (p->options.look_ahead == 0) p->options.look_ahead = USUAL_LOOK_AHEAD;
    if (status == HP_OK) status = hp_work_fill(&p->work, model, p->options.jobs, p->options.batch_size, error);
    p->work.on_error = p->options.on_error;
    if (status == HP_OK && p->options.pad) status = hp_pad_value(model, &p->pad, error);
    if (p->options.pad) p->work.pad = &p->pad;
    if (status == HP_OK) status = start(p, error);
    if (status == HP_OK)
        *result = p;
    else
        hp_predictor_close(p);
    return status;
}

static hp_status interrupted(hp_error *error) {
    return hp_error_set(error, HP_ERROR_INTERRUPTED, NULL, "the predictor was cancelled");
}

void hp_predictor_cancel(hp_predictor *p) {
    hp_error error;
    if (p) hp_ring_stop(&p->ring, interrupted(&error), &error);
}

void hp_predictor_close(hp_predictor *p) {
    if (!p) return;
    if (p->running) {
        hp_predictor_cancel(p);
        hp_thread_join(&p->thread);
    }
    hp_session_close(p->session);
    hp_ring_close(&p->ring, &p->work);
    hp_shared_close(&p->shared);
    hp_mutex_release(&p->push_lock);
    hp_free(p);
}

/* ---- pushing ------------------------------------------------------------------------------------------------------ */

/* Bytes of all strings of a view, their structs counted. */
static hp_status copy_strings(const hp_io_view *view, size_t count, hp_buffer *buffer, hp_error *error) {
    hp_arena arena = {0};
    size_t bytes = count * sizeof(hp_string);
    hp_string *strings = hp_arena_alloc(&arena, bytes + 1), *to = NULL;
    hp_status status = strings ? hp_io_convert(view, 0, view->dims[0], HP_STRING, strings, &arena, error)
                               : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; status == HP_OK && i < count; i++)
        if (!hp_size_add(bytes, strings[i].size, &bytes))
            status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (status == HP_OK && !(to = hp_buffer_reserve(buffer, bytes)))
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "a batch is too large");
    char *text = to ? (char *)(to + count) : NULL;
    for (size_t i = 0; to && i < count; i++) {
        to[i] = (hp_string){memcpy(text, strings[i].size ? strings[i].data : "", strings[i].size), strings[i].size};
        text += strings[i].size;
    }
    hp_arena_release(&arena);
    return status;
}

/* The rows of an input into memory of the chunk's, and behind them, where rows have different lengths, the offsets of
 * `rows` rows. */
static hp_status copy_input(const hp_io_view *view, int64_t rows, hp_chunk *chunk, size_t input, hp_error *error) {
    hp_buffer *buffer = &chunk->inputs[input];
    size_t count = (size_t)view->dims[0] * (size_t)hp_io_row_elements(view), bytes = count * hp_dtype_size(view->dtype);
    size_t at = (bytes + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t),
           more = view->offsets ? ((size_t)rows + 1) * sizeof(int64_t) : 0;
    if (view->dtype == HP_STRING) {
        HP_TRY(copy_strings(view, count, buffer, error));
    } else {
        unsigned char *to = hp_buffer_reserve(buffer, at + more);
        HP_FAIL_IF(
            !to, error, HP_ERROR_NO_MEMORY, NULL, "there is no memory for a batch of %lld rows", (long long)rows);
        const void *whole = hp_io_direct(view, view->dtype);
        if (whole && bytes)
            memcpy(to, whole, bytes);
        else
            HP_TRY(hp_io_convert(view, 0, view->dims[0], view->dtype, to, NULL, error));
        if (more) memcpy(to + at, view->offsets, more);
    }
    chunk->views[input] =
        hp_io_view_of(view->name, buffer->data, view->dtype, view->dims[0], view->rank - 1, view->dims + 1);
    if (more) chunk->views[input].offsets = (const int64_t *)(void *)((unsigned char *)buffer->data + at);
    return HP_OK;
}

/* Waits until one more batch may be pushed. */
static hp_status await_room(hp_predictor *p, hp_chunk **chunk, hp_error *error) {
    hp_mutex_lock(&p->ring.lock);
    *chunk = p->ring.chunks[p->pushed % p->ring.count];
    while (!p->ring.stopped && !p->finished && (*chunk)->state != HP_CHUNK_EMPTY)
        hp_condition_wait(&p->ring.changed[HP_CHUNK_EMPTY], &p->ring.lock);
    hp_status status = p->ring.stopped ? p->ring.status : HP_OK;
    if (status != HP_OK && error) *error = p->ring.error;
    if (status == HP_OK && p->finished)
        status = hp_error_set(error, HP_ERROR_ARGUMENT, NULL, "a batch was pushed after hp_predictor_finish");
    hp_mutex_unlock(&p->ring.lock);
    return status;
}

/* One batch: its views, and rows like them, -1 of them and of one length. */
typedef struct batch {
    hp_io_view views[HP_MOST_TENSORS], alike[HP_MOST_TENSORS];
    const char *ragged; /* an input whose rows have different lengths; NULL: there is none */
    int64_t rows;
} batch;

static hp_status fill(hp_predictor *p, const batch *pushed, hp_chunk *chunk, hp_error *error) {
    hp_array shapes[HP_MOST_TENSORS];
    bool known = hp_network_measure_count(p->work.model->network) == 0;
    HP_TRY(hp_output_shapes(p->work.model, pushed->alike, p->work.input_count, shapes, error));
    for (size_t i = 0; i < p->work.output_count; i++) {
        for (int d = 1; d < shapes[i].rank; d++) known &= shapes[i].shape[d] >= 0;
        known &= shapes[i].shape[0] != 0;
    }
    if (p->options.backend == HP_BACKEND_PROCESSES) HP_TRY(hp_work_check_processes(&p->work, known, error));
    if (p->options.backend == HP_BACKEND_PROCESSES && !p->running) HP_TRY(start_processes(p, pushed->alike, error));
    for (size_t i = 0; i < p->work.input_count; i++)
        HP_TRY(copy_input(&pushed->views[i], pushed->rows, chunk, i, error));
    chunk->rows = pushed->rows;
    return hp_chunk_prepare(&p->work, chunk, shapes, known, error);
}

static hp_status push(hp_predictor *p, const batch *pushed, hp_error *error) {
    hp_chunk *chunk;
    hp_mutex_lock(&p->push_lock);
    hp_status status = await_room(p, &chunk, error);
    if (status == HP_OK) status = fill(p, pushed, chunk, error);
    if (status == HP_OK) {
        hp_mutex_lock(&p->ring.lock);
        chunk->first_row = p->rows;
        p->rows += chunk->rows;
        p->pushed++;
        hp_mutex_unlock(&p->ring.lock);
        hp_ring_pass(&p->ring, chunk, HP_CHUNK_FILLED);
    }
    hp_mutex_unlock(&p->push_lock);
    return status;
}

hp_status hp_predictor_push(hp_predictor *p, const hp_array *inputs, size_t input_count, hp_error *error) {
    HP_FAIL_IF(!p || !inputs, error, HP_ERROR_ARGUMENT, NULL, "predictor or inputs is NULL");
    batch pushed = {.ragged = NULL};
    hp_shape *shapes;
    const hp_model *model = p->work.model;
    HP_TRY(hp_name_model(model, hp_array_views(model, inputs, input_count, pushed.views, error), error));
    HP_TRY(hp_name_model(model, hp_signature_of(model, pushed.views, input_count, &shapes, error), error));
    hp_free(shapes);
    for (size_t i = 0; i < input_count; i++) {
        pushed.alike[i] = pushed.views[i];
        pushed.alike[i].dims[0] = -1;
    }
    pushed.rows = pushed.views[0].dims[0];
    return push(p, &pushed, error);
}

/* ---- rows of different lengths ------------------------------------------------------------------------------------ */

static hp_status check_offsets(const hp_io_view *view, const int64_t *offsets, int64_t rows, hp_error *error) {
    for (int64_t row = 0; row < rows; row++)
        HP_FAIL_IF(offsets[row] < 0 || offsets[row + 1] < offsets[row] || offsets[row + 1] > view->dims[0], error,
            HP_ERROR_ARGUMENT, view->name, "row %lld begins at step %lld and ends at step %lld of %lld", (long long)row,
            (long long)offsets[row], (long long)offsets[row + 1], (long long)view->dims[0]);
    HP_FAIL_IF(view->dtype == HP_STRING, error, HP_ERROR_UNSUPPORTED, view->name,
        "rows of strings cannot have different lengths");
    HP_FAIL_IF(view->rank == HP_MAX_RANK, error, HP_ERROR_SHAPE, view->name, "it has more than %d axes with the rows",
        HP_MAX_RANK);
    return HP_OK;
}

/* Rows like the batch's, of `length` steps where the model leaves that open. */
static void make_alike(const hp_model *model, const batch *pushed, int64_t length, hp_io_view *alike) {
    for (size_t i = 0; i < hp_model_input_count(model); i++) {
        const hp_io_view *view = &pushed->views[i];
        hp_tensor_info info = hp_network_input(model->network, i);
        int64_t dims[HP_MAX_RANK] = {info.rank > 1 && info.shape[1] > 0 ? info.shape[1] : length};
        alike[i] = *view;
        alike[i].dims[0] = -1;
        if (!view->offsets) continue;
        memcpy(dims + 1, view->dims + 1, (size_t)(view->rank - 1) * sizeof *dims);
        alike[i] = hp_io_view_of(view->name, NULL, view->dtype, -1, view->rank, dims);
    }
}

static hp_status view_ragged(hp_model *model, const hp_array *inputs, const int64_t *const *offsets, size_t input_count,
    batch *pushed, hp_error *error) {
    hp_io_view others[HP_MOST_TENSORS];
    hp_array shapes[HP_MOST_TENSORS];
    HP_FAIL_IF(pushed->rows < 0, error, HP_ERROR_ARGUMENT, NULL, "the batch has %lld rows", (long long)pushed->rows);
    HP_TRY(hp_array_views(model, inputs, input_count, pushed->views, error));
    for (size_t i = 0; i < input_count; i++) {
        hp_io_view *view = &pushed->views[i];
        HP_FAIL_IF(!offsets[i] && view->dims[0] != pushed->rows, error, HP_ERROR_SHAPE, NULL,
            "input %zu has %lld rows; the batch has %lld", i, (long long)view->dims[0], (long long)pushed->rows);
        if (!offsets[i]) continue;
        HP_TRY(check_offsets(view, offsets[i], pushed->rows, error));
        view->offsets = offsets[i];
        pushed->ragged = view->name;
    }
    make_alike(model, pushed, HP_TRIAL_LENGTH, pushed->alike);
    make_alike(model, pushed, HP_OTHER_LENGTH, others);
    HP_TRY(hp_output_shapes(model, pushed->alike, input_count, shapes, error));
    return pushed->ragged ? hp_ragged_check(model, pushed->ragged, others, shapes, error) : HP_OK;
}

hp_status hp_predictor_push_ragged(hp_predictor *p, const hp_array *inputs, const int64_t *const *offsets,
    size_t input_count, int64_t rows, hp_error *error) {
    HP_FAIL_IF(!p || !inputs || !offsets, error, HP_ERROR_ARGUMENT, NULL, "predictor, inputs or offsets is NULL");
    hp_model *model = p->work.model;
    batch pushed = {.rows = rows};
    HP_TRY(hp_name_model(model, view_ragged(model, inputs, offsets, input_count, &pushed, error), error));
    return push(p, &pushed, error);
}

void hp_predictor_finish(hp_predictor *p) {
    if (!p) return;
    hp_mutex_lock(&p->ring.lock);
    p->finished = true;
    hp_condition_broadcast(&p->ring.changed[HP_CHUNK_EMPTY]);
    hp_condition_broadcast(&p->ring.changed[HP_CHUNK_DONE]);
    hp_mutex_unlock(&p->ring.lock);
}

int hp_predictor_pending(hp_predictor *p) {
    if (!p) return 0;
    hp_mutex_lock(&p->ring.lock);
    int pending = (int)(p->pushed - p->pulled);
    hp_mutex_unlock(&p->ring.lock);
    return pending;
}

int hp_predictor_room(hp_predictor *p) {
    return p ? p->ring.count - hp_predictor_pending(p) : 0;
}

/* ---- pulling ------------------------------------------------------------------------------------------------------ */

static hp_status check_output(const hp_array *given, const hp_array *made, size_t index, hp_error *error) {
    bool fits = given->rank == made->rank && given->dtype == made->dtype &&
                !memcmp(given->shape, made->shape, (size_t)made->rank * sizeof *made->shape);
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL,
        "output %zu has room for another shape or dtype than the batch's predictions have: %lld rows of %s", index,
        (long long)made->shape[0], hp_dtype_name(made->dtype));
    HP_FAIL_IF(!hp_array_is_c_order(given), error, HP_ERROR_ARGUMENT, NULL, "output %zu is not in C order", index);
    return HP_OK;
}

/* An output's values to the caller: the memory itself where it is the chunk's own, else a copy. */
static hp_status give(hp_chunk *chunk, size_t index, hp_array *output, hp_error *error) {
    hp_array *made = &chunk->outputs[index];
    hp_buffer *values = &chunk->values[index];
    size_t bytes = hp_dtype_size(made->dtype);
    for (int d = 0; d < made->rank; d++) bytes *= (size_t)made->shape[d];
    if (output->data) {
        if (bytes) memcpy(output->data, made->data, bytes);
        return HP_OK;
    }
    void *data = values->fixed ? hp_alloc_aligned(bytes ? bytes : 1) : values->data;
    HP_ALLOCATED(data, error);
    if (values->fixed)
        memcpy(data, made->data, bytes);
    else
        *values = (hp_buffer){0};
    *output = *made;
    output->data = output->owner = data;
    return HP_OK;
}

static hp_status take(hp_predictor *p, hp_chunk *chunk, hp_array *outputs, hp_error *error) {
    if (chunk->status != HP_OK) {
        if (error) *error = chunk->error;
        return chunk->status;
    }
    for (size_t i = 0; i < p->work.output_count; i++)
        if (outputs[i].data) HP_TRY(check_output(&outputs[i], &chunk->outputs[i], i, error));
    hp_array given[HP_MOST_TENSORS];
    memcpy(given, outputs, p->work.output_count * sizeof *outputs);
    for (size_t i = 0; i < p->work.output_count; i++) {
        hp_status status = give(chunk, i, &given[i], error);
        for (size_t k = 0; status != HP_OK && k < i; k++)
            if (!outputs[k].data) hp_array_free(&given[k]);
        HP_TRY(status);
    }
    memcpy(outputs, given, p->work.output_count * sizeof *outputs);
    for (size_t i = 0; p->options.failure && i < chunk->failures.count; i++) {
        const hp_failure *failed = &chunk->failures.at[i];
        p->options.failure(p->options.failure_context, chunk->first_row + failed->first, failed->rows, &failed->error);
    }
    return HP_OK;
}

/* Waits for the oldest batch; NULL: there is none and never will be, or the predictor has stopped. */
static hp_chunk *await_oldest(hp_predictor *p, hp_status *status, hp_error *error) {
    hp_mutex_lock(&p->ring.lock);
    hp_chunk *chunk = p->ring.chunks[p->pulled % p->ring.count];
    bool ended;
    while (ended = p->finished && p->pulled == p->pushed, !ended && !p->ring.stopped && chunk->state != HP_CHUNK_DONE)
        hp_condition_wait(&p->ring.changed[HP_CHUNK_DONE], &p->ring.lock);
    *status = ended ? HP_OK : p->ring.status;
    if (*status != HP_OK && error) *error = p->ring.error;
    if (ended || p->ring.stopped) chunk = NULL;
    hp_mutex_unlock(&p->ring.lock);
    return chunk;
}

hp_status hp_predictor_pull(hp_predictor *p, hp_array *outputs, size_t output_count, int *ended, hp_error *error) {
    HP_FAIL_IF(!p || !outputs, error, HP_ERROR_ARGUMENT, NULL, "predictor or outputs is NULL");
    HP_FAIL_IF(output_count != p->work.output_count, error, HP_ERROR_ARGUMENT, NULL,
        "%zu outputs were given; the model has %zu", output_count, p->work.output_count);
    if (ended) *ended = 0;
    hp_status status;
    hp_chunk *chunk = await_oldest(p, &status, error);
    if (!chunk) {
        if (ended && status == HP_OK) *ended = 1;
        return status;
    }
    status = take(p, chunk, outputs, error);
    hp_mutex_lock(&p->ring.lock);
    p->pulled++;
    hp_mutex_unlock(&p->ring.lock);
    hp_ring_pass(&p->ring, chunk, HP_CHUNK_EMPTY);
    return status;
}
