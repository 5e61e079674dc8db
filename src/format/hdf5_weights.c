/* hdf5_weights.c: see hdf5_weights.h.
 *
 * Invariant: what is added has been checked against the file's size, so that a weight never says it has more bytes than
 * the file can hold (times what deflate can reach, for compressed ones). */
#include "format/hdf5_weights.h"

#include <string.h>
#include "format/hdf5_dataset.h"
#include "format/keras3_path.h"

enum {
    MAX_DEPTH = 64,        /* groups in groups; Keras makes some six a nested model */
    BYTES_PER_OBJECT = 64, /* an object's header takes more than this in the file */
};

/* A walk through the groups of a file. */
typedef struct walk {
    hp_store *store;
    hp_hdf5_source *source;
    size_t objects;    /* seen so far: bounded, so that groups that hold each other cannot go on for ever */
    char path[1024];   /* in the file */
    char keras3[1024]; /* in Keras 3's naming: no longer than `path` */
} walk;

static const char *const not_inference[] = {"optimizer", "_optimizer", "optimizer_weights", "metrics", "_metrics",
    "compile_metrics", "_compile_metrics", "loss_tracker", "_loss_tracker"};

static bool is_not_inference(const char *name) {
    for (size_t i = 0; i < sizeof not_inference / sizeof *not_inference; i++)
        if (strcmp(name, not_inference[i]) == 0) return true;
    return false;
}

static hp_status add_dataset(
    hp_store *store, hp_hdf5_source *source, hid_t dataset, const char *name, const char *path, hp_error *error) {
    hp_weight weight = {.name = hp_arena_strdup(&store->arena, name)};
    hp_record record = {.file = source->file, .path = hp_arena_strdup(&store->arena, path)};
    HP_FAIL_IF(!weight.name || !record.path, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    hp_status status = hp_hdf5_describe(dataset, source, &weight, &record.bytes, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", path);
        return status;
    }
    if (!record.bytes && weight.bytes) source->needed = true;
    return hp_store_add(store, &weight, &record, error);
}

/* One link of a group, kept until the group's iteration is over. */
typedef struct link_list {
    hp_arena arena;
    const char **names;
    size_t count, capacity;
    bool soft;
} link_list;

static herr_t collect(hid_t group, const char *name, const H5L_info_t *link, void *data) {
    (void)group;
    link_list *links = data;
    if (link->type != H5L_TYPE_HARD) links->soft = true;
    const char *copy = hp_arena_strdup(&links->arena, name);
    if (!copy || !HP_GROW(links->names, links->capacity, links->count + 1)) return -1;
    links->names[links->count++] = copy;
    return links->soft ? 1 : 0; /* stops at the first that is not plain, with its name last */
}

/* Where a walk is in both namings: the lengths of the paths so far. */
typedef struct place {
    size_t path, keras3;
    int depth;
} place;

static hp_status walk_group(walk *w, hid_t group, place at, const char *name, hp_error *error);

/* Puts a name behind `length` characters of a path; false when there is no room. */
static bool extend(char *path, size_t size, size_t *length, const char *name) {
    size_t added = strlen(name), start = *length ? *length + 1 : 0;
    if (start + added >= size) return false;
    if (*length) path[*length] = '/';
    memcpy(path + start, name, added + 1);
    *length = start + added;
    return true;
}

static hp_status walk_object(walk *w, hid_t group, place at, const char *name, const char *keras3, hp_error *error) {
    place inner = {at.path, at.keras3, at.depth + 1};
    HP_FAIL_IF(!extend(w->path, sizeof w->path, &inner.path, name) ||
                   !extend(w->keras3, sizeof w->keras3, &inner.keras3, hp_keras3_part(keras3)),
        error, HP_ERROR_FORMAT, w->path, "a name in it is too long");
    HP_FAIL_IF(++w->objects > w->source->size / BYTES_PER_OBJECT, error, HP_ERROR_FORMAT, w->path,
        "more groups than the file has room for: one holds itself");
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    hp_status status = HP_OK;
    if (object < 0) {
        status = hp_hdf5_fail(error, "cannot be opened");
        hp_error_prefix(error, "%s", w->path);
    } else if (type == H5I_GROUP)
        status = walk_group(w, object, inner, name, error);
    else if (type == H5I_DATASET)
        status = add_dataset(w->store, w->source, object, w->keras3, w->path, error);
    if (object >= 0) H5Oclose(object);
    w->path[at.path] = '\0';
    w->keras3[at.keras3] = '\0';
    return status;
}

/* Lists a group; fails when a link in it is not plain. */
static hp_status list_links(const walk *w, hid_t group, link_list *links, hp_error *error) {
    hsize_t position = 0;
    herr_t end = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect, links);
    if (end < 0) {
        hp_hdf5_fail(error, "the group's content cannot be listed");
        hp_error_prefix(error, "%s", w->path);
        return HP_ERROR_FORMAT;
    }
    HP_FAIL_IF(links->soft, error, HP_ERROR_UNSUPPORTED, w->path,
        "\"%s\" is a soft or external link; only plain objects are read", links->names[links->count - 1]);
    return HP_OK;
}

