/* functional_parse.c: the graph of a Functional config: nodes, their arguments, an order to run them in.
 *
 * Invariant: after a parse without faults every reference points to a node that exists, and nodes stand in `order`
 * behind all that they read; cycles were refused. */
#include <stdlib.h>
#include <string.h>
#include "graph/models.h"
#include "graph/network.h"

enum { MAX_ARGUMENT_DEPTH = 16 };

/* Names of the children, sorted, to find a layer among thousands. */
typedef struct named {
    const char *name;
    size_t index;
} named;

typedef struct parser {
    hp_layer_scope *scope;
    hp_layer *model;
    hp_functional *f;
    hp_layer **layers; /* as in the config; NULL where one has faults */
    named *names;
    size_t layer_count;
} parser;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static void *get(parser *p, size_t count, size_t size) {
    size_t bytes;
    void *piece = hp_size_mul(count + 1, size, &bytes) ? hp_arena_alloc(p->model->arena, bytes) : NULL;
    if (!piece) p->scope->reasons->out_of_memory = true;
    return piece;
}

static void refuse(parser *p, const char *key, const char *what, const hp_json *value) {
    char text[120];
    hp_layer_refuse(p->scope, p->model, HP_ERROR_FORMAT, key, "%s: %s", what,
        value ? hp_json_describe(value, text, sizeof text) : "nothing");
}

/* [layer, node, tensor] -> a reference. False: reported. */
static bool resolve(parser *p, const char *key, const hp_json *history, hp_tensor_ref *ref) {
    const char *name = hp_json_string(hp_json_at(history, 0));
    const hp_json *node = hp_json_at(history, 1), *tensor = hp_json_at(history, 2);
    if (!name || !hp_json_is(node, HP_JSON_INT) || !hp_json_is(tensor, HP_JSON_INT) || node->integer < 0 ||
        tensor->integer < 0 || tensor->integer > 1000000) {
        refuse(p, key, "expected [layer, node, tensor], found", history);
        return false;
    }
    const named *found = bsearch(&(named){.name = name}, p->names, p->layer_count, sizeof *p->names, by_name);
    if (!found) {
        refuse(p, key, "there is no layer of this name", history);
        return false;
    }
    size_t first = p->f->first_node[found->index], end = p->f->first_node[found->index + 1];
    if ((uint64_t)node->integer >= end - first) {
        refuse(p, key, "the layer has no call of this number", history);
        return false;
    }
    *ref = (hp_tensor_ref){.node = first + (size_t)node->integer, .tensor = (size_t)tensor->integer};
    return true;
}

static const hp_json *tensor_history(const hp_json *value) {
    const char *class_name = hp_json_string(hp_json_get(value, "class_name"));
    if (!class_name || strcmp(class_name, "__keras_tensor__") != 0) return NULL;
    return hp_json_get(hp_json_get(value, "config"), "keras_history");
}

static bool holds_tensor(const hp_json *value, int depth) {
    if (depth > MAX_ARGUMENT_DEPTH || !value) return false;
    if (tensor_history(value)) return true;
    if (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT) return false;
    HP_JSON_EACH (item, value)
        if (holds_tensor(item, depth + 1)) return true;
    return false;
}

static bool add_ref(parser *p, hp_tensor_ref ref) {
    hp_functional *f = p->f;
    if (f->ref_count == f->ref_capacity) {
        size_t capacity = f->ref_capacity ? 2 * f->ref_capacity : 64;
        hp_tensor_ref *refs = get(p, capacity, sizeof *refs);
        if (!refs) return false;
        if (f->ref_count) memcpy(refs, f->refs, f->ref_count * sizeof *refs);
        f->refs = refs;
        f->ref_capacity = capacity;
    }
    f->refs[f->ref_count++] = ref;
    return true;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const hp_arg *)a)->name, ((const hp_arg *)b)->name);
}

