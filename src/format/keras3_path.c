/* keras3_path.c: see keras3_path.h. */
#include "format/keras3_path.h"

#include <stdlib.h>
#include <string.h>

static const char old_container[] = "_layer_checkpoint_dependencies";

const char *hp_keras3_part(const char *part) {
    static const char *const names[][2] = {
        {old_container, "layers"},
        {"_query_dense", "query_dense"},
        {"_key_dense", "key_dense"},
        {"_value_dense", "value_dense"},
        {"_output_dense", "output_dense"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(part, names[i][0]) == 0) return names[i][1];
    return part;
}

bool hp_is_old_container(const char *part) {
    return strcmp(part, old_container) == 0;
}

/* A name and what it is made of: "dense_12" is "dense" and 12; "dense" is "dense" and 0. */
typedef struct numbered {
    const char *name;
    size_t base, index;
    unsigned long number;
} numbered;

static numbered take_apart(const char *name, size_t index) {
    size_t end = strlen(name), digits = end;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') digits--;
    bool has_number = digits < end && digits > 1 && name[digits - 1] == '_' && end - digits < 10;
    return (numbered){.name = name,
        .base = has_number ? digits - 1 : end,
        .index = index,
        .number = has_number ? strtoul(name + digits, NULL, 10) : 0};
}

static int same_base(const numbered *a, const numbered *b) {
    size_t shorter = a->base < b->base ? a->base : b->base;
    int order = memcmp(a->name, b->name, shorter);
    return order ? order : (a->base > b->base) - (a->base < b->base);
}

static int by_number(const void *a, const void *b) {
    const numbered *x = a, *y = b;
    int order = same_base(x, y);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

bool hp_keras3_children(hp_arena *arena, const char *const *names, size_t count, const char **renamed) {
    numbered *parts = hp_alloc_array(count, sizeof *parts);
    if (!parts) return false;
    for (size_t i = 0; i < count; i++) parts[i] = take_apart(names[i], i);
    if (count) qsort(parts, count, sizeof *parts, by_number);
    bool good = true;
    size_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        const numbered *n = &parts[i];
        rank = i > 0 && same_base(n, &parts[i - 1]) == 0 ? rank + 1 : 0;
        const char *name = rank ? hp_arena_printf(arena, "%.*s_%zu", (int)n->base, n->name, rank)
                                : hp_arena_printf(arena, "%.*s", (int)n->base, n->name);
        renamed[n->index] = name;
        good = good && name;
    }
    hp_free(parts);
    return good;
}
