/* stream.c: reader -> chunks -> workers -> writer.
 *
 * A ring of slots holds the chunks in flight. Chunk n lies in slot n % SLOTS and passes through the slot's states EMPTY
 * -> READ -> COMPUTED -> EMPTY, each step taken by one party: the reading thread, the caller (who computes with all
 * workers), the writing thread. Each party takes the chunks in order of their numbers, so nothing is lost, doubled or
 * reordered, and memory is bounded by the ring. The first failure stops all three. */
#include "exec/stream.h"

#include <string.h>

#include "base/dtype.h"

enum { SLOTS = 4 };

typedef enum slot_state { EMPTY, READ, COMPUTED } slot_state;

typedef struct slot {
    slot_state state;
    int64_t rows; /* 0: the end of the input */
    hp_io_batch *batches;
    hp_array *outputs; /* values, one per model output */
    void **selected;   /* after selection; buffers of ours, 2 per output */
    hp_arena strings;
} slot;

typedef struct flow {
    const hp_stream *stream;
    slot slots[SLOTS];
    hp_mutex lock; /* of the states, stop, status and error */
    hp_condition changed;
    bool stop;
    hp_status status;
    hp_error error;
    int64_t written; /* rows */
    bool described;
} flow;

static void fail(flow *f, hp_status status, const hp_error *error) {
    hp_mutex_lock(&f->lock);
    if (f->status == HP_OK) {
        f->status = status;
        f->error = *error;
    }
    f->stop = true;
    hp_condition_broadcast(&f->changed);
    hp_mutex_unlock(&f->lock);
}

/* Waits until the slot of chunk `number` is in `state`. NULL: stopped. */
static slot *await(flow *f, int64_t number, slot_state state) {
    slot *s = &f->slots[number % SLOTS];
    hp_mutex_lock(&f->lock);
    while (!f->stop && s->state != state) hp_condition_wait(&f->changed, &f->lock);
    bool stopped = f->stop;
    hp_mutex_unlock(&f->lock);
    return stopped ? NULL : s;
}

static void pass_on(flow *f, slot *s, slot_state state) {
    hp_mutex_lock(&f->lock);
    s->state = state;
    hp_condition_broadcast(&f->changed);
    hp_mutex_unlock(&f->lock);
}

/* ---- reading */

static hp_status read_chunk(const hp_stream *stream, slot *s, hp_error *error) {
    for (size_t i = 0; i < stream->reader_count; i++) {
        int64_t own_rows = stream->own_rows[i];
        HP_TRY(hp_io_read(stream->readers[i], own_rows ? own_rows : stream->chunk_rows, &s->batches[i], error));
        if (own_rows) continue;
        const hp_io_reader *first = stream->readers[0], *reader = stream->readers[i];
        HP_FAIL_IF(s->batches[i].rows != s->batches[0].rows, error, HP_ERROR_SHAPE, reader->name,
            "the file has %s rows than %s: row %lld is missing in one of them",
            s->batches[i].rows < s->batches[0].rows ? "fewer" : "more", first->name,
            (long long)(s->batches[0].first_row +
                        (s->batches[i].rows < s->batches[0].rows ? s->batches[i].rows : s->batches[0].rows)));
    }
    s->rows = stream->reader_count ? s->batches[0].rows : 0;
    return HP_OK;
}

static void read_all(void *arg) {
    flow *f = arg;
    hp_error error;
    for (int64_t number = 0;; number++) {
        slot *s = await(f, number, EMPTY);
        if (!s) return;
        hp_status status = read_chunk(f->stream, s, &error);
        if (status != HP_OK) {
            fail(f, status, &error);
            return;
        }
        int64_t rows = s->rows; /* the slot is another's once it is passed on */
        pass_on(f, s, READ);
        if (rows == 0) return;
    }
}

/* ---- computing */

/* Gives the slot's output arrays this chunk's shape; their memory is made by the first chunk, which is the largest, but
 * where the length is not known before. */
static void shape_outputs(const hp_stream *stream, slot *s) {
    for (size_t i = 0; i < stream->output_count; i++) {
        hp_array *array = &s->outputs[i];
        const hp_io_output *output = &stream->outputs[i];
        if (!array->data) continue;
        if (stream->items[i] == 0 || stream->describe) {
            hp_array_free(array);
            continue;
        }
        array->shape[0] = s->rows * stream->items[i];
        array->rank = output->rank + 1;
        memcpy(array->shape + 1, output->dims, (size_t)output->rank * sizeof(int64_t));
    }
}

