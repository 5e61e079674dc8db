/* bytes.c: see bytes.h. */
#include "prims/bytes.h"

/* memcpy of a constant size is a plain load and store, of whatever type the bytes are. */
#define FILL(bytes)                                                                                                    \
    for (size_t i = 0; i < count; i++) memcpy((char *)to + i * (bytes), value, bytes)

void hp_bytes_fill(void *to, const void *element, size_t size, size_t count) {
    unsigned char value[16];
    memcpy(value, element, size);
    switch (size) {
    case 1:
        memset(to, value[0], count);
        break;
    case 2:
        FILL(2);
        break;
    case 4:
        FILL(4);
        break;
    case 8:
        FILL(8);
        break;
    case 16:
        FILL(16);
        break;
    default:
        break;
    }
}

#define COPY_STEP(bytes)                                                                                               \
    for (ptrdiff_t i = 0; i < n; i++) memcpy((char *)to + i * (bytes), (const char *)from + i * step * (bytes), bytes)

void hp_bytes_copy_step(void *to, const void *from, ptrdiff_t step, size_t size, size_t count) {
    ptrdiff_t n = (ptrdiff_t)count;
    if (step == 1) {
        hp_bytes_copy(to, from, count * size);
        return;
    }
    switch (size) {
    case 1:
        COPY_STEP(1);
        break;
    case 2:
        COPY_STEP(2);
        break;
    case 4:
        COPY_STEP(4);
        break;
    case 8:
        COPY_STEP(8);
        break;
    case 16:
        COPY_STEP(16);
        break;
    default:
        break;
    }
}
