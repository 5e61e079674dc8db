/* registry.c: layer classes by name, and layers made from their serialised objects.
 *
 * Invariant: a layer that hp_layer_new returns has a filled config and all of its children; anything less was
 * reported. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "layers/custom.h"
#include "layers/fields.h"

enum { MAX_DEPTH = 48 };

/* One class of the list with where Keras keeps it. */
static const hp_layer_class *const classes[] = {
#define LAYER(class_name, module, file) &hp_layer_##class_name,
#include "layers/layers.def"
#undef LAYER
};

const hp_layer_class *hp_layer_class_find(const char *class_name, const char *module) {
    if (!module || !*module) module = "keras.layers";
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i]->class_name, class_name) == 0 && strcmp(classes[i]->module, module) == 0)
            return classes[i];
    return NULL;
}

/* What Keras has and hornpipe refuses. */
static const struct refused_class {
    const char *class_name, *module, *reason;
} refused[] = {
#define REFUSED(class_name, module, reason) {#class_name, module, reason},
#include "layers/refused.def"
#undef REFUSED
};

static const char *reason_for(const char *class_name, const char *module) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i].class_name, class_name) == 0 && strcmp(refused[i].module, module) == 0)
            return refused[i].reason;
    return NULL;
}

static const struct refused_function {
    const char *name, *reason;
} refused_functions[] = {
#define REFUSED_FUNCTION(name, reason) {name, reason},
#include "layers/refused_functions.def"
#undef REFUSED_FUNCTION
};

/* `function` may say more behind its name, after a comma. NULL: none is known. */
static const char *reason_for_function(const char *function) {
    size_t length = strcspn(function, ",");
    for (size_t i = 0; i < sizeof refused_functions / sizeof *refused_functions; i++) {
        const char *name = refused_functions[i].name, *star = strchr(name, '*');
        size_t most = star ? (size_t)(star - name) : strlen(name);
        if ((star ? length >= most : length == most) && strncmp(name, function, most) == 0)
            return refused_functions[i].reason;
    }
    return NULL;
}

/* ---- reasons */

static hp_error *next_reason(hp_reasons *reasons) {
    if (!HP_GROW(reasons->at, reasons->capacity, reasons->count + 1)) {
        reasons->out_of_memory = true;
        return NULL;
    }
    return &reasons->at[reasons->count++];
}

void hp_reasons_add(hp_reasons *reasons, hp_status status, const char *where, const char *format, ...) {
    hp_error *error = next_reason(reasons);
    if (!error) return;
    va_list args;
    va_start(args, format);
    hp_error_setv(error, status, where, format, args);
    va_end(args);
}

void hp_reasons_release(hp_reasons *reasons) {
    hp_free(reasons->at);
    *reasons = (hp_reasons){0};
}

void hp_layer_refuse(
    hp_layer_scope *scope, const hp_layer *layer, hp_status status, const char *key, const char *format, ...) {
    hp_error *error = next_reason(scope->reasons);
    if (!error) return;
    char where[256];
    snprintf(where, sizeof where, "%s%s%s", layer->place, key ? ": " : "", key ? key : "");
    va_list args;
    va_start(args, format);
    hp_error_setv(error, status, where, format, args);
    va_end(args);
}

/* ---- shared objects */

struct hp_shared_layer {
    int64_t id;
    hp_layer *layer;
};

/* An id may be a memory address that served twice, so class and name must agree as well. */
static hp_layer *find_shared(const hp_layer_scope *scope, const hp_json *object) {
    const hp_json *id = hp_json_get(object, "shared_object_id");
    for (size_t i = 0; hp_json_is(id, HP_JSON_INT) && i < scope->shared_count; i++) {
        const hp_json *other = scope->shared[i].layer->json;
        if (scope->shared[i].id == id->integer &&
            hp_json_equal(hp_json_get(object, "class_name"), hp_json_get(other, "class_name")) &&
            hp_json_equal(
                hp_json_get(hp_json_get(object, "config"), "name"), hp_json_get(hp_json_get(other, "config"), "name")))
            return scope->shared[i].layer;
    }
    return NULL;
}

static void remember_shared(hp_layer_scope *scope, const hp_json *id, hp_layer *layer) {
    if (!hp_json_is(id, HP_JSON_INT)) return;
    if (!HP_GROW(scope->shared, scope->shared_capacity, scope->shared_count + 1))
        scope->reasons->out_of_memory = true;
    else
        scope->shared[scope->shared_count++] = (struct hp_shared_layer){id->integer, layer};
}

void hp_layer_scope_release(hp_layer_scope *scope) {
    hp_free(scope->shared);
    scope->shared = NULL;
    scope->shared_count = scope->shared_capacity = 0;
}

/* ---- layers */

bool hp_layer_is_old(const hp_layer_scope *scope) {
    return scope->family == 1 || scope->family == 2;
}

