/* builder.c: values, nodes and sources of a graph in the making; sticky errors. The emitters of each family of
 * primitives are in builder_*.c. See builder.h.
 *
 * Everything of the graph lives in its arena: a table that grows leaves its old copy there. */
#include "prims/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/builder_rows.h"
#include "prims/prim.h"

static const hp_tensor no_tensor = {0};

static void note_mixing(hp_builder *b, const char *layer, const char *reason) {
    b->mixes_rows = true;
    snprintf(b->mixes_rows_where, sizeof b->mixes_rows_where, "%s%s%s", layer ? layer : "", layer ? ": " : "", reason);
}

/* Whatever fails once rows were moved may do so for what stands in their place: whole batches tell. */
static void blame_moved_rows(hp_builder *b) {
    const char *layer, *reason;
    if (b->mixes_rows || b->status == HP_ERROR_NO_MEMORY || !hp_builder_first_moved(b, &layer, &reason)) return;
    note_mixing(b, layer, reason);
}

hp_value hp_builder_fail(hp_builder *b, hp_status status, const char *format, ...) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    va_list args;
    va_start(args, format);
    b->status = hp_error_setv(&b->error, status, b->layer, format, args);
    va_end(args);
    blame_moved_rows(b);
    return HP_NO_VALUE;
}

hp_value hp_builder_mixes_rows(hp_builder *b, const char *reason) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    note_mixing(b, b->layer, reason);
    return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "it mixes rows: %s", reason);
}

static const hp_value_info *info(const hp_builder *b, hp_value value) {
    return value >= 0 && (size_t)value < b->graph->value_count ? &b->graph->values[value] : NULL;
}

const hp_tensor *hp_builder_tensor(const hp_builder *b, hp_value value) {
    const hp_value_info *v = info(b, value);
    return v ? &v->tensor : &no_tensor;
}

const hp_shape *hp_builder_shape(const hp_builder *b, hp_value value) {
    return &hp_builder_tensor(b, value)->shape;
}

int hp_builder_axis(hp_builder *b, int64_t axis, int rank) {
    if (axis >= -rank && axis < rank) return (int)(axis < 0 ? axis + rank : axis);
    hp_builder_fail(b, HP_ERROR_SHAPE, "axis %lld is outside a tensor of %d axes", (long long)axis, rank);
    return 0;
}

hp_value hp_builder_mask(const hp_builder *b, hp_value value) {
    const hp_value_info *v = info(b, value);
    return v ? v->mask : HP_NO_VALUE;
}

void hp_builder_set_mask(hp_builder *b, hp_value value, hp_value mask) {
    if (b->status == HP_OK && info(b, value)) b->graph->values[value].mask = mask;
}

hp_value hp_builder_complex(hp_builder *b, const hp_value parts[2]) {
    hp_value value = hp_emit_bitcast(b, parts[0], hp_builder_tensor(b, parts[0])->dtype);
    if (b->status == HP_OK) memcpy(b->graph->values[value].parts, parts, 2 * sizeof *parts);
    return value;
}

bool hp_builder_is_complex(const hp_builder *b, hp_value value, hp_value parts[2]) {
    const hp_value_info *v = info(b, value);
    for (int i = 0; i < 2 && parts; i++) parts[i] = v ? v->parts[i] : HP_NO_VALUE;
    return v && v->parts[0] != HP_NO_VALUE;
}

/* Room for `extra` more elements of a table in the graph's arena; NULL: out of memory. */
static void *grow(hp_arena *arena, void *table, size_t count, size_t *capacity, size_t extra, size_t size) {
    size_t wanted = count + extra, bytes;
    if (wanted <= *capacity) return table;
    if (wanted < 2 * *capacity) wanted = 2 * *capacity;
    if (wanted < 16) wanted = 16;
    if (!hp_size_mul(wanted, size, &bytes)) return NULL;
    void *grown = hp_arena_alloc(arena, bytes);
    if (!grown) return NULL;
    if (count) memcpy(grown, table, count * size);
    *capacity = wanted;
    return grown;
}

