/* memory.c: see memory.h. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 16 << 10 };

bool hp_size_mul(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

bool hp_size_add(size_t a, size_t b, size_t *sum) {
    return !__builtin_add_overflow(a, b, sum);
}

void *hp_alloc_array(size_t count, size_t size) {
    size_t bytes;
    if (!hp_size_mul(count, size, &bytes)) return NULL;
    return calloc(1, bytes ? bytes : 1);
}

bool hp_grow_array(void **array, size_t *capacity, size_t count, size_t size) {
    if (count <= *capacity) return true;
    size_t wanted = *capacity < 8 ? 8 : *capacity, bytes;
    while (wanted < count)
        if (!hp_size_mul(wanted, 2, &wanted)) return false;
    if (!hp_size_mul(wanted, size, &bytes)) return false;
    char *grown = realloc(*array, bytes);
    if (!grown) return false;
    memset(grown + *capacity * size, 0, bytes - *capacity * size);
    *array = grown;
    *capacity = wanted;
    return true;
}

void *hp_alloc_aligned(size_t bytes) {
    size_t padded;
    if (!hp_size_add(bytes, HP_ALIGNMENT, &padded)) return NULL;
    return aligned_alloc(HP_ALIGNMENT, padded / HP_ALIGNMENT * HP_ALIGNMENT); /* it wants a multiple */
}

void hp_free(void *pointer) {
    free(pointer);
}

char *hp_strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

struct hp_arena_block {
    struct hp_arena_block *next;
    size_t padding; /* keeps what follows on 16 bytes */
};

void *hp_arena_alloc(hp_arena *arena, size_t bytes) {
    size_t rounded;
    if (!hp_size_add(bytes, 15, &rounded)) return NULL;
    rounded = rounded / 16 * 16;
    if (!arena->blocks || arena->size - arena->used < rounded) {
        size_t size = rounded > ARENA_BLOCK ? rounded : (size_t)ARENA_BLOCK, total;
        if (!hp_size_add(size, sizeof(struct hp_arena_block), &total)) return NULL;
        struct hp_arena_block *block = calloc(1, total);
        if (!block) return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
        arena->size = size;
    }
    void *piece = (char *)(arena->blocks + 1) + arena->used;
    arena->used += rounded;
    return piece;
}

void *hp_arena_copy(hp_arena *arena, const void *data, size_t bytes) {
    void *copy = hp_arena_alloc(arena, bytes);
    if (copy && bytes) memcpy(copy, data, bytes);
    return copy;
}

char *hp_arena_strdup(hp_arena *arena, const char *text) {
    return hp_arena_copy(arena, text, strlen(text) + 1);
}

char *hp_arena_printf(hp_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : hp_arena_alloc(arena, (size_t)n + 1);
    if (!text) return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

void hp_arena_release(hp_arena *arena) {
    for (struct hp_arena_block *block = arena->blocks; block;) {
        struct hp_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (hp_arena){0};
}