/* One argument, lists and dicts that hold tensors taken apart. False: reported. */
static bool parse_arg(parser *p, const hp_json *value, const char *name, hp_arg *arg, int depth) {
    *arg = (hp_arg){.kind = HP_ARG_CONSTANT, .name = name, .tensor = HP_NO_VALUE, .constant = value};
    const hp_json *history = tensor_history(value);
    if (history) {
        hp_tensor_ref ref;
        if (!resolve(p, "inbound_nodes", history, &ref)) return false;
        ref.told = hp_json_get(value, "config");
        if (p->f->ref_count >= INT32_MAX || !add_ref(p, ref)) return false;
        arg->kind = HP_ARG_TENSOR;
        arg->tensor = (hp_value)(p->f->ref_count - 1);
        return true;
    }
    if (!holds_tensor(value, 0)) return true;
    if (depth >= MAX_ARGUMENT_DEPTH) {
        refuse(p, "inbound_nodes", "arguments are nested too deep", NULL);
        return false;
    }
    const hp_json *items = value;
    const char *tag = hp_json_string(hp_json_get(value, "class_name"));
    if (tag && strcmp(tag, "__slice__") != 0) { /* a tagged tuple; a slice stays a dict */
        items = hp_json_get(value, "config") ? hp_json_get(value, "config") : hp_json_get(value, "items");
        if (!hp_json_is(items, HP_JSON_ARRAY)) {
            refuse(p, "inbound_nodes", "found an argument of an unknown form", value);
            return false;
        }
    }
    hp_arg *list = get(p, items->count, sizeof *list);
    if (!list) return false;
    size_t n = 0;
    HP_JSON_EACH (item, items)
        if (!parse_arg(p, item, item->key, &list[n++], depth + 1)) return false;
    if (items->type == HP_JSON_OBJECT) qsort(list, n, sizeof *list, by_key);
    arg->kind = HP_ARG_LIST;
    arg->constant = NULL;
    arg->items = list;
    arg->item_count = n;
    return true;
}

/* Keras 3's predict says training=False to every layer, whatever its call in the graph says. In Keras 1 and 2 the call
 * wins: dropout is then random, and BatchNormalization takes the batch's statistics. */
static bool asks_for_training(const parser *p, const hp_json *kwargs) {
    const hp_json *training = hp_json_get(kwargs, "training");
    bool is = hp_json_is(training, HP_JSON_BOOL) ? training->boolean
                                                 : hp_json_is(training, HP_JSON_INT) && training->integer != 0;
    return is && hp_layer_is_old(p->scope);
}

static bool parse_node(parser *p, const hp_json *json, hp_model_node *node) {
    const hp_json *args = hp_json_get(json, "args"), *kwargs = hp_json_get(json, "kwargs");
    if (!hp_json_is(args, HP_JSON_ARRAY) || (kwargs && !hp_json_is(kwargs, HP_JSON_OBJECT))) {
        refuse(p, "inbound_nodes", "expected {\"args\": [...], \"kwargs\": {...}}, found", json);
        return false;
    }
    if (asks_for_training(p, kwargs) && node->layer) {
        hp_layer_refuse(p->scope, node->layer, HP_ERROR_UNSUPPORTED, "training",
            "it is called with training=True, which is not supported");
        return false;
    }
    hp_arg *list = get(p, args->count + (kwargs ? kwargs->count : 0), sizeof *list);
    if (!list) return false;
    node->first_ref = p->f->ref_count;
    HP_JSON_EACH (item, args)
        if (!parse_arg(p, item, NULL, &list[node->arg_count++], 0)) return false;
    HP_JSON_EACH (item, kwargs)
        if (!parse_arg(p, item, item->key, &list[node->arg_count++], 0)) return false;
    node->args = list;
    node->ref_count = p->f->ref_count - node->first_ref;
    return true;
}

