/* vocabulary.c: see vocabulary.h. Open addressing with steps of one; at most half of the slots are taken. */
#include "prims/vocabulary.h"

#include <string.h>

typedef struct string {
    const char *data;
    size_t size;
} string;

static uint64_t hash_string(const char *data, size_t size) {
    uint64_t hash = HP_VOCABULARY_HASH_START;
    for (size_t i = 0; i < size; i++) hash = hp_vocabulary_hash(hash, data[i]);
    return hash;
}

static uint64_t hash_integer(int64_t key) {
    uint64_t x = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 32;
}

static bool same_string(const void *string_, const char *key, size_t size) {
    const string *s = string_;
    return s->size == size && memcmp(s->data, key, size) == 0;
}

int64_t hp_vocabulary_find(const hp_vocabulary *v, uint64_t hash,
    bool (*same)(const void *string, const char *key, size_t size), const void *string_) {
    for (uint64_t at = (hash ^ hash >> 32) & v->slot_mask; v->slots[at]; at = (at + 1) & v->slot_mask) {
        int64_t place = v->slots[at] - 1, begin = v->offsets[place];
        if (same(string_, v->bytes + begin, (size_t)(v->offsets[place + 1] - begin))) return place;
    }
    return -1;
}

int64_t hp_vocabulary_find_string(const hp_vocabulary *v, const char *data, size_t size) {
    string s = {data, size};
    return hp_vocabulary_find(v, hash_string(data, size), same_string, &s);
}

int64_t hp_vocabulary_find_integer(const hp_vocabulary *v, int64_t key) {
    for (uint64_t at = hash_integer(key) & v->slot_mask; v->slots[at]; at = (at + 1) & v->slot_mask)
        if (v->integers[v->slots[at] - 1] == key) return v->slots[at] - 1;
    return -1;
}

bool hp_vocabulary_fits(const hp_tensor *keys, const hp_tensor *offsets) {
    if (keys->shape.rank != 1 || keys->shape.rows) return false;
    if (offsets->dtype == HP_DTYPE_NONE) return keys->dtype == HP_INT64 && keys->shape.dims[0] < INT32_MAX;
    return keys->dtype == HP_UINT8 && offsets->dtype == HP_INT64 && offsets->shape.rank == 1 && !offsets->shape.rows &&
           offsets->shape.dims[0] >= 1 && offsets->shape.dims[0] < INT32_MAX;
}

static hp_status fill(void *context, void *data, size_t bytes, hp_error *error) {
    hp_vocabulary v = *(const hp_vocabulary *)context;
    uint32_t *slots = data;
    (void)error;
    memset(slots, 0, bytes);
    v.slots = slots;
    for (int64_t i = 0; i < v.count; i++) {
        uint64_t at;
        if (v.integers) {
            if (hp_vocabulary_find_integer(&v, v.integers[i]) >= 0) continue;
            at = hash_integer(v.integers[i]);
        } else {
            const char *key = v.bytes + v.offsets[i];
            size_t size = (size_t)(v.offsets[i + 1] - v.offsets[i]);
            if (hp_vocabulary_find_string(&v, key, size) >= 0) continue;
            at = hash_string(key, size);
            at ^= at >> 32;
        }
        for (at &= v.slot_mask; slots[at];) at = (at + 1) & v.slot_mask;
        slots[at] = (uint32_t)i + 1;
    }
    return HP_OK;
}

static const void *constant(const hp_prepare *prepare, int input, int64_t *elements) {
    hp_value value = prepare->node->inputs[input];
    if (value == HP_NO_VALUE || !prepare->graph->values[value].constant) return NULL;
    *elements = hp_shape_elements(&prepare->graph->values[value].tensor.shape);
    return prepare->graph->values[value].constant->data;
}

hp_status hp_vocabulary_prepare(const hp_prepare *prepare, int keys, int offsets, hp_vocabulary *v, hp_error *error) {
    struct {
        char name[16];
        const void *keys, *offsets;
    } key;
    int64_t size = 0, count = 0;
    memset(&key, 0, sizeof key);
    strcpy(key.name, "vocabulary");
    key.keys = constant(prepare, keys, &size);
    key.offsets = constant(prepare, offsets, &count);
    HP_FAIL_IF(!key.keys, error, HP_ERROR_INTERNAL, NULL, "a vocabulary that is not constant");
    *v = (hp_vocabulary){.integers = key.offsets ? NULL : key.keys,
        .bytes = key.keys,
        .offsets = key.offsets,
        .count = key.offsets ? count - 1 : size};
    uint64_t slots = 4;
    while (slots < 2 * (uint64_t)v->count) slots *= 2;
    v->slot_mask = slots - 1;
    const void *data;
    HP_TRY(hp_constants_get(prepare->constants, &key, sizeof key, slots * sizeof(uint32_t), fill, v, &data, error));
    v->slots = data;
    return HP_OK;
}
