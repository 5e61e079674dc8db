/* ctc_beam.c: the primitive `ctc_beam`: the likeliest label sequences of a CTC model, as TensorFlow's
 * ctc_beam_search_decoder searches for them (without merging repeated labels). See builder.h, hp_emit_ctc_beam.
 *
 * A tree of label sequences; `leaves` are the best of them after each step. Between steps only the leaves and the nodes above
 * them are kept, so that their number is bounded. The search of one sequence is one piece: each step needs the one before. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"

enum { MOST_NODES = 1 << 22 };

/* Logarithms of probabilities: all, ending in a blank, ending in the label. */
typedef struct likelihood {
    double total, blank, label;
} likelihood;

typedef struct node {
    likelihood before, now; /* of the step before, and of this one; active: now.total is not -infinity */
    int32_t parent, label;  /* -1 of the root */
    int32_t state;          /* FREE, OLD, NEW in this step */
    int32_t zero;
} node;

enum { FREE, OLD, NEW };
static const likelihood nothing = {-INFINITY, -INFINITY, -INFINITY};

typedef struct beam_state {
    int64_t batch, steps, classes;
    int32_t width, paths, capacity;
    bool wide;
} beam_state;

typedef struct search {
    const beam_state *s;
    node *nodes;
    int32_t *leaves, *branches, *children;
    int32_t used, leaf_count, branch_count, lowest; /* lowest: the place of the least likely leaf */
} search;

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_ctc_beam_params *p = params;
    HP_FAIL_IF(input_count != 2 || output_count != 2 || inputs[1].dtype != HP_INT32, error, HP_ERROR_INTERNAL, NULL,
        "ctc_beam with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape, *lengths = &inputs[1].shape;
    HP_FAIL_IF(inputs[0].dtype != HP_FLOAT32 && inputs[0].dtype != HP_FLOAT64, error, HP_ERROR_UNSUPPORTED, NULL,
        "a search through %s is not supported", hp_dtype_name(inputs[0].dtype));
    char first[160], second[160];
    HP_FAIL_IF(x->rank != 3 || x->rows || x->dims[2] < 1 || lengths->rank != 1 || lengths->rows ||
                   lengths->dims[0] != x->dims[0],
        error, HP_ERROR_SHAPE, NULL, "a search through steps of shape %s, lengths of shape %s",
        hp_shape_text(x, first, sizeof first), hp_shape_text(lengths, second, sizeof second));
    HP_FAIL_IF(p->width < 1 || p->paths < 1 || p->paths > p->width || x->dims[2] > MOST_NODES ||
                   p->width > (MOST_NODES - 2) / (x->dims[1] + 2),
        error, HP_ERROR_UNSUPPORTED, NULL, "a search with beam_width %d and top_paths %d through %lld steps",
        (int)p->width, (int)p->paths, (long long)x->dims[1]);
    outputs[0] = (hp_tensor){HP_INT32, {3, false, {p->paths, x->dims[0], x->dims[1]}}};
    outputs[1] = (hp_tensor){inputs[0].dtype, {2, false, {x->dims[0], p->paths}}};
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_ctc_beam_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    beam_state *s = HP_NEW(beam_state);
    HP_ALLOCATED(s, error);
    *s = (beam_state){x->shape.dims[0], x->shape.dims[1], x->shape.dims[2], p->width, p->paths,
        (int32_t)(p->width * (x->shape.dims[1] + 2) + 2), x->dtype == HP_FLOAT64};
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    (void)rows;
    int64_t batch = ((const beam_state *)state)->batch;
    return batch > 0 ? batch : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    (void)rows;
    const beam_state *s = state;
    size_t lists = (2 * (size_t)s->width + (size_t)s->classes) * sizeof(int32_t);
    return (size_t)s->classes * sizeof(double) + (size_t)s->capacity * sizeof(node) + lists;
}

