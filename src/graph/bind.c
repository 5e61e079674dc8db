/* bind.c: see bind.h. Invariant: a slot whose data is bound has the very shape that its layer declared. */
#include "graph/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dtype.h"
#include "graph/convert.h"
#include "graph/claim.h"
#include "graph/network.h"
#include "graph/paths.h"

enum { PATH_SIZE = 1024 };

typedef struct binder {
    hp_network *network;
    const hp_weight_store *store;
    hp_reasons *reasons;
    hp_error *error;
    bool *used; /* path stores: per weight */
} binder;

/* ---- one weight */

static void dims_text(const hp_weight *weight, char *text, size_t size) {
    hp_shape shape = {.rank = weight->rank};
    memcpy(shape.dims, weight->dims, sizeof shape.dims);
    hp_shape_text(&shape, text, size);
}

static bool same_shape(const hp_weight *weight, const hp_shape *shape) {
    if (weight->rank != shape->rank) return false;
    for (int i = 0; i < shape->rank; i++)
        if (weight->dims[i] != shape->dims[i]) return false;
    return true;
}

static void *own(hp_network *network, size_t bytes) {
    if (!HP_GROW(network->owned, network->owned_capacity, network->owned_count + 1)) return NULL;
    void *block = hp_alloc_aligned(bytes ? bytes : 1);
    if (block) network->owned[network->owned_count++] = block;
    return block;
}

/* Data of a weight whose shape is known to fit, as float32 or float64. */
static hp_status load(binder *b, const hp_weight *weight, size_t elements, hp_dtype real, const void **data) {
    if (weight->dtype == real && weight->mapped && (uintptr_t)weight->mapped % hp_dtype_size(real) == 0) {
        *data = weight->mapped;
        return HP_OK;
    }
    void *numbers = own(b->network, elements * hp_dtype_size(real));
    HP_ALLOCATED(numbers, b->error);
    *data = numbers;
    if (weight->dtype == real) return hp_weight_read(b->store, weight, numbers, b->error);
    void *raw = hp_alloc_aligned(weight->bytes ? weight->bytes : 1);
    HP_ALLOCATED(raw, b->error);
    hp_status status = hp_weight_read(b->store, weight, raw, b->error);
    if (status == HP_OK) hp_convert_to_real(weight->dtype, raw, elements, real, numbers);
    hp_free(raw);
    return status;
}

static hp_status bind_slot(binder *b, const hp_layer *layer, hp_weight_slot *slot, const hp_weight *weight) {
    const hp_shape *shape = &slot->constant->tensor.shape;
    char found[128], expected[128];
    hp_shape_text(shape, expected, sizeof expected);
    dims_text(weight, found, sizeof found);
    if (!same_shape(weight, shape)) {
        hp_reasons_add(b->reasons, HP_ERROR_FORMAT, layer->place,
            "the weight %s has shape %s in the file (%s), expected %s", slot->name, found, weight->name, expected);
        return HP_OK;
    }
    size_t elements = (size_t)hp_shape_elements(shape), bytes;
    if (!hp_convertible(weight->dtype)) {
        hp_reasons_add(b->reasons, HP_ERROR_UNSUPPORTED, layer->place, "the weight %s (%s) has dtype %s", slot->name,
            weight->name, hp_dtype_name(weight->dtype));
        return HP_OK;
    }
    if (!hp_size_mul(elements, hp_dtype_size(weight->dtype), &bytes) || bytes != weight->bytes) {
        hp_reasons_add(b->reasons, HP_ERROR_FORMAT, layer->place,
            "the weight %s (%s) holds %zu bytes, expected %s of %s", slot->name, weight->name, weight->bytes, expected,
            hp_dtype_name(weight->dtype));
        return HP_OK;
    }
    const void *data = NULL;
    HP_TRY(load(b, weight, elements, slot->constant->tensor.dtype, &data));
    slot->stored = weight;
    slot->constant->data = data;
    return HP_OK;
}

/* ---- path stores */

/* What was merged into another weight. */
static hp_status bind_zeros(binder *b, hp_weight_slot *slot) {
    size_t bytes =
        (size_t)hp_shape_elements(&slot->constant->tensor.shape) * hp_dtype_size(slot->constant->tensor.dtype);
    void *zeros = own(b->network, bytes);
    HP_ALLOCATED(zeros, b->error);
    memset(zeros, 0, bytes);
    slot->constant->data = zeros;
    return HP_OK;
}

/* A layer with code of its own knows its weights already. */
static hp_status bind_claimed(binder *b, hp_layer *layer) {
    for (size_t i = 0; i < layer->weight_count; i++)
        HP_TRY(bind_slot(b, layer, &layer->weights[i], layer->weights[i].stored));
    return HP_OK;
}

