/* stream.h: files through a ring of chunks: read, computed, written. */
#ifndef HP_EXEC_STREAM_H
#define HP_EXEC_STREAM_H

#include <stdatomic.h>
#include "exec/dealer.h"
#include "io/writer.h"

/* What a stream runs on; all of it belongs to the caller and outlives the run. */
typedef struct hp_stream {
    hp_work work;
    hp_backend backend;
    hp_io_reader **readers;  /* one per model input */
    hp_io_reader *id_reader; /* the one with id columns; NULL: none */
    hp_io_writer **writers;
    bool writer_per_output; /* else one writer takes all selected outputs */
    const hp_array *shapes; /* of the outputs, for -1 rows (hp_output_shapes) */
    /* Called with the first chunk's outputs, before anything above about outputs and writers is used, where their shapes
     * are not known before; NULL: they are. */
    hp_status (*describe)(void *context, const hp_array *outputs, hp_error *error);
    void *describe_context;
    int64_t chunk_rows;
    int64_t total_rows;  /* -1: not known */
    int64_t start_row;   /* of a run that goes on: rows before it are written already */
    int64_t failed_rows; /* of those */
    /* Called by the writing thread after each chunk with the rows written so far and how many of them failed; NULL: not. */
    hp_status (*written)(void *context, int64_t rows, int64_t failed, hp_error *error);
    void *written_context;
    hp_progress *progress;
    void *progress_context;
    hp_row_failure *failure;
    void *failure_context;
} hp_stream;

/* Reads, computes and writes everything, in order; *rows is the number of rows written, *failed how many of them failed. Reading and writing have a
 * thread each, so that they overlap with computing, unless all rows fit one chunk. Where `progress` says to stop, the
 * chunks that were read are still computed and written; then it is HP_ERROR_INTERRUPTED. */
hp_status hp_stream_run(const hp_stream *stream, int64_t *rows, int64_t *failed, hp_error *error);

#endif