static const hp_json *inbound_nodes(const hp_json *layer) {
    const hp_json *nodes = hp_json_get(layer, "inbound_nodes");
    return hp_json_is(nodes, HP_JSON_ARRAY) ? nodes : NULL;
}

/* How many nodes each layer has: its calls; an InputLayer has the one that makes its tensor. */
static bool count_nodes(parser *p) {
    p->f->first_node = get(p, p->layer_count + 1, sizeof *p->f->first_node);
    if (!p->f->first_node) return false;
    size_t i = 0, total = 0;
    HP_JSON_EACH (layer, p->f->layers) {
        const hp_json *nodes = inbound_nodes(layer);
        size_t calls = nodes ? nodes->count : 0;
        const char *class_name = hp_json_string(hp_json_get(layer, "class_name"));
        if (calls == 0 && class_name && strcmp(class_name, "InputLayer") == 0) calls = 1;
        p->f->first_node[i++] = total;
        total += calls;
    }
    p->f->first_node[i] = total;
    p->f->node_count = total;
    p->f->nodes = get(p, total, sizeof *p->f->nodes);
    return p->f->nodes != NULL;
}

static void parse_nodes(parser *p) {
    size_t i = 0;
    HP_JSON_EACH (layer, p->f->layers) {
        hp_model_node *node = &p->f->nodes[p->f->first_node[i]];
        size_t end = p->f->first_node[i + 1];
        for (size_t n = p->f->first_node[i]; n < end; n++) p->f->nodes[n].layer = p->layers[i];
        HP_JSON_EACH (json, inbound_nodes(layer))
            if (!parse_node(p, json, node++)) break;
        i++;
    }
}

/* input_layers, output_layers: one [layer, node, tensor], or lists and dicts of these. */
bool hp_network_is_tensor(const hp_json *value) {
    return hp_json_is(value, HP_JSON_ARRAY) && value->count == 3 && hp_json_is(value->first, HP_JSON_STRING);
}

static size_t count_refs(const hp_json *value, int depth) {
    size_t n = 0;
    if (hp_network_is_tensor(value)) return 1;
    if (depth > MAX_ARGUMENT_DEPTH || !value || (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT))
        return 0;
    HP_JSON_EACH (item, value) n += count_refs(item, depth + 1);
    return n;
}

static int by_member_key(const void *a, const void *b) {
    return strcmp((*(const hp_json *const *)a)->key, (*(const hp_json *const *)b)->key);
}

/* Appends the references of a structure in the order of keras.tree: lists in order, dicts by sorted key. */
static bool flatten(parser *p, const char *key, const hp_json *value, hp_tensor_ref *refs, size_t *count, int depth) {
    if (hp_network_is_tensor(value)) {
        if (!resolve(p, key, value, &refs[*count])) return false;
        ++*count;
        return true;
    }
    if (depth > MAX_ARGUMENT_DEPTH || !value || (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT)) {
        refuse(p, key, "expected [layer, node, tensor] or a list or dict of these, found", value);
        return false;
    }
    const hp_json **items = get(p, value->count, sizeof *items);
    if (!items) return false;
    size_t n = 0;
    HP_JSON_EACH (item, value) items[n++] = item;
    if (value->type == HP_JSON_OBJECT) qsort(items, n, sizeof *items, by_member_key);
    for (size_t i = 0; i < n; i++)
        if (!flatten(p, key, items[i], refs, count, depth + 1)) return false;
    return true;
}

