/* conv.h: the config that all convolution layers share, and its windows. */
#ifndef HP_LAYERS_CONV_H
#define HP_LAYERS_CONV_H

#include "layers/lora.h"

enum { HP_PADDING_VALID, HP_PADDING_SAME, HP_PADDING_CAUSAL };
extern const char *const hp_paddings[]; /* "valid", "same", "causal" */

typedef struct hp_conv_config {
    int64_t filters, groups, depth_multiplier;
    hp_ints kernel_size, strides, dilation_rate;
    int padding, data_format;
    hp_activation_spec activation;
    bool use_bias;
    hp_lora lora; /* of Conv1D, Conv2D, Conv3D */
    int spatial;  /* axes: 1 to 3; set by check, with what follows */
    int64_t kernel[HP_MAX_SPATIAL], stride[HP_MAX_SPATIAL], dilation[HP_MAX_SPATIAL];
} hp_conv_config;

/* The keys that all of them have; tables begin with it. An activation that is absent is linear, or as named. */
#define HP_CONV_FIELDS HP_CONV_FIELDS_OR(NULL)
#define HP_CONV_FIELDS_OR(absent_activation)                                                                           \
    HP_INTS(hp_conv_config, kernel_size, HP_REQUIRED, 1, HP_MAX_DIM),                                                  \
        HP_INTS(hp_conv_config, strides, 1, 1, HP_MAX_DIM), HP_INTS(hp_conv_config, dilation_rate, 1, 1, HP_MAX_DIM),  \
        HP_ENUM(hp_conv_config, padding, HP_PADDING_VALID, hp_paddings),                                               \
        HP_ENUM(hp_conv_config, data_format, HP_CHANNELS_LAST, hp_data_formats),                                       \
        HP_ACTIVATION_OR(hp_conv_config, activation, absent_activation), HP_BOOL(hp_conv_config, use_bias, true),      \
        HP_IGNORE_WEIGHT("bias")

/* Spreads the lists over the class's spatial axes; checks the padding. A class's check function, or called by it; `config`
 * is an hp_conv_config. */
void hp_conv_check(hp_layer_scope *scope, hp_layer *layer, void *config);
/* Checks the input's axes and returns it as float32, channels last; HP_NO_VALUE after a failure. */
hp_value hp_conv_input(hp_builder *b, const hp_conv_config *config, hp_value x);
/* Paddings for an input of this shape (channels last). False: the window does not fit, reported. */
bool hp_conv_window(hp_builder *b, const hp_conv_config *config, const hp_shape *shape, hp_conv_params *params);
/* Paddings of a transposed convolution along one axis (keras/src/backend/common/backend_utils.py, TensorFlow's);
 * output_padding -1: null. False: reported. */
bool hp_conv_transpose_window(hp_builder *b, int axis, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
    bool same, int64_t output_padding, hp_conv_params *params);
/* Activation and the layer's own data format. */
hp_value hp_conv_output(hp_builder *b, const hp_conv_config *config, hp_value y);

#endif
