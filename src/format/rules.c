/* rules.c: how the keys and classes of Keras 1 and 2 changed, as tables.
 *
 * Invariant: a rule never loses a value that matters: what Keras 3 has no key for is dropped only when it has no effect
 * on inference, or when it is the default (OLD_DEFAULT); otherwise it stays, and the layer's own fields refuse it. */
#include "format/fixups.h"
#include "format/json.h"

#include <stdlib.h>
#include <string.h>

enum { K1 = 1, K2 = 2, OLD = K1 | K2, K2_3 = 4 /* Keras 2 up to 2.3 */ };

typedef enum action {
    RENAME,  /* to `text` */
    DROP,    /* has no effect on inference */
    DROP_IF, /* only when it equals `text`: a literal */
    DEFAULT, /* sets it to `text`, a literal, where it is absent */
    FIRST,   /* a list of one becomes its item */
} action;

typedef struct rule {
    int families;
    const char *classes; /* "|GRU|GRUCell|"; NULL: every class */
    const char *key;
    action action;
    const char *text;
} rule;

#define ANY_RNN                                                                                                        \
    "|LSTM|GRU|SimpleRNN|LSTMCell|GRUCell|SimpleRNNCell|RNN|ConvLSTM1D|ConvLSTM2D|ConvLSTM3D|StackedRNNCells|"         \
    "CuDNNLSTM|CuDNNGRU|"
#define ANY_CONV1 "|Conv1D|SeparableConv1D|LocallyConnected1D|AveragePooling1D|MaxPooling1D|"
#define ANY_CONV                                                                                                       \
    "|Conv1D|Conv2D|Conv3D|Conv2DTranspose|SeparableConv2D|LocallyConnected1D|LocallyConnected2D|ConvLSTM2D|"
#define SINGLE_GROUP                                                                                                   \
    "|Conv1DTranspose|Conv2DTranspose|Conv3DTranspose|DepthwiseConv1D|DepthwiseConv2D|SeparableConv1D|"                \
    "SeparableConv2D|"
#define SEPARABLE "|SeparableConv1D|SeparableConv2D|"
#define LOOKUP "|StringLookup|IntegerLookup|TextVectorization|IndexLookup|"

