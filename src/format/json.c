/* json.c: json-c's tree -> hp_json.
 *
 * Invariant: no json_object outlives hp_json_parse; depth is bounded by the tokener, so the recursion here is
 * too. */
#include "format/json.h"

#include <json-c/json.h>
#include <string.h>

static hp_status convert(hp_arena *arena, json_object *from, hp_json **to, hp_error *error);

/* Texts in the tree end at their NUL, so a NUL inside (the bytecode of a Lambda has some) becomes a blank. */
static hp_status convert_string(hp_arena *arena, json_object *from, hp_json **to, hp_error *error) {
    size_t length = (size_t)json_object_get_string_len(from);
    char *text = hp_arena_copy(arena, json_object_get_string(from), length + 1);
    *to = hp_json_new(arena, HP_JSON_STRING);
    HP_FAIL_IF(!*to || !text, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < length; i++)
        if (!text[i]) text[i] = ' ';
    (*to)->string = text;
    return HP_OK;
}

static hp_status convert_array(hp_arena *arena, json_object *from, hp_json **to, hp_error *error) {
    *to = hp_json_new(arena, HP_JSON_ARRAY);
    HP_ALLOCATED(*to, error);
    size_t count = json_object_array_length(from);
    for (size_t i = 0; i < count; i++) {
        hp_json *item;
        HP_TRY(convert(arena, json_object_array_get_idx(from, i), &item, error));
        hp_json_append(*to, item);
    }
    return HP_OK;
}

static hp_status convert_object(hp_arena *arena, json_object *from, hp_json **to, hp_error *error) {
    *to = hp_json_new(arena, HP_JSON_OBJECT);
    HP_ALLOCATED(*to, error);
    struct json_object_iterator it = json_object_iter_begin(from), end = json_object_iter_end(from);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        hp_json *member;
        HP_TRY(convert(arena, json_object_iter_peek_value(&it), &member, error));
        member->key = hp_arena_strdup(arena, json_object_iter_peek_name(&it));
        HP_ALLOCATED(member->key, error);
        hp_json_append(*to, member); /* json-c keeps keys unique and in order */
    }
    return HP_OK;
}

/* json-c clamps at the ends of int64; what lies beyond keeps its size as a double. */
static hp_json *convert_integer(hp_arena *arena, json_object *from) {
    int64_t integer = json_object_get_int64(from);
    uint64_t beyond = json_object_get_uint64(from);
    if (integer == INT64_MAX && beyond > (uint64_t)INT64_MAX) return hp_json_new_double(arena, (double)beyond);
    return hp_json_new_int(arena, integer);
}

static hp_status convert(hp_arena *arena, json_object *from, hp_json **to, hp_error *error) {
    switch (json_object_get_type(from)) {
    case json_type_null:
        *to = hp_json_new(arena, HP_JSON_NULL);
        break;
    case json_type_boolean:
        *to = hp_json_new_bool(arena, json_object_get_boolean(from));
        break;
    case json_type_int:
        *to = convert_integer(arena, from);
        break;
    case json_type_double:
        *to = hp_json_new_double(arena, json_object_get_double(from));
        break;
    case json_type_string:
        HP_TRY(convert_string(arena, from, to, error));
        break;
    case json_type_array:
        return convert_array(arena, from, to, error);
    case json_type_object:
        return convert_object(arena, from, to, error);
    }
    HP_ALLOCATED(*to, error);
    return HP_OK;
}

/* The text that json-c stopped at, for a message. */
static void describe_end(const char *text, size_t size, size_t at, char *near, size_t room) {
    size_t n = 0;
    while (n + 1 < room && at + n < size && n < 24) {
        unsigned char c = (unsigned char)text[at + n];
        near[n++] = c >= 0x20 && c < 0x7F ? (char)c : '?';
    }
    near[n] = '\0';
}

static hp_status parse(
    struct json_tokener *tokener, const char *text, size_t size, json_object **root, hp_error *error) {
    char near[32];
    *root = json_tokener_parse_ex(tokener, text, (int)size);
    enum json_tokener_error problem = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    if (problem == json_tokener_continue) { /* a bare number or word at the very end wants a terminator */
        *root = json_tokener_parse_ex(tokener, "", 1);
        problem = json_tokener_get_error(tokener);
        HP_FAIL_IF(problem != json_tokener_success, error, HP_ERROR_FORMAT, NULL,
            "JSON text ends after %zu bytes in the middle of a value", size);
        end = size;
    }
    HP_FAIL_IF(problem == json_tokener_error_depth, error, HP_ERROR_FORMAT, NULL,
        "JSON text is nested deeper than %d levels", HP_JSON_MAX_DEPTH);
    describe_end(text, size, end, near, sizeof near);
    HP_FAIL_IF(problem != json_tokener_success, error, HP_ERROR_FORMAT, NULL, "not JSON at byte %zu (%s): %s", end,
        near, json_tokener_error_desc(problem));
    for (size_t i = end; i < size; i++)
        HP_FAIL_IF(!text[i] || !strchr(" \t\r\n", text[i]), error, HP_ERROR_FORMAT, NULL,
            "more text after the JSON value, at byte %zu", i);
    return HP_OK;
}

hp_status hp_json_parse(
    hp_arena *arena, const char *where, const void *text, size_t size, hp_json **value, hp_error *error) {
    HP_FAIL_IF(size > HP_JSON_MAX_BYTES, error, HP_ERROR_FORMAT, where, "%zu bytes of JSON; at most %d are read", size,
        HP_JSON_MAX_BYTES);
    struct json_tokener *tokener = json_tokener_new_ex(HP_JSON_MAX_DEPTH);
    HP_ALLOCATED(tokener, error);
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8 | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    json_object *root = NULL;
    hp_status status = parse(tokener, text, size, &root, error);
    if (status == HP_OK) status = convert(arena, root, value, error);
    json_object_put(root);
    json_tokener_free(tokener);
    if (status != HP_OK && where) hp_error_prefix(error, "%s", where);
    return status;
}
