/* pool.h: blobs that are made once and shared by all plans, threads and worker processes of a model: packed weights,
 * folded constants, literals.
 *
 * A blob is found by its key (bytes). The pool lives as long as the model. All functions are thread-safe: a blob is
 * made by the first caller that asks for it; others wait. Blobs never change and never move. */
#ifndef HP_PRIMS_POOL_H
#define HP_PRIMS_POOL_H

#include "base/error.h"
#include "prims/graph.h"

typedef struct hp_pool hp_pool;

hp_pool *hp_pool_new(void); /* NULL: out of memory */
void hp_pool_free(hp_pool *pool);

/* Fills `data`, `bytes` bytes on a cache line, not cleared. */
typedef hp_status hp_pool_fill(void *context, void *data, size_t bytes, hp_error *error);

/* The blob of `key`; made with `fill` where there is none yet. *data is set on HP_OK. */
hp_status hp_pool_get(hp_pool *pool, const void *key, size_t key_size, size_t bytes, hp_pool_fill *fill,
    void *context, const void **data, hp_error *error);

/* A constant with this content (copied, unless one of the same content is there). NULL: out of memory. */
const hp_constant *hp_pool_literal(hp_pool *pool, const hp_tensor *tensor, const void *data);
/* A constant of its own whose data is bound later (a weight); the pool owns the struct. NULL: out of memory. */
hp_constant *hp_pool_weight(hp_pool *pool, const hp_tensor *tensor);
/* The constant that is a function of others: `key` names the function (primitive, params) and its inputs' ids. */
hp_status hp_pool_derived(hp_pool *pool, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_pool_fill *fill, void *context, const hp_constant **constant, hp_error *error);
/* Bytes held by all blobs. */
size_t hp_pool_bytes(hp_pool *pool);

#endif