static hp_status select_values(const hp_stream *stream, slot *s, hp_error *error) {
    if (stream->selection->kind == HP_SELECT_NONE) return HP_OK;
    const hp_io_output *selected = stream->selected;
    for (size_t i = 0; i < stream->output_count; i++) {
        for (int j = 0; j < stream->selected_count[i]; j++, selected++) {
            bool grows = stream->items[i] > 0;
            int64_t items = grows ? stream->chunk_rows * stream->items[i] : s->outputs[i].shape[0];
            size_t bytes = (size_t)items * hp_dtype_size(selected->dtype);
            for (int d = 0; d < selected->rank; d++)
                HP_FAIL_IF(!hp_size_mul(bytes, (size_t)selected->dims[d], &bytes), error, HP_ERROR_NO_MEMORY, NULL,
                    "a chunk is larger than the address space");
            void **buffer = &s->selected[2 * i + (size_t)j];
            if (!grows) hp_free(*buffer);
            if (!grows || !*buffer) *buffer = hp_alloc_aligned(bytes ? bytes : 1);
            HP_ALLOCATED(*buffer, error);
        }
        hp_selection_apply(
            stream->selection, &stream->outputs[i], s->outputs[i].data, s->outputs[i].shape[0], &s->selected[2 * i]);
    }
    return HP_OK;
}

/* Shapes that the data tell must be those of the first chunk. */
static hp_status describe(flow *f, const slot *s, hp_error *error) {
    const hp_stream *stream = f->stream;
    if (!stream->describe) return HP_OK;
    if (!f->described) HP_TRY(stream->describe(stream->describe_context, s->outputs, error));
    f->described = true;
    for (size_t i = 0; i < stream->output_count; i++)
        HP_FAIL_IF(memcmp(stream->outputs[i].dims, s->outputs[i].shape + 1,
                       (size_t)stream->outputs[i].rank * sizeof *stream->outputs[i].dims) != 0,
            error, HP_ERROR_SHAPE, NULL,
            "output %zu has another shape for the rows from %lld on than for those before: they cannot be joined", i,
            (long long)s->batches[0].first_row);
    return HP_OK;
}

static hp_status compute_chunk(flow *f, slot *s, hp_error *error) {
    const hp_stream *stream = f->stream;
    hp_io_view views[HP_MOST_TENSORS];
    for (size_t i = 0; i < stream->reader_count; i++) {
        views[i] = s->batches[i].view;
        views[i].dims[0] = s->batches[i].rows;
    }
    shape_outputs(stream, s);
    /* rows converted are numbered in the source already, rows computed within the chunk */
    HP_TRY(hp_session_run(stream->session, views, s->outputs, error));
    HP_TRY(describe(f, s, error));
    return select_values(stream, s, error);
}

/* ---- writing */

static hp_status write_chunk(const hp_stream *stream, slot *s, hp_error *error) {
    const void *data[2 * HP_MOST_TENSORS];
    hp_string *ids = NULL;
    if (stream->id_reader) {
        size_t at = 0;
        while (stream->readers[at] != stream->id_reader) at++;
        ids = hp_arena_alloc(&s->strings, (size_t)s->rows * (size_t)stream->id_reader->id_count * sizeof *ids);
        HP_ALLOCATED(ids, error);
        HP_TRY(hp_io_ids(&s->batches[at], 0, s->rows, ids, &s->strings, error));
    }
    size_t count = 0;
    for (size_t i = 0; i < stream->output_count; i++) {
        size_t first = count;
        for (int j = 0; j < stream->selected_count[i]; j++)
            data[count++] =
                stream->selection->kind == HP_SELECT_NONE ? s->outputs[i].data : s->selected[2 * i + (size_t)j];
        if (stream->writer_per_output)
            HP_TRY(hp_io_write(stream->writers[i], s->outputs[i].shape[0], data + first, ids, error));
    }
    if (!stream->writer_per_output) HP_TRY(hp_io_write(stream->writers[0], s->outputs[0].shape[0], data, ids, error));
    hp_arena_release(&s->strings);
    return HP_OK;
}