/* Visits the links of a group that is called `name` in the file. */
static hp_status walk_links(walk *w, hid_t group, place at, const char *name, link_list *links, hp_error *error) {
    const char **keras3 = links->names;
    if (hp_is_old_container(name)) {
        keras3 = hp_arena_alloc(&links->arena, links->count * sizeof *keras3);
        HP_FAIL_IF(!keras3 || !hp_keras3_children(&links->arena, links->names, links->count, keras3), error,
            HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (size_t i = 0; i < links->count; i++)
        if (at.depth > 0 || !is_not_inference(links->names[i]))
            HP_TRY(walk_object(w, group, at, links->names[i], keras3[i], error));
    return HP_OK;
}

static hp_status walk_group(walk *w, hid_t group, place at, const char *name, hp_error *error) {
    HP_FAIL_IF(at.depth > MAX_DEPTH, error, HP_ERROR_FORMAT, w->path, "groups are nested deeper than %d", MAX_DEPTH);
    if (strcmp(w->path, w->keras3) != 0) HP_TRY(hp_store_add_rename(w->store, w->path, w->keras3, error));
    link_list links = {0};
    hp_status status = list_links(w, group, &links, error);
    if (status == HP_OK) status = walk_links(w, group, at, name, &links, error);
    hp_free(links.names);
    hp_arena_release(&links.arena);
    return status;
}

hp_status hp_hdf5_add_paths(hp_store *store, hp_hdf5_source *source, hp_error *error) {
    walk w = {.store = store, .source = source};
    hid_t root = H5Gopen2(source->file, "/", H5P_DEFAULT);
    if (root < 0) return hp_hdf5_fail(error, "the root group cannot be opened");
    hp_status status = walk_group(&w, root, (place){0}, "", error);
    H5Gclose(root);
    return status;
}

/* Adds the weights that a layer's group lists. */
static hp_status add_group(hp_store *store, hp_hdf5_source *source, hid_t group, const char *name, hp_error *error) {
    hp_hdf5_names names;
    size_t first = store->count;
    HP_TRY(hp_hdf5_string_list(group, "weight_names", source->size, &store->arena, &names, error));
    HP_FAIL_IF(store->count + names.count > source->size / BYTES_PER_OBJECT, error, HP_ERROR_FORMAT, NULL,
        "lists more weights than the file has room for");
    for (size_t i = 0; i < names.count; i++) {
        hid_t object;
        hp_status status = hp_hdf5_open_object(group, names.items[i], &object, error);
        if (status == HP_OK && (object < 0 || H5Iget_type(object) != H5I_DATASET))
            status = hp_error_set(
                error, HP_ERROR_FORMAT, NULL, "has no dataset \"%s\", which its weight_names lists", names.items[i]);
        if (status == HP_OK) {
            const char *path = hp_arena_printf(&store->arena, "%s%s/%s", source->prefix, name, names.items[i]);
            status = path ? add_dataset(store, source, object, names.items[i], path, error)
                          : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        }
        if (object >= 0) H5Oclose(object);
        HP_TRY(status);
    }
    return hp_store_add_group(store, name, first, store->count - first, error);
}

static hp_status add_named_group(
    hp_store *store, hp_hdf5_source *source, hid_t group, const char *name, bool must, hp_error *error) {
    hid_t object;
    hp_status status = hp_hdf5_open_object(group, name, &object, error);
    if (status == HP_OK && object >= 0 && H5Iget_type(object) != H5I_GROUP)
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "is a dataset; a group was expected");
    else if (status == HP_OK && object >= 0)
        status = add_group(store, source, object, name, error);
    else if (status == HP_OK && must)
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "layer_names lists this layer, but it has no group");
    if (object >= 0) H5Oclose(object);
    if (status != HP_OK) hp_error_prefix(error, "weights of layer \"%s\"", name);
    return status;
}

hp_status hp_hdf5_add_groups(hp_store *store, hp_hdf5_source *source, hid_t group, hp_error *error) {
    hp_hdf5_names names;
    HP_TRY(hp_hdf5_string_list(group, "layer_names", source->size, &store->arena, &names, error));
    HP_FAIL_IF(!names.found, error, HP_ERROR_FORMAT, NULL, "no attribute \"layer_names\": these are no Keras weights");
    HP_FAIL_IF(names.count > source->size / BYTES_PER_OBJECT, error, HP_ERROR_FORMAT, NULL,
        "layer_names lists more layers than the file has room for");
    for (size_t i = 0; i < names.count; i++) HP_TRY(add_named_group(store, source, group, names.items[i], true, error));
    return add_named_group(store, source, group, "top_level_model_weights", false, error);
}
