/* text_vectorization.c: TextVectorization (keras/src/layers/preprocessing/text_vectorization.py): text to the indices
 * of its words, or to one vector. */
#include <string.h>

#include "layers/encoding.h"
#include "layers/lookup.h"
#include "layers/support.h"

typedef struct text_vectorization {
    hp_lookup lookup; /* the first member: its fields lie as in its own struct */
    const hp_json *standardize, *split, *ngrams;
    int64_t output_sequence_length;
    hp_text_params params; /* but for the vocabulary's indices and the size of a row */
} text_vectorization;

static const hp_field fields[] = {
    HP_LOOKUP_FIELDS(hp_lookup),
    HP_JSON_OF(
        text_vectorization, standardize, "null, \"lower_and_strip_punctuation\", \"lower\", \"strip_punctuation\""),
    HP_JSON_OF(text_vectorization, split, "null, \"whitespace\", \"character\""),
    HP_JSON_OF(text_vectorization, ngrams, "null, a number or a list of widths"),
    HP_INT(text_vectorization, output_sequence_length, HP_NULL, 1, HP_MAX_DIM),
    HP_FALSE("ragged", "ragged tensors are not supported"),
    HP_FIELDS_END,
};

/* The place of the value's name in `names`, 0 for null, 1 (Keras's default) where the key is absent; -1: refused. */
static int option(
    hp_layer_scope *scope, const hp_layer *layer, const char *key, const hp_json *value, const char *const *names) {
    char text[80];
    if (!hp_json_get(hp_json_get(layer->json, "config"), key)) return 1;
    const char *name = hp_json_string(value);
    if (!value) return 0;
    for (int i = 1; name && names[i]; i++)
        if (strcmp(names[i], name) == 0) return i;
    hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, key, "found %s: functions of one's own are not supported",
        hp_json_describe(value, text, sizeof text));
    return -1;
}

/* n: all widths up to n; a list: those, in its order. */
static void set_widths(hp_layer_scope *scope, const hp_layer *layer, text_vectorization *c) {
    enum { MOST = sizeof c->params.widths / sizeof *c->params.widths };
    const hp_json *ngrams = c->ngrams;
    bool good = true;
    int count = 0;
    if (!ngrams) {
        c->params.widths[count++] = 1;
    } else if (hp_json_is(ngrams, HP_JSON_INT)) {
        good = ngrams->integer >= 1 && ngrams->integer <= MOST;
        while (good && count < ngrams->integer) {
            c->params.widths[count] = count + 1;
            count++;
        }
    } else {
        good = hp_json_is(ngrams, HP_JSON_ARRAY) && ngrams->count >= 1 && ngrams->count <= MOST;
        HP_JSON_EACH (item, good ? ngrams : NULL) {
            good = good && hp_json_is(item, HP_JSON_INT) && item->integer >= 1 && item->integer <= 1000;
            if (good) c->params.widths[count++] = (int32_t)item->integer;
        }
    }
    c->params.width_count = count;
    char text[80];
    if (!good)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "ngrams",
            "found %s, expected null, a number up to %d or a list of up to %d widths",
            hp_json_describe(ngrams, text, sizeof text), (int)MOST, (int)MOST);
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    static const hp_json mask = {.type = HP_JSON_STRING, .string = ""},
                         oov = {.type = HP_JSON_STRING, .string = "[UNK]"};
    text_vectorization *c = config;
    c->lookup.vocabulary_dtype = HP_VOCABULARY_STRING;
    c->lookup.num_oov_indices = 1;
    c->lookup.mask_token = &mask;
    c->lookup.oov_token = &oov;
    hp_lookup_check(scope, layer, &c->lookup);
    int standardize = option(scope, layer, "standardize", c->standardize,
        HP_NAMES("", "lower_and_strip_punctuation", "lower", "strip_punctuation"));
    int split = option(scope, layer, "split", c->split, HP_NAMES("", "whitespace", "character"));
    memset(&c->params, 0, sizeof c->params);
    c->params.lower = standardize == 1 || standardize == 2;
    c->params.strip_punctuation = standardize == 1 || standardize == 3;
    c->params.split = split == 1 ? HP_SPLIT_WHITESPACE : split == 2 ? HP_SPLIT_CHARACTER : HP_SPLIT_NOT;
    set_widths(scope, layer, c);
    if (split <= 0) return;
    if (c->lookup.output_mode == HP_MODE_ONE_HOT)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "output_mode",
            "\"one_hot\" of split text: ragged tensors are not supported");
}

static void read_asset(hp_layer_scope *scope, hp_layer *layer, void *config, const char *data, size_t size) {
    hp_lookup_read_asset(scope, layer, &((text_vectorization *)config)->lookup, data, size);
}

/* Phrases of a row of `words` texts that are words each. */
static int64_t phrases(const text_vectorization *c, int64_t words) {
    int64_t count = 0;
    for (int i = 0; i < c->params.width_count; i++)
        if (words >= c->params.widths[i]) count += words - c->params.widths[i] + 1;
    return count;
}

/* Indices of a row: as the config says, or as many as there are; split text as long as the longest of its batch. */
static int64_t row_length(hp_builder *b, const text_vectorization *c, hp_value text, int64_t words) {
    if (c->output_sequence_length != HP_INT_NULL) return c->output_sequence_length;
    if (c->params.split == HP_SPLIT_NOT) return phrases(c, words);
    return hp_builder_measure(b, text, hp_text_longest, &c->params, sizeof c->params);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const text_vectorization *c = layer->config;
    const hp_lookup *lookup = &c->lookup;
    hp_text_params params = c->params;
    hp_value x = call->inputs[0], keys, offsets;
    const hp_shape *shape = hp_builder_shape(b, x);
    if (!hp_check_rank(b, x, 1, 2)) return;
    if (shape->rank == 1) x = hp_emit_reshape(b, x, 2, (const int64_t[]){shape->dims[0], 1});
    int64_t words = hp_builder_shape(b, x)->dims[1];
    if (params.split != HP_SPLIT_NOT && words != 1) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "found %lld columns, expected one text a row", (long long)words);
        return;
    }
    bool indices = lookup->output_mode == HP_MODE_INT || lookup->output_mode == HP_MODE_ONE_HOT;
    params.encoding = indices                                    ? HP_ENCODING_ONE_HOT
                      : lookup->output_mode == HP_MODE_MULTI_HOT ? HP_ENCODING_MULTI_HOT
                                                                 : HP_ENCODING_COUNT;
    params.size = hp_lookup_depth(lookup);
    if (indices) params.size = row_length(b, c, call->inputs[0], words);
    params.start = hp_lookup_token_start(lookup);
    params.missing = hp_lookup_oov_start(lookup);
    params.mask = hp_lookup_mask(lookup);
    if (params.size < 1) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "%lld words are too few for the n-grams", (long long)words);
        return;
    }
    hp_lookup_constants(b, lookup, &keys, &offsets);
    hp_value y = hp_emit_vectorize_text(b, x, keys, offsets, &params);
    if (lookup->output_mode == HP_MODE_ONE_HOT)
        y = hp_encode_categories(b, y, HP_NO_VALUE, HP_MODE_ONE_HOT, hp_lookup_depth(lookup));
    if (lookup->output_mode != HP_MODE_INT) y = hp_lookup_finish(b, layer, lookup, y);
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_TextVectorization = {
    .class_name = "TextVectorization",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(text_vectorization),
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
