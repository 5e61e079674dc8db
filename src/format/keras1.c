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
        {"dot", "Dot"}, {"cos", "Dot"}};
    static const char *const training_keys[] = {
        "mode_type", "output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments"};
    hp_json *config = layer->config;
    const char *mode = hp_json_string(hp_json_get(config, "mode")), *class_name = NULL;
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].mode, mode) == 0) class_name = modes[i].class_name;
    if (!class_name) return HP_OK; /* a lambda: stays Merge, which nothing knows */
    bool concat = strcmp(mode, "concat") == 0, dot = strcmp(class_name, "Dot") == 0, cosine = strcmp(mode, "cos") == 0;
    if (!concat || !hp_json_rename(config, "concat_axis", "axis")) hp_json_remove(config, "concat_axis");
    if (!dot || !hp_json_rename(config, "dot_axes", "axes")) hp_json_remove(config, "dot_axes");
    hp_json_remove(config, "mode");
    for (size_t i = 0; i < sizeof training_keys / sizeof *training_keys; i++) hp_json_remove(config, training_keys[i]);
    if (dot) {
        hp_json *normalize = hp_json_new_bool(f->arena, cosine);
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

hp_status hp_fix_keras1(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    HP_TRY(fix_ordering(f, layer->config, error));
    HP_TRY(join_sizes(f, layer->config, error));
    if (strcmp(layer->class_name, "Merge") == 0) return fix_merge(f, layer, error);
    if (strcmp(layer->class_name, "TimeDistributedDense") == 0) return fix_distributed_dense(f, layer, error);
    return HP_OK;
}
