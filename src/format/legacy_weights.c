/* legacy_weights.c: which arrays of an old file are changed, layer by layer.
 *
 * Invariant: a layer's weights are changed only when their number is the one that its class has in such files, and a
 * nested model's flattened weights only when the counts of its layers add up to theirs. */
#include "format/legacy_weights.h"

#include <string.h>
#include "format/fixups.h"
#include "format/legacy_arrays.h"

enum { MAX_DEPTH = 100 };

/* The weights of one layer, in order; changing them may make them fewer. */
typedef struct arrays {
    hp_weight *items;
    size_t count;
} arrays;

typedef struct counts {
    size_t trainable, others;
} counts;

static const char *class_of(const hp_json *layer) {
    const char *name = hp_json_string(hp_json_get(layer, "class_name"));
    return name ? name : "";
}

static bool is(const char *text, const char *other) {
    return strcmp(text, other) == 0;
}

static bool flag(const hp_json *layer, const char *key, bool otherwise) {
    const hp_json *value = hp_json_get(hp_json_get(layer, "config"), key);
    return hp_json_is(value, HP_JSON_BOOL) ? value->boolean : otherwise;
}

static const hp_json *inner(const hp_json *layer, const char *key) {
    return hp_json_get(hp_json_get(layer, "config"), key);
}

static bool channels_first(const hp_json *layer) {
    const char *format = hp_json_string(inner(layer, "data_format"));
    return format && is(format, "channels_first");
}

/* ---- how many weights a layer has --------------------------------------------------------------------------------- */

/* Classes by their number of kernels; each has one more with use_bias. */
static const struct kernel_count {
    const char *class_name;
    size_t kernels;
} kernel_counts[] = {{"Dense", 1}, {"Conv1D", 1}, {"Conv2D", 1}, {"Conv3D", 1}, {"Conv2DTranspose", 1},
    {"Conv3DTranspose", 1}, {"DepthwiseConv2D", 1}, {"SeparableConv1D", 2}, {"SeparableConv2D", 2},
    {"LocallyConnected1D", 1}, {"LocallyConnected2D", 1}, {"SimpleRNN", 2}, {"LSTM", 2}, {"GRU", 2}, {"ConvLSTM2D", 2},
    {"MaxoutDense", 1}};

/* Whether Keras 1 kept this layer's gates as arrays of their own. */
static bool has_gate_arrays(const hp_legacy_weights *how, const hp_json *layer) {
    const char *less = hp_json_string(inner(layer, "consume_less"));
    return how->family == 1 && !(less && is(less, "gpu"));
}

static counts count_weights(const hp_legacy_weights *how, const hp_json *layer, int depth);

static counts add_counts(const hp_legacy_weights *how, const hp_json *layers, int depth) {
    counts sum = {0};
    HP_JSON_EACH (layer, layers) {
        counts one = count_weights(how, layer, depth + 1);
        sum.trainable += one.trainable;
        sum.others += one.others;
    }
    return sum;
}

/* As if the layer were trainable. */
static counts count_class(const hp_legacy_weights *how, const hp_json *layer, int depth) {
    static const char *const models[] = {"Sequential", "Functional"};
    const char *name = class_of(layer);
    if (is(name, "LSTM") && has_gate_arrays(how, layer)) return (counts){12, 0};
    if (is(name, "GRU") && has_gate_arrays(how, layer)) return (counts){9, 0};
    if (is(name, "ConvLSTM2D") && how->family == 1) return (counts){12, 0};
    for (size_t i = 0; i < sizeof kernel_counts / sizeof *kernel_counts; i++)
        if (is(name, kernel_counts[i].class_name))
            return (counts){kernel_counts[i].kernels + flag(layer, "use_bias", true), 0};
    if (is(name, "Embedding") || is(name, "PReLU")) return (counts){1, 0};
    if (is(name, "Highway")) return (counts){flag(layer, "use_bias", true) ? 4 : 2, 0};
    if (is(name, "BatchNormalization"))
        return (counts){(size_t)flag(layer, "scale", true) + flag(layer, "center", true), 2};
    if (is(name, "LayerNormalization"))
        return (counts){(size_t)flag(layer, "scale", true) + flag(layer, "center", true), 0};
    if (is(name, "TimeDistributed")) return count_weights(how, inner(layer, "layer"), depth + 1);
    if (is(name, "Bidirectional")) {
        counts one = count_weights(how, inner(layer, "layer"), depth + 1);
        return (counts){2 * one.trainable, 2 * one.others};
    }
    for (size_t i = 0; i < 2; i++)
        if (is(name, models[i])) return add_counts(how, inner(layer, "layers"), depth);
    return (counts){0}; /* none, or a class that is not known: then a model's sum does not agree with its group */
}

