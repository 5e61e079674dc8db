/* fixups.c: the walk over a config that applies the fix-ups.
 *
 * Invariant: after it, every layer object has module, class_name, config (an object) and a name; nothing in a file of
 * Keras 3 changes but missing modules and the node numbers of output_layers. */
#include "format/fixups.h"

#include <string.h>
#include "format/json.h"
#include "format/spec_builder.h"

enum { MAX_DEPTH = 100 }; /* layers in layers */

hp_json *hp_fix_member(hp_json *object, const char *key) {
    return (hp_json *)hp_json_get(object, key);
}

hp_status hp_fix_set_string(const hp_fixup *f, hp_json *object, const char *key, const char *text, hp_error *error) {
    hp_json *value = hp_json_new_string(f->arena, text);
    HP_ALLOCATED(value, error);
    hp_json_set(object, key, value);
    return HP_OK;
}

void hp_fix_strip(hp_json *value, const char *key) {
    if (value->type == HP_JSON_OBJECT) hp_json_remove(value, key);
    for (hp_json *child = value->first; child; child = child->next) hp_fix_strip(child, key);
}

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_graph(const hp_json *config) {
    return hp_json_is(hp_json_get(config, "layers"), HP_JSON_ARRAY) && hp_json_get(config, "input_layers");
}

static bool is_sequence(const char *class_name) {
    return strcmp(class_name, "Sequential") == 0;
}

/* ---- modules --------------------------------------------------------------------------------------------------- */

/* Where the versions of Keras had their layers and models. */
static const char *const layer_modules[] = {"keras.layers", "keras.src.layers", "tf_keras.layers",
    "tf_keras.src.layers", "tensorflow.python.keras.layers", "tensorflow.keras.layers", "keras.legacy", "keras.api",
    "keras.src.applications", "keras.applications", "tf_keras.src.applications"}; /* its private classes */
static const char *const model_modules[] = {"keras.src.models", "keras.models", "keras.engine", "keras.src.engine",
    "tf_keras.src.engine", "tf_keras.engine", "tensorflow.python.keras.engine", "tf_keras", "tf_keras.src.models"};

static bool is_one_of(const char *module, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(list[i]);
        if (strncmp(module, list[i], n) == 0 && (module[n] == '\0' || module[n] == '.')) return true;
    }
    return false;
}
#define IS_ONE_OF(module, list) is_one_of((module), (list), sizeof(list) / sizeof *(list))

static bool is_model_class(const char *class_name) {
    return strcmp(class_name, "Sequential") == 0 || strcmp(class_name, "Functional") == 0;
}

/* Whether an object without a module is an operation of a graph: its config lacks what a layer's config never lacks. */
static bool is_bare_operation(const hp_fixup *f, const hp_json *config) {
    bool typed = hp_json_get(config, "name") && hp_json_get(config, "dtype");
    return f->family == 3 && !typed && !hp_json_get(config, "trainable") && !hp_json_get(config, "layers") &&
           !hp_json_get(config, "layer");
}

static hp_status fix_module(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    const char *module = hp_json_string(hp_json_get(layer->object, "module"));
    const char *wanted = module;
    if (!module)
        wanted = is_model_class(layer->class_name)     ? "keras"
                 : is_bare_operation(f, layer->config) ? "keras.ops"
                                                       : "keras.layers";
    else if (IS_ONE_OF(module, layer_modules) || IS_ONE_OF(module, model_modules))
        wanted = is_model_class(layer->class_name) ? "keras" : "keras.layers";
    if (wanted == module) return HP_OK;
    return hp_fix_set_string(f, layer->object, "module", wanted, error);
}

/* ---- values that any layer may hold ------------------------------------------------------------------------------ */

