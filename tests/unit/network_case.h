/* network_case.h: networks from configs written in the test, with weights of given names and shapes.
 *
 * JSON is written with ' for ". Weight i's elements are i + 1, i + 1.25, i + 1.5 ... so that a test sees which one was
 * bound where. */
#ifndef HP_TESTS_NETWORK_CASE_H
#define HP_TESTS_NETWORK_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/dtype.h"
#include "format/json.h"
#include "graph/build.h"

typedef struct stored {
    const char *name;
    int rank;
    int64_t dims[4];
} stored;

typedef struct network_case {
    hp_arena arena;
    hp_model_spec spec;
    hp_weight_store store;
    hp_weight weights[32];
    hp_weight_group groups[16];
    hp_constants *constants;
    hp_network *network;
    hp_reasons reasons;
    hp_status status;
    hp_error error;
} network_case;

static inline const hp_json *parse_json(hp_arena *arena, const char *text) {
    char *copy = hp_arena_strdup(arena, text);
    hp_json *value = NULL;
    hp_error error = {0};
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    if (hp_json_parse(arena, "test", copy, strlen(copy), &value, &error) != HP_OK)
        fail_msg("%s: %s", error.where, error.message);
    return value;
}

static inline void fill_weights(network_case *c, const stored *list, size_t count) {
    assert_true(count <= sizeof c->weights / sizeof *c->weights);
    for (size_t i = 0; i < count; i++) {
        size_t n = 1;
        c->weights[i] = (hp_weight){.name = list[i].name, .dtype = HP_FLOAT32, .rank = list[i].rank};
        for (int k = 0; k < list[i].rank; k++) {
            c->weights[i].dims[k] = list[i].dims[k];
            n *= (size_t)list[i].dims[k];
        }
        float *data = hp_arena_alloc(&c->arena, n * sizeof *data);
        for (size_t k = 0; k < n; k++) data[k] = (float)(i + 1) + (float)k * 0.25F;
        c->weights[i].mapped = data;
        c->weights[i].bytes = n * sizeof *data;
    }
}

/* Opens a network. With group_sizes NULL the weights are paths, which must be sorted; else groups of that many each,
 * -1 ends them. */
static inline void open_network(
    network_case *c, const char *config, const stored *list, size_t count, const int *group_sizes, int family) {
    memset(c, 0, sizeof *c);
    c->constants = hp_constants_new(0);
    assert_non_null(c->constants);
    fill_weights(c, list, count);
    c->store.weights = group_sizes ? NULL : c->weights;
    c->store.weight_count = group_sizes ? 0 : count;
    c->store.ordered = group_sizes != NULL;
    for (size_t at = 0, g = 0; group_sizes && group_sizes[g] >= 0; at += (size_t)group_sizes[g++]) {
        c->groups[g] = (hp_weight_group){"group", c->weights + at, (size_t)group_sizes[g]};
        c->store.group_count = g + 1;
    }
    c->store.groups = c->groups;
    c->spec = (hp_model_spec){.path = "m.keras",
        .name = "m.keras",
        .version = {.family = family},
        .config = parse_json(&c->arena, config),
        .weights = &c->store};
    c->status = hp_network_open(&c->spec, c->constants, NULL, 0, &c->reasons, &c->network, &c->error);
}

static inline void open_paths(network_case *c, const char *config, const stored *list, size_t count) {
    open_network(c, config, list, count, NULL, 3);
}

static inline void close_network(network_case *c) {
    hp_network_close(c->network);
    hp_constants_free(c->constants);
    hp_reasons_release(&c->reasons);
    hp_arena_release(&c->arena);
}

static inline void assert_open(const network_case *c) {
    if (c->status != HP_OK) fail_msg("%s: %s", c->error.where, c->error.message);
    assert_non_null(c->network);
}

/* Some reason's place and message hold these texts. */
static inline void assert_reason(const network_case *c, const char *where, const char *message) {
    assert_null(c->network);
    for (size_t i = 0; i < c->reasons.count; i++)
        if (strstr(c->reasons.at[i].where, where) && strstr(c->reasons.at[i].message, message)) return;
    for (size_t i = 0; i < c->reasons.count; i++)
        print_message("%s: %s\n", c->reasons.at[i].where, c->reasons.at[i].message);
    fail_msg("no reason with \"%s\" and \"%s\" among %zu", where, message, c->reasons.count);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

#endif
