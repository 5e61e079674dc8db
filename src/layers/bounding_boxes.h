/* bounding_boxes.h: boxes around things in images, as image layers are given them beside the images
 * (keras/src/layers/preprocessing/image_preprocessing/bounding_boxes/bounding_box.py). */
#ifndef HP_LAYERS_BOUNDING_BOXES_H
#define HP_LAYERS_BOUNDING_BOXES_H

#include "layers/layer.h"

/* The last axis of boxes as its four numbers, each with an axis of 1. */
typedef struct hp_box {
    hp_value at[4];
} hp_box;

typedef enum hp_box_format {
    HP_BOX_XYXY,
    HP_BOX_YXYX,
    HP_BOX_XYWH,
    HP_BOX_CENTER_XYWH,
    HP_BOX_CENTER_YXHW,
    HP_BOX_REL_XYXY,
    HP_BOX_REL_YXYX,
    HP_BOX_REL_XYWH,
    HP_BOX_REL_CENTER_XYWH
} hp_box_format;
extern const char *const hp_box_formats[]; /* for HP_ENUM */

/* The item of that key of a dict that is the call's first argument; NULL where it is no dict or has no such key. */
const hp_arg *hp_dict_item(const hp_call *call, const char *key);

/* float32 boxes as left, top, right, bottom in pixels of an image of that size, and back in a format. */
hp_box hp_box_open(hp_builder *b, hp_value boxes, hp_box_format format, int64_t height, int64_t width);
hp_value hp_box_close(hp_builder *b, const hp_box *box, hp_box_format format, int64_t height, int64_t width);

#endif
