/* tf_crops.c: tf.image.crop_and_resize: boxes of images at one size, their pixels read at places that follow from the boxes, in the
 * order of TensorFlow's operations (crop_and_resize_op.cc), for a place may lie on the last pixel's edge. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *crop_size;
    int method;
    double extrapolation_value;
} config;

enum { BILINEAR, NEAREST };

/* Along one axis of an image: places [boxes, size], and which of them are inside. */
static hp_value places(hp_builder *b, hp_value low, hp_value high, int64_t from, int64_t size, hp_value *inside) {
    double last = (double)(from - 1);
    hp_value at;
    if (size > 1) {
        hp_value step = hp_op_scale(b, hp_op_subtract(b, high, low), last);
        step = hp_op_binary(b, HP_BINARY_DIVIDE, step, (double)(size - 1));
        hp_value steps = hp_op_multiply(b, hp_op_range(b, 0, 1, (double)size, HP_FLOAT32), step);
        at = hp_op_add(b, hp_op_scale(b, low, last), steps);
    } else {
        at = hp_op_scale(b, hp_op_scale(b, hp_op_add(b, low, high), 0.5), last);
    }
    *inside = hp_emit_logical(
        b, HP_AND, hp_op_compare(b, HP_GREATER_EQUAL, at, 0), hp_op_compare(b, HP_LESS_EQUAL, at, last));
    return hp_emit_select(b, *inside, at, hp_op_number(b, 0, at));
}

typedef struct crops {
    hp_value pixels, image; /* [images * height * width, channels]; where each box's image begins: [boxes, 1, 1] */
    int64_t width;
} crops;

/* [boxes, height, width, channels]: the pixels on lines[boxes, height] and columns[boxes, width]. */
static hp_value pixels_at(hp_builder *b, const crops *k, hp_value lines, hp_value columns) {
    hp_value at = hp_op_new_axis(b, hp_op_scale(b, hp_emit_cast(b, lines, HP_INT64), (double)k->width), 2);
    at = hp_op_add(b, at, hp_op_new_axis(b, hp_emit_cast(b, columns, HP_INT64), 1));
    return hp_emit_cast(b, hp_emit_gather(b, k->pixels, hp_op_add(b, at, k->image), 0), HP_FLOAT32);
}

static hp_value between(hp_builder *b, hp_value x, hp_value y, hp_value share) {
    return hp_op_add(b, x, hp_op_multiply(b, hp_op_subtract(b, y, x), share));
}

/* Half away from zero; no place is below 0. */
static hp_value rounded(hp_builder *b, hp_value at) {
    hp_value low = hp_op_unary(b, at, HP_UNARY_FLOOR);
    hp_value up = hp_op_compare(b, HP_GREATER_EQUAL, hp_op_subtract(b, at, low), 0.5);
    return hp_op_add(b, low, hp_emit_cast(b, up, HP_FLOAT32));
}

static hp_value sampled(hp_builder *b, const crops *k, hp_value lines, hp_value columns, int method) {
    if (method == NEAREST) return pixels_at(b, k, rounded(b, lines), rounded(b, columns));
    hp_value top = hp_op_unary(b, lines, HP_UNARY_FLOOR), bottom = hp_op_unary(b, lines, HP_UNARY_CEIL);
    hp_value left = hp_op_unary(b, columns, HP_UNARY_FLOOR), right = hp_op_unary(b, columns, HP_UNARY_CEIL);
    hp_value down = hp_op_new_axis(b, hp_op_new_axis(b, hp_op_subtract(b, lines, top), 2), 3);
    hp_value along = hp_op_new_axis(b, hp_op_new_axis(b, hp_op_subtract(b, columns, left), 2), 1);
    hp_value above = between(b, pixels_at(b, k, top, left), pixels_at(b, k, top, right), along);
    hp_value below = between(b, pixels_at(b, k, bottom, left), pixels_at(b, k, bottom, right), along);
    return between(b, above, below, down);
}

HP_TF_OP(CropAndResize, HP_JSON_FIELD(config, crop_size),
    HP_ENUM(config, method, BILINEAR, HP_NAMES("bilinear", "nearest")),
    HP_FLOAT(config, extrapolation_value, 0, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "image"), boxes = hp_op_operand(b, call, 1, "boxes"), sides[4];
    hp_value of = hp_emit_cast(b, hp_op_operand(b, call, 2, "box_indices"), HP_INT64);
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t size[HP_MAX_RANK] = {0};
    const hp_json *given = hp_op_setting(b, call, -1, "crop_size", c->crop_size);
    if (!hp_check_rank(b, x, 4, 4) || !hp_check_rank(b, boxes, 2, 2) || !hp_check_rank(b, of, 1, 1)) return;
    int count = hp_op_integers(b, given, 0, size);
    if (b->status == HP_OK && (count != 2 || size[0] < 1 || size[1] < 1 || hp_builder_shape(b, boxes)->dims[1] != 4))
        hp_builder_fail(b, HP_ERROR_SHAPE, "expected boxes of four numbers, and a crop_size of two above 0");
    if (b->status == HP_OK && (shape.rows || hp_builder_shape(b, boxes)->rows || hp_builder_shape(b, of)->rows))
        hp_builder_mixes_rows(b, "boxes name their images in the batch");
    if (b->status != HP_OK) return;
    boxes = hp_emit_cast(b, boxes, HP_FLOAT32);
    for (int i = 0; i < 4; i++) sides[i] = hp_op_part(b, boxes, 1, i, i + 1);
    hp_value high, wide, outside = hp_op_number(b, (double)shape.dims[0], of); /* no image counts from the end */
    of = hp_emit_select(b, hp_op_compare(b, HP_LESS, of, 0), outside, of);
    hp_value lines = places(b, sides[0], sides[2], shape.dims[1], size[0], &high);
    hp_value columns = places(b, sides[1], sides[3], shape.dims[2], size[1], &wide);
    const int64_t flat[2] = {shape.dims[0] * shape.dims[1] * shape.dims[2], shape.dims[3]};
    hp_value image = hp_op_scale(b, of, (double)(shape.dims[1] * shape.dims[2]));
    crops k = {.pixels = hp_emit_reshape(b, x, 2, flat), .width = shape.dims[2]};
    k.image = hp_emit_reshape(b, image, 3, (const int64_t[]){-1, 1, 1});
    hp_value y = sampled(b, &k, lines, columns, c->method);
    hp_value inside = hp_emit_logical(b, HP_AND, hp_op_new_axis(b, high, 2), hp_op_new_axis(b, wide, 1));
    hp_call_output(
        b, call, hp_emit_select(b, hp_op_new_axis(b, inside, 3), y, hp_op_number(b, c->extrapolation_value, y)));
}
