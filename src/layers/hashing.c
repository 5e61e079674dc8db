/* hashing.c: Hashing and HashedCrossing (keras/src/layers/preprocessing/): TensorFlow's string_to_hash_bucket_fast and
 * _strong, and its sparse_cross_hashed. */
#include <string.h>
#include "base/dtype.h"
#include "layers/encoding.h"
#include "layers/support.h"

typedef struct hashing {
    int64_t num_bins;
    const hp_json *salt, *mask_value;
    int output_mode;
    bool strong;
    uint64_t key[2];
} hashing;

static const hp_field hashing_fields[] = {
    HP_INT(hashing, num_bins, HP_REQUIRED, 1, 9e18),
    HP_JSON_OF(hashing, salt, "integer or list of two"),
    HP_JSON_OF(hashing, mask_value, "number or string"),
    HP_ENUM(hashing, output_mode, HP_MODE_INT, hp_encoding_modes),
    HP_IGNORE("sparse"), /* tensors are always dense: it changes how the result is stored */
    HP_FIELDS_END,
};

static void check_hashing(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hashing *c = config;
    char text[80];
    c->output_mode = hp_encoding_mode(c->output_mode);
    if (c->output_mode == HP_MODE_TF_IDF)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_mode",
            "is not one of \"int\", \"one_hot\", \"multi_hot\" and \"count\"");
    const hp_json *mask = c->mask_value;
    if (mask && mask->type != HP_JSON_INT && mask->type != HP_JSON_DOUBLE && mask->type != HP_JSON_STRING)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "mask_value", "found %s, expected a number or a string",
            hp_json_describe(mask, text, sizeof text));
    if (!c->salt) return;
    const hp_json *first = c->salt, *second = c->salt;
    if (hp_json_is(c->salt, HP_JSON_ARRAY) && c->salt->count == 2) {
        first = hp_json_at(c->salt, 0);
        second = hp_json_at(c->salt, 1);
    }
    if (!hp_json_is(first, HP_JSON_INT) || !hp_json_is(second, HP_JSON_INT)) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "salt", "found %s, expected an integer or a list of two",
            hp_json_describe(c->salt, text, sizeof text));
        return;
    }
    c->strong = true;
    c->key[0] = (uint64_t)first->integer;
    c->key[1] = (uint64_t)second->integer;
}

/* The mask for x's dtype, in the params or as a value; false: it is of another kind, as Keras would refuse it too. */
static bool set_mask(hp_builder *b, const hashing *c, hp_dtype dtype, hp_hash_params *params, hp_value *mask) {
    if (!c->mask_value || c->num_bins < 2) return true;
    bool string = hp_json_is(c->mask_value, HP_JSON_STRING);
    if (string != (dtype == HP_STRING)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "mask_value: found %s for an input of %s", string ? "a string" : "a number",
            hp_dtype_name(dtype));
        return false;
    }
    params->masked = 1;
    params->buckets--;
    if (string) {
        int64_t size = (int64_t)strlen(c->mask_value->string);
        *mask = hp_emit_literal(b, HP_UINT8, 1, &size, c->mask_value->string);
    } else {
        params->mask = c->mask_value->number;
    }
    return true;
}

static void lower_hashing(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hashing *c = layer->config;
    hp_value x = call->inputs[0], mask = HP_NO_VALUE;
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (dtype != HP_STRING && !hp_dtype_is_integer(dtype)) x = hp_emit_cast(b, x, HP_FLOAT32);
    hp_hash_params params;
    memset(&params, 0, sizeof params);
    params.buckets = (uint64_t)c->num_bins;
    params.strong = c->strong;
    memcpy(params.key, c->key, sizeof params.key);
    if (!set_mask(b, c, dtype, &params, &mask)) return;
    hp_value y = hp_emit_hash(b, x, mask, &params);
    if (c->output_mode != HP_MODE_INT) y = hp_encode_categories(b, y, HP_NO_VALUE, c->output_mode, c->num_bins);
    /* TensorFlow 2.3 gave the layer's dtype as float32, and buckets as int64 */
    bool old = c->output_mode == HP_MODE_INT && hp_dtype_is_float(layer->variables);
    hp_call_output(b, call, hp_emit_cast(b, y, old ? HP_INT64 : layer->variables));
}

const hp_layer_class hp_layer_Hashing = {
    .class_name = "Hashing",
    .module = "keras.layers",
    .fields = hashing_fields,
    .config_size = sizeof(hashing),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_hashing,
    .lower = lower_hashing,
    .any_dtype = true,
    .no_autocast = true,
    .own_dtype = true,
};

/* ---- HashedCrossing */

typedef struct hashed_crossing {
    int64_t num_bins;
    int output_mode;
} hashed_crossing;

static const hp_field crossing_fields[] = {
    HP_INT(hashed_crossing, num_bins, HP_REQUIRED, 1, 9e18),
    HP_ENUM(hashed_crossing, output_mode, HP_MODE_INT, hp_encoding_modes),
    HP_IGNORE("sparse"), /* see above */
    HP_FIELDS_END,
};

static void check_crossing(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const hashed_crossing *c = config;
    if (c->output_mode > HP_MODE_ONE_HOT)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_mode", "is neither \"int\" nor \"one_hot\"");
}

static void lower_crossing(hp_builder *b, hp_layer *layer, hp_call *call) {
    const uint64_t seed = 0xDECAFCAFFEULL; /* of tf.sparse.cross_hashed without a key */
    const hashed_crossing *c = layer->config;
    for (size_t i = 0; i < call->input_count; i++) {
        const hp_shape *shape = hp_builder_shape(b, call->inputs[i]);
        if (!hp_check_rank(b, call->inputs[i], 1, 2)) return;
        if (shape->rank == 2 && shape->dims[1] != 1) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "found an input of %lld columns, expected (rows,) or (rows, 1)",
                (long long)shape->dims[1]);
            return;
        }
    }
    hp_value y = hp_emit_hash_cross(b, call->inputs, (int)call->input_count, seed, (uint64_t)c->num_bins);
    if (c->output_mode == HP_MODE_ONE_HOT) y = hp_encode_categories(b, y, HP_NO_VALUE, c->output_mode, c->num_bins);
    hp_call_output(b, call, hp_emit_cast(b, y, layer->variables));
}

const hp_layer_class hp_layer_HashedCrossing = {
    .class_name = "HashedCrossing",
    .module = "keras.layers",
    .fields = crossing_fields,
    .config_size = sizeof(hashed_crossing),
    .masking = HP_MASK_STOP,
    .min_inputs = 2,
    .max_inputs = -1,
    .check = check_crossing,
    .lower = lower_crossing,
    .any_dtype = true,
    .no_autocast = true,
    .own_dtype = true,
};
