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

#define TOLERANCE 1e-6

/* Scales of inputs: where gates move; where some are quite open or closed; next to 0, where what counts is the error
 * relative to the result. */
static float scale_of(int variant, size_t i) {
    return variant & 8 ? (i % 2 ? 1e-4F : 0.06F) : i % 7 == 6 ? 60 : 4;
}

static size_t unit_counts(const hp_kernels *k, size_t i) {
    const size_t v = k->vector_floats, list[] = {1, 3, v - 1, v, v + 1, 2 * v + 1, 7 * v - 1, 64};
    return i < sizeof list / sizeof *list ? list[i] : 0;
}

/* ---- LSTM ------------------------------------------------------------------------------------------------------- */

/* A step's operands: A, the packed B with what it was packed from, bias, c. */
static hp_lstm_step make_lstm(const hp_kernels *k, size_t rows, size_t units, size_t depth, int variant, float **w) {
    hp_lstm_step s = {.rows = rows,
        .units = units,
        .k = depth,
        .a_stride = depth + (size_t)variant % 3,
        .c_in_stride = units + (size_t)variant % 2,
        .h_stride = units + 2,
        .y_stride = units + 1,
        .activation = act_of(variant),
        .recurrent_activation = recurrent_of(variant)};
    const float scale = variant & 8 ? 1e-4F : 4;
    float *a = hp_check_random((rows - 1) * s.a_stride + depth), *bias = hp_check_random(4 * units);
    float *c = hp_check_random((rows - 1) * s.c_in_stride + units);
    float *packed = hp_check_output(k->lstm_packed_size(depth, units));
    *w = hp_check_random(depth * 4 * units);
    for (size_t i = 0; i < depth * 4 * units; i++) (*w)[i] *= scale_of(variant, i) / (float)depth;
    for (size_t i = 0; i < 4 * units; i++) bias[i] *= scale;
    for (size_t i = 0; i < (rows - 1) * s.c_in_stride + units && variant & 8; i++) c[i] *= 1e-4F;
    k->lstm_pack(packed, *w, depth, units);
    s.a = a;
    s.b = packed;
    s.bias = variant & 4 ? NULL : bias;
    s.c_in = c;
    s.c_out = c;
    s.c_out_stride = s.c_in_stride;
    s.h = hp_check_output((rows - 1) * s.h_stride + units);
    s.y = variant & 4 ? hp_check_output((rows - 1) * s.y_stride + units) : NULL;
    return s;
}

/* One unit of a row by the definition, with how far rounding may take c and h. */
static void check_unit(const hp_kernels *k, const hp_lstm_step *s, const float *w, const float *c, size_t r, size_t u) {
    double gate[4], unsure[4]; /* how far rounding may have taken it */
    for (size_t i = 0; i < 4; i++) {
        const size_t column = i * s->units + u;
        double z = s->bias ? s->bias[column] : 0, size = fabs(z);
        for (size_t j = 0; j < s->k; j++) {
            const double term = (double)s->a[r * s->a_stride + j] * w[j * 4 * s->units + column];
            z += term;
            size += fabs(term);
        }
        const hp_activation *op = i == 2 ? &s->activation : &s->recurrent_activation;
        unsure[i] = hp_check_activated(op, z, 0x1p-24 * (double)(s->k + 1) * size, &gate[i]);
    }
    const double before = c[r * s->c_in_stride + u], kept = gate[1] * before, fresh = gate[0] * gate[2];
    const double cell = kept + fresh, active = hp_reference_unary(&s->activation, cell), h = gate[3] * active;
    const double error = TOLERANCE * (fabs(kept) + fabs(fresh)) + unsure[0] * fabs(gate[2]) + unsure[1] * fabs(before) +
                         unsure[2] * (gate[0] + unsure[0]) + 1e-13;
    const double h_error = TOLERANCE * fabs(h) + unsure[3] * fabs(active) + (gate[3] + unsure[3]) * error;
    const float got_c = s->c_out[r * s->c_out_stride + u], got_h = s->h[r * s->h_stride + u];
    hp_check_that(hp_check_close(got_c, cell, error) && hp_check_close(got_h, h, h_error),
        "%s lstm_step rows %zu units %zu k %zu: c %.9g, should be %.9g; h %.9g, should be %.9g", k->isa, s->rows,
        s->units, s->k, got_c, cell, got_h, h);
}

