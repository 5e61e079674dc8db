/* nodes.c: the calls in a graph, brought to Keras 3's form.
 *
 * Keras 1 and 2 write a call as a list (or dict, or nest) of [layer, node, tensor, kwargs]; constants among them as
 * ["_CONSTANT_VALUE", -1, value, kwargs]; tensors inside kwargs as [layer, node, tensor]. Keras 3 writes {args, kwargs}
 * with tagged tensors. Node numbers of a nested model begin at 1 in files of Keras 1 and 2 (the model's own call of
 * itself is number 0), and in Keras 3's output_layers.
 * Invariant: afterwards every node number counts the calls in that layer's own inbound_nodes. */
#include <stdlib.h>
#include <string.h>
#include "format/fixups.h"
#include "format/json.h"

/* A reference to a tensor: the JSON list [layer, node, tensor], which is changed in place. */
typedef struct reference {
    hp_json *history;
    bool output; /* stands in output_layers or input_layers */
} reference;

typedef struct named_layer {
    const char *name;
    const hp_json *layer;
} named_layer;

typedef struct graph {
    const hp_fixup *f;
    hp_json *layers;
    named_layer *names; /* sorted */
    size_t name_count;
    reference *references;
    size_t count, capacity;
} graph;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named_layer *)a)->name, ((const named_layer *)b)->name);
}

static hp_status sort_names(graph *g, hp_error *error) {
    g->names = hp_alloc_array(g->layers->count, sizeof *g->names);
    HP_ALLOCATED(g->names, error);
    HP_JSON_EACH (layer, g->layers) {
        const char *name = hp_json_string(hp_json_get(layer, "name"));
        if (name) g->names[g->name_count++] = (named_layer){name, layer};
    }
    qsort(g->names, g->name_count, sizeof *g->names, by_name);
    for (size_t i = 1; i < g->name_count; i++)
        HP_FAIL_IF(by_name(&g->names[i - 1], &g->names[i]) == 0, error, HP_ERROR_FORMAT, NULL,
            "two layers of a graph have the name \"%s\"", g->names[i].name);
    return HP_OK;
}

static const hp_json *find_layer(const graph *g, const char *name) {
    named_layer key = {.name = name};
    const named_layer *found = g->name_count ? bsearch(&key, g->names, g->name_count, sizeof key, by_name) : NULL;
    return found ? found->layer : NULL;
}

static bool is_history(const hp_json *value) {
    return hp_json_is(value, HP_JSON_ARRAY) && (value->count == 3 || value->count == 4) &&
           value->first->type == HP_JSON_STRING && value->first->next->type == HP_JSON_INT &&
           (value->first->next->next->type == HP_JSON_INT || strcmp(value->first->string, "_CONSTANT_VALUE") == 0);
}

static hp_status remember(graph *g, hp_json *history, bool output, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(g->references, g->capacity, g->count + 1), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    g->references[g->count++] = (reference){history, output};
    return HP_OK;
}

/* ---- Keras 1 and 2: lists -> {args, kwargs} ----------------------------------------------------------------------- */

/* [layer, node, tensor, ...] as a tagged tensor; its kwargs, where there are any and none were seen, to *kwargs. */
static hp_status make_tensor(graph *g, const hp_json *leaf, hp_json **result, const hp_json **kwargs, hp_error *error) {
    hp_arena *arena = g->f->arena;
    const hp_json *fourth = hp_json_at(leaf, 3);
    if (kwargs && !*kwargs && hp_json_is(fourth, HP_JSON_OBJECT)) *kwargs = fourth;
    if (strcmp(leaf->first->string, "_CONSTANT_VALUE") == 0) {
        *result = hp_json_copy(arena, hp_json_at(leaf, 2));
        HP_ALLOCATED(*result, error);
        return HP_OK;
    }
    hp_json *tensor = hp_json_new(arena, HP_JSON_OBJECT), *config = hp_json_new(arena, HP_JSON_OBJECT);
    hp_json *history = hp_json_new(arena, HP_JSON_ARRAY);
    HP_FAIL_IF(!tensor || !config || !history, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < 3; i++) {
        hp_json *part = hp_json_copy(arena, hp_json_at(leaf, i));
        HP_ALLOCATED(part, error);
        hp_json_append(history, part);
    }
    HP_TRY(hp_fix_set_string(g->f, tensor, "class_name", "__keras_tensor__", error));
    hp_json_set(tensor, "config", config);
    hp_json_set(config, "keras_history", history);
    *result = tensor;
    return remember(g, history, false, error);
}

