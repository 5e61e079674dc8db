/* hdf5_weights.h: the datasets of an HDF5 file as weights of a store.
 *
 * All of these enter libhdf5's fence themselves, except where said. */
#ifndef HP_FORMAT_HDF5_WEIGHTS_H
#define HP_FORMAT_HDF5_WEIGHTS_H

#include "format/hdf5_file.h"
#include "format/store.h"

/* An HDF5 file while it is taken into a store. */
typedef struct hp_hdf5_source {
    hid_t file;
    const unsigned char *data;
    size_t size;
    bool needed;        /* out: a dataset is compressed, so the file must stay open */
    const char *prefix; /* in front of legacy groups' paths: "model_weights/" or "" */
} hp_hdf5_source;

/* Inside the fence: adds every dataset of a Keras 3 layout ("layers/dense/vars/0"), but for those of optimizers and
 * metrics. */
hp_status hp_hdf5_add_paths(hp_store *store, hp_hdf5_source *source, hp_error *error);

/* Inside the fence: adds the groups of a legacy layout that stand in `group` ("layer_names", "weight_names"). */
hp_status hp_hdf5_add_groups(hp_store *store, hp_hdf5_source *source, hid_t group, hp_error *error);

/* Decodes the dataset at `path`, which must still be what `weight` says. */
hp_status hp_hdf5_read(int64_t file, const char *path, const hp_weight *weight, void *destination, hp_error *error);

void hp_hdf5_close_files(const int64_t *files, size_t count);

#endif
