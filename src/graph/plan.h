/* plan.h: a graph made ready to run: prepared nodes, segments, tiles, and where every value lies.
 *
 * Rows go depth-first: tiles of rows small enough for the cache pass through all of a segment's steps. Most graphs are
 * one segment; layers whose weights would be read again for every tile form segments of larger tiles, so that they are
 * read once for many rows. A segment nests those before it whose tiles are smaller: each of its tiles goes through them
 * first, in their own tiles. So what crosses segments is as short as the tile of the segment around it; only what
 * crosses the outermost ones is kept for a whole block of rows.
 *
 * Invariant: a plan is immutable once made and shared by all workers; what changes lies in a worker's memory. Segments
 * and tiles depend on the graph and the cache sizes alone, and no result depends on them. Nothing is allocated while
 * a plan runs. */
#ifndef HP_GRAPH_PLAN_H
#define HP_GRAPH_PLAN_H

#include "base/thread.h"
#include "graph/recorder.h"
#include "prims/prim.h"

typedef struct hp_plan_options {
    size_t level1, level2; /* bytes of a core's caches */
    int64_t tile_rows;     /* 0: chosen */
    bool latency;          /* algorithms for one row at a time */
    hp_gang *gang;         /* NULL, or idle workers to pack weights, `workers` of them */
    int workers;
    /* NULL, or called when much of the weights' file has been read, and will not be again soon. */
    void (*forget_file)(void *context);
    void *context;
} hp_plan_options;

/* Where a value lies when it is used. */
typedef enum hp_slot_kind {
    HP_SLOT_NONE,     /* nothing reads or makes it */
    HP_SLOT_CONSTANT, /* `data` */
    HP_SLOT_INPUT,    /* the caller's rows of input `index` */
    HP_SLOT_OUTPUT,   /* the caller's rows of output `index`, from `offset` on */
    HP_SLOT_BLOCK, /* worker memory at `offset`, the rows of a tile of segment `index`, or of a block: crosses segments */
    HP_SLOT_TILE, /* worker memory at `offset`, one tile's rows */
} hp_slot_kind;

#define HP_WHOLE_BLOCK SIZE_MAX

typedef struct hp_slot {
    hp_slot_kind kind;
    size_t index; /* of kind BLOCK: HP_WHOLE_BLOCK or a segment */
    const void *data;
    size_t offset;
    size_t row_bytes; /* from one row to the next; of a value within another: the other's */
} hp_slot;

typedef struct hp_step {
    const hp_prim *prim;
    void *state;
    const char *layer;
    const hp_node *node;  /* the graph's */
    const int32_t *slots; /* inputs, then outputs; -1 for an absent input */
    int input_count, output_count;
    double flops; /* per row */
} hp_step;

typedef struct hp_segment {
    size_t first, last; /* steps [first, last) */
    size_t nest;        /* segments [nest, this one) run within its tiles */
    int64_t tile_rows;
    int32_t *moving; /* slots of kinds INPUT, OUTPUT, BLOCK that its steps use */
    size_t moving_count;
} hp_segment;

/* An output that no step makes (an input, a constant, or a second name of another output): copied at the end. */
typedef struct hp_output_copy {
    size_t output;
    int32_t slot;
    size_t row_bytes;
} hp_output_copy;

typedef struct hp_plan {
    hp_graph graph; /* owned; after passes */
    hp_constants *constants;
    const hp_kernels *kernels;
    bool *kept;     /* by value: constants whose data the plan keeps */
    hp_slot *slots; /* by value; a view shares its source's index through hp_step.slots */
    size_t slot_count;
    hp_step *steps;
    size_t step_count;
    hp_segment *segments;
    size_t segment_count;
    hp_output_copy *copies;
    size_t copy_count;
    int64_t block_rows;    /* most rows of one hp_plan_run */
    size_t pointers_bytes; /* layout of a worker's memory: pointers and places, values, then workspace */
    size_t places;         /* where in the pointers' bytes the segments' places begin */
    size_t values_bytes;
    size_t workspace_bytes; /* largest of all steps' */
    int most_arguments;
    double flops; /* per row */
} hp_plan;

/* Optimises `graph`, prepares its nodes and lays out memory. Takes the graph over, on failure too (*graph is emptied).
 * `constants` and `kernels` must outlive the plan. Errors: HP_ERROR_NO_MEMORY, those of passes and prepare. */
hp_status hp_plan_new(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels,
    const hp_plan_options *options, hp_plan **plan, hp_error *error);
void hp_plan_free(hp_plan *plan); /* NULL: nothing */

/* Bytes of one worker's memory: a block on a cache line that hp_plan_bind prepares. */
size_t hp_plan_memory(const hp_plan *plan);
void hp_plan_bind(const hp_plan *plan, void *memory);

/* Runs `rows` rows, at most plan->block_rows (in a graph that mixes rows: 1, which is its whole batch).
 * inputs[i], outputs[i]: the rows, C order, in the graph's dtypes, aligned to their elements. `memory` is this
 * worker's, bound; so is `recorder`, or NULL. HP_ERROR_ROW with error->row counted from inputs' first row. */
hp_status hp_plan_run(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    hp_recorder *recorder, hp_error *error);

/* What the parts of one run share, zeroed before it. Each step is a turn: its pieces are divided into a share per part,
 * which that part takes as a whole; who is done takes from the shares of those that have not come yet. So nobody waits
 * for a part that the system does not let run, but for one in the middle of its work. */
enum { HP_MOST_PARTS = 64 };
typedef struct hp_share {
    _Alignas(HP_ALIGNMENT) _Atomic uint64_t taken; /* turn << 32 | pieces of this share that are taken */
} hp_share;
typedef struct hp_sharing {
    _Atomic uint32_t turn; /* whose pieces may be taken */
    _Atomic int64_t done;  /* pieces of it */
    _Atomic int failed;    /* an hp_status */
    hp_share shares[HP_MOST_PARTS];
} hp_sharing;

/* As hp_plan_run, by part `part` of `parts`, at most HP_MOST_PARTS, which all call this at about the same time. `memory`
 * is shared by all parts, but `workspace` (plan->workspace_bytes, on a cache line) is this part's own. Results are
 * complete when all parts have returned; a failure is in sharing->failed. */
typedef struct hp_part {
    int part, parts;
    void *workspace;
    hp_sharing *sharing;
    void (*idle)(int times); /* called while there is nothing to do: how many times in a row before */
    hp_recorder *recorder;   /* this part's own, or NULL */
    hp_error *error;         /* may be NULL; written by the part that fails first */
} hp_part;
void hp_plan_run_part(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    const hp_part *part);

#endif