static void parse_ends(parser *p) {
    hp_functional *f = p->f;
    f->inputs = get(p, count_refs(f->input_layers, 0), sizeof *f->inputs);
    f->outputs = get(p, count_refs(f->output_layers, 0), sizeof *f->outputs);
    if (!f->inputs || !f->outputs) return;
    if (!flatten(p, "input_layers", f->input_layers, f->inputs, &f->input_count, 0)) return;
    if (!flatten(p, "output_layers", f->output_layers, f->outputs, &f->output_count, 0)) return;
    if (f->input_count == 0) refuse(p, "input_layers", "the model has no input", f->input_layers);
    if (f->output_count == 0) refuse(p, "output_layers", "the model has no output", f->output_layers);
    for (size_t i = 0; i < f->input_count; i++) {
        const hp_layer *layer = f->nodes[f->inputs[i].node].layer;
        if (layer && strcmp(layer->cls->class_name, "InputLayer") != 0)
            hp_layer_refuse(p->scope, p->model, HP_ERROR_FORMAT, "input_layers",
                "\"%s\" is a %s, expected an InputLayer", layer->name, layer->cls->class_name);
    }
}

/* Orders the nodes so that each stands behind those it reads (Kahn): waiting[n] counts what n still lacks, the lists
 * `next` give the readers of a node. */
static void sort_nodes(parser *p) {
    hp_functional *f = p->f;
    size_t *waiting = hp_alloc_array(f->node_count + 1, sizeof *waiting);
    size_t *head = hp_alloc_array(f->node_count + 1, sizeof *head); /* 1 + a reference; 0: none */
    size_t *next = hp_alloc_array(f->ref_count + 1, sizeof *next);
    size_t *reader = hp_alloc_array(f->ref_count + 1, sizeof *reader);
    f->order = get(p, f->node_count, sizeof *f->order);
    size_t done = 0, ready = 0;
    if (waiting && head && next && reader && f->order) {
        for (size_t n = 0; n < f->node_count; n++) {
            waiting[n] = f->nodes[n].ref_count;
            if (waiting[n] == 0) f->order[ready++] = n;
            for (size_t r = f->nodes[n].first_ref; r < f->nodes[n].first_ref + f->nodes[n].ref_count; r++) {
                reader[r] = n;
                next[r] = head[f->refs[r].node];
                head[f->refs[r].node] = r + 1;
            }
        }
        for (; done < ready; done++)
            for (size_t r = head[f->order[done]]; r; r = next[r - 1])
                if (--waiting[reader[r - 1]] == 0) f->order[ready++] = reader[r - 1];
        if (ready < f->node_count)
            hp_layer_refuse(p->scope, p->model, HP_ERROR_FORMAT, "inbound_nodes",
                "the graph has a cycle: %zu calls need each other's results", f->node_count - ready);
    } else {
        p->scope->reasons->out_of_memory = true;
    }
    hp_free(waiting);
    hp_free(head);
    hp_free(next);
    hp_free(reader);
}

static bool index_names(parser *p) {
    p->names = get(p, p->layer_count, sizeof *p->names);
    if (!p->names) return false;
    size_t i = 0;
    HP_JSON_EACH (layer, p->f->layers) {
        const char *name = hp_json_string(hp_json_get(layer, "name"));
        if (!name) name = hp_json_string(hp_json_get(hp_json_get(layer, "config"), "name"));
        p->names[i] = (named){name ? name : "", i};
        i++;
    }
    qsort(p->names, i, sizeof *p->names, by_name);
    for (size_t k = 1; k < i; k++)
        if (strcmp(p->names[k - 1].name, p->names[k].name) == 0) {
            hp_layer_refuse(
                p->scope, p->model, HP_ERROR_FORMAT, "layers", "two layers have the name \"%.64s\"", p->names[k].name);
            return false;
        }
    return true;
}

void hp_functional_parse(hp_layer_scope *scope, hp_layer *layer, void *config) {
    parser p = {.scope = scope, .model = layer, .f = config};
    size_t faults = scope->reasons->count, below = scope->faults_below;
    p.layers = hp_model_parse_layers(scope, layer, p.f->layers, &p.layer_count);
    if (!p.layers || !index_names(&p) || !count_nodes(&p)) return;
    parse_nodes(&p);
    parse_ends(&p);
    if (scope->reasons->count - faults == scope->faults_below - below && !scope->reasons->out_of_memory) sort_nodes(&p);
}
