/* lookup.c: see lookup.h. Invariant: words hold no special token but the mask, which stands behind all others. */
#include "layers/lookup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dtype.h"
#include "layers/encoding.h"
#include "layers/support.h"

const char *const hp_vocabulary_dtypes[] = {"int64", "string", "int32", NULL};
const char *const hp_oov_methods[] = {"floormod", "farmhash", NULL};

int64_t hp_lookup_oov_start(const hp_lookup *lookup) {
    return lookup->mask_token && lookup->output_mode == HP_MODE_INT ? 1 : 0;
}

int64_t hp_lookup_token_start(const hp_lookup *lookup) {
    return hp_lookup_oov_start(lookup) + lookup->num_oov_indices;
}

static int64_t plain_words(const hp_lookup *lookup) {
    return lookup->words.count - (lookup->mask_token ? 1 : 0);
}

int64_t hp_lookup_depth(const hp_lookup *lookup) {
    return lookup->pad_to_max_tokens ? lookup->max_tokens : hp_lookup_token_start(lookup) + plain_words(lookup);
}

int64_t hp_lookup_mask(const hp_lookup *lookup) {
    return lookup->output_mode == HP_MODE_INT ? 0 : INT64_MAX;
}

static bool is_string(const hp_lookup *lookup) {
    return lookup->vocabulary_dtype == HP_VOCABULARY_STRING;
}

/* ---- reading */

/* Room for `count` words of `bytes` bytes together, and one more of any token's size. */
static bool make_words(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup, int64_t count, size_t bytes) {
    hp_words *words = &lookup->words;
    const char *mask = hp_json_string(lookup->mask_token);
    *words = (hp_words){0};
    if (is_string(lookup)) {
        words->bytes = hp_arena_alloc(layer->arena, bytes + (mask ? strlen(mask) : 0) + 1);
        words->offsets = hp_arena_alloc(layer->arena, ((size_t)count + 2) * sizeof *words->offsets);
    } else {
        words->integers = hp_arena_alloc(layer->arena, ((size_t)count + 1) * sizeof *words->integers);
    }
    bool good = is_string(lookup) ? words->bytes && words->offsets : words->integers != NULL;
    if (!good) scope->reasons->out_of_memory = true;
    return good;
}

static void add_string(hp_words *words, const char *data, size_t size) {
    int64_t at = words->offsets[words->count];
    if (size > 0) memcpy(words->bytes + at, data, size);
    words->offsets[++words->count] = at + (int64_t)size;
}

static bool is_token(const hp_words *words, int64_t i, const hp_json *token) {
    if (words->integers) return hp_json_is(token, HP_JSON_INT) && words->integers[i] == token->integer;
    const char *text = hp_json_string(token);
    size_t size = (size_t)(words->offsets[i + 1] - words->offsets[i]);
    return text && strlen(text) == size && memcmp(words->bytes + words->offsets[i], text, size) == 0;
}

/* Takes special tokens off the front, as set_vocabulary does, and puts the mask behind. */
static void order_words(hp_lookup *lookup) {
    hp_words *words = &lookup->words;
    int64_t oov_start = hp_lookup_oov_start(lookup), front = hp_lookup_token_start(lookup);
    bool found = words->count >= front;
    for (int64_t i = 0; found && i < front; i++)
        found = is_token(words, i, i < oov_start ? lookup->mask_token : lookup->oov_token);
    lookup->special_tokens = found;
    if (found && words->integers)
        words->integers += front;
    else if (found)
        words->offsets += front;
    if (found) words->count -= front;
    if (!lookup->mask_token) return;
    if (words->integers)
        words->integers[words->count++] = lookup->mask_token->integer;
    else
        add_string(words, lookup->mask_token->string, strlen(lookup->mask_token->string));
}

/* Keras refuses an empty list, and one that is longer than max_tokens. */
static void finish_words(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup) {
    if (lookup->words.count == 0) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "vocabulary", "is empty");
        return;
    }
    order_words(lookup);
    int64_t size = hp_lookup_token_start(lookup) + plain_words(lookup);
    if (lookup->max_tokens != HP_INT_NULL && size > lookup->max_tokens)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "vocabulary",
            "has %lld tokens with its special ones, expected at most max_tokens, %lld", (long long)size,
            (long long)lookup->max_tokens);
}

