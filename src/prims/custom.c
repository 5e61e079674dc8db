/* custom.c: the primitive `custom`: a layer whose code the caller registered, on tiles of rows. See custom.h.
 *
 * Invariant: what the caller's code is given to write to is as large as the shapes that its own shape function said, and
 * those were checked as every value's are. */
#include "prims/custom.h"

#include <string.h>

#include "base/dtype.h"
#include "prims/prim.h"

typedef struct custom_params {
    const hp_custom_target *target;
    int32_t input_count, weight_count;
    hp_tensor outputs[HP_CUSTOM_MAX_OUTPUTS];
} custom_params;

/* ---- shapes */

/* A tensor as the caller's code sees it while only shapes are known. */
static hp_custom_tensor shown(const hp_tensor *tensor, const char *name) {
    hp_custom_tensor t = {.name = name, .dtype = tensor->dtype, .rank = tensor->shape.rank};
    for (int i = 0; i < t.rank; i++) t.shape[i] = i == 0 && tensor->shape.rows ? -1 : tensor->shape.dims[i];
    return t;
}

static hp_status failed(hp_status status, const hp_error *theirs, hp_error *error) {
    bool known = strcmp(hp_status_name(status), hp_status_name((hp_status)-1)) != 0;
    return hp_error_set(error, known ? status : HP_ERROR_INTERNAL, NULL, "%s",
        theirs->message[0] ? theirs->message : "the registered code failed without a message");
}

/* The tensor of an output, of whose rows there are `items` to a row (0: the graph has no free rows). */
static bool output_tensor(hp_builder *b, const hp_custom_tensor *t, int64_t items, hp_tensor *tensor) {
    *tensor = (hp_tensor){.dtype = t->dtype, .shape = {.rank = t->rank}};
    bool good = t->dtype != HP_STRING && !hp_dtype_is_complex(t->dtype) && hp_dtype_size(t->dtype) > 0 &&
                t->rank >= 0 && t->rank <= HP_MAX_RANK;
    if (!good || (items > 0 && (t->rank < 1 || t->shape[0] != -1))) {
        hp_builder_fail(b, HP_ERROR_SHAPE,
            "the registered shape function gave %s, expected numbers of at most %d axes, the first of them -1 (the "
            "rows)",
            good ? "a shape without rows" : "no dtype or rank of an output", HP_MAX_RANK);
        return false;
    }
    for (int i = 0; i < t->rank; i++) tensor->shape.dims[i] = t->shape[i];
    tensor->shape.rows = items > 0;
    if (items > 0) tensor->shape.dims[0] = items;
    return true;
}

/* Items of axis 0 to a row, by the first input that has rows; 0: none has. */
static int64_t items_per_row(const hp_builder *b, const hp_value *inputs, int count) {
    for (int i = 0; i < count; i++)
        if (hp_builder_shape(b, inputs[i])->rows) return hp_builder_shape(b, inputs[i])->dims[0];
    return 0;
}

/* Asks the registered code; fills params->outputs and gives back how many there are, or 0. */
static int ask_shapes(hp_builder *b, custom_params *params, const hp_value *inputs, const hp_value *weights) {
    const hp_custom_target *target = params->target;
    size_t count = 1, all = (size_t)params->input_count + (size_t)params->weight_count;
    hp_custom_tensor outputs[HP_CUSTOM_MAX_OUTPUTS],
        *tensors = hp_arena_alloc(&b->graph->arena, (all + 1) * sizeof *tensors);
    if (!tensors) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory"), 0;
    for (size_t i = 0; i < all; i++) {
        bool weight = i >= (size_t)params->input_count;
        size_t at = weight ? i - (size_t)params->input_count : i;
        tensors[i] = shown(hp_builder_tensor(b, weight ? weights[at] : inputs[at]),
            weight ? target->weight_names[at] : target->input_names[at]);
    }
    hp_custom_call call = {.class_name = target->class_name,
        .name = target->name,
        .config = target->config,
        .arguments = target->arguments,
        .inputs = tensors,
        .input_count = (size_t)params->input_count,
        .weights = tensors + params->input_count,
        .weight_count = (size_t)params->weight_count};
    hp_error theirs = {.row = -1}, ours;
    memset(outputs, 0, sizeof outputs);
    hp_status status = target->code->shape(target->code->context, &call, outputs, &count, &theirs);
    if (status != HP_OK) {
        status = failed(status, &theirs, &ours);
        return hp_builder_fail(b, status, "%s", ours.message), 0;
    }
    if (count < 1 || count > HP_CUSTOM_MAX_OUTPUTS) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "the registered shape function gave %zu outputs, expected 1 to %d", count,
            HP_CUSTOM_MAX_OUTPUTS);
        return 0;
    }
    int64_t items = items_per_row(b, inputs, params->input_count);
    for (size_t i = 0; i < count; i++)
        if (!output_tensor(b, &outputs[i], items, &params->outputs[i])) return 0;
    return (int)count;
}

