/* claim.h: the weights of layers whose code the caller registered. */
#ifndef HP_GRAPH_CLAIM_H
#define HP_GRAPH_CLAIM_H

#include "graph/network.h"

/* Gives every layer with code of its own the weights that the file holds for it: by path all below the layer's; in an
 * ordered store the group of the layer's name, or inside a nested model the weights of its group that bear the layer's
 * name. Once, before the first lowering. HP_ERROR_NO_MEMORY. */
hp_status hp_network_claim_weights(hp_network *network, hp_error *error);

/* Whether such a layer has that weight of the store. */
bool hp_network_claimed(const hp_network *network, const hp_weight *weight);

#endif