static void check_lstm(const hp_kernels *k, size_t rows, size_t units, size_t depth, int variant) {
    float *w;
    hp_lstm_step s = make_lstm(k, rows, units, depth, variant, &w);
    const float *kept = hp_check_copy(s.c_in, (rows - 1) * s.c_in_stride + units);
    k->lstm_step(&s);
    for (size_t r = 0; r < rows; r++)
        for (size_t u = 0; u < units; u++) check_unit(k, &s, w, kept, r, u);
    bool good = hp_check_gaps(s.h, s.h_stride, rows, units);
    if (s.y) good = good && hp_check_gaps(s.y, s.y_stride, rows, units);
    if (s.y) good = good && hp_check_same(s.y, s.y_stride, s.h, s.h_stride, rows, units);
    /* Each row alone, into another c. */
    float *alone_c = hp_check_output(units), *alone_h = hp_check_output(units);
    for (size_t r = 0; r < rows; r++) {
        hp_lstm_step alone = s;
        alone.rows = 1;
        alone.a += r * s.a_stride;
        alone.c_in = kept + r * s.c_in_stride;
        alone.c_out = alone_c;
        alone.h = alone_h;
        alone.y = NULL;
        k->lstm_step(&alone);
        good = good && hp_check_same(alone.c_out, units, s.c_out + r * s.c_out_stride, units, 1, units) &&
               hp_check_same(alone.h, units, s.h + r * s.h_stride, units, 1, units);
    }
    hp_check_that(
        good, "%s lstm_step rows %zu units %zu k %zu: other bits alone, or writes beyond", k->isa, rows, units, depth);
}

void hp_check_lstm_step_kernel(const hp_kernels *k) {
    static const size_t depths[] = {1, 7, 40}, counts[] = {1, 2, 5, 6, 13, 26};
    size_t units;
    for (size_t i = 0; (units = unit_counts(k, i)) != 0; i++)
        for (int variant = 0; variant < 16; variant++) {
            hp_check_reset(variant & 1);
            check_lstm(k, counts[((size_t)variant + i) % 6], units, depths[((size_t)variant / 2 + i) % 3], variant);
        }
    hp_check_reset(0);
    check_lstm(k, 7, 5, 1700, 0); /* a sum that is cut into pieces */
    hp_check_reset(1);
    check_lstm(k, 100, 3, 1700, 4);
}
void hp_check_lstm_pack_kernel(const hp_kernels *k) {
    hp_check_lstm_step_kernel(k);
}
void hp_check_lstm_packed_size_kernel(const hp_kernels *k) {
    hp_check_that(k->lstm_packed_size(10, k->vector_floats + 1) == 80 * k->vector_floats &&
                      k->lstm_packed_size(0, 4) == 0 && k->lstm_packed_size(3, 0) == 0,
        "%s lstm_packed_size", k->isa);
}

/* ---- GRU ------------------------------------------------------------------------------------------------------- */

/* A step's operands: A, the packed B with what it was packed from, biases. */
static hp_gru_step make_gru(const hp_kernels *k, size_t rows, size_t units, size_t features, int variant, float **w) {
    const size_t depth = features + units;
    hp_gru_step s = {.rows = rows,
        .units = units,
        .features = features,
        .a_stride = depth + (size_t)variant % 3,
        .h_stride = units + 2,
        .y_stride = units + 1,
        .activation = act_of(variant),
        .recurrent_activation = recurrent_of(variant)};
    float *a = hp_check_random((rows - 1) * s.a_stride + depth), *bias = hp_check_random(6 * units);
    float *packed = hp_check_output(k->gru_packed_size(depth, units));
    *w = hp_check_random(depth * 3 * units);
    for (size_t i = 0; i < depth * 3 * units; i++) (*w)[i] *= scale_of(variant, i) / (float)depth;
    for (size_t i = 0; i < 6 * units; i++) bias[i] *= variant & 8 ? 1e-4F : 2;
    for (size_t i = 0; i < (rows - 1) * s.a_stride + depth && variant & 8; i++) a[i] *= 1e-2F;
    k->gru_pack(packed, *w, depth, units);
    s.a = a;
    s.b = packed;
    s.bias = variant & 4 ? NULL : bias;
    s.h = hp_check_output((rows - 1) * s.h_stride + units);
    s.y = variant & 4 ? hp_check_output((rows - 1) * s.y_stride + units) : NULL;
    return s;
}