static counts count_weights(const hp_legacy_weights *how, const hp_json *layer, int depth) {
    if (depth > MAX_DEPTH || !layer) return (counts){0};
    counts c = count_class(how, layer, depth);
    if (!flag(layer, "trainable", true)) return (counts){0, c.trainable + c.others};
    return c;
}

/* ---- Keras 1 ------------------------------------------------------------------------------------------------------- */

/* Joins the arrays of gates, `per_gate` of them one after another, to three: kernels, recurrent kernels, biases. */
static hp_status join_gates(const hp_legacy_weights *how, arrays *w, const int *order, int gates, hp_error *error) {
    hp_weight joined[3];
    for (int kind = 0; kind < 3; kind++) {
        const hp_weight *parts[4];
        for (int g = 0; g < gates; g++) parts[g] = &w->items[3 * order[g] + kind];
        HP_TRY(hp_array_join(how->store, parts, gates, &joined[kind], error));
    }
    memcpy(w->items, joined, sizeof joined);
    w->count = 3;
    return HP_OK;
}

static hp_status transpose(
    const hp_legacy_weights *how, hp_weight *weight, int rank, const int *order, hp_error *error) {
    if (weight->rank != rank) return HP_OK; /* the layer's own check names the shape */
    return hp_array_transpose(how->store, weight, order, 0, error);
}

static hp_status fix_conv1d(const hp_legacy_weights *how, const hp_json *layer, hp_weight *kernel, hp_error *error) {
    static const int order[] = {2, 3, 1, 0};
    const hp_json *filters = inner(layer, "filters");
    if (kernel->rank != 4) return HP_OK;
    /* Keras 1.1: (filters, inputs, length, 1); later (length, 1, inputs, filters) */
    bool first_form = kernel->dims[1] != 1 || !filters || kernel->dims[3] != filters->integer;
    if (first_form) HP_TRY(hp_array_transpose(how->store, kernel, order, 0, error));
    if (kernel->dims[1] == 1) hp_array_squeeze(kernel, 1);
    return HP_OK;
}

/* An axis of one element in PReLU's weight is a shared one (or has one element anyway). */
static hp_status share_axes(
    const hp_legacy_weights *how, const hp_json *layer, const hp_weight *alpha, hp_error *error) {
    hp_json *config = hp_fix_member((hp_json *)layer, "config"); /* of the tree that the caller may change */
    hp_json *axes = hp_json_new(how->arena, HP_JSON_ARRAY);
    HP_ALLOCATED(axes, error);
    for (int i = 0; i < alpha->rank; i++) {
        if (alpha->dims[i] != 1) continue;
        hp_json *axis = hp_json_new_int(how->arena, i + 1);
        HP_ALLOCATED(axis, error);
        hp_json_append(axes, axis);
    }
    if (axes->count && !hp_json_get(config, "shared_axes")) hp_json_set(config, "shared_axes", axes);
    return HP_OK;
}

