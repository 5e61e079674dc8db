/* json.c: see json.h.
 *
 * Invariant: `count` is the length of the list `first ... last`, and `number` is set wherever `integer` is.
 */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const hp_json *hp_json_get(const hp_json *object, const char *key) {
    if (!object || object->type != HP_JSON_OBJECT) return NULL;
    for (const hp_json *member = object->first; member; member = member->next)
        if (strcmp(member->key, key) == 0) return member;
    return NULL;
}

const hp_json *hp_json_at(const hp_json *array, size_t index) {
    if (!array || array->type != HP_JSON_ARRAY) return NULL;
    const hp_json *item = array->first;
    while (item && index-- > 0) item = item->next;
    return item;
}

const char *hp_json_string(const hp_json *value) {
    return value && value->type == HP_JSON_STRING ? value->string : NULL;
}

bool hp_json_is(const hp_json *value, hp_json_type type) {
    return value && value->type == type;
}

bool hp_json_is_null(const hp_json *value) {
    return !value || value->type == HP_JSON_NULL;
}

static bool equal_children(const hp_json *a, const hp_json *b) {
    if (a->count != b->count) return false;
    if (a->type == HP_JSON_ARRAY) {
        const hp_json *other = b->first;
        for (const hp_json *item = a->first; item; item = item->next, other = other->next)
            if (!hp_json_equal(item, other)) return false;
        return true;
    }
    for (const hp_json *member = a->first; member; member = member->next)
        if (!hp_json_equal(member, hp_json_get(b, member->key))) return false;
    return true;
}

bool hp_json_equal(const hp_json *a, const hp_json *b) {
    if (!a || !b) return a == b;
    if (a->type != b->type) return false;
    switch (a->type) {
    case HP_JSON_NULL:
        return true;
    case HP_JSON_BOOL:
        return a->boolean == b->boolean;
    case HP_JSON_INT:
        return a->integer == b->integer;
    case HP_JSON_DOUBLE:
        return a->number == b->number || (isnan(a->number) && isnan(b->number));
    case HP_JSON_STRING:
        return strcmp(a->string, b->string) == 0;
    case HP_JSON_ARRAY:
    case HP_JSON_OBJECT:
        return equal_children(a, b);
    }
    return false;
}

const char *hp_json_type_name(const hp_json *value) {
    if (!value) return "nothing";
    switch (value->type) {
    case HP_JSON_NULL:
        return "null";
    case HP_JSON_BOOL:
        return "a boolean";
    case HP_JSON_INT:
        return "an integer";
    case HP_JSON_DOUBLE:
        return "a number";
    case HP_JSON_STRING:
        return "a string";
    case HP_JSON_ARRAY:
        return "a list";
    case HP_JSON_OBJECT:
        return "an object";
    }
    return "nothing";
}

/* A text that grows up to its size and remembers whether something was left out. */
typedef struct writer {
    char *text;
    size_t size, used;
    bool cut;
} writer;

static void write_text(writer *w, const char *text, size_t length) {
    size_t room = w->size - 1 - w->used;
    if (length > room) {
        w->cut = true;
        length = room;
    }
    memcpy(w->text + w->used, text, length);
    w->used += length;
    w->text[w->used] = '\0';
}

