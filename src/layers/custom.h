/* custom.h: layers whose code the caller registered (hp_custom_layer), in the place of the classes that a file names. */
#ifndef HP_LAYERS_CUSTOM_H
#define HP_LAYERS_CUSTOM_H

#include "layers/layer.h"

/* Copies `count` registrations into the arena, text included. HP_ERROR_ARGUMENT: one of them is not whole. */
hp_status hp_custom_layers_copy(
    hp_arena *arena, const hp_custom_layer *given, size_t count, hp_custom_layer **copied, hp_error *error);

/* The class for a layer's serialised object where code is registered for it: the one for its name before the one for its
 * whole class. NULL: none is; or out of memory, which is noted in the scope. Made anew for each object. */
const hp_layer_class *hp_custom_class_find(hp_layer_scope *scope, const hp_json *object);

#endif
