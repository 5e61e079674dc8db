/* weights.c: the weights of a network, told one by one.
 *
 * Invariant: a weight is told once, at its layer's first place. Layers are walked without marks, so any number of threads
 * may ask at once. */
#include <stdio.h>
#include <string.h>

#include "graph/network.h"

/* The walk: counts weights up, or down to the one that is looked for. */
typedef struct walk {
    size_t left;          /* counting up: how many there were */
    hp_weight_info *info; /* NULL: counting up */
    bool found;
} walk;

static bool is_told(const hp_weight_slot *slot) {
    return slot->constant && slot->constant->data && !slot->only_in_paths && !slot->only_in_lists;
}

static void tell(const hp_weight_slot *slot, const hp_layer *layer, const char *place, hp_weight_info *info) {
    const hp_tensor *tensor = &slot->constant->tensor;
    *info = (hp_weight_info){.name = slot->name,
        .dtype = tensor->dtype,
        .rank = tensor->shape.rank,
        .data = slot->constant->data,
        .trainable = slot->trainable && layer->trainable};
    memcpy(info->shape, tensor->shape.dims, sizeof info->shape);
    int written = snprintf(info->path, sizeof info->path, "%s%s", place, slot->name);
    (void)written; /* a name that is longer is cut */
}

static void visit(const hp_layer *layer, const char *place, walk *w) {
    for (size_t i = 0; i < layer->weight_count && !w->found; i++) {
        if (!is_told(&layer->weights[i])) continue;
        if (!w->info) {
            w->left++;
        } else if (w->left > 0) {
            w->left--;
        } else {
            tell(&layer->weights[i], layer, place, w->info);
            w->found = true;
        }
    }
    for (size_t i = 0; i < layer->child_count && !w->found; i++) {
        const hp_layer *child = layer->children[i];
        if (child->parent != layer || child->place_in_parent != i) continue; /* shared: told at its first place */
        char inner[sizeof w->info->path];
        int written = snprintf(inner, sizeof inner, "%s%s/", place, child->name);
        (void)written;
        visit(child, inner, w);
    }
}

size_t hp_network_weight_count(const hp_network *network) {
    walk w = {0};
    visit(network->root, "", &w);
    return w.left;
}

bool hp_network_weight(const hp_network *network, size_t index, hp_weight_info *info) {
    walk w = {.left = index, .info = info};
    visit(network->root, "", &w);
    return w.found;
}

const hp_json *hp_network_structure(const hp_network *network, bool outputs) {
    if (network->root->cls != &hp_model_class_Functional) return NULL;
    const hp_functional *functional = network->root->config;
    return outputs ? functional->output_layers : functional->input_layers;
}
