/* sequential.c: Sequential (keras/src/models/sequential.py): each layer called on the outputs of the one before. */
#include <string.h>
#include "graph/models.h"

static const hp_field fields[] = {
    HP_JSON_FIELD(hp_sequential, layers),
    HP_JSON_FIELD(hp_sequential, build_input_shape),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_sequential *s = config;
    s->list = hp_model_parse_layers(scope, layer, s->layers, &s->count);
    if (s->list && s->count == 0) hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "layers", "the model has no layers");
}

/* After a failure of layer *i: the input of the next layer of which the file says it, *i is then the one before; NULL: there is none,
 * or it is the end. */
static const hp_value *past_failure(hp_builder *b, const hp_sequential *s, size_t *i) {
    hp_value *value = hp_arena_alloc(&b->graph->arena, sizeof *value);
    if (!value || !hp_model_go_on(b)) return NULL;
    for (size_t k = *i + 1; k < s->count; k++) {
        const hp_layer *next = s->list[k], *before = s->list[k - 1] ? s->list[k - 1] : next;
        if (!next) continue;
        const hp_json *shape = hp_json_get(hp_json_get(next->json, "build_config"), "input_shape");
        *value = hp_model_stand_in(b, shape, before->dtype);
        *i = k - 1;
        if (*value != HP_NO_VALUE) return value;
    }
    hp_model_fail_reported(b);
    return NULL;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_sequential *s = layer->config;
    const hp_value *inputs = call->inputs;
    size_t count = call->input_count;
    const hp_arg *mask = hp_call_arg(call, -1, "mask");
    if (mask && mask->kind == HP_ARG_TENSOR) hp_builder_set_mask(b, inputs[0], mask->tensor);
    for (size_t i = 0; i < s->count && b->status == HP_OK; i++) {
        hp_layer *child = s->list[i];
        hp_arg *args = hp_arena_alloc(&b->graph->arena, (count + 1) * sizeof *args);
        if (!args) {
            hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
            return;
        }
        hp_value *values = hp_arena_copy(&b->graph->arena, inputs, count * sizeof *inputs);
        if (!values) {
            hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
            return;
        }
        if (i == 0 && child && count == 1 && strcmp(child->cls->class_name, "InputLayer") == 0)
            values[0] = hp_model_take(b, values[0], child);
        for (size_t k = 0; k < count; k++) args[k + 1] = (hp_arg){.kind = HP_ARG_TENSOR, .tensor = values[k]};
        args[0] = count == 1 ? args[1] : (hp_arg){.kind = HP_ARG_LIST, .items = args + 1, .item_count = count};
        hp_call inner = {
            .inputs = values, .input_count = count, .input_is_list = count > 1, .args = args, .arg_count = 1};
        hp_model_call(b, child, &inner);
        if (b->status == HP_OK) {
            inputs = inner.outputs;
            count = inner.output_count;
        } else {
            inputs = past_failure(b, s, &i);
            count = 1;
        }
    }
    if (b->status != HP_OK) return;
    for (size_t i = 0; i < count; i++) hp_call_output(b, call, inputs[i]);
}

const hp_layer_class hp_model_class_Sequential = {
    .class_name = "Sequential",
    .module = "keras",
    .fields = fields,
    .config_size = sizeof(hp_sequential),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = -1,
    .check = check,
    .lower = lower,
    .is_model = true,
};
