/* The recurrent primitive against cells written from Keras's formulas in double precision, with every option. */
#include "prims/rnn.h"
#include "unit/prim_runner.h"

enum { MASK = 1, STATES = 2, NO_BIAS = 4 };

typedef struct recurrent {
    hp_rnn_params params;
    int64_t time, features;
    int extras;
    int64_t batch; /* per row; 0: 1 */
} recurrent;

typedef struct weights {
    float *kernel, *recurrent, *bias;
} weights;

static double apply(const hp_activation *a, double x) {
    if (a->op == HP_UNARY_TANH) return tanh(x);
    if (a->op == HP_UNARY_SIGMOID) return 1 / (1 + exp(-x));
    if (a->op == HP_UNARY_RELU) return x > 0 ? x : 0;
    return x;
}

/* z[g * units + u] = v W (+ bias row). */
static void project(const double *v, size_t n, const float *w, const float *bias, size_t width, double *z) {
    for (size_t j = 0; j < width; j++) {
        z[j] = bias ? (double)bias[j] : 0;
        for (size_t i = 0; i < n; i++) z[j] += v[i] * (double)w[i * width + j];
    }
}

static void step(const recurrent *l, const weights *w, const double *x, double *h, double *c) {
    size_t u = (size_t)l->params.units, width = u * (size_t)hp_rnn_gates(&l->params);
    const hp_activation *f = &l->params.activation, *g = &l->params.recurrent_activation;
    double zx[256], zh[256], zc[256], reset[64];
    bool gru = l->params.cell == HP_RNN_GRU;
    project(x, (size_t)l->features, w->kernel, w->bias, width, zx);
    project(h, u, w->recurrent, gru && l->params.reset_after && w->bias ? w->bias + width : NULL, width, zh);
    if (gru && !l->params.reset_after) {
        for (size_t i = 0; i < u; i++) reset[i] = apply(g, zx[u + i] + zh[u + i]) * h[i];
        project(reset, u, w->recurrent, NULL, width, zc);
    }
    for (size_t i = 0; i < u; i++) {
        if (l->params.cell == HP_RNN_SIMPLE) {
            h[i] = apply(f, zx[i] + zh[i]);
        } else if (l->params.cell == HP_RNN_LSTM) {
            double in = apply(g, zx[i] + zh[i]), forget = apply(g, zx[u + i] + zh[u + i]);
            double candidate = apply(f, zx[2 * u + i] + zh[2 * u + i]), out = apply(g, zx[3 * u + i] + zh[3 * u + i]);
            c[i] = forget * c[i] + in * candidate;
            h[i] = out * apply(f, c[i]);
        } else {
            double z = apply(g, zx[i] + zh[i]), r = apply(g, zx[u + i] + zh[u + i]);
            double candidate = l->params.reset_after ? r * zh[2 * u + i] : zc[2 * u + i];
            h[i] = z * h[i] + (1 - z) * apply(f, zx[2 * u + i] + candidate);
        }
    }
}

/* One sequence; y: [time][units] or [units]. */
static void naive_rnn(
    const recurrent *l, const weights *w, const float *x, const uint8_t *mask, double *h, double *c, double *y) {
    size_t u = (size_t)l->params.units, time = (size_t)l->time, features = (size_t)l->features;
    double previous[64] = {0}, xt[2048], h0[64], c0[64];
    for (size_t s = 0; s < time; s++) {
        size_t t = l->params.go_backwards ? time - 1 - s : s;
        for (size_t i = 0; i < features; i++) xt[i] = (double)x[t * features + i];
        memcpy(h0, h, u * sizeof *h);
        memcpy(c0, c, u * sizeof *c);
        step(l, w, xt, h, c);
        if (mask && !mask[t]) {
            memcpy(h, h0, u * sizeof *h);
            memcpy(c, c0, u * sizeof *c);
            if (l->params.zero_output_for_mask) memset(previous, 0, sizeof previous);
        } else {
            memcpy(previous, h, u * sizeof *h);
        }
        memcpy(l->params.return_sequences ? y + s * u : y, previous, u * sizeof *y);
    }
}

static void check_output(
    runner *r, const void *const *inputs, int64_t rows, hp_value output, const double *wanted, double tolerance) {
    float *got = runner_run_all_ways(r, inputs, rows, output);
    assert_close(got, wanted, runner_bytes(r, output, rows) / sizeof(float), tolerance);
    free(got);
}

