/* legacy_weights.h: the weights of old files in Keras 2's shapes and order. */
#ifndef HP_FORMAT_LEGACY_WEIGHTS_H
#define HP_FORMAT_LEGACY_WEIGHTS_H

#include "base/json.h"
#include "format/store.h"

typedef struct hp_legacy_weights {
    hp_store *store;
    hp_arena *arena;     /* of the config */
    int family;          /* of the file */
    bool theano_kernels; /* convolutions: turn the kernels round in space */
} hp_legacy_weights;

/* Changes the ordered store's weights where the layer they belong to wants it, as preprocess_weights_for_loading of
 * Keras 2 (keras/engine/saving.py) does: kernels of Theano are turned round, Keras 1's kernels transposed and its LSTM
 * and GRU arrays joined, CuDNN layouts made those of LSTM and GRU. Keras 1 did not write PReLU's shared_axes: they are
 * told from its weight and set in the config. `config` is the root, after fix-ups. Layers and
 * groups are matched by name, or, where the names differ, in order. */
hp_status hp_fix_legacy_weights(const hp_legacy_weights *how, hp_json *config, hp_error *error);

#endif
