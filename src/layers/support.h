/* support.h: small things that several layer families need. */
#ifndef HP_LAYERS_SUPPORT_H
#define HP_LAYERS_SUPPORT_H

#include "layers/layer.h"

/* x as float32, or float64 in a layer of that: what Keras's type promotion makes of an integer or bool tensor that meets float32 weights. */
hp_value hp_as_float(hp_builder *b, hp_value x);

/* What pools take: a maximum of integers is one of them in Keras, and is found among floats that hold them all (of 64
 * bits: those up to 2^53). hp_pool_result: y in the dtype that x had before. */
hp_value hp_pool_operand(hp_builder *b, hp_value x, hp_pool_mode mode);
hp_value hp_pool_result(hp_builder *b, hp_value y, hp_pool_mode mode, hp_dtype dtype);

/* The dtype that values of these two have together (keras/src/backend/common/dtypes.py). */
hp_dtype hp_promote(hp_dtype a, hp_dtype b);

/* x + y as Keras's TensorFlow backend has it (keras/src/backend/tensorflow/numpy.py, add): a y that has one axis of more
 * than one element is a bias, along x's last axis or else its axis 1 where it is as long as that, wherever broadcasting
 * would put it. Only of a y without rows: with them Keras's choice would depend on how many there are. */
hp_value hp_add_as_bias(hp_builder *b, hp_value x, hp_value y);

/* A float x as what Keras gives back for an image of integers: rounded, cut to the dtype's range. */
hp_value hp_round_to_integer(hp_builder *b, hp_value x, hp_dtype dtype);

/* Fails unless x has from `min` to `max` axes (max < 0: no limit). False after a failure. */
bool hp_check_rank(hp_builder *b, hp_value x, int min, int max);

/* (batch, channels, spatial...) to (batch, spatial..., channels) and back; x itself when it is below rank 3. */
hp_value hp_channels_last(hp_builder *b, hp_value x);
hp_value hp_channels_first(hp_builder *b, hp_value x);

/* Moves axis `from` of x to place `to`; the others keep their order. */
hp_value hp_move_axis(hp_builder *b, hp_value x, int from, int to);

/* Fills `count` values from a field of one int (for all) or exactly `count`; false: another number of them. */
bool hp_ints_spread(const hp_ints *ints, int count, int64_t *values);

/* "channels_last", "channels_first": for HP_ENUM(type, data_format, HP_CHANNELS_LAST, hp_data_formats). Null is the
 * default of ~/.keras/keras.json, which a saved model does not depend on: channels_last. */
enum { HP_CHANNELS_LAST, HP_CHANNELS_FIRST };
extern const char *const hp_data_formats[];

/* One axis of a window that moves with `stride` over `size` elements, as TensorFlow's padding SAME: how many zeros
 * stand before and after (more after, where the number is odd). */
void hp_same_padding(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t *before, int64_t *after);

#endif
