/* bounding_boxes.c: see bounding_boxes.h. */
#include "layers/bounding_boxes.h"

#include <string.h>

const char *const hp_box_formats[] = {
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh", NULL};

/* How the four numbers of a format stand: which of them is x, y and the two that end or measure. */
typedef struct layout {
    bool relative, sizes, centered;
    int place[4]; /* of x1 (or centre), y1, x2 (or width), y2 (or height) */
} layout;

static const layout layouts[] = {
    [HP_BOX_XYXY] = {false, false, false, {0, 1, 2, 3}},
    [HP_BOX_YXYX] = {false, false, false, {1, 0, 3, 2}},
    [HP_BOX_XYWH] = {false, true, false, {0, 1, 2, 3}},
    [HP_BOX_CENTER_XYWH] = {false, true, true, {0, 1, 2, 3}},
    [HP_BOX_CENTER_YXHW] = {false, true, true, {1, 0, 3, 2}},
    [HP_BOX_REL_XYXY] = {true, false, false, {0, 1, 2, 3}},
    [HP_BOX_REL_YXYX] = {true, false, false, {1, 0, 3, 2}},
    [HP_BOX_REL_XYWH] = {true, true, false, {0, 1, 2, 3}},
    [HP_BOX_REL_CENTER_XYWH] = {true, true, true, {0, 1, 2, 3}},
};

const hp_arg *hp_dict_item(const hp_call *call, const char *key) {
    const hp_arg *dict = call->arg_count > 0 ? &call->args[0] : NULL;
    for (size_t i = 0; dict && dict->kind == HP_ARG_LIST && i < dict->item_count; i++)
        if (dict->items[i].name && strcmp(dict->items[i].name, key) == 0) return &dict->items[i];
    return NULL;
}

static hp_value calculate(hp_builder *b, hp_binary op, hp_value x, hp_value y) {
    return hp_emit_binary(b, op, x, y);
}

static hp_value by(hp_builder *b, hp_binary op, hp_value x, double number) {
    return hp_emit_binary(b, op, x, hp_emit_float(b, number));
}

hp_box hp_box_open(hp_builder *b, hp_value boxes, hp_box_format format, int64_t height, int64_t width) {
    const layout *l = &layouts[format];
    hp_shape shape = *hp_builder_shape(b, boxes);
    hp_box box = {{HP_NO_VALUE, HP_NO_VALUE, HP_NO_VALUE, HP_NO_VALUE}};
    if (b->status == HP_OK && (shape.rank < 1 || shape.dims[shape.rank - 1] != 4))
        hp_builder_fail(b, HP_ERROR_SHAPE, "boxes: the last axis must hold four numbers");
    if (b->status != HP_OK) return box;
    boxes = hp_emit_cast(b, boxes, hp_builder_real(b));
    for (int i = 0; i < 4; i++) {
        int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
        for (int a = 0; a < HP_MAX_RANK; a++) step[a] = 1;
        begin[shape.rank - 1] = l->place[i];
        shape.dims[shape.rank - 1] = 1;
        box.at[i] = hp_emit_slice(b, boxes, begin, shape.dims, step);
    }
    for (int i = 0; i < 2 && l->sizes; i++) {
        hp_value first = box.at[i], size = box.at[i + 2];
        hp_value half = l->centered ? by(b, HP_BINARY_DIVIDE, size, 2) : size;
        if (l->centered) box.at[i] = calculate(b, HP_BINARY_SUBTRACT, first, half);
        box.at[i + 2] = calculate(b, HP_BINARY_ADD, first, half);
    }
    for (int i = 0; i < 4 && l->relative; i++)
        box.at[i] = by(b, HP_BINARY_MULTIPLY, box.at[i], (double)(i % 2 == 0 ? width : height));
    return box;
}

hp_value hp_box_close(hp_builder *b, const hp_box *given, hp_box_format format, int64_t height, int64_t width) {
    const layout *l = &layouts[format];
    hp_box box = *given;
    hp_value numbers[4];
    for (int i = 0; i < 4 && l->relative; i++)
        box.at[i] = by(b, HP_BINARY_DIVIDE, box.at[i], (double)(i % 2 == 0 ? width : height));
    for (int i = 0; i < 2 && l->sizes; i++) {
        hp_value first = box.at[i], last = box.at[i + 2];
        if (l->centered) box.at[i] = by(b, HP_BINARY_DIVIDE, calculate(b, HP_BINARY_ADD, first, last), 2);
        box.at[i + 2] = calculate(b, HP_BINARY_SUBTRACT, last, first);
    }
    for (int i = 0; i < 4; i++) numbers[l->place[i]] = box.at[i];
    return hp_emit_concat(b, numbers, 4, -1);
}