static bool reserve_values(hp_builder *b, size_t extra) {
    hp_graph *g = b->graph;
    void *values = grow(&g->arena, g->values, g->value_count, &g->value_capacity, extra, sizeof *g->values);
    if (values) g->values = values;
    return values != NULL;
}

static bool reserve_node(hp_builder *b) {
    hp_graph *g = b->graph;
    void *nodes = grow(&g->arena, g->nodes, g->node_count, &g->node_capacity, 1, sizeof *g->nodes);
    if (nodes) g->nodes = nodes;
    return nodes != NULL;
}

static hp_value out_of_memory(hp_builder *b) {
    return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
}

/* A new value; there is room for it. */
static hp_value add_value(hp_builder *b, const hp_tensor *tensor, const hp_constant *constant, int32_t node) {
    hp_graph *g = b->graph;
    g->values[g->value_count] = (hp_value_info){.tensor = *tensor,
        .constant = constant,
        .node = node,
        .mask = HP_NO_VALUE,
        .parts = {HP_NO_VALUE, HP_NO_VALUE},
        .within = HP_NO_VALUE};
    return (hp_value)g->value_count++;
}

hp_value hp_builder_add_moved(hp_builder *b, const hp_tensor *tensor, const hp_moved_rows *how) {
    if (!reserve_values(b, 1)) return out_of_memory(b);
    hp_value value = add_value(b, tensor, NULL, -1);
    b->graph->values[value].moved = how;
    return value;
}

/* Every value's shape passes here, so that sizes and strides cannot overflow later. */
static bool check_tensor(hp_builder *b, const hp_tensor *tensor, const char *what) {
    char text[160];
    if (tensor->dtype == HP_DTYPE_NONE)
        hp_builder_fail(b, HP_ERROR_INTERNAL, "%s has no dtype", what);
    else if (!hp_shape_valid(&tensor->shape))
        hp_builder_fail(b, HP_ERROR_SHAPE, "%s would have the shape %s: too large, or not a shape", what,
            hp_shape_text(&tensor->shape, text, sizeof text));
    else if (b->graph->value_count >= INT32_MAX / 2)
        hp_builder_fail(b, HP_ERROR_SHAPE, "the graph has too many values");
    return b->status == HP_OK;
}

/* False: one of the inputs is not there; the failure is recorded. */
static bool check_inputs(hp_builder *b, const hp_prim *prim, const hp_value *inputs, int input_count) {
    for (int i = 0; i < input_count; i++)
        if (inputs[i] != HP_NO_VALUE && !info(b, inputs[i]))
            hp_builder_fail(b, HP_ERROR_INTERNAL, "input %d of %s is no value of this graph", i, prim->name);
    return b->status == HP_OK;
}

static void name_layer(hp_builder *b) {
    if (b->layer && !b->error.where[0]) hp_error_prefix(&b->error, "%s", b->layer);
}

/* Runs the primitive's rule on the inputs; false: failed, recorded. */
static bool infer(hp_builder *b, const hp_prim *prim, const void *params, const hp_value *inputs, int input_count,
    hp_tensor *outputs, int output_count) {
    hp_tensor few[8], *tensors = few;
    if (input_count > 8) {
        tensors = hp_arena_alloc(&b->graph->arena, (size_t)input_count * sizeof *tensors);
        if (!tensors) return out_of_memory(b), false;
    }
    for (int i = 0; i < input_count; i++) tensors[i] = *hp_builder_tensor(b, inputs[i]);
    hp_error error = {0};
    hp_status status = prim->infer(params, tensors, input_count, outputs, output_count, &error);
    if (status != HP_OK) {
        b->status = status;
        b->error = error;
        name_layer(b);
        blame_moved_rows(b);
        return false;
    }
    for (int i = 0; i < output_count; i++)
        if (!check_tensor(b, &outputs[i], prim->name)) return false;
    return true;
}

