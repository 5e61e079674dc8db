/* format_files.h: what the tests of format/ share: opening files of tests/data/format. */
#ifndef HP_TESTS_FORMAT_FILES_H
#define HP_TESTS_FORMAT_FILES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "format/model_spec.h"

#define DATA(name) HP_TEST_DIR "/data/format/" name

static inline hp_model_spec *open_spec(const char *path, const char *weights) {
    hp_model_spec *spec = NULL;
    hp_error error = {0};
    if (hp_model_spec_open(path, weights, &spec, &error) != HP_OK)
        fail_msg("%s: %s: %s", path, error.where, error.message);
    return spec;
}

/* Opening must fail with `status`, naming `where` and saying `message`. */
static inline void refuse_spec(
    const char *path, const char *weights, hp_status status, const char *where, const char *message) {
    hp_model_spec *spec = NULL;
    hp_error error = {0};
    hp_status got = hp_model_spec_open(path, weights, &spec, &error);
    if (got != status) fail_msg("%s: %s %s", path, hp_status_name(got), error.message);
    if (!strstr(error.where, where)) fail_msg("%s: \"%s\" is not in the place \"%s\"", path, where, error.where);
    if (!strstr(error.message, message)) fail_msg("%s: \"%s\" is not in \"%s\"", path, message, error.message);
}

/* A value of the config by keys and (for lists) numbers, separated by dots: "layers.1.config.units". */
static inline const hp_json *at(const hp_json *value, const char *path) {
    char part[64];
    while (*path && value) {
        size_t n = strcspn(path, ".");
        memcpy(part, path, n);
        part[n] = '\0';
        value = value->type == HP_JSON_ARRAY ? hp_json_at(value, strtoul(part, NULL, 10)) : hp_json_get(value, part);
        path += n + (path[n] == '.');
    }
    return value;
}

static inline void check_text(const hp_json *value, const char *path, const char *expected) {
    const char *found = hp_json_string(at(value, path));
    if (!found || strcmp(found, expected) != 0) fail_msg("%s is %s, not %s", path, found ? found : "missing", expected);
}

static inline void check_json(const hp_json *value, const char *path, const char *expected) {
    char text[512];
    hp_json_describe(at(value, path), text, sizeof text);
    if (strcmp(text, expected) != 0) fail_msg("%s is %s, not %s", path, text, expected);
}

/* The weight must have `count` elements, which are `expected`. */
static inline void check_floats(
    const hp_model_spec *spec, const hp_weight *weight, const float *expected, size_t count) {
    float found[64];
    hp_error error = {0};
    assert_non_null(weight);
    assert_int_equal(weight->dtype, HP_FLOAT32);
    assert_int_equal(weight->bytes, count * sizeof *expected);
    if (hp_weight_read(spec->weights, weight, found, &error) != HP_OK) fail_msg("%s", error.message);
    for (size_t i = 0; i < count; i++)
        if (found[i] != expected[i]) fail_msg("%s[%zu] is %g, not %g", weight->name, i, found[i], expected[i]);
    if (weight->mapped) assert_memory_equal(weight->mapped, expected, weight->bytes);
}

static inline const hp_weight_group *group_of(const hp_model_spec *spec, const char *name) {
    for (size_t i = 0; i < spec->weights->group_count; i++)
        if (strcmp(spec->weights->groups[i].name, name) == 0) return &spec->weights->groups[i];
    fail_msg("no group %s", name);
    return NULL;
}

/* A whole file; freed with free. */
static inline unsigned char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

#endif
