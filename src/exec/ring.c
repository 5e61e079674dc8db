/* ring.c: see ring.h. */
#define _GNU_SOURCE
#include "exec/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const double TELL_SECONDS = 0.2;

/* The pieces of one chunk, taken in this order. */
static size_t piece_bytes(const hp_work *work, int piece) {
    size_t inputs = work->input_count, outputs = work->output_count;
    const size_t bytes[] = {sizeof(hp_chunk), inputs * sizeof(hp_io_view), inputs * sizeof(hp_io_batch),
        inputs * sizeof(hp_buffer), outputs * sizeof(hp_array), outputs * sizeof(int64_t), outputs * sizeof(hp_buffer),
        2 * outputs * sizeof(hp_buffer), outputs * sizeof(hp_buffer)};
    return piece < (int)(sizeof bytes / sizeof *bytes) ? bytes[piece] + 1 : 0;
}

size_t hp_ring_bytes(int count, const hp_work *work) {
    size_t each = 0;
    for (int piece = 0; piece_bytes(work, piece) > 0; piece++) each += piece_bytes(work, piece) + HP_ALIGNMENT;
    return (each + sizeof(hp_chunk *)) * (size_t)count + HP_ALIGNMENT;
}

static hp_chunk *make_chunk(const hp_work *work, hp_shared *shared) {
    void *pieces[9];
    for (int piece = 0; piece < 9; piece++)
        if (!(pieces[piece] = hp_shared_take(shared, piece_bytes(work, piece)))) return NULL;
    hp_chunk *chunk = pieces[0];
    chunk->views = pieces[1];
    chunk->batches = pieces[2];
    chunk->inputs = pieces[3];
    chunk->outputs = pieces[4];
    chunk->items = pieces[5];
    chunk->values = pieces[6];
    chunk->selected = pieces[7];
    chunk->texts = pieces[8];
    return chunk;
}

hp_status hp_ring_open(hp_ring *ring, int count, const hp_work *work, hp_shared *shared, hp_error *error) {
    *ring = (hp_ring){.wake = {-1, -1}};
    hp_mutex_init(&ring->lock);
    for (int i = 0; i < HP_CHUNK_STATES; i++) hp_condition_init(&ring->changed[i]);
    ring->chunks = hp_alloc_array((size_t)count, sizeof *ring->chunks);
    HP_ALLOCATED(ring->chunks, error);
    for (; ring->count < count; ring->count++) {
        ring->chunks[ring->count] = make_chunk(work, shared);
        HP_ALLOCATED(ring->chunks[ring->count], error);
    }
    return HP_OK;
}

hp_status hp_ring_make_wake(hp_ring *ring, hp_error *error) {
    HP_FAIL_IF(pipe2(ring->wake, O_CLOEXEC | O_NONBLOCK) != 0, error, HP_ERROR_IO, NULL,
        "no pipe can be had for the worker processes: %s", strerror(errno));
    return HP_OK;
}

void hp_ring_close(hp_ring *ring, const hp_work *work) {
    if (!ring->chunks) return;
    for (int i = 0; i < ring->count; i++) {
        hp_chunk *chunk = ring->chunks[i];
        for (size_t k = 0; k < work->input_count; k++) {
            hp_io_batch_release(&chunk->batches[k]);
            hp_buffer_release(&chunk->inputs[k]);
        }
        for (size_t k = 0; k < work->output_count; k++) hp_buffer_release(&chunk->values[k]);
        for (size_t k = 0; k < work->output_count; k++) hp_buffer_release(&chunk->texts[k]);
        for (size_t k = 0; k < 2 * work->output_count; k++) hp_buffer_release(&chunk->selected[k]);
        hp_free(chunk->failures.at);
        hp_arena_release(&chunk->strings);
    }
    hp_free(ring->chunks);
    for (int i = 0; i < 2; i++)
        if (ring->wake[i] >= 0) close(ring->wake[i]);
    for (int i = 0; i < HP_CHUNK_STATES; i++) hp_condition_release(&ring->changed[i]);
    hp_mutex_release(&ring->lock);
    *ring = (hp_ring){.wake = {-1, -1}};
}

hp_chunk *hp_ring_await(hp_ring *ring, int64_t number, hp_chunk_state state) {
    hp_chunk *chunk = ring->chunks[number % ring->count];
    hp_mutex_lock(&ring->lock);
    while (!ring->stopped && chunk->state != state) hp_condition_wait(&ring->changed[state], &ring->lock);
    bool stopped = ring->stopped;
    hp_mutex_unlock(&ring->lock);
    return stopped ? NULL : chunk;
}

hp_chunk *hp_ring_await_telling(hp_ring *ring, int64_t number, hp_chunk_state state, int64_t computed) {
    hp_chunk *chunk = ring->chunks[number % ring->count];
    if (ring->tell) ring->tell(ring->tell_context, computed);
    hp_mutex_lock(&ring->lock);
    while (!ring->stopped && chunk->state != state) {
        bool woken = hp_condition_wait_for(&ring->changed[state], &ring->lock, TELL_SECONDS);
        if (woken || !ring->tell) continue;
        hp_mutex_unlock(&ring->lock);
        ring->tell(ring->tell_context, computed);
        hp_mutex_lock(&ring->lock);
    }
    bool stopped = ring->stopped;
    hp_mutex_unlock(&ring->lock);
    return stopped ? NULL : chunk;
}

hp_chunk *hp_ring_peek(hp_ring *ring, int64_t number, hp_chunk_state state) {
    hp_chunk *chunk = ring->chunks[number % ring->count];
    hp_mutex_lock(&ring->lock);
    bool there = !ring->stopped && chunk->state == state;
    hp_mutex_unlock(&ring->lock);
    return there ? chunk : NULL;
}

/* Without the lock, which who wakes up takes at once. A full pipe has woken already. */
static void tell_changed(hp_ring *ring, hp_chunk_state state) {
    hp_condition_broadcast(&ring->changed[state]);
    if (ring->wake[1] >= 0) (void)!write(ring->wake[1], "", 1);
}

void hp_ring_pass(hp_ring *ring, hp_chunk *chunk, hp_chunk_state state) {
    hp_mutex_lock(&ring->lock);
    chunk->state = state;
    hp_mutex_unlock(&ring->lock);
    tell_changed(ring, state);
}

void hp_ring_stop(hp_ring *ring, hp_status status, const hp_error *error) {
    hp_mutex_lock(&ring->lock);
    if (!ring->stopped) {
        ring->status = status;
        ring->error = *error;
    }
    ring->stopped = true;
    hp_mutex_unlock(&ring->lock);
    for (hp_chunk_state state = 0; state < HP_CHUNK_STATES; state++) tell_changed(ring, state);
}

bool hp_ring_is_stopped(hp_ring *ring) {
    hp_mutex_lock(&ring->lock);
    bool stopped = ring->stopped;
    hp_mutex_unlock(&ring->lock);
    return stopped;
}