static double add_logarithms(double a, double b) {
    if (a == -INFINITY && b == -INFINITY) return -INFINITY;
    return a > b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

static bool active(const node *n) {
    return n->now.total != -INFINITY;
}

/* ---- the leaves: at most `width`, the least likely one known */

static void find_lowest(search *f) {
    f->lowest = 0;
    for (int32_t i = 1; i < f->leaf_count; i++)
        if (f->nodes[f->leaves[i]].now.total < f->nodes[f->leaves[f->lowest]].now.total) f->lowest = i;
}

static bool is_candidate(const search *f, double total) {
    return total > -INFINITY && (f->leaf_count < f->s->width || total > f->nodes[f->leaves[f->lowest]].now.total);
}

static void drop_lowest(search *f) {
    node *n = &f->nodes[f->leaves[f->lowest]];
    n->now = nothing;
    if (n->state == NEW) n->state = FREE;
    f->leaves[f->lowest] = f->leaves[--f->leaf_count];
}

static void push(search *f, int32_t leaf) {
    f->leaves[f->leaf_count++] = leaf;
    find_lowest(f);
}

static int32_t new_node(search *f, int32_t parent, int32_t label) {
    int32_t at = 0;
    while (at < f->used && f->nodes[at].state != FREE) at++;
    if (at == f->used) f->used++;
    f->nodes[at] = (node){nothing, nothing, parent, label, NEW, 0};
    return at;
}

/* Likelier ones first; equal ones as they stood. */
static void sort_leaves(search *f) {
    for (int32_t i = 1; i < f->leaf_count; i++) {
        int32_t leaf = f->leaves[i], at = i;
        for (; at > 0 && f->nodes[f->leaves[at - 1]].now.total < f->nodes[leaf].now.total; at--)
            f->leaves[at] = f->leaves[at - 1];
        f->leaves[at] = leaf;
    }
}

/* ---- a step */

/* What the sequences so far become with this step's blank or their last label. */
static void go_on(search *f, const double *score) {
    for (int32_t i = 0; i < f->branch_count; i++) f->nodes[f->branches[i]].before = f->nodes[f->branches[i]].now;
    f->leaf_count = 0;
    for (int32_t i = 0; i < f->branch_count; i++) {
        node *n = &f->nodes[f->branches[i]];
        if (n->parent >= 0) {
            const node *parent = &f->nodes[n->parent];
            if (active(parent)) {
                double previous = n->label == parent->label ? parent->before.blank : parent->before.total;
                n->now.label = add_logarithms(n->now.label, previous);
            }
            n->now.label += score[n->label];
        }
        n->now.blank = n->before.total + score[f->s->classes - 1];
        n->now.total = add_logarithms(n->now.blank, n->now.label);
        f->leaves[f->leaf_count++] = f->branches[i];
    }
    find_lowest(f);
}

static void note_children(search *f, const int32_t *list, int32_t count, int32_t parent) {
    for (int32_t i = 0; i < count; i++)
        if (f->nodes[list[i]].parent == parent) f->children[f->nodes[list[i]].label] = list[i];
}

/* One more label behind a sequence. */
static void grow(search *f, int32_t branch, const double *score) {
    for (int64_t i = 0; i < f->s->classes; i++) f->children[i] = -1;
    note_children(f, f->branches, f->branch_count, branch);
    note_children(f, f->leaves, f->leaf_count, branch);
    for (int32_t label = 0; label < f->s->classes - 1; label++) {
        int32_t child = f->children[label];
        if (child >= 0 && active(&f->nodes[child])) continue;
        const node *n = &f->nodes[branch];
        double total = score[label] + (label == n->label ? n->before.blank : n->before.total);
        if (is_candidate(f, total)) {
            if (f->leaf_count == f->s->width) drop_lowest(f);
            if (child < 0) child = new_node(f, branch, label);
            f->nodes[child].now = (likelihood){total, -INFINITY, total};
            push(f, child);
        } else if (child >= 0) {
            f->nodes[child].before = f->nodes[child].now = nothing;
        }
    }
}

static void keep_ancestors(search *f) {
    for (int32_t i = 0; i < f->used; i++) f->nodes[i].state = FREE;
    for (int32_t i = 0; i < f->leaf_count; i++)
        for (int32_t at = f->leaves[i]; at >= 0 && f->nodes[at].state == FREE; at = f->nodes[at].parent)
            f->nodes[at].state = OLD;
    while (f->used > 0 && f->nodes[f->used - 1].state == FREE) f->used--;
}

static void step(search *f, const double *score) {
    sort_leaves(f);
    memcpy(f->branches, f->leaves, (size_t)f->leaf_count * sizeof *f->leaves);
    f->branch_count = f->leaf_count;
    go_on(f, score);
    for (int32_t i = 0; i < f->branch_count; i++)
        if (is_candidate(f, f->nodes[f->branches[i]].before.total)) grow(f, f->branches[i], score);
    keep_ancestors(f);
}

/* ---- a sequence */

/* The logarithms of the softmax of a step. */
static void read_scores(const beam_state *s, const void *x, int64_t at, double *score) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < s->classes; i++) {
        score[i] = s->wide ? ((const double *)x)[at + i] : (double)((const float *)x)[at + i];
        if (score[i] > most) most = score[i];
    }
    for (int64_t i = 0; i < s->classes; i++) sum += exp(score[i] - most);
    for (int64_t i = 0; i < s->classes; i++) score[i] -= most + log(sum);
}

