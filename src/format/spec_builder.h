/* spec_builder.h: a model spec while it is opened. Each kind of file has its opener, which fills the builder; fix-ups
 * then bring the config to one form. */
#ifndef HP_FORMAT_SPEC_BUILDER_H
#define HP_FORMAT_SPEC_BUILDER_H

#include "format/archive.h"
#include "format/mapping.h"
#include "format/model_spec.h"
#include "format/store.h"

/* Where the parts of a model lie that stand beside its main file. */
typedef struct hp_model_place {
    const char *name;    /* of the file, for messages, and the stem of its shards' names */
    int directory;       /* a file descriptor; -1: there is none */
    hp_archive *archive; /* the zip that it is a member of; NULL: none */
} hp_model_place;

struct hp_model_spec_private {
    hp_arena arena;
    hp_json *config;
    hp_store *store;
    hp_mapping *mappings;
    size_t mapping_count, mapping_capacity;
    hp_archive **archives;
    size_t archive_count, archive_capacity;
    hp_model_asset *assets;
    size_t asset_count, asset_capacity;
    bool theano_kernels; /* the weights file was written by the Theano backend */
};

typedef struct hp_model_spec_private hp_spec_private;

/* Maps a file; it stays mapped until the spec is closed. */
hp_status hp_spec_map(
    hp_model_spec *spec, int directory, const char *path, bool follow, hp_mapping *mapping, hp_error *error);
/* Opens an archive; it stays open until the spec is closed. */
hp_status hp_spec_open_archive(
    hp_model_spec *spec, const void *data, size_t size, hp_archive **archive, hp_error *error);
/* Adds an asset under its name in the file ("assets/..."). */
hp_status hp_spec_add_asset(hp_model_spec *spec, const char *path, const void *data, size_t size, hp_error *error);
/* Gives the assets their names in Keras 3's way, once the weights' groups are known. */
hp_status hp_spec_rename_assets(hp_model_spec *spec, hp_error *error);
/* Takes "2.12.0" as the version that wrote the file; what is no version leaves it unsaid. */
void hp_spec_set_version(hp_model_spec *spec, const char *text);
/* Takes "keras_version" and "backend" of a JSON object, where they are and the spec has none yet. */
void hp_spec_take_version(hp_model_spec *spec, const hp_json *object);

/* The openers. Each fills config (as the file has it) or the weights, or both. */

/* A zip or an unpacked directory of Keras 3's layout (keras_v3.c). */
hp_status hp_keras_v3_open(hp_model_spec *spec, const void *data, size_t size, bool with_weights, hp_error *error);
hp_status hp_keras_v3_open_directory(hp_model_spec *spec, int directory, bool with_weights, hp_error *error);

/* A whole model in HDF5 (keras_h5.c). */
hp_status hp_keras_h5_open(hp_model_spec *spec, const void *data, size_t size, bool with_weights, hp_error *error);
/* The weights in HDF5, of either layout. */
hp_status hp_keras_h5_open_weights(hp_model_spec *spec, const void *data, size_t size, hp_error *error);

/* The weights of a file of any kind: HDF5, npz, or the index of a sharded file, whose shards are looked for beside it
 * (weights_file.c). */
hp_status hp_weights_file_open(
    hp_model_spec *spec, const hp_model_place *place, const void *data, size_t size, hp_error *error);

/* Adds the arrays of an npz archive of Keras's NpzIOStore to the store (npz.c). */
hp_status hp_npz_open(hp_model_spec *spec, const void *data, size_t size, hp_error *error);

/* Brings spec->private_->config to the form that model_spec.h says, whatever wrote it (fixups.c). */
hp_status hp_spec_fix_config(hp_model_spec *spec, hp_error *error);

#endif
