/* plan_run.c: rows through a plan. See plan.h. */
#include "graph/plan.h"

#include <stdatomic.h>
#include <string.h>

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

/* Points the segment's moving slots at row `row` of the block. */
static void move_to(const hp_plan *plan, const hp_segment *segment, void *memory, const void *const *inputs,
    void *const *outputs, int64_t row) {
    const void **pointers = memory;
    for (size_t i = 0; i < segment->moving_count; i++) {
        int32_t v = segment->moving[i];
        const hp_slot *slot = &plan->slots[v];
        const unsigned char *base = slot->kind == HP_SLOT_INPUT    ? inputs[slot->index]
                                    : slot->kind == HP_SLOT_OUTPUT ? outputs[slot->index]
                                                                   : values_of(plan, memory) + slot->offset;
        pointers[v] = base + (size_t)row * slot->row_bytes;
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

hp_status hp_plan_run(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    hp_recorder *recorder, hp_error *error) {
    const void **arguments = (const void **)memory + plan->slot_count;
    hp_run run = {.workspace = values_of(plan, memory) + plan->values_bytes, .error = error};
    for (size_t g = 0; g < plan->segment_count; g++) {
        const hp_segment *segment = &plan->segments[g];
        for (int64_t row = 0; row < rows; row += segment->tile_rows) {
            run.rows = rows - row < segment->tile_rows ? rows - row : segment->tile_rows;
            move_to(plan, segment, memory, inputs, outputs, row);
            for (size_t s = segment->first; s < segment->last; s++) {
                const hp_step *step = &plan->steps[s];
                run.begin = 0;
                run.end = step->prim->range(step->state, run.rows);
                int64_t begin = recorder ? hp_recorder_now() : 0;
                hp_status status = run_step(plan, step, memory, &run, arguments);
                if (recorder) hp_recorder_note(recorder, s, (double)run.rows, begin);
                if (status == HP_OK) continue;
                if (error && status == HP_ERROR_ROW && error->row >= 0) error->row += row;
                if (step->layer) hp_error_prefix(error, "%s", step->layer);
                return status;
            }
        }
    }
    copy_outputs(plan, memory, inputs, outputs, rows);
    return HP_OK;
}

/* Worker `part`'s share of one step; its arguments lie on its own stack, since the pointer table is shared. */
static hp_status run_share(const hp_plan *plan, const hp_step *step, void *memory, hp_run *run, const hp_part *part) {
    enum { MOST = 64 };
    const void *arguments[MOST];
    int64_t range = step->prim->range(step->state, run->rows);
    run->begin = range * part->part / part->parts;
    run->end = range * (part->part + 1) / part->parts;
    if (step->input_count + step->output_count > MOST) { /* a concatenation of very many: not worth dealing out */
        if (part->part > 0) return HP_OK;
        run->begin = 0;
        run->end = range;
        return run_step(plan, step, memory, run, (const void **)memory + plan->slot_count);
    }
    if (run->begin >= run->end) return HP_OK;
    int64_t begin = part->recorder ? hp_recorder_now() : 0;
    hp_status status = run_step(plan, step, memory, run, arguments);
    if (part->recorder) {
        double share = (double)(run->end - run->begin) / (double)range;
        hp_recorder_note(part->recorder, (size_t)(step - plan->steps), (double)run->rows * share, begin);
    }
    return status;
}

void hp_plan_run_part(const hp_plan *plan, void *memory, const void *const *inputs, void *const *outputs, int64_t rows,
    const hp_part *part) {
    hp_error error = {0};
    hp_run run = {.workspace = part->workspace, .error = &error};
    for (size_t g = 0; g < plan->segment_count; g++) {
        const hp_segment *segment = &plan->segments[g];
        for (int64_t row = 0; row < rows; row += segment->tile_rows) {
            run.rows = rows - row < segment->tile_rows ? rows - row : segment->tile_rows;
            if (part->part == 0) move_to(plan, segment, memory, inputs, outputs, row);
            part->wait(part->context);
            for (size_t s = segment->first; s < segment->last; s++) {
                const hp_step *step = &plan->steps[s];
                if (atomic_load(part->failed) == HP_OK) {
                    hp_status status = run_share(plan, step, memory, &run, part);
                    int none = HP_OK;
                    if (status != HP_OK && atomic_compare_exchange_strong(part->failed, &none, (int)status)) {
                        if (error.row >= 0 && status == HP_ERROR_ROW) error.row += row;
                        if (step->layer) hp_error_prefix(&error, "%s", step->layer);
                        if (part->error) *part->error = error;
                    }
                }
                part->wait(part->context);
            }
        }
    }
    if (part->part == 0) copy_outputs(plan, memory, inputs, outputs, rows);
}
