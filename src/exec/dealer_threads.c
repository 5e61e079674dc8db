/* dealer_threads.c: chunks computed one after the other, each by all threads of the session. */
#include "exec/dealer.h"

void hp_compute_chunk(hp_session *session, const hp_work *work, hp_chunk *chunk) {
    int64_t done;
    chunk->failures.count = 0;
    chunk->status = hp_chunk_compute(session, work, chunk, 0, chunk->rows, &chunk->failures, &done, &chunk->error);
    if (chunk->status == HP_OK && done < chunk->rows)
        chunk->status = hp_error_set(&chunk->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
}

void hp_deal_threads(hp_ring *ring, const hp_work *work, hp_session *session) {
    int64_t computed = 0;
    for (int64_t number = 0;; number++) {
        hp_chunk *chunk = hp_ring_await_telling(ring, number, HP_CHUNK_FILLED, computed);
        if (!chunk) return;
        bool end = chunk->end;
        computed += chunk->rows; /* read before the chunk is another's */
        if (!end) hp_compute_chunk(session, work, chunk);
        hp_ring_pass(ring, chunk, HP_CHUNK_DONE);
        if (end) return;
    }
}
