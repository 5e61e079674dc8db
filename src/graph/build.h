/* build.h: from an opened model to graphs of primitives: what graph/ and exec/ hold of a Keras model.
 *
 * A network is made once from a spec: all layers parsed, lowered once on trial to declare and check the weights, the
 * weights bound. After that it does not change: lowering for another signature of input shapes may run in several
 * threads at once. The spec and the store of constants must outlive the network (weights may be used in place). */
#ifndef HP_GRAPH_BUILD_H
#define HP_GRAPH_BUILD_H

#include "format/model_spec.h"
#include "layers/layer.h"
#include "prims/constants.h"

typedef struct hp_network hp_network;

/* Makes a network.
 *   custom    code for layers that are not Keras's, `custom_count` of them; copied
 *   reasons   every reason why the model cannot be run is added; may be NULL. Released by the caller.
 *   *network  set on HP_OK only.
 * Returns the first reason's status (HP_ERROR_UNSUPPORTED, HP_ERROR_FORMAT, HP_ERROR_SHAPE ...) with its text and the
 * number of the others in *error, or HP_ERROR_NO_MEMORY. error->where begins with spec->name. */
hp_status hp_network_open(const hp_model_spec *spec, hp_constants *constants, const hp_custom_layer *custom,
    size_t custom_count, hp_reasons *reasons, hp_network **network, hp_error *error);
void hp_network_close(hp_network *network); /* NULL: nothing */

/* Inputs in the order of model.inputs, outputs as keras.tree flattens them. Shapes: see hp_tensor_info; shape[0] is
 * -1, always. Index out of range: zeroed info. Text lives as long as the network. */
size_t hp_network_input_count(const hp_network *network);
size_t hp_network_output_count(const hp_network *network);
hp_tensor_info hp_network_input(const hp_network *network, size_t index);
hp_tensor_info hp_network_output(const hp_network *network, size_t index);
/* The batch size that the model was made with, or -1 where it is free. For information. */
int64_t hp_network_fixed_batch(const hp_network *network);
/* The rows of an input that stands beside the rows: its fixed batch, where that is not the first input's (a mask for
 * all rows, say); 0: its rows are the model's. A network with such an input mixes rows. */
int64_t hp_network_input_rows(const hp_network *network, size_t index);
/* The batch size of a network that mixes rows, where the caller names none: the fixed one, or Keras's 32. */
int64_t hp_network_batch(const hp_network *network);

const char *hp_network_name(const hp_network *network);       /* "functional_1" */
const char *hp_network_class_name(const hp_network *network); /* "Functional" */
/* The place of the first model whose class is the user's own, saved as a Functional or Sequential and taken for that (a
 * call of its own would not be known); NULL: there is none. */
const char *hp_network_subclass(const hp_network *network);

/* The table of layers: those of the model in its order, each nested model's right behind it with depth + 1. NULL past
 * the end. A shared layer is counted once in the totals. */
size_t hp_network_layer_count(const hp_network *network);
const hp_layer_info *hp_network_layer(const hp_network *network, size_t index);
int64_t hp_network_parameters(const hp_network *network, bool trainable_only);

/* Every weight of the network, in the order of its layers; see hp_weight_info. False: there is no such weight. */
size_t hp_network_weight_count(const hp_network *network);
bool hp_network_weight(const hp_network *network, size_t index, hp_weight_info *info);
/* The nesting of the inputs or outputs as the config writes it down: a reference, or lists and dicts of references; NULL
 * where the model has none (Sequential). hp_network_is_tensor: whether a value of it is a reference. */
const hp_json *hp_network_structure(const hp_network *network, bool outputs);
bool hp_network_is_tensor(const hp_json *value);

/* Whether a row's result depends on the other rows of its batch; then *where (may be NULL) is the place that makes it
 * so. Such a network must be lowered with batch_rows > 0. */
bool hp_network_mixes_rows(const hp_network *network, const char **where);

/* Makes it such a network, for an output that is not among the model's: after hp_network_lower told so. */
hp_status hp_network_use_batches(hp_network *network, const char *where, hp_error *error);

/* True when `name` can be given to hp_network_lower: a layer of the model, or "outer/inner" inside nested ones. */
bool hp_network_has_layer(const hp_network *network, const char *name);

/* Sizes that only the rows of a batch tell (text as long as the longest of its batch): each is part of a signature. */
size_t hp_network_measure_count(const hp_network *network);
const hp_measure *hp_network_measure(const hp_network *network, size_t index);

/* Lowers everything for one signature.
 *   inputs        one shape per input, axis 0 included (its size is not looked at); dims the file gives are checked;
 *                 behind them one per measure, which has its size as dims[0]
 *   batch_rows    0: rows are free; else the graph is for exactly this many
 *   output_layer  NULL: the model's outputs; else that layer's (of its first call)
 *   graph         filled; release with hp_graph_release, also after a failure (it is a valid graph then)
 *   *mixes_rows   may be NULL; set to true when the failure is only that batch_rows must be given
 * Returns HP_ERROR_SHAPE, HP_ERROR_UNSUPPORTED, HP_ERROR_ARGUMENT (no such layer), HP_ERROR_NO_MEMORY. Thread-safe. */
hp_status hp_network_lower(const hp_network *network, const hp_shape *inputs, size_t input_count, int64_t batch_rows,
    const char *output_layer, hp_graph *graph, bool *mixes_rows, hp_error *error);

#endif
