/* chunk.h: rows that go through the model together, from their reading to their writing.
 *
 * Invariant: what a chunk holds does not depend on who computes it. All that a worker process looks at (the struct, its
 * arrays, the rows, room for the results) lies in memory that both processes see at the same address. */
#ifndef HP_EXEC_CHUNK_H
#define HP_EXEC_CHUNK_H

#include "exec/exec.h"
#include "exec/select.h"
#include "io/reader.h"
#include "io/writer.h"

/* What a run makes of each of its chunks; does not change while it runs. */
typedef struct hp_work {
    hp_model *model;
    int jobs; /* at least 1 */
    int64_t batch_size;
    int64_t unit; /* rows that stay together: 1, or the batch of a graph that mixes rows */
    size_t input_count;
    const int64_t *own_rows; /* per input: of one that stands beside the rows; else 0 */
    size_t output_count;
    const hp_selection *selection;
    const hp_io_output *outputs;  /* with a selection: what a row of each output is */
    const hp_io_output *selected; /* 1 or 2 per output, side by side */
    const int *selected_count;    /* per output */
    hp_on_error on_error;
    const double *pad;            /* rows of different lengths are padded with this to nearly common ones; NULL: not */
    bool stateful;                /* keeps a state from batch to batch */
    bool strings;                 /* an output is made of them */
    int64_t least_part;           /* rows that are worth the way to a worker process; at least 1 */
    hp_io_writer *const *writers; /* whose text the workers make (text.h): one per output, or one for all */
    size_t writer_count;          /* 0: none */
    int id_count;                 /* id columns, and which input they are in */
    size_t id_input;
} hp_work;

/* Fills the model, how many workers (jobs 0: all cores), the batch and its unit; the rest is the caller's.
 * HP_ERROR_ARGUMENT for numbers that are no such thing. */
hp_status hp_work_fill(hp_work *work, hp_model *model, int jobs, int64_t batch_size, hp_error *error);

/* Makes the plan for inputs like these (rows: -1), so that worker processes forked later find it and the packed weights:
 * fills work->least_part and `stateful`. */
hp_status hp_work_plan(hp_work *work, const hp_io_view *views, hp_error *error);
/* HP_ERROR_UNSUPPORTED where worker processes cannot do it (hp_backend). `known`: the outputs' shapes are. */
hp_status hp_work_check_processes(const hp_work *work, bool known, hp_error *error);

/* Memory that is used again: it grows, or, `fixed`, is all there is. */
typedef struct hp_buffer {
    void *data;
    size_t capacity;
    bool fixed;
} hp_buffer;

/* Its memory with room for `bytes` bytes, whose content is not kept; NULL: out of memory. */
void *hp_buffer_reserve(hp_buffer *buffer, size_t bytes);
void hp_buffer_release(hp_buffer *buffer);

/* Rows of a chunk that failed: `rows` from `first` on, counted within the chunk. */
typedef struct hp_failure {
    int64_t first, rows;
    hp_error error;
} hp_failure;

typedef struct hp_failures {
    hp_failure *at;
    size_t count, capacity;
    bool fixed; /* does not grow */
} hp_failures;

typedef enum hp_chunk_state { HP_CHUNK_EMPTY, HP_CHUNK_FILLED, HP_CHUNK_DONE, HP_CHUNK_STATES } hp_chunk_state;

typedef struct hp_chunk {
    hp_chunk_state state; /* under the ring's lock */
    bool end;             /* no rows: nothing follows */
    int64_t rows;
    int64_t first_row; /* among all rows of the run */
    hp_io_view *views; /* per input, of this chunk's rows */
    hp_io_batch *batches;
    hp_buffer *inputs; /* per input: copies of rows that were pushed */
    hp_array *outputs; /* values, per output. data NULL: made when they are computed, whose shape tells */
    int64_t *items; /* per output: of its first axis, how many belong to a row; 0: that is not one number, or strings */
    hp_buffer *values;   /* per output: the memory of outputs[i] */
    hp_buffer *selected; /* two per output: after selection */
    hp_buffer *texts;    /* per writer */
    bool as_text;        /* the workers write their rows there */
    hp_status status;    /* of this chunk alone */
    hp_error error;
    hp_failures failures; /* in order of their rows */
    hp_arena strings;
    int64_t rows_left; /* dealer_processes.c: not computed yet */
} hp_chunk;

/* Makes memory for the outputs and selections of chunk->rows rows, of these shapes (axis 0: items of one row, negative,
 * as hp_output_shapes gives it for -1 rows; or 0). Where an axis is 0 or `known` is false, only computing tells. */
hp_status hp_chunk_prepare(const hp_work *work, hp_chunk *chunk, const hp_array *shapes, bool known, hp_error *error);

/* Whether parts of the chunk can be computed apart. */
bool hp_chunk_divisible(const hp_work *work, const hp_chunk *chunk);

/* Computes and selects rows [first, first + rows) (whole units, but for the chunk's last ones; a chunk that is not
 * divisible: all of them). *done: how many of them, from the first on: all, unless `failures` is full. Rows that fail
 * are added to `failures` where work->on_error says so; else the first one is the error. */
hp_status hp_chunk_compute(hp_session *session, const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows,
    hp_failures *failures, int64_t *done, hp_error *error);

/* Puts what stands for a failed row into the results of these rows. The chunk has to be divisible. */
void hp_chunk_blank(const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows);

/* Adds a failure in the order of rows; false: no memory, or full. */
bool hp_failures_add(hp_failures *failures, int64_t first, int64_t rows, const hp_error *error);

#endif
