/* stream.h: the life of a chunk: read, computed, written. */
#ifndef HP_EXEC_STREAM_H
#define HP_EXEC_STREAM_H

#include "exec/exec.h"
#include "exec/select.h"
#include "io/writer.h"

/* What a stream runs on; all of it belongs to the caller and outlives the run. */
typedef struct hp_stream {
    hp_session *session;
    hp_io_reader **readers; /* one per model input */
    size_t reader_count;
    const int64_t *own_rows; /* per reader: of an input that stands beside the rows, read once; else 0 */
    hp_io_reader *id_reader; /* the one with id columns; NULL: none */
    hp_io_writer **writers;
    size_t writer_count;
    bool writer_per_output; /* else one writer takes all selected outputs */
    const hp_selection *selection;
    const hp_io_output *outputs; /* of the model, per output: what a row of values is */
    hp_io_output *selected;      /* 1 or 2 per output, after selection, side by side */
    const int64_t *items;        /* per output: how many items of its first axis belong to one row (mostly 1); 0: it is
                                  * not one number for all rows (graphs that mix them) */
    const int *selected_count;   /* per output */
    size_t output_count;
    /* Called with the first chunk's outputs, before anything above about outputs and writers is used, where their shapes
     * are not known before; NULL: they are. */
    hp_status (*describe)(void *context, const hp_array *outputs, hp_error *error);
    void *describe_context;
    int64_t chunk_rows;
    int64_t total_rows; /* -1: not known */
    hp_progress *progress;
    void *progress_context;
} hp_stream;

/* Reads, computes and writes everything, in order; *rows is the number of rows written. Reading and writing have a
 * thread each, so that they overlap with computing, unless all rows fit one chunk. */
hp_status hp_stream_run(const hp_stream *stream, int64_t *rows, hp_error *error);

#endif
