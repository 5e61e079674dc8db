/* keras_h5.c: HDF5 files of Keras: whole models in the legacy layout, and weights in either layout. */
#include <string.h>
#include "format/hdf5_weights.h"
#include "format/json.h"
#include "format/spec_builder.h"

/* Takes keras_version and backend of an object's attributes. */
static hp_status take_version(hp_model_spec *spec, const hp_hdf5_file *file, uint64_t object, hp_error *error) {
    hp_arena *arena = &spec->private_->arena;
    const char *version, *backend;
    HP_TRY(hp_hdf5_string(file, object, "keras_version", arena, &version, error));
    HP_TRY(hp_hdf5_string(file, object, "backend", arena, &backend, error));
    if (!spec->version.text) hp_spec_set_version(spec, version);
    if (!spec->backend) spec->backend = backend;
    if (backend && strcmp(backend, "theano") == 0) spec->private_->theano_kernels = true;
    return HP_OK;
}

static hp_status take_config(hp_model_spec *spec, const hp_hdf5_file *file, hp_error *error) {
    hp_spec_private *p = spec->private_;
    const char *text;
    HP_TRY(hp_hdf5_string(file, file->root, "model_config", &p->arena, &text, error));
    HP_FAIL_IF(!text, error, HP_ERROR_FORMAT, NULL,
        "an HDF5 file without model_config: it holds weights only; give it as the weights of a JSON config");
    HP_TRY(hp_json_parse(&p->arena, "model_config", text, strlen(text), &p->config, error));
    hp_spec_take_version(spec, p->config);
    return HP_OK;
}

/* The group model_weights of a whole model, or the root of a weights file. */
static hp_status find_weights(const hp_hdf5_file *file, uint64_t *group, hp_error *error) {
    hp_hdf5_links links;
    hp_arena arena = {0};
    hp_status status = hp_hdf5_list(file, file->root, &arena, &links, error);
    *group = file->root;
    for (size_t i = 0; status == HP_OK && i < links.count; i++)
        if (strcmp(links.items[i].name, "model_weights") == 0) *group = links.items[i].object;
    hp_free(links.items);
    hp_arena_release(&arena);
    if (status == HP_OK && *group == HP_HDF5_NONE)
        status = hp_error_set(error, HP_ERROR_UNSUPPORTED, "model_weights", "is a soft or external link");
    return status;
}

/* Adds what the file holds, of whichever layout. */
static hp_status take_weights(hp_model_spec *spec, const hp_hdf5_file *file, size_t number, hp_error *error) {
    hp_spec_private *p = spec->private_;
    hp_hdf5_names names;
    uint64_t group;
    HP_TRY(find_weights(file, &group, error));
    HP_TRY(take_version(spec, file, group, error));
    bool legacy = group != file->root;
    if (!legacy) {
        HP_TRY(hp_hdf5_string_list(file, group, "layer_names", &p->arena, &names, error));
        legacy = names.found;
    }
    HP_TRY(legacy ? hp_hdf5_add_groups(p->store, file, number, group, error)
                  : hp_hdf5_add_paths(p->store, file, number, error));
    p->store->base.ordered = legacy;
    return HP_OK;
}

static hp_status open_h5(
    hp_model_spec *spec, const void *data, size_t size, bool config, bool weights, hp_error *error) {
    hp_store *store = spec->private_->store;
    size_t budget = hp_hdf5_budget_for(size), number = store->file_count;
    hp_hdf5_file file;
    HP_FAIL_IF(!HP_GROW(store->files, store->file_capacity, store->file_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    HP_TRY(hp_hdf5_open(data, size, &file, error));
    store->files[store->file_count++] = file; /* reading later counts no steps */
    file.budget = &budget;
    if (config) {
        HP_TRY(take_version(spec, &file, file.root, error));
        HP_TRY(take_config(spec, &file, error));
    }
    return weights ? take_weights(spec, &file, number, error) : HP_OK;
}

hp_status hp_keras_h5_open(hp_model_spec *spec, const void *data, size_t size, bool with_weights, hp_error *error) {
    return open_h5(spec, data, size, true, with_weights, error);
}

hp_status hp_keras_h5_open_weights(hp_model_spec *spec, const void *data, size_t size, hp_error *error) {
    return open_h5(spec, data, size, false, true, error);
}