/* The node itself, with copies of params and inputs and room for its outputs; NULL: out of memory. */
static hp_node *add_node(hp_builder *b, const hp_prim *prim, const void *params, size_t params_size,
    const hp_value *inputs, int input_count, int output_count) {
    hp_graph *g = b->graph;
    hp_node node = {.prim = prim,
        .params_size = params_size,
        .input_count = input_count,
        .output_count = output_count,
        .layer = b->layer ? b->layer : ""};
    node.params = hp_arena_copy(&g->arena, params, params_size);
    node.inputs = hp_arena_copy(&g->arena, inputs, (size_t)input_count * sizeof *inputs);
    node.outputs = hp_arena_alloc(&g->arena, (size_t)output_count * sizeof *node.outputs);
    if (!node.params || !node.inputs || !node.outputs || !reserve_values(b, (size_t)output_count) || !reserve_node(b))
        return NULL;
    g->nodes[g->node_count] = node;
    return &g->nodes[g->node_count++];
}

hp_value hp_emit_node(hp_builder *b, const hp_prim *prim, const void *params, size_t params_size,
    const hp_value *inputs, int input_count, hp_value *outputs, int output_count) {
    for (int i = 0; i < output_count; i++) outputs[i] = HP_NO_VALUE;
    if (b->status != HP_OK || !check_inputs(b, prim, inputs, input_count)) return HP_NO_VALUE;
    if (hp_builder_any_moved(b, inputs, input_count))
        return hp_builder_node_of_moved(b, prim, params, params_size, inputs, input_count, outputs, output_count);
    hp_tensor tensors[16] = {{0}};
    if (output_count < 1 || output_count > (int)(sizeof tensors / sizeof tensors[0]))
        return hp_builder_fail(b, HP_ERROR_INTERNAL, "%s with %d outputs", prim->name, output_count);
    if (!infer(b, prim, params, inputs, input_count, tensors, output_count)) return HP_NO_VALUE;
    for (int i = 0; i < output_count; i++)
        if (hp_builder_has_moved_size(b, &tensors[i].shape))
            return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "it has the shape of what has its rows elsewhere");
    hp_node *node = add_node(b, prim, params, params_size, inputs, input_count, output_count);
    if (!node) return out_of_memory(b);
    int32_t index = (int32_t)(b->graph->node_count - 1);
    for (int i = 0; i < output_count; i++) outputs[i] = node->outputs[i] = add_value(b, &tensors[i], NULL, index);
    return outputs[0];
}

/* ---- sources */

hp_value hp_emit_input(hp_builder *b, const hp_tensor *tensor) {
    if (b->status != HP_OK || !check_tensor(b, tensor, "the input")) return HP_NO_VALUE;
    hp_graph *g = b->graph;
    hp_value *inputs = hp_arena_alloc(&g->arena, (g->input_count + 1) * sizeof *inputs);
    if (!inputs || !reserve_values(b, 1)) return out_of_memory(b);
    if (g->input_count) memcpy(inputs, g->inputs, g->input_count * sizeof *inputs);
    hp_value value = add_value(b, tensor, NULL, -1);
    inputs[g->input_count++] = value;
    g->inputs = inputs;
    return value;
}

hp_value hp_emit_state(hp_builder *b, const hp_tensor *tensor) {
    hp_graph *g = b->graph;
    if (b->status == HP_OK && g->batch_rows == 0)
        return hp_builder_mixes_rows(b, "it keeps its state from batch to batch");
    hp_value state = hp_emit_input(b, tensor);
    hp_value *next = hp_arena_alloc(&g->arena, (g->state_count + 1) * sizeof *next);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!next) return out_of_memory(b);
    if (g->state_count) memcpy(next, g->next_states, g->state_count * sizeof *next);
    next[g->state_count++] = state; /* unchanged, until hp_emit_next_state says more */
    g->next_states = next;
    return state;
}

void hp_emit_next_state(hp_builder *b, hp_value state, hp_value next) {
    hp_graph *g = b->graph;
    for (size_t i = 0; b->status == HP_OK && i < g->state_count; i++)
        if (g->inputs[g->input_count - g->state_count + i] == state) g->next_states[i] = next;
}

hp_value hp_emit_constant(hp_builder *b, const hp_constant *constant) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!constant) return out_of_memory(b);
    for (size_t i = 0; i < b->graph->value_count; i++) /* a shared layer asks for its weights at every call */
        if (b->graph->values[i].constant == constant && !b->graph->values[i].counts_rows) return (hp_value)i;
    if (!check_tensor(b, &constant->tensor, "the constant")) return HP_NO_VALUE;
    if (!reserve_values(b, 1)) return out_of_memory(b);
    return add_value(b, &constant->tensor, constant, -1);
}