static void read_list(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup) {
    char text[80];
    size_t bytes = 0;
    HP_JSON_EACH (item, lookup->vocabulary) {
        bool fits = is_string(lookup) ? hp_json_is(item, HP_JSON_STRING) : hp_json_is(item, HP_JSON_INT);
        if (!fits) {
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "vocabulary", "found %s in the list, expected %s",
                hp_json_describe(item, text, sizeof text), is_string(lookup) ? "strings" : "integers");
            return;
        }
        if (item->string) bytes += strlen(item->string);
    }
    if (!make_words(scope, layer, lookup, (int64_t)lookup->vocabulary->count, bytes)) return;
    HP_JSON_EACH (item, lookup->vocabulary) {
        if (is_string(lookup))
            add_string(&lookup->words, item->string, strlen(item->string));
        else
            lookup->words.integers[lookup->words.count++] = item->integer;
    }
    finish_words(scope, layer, lookup);
}

static void check_tokens(hp_layer_scope *scope, hp_layer *layer, const hp_lookup *lookup) {
    char text[80];
    const struct {
        const char *key;
        const hp_json *token;
    } tokens[] = {{"mask_token", lookup->mask_token}, {"oov_token", lookup->oov_token}};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (!tokens[i].token || hp_json_is(tokens[i].token, is_string(lookup) ? HP_JSON_STRING : HP_JSON_INT)) continue;
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, tokens[i].key, "found %s, expected %s",
            hp_json_describe(tokens[i].token, text, sizeof text), is_string(lookup) ? "a string" : "an integer");
    }
}

static bool numbers(const hp_json *list) {
    if (!hp_json_is(list, HP_JSON_ARRAY)) return false;
    HP_JSON_EACH (item, list)
        if (!hp_json_is(item, HP_JSON_INT) && !hp_json_is(item, HP_JSON_DOUBLE)) return false;
    return list->count > 0;
}

void hp_lookup_check(hp_layer_scope *scope, hp_layer *layer, hp_lookup *c) {
    char text[80];
    size_t before = scope->reasons->count;
    c->output_mode = hp_encoding_mode(c->output_mode);
    c->old = hp_layer_is_old(scope);
    check_tokens(scope, layer, c);
    if (c->pad_to_max_tokens && c->max_tokens == HP_INT_NULL)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "pad_to_max_tokens", "is true, but there is no max_tokens");
    if (c->invert && c->output_mode != HP_MODE_INT)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_mode", "is not \"int\", as `invert` needs it");
    if (c->invert && !is_string(c) && !c->oov_token)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "oov_token", "is missing, as `invert` needs it");
    if (c->idf_weights && !numbers(c->idf_weights))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "idf_weights", "found %s, expected a list of numbers",
            hp_json_describe(c->idf_weights, text, sizeof text));
    if (c->vocabulary && !hp_json_is(c->vocabulary, HP_JSON_ARRAY))
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "vocabulary", "found %s, expected a list of tokens",
            hp_json_describe(c->vocabulary, text, sizeof text));
    if (scope->reasons->count == before && c->vocabulary) read_list(scope, layer, c);
}

/* str.splitlines for what Keras writes: "\n" between the tokens; empty ones at the end are dropped. */
void hp_lookup_read_asset(hp_layer_scope *scope, hp_layer *layer, hp_lookup *lookup, const char *data, size_t size) {
    if (lookup->vocabulary) return;
    if (!data) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "vocabulary",
            "is neither in the config nor in an asset vocabulary.txt (a layer that was never adapted has none)");
        return;
    }
    while (size > 0 && (data[size - 1] == '\n' || data[size - 1] == '\r')) size--;
    int64_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += data[i] == '\n';
    if (size == 0) lines = 0;
    if (!make_words(scope, layer, lookup, lines, size)) return;
    for (size_t i = 0; lookup->words.count < lines;) {
        const char *end = memchr(data + i, '\n', size - i);
        size_t next = end ? (size_t)(end - data) : size, length = next - i;
        if (length > 0 && data[next - 1] == '\r') length--;
        if (is_string(lookup)) {
            add_string(&lookup->words, data + i, length);
        } else {
            char number[32] = "", *rest = number;
            if (length < sizeof number) memcpy(number, data + i, length);
            lookup->words.integers[lookup->words.count++] = strtoll(number, &rest, 10);
            if (rest == number || *rest != '\0') {
                hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "vocabulary", "line %lld of the asset is no integer",
                    (long long)lookup->words.count);
                return;
            }
        }
        i = next + 1;
    }
    finish_words(scope, layer, lookup);
}

