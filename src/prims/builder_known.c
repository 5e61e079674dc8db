/* builder_known.c: numbers that are known while lowering: what follows from constants and shapes alone, computed on the spot.
 * See builder.h, hp_builder_known. Meant for shapes: a handful of integers, made of a handful of steps.
 *
 * The number of rows is none that lowering knows: what was made of it is computed for several numbers of rows, and known
 * where it is the same for all of them, or a multiple. */
#include <string.h>

#include "base/dtype.h"
#include "base/memory.h"
#include "prims/builder.h"
#include "prims/prim.h"

enum { MOST_ELEMENTS = 64, MOST_STEPS = 256 };

typedef struct evaluation {
    int steps;
    int64_t rows; /* to assume */
    bool asked;   /* the number of rows was asked for */
} evaluation;

static void *evaluate(hp_builder *b, hp_value value, evaluation *e);

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

static void *evaluate_node(hp_builder *b, const hp_node *node, hp_value value, evaluation *e) {
    void *inputs[16] = {NULL}, *outputs[4] = {NULL}, *result = NULL;
    bool done = node->input_count <= 16 && node->output_count <= 4;
    for (int i = 0; done && i < node->input_count; i++) {
        if (node->inputs[i] == HP_NO_VALUE) continue;
        inputs[i] = evaluate(b, node->inputs[i], e);
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
static void *evaluate(hp_builder *b, hp_value value, evaluation *e) {
    const hp_value_info *info = &b->graph->values[value];
    if (info->tensor.shape.rows || hp_shape_elements(&info->tensor.shape) > MOST_ELEMENTS || ++e->steps > MOST_STEPS)
        return NULL;
    if (info->node >= 0) return evaluate_node(b, &b->graph->nodes[info->node], value, e);
    if (!info->constant || !info->constant->data) return NULL;
    int64_t *copy = hp_alloc_array(bytes_of(b, value) + 64, 1);
    if (!copy) return NULL;
    memcpy(copy, info->constant->data, bytes_of(b, value));
    if (info->counts_rows) {
        copy[0] *= e->rows;
        e->asked = true;
    }
    return copy;
}

/* The numbers for so many rows. False: not known. */
static bool known_for(hp_builder *b, hp_value value, int64_t rows, int64_t *numbers, int count, bool *asked) {
    evaluation e = {.rows = rows};
    int64_t *data = evaluate(b, value, &e);
    if (data) memcpy(numbers, data, (size_t)count * sizeof *numbers);
    hp_free(data);
    *asked = e.asked;
    return data != NULL;
}

int hp_builder_known(hp_builder *b, hp_value value, int64_t *numbers, bool *rows, int most) {
    static const int64_t trials[] = {2, 3, 7, 4099};
    int64_t found[MOST_ELEMENTS];
    bool asked;
    if (b->status != HP_OK) return -1;
    value = hp_emit_cast(b, value, HP_INT64);
    int64_t count = hp_shape_elements(hp_builder_shape(b, value));
    if (b->status != HP_OK || count > most || count > MOST_ELEMENTS) return -1;
    if (!known_for(b, value, 1, numbers, (int)count, &asked)) return -1;
    if (rows) memset(rows, 0, (size_t)count * sizeof *rows);
    if (!asked) return (int)count;
    if (!rows) return -1;
    for (size_t t = 0; t < sizeof trials / sizeof *trials; t++) {
        if (!known_for(b, value, trials[t], found, (int)count, &asked)) return -1;
        for (int64_t i = 0; i < count; i++) {
            if (t == 0) rows[i] = found[i] != numbers[i];
            if (found[i] != numbers[i] * (rows[i] ? trials[t] : 1)) return -1;
        }
    }
    return (int)count;
}

void hp_builder_check_row_counts(hp_builder *b) {
    const hp_graph *g = b->graph;
    bool any = false;
    for (size_t v = 0; v < g->value_count; v++) any |= g->values[v].counts_rows;
    if (b->status != HP_OK || !any) return;
    bool *read = hp_alloc_array(g->value_count, sizeof *read);
    if (!read) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < g->output_count; i++) {
        read[g->outputs[i]] = true;
        if (g->values[g->outputs[i]].counts_rows) hp_builder_mixes_rows(b, "the number of rows is an output");
    }
    for (size_t i = g->node_count; i-- > 0;) { /* readers come after makers */
        const hp_node *node = &g->nodes[i];
        bool alive = false;
        for (int o = 0; o < node->output_count; o++) alive |= read[node->outputs[o]];
        for (int in = 0; alive && in < node->input_count; in++) {
            if (node->inputs[in] == HP_NO_VALUE) continue;
            read[node->inputs[in]] = true;
            if (!g->values[node->inputs[in]].counts_rows) continue;
            b->layer = node->layer;
            hp_builder_mixes_rows(b, "the number of rows is asked for");
        }
    }
    hp_free(read);
}
