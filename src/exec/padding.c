/* padding.c: whether rows of different lengths may be padded: hp_pad_value of ragged.h.
 *
 * Decided from the model's config and what its layer classes say of themselves (hp_padding), for models that are one chain
 * of layers; any other layer is refused by name. Layers that sum over steps are among those: their sums come out in
 * another order with more steps. */
#include <string.h>

#include "exec/ragged.h"

static hp_status refuse(const hp_model *model, const char *name, const char *class, const char *why, hp_error *error) {
    HP_FAIL(error, HP_ERROR_UNSUPPORTED, model->spec->name, "--pad: layer \"%s\" (%s) %s", name, class, why);
}

static const hp_json *config_of(const hp_json *layer) {
    return hp_json_get(layer, "config");
}

static const char *text_of(const hp_json *object, const char *key) {
    const char *text = hp_json_string(hp_json_get(object, key));
    return text ? text : "";
}

static bool flag_of(const hp_json *config, const char *key) {
    const hp_json *value = hp_json_get(config, key);
    return hp_json_is(value, HP_JSON_BOOL) && value->boolean;
}

static hp_padding padding_of(const hp_json *layer) {
    const hp_layer_class *class = hp_layer_class_find(text_of(layer, "class_name"), text_of(layer, "module"));
    return class ? class->padding : HP_PADDING_SEEN;
}

/* Whether the layer makes a mask of what its input holds, and what it takes for a step that is not there. */
static bool starts_mask(const hp_json *layer, double *value) {
    const hp_json *config = config_of(layer), *given = hp_json_get(config, "mask_value");
    *value = 0;
    if (padding_of(layer) != HP_PADDING_MARKED) return false;
    if (hp_json_get(config, "mask_zero")) return flag_of(config, "mask_zero");
    if (given) *value = given->number;
    return !given || hp_json_is(given, HP_JSON_INT) || hp_json_is(given, HP_JSON_DOUBLE);
}

/* *ends: the layer gives its last step alone. */
static hp_status check_layer(const hp_model *model, const hp_json *layer, bool *ends, hp_error *error) {
    const char *class = text_of(layer, "class_name"), *name = text_of(config_of(layer), "name");
    hp_padding padding = padding_of(layer);
    if (padding == HP_PADDING_STEPWISE) return HP_OK;
    const hp_json *inner = padding == HP_PADDING_WRAPPED ? hp_json_get(config_of(layer), "layer") : layer;
    *ends = !flag_of(config_of(inner), "return_sequences");
    bool zeroed = *ends && flag_of(config_of(inner), "zero_output_for_mask"); /* the last step, if it is padded */
    if (padding_of(inner) != HP_PADDING_SKIPPED || zeroed)
        return refuse(model, name, class, "may take padded steps into account", error);
    return HP_OK;
}

/* Whether each layer takes what the one before it gives, and nothing else. */
static bool is_chain(const hp_model *model) {
    hp_layer_info info, before = {.name = ""};
    for (size_t i = 0; hp_model_layer(model, i, &info, NULL) == HP_OK; i++) {
        if (info.depth > 0) return false;
        if (i > 0 && *info.connected_to && strcmp(info.connected_to, before.name) != 0) return false;
        before = info;
    }
    return true;
}

hp_status hp_pad_value(const hp_model *model, double *value, hp_error *error) {
    const hp_json *list = hp_json_get(config_of(model->spec->config), "layers");
    bool chain = hp_json_is(list, HP_JSON_ARRAY) && hp_model_input_count(model) == 1 && is_chain(model);
    HP_FAIL_IF(!chain, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "--pad: it is no chain of layers with one input, so whether padding changes results is not known");
    bool masked = false, ended = false;
    HP_JSON_EACH (layer, list) {
        if (ended) break;
        const char *class = text_of(layer, "class_name");
        if (padding_of(layer) == HP_PADDING_INPUT) continue;
        if (!masked) {
            masked = starts_mask(layer, value);
            if (!masked)
                return refuse(model, text_of(config_of(layer), "name"), class,
                    "comes before any mask: padded steps need Masking or Embedding(mask_zero=True) first", error);
            continue;
        }
        HP_TRY(check_layer(model, layer, &ended, error));
    }
    HP_FAIL_IF(!ended, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "--pad: its outputs have a step for each step of the input");
    return HP_OK;
}
