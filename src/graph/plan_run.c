/* plan_run.c: rows through a plan. See plan.h. */
#include "graph/plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "graph/tiles.h"

size_t hp_plan_memory(const hp_plan *plan) {
    return plan->pointers_bytes + plan->values_bytes + plan->workspace_bytes;
}

static unsigned char *values_of(const hp_plan *plan, void *memory) {
    return (unsigned char *)memory + plan->pointers_bytes;
}

void hp_plan_bind(const hp_plan *plan, void *memory) {
    const void **pointers = memory;
    unsigned char *values = values_of(plan, memory);
    for (size_t v = 0; v < plan->slot_count; v++) {
        const hp_slot *slot = &plan->slots[v];
        pointers[v] = slot->kind == HP_SLOT_CONSTANT ? slot->data
                      : slot->kind == HP_SLOT_TILE   ? values + slot->offset
                                                     : NULL;
    }
}

/* Rows on their way through a plan: alone, or as one part of several that share `memory`. */
typedef struct running {
    const hp_plan *plan;
    void *memory;
    const void *const *inputs;
    void *const *outputs;
    hp_run run;
    hp_recorder *recorder;
    const hp_part *part; /* NULL: alone */
    uint32_t turn;       /* this part's */
} running;

/* Where each segment's tile begins: what is kept for a tile counts from there. */
static int64_t *places_of(const hp_plan *plan, void *memory) {
    return (int64_t *)((unsigned char *)memory + plan->places);
}

/* Points the segment's moving slots at row `row` of the block. */
static void move_to(const running *r, const hp_segment *segment, int64_t row) {
    const hp_plan *plan = r->plan;
    const void **pointers = r->memory;
    const int64_t *places = places_of(plan, r->memory);
    for (size_t i = 0; i < segment->moving_count; i++) {
        int32_t v = segment->moving[i];
        const hp_slot *slot = &plan->slots[v];
        const unsigned char *base;
        int64_t at = row;
        if (slot->kind == HP_SLOT_INPUT) {
            base = r->inputs[slot->index];
        } else if (slot->kind == HP_SLOT_OUTPUT) {
            base = (const unsigned char *)r->outputs[slot->index] + slot->offset;
        } else {
            base = values_of(plan, r->memory) + slot->offset;
            if (slot->index != HP_WHOLE_BLOCK) at -= places[slot->index];
        }
        pointers[v] = base + (size_t)at * slot->row_bytes;
    }
}

/* The arguments of a step, looked up in the pointer table. */
static void look_up(const hp_plan *plan, const hp_step *step, void *memory, const void **arguments) {
    const void *const *pointers = memory;
    (void)plan;
    for (int i = 0; i < step->input_count + step->output_count; i++)
        arguments[i] = step->slots[i] < 0 ? NULL : pointers[step->slots[i]];
}

static hp_status run_step(const hp_plan *plan, const hp_step *step, void *memory, hp_run *run, const void **arguments) {
    look_up(plan, step, memory, arguments);
    run->inputs = arguments;
    run->outputs = (void *const *)(arguments + step->input_count);
    return step->prim->run(step->state, run);
}

static void copy_outputs(
    const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows) {
    for (size_t i = 0; i < plan->copy_count; i++) {
        const hp_output_copy *copy = &plan->copies[i];
        const hp_slot *slot = &plan->slots[copy->slot];
        const void *source = slot->kind == HP_SLOT_INPUT    ? inputs[slot->index]
                             : slot->kind == HP_SLOT_OUTPUT ? outputs[slot->index]
                                                            : ((const void *const *)memory)[copy->slot];
        if (rows > 0 && copy->row_bytes > 0) memcpy(outputs[copy->output], source, (size_t)rows * copy->row_bytes);
    }
}

