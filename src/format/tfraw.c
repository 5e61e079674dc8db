/* tfraw.c: see tfraw.h. Invariant: an attribute that is not known to say nothing becomes a keyword argument, so that the
 * table of functions has to know it. */
#include "format/tfraw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- attributes: {"b": true}, {"i": "2"}, {"f": 0.2}, {"type": "DT_FLOAT"}, {"s": "TkhXQw=="}, {"list": {"i": ["1"]}} */

static hp_json *integer(const hp_fixup *f, const hp_json *value) {
    const char *text = hp_json_string(value);
    if (text) {
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        return errno || end == text || *end ? NULL : hp_json_new_int(f->arena, number);
    }
    return hp_json_is(value, HP_JSON_INT) ? hp_json_new_int(f->arena, value->integer) : NULL;
}

/* "DT_FLOAT" as "float32". NULL: one that Keras has no name for. */
static const char *dtype_name(const char *type) {
    static const char *const names[][2] = {{"DT_FLOAT", "float32"}, {"DT_DOUBLE", "float64"}, {"DT_HALF", "float16"},
        {"DT_BFLOAT16", "bfloat16"}, {"DT_INT8", "int8"}, {"DT_INT16", "int16"}, {"DT_INT32", "int32"},
        {"DT_INT64", "int64"}, {"DT_UINT8", "uint8"}, {"DT_UINT16", "uint16"}, {"DT_UINT32", "uint32"},
        {"DT_UINT64", "uint64"}, {"DT_BOOL", "bool"}, {"DT_STRING", "string"}, {"DT_COMPLEX64", "complex64"}};
    for (size_t i = 0; type && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], type) == 0) return names[i][1];
    return NULL;
}

/* Text that stands in base 64. NULL: it is none. */
static hp_json *decoded(const hp_fixup *f, const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char result[64];
    size_t used = 0;
    unsigned bits = 0, count = 0;
    for (; text && *text && *text != '='; text++) {
        const char *letter = strchr(letters, *text);
        if (!letter || used + 1 >= sizeof result) return NULL;
        bits = bits << 6 | (unsigned)(letter - letters);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        result[used++] = (char)(bits >> count & 0xff);
    }
    result[used] = '\0';
    return text ? hp_json_new_string(f->arena, result) : NULL;
}

/* {"dim": [{"size": "-1"}, ...]} as a list of sizes. */
static hp_json *sizes(const hp_fixup *f, const hp_json *dims) {
    hp_json *result = hp_json_new(f->arena, HP_JSON_ARRAY);
    HP_JSON_EACH (item, dims) {
        hp_json *number = result ? integer(f, hp_json_get(item, "size")) : NULL;
        if (!number) return NULL;
        hp_json_append(result, number);
    }
    return result;
}

static hp_json *plain_attribute(const hp_fixup *f, const hp_json *attribute) {
    const hp_json *value = attribute->first, *list;
    if (!hp_json_is(attribute, HP_JSON_OBJECT) || attribute->count != 1) return NULL;
    if (strcmp(value->key, "b") == 0 || strcmp(value->key, "f") == 0) return hp_json_copy(f->arena, value);
    if (strcmp(value->key, "i") == 0) return integer(f, value);
    if (strcmp(value->key, "s") == 0) return decoded(f, hp_json_string(value));
    if (strcmp(value->key, "type") == 0) {
        const char *name = dtype_name(hp_json_string(value));
        return name ? hp_json_new_string(f->arena, name) : NULL;
    }
    if (strcmp(value->key, "shape") == 0) return sizes(f, hp_json_get(value, "dim"));
    if (strcmp(value->key, "list") != 0) return NULL;
    if (hp_json_is(value, HP_JSON_OBJECT) && value->count == 0) return hp_json_new(f->arena, HP_JSON_ARRAY);
    list = hp_json_get(value, "f");
    if (list) return hp_json_copy(f->arena, list);
    list = hp_json_get(value, "i");
    if (!hp_json_is(list, HP_JSON_ARRAY)) return NULL;
    hp_json *result = hp_json_new(f->arena, HP_JSON_ARRAY);
    HP_JSON_EACH (item, list) {
        hp_json *number = result ? integer(f, item) : NULL;
        if (!number) return NULL;
        hp_json_append(result, number);
    }
    return result;
}