static void write_paths(search *f, int64_t sample, int32_t *labels, void *scores) {
    const beam_state *s = f->s;
    sort_leaves(f);
    for (int32_t p = 0; p < s->paths; p++) {
        int32_t *y = labels + (p * s->batch + sample) * s->steps, length = 0;
        for (int32_t at = f->leaves[p]; f->nodes[at].parent >= 0; at = f->nodes[at].parent) length++;
        for (int64_t i = length; i < s->steps; i++) y[i] = -1;
        for (int32_t at = f->leaves[p]; f->nodes[at].parent >= 0; at = f->nodes[at].parent)
            y[--length] = f->nodes[at].label;
        double total = f->nodes[f->leaves[p]].now.total;
        if (s->wide)
            ((double *)scores)[sample * s->paths + p] = total;
        else
            ((float *)scores)[sample * s->paths + p] = (float)total;
    }
}

static hp_status run_ctc_beam(const void *state, const hp_run *run) {
    const beam_state *s = state;
    double *score = run->workspace;
    search f = {.s = s, .nodes = (node *)(score + s->classes)};
    f.leaves = (int32_t *)(f.nodes + s->capacity);
    f.branches = f.leaves + s->width;
    f.children = f.branches + s->width;
    for (int64_t sample = run->begin; sample < run->end && sample < s->batch; sample++) {
        int32_t length = ((const int32_t *)run->inputs[1])[sample];
        f.nodes[0] = (node){nothing, {0, 0, -INFINITY}, -1, -1, OLD, 0};
        f.leaves[0] = 0;
        f.used = f.leaf_count = 1;
        f.lowest = 0;
        for (int64_t t = 0; t < length && t < s->steps; t++) {
            read_scores(s, run->inputs[0], (sample * s->steps + t) * s->classes, score);
            step(&f, score);
        }
        if (length < 0 || length > s->steps || f.leaf_count < s->paths) {
            hp_error_set(run->error, HP_ERROR_ROW, NULL, "found %d paths in %d of %lld steps, expected %d",
                (int)f.leaf_count, (int)length, (long long)s->steps, (int)s->paths);
            if (run->error) run->error->row = 0;
            return HP_ERROR_ROW;
        }
        write_paths(&f, sample, run->outputs[0], run->outputs[1]);
    }
    return HP_OK;
}

const hp_prim hp_prim_ctc_beam = {.name = "ctc_beam",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_ctc_beam};
