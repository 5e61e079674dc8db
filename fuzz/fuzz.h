/* fuzz.h: what every target shares. */
#ifndef HP_FUZZ_H
#define HP_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "format/model_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every weight of a spec: decoding is a part of what is fuzzed. */
static inline void read_all_weights(const hp_model_spec *spec) {
    const hp_weight_store *store = spec->weights;
    for (size_t g = 0; g < (store->ordered ? store->group_count : 1); g++) {
        const hp_weight *weights = store->ordered ? store->groups[g].weights : store->weights;
        size_t count = store->ordered ? store->groups[g].count : store->weight_count;
        for (size_t i = 0; i < count; i++) {
            if (weights[i].bytes > 64 << 20) continue; /* shapes are checked against the config before that */
            void *values = malloc(weights[i].bytes + 1);
            if (values) hp_weight_read(store, &weights[i], values, NULL);
            free(values);
        }
    }
}

/* Opens what is given and reads all of it. */
static inline void open_and_read(const void *model, size_t size, const void *weights, size_t weights_size) {
    hp_model_spec *spec;
    hp_error error;
    if (hp_model_spec_open_memory("m", model, size, weights, weights_size, &spec, &error) != HP_OK) return;
    read_all_weights(spec);
    hp_model_spec_close(spec);
}

#endif
