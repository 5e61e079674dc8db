/* shared.h: memory that this process and the workers it forks see at the same address.
 *
 * It is reserved in one piece before the workers start and has pages only where it was written to. */
#ifndef HP_EXEC_SHARED_H
#define HP_EXEC_SHARED_H

#include "base/error.h"
#include "exec/chunk.h"

typedef struct hp_shared {
    unsigned char *base; /* NULL: nothing is shared, and memory comes from `arena` */
    size_t size, used;
    hp_arena arena;
} hp_shared;

/* Reserves `bytes` and, behind them, `rooms` rooms of *room_bytes (as wanted; made smaller where the system does not give
 * so much, but not below `least`). Errors: HP_ERROR_NO_MEMORY. */
hp_status hp_shared_open(
    hp_shared *shared, size_t bytes, size_t rooms, size_t *room_bytes, size_t least, hp_error *error);
/* The next `bytes` zeroed bytes, on a cache line; NULL: out of memory. */
void *hp_shared_take(hp_shared *shared, size_t bytes);
void hp_shared_close(hp_shared *shared);

#endif