/* A nest of leaves, converted; what is no leaf is a constant and copied. */
static hp_status convert_nest(
    graph *g, const hp_json *nest, bool inside_kwargs, hp_json **result, const hp_json **kwargs, hp_error *error) {
    if (is_history(nest) && (!inside_kwargs || find_layer(g, nest->first->string)))
        return make_tensor(g, nest, result, kwargs, error);
    if (nest->type != HP_JSON_ARRAY && nest->type != HP_JSON_OBJECT) {
        *result = hp_json_copy(g->f->arena, nest);
        HP_ALLOCATED(*result, error);
        return HP_OK;
    }
    *result = hp_json_new(g->f->arena, nest->type);
    HP_ALLOCATED(*result, error);
    HP_JSON_EACH (item, nest) {
        hp_json *child;
        HP_TRY(convert_nest(g, item, inside_kwargs, &child, kwargs, error));
        if (nest->type == HP_JSON_OBJECT && !(child->key = hp_arena_strdup(g->f->arena, item->key)))
            HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        hp_json_append(*result, child);
    }
    return HP_OK;
}

/* Layers that Keras 1 and 2 call with their states and constants in one list with the input. */
static bool takes_states(const hp_json *layer) {
    static const char *const names[] = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D",
        "ConvLSTM3D", "CuDNNLSTM", "CuDNNGRU"};
    const char *class_name = hp_json_string(hp_json_get(layer, "class_name"));
    for (size_t i = 0; class_name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], class_name) == 0) return true;
    return false;
}

