/* bytes.h: moving elements of any type by their size: short runs without a call, long ones by the C library. */
#ifndef HP_PRIMS_BYTES_H
#define HP_PRIMS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* memcpy that does not call for a few words. */
static inline void hp_bytes_copy(void *to, const void *from, size_t bytes) {
    char *t = to;
    const char *f = from;
    if (bytes > 64) {
        memcpy(t, f, bytes);
        return;
    }
    for (; bytes >= 16; bytes -= 16, t += 16, f += 16) memcpy(t, f, 16);
    if (bytes & 8) memcpy(t, f, 8), t += 8, f += 8;
    if (bytes & 4) memcpy(t, f, 4), t += 4, f += 4;
    if (bytes & 2) memcpy(t, f, 2), t += 2, f += 2;
    if (bytes & 1) *t = *f;
}

/* `count` copies of one element of `size` bytes (1, 2, 4, 8, 16). */
void hp_bytes_fill(void *to, const void *element, size_t size, size_t count);
/* to[i] = from[i * step], in elements; `step` may be negative or 0. */
void hp_bytes_copy_step(void *to, const void *from, ptrdiff_t step, size_t size, size_t count);

#endif
