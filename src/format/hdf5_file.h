/* hdf5_file.h: libhdf5 behind a fence.
 *
 * Invariant: libhdf5 is entered only between hp_hdf5_enter and hp_hdf5_leave. Between them one thread of the process
 * is in libhdf5 (Debian's is not thread-safe), its printing of errors is off and plugins are not loaded; both settings
 * are put back, so that a host that uses libhdf5 too sees nothing of us. Files are read through a driver of our own
 * over bytes in memory: libhdf5 opens no file itself, so nothing in the bytes can name another one. */
#ifndef HP_FORMAT_HDF5_FILE_H
#define HP_FORMAT_HDF5_FILE_H

#include <hdf5.h>
#include <stdbool.h>
#include "base/error.h"
#include "base/memory.h"

typedef struct hp_hdf5_guard {
    H5E_auto2_t report;
    void *report_data;
    unsigned plugins;
} hp_hdf5_guard;

void hp_hdf5_enter(hp_hdf5_guard *guard);
void hp_hdf5_leave(const hp_hdf5_guard *guard);

/* All that follow are called inside the fence. */

/* Opens `size` bytes that begin with an HDF5 file; they must outlive *file. */
hp_status hp_hdf5_open(const void *data, size_t size, hid_t *file, hp_error *error);

/* Fails with HP_ERROR_FORMAT: the formatted text, and what libhdf5 said last. */
hp_status hp_hdf5_fail(hp_error *error, const char *format, ...) HP_PRINTF(2, 3);

/* A string attribute of an object (fixed or variable length, string or bytes; a scalar or one element) as text in the
 * arena. *text is NULL when there is no such attribute. `limit` is the file's size: nothing larger can be right. */
hp_status hp_hdf5_string(
    hid_t object, const char *name, size_t limit, hp_arena *arena, const char **text, hp_error *error);

/* A list of names; split ones (name0, name1 ...) are joined. *found is false when there is no such attribute. */
typedef struct hp_hdf5_names {
    const char **items;
    size_t count;
    bool found;
} hp_hdf5_names;
hp_status hp_hdf5_string_list(
    hid_t object, const char *name, size_t limit, hp_arena *arena, hp_hdf5_names *names, hp_error *error);

/* Opens the object at `path` below `group`, following hard links only. *object is negative when there is none. */
hp_status hp_hdf5_open_object(hid_t group, const char *path, hid_t *object, hp_error *error);

#endif
