/* plan_cache.c: a model's plans, one per signature of input shapes, the least recently used ones dropped. */
#include <string.h>

#include "base/dtype.h"
#include "exec/exec.h"

static bool same_signature(
    const hp_shared_plan *shared, const hp_shape *inputs, size_t count, int64_t tile_rows, int64_t batch_rows) {
    if (shared->tile_rows != tile_rows || shared->batch_rows != batch_rows) return false;
    for (size_t i = 0; i < count; i++)
        if (!hp_shape_equal(&shared->inputs[i], &inputs[i])) return false;
    return true;
}

void hp_shared_plan_release(hp_shared_plan *shared) {
    if (!shared || atomic_fetch_sub(&shared->references, 1) > 1) return;
    for (int node = 0; node < HP_NODES_MOST; node++) hp_plan_free(shared->of_node[node]);
    hp_free(shared->inputs);
    hp_free(shared->outputs);
    hp_free(shared);
}

void hp_model_drop_plans(hp_model *model) {
    for (size_t i = 0; i < HP_PLANS_KEPT; i++) {
        hp_shared_plan_release(model->plans[i]);
        model->plans[i] = NULL;
    }
}

void hp_model_before_fork(hp_model *model) {
    hp_io_prepare_fork();
    hp_mutex_lock(&model->lock);
    for (int node = 0; node < HP_NODES_MOST; node++)
        if (model->constants[node]) hp_constants_lock(model->constants[node]);
}

void hp_model_after_fork(hp_model *model) {
    for (int node = 0; node < HP_NODES_MOST; node++)
        if (model->constants[node]) hp_constants_unlock(model->constants[node]);
    hp_mutex_unlock(&model->lock);
}

/* Moved bytes count as work too: elementwise layers have few operations. */
static double work_per_row(const hp_plan *plan) {
    double bytes = 0;
    for (size_t s = 0; s < plan->step_count; s++) {
        const hp_step *step = &plan->steps[s];
        for (int i = 0; i < step->output_count; i++) {
            int32_t slot = step->slots[step->input_count + i];
            if (slot >= 0) bytes += (double)plan->slots[slot].row_bytes;
        }
    }
    return plan->flops + 2 * bytes;
}

static void forget_file(void *context) {
    hp_model_spec_forget(context);
}

/* Outputs are written as they were told when the model was opened. */
static hp_status check_dtypes(const hp_model *model, const hp_graph *graph, hp_error *error) {
    for (size_t i = 0; i < model->output_count; i++) {
        hp_dtype dtype = graph->values[graph->outputs[i]].tensor.dtype;
        HP_FAIL_IF(dtype != model->outputs[i].dtype, error, HP_ERROR_UNSUPPORTED, model->spec->name,
            "output %zu is %s for inputs of this size, and %s for others", i, hp_dtype_name(dtype),
            hp_dtype_name(model->outputs[i].dtype));
    }
    return HP_OK;
}

/* The plan for workers of one node. */
static hp_status make_node_plan(hp_model *model, hp_shared_plan *shared, int node, hp_gang *gang, hp_error *error) {
    if (!model->constants[node]) model->constants[node] = hp_constants_new(node);
    HP_ALLOCATED(model->constants[node], error);
    hp_graph graph = {0};
    hp_status status = hp_network_lower(model->network, shared->inputs, hp_model_signature_count(model),
        shared->batch_rows, model->output_layer, &graph, NULL, error);
    if (status == HP_OK) status = check_dtypes(model, &graph, error);
    if (status == HP_OK && !shared->outputs) { /* those of a later node are the same, and others read these by then */
        shared->outputs = hp_alloc_array(graph.output_count, sizeof *shared->outputs);
        if (!shared->outputs) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        for (size_t i = 0; status == HP_OK && i < graph.output_count; i++)
            shared->outputs[i] = graph.values[graph.outputs[i]].tensor;
    }
    if (status != HP_OK) {
        hp_graph_release(&graph);
        return status;
    }
    hp_plan_options options = {.level1 = model->caches.level1,
        .level2 = model->caches.level2,
        .tile_rows = shared->batch_rows > 0 ? 0 : shared->tile_rows,
        .forget_file = forget_file,
        .context = model->spec,
        .gang = gang,
        .workers = gang ? hp_gang_size(gang) : 1,
        .latency = model->prefer == HP_PREFER_LATENCY};
    return hp_plan_new(&graph, model->constants[node], model->kernels, &options, &shared->of_node[node], error);
}

/* Makes the plans of these nodes that are not there yet, and that of node 0 always. */
static hp_status make_plans(hp_model *model, hp_shared_plan *shared, uint64_t nodes, hp_gang *gang, hp_error *error) {
    for (int node = 0; node < HP_NODES_MOST; node++) {
        bool wanted = node == 0 || nodes >> node & 1;
        if (wanted && !shared->of_node[node]) HP_TRY(make_node_plan(model, shared, node, gang, error));
    }
    if (shared->plan) return HP_OK; /* others read it */
    shared->plan = shared->of_node[0];
    shared->work_per_row = work_per_row(shared->plan);
    return HP_OK;
}

static hp_status new_plan(hp_model *model, const hp_shape *inputs, int64_t tile_rows, int64_t batch_rows,
    hp_shared_plan **result, hp_error *error) {
    size_t count = hp_model_signature_count(model);
    hp_shared_plan *shared = *result = HP_NEW(hp_shared_plan);
    HP_ALLOCATED(shared, error);
    atomic_init(&shared->references, 1);
    shared->tile_rows = tile_rows;
    shared->batch_rows = batch_rows;
    shared->inputs = hp_alloc_array(count, sizeof *shared->inputs);
    HP_ALLOCATED(shared->inputs, error);
    memcpy(shared->inputs, inputs, count * sizeof *inputs);
    return HP_OK;
}

/* Puts a new plan in the place of an empty or the least recently used one. */
static void keep(hp_model *model, hp_shared_plan *shared) {
    size_t oldest = 0;
    for (size_t i = 0; i < HP_PLANS_KEPT; i++) {
        if (!model->plans[i]) {
            oldest = i;
            break;
        }
        if (model->plans[i]->last_use < model->plans[oldest]->last_use) oldest = i;
    }
    hp_shared_plan_release(model->plans[oldest]);
    model->plans[oldest] = shared;
}

hp_status hp_model_plan(hp_model *model, const hp_shape *inputs, int64_t tile_rows, int64_t batch_rows, uint64_t nodes,
    hp_gang *gang, hp_shared_plan **result, hp_error *error) {
    hp_status status = HP_OK;
    hp_shared_plan *shared = NULL;
    hp_mutex_lock(&model->lock);
    for (size_t i = 0; i < HP_PLANS_KEPT && !shared; i++)
        if (model->plans[i] &&
            same_signature(model->plans[i], inputs, hp_model_signature_count(model), tile_rows, batch_rows))
            shared = model->plans[i];
    bool fresh = !shared;
    if (fresh) status = new_plan(model, inputs, tile_rows, batch_rows, &shared, error);
    if (status == HP_OK) status = make_plans(model, shared, nodes, gang, error);
    if (status == HP_OK) {
        if (fresh) keep(model, shared);
        shared->last_use = ++model->uses;
        atomic_fetch_add(&shared->references, 1);
        *result = shared;
    } else {
        if (fresh) hp_shared_plan_release(shared);
        *result = NULL;
    }
    hp_mutex_unlock(&model->lock);
    return status;
}