static hp_status fix_keras1(const hp_legacy_weights *how, const hp_json *layer, arrays *w, hp_error *error) {
    static const int lstm[] = {0, 2, 1, 3} /* i, c, f, o -> i, f, c, o */, gru[] = {0, 1, 2};
    static const int conv2d[] = {2, 3, 1, 0}, conv3d[] = {2, 3, 4, 1, 0};
    static const int deconv_last[] = {0, 1, 3, 2}, deconv_first[] = {2, 3, 0, 1};
    const char *name = class_of(layer);
    bool first = channels_first(layer);
    if ((is(name, "LSTM") || is(name, "ConvLSTM2D")) && w->count == 12) HP_TRY(join_gates(how, w, lstm, 4, error));
    if (is(name, "GRU") && w->count == 9) HP_TRY(join_gates(how, w, gru, 3, error));
    if (w->count == 0) return HP_OK;
    if (is(name, "PReLU")) return share_axes(how, layer, &w->items[0], error);
    if (is(name, "Conv1D")) return fix_conv1d(how, layer, &w->items[0], error);
    if (is(name, "Conv2D") && first) return transpose(how, &w->items[0], 4, conv2d, error);
    if (is(name, "Conv3D") && first) return transpose(how, &w->items[0], 5, conv3d, error);
    if (is(name, "Conv2DTranspose")) return transpose(how, &w->items[0], 4, first ? deconv_first : deconv_last, error);
    if ((is(name, "SeparableConv2D") || is(name, "ConvLSTM2D")) && first && w->count >= 2) {
        HP_TRY(transpose(how, &w->items[0], 4, conv2d, error));
        return transpose(how, &w->items[1], 4, conv2d, error);
    }
    return HP_OK;
}

/* ---- Theano, CuDNN ------------------------------------------------------------------------------------------------- */