/* [input, states..., constants...] -> args [input], kwargs initial_state and constants. */
static hp_status split_states(graph *g, const hp_json *layer, hp_json **first, hp_json *kwargs, hp_error *error) {
    hp_json *list = *first, *input = list->first;
    const hp_json *constant_count = hp_json_get(hp_json_get(layer, "config"), "num_constants");
    int64_t constants = hp_json_is(constant_count, HP_JSON_INT) ? constant_count->integer : 0;
    hp_json *states = hp_json_new(g->f->arena, HP_JSON_ARRAY), *rest = hp_json_new(g->f->arena, HP_JSON_ARRAY);
    HP_FAIL_IF(!states || !rest, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    size_t others = list->count - 1;
    size_t state_count = constants > 0 && (uint64_t)constants <= others ? others - (size_t)constants : others;
    hp_json *next = input->next;
    for (size_t i = 0; i < others; i++) {
        hp_json *item = next;
        next = item->next; /* appending unlinks it */
        hp_json_append(i < state_count ? states : rest, item);
    }
    input->next = NULL;
    *first = input;
    if (states->count) hp_json_set(kwargs, "initial_state", states);
    if (rest->count) hp_json_set(kwargs, "constants", rest);
    return HP_OK;
}

/* Attention(causal=True) of Keras 2 is Attention()(..., use_causal_mask=True). */
static hp_status move_causal(graph *g, const hp_json *layer, hp_json *kwargs, hp_error *error) {
    const hp_json *causal = hp_json_get(hp_json_get(layer, "config"), "causal");
    if (!hp_json_is(causal, HP_JSON_BOOL) || !causal->boolean) return HP_OK;
    hp_json *value = hp_json_new_bool(g->f->arena, true);
    HP_ALLOCATED(value, error);
    hp_json_set(kwargs, "use_causal_mask", value);
    return HP_OK;
}

static bool holds_tensor(const hp_json *value) {
    if (value->type == HP_JSON_OBJECT) return hp_json_get(value, "class_name") != NULL;
    HP_JSON_EACH (item, value)
        if (holds_tensor(item)) return true;
    return false;
}

static hp_status convert_call(graph *g, const hp_json *layer, const hp_json *call, hp_json **result, hp_error *error) {
    hp_arena *arena = g->f->arena;
    const hp_json *old_kwargs = NULL;
    hp_json *first, *kwargs;
    HP_TRY(convert_nest(g, call, false, &first, &old_kwargs, error));
    if (old_kwargs)
        HP_TRY(convert_nest(g, old_kwargs, true, &kwargs, NULL, error));
    else
        kwargs = hp_json_new(arena, HP_JSON_OBJECT);
    hp_json *args = hp_json_new(arena, HP_JSON_ARRAY);
    *result = hp_json_new(arena, HP_JSON_OBJECT);
    HP_FAIL_IF(!kwargs || !args || !*result, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (!is_history(call) && first->type == HP_JSON_ARRAY && first->count == 1 && holds_tensor(first))
        first = first->first; /* a list of one is how a single tensor is written; a constant is as it stands */
    else if (first->type == HP_JSON_ARRAY && first->count > 1 && takes_states(layer))
        HP_TRY(split_states(g, layer, &first, kwargs, error));
    HP_TRY(move_causal(g, layer, kwargs, error));
    first->key = NULL;
    hp_json_append(args, first);
    hp_json_set(*result, "args", args);
    hp_json_set(*result, "kwargs", kwargs);
    return HP_OK;
}

/* ---- all families: finding the references --------------------------------------------------------------------------- */

static hp_status find_tensors(graph *g, hp_json *value, hp_error *error) {
    if (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT) return HP_OK;
    const char *class_name = hp_json_string(hp_json_get(value, "class_name"));
    if (class_name && strcmp(class_name, "__keras_tensor__") == 0) {
        hp_json *history = hp_fix_member(hp_fix_member(value, "config"), "keras_history");
        HP_FAIL_IF(!is_history(history), error, HP_ERROR_FORMAT, NULL,
            "a tensor without a keras_history of [layer, node, tensor]");
        return remember(g, history, false, error);
    }
    for (hp_json *child = value->first; child; child = child->next) HP_TRY(find_tensors(g, child, error));
    return HP_OK;
}

static hp_status find_ends(graph *g, hp_json *value, hp_error *error) {
    if (!value || (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT)) return HP_OK;
    if (is_history(value)) return remember(g, value, true, error);
    for (hp_json *child = value->first; child; child = child->next) HP_TRY(find_ends(g, child, error));
    return HP_OK;
}

static hp_status fix_calls(graph *g, hp_json *layer, hp_error *error) {
    hp_json *calls = hp_fix_member(layer, "inbound_nodes");
    if (hp_json_is_null(calls)) {
        calls = hp_json_new(g->f->arena, HP_JSON_ARRAY);
        HP_ALLOCATED(calls, error);
        hp_json_set(layer, "inbound_nodes", calls);
    }
    HP_FAIL_IF(calls->type != HP_JSON_ARRAY, error, HP_ERROR_FORMAT, "inbound_nodes", "is %s; a list was expected",
        hp_json_type_name(calls));
    hp_json *fixed = hp_json_new(g->f->arena, HP_JSON_ARRAY);
    HP_ALLOCATED(fixed, error);
    for (hp_json *call = calls->first, *next; call; call = next) {
        next = call->next;
        bool new_form = hp_json_is(call, HP_JSON_OBJECT) && hp_json_get(call, "args");
        hp_json *converted = call;
        if (!new_form && call->count == 0) continue; /* a call of nothing, as InputLayers once had */
        HP_TRY(new_form ? find_tensors(g, call, error) : convert_call(g, layer, call, &converted, error));
        hp_json_append(fixed, converted);
    }
    hp_json_set(layer, "inbound_nodes", fixed);
    return HP_OK;
}

/* ---- node numbers ---------------------------------------------------------------------------------------------------- */

static int by_layer(const void *a, const void *b) {
    const reference *x = a, *y = b;
    int order = strcmp(x->history->first->string, y->history->first->string);
    int64_t m = x->history->first->next->integer, n = y->history->first->next->integer;
    return order ? order : (m > n) - (m < n);
}

static void set_node(const reference *r, int64_t node) {
    hp_json *number = r->history->first->next;
    number->integer = node;
    number->number = (double)node;
}

static int64_t get_node(const reference *r) {
    return r->history->first->next->integer;
}

/* Whether a file counts this layer's calls from 1: nested models, which begin with a call of themselves. Those of
 * TensorFlow's Keras that were built without an input shape have none. */
static bool counts_from_one(const graph *g, const hp_json *layer) {
    const hp_json *config = hp_json_get(layer, "config"), *layers = hp_json_get(config, "layers");
    if (!hp_json_is(layers, HP_JSON_ARRAY)) return false;
    if (g->f->family == 3) return hp_json_get(config, "input_layers") != NULL;
    if (!g->f->tf_keras) return true;
    const char *first = hp_json_string(hp_json_get(hp_json_at(layers, 0), "class_name"));
    return hp_json_get(config, "input_layers") || (first && strcmp(first, "InputLayer") == 0);
}

/* Renumbers `count` references to one layer, sorted by number. */
static void renumber(const graph *g, reference *r, size_t count) {
    const hp_json *layer = find_layer(g, r->history->first->string);
    if (!layer) return; /* the graph's builder says so, with its place */
    int64_t calls = (int64_t)hp_json_get(layer, "inbound_nodes")->count;
    if (calls == 0) calls = 1; /* an input's own node */
    bool from_one = counts_from_one(g, layer), fits = true;
    for (size_t i = 0; i < count; i++) {
        bool shifted = from_one && (g->f->family != 3 || r[i].output) && get_node(&r[i]) > 0;
        if (shifted) set_node(&r[i], get_node(&r[i]) - 1);
        if (get_node(&r[i]) < 0 || get_node(&r[i]) >= calls) fits = false;
    }
    if (fits || g->f->family == 3) return;
    /* The numbers count calls that are not in this file (of a layer that other models use, too): their order is left. */
    int64_t distinct = 0, last = get_node(&r[0]);
    for (size_t i = 0; i < count; i++) {
        if (get_node(&r[i]) != last) distinct++;
        last = get_node(&r[i]);
        if (distinct < calls) set_node(&r[i], distinct);
    }
}

static hp_status collect(graph *g, hp_json *config, hp_error *error) {
    for (hp_json *layer = g->layers->first; layer; layer = layer->next) {
        hp_status status = fix_calls(g, layer, error);
        if (status == HP_OK) continue;
        const char *name = hp_json_string(hp_json_get(layer, "name"));
        hp_error_prefix(error, "layer \"%s\"", name ? name : "");
        return status;
    }
    HP_TRY(find_ends(g, hp_fix_member(config, "input_layers"), error));
    return find_ends(g, hp_fix_member(config, "output_layers"), error);
}

/* A list of one end of a file of Keras 1 or 2 is one bare tensor. */
static void unpack_single(hp_json *config, const char *key) {
    hp_json *ends = hp_fix_member(config, key);
    if (hp_json_is(ends, HP_JSON_ARRAY) && ends->count == 1 && is_history(ends->first))
        hp_json_set(config, ends->key, ends->first);
}

hp_status hp_fix_nodes(const hp_fixup *f, hp_json *config, hp_error *error) {
    graph g = {.f = f, .layers = hp_fix_member(config, "layers")};
    hp_status status = sort_names(&g, error);
    if (status == HP_OK) status = collect(&g, config, error);
    if (status == HP_OK && g.count) {
        qsort(g.references, g.count, sizeof *g.references, by_layer);
        for (size_t i = 0, end; i < g.count; i = end) {
            const char *name = g.references[i].history->first->string;
            for (end = i + 1; end < g.count && strcmp(g.references[end].history->first->string, name) == 0;) end++;
            renumber(&g, g.references + i, end - i);
        }
    }
    if (status == HP_OK && f->family == 2) status = hp_fix_losses(f, config, error);
    if (status == HP_OK) g.layers = hp_fix_member(config, "layers");
    if (f->family != 3)
        for (hp_json *layer = g.layers->first; layer && status == HP_OK; layer = layer->next)
            status = hp_fix_tf_op(f, layer, error);
    if (status == HP_OK && f->family != 3) {
        unpack_single(config, "input_layers");
        unpack_single(config, "output_layers");
    }
    hp_free(g.references);
    hp_free(g.names);
    return status;
}
