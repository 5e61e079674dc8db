/* hdf5_lock.h: one lock for all of the library's use of libhdf5.
 *
 * libhdf5 keeps state of its own for the whole process and is often built without a lock. Whoever calls it holds this
 * one: format/ for models, io/ for rows, so that a model may be opened while others are streamed. Never held while
 * anything else waits for the holder. */
#ifndef HP_BASE_HDF5_LOCK_H
#define HP_BASE_HDF5_LOCK_H

void hp_hdf5_lock(void);
void hp_hdf5_unlock(void);

#endif
