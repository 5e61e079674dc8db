/* check_rnn.c: the gate kernels, against one step of keras/src/layers/rnn/lstm.py and gru.py in double precision. */
#include "check.h"

static const hp_activation tanh_op = {HP_UNARY_TANH, {0}}, sigmoid_op = {HP_UNARY_SIGMOID, {0}};
static const hp_activation relu_op = {HP_UNARY_RELU, {0, INFINITY, 0, 0}},
                           hard_op = {HP_UNARY_HARD_SIGMOID_LEGACY, {0}};

static hp_activation act_of(int variant) {
    return variant & 1 ? relu_op : tanh_op;
}
static hp_activation recurrent_of(int variant) {
    return variant & 2 ? hard_op : sigmoid_op;
}

#define TOLERANCE 3e-6

static size_t unit_counts(const hp_kernels *k, size_t i) {
    const size_t v = k->vector_floats, list[] = {1, 3, v - 1, v, v + 1, 2 * v + 1, 64};
    return i < sizeof list / sizeof *list ? list[i] : 0;
}

/* ---- LSTM ------------------------------------------------------------------------------------------------------- */

static void check_lstm_row(const hp_kernels *k, const hp_lstm_gates *g, const float *z, const float *c, size_t r) {
    for (size_t u = 0; u < g->units; u++) {
        double gate[4];
        for (size_t i = 0; i < 4; i++)
            gate[i] = hp_reference_unary(i == 2 ? &g->activation : &g->recurrent_activation, z[i * g->gate_stride + u]);
        double cell = gate[1] * c[u] + gate[0] * gate[2], h = gate[3] * hp_reference_unary(&g->activation, cell);
        float got_c = g->c_out[r * g->c_out_stride + u], got_h = g->h[r * g->h_stride + u];
        hp_check_that(hp_check_close(got_c, cell, TOLERANCE * (1 + fabs(cell))) &&
                          hp_check_close(got_h, h, TOLERANCE * (1 + fabs(h))),
            "%s lstm_gates units %zu: c %.9g, should be %.9g; h %.9g, should be %.9g", k->isa, g->units, got_c, cell,
            got_h, h);
    }
}

static void check_lstm(const hp_kernels *k, size_t units, int variant) {
    const size_t rows = 3, gate = units + (size_t)variant % 3, z_stride = 4 * gate + 1, h_stride = units + 2;
    const size_t size = (rows - 1) * z_stride + 3 * gate + units;
    float *z = hp_check_random(size), *c = hp_check_random(rows * units);
    for (size_t i = 0; i < size; i++) z[i] *= i % 7 == 6 ? 60 : 4; /* also where a gate is quite open or closed */
    float *kept_z = hp_check_copy(z, size), *kept_c = hp_check_copy(c, rows * units);
    hp_lstm_gates g = {.z = z,
        .z_stride = z_stride,
        .gate_stride = gate,
        .c_in = c,
        .c_in_stride = units,
        .c_out = c,
        .c_out_stride = units,
        .h = hp_check_output((rows - 1) * h_stride + units),
        .h_stride = h_stride,
        .rows = rows,
        .units = units,
        .activation = act_of(variant),
        .recurrent_activation = recurrent_of(variant)};
    k->lstm_gates(&g);
    for (size_t r = 0; r < rows; r++) check_lstm_row(k, &g, kept_z + r * z_stride, kept_c + r * units, r);
    /* The last row alone, into another c. */
    float *c_out = hp_check_output(units), *h = hp_check_output(units);
    hp_lstm_gates alone = g;
    alone.z = kept_z + 2 * z_stride;
    alone.c_in = kept_c + 2 * units;
    alone.c_out = c_out;
    alone.h = h;
    alone.rows = 1;
    k->lstm_gates(&alone);
    hp_check_that(hp_check_same(c_out, units, c + 2 * units, units, 1, units) &&
                      hp_check_same(h, units, g.h + 2 * h_stride, units, 1, units) &&
                      hp_check_gaps(g.h, h_stride, rows, units),
        "%s lstm_gates units %zu: other bits alone, or writes beyond", k->isa, units);
}