/* All steps of a segment over a tile that begins at row `row` of the block. */
static hp_status run_tile(running *r, const hp_segment *segment, int64_t row) {
    const hp_plan *plan = r->plan;
    const void **arguments = (const void **)r->memory + plan->slot_count;
    for (size_t s = segment->first; s < segment->last; s++) {
        const hp_step *step = &plan->steps[s];
        r->run.begin = 0;
        r->run.end = step->prim->range(step->state, r->run.rows);
        int64_t begin = r->recorder ? hp_clock_now() : 0;
        hp_status status = run_step(plan, step, r->memory, &r->run, arguments);
        if (r->recorder) hp_recorder_note(r->recorder, s, (double)r->run.rows, begin);
        if (status == HP_OK) continue;
        hp_error *error = r->run.error;
        if (error && status == HP_ERROR_ROW && error->row >= 0) error->row += row;
        if (step->layer) hp_error_prefix(error, "%s", step->layer);
        return status;
    }
    return HP_OK;
}

/* ---- parts */

enum { MOST_SHARED = 64 }; /* arguments of a step that is dealt out */

/* Takes pieces of this part's turn, which has `count` of them: its own share first, then half of what is left of another's.
 * False: there is nothing to take. */
static bool take_pieces(const running *r, int64_t count, int64_t *begin, int64_t *end) {
    const hp_part *part = r->part;
    for (int i = 0; i < part->parts; i++) {
        int owner = (part->part + i) % part->parts;
        int64_t first = count * owner / part->parts, last = count * (owner + 1) / part->parts, size;
        _Atomic uint64_t *taken = &part->sharing->shares[owner].taken;
        uint64_t seen = atomic_load(taken);
        do {
            if ((uint32_t)(seen >> 32) != r->turn) return false; /* the turn is over */
            *begin = first + (int64_t)(uint32_t)seen;
            size = last - *begin;
            if (i > 0) size = (size + 1) / 2;
        } while (size > 0 && !atomic_compare_exchange_weak(taken, &seen, seen + (uint64_t)size));
        *end = *begin + size;
        if (size > 0) return true;
    }
    return false;
}

/* Waits until this part's turn has come. False: it is over already. */
static bool turn_comes(const running *r) {
    for (int times = 0;; times++) {
        int32_t ahead = (int32_t)(r->turn - atomic_load_explicit(&r->part->sharing->turn, memory_order_acquire));
        if (ahead <= 0) return ahead == 0;
        r->part->idle(times);
    }
}

/* `pieces` pieces of this part's turn are done; with the last of `count` the next turn begins. Nobody touches the shares
 * meanwhile: all of this turn are taken, and those of the next may not be yet. */
static void pieces_done(const running *r, int64_t pieces, int64_t count) {
    hp_sharing *sharing = r->part->sharing;
    if (atomic_fetch_add(&sharing->done, pieces) + pieces < count) return;
    atomic_store(&sharing->done, 0);
    for (int i = 0; i < r->part->parts; i++) atomic_store(&sharing->shares[i].taken, (uint64_t)(r->turn + 1) << 32);
    atomic_store_explicit(&sharing->turn, r->turn + 1, memory_order_release);
}

/* A turn of one piece, for what one part does for all: true for that one, which then calls end_single. */
static bool begin_single(running *r) {
    int64_t begin, end;
    if (turn_comes(r) && take_pieces(r, 1, &begin, &end)) return true;
    r->turn++;
    return false;
}

static void end_single(running *r) {
    pieces_done(r, 1, 1);
    r->turn++;
}

static void keep_failure(running *r, const hp_step *step, int64_t row, hp_status status) {
    int none = HP_OK;
    if (!atomic_compare_exchange_strong(&r->part->sharing->failed, &none, (int)status)) return;
    hp_error *error = r->run.error;
    if (error->row >= 0 && status == HP_ERROR_ROW) error->row += row;
    if (step->layer) hp_error_prefix(error, "%s", step->layer);
    if (r->part->error) *r->part->error = *error;
}

/* Pieces [begin, end) of `range` of a step. Arguments lie on the stack, since the pointer table is shared; where they are
 * too many, the step is a single piece. */
