/* rnn_steps.c: see rnn_steps.h. keras/src/layers/rnn/{simple_rnn,lstm,gru}.py, and masks as
 * keras/src/backend/tensorflow/rnn.py. */
#include "layers/rnn_steps.h"

#include <string.h>

enum { MAX_STEPS = 4096 };

typedef struct steps {
    hp_builder *b;
    const hp_rnn_config *config;
    int64_t units;
    hp_value inputs; /* [batch, time, gates * units]: x times the kernel, plus the bias */
    hp_value recurrent, recurrent_bias;
    const hp_value *peepholes; /* of an LSTM's input, forget and output gate; NULL: it has none */
    hp_value h, c, output;     /* HP_NO_VALUE: zeros */
} steps;

static hp_value add(hp_builder *b, hp_value x, hp_value y) {
    if (x == HP_NO_VALUE || y == HP_NO_VALUE) return x == HP_NO_VALUE ? y : x;
    return hp_emit_binary(b, HP_BINARY_ADD, x, y);
}

static hp_value multiply(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, y);
}

/* Elements [begin, begin + count) of an axis. */
static hp_value part(hp_builder *b, hp_value x, int axis, int64_t begin, int64_t count) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t first[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    if (b->status != HP_OK) return HP_NO_VALUE;
    for (int i = 0; i < HP_MAX_RANK; i++) step[i] = 1;
    first[axis] = begin;
    shape.dims[axis] = count;
    return hp_emit_slice(b, x, first, shape.dims, step);
}

/* Index `at` of axis 1 as [batch, the last axis, or 1 where there is none]. */
static hp_value at_time(hp_builder *b, hp_value x, int64_t at) {
    hp_shape shape = *hp_builder_shape(b, x);
    return hp_emit_reshape(b, part(b, x, 1, at, 1), 2, (int64_t[]){shape.dims[0], shape.rank > 2 ? shape.dims[2] : 1});
}

static hp_value gate(const steps *s, hp_value z, int index) {
    return z == HP_NO_VALUE ? z : part(s->b, z, 1, index * s->units, s->units);
}

/* h times gates [first, first + count) of the recurrent kernel. */
static hp_value recur(const steps *s, hp_value h, int first, int count) {
    hp_builder *b = s->b;
    if (h == HP_NO_VALUE) return HP_NO_VALUE;
    return hp_emit_gemm(b, h, part(b, s->recurrent, 1, first * s->units, count * s->units), HP_NO_VALUE);
}

static hp_value inner(const steps *s, hp_value x) {
    return hp_emit_activation(s->b, x, &s->config->recurrent_activation);
}

static hp_value outer(const steps *s, hp_value x) {
    return hp_emit_activation(s->b, x, &s->config->activation);
}

static hp_value simple_step(const steps *s, hp_value z, hp_value *c) {
    *c = HP_NO_VALUE;
    return outer(s, add(s->b, z, recur(s, s->h, 0, 1)));
}

/* A gate that sees the cell state. */
static hp_value peeking(const steps *s, hp_value z, int peephole, hp_value c) {
    bool blind = !s->peepholes || c == HP_NO_VALUE;
    return blind ? z : add(s->b, z, multiply(s->b, c, s->peepholes[peephole]));
}

static hp_value lstm_step(const steps *s, hp_value z, hp_value *c) {
    hp_builder *b = s->b;
    z = add(b, z, recur(s, s->h, 0, 4));
    hp_value kept = s->c == HP_NO_VALUE ? s->c : multiply(b, inner(s, peeking(s, gate(s, z, 1), 1, s->c)), s->c);
    *c = add(b, kept, multiply(b, inner(s, peeking(s, gate(s, z, 0), 0, s->c)), outer(s, gate(s, z, 2))));
    return multiply(b, inner(s, peeking(s, gate(s, z, 3), 2, *c)), outer(s, *c));
}