static const rule rules[] = {
    /* Keras 1's names */
    {K1, "|Dense|LSTM|GRU|SimpleRNN|MaxoutDense|", "output_dim", RENAME, "units"},
    {K1, ANY_CONV, "nb_filter", RENAME, "filters"},
    {K1, ANY_CONV1, "filter_length", RENAME, "kernel_size"},
    {K1, ANY_CONV1, "subsample_length", RENAME, "strides"},
    {K1, ANY_CONV, "subsample", RENAME, "strides"},
    {K1, ANY_CONV1, "atrous_rate", RENAME, "dilation_rate"},
    {K1, ANY_CONV, "atrous_rate", RENAME, "dilation_rate"},
    {K1, NULL, "border_mode", RENAME, "padding"},
    {K1, NULL, "pool_length", RENAME, "pool_size"},
    {K1, "|AveragePooling1D|MaxPooling1D|", "stride", RENAME, "strides"},
    {K1, NULL, "dim_ordering", RENAME, "data_format"},
    {K1, "|Embedding|", "init", RENAME, "embeddings_initializer"},
    {K1, "|Embedding|", "W_regularizer", RENAME, "embeddings_regularizer"},
    {K1, "|Embedding|", "W_constraint", RENAME, "embeddings_constraint"},
    {K1, "|Embedding|", "dropout", DROP, NULL},
    {K1, "|PReLU|", "init", RENAME, "alpha_initializer"},
    {K1, "|PReLU|", "weights", DROP, NULL},
    {K1, "|SeparableConv2D|", "init", RENAME, "depthwise_initializer"},
    {K1, NULL, "init", RENAME, "kernel_initializer"},
    {K1, NULL, "inner_init", RENAME, "recurrent_initializer"},
    {K1, NULL, "inner_activation", RENAME, "recurrent_activation"},
    {K1, "|ParametricSoftplus|", "beta_init", DROP, NULL},
    {K1, NULL, "beta_init", RENAME, "beta_initializer"},
    {K1, NULL, "gamma_init", RENAME, "gamma_initializer"},
    {K1, NULL, "forget_bias_init", DROP, NULL},
    {K1, NULL, "W_regularizer", RENAME, "kernel_regularizer"},
    {K1, NULL, "U_regularizer", RENAME, "recurrent_regularizer"},
    {K1, NULL, "b_regularizer", RENAME, "bias_regularizer"},
    {K1, NULL, "W_constraint", RENAME, "kernel_constraint"},
    {K1, NULL, "U_constraint", RENAME, "recurrent_constraint"},
    {K1, NULL, "b_constraint", RENAME, "bias_constraint"},
    {K1, NULL, "dropout_W", RENAME, "dropout"},
    {K1, NULL, "dropout_U", RENAME, "recurrent_dropout"},
    {K1, NULL, "bias", RENAME, "use_bias"},
    {K1, NULL, "p", RENAME, "rate"},
    {K1, "|GaussianNoise|", "sigma", RENAME, "stddev"},
    {K1, "|UpSampling1D|", "length", RENAME, "size"},
    {K1, "|InputLayer|", "input_dtype", RENAME, "dtype"},
    {K1, NULL, "input_dtype", DROP, NULL},
    {K1,
        "|Dense|LSTM|GRU|SimpleRNN|Conv1D|Conv2D|Conv3D|LocallyConnected1D|LocallyConnected2D|Highway|MaxoutDense|"
        "SeparableConv2D|Conv2DTranspose|",
        "input_dim", DROP, NULL},
    {K1, "|LSTM|GRU|SimpleRNN|Conv1D|LocallyConnected1D|", "input_length", DROP, NULL},
    {K1, "|LSTM|GRU|", "recurrent_activation", DEFAULT, "hard_sigmoid"},
    {K1, "|BatchNormalization|", "epsilon", DEFAULT, "0.001"},
    {K1, "|BatchNormalization|", "mode", DROP_IF, "0"},
    {K1, "|AveragePooling1D|AveragePooling2D|AveragePooling3D|MaxPooling1D|MaxPooling2D|MaxPooling3D|", "padding",
        DEFAULT, "valid"},
    /* names of both */
    {OLD, "|InputLayer|", "batch_input_shape", RENAME, "batch_shape"},
    {OLD, "|LeakyReLU|", "alpha", RENAME, "negative_slope"},
    {OLD, "|Embedding|", "input_length", DROP, NULL},
    {OLD, "|Embedding|", "dtype", DROP_IF, "int32"}, /* of its input */
    {OLD, "|Embedding|", "dtype", DROP_IF, "int64"},
    {OLD, "|GRU|GRUCell|", "reset_after", DEFAULT, "false"},
    {OLD, "|CuDNNLSTM|CuDNNGRU|", "activation", DEFAULT, "tanh"},
    {OLD, "|CuDNNLSTM|CuDNNGRU|", "recurrent_activation", DEFAULT, "sigmoid"},
    {OLD, "|CuDNNGRU|", "reset_after", DEFAULT, "true"},
    /* Keras 2 */
    {K2, ANY_RNN, "implementation", DROP, NULL},
    {K2, "|PeepholeLSTMCell|", "recurrent_activation", DEFAULT, "hard_sigmoid"},
    {K2, ANY_RNN, "time_major", DROP_IF, "false"},
    {K2, "|Bidirectional|", "time_major", DROP_IF, "false"},
    {K2, SINGLE_GROUP, "groups", DROP_IF, "1"},
    {K2, SEPARABLE, "kernel_initializer", DROP, NULL},
    {K2, SEPARABLE, "kernel_regularizer", DROP, NULL},
    {K2, SEPARABLE, "kernel_constraint", DROP, NULL},
    {K2, "|DepthwiseConv1D|DepthwiseConv2D|", "kernel_initializer", DROP, NULL},
    {K2, "|MultiHeadAttention|", "query_shape", DROP, NULL},
    {K2, "|MultiHeadAttention|", "key_shape", DROP, NULL},
    {K2, "|MultiHeadAttention|", "value_shape", DROP, NULL},
    {K2, "|BatchNormalization|SyncBatchNormalization|", "axis", FIRST, NULL},
    {K2, "|BatchNormalization|", "renorm", DROP_IF, "false"},
    {K2, "|BatchNormalization|", "renorm_clipping", DROP, NULL},
    {K2, "|BatchNormalization|", "renorm_momentum", DROP, NULL},
    {K2, "|BatchNormalization|", "fused", DROP, NULL},
    {K2, "|BatchNormalization|", "virtual_batch_size", DROP, NULL},
    {K2, LOOKUP, "vocabulary_size", DROP, NULL},
    {K2, LOOKUP, "has_static_table", DROP, NULL},
    {K2, NULL, "rng_type", DROP, NULL},
    {K2, "|SpatialDropout1D|SpatialDropout2D|SpatialDropout3D|", "noise_shape", DROP, NULL},
    {K2, "|Conv2DTranspose|Conv3DTranspose|Conv1DTranspose|", "output_padding", DEFAULT, "null"},
    {K2, "|CategoryEncoding|", "max_tokens", RENAME, "num_tokens"},
    {K2, "|Attention|AdditiveAttention|", "causal", DROP_IF, "false"},
    {K2, "|Discretization|", "bins", RENAME, "bin_boundaries"},
    {K2, LOOKUP, "max_values", RENAME, "max_tokens"},
    {K2, LOOKUP, "oov_value", RENAME, "oov_token"},
    {K2, LOOKUP, "mask_value", RENAME, "mask_token"},
    {K2, "|RandomCrop|", "crop_to_aspect_ratio", DEFAULT, "true"},
    {K2, "|RandomCrop|", "seed", DROP, NULL},
    {K2_3, "|Softmax|", "masked_steps", DEFAULT, "kept"},
    {K2, "|Softmax|", "masked_steps", DEFAULT, "lowered"},
};

