/* conv_lstm.c: ConvLSTM1D, ConvLSTM2D, ConvLSTM3D (keras/src/layers/rnn/conv_lstm.py): an LSTM whose products are
 * convolutions.
 *
 * The inputs of all steps are convolved at once, time merged into the rows; the recurrent steps follow one another in
 * the graph. Everything is channels last in between. */
#include <string.h>
#include "layers/conv.h"
#include "layers/rnn.h"

enum { MAX_STEPS = 4096 };

typedef struct conv_lstm {
    hp_conv_config conv; /* first: HP_CONV_FIELDS fills it */
    hp_rnn_config options;
} conv_lstm;

#define OPTION(key)                                                                                                    \
    { .name = #key, .type = HP_FIELD_BOOL, .offset = offsetof(conv_lstm, options.key), .max = 1 }

static const hp_field fields[] = {
    HP_INT(hp_conv_config, filters, HP_REQUIRED, 1, 100000000),
    HP_CONV_FIELDS_OR("tanh"),
    OPTION(return_sequences),
    OPTION(return_state),
    OPTION(go_backwards),
    OPTION(stateful),
    OPTION(zero_output_for_mask),
    HP_FALSE("time_major", "time before the batch is not supported"), /* Keras 2 itself disregards half of it */
    OPTION(unroll),
    {.name = "recurrent_activation",
        .type = HP_FIELD_ACTIVATION,
        .offset = offsetof(conv_lstm, options.recurrent_activation),
        .null_ok = true,
        .says = "sigmoid"},
    HP_IGNORE("unit_forget_bias"),
    HP_IGNORE("dropout"),
    HP_IGNORE("recurrent_dropout"),
    HP_IGNORE("seed"),
    HP_IGNORE("implementation"),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("recurrent"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    conv_lstm *c = config;
    hp_conv_check(scope, layer, &c->conv);
    c->options.activation = c->conv.activation;
    c->options.cell = HP_RNN_LSTM;
    c->options.old = hp_layer_is_old(scope);
}

/* ---- one step */

typedef struct steps {
    hp_builder *b;
    const conv_lstm *c;
    hp_value x;    /* [batch, time, spatial..., 4 * filters]: the inputs convolved */
    hp_value mask; /* [batch, time, ...]; HP_NO_VALUE: none */
    hp_value recurrent;
    hp_conv_params window; /* of the recurrent convolution */
    int64_t time;
    hp_value h, cell, output; /* HP_NO_VALUE: zeros */
} steps;

/* Index `at` of axis 1, without that axis. */
static hp_value at_time(hp_builder *b, hp_value x, int64_t at) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK] = {0, at}, step[HP_MAX_RANK];
    for (int i = 0; i < HP_MAX_RANK; i++) step[i] = 1;
    shape.dims[1] = 1;
    x = hp_emit_slice(b, x, begin, shape.dims, step);
    memmove(&shape.dims[1], &shape.dims[2], (size_t)(shape.rank - 2) * sizeof *shape.dims);
    return hp_emit_reshape(b, x, shape.rank - 1, shape.dims);
}

/* The mask of a step, with axes of 1 behind, to go with a state. */
static hp_value mask_at(const steps *s, int64_t at) {
    hp_value mask = at_time(s->b, s->mask, at);
    hp_shape shape = *hp_builder_shape(s->b, mask);
    while (shape.rank < s->c->conv.spatial + 2) shape.dims[shape.rank++] = 1;
    return hp_emit_reshape(s->b, mask, shape.rank, shape.dims);
}

static hp_value gate(const steps *s, hp_value z, int index, const hp_activation_spec *activation) {
    hp_shape shape = *hp_builder_shape(s->b, z);
    int last = shape.rank - 1;
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    for (int i = 0; i < HP_MAX_RANK; i++) step[i] = 1;
    begin[last] = index * s->c->conv.filters;
    shape.dims[last] = s->c->conv.filters;
    return hp_emit_activation(s->b, hp_emit_slice(s->b, z, begin, shape.dims, step), activation);
}

static hp_value keep_where(const steps *s, hp_value mask, hp_value now, hp_value before) {
    return hp_emit_select(s->b, mask, now, before == HP_NO_VALUE ? hp_emit_float(s->b, 0) : before);
}

