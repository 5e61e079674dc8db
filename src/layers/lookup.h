/* lookup.h: what layers that look words or integers up in a vocabulary share
 * (keras/src/layers/preprocessing/index_lookup.py): where the vocabulary comes from, the places of its special tokens,
 * and the encoding of what was found. */
#ifndef HP_LAYERS_LOOKUP_H
#define HP_LAYERS_LOOKUP_H

#include "layers/layer.h"

/* One token, or a list of them. */
typedef struct hp_words {
    int64_t count;
    int64_t *integers; /* of IntegerLookup; NULL: strings */
    char *bytes;       /* of all strings in a row */
    int64_t *offsets;  /* count + 1 */
} hp_words;

typedef struct hp_lookup {
    /* as in the config */
    int64_t max_tokens; /* HP_INT_NULL: no limit */
    int64_t num_oov_indices;
    const hp_json *mask_token, *oov_token, *vocabulary, *idf_weights, *salt;
    int output_mode;
    int vocabulary_dtype; /* enum below */
    int oov_method;
    bool invert, pad_to_max_tokens;
    /* made of it by hp_lookup_check and hp_lookup_read_asset */
    bool old;            /* Keras 1 or 2 */
    bool special_tokens; /* the list named them in front */
    hp_words words;      /* without special tokens; behind them the mask token, where there is one */
} hp_lookup;

enum { HP_VOCABULARY_INT64, HP_VOCABULARY_STRING, HP_VOCABULARY_INT32 };
enum { HP_OOV_FLOORMOD, HP_OOV_FARMHASH };
extern const char *const hp_vocabulary_dtypes[], *const hp_oov_methods[];

/* The fields that these layers have in common; `s` is their config struct, `m` its hp_lookup. */
#define HP_LOOKUP_FIELDS(s)                                                                                            \
    HP_INT(s, max_tokens, HP_NULL, 2, HP_MAX_DIM),                                                                     \
        HP_JSON_OF(s, vocabulary, "list of tokens; null: beside the weights"),                                         \
        HP_JSON_OF(s, idf_weights, "list of numbers"), HP_ENUM(s, output_mode, HP_MODE_INT, hp_encoding_modes),        \
        HP_BOOL(s, pad_to_max_tokens, false), HP_IGNORE("vocabulary_size"), HP_IGNORE("has_input_vocabulary"),         \
        HP_IGNORE("sparse"), HP_IGNORE("encoding")

/* Reads the vocabulary of the config and reports what is wrong. The file (NULL: there is none) that holds it where the
 * config does not; reports that there is no vocabulary. */
void hp_lookup_check(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup);
void hp_lookup_read_asset(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup, const char *data, size_t size);

/* Index of the first token after the mask; of the first word. Length of an encoded vector. */
int64_t hp_lookup_oov_start(const hp_lookup *lookup);
int64_t hp_lookup_token_start(const hp_lookup *lookup);
int64_t hp_lookup_depth(const hp_lookup *lookup);
/* What a mask becomes: 0, or where it is encoded an index that is left out. */
int64_t hp_lookup_mask(const hp_lookup *lookup);
/* The vocabulary as constants, for hp_emit_lookup. */
void hp_lookup_constants(hp_builder *b, const hp_lookup *lookup, hp_value *keys, hp_value *offsets);

/* Indices of x (or, inverted, tokens of indices), encoded as output_mode says. */
hp_value hp_lookup_lower(hp_builder *b, hp_layer *layer, const hp_lookup *lookup, hp_value x);
/* Encoded float vectors as what the layer gives: weighted and cast. */
hp_value hp_lookup_finish(hp_builder *b, hp_layer *layer, const hp_lookup *lookup, hp_value encoded);

#endif
