/* builder_known.c: numbers that are known while lowering: what follows from constants alone, computed on the spot. See
 * builder.h, hp_builder_known. Meant for shapes: a handful of integers, made of a handful of steps. */
#include <string.h>

#include "base/dtype.h"
#include "base/memory.h"
#include "prims/builder.h"
#include "prims/prim.h"

enum { MOST_ELEMENTS = 64, MOST_STEPS = 64 };

static void *evaluate(hp_builder *b, hp_value value, int *steps);

static size_t bytes_of(const hp_builder *b, hp_value value) {
    const hp_tensor *t = hp_builder_tensor(b, value);
    return (size_t)hp_shape_elements(&t->shape) * hp_dtype_size(t->dtype);
}

/* Runs a node whose inputs are there; its outputs were allocated. */
static bool run_node(hp_builder *b, const hp_node *node, void *const *inputs, void *const *outputs) {
    hp_prepare prepare = {b->graph, node, hp_kernels_select(NULL), b->constants, NULL, false};
    hp_error error = {0};
    void *state = NULL, *workspace = NULL;
    if (node->prim->prepare && node->prim->prepare(&prepare, &state, &error) != HP_OK) return false;
    size_t size = node->prim->workspace ? node->prim->workspace(state, 1) : 0;
    bool done = size == 0 || (workspace = hp_alloc_aligned(size)) != NULL;
    hp_run run = {(const void *const *)inputs, outputs, 1, 0, node->prim->range(state, 1), workspace, &error};
    done = done && node->prim->run(state, &run) == HP_OK;
    hp_free(workspace);
    if (node->prim->release) node->prim->release(state);
    return done;
}

static void *evaluate_node(hp_builder *b, const hp_node *node, hp_value value, int *steps) {
    void *inputs[16] = {NULL}, *outputs[4] = {NULL}, *result = NULL;
    bool done = node->input_count <= 16 && node->output_count <= 4;
    for (int i = 0; done && i < node->input_count; i++) {
        if (node->inputs[i] == HP_NO_VALUE) continue;
        inputs[i] = evaluate(b, node->inputs[i], steps);
        done = inputs[i] != NULL;
    }
    if (done && node->prim->alias) {
        result = inputs[0];
        inputs[0] = NULL;
        done = false;
    }
    for (int i = 0; done && i < node->output_count; i++)
        done = (outputs[i] = hp_alloc_array(bytes_of(b, node->outputs[i]) + 64, 1)) != NULL;
    done = done && run_node(b, node, inputs, outputs);
    for (int i = 0; i < 4; i++) {
        if (done && i < node->output_count && node->outputs[i] == value)
            result = outputs[i];
        else
            hp_free(outputs[i]);
    }
    for (int i = 0; i < 16; i++) hp_free(inputs[i]);
    return result;
}

/* The bytes of a value, to be freed; NULL: they are not known. */
static void *evaluate(hp_builder *b, hp_value value, int *steps) {
    const hp_value_info *info = &b->graph->values[value];
    if (info->tensor.shape.rows || hp_shape_elements(&info->tensor.shape) > MOST_ELEMENTS || ++*steps > MOST_STEPS)
        return NULL;
    if (info->node >= 0) return evaluate_node(b, &b->graph->nodes[info->node], value, steps);
    if (!info->constant || !info->constant->data) return NULL;
    void *copy = hp_alloc_array(bytes_of(b, value) + 64, 1);
    if (copy) memcpy(copy, info->constant->data, bytes_of(b, value));
    return copy;
}

int hp_builder_known(hp_builder *b, hp_value value, int64_t *numbers, int most) {
    if (b->status != HP_OK) return -1;
    int steps = 0;
    value = hp_emit_cast(b, value, HP_INT64);
    int64_t count = hp_shape_elements(hp_builder_shape(b, value));
    int64_t *data = b->status == HP_OK && count <= most ? evaluate(b, value, &steps) : NULL;
    if (!data) return -1;
    memcpy(numbers, data, (size_t)count * sizeof *numbers);
    hp_free(data);
    return (int)count;
}