hp_dtype hp_layer_parse_dtype(const hp_json *value, const char **name) {
    const hp_json *config = hp_json_get(value, "config");
    const char *text = hp_json_string(config ? hp_json_get(config, "name") : value);
    if (config && !text) text = hp_json_string(hp_json_get(config, "source_name")); /* a quantised policy */
    *name = text ? text : "";
    const char *source = text ? strstr(text, "_from_") : NULL; /* "int8_from_mixed_bfloat16" */
    if (source) text = source + strlen("_from_");
    if (text && strncmp(text, "mixed_", 6) == 0) text += 6; /* computes in the narrow type, keeps float32 weights */
    return text ? hp_dtype_from_name(text) : HP_DTYPE_NONE;
}

hp_unary hp_float8_rounding(const char *name) {
    return strcmp(name, "float8_e4m3fn") == 0 ? HP_UNARY_FLOAT8_E4M3
           : strcmp(name, "float8_e5m2") == 0 ? HP_UNARY_FLOAT8_E5M2
                                              : HP_UNARY_IDENTITY;
}

bool hp_layer_add_child(hp_layer *layer, hp_layer *child, const char *attribute, bool in_list) {
    if (layer->child_count == layer->child_capacity) { /* in the arena: a layer is never released by itself */
        size_t capacity = layer->child_capacity ? 2 * layer->child_capacity : 4;
        hp_layer **children = hp_arena_alloc(layer->arena, capacity * sizeof *children);
        if (!children) return false;
        if (layer->child_count) memcpy(children, layer->children, layer->child_count * sizeof *children);
        layer->children = children;
        layer->child_capacity = capacity;
    }
    layer->children[layer->child_count++] = child;
    if (!child->parent) {
        child->parent = layer;
        child->attribute = attribute;
        child->in_list = in_list;
        child->place_in_parent = layer->child_count - 1;
    }
    return true;
}

static void read_dtype(hp_layer_scope *scope, hp_layer *layer, const hp_json *value) {
    const char *name = "";
    layer->dtype = hp_json_is_null(value) ? HP_FLOAT32 : hp_layer_parse_dtype(value, &name);
    layer->variables = strstr(name, "mixed_") ? HP_FLOAT32 : layer->dtype;
    if (layer->cls->is_model || layer->cls->is_operation) {
        layer->dtype = HP_FLOAT32; /* containers pass values on as they are */
        return;
    }
    if (layer->cls->float8 && hp_float8_rounding(name) != HP_UNARY_IDENTITY) layer->dtype = HP_FLOAT32;
    bool computes = hp_dtype_is_float(layer->dtype);
    bool taken = layer->cls->any_dtype ? layer->dtype != HP_DTYPE_NONE : computes;
    char text[80];
    if (!taken)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "dtype",
            "%s%s is not supported, only float16, bfloat16, float32, float64 and mixed policies are",
            *name ? "dtype policy " : "", *name ? name : hp_json_describe(value, text, sizeof text));
}

/* *whole: the config struct is filled, so that the class's check can look at it. */
static hp_layer *make(
    hp_layer_scope *scope, const hp_layer_class *cls, const hp_json *object, const char *where, bool *whole) {
    const hp_json *config = hp_json_get(object, "config");
    const char *name = hp_json_string(hp_json_get(config, "name"));
    if (!name) name = hp_json_string(hp_json_get(object, "name"));
    if (!name) name = cls->class_name;
    hp_layer *layer = hp_arena_alloc(scope->arena, sizeof *layer);
    void *fields = hp_arena_alloc(scope->arena, cls->config_size + 1);
    if (!layer || !fields) {
        scope->reasons->out_of_memory = true;
        return NULL;
    }
    const hp_json *trainable = hp_json_get(config, "trainable");
    *layer = (hp_layer){.cls = cls,
        .name = name,
        .config = fields,
        .json = object,
        .trainable = !hp_json_is(trainable, HP_JSON_BOOL) || trainable->boolean,
        .autocast_integers = !hp_layer_is_old(scope),
        .arena = scope->arena};
    layer->place = hp_arena_printf(scope->arena, "%s \"%.64s\" (%.64s)", where, name, hp_layer_class_name(layer));
    if (!layer->place) {
        scope->reasons->out_of_memory = true;
        return NULL;
    }
    read_dtype(scope, layer, hp_json_get(config, "dtype"));
    *whole = cls->own_code || hp_fields_fill(scope, layer, config, fields);
    return layer;
}

static void report_function(hp_layer_scope *scope, const char *function, const char *class_name, const char *place) {
    const char *reason = reason_for_function(function);
    hp_reasons_add(scope->reasons, HP_ERROR_UNSUPPORTED, place, "the function %s is not supported in %s%s%s", function,
        class_name, reason ? ": " : "", reason ? reason : "");
}

