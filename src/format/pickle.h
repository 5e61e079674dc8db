/* pickle.h: Python's pickles as data.
 *
 * Keras writes npz weights as pickled objects. This reads such a pickle into a tree of plain values: names of classes
 * and functions stay names, nothing is imported and nothing is called. Invariant: the tree has no more values than the
 * pickle has bytes; it may hold itself (so may a pickle), so whoever walks it bounds its steps. */
#ifndef HP_FORMAT_PICKLE_H
#define HP_FORMAT_PICKLE_H

#include <stdbool.h>
#include "base/error.h"
#include "base/memory.h"

typedef enum hp_pickle_kind {
    HP_PICKLE_NONE,
    HP_PICKLE_BOOL,
    HP_PICKLE_INT,
    HP_PICKLE_FLOAT,
    HP_PICKLE_TEXT,  /* data, size: UTF-8, not terminated */
    HP_PICKLE_BYTES, /* data, size */
    HP_PICKLE_LIST,  /* items; tuples and sets, too */
    HP_PICKLE_DICT,  /* items: keys and values in turn */
    HP_PICKLE_NAME,  /* a class or function: items are module and name */
    HP_PICKLE_OBJECT /* what `callee` makes of `arguments`, with `state` (or NULL); items that were added later */
} hp_pickle_kind;

typedef struct hp_pickle {
    hp_pickle_kind kind;
    int64_t integer; /* of ints and booleans */
    const char *data;
    size_t size;
    struct hp_pickle **items;
    size_t count, capacity;
    struct hp_pickle *callee, *arguments, *state;
} hp_pickle;

/* Reads the pickle (protocols 2 to 5) at the head of `bytes`, which must outlive the tree. */
hp_status hp_pickle_read(hp_arena *arena, const void *bytes, size_t size, const hp_pickle **value, hp_error *error);

/* All accept NULL. */
const hp_pickle *hp_pickle_item(const hp_pickle *list, size_t index);   /* NULL when there is none */
const hp_pickle *hp_pickle_get(const hp_pickle *dict, const char *key); /* NULL when there is none */
bool hp_pickle_is_text(const hp_pickle *value, const char *text);       /* whether it is that text */
bool hp_pickle_is_name(const hp_pickle *value, const char *name);       /* whether it is a name that ends so */

#endif
