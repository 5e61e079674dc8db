/* table.c: what a network tells about itself: inputs, outputs, the table of layers. */
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "graph/network.h"
#include "prims/builder_rows.h"

enum { MAX_CONNECTIONS = 32, MAX_CONNECTED_TEXT = 400 };

/* ---- numbering */

/* Layers of models only: what is inside wrappers and cells is theirs. */
static void number(hp_layer *model, hp_layer **layers, size_t *count) {
    for (size_t i = 0; i < model->child_count; i++) {
        hp_layer *child = model->children[i];
        if (child->index != 0) continue; /* shared, and listed already */
        layers[*count] = child;
        child->index = ++*count;
        if (child->cls->is_model) number(child, layers, count);
    }
}

/* Shared models could be counted more than once while numbers are not given yet, so the bound is the count of all
 * objects, which the size of the file bounds. */
static size_t count_layers(hp_layer *model) {
    size_t n = model->child_count;
    model->index = 1; /* seen */
    for (size_t i = 0; i < model->child_count; i++)
        if (model->children[i]->cls->is_model && model->children[i]->index == 0) n += count_layers(model->children[i]);
    return n;
}

static void forget(hp_layer *model) {
    model->index = 0;
    for (size_t i = 0; i < model->child_count; i++)
        if (model->children[i]->index != 0) forget(model->children[i]);
}

hp_status hp_network_number_layers(hp_network *network, hp_error *error) {
    size_t bound = count_layers(network->root);
    forget(network->root);
    network->layers = hp_arena_alloc(&network->arena, (bound + 1) * sizeof *network->layers);
    network->infos = hp_arena_alloc(&network->arena, (bound + 1) * sizeof *network->infos);
    HP_ALLOCATED(network->layers, error);
    HP_ALLOCATED(network->infos, error);
    number(network->root, network->layers, &network->layer_count);
    return HP_OK;
}

/* ---- finding */

static const hp_layer *child_named(const hp_layer *model, const char *name, size_t size) {
    for (size_t i = 0; i < model->child_count; i++) {
        const char *other = model->children[i]->name;
        if (strlen(other) == size && strncmp(other, name, size) == 0) return model->children[i];
    }
    return NULL;
}

/* Names may hold slashes themselves, so every prefix that names a model is tried. */
static const hp_layer *find(const hp_layer *model, const char *name) {
    const hp_layer *layer = child_named(model, name, strlen(name));
    if (layer) return layer;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        const hp_layer *outer = child_named(model, name, (size_t)(slash - name));
        layer = outer && outer->cls->is_model ? find(outer, slash + 1) : NULL;
        if (layer) return layer;
    }
    return NULL;
}

const hp_layer *hp_network_find_layer(const hp_network *network, const char *name) {
    return find(network->root, name);
}

bool hp_network_has_layer(const hp_network *network, const char *name) {
    return hp_network_find_layer(network, name) != NULL;
}

/* ---- shapes */

/* The dims of a value with -1 where it has the rows or where two trials differ. */
static int merged_dims(const hp_probe *first, hp_value a, const hp_probe *second, hp_value b, int64_t *dims) {
    const hp_shape *x = &first->graph.values[a].tensor.shape;
    const hp_shape *y = second ? &second->graph.values[b].tensor.shape : x;
    int rows = first->graph.batch_rows > 0 ? 0 : hp_value_rows_axis(&first->graph, a);
    for (int i = 0; i < x->rank; i++)
        dims[i] = i == rows || y->rank != x->rank || y->dims[i] != x->dims[i] ? -1 : x->dims[i];
    return x->rank;
}

static char *shape_text(hp_arena *arena, const int64_t *dims, int rank) {
    char text[HP_MAX_RANK * 24 + 8] = "(";
    for (int i = 0; i < rank; i++) {
        size_t used = strlen(text);
        if (dims[i] < 0)
            snprintf(text + used, sizeof text - used, "%sNone", i ? ", " : "");
        else
            snprintf(text + used, sizeof text - used, "%s%lld", i ? ", " : "", (long long)dims[i]);
    }
    return hp_arena_printf(arena, "%s%s)", text, rank == 1 ? "," : "");
}

