/* claim.c: see claim.h. Invariant: a weight is claimed by one layer at most. */
#include "graph/claim.h"

#include <stdlib.h>
#include <string.h>
#include "graph/bind.h"
#include "graph/paths.h"

typedef struct claiming {
    hp_network *network;
    hp_error *error;
} claiming;

/* The number of a weight among all of its store. */
static size_t number_of(const hp_weight_store *store, const hp_weight *weight) {
    size_t before = 0;
    if (!store->ordered) return (size_t)(weight - store->weights);
    for (size_t g = 0; g < store->group_count; before += store->groups[g++].count)
        for (size_t i = 0; i < store->groups[g].count; i++)
            if (&store->groups[g].weights[i] == weight) return before + i;
    return before;
}

static size_t weights_in(const hp_weight_store *store) {
    size_t count = store->ordered ? 0 : store->weight_count;
    for (size_t g = 0; store->ordered && g < store->group_count; g++) count += store->groups[g].count;
    return count;
}

bool hp_network_claimed(const hp_network *network, const hp_weight *weight) {
    return network->claimed && network->claimed[number_of(network->spec->weights, weight)];
}

static hp_status claim(claiming *c, hp_layer *layer, const hp_weight *weight, const char *name) {
    hp_network *network = c->network;
    if (!network->claimed) {
        network->claimed = hp_arena_alloc(&network->arena, weights_in(network->spec->weights) + 1);
        HP_ALLOCATED(network->claimed, c->error);
    }
    if (hp_network_claimed(network, weight)) return HP_OK;
    hp_tensor tensor = {.dtype = HP_FLOAT32, .shape = {.rank = weight->rank}};
    memcpy(tensor.shape.dims, weight->dims, sizeof tensor.shape.dims);
    HP_FAIL_IF(
        !hp_shape_valid(&tensor.shape), c->error, HP_ERROR_FORMAT, weight->name, "the weight has no valid shape");
    hp_weight_slot *slot = hp_layer_add_weight_slot(layer);
    hp_constant *constant = hp_constants_weight(network->constants, &tensor);
    HP_FAIL_IF(!slot || !constant, c->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    *slot = (hp_weight_slot){.name = name, .trainable = layer->trainable, .constant = constant, .stored = weight};
    network->claimed[number_of(network->spec->weights, weight)] = true;
    return HP_OK;
}

/* ---- by path */

/* Names with their numbers as numbers: "vars/2" before "vars/10". */
static int by_number(const void *a, const void *b) {
    const char *x = ((const hp_weight_slot *)a)->name, *y = ((const hp_weight_slot *)b)->name;
    while (*x && *x == *y) x++, y++;
    size_t m = strspn(x, "0123456789"), n = strspn(y, "0123456789");
    return m != n && m && n ? (m > n) - (m < n) : strcmp(x, y);
}

static hp_status claim_paths(claiming *c, hp_layer *layer, const char *path) {
    const hp_weight_store *store = c->network->spec->weights;
    size_t length = strlen(path);
    for (size_t i = 0; i < store->weight_count; i++) {
        const hp_weight *weight = &store->weights[i];
        if (strncmp(weight->name, path, length) != 0 || weight->name[length] != '/') continue;
        if (!hp_weight_is_beside(weight->name)) HP_TRY(claim(c, layer, weight, weight->name + length + 1));
    }
    if (layer->weight_count > 0) qsort(layer->weights, layer->weight_count, sizeof *layer->weights, by_number);
    return HP_OK;
}

/* ---- by order */

/* Whether one of the parts of "outer/name/kernel:0" is the name. */
static bool has_part(const char *path, const char *name) {
    size_t length = strlen(name);
    for (const char *at = path; (at = strstr(at, name)); at++)
        if ((at == path || at[-1] == '/') && at[length] == '/') return true;
    return false;
}

static hp_status claim_group(claiming *c, hp_layer *layer) {
    const hp_weight_store *store = c->network->spec->weights;
    const hp_layer *top = layer;
    while (top->parent && top->parent != c->network->root) top = top->parent;
    for (size_t g = 0; g < store->group_count; g++) {
        const hp_weight_group *group = &store->groups[g];
        if (strcmp(group->name, top->name) != 0) continue;
        for (size_t i = 0; i < group->count; i++)
            if (!top->cls->is_model || has_part(group->weights[i].name, layer->name))
                HP_TRY(claim(c, layer, &group->weights[i], group->weights[i].name));
    }
    return HP_OK;
}

static hp_status visit(void *context, hp_layer *layer, const char *path) {
    claiming *c = context;
    if (!layer->cls->own_code) return HP_OK;
    return c->network->spec->weights->ordered ? claim_group(c, layer) : claim_paths(c, layer, path);
}

hp_status hp_network_claim_weights(hp_network *network, hp_error *error) {
    claiming c = {network, error};
    return hp_layers_walk_paths(network->root, visit, &c, error);
}
