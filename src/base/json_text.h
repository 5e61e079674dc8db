/* json_text.h: a JSON tree as text. */
#ifndef HP_BASE_JSON_TEXT_H
#define HP_BASE_JSON_TEXT_H

#include "base/json.h"

/* The whole value as JSON text in one line, in the arena; reading it gives the same tree. Numbers that are not finite are
 * written as Python does: NaN, Infinity, -Infinity. NULL value: "null". NULL: out of memory. */
char *hp_json_text(hp_arena *arena, const hp_json *value);

#endif
