/* stream.c: reader -> chunks -> workers -> writer; see ring.h for how chunks pass from one to the next.
 *
 * The calling thread computes, or supervises worker processes; a reading and a writing thread stand at the two ends. The
 * writer takes chunks in order and is the one who finds that one has failed: so the first failure in the order of rows
 * is the one that is told, whatever was computed first. */
#include "exec/stream.h"

#include <string.h>

#include "base/dtype.h"
#include "exec/text.h"
#include "io/csv_text.h"

enum { SLOTS = 4 };

typedef struct flow {
    const hp_stream *stream;
    hp_ring ring;
    hp_shared shared;
    hp_session *session; /* threads */
    hp_crew *crew;       /* processes */
    int64_t written;     /* rows, and how many of them failed */
    int64_t failed;
    bool described;
    atomic_bool interrupted;
} flow;

static void stop(flow *f, hp_status status, const hp_error *error) {
    hp_ring_stop(&f->ring, status, error);
    for (size_t i = 0; i < f->stream->work.input_count; i++) hp_io_reader_interrupt(f->stream->readers[i]);
}

/* ---- reading */

static hp_status read_chunk(const hp_stream *stream, hp_chunk *chunk, hp_error *error) {
    const hp_io_reader *first = stream->readers[0];
    for (size_t i = 0; i < stream->work.input_count; i++) {
        int64_t own_rows = stream->work.own_rows[i];
        hp_io_batch *batch = &chunk->batches[i];
        HP_TRY(hp_io_read(stream->readers[i], own_rows ? own_rows : stream->chunk_rows, batch, error));
        chunk->views[i] = batch->view;
        chunk->views[i].first_row = batch->first_row;
        if (!batch->view.offsets) chunk->views[i].dims[0] = batch->rows;
        if (own_rows) continue;
        int64_t here = batch->rows, there = chunk->batches[0].rows;
        HP_FAIL_IF(here != there, error, HP_ERROR_SHAPE, stream->readers[i]->name,
            "the file has %s rows than %s: row %lld is missing in one of them", here < there ? "fewer" : "more",
            first->name, (long long)(chunk->batches[0].first_row + (here < there ? here : there)));
    }
    chunk->rows = chunk->batches[0].rows;
    chunk->first_row = chunk->batches[0].first_row;
    chunk->end = chunk->rows == 0;
    if (chunk->end) return HP_OK;
    return hp_chunk_prepare(&stream->work, chunk, stream->shapes, !stream->describe, error);
}

/* Nothing more is read: what was, is still computed and written. */
static void end_early(hp_chunk *chunk) {
    chunk->rows = 0;
    chunk->end = true;
}

static void read_all(void *arg) {
    flow *f = arg;
    hp_error error;
    for (int64_t number = 0;; number++) {
        hp_chunk *chunk = hp_ring_await(&f->ring, number, HP_CHUNK_EMPTY);
        if (!chunk) return;
        hp_status status = atomic_load(&f->interrupted) ? HP_ERROR_INTERRUPTED : read_chunk(f->stream, chunk, &error);
        if (status == HP_ERROR_INTERRUPTED) {
            end_early(chunk);
        } else if (status != HP_OK) {
            stop(f, status, &error);
            return;
        }
        bool end = chunk->end; /* the chunk is another's once it is passed on */
        hp_ring_pass(&f->ring, chunk, HP_CHUNK_FILLED);
        if (end) return;
    }
}

/* ---- writing */

/* Shapes that the data tell must be those of the first chunk. */
static hp_status describe(flow *f, const hp_chunk *chunk, hp_error *error) {
    const hp_stream *stream = f->stream;
    if (!stream->describe) return HP_OK;
    if (!f->described) HP_TRY(stream->describe(stream->describe_context, chunk->outputs, error));
    f->described = true;
    for (size_t i = 0; i < stream->work.output_count; i++)
        HP_FAIL_IF(memcmp(stream->work.outputs[i].dims, chunk->outputs[i].shape + 1,
                       (size_t)stream->work.outputs[i].rank * sizeof *stream->work.outputs[i].dims) != 0,
            error, HP_ERROR_SHAPE, NULL,
            "output %zu has another shape for the rows from %lld on than for those before: they cannot be joined", i,
            (long long)chunk->first_row);
    return HP_OK;
}

/* The chunk's rows to one writer: as text, where the workers made it. */
static hp_status write_rows(flow *f, const hp_chunk *chunk, size_t writer, const hp_string *ids, hp_error *error) {
    const hp_work *work = &f->stream->work;
    const void *data[2 * HP_MOST_TENSORS];
    if (chunk->as_text) return hp_text_write(work, chunk, writer, error);
    hp_chunk_data(work, chunk, f->stream->writer_per_output ? (int)writer : HP_ALL_OUTPUTS, 0, data);
    return hp_io_write(f->stream->writers[writer], chunk->outputs[writer].shape[0], data, ids, error);
}

