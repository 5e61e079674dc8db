/* weights.c: see weights.h. */
#include "base/weights.h"

#include <string.h>

const hp_weight *hp_weight_find(const hp_weight_store *store, const char *path) {
    size_t low = 0, high = store->ordered ? 0 : store->weight_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, store->weights[middle].name);
        if (order == 0) return &store->weights[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

hp_status hp_weight_read(const hp_weight_store *store, const hp_weight *weight, void *destination, hp_error *error) {
    return store->read(store, weight, destination, error);
}
