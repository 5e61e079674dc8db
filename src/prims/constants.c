/* constants.c: the store of constants. See constants.h.
 *
 * One mutex guards the table; it is not held while a blob is filled. A blob is in one of four states: being filled
 * (others that want it wait on the condition), ready (never changes again), dropped (ready, without data: who asks for it
 * fills it again), or failed (it has left the table; those who waited find no blob and make it themselves, so that each
 * gets an error of its own). */
#include "prims/constants.h"

#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/nodes.h"
#include "base/thread.h"

enum { NODE_SHIFT = 48 };

typedef struct blob {
    struct blob *next; /* in its bucket */
    uint64_t hash;
    void *key;
    size_t key_size;
    void *data;
    size_t bytes;
    bool ready; /* its data may have been dropped */
    bool folded;
    size_t kept;          /* plans that read the data */
    hp_constant constant; /* id 0: the blob is no constant */
} blob;

typedef struct weight {
    struct weight *next;
    hp_constant constant;
} weight;

struct hp_constants {
    hp_mutex mutex;
    hp_condition changed;
    blob **buckets;
    size_t bucket_count, blob_count;
    weight *weights;
    size_t bytes;
    uint64_t last_id;
    int node;
};

hp_constants *hp_constants_new(int node) {
    hp_constants *constants = HP_NEW(hp_constants);
    if (!constants) return NULL;
    constants->node = node;
    constants->last_id = (uint64_t)node << NODE_SHIFT; /* differs from those of other stores */
    constants->bucket_count = 64;
    constants->buckets = hp_alloc_array(constants->bucket_count, sizeof *constants->buckets);
    if (!constants->buckets) {
        free(constants);
        return NULL;
    }
    hp_mutex_init(&constants->mutex);
    hp_condition_init(&constants->changed);
    return constants;
}

static void blob_free(blob *b) {
    if (!b) return;
    hp_free(b->data);
    free(b->key);
    free(b);
}

void hp_constants_free(hp_constants *constants) {
    if (!constants) return;
    for (size_t i = 0; i < constants->bucket_count; i++)
        for (blob *b = constants->buckets[i]; b;) {
            blob *next = b->next;
            blob_free(b);
            b = next;
        }
    for (weight *w = constants->weights; w;) {
        weight *next = w->next;
        free(w);
        w = next;
    }
    free(constants->buckets);
    hp_condition_release(&constants->changed);
    hp_mutex_release(&constants->mutex);
    free(constants);
}

/* FNV-1a, eight bytes at a time: keys may be as long as a literal's content. */
static uint64_t hash_bytes(const void *data, size_t n) {
    const unsigned char *bytes = data;
    uint64_t hash = 14695981039346656037u, word;
    for (; n >= 8; n -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 29;
    }
    for (; n > 0; n--, bytes++) hash = (hash ^ *bytes) * 1099511628211u;
    return hash ^ hash >> 32;
}

static blob **find(hp_constants *constants, uint64_t hash, const void *key, size_t key_size) {
    blob **at = &constants->buckets[hash & (constants->bucket_count - 1)];
    while (*at && !((*at)->hash == hash && (*at)->key_size == key_size && !memcmp((*at)->key, key, key_size)))
        at = &(*at)->next;
    return at;
}

/* Doubles the buckets when they get long; without memory for that they just stay longer. */
static void rehash(hp_constants *constants) {
    if (constants->blob_count < 2 * constants->bucket_count) return;
    size_t count = 2 * constants->bucket_count;
    blob **buckets = hp_alloc_array(count, sizeof(blob *));
    if (!buckets) return;
    for (size_t i = 0; i < constants->bucket_count; i++)
        for (blob *b = constants->buckets[i]; b;) {
            blob *next = b->next;
            b->next = buckets[b->hash & (count - 1)];
            buckets[b->hash & (count - 1)] = b;
            b = next;
        }
    free(constants->buckets);
    constants->buckets = buckets;
    constants->bucket_count = count;
}

static blob *blob_new(uint64_t hash, const void *key, size_t key_size, size_t bytes) {
    blob *b = HP_NEW(blob);
    if (!b) return NULL;
    b->hash = hash;
    b->key = hp_alloc_array(key_size, 1);
    b->key_size = key_size;
    b->bytes = bytes;
    if (!b->key) {
        blob_free(b);
        return NULL;
    }
    if (key_size) memcpy(b->key, key, key_size);
    return b;
}

