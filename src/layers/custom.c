/* custom.c: see custom.h.
 *
 * Such a layer takes any config, and whatever weights the file holds for it: graph/ finds those before the layer is
 * lowered for the first time, since their shapes are part of what its shape function is told. */
#include "layers/custom.h"

#include <string.h>
#include "base/json_text.h"
#include "prims/custom.h"

/* A class of its own for each layer, so that it can keep what was registered. */
typedef struct custom_class {
    hp_layer_class base; /* first: found again from it */
    const hp_custom_layer *code;
    const char *config;
} custom_class;

/* ---- registration */

static const char *copy_text(hp_arena *arena, const char *text, bool *good) {
    char *copy = text ? hp_arena_strdup(arena, text) : NULL;
    *good = *good && (!text || copy);
    return copy;
}

hp_status hp_custom_layers_copy(
    hp_arena *arena, const hp_custom_layer *given, size_t count, hp_custom_layer **copied, hp_error *error) {
    *copied = hp_arena_alloc(arena, (count + 1) * sizeof **copied);
    HP_ALLOCATED(*copied, error);
    const char *at = (const char *)given; /* structs of the size that the caller knows */
    for (size_t i = 0; i < count; i++) {
        hp_custom_layer *copy = &(*copied)[i];
        size_t size = ((const hp_custom_layer *)(const void *)at)->struct_size;
        bool good = true;
        memcpy(copy, at, size < sizeof *copy ? size : sizeof *copy);
        HP_FAIL_IF(!copy->class_name || !copy->shape || !copy->run, error, HP_ERROR_ARGUMENT, NULL,
            "custom layer %zu lacks its %s", i,
            !copy->class_name ? "class_name"
            : copy->shape     ? "run function"
                              : "shape function");
        copy->class_name = copy_text(arena, copy->class_name, &good);
        copy->name = copy_text(arena, copy->name, &good);
        HP_FAIL_IF(!good, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        at += size;
    }
    return HP_OK;
}

/* "Mish" for "Mish" and "my_package>Mish"; with a package only for that. */
static bool names_class(const char *wanted, const char *found) {
    const char *short_name = found ? strrchr(found, '>') : NULL;
    return found && (strcmp(wanted, found) == 0 || (short_name && strcmp(wanted, short_name + 1) == 0));
}

static const hp_custom_layer *find_code(const hp_layer_scope *scope, const hp_json *object, const char *name) {
    const char *class_name = hp_json_string(hp_json_get(object, "class_name"));
    const char *registered = hp_json_string(hp_json_get(object, "registered_name"));
    const char *own =
        hp_json_string(hp_json_get(object, "own_class")); /* of a subclass that format/ took for a model */
    const hp_custom_layer *found = NULL;
    for (size_t i = 0; i < scope->custom_count; i++) {
        const hp_custom_layer *code = &scope->custom[i];
        if (!names_class(code->class_name, own ? own : class_name) && !names_class(code->class_name, registered))
            continue;
        if (code->name ? name && strcmp(code->name, name) == 0 : !found) found = code;
        if (found == code && code->name) break;
    }
    return found;
}

/* ---- lowering */

static bool add_tensors(hp_value *values, const char **names, int *count, const hp_arg *arg, const char *name) {
    if (arg->kind == HP_ARG_TENSOR) {
        if (values) {
            values[*count] = arg->tensor;
            names[*count] = arg->name ? arg->name : name;
        }
        (*count)++;
    }
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        add_tensors(values, names, count, &arg->items[i], arg->name ? arg->name : name);
    return *count > 0;
}

/* The arguments as a JSON tree; `tensors` counts those written so far. NULL: out of memory. */
static hp_json *arguments_json(hp_arena *arena, const hp_arg *arg, int64_t *tensors) {
    if (arg->kind == HP_ARG_CONSTANT)
        return arg->constant ? hp_json_copy(arena, arg->constant) : hp_json_new(arena, HP_JSON_NULL);
    bool dict = arg->kind == HP_ARG_LIST && arg->item_count > 0 && arg->items[0].name;
    hp_json *json = hp_json_new(arena, arg->kind == HP_ARG_TENSOR || dict ? HP_JSON_OBJECT : HP_JSON_ARRAY);
    if (json && arg->kind == HP_ARG_TENSOR) {
        hp_json *number = hp_json_new_int(arena, (*tensors)++);
        if (!number) return NULL;
        hp_json_set(json, "tensor", number);
    }
    for (size_t i = 0; json && arg->kind == HP_ARG_LIST && i < arg->item_count; i++) {
        hp_json *item = arguments_json(arena, &arg->items[i], tensors);
        if (!item) return NULL;
        if (dict)
            hp_json_set(json, arg->items[i].name, item);
        else
            hp_json_append(json, item);
    }
    return json;
}

static const char *arguments_text(hp_builder *b, const hp_call *call) {
    hp_arena *arena = &b->graph->arena;
    hp_json *list = hp_json_new(arena, HP_JSON_ARRAY), *keywords = hp_json_new(arena, HP_JSON_OBJECT);
    int64_t tensors = 0;
    bool good = list && keywords;
    for (size_t i = 0; good && i < call->arg_count; i++) {
        hp_json *argument = arguments_json(arena, &call->args[i], &tensors);
        good = argument != NULL;
        if (good && call->args[i].name)
            hp_json_set(keywords, call->args[i].name, argument);
        else if (good)
            hp_json_append(list, argument);
    }
    if (good && keywords->count > 0) hp_json_append(list, keywords);
    const char *text = good ? hp_json_text(arena, list) : NULL;
    if (!text) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    return text;
}

/* All tensors of a call with their names. */
typedef struct call_tensors {
    hp_value *values;
    const char **names;
    int count;
} call_tensors;

static bool list_tensors(hp_builder *b, const hp_call *call, bool with_mask, call_tensors *t) {
    int count = 0;
    for (size_t i = 0; i < call->arg_count; i++) add_tensors(NULL, NULL, &count, &call->args[i], NULL);
    t->values = hp_arena_alloc(&b->graph->arena, ((size_t)count + 1) * sizeof *t->values);
    t->names = hp_arena_alloc(&b->graph->arena, ((size_t)count + 1) * sizeof *t->names);
    if (!t->values || !t->names) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory"), false;
    t->count = 0;
    for (size_t i = 0; i < call->arg_count; i++) add_tensors(t->values, t->names, &t->count, &call->args[i], NULL);
    hp_value mask = with_mask && !hp_call_arg(call, -1, "mask") ? hp_call_mask(b, call) : HP_NO_VALUE;
    if (mask != HP_NO_VALUE) {
        t->values[t->count] = hp_emit_cast(b, mask, HP_BOOL);
        t->names[t->count++] = "mask";
    }
    return b->status == HP_OK;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const custom_class *cls = (const custom_class *)(const void *)layer->cls;
    call_tensors tensors;
    hp_custom_target *target = hp_arena_alloc(&b->graph->arena, sizeof *target);
    hp_value *weights = hp_arena_alloc(&b->graph->arena, (layer->weight_count + 1) * sizeof *weights);
    const char **names = hp_arena_alloc(&b->graph->arena, (layer->weight_count + 1) * sizeof *names);
    if (!target || !weights || !names) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    if (!list_tensors(b, call, cls->code->takes_mask, &tensors)) return;
    for (size_t i = 0; i < layer->weight_count; i++) {
        weights[i] = hp_emit_constant(b, layer->weights[i].constant);
        names[i] = layer->weights[i].name;
    }
    *target = (hp_custom_target){.code = cls->code,
        .class_name = cls->base.class_name,
        .name = layer->name,
        .config = cls->config,
        .arguments = arguments_text(b, call),
        .input_names = tensors.names,
        .weight_names = names};
    hp_value outputs[HP_CUSTOM_MAX_OUTPUTS];
    int count = hp_emit_custom(b, target, tensors.values, tensors.count, weights, (int)layer->weight_count, outputs);
    for (int i = 0; i < count; i++) hp_call_output(b, call, outputs[i]);
}

const hp_layer_class *hp_custom_class_find(hp_layer_scope *scope, const hp_json *object) {
    if (scope->custom_count == 0) return NULL;
    const hp_json *config = hp_json_get(object, "config");
    const char *name = hp_json_string(hp_json_get(config, "name"));
    const hp_custom_layer *code = find_code(scope, object, name ? name : hp_json_string(hp_json_get(object, "name")));
    if (!code) return NULL;
    custom_class *cls = hp_arena_alloc(scope->arena, sizeof *cls);
    const char *text = hp_json_text(scope->arena, config);
    if (!cls || !text) {
        scope->reasons->out_of_memory = true;
        return NULL;
    }
    const char *own = hp_json_string(hp_json_get(object, "own_class"));
    const char *class_name = own ? own : hp_json_string(hp_json_get(object, "class_name"));
    const char *package = strrchr(class_name, '>');
    *cls = (custom_class){.base = {.class_name = package ? package + 1 : class_name,
                              .module = "",
                              .masking = code->passes_mask ? HP_MASK_PASS : HP_MASK_STOP,
                              .min_inputs = 1,
                              .max_inputs = -1,
                              .lower = lower,
                              .any_dtype = true,
                              .own_code = true},
        .code = code,
        .config = text};
    return &cls->base;
}
