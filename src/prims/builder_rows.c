/* builder_rows.c: see builder_rows.h. */
#include "prims/builder_rows.h"

#include <string.h>

#include "prims/node_params.h"
#include "prims/prim.h"

/* The size of the rows' axis where it is not the first: a prime that no axis of a model has, so that what is made of it
 * (a slice, an equal shape, a tensor filled by this shape) is found out. */
enum { MOVED_SIZE = 1048583 };

struct hp_moved_rows {
    hp_value base;          /* with the rows outermost */
    int64_t blocks;         /* 0, or its axis 0 is (rows * blocks) and here (blocks * rows); else it is transposed */
    int axis;               /* of the rows, where it is transposed */
    int order[HP_MAX_RANK]; /* then axis i is the base's axis order[i] */
    const char *layer, *reason;
};

static const hp_moved_rows *moved(const hp_builder *b, hp_value value) {
    return value >= 0 && (size_t)value < b->graph->value_count ? b->graph->values[value].moved : NULL;
}

bool hp_builder_any_moved(const hp_builder *b, const hp_value *values, int count) {
    for (int i = 0; i < count; i++)
        if (moved(b, values[i])) return true;
    return false;
}

bool hp_builder_has_moved_size(const hp_builder *b, const hp_shape *shape) {
    for (int i = 0; b->moved_rows && i < shape->rank; i++)
        if (shape->dims[i] == MOVED_SIZE) return true;
    return false;
}

bool hp_builder_first_moved(const hp_builder *b, const char **layer, const char **reason) {
    if (!b->moved_rows) return false;
    *layer = b->moved_rows->layer;
    *reason = b->moved_rows->reason;
    return true;
}

int hp_value_rows_axis(const hp_graph *graph, hp_value value) {
    const hp_value_info *info = &graph->values[value];
    if (info->moved && info->moved->blocks == 0) return info->moved->axis;
    return info->tensor.shape.rows ? 0 : -1;
}

/* Tells of the place that moved the rows, not of the one that is in trouble with that. */
static hp_value mixes(hp_builder *b, const hp_moved_rows *how) {
    const char *layer = b->layer;
    b->layer = how->layer;
    hp_builder_mixes_rows(b, how->reason);
    b->layer = layer;
    return HP_NO_VALUE;
}

hp_value hp_builder_moved_mixes(hp_builder *b, hp_value value) {
    return mixes(b, moved(b, value));
}

/* A new value that stands for `how`. */
static hp_value stand_for(hp_builder *b, const hp_moved_rows *how, const hp_shape *shape) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_tensor tensor = {.dtype = hp_builder_tensor(b, how->base)->dtype, .shape = *shape};
    hp_moved_rows *copy = hp_arena_copy(&b->graph->arena, how, sizeof *how);
    if (!copy) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    if (!hp_shape_valid(shape)) return mixes(b, how);
    if (!b->moved_rows) b->moved_rows = copy;
    return hp_builder_add_moved(b, &tensor, copy);
}

static hp_value transposed(hp_builder *b, hp_value base, const int *order, const char *layer, const char *reason) {
    hp_moved_rows how = {.base = base, .layer = layer, .reason = reason};
    const hp_shape *from = hp_builder_shape(b, base);
    hp_shape shape = {.rank = from->rank};
    for (int i = 0; i < shape.rank; i++) {
        how.order[i] = order[i];
        if (order[i] == 0) how.axis = i;
        shape.dims[i] = order[i] == 0 ? MOVED_SIZE : from->dims[order[i]];
    }
    if (b->status != HP_OK) return HP_NO_VALUE;
    return how.axis == 0 ? hp_emit_transpose(b, base, order) : stand_for(b, &how, &shape);
}

hp_value hp_builder_move_rows(hp_builder *b, hp_value x, const int *permutation) {
    if (moved(b, x)) return hp_builder_moved_mixes(b, x);
    return transposed(b, x, permutation, b->layer, "a transposition moves the rows' axis");
}

bool hp_builder_transpose_moved(hp_builder *b, hp_value x, const int *permutation, hp_value *y) {
    const hp_moved_rows *how = moved(b, x);
    if (!how || how->blocks > 0) return false;
    int order[HP_MAX_RANK];
    for (int i = 0; i < hp_builder_shape(b, x)->rank; i++) order[i] = how->order[permutation[i]];
    *y = transposed(b, how->base, order, how->layer, how->reason);
    return true;
}

