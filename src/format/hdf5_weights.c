/* hdf5_weights.c: see hdf5_weights.h.
 *
 * Invariant: what is added has been checked against the file's size, so that a weight never says it has more bytes than
 * the file can hold (times what deflate can reach, for compressed ones). */
#include "format/hdf5_weights.h"

#include <stdlib.h>
#include <string.h>
#include "format/hdf5_dataset.h"
#include "format/keras3_path.h"

enum {
    MAX_DEPTH = 64, /* groups in groups; Keras makes some six a nested model */
    KEPT_LISTS = 8, /* groups whose lists are kept while names are looked up */
};

static const char *const not_inference[] = {"optimizer", "_optimizer", "optimizer_weights", "metrics", "_metrics",
    "compile_metrics", "_compile_metrics", "loss_tracker", "_loss_tracker"};

static bool is_not_inference(const char *name) {
    for (size_t i = 0; i < sizeof not_inference / sizeof *not_inference; i++)
        if (strcmp(name, not_inference[i]) == 0) return true;
    return false;
}

/* Adds the dataset at `address`; `name` and `path` are copied. */
static hp_status add_dataset(hp_store *store, size_t number, uint64_t address, const hp_hdf5_dataset *dataset,
    const char *name, hp_error *error) {
    hp_weight weight = {.name = hp_arena_strdup(&store->arena, name),
        .dtype = dataset->shape.null ? HP_DTYPE_NONE : dataset->type.dtype,
        .rank = dataset->shape.rank,
        .bytes = dataset->bytes};
    HP_ALLOCATED(weight.name, error);
    for (int i = 0; i < weight.rank; i++) weight.dims[i] = (int64_t)dataset->shape.dims[i];
    hp_record record = {.bytes = dataset->type.big_endian ? NULL : dataset->plain, .file = number, .address = address};
    return hp_store_add(store, &weight, &record, error);
}

/* ---- by paths ----------------------------------------------------------------------------------------------------- */

/* A walk through the groups of a file. */
typedef struct walk {
    hp_store *store;
    const hp_hdf5_file *file;
    size_t number;
    char path[1024];   /* in the file */
    char keras3[1024]; /* in Keras 3's naming: hardly longer than `path` */
} walk;

/* Where a walk is in both namings: the lengths of the paths so far. */
typedef struct place {
    size_t path, keras3;
    int depth;
} place;

static hp_status walk_group(walk *w, uint64_t group, place at, const char *name, hp_error *error);

/* Puts a name behind `length` characters of a path; false when there is no room. */
static bool extend(char *path, size_t size, size_t *length, const char *name) {
    size_t added = strlen(name), start = *length ? *length + 1 : 0;
    if (start + added >= size) return false;
    if (*length) path[*length] = '/';
    memcpy(path + start, name, added + 1);
    *length = start + added;
    return true;
}

static hp_status visit_object(walk *w, uint64_t address, place at, const char *name, hp_error *error) {
    hp_hdf5_dataset dataset;
    hp_status status = hp_hdf5_describe(w->file, address, &dataset, error);
    if (status == HP_OK && dataset.is_dataset)
        status = add_dataset(w->store, w->number, address, &dataset, w->keras3, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", w->path);
        return status;
    }
    return dataset.is_dataset ? HP_OK : walk_group(w, address, at, name, error);
}

static hp_status walk_link(walk *w, const hp_hdf5_link *link, place at, const char *keras3, hp_error *error) {
    place inner = {at.path, at.keras3, at.depth + 1};
    HP_FAIL_IF(!extend(w->path, sizeof w->path, &inner.path, link->name) ||
                   !extend(w->keras3, sizeof w->keras3, &inner.keras3, hp_keras3_part(keras3)),
        error, HP_ERROR_FORMAT, w->path, "a name in it is too long");
    HP_FAIL_IF(link->object == HP_HDF5_NONE, error, HP_ERROR_UNSUPPORTED, w->path,
        "is a soft or external link; only plain objects are read");
    hp_status status = visit_object(w, link->object, inner, link->name, error);
    w->path[at.path] = '\0';
    w->keras3[at.keras3] = '\0';
    return status;
}

