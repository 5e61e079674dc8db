/* exec.h: what the files of exec/ share: a model in use, its plans, its sessions.
 *
 * Invariant: hp_model never changes but for its cache of plans (under `lock`), its list of idle sessions (lock-free,
 * so that a fork in the middle of a call cannot leave it locked) and the store of constants, which locks itself. */
#ifndef HP_EXEC_EXEC_H
#define HP_EXEC_EXEC_H

#include <stdatomic.h>
#include "base/cores.h"
#include "base/nodes.h"
#include "base/thread.h"
#include "format/model_spec.h"
#include "graph/build.h"
#include "graph/plan.h"
#include "io/view.h"

/* A plan with the signature it was made for. Counted: the cache holds one reference, each session using it one. */
typedef struct hp_shared_plan {
    hp_plan *plan;                   /* of node 0 */
    hp_plan *of_node[HP_NODES_MOST]; /* equal but for where what they read lies; NULL: not made. [0] is `plan` */
    atomic_int references;
    hp_shape *inputs; /* signature: shapes of the inputs as lowered */
    int64_t tile_rows, batch_rows;
    uint64_t last_use;
    double work_per_row; /* floating-point operations and a share for moved bytes: whether waking a thread pays */
    hp_tensor *outputs;  /* dtypes and shapes of the outputs as lowered */
} hp_shared_plan;

/* Most inputs and most outputs of a model. */
enum { HP_MOST_TENSORS = 64 };
enum { HP_PLANS_KEPT = 16, HP_SESSIONS_KEPT = 8 };

struct hp_model {
    hp_model_spec *spec;
    char *path, *weights_path; /* of its files; NULL: it was in memory, there is no other file */
    hp_network *network;
    char *output_layer;      /* NULL: the model's outputs */
    hp_tensor_info *outputs; /* of the model, or of output_layer */
    size_t output_count;
    hp_constants *constants[HP_NODES_MOST]; /* per NUMA node, each with packed weights of its own; NULL: not made */
    const hp_kernels *kernels;
    hp_caches caches;
    int cores;
    hp_prefer prefer;
    hp_mutex lock; /* of what follows */
    hp_shared_plan *plans[HP_PLANS_KEPT];
    uint64_t uses;
    _Atomic(hp_session *) idle[HP_SESSIONS_KEPT];
};

/* Around a fork by one of several threads: no other thread is in the middle of changing the model, so that the child can
 * use it. Both are called by the forking thread, after_fork in the parent and in the child. */
void hp_model_before_fork(hp_model *model);
void hp_model_after_fork(hp_model *model);

/* The batch of a model that mixes rows, where the caller names none; 0 for one that does not. */
int64_t hp_model_batch(const hp_model *model);

/* Shapes in a signature: one per input, and one per size that a batch's rows tell (hp_network_measure). */
size_t hp_model_signature_count(const hp_model *model);

/* The plan for inputs of these shapes (in the order of the model's inputs, as lowered), from the cache or new, for workers
 * on all of `nodes` (hp_nodes_of_workers). `gang`: NULL, or idle workers that help to pack weights. Release it with
 * hp_shared_plan_release. Thread-safe. */
hp_status hp_model_plan(hp_model *model, const hp_shape *inputs, int64_t tile_rows, int64_t batch_rows, uint64_t nodes,
    hp_gang *gang, hp_shared_plan **shared, hp_error *error);
void hp_shared_plan_release(hp_shared_plan *shared); /* NULL: nothing */
void hp_model_drop_plans(hp_model *model);

/* An input array checked against the model: a view to convert from, and where it can be used in place. */
typedef struct hp_bound_input {
    hp_io_view view;
    const unsigned char *direct; /* rows in the graph's dtype, C order; NULL: converted tile by tile */
    hp_dtype dtype;              /* the graph's */
    size_t row_bytes;            /* in the graph's dtype */
    int64_t own_rows;            /* of an input that stands beside the rows; 0: its rows are the model's */
} hp_bound_input;

/* A caller's array, "`what` `index`" in messages: its dtype, its axes, and whether its bytes can be counted. Errors:
 * HP_ERROR_ARGUMENT, HP_ERROR_SHAPE. */
hp_status hp_array_check(const hp_array *array, const char *what, size_t index, hp_error *error);
/* The views of a caller's arrays. Errors: HP_ERROR_ARGUMENT, HP_ERROR_SHAPE. */
hp_status hp_array_views(
    const hp_model *model, const hp_array *arrays, size_t count, hp_io_view *views, hp_error *error);
hp_io_view hp_array_view(const char *name, const hp_array *array);

