/* index_lookup.c: StringLookup, IntegerLookup and IndexLookup (keras/src/layers/preprocessing/): indices of words and
 * integers in a vocabulary, or the integers back. */
#include "layers/encoding.h"
#include "layers/lookup.h"

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_lookup_check(scope, layer, config);
}

static void check_string(hp_layer_scope *scope, hp_layer *layer, void *config) {
    ((hp_lookup *)config)->vocabulary_dtype = HP_VOCABULARY_STRING;
    hp_lookup_check(scope, layer, config);
}

static void read_asset(hp_layer_scope *scope, hp_layer *layer, void *config, const char *data, size_t size) {
    hp_lookup_read_asset(scope, layer, config, data, size);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_call_output(b, call, hp_lookup_lower(b, layer, layer->config, call->inputs[0]));
}

#define TOKEN_FIELDS                                                                                                   \
    HP_LOOKUP_FIELDS(hp_lookup), HP_INT(hp_lookup, num_oov_indices, 1, 0, HP_MAX_DIM),                                 \
        HP_JSON_OF(hp_lookup, mask_token, "token"), HP_JSON_OF(hp_lookup, oov_token, "token"),                         \
        HP_BOOL(hp_lookup, invert, false), HP_JSON_OF(hp_lookup, salt, "integer or list of two"),                      \
        HP_ENUM(hp_lookup, oov_method, HP_OOV_FLOORMOD, hp_oov_methods)

static const hp_field string_fields[] = {TOKEN_FIELDS, HP_FIELDS_END};
static const hp_field integer_fields[] = {
    TOKEN_FIELDS,
    HP_ENUM(hp_lookup, vocabulary_dtype, HP_VOCABULARY_INT64, hp_vocabulary_dtypes),
    HP_FIELDS_END,
};

const hp_layer_class hp_layer_StringLookup = {
    .class_name = "StringLookup",
    .module = "keras.layers",
    .fields = string_fields,
    .config_size = sizeof(hp_lookup),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_string,
    .asset = "vocabulary.txt",
    .read_asset = read_asset,
    .lower = lower,
    .any_dtype = true,
    .no_autocast = true,
};

const hp_layer_class hp_layer_IntegerLookup = {
    .class_name = "IntegerLookup",
    .module = "keras.layers",
    .fields = integer_fields,
    .config_size = sizeof(hp_lookup),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .asset = "vocabulary.txt",
    .read_asset = read_asset,
    .lower = lower,
    .any_dtype = true,
    .no_autocast = true,
};

const hp_layer_class hp_layer_IndexLookup = {
    .class_name = "IndexLookup",
    .module = "keras.layers",
    .fields = integer_fields,
    .config_size = sizeof(hp_lookup),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .asset = "vocabulary.txt",
    .read_asset = read_asset,
    .lower = lower,
    .any_dtype = true,
    .no_autocast = true,
};