/* Visits the links of a group that is called `name` in the file. */
static hp_status walk_links(
    walk *w, const hp_hdf5_links *links, hp_arena *arena, place at, const char *name, hp_error *error) {
    const char **names = hp_arena_alloc(arena, links->count * sizeof *names), **keras3 = names;
    HP_ALLOCATED(names, error);
    for (size_t i = 0; i < links->count; i++) names[i] = links->items[i].name;
    if (hp_is_old_container(name)) {
        keras3 = hp_arena_alloc(arena, links->count * sizeof *keras3);
        HP_FAIL_IF(!keras3 || !hp_keras3_children(arena, names, links->count, keras3), error, HP_ERROR_NO_MEMORY, NULL,
            "out of memory");
    }
    for (size_t i = 0; i < links->count; i++)
        if (at.depth > 0 || !is_not_inference(names[i])) HP_TRY(walk_link(w, &links->items[i], at, keras3[i], error));
    return HP_OK;
}

static hp_status walk_group(walk *w, uint64_t group, place at, const char *name, hp_error *error) {
    HP_FAIL_IF(at.depth > MAX_DEPTH, error, HP_ERROR_FORMAT, w->path, "groups are nested deeper than %d", MAX_DEPTH);
    if (strcmp(w->path, w->keras3) != 0) HP_TRY(hp_store_add_rename(w->store, w->path, w->keras3, error));
    hp_hdf5_links links;
    hp_arena arena = {0};
    hp_status status = hp_hdf5_list(w->file, group, &arena, &links, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", w->path);
    if (status == HP_OK) status = walk_links(w, &links, &arena, at, name, error);
    hp_free(links.items);
    hp_arena_release(&arena);
    return status;
}

hp_status hp_hdf5_add_paths(hp_store *store, const hp_hdf5_file *file, size_t number, hp_error *error) {
    walk w = {.store = store, .file = file, .number = number};
    return walk_group(&w, file->root, (place){0}, "", error);
}

/* ---- by groups ---------------------------------------------------------------------------------------------------- */

/* Lists of groups, the last used ones: weight names share most of their paths. */
typedef struct lookup {
    const hp_hdf5_file *file;
    struct kept {
        uint64_t group;
        bool used;
        hp_hdf5_links links;
        hp_arena arena;
    } kept[KEPT_LISTS];
    size_t next;
} lookup;

static void lookup_end(lookup *l) {
    for (size_t i = 0; i < KEPT_LISTS; i++) {
        hp_free(l->kept[i].links.items);
        hp_arena_release(&l->kept[i].arena);
    }
}

static hp_status list_group(lookup *l, uint64_t group, const hp_hdf5_links **links, hp_error *error) {
    for (size_t i = 0; i < KEPT_LISTS; i++)
        if (l->kept[i].used && l->kept[i].group == group) {
            *links = &l->kept[i].links;
            return HP_OK;
        }
    struct kept *kept = &l->kept[l->next];
    hp_free(kept->links.items);
    hp_arena_release(&kept->arena);
    *kept = (struct kept){.group = group};
    HP_TRY(hp_hdf5_list(l->file, group, &kept->arena, &kept->links, error));
    kept->used = true;
    l->next = (l->next + 1) % KEPT_LISTS;
    *links = &kept->links;
    return HP_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const hp_hdf5_link *)a)->name, ((const hp_hdf5_link *)b)->name);
}

