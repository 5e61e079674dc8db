/* attention.h: masks over [queries, keys] that the attention layers share. */
#ifndef HP_LAYERS_ATTENTION_H
#define HP_LAYERS_ATTENTION_H

#include "layers/call_options.h"

/* bool [1, queries, keys]: key at or before the query. */
hp_value hp_causal_mask(hp_builder *b, int64_t queries, int64_t keys);
/* bool [1, queries, keys]: less than `window` places apart. */
hp_value hp_window_mask(hp_builder *b, int64_t queries, int64_t keys, int64_t window);
/* Both where both are there, else the one that is; HP_NO_VALUE: no mask. */
hp_value hp_mask_and(hp_builder *b, hp_value x, hp_value y);
/* x as bool; HP_NO_VALUE stays. */
hp_value hp_mask_bool(hp_builder *b, hp_value x);
/* x with an axis of 1 put in at `axis` (of the result, negative from its end). */
hp_value hp_expand_dims(hp_builder *b, hp_value x, int axis);

#endif
