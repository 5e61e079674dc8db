/* resizing.c: Resizing and CenterCrop (keras/src/layers/preprocessing/image_preprocessing/), by
 * keras/src/backend/tensorflow/image.py resize and keras/src/utils/image_utils.py smart_resize. */
#include <math.h>
#include <string.h>
#include "base/dtype.h"
#include "layers/bounding_boxes.h"
#include "layers/resizing.h"

const char *const hp_interpolations[] = {
    "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", "gaussian", "mitchellcubic", NULL};
const char *const hp_fill_modes[] = {"constant", NULL};
typedef hp_resizing resizing;

static const hp_field resizing_fields[] = {
    HP_INT(resizing, height, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(resizing, width, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(resizing, interpolation, HP_RESIZE_BILINEAR, hp_interpolations),
    HP_BOOL(resizing, crop_to_aspect_ratio, false),
    HP_BOOL(resizing, pad_to_aspect_ratio, false),
    HP_ENUM(resizing, fill_mode, 0, hp_fill_modes),
    HP_FLOAT(resizing, fill_value, 0, -1e30, 1e30),
    HP_BOOL(resizing, antialias, false),
    HP_ENUM(resizing, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_ENUM(resizing, bounding_box_format, HP_NULL, hp_box_formats),
    HP_FIELDS_END,
};

static void check_resizing(hp_layer_scope *scope, hp_layer *layer, void *config) {
    resizing *c = config;
    c->old = hp_layer_is_old(scope);
    if (c->crop_to_aspect_ratio && c->pad_to_aspect_ratio)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "pad_to_aspect_ratio",
            "is true, and so is crop_to_aspect_ratio; only one of them can be");
}

/* The images as [batch, height, width, channels]. A single image whose height is the rows mixes them. */
static hp_value as_images(hp_builder *b, hp_value x, bool channels_first) {
    if (!hp_check_rank(b, x, 3, 4)) return HP_NO_VALUE;
    hp_shape shape = *hp_builder_shape(b, x);
    if (shape.rank == 3) {
        if (shape.rows) return hp_builder_mixes_rows(b, "an image whose first axis is the rows");
        x = hp_emit_reshape(b, x, 4, (const int64_t[]){1, shape.dims[0], shape.dims[1], shape.dims[2]});
    }
    return channels_first ? hp_channels_last(b, x) : x;
}

static hp_value as_given(hp_builder *b, hp_value x, int rank, bool channels_first) {
    if (channels_first) x = hp_channels_first(b, x);
    const hp_shape *shape = hp_builder_shape(b, x);
    if (rank == 4 || b->status != HP_OK) return x;
    return hp_emit_reshape(b, x, 3, shape->dims + 1);
}

/* The middle of the image in the target's aspect ratio. The side is rounded down from float arithmetic. */
static hp_value crop_to_ratio(hp_builder *b, hp_value x, int64_t height, int64_t width) {
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status != HP_OK) return x;
    int64_t count[4], begin[4] = {0}, step[4] = {1, 1, 1, 1}, h = shape->dims[1], w = shape->dims[2];
    memcpy(count, shape->dims, sizeof count);
    int64_t crop_height = (int64_t)((float)(w * height) / (float)width);
    int64_t crop_width = (int64_t)((float)(h * width) / (float)height);
    count[1] = crop_height < 1 ? 1 : crop_height < h ? crop_height : h;
    count[2] = crop_width < 1 ? 1 : crop_width < w ? crop_width : w;
    begin[1] = (h - count[1]) / 2;
    begin[2] = (w - count[2]) / 2;
    return hp_emit_slice(b, x, begin, count, step);
}

static hp_value pad_to_ratio(hp_builder *b, hp_value x, const resizing *c) {
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status != HP_OK) return x;
    int64_t around[4] = {0}, h = shape->dims[1], w = shape->dims[2];
    int64_t pad_height = (int64_t)((float)(w * c->height) / (float)c->width);
    int64_t pad_width = (int64_t)((float)(h * c->width) / (float)c->height);
    if (pad_height > h) around[1] = (pad_height - h) / 2;
    if (pad_width > w) around[2] = (pad_width - w) / 2;
    return around[1] || around[2] ? hp_emit_pad(b, x, around, around, HP_PAD_CONSTANT, c->fill_value) : x;
}

