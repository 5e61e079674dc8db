/* vocabulary.h: a hash table from strings or integers to their places in a list, for the primitives that look words up.
 *
 * The keys are constants of the graph: int64[count], or the bytes of all strings in a row with int64[count + 1] offsets.
 * The table is made once for all plans. Where a key stands twice its first place counts. */
#ifndef HP_PRIMS_VOCABULARY_H
#define HP_PRIMS_VOCABULARY_H

#include "prims/prim.h"

typedef struct hp_vocabulary {
    const int64_t *integers; /* NULL: strings */
    const char *bytes;
    const int64_t *offsets;
    int64_t count;
    const uint32_t *slots; /* place + 1; 0: free */
    uint64_t slot_mask;
} hp_vocabulary;

/* True: these are keys as above; `offsets` has dtype NONE where keys are integers. */
bool hp_vocabulary_fits(const hp_tensor *keys, const hp_tensor *offsets);

/* From the node's inputs number `keys` and `offsets`, constants both. HP_ERROR_NO_MEMORY, HP_ERROR_INTERNAL. */
hp_status hp_vocabulary_prepare(
    const hp_prepare *prepare, int keys, int offsets, hp_vocabulary *vocabulary, hp_error *error);

/* The place of a key, -1 where there is none. */
int64_t hp_vocabulary_find_integer(const hp_vocabulary *vocabulary, int64_t key);
int64_t hp_vocabulary_find_string(const hp_vocabulary *vocabulary, const char *data, size_t size);
/* ... of a string that lies nowhere in one piece: by its hash and a function that compares it with a key. */
int64_t hp_vocabulary_find(const hp_vocabulary *vocabulary, uint64_t hash,
    bool (*same)(const void *string, const char *key, size_t size), const void *string);

/* The hash of a string, byte by byte (FNV-1a). */
#define HP_VOCABULARY_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t hp_vocabulary_hash(uint64_t hash, char byte) {
    return (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
}

#endif