/* ---- lowering */

void hp_lookup_constants(hp_builder *b, const hp_lookup *lookup, hp_value *keys, hp_value *offsets) {
    const hp_words *words = &lookup->words;
    *offsets = HP_NO_VALUE;
    if (words->integers) {
        *keys = hp_emit_literal(b, HP_INT64, 1, &words->count, words->integers);
        return;
    }
    int64_t size = words->offsets[words->count] + 1, ends = words->count + 1; /* one byte more: never empty */
    *keys = hp_emit_literal(b, HP_UINT8, 1, &size, words->bytes);
    *offsets = hp_emit_literal(b, HP_INT64, 1, &ends, words->offsets);
}

static hp_value integer(hp_builder *b, int64_t value) {
    return hp_emit_literal(b, HP_INT64, 0, NULL, &value);
}

static int64_t salt(const hp_lookup *lookup, size_t i) {
    const hp_json *value = hp_json_is(lookup->salt, HP_JSON_ARRAY) ? hp_json_at(lookup->salt, i) : lookup->salt;
    return value ? value->integer : 0;
}

/* Buckets of what is not in the vocabulary: by its hash, or of integers by the remainder. */
static hp_value oov_buckets(hp_builder *b, const hp_lookup *c, hp_value x) {
    if (!is_string(c) && c->oov_method == HP_OOV_FLOORMOD)
        return hp_emit_binary(b, HP_BINARY_MOD, x, integer(b, c->num_oov_indices));
    hp_hash_params params;
    memset(&params, 0, sizeof params);
    params.buckets = (uint64_t)c->num_oov_indices;
    params.strong = c->salt != NULL;
    if (c->salt)
        for (size_t i = 0; i < 2; i++) params.key[i] = (uint64_t)salt(c, i);
    return hp_emit_hash(b, x, HP_NO_VALUE, &params);
}

static hp_value look_up(hp_builder *b, const hp_lookup *c, hp_value x) {
    hp_lookup_params params;
    memset(&params, 0, sizeof params);
    params.start = hp_lookup_token_start(c);
    params.missing = c->num_oov_indices == 1 ? hp_lookup_oov_start(c) : -1;
    params.strict = c->num_oov_indices == 0;
    params.masked = c->mask_token != NULL;
    params.mask = hp_lookup_mask(c);
    hp_value keys, offsets;
    hp_lookup_constants(b, c, &keys, &offsets);
    hp_value y = hp_emit_lookup(b, x, keys, offsets, &params);
    if (c->num_oov_indices < 2) return y;
    hp_value bucket = hp_emit_binary(b, HP_BINARY_ADD, oov_buckets(b, c, x), integer(b, hp_lookup_oov_start(c)));
    return hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, y, integer(b, -1)), bucket, y);
}

/* All words with the oov token behind them, as one table. */
static hp_value table(hp_builder *b, const hp_lookup *c) {
    int64_t count = plain_words(c), size = count + 1;
    if (!is_string(c)) {
        int64_t *integers = hp_arena_alloc(&b->graph->arena, (size_t)size * sizeof *integers);
        if (!integers) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        memcpy(integers, c->words.integers, (size_t)count * sizeof *integers);
        integers[count] = c->oov_token->integer;
        return hp_emit_literal(b, HP_INT64, 1, &size, integers);
    }
    hp_string *strings = hp_arena_alloc(&b->graph->arena, (size_t)size * sizeof *strings);
    if (!strings) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++)
        strings[i] =
            (hp_string){c->words.bytes + c->words.offsets[i], (size_t)(c->words.offsets[i + 1] - c->words.offsets[i])};
    const char *oov = c->oov_token ? hp_json_string(c->oov_token) : NULL;
    if (!oov) oov = "[UNK]";
    strings[count] = (hp_string){oov, strlen(oov)};
    return hp_emit_literal(b, HP_STRING, 1, &size, strings);
}