hp_value hp_builder_rows_within(hp_builder *b, hp_value x, int64_t blocks) {
    if (moved(b, x)) return hp_builder_moved_mixes(b, x);
    hp_moved_rows how = {.base = x, .blocks = blocks, .layer = b->layer, .reason = "blocks of an image become rows"};
    return stand_for(b, &how, hp_builder_shape(b, x));
}

hp_value hp_builder_rows_without(const hp_builder *b, hp_value x, int64_t blocks) {
    const hp_moved_rows *how = moved(b, x);
    return how && how->blocks == blocks ? how->base : HP_NO_VALUE;
}

/* ---- nodes on the bases */

typedef struct carried {
    const hp_builder *b;
    hp_moved_rows how; /* of the inputs, then of the outputs */
    int rank;
    const hp_value *inputs;
    int input_count;
    void *params; /* of the node, then of the one on the bases */
} carried;

/* Axes at the end that a transposed value and its base have in common. */
static int common_axes(const carried *c) {
    int count = 0;
    while (count < c->rank && c->how.order[c->rank - 1 - count] == c->rank - 1 - count) count++;
    return count;
}

static bool carry_elementwise(carried *c) {
    for (int i = 0; i < c->input_count; i++)
        if (!moved(c->b, c->inputs[i]) && hp_builder_shape(c->b, c->inputs[i])->rank > common_axes(c)) return false;
    return true;
}

static bool carry_last_axis(carried *c) {
    return common_axes(c) >= 1;
}

static bool carry_normalise(carried *c) {
    return common_axes(c) >= ((const hp_normalise_params *)c->params)->axis_count;
}

static bool carry_slice(carried *c) {
    hp_slice_params *params = c->params, given = *params;
    int rows = c->how.axis;
    if (given.begin[rows] != 0 || given.count[rows] != MOVED_SIZE || given.step[rows] != 1) return false;
    given.count[rows] = hp_builder_shape(c->b, c->how.base)->dims[0];
    for (int i = 0; i < c->rank; i++) {
        params->begin[c->how.order[i]] = given.begin[i];
        params->count[c->how.order[i]] = given.count[i];
        params->step[c->how.order[i]] = given.step[i];
    }
    return true;
}

static bool carry_concat(carried *c) {
    hp_axis_params *params = c->params;
    for (int i = 0; i < c->input_count; i++)
        if (!moved(c->b, c->inputs[i])) return false;
    params->axis = c->how.order[params->axis];
    return params->axis != 0;
}

/* A reduction leaves the other axes in their order. */
static bool carry_reduce(carried *c) {
    hp_reduce_params *params = c->params, given = *params;
    params->axes = 0;
    for (int i = 0; i < c->rank; i++)
        if (given.axes & 1U << i) params->axes |= 1U << c->how.order[i];
    if (params->axes & 1 || given.axes == 0) return false;
    int kept = 0, order[HP_MAX_RANK];
    for (int i = 0; i < c->rank && !given.keepdims; i++) {
        if (given.axes & 1U << i) continue;
        order[kept] = 0;
        for (int k = 0; k < c->how.order[i]; k++) order[kept] += !(params->axes & 1U << k);
        if (order[kept] == 0) c->how.axis = kept;
        kept++;
    }
    for (int i = 0; i < kept; i++) c->how.order[i] = order[i];
    return true;
}

/* Axes of 1 that come or go; in the base they lie behind the others. */
static bool carry_reshape(carried *c) {
    hp_shape_params *params = c->params, to = *params;
    const hp_shape *base = hp_builder_shape(c->b, c->how.base);
    int place[HP_MAX_RANK], kept = 0, from = 0, order[HP_MAX_RANK];
    for (int k = 0; k < base->rank; k++) { /* of the base's axes among those that stay */
        place[k] = kept;
        if (k > 0 && base->dims[k] == 1) continue;
        params->dims[kept++] = base->dims[k];
    }
    int ones = kept;
    for (int i = 0; i < to.rank; i++) {
        while (from < c->rank && c->how.order[from] > 0 && base->dims[c->how.order[from]] == 1) from++;
        if (to.dims[i] == 1) {
            params->dims[ones] = 1;
            order[i] = ones++;
            continue;
        }
        int k = from < c->rank ? c->how.order[from++] : -1;
        if (k < 0 || to.dims[i] != (k == 0 ? MOVED_SIZE : base->dims[k])) return false;
        order[i] = place[k];
        if (k == 0) c->how.axis = i;
    }
    for (; from < c->rank; from++)
        if (c->how.order[from] == 0 || base->dims[c->how.order[from]] != 1) return false;
    params->rows = 1;
    memcpy(c->how.order, order, (size_t)to.rank * sizeof *order);
    return true;
}

