/* fields.h: filling a config struct by a field table; for the registry alone. */
#ifndef HP_LAYERS_FIELDS_H
#define HP_LAYERS_FIELDS_H

#include "layers/layer.h"

/* Fills the zeroed struct `to` of layer->cls->config_size bytes from `config`; makes the layer's children. Faults go
 * to scope->reasons. True: the struct is whole, whatever else there is in the config that is refused. */
bool hp_fields_fill(hp_layer_scope *scope, hp_layer *layer, const hp_json *config, void *to);

#endif