static void describe(writer *w, const hp_json *value) {
    char number[32];
    if (w->cut) return;
    switch (value->type) {
    case HP_JSON_NULL:
        write_text(w, "null", 4);
        return;
    case HP_JSON_BOOL:
        write_text(w, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
        return;
    case HP_JSON_INT:
        snprintf(number, sizeof number, "%lld", (long long)value->integer);
        write_text(w, number, strlen(number));
        return;
    case HP_JSON_DOUBLE:
        snprintf(number, sizeof number, "%.9g", value->number);
        write_text(w, number, strlen(number));
        return;
    case HP_JSON_STRING:
        write_text(w, "\"", 1);
        write_text(w, value->string, strlen(value->string));
        write_text(w, "\"", 1);
        return;
    case HP_JSON_ARRAY:
    case HP_JSON_OBJECT:
        write_text(w, value->type == HP_JSON_ARRAY ? "[" : "{", 1);
        for (const hp_json *item = value->first; item && !w->cut; item = item->next) {
            if (item != value->first) write_text(w, ", ", 2);
            if (value->type == HP_JSON_OBJECT) {
                write_text(w, item->key, strlen(item->key));
                write_text(w, ": ", 2);
            }
            describe(w, item);
        }
        write_text(w, value->type == HP_JSON_ARRAY ? "]" : "}", 1);
        return;
    }
}

const char *hp_json_describe(const hp_json *value, char *text, size_t size) {
    writer w = {.text = text, .size = size};
    if (size == 0) return text;
    text[0] = '\0';
    if (!value)
        write_text(&w, "nothing", 7);
    else
        describe(&w, value);
    if (w.cut && size > 4) {
        size_t end = size - 4; /* before the dots: back to the start of a UTF-8 character */
        while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) end--;
        memcpy(text + end, "...", 4);
    }
    return text;
}

hp_json *hp_json_new(hp_arena *arena, hp_json_type type) {
    hp_json *value = hp_arena_alloc(arena, sizeof *value);
    if (value) value->type = type;
    return value;
}

hp_json *hp_json_new_int(hp_arena *arena, int64_t integer) {
    hp_json *value = hp_json_new(arena, HP_JSON_INT);
    if (!value) return NULL;
    value->integer = integer;
    value->number = (double)integer;
    return value;
}

hp_json *hp_json_new_double(hp_arena *arena, double number) {
    hp_json *value = hp_json_new(arena, HP_JSON_DOUBLE);
    if (value) value->number = number;
    return value;
}

hp_json *hp_json_new_bool(hp_arena *arena, bool boolean) {
    hp_json *value = hp_json_new(arena, HP_JSON_BOOL);
    if (value) value->boolean = boolean;
    return value;
}

hp_json *hp_json_new_string(hp_arena *arena, const char *text) {
    hp_json *value = hp_json_new(arena, HP_JSON_STRING);
    if (value) value->string = hp_arena_strdup(arena, text);
    return value && value->string ? value : NULL;
}

hp_json *hp_json_copy(hp_arena *arena, const hp_json *value) {
    hp_json *copy = hp_json_new(arena, value->type);
    if (!copy) return NULL;
    copy->boolean = value->boolean;
    copy->integer = value->integer;
    copy->number = value->number;
    if (value->string && !(copy->string = hp_arena_strdup(arena, value->string))) return NULL;
    for (const hp_json *item = value->first; item; item = item->next) {
        hp_json *child = hp_json_copy(arena, item);
        if (!child) return NULL;
        if (item->key && !(child->key = hp_arena_strdup(arena, item->key))) return NULL;
        hp_json_append(copy, child);
    }
    return copy;
}

void hp_json_append(hp_json *array, hp_json *item) {
    item->next = NULL;
    if (array->last)
        array->last->next = item;
    else
        array->first = item;
    array->last = item;
    array->count++;
}

/* The pointer that points to the member of that key; NULL when there is none. `*before` is the member in
 * front. */
static hp_json **find_link(hp_json *object, const char *key, hp_json **before) {
    *before = NULL;
    for (hp_json **link = &object->first; *link; *before = *link, link = &(*link)->next)
        if (strcmp((*link)->key, key) == 0) return link;
    return NULL;
}

void hp_json_set(hp_json *object, const char *key, hp_json *value) {
    hp_json *before, **link = find_link(object, key, &before);
    value->key = key;
    if (!link) {
        hp_json_append(object, value);
        return;
    }
    value->next = (*link)->next; /* in the old one's place */
    if (object->last == *link) object->last = value;
    *link = value;
}

bool hp_json_remove(hp_json *object, const char *key) {
    hp_json *before, **link = find_link(object, key, &before);
    if (!link) return false;
    if (object->last == *link) object->last = before;
    *link = (*link)->next;
    object->count--;
    return true;
}

bool hp_json_rename(hp_json *object, const char *from, const char *to) {
    hp_json *before, **link = find_link(object, from, &before);
    if (!link || find_link(object, to, &before)) return false;
    (*link)->key = to;
    return true;
}
