/* keras3_path.h: names of groups inside a file, in Keras 3's way. */
#ifndef HP_FORMAT_KERAS3_PATH_H
#define HP_FORMAT_KERAS3_PATH_H

#include <stdbool.h>
#include "base/memory.h"

/* Keras 3's name of one part of a path: "layers" for TensorFlow 2.12's "_layer_checkpoint_dependencies", "query_dense"
 * for "_query_dense"; most are their own. */
const char *hp_keras3_part(const char *part);

/* Whether `part` is the name under which TensorFlow 2.12 and 2.13 keep a model's layers. They number the layers of a
 * class there as if each one with weights stood twice: dense, dense_2, dense_4. */
bool hp_is_old_container(const char *part);

/* The names of such a container's children as Keras 3 numbers them (dense, dense_1, dense_2), in `arena`; false: out of
 * memory. */
bool hp_keras3_children(hp_arena *arena, const char *const *names, size_t count, const char **renamed);

#endif
