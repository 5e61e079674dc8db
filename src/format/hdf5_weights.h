/* hdf5_weights.h: the datasets of an HDF5 file as weights of a store. */
#ifndef HP_FORMAT_HDF5_WEIGHTS_H
#define HP_FORMAT_HDF5_WEIGHTS_H

#include "format/hdf5_file.h"
#include "format/store.h"

/* Adds every dataset of a Keras 3 layout ("layers/dense/vars/0"), but for those of optimizers and metrics. `number` is
 * the file's in the store. */
hp_status hp_hdf5_add_paths(hp_store *store, const hp_hdf5_file *file, size_t number, hp_error *error);

/* Adds the groups of a legacy layout that stand in the group at `group` ("layer_names", "weight_names"). */
hp_status hp_hdf5_add_groups(hp_store *store, const hp_hdf5_file *file, size_t number, uint64_t group, hp_error *error);

#endif