/* The object at `path` below `group`; HP_HDF5_NONE when there is none. */
static hp_status find_object(lookup *l, uint64_t group, const char *path, uint64_t *object, hp_error *error) {
    char part[1024];
    *object = group;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        HP_FAIL_IF(length >= sizeof part, error, HP_ERROR_FORMAT, NULL, "a name of %zu bytes is too long", length);
        memcpy(part, at, length);
        part[length] = '\0';
        at += length + strspn(at + length, "/");
        if (length == 0 || strcmp(part, ".") == 0) continue;
        const hp_hdf5_links *links;
        HP_TRY(hp_hdf5_spend(l->file, 1, error));
        HP_TRY(list_group(l, *object, &links, error));
        hp_hdf5_link key = {.name = part};
        const hp_hdf5_link *link = links->count ? bsearch(&key, links->items, links->count, sizeof key, by_name) : NULL;
        HP_FAIL_IF(link && link->object == HP_HDF5_NONE, error, HP_ERROR_UNSUPPORTED, NULL,
            "\"%s\" is a soft or external link; only plain objects are read", path);
        *object = link ? link->object : HP_HDF5_NONE;
        if (!link) return HP_OK;
    }
    return HP_OK;
}

/* A legacy file while its groups are added. */
typedef struct legacy {
    hp_store *store;
    const hp_hdf5_file *file;
    size_t number;
    lookup lookup;
} legacy;

static hp_status add_weight(legacy *g, uint64_t group, const char *name, hp_error *error) {
    uint64_t object;
    hp_hdf5_dataset dataset = {0};
    HP_TRY(find_object(&g->lookup, group, name, &object, error));
    if (object != HP_HDF5_NONE) HP_TRY(hp_hdf5_describe(g->file, object, &dataset, error));
    HP_FAIL_IF(
        !dataset.is_dataset, error, HP_ERROR_FORMAT, NULL, "weight_names lists it, but there is no such dataset");
    return add_dataset(g->store, g->number, object, &dataset, name, error);
}

/* Adds the weights that a layer's group lists. */
static hp_status add_group(legacy *g, uint64_t group, const char *name, hp_error *error) {
    hp_hdf5_names names;
    size_t first = g->store->count;
    HP_TRY(hp_hdf5_string_list(g->file, group, "weight_names", &g->store->arena, &names, error));
    for (size_t i = 0; i < names.count; i++) {
        hp_status status = add_weight(g, group, names.items[i], error);
        if (status == HP_OK) continue;
        hp_error_prefix(error, "\"%s\"", names.items[i]);
        return status;
    }
    return hp_store_add_group(g->store, name, first, g->store->count - first, error);
}

static hp_status add_named_group(legacy *g, uint64_t parent, const char *name, bool must, hp_error *error) {
    uint64_t group;
    hp_status status = find_object(&g->lookup, parent, name, &group, error);
    if (status == HP_OK && group != HP_HDF5_NONE)
        status = add_group(g, group, name, error);
    else if (status == HP_OK && must)
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "layer_names lists this layer, but it has no group");
    if (status != HP_OK) hp_error_prefix(error, "weights of layer \"%s\"", name);
    return status;
}

static hp_status add_groups(legacy *g, uint64_t group, hp_error *error) {
    hp_hdf5_names names;
    HP_TRY(hp_hdf5_string_list(g->file, group, "layer_names", &g->store->arena, &names, error));
    HP_FAIL_IF(!names.found, error, HP_ERROR_FORMAT, NULL, "no attribute \"layer_names\": these are no Keras weights");
    for (size_t i = 0; i < names.count; i++) HP_TRY(add_named_group(g, group, names.items[i], true, error));
    return add_named_group(g, group, "top_level_model_weights", false, error);
}

hp_status hp_hdf5_add_groups(
    hp_store *store, const hp_hdf5_file *file, size_t number, uint64_t group, hp_error *error) {
    legacy g = {.store = store, .file = file, .number = number, .lookup = {.file = file}};
    hp_status status = add_groups(&g, group, error);
    lookup_end(&g.lookup);
    return status;
}