static void write_all(void *arg) {
    flow *f = arg;
    hp_error error;
    for (int64_t number = 0;; number++) {
        slot *s = await(f, number, COMPUTED);
        if (!s || s->rows == 0) return;
        hp_status status = write_chunk(f->stream, s, &error);
        if (status != HP_OK) {
            fail(f, status, &error);
            return;
        }
        f->written += s->rows;
        pass_on(f, s, EMPTY);
    }
}

/* ---- the whole */

static bool tell_progress(flow *f, int64_t done) {
    const hp_stream *stream = f->stream;
    if (!stream->progress || stream->progress(stream->progress_context, done, stream->total_rows) == 0) return true;
    hp_error error;
    hp_error_set(&error, HP_ERROR_INTERRUPTED, NULL, "stopped by the progress callback");
    fail(f, HP_ERROR_INTERRUPTED, &error);
    return false;
}

static void compute_all(flow *f) {
    hp_error error;
    int64_t done = 0;
    for (int64_t number = 0;; number++) {
        slot *s = await(f, number, READ);
        if (!s) return;
        hp_status status = s->rows > 0 ? compute_chunk(f, s, &error) : HP_OK;
        if (status != HP_OK) {
            fail(f, status, &error);
            return;
        }
        int64_t rows = s->rows;
        pass_on(f, s, COMPUTED);
        if (rows == 0) return;
        done += rows;
        if (!tell_progress(f, done)) return;
    }
}

/* All rows in one chunk: no threads. Also what an input of no rows takes. */
static void run_single(flow *f) {
    slot *s = &f->slots[0];
    hp_error error;
    for (;;) {
        hp_status status = read_chunk(f->stream, s, &error);
        if (status == HP_OK && s->rows > 0) status = compute_chunk(f, s, &error);
        if (status == HP_OK && s->rows > 0) status = write_chunk(f->stream, s, &error);
        if (status != HP_OK) {
            fail(f, status, &error);
            return;
        }
        if (s->rows == 0) return;
        f->written += s->rows;
        if (!tell_progress(f, f->written)) return;
    }
}

static hp_status run_threads(flow *f, hp_error *error) {
    hp_thread reading, writing;
    HP_TRY(hp_thread_start(&reading, "hp-read", read_all, f, error));
    hp_status status = hp_thread_start(&writing, "hp-write", write_all, f, error);
    if (status == HP_OK)
        compute_all(f);
    else
        fail(f, status, error ? error : &f->error);
    hp_thread_join(&reading);
    if (status == HP_OK) hp_thread_join(&writing);
    return status;
}

static hp_status make_slots(flow *f, hp_error *error) {
    const hp_stream *stream = f->stream;
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &f->slots[i];
        s->batches = hp_alloc_array(stream->reader_count, sizeof *s->batches);
        s->outputs = hp_alloc_array(stream->output_count, sizeof *s->outputs);
        s->selected = hp_alloc_array(2 * stream->output_count, sizeof *s->selected);
        HP_ALLOCATED(s->batches, error);
        HP_ALLOCATED(s->outputs, error);
        HP_ALLOCATED(s->selected, error);
    }
    return HP_OK;
}

static void release_slots(flow *f) {
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &f->slots[i];
        for (size_t j = 0; s->batches && j < f->stream->reader_count; j++) hp_io_batch_release(&s->batches[j]);
        for (size_t j = 0; s->outputs && j < f->stream->output_count; j++) hp_array_free(&s->outputs[j]);
        for (size_t j = 0; s->selected && j < 2 * f->stream->output_count; j++) hp_free(s->selected[j]);
        hp_arena_release(&s->strings);
        hp_free(s->batches);
        hp_free(s->outputs);
        hp_free(s->selected);
    }
}

hp_status hp_stream_run(const hp_stream *stream, int64_t *rows, hp_error *error) {
    flow f = {.stream = stream};
    hp_mutex_init(&f.lock);
    hp_condition_init(&f.changed);
    hp_status status = make_slots(&f, error);
    if (status == HP_OK && stream->total_rows >= 0 && stream->total_rows <= stream->chunk_rows)
        run_single(&f);
    else if (status == HP_OK)
        status = run_threads(&f, error);
    if (status == HP_OK && f.status != HP_OK) {
        status = f.status;
        if (error) *error = f.error;
    }
    *rows = f.written;
    release_slots(&f);
    hp_condition_release(&f.changed);
    hp_mutex_release(&f.lock);
    return status;
}
