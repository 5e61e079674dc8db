/* builder_einsum.c: see einsum.h.
 *
 * Every axis of a term has a label. Two terms are contracted as a batched matrix product: labels that both have are the
 * batch where they are still needed, else summed over; the others are M and N. An axis that holds the rows stays the
 * first one of whatever it becomes.
 *
 * Invariant: no label stands twice in a term, and each of its labels has the size of that axis. */
#include "prims/einsum.h"

#include <string.h>

enum { LETTERS = 128, LABELS = LETTERS + HP_MAX_RANK }; /* letters by their code, then axes of "..." from the right */

typedef struct labels {
    int count;
    int16_t at[2 * HP_MAX_RANK];
} labels;

typedef struct term {
    hp_value value;
    labels labels;
} term;

typedef struct einsum {
    hp_builder *b;
    const char *equation;
    int64_t size[LABELS]; /* per row for the rows' label */
    int rows;             /* label of the rows' axis; -1: no operand has rows */
    labels output;
} einsum;

/* ---- sets of labels */

static int find(const labels *set, int label) {
    for (int i = 0; i < set->count; i++)
        if (set->at[i] == label) return i;
    return -1;
}

static bool has(const labels *set, int label) {
    return find(set, label) >= 0;
}

static void add(labels *set, int label) {
    set->at[set->count++] = (int16_t)label;
}

static labels joined(const labels *a, const labels *b, const labels *c) {
    labels all = *a;
    for (int i = 0; i < b->count; i++) add(&all, b->at[i]);
    for (int i = 0; c && i < c->count; i++) add(&all, c->at[i]);
    return all;
}

static bool same(const labels *a, const labels *b) {
    return a->count == b->count && memcmp(a->at, b->at, (size_t)a->count * sizeof *a->at) == 0;
}

static int64_t product(const einsum *e, const labels *set) {
    int64_t elements = 1;
    for (int i = 0; i < set->count; i++)
        if (__builtin_mul_overflow(elements, e->size[set->at[i]], &elements)) return -1;
    return elements;
}

/* ---- the equation */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool wrong(einsum *e, const char *why) {
    hp_builder_fail(e->b, HP_ERROR_FORMAT, "einsum \"%.100s\": %s", e->equation, why);
    return false;
}

/* Labels of one operand's part of the equation; `elided` axes stand for "...". */
static bool parse_part(einsum *e, const char *part, size_t length, int elided, labels *set) {
    *set = (labels){0};
    for (size_t i = 0; i < length; i++) {
        if (part[i] == ' ') continue;
        if (set->count + (elided > 0 ? elided : 0) >= 2 * HP_MAX_RANK) return wrong(e, "too many axes");
        if (i + 2 < length && memcmp(part + i, "...", 3) == 0) {
            for (int k = elided - 1; k >= 0; k--) add(set, LETTERS + k);
            i += 2;
        } else if (is_letter(part[i])) {
            add(set, part[i]);
        } else {
            return wrong(e, "expected letters, \"...\", \",\" and \"->\"");
        }
    }
    return true;
}

static int letters_in(const char *part, size_t length) {
    int count = 0;
    for (size_t i = 0; i < length; i++) count += is_letter(part[i]);
    return count;
}

/* Without "->": the axes of "...", then the letters that occur once, in the order of the alphabet. */
static void implicit_output(einsum *e, const char *inputs, size_t length, int elided) {
    int seen[LETTERS] = {0};
    for (size_t i = 0; i < length; i++)
        if (is_letter(inputs[i])) seen[(int)inputs[i]]++;
    for (int k = elided - 1; k >= 0; k--) add(&e->output, LETTERS + k);
    for (int c = 0; c < LETTERS; c++)
        if (seen[c] == 1 && e->output.count < 2 * HP_MAX_RANK) add(&e->output, c);
}

static bool check_output(einsum *e) {
    for (int i = 0; i < e->output.count; i++) {
        int label = e->output.at[i];
        if (e->size[label] < 0) return wrong(e, "the result has a letter that no operand has");
        for (int k = 0; k < i; k++)
            if (e->output.at[k] == label) return wrong(e, "the result has a letter twice");
    }
    return e->output.count <= HP_MAX_RANK || wrong(e, "the result has too many axes");
}

/* Sizes of labels from one operand; an axis of 1 is broadcast. */
static bool note_sizes(einsum *e, const labels *set, const hp_shape *shape) {
    for (int i = 0; i < set->count; i++) {
        int64_t *size = &e->size[set->at[i]];
        bool rows = i == 0 && shape->rows;
        if (rows && e->rows >= 0 && e->rows != set->at[0]) {
            hp_builder_mixes_rows(e->b, "an einsum with the rows as two different axes");
            return false;
        }
        if (rows) e->rows = set->at[0];
        if (*size < 0 || *size == 1)
            *size = shape->dims[i];
        else if (shape->dims[i] != *size && shape->dims[i] != 1)
            return wrong(e, "an axis has two sizes");
    }
    return true;
}

