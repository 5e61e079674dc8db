/* vectorize_text.c: the primitive `vectorize_text`: the words of each row's text, or its n-grams, as places in a
 * vocabulary or as one vector. See builder.h, hp_emit_vectorize_text.
 *
 * Text is never copied: a word is spelled letter by letter out of the input, lowered and without punctuation, to be
 * hashed and again to be compared, so that strings of any length need no memory. */
#include <string.h>

#include "base/dtype.h"
#include "prims/categories.h"
#include "prims/rowwise.h"
#include "prims/vocabulary.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_text_params *p = params;
    HP_FAIL_IF(input_count != 3 || output_count != 1 || !hp_vocabulary_fits(&inputs[1], &inputs[2]) ||
                   inputs[2].dtype == HP_DTYPE_NONE || p->size < 1 || p->size > INT32_MAX,
        error, HP_ERROR_INTERNAL, NULL, "vectorize_text with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape;
    HP_FAIL_IF(inputs[0].dtype != HP_STRING || x->rank != 2 || (p->split != HP_SPLIT_NOT && x->dims[1] != 1), error,
        HP_ERROR_SHAPE, NULL, "found text of %s with %d axes, expected strings, one a row",
        hp_dtype_name(inputs[0].dtype), x->rank);
    outputs[0] = (hp_tensor){p->encoding == HP_ENCODING_ONE_HOT ? HP_INT64 : HP_FLOAT32, *x};
    outputs[0].shape.dims[1] = p->size;
    return HP_OK;
}

typedef struct text_state {
    hp_rowwise texts;
    hp_text_params params;
    hp_vocabulary vocabulary;
} text_state;

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    text_state *s = HP_NEW(text_state);
    HP_ALLOCATED(s, error);
    s->params = *(const hp_text_params *)prepare->node->params;
    hp_status status = hp_vocabulary_prepare(prepare, 1, 2, &s->vocabulary, error);
    if (status != HP_OK) {
        hp_free(s);
        return status;
    }
    hp_rowwise_plan(&s->texts, &prepare->graph->values[prepare->node->inputs[0]].tensor.shape, 1);
    s->texts.in_piece = 16;
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const text_state *)state)->texts, rows);
}

/* ---- words */

