/* paths.h: where Keras 3's saving_lib.py keeps what belongs to a layer: "layers/dense", "layers/text_vectorization/..." */
#ifndef HP_GRAPH_PATHS_H
#define HP_GRAPH_PATHS_H

#include "layers/layer.h"

typedef hp_status hp_path_visit(void *context, hp_layer *layer, const char *path);

/* Calls `visit` for the root (path "") and every layer below, each once, under the path that Keras saves it. Ends with
 * the first status that is not HP_OK, or with HP_ERROR_NO_MEMORY. */
hp_status hp_layers_walk_paths(hp_layer *root, hp_path_visit *visit, void *context, hp_error *error);

/* Takes the marks of a walk off all layers below. */
void hp_layers_clear_visited(hp_layer *layer);

/* Keras's naming.to_snake_case ("PReLU" -> "p_re_lu"), cut to `size` bytes; returns `text`. */
const char *hp_snake_case(const char *class_name, char *text, size_t size);

#endif
