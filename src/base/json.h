/* json.h: a JSON value as a tree of plain structs in an arena.
 *
 * Model configs are parsed once (format/json.c) into this tree; vintage fix-ups change it; layers and ops only read
 * it. Everything lives in the arena that the tree was made in. */
#ifndef HP_BASE_JSON_H
#define HP_BASE_JSON_H

#include <stdbool.h>
#include "base/memory.h"

typedef enum hp_json_type {
    HP_JSON_NULL,
    HP_JSON_BOOL,
    HP_JSON_INT,    /* fits int64 */
    HP_JSON_DOUBLE, /* NaN and infinities included */
    HP_JSON_STRING,
    HP_JSON_ARRAY,
    HP_JSON_OBJECT,
} hp_json_type;

typedef struct hp_json {
    hp_json_type type;
    bool boolean;
    int64_t integer;
    double number;         /* also set for HP_JSON_INT */
    const char *string;    /* UTF-8, terminated; may hold no NUL inside */
    const char *key;       /* of an object's member; else NULL */
    struct hp_json *first; /* children of an array or object, in order */
    struct hp_json *last;
    struct hp_json *next; /* sibling */
    size_t count;         /* of children */
} hp_json;

/* All of these accept NULL as the value (a missing one) and give NULL, false or the default back. */
const hp_json *hp_json_get(const hp_json *object, const char *key); /* NULL when absent */
const hp_json *hp_json_at(const hp_json *array, size_t index);
const char *hp_json_string(const hp_json *value);         /* NULL unless a string */
bool hp_json_is(const hp_json *value, hp_json_type type); /* false for NULL */
bool hp_json_is_null(const hp_json *value);               /* missing or null */
bool hp_json_equal(const hp_json *a, const hp_json *b);
const char *hp_json_type_name(const hp_json *value); /* "an integer", "a string", "nothing" ..., for messages */
/* A short text of the value for messages: at most `size` bytes, cut with "...". Returns `text`. */
const char *hp_json_describe(const hp_json *value, char *text, size_t size);

#define HP_JSON_EACH(item, array) for (const hp_json *item = (array) ? (array)->first : NULL; item; item = item->next)

/* Making and changing; NULL when out of memory. */
hp_json *hp_json_new(hp_arena *arena, hp_json_type type);
hp_json *hp_json_new_int(hp_arena *arena, int64_t value);
hp_json *hp_json_new_double(hp_arena *arena, double value);
hp_json *hp_json_new_bool(hp_arena *arena, bool value);
hp_json *hp_json_new_string(hp_arena *arena, const char *text);
hp_json *hp_json_copy(hp_arena *arena, const hp_json *value); /* deep; the copy has no key */
void hp_json_append(hp_json *array, hp_json *item);
void hp_json_set(hp_json *object, const char *key, hp_json *value);     /* replaces; `key` must outlive the tree */
bool hp_json_remove(hp_json *object, const char *key);                  /* false: was not there */
bool hp_json_rename(hp_json *object, const char *from, const char *to); /* false: `from` absent, or `to` present */

#endif