void hp_check_lstm_gates_kernel(const hp_kernels *k) {
    size_t units;
    for (size_t i = 0; (units = unit_counts(k, i)) != 0; i++)
        for (int variant = 0; variant < 4; variant++)
            for (int side = 0; side < 2; side++) {
                hp_check_reset(side);
                check_lstm(k, units, variant);
            }
}

/* ---- GRU -------------------------------------------------------------------------------------------------------- */

static double update(double z, double h, double candidate) {
    return z * h + (1 - z) * candidate;
}

static void check_gru(const hp_kernels *k, size_t units, int variant, bool reset_after) {
    const size_t rows = 3, gate = units + (size_t)variant % 3, stride = 3 * gate + 1;
    const size_t size = (rows - 1) * stride + 2 * gate + units;
    float *x = hp_check_random(size), *w = reset_after ? hp_check_random(size) : NULL,
          *h = hp_check_random(rows * units);
    for (size_t i = 0; i < size; i++) x[i] *= !reset_after ? 1 : i % 7 == 6 ? 60 : 4;
    const float *kept = hp_check_copy(x, size), *kept_h = hp_check_copy(h, rows * units);
    hp_gru_gates g = {.input = x,
        .input_stride = stride,
        .recurrent = w,
        .recurrent_stride = stride,
        .gate_stride = gate,
        .h_in = h,
        .h_in_stride = units,
        .h_out = h,
        .h_out_stride = units,
        .rows = rows,
        .units = units,
        .activation = act_of(variant),
        .recurrent_activation = recurrent_of(variant)};
    k->gru_gates(&g);
    for (size_t r = 0; r < rows; r++)
        for (size_t u = 0; u < units; u++) {
            const float *row = kept + r * stride + u, *recurrent = w ? w + r * stride + u : NULL;
            double z = row[0], candidate = row[2 * gate];
            if (recurrent) {
                z = hp_reference_unary(&g.recurrent_activation, (double)row[0] + recurrent[0]);
                double reset = hp_reference_unary(&g.recurrent_activation, (double)row[gate] + recurrent[gate]);
                candidate += reset * recurrent[2 * gate];
            }
            double reference = update(z, kept_h[r * units + u], hp_reference_unary(&g.activation, candidate));
            hp_check_that(hp_check_close(h[r * units + u], reference, TOLERANCE * (1 + fabs(reference))),
                "%s gru_gates units %zu: h %.9g, should be %.9g", k->isa, units, h[r * units + u], reference);
        }
    float *h_out = hp_check_output(units), *again = hp_check_copy(kept + 2 * stride, 2 * gate + units);
    hp_gru_gates alone = g;
    alone.input = again;
    alone.recurrent = w ? w + 2 * stride : NULL;
    alone.h_in = kept_h + 2 * units;
    alone.h_out = h_out;
    alone.rows = 1;
    k->gru_gates(&alone);
    hp_check_that(hp_check_same(h_out, units, h + 2 * units, units, 1, units),
        "%s gru_gates units %zu: other bits alone", k->isa, units);
}

void hp_check_gru_gates_kernel(const hp_kernels *k) {
    size_t units;
    for (size_t i = 0; (units = unit_counts(k, i)) != 0; i++)
        for (int variant = 0; variant < 8; variant++)
            for (int side = 0; side < 2; side++) {
                hp_check_reset(side);
                check_gru(k, units, variant, variant & 4);
            }
}