static hp_status write_chunk(flow *f, hp_chunk *chunk, hp_error *error) {
    const hp_stream *stream = f->stream;
    const hp_work *work = &stream->work;
    hp_string *ids = NULL;
    if (chunk->status != HP_OK) {
        if (error) *error = chunk->error;
        return chunk->status;
    }
    HP_TRY(describe(f, chunk, error));
    if (!chunk->as_text)
        HP_TRY(hp_chunk_ids(work, chunk, 0, chunk->rows, &chunk->failures, &chunk->strings, &ids, error));
    for (size_t i = 0; i < (stream->writer_per_output ? work->output_count : 1); i++)
        HP_TRY(write_rows(f, chunk, i, ids, error));
    hp_arena_release(&chunk->strings);
    for (size_t i = 0; i < chunk->failures.count; i++) {
        const hp_failure *failed = &chunk->failures.at[i];
        f->failed += failed->rows;
        if (stream->failure)
            stream->failure(stream->failure_context, chunk->first_row + failed->first, failed->rows, &failed->error);
    }
    f->written += chunk->rows;
    return stream->written ? stream->written(stream->written_context, f->written, f->failed, error) : HP_OK;
}

static void write_all(void *arg) {
    flow *f = arg;
    hp_error error;
    for (int64_t number = 0;; number++) {
        hp_chunk *chunk = hp_ring_await(&f->ring, number, HP_CHUNK_DONE);
        if (!chunk || chunk->end) return;
        hp_status status = write_chunk(f, chunk, &error);
        if (status != HP_OK) {
            stop(f, status, &error);
            return;
        }
        hp_ring_pass(&f->ring, chunk, HP_CHUNK_EMPTY);
    }
}

/* ---- the whole */

static void tell(void *context, int64_t computed) {
    flow *f = context;
    const hp_stream *stream = f->stream;
    if (atomic_load(&f->interrupted)) return;
    if (!stream->progress ||
        stream->progress(stream->progress_context, computed + stream->start_row, stream->total_rows) == 0)
        return;
    atomic_store(&f->interrupted, true);
    for (size_t i = 0; i < stream->work.input_count; i++) hp_io_reader_interrupt(stream->readers[i]);
}

/* Takes all steps of each chunk one after the other, without threads: for rows that fit one chunk. */
static void run_single(flow *f) {
    hp_chunk *chunk = f->ring.chunks[0];
    hp_error error;
    for (;;) {
        hp_status status = read_chunk(f->stream, chunk, &error);
        if (status == HP_OK && chunk->end) return;
        if (status == HP_OK) {
            hp_compute_chunk(f->session, &f->stream->work, chunk);
            status = write_chunk(f, chunk, &error);
        }
        if (status != HP_OK) {
            stop(f, status, &error);
            return;
        }
        tell(f, f->written - f->stream->start_row);
    }
}

static hp_status run_threads(flow *f, hp_error *error) {
    hp_thread reading, writing;
    HP_TRY(hp_thread_start(&reading, "hp-read", read_all, f, error));
    hp_status status = hp_thread_start(&writing, "hp-write", write_all, f, error);
    if (status == HP_OK && f->crew)
        hp_crew_deal(f->crew);
    else if (status == HP_OK)
        hp_deal_threads(&f->ring, &f->stream->work, f->session);
    else
        stop(f, status, error ? error : &f->ring.error);
    if (hp_ring_is_stopped(&f->ring)) stop(f, f->ring.status, &f->ring.error); /* the reader may wait for its source */
    hp_thread_join(&reading);
    if (status == HP_OK) hp_thread_join(&writing);
    return status;
}

/* ---- memory */

/* Whether only the rows tell how large they are. */
static bool is_open_ended(const hp_io_reader *reader) {
    return reader->dtype == HP_STRING || reader->ragged;
}

