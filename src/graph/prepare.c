/* prepare.c: see prepare.h.
 *
 * Linear primitives pack weights that files hold, and nothing else: they may be prepared side by side. Blobs are the same
 * whoever makes them. */
#include "graph/prepare.h"

#include <stdatomic.h>

#include "prims/linear.h"

/* Weights that are worth waking the workers: packing these takes some milliseconds. */
enum { MANY_BYTES = 4 << 20 };

typedef struct preparing {
    hp_plan *plan;
    int32_t *readers;
    bool latency;
    atomic_size_t next; /* step */
    hp_mutex lock;      /* of readers, and of the failure */
    size_t failed;      /* the first step that failed; step_count: none */
    hp_status status;
    hp_error *error;
} preparing;

bool hp_constant_is_read(const hp_graph *graph, const int32_t *readers, const hp_constant *constant) {
    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant == constant && readers[v] > 0) return true;
    return false;
}

/* A folded weight that all of its readers have packed is not needed any more: a large model's take as much memory as the
 * model itself. */
static void drop_packed(preparing *p, const hp_node *node, uint64_t packed) {
    const hp_graph *graph = &p->plan->graph;
    for (int i = 0; i < node->input_count && i < 64; i++) {
        if (!(packed >> i & 1) || node->inputs[i] == HP_NO_VALUE) continue;
        const hp_constant *constant = graph->values[node->inputs[i]].constant;
        if (!constant) continue;
        p->readers[node->inputs[i]]--;
        if (!hp_constant_is_read(graph, p->readers, constant)) hp_constants_drop(p->plan->constants, constant);
    }
}

static void prepare_step(preparing *p, size_t index) {
    hp_plan *plan = p->plan;
    hp_step *step = &plan->steps[index];
    const hp_node *node = step->node;
    if (!node->prim->prepare) return;
    hp_error error = {0};
    uint64_t packed = 0;
    hp_prepare prepare = {&plan->graph, node, plan->kernels, plan->constants, &packed, p->latency};
    hp_status status = node->prim->prepare(&prepare, &step->state, &error);
    hp_mutex_lock(&p->lock);
    if (status == HP_OK) {
        drop_packed(p, node, packed);
    } else if (index < p->failed) {
        if (node->layer) hp_error_prefix(&error, "%s", node->layer);
        p->failed = index;
        p->status = status;
        if (p->error) *p->error = error;
    }
    hp_mutex_unlock(&p->lock);
}

static void prepare_linear(void *arg, int worker, int workers) {
    preparing *p = arg;
    (void)worker;
    (void)workers;
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->plan->step_count;)
        if (hp_node_is_linear(p->plan->steps[i].node)) prepare_step(p, i);
}

static bool has_many_weights(const hp_plan *plan) {
    size_t bytes = 0;
    for (size_t s = 0; s < plan->step_count && bytes < MANY_BYTES; s++) {
        const hp_node *node = plan->steps[s].node;
        if (!hp_node_is_linear(node)) continue;
        const hp_value_info *w = &plan->graph.values[node->inputs[HP_LINEAR_W]];
        if (w->constant) bytes += (size_t)hp_shape_elements(&w->tensor.shape) * sizeof(float);
    }
    return bytes >= MANY_BYTES;
}

hp_status hp_prepare_steps(hp_plan *plan, int32_t *readers, const hp_plan_options *options, hp_error *error) {
    preparing p = {.plan = plan,
        .readers = readers,
        .latency = options->latency,
        .failed = plan->step_count,
        .status = HP_OK,
        .error = error};
    hp_mutex_init(&p.lock);
    for (size_t s = 0; s < plan->step_count && p.status == HP_OK; s++)
        if (!hp_node_is_linear(plan->steps[s].node)) prepare_step(&p, s);
    if (p.status == HP_OK && options->gang && options->workers > 1 && has_many_weights(plan))
        hp_gang_run(options->gang, options->workers, prepare_linear, &p);
    else if (p.status == HP_OK)
        prepare_linear(&p, 0, 1);
    hp_mutex_release(&p.lock);
    return p.status;
}
