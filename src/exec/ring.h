/* ring.h: the chunks in flight.
 *
 * Chunk n lies in slot n % count and passes through the states EMPTY -> FILLED -> DONE -> EMPTY, each step taken by one
 * party: who fills (a reading thread, or hp_predictor_push), who computes, who takes (a writing thread, or
 * hp_predictor_pull). Fillers and takers go by number, one after the other; so nothing is lost, doubled or reordered,
 * whatever the order in which chunks are computed, and memory is bounded by the ring. */
#ifndef HP_EXEC_RING_H
#define HP_EXEC_RING_H

#include "exec/chunk.h"
#include "exec/shared.h"

typedef struct hp_ring {
    hp_chunk **chunks;
    int count;
    hp_mutex lock; /* of the chunks' states and what follows */
    hp_condition
        changed[HP_CHUNK_STATES]; /* a chunk came into that state: each state has one party that waits for it */
    bool stopped;
    hp_status status; /* of the first failure that stopped it */
    hp_error error;
    int wake[2]; /* a pipe that has a byte when something changed, for who polls; -1: none */
    /* Called now and then by who computes, from `computed` rows on; NULL: not. */
    void (*tell)(void *context, int64_t computed);
    void *tell_context;
} hp_ring;

/* Makes the ring's chunks in `shared`, with the arrays that `work` needs; rows and results have no memory yet. After a
 * failure too it is to be closed, before `shared` is. */
hp_status hp_ring_open(hp_ring *ring, int count, const hp_work *work, hp_shared *shared, hp_error *error);
/* Bytes that hp_ring_open takes of `shared`. */
size_t hp_ring_bytes(int count, const hp_work *work);
/* Has a byte put into wake[1] whenever something changes. */
hp_status hp_ring_make_wake(hp_ring *ring, hp_error *error);
void hp_ring_close(hp_ring *ring, const hp_work *work);

/* Waits until chunk `number` is in `state`; NULL: the ring was stopped. */
hp_chunk *hp_ring_await(hp_ring *ring, int64_t number, hp_chunk_state state);
/* As hp_ring_await, but calls `tell` with `computed` five times a second meanwhile. */
hp_chunk *hp_ring_await_telling(hp_ring *ring, int64_t number, hp_chunk_state state, int64_t computed);
/* The chunk, if it is in that state now; NULL: it is not, or the ring was stopped. */
hp_chunk *hp_ring_peek(hp_ring *ring, int64_t number, hp_chunk_state state);
void hp_ring_pass(hp_ring *ring, hp_chunk *chunk, hp_chunk_state state);
/* Ends all waiting; the first call's status stays. Thread-safe. */
void hp_ring_stop(hp_ring *ring, hp_status status, const hp_error *error);
bool hp_ring_is_stopped(hp_ring *ring);

#endif