static void run_recurrent(const hp_kernels *kernels, const recurrent *l) {
    enum { ROWS = 53 };
    runner r;
    runner_start(&r, kernels);
    int64_t batch = l->batch ? l->batch : 1, units = l->params.units, width = units * hp_rnn_gates(&l->params);
    bool lstm = l->params.cell == HP_RNN_LSTM, two = l->params.cell == HP_RNN_GRU && l->params.reset_after;
    weights w = {0};
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){batch, l->time, l->features});
    hp_value mask = runner_input(&r, HP_BOOL, 2, (int64_t[]){batch, l->time});
    hp_value states[2] = {runner_input(&r, HP_FLOAT32, 2, (int64_t[]){batch, units}),
        runner_input(&r, HP_FLOAT32, 2, (int64_t[]){batch, units})};
    hp_value kernel = runner_random(&r, 2, (int64_t[]){l->features, width}, 1, &w.kernel);
    hp_value recurrent_kernel = runner_random(&r, 2, (int64_t[]){units, width}, 2, &w.recurrent);
    hp_value bias = runner_random(&r, two ? 2 : 1, two ? (int64_t[]){2, width} : (int64_t[]){width}, 3, &w.bias);
    if (l->extras & NO_BIAS) bias = HP_NO_VALUE, free(w.bias), w.bias = NULL;
    hp_value outputs[3];
    hp_emit_rnn(&r.b, x, l->extras & MASK ? mask : HP_NO_VALUE, l->extras & STATES ? states : NULL, kernel,
        recurrent_kernel, bias, &l->params, outputs);
    runner_check(&r);
    size_t n = (size_t)(ROWS * batch), u = (size_t)units, time = (size_t)l->time;
    size_t out = l->params.return_sequences ? time * u : u;
    float *data = random_floats(n * time * (size_t)l->features, 4);
    float *h0 = random_floats(n * u, 5), *c0 = random_floats(n * u, 6);
    uint8_t *masks = malloc(n * time + 1);
    for (size_t i = 0; i < n * time; i++) masks[i] = (i * 2654435761u >> 7) % 3 != 0;
    double *h = calloc(n * u, sizeof *h), *c = calloc(n * u, sizeof *c), *y = calloc(n * out + 1, sizeof *y);
    for (size_t i = 0; i < n * u && l->extras & STATES; i++) h[i] = (double)h0[i], c[i] = (double)c0[i];
    for (size_t i = 0; i < n; i++)
        naive_rnn(l, &w, data + i * time * (size_t)l->features, l->extras & MASK ? masks + i * time : NULL, h + i * u,
            c + i * u, y + i * out);
    const void *inputs[] = {data, masks, h0, c0};
    const double tolerance = l->features > 100 ? 1e-4 : 1e-5; /* sums of so many terms are rounded so often */
    check_output(&r, inputs, ROWS, outputs[0], y, tolerance);
    check_output(&r, inputs, ROWS, outputs[1], h, tolerance);
    if (lstm) check_output(&r, inputs, ROWS, outputs[2], c, tolerance);
    free(data), free(h0), free(c0), free(masks), free(h), free(c), free(y);
    free(w.kernel), free(w.recurrent), free(w.bias);
    runner_end(&r);
}

static void each_cell(const hp_kernels *kernels, int cell, int reset_after) {
    const hp_activation tanh_ = {HP_UNARY_TANH, {0}}, sigmoid = {HP_UNARY_SIGMOID, {0}};
    const hp_activation relu = {HP_UNARY_RELU, {0, INFINITY, 0, 0}};
    recurrent l = {
        {.cell = cell, .units = 7, .reset_after = reset_after, .activation = tanh_, .recurrent_activation = sigmoid}, 6,
        5, 0, 0};
    for (int bits = 0; bits < 64; bits++) {
        l.params.return_sequences = bits & 1;
        l.params.go_backwards = bits >> 1 & 1;
        l.extras = bits >> 2 & (MASK | STATES);
        l.params.zero_output_for_mask = bits >> 4 & 1;
        if (bits >> 5 & 1) l.extras |= NO_BIAS;
        run_recurrent(kernels, &l);
    }
    recurrent larger = {{.cell = cell,
                            .units = 33,
                            .return_sequences = 1,
                            .reset_after = reset_after,
                            .activation = relu,
                            .recurrent_activation = sigmoid},
        3, 20, MASK | STATES, 2};
    run_recurrent(kernels, &larger);
}

static void simple_cases(const hp_kernels *kernels) {
    each_cell(kernels, HP_RNN_SIMPLE, 0);
}

static void lstm_cases(const hp_kernels *kernels) {
    each_cell(kernels, HP_RNN_LSTM, 0);
}

static void gru_cases(const hp_kernels *kernels) {
    each_cell(kernels, HP_RNN_GRU, 0);
    each_cell(kernels, HP_RNN_GRU, 1);
    recurrent behind_gemms = {{.cell = HP_RNN_GRU,
                                  .units = 5,
                                  .return_sequences = 1,
                                  .reset_after = 1,
                                  .activation = {HP_UNARY_TANH, {0}},
                                  .recurrent_activation = {HP_UNARY_SIGMOID, {0}}},
        2, 1600, MASK, 1};
    assert_false(kernels->gru_is_fused(1600));
    run_recurrent(kernels, &behind_gemms);
}

static void test_simple(void **state) {
    (void)state;
    runner_each_isa(simple_cases);
}

static void test_lstm(void **state) {
    (void)state;
    runner_each_isa(lstm_cases);
}

static void test_gru(void **state) {
    (void)state;
    runner_each_isa(gru_cases);
}

static void test_refuses(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_rnn_params params = {.cell = HP_RNN_LSTM, .units = 4};
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 6, 5}), outputs[3];
    hp_value kernel = runner_random(&r, 2, (int64_t[]){5, 12}, 1, NULL);
    hp_emit_rnn(&r.b, x, HP_NO_VALUE, NULL, kernel, kernel, HP_NO_VALUE, &params, outputs);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    assert_string_equal(r.b.error.message, "recurrent layer: the kernel has shape (5, 12); expected (5, 16)");
    for (int i = 0; i < 3; i++) assert_int_equal(outputs[i], HP_NO_VALUE);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_lstm),
        cmocka_unit_test(test_gru),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
