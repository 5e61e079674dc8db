/* adaptive_pooling.h: so many windows along each axis: for the layers and the operations. */
#ifndef HP_LAYERS_ADAPTIVE_POOLING_H
#define HP_LAYERS_ADAPTIVE_POOLING_H

#include "layers/support.h"

/* x of spatial + 2 axes in its data format; size: windows per spatial axis. */
hp_value hp_adaptive_pool(
    hp_builder *b, hp_value x, hp_pool_mode mode, int spatial, const int64_t *size, bool channels_first);

#endif
