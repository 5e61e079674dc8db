/* store.h: a weight store in the making, for every kind of file.
 *
 * A reader (hdf5_weights.c, npz.c) adds weights; vintage fix-ups may replace some; then hp_store_publish sorts them and
 * the store does not change any more. Invariant: a weight's `handle` is the index of its record, and a record either
 * points to the weight's bytes (in a mapping that outlives the store, or in a block that the store owns) or is an HDF5
 * dataset that has to be decoded. */
#ifndef HP_FORMAT_STORE_H
#define HP_FORMAT_STORE_H

#include "base/memory.h"
#include "base/weights.h"
#include "format/hdf5_file.h"

typedef struct hp_record {
    const void *bytes; /* C order, little-endian; any alignment; NULL: decode */
    size_t file;       /* of `files` */
    uint64_t address;  /* of the dataset in that file */
} hp_record;

/* A group of an ordered store while it is made: `count` weights from number `first` on. */
typedef struct hp_store_group {
    const char *name;
    size_t first, count;
} hp_store_group;

/* A group of a file that has another path in Keras 3's naming. */
typedef struct hp_store_rename {
    const char *path, *keras3;
} hp_store_rename;

typedef struct hp_store {
    hp_weight_store base; /* must be first: what the rest of the library sees */
    hp_arena arena;       /* names, and all that is as old as the store */
    hp_weight *weights;
    size_t count, capacity;
    hp_record *records;
    size_t record_count, record_capacity;
    hp_store_group *groups;
    size_t group_count, group_capacity;
    hp_store_rename *renames;
    size_t rename_count, rename_capacity;
    hp_hdf5_file *files;
    size_t file_count, file_capacity;
    void **blocks; /* freed with the store */
    size_t block_count, block_capacity;
} hp_store;

hp_store *hp_store_new(void);
void hp_store_free(hp_store *store);

/* Adds a weight and its record; the weight's handle is set here. Names must live in the store's arena (or longer). */
hp_status hp_store_add(hp_store *store, const hp_weight *weight, const hp_record *record, hp_error *error);
hp_status hp_store_add_group(hp_store *store, const char *name, size_t first, size_t count, hp_error *error);
hp_status hp_store_add_rename(hp_store *store, const char *path, const char *keras3, hp_error *error);
/* A block of `bytes` bytes that is freed with the store. */
hp_status hp_store_block(hp_store *store, size_t bytes, void **block, hp_error *error);
/* Makes `block` (of weight->bytes bytes) what the weight at `index` holds. */
void hp_store_replace(hp_store *store, size_t index, const void *block);

/* Sorts (path stores), links groups (ordered ones), and sets `mapped` of every weight whose bytes are aligned. A path
 * that stands twice is an error. */
hp_status hp_store_publish(hp_store *store, bool ordered, hp_error *error);

#endif