/* Data for a blob that is not ready and that others wait for. Called without the lock. */
static hp_status fill_blob(hp_constants *constants, blob *b, hp_constants_fill *fill, void *context, hp_error *error) {
    void *data = hp_alloc_aligned(b->bytes);
    if (data) hp_nodes_place(constants->node, data, b->bytes);
    hp_status status =
        data ? fill(context, data, b->bytes, error) : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (status != HP_OK) hp_free(data);
    hp_mutex_lock(&constants->mutex);
    if (status == HP_OK) {
        b->data = data;
        if (b->constant.id) b->constant.data = data;
        constants->bytes += b->bytes;
    }
    b->ready = true;
    hp_condition_broadcast(&constants->changed);
    return status;
}

/* The ready blob of the key, with data. `tensor`: it is a constant of this shape. */
static hp_status get_blob(hp_constants *constants, const void *key, size_t key_size, size_t bytes,
    const hp_tensor *tensor, hp_constants_fill *fill, void *context, blob **result, hp_error *error) {
    uint64_t hash = hash_bytes(key, key_size);
    hp_mutex_lock(&constants->mutex);
    blob *b;
    while ((b = *find(constants, hash, key, key_size)) != NULL && !b->ready)
        hp_condition_wait(&constants->changed, &constants->mutex);
    if (b && (b->bytes != bytes || b->data)) {
        hp_mutex_unlock(&constants->mutex);
        HP_FAIL_IF(b->bytes != bytes, error, HP_ERROR_INTERNAL, NULL,
            "two shared constants of %zu and %zu bytes have one key", b->bytes, bytes);
        *result = b;
        return HP_OK;
    }
    bool fresh = !b;
    if (fresh) {
        rehash(constants);
        b = blob_new(hash, key, key_size, bytes);
        if (!b) {
            hp_mutex_unlock(&constants->mutex);
            HP_ALLOCATED(b, error);
        }
        if (tensor) b->constant = (hp_constant){++constants->last_id, *tensor, NULL};
        blob **bucket = &constants->buckets[hash & (constants->bucket_count - 1)];
        b->next = *bucket;
        *bucket = b;
        constants->blob_count++;
    }
    b->ready = false;
    hp_mutex_unlock(&constants->mutex);

    hp_status status = fill_blob(constants, b, fill, context, error); /* the lock is held from here on */
    if (status != HP_OK && fresh) {
        *find(constants, hash, key, key_size) = b->next;
        constants->blob_count--;
    }
    hp_mutex_unlock(&constants->mutex);
    if (status != HP_OK) {
        if (fresh) blob_free(b);
        return status;
    }
    *result = b;
    return HP_OK;
}

hp_status hp_constants_get(hp_constants *constants, const void *key, size_t key_size, size_t bytes,
    hp_constants_fill *fill, void *context, const void **data, hp_error *error) {
    blob *b;
    HP_TRY(get_blob(constants, key, key_size, bytes, NULL, fill, context, &b, error));
    *data = b->data;
    return HP_OK;
}

static hp_status tensor_bytes(const hp_tensor *tensor, size_t *bytes, hp_error *error) {
    size_t size = hp_dtype_size(tensor->dtype);
    HP_FAIL_IF(size == 0 || !hp_shape_valid(&tensor->shape) || tensor->shape.rows, error, HP_ERROR_INTERNAL, NULL,
        "a constant has no valid shape or dtype");
    *bytes = (size_t)hp_shape_elements(&tensor->shape) * size;
    return HP_OK;
}

static hp_status get_constant(hp_constants *constants, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_constants_fill *fill, void *context, blob **b, hp_error *error) {
    size_t bytes;
    HP_TRY(tensor_bytes(tensor, &bytes, error));
    HP_TRY(get_blob(constants, key, key_size, bytes, tensor, fill, context, b, error));
    HP_FAIL_IF((*b)->constant.id == 0 || !hp_shape_equal(&(*b)->constant.tensor.shape, &tensor->shape) ||
                   (*b)->constant.tensor.dtype != tensor->dtype,
        error, HP_ERROR_INTERNAL, NULL, "two constants of different shapes have one key");
    return HP_OK;
}