void hp_check_gru_reset_kernel(const hp_kernels *k) {
    size_t units;
    for (size_t i = 0; (units = unit_counts(k, i)) != 0; i++)
        for (int variant = 0; variant < 4; variant++) {
            hp_check_reset(variant & 1);
            const size_t rows = 3, stride = 3 * units, y_stride = units + 1;
            float *x = hp_check_random(rows * stride), *h = hp_check_random(rows * units);
            const float *kept = hp_check_copy(x, rows * stride);
            float *y = hp_check_output((rows - 1) * y_stride + units);
            hp_gru_reset g = {.input = x,
                .input_stride = stride,
                .h_in = h,
                .h_in_stride = units,
                .reset_h = y,
                .reset_h_stride = y_stride,
                .rows = rows,
                .units = units,
                .recurrent_activation = recurrent_of(variant)};
            k->gru_reset(&g);
            bool good = hp_check_gaps(y, y_stride, rows, units);
            for (size_t r = 0; r < rows; r++)
                for (size_t u = 0; u < units; u++) {
                    const float *row = kept + r * stride + u, *now = x + r * stride + u;
                    double z = hp_reference_unary(&g.recurrent_activation, row[0]);
                    double reset = hp_reference_unary(&g.recurrent_activation, row[units]);
                    good = good && hp_check_close(now[0], z, TOLERANCE) &&
                           hp_check_close(now[units], reset, TOLERANCE) && now[2 * units] == row[2 * units] &&
                           hp_check_close(y[r * y_stride + u], reset * h[r * units + u], TOLERANCE);
                }
            hp_check_that(good, "%s gru_reset units %zu", k->isa, units);
        }
}

/* ---- benchmarks ------------------------------------------------------------------------------------------------- */

struct bench {
    const hp_kernels *k;
    float *z, *source, *c, *h;
};

#define ROWS 48
#define UNITS 64

static struct bench make_bench(const hp_kernels *k) {
    hp_check_reset(0);
    return (struct bench){k, hp_check_random(ROWS * 4 * UNITS), hp_check_random(ROWS * 4 * UNITS),
        hp_check_random(ROWS * UNITS), hp_check_random(ROWS * UNITS)};
}

static void run_lstm(void *context) {
    struct bench *b = context;
    b->k->lstm_gates(&(hp_lstm_gates){.z = b->z,
        .z_stride = 4 * UNITS,
        .gate_stride = UNITS,
        .c_in = b->c,
        .c_in_stride = UNITS,
        .c_out = b->c,
        .c_out_stride = UNITS,
        .h = b->h,
        .h_stride = UNITS,
        .rows = ROWS,
        .units = UNITS,
        .activation = tanh_op,
        .recurrent_activation = sigmoid_op});
}
static void run_gru(void *context) {
    struct bench *b = context;
    b->k->gru_gates(&(hp_gru_gates){.input = b->z,
        .input_stride = 3 * UNITS,
        .recurrent = b->source,
        .recurrent_stride = 3 * UNITS,
        .gate_stride = UNITS,
        .h_in = b->h,
        .h_in_stride = UNITS,
        .h_out = b->h,
        .h_out_stride = UNITS,
        .rows = ROWS,
        .units = UNITS,
        .activation = tanh_op,
        .recurrent_activation = sigmoid_op});
}
static void run_reset(void *context) {
    struct bench *b = context;
    b->k->copy_rows(b->z, 3 * UNITS, b->source, 3 * UNITS, ROWS, 3 * UNITS);
    b->k->gru_reset(&(hp_gru_reset){.input = b->z,
        .input_stride = 3 * UNITS,
        .h_in = b->c,
        .h_in_stride = UNITS,
        .reset_h = b->h,
        .reset_h_stride = UNITS,
        .rows = ROWS,
        .units = UNITS,
        .recurrent_activation = sigmoid_op});
}

void hp_bench_lstm_gates_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "lstm_gates 48 x 64 units", 4.0 * ROWS * UNITS * 7, run_lstm, &b);
}
void hp_bench_gru_gates_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "gru_gates 48 x 64 units", 4.0 * ROWS * UNITS * 8, run_gru, &b);
}
void hp_bench_gru_reset_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "gru_reset 48 x 64 units", 4.0 * ROWS * UNITS * 6, run_reset, &b);
}
