/* hdf5_dataset.h: the datasets of an HDF5 file: where their data lie, and decoding those that are chunked. */
#ifndef HP_FORMAT_HDF5_DATASET_H
#define HP_FORMAT_HDF5_DATASET_H

#include "base/weights.h"
#include "format/hdf5_file.h"

enum { HP_HDF5_MAX_FILTERS = 8 };

typedef struct hp_hdf5_dataset {
    bool is_dataset; /* false: the object is a group, or a named type */
    hp_hdf5_type type;
    hp_hdf5_shape shape;
    size_t bytes;               /* count * size of an element */
    const unsigned char *plain; /* the data, where they lie in one piece; else NULL */
    uint64_t chunk_tree;        /* of chunked data; HP_HDF5_NONE: there are none */
    uint64_t chunk[HP_MAX_RANK];
    size_t chunk_bytes; /* of one decoded chunk */
    int filter_count;
    unsigned filters[HP_HDF5_MAX_FILTERS]; /* in the order in which they were applied */
} hp_hdf5_dataset;

/* Describes the object at `address`. HP_ERROR_UNSUPPORTED for external and virtual storage, foreign filters and newer
 * chunk indices; HP_ERROR_FORMAT for sizes that the file cannot hold. */
hp_status hp_hdf5_describe(const hp_hdf5_file *file, uint64_t address, hp_hdf5_dataset *dataset, hp_error *error);

/* Decodes a chunked dataset to `destination`, dataset->bytes bytes in C order, in the byte order of the file. */
hp_status hp_hdf5_read_chunks(
    const hp_hdf5_file *file, const hp_hdf5_dataset *dataset, void *destination, hp_error *error);

/* Reads any dataset to `destination`, in the machine's byte order; `weight` is what it was described as. */
hp_status hp_hdf5_read(
    const hp_hdf5_file *file, uint64_t address, const hp_weight *weight, void *destination, hp_error *error);

#endif
