/* sink.h: bytes out: a partial file that takes its target's name when it is complete, or a stream.
 *
 * Invariants: the target's name never shows anything but the whole new file or what was there before; what is left
 * of a run that was killed is a file TARGET.partial, which the next run overwrites; two runs never write one partial
 * file (it is locked). Small writes are gathered. */
#ifndef HP_IO_SINK_H
#define HP_IO_SINK_H

#include <stdbool.h>
#include "base/error.h"
#include "io/source.h"
#include "io/writer.h"

typedef struct hp_io_sink hp_io_sink;

/* `path`: "-" for standard output, a special file (written directly), or the target's name. Of the
 * options, `exclusive`, `durable` and `resume` matter here: a partial file that is resumed has what the mark says, and
 * the next byte is written behind it. */
hp_status hp_io_sink_open(const char *path, const hp_io_writer_options *options, hp_io_sink **sink, hp_error *error);
/* An unlinked temporary file as a sink, in the folder of `target` where that is a file: hp_io_sink_rewrite works, and
 * hp_io_sink_copy copies it into another one. */
hp_status hp_io_sink_open_temporary(const hp_io_sink *target, hp_io_sink **sink, hp_error *error);
/* Whether hp_io_sink_rewrite is possible: not for streams. */
bool hp_io_sink_is_file(const hp_io_sink *sink);
/* The path of the partial file, for libraries that write files by name; NULL for streams. */
const char *hp_io_sink_partial_path(const hp_io_sink *sink);
/* The path of the target, links resolved; NULL for streams. */
const char *hp_io_sink_target_path(const hp_io_sink *sink);
int hp_io_sink_fd(hp_io_sink *sink); /* nothing gathered is written before: see hp_io_sink_flush */

hp_status hp_io_sink_write(hp_io_sink *sink, const void *data, size_t bytes, hp_error *error);
hp_status hp_io_sink_flush(hp_io_sink *sink, hp_error *error);
/* Overwrites bytes that were written before. */
hp_status hp_io_sink_rewrite(hp_io_sink *sink, int64_t offset, const void *data, size_t bytes, hp_error *error);
/* Appends all that `from`, a file, holds from `offset` on. */
hp_status hp_io_sink_copy(hp_io_sink *sink, hp_io_sink *from, int64_t offset, hp_error *error);
/* All that a file holds, to be read from its start; the sink has to live longer than the source. */
hp_status hp_io_sink_reread(hp_io_sink *sink, hp_io_source **source, hp_error *error);

/* Brings all so far to the disk; *bytes: how many those are. */
hp_status hp_io_sink_sync(hp_io_sink *sink, int64_t *bytes, hp_error *error);
/* hp_io_sink_close then leaves the partial file where it is. */
void hp_io_sink_keep(hp_io_sink *sink);

/* Brings all to the disk, then gives the file its final name. The sink is still to be closed. */
hp_status hp_io_sink_commit(hp_io_sink *sink, hp_error *error);
/* Frees; without a commit before, removes the partial file. NULL: nothing. */
void hp_io_sink_close(hp_io_sink *sink);

#endif