static bool parse(einsum *e, const hp_value *operands, int count, term *terms) {
    const char *arrow = strstr(e->equation, "->"), *at = e->equation;
    const char *end = arrow ? arrow : at + strlen(at);
    int most_elided = 0;
    for (int k = 0; k < count; k++) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        const hp_shape *shape = hp_builder_shape(e->b, operands[k]);
        size_t length = (size_t)(stop - at);
        int elided = shape->rank - letters_in(at, length);
        bool dots = memchr(at, '.', length) != NULL;
        if ((comma != NULL) != (k + 1 < count)) return wrong(e, "it has another number of operands");
        if (elided < 0 || (elided > 0 && !dots)) return wrong(e, "an operand has another number of axes");
        if (!parse_part(e, at, length, elided, &terms[k].labels)) return false;
        if (!note_sizes(e, &terms[k].labels, shape)) return false;
        terms[k].value = operands[k];
        if (elided > most_elided) most_elided = elided;
        at = stop + 1;
    }
    if (!arrow)
        implicit_output(e, e->equation, (size_t)(end - e->equation), most_elided);
    else if (!parse_part(e, arrow + 2, strlen(arrow + 2), most_elided, &e->output))
        return false;
    return check_output(e);
}

/* ---- one term */

/* Moves the axes into the order of `want`, which holds every label of the term; the ones it lacks become axes of 1. */
static hp_value arrange(einsum *e, const term *t, const labels *want) {
    int permutation[2 * HP_MAX_RANK], n = 0;
    int64_t dims[2 * HP_MAX_RANK];
    for (int i = 0; i < want->count; i++) {
        int axis = find(&t->labels, want->at[i]);
        dims[i] = axis < 0 ? 1 : e->size[want->at[i]];
        if (axis >= 0) permutation[n++] = axis;
    }
    hp_value x = hp_emit_transpose(e->b, t->value, permutation);
    return hp_emit_reshape(e->b, x, want->count, dims);
}

static void drop(labels *set, int index) {
    memmove(&set->at[index], &set->at[index + 1], (size_t)(set->count - index - 1) * sizeof *set->at);
    set->count--;
}

/* Takes out axes of 1 that are broadcast: without them the term is the same for every index. */
static void drop_broadcast(einsum *e, term *t) {
    const hp_shape *shape = hp_builder_shape(e->b, t->value);
    int64_t dims[HP_MAX_RANK];
    int rank = 0;
    labels left = {0};
    for (int i = 0; i < t->labels.count; i++) {
        int label = t->labels.at[i];
        bool rows = shape->rows && i == 0, stretched = shape->dims[i] == 1 && e->size[label] != 1;
        if (!rows && label == e->rows && !stretched && shape->dims[i] != 1) {
            hp_builder_mixes_rows(e->b, "an einsum of the rows with another axis");
            return;
        }
        if (!rows && (stretched || label == e->rows)) continue;
        dims[rank++] = shape->dims[i];
        add(&left, label);
    }
    t->value = hp_emit_reshape(e->b, t->value, rank, dims);
    t->labels = left;
}

/* A letter twice: both axes to the end, flattened, every (n + 1)th element. */
static void take_diagonals(einsum *e, term *t) {
    for (int i = 0; i < t->labels.count; i++) {
        int label = t->labels.at[i], again = -1;
        for (int k = i + 1; k < t->labels.count && again < 0; k++)
            if (t->labels.at[k] == label) again = k;
        if (again < 0) continue;
        const hp_shape *shape = hp_builder_shape(e->b, t->value);
        int permutation[HP_MAX_RANK], rank = shape->rank, n = 0;
        int64_t size = shape->dims[i], begin[HP_MAX_RANK] = {0}, steps[HP_MAX_RANK], dims[HP_MAX_RANK];
        if (e->b->status != HP_OK || shape->dims[again] != size) {
            wrong(e, "a letter stands for two sizes of one operand");
            return;
        }
        for (int k = 0; k < rank; k++)
            if (k != i && k != again) permutation[n++] = k;
        for (int k = 0; k < n; k++) dims[k] = shape->dims[permutation[k]];
        permutation[n] = i;
        permutation[n + 1] = again;
        dims[n] = size * size;
        for (int k = 0; k <= n; k++) steps[k] = k == n ? size + 1 : 1;
        t->value = hp_emit_reshape(e->b, hp_emit_transpose(e->b, t->value, permutation), n + 1, dims);
        dims[n] = size;
        t->value = hp_emit_slice(e->b, t->value, begin, dims, steps);
        drop(&t->labels, again);
        drop(&t->labels, i);
        add(&t->labels, label);
        i = -1; /* the axes have moved: from the start */
    }
}

