/* dealer.h: who computes the chunks of a ring, in threads or in worker processes.
 *
 * Each takes FILLED chunks by number and passes them on as DONE, with the chunk's own status: an error of one chunk does
 * not stop the ring. It returns when the `end` chunk has been passed on, or the ring was stopped. */
#ifndef HP_EXEC_DEALER_H
#define HP_EXEC_DEALER_H

#include "exec/ring.h"

/* Computes one chunk and sets its status. */
void hp_compute_chunk(hp_session *session, const hp_work *work, hp_chunk *chunk);

/* By the calling thread and the session's gang. */
void hp_deal_threads(hp_ring *ring, const hp_work *work, hp_session *session);

/* Worker processes. */
typedef struct hp_crew hp_crew;

/* Bytes that a crew takes of the memory it shares with its workers. */
size_t hp_crew_bytes(int jobs);
/* Forks work->jobs workers. `shared` holds the ring's chunks. The calling thread has to be the one that deals, and to
 * live until hp_crew_close: workers die with it. Errors: HP_ERROR_NO_MEMORY, HP_ERROR_IO. */
hp_status hp_crew_open(hp_ring *ring, const hp_work *work, hp_shared *shared, hp_crew **crew, hp_error *error);
void hp_crew_deal(hp_crew *crew);
/* Ends the workers. NULL: nothing. */
void hp_crew_close(hp_crew *crew);

#endif
