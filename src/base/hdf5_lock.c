/* hdf5_lock.c: see hdf5_lock.h. */
#include "base/hdf5_lock.h"

#include "base/thread.h"

static hp_mutex lock = HP_MUTEX_INIT;

void hp_hdf5_lock(void) { hp_mutex_lock(&lock); }

void hp_hdf5_unlock(void) { hp_mutex_unlock(&lock); }
