/* hdf5_data.h: what reading and writing HDF5 datasets have in common; private to io/. */
#ifndef HP_IO_HDF5_DATA_H
#define HP_IO_HDF5_DATA_H

#include <hdf5.h>
#include "io/format.h"

/* Between enter and leave: the lock is held, libhdf5 prints nothing and loads no plugins; leave puts back what the
 * host had set. */
typedef struct hp_io_hdf5_guard {
    H5E_auto2_t report;
    void *report_data;
    unsigned plugins;
} hp_io_hdf5_guard;

void hp_io_hdf5_enter(hp_io_hdf5_guard *guard);
void hp_io_hdf5_leave(const hp_io_hdf5_guard *guard);

/* Fails with the text and what libhdf5 said. Between enter and leave. */
hp_status hp_io_hdf5_fail(hp_error *error, hp_status status, const char *format, ...) HP_PRINTF(3, 4);

/* The type in memory of elements of `dtype` (HP_STRING: variable-length UTF-8; bool: an enumeration as h5py makes;
 * bfloat16: float32). To be closed with H5Tclose; negative: failed. */
hid_t hp_io_hdf5_memory_type(hp_dtype dtype);

#endif
