/* dtype.h: facts about hp_dtype, made from HP_DTYPE_LIST. */
#ifndef HP_BASE_DTYPE_H
#define HP_BASE_DTYPE_H

#include <stdbool.h>
#include "hornpipe.h"

/* Bytes of one element; 0 for HP_DTYPE_NONE. */
size_t hp_dtype_size(hp_dtype dtype);
/* Keras's name ("float32"); "none" for HP_DTYPE_NONE. */
const char *hp_dtype_name(hp_dtype dtype);
/* The dtype of a Keras name; HP_DTYPE_NONE when there is none of that name. */
hp_dtype hp_dtype_from_name(const char *name);
bool hp_dtype_is_float(hp_dtype dtype);
bool hp_dtype_is_integer(hp_dtype dtype); /* signed or unsigned; not bool */

#endif
