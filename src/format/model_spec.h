/* model_spec.h: a saved model, opened: its config in one form, whatever version wrote it, and its weights.
 *
 * Invariant: a spec is data. Opening one runs no code, reaches no network and opens no file but those the
 * caller named and their own parts beside them (shards named by an index, files inside an unpacked directory;
 * plain names, no links). What it holds is not yet checked against Keras's layers: graph/ does that. A spec
 * does not change once it is open, so any number of threads may read it. */
#ifndef HP_FORMAT_MODEL_SPEC_H
#define HP_FORMAT_MODEL_SPEC_H

#include "base/json.h"
#include "base/weights.h"

/* Which Keras wrote the file. `family` decides defaults and meanings: 1 (Keras 1.x), 2 (Keras 2.x, tf.keras
 * up to TensorFlow 2.15, tf_keras of any number) or 3 (Keras 3.x). */
typedef struct hp_keras_version {
    int family;
    int major, minor, patch; /* as written; 0 where `text` is NULL */
    const char *text;        /* "2.12.0"; NULL: the file does not say, and `family` was told from its structure */
} hp_keras_version;

/* A file that came with the model: vocabularies of lookup and vectorization layers. */
typedef struct hp_model_asset {
    const char *path; /* "assets/layers/string_lookup/vocabulary.txt", in Keras 3's naming */
    const void *data; /* not terminated */
    size_t size;
} hp_model_asset;

/* The config is in Keras 3's form after fix-ups, for every version and layout.
 *
 * The root, and every layer: an object {"module", "class_name", "config", "name", "registered_name", "build_config"};
 * the last two only where the file has them. class_name is "Sequential" or "Functional" (also for what Keras 1 and 2
 * called Model), or a class of the user's own, left as it is; but one that has the config of a Functional or Sequential is
 * made that class, and "own_class" says its name. Built-in classes have Keras 3's module ("keras.layers";
 * "keras" for Sequential and Functional); operations keep theirs ("keras.src.ops...", or "keras.ops" where the file has
 * none); classes of the user's own keep theirs.
 *
 * A Sequential's config: {"name", "layers": [object...]}. The list form of Keras up to 2.2.2 is brought to this, and
 * the InputLayer that Keras 1 and 2 only implied (batch_input_shape of the first layer) stands in front.
 *
 * A Functional's config: {"name", "layers", "input_layers", "output_layers"}; each of its layers has "inbound_nodes":
 * [{"args": [...], "kwargs": {...}}...], one entry a call. A tensor in these is {"class_name": "__keras_tensor__",
 * "config": {"keras_history": [layer, node, tensor]}} (shape and dtype beside it only where the file has them).
 * Several tensors in one argument are a list of those. States given to an RNN are in kwargs as "initial_state".
 * input_layers and output_layers: one [layer, node, tensor], or a list or dict of these, nested as the user nested
 * them; files of Keras 1 and 2 write a bare tensor as a list of one: here it is the bare one.
 *
 * Node numbers count, everywhere, the calls that stand in that layer's own inbound_nodes, from 0, for nested models too
 * (files count those from 1 in places). An InputLayer has no inbound_nodes; its tensor is node 0.
 *
 * Configs of Keras 1 and 2 have Keras 3's key names (batch_shape, units, strides ...) and, where a default has changed,
 * the default OF THE WRITING VERSION as an explicit key; "hard_sigmoid" is "hard_sigmoid_legacy" there, which is
 * clip(0.2x+0.5, 0, 1). Keys that have no effect on inference and that Keras 3 does not know are gone. */
typedef struct hp_model_spec {
    const char *path; /* as the caller gave it */
    const char *name; /* its last part: how errors begin */
    hp_keras_version version;
    const char *backend; /* "tensorflow", "theano" ...; NULL when the file does not say */
    const hp_json *config;
    /* Never NULL. Path stores: names as in a Keras 3 file ("layers/dense/vars/0"), TF 2.12's
     * `_layer_checkpoint_dependencies` normalised to `layers`; variables of optimizers and of metrics left
     * out. Ordered stores: see weights.h; what belongs to no layer ("top_level_model_weights") is a group of
     * that name at the end, where the file has one. Kernels of Theano are already turned round, Keras 1's are
     * in Keras 2's order. */
    const hp_weight_store *weights;
    const hp_model_asset *assets; /* sorted by path */
    size_t asset_count;
    struct hp_model_spec_private *private_; /* mappings and arena */
} hp_model_spec;

/* Opens a model.
 *   path      a `.keras` zip, an HDF5 file (both told by content, whatever their name), an unpacked `.keras`
 *             directory, or a JSON config.
 *   weights_path  NULL, or a weights file for a JSON config (or in place of the model's own): HDF5, legacy
 * layout or by paths; npz; or the index of a sharded file ("*.weights.json"). *spec     set on success only;
 * close with hp_model_spec_close. Returns HP_ERROR_IO (a file cannot be read), HP_ERROR_FORMAT (damaged, or
 * of no known format), HP_ERROR_UNSUPPORTED (known, but not supported: SavedModel, checkpoints, external
 * storage ...), HP_ERROR_NO_MEMORY. error->where begins with the file's name. May be called from several
 * threads at once. */
hp_status hp_model_spec_open(const char *path, const char *weights_path, hp_model_spec **spec, hp_error *error);

/* As hp_model_spec_open, from `size` bytes of a file in memory, which must stay there, unchanged, until the
 * spec is closed. `name` stands for the path in messages. `weights` may be NULL. */
hp_status hp_model_spec_open_memory(const char *name, const void *data, size_t size, const void *weights,
    size_t weights_size, hp_model_spec **spec, hp_error *error);

/* Gives the memory back that holds what has been read of the files; it is read again where it is needed. */
void hp_model_spec_forget(const hp_model_spec *spec);

/* Frees the spec and everything it gave out. NULL: nothing. */
void hp_model_spec_close(hp_model_spec *spec);

/* The file "assets/..." of the model; NULL when it has none of that path. */
const hp_model_asset *hp_model_spec_asset(const hp_model_spec *spec, const char *path);

#endif