/* A layer's own variables lie at <path>/vars/<n>, those named "cell/kernel" at <path>/cell/vars/<n>; n counts the
 * trainable ones first, each kind as created (Layer.save_own_variables). */
static hp_status bind_own(void *context, hp_layer *layer, const char *path) {
    binder *b = context;
    if (layer->cls->own_code) return bind_claimed(b, layer);
    for (size_t i = 0; i < layer->weight_count; i++) {
        hp_weight_slot *slot = &layer->weights[i];
        const char *slash = strrchr(slot->name, '/');
        int prefix = slash ? (int)(slash - slot->name) : 0;
        size_t place = 0;
        if (slot->only_in_lists) {
            HP_TRY(bind_zeros(b, slot));
            continue;
        }
        for (size_t k = 0; k < layer->weight_count; k++) {
            const hp_weight_slot *other = &layer->weights[k];
            const char *other_slash = strrchr(other->name, '/');
            int other_prefix = other_slash ? (int)(other_slash - other->name) : 0;
            if (other->only_in_lists || other_prefix != prefix || strncmp(other->name, slot->name, (size_t)prefix) != 0)
                continue;
            place += other->trainable != slot->trainable ? other->trainable : k < i;
        }
        if (slot->path_place > 0) place = slot->path_place - 1;
        char name[PATH_SIZE], last[24];
        snprintf(last, sizeof last, "%zu", place);
        int size = snprintf(name, sizeof name, "%s%s%.*s/vars/%s", path, prefix ? "/" : "", prefix, slot->name,
            slot->path_name ? slot->path_name : last);
        const hp_weight *weight = size < PATH_SIZE ? hp_weight_find(b->store, name) : NULL;
        if (!weight) {
            hp_reasons_add(b->reasons, HP_ERROR_FORMAT, layer->place,
                "the weight %s is missing in the file: there is no %s", slot->name, name);
            continue;
        }
        b->used[weight - b->store->weights] = true;
        HP_TRY(bind_slot(b, layer, slot, weight));
    }
    return HP_OK;
}

bool hp_weight_is_beside(const char *name) {
    return strstr(name, "seed_generator/") || strstr(name, "/generator/") || strstr(name, "optimizer/vars/") ||
           strstr(name, "/vars/idf_weights");
}

static hp_status bind_paths(binder *b) {
    b->used = hp_alloc_array(b->store->weight_count, sizeof *b->used);
    HP_ALLOCATED(b->used, b->error);
    hp_status status = hp_layers_walk_paths(b->network->root, bind_own, b, b->error);
    for (size_t i = 0; status == HP_OK && i < b->store->weight_count; i++) {
        const hp_weight *weight = &b->store->weights[i];
        if (b->used[i] || hp_weight_is_beside(weight->name) || hp_network_claimed(b->network, weight)) continue;
        char shape[128];
        dims_text(weight, shape, sizeof shape);
        hp_reasons_add(
            b->reasons, HP_ERROR_FORMAT, weight->name, "no layer of the config has this weight of shape %s", shape);
    }
    hp_free(b->used);
    return status;
}

/* ---- ordered stores: legacy_h5_format.py load_weights_from_hdf5_group */

typedef struct slot_ref {
    const hp_layer *layer;
    hp_weight_slot *slot;
} slot_ref;

typedef struct slot_list {
    slot_ref *at;
    size_t count, capacity;
} slot_list;

static bool push(slot_list *list, const hp_layer *layer, hp_weight_slot *slot) {
    if (!HP_GROW(list->at, list->capacity, list->count + 1)) return false;
    list->at[list->count++] = (slot_ref){layer, slot};
    return true;
}

static bool append(slot_list *list, const slot_list *more) {
    for (size_t i = 0; i < more->count; i++)
        if (!push(list, more->at[i].layer, more->at[i].slot)) return false;
    return true;
}

/* Weights below a layer as Keras 2 gives them out: trainable ones to `t`, the rest to `n`. A frozen layer puts all of
 * its own to `n`, its children's trainable ones first. */
static bool gather_keras2(hp_layer *layer, slot_list *t, slot_list *n) {
    if (layer->visited || layer->cls->own_code) return true;
    layer->visited = true;
    slot_list own_t = {0}, own_n = {0};
    bool good = true, frozen = !layer->trainable;
    for (size_t i = 0; good && i < layer->weight_count; i++)
        if (!layer->weights[i].only_in_paths)
            good = push(layer->weights[i].trainable ? &own_t : &own_n, layer, &layer->weights[i]);
    for (size_t i = 0; good && i < layer->child_count; i++) {
        if (!frozen || layer->cls->is_model) {
            good = gather_keras2(layer->children[i], &own_t, &own_n);
        } else { /* own variables, then each child's */
            good = append(&own_t, &own_n);
            own_n.count = 0;
            good = good && gather_keras2(layer->children[i], &own_t, &own_n);
        }
    }
    good = good && append(frozen ? n : t, &own_t) && append(n, &own_n);
    hp_free(own_t.at);
    hp_free(own_n.at);
    return good;
}

