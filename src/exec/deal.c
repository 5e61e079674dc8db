/* deal.c: dealing rows, or parts of steps, out to the workers of one process.
 *
 * Rows are dealt in order, in helpings, from one counter: whoever is free takes the next ones. So when a row fails,
 * every row before it has been taken by somebody, and the smallest failing row is the first bad one.
 * With fewer rows than workers, and enough work in one, the workers share each step instead. */
#include <sched.h>
#include <stdint.h>

#include "exec/exec.h"

enum { HELPINGS = 8, MOST_BLOCKS = 64, LAST_PIECES = 4 };

typedef struct dealing {
    const hp_deal *deal;
    atomic_int_least64_t next; /* unit */
    atomic_int_least64_t done; /* units */
    atomic_bool stop;
    hp_mutex lock; /* of status and error */
    hp_status status;
    hp_error error;
} dealing;

int64_t hp_deal_helping(int64_t units, int64_t next, int workers, int64_t block) {
    const int64_t round = workers * block, whole = units > round ? (units - round) / block * block : 0,
                  left = units - next;
    if (next < whole) {
        int64_t blocks = left / (round * HELPINGS), most = (whole - next) / block;
        blocks = blocks < 1 ? 1 : blocks > MOST_BLOCKS ? MOST_BLOCKS : blocks;
        return (blocks < most ? blocks : most) * block;
    }
    int64_t pieces = workers * (units > round ? LAST_PIECES : 1), share = HP_DIVIDE_UP(units - whole, pieces);
    return HP_DIVIDE_UP(left, HP_DIVIDE_UP(left, share));
}

/* Takes the next units: *begin and how many; 0 when there are none left. */
static int64_t take(dealing *d, int workers, int64_t block, int64_t *begin) {
    int64_t next = atomic_load_explicit(&d->next, memory_order_relaxed), count;
    do {
        if (next >= d->deal->units) return 0;
        count = hp_deal_helping(d->deal->units, next, workers, block);
    } while (!atomic_compare_exchange_weak(&d->next, &next, next + count));
    *begin = next;
    return count;
}

static void report(dealing *d, hp_status status, const hp_error *error) {
    hp_mutex_lock(&d->lock);
    bool earlier = status == HP_ERROR_ROW && d->status == HP_ERROR_ROW && error->row < d->error.row;
    if (d->status == HP_OK || earlier) {
        d->status = status;
        d->error = *error;
    }
    hp_mutex_unlock(&d->lock);
    atomic_store(&d->stop, true);
}

