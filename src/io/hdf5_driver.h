/* hdf5_driver.h: how libhdf5 reaches a file that is written to: a driver of ours, since its own cannot give a file up.
 *
 * A file that cannot be written to any more (a full disk) cannot be closed by libhdf5 either: closing writes what is left,
 * fails, and leaves an identifier of freed memory behind, at which the process crashes when it exits. Through this driver
 * closing never fails: what cannot be written is noted, and the file is to be thrown away. */
#ifndef HP_IO_HDF5_DRIVER_H
#define HP_IO_HDF5_DRIVER_H

#include <hdf5.h>
#include <stdbool.h>

/* Of one open file; it has to outlive it. */
typedef struct hp_io_hdf5_fate {
    int failure; /* errno of the first write that failed; 0: none has */
    bool quiet;  /* failures are noted but not told to libhdf5, and after one nothing more is written: for closing */
} hp_io_hdf5_fate;

/* A file access property list for files that are opened through the driver; negative: failed. Close it with
 * hp_io_hdf5_access_close once the files are closed. */
hid_t hp_io_hdf5_access(hp_io_hdf5_fate *fate, hid_t *driver);
void hp_io_hdf5_access_close(hid_t access, hid_t driver);

#endif