/* The texts of a row, and where a word begins. */
typedef struct position {
    const hp_string *text, *end; /* one text, or with HP_SPLIT_NOT each a word */
    size_t at;
} position;

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What Keras's standardize takes out: ASCII punctuation. */
static bool is_dropped(const hp_text_params *params, char c) {
    return params->strip_punctuation &&
           ((c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~'));
}

/* Bytes of the UTF-8 character at p; 0: there is none that is right. */
static size_t character_size(const char *p, size_t left) {
    const unsigned char *u = (const unsigned char *)p;
    size_t size = u[0] < 0x80                   ? 1
                  : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
                  : (u[0] & 0xf0) == 0xe0       ? 3
                  : u[0] >= 0xf0 && u[0] < 0xf5 ? 4
                                                : 0;
    if (size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((u[i] & 0xc0) != 0x80) return 0;
    return size;
}

/* Moves to where a word begins, from a place between words; false: there is none left. */
static bool find_word(const hp_text_params *s, position *p) {
    if (s->split == HP_SPLIT_NOT) return p->text < p->end;
    while (p->at < p->text->size &&
           (is_dropped(s, p->text->data[p->at]) || (s->split == HP_SPLIT_WHITESPACE && is_space(p->text->data[p->at]))))
        p->at++;
    return p->at < p->text->size;
}

typedef struct spelling {
    uint64_t hash;
    const char *key; /* NULL: only the hash is wanted */
    size_t left;     /* of the key */
    bool differs;
} spelling;

static void put(const hp_text_params *s, spelling *out, char c) {
    if (s->lower && c >= 'A' && c <= 'Z') c = (char)(c + 32);
    if (!out->key) {
        out->hash = hp_vocabulary_hash(out->hash, c);
    } else if (out->left == 0 || *out->key != c) {
        out->differs = true;
    } else {
        out->key++;
        out->left--;
    }
}

/* Spells the word at p and moves behind it. */
static void spell_word(const hp_text_params *s, position *p, spelling *out) {
    const char *data = p->text->data;
    size_t size = p->text->size;
    if (s->split == HP_SPLIT_CHARACTER) {
        size_t length = character_size(data + p->at, size - p->at);
        if (length == 0)
            for (const char *c = "\xef\xbf\xbd"; *c; c++) put(s, out, *c); /* the replacement character */
        for (size_t i = 0; i < length; i++) put(s, out, data[p->at + i]);
        p->at += length ? length : 1;
        return;
    }
    bool whole = s->split == HP_SPLIT_NOT;
    for (; p->at < size && (whole || !is_space(data[p->at])); p->at++)
        if (!is_dropped(s, data[p->at])) put(s, out, data[p->at]);
    if (whole) {
        p->text++;
        p->at = 0;
    }
}

typedef struct phrase {
    const hp_text_params *params;
    position start;
    int words;
} phrase;

/* False: the text ends before. */
static bool spell_phrase(const phrase *phrase_, spelling *out) {
    position p = phrase_->start;
    for (int i = 0; i < phrase_->words; i++) {
        if (!find_word(phrase_->params, &p)) return false;
        if (i > 0) put(phrase_->params, out, ' ');
        spell_word(phrase_->params, &p, out);
    }
    return true;
}

static bool is_key(const void *phrase_, const char *key, size_t size) {
    spelling out = {.key = key, .left = size};
    return spell_phrase(phrase_, &out) && !out.differs && out.left == 0;
}

/* ---- a row */

static int64_t index_of(const text_state *s, const phrase *phrase_, uint64_t hash) {
    int64_t place = hp_vocabulary_find(&s->vocabulary, hash, is_key, phrase_);
    if (place < 0) return s->params.missing;
    return place == s->vocabulary.count - 1 ? s->params.mask : s->params.start + place; /* the mask is the last key */
}

static void vectorize(const text_state *s, const hp_string *texts, int64_t count, void *y) {
    int64_t *places = y, used = 0, size = s->params.size;
    float *vector = y;
    memset(y, 0, (size_t)size * (s->params.encoding == HP_ENCODING_ONE_HOT ? sizeof *places : sizeof *vector));
    for (int w = 0; w < s->params.width_count; w++) {
        position p = {texts, texts + count, 0};
        spelling skipped = {0};
        for (; find_word(&s->params, &p); spell_word(&s->params, &p, &skipped)) {
            phrase phrase_ = {&s->params, p, s->params.widths[w]};
            spelling out = {.hash = HP_VOCABULARY_HASH_START};
            if (!spell_phrase(&phrase_, &out)) break;
            int64_t index = index_of(s, &phrase_, out.hash);
            if (s->params.encoding == HP_ENCODING_ONE_HOT) {
                if (used == size) return;
                places[used++] = index;
            } else if (index >= 0 && index < size) {
                vector[index] = s->params.encoding == HP_ENCODING_COUNT ? vector[index] + 1 : 1;
            }
        }
    }
}

int64_t hp_text_longest(const void *params, const void *texts, int64_t count) {
    const hp_text_params *p = params;
    int64_t longest = 0;
    for (int64_t i = 0; i < count; i++) {
        position at = {(const hp_string *)texts + i, (const hp_string *)texts + i + 1, 0};
        int64_t words = 0, phrases = 0;
        spelling skipped = {0};
        for (; find_word(p, &at); spell_word(p, &at, &skipped)) words++;
        for (int w = 0; w < p->width_count; w++)
            if (words >= p->widths[w]) phrases += words - p->widths[w] + 1;
        if (phrases > longest) longest = phrases;
    }
    return longest;
}

static hp_status run_vectorize_text(const void *state, const hp_run *run) {
    const text_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->texts, run, &begin), n = s->texts.n;
    size_t bytes =
        (size_t)s->params.size * (s->params.encoding == HP_ENCODING_ONE_HOT ? sizeof(int64_t) : sizeof(float));
    for (int64_t i = begin; i < begin + count; i++)
        vectorize(s, (const hp_string *)run->inputs[0] + i * n, n, (char *)run->outputs[0] + (size_t)i * bytes);
    return HP_OK;
}

const hp_prim hp_prim_vectorize_text = {.name = "vectorize_text",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .run = run_vectorize_text};
