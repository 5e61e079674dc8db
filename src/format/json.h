/* json.h: text -> hp_json tree. */
#ifndef HP_FORMAT_JSON_H
#define HP_FORMAT_JSON_H

#include "base/error.h"
#include "base/json.h"

enum {
    HP_JSON_MAX_DEPTH = 512,      /* a nested model takes some six levels */
    HP_JSON_MAX_BYTES = 256 << 20 /* of text */
};

/* Reads `size` bytes of JSON (UTF-8, no terminator needed; bare NaN, Infinity and -Infinity as Python writes
 * them) into a tree in `arena`. `where` begins the error's place. A key that stands twice counts with its
 * last value, as in Python. An integer beyond int64 becomes a double. A NUL
 * character in a string becomes a blank. HP_ERROR_FORMAT for anything that is not one JSON value or is nested deeper
 * than HP_JSON_MAX_DEPTH. */
hp_status hp_json_parse(
    hp_arena *arena, const char *where, const void *text, size_t size, hp_json **value, hp_error *error);

#endif