/* All weights below a layer in the order of Keras 3's Layer.weights: own trainable, own others, children's. */
static bool gather_keras3(hp_layer *layer, slot_list *all) {
    if (layer->visited || layer->cls->own_code) return true;
    layer->visited = true;
    for (int trainable = 1; trainable >= 0; trainable--)
        for (size_t i = 0; i < layer->weight_count; i++)
            if (layer->weights[i].trainable == trainable && !layer->weights[i].only_in_paths &&
                !push(all, layer, &layer->weights[i]))
                return false;
    for (size_t i = 0; i < layer->child_count; i++)
        if (!gather_keras3(layer->children[i], all)) return false;
    return true;
}

/* _legacy_weights(layer): trainable_weights + non_trainable_weights. */
static bool legacy_weights(hp_layer *layer, int family, slot_list *list) {
    slot_list all = {0}, rest = {0};
    bool good = true;
    list->count = 0;
    if (family < 3) {
        good = gather_keras2(layer, list, &rest) && append(list, &rest);
    } else {
        good = gather_keras3(layer, &all);
        for (int pass = 1; pass >= 0; pass--)
            for (size_t i = 0; good && i < all.count; i++) {
                bool trainable = layer->trainable && all.at[i].layer->trainable && all.at[i].slot->trainable &&
                                 !all.at[i].slot->frozen;
                if (trainable == pass) good = push(list, all.at[i].layer, all.at[i].slot);
            }
    }
    hp_free(all.at);
    hp_free(rest.at);
    hp_layers_clear_visited(layer);
    return good;
}

/* The weights of a group that are left for layers of Keras. */
static size_t unclaimed(const binder *b, const hp_weight_group *group) {
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) count += !hp_network_claimed(b->network, &group->weights[i]);
    return count;
}

static hp_status bind_group(binder *b, const hp_layer *layer, const slot_list *list, const hp_weight_group *group) {
    size_t count = unclaimed(b, group), at = 0;
    if (list->count != count) {
        hp_reasons_add(b->reasons, HP_ERROR_FORMAT, layer->place,
            "found %zu weights in the file (group \"%.64s\"), expected %zu", count, group->name, list->count);
        return HP_OK;
    }
    for (size_t i = 0; i < group->count; i++) {
        if (hp_network_claimed(b->network, &group->weights[i])) continue;
        HP_TRY(bind_slot(b, list->at[at].layer, list->at[at].slot, &group->weights[i]));
        at++;
    }
    return HP_OK;
}

/* The next group that holds weights; NULL past the last. */
static const hp_weight_group *next_group(const binder *b, size_t *at) {
    while (*at < b->store->group_count) {
        const hp_weight_group *group = &b->store->groups[(*at)++];
        if (unclaimed(b, group) > 0) return group;
    }
    return NULL;
}

/* Layers with code of their own, wherever they stand. */
static hp_status bind_own_code(void *context, hp_layer *layer, const char *path) {
    (void)path;
    return layer->cls->own_code ? bind_claimed(context, layer) : HP_OK;
}

static hp_status bind_groups(binder *b) {
    hp_layer *root = b->network->root;
    HP_TRY(hp_layers_walk_paths(root, bind_own_code, b, b->error));
    slot_list list = {0};
    size_t at = 0;
    hp_status status = HP_OK;
    for (size_t i = 0; status == HP_OK && i < root->child_count; i++) {
        hp_layer *layer = root->children[i];
        if (layer->parent == root && layer->place_in_parent != i) continue; /* shared, and bound already */
        if (!legacy_weights(layer, b->network->spec->version.family, &list)) {
            status = hp_error_set(b->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
            break;
        }
        if (list.count == 0) continue;
        const hp_weight_group *group = next_group(b, &at);
        if (group)
            status = bind_group(b, layer, &list, group);
        else
            hp_reasons_add(b->reasons, HP_ERROR_FORMAT, layer->place,
                "its %zu weights are missing: the file has no more groups of weights", list.count);
    }
    for (const hp_weight_group *group; status == HP_OK && (group = next_group(b, &at));)
        hp_reasons_add(b->reasons, HP_ERROR_FORMAT, group->name,
            "no layer of the config is left for this group of %zu weights", group->count);
    hp_free(list.at);
    return status;
}

hp_status hp_network_bind(hp_network *network, hp_reasons *reasons, hp_error *error) {
    binder b = {.network = network, .store = network->spec->weights, .reasons = reasons, .error = error};
    hp_status status = b.store->ordered ? bind_groups(&b) : bind_paths(&b);
    if (status != HP_OK && status != HP_ERROR_NO_MEMORY) hp_error_prefix(error, "%s", network->spec->name);
    return status;
}