/* Sum of rows [begin, end) of column `column`; *unsure: how far rounding may take it. */
static double gru_sum(const hp_gru_step *s, const float *w, size_t r, size_t column, size_t begin, size_t end,
    const float *bias, double *unsure) {
    double sum = bias ? bias[column] : 0, size = fabs(sum);
    for (size_t j = begin; j < end; j++) {
        const double term = (double)s->a[r * s->a_stride + j] * w[j * 3 * s->units + column];
        sum += term;
        size += fabs(term);
    }
    *unsure = 0x1p-24 * (double)(end - begin + 2) * size;
    return sum;
}

/* One unit of a row by the definition. */
static void check_gru_unit(const hp_kernels *k, const hp_gru_step *s, const float *w, size_t r, size_t u) {
    const size_t n = s->units, depth = s->features + n;
    const float *const x_bias = s->bias, *const h_bias = s->bias ? s->bias + 3 * n : NULL;
    double gate[2], unsure[4], error;
    for (size_t i = 0; i < 2; i++) {
        double sum = gru_sum(s, w, r, i * n + u, 0, depth, x_bias, &unsure[i]);
        if (h_bias) sum += h_bias[i * n + u], unsure[i] += 0x1p-23 * fabs((double)h_bias[i * n + u]);
        unsure[i] = hp_check_activated(&s->recurrent_activation, sum, unsure[i], &gate[i]);
    }
    const double x = gru_sum(s, w, r, 2 * n + u, 0, s->features, x_bias, &unsure[2]);
    const double inner = gru_sum(s, w, r, 2 * n + u, s->features, depth, h_bias, &unsure[3]);
    const double h_in = s->a[r * s->a_stride + s->features + u];
    double candidate, around = unsure[2] + fabs(gate[1]) * unsure[3] + fabs(inner) * unsure[1];
    around += TOLERANCE * (fabs(x) + fabs(gate[1] * inner));
    around = hp_check_activated(&s->activation, x + gate[1] * inner, around, &candidate);
    const double h = gate[0] * h_in + (1 - gate[0]) * candidate;
    error = TOLERANCE * (fabs(gate[0] * h_in) + fabs((1 - gate[0]) * candidate) + fabs(h));
    error += unsure[0] * (fabs(h_in) + fabs(candidate)) + (fabs(1 - gate[0]) + unsure[0]) * around + 1e-13;
    error += 0x1p-23 * (fabs(h_in) + fabs(candidate));
    const float got = s->h[r * s->h_stride + u];
    hp_check_that(hp_check_close(got, h, error), "%s gru_step rows %zu units %zu features %zu: h %.9g, should be %.9g",
        k->isa, s->rows, n, s->features, got, h);
}

static void check_gru(const hp_kernels *k, size_t rows, size_t units, size_t features, int variant) {
    float *w;
    hp_gru_step s = make_gru(k, rows, units, features, variant, &w);
    k->gru_step(&s);
    for (size_t r = 0; r < rows; r++)
        for (size_t u = 0; u < units; u++) check_gru_unit(k, &s, w, r, u);
    bool good = hp_check_gaps(s.h, s.h_stride, rows, units);
    if (s.y) good = good && hp_check_gaps(s.y, s.y_stride, rows, units);
    if (s.y) good = good && hp_check_same(s.y, s.y_stride, s.h, s.h_stride, rows, units);
    for (size_t count = 1; count <= 2; count++) { /* alone, and two together */
        float *few = hp_check_output(count * units);
        for (size_t r = 0; r + count <= rows; r++) {
            hp_gru_step part = s;
            part.rows = count;
            part.a += r * s.a_stride;
            part.h = few;
            part.h_stride = units;
            part.y = NULL;
            k->gru_step(&part);
            good = good && hp_check_same(few, units, s.h + r * s.h_stride, s.h_stride, count, units);
        }
    }
    hp_check_that(good, "%s gru_step rows %zu units %zu features %zu: other bits alone, or writes beyond", k->isa, rows,
        units, features);
}