static hp_status turn_round(const hp_legacy_weights *how, hp_weight *kernel, hp_error *error) {
    static const int same[HP_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (kernel->rank < 3) return HP_OK;
    return hp_array_transpose(how->store, kernel, same, kernel->rank - 2, error);
}

static hp_status fix_theano(const hp_legacy_weights *how, const hp_json *layer, arrays *w, hp_error *error) {
    static const char *const convolutions[] = {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"};
    const char *name = class_of(layer);
    for (size_t i = 0; w->count && i < sizeof convolutions / sizeof *convolutions; i++) {
        if (!is(name, convolutions[i])) continue;
        HP_TRY(turn_round(how, &w->items[0], error));
        if (is(name, "ConvLSTM2D") && w->count > 1) HP_TRY(turn_round(how, &w->items[1], error));
    }
    return HP_OK;
}

/* CuDNN layouts are told by their biases: one vector for both kernels. */
static hp_status fix_cudnn(const hp_legacy_weights *how, const hp_json *layer, arrays *w, hp_error *error) {
    bool lstm = is(class_of(layer), "LSTM"), gru = is(class_of(layer), "GRU");
    int gates = lstm ? 4 : 3;
    if ((!lstm && !gru) || w->count != 3) return HP_OK;
    hp_weight *kernel = &w->items[0], *recurrent = &w->items[1], *bias = &w->items[2];
    int64_t units = recurrent->rank == 2 ? recurrent->dims[0] : 0;
    if (units <= 0 || units > INT32_MAX || kernel->rank != 2 || bias->rank != 1 || bias->dims[0] != 2 * gates * units)
        return HP_OK;
    if (kernel->dims[1] != gates * units || recurrent->dims[1] != gates * units) return HP_OK;
    HP_TRY(hp_array_from_cudnn(how->store, kernel, gates, true, error));
    HP_TRY(hp_array_from_cudnn(how->store, recurrent, gates, false, error));
    if (lstm) return hp_array_add_halves(how->store, bias, error);
    hp_array_split_rows(bias);
    return HP_OK;
}

/* ---- layers in layers ----------------------------------------------------------------------------------------------- */

static hp_status fix_weights(const hp_legacy_weights *how, const hp_json *layer, arrays *w, int depth, hp_error *error);

/* Changes `count` weights from items[from] on as one layer's, and moves them to items[*to], where the changed end. */
static hp_status fix_part(const hp_legacy_weights *how, const hp_json *layer, arrays *w, size_t from, size_t count,
    size_t *to, int depth, hp_error *error) {
    arrays part = {w->items + from, count};
    HP_TRY(fix_weights(how, layer, &part, depth + 1, error));
    memmove(w->items + *to, part.items, part.count * sizeof *part.items);
    *to += part.count;
    return HP_OK;
}

/* A model's weights are flattened: the trainable ones of all its layers, then all others. */
static hp_status fix_model(const hp_legacy_weights *how, const hp_json *model, arrays *w, int depth, hp_error *error) {
    counts all = count_weights(how, model, depth);
    const hp_json *layers = inner(model, "layers");
    bool frozen = !flag(model, "trainable", true);
    if (all.trainable + all.others != w->count) return HP_OK; /* the builder of the graph says what is missing */
    size_t from = 0, to = 0;
    for (int pass = 0; pass < 2; pass++)
        HP_JSON_EACH (layer, layers) {
            counts c = count_weights(how, layer, depth + 1);
            if (frozen) c = (counts){0, c.trainable + c.others};
            size_t count = pass == 0 ? c.trainable : c.others;
            if (count) HP_TRY(fix_part(how, layer, w, from, count, &to, depth, error));
            from += count;
        }
    w->count = to;
    return HP_OK;
}

static hp_status fix_weights(
    const hp_legacy_weights *how, const hp_json *layer, arrays *w, int depth, hp_error *error) {
    const char *name = class_of(layer);
    if (depth > MAX_DEPTH || w->count == 0) return HP_OK;
    if (is(name, "Sequential") || is(name, "Functional")) return fix_model(how, layer, w, depth, error);
    if (is(name, "TimeDistributed")) return fix_weights(how, inner(layer, "layer"), w, depth + 1, error);
    if (is(name, "Bidirectional")) {
        size_t half = w->count / 2, to = 0, count = w->count;
        HP_TRY(fix_part(how, inner(layer, "layer"), w, 0, half, &to, depth, error));
        HP_TRY(fix_part(how, inner(layer, "layer"), w, half, count - half, &to, depth, error));
        w->count = to;
        return HP_OK;
    }
    if (how->family == 1) HP_TRY(fix_keras1(how, layer, w, error));
    if (how->theano_kernels) HP_TRY(fix_theano(how, layer, w, error));
    return fix_cudnn(how, layer, w, error);
}

static hp_store_group *find_group(hp_store *store, const char *name) {
    for (size_t i = 0; name && i < store->group_count; i++)
        if (is(store->groups[i].name, name)) return &store->groups[i];
    return NULL;
}

/* The next group with weights, for files whose names are not the config's. */
static hp_store_group *next_group(hp_store *store, size_t *at) {
    while (*at < store->group_count && store->groups[*at].count == 0) ++*at;
    return *at < store->group_count ? &store->groups[(*at)++] : NULL;
}

static bool names_agree(hp_store *store, const hp_json *layers) {
    HP_JSON_EACH (layer, layers)
        if (!find_group(store, hp_json_string(hp_json_get(layer, "name")))) return false;
    return true;
}

hp_status hp_fix_legacy_weights(const hp_legacy_weights *how, hp_json *config, hp_error *error) {
    hp_store *store = how->store;
    const hp_json *layers = inner(config, "layers");
    bool by_name = names_agree(store, layers);
    size_t at = 0;
    HP_JSON_EACH (layer, layers) {
        counts c = count_weights(how, layer, 0);
        const char *name = hp_json_string(hp_json_get(layer, "name"));
        hp_store_group *group = NULL;
        if (by_name)
            group = find_group(store, name);
        else if (c.trainable + c.others > 0)
            group = next_group(store, &at);
        if (!group || group->count == 0) continue;
        arrays w = {store->weights + group->first, group->count};
        hp_status status = fix_weights(how, layer, &w, 0, error);
        if (status != HP_OK) {
            hp_error_prefix(error, "weights of layer \"%s\"", group->name);
            return status;
        }
        group->count = w.count;
    }
    return HP_OK;
}
