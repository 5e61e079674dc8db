/* mapping.h: the bytes of a file, mapped for reading.
 *
 * Invariant: only regular files are opened, never devices, pipes or directories. A file that another process cuts
 * short while it is mapped is outside what can be defended (its pages are gone). */
#ifndef HP_FORMAT_MAPPING_H
#define HP_FORMAT_MAPPING_H

#include <stdbool.h>
#include "base/error.h"

typedef struct hp_mapping {
    const void *data; /* NULL where size is 0 */
    size_t size;
} hp_mapping;

/* Maps the file `path`, seen from directory `directory` (AT_FDCWD: the working directory). `follow`: whether a
 * symbolic link is followed in the path's last part. Errors' place is the path. */
hp_status hp_mapping_open(int directory, const char *path, bool follow, hp_mapping *mapping, hp_error *error);

/* Takes the mapping's pages out of this process's memory; reading brings them back. */
void hp_mapping_forget(const hp_mapping *mapping);
void hp_mapping_close(hp_mapping *mapping);

#endif
