/* json_text.c: see json_text.h.
 *
 * Invariant: the text is written twice by the same code, first to count its bytes, so that it never runs out of room. */
#include "base/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    char *text; /* NULL: bytes are only counted */
    size_t used;
} writer;

static void put(writer *w, const char *text, size_t size) {
    if (w->text) memcpy(w->text + w->used, text, size);
    w->used += size;
}

static void put_text(writer *w, const char *text) {
    put(w, text, strlen(text));
}

static void put_string(writer *w, const char *text) {
    put(w, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        char escaped[8];
        if (*c == '"' || *c == '\\')
            put(w, (const char[]){'\\', (char)*c}, 2);
        else if (*c < 0x20)
            put(w, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*c));
        else
            put(w, (const char *)c, 1);
    }
    put(w, "\"", 1);
}

/* The shortest of the usual precisions that gives the number back, with a point whatever the locale has there. */
static void put_double(writer *w, double value) {
    char text[40];
    if (!isfinite(value)) {
        put_text(w, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    bool whole = true;
    for (char *c = text; *c; c++) {
        if (!strchr("+-0123456789e", *c)) *c = '.';
        whole = whole && *c != '.' && *c != 'e';
    }
    put_text(w, text);
    if (whole) put_text(w, ".0");
}

static void put_value(writer *w, const hp_json *value) {
    char number[24];
    switch (value ? value->type : HP_JSON_NULL) {
    case HP_JSON_NULL:
        put_text(w, "null");
        break;
    case HP_JSON_BOOL:
        put_text(w, value->boolean ? "true" : "false");
        break;
    case HP_JSON_INT:
        snprintf(number, sizeof number, "%lld", (long long)value->integer);
        put_text(w, number);
        break;
    case HP_JSON_DOUBLE:
        put_double(w, value->number);
        break;
    case HP_JSON_STRING:
        put_string(w, value->string);
        break;
    case HP_JSON_ARRAY:
    case HP_JSON_OBJECT: {
        bool object = value->type == HP_JSON_OBJECT;
        put(w, object ? "{" : "[", 1);
        HP_JSON_EACH (item, value) {
            if (item != value->first) put(w, ", ", 2);
            if (object) {
                put_string(w, item->key);
                put(w, ": ", 2);
            }
            put_value(w, item);
        }
        put(w, object ? "}" : "]", 1);
        break;
    }
    }
}

char *hp_json_text(hp_arena *arena, const hp_json *value) {
    writer counting = {0}, writing = {0};
    put_value(&counting, value);
    writing.text = hp_arena_alloc(arena, counting.used + 1);
    if (writing.text) put_value(&writing, value);
    return writing.text;
}
