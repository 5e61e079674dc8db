/* hdf5_dataset.h: one HDF5 dataset as a weight. */
#ifndef HP_FORMAT_HDF5_DATASET_H
#define HP_FORMAT_HDF5_DATASET_H

#include "format/hdf5_weights.h"

/* Inside the fence: fills weight->dtype (HP_DTYPE_NONE where Keras has no such type), rank, dims and bytes, and
 * *bytes where the data lie in the file as they are; NULL where libhdf5 must decode them. HP_ERROR_UNSUPPORTED for
 * external and virtual storage and foreign filters; HP_ERROR_FORMAT for sizes that the file cannot hold. */
hp_status hp_hdf5_describe(
    hid_t dataset, const hp_hdf5_source *source, hp_weight *weight, const void **bytes, hp_error *error);

#endif
