/* plan.c: making a plan: steps from nodes, lifetimes, segments, places in memory. Running one is in plan_run.c. */
#include "graph/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "graph/passes.h"
#include "graph/prepare.h"
#include "graph/rewrite.h"
#include "graph/tiles.h"

/* While a plan is made: facts per value, at the value whose bytes it shares (views are resolved). */
typedef struct lifetime {
    int32_t root; /* the value whose bytes these are */
    int32_t home; /* the value that it is within; mostly itself. All but `root`, `begin` and `own` count at the home */
    size_t begin,
        own; /* 1 + the first step that uses it, 0: none; bytes of a row without those of the values within it */
    size_t first, last; /* steps: made, last read; of what crosses segments, those of the tiles that it is kept for */
    size_t read;        /* step that reads it last */
    bool used;
    size_t bytes; /* in worker memory */
} lifetime;

typedef struct making {
    hp_plan *plan;
    lifetime *lives;  /* by value */
    int32_t *readers; /* by value: those that have not packed it; graph outputs too */
    int64_t *tile_of;
    hp_error *error;
} making;

static size_t align(size_t bytes) {
    return (bytes + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
}

static hp_status row_bytes_of(const hp_value_info *value, size_t *bytes, hp_error *error) {
    size_t count = hp_dtype_size(value->tensor.dtype);
    for (int i = 0; i < value->tensor.shape.rank; i++)
        HP_FAIL_IF(!hp_size_mul(count, (size_t)value->tensor.shape.dims[i], &count) || count > SIZE_MAX / 4096, error,
            HP_ERROR_NO_MEMORY, NULL, "a value of one row is larger than the address space");
    *bytes = count;
    return HP_OK;
}

static size_t count_steps(const hp_graph *graph) {
    size_t count = 0;
    for (size_t i = 0; i < graph->node_count; i++) count += !graph->nodes[i].prim->alias;
    return count;
}

/* Resolves views: every value's root. Nodes are in order, so a source's root is known first. */
static void find_roots(making *m) {
    const hp_graph *graph = &m->plan->graph;
    for (size_t v = 0; v < graph->value_count; v++) m->lives[v].root = (int32_t)v;
    for (size_t i = 0; i < graph->node_count; i++) {
        const hp_node *node = &graph->nodes[i];
        if (node->prim->alias) m->lives[node->outputs[0]].root = m->lives[node->inputs[0]].root;
    }
    for (size_t v = 0; v < graph->value_count; v++) m->lives[v].home = hp_value_home(graph, (hp_value)v, NULL);
}

static hp_status make_step(making *m, const hp_node *node, hp_step *step) {
    hp_plan *plan = m->plan;
    int count = node->input_count + node->output_count;
    int32_t *slots = hp_arena_alloc(&plan->graph.arena, (size_t)count * sizeof *slots);
    HP_ALLOCATED(slots, m->error);
    for (int i = 0; i < count; i++) {
        hp_value value = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
        slots[i] = value == HP_NO_VALUE ? -1 : m->lives[value].root;
    }
    if (count > plan->most_arguments) plan->most_arguments = count;
    *step = (hp_step){.prim = node->prim,
        .layer = node->layer,
        .node = node,
        .slots = slots,
        .input_count = node->input_count,
        .output_count = node->output_count};
    if (!node->prim->flops) return HP_OK;
    hp_tensor inputs[16] = {0}, outputs[4] = {0};
    for (int i = 0; i < node->input_count && i < 16; i++)
        if (node->inputs[i] != HP_NO_VALUE) inputs[i] = plan->graph.values[node->inputs[i]].tensor;
    for (int i = 0; i < node->output_count && i < 4; i++) outputs[i] = plan->graph.values[node->outputs[i]].tensor;
    step->flops = node->prim->flops(node->params, inputs, outputs);
    plan->flops += step->flops;
    return HP_OK;
}

static hp_status make_steps(making *m, const hp_plan_options *options) {
    hp_plan *plan = m->plan;
    size_t count = count_steps(&plan->graph);
    plan->steps = hp_alloc_array(count, sizeof *plan->steps);
    HP_ALLOCATED(plan->steps, m->error);
    for (size_t i = 0; i < plan->graph.node_count; i++) {
        const hp_node *node = &plan->graph.nodes[i];
        if (node->prim->alias) continue;
        HP_TRY(make_step(m, node, &plan->steps[plan->step_count]));
        plan->step_count++;
    }
    return hp_prepare_steps(plan, m->readers, options, m->error);
}

/* Constants that steps read stay as long as the plan; what passes made on the way to others goes. */
static hp_status keep_constants(making *m) {
    hp_plan *plan = m->plan;
    plan->kept = hp_alloc_array(plan->graph.value_count, sizeof *plan->kept);
    HP_ALLOCATED(plan->kept, m->error);
    for (size_t v = 0; v < plan->graph.value_count; v++) {
        const hp_constant *constant = plan->graph.values[v].constant;
        plan->kept[v] = constant && m->readers[v] > 0;
        if (plan->kept[v]) hp_constants_keep(plan->constants, constant);
        if (constant && !hp_constant_is_read(&plan->graph, m->readers, constant))
            hp_constants_drop(plan->constants, constant);
    }
    return HP_OK;
}

static void release_constants(hp_plan *plan) {
    for (size_t v = 0; v < plan->graph.value_count; v++)
        if (plan->kept[v]) hp_constants_release(plan->constants, plan->graph.values[v].constant);
}

static void find_lifetimes(making *m) {
    hp_plan *plan = m->plan;
    for (size_t s = 0; s < plan->step_count; s++) {
        const hp_step *step = &plan->steps[s];
        for (int i = 0; i < step->input_count + step->output_count; i++) {
            if (step->slots[i] < 0) continue;
            lifetime *own = &m->lives[step->slots[i]], *life = &m->lives[own->home];
            if (own->begin == 0) own->begin = s + 1;
            if (!life->used) life->first = s;
            life->used = true;
            life->last = life->read = s;
        }
    }
}

/* Where inputs, outputs and constants lie. An output is computed in the caller's memory where a step makes it and it
 * is no other output already; else it is copied there at the end. */
static hp_status place_outside(making *m) {
    hp_plan *plan = m->plan;
    hp_graph *graph = &plan->graph;
    for (size_t v = 0; v < graph->value_count; v++) {
        hp_slot *slot = &plan->slots[v];
        HP_TRY(row_bytes_of(&graph->values[v], &slot->row_bytes, m->error));
        m->lives[v].own += slot->row_bytes;
        if (graph->values[v].within != HP_NO_VALUE) m->lives[graph->values[v].within].own -= slot->row_bytes;
        if (graph->values[v].constant) {
            slot->kind = HP_SLOT_CONSTANT;
            slot->data = graph->values[v].constant->data; /* NULL: dropped, and so read by no step */
        } else if (m->lives[v].used) {
            slot->kind = HP_SLOT_TILE;
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        plan->slots[graph->inputs[i]].kind = HP_SLOT_INPUT;
        plan->slots[graph->inputs[i]].index = i;
    }
    plan->copies = hp_arena_alloc(&graph->arena, graph->output_count * sizeof *plan->copies);
    HP_ALLOCATED(plan->copies, m->error);
    for (size_t i = 0; i < graph->output_count; i++) {
        int32_t root = m->lives[graph->outputs[i]].root;
        hp_slot *slot = &plan->slots[root];
        if (slot->kind == HP_SLOT_TILE) {
            slot->kind = HP_SLOT_OUTPUT;
            slot->index = i;
        } else {
            const hp_tensor *output = &graph->values[graph->outputs[i]].tensor;
            HP_FAIL_IF(!output->shape.rows && graph->batch_rows == 0, m->error, HP_ERROR_UNSUPPORTED, NULL,
                "output %zu is the same for all rows: it does not depend on the inputs", i);
            plan->copies[plan->copy_count++] = (hp_output_copy){i, root, slot->row_bytes};
        }
    }
    return HP_OK;
}

static bool in_worker_memory(const hp_slot *slot) {
    return slot->kind == HP_SLOT_TILE || slot->kind == HP_SLOT_BLOCK;
}

/* For each step the bytes alive, the weights and the work of one row; then the tiles. */
static hp_status choose_tiles(making *m, const hp_plan_options *options) {
    hp_plan *plan = m->plan;
    hp_step_cost *costs = hp_alloc_array(plan->step_count, sizeof *costs);
    m->tile_of = hp_alloc_array(plan->step_count, sizeof *m->tile_of);
    if (!costs || !m->tile_of) {
        hp_free(costs);
        HP_FAIL(m->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (size_t s = 0; s < plan->step_count; s++) {
        const hp_step *step = &plan->steps[s];
        costs[s].flops = step->flops;
        costs[s].rows = step->prim->rows ? step->prim->rows(step->state) : 1;
        for (int i = 0; i < step->input_count; i++)
            if (step->slots[i] >= 0 && plan->slots[step->slots[i]].kind == HP_SLOT_CONSTANT)
                costs[s].weight_bytes += plan->slots[step->slots[i]].row_bytes;
    }
    for (size_t v = 0; v < plan->slot_count; v++) {
        const lifetime *life = &m->lives[v], *home = &m->lives[life->home];
        if (life->begin == 0 || plan->slots[v].kind == HP_SLOT_CONSTANT) continue;
        for (size_t s = life->begin - 1; s <= home->last; s++) costs[s].live_bytes += life->own;
    }
    hp_tiles_choose(costs, plan->step_count, options, plan->kernels->gemm_mr, m->tile_of);
    if (plan->graph.batch_rows > 0)
        for (size_t s = 0; s < plan->step_count; s++) m->tile_of[s] = 1;
    hp_free(costs);
    return HP_OK;
}

static hp_status make_segments(making *m) {
    hp_plan *plan = m->plan;
    plan->segments = hp_arena_alloc(&plan->graph.arena, (plan->step_count + 1) * sizeof *plan->segments);
    HP_ALLOCATED(plan->segments, m->error);
    for (size_t s = 0; s < plan->step_count; s++) {
        hp_segment *segment = plan->segment_count ? &plan->segments[plan->segment_count - 1] : NULL;
        if (!segment || segment->tile_rows != m->tile_of[s]) {
            segment = &plan->segments[plan->segment_count++];
            *segment = (hp_segment){.first = s, .tile_rows = m->tile_of[s]};
        }
        segment->last = s + 1;
        if (segment->tile_rows > plan->block_rows) plan->block_rows = segment->tile_rows;
    }
    for (size_t g = 0; g < plan->segment_count; g++) {
        hp_segment *segment = &plan->segments[g];
        segment->nest = g;
        while (segment->nest > 0 && plan->segments[segment->nest - 1].tile_rows < segment->tile_rows)
            segment->nest = plan->segments[segment->nest - 1].nest;
    }
    if (plan->block_rows == 0) plan->block_rows = plan->graph.batch_rows > 0 ? 1 : 256; /* outputs are inputs */
    return HP_OK;
}

static size_t segment_of(const hp_plan *plan, size_t step) {
    size_t g = 0;
    while (step >= plan->segments[g].last) g++;
    return g;
}

/* The largest segment below `end` that is `g` or nests it. */
static size_t outermost(const hp_plan *plan, size_t g, size_t end) {
    size_t outer = g;
    for (size_t h = g + 1; h < end; h++)
        if (plan->segments[h].nest <= g) outer = h;
    return outer;
}

/* A value that segment `made` makes and segment `read` is the last to read is kept for the tile of the innermost segment
 * around both. It lives from where that tile begins to run what makes it, for that runs again and again. */
static int64_t keep_across(hp_plan *plan, lifetime *life, hp_slot *slot, size_t made, size_t read) {
    size_t home = read;
    while (home < plan->segment_count && plan->segments[home].nest > made) home++;
    slot->kind = HP_SLOT_BLOCK;
    slot->index = home < plan->segment_count ? home : HP_WHOLE_BLOCK;
    life->first = plan->segments[plan->segments[outermost(plan, made, home)].nest].first;
    life->last = plan->segments[home == read ? read : outermost(plan, read, home)].last - 1;
    return home < plan->segment_count ? plan->segments[home].tile_rows : plan->block_rows;
}

/* Sizes, and which values cross segments. The others take a step's output in the input's place where the primitive
 * allows it. */
static hp_status size_values(making *m) {
    hp_plan *plan = m->plan;
    for (size_t v = 0; v < plan->slot_count; v++) {
        lifetime *life = &m->lives[v];
        if (plan->slots[v].kind != HP_SLOT_TILE) continue;
        size_t made = segment_of(plan, life->first), read = segment_of(plan, life->last);
        int64_t rows = plan->segments[made].tile_rows;
        if (made != read) rows = keep_across(plan, life, &plan->slots[v], made, read);
        HP_FAIL_IF(!hp_size_mul(plan->slots[v].row_bytes, (size_t)rows, &life->bytes) || life->bytes > SIZE_MAX / 2,
            m->error, HP_ERROR_NO_MEMORY, NULL, "a value is larger than the address space");
        life->bytes = align(life->bytes);
    }
    return HP_OK;
}

/* As many elements, of one size: then elementwise steps write an element where they have just read it. */
static bool same_elements(const hp_plan *plan, int32_t a, int32_t b) {
    const hp_tensor *x = &plan->graph.values[a].tensor, *y = &plan->graph.values[b].tensor;
    return x->shape.rows == y->shape.rows && hp_dtype_size(x->dtype) == hp_dtype_size(y->dtype) &&
           plan->slots[a].row_bytes == plan->slots[b].row_bytes;
}

/* Whether rows of both lie alike in step `s`: in its tile, or kept for one segment's tile, which may be the step's own. */
static bool side_by_side(const hp_plan *plan, size_t s, const hp_slot *in, const hp_slot *out) {
    if (!in_worker_memory(in) || !in_worker_memory(out)) return false;
    if (in->kind == out->kind) return in->kind == HP_SLOT_TILE || in->index == out->index;
    return in->kind == HP_SLOT_BLOCK && in->index == segment_of(plan, s);
}

/* The value that step `s` may overwrite with its output; -1: none. */
static int32_t overwritten(const making *m, size_t s) {
    const hp_plan *plan = m->plan;
    const hp_step *step = &plan->steps[s];
    const int place = step->prim->in_place ? step->prim->in_place(step->state) : -1;
    if (place < 0 || place >= step->input_count || step->slots[place] < 0) return -1;
    const int32_t in = step->slots[place], out = step->slots[step->input_count];
    if (!side_by_side(plan, s, &plan->slots[in], &plan->slots[out])) return -1;
    for (int i = 0; i < step->input_count; i++)
        if (i != place && step->slots[i] >= 0 && m->lives[step->slots[i]].home == in)
            return -1; /* read in another way, too */
    return m->lives[in].read == s && same_elements(plan, in, out) ? in : -1;
}

/* A step that may work in place takes its input's bytes for its output: the output's value joins the input's. */
static void join_in_place(making *m) {
    hp_plan *plan = m->plan;
    for (size_t s = 0; s < plan->step_count; s++) {
        const hp_step *step = &plan->steps[s];
        const int32_t in = overwritten(m, s);
        if (in < 0) continue;
        const int32_t out = step->slots[step->input_count];
        lifetime *source = &m->lives[in], *made = &m->lives[out];
        for (size_t t = s; t <= made->read; t++) /* slot lists are the arena's: const to runners only */
            for (int i = 0; i < plan->steps[t].input_count + plan->steps[t].output_count; i++)
                if (plan->steps[t].slots[i] == out) ((int32_t *)plan->steps[t].slots)[i] = in;
        if (made->last > source->last) source->last = made->last;
        source->read = made->read;
        made->used = false;
        plan->slots[out].kind = HP_SLOT_NONE;
    }
}

/* A value that has its place and is alive together with another. */
typedef struct neighbour {
    size_t begin, end;
} neighbour;

static int by_begin(const void *a, const void *b) {
    const neighbour *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The lowest place for `bytes` between the neighbours. */
static size_t first_fit(neighbour *near, size_t count, size_t bytes) {
    size_t offset = 0;
    qsort(near, count, sizeof *near, by_begin);
    for (size_t i = 0; i < count && near[i].begin < offset + bytes; i++)
        if (near[i].end > offset) offset = near[i].end;
    return offset;
}

typedef struct sized_value {
    size_t bytes;
    int32_t value;
} sized_value;

static int by_size(const void *a, const void *b) {
    const sized_value *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x->value > y->value) - (x->value < y->value);
}

/* First fit by decreasing size: no two values that are alive at the same time share bytes. */
static hp_status place_inside(making *m) {
    hp_plan *plan = m->plan;
    size_t count = 0;
    sized_value *order = hp_alloc_array(plan->slot_count, sizeof *order);
    neighbour *near = hp_alloc_array(plan->slot_count, sizeof *near);
    if (!order || !near) {
        hp_free(order);
        hp_free(near);
        HP_FAIL(m->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (size_t v = 0; v < plan->slot_count; v++)
        if (in_worker_memory(&plan->slots[v])) order[count++] = (sized_value){m->lives[v].bytes, (int32_t)v};
    qsort(order, count, sizeof *order, by_size);
    for (size_t i = 0; i < count; i++) {
        const lifetime *life = &m->lives[order[i].value];
        size_t near_count = 0;
        for (size_t j = 0; j < i; j++) {
            const lifetime *other = &m->lives[order[j].value];
            size_t begin = plan->slots[order[j].value].offset;
            if (other->last >= life->first && other->first <= life->last)
                near[near_count++] = (neighbour){begin, begin + other->bytes};
        }
        size_t offset = first_fit(near, near_count, life->bytes);
        plan->slots[order[i].value].offset = offset;
        if (offset + life->bytes > plan->values_bytes) plan->values_bytes = offset + life->bytes;
    }
    hp_free(order);
    hp_free(near);
    return HP_OK;
}

/* What is within another value lies where that one lies now. */
static void place_within(making *m) {
    hp_plan *plan = m->plan;
    for (size_t v = 0; v < plan->slot_count; v++) {
        int64_t column;
        const hp_value home = hp_value_home(&plan->graph, (hp_value)v, &column);
        if (home == (hp_value)v) continue;
        plan->slots[v] = plan->slots[home];
        plan->slots[v].offset += (size_t)column * hp_dtype_size(plan->graph.values[v].tensor.dtype);
    }
}

static hp_status list_moving(making *m) {
    hp_plan *plan = m->plan;
    bool *seen = hp_alloc_array(plan->slot_count, sizeof *seen);
    HP_ALLOCATED(seen, m->error);
    for (size_t g = 0; g < plan->segment_count; g++) {
        hp_segment *segment = &plan->segments[g];
        memset(seen, 0, plan->slot_count * sizeof *seen);
        segment->moving = hp_arena_alloc(&plan->graph.arena, plan->slot_count * sizeof *segment->moving);
        for (size_t s = segment->first; segment->moving && s < segment->last; s++) {
            const hp_step *step = &plan->steps[s];
            for (int i = 0; i < step->input_count + step->output_count; i++) {
                int32_t v = step->slots[i];
                if (v < 0 || seen[v]) continue;
                hp_slot_kind kind = plan->slots[v].kind;
                seen[v] = true;
                if (kind == HP_SLOT_INPUT || kind == HP_SLOT_OUTPUT || kind == HP_SLOT_BLOCK)
                    segment->moving[segment->moving_count++] = v;
            }
            if (step->prim->workspace) {
                size_t bytes = align(step->prim->workspace(step->state, segment->tile_rows));
                if (bytes > plan->workspace_bytes) plan->workspace_bytes = bytes;
            }
        }
    }
    hp_free(seen);
    plan->places = (plan->slot_count + (size_t)plan->most_arguments) * sizeof(void *);
    plan->pointers_bytes = align(plan->places + plan->segment_count * sizeof(int64_t));
    return HP_OK;
}

static hp_status make(making *m, hp_constants *constants, const hp_plan_options *options) {
    hp_plan *plan = m->plan;
    HP_TRY(hp_graph_optimise(&plan->graph, constants, plan->kernels, m->error));
    if (options->forget_file) options->forget_file(options->context);
    HP_TRY(hp_uses_count(&plan->graph, &m->readers, m->error));
    plan->slot_count = plan->graph.value_count;
    plan->slots = hp_alloc_array(plan->slot_count, sizeof *plan->slots);
    m->lives = hp_alloc_array(plan->slot_count, sizeof *m->lives);
    if (!plan->slots || !m->lives) HP_FAIL(m->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    find_roots(m);
    HP_TRY(make_steps(m, options));
    HP_TRY(keep_constants(m));
    if (options->forget_file) options->forget_file(options->context);
    find_lifetimes(m);
    HP_TRY(place_outside(m));
    HP_TRY(choose_tiles(m, options));
    HP_TRY(make_segments(m));
    HP_TRY(size_values(m));
    join_in_place(m);
    HP_TRY(place_inside(m));
    place_within(m);
    return list_moving(m);
}

hp_status hp_plan_new(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels,
    const hp_plan_options *options, hp_plan **plan, hp_error *error) {
    *plan = NULL;
    hp_plan *made = HP_NEW(hp_plan);
    if (!made) hp_graph_release(graph);
    HP_ALLOCATED(made, error);
    made->graph = *graph;
    *graph = (hp_graph){0};
    made->kernels = kernels;
    made->constants = constants;
    making m = {.plan = made, .error = error};
    hp_status status = make(&m, constants, options);
    hp_free(m.lives);
    hp_free(m.readers);
    hp_free(m.tile_of);
    if (status != HP_OK) hp_plan_free(made);
    if (status == HP_OK) *plan = made;
    return status;
}

void hp_plan_free(hp_plan *plan) {
    if (!plan) return;
    for (size_t s = 0; s < plan->step_count; s++)
        if (plan->steps[s].prim && plan->steps[s].prim->release && plan->steps[s].state)
            plan->steps[s].prim->release(plan->steps[s].state);
    if (plan->kept) release_constants(plan);
    hp_free(plan->kept);
    hp_free(plan->steps);
    hp_free(plan->slots);
    hp_graph_release(&plan->graph);
    hp_free(plan);
}
