/* models.c: what Sequential and Functional share: their layers, their inputs, calls of their layers. */
#include "graph/models.h"

#include <stdio.h>
#include <string.h>
#include "layers/input.h"
#include "ops/op.h"

const hp_layer_class *hp_model_class_find(const char *class_name, const char *module) {
    if (module && *module && strncmp(module, "keras", 5) != 0) return NULL;
    if (strcmp(class_name, "Sequential") == 0) return &hp_model_class_Sequential;
    if (strcmp(class_name, "Functional") == 0 || strcmp(class_name, "Model") == 0) return &hp_model_class_Functional;
    return hp_op_class_find(class_name, module);
}

hp_layer **hp_model_parse_layers(hp_layer_scope *scope, hp_layer *model, const hp_json *layers, size_t *count) {
    char text[80];
    *count = 0;
    if (!hp_json_is(layers, HP_JSON_ARRAY)) {
        hp_layer_refuse(scope, model, HP_ERROR_FORMAT, "layers", "found %s, expected a list of layers",
            layers ? hp_json_describe(layers, text, sizeof text) : "nothing");
        return NULL;
    }
    hp_layer **list = hp_arena_alloc(model->arena, (layers->count + 1) * sizeof *list);
    if (!list) {
        scope->reasons->out_of_memory = true;
        return NULL;
    }
    HP_JSON_EACH (item, layers) {
        bool top = scope->depth == 1; /* of the model in the file: its name is said already */
        char *where = hp_arena_printf(model->arena, "%s%slayers/%zu", top ? "" : model->place, top ? "" : "/", *count);
        size_t faults = scope->reasons->count, below = scope->faults_below;
        hp_layer *layer = where ? hp_layer_new(scope, item, where) : NULL;
        scope->faults_below = below + scope->reasons->count - faults;
        if (!where || (layer && !hp_layer_add_child(model, layer, "layers", true))) {
            scope->reasons->out_of_memory = true;
            return NULL;
        }
        list[(*count)++] = layer;
    }
    return list;
}

/* ---- inputs */

static void from_input_layer(const hp_layer *layer, hp_input_spec *input) {
    const hp_input_config *config = layer->config;
    *input = (hp_input_spec){.name = layer->name, .dtype = layer->dtype, .rank = config->rank};
    memcpy(input->dims, config->dims, sizeof input->dims);
}

static bool functional_inputs(const hp_layer *model, hp_input_spec **inputs, size_t *count) {
    const hp_functional *f = model->config;
    *inputs = hp_arena_alloc(model->arena, (f->input_count + 1) * sizeof **inputs);
    if (!*inputs) return false;
    for (*count = 0; *count < f->input_count; ++*count) {
        const hp_layer *layer = f->nodes[f->inputs[*count].node].layer;
        if (!layer) return false;
        from_input_layer(layer, &(*inputs)[*count]);
    }
    return true;
}

/* A Sequential without InputLayer: the shape that it was built with, or that its first layer was given. */
static bool sequential_inputs(const hp_layer *model, hp_input_spec **inputs, size_t *count) {
    const hp_sequential *s = model->config;
    const hp_layer *first = s->count > 0 ? s->list[0] : NULL;
    if (!first) return false;
    *inputs = hp_arena_alloc(model->arena, sizeof **inputs);
    if (!*inputs) return false;
    *count = 1;
    if (strcmp(first->cls->class_name, "InputLayer") == 0) {
        from_input_layer(first, *inputs);
        return true;
    }
    if (first->cls->is_model && hp_model_inputs(first, inputs, count)) return true;
    const hp_json *config = hp_json_get(first->json, "config");
    const hp_json *shapes[] = {s->build_input_shape, hp_json_get(config, "batch_shape"),
        hp_json_get(hp_json_get(first->json, "build_config"), "input_shape")};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        hp_input_spec *input = *inputs;
        *input = (hp_input_spec){.dtype = first->dtype};
        if (!hp_input_shape(shapes[i], &input->rank, input->dims)) continue;
        input->name = hp_arena_printf(model->arena, "%s_input", first->name);
        return input->name != NULL;
    }
    return false;
}