/* From step `at` of the input to the next states and output. */
static void step(steps *s, int64_t at) {
    hp_builder *b = s->b;
    const hp_activation_spec *inner = &s->c->options.recurrent_activation, *outer = &s->c->conv.activation;
    hp_value z = at_time(b, s->x, at);
    if (s->h != HP_NO_VALUE)
        z = hp_emit_binary(b, HP_BINARY_ADD, z, hp_emit_conv(b, s->h, s->recurrent, HP_NO_VALUE, &s->window));
    hp_value cell = hp_emit_binary(b, HP_BINARY_MULTIPLY, gate(s, z, 0, inner), gate(s, z, 2, outer));
    if (s->cell != HP_NO_VALUE)
        cell = hp_emit_binary(
            b, HP_BINARY_ADD, hp_emit_binary(b, HP_BINARY_MULTIPLY, gate(s, z, 1, inner), s->cell), cell);
    hp_value h = hp_emit_binary(b, HP_BINARY_MULTIPLY, gate(s, z, 3, inner), hp_emit_activation(b, cell, outer));
    if (s->mask == HP_NO_VALUE) {
        s->h = s->output = h;
        s->cell = cell;
        return;
    }
    hp_value mask = mask_at(s, at);
    s->output = keep_where(s, mask, h, s->output);
    s->h = keep_where(s, mask, h, s->h);
    s->cell = keep_where(s, mask, cell, s->cell);
}

/* ---- the whole sequence */

static hp_value to_layer_format(hp_builder *b, const conv_lstm *c, hp_value x, int channel_axis) {
    if (c->conv.data_format == HP_CHANNELS_LAST) return x;
    return hp_move_axis(b, x, hp_builder_shape(b, x)->rank - 1, channel_axis);
}

/* The sequence of outputs, or the last one. Where zeros stand for masked outputs, an unrolled layer takes the mask of
 * the sequence in its own order, even where it goes backwards. */
static hp_value run(steps *s) {
    hp_builder *b = s->b;
    const hp_rnn_config *options = &s->c->options;
    hp_value *outputs = hp_arena_alloc(&b->graph->arena, (size_t)s->time * sizeof *outputs), last = HP_NO_VALUE;
    if (!outputs) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    bool zeros = options->zero_output_for_mask && s->mask != HP_NO_VALUE;
    for (int64_t i = 0; i < s->time && b->status == HP_OK; i++) {
        int64_t at = options->go_backwards ? s->time - 1 - i : i;
        step(s, at);
        last = s->output;
        if (zeros) {
            int64_t mask_place = options->unroll && options->return_sequences ? i : at;
            last = keep_where(s, mask_at(s, mask_place), last, HP_NO_VALUE);
        }
        if (!options->return_sequences) continue;
        hp_shape shape = *hp_builder_shape(b, last);
        memmove(&shape.dims[2], &shape.dims[1], (size_t)(shape.rank - 1) * sizeof *shape.dims);
        shape.dims[1] = 1;
        outputs[i] = hp_emit_reshape(b, last, shape.rank + 1, shape.dims);
    }
    return options->return_sequences ? hp_emit_concat(b, outputs, (int)s->time, 1) : last;
}

/* Convolves the inputs of all steps: time is merged into the rows for that. */
static hp_value convolve_inputs(hp_builder *b, hp_layer *layer, hp_value x, hp_conv_params *recurrent) {
    const conv_lstm *c = layer->config;
    const hp_conv_config *conv = &c->conv;
    hp_shape shape = *hp_builder_shape(b, x), merged = shape;
    int spatial = conv->spatial;
    int64_t channels = shape.dims[shape.rank - 1], dims[HP_MAX_SPATIAL + 2];
    if (__builtin_mul_overflow(shape.dims[0], shape.dims[1], &merged.dims[1]))
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the input is too large");
    merged.rank--;
    memmove(&merged.dims[0], &merged.dims[1], (size_t)merged.rank * sizeof *merged.dims);
    hp_conv_params params;
    if (!hp_conv_window(b, conv, &merged, &params)) return HP_NO_VALUE;
    memcpy(dims, conv->kernel, (size_t)spatial * sizeof *dims);
    dims[spatial] = channels;
    dims[spatial + 1] = 4 * conv->filters;
    hp_value kernel = hp_layer_weight(b, layer, "cell/kernel", true, spatial + 2, dims);
    dims[spatial] = conv->filters;
    hp_layer_weight(b, layer, "cell/recurrent_kernel", true, spatial + 2, dims);
    hp_value bias = HP_NO_VALUE;
    if (conv->use_bias) bias = hp_layer_weight(b, layer, "cell/bias", true, HP_DIMS(4 * conv->filters));
    hp_value y = hp_emit_conv(b, hp_emit_reshape(b, x, merged.rank, merged.dims), kernel, bias, &params);
    hp_shape made = *hp_builder_shape(b, y);
    if (b->status != HP_OK) return HP_NO_VALUE;
    memset(recurrent, 0, sizeof *recurrent);
    recurrent->spatial = spatial;
    recurrent->groups = 1;
    for (int i = 0; i < spatial; i++) {
        recurrent->strides[i] = recurrent->dilation[i] = 1;
        hp_same_padding(made.dims[i + 1], conv->kernel[i], 1, 1, &recurrent->pad_before[i], &recurrent->pad_after[i]);
    }
    memmove(&made.dims[2], &made.dims[1], (size_t)(made.rank - 1) * sizeof *made.dims);
    made.dims[0] = shape.dims[0];
    made.dims[1] = shape.dims[1];
    return hp_emit_reshape(b, y, made.rank + 1, made.dims);
}