static const char *record_text(hp_arena *arena, const hp_probe *first, const hp_probe *second, size_t index) {
    const hp_call_record *a = &first->records[index], *b = second ? &second->records[index] : NULL;
    if (a->count == 0) return "?"; /* never called */
    if (b && b->count != a->count) b = a;
    char *text = NULL;
    for (size_t i = 0; i < a->count; i++) {
        int64_t dims[HP_MAX_RANK];
        int rank = merged_dims(first, a->outputs[i], second, b ? b->outputs[i] : a->outputs[i], dims);
        char *one = shape_text(arena, dims, rank);
        if (!one) return NULL;
        text = text ? hp_arena_printf(arena, "%s, %s", text, one) : one;
        if (!text) return NULL;
        if (i >= 16) break; /* a list longer than that tells nobody anything */
    }
    return a->count > 1 ? hp_arena_printf(arena, "[%s]", text) : text;
}

/* ---- parameters */

/* Sums the elements of all weights below, every layer once: `mark` tells which were seen in this walk. */
static void add_parameters(hp_layer *layer, bool frozen, int64_t *all, int64_t *trainable) {
    frozen = frozen || !layer->trainable;
    for (size_t i = 0; i < layer->weight_count; i++) {
        const hp_weight_slot *slot = &layer->weights[i];
        int64_t n = slot->constant ? hp_shape_elements(&slot->constant->tensor.shape) : 0;
        if (slot->only_in_paths) continue; /* counted where it is the layer's own */
        *all += n;
        if (slot->trainable && !frozen) *trainable += n;
    }
    for (size_t i = 0; i < layer->child_count; i++) {
        /* a shared one counts once, where it was made */
        bool again = layer->children[i]->parent != layer || layer->children[i]->place_in_parent != i;
        if (!again) add_parameters(layer->children[i], frozen, all, trainable);
    }
}

/* ---- connections */

/* Appends the names of what each call of the model's layers reads to their infos. */
static hp_status connect(hp_network *network, const hp_layer *model, hp_error *error) {
    if (model->cls != &hp_model_class_Functional) return HP_OK;
    const hp_functional *f = model->config;
    for (size_t n = 0; n < f->node_count; n++) {
        const hp_model_node *node = &f->nodes[n];
        hp_layer_info *info = &network->infos[node->layer->index - 1];
        size_t listed = node->ref_count < MAX_CONNECTIONS ? node->ref_count : MAX_CONNECTIONS;
        for (size_t r = node->first_ref; r < node->first_ref + listed; r++) {
            const char *text = info->connected_to, *name = f->nodes[f->refs[r].node].layer->name;
            if (strlen(text) > MAX_CONNECTED_TEXT) break; /* longer tells nobody anything */
            info->connected_to = hp_arena_printf(&network->arena, "%s%s%s", text, *text ? ", " : "", name);
            HP_ALLOCATED(info->connected_to, error);
        }
    }
    return HP_OK;
}

static int depth_of(const hp_network *network, const hp_layer *layer) {
    int depth = 0;
    for (const hp_layer *up = layer->parent; up && up != network->root; up = up->parent) depth++;
    return depth;
}

static hp_status fill_outputs(hp_network *network, const hp_probe *first, const hp_probe *second, hp_error *error) {
    const hp_graph *graph = &first->graph;
    network->output_count = graph->output_count - graph->state_count;
    network->outputs = hp_arena_alloc(&network->arena, (network->output_count + 1) * sizeof *network->outputs);
    HP_ALLOCATED(network->outputs, error);
    for (size_t i = 0; i < network->output_count; i++) {
        hp_tensor_info *info = &network->outputs[i];
        const hp_layer *layer = hp_model_output_layer(network->root, i);
        info->name = layer ? layer->name : "";
        info->dtype = graph->values[graph->outputs[i]].tensor.dtype;
        bool same = second && second->graph.output_count == graph->output_count;
        info->rank = merged_dims(
            first, graph->outputs[i], same ? second : NULL, same ? second->graph.outputs[i] : 0, info->shape);
    }
    return HP_OK;
}