/* Dtypes and shapes of inputs and how many there are: what the inputs themselves say. */
static bool says_nothing(const char *name) {
    static const char *const others[] = {
        "N", "SrcT", "Index", "index_type", "Truncate", "U", "incompatible_shape_error"};
    if (name[0] == 'T' || name[0] == '_') return strcmp(name, "Truncate") != 0 && strcmp(name, "Targmax") != 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i], name) == 0) return true;
    return false;
}

static hp_status convert_attributes(
    const hp_fixup *f, const hp_json *attributes, hp_json *kwargs, bool *fits, hp_error *error) {
    static const char *const renamed[][2] = {
        {"keep_dims", "keepdims"}, {"adj_x", "transpose_a"}, {"adj_y", "transpose_b"}}; /* of real numbers */
    if (attributes && attributes->type != HP_JSON_OBJECT) {
        *fits = false;
        return HP_OK;
    }
    HP_JSON_EACH (attribute, attributes) {
        if (says_nothing(attribute->key)) continue;
        const char *name = attribute->key;
        for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
            if (strcmp(attribute->key, renamed[i][0]) == 0) name = renamed[i][1];
        hp_json *value = plain_attribute(f, attribute);
        char *key = hp_arena_strdup(f->arena, name);
        HP_ALLOCATED(key, error);
        if (value)
            hp_json_set(kwargs, key, value);
        else
            *fits = false;
    }
    return HP_OK;
}

/* ---- inputs by number, tensors and constants together */

/* How many of the first inputs are a list; 0: none is. */
static size_t list_length(const hp_fixup *f, const hp_json *attributes) {
    const hp_json *count = hp_json_get(attributes, "N"), *number = hp_json_get(count, "i");
    hp_json *value = number ? integer(f, number) : NULL;
    return value && value->integer > 0 ? (size_t)value->integer : 0;
}

static hp_status list_inputs(const hp_fixup *f, const hp_json *constants, const hp_json *args, size_t listed,
    hp_json *all, bool *fits, hp_error *error) {
    const hp_json *first = hp_json_at(args, 0), *tensor = hp_json_is(first, HP_JSON_ARRAY) ? first->first : first;
    size_t tensors = hp_json_is(first, HP_JSON_ARRAY) ? first->count : first ? 1 : 0;
    size_t count = tensors + (hp_json_is(constants, HP_JSON_OBJECT) ? constants->count : 0);
    hp_json *list = listed ? hp_json_new(f->arena, HP_JSON_ARRAY) : NULL;
    HP_FAIL_IF(listed && !list, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (list) hp_json_append(all, list);
    for (size_t i = 0; i < count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        const hp_json *constant = hp_json_get(constants, number), *value = constant ? constant : tensor;
        if (!value) {
            *fits = false;
            return HP_OK;
        }
        if (!constant) tensor = tensor->next;
        hp_json *copy = hp_json_copy(f->arena, value);
        HP_ALLOCATED(copy, error);
        hp_json_append(i < listed ? list : all, copy);
    }
    return HP_OK;
}

hp_status hp_fix_tf_raw(const hp_fixup *f, const hp_json *config, hp_json *call, bool *fits, hp_error *error) {
    const hp_json *attributes = hp_json_get(hp_json_get(config, "node_def"), "attr");
    hp_json *all = hp_json_new(f->arena, HP_JSON_ARRAY), *kwargs = hp_json_new(f->arena, HP_JSON_OBJECT);
    HP_FAIL_IF(!all || !kwargs, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(list_inputs(
        f, hp_json_get(config, "constants"), hp_json_get(call, "args"), list_length(f, attributes), all, fits, error));
    HP_TRY(convert_attributes(f, attributes, kwargs, fits, error));
    hp_json_set(call, "args", all);
    hp_json_set(call, "kwargs", kwargs);
    return HP_OK;
}
