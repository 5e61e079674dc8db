/* keras1.c: what Keras 1 had and no table of keys can say. */
#include "format/fixups.h"

#include <string.h>

/* "th", "tf" and "default" for Keras 3's words. A file of Keras 1 says its backend's default only by "default". */
static hp_status fix_ordering(const hp_fixup *f, hp_json *config, hp_error *error) {
    const char *ordering = hp_json_string(hp_json_get(config, "dim_ordering"));
    if (!ordering) return HP_OK;
    return hp_fix_set_string(
        f, config, "dim_ordering", strcmp(ordering, "th") == 0 ? "channels_first" : "channels_last", error);
}

/* Kernel sizes in pieces: nb_row and nb_col, kernel_dim1 ... kernel_dim3. */
static hp_status join_sizes(const hp_fixup *f, hp_json *config, hp_error *error) {
    static const char *const pieces[] = {"nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3"};
    hp_json *sizes = NULL;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const hp_json *piece = hp_json_get(config, pieces[i]);
        if (!piece) continue;
        if (!sizes) sizes = hp_json_new(f->arena, HP_JSON_ARRAY);
        hp_json *copy = hp_json_copy(f->arena, piece);
        HP_FAIL_IF(!sizes || !copy, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        hp_json_append(sizes, copy);
        hp_json_remove(config, pieces[i]);
    }
    if (sizes) hp_json_set(config, "kernel_size", sizes);
    return HP_OK;
}

/* Merge with a mode became a layer a mode. */
static hp_status fix_merge(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    static const struct mode {
        const char *mode, *class_name;
    } modes[] = {{"sum", "Add"}, {"mul", "Multiply"}, {"ave", "Average"}, {"max", "Maximum"}, {"concat", "Concatenate"},
        {"dot", "Dot"}};
    static const char *const training_keys[] = {
        "mode_type", "output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments"};
    hp_json *config = layer->config;
    const char *mode = hp_json_string(hp_json_get(config, "mode")), *class_name = NULL;
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].mode, mode) == 0) class_name = modes[i].class_name;
    if (!class_name) return HP_OK; /* a lambda, or "cos", which adds an axis: stays Merge, which nothing knows */
    bool concat = strcmp(mode, "concat") == 0, dot = strcmp(class_name, "Dot") == 0;
    if (!concat || !hp_json_rename(config, "concat_axis", "axis")) hp_json_remove(config, "concat_axis");
    if (!dot || !hp_json_rename(config, "dot_axes", "axes")) hp_json_remove(config, "dot_axes");
    hp_json_remove(config, "mode");
    for (size_t i = 0; i < sizeof training_keys / sizeof *training_keys; i++) hp_json_remove(config, training_keys[i]);
    if (dot) {
        hp_json *normalize = hp_json_new_bool(f->arena, false);
        HP_ALLOCATED(normalize, error);
        hp_json_set(config, "normalize", normalize);
    }
    layer->class_name = class_name;
    return hp_fix_set_string(f, layer->object, "class_name", class_name, error);
}

