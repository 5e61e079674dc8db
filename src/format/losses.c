/* losses.c: what model.add_loss and add_metric put into graphs of Keras 2: layers that give their input back, behind
 * computations that no output needs. See fixups.h.
 *
 * Invariant: what goes away has no weights, and nothing that stays reads it. */
#include <stdlib.h>
#include <string.h>

#include "format/fixups.h"
#include "format/json.h"

typedef struct entry {
    const char *name;
    hp_json *layer;
    size_t readers; /* references to it, of layers that stay and of outputs */
    bool leaves;
} entry;

typedef struct losses {
    entry *entries; /* sorted by name */
    size_t count;
    entry **waiting; /* to be taken out */
    size_t waiting_count;
} losses;

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static const char *class_of(const hp_json *layer) {
    return hp_json_string(hp_json_get(layer, "class_name"));
}

static bool is_loss(const hp_json *layer) {
    return hp_fix_is_one_of(class_of(layer), "|AddLoss|AddMetric|");
}

static bool is_computation(const hp_json *layer) {
    return hp_fix_is_one_of(class_of(layer), "|AddLoss|AddMetric|TFOpLambda|SlicingOpLambda|TensorFlowOpLayer|Lambda|");
}

static void read(losses *l, const char *name, bool more) {
    entry key = {.name = name};
    entry *e = name ? bsearch(&key, l->entries, l->count, sizeof key, by_name) : NULL;
    if (!e || (!more && e->readers == 0)) return;
    if (more) {
        e->readers++;
    } else if (--e->readers == 0 && is_computation(e->layer) && !e->leaves) {
        e->leaves = true;
        l->waiting[l->waiting_count++] = e;
    }
}

/* Every tensor below a value that is a call's argument. */
static void read_tensors(losses *l, const hp_json *value, bool more) {
    if (value->type != HP_JSON_ARRAY && value->type != HP_JSON_OBJECT) return;
    const char *class_name = hp_json_string(hp_json_get(value, "class_name"));
    if (class_name && strcmp(class_name, "__keras_tensor__") == 0) {
        const hp_json *history = hp_json_get(hp_json_get(value, "config"), "keras_history");
        read(l, hp_json_string(hp_json_at(history, 0)), more);
        return;
    }
    HP_JSON_EACH (child, value) read_tensors(l, child, more);
}

/* Outputs: every text is the name of a layer. */
static void read_ends(losses *l, const hp_json *value) {
    if (!value) return;
    if (value->type == HP_JSON_STRING) read(l, value->string, true);
    if (value->type == HP_JSON_ARRAY || value->type == HP_JSON_OBJECT)
        HP_JSON_EACH (child, value) read_ends(l, child);
}

static void count_readers(losses *l, const hp_json *config, hp_json *layers) {
    for (hp_json *layer = layers->first; layer; layer = layer->next) {
        const char *name = hp_json_string(hp_json_get(layer, "name"));
        if (name) l->entries[l->count++] = (entry){.name = name, .layer = layer};
    }
    qsort(l->entries, l->count, sizeof *l->entries, by_name);
    for (size_t i = 0; i < l->count; i++) {
        const hp_json *calls = hp_json_get(l->entries[i].layer, "inbound_nodes");
        if (calls) read_tensors(l, calls, true);
    }
    read_ends(l, hp_json_get(config, "output_layers"));
}

static hp_status take_out(losses *l, const hp_fixup *f, hp_json *config, hp_json *layers, hp_error *error) {
    for (size_t i = 0; i < l->count; i++) {
        entry *e = &l->entries[i];
        e->leaves = is_loss(e->layer) && e->readers == 0;
        if (e->leaves) l->waiting[l->waiting_count++] = e;
    }
    while (l->waiting_count > 0) {
        const hp_json *calls = hp_json_get(l->waiting[--l->waiting_count]->layer, "inbound_nodes");
        if (calls) read_tensors(l, calls, false);
    }
    hp_json *kept = hp_json_new(f->arena, HP_JSON_ARRAY);
    HP_ALLOCATED(kept, error);
    for (hp_json *layer = layers->first, *next; layer; layer = next) {
        entry key = {.name = hp_json_string(hp_json_get(layer, "name"))};
        const entry *e = key.name ? bsearch(&key, l->entries, l->count, sizeof key, by_name) : NULL;
        next = layer->next;
        if (!e || !e->leaves) hp_json_append(kept, layer);
    }
    hp_json_set(config, "layers", kept);
    return HP_OK;
}

hp_status hp_fix_losses(const hp_fixup *f, hp_json *config, hp_error *error) {
    hp_json *layers = hp_fix_member(config, "layers");
    bool any = false;
    HP_JSON_EACH (layer, layers) any |= is_loss(layer);
    if (!any) return HP_OK;
    losses l = {.entries = hp_alloc_array(layers->count, sizeof(entry)),
        .waiting = hp_alloc_array(layers->count, sizeof(entry *))};
    hp_status status = HP_OK;
    if (!l.entries || !l.waiting) {
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    } else {
        count_readers(&l, config, layers);
        status = take_out(&l, f, config, layers, error);
    }
    hp_free(l.entries);
    hp_free(l.waiting);
    return status;
}
