/* keras3_path.h: names inside a file, in Keras 3's way. */
#ifndef HP_FORMAT_KERAS3_PATH_H
#define HP_FORMAT_KERAS3_PATH_H

/* A path of a file with every part "_layer_checkpoint_dependencies" (TensorFlow 2.12 and 2.13) as "layers"; to be freed
 * with hp_free; NULL: out of memory. */
char *hp_keras3_path(const char *path);

#endif