hp_value hp_resize_images(hp_builder *b, const hp_resizing *c, hp_value x) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    int rank = hp_builder_shape(b, x)->rank;
    bool first = c->data_format == HP_CHANNELS_FIRST, nearest = c->interpolation == HP_RESIZE_NEAREST;
    x = as_images(b, x, first);
    if (c->crop_to_aspect_ratio) x = crop_to_ratio(b, x, c->height, c->width);
    if (c->pad_to_aspect_ratio) x = pad_to_ratio(b, x, c);
    hp_resize_params params;
    memset(&params, 0, sizeof params);
    params.height = c->height;
    params.width = c->width;
    params.method = c->interpolation;
    params.antialias = c->antialias && !nearest;
    x = hp_emit_resize(b, nearest ? x : hp_emit_cast(b, x, HP_FLOAT32), &params); /* tf.image.resize has no other */
    if (hp_dtype_is_integer(dtype) && !nearest)
        x = hp_round_to_integer(b, x, dtype);
    else
        x = hp_emit_cast(b, x, dtype);
    return as_given(b, x, rank, first);
}

/* ---- Resizing of a dict: images with boxes, labels or masks beside them */

static hp_value scaled(hp_builder *b, hp_value x, float factor, float offset) {
    return hp_emit_unary(b, x, HP_UNARY_AFFINE, factor, offset, 0);
}

/* What the resize does to places in the image: factors and offsets across and down, in float32 as Keras has them. */
static void find_scale(const resizing *c, float in_height, float in_width, float factor[2], float offset[2]) {
    float height = (float)c->height, width = (float)c->width;
    factor[0] = width / in_width;
    factor[1] = height / in_height;
    offset[0] = offset[1] = 0;
    if (c->pad_to_aspect_ratio) {
        factor[0] = factor[1] = factor[0] < factor[1] ? factor[0] : factor[1];
        offset[0] = floorf((width - in_width * factor[0]) / 2);
        offset[1] = floorf((height - in_height * factor[1]) / 2);
    } else if (c->crop_to_aspect_ratio) {
        float source = in_width / in_height;
        bool wide = source > width / height;
        float new_width = wide ? height * source : width, new_height = wide ? height : width / source;
        factor[0] = new_width / in_width;
        factor[1] = new_height / in_height;
        offset[0] = -floorf((new_width - width) / 2);
        offset[1] = -floorf((new_height - height) / 2);
    }
}

static hp_value all_equal(hp_builder *b, hp_value boxes, double value) {
    int last = hp_builder_shape(b, boxes)->rank - 1;
    hp_value equal = hp_emit_compare(b, HP_EQUAL, boxes, hp_emit_float(b, value));
    return hp_emit_reduce(b, equal, HP_REDUCTION_ALL, &last, 1, true);
}

/* Boxes that are all -1 or all 0 stand for none, and become 0. */
static hp_value resize_boxes(hp_builder *b, const resizing *c, const hp_arg *boxes_of, hp_value images) {
    const hp_arg *item = NULL;
    for (size_t i = 0; boxes_of->kind == HP_ARG_LIST && i < boxes_of->item_count; i++)
        if (boxes_of->items[i].name && strcmp(boxes_of->items[i].name, "boxes") == 0) item = &boxes_of->items[i];
    if (!item || item->kind != HP_ARG_TENSOR || c->bounding_box_format < 0)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "bounding_boxes: found none, or no bounding_box_format");
    hp_box_format format = (hp_box_format)c->bounding_box_format;
    const hp_shape *shape = hp_builder_shape(b, images);
    int down = c->data_format == HP_CHANNELS_FIRST ? shape->rank - 2 : shape->rank - 3;
    if (b->status != HP_OK || down < 0) return HP_NO_VALUE;
    int64_t in_height = shape->dims[down], in_width = shape->dims[down + 1];
    hp_value boxes = hp_as_float(b, item->tensor);
    hp_value none = hp_emit_logical(b, HP_OR, all_equal(b, boxes, -1), all_equal(b, boxes, 0));
    float factor[2], offset[2];
    find_scale(c, (float)in_height, (float)in_width, factor, offset);
    hp_box box = hp_box_open(b, boxes, format, in_height, in_width);
    for (int i = 0; i < 4; i++) {
        box.at[i] = scaled(b, box.at[i], factor[i % 2], offset[i % 2]);
        box.at[i] = hp_emit_unary(b, box.at[i], HP_UNARY_CLIP, 0, (double)(i % 2 == 0 ? c->width : c->height), 0);
        box.at[i] = hp_emit_select(b, none, hp_emit_float(b, 0), box.at[i]);
    }
    return hp_box_close(b, &box, format, c->height, c->width);
}

