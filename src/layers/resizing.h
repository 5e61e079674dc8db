/* resizing.h: images in another size, as keras/src/backend/tensorflow/image.py resize: for the layer and the operation. */
#ifndef HP_LAYERS_RESIZING_H
#define HP_LAYERS_RESIZING_H

#include "layers/support.h"

typedef struct hp_resizing {
    int64_t height, width;
    int interpolation, data_format, fill_mode;
    bool crop_to_aspect_ratio, pad_to_aspect_ratio, antialias;
    double fill_value;
    int bounding_box_format; /* of boxes given along; -1: none */
    bool old;                /* Keras 2: integers become floats */
} hp_resizing;

/* Names in the order of hp_resize_method; those of fill_mode. */
extern const char *const hp_interpolations[], *const hp_fill_modes[];

/* One image or a batch of them; integers are rounded and stay integers. */
hp_value hp_resize_images(hp_builder *b, const hp_resizing *config, hp_value x);

#endif
