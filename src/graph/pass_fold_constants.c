/* pass_fold_constants.c: nodes whose inputs are all constants run once, now; their outputs become constants of the
 * store, shared by all plans of the model.
 *
 * Invariant: a folded constant is found again by primitive, params, ISA and the inputs' ids, so that a second plan
 * does not compute it twice. */
#include <string.h>

#include "base/dtype.h"
#include "graph/passes.h"
#include "graph/rewrite.h"

typedef struct folding {
    hp_graph *graph;
    const hp_node *node;
    hp_constants *constants;
    const hp_kernels *kernels;
    int output; /* the one that is wanted */
} folding;

static size_t bytes_of(const hp_tensor *tensor) {
    return (size_t)hp_shape_elements(&tensor->shape) * hp_dtype_size(tensor->dtype);
}

/* Runs the node's whole range; outputs[] are buffers. */
static hp_status run_node(const folding *f, const void **inputs, void **outputs, hp_error *error) {
    const hp_prim *prim = f->node->prim;
    hp_prepare prepare = {f->graph, f->node, f->kernels, f->constants, NULL, false};
    void *state = NULL;
    if (prim->prepare) HP_TRY(prim->prepare(&prepare, &state, error));
    size_t bytes = prim->workspace ? prim->workspace(state, 1) : 0;
    void *workspace = hp_alloc_aligned(bytes);
    hp_status status = HP_OK;
    if (workspace) {
        hp_run run = {.inputs = inputs,
            .outputs = outputs,
            .rows = 1,
            .end = prim->range(state, 1),
            .workspace = workspace,
            .error = error};
        status = prim->run(state, &run);
    } else {
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    hp_free(workspace);
    if (prim->release) prim->release(state);
    return status;
}

/* Buffers for the outputs that are not wanted. */
static hp_status fill_folded(void *context, void *data, size_t bytes, hp_error *error) {
    const folding *f = context;
    const hp_node *node = f->node;
    size_t count = (size_t)(node->input_count + node->output_count);
    if (node->prim->alias) {
        memcpy(data, f->graph->values[node->inputs[0]].constant->data, bytes);
        return HP_OK;
    }
    void **pointers = hp_alloc_array(count, sizeof *pointers);
    HP_ALLOCATED(pointers, error);
    const void **inputs = (const void **)pointers;
    void **outputs = pointers + node->input_count;
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] == HP_NO_VALUE ? NULL : f->graph->values[node->inputs[i]].constant->data;
    bool allocated = true;
    for (int i = 0; i < node->output_count; i++) {
        size_t size = bytes_of(&f->graph->values[node->outputs[i]].tensor);
        outputs[i] = i == f->output ? data : hp_alloc_aligned(size);
        allocated = allocated && outputs[i];
    }
    hp_status status = allocated ? run_node(f, inputs, outputs, error)
                                 : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (int i = 0; i < node->output_count; i++)
        if (i != f->output) hp_free(outputs[i]);
    hp_free(pointers);
    return status;
}

/* name, ISA, output, inputs' ids, params. NULL: out of memory. */
static unsigned char *make_key(const folding *f, size_t *size) {
    const hp_node *node = f->node;
    size_t ids = (size_t)(node->input_count + 1) * sizeof(uint64_t);
    *size = 64 + ids + node->params_size;
    unsigned char *key = hp_alloc_array(*size, 1);
    if (!key) return NULL;
    strncpy((char *)key, node->prim->name, 31);
    strncpy((char *)key + 32, f->kernels->isa, 31);
    uint64_t id = (uint64_t)f->output;
    memcpy(key + 64, &id, sizeof id);
    for (int i = 0; i < node->input_count; i++) {
        id = node->inputs[i] == HP_NO_VALUE ? 0 : f->graph->values[node->inputs[i]].constant->id;
        memcpy(key + 64 + (size_t)(i + 1) * sizeof id, &id, sizeof id);
    }
    if (node->params_size) memcpy(key + 64 + ids, node->params, node->params_size);
    return key;
}

hp_status hp_fold_node(
    hp_graph *graph, size_t index, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    hp_node *node = &graph->nodes[index];
    for (int i = 0; i < node->output_count; i++) {
        hp_value_info *value = &graph->values[node->outputs[i]];
        folding f = {graph, node, constants, kernels, i};
        size_t key_size;
        unsigned char *key = make_key(&f, &key_size);
        HP_ALLOCATED(key, error);
        const hp_constant *constant = NULL;
        hp_status status =
            hp_constants_folded(constants, key, key_size, &value->tensor, fill_folded, &f, &constant, error);
        hp_free(key);
        if (status != HP_OK && error && !error->where[0]) hp_error_prefix(error, "%s", node->layer);
        HP_TRY(status);
        value->constant = constant;
        value->node = -1;
    }
    hp_node_kill(node);
    return HP_OK;
}

hp_status hp_pass_fold_constants(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    for (size_t i = 0; i < graph->node_count; i++)
        if (hp_node_is_constant(graph, &graph->nodes[i])) HP_TRY(hp_fold_node(graph, i, constants, kernels, error));
    return HP_OK;
}
