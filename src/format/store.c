/* store.c: see store.h. */
#include "format/store.h"

#include <stdlib.h>
#include <string.h>
#include "base/dtype.h"
#include "format/hdf5_dataset.h"

static hp_status read_weight(const hp_weight_store *base, const hp_weight *weight, void *destination, hp_error *error) {
    const hp_store *store = (const hp_store *)base;
    const hp_record *record = &store->records[weight->handle];
    HP_FAIL_IF(weight->dtype == HP_DTYPE_NONE, error, HP_ERROR_UNSUPPORTED, weight->name,
        "its element type is none that Keras writes for weights");
    if (weight->bytes == 0) return HP_OK;
    if (!record->bytes) {
        hp_status status = hp_hdf5_read(&store->files[record->file], record->address, weight, destination, error);
        if (status != HP_OK) hp_error_prefix(error, "%s", weight->name);
        return status;
    }
    memcpy(destination, record->bytes, weight->bytes);
    return HP_OK;
}

static void close_store(hp_weight_store *base) {
    hp_store_free((hp_store *)base);
}

hp_store *hp_store_new(void) {
    hp_store *store = HP_NEW(hp_store);
    if (!store) return NULL;
    store->base.read = read_weight;
    store->base.close = close_store;
    return store;
}

void hp_store_free(hp_store *store) {
    if (!store) return;
    for (size_t i = 0; i < store->block_count; i++) hp_free(store->blocks[i]);
    hp_free(store->blocks);
    hp_free(store->files);
    hp_free(store->groups);
    hp_free(store->renames);
    hp_free(store->records);
    hp_free(store->weights);
    hp_arena_release(&store->arena);
    hp_free(store);
}

hp_status hp_store_add(hp_store *store, const hp_weight *weight, const hp_record *record, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(store->weights, store->capacity, store->count + 1) ||
                   !HP_GROW(store->records, store->record_capacity, store->record_count + 1),
        error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    store->weights[store->count] = *weight;
    store->weights[store->count++].handle = store->record_count;
    store->records[store->record_count++] = *record;
    return HP_OK;
}

hp_status hp_store_add_group(hp_store *store, const char *name, size_t first, size_t count, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(store->groups, store->group_capacity, store->group_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    store->groups[store->group_count++] = (hp_store_group){name, first, count};
    return HP_OK;
}

hp_status hp_store_add_rename(hp_store *store, const char *path, const char *keras3, hp_error *error) {
    hp_store_rename rename = {hp_arena_strdup(&store->arena, path), hp_arena_strdup(&store->arena, keras3)};
    HP_FAIL_IF(
        !rename.path || !rename.keras3 || !HP_GROW(store->renames, store->rename_capacity, store->rename_count + 1),
        error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    store->renames[store->rename_count++] = rename;
    return HP_OK;
}

hp_status hp_store_block(hp_store *store, size_t bytes, void **block, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(store->blocks, store->block_capacity, store->block_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    *block = hp_alloc_aligned(bytes);
    HP_ALLOCATED(*block, error);
    store->blocks[store->block_count++] = *block;
    return HP_OK;
}

void hp_store_replace(hp_store *store, size_t index, const void *block) {
    store->records[store->weights[index].handle].bytes = block;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const hp_weight *)a)->name, ((const hp_weight *)b)->name);
}

static hp_status publish_groups(hp_store *store, hp_error *error) {
    hp_weight_group *groups = hp_arena_alloc(&store->arena, store->group_count * sizeof *groups);
    HP_ALLOCATED(groups, error);
    for (size_t i = 0; i < store->group_count; i++) {
        const hp_store_group *group = &store->groups[i];
        groups[i] = (hp_weight_group){group->name, group->count ? store->weights + group->first : NULL, group->count};
    }
    store->base.groups = groups;
    store->base.group_count = store->group_count;
    return HP_OK;
}

hp_status hp_store_publish(hp_store *store, bool ordered, hp_error *error) {
    for (size_t i = 0; i < store->count; i++) {
        hp_weight *weight = &store->weights[i];
        const void *bytes = store->records[weight->handle].bytes;
        size_t element = hp_dtype_size(weight->dtype);
        weight->mapped = bytes && element && (uintptr_t)bytes % element == 0 ? bytes : NULL;
    }
    store->base.ordered = ordered;
    if (ordered) return publish_groups(store, error);
    if (store->count) qsort(store->weights, store->count, sizeof *store->weights, by_name);
    for (size_t i = 1; i < store->count; i++)
        HP_FAIL_IF(by_name(&store->weights[i - 1], &store->weights[i]) == 0, error, HP_ERROR_FORMAT,
            store->weights[i].name, "this weight is there twice");
    store->base.weights = store->weights;
    store->base.weight_count = store->count;
    return HP_OK;
}