/* Why there is no class: an operation or layer that Keras has, a function of TensorFlow, or code of somebody's own. */
static void report_class(
    hp_layer_scope *scope, const hp_json *object, const char *class_name, const char *module, const char *place) {
    const hp_json *config = hp_json_get(object, "config");
    const char *reason = reason_for(class_name, module), *function = hp_json_string(hp_json_get(config, "function"));
    if (!function) function = hp_json_string(hp_json_get(hp_json_get(config, "node_def"), "op"));
    const char *kind = strstr(module, ".ops") ? "operation" : "layer";
    if (scope->depth == 0 && !reason)
        hp_reasons_add(scope->reasons, HP_ERROR_UNSUPPORTED, place,
            "the model is of a class whose code the file does not hold: save a keras.Model(inputs, outputs) of the "
            "same "
            "layers, or one that calls %s as a layer, whose code can be registered (custom_layers)",
            class_name);
    else if (reason)
        hp_reasons_add(
            scope->reasons, HP_ERROR_UNSUPPORTED, place, "the %s %s is not supported: %s", kind, class_name, reason);
    else if (function)
        report_function(scope, function, class_name, place);
    else if (strncmp(module, "keras", 5) == 0)
        hp_reasons_add(scope->reasons, HP_ERROR_UNSUPPORTED, place, "the %s %s is not supported%s", kind, class_name,
            *kind == 'o' ? "" : ": if its code is your own, register it in C or Python (custom_layers)");
    else
        hp_reasons_add(scope->reasons, HP_ERROR_UNSUPPORTED, place,
            "%s of module %s is not a layer of Keras: register its code, which the file does not hold, in C or Python "
            "(custom_layers)",
            class_name, module);
}

static const hp_layer_class *find_class(hp_layer_scope *scope, const hp_json *object, const char *where) {
    const char *class_name = hp_json_string(hp_json_get(object, "class_name"));
    const char *module = hp_json_string(hp_json_get(object, "module"));
    const char *name = hp_json_string(hp_json_get(hp_json_get(object, "config"), "name"));
    char place[256];
    snprintf(place, sizeof place, "%s%s%.64s%s%s%.64s%s", where, name ? " \"" : "", name ? name : "", name ? "\"" : "",
        class_name ? " (" : "", class_name ? class_name : "", class_name ? ")" : "");
    const hp_json *config = hp_json_get(object, "config");
    char text[80];
    if (class_name && config && !hp_json_is(config, HP_JSON_OBJECT)) {
        hp_reasons_add(scope->reasons, HP_ERROR_FORMAT, place, "config: found %s, expected an object of its keys",
            hp_json_describe(config, text, sizeof text));
        return NULL;
    }
    if (!class_name || !config) {
        hp_reasons_add(scope->reasons, HP_ERROR_FORMAT, place,
            "found %s, expected a serialised layer {\"class_name\": ..., \"config\": {...}}",
            hp_json_type_name(object));
        return NULL;
    }
    const hp_layer_class *cls = hp_custom_class_find(scope, object);
    if (!cls && scope->find) cls = scope->find(class_name, module);
    if (!cls) cls = hp_layer_class_find(class_name, module);
    /* An .h5 file names no modules: what is no layer, and has not what every layer's config has, is an operation. */
    if (!cls && scope->find && (!module || strcmp(module, "keras.layers") == 0) &&
        !hp_json_get(hp_json_get(object, "config"), "trainable"))
        cls = scope->find(class_name, "keras.ops");
    if (!cls) report_class(scope, object, class_name, module ? module : "keras.layers", place);
    return cls;
}

hp_layer *hp_layer_new(hp_layer_scope *scope, const hp_json *object, const char *where) {
    size_t faults = scope->reasons->count, below = scope->faults_below;
    if (scope->depth >= MAX_DEPTH) {
        hp_reasons_add(scope->reasons, HP_ERROR_FORMAT, where, "layers are nested more than %d deep", MAX_DEPTH);
        return NULL;
    }
    hp_layer *layer = find_shared(scope, object);
    if (layer) return layer;
    const hp_layer_class *cls = find_class(scope, object, where);
    if (!cls) return NULL;
    scope->depth++;
    bool whole = false;
    layer = make(scope, cls, object, where, &whole);
    if (layer && (cls->is_model || cls->checks_always || whole) && cls->check)
        cls->check(scope, layer, (void *)(uintptr_t)layer->config);
    scope->depth--;
    faults = scope->reasons->count - faults;
    if (!layer || scope->reasons->out_of_memory) return NULL;
    if (faults > 0) return cls->is_model && faults == scope->faults_below - below ? layer : NULL;
    remember_shared(scope, hp_json_get(object, "shared_object_id"), layer);
    return layer;
}
