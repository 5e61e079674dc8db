/* shared.c: see shared.h. */
#define _GNU_SOURCE
#include "exec/shared.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

hp_status hp_shared_open(
    hp_shared *shared, size_t bytes, size_t rooms, size_t *room_bytes, size_t least, hp_error *error) {
    for (;; *room_bytes = *room_bytes / 2 > least ? *room_bytes / 2 : least) {
        size_t total;
        bool fits = hp_size_mul(rooms, *room_bytes, &total) && hp_size_add(total, bytes, &total);
        void *base = fits ? mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                          : MAP_FAILED;
        if (base != MAP_FAILED) {
            *shared = (hp_shared){.base = base, .size = total};
            return HP_OK;
        }
        HP_FAIL_IF(*room_bytes <= least, error, HP_ERROR_NO_MEMORY, NULL,
            "%zu bytes of memory to share with worker processes cannot be had: %s", total, strerror(errno));
    }
}

void *hp_shared_take(hp_shared *shared, size_t bytes) {
    if (!shared->base) return hp_arena_alloc(&shared->arena, bytes);
    size_t rounded;
    if (!hp_size_add(bytes, HP_ALIGNMENT - 1, &rounded)) return NULL;
    rounded = rounded / HP_ALIGNMENT * HP_ALIGNMENT;
    if (rounded > shared->size - shared->used) return NULL;
    void *piece = shared->base + shared->used;
    shared->used += rounded;
    return piece;
}

void hp_shared_close(hp_shared *shared) {
    if (shared->base) munmap(shared->base, shared->size);
    hp_arena_release(&shared->arena);
    *shared = (hp_shared){0};
}