/* Sums over the labels that are not to be kept. */
static void sum_away(einsum *e, term *t, const labels *keep) {
    int axes[HP_MAX_RANK], count = 0;
    labels left = {0};
    for (int i = 0; i < t->labels.count; i++)
        if (has(keep, t->labels.at[i]))
            add(&left, t->labels.at[i]);
        else
            axes[count++] = i;
    if (!count) return;
    t->value = hp_emit_reduce(e->b, t->value, HP_REDUCTION_SUM, axes, count, false);
    t->labels = left;
}

/* ---- two terms */

/* How the labels of two terms take part; `order`: the result's labels as they should come, best effort. */
typedef struct contraction {
    labels batch, sum, free_a, free_b;
    bool rows_alone; /* a has the rows, b does not, and there are others in the batch */
} contraction;

/* Labels in the order of the output, those that it lacks behind; the rows' first of all. */
static labels in_order(const einsum *e, const labels *set) {
    labels sorted = {0};
    if (e->rows >= 0 && has(set, e->rows)) add(&sorted, e->rows);
    for (int i = 0; i < e->output.count; i++)
        if (has(set, e->output.at[i]) && !has(&sorted, e->output.at[i])) add(&sorted, e->output.at[i]);
    for (int i = 0; i < set->count; i++)
        if (!has(&sorted, set->at[i])) add(&sorted, set->at[i]);
    return sorted;
}

static contraction classify(const einsum *e, const term *a, const term *b, const labels *keep) {
    contraction c = {0};
    labels batch = {0}, free_a = {0}, free_b = {0};
    for (int i = 0; i < a->labels.count; i++) {
        int label = a->labels.at[i];
        if (!has(&b->labels, label))
            add(&free_a, label);
        else
            add(has(keep, label) ? &batch : &c.sum, label);
    }
    for (int i = 0; i < b->labels.count; i++)
        if (!has(&a->labels, b->labels.at[i])) add(&free_b, b->labels.at[i]);
    c.batch = in_order(e, &batch);
    c.free_a = in_order(e, &free_a);
    c.free_b = in_order(e, &free_b);
    c.rows_alone = c.batch.count > 0 && e->rows >= 0 && has(&c.free_a, e->rows);
    if (c.rows_alone) drop(&c.free_a, find(&c.free_a, e->rows));
    return c;
}

/* The term as [batch..., outer, inner], or with those two the other way round where its axes stand so: *transposed. */
static hp_value as_matrices(einsum *e, const term *t, const labels *prefix, const labels *outer, const labels *inner,
    const int64_t *batch, int batch_axes, bool *transposed) {
    labels straight = joined(prefix, outer, inner), turned = joined(prefix, inner, outer);
    labels own = {0}; /* the axes of the prefix that it has */
    for (int i = 0; i < turned.count; i++)
        if (has(&t->labels, turned.at[i])) add(&own, turned.at[i]);
    *transposed = *transposed && same(&own, &t->labels) && inner->count > 0 && outer->count > 0;
    hp_value x = arrange(e, t, *transposed ? &turned : &straight);
    int64_t dims[HP_MAX_RANK], m = product(e, outer), n = product(e, inner);
    memcpy(dims, batch, (size_t)batch_axes * sizeof *dims);
    dims[batch_axes] = *transposed ? n : m;
    dims[batch_axes + 1] = *transposed ? m : n;
    return hp_emit_reshape(e->b, x, batch_axes + 2, dims);
}

static term multiply_elements(einsum *e, const term *a, const term *b, const contraction *c) {
    labels both = joined(&c->batch, &c->free_a, &c->free_b);
    if (c->rows_alone) add(&both, e->rows);
    term result = {.labels = in_order(e, &both)};
    result.value =
        hp_emit_binary(e->b, HP_BINARY_MULTIPLY, arrange(e, a, &result.labels), arrange(e, b, &result.labels));
    return result;
}

static term multiply_matrices(einsum *e, const term *a, const term *b, const contraction *c) {
    labels prefix = {0}, none = {0};
    int64_t batch_a[2], batch_b[2], dims[2 * HP_MAX_RANK];
    int axes = 0;
    if (c->rows_alone) {
        add(&prefix, e->rows);
        batch_a[axes] = e->size[e->rows];
        batch_b[axes++] = 1;
    }
    prefix = joined(&prefix, &c->batch, &none);
    if (c->batch.count) {
        batch_a[axes] = product(e, &c->batch);
        batch_b[axes++] = product(e, &c->batch);
    }
    bool turn_a = c->batch.count > 0, turn_b = true;
    hp_value x = as_matrices(e, a, &prefix, &c->free_a, &c->sum, batch_a, axes, &turn_a);
    hp_value y = as_matrices(e, b, &prefix, &c->sum, &c->free_b, batch_b, axes, &turn_b);
    term result = {.labels = joined(&prefix, &c->free_a, &c->free_b)};
    for (int i = 0; i < result.labels.count; i++) dims[i] = e->size[result.labels.at[i]];
    result.value = hp_emit_reshape(e->b, hp_emit_matmul(e->b, x, y, turn_a, turn_b), result.labels.count, dims);
    return result;
}