/* Bytes of one row of an input in a batch; 0 where only the rows tell. */
static size_t input_row_bytes(const hp_io_reader *reader) {
    size_t bytes = is_open_ended(reader) ? 0 : hp_dtype_size(reader->dtype);
    for (int d = 0; d < reader->rank; d++) bytes *= (size_t)reader->dims[d];
    return bytes;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Room for one of any chunk's inputs, outputs or selections; a reader's batch uses half of it for its elements. */
static size_t room_bytes(const hp_stream *stream, bool *open_ended) {
    const hp_work *work = &stream->work;
    size_t rows = (size_t)stream->chunk_rows, bytes = 4096;
    *open_ended = false;
    for (size_t i = 0; i < work->input_count; i++) {
        size_t own = work->own_rows[i] ? (size_t)work->own_rows[i] : rows;
        *open_ended |= is_open_ended(stream->readers[i]);
        bytes = most(bytes, 2 * input_row_bytes(stream->readers[i]) * own + 4 * HP_IO_PADDING + 4096);
    }
    const hp_io_output *selected = work->selected;
    for (size_t i = 0; i < work->output_count; i++) {
        size_t items = rows * (size_t)-stream->shapes[i].shape[0], row = hp_dtype_size(stream->shapes[i].dtype);
        for (int d = 1; d < stream->shapes[i].rank; d++) row *= (size_t)stream->shapes[i].shape[d];
        bytes = most(bytes, items * row);
        for (int j = 0; j < work->selected_count[i]; j++, selected++) {
            size_t each = hp_dtype_size(selected->dtype);
            for (int d = 0; d < selected->rank; d++) each *= (size_t)selected->dims[d];
            bytes = most(bytes, items * each);
        }
        if (i < work->writer_count)
            bytes = most(bytes, hp_text_bytes(work, i, stream->chunk_rows, -stream->shapes[i].shape[0], bytes));
    }
    return (bytes + 4096) / 4096 * 4096;
}

/* The memory that worker processes see: the ring, and rooms for the rows and results of each chunk. */
static hp_status share_memory(flow *f, hp_error *error) {
    const hp_work *work = &f->stream->work;
    const size_t for_any = (size_t)4 << 30;
    bool open_ended;
    size_t least = room_bytes(f->stream, &open_ended), room = open_ended && least < for_any ? for_any : least;
    size_t rooms = SLOTS * (work->input_count + 3 * work->output_count + work->writer_count);
    HP_TRY(
        hp_shared_open(&f->shared, hp_ring_bytes(SLOTS, work) + hp_crew_bytes(work->jobs), rooms, &room, least, error));
    HP_TRY(hp_ring_open(&f->ring, SLOTS, work, &f->shared, error));
    for (int s = 0; s < SLOTS; s++) {
        hp_chunk *chunk = f->ring.chunks[s];
        for (size_t i = 0; i < work->input_count; i++) {
            void *memory = hp_shared_take(&f->shared, room);
            HP_ALLOCATED(memory, error);
            hp_io_batch_place(&chunk->batches[i], memory, room);
        }
        for (size_t i = 0; i < 3 * work->output_count; i++) {
            hp_buffer *buffer = i < work->output_count ? &chunk->values[i] : &chunk->selected[i - work->output_count];
            *buffer = (hp_buffer){.data = hp_shared_take(&f->shared, room), .capacity = room, .fixed = true};
            HP_ALLOCATED(buffer->data, error);
        }
        for (size_t i = 0; i < work->writer_count; i++) {
            chunk->texts[i] = (hp_buffer){.data = hp_shared_take(&f->shared, room), .capacity = room, .fixed = true};
            HP_ALLOCATED(chunk->texts[i].data, error);
        }
    }
    return hp_crew_open(&f->ring, work, &f->shared, &f->crew, error);
}

static hp_status start(flow *f, hp_error *error) {
    const hp_work *work = &f->stream->work;
    if (f->stream->backend == HP_BACKEND_PROCESSES) return share_memory(f, error);
    HP_TRY(hp_ring_open(&f->ring, SLOTS, work, &f->shared, error));
    hp_predict_options options = {.struct_size = sizeof options, .jobs = work->jobs, .batch_size = work->batch_size};
    return hp_session_open(work->model, &options, &f->session, error);
}

hp_status hp_stream_run(const hp_stream *stream, int64_t *rows, int64_t *failed, hp_error *error) {
    flow f = {.stream = stream, .written = stream->start_row, .failed = stream->failed_rows};
    hp_status status = start(&f, error);
    if (status == HP_OK) {
        f.ring.tell = tell;
        f.ring.tell_context = &f;
        bool single = stream->total_rows >= 0 && stream->total_rows - stream->start_row <= stream->chunk_rows;
        if (single && !f.crew)
            run_single(&f);
        else
            status = run_threads(&f, error);
    }
    if (status == HP_OK && f.ring.status != HP_OK) {
        status = f.ring.status;
        if (error) *error = f.ring.error;
    }
    bool finished = stream->total_rows >= 0 && f.written == stream->total_rows;
    if (status == HP_OK && atomic_load(&f.interrupted) && !finished)
        status = hp_error_set(error, HP_ERROR_INTERRUPTED, NULL, "stopped by the progress callback");
    *rows = f.written;
    *failed = f.failed;
    hp_crew_close(f.crew);
    hp_session_close(f.session);
    hp_ring_close(&f.ring, &stream->work);
    hp_shared_close(&f.shared);
    return status;
}
