/* paths.c: see paths.h. saving_lib.py _save_state and _save_container_state. Invariant: no layer is visited twice, and none
 * stays marked behind a walk. */
#include "graph/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "graph/models.h"

enum { PATH_SIZE = 1024 };

typedef struct walk {
    hp_path_visit *visit;
    void *context;
    hp_error *error;
} walk;

const char *hp_snake_case(const char *class_name, char *text, size_t size) {
    char word[256], split[512];
    size_t n = 0, m = 0;
    for (const char *c = class_name; *c && n + 1 < sizeof word; c++) { /* re.sub(r"\W+", "", name) */
        unsigned char u = (unsigned char)*c;
        if (u >= 128 || u == '_' || (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z'))
            word[n++] = *c;
    }
    word[n] = '\0';
#define UPPER(c) ((c) >= 'A' && (c) <= 'Z')
#define LOWER(c) ((c) >= 'a' && (c) <= 'z')
    for (size_t i = 0; i < n;) { /* re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name) */
        split[m++] = word[i++];
        if (i + 1 >= n || !UPPER(word[i]) || !LOWER(word[i + 1])) continue;
        split[m++] = '_';
        split[m++] = word[i++];
        while (i < n && LOWER(word[i])) split[m++] = word[i++];
    }
    size_t to = 0;
    for (size_t i = 0; i < m && to + 2 < size; i++) { /* re.sub("([a-z])([A-Z])", r"\1_\2", name).lower() */
        text[to++] = (char)(UPPER(split[i]) ? split[i] + 32 : split[i]);
        if (LOWER(split[i]) && i + 1 < m && UPPER(split[i + 1])) text[to++] = '_';
    }
    text[to] = '\0';
    return text;
#undef UPPER
#undef LOWER
}

static const char *saved_name(const hp_layer *layer) {
    return layer->cls->saved_name ? layer->cls->saved_name : hp_layer_class_name(layer);
}

/* How often a name stood in a list so far. Classes are known ones, so there are few names. */
typedef struct name_count {
    const char *attribute;
    char name[256];
    size_t count;
} name_count;

typedef struct name_counts {
    name_count *at;
    size_t count, capacity;
} name_counts;

/* The name of the next child in its list: the class in snake case with _1, _2 ... for the second, third of that class
 * in this list. Operations are not among a model's layers. False: out of memory. */
static bool list_name(name_counts *counts, const hp_layer *child, char *text, size_t size) {
    char name[256];
    size_t i = 0;
    hp_snake_case(saved_name(child), name, sizeof name);
    while (i < counts->count &&
           (strcmp(counts->at[i].attribute, child->attribute) != 0 || strcmp(counts->at[i].name, name) != 0))
        i++;
    if (i == counts->count) {
        if (!HP_GROW(counts->at, counts->capacity, counts->count + 1)) return false;
        counts->at[counts->count++].attribute = child->attribute;
        memcpy(counts->at[i].name, name, sizeof name);
    }
    size_t before = counts->at[i].count++;
    if (before)
        snprintf(text, size, "%s_%zu", name, before);
    else
        snprintf(text, size, "%s", name);
    return true;
}

/* Attributes are visited by sorted name, private ones last: it decides which path a shared layer is saved under. */
static int by_attribute(const void *a, const void *b) {
    const hp_layer *x = *(hp_layer *const *)a, *y = *(hp_layer *const *)b;
    bool x_private = x->attribute[0] == '_', y_private = y->attribute[0] == '_';
    return x_private != y_private ? x_private - y_private : strcmp(x->attribute, y->attribute);
}

static hp_status walk_path(const walk *w, hp_layer *layer, const char *path);

static hp_status walk_list(const walk *w, hp_layer *layer, const char *path) {
    char name[PATH_SIZE], item[280];
    const char *skipped = layer->cls == &hp_model_class_Sequential ? "InputLayer" : NULL;
    name_counts counts = {0};
    hp_status status = HP_OK;
    for (size_t i = 0; status == HP_OK && i < layer->child_count; i++) {
        hp_layer *child = layer->children[i];
        if (!child->in_list || child->cls->is_operation) continue;
        if (skipped && i == 0 && strcmp(child->cls->class_name, skipped) == 0) continue;
        if (!list_name(&counts, child, item, sizeof item))
            status = hp_error_set(w->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        else if (snprintf(name, sizeof name, "%s%s%s/%s", path, *path ? "/" : "", child->attribute, item) < PATH_SIZE)
            status = walk_path(w, child, name);
    }
    hp_free(counts.at);
    return status;
}

static hp_status walk_path(const walk *w, hp_layer *layer, const char *path) {
    if (layer->visited) return HP_OK;
    layer->visited = true;
    HP_TRY(w->visit(w->context, layer, path));
    HP_TRY(walk_list(w, layer, path));
    if (layer->cls->is_model || layer->child_count == 0) return HP_OK;
    hp_layer **sorted = hp_alloc_array(layer->child_count, sizeof(hp_layer *));
    HP_ALLOCATED(sorted, w->error);
    memcpy(sorted, layer->children, layer->child_count * sizeof(hp_layer *));
    qsort(sorted, layer->child_count, sizeof *sorted, by_attribute);
    hp_status status = HP_OK;
    for (size_t i = 0; status == HP_OK && i < layer->child_count; i++) {
        char name[PATH_SIZE];
        if (sorted[i]->in_list) continue;
        if (snprintf(name, sizeof name, "%s/%s", path, sorted[i]->attribute) < PATH_SIZE)
            status = walk_path(w, sorted[i], name);
    }
    hp_free(sorted);
    return status;
}

void hp_layers_clear_visited(hp_layer *layer) {
    if (!layer->visited) return;
    layer->visited = false;
    for (size_t i = 0; i < layer->child_count; i++) hp_layers_clear_visited(layer->children[i]);
}

hp_status hp_layers_walk_paths(hp_layer *root, hp_path_visit *visit, void *context, hp_error *error) {
    walk w = {visit, context, error};
    hp_status status = walk_path(&w, root, "");
    hp_layers_clear_visited(root);
    return status;
}
