/* attention.c: softmax(scale * query key^T) value, head by head; see hp_attention_params.
 *
 * Without a mask, a head's queries go through the kernel `attention`. With one, or with few queries, keys and values are
 * packed for one head of one item, then blocks of queries go through: scores, weights, sums of
 * values. A block's scores stay in the cache; all scores are never in memory at once. Under a causal mask alone the keys
 * behind a block are not looked at: their weights are 0. Blocks and pieces lie at places that follow from the shapes, so
 * a query's result does not depend on the split. */
#include "prims/attention.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/linear.h"
#include "prims/prim.h"

/* Blocks: a multiple of all the kernels' row counts, with about so many scores. */
enum { BLOCK_UNIT = 24, MOST_BLOCK_ROWS = 96, BLOCK_SCORES = 12 << 10, LINE_FLOATS = HP_ALIGNMENT / sizeof(float) };

typedef struct attention_state {
    const hp_kernels *kernels;
    hp_attention_params params;
    bool rows;
    size_t batch; /* per row where `rows` is set */
    size_t queries, keys;
    size_t query_width, key_width, value_width; /* of the inputs' last axes */
    bool whole_heads;                           /* by the kernel `attention` */
    size_t block;                               /* queries at once */
    size_t piece_blocks, pieces;                /* blocks of a piece; pieces of a head */
    size_t mask_item, mask_head, mask_query;    /* bytes of the mask from one to the next; 0: the same */
    bool stops_early;                           /* causal, and the packed values serve any number of keys */
} attention_state;

/* ---- shape rule */

static hp_status check_sizes(const hp_attention_params *p, hp_error *error) {
    const int64_t most = INT32_MAX;
    bool good = p->heads >= 1 && p->key_heads >= 1 && p->heads <= most && p->key_heads <= most &&
                p->heads % p->key_heads == 0 && p->key_size >= 0 && p->value_size >= 0 && p->key_size <= most &&
                p->value_size <= most && p->query_offset >= 0 && p->key_offset >= 0 && p->value_offset >= 0 &&
                p->query_offset <= HP_MAX_ELEMENTS && p->key_offset <= HP_MAX_ELEMENTS &&
                p->value_offset <= HP_MAX_ELEMENTS && p->scale > 0;
    HP_FAIL_IF(!good, error, HP_ERROR_INTERNAL, NULL, "attention: %lld heads of %lld and %lld, %lld key heads",
        (long long)p->heads, (long long)p->key_size, (long long)p->value_size, (long long)p->key_heads);
    return HP_OK;
}

/* An input holds `heads` heads of `size` from `offset` on, for every item of the query's batch. */
static hp_status check_operand(const hp_tensor *inputs, int input, int64_t offset, int64_t size, hp_error *error) {
    static const char *const names[] = {"query", "key", "value"};
    const hp_tensor *t = &inputs[input];
    const hp_shape *query = &inputs[HP_ATTENTION_QUERY].shape;
    char text[128];
    HP_FAIL_IF(t->dtype != HP_FLOAT32, error, HP_ERROR_UNSUPPORTED, NULL,
        "attention: the %s is %s; only float32 is supported", names[input], hp_dtype_name(t->dtype));
    HP_FAIL_IF(t->shape.rank != 3 || t->shape.rows != query->rows || t->shape.dims[0] != query->dims[0] ||
                   t->shape.dims[2] - offset < size,
        error, HP_ERROR_SHAPE, NULL, "attention: the %s has shape %s; %lld values are read from %lld on", names[input],
        hp_shape_text(&t->shape, text, sizeof text), (long long)size, (long long)offset);
    return HP_OK;
}

static hp_status check_mask(const hp_attention_params *p, const hp_tensor *inputs, hp_error *error) {
    const hp_tensor *mask = &inputs[HP_ATTENTION_MASK];
    const hp_shape *query = &inputs[HP_ATTENTION_QUERY].shape, *m = &mask->shape;
    char text[128];
    if (mask->dtype == HP_DTYPE_NONE) return HP_OK;
    bool batch = m->rows ? query->rows && m->dims[0] == query->dims[0]
                         : m->dims[0] == 1 || (!query->rows && m->dims[0] == query->dims[0]);
    bool fits = m->rank == 4 && batch && (m->dims[1] == 1 || m->dims[1] == p->heads) &&
                (m->dims[2] == 1 || m->dims[2] == query->dims[1]) &&
                m->dims[3] == inputs[HP_ATTENTION_KEY].shape.dims[1];
    HP_FAIL_IF(mask->dtype != HP_BOOL || !fits, error, HP_ERROR_SHAPE, NULL, "attention: the mask is %s %s",
        hp_dtype_name(mask->dtype), hp_shape_text(m, text, sizeof text));
    return HP_OK;
}

