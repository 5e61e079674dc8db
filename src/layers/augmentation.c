/* augmentation.c: layers that change images at random while training, and pass them on at inference
 * (keras/src/layers/preprocessing/image_preprocessing/). Some cast to the layer's dtype on the way, as theirs
 * `transform_images` does before it looks at `training`. A call on a dict gives a dict: labels and masks as they are, boxes as float32. */
#include <string.h>
#include "base/dtype.h"
#include "layers/bounding_boxes.h"
#include "layers/support.h"

typedef struct augmentation {
    bool old; /* Keras 2, where all but two layers cast */
} augmentation;

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    ((augmentation *)config)->old = scope->family == 2;
}

static hp_value passed_on(hp_builder *b, const hp_layer *layer, hp_value x, bool cast) {
    bool floats = hp_dtype_is_float(hp_builder_tensor(b, x)->dtype) && hp_dtype_is_float(layer->dtype);
    return cast || floats ? hp_emit_cast(b, x, layer->dtype) : x;
}

/* Everything below an item of the dict. */
static void pass_item(hp_builder *b, const hp_layer *layer, hp_call *call, const hp_arg *item) {
    bool boxes = item->name && strcmp(item->name, "boxes") == 0;
    if (item->kind == HP_ARG_TENSOR) {
        hp_value x = passed_on(b, layer, item->tensor, false);
        hp_call_output(b, call, boxes ? hp_emit_cast(b, x, HP_FLOAT32) : x);
    }
    for (size_t i = 0; item->kind == HP_ARG_LIST && i < item->item_count; i++)
        pass_item(b, layer, call, &item->items[i]);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call, bool cast) {
    const hp_arg *dict = &call->args[0];
    if (!call->input_is_list) {
        hp_call_output(b, call, passed_on(b, layer, call->inputs[0], cast));
        return;
    }
    bool boxes = hp_dict_item(call, "bounding_boxes") != NULL;
    if (!hp_dict_item(call, "images") || (boxes && layer->cls == &hp_layer_MaxNumBoundingBoxes)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a call on %s is not supported",
            boxes ? "bounding boxes" : "a list, or on a dict without images,");
        return;
    }
    for (size_t i = 0; i < dict->item_count; i++) {
        const hp_arg *item = &dict->items[i];
        if (item->name && strcmp(item->name, "images") == 0 && item->kind == HP_ARG_TENSOR)
            hp_call_output(b, call, passed_on(b, layer, item->tensor, cast));
        else
            pass_item(b, layer, call, item);
    }
}

static void keep(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, false);
}

static void pass(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, ((const augmentation *)layer->config)->old);
}

static void cast(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, true);
}

/* Keys that mean something only while training. */
static const hp_field fields[] = {HP_IGNORE("data_format"), HP_IGNORE("bounding_box_format"), HP_IGNORE("value_range"),
    HP_IGNORE("factor"), HP_IGNORE("seed"), HP_IGNORE("num_chains"), HP_IGNORE("chain_depth"), HP_IGNORE("alpha"),
    HP_IGNORE("all_ops"), HP_IGNORE("interpolation"), HP_IGNORE("num_ops"), HP_IGNORE("brightness_factor"),
    HP_IGNORE("contrast_factor"), HP_IGNORE("saturation_factor"), HP_IGNORE("hue_factor"), HP_IGNORE("height"),
    HP_IGNORE("width"), HP_IGNORE("scale"), HP_IGNORE("fill_mode"), HP_IGNORE("fill_value"), HP_IGNORE("kernel_size"),
    HP_IGNORE("sigma"), HP_IGNORE("mode"), HP_IGNORE("x_factor"), HP_IGNORE("y_factor"), HP_IGNORE("height_factor"),
    HP_IGNORE("width_factor"), HP_IGNORE("addition_factor"), HP_IGNORE("threshold_factor"), HP_IGNORE("max_number"),
    HP_IGNORE("bins"), HP_FIELDS_END};

#define AUGMENTATION(name, lower_function)                                                                             \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(augmentation),                                                                           \
        .check = check,                                                                                                \
        .masking = HP_MASK_OWN, /* a tensor passed on keeps its mask */                                                \
        .min_inputs = 1,                                                                                               \
        .max_inputs = -1,                                                                                              \
        .lower = (lower_function),                                                                                     \
        .own_dtype = true}

AUGMENTATION(AugMix, cast);
AUGMENTATION(CutMix, cast);
AUGMENTATION(Equalization, pass);
AUGMENTATION(MaxNumBoundingBoxes, pass);
AUGMENTATION(MixUp, pass);
AUGMENTATION(RandAugment, cast);
AUGMENTATION(RandomBrightness, pass);
AUGMENTATION(RandomColorDegeneration, pass);
AUGMENTATION(RandomColorJitter, pass);
AUGMENTATION(RandomContrast, pass);
AUGMENTATION(RandomCrop, pass);
AUGMENTATION(RandomElasticTransform, cast);
AUGMENTATION(RandomErasing, cast);
AUGMENTATION(RandomFlip, cast);
AUGMENTATION(RandomGaussianBlur, cast);
AUGMENTATION(RandomGrayscale, pass);
AUGMENTATION(RandomHeight, keep);
AUGMENTATION(RandomHue, pass);
AUGMENTATION(RandomInvert, pass);
AUGMENTATION(RandomPerspective, cast);
AUGMENTATION(RandomPosterization, pass);
AUGMENTATION(RandomRotation, cast);
AUGMENTATION(RandomSaturation, pass);
AUGMENTATION(RandomSharpness, cast);
AUGMENTATION(RandomShear, cast);
AUGMENTATION(RandomTranslation, cast);
AUGMENTATION(RandomWidth, keep);
AUGMENTATION(RandomZoom, cast);
AUGMENTATION(Solarization, cast);