static hp_value gru_step(const steps *s, hp_value x, hp_value *c) {
    hp_builder *b = s->b;
    bool after = s->config->reset_after;
    hp_value r = recur(s, s->h, 0, after ? 3 : 2);
    if (after) r = add(b, r, s->recurrent_bias);
    hp_value update = inner(s, add(b, gate(s, x, 0), gate(s, r, 0)));
    hp_value reset = inner(s, add(b, gate(s, x, 1), gate(s, r, 1))), candidate = after ? gate(s, r, 2) : HP_NO_VALUE;
    if (after && r != HP_NO_VALUE) candidate = multiply(b, reset, candidate);
    if (!after) candidate = s->h == HP_NO_VALUE ? s->h : recur(s, multiply(b, reset, s->h), 2, 1);
    candidate = outer(s, add(b, gate(s, x, 2), candidate));
    hp_value rest = hp_emit_binary(b, HP_BINARY_SUBTRACT, hp_emit_float(b, 1), update);
    *c = HP_NO_VALUE;
    return add(b, s->h == HP_NO_VALUE ? s->h : multiply(b, update, s->h), multiply(b, rest, candidate));
}

static hp_value keep_where(hp_builder *b, hp_value mask, hp_value now, hp_value before) {
    return hp_emit_select(b, mask, now, before == HP_NO_VALUE ? hp_emit_float(b, 0) : before);
}

/* One step: the states and the output after it. */
static void step(steps *s, hp_value z, hp_value mask) {
    hp_builder *b = s->b;
    hp_value c = HP_NO_VALUE, h;
    h = s->config->cell == HP_RNN_LSTM  ? lstm_step(s, z, &c)
        : s->config->cell == HP_RNN_GRU ? gru_step(s, z, &c)
                                        : simple_step(s, z, &c);
    s->output = mask == HP_NO_VALUE ? h : keep_where(b, mask, h, s->output);
    s->h = mask == HP_NO_VALUE ? h : keep_where(b, mask, h, s->h);
    if (c != HP_NO_VALUE) s->c = mask == HP_NO_VALUE ? c : keep_where(b, mask, c, s->c);
}

/* The kernel's product for all steps; of two biases, row 0. */
static void prepare(steps *s, hp_value x, hp_value kernel, hp_value bias, bool two_biases) {
    hp_builder *b = s->b;
    if (two_biases && bias != HP_NO_VALUE) {
        int64_t width = hp_builder_shape(b, bias)->dims[1];
        s->recurrent_bias = part(b, bias, 0, 1, 1); /* [1, width] */
        bias = hp_emit_reshape(b, part(b, bias, 0, 0, 1), 1, &width);
    }
    s->inputs = hp_emit_gemm(b, x, kernel, bias);
}

void hp_rnn_emit_steps(hp_builder *b, const hp_rnn_config *config, const hp_rnn_params *params, hp_value x,
    hp_value mask, const hp_value *states, hp_value kernel, hp_value recurrent_kernel, hp_value bias,
    const hp_value *peepholes, hp_value *outputs) {
    int64_t time = hp_builder_shape(b, x)->dims[1];
    if (b->status != HP_OK) return;
    if (time > MAX_STEPS) {
        hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "found %lld time steps, expected at most %d", (long long)time, MAX_STEPS);
        return;
    }
    steps s = {.b = b,
        .config = config,
        .units = params->units,
        .recurrent = recurrent_kernel,
        .recurrent_bias = HP_NO_VALUE,
        .peepholes = peepholes,
        .h = states ? states[0] : HP_NO_VALUE,
        .c = states && config->cell == HP_RNN_LSTM ? states[1] : HP_NO_VALUE,
        .output = HP_NO_VALUE};
    prepare(&s, x, kernel, bias, params->reset_after);
    hp_value *sequence = hp_arena_alloc(&b->graph->arena, (size_t)time * sizeof *sequence), last = HP_NO_VALUE;
    if (!sequence) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t i = 0; i < time && b->status == HP_OK; i++) {
        int64_t at = params->go_backwards ? time - 1 - i : i;
        hp_value step_mask = mask == HP_NO_VALUE ? mask : at_time(b, mask, at);
        step(&s, at_time(b, s.inputs, at), step_mask);
        last = s.output;
        if (params->zero_output_for_mask && step_mask != HP_NO_VALUE)
            last = keep_where(b, step_mask, last, HP_NO_VALUE);
        hp_shape shape = *hp_builder_shape(b, last);
        sequence[i] = hp_emit_reshape(b, last, 3, (int64_t[]){shape.dims[0], 1, params->units});
    }
    outputs[0] = params->return_sequences ? hp_emit_concat(b, sequence, (int)time, 1) : last;
    outputs[1] = s.h;
    if (config->cell == HP_RNN_LSTM) outputs[2] = s.c;
}