/* Classes that have another name in Keras 3. */
static const struct alias {
    int families;
    const char *old_name, *name;
} aliases[] = {
    {OLD, "Convolution1D", "Conv1D"},
    {OLD, "Convolution2D", "Conv2D"},
    {OLD, "Convolution3D", "Conv3D"},
    {OLD, "AtrousConvolution1D", "Conv1D"},
    {OLD, "AtrousConvolution2D", "Conv2D"},
    {OLD, "AtrousConv1D", "Conv1D"},
    {OLD, "AtrousConv2D", "Conv2D"},
    {OLD, "Deconvolution2D", "Conv2DTranspose"},
    {OLD, "Deconv2D", "Conv2DTranspose"},
    {OLD, "Deconvolution3D", "Conv3DTranspose"},
    {OLD, "Deconv3D", "Conv3DTranspose"},
    {OLD, "Convolution2DTranspose", "Conv2DTranspose"},
    {OLD, "Convolution3DTranspose", "Conv3DTranspose"},
    {OLD, "SeparableConvolution1D", "SeparableConv1D"},
    {OLD, "SeparableConvolution2D", "SeparableConv2D"},
    {OLD, "MaxPool1D", "MaxPooling1D"},
    {OLD, "MaxPool2D", "MaxPooling2D"},
    {OLD, "MaxPool3D", "MaxPooling3D"},
    {OLD, "AvgPool1D", "AveragePooling1D"},
    {OLD, "AvgPool2D", "AveragePooling2D"},
    {OLD, "AvgPool3D", "AveragePooling3D"},
    {OLD, "GlobalMaxPool1D", "GlobalMaxPooling1D"},
    {OLD, "GlobalMaxPool2D", "GlobalMaxPooling2D"},
    {OLD, "GlobalMaxPool3D", "GlobalMaxPooling3D"},
    {OLD, "GlobalAvgPool1D", "GlobalAveragePooling1D"},
    {OLD, "GlobalAvgPool2D", "GlobalAveragePooling2D"},
    {OLD, "GlobalAvgPool3D", "GlobalAveragePooling3D"},
    {OLD, "BatchNormalizationV1", "BatchNormalization"},
    {OLD, "BatchNormalizationV2", "BatchNormalization"},
    {K2, "RandomCrop", "Resizing"}, /* which it is at inference */
    {OLD, "LSTMV1", "LSTM"},
    {OLD, "LSTMV2", "LSTM"},
    {OLD, "GRUV1", "GRU"},
    {OLD, "GRUV2", "GRU"},
    {OLD, "RNNV1", "RNN"},
    {OLD, "RNNV2", "RNN"},
    {OLD, "DenseFeaturesV2", "DenseFeatures"},
    {OLD, "CuDNNLSTM", "LSTM"},
    {OLD, "CuDNNGRU", "GRU"},
};

