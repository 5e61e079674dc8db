/* weights.h: where a model's weights lie, as the rest of the library sees them.
 *
 * A store is opened by format/ and read by graph/. A weight is found either by its path (Keras 3 files) or by its
 * place in an ordered group per layer (legacy files); `ordered` says which. A store is immutable after it was
 * opened; hp_weight_read may be called from any thread. */
#ifndef HP_BASE_WEIGHTS_H
#define HP_BASE_WEIGHTS_H

#include <stdbool.h>
#include "base/error.h"

typedef struct hp_weight {
    const char *name; /* path or weight name in the file, for messages */
    hp_dtype dtype;   /* as stored; bfloat16 told by its attribute */
    int rank;
    int64_t dims[HP_MAX_RANK];
    const void *
        mapped; /* C-contiguous little-endian bytes, aligned to their element, where they can be used in place; else NULL */
    size_t bytes;
    uint64_t handle; /* for the store that owns it */
} hp_weight;

/* A group of weights of one layer in a legacy file, in the file's order. */
typedef struct hp_weight_group {
    const char *name; /* the layer's name in the file */
    const hp_weight *weights;
    size_t count;
} hp_weight_group;

typedef struct hp_weight_store {
    bool ordered;                  /* legacy layout: groups; else paths */
    const hp_weight_group *groups; /* ordered stores: every layer, in `layer_names` order, empty ones included */
    size_t group_count;
    const hp_weight *weights; /* path stores: every variable, sorted by name (strcmp) */
    size_t weight_count;
    hp_status (*read)(const struct hp_weight_store *, const hp_weight *, void *destination, hp_error *);
    void (*close)(struct hp_weight_store *);
} hp_weight_store;

/* The weight at `path` ("layers/dense/vars/0"); NULL when there is none. */
const hp_weight *hp_weight_find(const hp_weight_store *store, const char *path);
/* Copies a weight's elements, C order, native byte order, in its stored dtype, to weight->bytes bytes. */
hp_status hp_weight_read(const hp_weight_store *store, const hp_weight *weight, void *destination, hp_error *error);

#endif
