/* source.h: bytes in: a file, standard input, or a member of a zip archive.
 *
 * Invariant: a source that can go back (`read_at` or `rewind`) gives the same bytes again, or an error: a regular
 * file whose size or time changed since it was opened is refused. Files are read, not mapped: copying into a buffer
 * that stays in the cache is faster than the page faults of a mapping (9 GB/s against 7 here), keeps resident memory
 * flat, and a file that shrinks meanwhile gives an error and no SIGBUS. */
#ifndef HP_IO_SOURCE_H
#define HP_IO_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include "base/error.h"

typedef struct hp_io_source hp_io_source;

struct hp_io_source {
    int64_t size;            /* bytes in all, or -1 */
    atomic_bool interrupted; /* streams look at it while they wait: HP_ERROR_INTERRUPTED */
    /* The next bytes; *got < bytes only at the end. */
    hp_status (*read)(hp_io_source *source, void *data, size_t bytes, size_t *got, hp_error *error);
    /* Bytes at an offset from the start, without moving; NULL where that is not possible. */
    hp_status (*read_at)(hp_io_source *source, int64_t offset, void *data, size_t bytes, size_t *got, hp_error *error);
    hp_status (*rewind)(hp_io_source *source, hp_error *error); /* to the start; NULL: not possible */
    void (*close)(hp_io_source *source);
};

/* A file, or standard input for "-" (from its present position; not closed). */
hp_status hp_io_source_open(const char *path, hp_io_source **source, hp_error *error);
/* An open file that stays the caller's, from its start. */
hp_status hp_io_source_of_file(int fd, hp_io_source **source, hp_error *error);
/* The first bytes (up to 8) without moving. For sources from hp_io_source_open, before anything else. */
hp_status hp_io_source_peek(hp_io_source *source, unsigned char bytes[8], size_t *got, hp_error *error);
/* Copies the rest of `source` into an unlinked temporary file and gives that; closes `source` in any case. */
hp_status hp_io_source_spool(hp_io_source *source, hp_io_source **spooled, hp_error *error);
/* Skips bytes; *skipped < bytes only at the end. */
hp_status hp_io_source_skip(hp_io_source *source, int64_t bytes, int64_t *skipped, hp_error *error);
/* An unlinked temporary file, opened for reading and writing: in the folder of the file `beside`, where there is as
 * much room as its owner counts on; NULL: in $TMPDIR, else /tmp. */
hp_status hp_io_temporary_file(const char *beside, int *fd, hp_error *error);

#endif
