/* constants.h: blobs that are made once and shared by all plans, threads and worker processes of a model: packed weights,
 * folded constants, literals.
 *
 * A blob is found by its key (bytes). The store lives as long as the model. All functions are thread-safe: a blob is
 * made by the first caller that asks for it; others wait. Blobs never change and never move, but for folded constants:
 * their data may be dropped when all who need them have packed them, and are made again for the next plan. */
#ifndef HP_PRIMS_CONSTANTS_H
#define HP_PRIMS_CONSTANTS_H

#include "base/error.h"
#include "prims/graph.h"

typedef struct hp_constants hp_constants;

/* A store for plans that run on NUMA node `node`: its blobs lie there. A network's weights and literals are in the store of
 * node 0, and plans with any store of that model may use them. NULL: out of memory. */
hp_constants *hp_constants_new(int node);
void hp_constants_free(hp_constants *constants);

/* Fills `data`, `bytes` bytes on a cache line, not cleared. Called without any lock held; may ask for other blobs. */
typedef hp_status hp_constants_fill(void *context, void *data, size_t bytes, hp_error *error);

/* The blob of `key`; made with `fill` where there is none yet. *data is set on HP_OK. */
hp_status hp_constants_get(hp_constants *constants, const void *key, size_t key_size, size_t bytes,
    hp_constants_fill *fill, void *context, const void **data, hp_error *error);

/* A constant with this content (copied, unless one of the same content is there). NULL: out of memory. */
const hp_constant *hp_constants_literal(hp_constants *constants, const hp_tensor *tensor, const void *data);
/* A constant of its own whose data is bound later (a weight); the store owns the struct. NULL: out of memory. */
hp_constant *hp_constants_weight(hp_constants *constants, const hp_tensor *tensor);
/* The constant that is a function of others: `key` names the function (primitive, params) and its inputs' ids. */
hp_status hp_constants_derived(hp_constants *constants, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_constants_fill *fill, void *context, const hp_constant **constant, hp_error *error);
/* The same for what passes fold: it is asked for again by every plan that needs it, so that its data may be dropped. */
hp_status hp_constants_folded(hp_constants *constants, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_constants_fill *fill, void *context, const hp_constant **constant, hp_error *error);
/* A plan whose steps read the data keeps it: as many keeps as releases. Constants that are not folded are never dropped. */
void hp_constants_keep(hp_constants *constants, const hp_constant *constant);
void hp_constants_release(hp_constants *constants, const hp_constant *constant);
/* Frees the data of a folded constant that no plan keeps; constant->data becomes NULL. Not while another thread makes a
 * plan. */
void hp_constants_drop(hp_constants *constants, const hp_constant *constant);
/* Held while the process forks, so that the child finds the store in order. */
void hp_constants_lock(hp_constants *constants);
void hp_constants_unlock(hp_constants *constants);
/* Bytes held by all blobs. */
size_t hp_constants_bytes(hp_constants *constants);

#endif