int hp_emit_custom(hp_builder *b, const hp_custom_target *target, const hp_value *inputs, int input_count,
    const hp_value *weights, int weight_count, hp_value outputs[HP_CUSTOM_MAX_OUTPUTS]) {
    custom_params params;
    if (b->status != HP_OK) return 0;
    memset(&params, 0, sizeof params);
    params.target = target;
    params.input_count = input_count;
    params.weight_count = weight_count;
    if (target->code->mixes_rows && b->graph->batch_rows == 0)
        return hp_builder_mixes_rows(b, "the registered code asks for whole batches"), 0;
    int count = ask_shapes(b, &params, inputs, weights);
    hp_value *all = hp_arena_alloc(&b->graph->arena, (size_t)(input_count + weight_count + 1) * sizeof *all);
    if (count == 0 || !all) return count ? (hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory"), 0) : 0;
    memcpy(all, inputs, (size_t)input_count * sizeof *all);
    if (weight_count) memcpy(all + input_count, weights, (size_t)weight_count * sizeof *all);
    hp_emit_node(b, &hp_prim_custom, &params, sizeof params, all, input_count + weight_count, outputs, count);
    return b->status == HP_OK ? count : 0;
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const custom_params *p = params;
    (void)inputs;
    HP_FAIL_IF(input_count != p->input_count + p->weight_count || output_count > HP_CUSTOM_MAX_OUTPUTS, error,
        HP_ERROR_INTERNAL, NULL, "custom with %d inputs", input_count);
    memcpy(outputs, p->outputs, (size_t)output_count * sizeof *outputs);
    return HP_OK;
}

/* ---- running */

/* Where a tensor lies for a piece of rows. */
typedef struct custom_tensor {
    hp_custom_tensor shown;
    bool rows;
    int64_t items, row_elements; /* of axis 0, and in all, of one row; without rows: of the whole */
    size_t row_bytes;
} custom_tensor;

typedef struct custom_state {
    const hp_custom_target *target;
    int input_count, weight_count, output_count;
    bool rows;
    int64_t items;           /* of the first input with rows: what a bad row is counted in */
    custom_tensor tensors[]; /* inputs, weights, outputs */
} custom_state;

static int tensor_count(const custom_state *s) {
    return s->input_count + s->weight_count + s->output_count;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const custom_params *p = node->params;
    size_t count = (size_t)(node->input_count + node->output_count);
    custom_state *s = hp_alloc_array(1, sizeof *s + count * sizeof(custom_tensor));
    HP_ALLOCATED(s, error);
    s->target = p->target;
    s->input_count = p->input_count;
    s->weight_count = p->weight_count;
    s->output_count = node->output_count;
    for (int i = 0; i < node->input_count + node->output_count; i++) {
        hp_value value = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
        const hp_tensor *tensor = &prepare->graph->values[value].tensor;
        const char *name = i < p->input_count      ? p->target->input_names[i]
                           : i < node->input_count ? p->target->weight_names[i - p->input_count]
                                                   : NULL;
        custom_tensor *t = &s->tensors[i];
        t->shown = shown(tensor, name);
        t->rows = tensor->shape.rows;
        t->items = tensor->shape.rank ? tensor->shape.dims[0] : 1;
        t->row_elements = hp_shape_elements(&tensor->shape);
        t->row_bytes = (size_t)t->row_elements * hp_dtype_size(tensor->dtype);
        if (t->rows && s->items == 0) s->items = t->items;
        s->rows = s->rows || t->rows;
    }
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return ((const custom_state *)state)->rows && rows > 0 ? rows : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    (void)rows;
    return (size_t)tensor_count(state) * sizeof(hp_custom_tensor);
}

static hp_status run_custom(const void *state, const hp_run *run) {
    const custom_state *s = state;
    hp_custom_tensor *tensors = run->workspace;
    int64_t rows = run->end - run->begin;
    if (s->rows && run->rows == 0) rows = 0;
    for (int i = 0; i < tensor_count(s); i++) {
        const custom_tensor *t = &s->tensors[i];
        int inputs = s->input_count + s->weight_count;
        char *data = i < inputs ? (char *)(uintptr_t)run->inputs[i] : run->outputs[i - inputs];
        tensors[i] = t->shown;
        tensors[i].data = t->rows ? data + (size_t)run->begin * t->row_bytes : data;
        tensors[i].elements = t->rows ? t->row_elements * rows : t->row_elements;
        if (t->rows) tensors[i].shape[0] = t->items * rows;
    }
    hp_custom_call call = {.class_name = s->target->class_name,
        .name = s->target->name,
        .config = s->target->config,
        .arguments = s->target->arguments,
        .inputs = tensors,
        .input_count = (size_t)s->input_count,
        .weights = tensors + s->input_count,
        .weight_count = (size_t)s->weight_count,
        .outputs = tensors + s->input_count + s->weight_count,
        .output_count = (size_t)s->output_count};
    hp_error theirs = {.row = -1};
    hp_status status = s->target->code->run(s->target->code->context, &call, &theirs);
    if (status == HP_OK) return HP_OK;
    status = failed(status, &theirs, run->error);
    if (run->error && status == HP_ERROR_ROW)
        run->error->row =
            s->rows && theirs.row >= 0 ? run->begin + theirs.row / (s->items > 0 ? s->items : 1) : theirs.row;
    return status;
}

const hp_prim hp_prim_custom = {.name = "custom",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_custom};