static bool has_rows(const einsum *e, const term *t) {
    return hp_builder_shape(e->b, t->value)->rows;
}

static term contract(einsum *e, const term *a, const term *b, const labels *keep) {
    contraction c = classify(e, a, b, keep);
    bool swap = !has_rows(e, a) && has_rows(e, b);
    if (has_rows(e, a) == has_rows(e, b) && c.free_a.count && c.free_b.count) {
        int first_a = find(&e->output, c.free_a.at[0]), first_b = find(&e->output, c.free_b.at[0]);
        swap = first_b >= 0 && first_b < first_a;
    }
    if (swap) {
        const term *other = a;
        a = b;
        b = other;
        c = classify(e, a, b, keep);
    }
    if (e->rows >= 0 && has(&c.sum, e->rows)) {
        hp_builder_mixes_rows(e->b, "an einsum sums over the rows");
        return (term){.value = HP_NO_VALUE};
    }
    return c.sum.count ? multiply_matrices(e, a, b, &c) : multiply_elements(e, a, b, &c);
}

/* The labels that the output or a later operand needs. */
static labels needed(const einsum *e, const term *terms, int first, int count) {
    labels keep = e->output;
    for (int k = first; k < count; k++)
        for (int i = 0; i < terms[k].labels.count; i++)
            if (!has(&keep, terms[k].labels.at[i]) && keep.count < 2 * HP_MAX_RANK) add(&keep, terms[k].labels.at[i]);
    return keep;
}

hp_value hp_emit_einsum(hp_builder *b, const char *equation, const hp_value *operands, int count) {
    enum { MAX_OPERANDS = 16 };
    term terms[MAX_OPERANDS];
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (count < 1 || count > MAX_OPERANDS)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "einsum of %d operands", count);
    einsum e = {.b = b, .equation = equation, .rows = -1};
    for (int i = 0; i < LABELS; i++) e.size[i] = -1;
    if (!parse(&e, operands, count, terms)) return HP_NO_VALUE;
    for (int k = 0; k < count && b->status == HP_OK; k++) {
        take_diagonals(&e, &terms[k]);
        drop_broadcast(&e, &terms[k]);
    }
    for (int k = 0; k < count && b->status == HP_OK; k++) {
        labels keep = e.output;
        for (int other = 0; other < count; other++) {
            if (other == k) continue;
            labels more = needed(&e, terms, other, other + 1);
            for (int i = 0; i < more.count; i++)
                if (!has(&keep, more.at[i]) && keep.count < 2 * HP_MAX_RANK) add(&keep, more.at[i]);
        }
        sum_away(&e, &terms[k], &keep);
    }
    for (int k = 1; k < count && b->status == HP_OK; k++) {
        labels keep = needed(&e, terms, k + 1, count);
        terms[k] = contract(&e, &terms[k - 1], &terms[k], &keep);
        sum_away(&e, &terms[k], &keep);
    }
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (terms[count - 1].labels.count > HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "einsum \"%.100s\": more than %d axes", equation, HP_MAX_RANK);
    return arrange(&e, &terms[count - 1], &e.output);
}

hp_value hp_emit_projection(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, int bound) {
    hp_shape from = *hp_builder_shape(b, x), w = *hp_builder_shape(b, kernel);
    int lead = from.rank - bound, made = w.rank - bound;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (lead < 1 || made < 0 || lead + made > HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "a projection of %d axes with a kernel of %d", from.rank, w.rank);
    int64_t summed = hp_shape_product(&from, lead, from.rank), columns = hp_shape_product(&w, bound, w.rank);
    hp_shape rows = from, result = from;
    rows.rank = lead + 1;
    rows.dims[lead] = summed;
    memcpy(&result.dims[lead], &w.dims[bound], (size_t)made * sizeof *w.dims);
    x = hp_emit_reshape(b, x, rows.rank, rows.dims);
    kernel = hp_emit_reshape(b, kernel, 2, (const int64_t[]){summed, columns});
    if (bias != HP_NO_VALUE) bias = hp_emit_reshape(b, bias, 1, &columns);
    return hp_emit_reshape(b, hp_emit_gemm(b, x, kernel, bias), lead + made, result.dims);
}