static void run_pieces(running *r, const hp_step *step, int64_t row, int64_t range, int64_t begin, int64_t end) {
    const void *own[MOST_SHARED];
    bool many = step->input_count + step->output_count > MOST_SHARED;
    if (atomic_load(&r->part->sharing->failed) != HP_OK) return;
    r->run.begin = begin;
    r->run.end = end;
    int64_t started = r->recorder ? hp_clock_now() : 0;
    hp_status status =
        run_step(r->plan, step, r->memory, &r->run, many ? (const void **)r->memory + r->plan->slot_count : own);
    if (r->recorder) {
        double share = (double)(end - begin) / (double)range;
        hp_recorder_note(r->recorder, (size_t)(step - r->plan->steps), (double)r->run.rows * share, started);
    }
    if (status != HP_OK) keep_failure(r, step, row, status);
}

/* As run_tile, by parts. They go the same way through the plan even when one has failed, so that turns agree. */
static void share_tile(running *r, const hp_segment *segment, int64_t row) {
    for (size_t s = segment->first; s < segment->last; s++) {
        const hp_step *step = &r->plan->steps[s];
        int64_t range = step->prim->range(step->state, r->run.rows), begin, end;
        if (step->input_count + step->output_count > MOST_SHARED || range > UINT32_MAX) {
            if (!begin_single(r)) continue;
            run_pieces(r, step, row, range, 0, range);
            end_single(r);
            continue;
        }
        for (bool mine = turn_comes(r); mine && take_pieces(r, range, &begin, &end);) {
            run_pieces(r, step, row, range, begin, end);
            pieces_done(r, end - begin, range);
        }
        r->turn++;
    }
}

/* ---- segments */

/* A tile of the segment begins; `moves`: its own steps are next. */
static void enter(running *r, const hp_segment *segment, int64_t row, bool moves) {
    if (r->part && !begin_single(r)) return;
    places_of(r->plan, r->memory)[segment - r->plan->segments] = row;
    if (moves) move_to(r, segment, row);
    if (r->part) end_single(r);
}

/* Segments [first, last), which nest each other but no others, over rows [begin, end) of the block. */
static hp_status run_segments(running *r, size_t first, size_t last, int64_t begin, int64_t end) {
    const hp_plan *plan = r->plan;
    while (first < last) {
        size_t g = last - 1; /* the outermost one that begins with `first` */
        while (plan->segments[g].nest != first) g--;
        const hp_segment *segment = &plan->segments[g];
        for (int64_t row = begin, next; row < end; row = next) {
            next = row + hp_tiles_next(segment->tile_rows, end - row, plan->kernels->gemm_mr);
            if (first < g) {
                enter(r, segment, row, false);
                HP_TRY(run_segments(r, first, g, row, next));
            }
            enter(r, segment, row, true);
            r->run.rows = next - row;
            if (r->part)
                share_tile(r, segment, row);
            else
                HP_TRY(run_tile(r, segment, row));
        }
        first = g + 1;
    }
    return HP_OK;
}

hp_status hp_plan_run(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    hp_recorder *recorder, hp_error *error) {
    running r = {.plan = plan,
        .memory = memory,
        .inputs = inputs,
        .outputs = outputs,
        .run = {.workspace = values_of(plan, memory) + plan->values_bytes, .error = error},
        .recorder = recorder};
    HP_TRY(run_segments(&r, 0, plan->segment_count, 0, rows));
    copy_outputs(plan, memory, inputs, outputs, rows);
    return HP_OK;
}

void hp_plan_run_part(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    const hp_part *part) {
    hp_error error = {0};
    running r = {.plan = plan,
        .memory = memory,
        .inputs = inputs,
        .outputs = outputs,
        .run = {.workspace = part->workspace, .error = &error},
        .recorder = part->recorder,
        .part = part};
    (void)run_segments(&r, 0, plan->segment_count, 0, rows); /* parts keep their failures in what they share */
    if (plan->copy_count == 0 || !begin_single(&r)) return;
    copy_outputs(plan, memory, inputs, outputs, rows);
    end_single(&r);
}