hp_status hp_constants_derived(hp_constants *constants, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_constants_fill *fill, void *context, const hp_constant **constant, hp_error *error) {
    blob *b;
    HP_TRY(get_constant(constants, key, key_size, tensor, fill, context, &b, error));
    *constant = &b->constant;
    return HP_OK;
}

hp_status hp_constants_folded(hp_constants *constants, const void *key, size_t key_size, const hp_tensor *tensor,
    hp_constants_fill *fill, void *context, const hp_constant **constant, hp_error *error) {
    blob *b;
    HP_TRY(get_constant(constants, key, key_size, tensor, fill, context, &b, error));
    hp_mutex_lock(&constants->mutex);
    b->folded = true;
    hp_mutex_unlock(&constants->mutex);
    *constant = &b->constant;
    return HP_OK;
}

/* The folded blob of a constant; NULL where it is another kind of constant. Called with the lock. */
static blob *folded_blob(hp_constants *constants, const hp_constant *constant) {
    for (size_t i = 0; i < constants->bucket_count; i++)
        for (blob *b = constants->buckets[i]; b; b = b->next)
            if (&b->constant == constant) return b->folded ? b : NULL;
    return NULL;
}

void hp_constants_keep(hp_constants *constants, const hp_constant *constant) {
    hp_mutex_lock(&constants->mutex);
    blob *b = folded_blob(constants, constant);
    if (b) b->kept++;
    hp_mutex_unlock(&constants->mutex);
}

void hp_constants_release(hp_constants *constants, const hp_constant *constant) {
    hp_mutex_lock(&constants->mutex);
    blob *b = folded_blob(constants, constant);
    if (b) b->kept--;
    hp_mutex_unlock(&constants->mutex);
}

void hp_constants_drop(hp_constants *constants, const hp_constant *constant) {
    hp_mutex_lock(&constants->mutex);
    blob *b = folded_blob(constants, constant);
    if (b && b->ready && b->data && b->kept == 0) {
        hp_free(b->data);
        b->data = NULL;
        b->constant.data = NULL;
        constants->bytes -= b->bytes;
    }
    hp_mutex_unlock(&constants->mutex);
}

static hp_status copy_literal(void *context, void *data, size_t bytes, hp_error *error) {
    (void)error;
    if (bytes) memcpy(data, context, bytes);
    return HP_OK;
}

const hp_constant *hp_constants_literal(hp_constants *constants, const hp_tensor *tensor, const void *data) {
    /* The key is the content itself, after a header that no other kind of key begins with. */
    struct {
        char kind[8];
        int32_t dtype, rank;
        int64_t dims[HP_MAX_RANK];
    } header = {.kind = "literal", .dtype = (int32_t)tensor->dtype, .rank = tensor->shape.rank};
    size_t bytes, key_size;
    if (tensor_bytes(tensor, &bytes, NULL) != HP_OK || !hp_size_add(bytes, sizeof header, &key_size)) return NULL;
    for (int i = 0; i < tensor->shape.rank; i++) header.dims[i] = tensor->shape.dims[i];
    char *key = hp_alloc_array(key_size, 1);
    if (!key) return NULL;
    memcpy(key, &header, sizeof header);
    if (bytes) memcpy(key + sizeof header, data, bytes);
    const hp_constant *constant = NULL;
    hp_status status =
        hp_constants_derived(constants, key, key_size, tensor, copy_literal, key + sizeof header, &constant, NULL);
    free(key);
    return status == HP_OK ? constant : NULL;
}

hp_constant *hp_constants_weight(hp_constants *constants, const hp_tensor *tensor) {
    weight *w = HP_NEW(weight);
    if (!w) return NULL;
    w->constant.tensor = *tensor;
    hp_mutex_lock(&constants->mutex);
    w->constant.id = ++constants->last_id;
    w->next = constants->weights;
    constants->weights = w;
    hp_mutex_unlock(&constants->mutex);
    return &w->constant;
}

size_t hp_constants_bytes(hp_constants *constants) {
    hp_mutex_lock(&constants->mutex);
    size_t bytes = constants->bytes;
    hp_mutex_unlock(&constants->mutex);
    return bytes;
}

void hp_constants_lock(hp_constants *constants) {
    hp_mutex_lock(&constants->mutex);
}

void hp_constants_unlock(hp_constants *constants) {
    hp_mutex_unlock(&constants->mutex);
}