static hp_status attention_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_attention_params *p = params;
    HP_FAIL_IF(input_count != HP_ATTENTION_INPUTS || output_count != 1, error, HP_ERROR_INTERNAL, NULL,
        "attention takes %d inputs, not %d", HP_ATTENTION_INPUTS, input_count);
    HP_TRY(check_sizes(p, error));
    HP_TRY(check_operand(inputs, HP_ATTENTION_QUERY, p->query_offset, p->heads * p->key_size, error));
    HP_TRY(check_operand(inputs, HP_ATTENTION_KEY, p->key_offset, p->key_heads * p->key_size, error));
    HP_TRY(check_operand(inputs, HP_ATTENTION_VALUE, p->value_offset, p->key_heads * p->value_size, error));
    int64_t keys = inputs[HP_ATTENTION_KEY].shape.dims[1], values = inputs[HP_ATTENTION_VALUE].shape.dims[1];
    HP_FAIL_IF(keys != values, error, HP_ERROR_SHAPE, NULL, "attention: %lld keys and %lld values", (long long)keys,
        (long long)values);
    HP_TRY(check_mask(p, inputs, error));
    outputs[0] = inputs[HP_ATTENTION_QUERY];
    outputs[0].shape.dims[2] = p->heads * p->value_size;
    return HP_OK;
}

/* ---- preparing */

static void choose_blocks(attention_state *s) {
    if (s->whole_heads) {
        s->block = HP_DIVIDE_UP(MOST_BLOCK_ROWS / 2, s->kernels->gemm_nr) * s->kernels->gemm_nr;
        s->piece_blocks = 1;
        s->pieces = HP_DIVIDE_UP(s->queries, s->block);
        return;
    }
    size_t units = BLOCK_SCORES / (s->keys ? s->keys : 1) / BLOCK_UNIT;
    s->block = (units ? units : 1) * BLOCK_UNIT;
    if (s->block > MOST_BLOCK_ROWS) s->block = MOST_BLOCK_ROWS;
    s->piece_blocks = HP_DIVIDE_UP(MOST_BLOCK_ROWS, s->block); /* so that packing keys and values pays */
    s->pieces = HP_DIVIDE_UP(s->queries, s->block * s->piece_blocks);
}

static hp_status attention_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_value_info *values = prepare->graph->values;
    const hp_shape *query = &values[node->inputs[HP_ATTENTION_QUERY]].tensor.shape;
    const hp_shape *key = &values[node->inputs[HP_ATTENTION_KEY]].tensor.shape;
    attention_state *s = HP_NEW(attention_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->params = *(const hp_attention_params *)node->params;
    s->rows = query->rows;
    s->batch = (size_t)query->dims[0];
    s->queries = (size_t)query->dims[1];
    s->keys = (size_t)key->dims[1];
    s->query_width = (size_t)query->dims[2];
    s->key_width = (size_t)key->dims[2];
    s->value_width = (size_t)values[node->inputs[HP_ATTENTION_VALUE]].tensor.shape.dims[2];
    if (node->inputs[HP_ATTENTION_MASK] != HP_NO_VALUE) {
        const hp_shape *mask = &values[node->inputs[HP_ATTENTION_MASK]].tensor.shape;
        size_t queries = (size_t)mask->dims[2] * s->keys, heads = (size_t)mask->dims[1] * queries;
        s->mask_query = mask->dims[2] > 1 ? s->keys : 0;
        s->mask_head = mask->dims[1] > 1 ? queries : 0;
        s->mask_item = mask->rows || mask->dims[0] > 1 ? heads : 0;
    }
    s->whole_heads = node->inputs[HP_ATTENTION_MASK] == HP_NO_VALUE && s->queries >= s->kernels->vector_floats;
    choose_blocks(s);
    size_t last_columns = ((size_t)s->params.value_size + s->kernels->gemm_nr - 1) % s->kernels->gemm_nr + 1;
    s->stops_early = s->params.causal && last_columns >= HP_GEMM_PREFIX_COLUMNS;
    *state = s;
    return HP_OK;
}

/* ---- ranges and memory */

/* Pieces: item by item, its heads one after the other, a head's queries in pieces. */
static int64_t attention_range(const void *state, int64_t rows) {
    const attention_state *s = state;
    size_t pieces = hp_tile_extent(s->rows, s->batch, rows) * (size_t)s->params.heads * s->pieces;
    return pieces ? (int64_t)pieces : 1;
}