/* TimeDistributedDense(units) is TimeDistributed(Dense(units)). */
static hp_status fix_distributed_dense(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    hp_json *inner = hp_json_new(f->arena, HP_JSON_OBJECT), *config = hp_json_new(f->arena, HP_JSON_OBJECT);
    const char *name = hp_json_string(hp_json_get(layer->config, "name"));
    HP_FAIL_IF(!inner || !config, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    hp_json *shape = hp_fix_member(layer->config, "batch_input_shape");
    hp_json *shape_copy = shape ? hp_json_copy(f->arena, shape) : NULL;
    HP_TRY(hp_fix_set_string(f, inner, "class_name", "Dense", error));
    hp_json_remove(layer->config, "input_length");
    hp_json_set(inner, "config", layer->config);
    HP_TRY(hp_fix_set_string(f, config, "name", name ? name : "timedistributed", error));
    if (shape_copy) hp_json_set(config, "batch_input_shape", shape_copy);
    hp_json_set(config, "layer", inner);
    hp_json_set(layer->object, "config", config);
    layer->config = config;
    layer->class_name = "TimeDistributed";
    return hp_fix_set_string(f, layer->object, "class_name", "TimeDistributed", error);
}

/* Layers whose order of axes was not written. */
static hp_status add_ordering(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    static const char *const names[] = {
        "UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(layer->class_name, names[i]) == 0 && !hp_json_get(layer->config, "dim_ordering"))
            return hp_fix_set_string(
                f, layer->config, "dim_ordering", f->channels_first ? "channels_first" : "channels_last", error);
    return HP_OK;
}

/* A list of two copies of members of a dict; 0 where one is missing. */
static hp_json *pair(const hp_fixup *f, const hp_json *a, const hp_json *b) {
    hp_json *list = hp_json_new(f->arena, HP_JSON_ARRAY);
    hp_json *first = a ? hp_json_copy(f->arena, a) : hp_json_new_int(f->arena, 0);
    hp_json *second = b ? hp_json_copy(f->arena, b) : hp_json_new_int(f->arena, 0);
    if (!list || !first || !second) return NULL;
    hp_json_append(list, first);
    hp_json_append(list, second);
    return list;
}

/* Padding as a dict of sides, or as [top, bottom, left, right], becomes pairs. */
static hp_status fix_padding(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    const hp_json *old = hp_json_get(layer->config, "padding");
    bool one = strcmp(layer->class_name, "ZeroPadding1D") == 0, two = strcmp(layer->class_name, "ZeroPadding2D") == 0;
    bool dict = hp_json_is(old, HP_JSON_OBJECT), four = hp_json_is(old, HP_JSON_ARRAY) && old->count == 4;
    if (!(one && dict) && !(two && (dict || four))) return HP_OK;
    const hp_json *left = dict ? hp_json_get(old, "left_pad") : hp_json_at(old, 2);
    const hp_json *right = dict ? hp_json_get(old, "right_pad") : hp_json_at(old, 3);
    hp_json *sides = pair(f, left, right);
    HP_ALLOCATED(sides, error);
    if (two) {
        const hp_json *top = dict ? hp_json_get(old, "top_pad") : hp_json_at(old, 0);
        const hp_json *bottom = dict ? hp_json_get(old, "bottom_pad") : hp_json_at(old, 1);
        hp_json *rows = pair(f, top, bottom), *both = hp_json_new(f->arena, HP_JSON_ARRAY);
        HP_FAIL_IF(!rows || !both, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        hp_json_append(both, rows);
        hp_json_append(both, sides);
        sides = both;
    }
    hp_json_set(layer->config, "padding", sides);
    return HP_OK;
}

/* Modes of BatchNormalization that take their statistics from what they are given are layers of their own here. */
static hp_status fix_batch_mode(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    const hp_json *mode = hp_json_get(layer->config, "mode");
    if (!hp_json_is(mode, HP_JSON_INT) || (mode->integer != 1 && mode->integer != 2)) return HP_OK;
    layer->class_name = mode->integer == 1 ? "BatchNormalizationMode1" : "BatchNormalizationMode2";
    hp_json_remove(layer->config, "mode");
    return hp_fix_set_string(f, layer->object, "class_name", layer->class_name, error);
}

hp_status hp_fix_keras1(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    HP_TRY(fix_ordering(f, layer->config, error));
    HP_TRY(add_ordering(f, layer, error));
    HP_TRY(fix_padding(f, layer, error));
    HP_TRY(join_sizes(f, layer->config, error));
    if (strcmp(layer->class_name, "BatchNormalization") == 0) return fix_batch_mode(f, layer, error);
    if (strcmp(layer->class_name, "Merge") == 0) return fix_merge(f, layer, error);
    if (strcmp(layer->class_name, "TimeDistributedDense") == 0) return fix_distributed_dense(f, layer, error);
    return HP_OK;
}