/* Dtype policies of Keras 2: {"class_name": "Policy", "config": {"name": "mixed_float16"}}. */
static hp_status fix_dtype(const hp_fixup *f, hp_json *config, hp_error *error) {
    hp_json *dtype = hp_fix_member(config, "dtype");
    const char *class_name = hp_json_string(hp_json_get(dtype, "class_name"));
    if (!class_name || (strcmp(class_name, "Policy") != 0 && strcmp(class_name, "PolicyV1") != 0)) return HP_OK;
    HP_TRY(hp_fix_set_string(f, dtype, "class_name", "DTypePolicy", error));
    return hp_fix_set_string(f, dtype, "module", "keras", error);
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static hp_status fix_layer(const hp_fixup *f, hp_json *object, int depth, hp_error *error);

/* Activations by name; or layers in an activation's place. */
static hp_status fix_activations(const hp_fixup *f, hp_json *config, int depth, hp_error *error) {
    for (hp_json *member = config->first; member; member = member->next) {
        if (!ends_with(member->key, "activation")) continue;
        const char *name = hp_json_string(member);
        if (name && strcmp(name, "hard_sigmoid") == 0) {
            member->string = "hard_sigmoid_legacy";
            continue;
        }
        const hp_json *inner = hp_json_get(member, "config");
        if (hp_json_string(hp_json_get(member, "class_name")) && hp_json_is(inner, HP_JSON_OBJECT) &&
            hp_json_get(inner, "name"))
            HP_TRY(fix_layer(f, member, depth + 1, error));
    }
    return HP_OK;
}

/* Values that TensorFlow's Keras wrapped: {"class_name": "__tuple__" or "TensorShape", "items": [...]}. */
static void unwrap_items(hp_json *value, int depth) {
    if (depth > HP_JSON_MAX_DEPTH) return;
    const char *class_name = hp_json_string(hp_json_get(value, "class_name"));
    hp_json *items = hp_fix_member(value, "items");
    if (class_name && hp_json_is(items, HP_JSON_ARRAY) &&
        (strcmp(class_name, "__tuple__") == 0 || strcmp(class_name, "TensorShape") == 0)) {
        value->type = HP_JSON_ARRAY;
        value->first = items->first;
        value->last = items->last;
        value->count = items->count;
    }
    for (hp_json *child = value->first; child; child = child->next) unwrap_items(child, depth + 1);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* The list form of a Sequential's config (up to Keras 2.2.2) as an object. */
static hp_status fix_list_form(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    hp_json *layers = hp_fix_member(layer->object, "config"), *config = hp_json_new(f->arena, HP_JSON_OBJECT);
    const char *name = hp_json_string(hp_json_get(layer->object, "name"));
    HP_ALLOCATED(config, error);
    HP_TRY(hp_fix_set_string(f, config, "name", name ? name : "sequential", error));
    hp_json_set(layer->object, "config", config);
    hp_json_set(config, "layers", layers);
    layer->config = config;
    return HP_OK;
}

/* The shape and dtype that a layer at the head of a Sequential declares; for a model, what its own first layer does. */
static const hp_json *declared_shape(const hp_json *object, const hp_json **dtype, int depth) {
    const hp_json *config = hp_json_get(object, "config"), *layers = hp_json_get(config, "layers");
    const hp_json *shape = hp_json_get(config, "batch_input_shape");
    *dtype = hp_json_get(config, "dtype");
    if (shape) return shape;
    if (hp_json_get(config, "batch_shape")) return hp_json_get(config, "batch_shape");
    const hp_json *inner = hp_json_at(layers, 0);
    return inner && depth < MAX_DEPTH ? declared_shape(inner, dtype, depth + 1) : NULL;
}

/* Puts the InputLayer in front that Keras 1 and 2 only implied. */
static hp_status add_input_layer(const hp_fixup *f, hp_json *layers, hp_error *error) {
    hp_json *first = layers->first;
    const char *class_name = hp_json_string(hp_json_get(first, "class_name")), *name;
    const hp_json *dtype, *shape;
    if (!first || !class_name || strcmp(class_name, "InputLayer") == 0) return HP_OK;
    shape = declared_shape(first, &dtype, 0);
    if (!hp_json_is(shape, HP_JSON_ARRAY)) return HP_OK;
    name = hp_json_string(hp_json_get(hp_json_get(first, "config"), "name"));
    hp_json *input = hp_json_new(f->arena, HP_JSON_OBJECT), *config = hp_json_new(f->arena, HP_JSON_OBJECT);
    hp_json *shape_copy = hp_json_copy(f->arena, shape);
    const char *input_name = hp_arena_printf(f->arena, "%s_input", name ? name : "sequential");
    HP_FAIL_IF(!input || !config || !shape_copy || !input_name, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(hp_fix_set_string(f, input, "module", "keras.layers", error));
    HP_TRY(hp_fix_set_string(f, input, "class_name", "InputLayer", error));
    hp_json_set(input, "config", config);
    hp_json_set(config, "batch_shape", shape_copy);
    HP_TRY(hp_fix_set_string(f, config, "dtype", hp_json_string(dtype) ? dtype->string : "float32", error));
    HP_TRY(hp_fix_set_string(f, config, "name", input_name, error));
    input->next = first;
    layers->first = input;
    layers->count++;
    return HP_OK;
}

static hp_status fix_layers(const hp_fixup *f, hp_json *layers, int depth, hp_error *error) {
    size_t i = 0;
    for (hp_json *object = layers->first; object; object = object->next, i++) {
        hp_status status = fix_layer(f, object, depth + 1, error);
        if (status != HP_OK) {
            hp_error_prefix(error, "layers/%zu", i);
            return status;
        }
    }
    return HP_OK;
}

/* The layers that a layer holds: those of models, wrappers and RNNs. */
static hp_status fix_inner_layers(const hp_fixup *f, hp_json *config, int depth, hp_error *error) {
    static const char *const lists[] = {"layers", "cells"};
    static const char *const single[] = {"layer", "cell", "forward_layer", "backward_layer"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        hp_json *list = hp_fix_member(config, lists[i]);
        if (hp_json_is(list, HP_JSON_ARRAY)) HP_TRY(fix_layers(f, list, depth, error));
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        hp_json *inner = hp_fix_member(config, single[i]);
        if (!hp_json_is(inner, HP_JSON_OBJECT)) continue;
        hp_status status = fix_layer(f, inner, depth + 1, error);
        if (status != HP_OK) {
            hp_error_prefix(error, "%s", single[i]);
            return status;
        }
    }
    return HP_OK;
}

static bool is_old_model(const hp_fix_layer *layer) {
    static const char *const names[] = {"Model", "Container", "Functional", "Network"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(layer->class_name, names[i]) == 0) return is_graph(layer->config);
    return false;
}

/* ---- subclasses of models ---------------------------------------------------------------------------------------- */

/* Keys that the config of a Sequential has; one with others is some layer that holds layers. */
static bool has_only_sequence_keys(const hp_json *config) {
    static const char *const keys[] = {"name", "layers", "build_input_shape", "trainable", "dtype"};
    HP_JSON_EACH (member, config) {
        size_t i = 0;
        while (i < sizeof keys / sizeof *keys && strcmp(keys[i], member->key) != 0) i++;
        if (i == sizeof keys / sizeof *keys) return false;
    }
    return true;
}

/* Whether a config says that it is a Sequential's: where it was built, or begins with its input; the one of Keras 2 is
 * less than any layer's. */
static bool is_sequence_config(const hp_fixup *f, const hp_json *config) {
    const hp_json *layers = hp_json_get(config, "layers");
    if (!hp_json_is(layers, HP_JSON_ARRAY) || layers->count == 0 || !has_only_sequence_keys(config)) return false;
    const char *first = hp_json_string(hp_json_get(layers->first, "class_name"));
    bool bare = f->family < 3 && !hp_json_get(config, "trainable") && !hp_json_get(config, "dtype");
    return first && (bare || hp_json_get(config, "build_input_shape") || strcmp(first, "InputLayer") == 0);
}

/* The list form of a Sequential's config, of a subclass as well. */
static bool is_list_of_layers(const hp_json *config) {
    return config->count > 0 && hp_json_get(config->first, "class_name") && hp_json_get(config->first, "config");
}

/* A class of the user's own that has the config of a Functional or Sequential is a subclass that Keras saved as one: it is
 * made that class, and its own name kept as "own_class". */
static hp_status fix_subclass(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    const char *module = hp_json_string(hp_json_get(layer->object, "module"));
    const hp_json *config = layer->config;
    bool keras = module && (IS_ONE_OF(module, layer_modules) || IS_ONE_OF(module, model_modules));
    bool graph_like = is_graph(config) && hp_json_get(config, "output_layers");
    if (is_model_class(layer->class_name) || strcmp(layer->class_name, "Model") == 0 || keras) return HP_OK;
    if (!graph_like && !is_sequence_config(f, config)) return HP_OK;
    HP_TRY(hp_fix_set_string(f, layer->object, "own_class", layer->class_name, error));
    layer->class_name = graph_like ? "Functional" : "Sequential";
    HP_TRY(hp_fix_set_string(f, layer->object, "module", "keras", error));
    return hp_fix_set_string(f, layer->object, "class_name", layer->class_name, error);
}

/* ---- one layer --------------------------------------------------------------------------------------------------- */

/* What only files of Keras 1 and 2 need. */
static hp_status fix_old(const hp_fixup *f, hp_fix_layer *layer, int depth, hp_error *error) {
    if (is_old_model(layer)) {
        layer->class_name = "Functional";
        HP_TRY(hp_fix_set_string(f, layer->object, "class_name", "Functional", error));
    }
    if (f->family == 1) HP_TRY(hp_fix_keras1(f, layer, error));
    unwrap_items(layer->config, 0);
    HP_TRY(hp_fix_by_rules(f, layer, error));
    HP_TRY(fix_dtype(f, layer->config, error));
    HP_TRY(fix_activations(f, layer->config, depth, error));
    hp_json *layers = hp_fix_member(layer->config, "layers");
    if (is_sequence(layer->class_name) && hp_json_is(layers, HP_JSON_ARRAY)) HP_TRY(add_input_layer(f, layers, error));
    hp_json_remove(layer->config, "batch_input_shape"); /* InputLayers have theirs as batch_shape by now */
    return HP_OK;
}

/* A layer in a list has its name beside its config, too. */
static hp_status fix_name(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    const char *outer = hp_json_string(hp_json_get(layer->object, "name"));
    const char *inner = hp_json_string(hp_json_get(layer->config, "name"));
    if (!outer && inner) return hp_fix_set_string(f, layer->object, "name", inner, error);
    if (outer && !inner && f->family != 3) return hp_fix_set_string(f, layer->config, "name", outer, error);
    return HP_OK;
}

static hp_status fix_layer(const hp_fixup *f, hp_json *object, int depth, hp_error *error) {
    HP_FAIL_IF(depth > MAX_DEPTH, error, HP_ERROR_FORMAT, NULL, "layers are nested deeper than %d", MAX_DEPTH);
    hp_fix_layer layer = {.object = object, .class_name = hp_json_string(hp_json_get(object, "class_name"))};
    HP_FAIL_IF(!layer.class_name, error, HP_ERROR_FORMAT, NULL, "a layer with a class_name was expected, found %s",
        hp_json_is(object, HP_JSON_OBJECT) ? "an object without one" : hp_json_type_name(object));
    if (f->family == 1) {
        HP_TRY(hp_fix_merged_sequential(f, object, error));
        layer.class_name = hp_json_string(hp_json_get(object, "class_name"));
    }
    layer.config = hp_fix_member(object, "config");
    if (hp_json_is(layer.config, HP_JSON_ARRAY) && (is_sequence(layer.class_name) || is_list_of_layers(layer.config)))
        HP_TRY(fix_list_form(f, &layer, error));
    if (!hp_json_is(layer.config, HP_JSON_OBJECT)) {
        HP_FAIL_IF(f->family != 3 || !hp_json_is_null(layer.config), error, HP_ERROR_FORMAT, layer.class_name,
            "its config is %s; an object was expected", hp_json_type_name(layer.config));
        return HP_OK; /* a user's class may have none */
    }
    HP_TRY(fix_subclass(f, &layer, error));
    if (f->family != 3) HP_TRY(fix_old(f, &layer, depth, error));
    HP_TRY(fix_module(f, &layer, error));
    HP_TRY(fix_name(f, &layer, error));
    HP_TRY(fix_inner_layers(f, layer.config, depth, error));
    return is_graph(layer.config) ? hp_fix_nodes(f, layer.config, error) : HP_OK;
}

/* The family of a file that does not say its version: Keras 3's objects have modules; Keras 1 wrote no version into
 * weights files, and Keras reads such files as its own. */
static void guess_family(hp_model_spec *spec) {
    if (spec->version.family) return;
    const hp_json *config = spec->private_->config;
    bool nodes_of_3 = hp_json_get(config, "module") && hp_json_get(config, "registered_name");
    spec->version.family = nodes_of_3 ? 3 : 1;
}

/* Whether all layers below a value that say their order of axes have channels first. Keras 1 wrote it for convolutions
 * and pooling, and left it out for padding, cropping and upsampling. */
static void find_orderings(const hp_json *value, bool *first, bool *last) {
    const char *ordering = hp_json_string(hp_json_get(value, "dim_ordering"));
    if (ordering) *(strcmp(ordering, "th") == 0 ? first : last) = true;
    for (const hp_json *child = value->first; child; child = child->next) find_orderings(child, first, last);
}

hp_status hp_spec_fix_config(hp_model_spec *spec, hp_error *error) {
    hp_spec_private *p = spec->private_;
    guess_family(spec);
    const hp_keras_version *v = &spec->version;
    hp_fixup f = {.arena = &p->arena, .family = v->family, .version = v->major * 100 + v->minor};
    const char *module = hp_json_string(hp_json_get(p->config, "module"));
    bool first = false, last = false;
    find_orderings(p->config, &first, &last);
    f.channels_first = first && !last;
    f.tf_keras = v->family == 2 && (f.version >= 204 || (module && !has_prefix(module, "keras.")));
    return fix_layer(&f, p->config, 0, error);
}