/* Values are packed panel by panel, so that a gemm can stop at any key. */
typedef struct layout {
    size_t panel_width, panels, panel_floats;      /* of the values */
    size_t key_floats, value_floats, score_floats; /* of the workspace */
} layout;

static size_t lines(size_t floats) {
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

static layout lay_out(const attention_state *s) {
    size_t size = (size_t)s->params.value_size;
    layout l = {.panel_width = s->kernels->gemm_nr};
    l.panels = HP_DIVIDE_UP(size, l.panel_width);
    l.panel_floats = lines(s->kernels->gemm_packed_size(s->keys, size < l.panel_width ? size : l.panel_width));
    l.key_floats = lines(s->kernels->gemm_packed_size((size_t)s->params.key_size, s->keys));
    l.value_floats = l.panels * l.panel_floats;
    l.score_floats = lines(s->block * s->keys);
    return l;
}

static size_t attention_workspace(const void *state, int64_t rows) {
    const attention_state *s = state;
    (void)rows;
    if (s->whole_heads)
        return s->kernels->attention_workspace(s->keys, (size_t)s->params.key_size, (size_t)s->params.value_size) *
               sizeof(float);
    layout l = lay_out(s);
    return (l.key_floats + l.value_floats + l.score_floats + s->block) * sizeof(float);
}

/* ---- running */

/* One head of one item. */
typedef struct head {
    const attention_state *s;
    layout layout;
    const float *query; /* of the item's first query */
    const unsigned char *mask;
    float *output;
    float *keys, *values, *scores, *inverse; /* workspace */
} head;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void pack(const head *h, const float *key, const float *value) {
    const attention_state *s = h->s;
    size_t size = (size_t)s->params.value_size;
    s->kernels->gemm_pack(h->keys, key, 1, s->key_width, (size_t)s->params.key_size, s->keys);
    for (size_t p = 0, column = 0; p < h->layout.panels; p++, column += h->layout.panel_width)
        s->kernels->gemm_pack(h->values + p * h->layout.panel_floats, value + column, s->value_width, 1, s->keys,
            smaller(h->layout.panel_width, size - column));
}

/* Sums of values by the block's weights, then divided by the sums of weights. `seen`: keys with a weight. */
static void sum_values(const head *h, size_t first, size_t count, size_t seen) {
    const attention_state *s = h->s;
    size_t size = (size_t)s->params.value_size, width = (size_t)s->params.heads * size;
    float *y = h->output + first * width;
    for (size_t p = 0, column = 0; p < h->layout.panels; p++, column += h->layout.panel_width) {
        size_t columns = smaller(h->layout.panel_width, size - column);
        hp_gemm args = {.m = count,
            .n = columns,
            .k = seen,
            .a = h->scores,
            .a_stride = s->keys,
            .b = h->values + p * h->layout.panel_floats,
            .c = y + column,
            .c_stride = width,
            .column_end = columns};
        s->kernels->gemm(&args);
    }
    hp_binary_rows divide = {.op = HP_BINARY_MULTIPLY,
        .y = y,
        .y_stride = width,
        .a = y,
        .a_stride = width,
        .a_step = 1,
        .b = h->inverse,
        .b_stride = 1,
        .rows = count,
        .n = size};
    s->kernels->binary_rows(&divide);
}

/* Queries [first, first + count). */
static void run_block(const head *h, size_t first, size_t count) {
    const attention_state *s = h->s;
    size_t seen = s->keys, nr = s->kernels->gemm_nr;
    /* Up to the keys of the whole block, whatever the part of it that is there. */
    if (s->stops_early && !h->mask) seen = smaller(seen, HP_DIVIDE_UP(first + s->block, nr) * nr);
    hp_gemm args = {.m = count,
        .n = s->keys,
        .k = (size_t)s->params.key_size,
        .a = h->query + first * s->query_width,
        .a_stride = s->query_width,
        .b = h->keys,
        .c = h->scores,
        .c_stride = s->keys,
        .column_end = seen};
    s->kernels->gemm(&args);
    hp_attention_weights weights = {.scores = h->scores,
        .stride = s->keys,
        .rows = count,
        .n = seen,
        .scale = s->params.scale,
        .mask = h->mask ? h->mask + first * s->mask_query : NULL,
        .mask_stride = s->mask_query,
        .causal = s->params.causal,
        .first = first,
        .hidden = (hp_hidden)s->params.hidden,
        .inverse = h->inverse};
    s->kernels->attention_weights(&weights);
    sum_values(h, first, count, seen);
}

/* A piece of the range: queries [first, end) of one head of one item. */
typedef struct piece {
    size_t item, head, key_head, first, end;
    const float *query, *key, *value; /* of the head's first ones */
    float *y;
} piece;

static piece find_piece(const attention_state *s, const hp_run *run, size_t index) {
    const hp_attention_params *p = &s->params;
    size_t heads = (size_t)p->heads, key_size = (size_t)p->key_size, value_size = (size_t)p->value_size;
    size_t part = index % s->pieces, length = s->piece_blocks * s->block;
    piece found = {.item = index / s->pieces / heads, .head = index / s->pieces % heads};
    found.key_head = found.head / (heads / (size_t)p->key_heads);
    found.first = part * length;
    found.end = smaller(s->queries, found.first + length);
    found.query = (const float *)run->inputs[HP_ATTENTION_QUERY] + found.item * s->queries * s->query_width +
                  (size_t)p->query_offset + found.head * key_size;
    found.key = (const float *)run->inputs[HP_ATTENTION_KEY] + found.item * s->keys * s->key_width +
                (size_t)p->key_offset + found.key_head * key_size;
    found.value = (const float *)run->inputs[HP_ATTENTION_VALUE] + found.item * s->keys * s->value_width +
                  (size_t)p->value_offset + found.key_head * value_size;
    found.y = (float *)run->outputs[0] + (found.item * s->queries * heads + found.head) * value_size;
    return found;
}

static void run_whole(const attention_state *s, const hp_run *run, const piece *p) {
    size_t value_size = (size_t)s->params.value_size, width = (size_t)s->params.heads * value_size;
    hp_attention args = {.query = p->query + p->first * s->query_width,
        .key = p->key,
        .value = p->value,
        .query_stride = s->query_width,
        .key_stride = s->key_width,
        .value_stride = s->value_width,
        .y = p->y + p->first * width,
        .y_stride = width,
        .queries = p->end - p->first,
        .keys = s->keys,
        .key_size = (size_t)s->params.key_size,
        .value_size = value_size,
        .scale = s->params.scale,
        .causal = s->params.causal,
        .first = p->first,
        .workspace = run->workspace};
    s->kernels->attention(&args);
}

static hp_status attention_run(const void *state, const hp_run *run) {
    const attention_state *s = state;
    const size_t items = hp_tile_extent(s->rows, s->batch, run->rows);
    size_t packed = SIZE_MAX;
    head h = {.s = s};
    if (!s->whole_heads) {
        h.layout = lay_out(s);
        h.keys = run->workspace;
        h.values = h.keys + h.layout.key_floats;
        h.scores = h.values + h.layout.value_floats;
        h.inverse = h.scores + h.layout.score_floats;
    }
    for (size_t i = (size_t)run->begin; i < (size_t)run->end && s->pieces; i++) {
        const piece p = find_piece(s, run, i);
        if (p.item >= items) break;
        if (s->whole_heads) {
            run_whole(s, run, &p);
            continue;
        }
        size_t source = p.item * (size_t)s->params.key_heads + p.key_head;
        if (source != packed) pack(&h, p.key, p.value);
        packed = source;
        h.query = p.query;
        h.output = p.y;
        h.mask = run->inputs[HP_ATTENTION_MASK];
        if (h.mask) h.mask += p.item * s->mask_item + p.head * s->mask_head;
        for (size_t first = p.first; first < p.end; first += s->block)
            run_block(&h, first, smaller(s->block, p.end - first));
    }
    return HP_OK;
}

static double attention_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_attention_params *p = params;
    const hp_shape *query = &inputs[HP_ATTENTION_QUERY].shape;
    (void)outputs;
    double scores = (double)query->dims[0] * (double)query->dims[1] * (double)inputs[HP_ATTENTION_KEY].shape.dims[1];
    return scores * (double)p->heads * (2.0 * (double)(p->key_size + p->value_size) + 4);
}

static void attention_describe(const void *state, char *text, size_t size) {
    const attention_state *s = state;
    bool stops = s->whole_heads ? s->params.causal : s->stops_early;
    snprintf(text, size, "%s of %zu queries%s", s->whole_heads ? "panels" : "blocks",
        s->whole_heads ? s->kernels->gemm_nr : s->block, stops ? ", up to their own keys" : "");
}

const hp_prim hp_prim_attention = {
    .name = "attention",
    .infer = attention_infer,
    .prepare = attention_prepare,
    .release = hp_free,
    .range = attention_range,
    .workspace = attention_workspace,
    .run = attention_run,
    .flops = attention_flops,
    .describe = attention_describe,
};