/* Tokens by their indices: the mask at 0, the oov token wherever there is no word. */
static hp_value invert(hp_builder *b, const hp_lookup *c, hp_value x) {
    int64_t start = hp_lookup_token_start(c), count = plain_words(c);
    hp_value place = hp_emit_binary(b, HP_BINARY_SUBTRACT, x, integer(b, start));
    hp_value inside = hp_emit_logical(b, HP_AND, hp_emit_compare(b, HP_GREATER_EQUAL, place, integer(b, 0)),
        hp_emit_compare(b, HP_LESS, place, integer(b, count)));
    hp_value token = hp_emit_gather(b, table(b, c), hp_emit_select(b, inside, place, integer(b, count)), 0);
    if (!c->mask_token) return token;
    const char *mask = hp_json_string(c->mask_token);
    hp_string text = {mask, mask ? strlen(mask) : 0};
    hp_value masked = hp_emit_compare(b, HP_EQUAL, x, integer(b, 0));
    hp_value token_of_mask =
        is_string(c) ? hp_emit_literal(b, HP_STRING, 0, NULL, &text) : integer(b, c->mask_token->integer);
    return hp_emit_select(b, masked, token_of_mask, token);
}

/* float32[depth]: of the config, or as the file keeps it. set_vocabulary gives special tokens the mean, where the list
 * lacks them, and what pad_to_max_tokens adds nothing. */
static hp_value idf_weights(hp_builder *b, hp_layer *layer, const hp_lookup *c) {
    int64_t depth = hp_lookup_depth(c), at = 0;
    if (!c->idf_weights) {
        hp_value weights = hp_layer_weight(b, layer, "idf_weights", false, HP_DIMS(depth));
        hp_weight_slot *slot = hp_layer_weight_slot(layer, "idf_weights");
        if (slot && !c->old) slot->path_name = "idf_weights";
        return weights;
    }
    int64_t front = c->special_tokens ? 0 : hp_lookup_token_start(c);
    if (front + (int64_t)c->idf_weights->count > depth) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "idf_weights: found %zu, expected one for each token of the vocabulary",
            c->idf_weights->count);
        return HP_NO_VALUE;
    }
    float *values = hp_arena_alloc(&b->graph->arena, (size_t)depth * sizeof *values);
    if (!values) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return HP_NO_VALUE;
    }
    double sum = 0;
    HP_JSON_EACH (item, c->idf_weights) sum += item->number;
    while (at < front) values[at++] = (float)(sum / (double)c->idf_weights->count);
    HP_JSON_EACH (item, c->idf_weights) values[at++] = (float)item->number;
    while (at < depth) values[at++] = 0;
    return hp_emit_floats(b, 1, &depth, values);
}

hp_value hp_lookup_finish(hp_builder *b, hp_layer *layer, const hp_lookup *c, hp_value y) {
    if (c->output_mode == HP_MODE_TF_IDF) y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, idf_weights(b, layer, c));
    if (c->old) return hp_dtype_is_float(layer->dtype) ? hp_emit_cast(b, y, layer->dtype) : y;
    return c->output_mode == HP_MODE_TF_IDF ? y : hp_emit_cast(b, y, HP_INT64);
}

hp_value hp_lookup_lower(hp_builder *b, hp_layer *layer, const hp_lookup *c, hp_value x) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!is_string(c) || c->invert) {
        if (dtype == HP_STRING) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "found an input of strings, expected integers");
            return HP_NO_VALUE;
        }
        x = hp_emit_cast(b, x, HP_INT64);
    }
    if (c->invert) return invert(b, c, x);
    hp_value y = look_up(b, c, x);
    if (c->output_mode == HP_MODE_INT) return y;
    return hp_lookup_finish(b, layer, c, hp_encode_categories(b, y, HP_NO_VALUE, c->output_mode, hp_lookup_depth(c)));
}