void hp_check_gru_step_kernel(const hp_kernels *k) {
    static const size_t features[] = {1, 6, 40, 0}, counts[] = {1, 2, 3, 5, 6, 7, 12, 31};
    size_t units;
    for (size_t i = 0; (units = unit_counts(k, i)) != 0; i++)
        for (int variant = 0; variant < 16; variant++) {
            hp_check_reset(variant & 1);
            check_gru(k, counts[((size_t)variant + i) % 8], units, features[((size_t)variant / 2 + i) % 4], variant);
        }
}
void hp_check_gru_is_fused_kernel(const hp_kernels *k) {
    const bool fused = k->vector_floats != 8; /* of these there are 16 registers */
    hp_check_that(k->gru_is_fused(100) == fused && !k->gru_is_fused(4000), "%s gru_is_fused", k->isa);
}
void hp_bench_gru_is_fused_kernel(const hp_kernels *k) {
    (void)k;
}
void hp_check_gru_pack_kernel(const hp_kernels *k) {
    hp_check_gru_step_kernel(k);
}
void hp_check_gru_packed_size_kernel(const hp_kernels *k) {
    hp_check_that(k->gru_packed_size(10, k->vector_floats + 1) == 60 * k->vector_floats &&
                      k->gru_packed_size(0, 4) == 0 && k->gru_packed_size(3, 0) == 0,
        "%s gru_packed_size", k->isa);
}

static double update(double z, double h, double candidate) {
    return z * h + (1 - z) * candidate;
}

static void check_gates(const hp_kernels *k, size_t units, int variant, bool reset_after) {
    const size_t rows = 3, gate = units + (size_t)variant % 3, stride = 3 * gate + 1;
    const size_t size = (rows - 1) * stride + 2 * gate + units;
    float *x = hp_check_random(size), *w = reset_after ? hp_check_random(size) : NULL,
          *h = hp_check_random(rows * units);
    for (size_t i = 0; i < size; i++) x[i] *= !reset_after ? 1 : scale_of(variant, i);
    for (size_t i = 0; i < size && w && variant & 8; i++) w[i] *= 1e-4F;
    for (size_t i = 0; i < rows * units && variant & 8; i++) h[i] *= 1e-4F;
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
            double error = TOLERANCE * (fabs(kept_h[r * units + u]) + fabs(candidate) + fabs(reference));
            hp_check_that(hp_check_close(h[r * units + u], reference, error),
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
        for (int variant = 0; variant < 16; variant++)
            for (int side = 0; side < 2; side++) {
                hp_check_reset(side);
                check_gates(k, units, variant, variant & 4);
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

struct step {
    const hp_kernels *k;
    hp_lstm_step step;
};

static void run_lstm(void *context) {
    struct step *b = context;
    b->k->lstm_step(&b->step);
}
struct gru {
    const hp_kernels *k;
    hp_gru_step step;
};
static void run_gru(void *context) {
    struct gru *b = context;
    b->k->gru_step(&b->step);
}
static void run_gru_gates(void *context) {
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

void hp_bench_lstm_step_kernel(const hp_kernels *k) {
    static const size_t shapes[][2] = {{64, 74}, {32, 96}, {64, 80}, {50, 70}, {256, 512}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        hp_check_reset(0);
        float *w;
        struct step b = {k, make_lstm(k, ROWS, shapes[i][0], shapes[i][1], 0, &w)};
        char what[64];
        snprintf(what, sizeof what, "lstm_step 48 x %zu units, k %zu", shapes[i][0], shapes[i][1]);
        hp_bench_flops(k, what, 8.0 * ROWS * (double)(shapes[i][0] * shapes[i][1]), run_lstm, &b);
    }
}
void hp_bench_lstm_pack_kernel(const hp_kernels *k) {
    (void)k;
}
void hp_bench_lstm_packed_size_kernel(const hp_kernels *k) {
    (void)k;
}
void hp_bench_gru_step_kernel(const hp_kernels *k) {
    static const size_t shapes[][2] = {{48, 16}, {24, 96}, {64, 10}, {50, 50}, {8, 16}, {256, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t units = shapes[i][0], features = shapes[i][1];
        hp_check_reset(0);
        float *w;
        struct gru b = {k, make_gru(k, ROWS, units, features, 0, &w)};
        char what[64];
        snprintf(what, sizeof what, "gru_step 48 x %zu units, %zu features", units, features);
        hp_bench_flops(k, what, 6.0 * ROWS * (double)(units * (features + units)), run_gru, &b);
    }
}
void hp_bench_gru_pack_kernel(const hp_kernels *k) {
    (void)k;
}
void hp_bench_gru_packed_size_kernel(const hp_kernels *k) {
    (void)k;
}
void hp_bench_gru_gates_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "gru_gates 48 x 64 units", 4.0 * ROWS * UNITS * 8, run_gru_gates, &b);
}
void hp_bench_gru_reset_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "gru_reset 48 x 64 units", 4.0 * ROWS * UNITS * 6, run_reset, &b);
}