/* Keras takes the dict's result for one tensor when the graph is made (compute_output_shape), and the first of its
 * tensors by sorted keys when it runs. */
static void lower_resizing(hp_builder *b, hp_layer *layer, hp_call *call) {
    const resizing *c = layer->config;
    const hp_arg *images = hp_dict_item(call, "images"), *boxes = hp_dict_item(call, "bounding_boxes");
    if (!call->input_is_list)
        hp_call_output(b, call, hp_resize_images(b, c, c->old ? hp_as_float(b, call->inputs[0]) : call->inputs[0]));
    else if (images && images->kind == HP_ARG_TENSOR && boxes)
        hp_call_output(b, call, resize_boxes(b, c, boxes, images->tensor));
    else if (images && images->kind == HP_ARG_TENSOR)
        hp_call_output(b, call, hp_resize_images(b, c, images->tensor));
    else
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a call on a list, or on a dict without images, is not supported");
}

const hp_layer_class hp_layer_Resizing = {
    .class_name = "Resizing",
    .module = "keras.layers",
    .fields = resizing_fields,
    .config_size = sizeof(resizing),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = -1,
    .check = check_resizing,
    .lower = lower_resizing,
};

/* ---- CenterCrop: the middle where the image is large enough, else cropped to the ratio and resized */

typedef struct center_crop {
    int64_t height, width;
    int data_format;
} center_crop;

static const hp_field center_crop_fields[] = {
    HP_INT(center_crop, height, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(center_crop, width, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(center_crop, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_IGNORE("bounding_box_format"), /* of boxes given along */
    HP_FIELDS_END,
};

static void lower_center_crop(hp_builder *b, hp_layer *layer, hp_call *call) {
    const center_crop *c = layer->config;
    if (call->input_is_list) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a call on a list or dict is not supported, only on images alone");
        return;
    }
    int rank = hp_builder_shape(b, call->inputs[0])->rank;
    bool first = c->data_format == HP_CHANNELS_FIRST;
    hp_value x = as_images(b, hp_as_float(b, call->inputs[0]), first);
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    int64_t h = shape->dims[1], w = shape->dims[2];
    if (h >= c->height && w >= c->width) {
        int64_t begin[4] = {0, (h - c->height) / 2, (w - c->width) / 2, 0}, step[4] = {1, 1, 1, 1};
        x = hp_emit_slice(b, x, begin, (const int64_t[]){shape->dims[0], c->height, c->width, shape->dims[3]}, step);
    } else {
        hp_resize_params params;
        memset(&params, 0, sizeof params);
        params.height = c->height;
        params.width = c->width;
        params.method = HP_RESIZE_BILINEAR;
        x = hp_emit_cast(b, crop_to_ratio(b, x, c->height, c->width), HP_FLOAT32);
        hp_call_output(b, call, as_given(b, hp_emit_resize(b, x, &params), rank, first)); /* float32 */
        return;
    }
    hp_call_output(b, call, hp_emit_cast(b, as_given(b, x, rank, first), layer->dtype));
}

const hp_layer_class hp_layer_CenterCrop = {
    .class_name = "CenterCrop",
    .module = "keras.layers",
    .fields = center_crop_fields,
    .config_size = sizeof(center_crop),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .own_dtype = true,
    .lower = lower_center_crop,
};
