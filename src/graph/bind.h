/* bind.h: gives the weights of a network their data.
 *
 * The layers' weights were declared by a first lowering. A path store names them as Keras 3's saving_lib.py does, an
 * ordered store counts them as legacy_h5_format.py does. Every weight's shape is checked against the file. */
#ifndef HP_GRAPH_BIND_H
#define HP_GRAPH_BIND_H

#include "graph/build.h"

/* Binds all weights: float32 data that lies aligned in the file's mapping is used in place, other data is read and
 * converted into memory that the network owns. Adds a reason for every weight that is missing, too many or of another
 * shape. Returns what failed otherwise (HP_ERROR_IO, HP_ERROR_NO_MEMORY). */
hp_status hp_network_bind(hp_network *network, hp_reasons *reasons, hp_error *error);

/* Whether that path is of what Keras saves beside weights: states of random generators, of the optimizer of a nested
 * model, and weights of words that stand in the config or with the layer around them as well. */
bool hp_weight_is_beside(const char *name);

#endif