bool hp_fix_is_one_of(const char *class_name, const char *classes) {
    size_t n = class_name ? strlen(class_name) : 0;
    for (const char *at = classes + 1; n > 0 && (at = strstr(at, class_name)); at += n) /* before it stands a '|' */
        if (at[-1] == '|' && at[n] == '|') return true;
    return false;
}

static hp_json *literal(const hp_fixup *f, const char *text) {
    if (strcmp(text, "null") == 0) return hp_json_new(f->arena, HP_JSON_NULL);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return hp_json_new_bool(f->arena, *text == 't');
    if (strspn(text, "-0123456789") == strlen(text)) return hp_json_new_int(f->arena, strtoll(text, NULL, 10));
    hp_json *value = NULL; /* strtod would read numbers as the locale has them */
    bool number = strspn(text, "-.0123456789") == strlen(text);
    if (number) return hp_json_parse(f->arena, "rules.c", text, strlen(text), &value, NULL) == HP_OK ? value : NULL;
    return hp_json_new_string(f->arena, text);
}

static hp_status apply(const hp_fixup *f, const rule *r, hp_json *config, hp_error *error) {
    const hp_json *value = hp_json_get(config, r->key);
    if (r->action == DEFAULT ? value != NULL : value == NULL) return HP_OK;
    hp_json *text = r->action == DROP_IF || r->action == DEFAULT ? literal(f, r->text) : NULL;
    switch (r->action) {
    case RENAME:
        hp_json_rename(config, r->key, r->text);
        return HP_OK;
    case DROP:
        hp_json_remove(config, r->key);
        return HP_OK;
    case DROP_IF:
        HP_ALLOCATED(text, error);
        if (hp_json_equal(value, text)) hp_json_remove(config, r->key);
        return HP_OK;
    case DEFAULT:
        HP_ALLOCATED(text, error);
        hp_json_set(config, r->key, text);
        return HP_OK;
    case FIRST:
        if (hp_json_is(value, HP_JSON_ARRAY) && value->count == 1) {
            hp_json *item = hp_json_copy(f->arena, value->first);
            HP_ALLOCATED(item, error);
            hp_json_set(config, r->key, item);
        }
        return HP_OK;
    }
    return HP_OK;
}

static hp_status apply_all(const hp_fixup *f, const hp_fix_layer *layer, hp_error *error) {
    int families = f->family | (f->family == K2 && f->version < 204 ? K2_3 : 0);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((rules[i].families & families) &&
            (!rules[i].classes || hp_fix_is_one_of(layer->class_name, rules[i].classes)))
            HP_TRY(apply(f, &rules[i], layer->config, error));
    return HP_OK;
}

hp_status hp_fix_by_rules(const hp_fixup *f, hp_fix_layer *layer, hp_error *error) {
    if (hp_fix_is_one_of(layer->class_name, "|CuDNNLSTM|CuDNNGRU|RandomCrop|"))
        HP_TRY(apply_all(f, layer, error)); /* before those of the class that it becomes */
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (!(aliases[i].families & f->family) || strcmp(aliases[i].old_name, layer->class_name) != 0) continue;
        layer->class_name = aliases[i].name;
        HP_TRY(hp_fix_set_string(f, layer->object, "class_name", aliases[i].name, error));
        break;
    }
    return apply_all(f, layer, error);
}