/* Where units [begin, begin + count) of the inputs lie: in place, or converted into this worker's staging. */
static hp_status find_inputs(
    const hp_deal *deal, int worker, int64_t begin, int64_t count, const void **inputs, hp_error *error) {
    const hp_session *session = deal->session;
    int64_t first_row = deal->first_row + begin * deal->rows_per_unit, row_count = count * deal->rows_per_unit;
    unsigned char *staging = session->staging[worker];
    hp_arena *strings = &session->strings[worker];
    if (!session->keeps_strings) hp_arena_release(strings); /* of the block before */
    size_t input_count = hp_model_input_count(session->model);
    for (size_t i = 0; i < input_count; i++) {
        const hp_bound_input *bound = &session->bound[i];
        int64_t row = bound->own_rows ? 0 : first_row, rows = bound->own_rows ? bound->own_rows : row_count;
        if (bound->direct) {
            inputs[i] = bound->direct + (size_t)row * bound->row_bytes;
            continue;
        }
        inputs[i] = staging;
        HP_TRY(hp_io_convert(&bound->view, row, rows, bound->dtype, staging, strings, error));
        size_t block = (size_t)(bound->own_rows ? bound->own_rows : deal->plan->block_rows * deal->rows_per_unit);
        staging += (block * bound->row_bytes + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
    }
    return HP_OK;
}

static void find_outputs(const hp_deal *deal, int64_t begin, void **outputs) {
    size_t count = deal->plan->graph.output_count - deal->plan->graph.state_count;
    for (size_t i = 0; i < count; i++) outputs[i] = deal->outputs[i] + (size_t)begin * deal->output_unit_bytes[i];
}

/* The number in the source (a file read in chunks) of row `row` of the arrays. */
static int64_t source_row(const hp_deal *deal, int64_t row) {
    return row + (hp_model_input_count(deal->session->model) ? deal->session->bound[0].view.first_row : 0);
}

/* States are the plan's last inputs and outputs; after a batch what they became is what the next one begins with. */
static void find_states(const hp_deal *deal, const void **inputs, void **outputs) {
    const hp_graph *graph = &deal->plan->graph;
    for (size_t i = 0; i < graph->state_count; i++) {
        inputs[graph->input_count - graph->state_count + i] = deal->session->states[2 * i];
        outputs[graph->output_count - graph->state_count + i] = deal->session->states[2 * i + 1];
    }
}

static void advance_states(const hp_deal *deal) {
    unsigned char **states = deal->session->states;
    for (size_t i = 0; i < deal->plan->graph.state_count; i++) {
        unsigned char *before = states[2 * i];
        states[2 * i] = states[2 * i + 1];
        states[2 * i + 1] = before;
    }
}

static hp_recorder *recorder_of(const hp_deal *deal, int worker) {
    hp_recorder *recorders = deal->session->recorders;
    return recorders ? &recorders[worker] : NULL;
}

/* Units [begin, begin + count), at most a block. */
static hp_status run_block(const hp_deal *deal, int worker, int64_t begin, int64_t count, hp_error *error) {
    const void *inputs[2 * HP_MOST_TENSORS];
    void *outputs[2 * HP_MOST_TENSORS];
    HP_TRY(find_inputs(deal, worker, begin, count, inputs, error)); /* its row numbers are the array's */
    find_outputs(deal, begin, outputs);
    find_states(deal, inputs, outputs);
    hp_recorder *recorder = recorder_of(deal, worker);
    hp_status status = hp_plan_run(
        hp_session_plan(deal->session, worker), deal->session->memory[worker], inputs, outputs, count, recorder, error);
    if (status == HP_OK) advance_states(deal);
    if (status == HP_ERROR_ROW && error->row >= 0)
        error->row += source_row(deal, deal->first_row + begin * deal->rows_per_unit);
    return status;
}

static void tell_progress(dealing *d) {
    const hp_deal *deal = d->deal;
    hp_progress *progress = deal->session->progress;
    int64_t done = atomic_load(&d->done) * deal->rows_per_unit + deal->rows_done_before;
    if (!progress || progress(deal->session->progress_context, done, deal->rows_total) == 0) return;
    hp_error error;
    hp_error_set(&error, HP_ERROR_INTERRUPTED, NULL, "stopped by the progress callback");
    report(d, HP_ERROR_INTERRUPTED, &error);
}

/* Threads of the gang stay on their node; worker 0 is the caller's thread, which is left alone. */
static void settle(const dealing *d, int worker) {
    if (worker > 0) hp_nodes_bind_thread(hp_session_node(d->deal->session, worker));
}

static void deal_rows(void *arg, int worker, int workers) {
    dealing *d = arg;
    settle(d, worker);
    int64_t block = d->deal->plan->block_rows, begin, count;
    while (!atomic_load(&d->stop) && (count = take(d, workers, block, &begin)) > 0) {
        for (int64_t at = 0; at < count; at += block) {
            int64_t rows = count - at < block ? count - at : block;
            hp_error error = {.row = -1};
            hp_status status = run_block(d->deal, worker, begin + at, rows, &error);
            if (status != HP_OK) {
                report(d, status, &error);
                return;
            }
            atomic_fetch_add(&d->done, rows);
        }
        if (worker == 0) tell_progress(d);
    }
}

/* A step's end is mostly near; but there may be more workers than free cores. */
static void idle(int times) {
    if (times > 2000) sched_yield();
}

typedef struct part_job {
    dealing *d;
    const void *inputs[2 * HP_MOST_TENSORS];
    void *outputs[2 * HP_MOST_TENSORS];
    hp_sharing sharing;
} part_job;

static void deal_parts(void *arg, int worker, int workers) {
    part_job *job = arg;
    dealing *d = job->d;
    settle(d, worker);
    const hp_plan *plan = hp_session_plan(d->deal->session, worker);
    unsigned char *memory = d->deal->session->memory[worker];
    hp_part part = {.part = worker,
        .parts = workers,
        .workspace = memory + plan->pointers_bytes + plan->values_bytes,
        .sharing = &job->sharing,
        .idle = idle,
        .recorder = recorder_of(d->deal, worker),
        .error = &d->error};
    hp_plan_run_part(plan, d->deal->session->memory[0], job->inputs, job->outputs, d->deal->units, &part);
}

static hp_status run_parts(dealing *d, int workers) {
    const hp_deal *deal = d->deal;
    part_job job = {.d = d};
    hp_status status = find_inputs(deal, 0, 0, deal->units, job.inputs, &d->error);
    if (status != HP_OK) return status;
    find_outputs(deal, 0, job.outputs);
    hp_gang_run(deal->session->gang, workers < HP_MOST_PARTS ? workers : HP_MOST_PARTS, deal_parts, &job);
    status = (hp_status)atomic_load(&job.sharing.failed);
    if (status == HP_ERROR_ROW && d->error.row >= 0) d->error.row += source_row(deal, deal->first_row);
    atomic_store(&d->done, deal->units);
    return status;
}

hp_status hp_deal_run(const hp_deal *deal, int workers, hp_error *error) {
    dealing d = {.deal = deal};
    hp_mutex_init(&d.lock);
    if (workers > 1 && deal->units < workers && deal->units <= deal->plan->block_rows)
        d.status = run_parts(&d, workers);
    else if (workers > 1)
        hp_gang_run(deal->session->gang, workers, deal_rows, &d);
    else
        deal_rows(&d, 0, 1);
    hp_mutex_release(&d.lock);
    if (d.status != HP_OK && error) *error = d.error;
    return d.status;
}
