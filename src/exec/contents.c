/* contents.c: what a model is made of, for callers: its weights, and how its inputs and outputs are nested. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"

size_t hp_model_weight_count(const hp_model *model) {
    return model ? hp_network_weight_count(model->network) : 0;
}

hp_status hp_model_weight(const hp_model *model, size_t index, hp_weight_info *info, hp_error *error) {
    HP_FAIL_IF(!model || !info, error, HP_ERROR_ARGUMENT, NULL, "model or info is NULL");
    HP_FAIL_IF(!hp_network_weight(model->network, index, info), error, HP_ERROR_ARGUMENT, NULL,
        "there is no weight %zu; the model has %zu", index, hp_model_weight_count(model));
    return HP_OK;
}

/* ---- structure */

typedef struct buffer {
    char *data;
    size_t used, capacity;
    bool out_of_memory;
} buffer;

static void put(buffer *t, const char *piece, size_t size) {
    if (!t->out_of_memory && !HP_GROW(t->data, t->capacity, t->used + size + 1)) t->out_of_memory = true;
    if (t->out_of_memory) return;
    memcpy(t->data + t->used, piece, size);
    t->used += size;
    t->data[t->used] = '\0';
}

static void put_text(buffer *t, const char *piece) {
    put(t, piece, strlen(piece));
}

static void put_number(buffer *t, size_t number) {
    char digits[24];
    put(t, digits, (size_t)snprintf(digits, sizeof digits, "%zu", number));
}

static void put_string(buffer *t, const char *string) {
    put(t, "\"", 1);
    for (const char *c = string; *c; c++) {
        char escaped[8];
        if ((unsigned char)*c < ' ')
            put(t, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*c));
        else if (*c == '"' || *c == '\\')
            put(t, (const char[]){'\\', *c}, 2);
        else
            put(t, c, 1);
    }
    put(t, "\"", 1);
}

static int by_key(const void *a, const void *b) {
    return strcmp((*(const hp_json *const *)a)->key, (*(const hp_json *const *)b)->key);
}

/* Members by sorted key: the order in which the tensors are numbered, as keras.tree's. Depth was bounded by parsing. */
static void put_structure(buffer *t, const hp_json *value, size_t *next) {
    if (hp_network_is_tensor(value)) {
        put_number(t, (*next)++);
        return;
    }
    bool dict = value->type == HP_JSON_OBJECT;
    const hp_json **items = hp_alloc_array(value->count, sizeof *items);
    size_t n = 0;
    if (!items) t->out_of_memory = true;
    HP_JSON_EACH (item, items ? value : NULL) items[n++] = item;
    if (dict && n > 0) qsort(items, n, sizeof *items, by_key);
    put_text(t, dict ? "{" : "[");
    for (size_t i = 0; i < n; i++) {
        if (i) put_text(t, ", ");
        if (dict) {
            put_string(t, items[i]->key);
            put_text(t, ": ");
        }
        put_structure(t, items[i], next);
    }
    put_text(t, dict ? "}" : "]");
    hp_free(items);
}

/* Without a structure in the config: a bare tensor, or a list of them (an inner layer's). */
static void put_plain(buffer *t, size_t count) {
    if (count != 1) put_text(t, "[");
    for (size_t i = 0; i < count; i++) {
        if (i) put_text(t, ", ");
        put_number(t, i);
    }
    if (count != 1) put_text(t, "]");
}

static hp_status structure(const hp_model *model, const hp_json *nested, size_t count, char **result, hp_error *error) {
    HP_FAIL_IF(!result, error, HP_ERROR_ARGUMENT, NULL, "text is NULL");
    *result = NULL;
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    buffer t = {0};
    size_t next = 0;
    if (nested)
        put_structure(&t, nested, &next);
    else
        put_plain(&t, count);
    if (t.out_of_memory) hp_free(t.data);
    HP_FAIL_IF(t.out_of_memory, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    *result = t.data;
    return HP_OK;
}

hp_status hp_model_input_structure(const hp_model *model, char **text, hp_error *error) {
    const hp_json *nested = model ? hp_network_structure(model->network, false) : NULL;
    return structure(model, nested, hp_model_input_count(model), text, error);
}

hp_status hp_model_output_structure(const hp_model *model, char **text, hp_error *error) {
    const hp_json *nested = model && !model->output_layer ? hp_network_structure(model->network, true) : NULL;
    return structure(model, nested, hp_model_output_count(model), text, error);
}

void hp_text_free(char *text) {
    hp_free(text);
}