static bool make_shape(hp_builder *b, int rank, const int64_t *dims, hp_shape *shape) {
    *shape = (hp_shape){.rank = rank};
    if (rank < 0 || rank > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "a tensor of %d axes; at most %d are possible", rank, HP_MAX_RANK);
        return false;
    }
    for (int i = 0; i < rank; i++) shape->dims[i] = dims[i];
    return true;
}

hp_value hp_emit_literal(hp_builder *b, hp_dtype dtype, int rank, const int64_t *dims, const void *data) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_tensor tensor = {.dtype = dtype};
    if (!make_shape(b, rank, dims, &tensor.shape) || !check_tensor(b, &tensor, "the literal")) return HP_NO_VALUE;
    return hp_emit_constant(b, hp_constants_literal(b->constants, &tensor, data));
}

hp_value hp_emit_sizes(hp_builder *b, hp_value x) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t rank = shape.rank;
    if (hp_builder_any_moved(b, &x, 1) && !shape.rows) return hp_builder_moved_mixes(b, x);
    if (!shape.rows) return hp_emit_literal(b, HP_INT64, 1, &rank, shape.dims);
    hp_tensor tensor = {.dtype = HP_INT64, .shape = {.rank = 1, .dims = {rank}}};
    const hp_constant *constant = hp_constants_literal(b->constants, &tensor, shape.dims);
    if (!constant || !reserve_values(b, 1)) return out_of_memory(b);
    hp_value value = add_value(b, &tensor, constant, -1);
    b->graph->values[value].counts_rows = true;
    return value;
}

int64_t hp_builder_measure(
    hp_builder *b, hp_value x, hp_measure_function *function, const void *params, size_t params_size) {
    hp_graph *graph = b->graph;
    size_t input = 0, at = graph->measure_count;
    if (b->status != HP_OK) return 1;
    if (graph->batch_rows == 0) {
        hp_builder_mixes_rows(b, "its size is that of the longest row of the batch");
        return 1;
    }
    while (input < graph->input_count && graph->inputs[input] != x) input++;
    if (input == graph->input_count || (b->measured && at >= b->measured_count)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED,
            "a size that depends on the data is supported where that is an input of the model as it is");
        return 1;
    }
    hp_measure *measures = hp_arena_alloc(&graph->arena, (at + 1) * sizeof *measures);
    void *copy = hp_arena_alloc(&graph->arena, params_size + 1);
    if (!measures || !copy) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return 1;
    }
    if (at > 0) memcpy(measures, graph->measures, at * sizeof *measures);
    memcpy(copy, params, params_size);
    measures[at] = (hp_measure){input, function, copy, params_size};
    graph->measures = measures;
    graph->measure_count = at + 1;
    return b->measured ? b->measured[at].dims[0] : b->guess > 0 ? b->guess : 1;
}

hp_dtype hp_builder_real(const hp_builder *b) {
    return b->wide ? HP_FLOAT64 : HP_FLOAT32;
}

hp_value hp_emit_float(hp_builder *b, double value) {
    return hp_emit_doubles(b, 0, NULL, &value);
}

hp_value hp_emit_floats(hp_builder *b, int rank, const int64_t *dims, const float *data) {
    return hp_emit_cast(b, hp_emit_literal(b, HP_FLOAT32, rank, dims, data), hp_builder_real(b));
}

hp_value hp_emit_doubles(hp_builder *b, int rank, const int64_t *dims, const double *data) {
    if (b->wide) return hp_emit_literal(b, HP_FLOAT64, rank, dims, data);
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        if (!hp_size_mul(count, (size_t)dims[i], &count)) count = SIZE_MAX / sizeof(float);
    float one = 0, *narrow = rank == 0 ? &one : hp_alloc_array(count, sizeof *narrow);
    if (!narrow) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) narrow[i] = (float)data[i];
    hp_value value = hp_emit_literal(b, HP_FLOAT32, rank, dims, narrow);
    if (rank > 0) hp_free(narrow);
    return value;
}