/* Checks views against the model's inputs and fills bound[i], shapes[i] (as to be lowered) and *rows. As Keras, takes
 * (rows,) for an input of (rows, 1) and the other way round. Errors: HP_ERROR_ARGUMENT, HP_ERROR_SHAPE. */
hp_status hp_bind_inputs(const hp_model *model, const hp_io_view *views, size_t count, hp_bound_input *bound,
    hp_shape *shapes, int64_t *rows, hp_error *error);

/* As hp_model_output_shape, for inputs as views. With -1 rows the first axis is minus the items of one row, or 0 where
 * their number does not grow with the rows; another axis whose size depends on the rows is -1. */
hp_status hp_output_shapes(
    hp_model *model, const hp_io_view *views, size_t input_count, hp_array *outputs, hp_error *error);

/* Inputs bound, as hp_output_shapes does, to the shapes of their signature; the caller frees *shapes. */
hp_status hp_signature_of(
    const hp_model *model, const hp_io_view *views, size_t count, hp_shape **shapes, hp_error *error);

/* True where the strides are those of C order (or all 0). */
bool hp_array_is_c_order(const hp_array *array);
/* Moves the texts of a string array that the library allocated into its own memory: they lay in the model's or in the
 * inputs'. */
hp_status hp_array_own_strings(hp_array *array, hp_error *error);
/* Gives a caller's output array its shape, `items` long, and dtype, and memory if it has none, or checks what it has. */
hp_status hp_bind_output(hp_array *array, const hp_tensor *tensor, int64_t items, size_t index, hp_error *error);

struct hp_session {
    hp_model *model;
    int jobs;
    int64_t batch_size;
    hp_progress *progress;
    void *progress_context;
    hp_shared_plan *shared;  /* of the last call */
    void **memory;           /* per worker: hp_plan_memory bytes, bound to `shared` */
    unsigned char **staging; /* per worker: converted input rows of one block; NULL until needed */
    size_t *staging_bytes;   /* per worker */
    hp_arena *strings;       /* per worker: texts of string inputs of one block, where they had to be made */
    bool keeps_strings;      /* until all rows are done: an output may point into them */
    int workers;             /* that have memory */
    int node;                /* with one job: of its worker */
    uint64_t nodes;          /* of all workers: hp_nodes_of_workers */
    hp_profile *profile;     /* NULL: nothing is noted */
    hp_recorder *recorders;  /* per worker, the profile's; NULL while nothing is noted */
    hp_gang *gang;           /* NULL with one job */
    hp_bound_input *bound;   /* per model input */
    unsigned char **states;  /* two buffers per state of a stateful plan: before a batch and after it; zeros at first */
    size_t *state_bytes;
    size_t state_count;
    hp_shape *shapes;
};

/* Points session->recorders at the profile's for the session's plan, or at nothing where it notes another plan; and
 * counts the wall time of a deal that began at `begin` (hp_clock_now). */
hp_status hp_profile_begin(hp_session *session, hp_error *error);
void hp_profile_end(hp_session *session, int64_t begin);

/* The node of one of its workers, and that worker's plan. */
int hp_session_node(const hp_session *session, int worker);
const hp_plan *hp_session_plan(const hp_session *session, int worker);
/* Puts a session of one job, which has not run yet, on a node. */
void hp_session_move(hp_session *session, int node);

/* `status`; a failure that names no place yet is told of the model's file. */
hp_status hp_name_model(const hp_model *model, hp_status status, hp_error *error);
/* As hp_session_predict, for inputs as views, hp_model_input_count of them, and outputs, model->output_count. */
hp_status hp_session_run(hp_session *session, const hp_io_view *views, hp_array *outputs, hp_error *error);

/* One piece of work for deal.c: `units` units (rows; whole batches in a graph that mixes rows). */
typedef struct hp_deal {
    hp_session *session;
    const hp_plan *plan;   /* any worker's: they differ in where things lie */
    int64_t first_row;     /* of the arrays: where the units begin */
    int64_t rows_per_unit; /* 1, or the batch */
    int64_t units;
    unsigned char *const *outputs; /* of first_row */
    const size_t *output_unit_bytes;
    int64_t rows_done_before, rows_total; /* for the progress callback */
} hp_deal;

/* How many units a worker takes at `next` < units, a whole number of blocks while there are many. It follows from the place
 * alone, so that the last helpings are of one size: small ones would read a model's weights for a few rows each. */
int64_t hp_deal_helping(int64_t units, int64_t next, int workers, int64_t block);

/* Runs it on `workers` workers that have memory. On HP_ERROR_ROW error->row is the first bad row of the arrays. */
hp_status hp_deal_run(const hp_deal *deal, int workers, hp_error *error);

#endif