/* What can be done to the base of a transposed value. */
static const struct {
    const hp_prim *prim;
    bool (*carry)(carried *c);
} on_transposed[] = {
    {&hp_prim_elementwise, carry_elementwise},
    {&hp_prim_gemm, carry_last_axis},
    {&hp_prim_softmax, carry_last_axis},
    {&hp_prim_normalise, carry_normalise},
    {&hp_prim_slice, carry_slice},
    {&hp_prim_concat, carry_concat},
    {&hp_prim_reduce, carry_reduce},
    {&hp_prim_reshape, carry_reshape},
};

/* Primitives to which the items of axis 0 are each a thing of their own, in whatever order: the emitters have seen that
 * it is that axis which stays. */
static const hp_prim *const on_items[] = {&hp_prim_elementwise, &hp_prim_gemm, &hp_prim_softmax, &hp_prim_normalise,
    &hp_prim_slice, &hp_prim_concat, &hp_prim_reduce, &hp_prim_transpose, &hp_prim_pad, &hp_prim_resize, &hp_prim_conv,
    &hp_prim_depthwise, &hp_prim_conv_transpose, &hp_prim_conv_double, &hp_prim_pool, &hp_prim_reshape};

/* Whether the other inputs go with the first one of which `how` tells. */
static bool is_alike(const hp_builder *b, const hp_moved_rows *how, int rank, hp_value other) {
    const hp_moved_rows *also = moved(b, other);
    const hp_shape *shape = hp_builder_shape(b, other);
    if (!also) return !shape->rows;
    if (also->blocks != how->blocks || shape->rank != rank) return false;
    size_t bytes = (size_t)rank * sizeof *how->order;
    return how->blocks > 0 ? shape->dims[0] == hp_builder_shape(b, how->base)->dims[0]
                           : memcmp(also->order, how->order, bytes) == 0;
}

static bool carry(carried *c, const hp_prim *prim) {
    const hp_shape *base = hp_builder_shape(c->b, c->how.base);
    c->rank = base->rank;
    for (int i = 0; i < c->input_count; i++)
        if (!is_alike(c->b, &c->how, c->rank, c->inputs[i])) return false;
    if (c->how.blocks > 0) {
        const hp_shape_params *to = c->params;
        if (prim == &hp_prim_reshape && (to->rank < 1 || to->dims[0] != base->dims[0])) return false;
        for (size_t i = 0; i < sizeof on_items / sizeof *on_items; i++)
            if (on_items[i] == prim) return true;
        return false;
    }
    for (size_t i = 0; i < sizeof on_transposed / sizeof *on_transposed; i++)
        if (on_transposed[i].prim == prim) return on_transposed[i].carry(c);
    return false;
}

/* A value of which `how` tells, but for its base. */
static hp_value stand_again(hp_builder *b, const hp_moved_rows *how, hp_value base) {
    if (how->blocks == 0) return transposed(b, base, how->order, how->layer, how->reason);
    hp_moved_rows again = *how;
    again.base = base;
    return stand_for(b, &again, hp_builder_shape(b, base));
}

hp_value hp_builder_node_of_moved(hp_builder *b, const hp_prim *prim, const void *params, size_t params_size,
    const hp_value *inputs, int input_count, hp_value *outputs, int output_count) {
    const hp_moved_rows *how = NULL;
    for (int i = 0; i < input_count && !how; i++) how = moved(b, inputs[i]);
    hp_value *bases = hp_arena_copy(&b->graph->arena, inputs, (size_t)input_count * sizeof *inputs);
    void *own = hp_arena_copy(&b->graph->arena, params, params_size);
    if (!bases || !own) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    carried c = {.b = b, .how = *how, .inputs = inputs, .input_count = input_count, .params = own};
    if (!carry(&c, prim)) return mixes(b, how);
    for (int i = 0; i < input_count; i++)
        if (moved(b, inputs[i])) bases[i] = moved(b, inputs[i])->base;
    hp_emit_node(b, prim, own, params_size, bases, input_count, outputs, output_count);
    for (int i = 0; i < output_count; i++) outputs[i] = stand_again(b, &c.how, outputs[i]);
    return outputs[0];
}
