/* keras1_merge.c: Keras 1's Sequential models of several branches: a list that begins with a Merge which holds the
 * branches, each a Sequential of its own. They become one Functional graph, with the branches' layers in it one by one,
 * as their weights are in the file. */
#include <string.h>
#include "format/fixups.h"

enum { MAX_DEPTH = 50 };

/* The graph in the making. */
typedef struct joined {
    const hp_fixup *f;
    hp_json *layers, *inputs;
    hp_error *error;
} joined;

static const char *name_of(const hp_json *object) {
    return hp_json_string(hp_json_get(hp_json_get(object, "config"), "name"));
}

static bool is_class(const hp_json *object, const char *name) {
    const char *own = hp_json_string(hp_json_get(object, "class_name"));
    return own && strcmp(own, name) == 0;
}

/* Whether a list of layers begins with a Merge of branches. */
static bool begins_with_merge(const hp_json *list) {
    const hp_json *first = hp_json_at(list, 0);
    return is_class(first, "Merge") && hp_json_is(hp_json_get(hp_json_get(first, "config"), "layers"), HP_JSON_ARRAY);
}

/* [name, 0, 0] */
static hp_status make_reference(const joined *j, const char *name, hp_json **reference) {
    hp_json *list = hp_json_new(j->f->arena, HP_JSON_ARRAY), *text = hp_json_new_string(j->f->arena, name);
    hp_json *node = hp_json_new_int(j->f->arena, 0), *tensor = hp_json_new_int(j->f->arena, 0);
    HP_FAIL_IF(!list || !text || !node || !tensor, j->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    hp_json_append(list, text);
    hp_json_append(list, node);
    hp_json_append(list, tensor);
    *reference = list;
    return HP_OK;
}

/* Adds a layer to the graph, called once on `call` (a list of references; NULL: an input). */
static hp_status add_layer(joined *j, const hp_json *object, const char *name, hp_json *call) {
    hp_json *copy = hp_json_copy(j->f->arena, object), *calls = hp_json_new(j->f->arena, HP_JSON_ARRAY);
    HP_FAIL_IF(!copy || !calls, j->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (call) hp_json_append(calls, call);
    hp_json_set(copy, "inbound_nodes", calls);
    HP_TRY(hp_fix_set_string(j->f, copy, "name", name, j->error));
    hp_json_append(j->layers, copy);
    return HP_OK;
}

/* The input that a branch's first layer implies. */
static hp_status add_input(joined *j, const hp_json *first, const char **name) {
    const hp_json *config = hp_json_get(first, "config"), *shape = hp_json_get(config, "batch_input_shape");
    hp_json *input = hp_json_new(j->f->arena, HP_JSON_OBJECT), *own = hp_json_new(j->f->arena, HP_JSON_OBJECT);
    hp_json *shape_copy = shape ? hp_json_copy(j->f->arena, shape) : NULL, *reference;
    HP_FAIL_IF(!shape, j->error, HP_ERROR_FORMAT, name_of(first), "begins a branch, but has no batch_input_shape");
    *name = hp_arena_printf(j->f->arena, "%s_input", name_of(first) ? name_of(first) : "branch");
    HP_FAIL_IF(!input || !own || !shape_copy || !*name, j->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    const char *dtype = hp_json_string(hp_json_get(config, "input_dtype"));
    HP_TRY(hp_fix_set_string(j->f, input, "class_name", "InputLayer", j->error));
    hp_json_set(input, "config", own);
    hp_json_set(own, "batch_input_shape", shape_copy);
    HP_TRY(hp_fix_set_string(j->f, own, "input_dtype", dtype ? dtype : "float32", j->error));
    HP_TRY(hp_fix_set_string(j->f, own, "name", *name, j->error));
    HP_TRY(add_layer(j, input, *name, NULL));
    HP_TRY(make_reference(j, *name, &reference));
    hp_json_append(j->inputs, reference);
    return HP_OK;
}

static hp_status add_sequence(joined *j, const hp_json *list, int depth, const char **last);

/* The Merge at the head of a list, with its branches before it. */
static hp_status add_merge(joined *j, const hp_json *merge, int depth, const char **last) {
    const hp_json *branches = hp_json_get(hp_json_get(merge, "config"), "layers");
    hp_json *call = hp_json_new(j->f->arena, HP_JSON_ARRAY), *own = hp_json_copy(j->f->arena, merge);
    HP_FAIL_IF(!call || !own, j->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_JSON_EACH (branch, branches) {
        const hp_json *list = hp_json_get(branch, "config");
        hp_json *reference;
        const char *end;
        HP_FAIL_IF(!is_class(branch, "Sequential") || !hp_json_is(list, HP_JSON_ARRAY), j->error, HP_ERROR_UNSUPPORTED,
            name_of(merge), "a branch of Merge that is no Sequential");
        HP_TRY(add_sequence(j, list, depth + 1, &end));
        HP_TRY(make_reference(j, end, &reference));
        hp_json_append(call, reference);
    }
    hp_json_remove(hp_fix_member(own, "config"), "layers");
    *last = name_of(merge) ? name_of(merge) : "merge";
    return add_layer(j, own, *last, call);
}

/* Adds the layers of a list, one on the other; *last is the name of the last. */
static hp_status add_sequence(joined *j, const hp_json *list, int depth, const char **last) {
    HP_FAIL_IF(depth > MAX_DEPTH, j->error, HP_ERROR_FORMAT, NULL, "branches are nested deeper than %d", MAX_DEPTH);
    HP_FAIL_IF(list->count == 0, j->error, HP_ERROR_FORMAT, NULL, "a branch of Merge has no layers");
    bool merged = begins_with_merge(list);
    if (merged)
        HP_TRY(add_merge(j, list->first, depth, last));
    else
        HP_TRY(add_input(j, list->first, last));
    for (const hp_json *item = merged ? list->first->next : list->first; item; item = item->next) {
        hp_json *call = hp_json_new(j->f->arena, HP_JSON_ARRAY), *reference;
        const char *name = name_of(item);
        if (!name) name = hp_arena_printf(j->f->arena, "layer_%zu", j->layers->count);
        HP_FAIL_IF(!call || !name, j->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        HP_TRY(make_reference(j, *last, &reference));
        hp_json_append(call, reference);
        HP_TRY(add_layer(j, item, name, call));
        *last = name;
    }
    return HP_OK;
}

hp_status hp_fix_merged_sequential(const hp_fixup *f, hp_json *object, hp_error *error) {
    const hp_json *list = hp_json_get(object, "config");
    if (!is_class(object, "Sequential") || !hp_json_is(list, HP_JSON_ARRAY) || !begins_with_merge(list)) return HP_OK;
    joined j = {.f = f,
        .layers = hp_json_new(f->arena, HP_JSON_ARRAY),
        .inputs = hp_json_new(f->arena, HP_JSON_ARRAY),
        .error = error};
    hp_json *config = hp_json_new(f->arena, HP_JSON_OBJECT), *outputs;
    const char *last, *name = hp_json_string(hp_json_get(object, "name"));
    HP_FAIL_IF(!j.layers || !j.inputs || !config, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(add_sequence(&j, list, 0, &last));
    HP_TRY(make_reference(&j, last, &outputs));
    HP_TRY(hp_fix_set_string(f, config, "name", name ? name : "sequential", error));
    hp_json_set(config, "layers", j.layers);
    hp_json_set(config, "input_layers", j.inputs);
    hp_json_set(config, "output_layers", outputs);
    hp_json_set(object, "config", config);
    return hp_fix_set_string(f, object, "class_name", "Functional", error);
}
