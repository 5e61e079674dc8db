/* archive.h: the members of a zip archive in memory.
 *
 * Invariant: an archive is refused as a whole when a member's name leaves the archive ("..", absolute, backslash), stands
 * twice, or is a link. Stored members are used in place; others are inflated, into no more than their declared size,
 * and that only when it is one that deflate can reach. Every member that is given out has had its checksum checked. */
#ifndef HP_FORMAT_ARCHIVE_H
#define HP_FORMAT_ARCHIVE_H

#include <stdbool.h>
#include "base/error.h"

typedef struct hp_archive hp_archive;

/* Whether the bytes begin as a zip archive does. */
bool hp_archive_is(const void *data, size_t size);

/* `data` must outlive the archive. */
hp_status hp_archive_open(const void *data, size_t size, hp_archive **archive, hp_error *error);
void hp_archive_close(hp_archive *archive); /* frees what was inflated; NULL: nothing */

size_t hp_archive_count(const hp_archive *archive);
const char *hp_archive_name(const hp_archive *archive, size_t index);
/* The index of the member `name`; -1 when there is none. */
int64_t hp_archive_find(const hp_archive *archive, const char *name);
/* The bytes of a member, which live as long as the archive (and its `data`). */
hp_status hp_archive_read(hp_archive *archive, size_t index, const void **bytes, size_t *size, hp_error *error);

#endif
