/* fuzz_json.c: JSON text. */
#include "format/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hp_arena arena = {0};
    hp_json *value, *copy;
    hp_error error;
    char text[256];
    if (hp_json_parse(&arena, "json", size ? data : (const uint8_t *)"", size, &value, &error) == HP_OK) {
        hp_json_describe(value, text, sizeof text);
        copy = hp_json_copy(&arena, value);
        if (copy) hp_json_equal(value, copy);
    }
    hp_arena_release(&arena);
    return 0;
}