hp_status hp_network_fill_tables(hp_network *network, const hp_probe *first, const hp_probe *second, hp_error *error) {
    HP_TRY(fill_outputs(network, first, second, error));
    for (size_t i = 0; i < network->layer_count; i++) {
        hp_layer *layer = network->layers[i];
        hp_layer_info *info = &network->infos[i];
        *info = (hp_layer_info){.name = layer->name,
            .class_name = hp_layer_class_name(layer),
            .dtype = hp_dtype_name(layer->dtype),
            .depth = depth_of(network, layer)};
        info->output_shape = record_text(&network->arena, first, second, layer->index);
        info->connected_to = "";
        HP_ALLOCATED(info->output_shape, error);
        add_parameters(layer, false, &info->parameters, &info->trainable_parameters);
    }
    HP_TRY(connect(network, network->root, error));
    for (size_t i = 0; i < network->layer_count; i++) HP_TRY(connect(network, network->layers[i], error));
    return HP_OK;
}

/* ---- what callers ask */

size_t hp_network_input_count(const hp_network *network) {
    return network->input_count;
}

size_t hp_network_output_count(const hp_network *network) {
    return network->output_count;
}

hp_tensor_info hp_network_input(const hp_network *network, size_t index) {
    hp_tensor_info info = {0};
    if (index >= network->input_count) return info;
    const hp_input_spec *input = &network->inputs[index];
    info = (hp_tensor_info){.name = input->name, .dtype = input->dtype, .rank = input->rank};
    memcpy(info.shape, input->dims, sizeof info.shape);
    info.shape[0] = -1;
    return info;
}

hp_tensor_info hp_network_output(const hp_network *network, size_t index) {
    return index < network->output_count ? network->outputs[index] : (hp_tensor_info){0};
}

int64_t hp_network_fixed_batch(const hp_network *network) {
    for (size_t i = 0; i < network->input_count; i++)
        if (network->inputs[i].dims[0] >= 0) return network->inputs[i].dims[0];
    return -1;
}

const char *hp_network_name(const hp_network *network) {
    return network->root->name;
}

const char *hp_network_class_name(const hp_network *network) {
    return hp_layer_class_name(network->root);
}

const char *hp_network_subclass(const hp_network *network) {
    for (size_t i = 0; i <= network->layer_count; i++) {
        const hp_layer *layer = i == 0 ? network->root : network->layers[i - 1];
        if (hp_json_get(layer->json, "own_class")) return layer->place;
    }
    return NULL;
}

size_t hp_network_layer_count(const hp_network *network) {
    return network->layer_count;
}

const hp_layer_info *hp_network_layer(const hp_network *network, size_t index) {
    return index < network->layer_count ? &network->infos[index] : NULL;
}

int64_t hp_network_parameters(const hp_network *network, bool trainable_only) {
    int64_t all = 0, trainable = 0;
    add_parameters(network->root, false, &all, &trainable);
    return trainable_only ? trainable : all;
}

hp_status hp_network_use_batches(hp_network *network, const char *where, hp_error *error) {
    network->mixes_rows_where = hp_arena_strdup(&network->arena, where);
    HP_ALLOCATED(network->mixes_rows_where, error);
    network->mixes_rows = true;
    return HP_OK;
}

bool hp_network_mixes_rows(const hp_network *network, const char **where) {
    if (where) *where = network->mixes_rows ? network->mixes_rows_where : "";
    return network->mixes_rows;
}
