/* input.c: InputLayer. Its lower passes the value on: graph/ makes the graph's inputs. */
#include "layers/input.h"

static const hp_field fields[] = {
    HP_JSON_OF(hp_input_config, batch_shape, "list of sizes and nulls"),
    HP_FALSE("sparse", "sparse inputs are not supported"),
    HP_FALSE("ragged", "ragged inputs are not supported"),
    HP_IGNORE("optional"), /* whether None may be given: hornpipe always has every input */
    HP_FIELDS_END,
};

bool hp_input_shape(const hp_json *shape, int *rank, int64_t *dims) {
    if (!hp_json_is(shape, HP_JSON_ARRAY) || shape->count > HP_MAX_RANK || shape->count == 0) return false;
    *rank = 0;
    HP_JSON_EACH (item, shape) {
        bool number = hp_json_is(item, HP_JSON_INT) && item->integer >= 0 && (double)item->integer <= HP_MAX_DIM;
        if (!number && !hp_json_is_null(item)) return false;
        dims[(*rank)++] = number ? item->integer : -1;
    }
    return true;
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_input_config *c = config;
    char text[80];
    const char *dtype = "";
    hp_layer_parse_dtype(hp_json_get(hp_json_get(layer->json, "config"), "dtype"), &dtype);
    c->rounding = hp_float8_rounding(dtype);
    if (!hp_input_shape(c->batch_shape, &c->rank, c->dims))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "batch_shape",
            "found %s, expected a list of 1 to %d sizes or nulls",
            c->batch_shape ? hp_json_describe(c->batch_shape, text, sizeof text) : "nothing", HP_MAX_RANK);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, call->inputs[0]);
}

const hp_layer_class hp_layer_InputLayer = {
    .class_name = "InputLayer",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(hp_input_config),
    .masking = HP_MASK_PASS,
    .padding = HP_PADDING_INPUT,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower,
    .any_dtype = true,
    .float8 = true,
    .no_autocast = true,
};