bool hp_model_inputs(const hp_layer *model, hp_input_spec **inputs, size_t *count) {
    *count = 0;
    if (model->cls == &hp_model_class_Functional) return functional_inputs(model, inputs, count);
    return model->cls == &hp_model_class_Sequential && sequential_inputs(model, inputs, count);
}

const hp_layer *hp_model_output_layer(const hp_layer *model, size_t index) {
    if (model->cls == &hp_model_class_Functional) {
        const hp_functional *f = model->config;
        return index < f->output_count ? f->nodes[f->outputs[index].node].layer : NULL;
    }
    return model->child_count ? model->children[model->child_count - 1] : NULL;
}

/* ---- calls */

hp_value hp_model_take(hp_builder *b, hp_value x, const hp_layer *input) {
    const hp_input_config *config = input->config;
    hp_value mask = hp_builder_mask(b, x), cast = hp_emit_cast(b, x, input->dtype);
    if (config->rounding != HP_UNARY_IDENTITY) cast = hp_emit_unary(b, cast, config->rounding, 0, 0, 0);
    if (mask != HP_NO_VALUE && cast != x) hp_builder_set_mask(b, cast, mask);
    return cast;
}

/* Whether the layer has a file of its own, or one inside of it; a model's layers are calls of their own. */
static bool holds_asset(const hp_layer *layer) {
    if (layer->cls->asset) return true;
    for (size_t i = 0; !layer->cls->is_model && i < layer->child_count; i++)
        if (holds_asset(layer->children[i])) return true;
    return false;
}

void hp_model_call(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_lowering *lowering = b->user;
    if (!layer || (lowering && lowering->assets_missing && holds_asset(layer))) {
        hp_model_fail_reported(b);
        return;
    }
    if (lowering) {
        if (lowering->calls_left == 0) {
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the model calls its layers too many times");
            return;
        }
        lowering->calls_left--;
    }
    hp_layer_call_full(b, layer, call);
    if (b->status != HP_OK || !lowering || !lowering->records || layer->index >= lowering->record_count) return;
    hp_call_record *record = &lowering->records[layer->index];
    if (!record->outputs) *record = (hp_call_record){call->outputs, call->output_count};
}

/* ---- past failures */

/* A file of a kilobyte can ask for thousands of calls. */
enum { MAX_REASONS = 1000 };

static bool is_known(const hp_reasons *reasons, const hp_error *error) {
    for (size_t i = 0; i < reasons->count; i++)
        if (strcmp(reasons->at[i].where, error->where) == 0 && strcmp(reasons->at[i].message, error->message) == 0)
            return true;
    return false;
}

bool hp_model_go_on(hp_builder *b) {
    hp_lowering *lowering = b->user;
    if (!lowering || !lowering->reasons) return false;
    if (b->status == HP_ERROR_NO_MEMORY || b->mixes_rows || lowering->calls_left == 0) return false;
    if (!lowering->reported && !is_known(lowering->reasons, &b->error)) {
        if (lowering->reasons->count >= MAX_REASONS) return false;
        hp_reasons_add(lowering->reasons, b->status, b->error.where, "%s", b->error.message);
    }
    lowering->reported = false;
    b->status = HP_OK;
    b->error = (hp_error){0};
    return true;
}

hp_value hp_model_stand_in(hp_builder *b, const hp_json *shape, hp_dtype dtype) {
    hp_tensor tensor = {.dtype = dtype};
    int64_t *dims = tensor.shape.dims;
    if (dtype == HP_DTYPE_NONE || !hp_input_shape(shape, &tensor.shape.rank, dims)) return HP_NO_VALUE;
    tensor.shape.rows = dims[0] < 0 && b->graph->batch_rows == 0;
    if (dims[0] < 0) dims[0] = tensor.shape.rows ? 1 : b->graph->batch_rows;
    for (int i = 1; i < tensor.shape.rank; i++)
        if (dims[i] < 0) dims[i] = b->guess;
    return hp_emit_input(b, &tensor);
}

void hp_model_fail_reported(hp_builder *b) {
    hp_lowering *lowering = b->user;
    if (lowering) lowering->reported = true;
    hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "it needs the results of calls that fail");
}
