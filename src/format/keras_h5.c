/* keras_h5.c: HDF5 files of Keras: whole models in the legacy layout, and weights in either layout.
 *
 * Invariant: libhdf5's file is closed before these return, unless a dataset has to be decoded later; then the store
 * owns it. */
#include <string.h>
#include "format/hdf5_weights.h"
#include "format/json.h"
#include "format/spec_builder.h"

bool hp_keras_h5_is(const void *data, size_t size) {
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
    if (size >= 8 && memcmp(data, signature, 8) == 0) return true;
    for (size_t at = 512; at <= size / 2 && size - at >= 8; at *= 2) /* behind a user block */
        if (memcmp((const unsigned char *)data + at, signature, 8) == 0) return true;
    return false;
}

/* Takes keras_version and backend of an object's attributes. */
static hp_status take_version(hp_model_spec *spec, hid_t object, size_t size, hp_error *error) {
    hp_arena *arena = &spec->private_->arena;
    const char *version, *backend;
    HP_TRY(hp_hdf5_string(object, "keras_version", size, arena, &version, error));
    HP_TRY(hp_hdf5_string(object, "backend", size, arena, &backend, error));
    if (!spec->version.text) hp_spec_set_version(spec, version);
    if (!spec->backend) spec->backend = backend;
    if (backend && strcmp(backend, "theano") == 0) spec->private_->theano_kernels = true;
    return HP_OK;
}

static hp_status take_config(hp_model_spec *spec, hid_t root, size_t size, hp_error *error) {
    hp_spec_private *p = spec->private_;
    const char *text;
    HP_TRY(hp_hdf5_string(root, "model_config", size, &p->arena, &text, error));
    HP_FAIL_IF(!text, error, HP_ERROR_FORMAT, NULL,
        "an HDF5 file without model_config: it holds weights only; give it as the weights of a JSON config");
    HP_TRY(hp_json_parse(&p->arena, "model_config", text, strlen(text), &p->config, error));
    hp_spec_take_version(spec, p->config);
    return HP_OK;
}

/* Adds what `root` holds, of whichever layout. `group` is model_weights, or `root` where there is no such group. */
static hp_status take_weights(hp_model_spec *spec, hp_hdf5_source *source, hid_t root, hid_t group, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_TRY(take_version(spec, group, source->size, error));
    bool legacy = group != root || H5Aexists(root, "layer_names") > 0 || H5Aexists(root, "layer_names0") > 0;
    source->prefix = group != root ? "model_weights/" : "";
    HP_TRY(legacy ? hp_hdf5_add_groups(p->store, source, group, error) : hp_hdf5_add_paths(p->store, source, error));
    p->store->base.ordered = legacy;
    return HP_OK;
}

static hp_status open_parts(
    hp_model_spec *spec, hp_hdf5_source *source, hid_t root, bool config, bool weights, hp_error *error) {
    hid_t group;
    if (config) {
        HP_TRY(take_version(spec, root, source->size, error));
        HP_TRY(take_config(spec, root, source->size, error));
    }
    if (!weights) return HP_OK;
    HP_TRY(hp_hdf5_open_object(root, "model_weights", &group, error));
    hp_status status = HP_OK;
    if (group >= 0 && H5Iget_type(group) != H5I_GROUP)
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "model_weights is a dataset; a group was expected");
    else
        status = take_weights(spec, source, root, group < 0 ? root : group, error);
    if (group >= 0) H5Oclose(group);
    return status;
}

static hp_status open_inside(
    hp_model_spec *spec, const void *data, size_t size, bool config, bool weights, hp_error *error) {
    hp_store *store = spec->private_->store;
    hp_hdf5_source source = {.data = data, .size = size};
    HP_FAIL_IF(!HP_GROW(store->files, store->file_capacity, store->file_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    HP_TRY(hp_hdf5_open(data, size, &source.file, error));
    hid_t root = H5Gopen2(source.file, "/", H5P_DEFAULT);
    hp_status status = root < 0 ? hp_hdf5_fail(error, "the root group cannot be opened")
                                : open_parts(spec, &source, root, config, weights, error);
    if (root >= 0) H5Gclose(root);
    if (status == HP_OK && source.needed)
        store->files[store->file_count++] = source.file;
    else
        H5Fclose(source.file);
    return status;
}

static hp_status open_h5(
    hp_model_spec *spec, const void *data, size_t size, bool config, bool weights, hp_error *error) {
    hp_hdf5_guard guard;
    hp_hdf5_enter(&guard);
    hp_status status = open_inside(spec, data, size, config, weights, error);
    hp_hdf5_leave(&guard);
    return status;
}

hp_status hp_keras_h5_open(hp_model_spec *spec, const void *data, size_t size, bool with_weights, hp_error *error) {
    return open_h5(spec, data, size, true, with_weights, error);
}

hp_status hp_keras_h5_open_weights(hp_model_spec *spec, const void *data, size_t size, hp_error *error) {
    return open_h5(spec, data, size, false, true, error);
}
