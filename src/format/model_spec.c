/* model_spec.c: opening and closing; which opener a file needs is told here. */
#define _GNU_SOURCE
#include "format/model_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "format/fixups.h"
#include "format/json.h"
#include "format/legacy_weights.h"
#include "format/spec_builder.h"

/* What was given to open: the model's bytes or directory, and the weights', where there are any. */
typedef struct given {
    hp_mapping model, weights;
    int model_directory; /* of an unpacked model; -1: `model` is one file */
    int weights_beside;  /* the directory that the weights file is in; -1: memory */
    const char *weights_name;
    bool has_weights;
} given;

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static hp_status new_spec(const char *path, hp_model_spec **spec, hp_error *error) {
    hp_model_spec *s = HP_NEW(hp_model_spec);
    hp_spec_private *p = HP_NEW(hp_spec_private);
    hp_store *store = hp_store_new();
    if (s && p) {
        s->private_ = p;
        s->path = hp_arena_strdup(&p->arena, path);
        s->name = s->path ? last_part(s->path) : NULL;
    }
    if (!store || !s || !p || !s->path) {
        hp_store_free(store);
        if (p) hp_arena_release(&p->arena);
        hp_free(p);
        hp_free(s);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    p->store = store;
    *spec = s;
    return HP_OK;
}

void hp_model_spec_close(hp_model_spec *spec) {
    if (!spec) return;
    hp_spec_private *p = spec->private_;
    hp_store_free(p->store); /* before the mappings that it points into */
    for (size_t i = 0; i < p->archive_count; i++) hp_archive_close(p->archives[i]);
    for (size_t i = 0; i < p->mapping_count; i++) hp_mapping_close(&p->mappings[i]);
    hp_free(p->archives);
    hp_free(p->mappings);
    hp_free(p->assets);
    hp_arena_release(&p->arena);
    hp_free(p);
    hp_free(spec);
}

void hp_model_spec_forget(const hp_model_spec *spec) {
    const hp_spec_private *p = spec->private_;
    for (size_t i = 0; i < p->mapping_count; i++) hp_mapping_forget(&p->mappings[i]);
}

/* ---- which kind of file --------------------------------------------------------------------------------------- */

static bool looks_like_json(const char *text, size_t size) {
    size_t start = 0;
    while (start < size && text[start] && strchr(" \t\r\n", text[start])) start++;
    return start < size && (text[start] == '{' || text[start] == '[');
}

static hp_status open_json(hp_model_spec *spec, const given *g, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_TRY(hp_json_parse(&p->arena, NULL, g->model.data, g->model.size, &p->config, error));
    HP_FAIL_IF(hp_json_get(p->config, "weight_map"), error, HP_ERROR_FORMAT, NULL,
        "is the index of sharded weights; give it as the weights of a JSON config");
    hp_spec_take_version(spec, p->config);
    HP_FAIL_IF(!g->has_weights, error, HP_ERROR_ARGUMENT, NULL,
        "is a JSON config, which holds no weights; give the weights file too");
    return HP_OK;
}

static hp_status open_model(hp_model_spec *spec, const given *g, hp_error *error) {
    const void *data = g->model.data;
    size_t size = g->model.size;
    bool with_weights = !g->has_weights;
    if (g->model_directory >= 0) return hp_keras_v3_open_directory(spec, g->model_directory, with_weights, error);
    HP_FAIL_IF(size == 0, error, HP_ERROR_FORMAT, NULL, "is empty");
    if (hp_archive_is(data, size)) return hp_keras_v3_open(spec, data, size, with_weights, error);
    if (hp_hdf5_is(data, size)) return hp_keras_h5_open(spec, data, size, with_weights, error);
    if (looks_like_json(data, size)) return open_json(spec, g, error);
    HP_FAIL(error, HP_ERROR_FORMAT, NULL,
        "no Keras model: neither a .keras archive, nor HDF5, nor a JSON config (TensorFlow's SavedModel, checkpoints "
        "and .tflite are not read; save the model with Keras as .keras)");
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const hp_model_asset *)a)->path, ((const hp_model_asset *)b)->path);
}

static hp_status fix_weights(hp_model_spec *spec, hp_error *error) {
    hp_spec_private *p = spec->private_;
    hp_legacy_weights how = {p->store, &p->arena, spec->version.family, p->theano_kernels};
    if (spec->version.family == 3) return HP_OK;
    if (p->store->base.ordered) HP_TRY(hp_fix_legacy_weights(&how, p->config, error));
    hp_fix_strip(p->config, "consume_less"); /* said which layout Keras 1's RNNs have */
    return HP_OK;
}