static hp_value recurrent_kernel(hp_builder *b, hp_layer *layer) {
    const hp_conv_config *conv = &((const conv_lstm *)layer->config)->conv;
    int64_t dims[HP_MAX_SPATIAL + 2];
    memcpy(dims, conv->kernel, (size_t)conv->spatial * sizeof *dims);
    dims[conv->spatial] = conv->filters;
    dims[conv->spatial + 1] = 4 * conv->filters;
    return hp_layer_weight(b, layer, "cell/recurrent_kernel", true, conv->spatial + 2, dims);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const conv_lstm *c = layer->config;
    int rank = c->conv.spatial + 3;
    hp_value x = hp_as_float(b, call->inputs[0]), states[2] = {HP_NO_VALUE, HP_NO_VALUE};
    bool first = c->conv.data_format == HP_CHANNELS_FIRST, given;
    if (!hp_check_rank(b, x, rank, rank) || !hp_rnn_initial_states(b, call, 2, states, &given)) return;
    steps s = {.b = b, .c = c, .time = hp_builder_shape(b, x)->dims[1], .output = HP_NO_VALUE};
    s.mask = hp_rnn_mask(b, &c->options, call);
    if (s.mask != HP_NO_VALUE && !hp_check_rank(b, s.mask, 2, first ? 2 : rank - 1)) return;
    if (s.time < 1 || s.time > MAX_STEPS) {
        hp_builder_fail(b, s.time < 1 ? HP_ERROR_SHAPE : HP_ERROR_UNSUPPORTED,
            "found %lld time steps, expected from 1 to %d", (long long)s.time, MAX_STEPS);
        return;
    }
    if (first) x = hp_move_axis(b, x, 2, rank - 1);
    s.x = convolve_inputs(b, layer, x, &s.window);
    s.recurrent = recurrent_kernel(b, layer);
    s.h = given && first ? hp_channels_last(b, states[0]) : states[0];
    s.cell = given && first ? hp_channels_last(b, states[1]) : states[1];
    hp_value kept[2] = {HP_NO_VALUE, HP_NO_VALUE};
    if (c->options.stateful && !given) { /* kept channels last: nobody sees them */
        hp_shape shape = *hp_builder_shape(b, at_time(b, s.x, 0));
        if (b->status == HP_OK) shape.dims[shape.rank - 1] = c->conv.filters;
        hp_rnn_kept_states(b, 2, (hp_shape[]){shape, shape}, kept);
        s.h = kept[0];
        s.cell = kept[1];
    }
    hp_value y = to_layer_format(b, c, run(&s), c->options.return_sequences ? 2 : 1);
    hp_call_output(b, call, y);
    if (kept[0] != HP_NO_VALUE) {
        hp_emit_next_state(b, kept[0], s.h);
        hp_emit_next_state(b, kept[1], s.cell);
    }
    if (c->options.return_state) {
        hp_call_output(b, call, to_layer_format(b, c, s.h, 1));
        hp_call_output(b, call, to_layer_format(b, c, s.cell, 1));
    }
    hp_value own_mask = hp_call_previous_mask(b, call);
    if (b->status == HP_OK && c->options.return_sequences && own_mask != HP_NO_VALUE)
        hp_builder_set_mask(b, y, own_mask);
}

#define CONV_LSTM(name, axes)                                                                                          \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(conv_lstm),                                                                              \
        .masking = HP_MASK_OWN,                                                                                        \
        .arguments = HP_NAMES("initial_state", "mask", "training"),                                                    \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

CONV_LSTM(ConvLSTM1D, 1);
CONV_LSTM(ConvLSTM2D, 2);
CONV_LSTM(ConvLSTM3D, 3);

hp_rnn_config *hp_conv_lstm_options(hp_layer *layer) {
    return layer->cls->lower == lower ? &((conv_lstm *)(uintptr_t)layer->config)->options : NULL;
}
