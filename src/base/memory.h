/* memory.h: allocation with checked sizes, aligned blocks, and arenas.
 *
 * Every size that comes from a file goes through hp_size_mul or hp_alloc_array, which fail instead of overflowing.
 * Blocks from hp_alloc_aligned start on a cache line (HP_ALIGNMENT) and are freed with hp_free. */
#ifndef HP_BASE_MEMORY_H
#define HP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_ALIGNMENT 64

/* *product = a * b; false on overflow. */
bool hp_size_mul(size_t a, size_t b, size_t *product);
/* *sum = a + b; false on overflow. */
bool hp_size_add(size_t a, size_t b, size_t *sum);

/* How many pieces of b there are in a, a last one that is not whole among them; both positive, of one type. */
#define HP_DIVIDE_UP(a, b) ((a) / (b) + ((a) % (b) != 0))

/* `count * size` bytes, zeroed; NULL when out of memory or on overflow. A zero size gives a valid pointer. */
void *hp_alloc_array(size_t count, size_t size);
#define HP_NEW(type) ((type *)hp_alloc_array(1, sizeof(type)))
/* Grows an array that holds `*capacity` elements to at least `count`; new elements are zeroed. False: out of memory,
 * nothing changed. */
bool hp_grow_array(void **array, size_t *capacity, size_t count, size_t size);
#define HP_GROW(array, capacity, count) hp_grow_array((void **)&(array), &(capacity), (count), sizeof *(array))
/* `bytes` bytes on a cache line, not cleared. Large blocks ask for no large pages (tried twice): where the system has none at hand,
 * ResNet50's first row took 380 to 1,100 ms instead of 165, and rows a second are the same with them. */
void *hp_alloc_aligned(size_t bytes);
void hp_free(void *pointer); /* NULL: nothing */
char *hp_strdup(const char *text);

/* An arena gives out pieces that live until the arena is released. Not thread-safe. */
typedef struct hp_arena {
    struct hp_arena_block *blocks;
    size_t used, size; /* of the newest block */
} hp_arena;

/* `bytes` zeroed bytes aligned to 16; NULL when out of memory. A zeroed hp_arena is an empty one. */
void *hp_arena_alloc(hp_arena *arena, size_t bytes);
void *hp_arena_copy(hp_arena *arena, const void *data, size_t bytes);
char *hp_arena_strdup(hp_arena *arena, const char *text);
char *hp_arena_printf(hp_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hp_arena_release(hp_arena *arena);

#endif