/* What is left when config and weights are there: one form, sorted, linked. */
static hp_status finish(hp_model_spec *spec, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_TRY(hp_spec_fix_config(spec, error));
    HP_TRY(hp_spec_rename_assets(spec, error));
    HP_TRY(fix_weights(spec, error));
    HP_TRY(hp_store_publish(p->store, p->store->base.ordered, error));
    if (p->asset_count) qsort(p->assets, p->asset_count, sizeof *p->assets, by_path);
    spec->config = p->config;
    spec->weights = &p->store->base;
    spec->assets = p->assets;
    spec->asset_count = p->asset_count;
    return HP_OK;
}

static hp_status open_given(hp_model_spec *spec, const given *g, hp_error *error) {
    hp_status status = open_model(spec, g, error);
    if (status == HP_OK && g->has_weights) {
        hp_model_place place = {.name = g->weights_name, .directory = g->weights_beside};
        status = hp_weights_file_open(spec, &place, g->weights.data, g->weights.size, error);
        if (status != HP_OK) {
            hp_error_prefix(error, "%s", g->weights_name);
            return status;
        }
    }
    if (status == HP_OK) status = finish(spec, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", spec->name);
    return status;
}

/* ---- from files, from memory ------------------------------------------------------------------------------------ */

static hp_status find_given_model(hp_model_spec *spec, const char *path, given *g, hp_error *error) {
    struct stat about;
    HP_FAIL_IF(stat(path, &about) != 0, error, HP_ERROR_IO, path, "cannot be opened: %s", strerror(errno));
    if (!S_ISDIR(about.st_mode)) return hp_spec_map(spec, AT_FDCWD, path, true, &g->model, error);
    g->model_directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HP_FAIL_IF(g->model_directory < 0, error, HP_ERROR_IO, path, "cannot be opened: %s", strerror(errno));
    return HP_OK;
}

/* The directory that the file `path` is in. */
static hp_status open_beside(hp_model_spec *spec, const char *path, int *directory, hp_error *error) {
    const char *slash = strrchr(path, '/');
    char *parent = hp_arena_strdup(&spec->private_->arena, slash ? path : ".");
    HP_ALLOCATED(parent, error);
    if (slash) parent[slash == path ? 1 : slash - path] = '\0';
    *directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HP_FAIL_IF(*directory < 0, error, HP_ERROR_IO, parent, "cannot be opened: %s", strerror(errno));
    return HP_OK;
}

static hp_status find_given(
    hp_model_spec *spec, const char *path, const char *weights_path, given *g, hp_error *error) {
    HP_TRY(find_given_model(spec, path, g, error));
    if (!weights_path) return HP_OK;
    HP_TRY(hp_spec_map(spec, AT_FDCWD, weights_path, true, &g->weights, error));
    g->has_weights = true;
    g->weights_name = last_part(weights_path);
    return open_beside(spec, weights_path, &g->weights_beside, error);
}

hp_status hp_model_spec_open(const char *path, const char *weights_path, hp_model_spec **spec, hp_error *error) {
    HP_FAIL_IF(!path || !spec, error, HP_ERROR_ARGUMENT, NULL, "no path, or no place for the model, was given");
    given g = {.model_directory = -1, .weights_beside = -1};
    hp_model_spec *s;
    HP_TRY(new_spec(path, &s, error));
    hp_status status = find_given(s, path, weights_path, &g, error);
    if (status == HP_OK) status = open_given(s, &g, error);
    if (g.model_directory >= 0) close(g.model_directory);
    if (g.weights_beside >= 0) close(g.weights_beside);
    if (status == HP_OK)
        *spec = s;
    else
        hp_model_spec_close(s);
    return status;
}

hp_status hp_model_spec_open_memory(const char *name, const void *data, size_t size, const void *weights,
    size_t weights_size, hp_model_spec **spec, hp_error *error) {
    HP_FAIL_IF(!name || !data || !spec, error, HP_ERROR_ARGUMENT, NULL,
        "no name, no bytes, or no place for the model, was given");
    given g = {.model = {data, size},
        .weights = {weights, weights_size},
        .model_directory = -1,
        .weights_beside = -1,
        .weights_name = "weights",
        .has_weights = weights != NULL};
    hp_model_spec *s;
    HP_TRY(new_spec(name, &s, error));
    hp_status status = open_given(s, &g, error);
    if (status == HP_OK)
        *spec = s;
    else
        hp_model_spec_close(s);
    return status;
}

const hp_model_asset *hp_model_spec_asset(const hp_model_spec *spec, const char *path) {
    hp_model_asset key = {.path = path};
    return spec->asset_count ? bsearch(&key, spec->assets, spec->asset_count, sizeof key, by_path) : NULL;
}
