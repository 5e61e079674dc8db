/* conv, depthwise and conv_transpose against naive loops in double precision written from the definitions. */
#include "prims/linear.h"
#include "unit/prim_runner.h"

enum { TANH = 1, BIAS = 2, RESIDUAL = 4, COARSE = 8 }; /* COARSE: larger errors are let pass */

typedef struct layer {
    int spatial;
    int64_t input[3], kernel[3];
    int64_t channels, filters; /* depthwise: filters is the multiplier */
    hp_conv_params params;     /* spatial is filled in */
    int extras;
    int64_t batch; /* images per row; 0: 1 */
} layer;

/* The same with three spatial axes, leading ones 1. */
typedef struct flat {
    int64_t in[3], out[3], k[3], s[3], d[3], before[3];
} flat;

static flat flatten(const layer *l, bool transposed) {
    flat f;
    for (int i = 0; i < 3; i++) f.in[i] = f.out[i] = f.k[i] = f.s[i] = f.d[i] = 1, f.before[i] = 0;
    for (int i = 0, j = 3 - l->spatial; i < l->spatial; i++, j++) {
        f.in[j] = l->input[i], f.k[j] = l->kernel[i];
        f.s[j] = l->params.strides[i], f.d[j] = l->params.dilation[i], f.before[j] = l->params.pad_before[i];
        int64_t extent = (f.k[j] - 1) * f.d[j] + 1, both = f.before[j] + l->params.pad_after[i];
        f.out[j] = transposed ? (f.in[j] - 1) * f.s[j] + extent - both : (f.in[j] + both - extent) / f.s[j] + 1;
    }
    return f;
}

static size_t at3(const int64_t *dims, int64_t a, int64_t b, int64_t c) {
    return (size_t)((a * dims[1] + b) * dims[2] + c);
}

static bool inside(const int64_t *dims, const int64_t *p) {
    for (int i = 0; i < 3; i++)
        if (p[i] < 0 || p[i] >= dims[i]) return false;
    return true;
}

#define EACH(i, dims)                                                                                                  \
    for (int64_t i##0 = 0; i##0 < (dims)[0]; i##0 ++)                                                                  \
        for (int64_t i##1 = 0; i##1 < (dims)[1]; i##1 ++)                                                              \
            for (int64_t i##2 = 0; i##2 < (dims)[2]; i##2 ++)

/* One image; y[out][filters]. The meaning of w: conv [k][channels / groups][filters]; depthwise [k][channels][mult]. */
static void naive_conv(const flat *f, int64_t channels, int64_t filters, int64_t groups, bool depthwise, const float *x,
    const float *w, double *y) {
    int64_t per_group = channels / groups, multiplier = filters / groups;
    EACH(o, f->out) {
        for (int64_t n = 0; n < filters; n++) {
            double sum = 0;
            int64_t group = n / multiplier;
            EACH(t, f->k) {
                int64_t p[3] = {o0 * f->s[0] + t0 * f->d[0] - f->before[0], o1 * f->s[1] + t1 * f->d[1] - f->before[1],
                    o2 * f->s[2] + t2 * f->d[2] - f->before[2]};
                if (!inside(f->in, p)) continue;
                const float *xs = x + at3(f->in, p[0], p[1], p[2]) * (size_t)channels + group * per_group;
                const float *ws = w + at3(f->k, t0, t1, t2) * (size_t)(per_group * filters);
                for (int64_t c = 0; c < per_group; c++)
                    sum += (double)xs[c] * (double)ws[depthwise ? n : c * filters + n];
            }
            y[at3(f->out, o0, o1, o2) * (size_t)filters + (size_t)n] = sum;
        }
    }
}

/* Scatters: w[k][filters][channels]. */
static void naive_transpose(
    const flat *f, int64_t channels, int64_t filters, const float *x, const float *w, double *y) {
    for (size_t i = 0; i < at3(f->out, f->out[0], 0, 0) * (size_t)filters; i++) y[i] = 0;
    EACH(i, f->in) {
        EACH(t, f->k) {
            int64_t p[3] = {i0 * f->s[0] + t0 * f->d[0] - f->before[0], i1 * f->s[1] + t1 * f->d[1] - f->before[1],
                i2 * f->s[2] + t2 * f->d[2] - f->before[2]};
            if (!inside(f->out, p)) continue;
            const float *xs = x + at3(f->in, i0, i1, i2) * (size_t)channels;
            const float *ws = w + at3(f->k, t0, t1, t2) * (size_t)(filters * channels);
            double *ys = y + at3(f->out, p[0], p[1], p[2]) * (size_t)filters;
            for (int64_t n = 0; n < filters; n++)
                for (int64_t c = 0; c < channels; c++) ys[n] += (double)xs[c] * (double)ws[n * channels + c];
        }
    }
}

static void finish(const layer *l, double *y, size_t pixels, size_t filters, const float *bias, const float *residual) {
    for (size_t i = 0; i < pixels * filters; i++) {
        if (l->extras & BIAS) y[i] += (double)bias[i % filters];
        if (l->extras & RESIDUAL) y[i] += (double)residual[i];
        if (l->extras & TANH) y[i] = tanh(y[i]);
    }
}

typedef enum kind { CONV, DEPTHWISE, TRANSPOSE } kind;

static hp_value emit(runner *r, const layer *l, kind which, hp_value x, hp_value w, hp_value bias, hp_value residual) {
    static const hp_prim *const prims[] = {&hp_prim_conv, &hp_prim_depthwise, &hp_prim_conv_transpose};
    hp_linear_params params = {.conv = l->params};
    params.conv.spatial = l->spatial;
    if (which == CONV && !params.conv.groups) params.conv.groups = 1;
    if (l->extras & TANH) params.activation.op = HP_UNARY_TANH;
    hp_value inputs[4] = {x, w, bias, residual}, y;
    hp_emit_node(&r->b, prims[which], &params, sizeof params, inputs, 4, &y, 1);
    return y;
}

static void run_layer(const hp_kernels *kernels, const layer *l, kind which) {
    enum { ROWS = 5 };
    runner r;
    runner_start(&r, kernels);
    int rank = l->spatial + 2;
    int64_t batch = l->batch ? l->batch : 1, groups = l->params.groups ? l->params.groups : 1;
    int64_t filters = which == DEPTHWISE ? l->filters * l->channels : l->filters;
    flat f = flatten(l, which == TRANSPOSE);
    int64_t xd[5] = {batch}, wd[5], yd[5] = {batch};
    for (int i = 0; i < l->spatial; i++)
        xd[1 + i] = l->input[i], wd[i] = l->kernel[i], yd[1 + i] = f.out[3 - l->spatial + i];
    xd[rank - 1] = l->channels, yd[rank - 1] = filters;
    wd[rank - 2] = which == TRANSPOSE ? l->filters : l->channels / (which == CONV ? groups : 1);
    wd[rank - 1] = which == TRANSPOSE ? l->channels : l->filters;
    float *w, *bias, *x, *residual;
    hp_value xv = runner_input(&r, HP_FLOAT32, rank, xd), rv = runner_input(&r, HP_FLOAT32, rank, yd);
    hp_value wv = runner_random(&r, rank, wd, 1, &w), bv = runner_random(&r, 1, (int64_t[]){filters}, 2, &bias);
    hp_value y =
        emit(&r, l, which, xv, wv, l->extras & BIAS ? bv : HP_NO_VALUE, l->extras & RESIDUAL ? rv : HP_NO_VALUE);
    runner_check(&r);
    hp_tensor expected = r.graph.values[rv].tensor;
    assert_true(hp_shape_equal(hp_builder_shape(&r.b, y), &expected.shape));
    size_t in = runner_bytes(&r, xv, 1) / sizeof(float) / (size_t)batch;
    size_t out = runner_bytes(&r, y, 1) / sizeof(float) / (size_t)batch, images = (size_t)(ROWS * batch);
    x = random_floats(in * images, 3);
    residual = random_floats(out * images, 4);
    float *got = runner_run_all_ways(&r, (const void *[]){x, residual}, ROWS, y);
    double *wanted = malloc(out * images * sizeof *wanted);
    for (size_t i = 0; i < images; i++) {
        if (which == TRANSPOSE)
            naive_transpose(&f, l->channels, filters, x + i * in, w, wanted + i * out);
        else
            naive_conv(&f, l->channels, filters, which == DEPTHWISE ? l->channels : groups, which == DEPTHWISE,
                x + i * in, w, wanted + i * out);
    }
    finish(l, wanted, out * images / (size_t)filters, (size_t)filters, bias, residual);
    assert_close(got, wanted, out * images, l->extras & COARSE ? 1e-4 : 3e-5);
    free(w), free(bias), free(x), free(residual), free(got), free(wanted);
    runner_end(&r);
}

#define ONES                                                                                                           \
    { 1, 1, 1 }

static void conv_cases(const hp_kernels *kernels) {
    static const layer cases[] = {
        {2, {7, 9}, {3, 3}, 5, 17, {.strides = ONES, .dilation = ONES}, 0, 0},
        {2, {7, 9}, {3, 3}, 3, 70, {.strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
        {2, {11, 8}, {7, 7}, 3, 16, {.strides = {2, 2}, .dilation = ONES, .pad_before = {3, 2}, .pad_after = {3, 3}}, 3,
            0},
        {2, {6, 5}, {1, 1}, 19, 33, {.strides = ONES, .dilation = ONES}, 7, 2},
        {2, {6, 5}, {1, 1}, 19, 33, {.strides = {2, 2}, .dilation = ONES}, 1, 0},
        {2, {6, 5}, {1, 1}, 4, 3, {.strides = ONES, .dilation = ONES, .pad_before = {1, 0}, .pad_after = {0, 2}}, 2, 0},
        {2, {13, 10}, {3, 2}, 6, 8, {.strides = ONES, .dilation = {2, 3}, .pad_before = {2, 0}}, 2, 0},
        {2, {8, 8}, {3, 3}, 12, 18,
            {.groups = 3, .strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
        {2, {8, 8}, {3, 3}, 9, 18,
            {.groups = 9, .strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
        {2, {8, 8}, {1, 1}, 8, 64, {.groups = 2, .strides = ONES, .dilation = ONES}, 3, 0},
        {1, {23}, {5}, 4, 37, {.strides = {3}, .dilation = ONES, .pad_before = {4}}, 7, 3},
        {1, {1}, {1}, 1, 1, {.strides = ONES, .dilation = ONES}, 0, 0},
        {3, {5, 4, 6}, {3, 2, 3}, 2, 9,
            {.strides = {1, 2, 1}, .dilation = ONES, .pad_before = {1, 0, 1}, .pad_after = ONES}, 7, 0},
        {2, {20, 20}, {3, 3}, 32, 64, {.strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_layer(kernels, &cases[i], CONV);
}

/* Shapes that go through tiles of fewer multiplications. */
static void winograd_cases(const hp_kernels *kernels) {
    static const layer cases[] = {
        {2, {13, 9}, {3, 3}, 17, 70, {.strides = ONES, .dilation = ONES}, 7, 0},
        {2, {14, 11}, {3, 3}, 20, 24, {.strides = ONES, .dilation = {2, 3}, .pad_before = {2, 3}, .pad_after = {2, 3}},
            7, 2},
        {2, {13, 12}, {3, 3}, 48, 36,
            {.groups = 3, .strides = ONES, .dilation = ONES, .pad_before = {0, 2}, .pad_after = {1, 0}}, 7, 0},
        {2, {11, 12}, {5, 5}, 18, 33, {.strides = ONES, .dilation = ONES, .pad_before = {2, 1}, .pad_after = {2, 3}}, 3,
            0},
        {2, {12, 5}, {7, 1}, 16, 65, {.strides = ONES, .dilation = ONES, .pad_before = {3}, .pad_after = {3}}, 7, 0},
        {2, {5, 14}, {1, 3}, 16, 24, {.strides = ONES, .dilation = {1, 4}, .pad_before = {0, 4}, .pad_after = {0, 4}},
            2, 0},
        {1, {50}, {5}, 19, 37, {.strides = ONES, .dilation = ONES, .pad_before = {4}}, 7, 3},
        {1, {50}, {3}, 64, 64, {.strides = ONES, .dilation = {16}, .pad_before = {32}}, 3, 0},
        {3, {4, 9, 8}, {1, 3, 3}, 16, 20,
            {.strides = ONES, .dilation = ONES, .pad_before = {0, 1, 1}, .pad_after = {0, 1, 1}}, 7, 0},
        {3, {4, 9, 8}, {3, 3, 3}, 13, 20, {.strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7,
            2},
        {3, {5, 9, 11}, {2, 3, 3}, 24, 16,
            {.groups = 2, .strides = ONES, .dilation = {1, 2, 1}, .pad_before = {1, 0, 1}, .pad_after = {0, 2, 1}}, 3,
            0},
        /* Few channels at stride 2: windows over all edges, images in depth, one tile. Its points are far apart. */
        {2, {31, 70}, {7, 7}, 3, 70, {.strides = {2, 2}, .dilation = ONES, .pad_before = {3, 3}, .pad_after = {3, 3}},
            7 | COARSE, 0},
        {2, {14, 13}, {7, 7}, 4, 64, {.strides = {2, 2}, .dilation = ONES, .pad_before = {2, 0}, .pad_after = {3, 1}},
            3 | COARSE, 2},
        {3, {3, 21, 17}, {1, 7, 7}, 2, 100,
            {.strides = {1, 2, 2}, .dilation = ONES, .pad_before = {0, 3, 3}, .pad_after = {0, 3, 3}}, 7 | COARSE, 0},
        {2, {13, 13}, {7, 7}, 3, 64, {.strides = {2, 2}, .dilation = ONES}, 3 | COARSE, 0},
        /* Weights so large that each run transforms them. */
        {2, {4, 3}, {3, 3}, 24, 5000, {.strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_layer(kernels, &cases[i], CONV);
}

static void test_winograd(void **state) {
    (void)state;
    runner_each_isa(winograd_cases);
}

static void depthwise_cases(const hp_kernels *kernels) {
    static const layer cases[] = {
        {2, {7, 9}, {3, 3}, 5, 1, {.strides = ONES, .dilation = ONES}, 0, 0},
        {2, {7, 9}, {3, 3}, 40, 1, {.strides = {2, 2}, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
        {2, {8, 6}, {5, 3}, 6, 3, {.strides = ONES, .dilation = {1, 2}, .pad_before = {2, 1}, .pad_after = {2, 3}}, 7,
            2},
        {1, {31}, {4}, 33, 2, {.strides = {2}, .dilation = ONES, .pad_before = {1}, .pad_after = {2}}, 3, 0},
        {2, {14, 14}, {3, 3}, 96, 1, {.strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_layer(kernels, &cases[i], DEPTHWISE);
}

static void transpose_cases(const hp_kernels *kernels) {
    static const layer cases[] = {
        {2, {5, 6}, {3, 3}, 4, 7, {.strides = ONES, .dilation = ONES}, 0, 0},
        {2, {5, 6}, {3, 3}, 4, 7, {.strides = {2, 2}, .dilation = ONES, .pad_before = {0, 1}, .pad_after = {1, 0}}, 7,
            2},
        {2, {5, 4}, {4, 4}, 9, 40, {.strides = {2, 2}, .dilation = ONES, .pad_before = ONES, .pad_after = ONES}, 7, 0},
        {2, {4, 3}, {2, 1}, 3, 5, {.strides = {3, 4}, .dilation = ONES, .pad_after = {-1, -3}}, 7,
            0}, /* untouched pixels */
        {2, {4, 5}, {3, 2}, 3, 5, {.strides = {1, 2}, .dilation = {2, 3}, .pad_before = {1, 0}, .pad_after = {2, -1}},
            2, 0},
        {1, {9}, {5}, 6, 11, {.strides = {3}, .dilation = ONES, .pad_before = {1}, .pad_after = {1}}, 7, 2},
        /* Several lines of a phase at once, in slices and images; lines so long that they are done in place. */
        {2, {14, 9}, {3, 3}, 40, 21, {.strides = {2, 2}, .dilation = ONES, .pad_after = ONES}, 3, 2},
        {3, {3, 7, 5}, {2, 3, 4}, 5, 6, {.strides = {2, 3, 2}, .dilation = ONES, .pad_before = {0, 1, 0}}, 2, 0},
        {2, {3, 60}, {2, 5}, 6, 5, {.strides = {2, 2}, .dilation = ONES}, 7, 0},
        {1, {1}, {3}, 2, 3, {.strides = {5}, .dilation = ONES, .pad_after = {-2}}, 2, 0},
        {3, {3, 2, 4}, {3, 3, 2}, 3, 6,
            {.strides = {2, 1, 2}, .dilation = ONES, .pad_before = {1, 1, 0}, .pad_after = {0, 1, 0}}, 7, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_layer(kernels, &cases[i], TRANSPOSE);
}

static void test_conv(void **state) {
    (void)state;
    runner_each_isa(conv_cases);
}

static void test_depthwise(void **state) {
    (void)state;
    runner_each_isa(depthwise_cases);
}

static void test_conv_transpose(void **state) {
    (void)state;
    runner_each_isa(transpose_cases);
}

/* A kernel that nodes compute is packed when the node runs. */
static void computed_kernel(const hp_kernels *kernels) {
    runner r;
    runner_start(&r, kernels);
    hp_conv_params params = {.spatial = 2, .groups = 2, .strides = ONES, .dilation = ONES};
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 5, 5, 4});
    float *w;
    hp_value wv = runner_random(&r, 4, (int64_t[]){3, 3, 2, 6}, 1, &w);
    hp_value one = hp_emit_floats(&r.b, 1, (int64_t[]){1}, (float[]){1});
    hp_value plain = hp_emit_conv(&r.b, x, wv, HP_NO_VALUE, &params);
    hp_value computed = hp_emit_conv(&r.b, x, hp_emit_binary(&r.b, HP_BINARY_MULTIPLY, wv, one), HP_NO_VALUE, &params);
    float *data = random_floats(7 * 100, 3);
    float *a = runner_run_all_ways(&r, (const void *[]){data}, 7, plain);
    float *b = runner_run_all_ways(&r, (const void *[]){data}, 7, computed);
    assert_memory_equal(a, b, runner_bytes(&r, plain, 7));
    free(w), free(data), free(a), free(b);
    runner_end(&r);
}

static void test_computed_kernel(void **state) {
    (void)state;
    runner_each_isa(computed_kernel);
}

static void refuse(kind which, const layer *l, hp_status status, const char *text) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, l->input[0], l->input[1], l->channels});
    hp_value w = runner_random(&r, 4, (int64_t[]){l->kernel[0], l->kernel[1], 4, l->filters}, 1, NULL);
    assert_int_equal(emit(&r, l, which, x, w, HP_NO_VALUE, HP_NO_VALUE), HP_NO_VALUE);
    assert_int_equal(r.b.status, status);
    if (!strstr(r.b.error.message, text)) fail_msg("message \"%s\" lacks \"%s\"", r.b.error.message, text);
    runner_end(&r);
}

static void test_refuses(void **state) {
    (void)state;
    layer l = {2, {2, 9}, {3, 3}, 4, 8, {.strides = ONES, .dilation = ONES}, 0, 0};
    refuse(CONV, &l, HP_ERROR_SHAPE, "a window of 3 (dilation 1) does not fit into spatial axis 0");
    l.input[0] = 9;
    l.channels = 5;
    refuse(CONV, &l, HP_ERROR_SHAPE, "the kernel takes 4 channels per group; the input has 5 in 1 groups");
    refuse(DEPTHWISE, &l, HP_ERROR_SHAPE, "does not fit an input of shape (rows, 9, 9, 5)");
    refuse(TRANSPOSE, &l, HP_ERROR_SHAPE, "does not fit an input");
    l.params.groups = 3;
    refuse(CONV, &l, HP_ERROR_SHAPE, "cannot be split into 3 groups");
    l.params.groups = 1;
    l.channels = 4;
    l.params.strides[1] = 0;
    refuse(CONV, &l, HP_ERROR_UNSUPPORTED, "stride 0");
}

/* Layers of one geometry share one table. */
/* Nothing comes of nothing, but of a transposed convolution: what its windows reach is the bias. */
static void test_empty_axis(void **state) {
    (void)state;
    enum { ROWS = 2, WIDE = 3, FILTERS = 5 };
    for (int wide = 0; wide < 2; wide++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        r.b.wide = wide;
        float *given, dummy = 0;
        hp_value x = runner_input(&r, wide ? HP_FLOAT64 : HP_FLOAT32, 4, (int64_t[]){1, 0, WIDE, 2});
        hp_value kernel = runner_random(&r, 4, (int64_t[]){3, 3, 2, FILTERS}, 1, NULL);
        hp_value spread = runner_random(&r, 4, (int64_t[]){3, 3, FILTERS, 2}, 1, NULL);
        hp_value bias = runner_random(&r, 1, (int64_t[]){FILTERS}, 2, &given);
        hp_conv_params same = {.spatial = 2,
            .groups = 1,
            .strides = {1, 1},
            .dilation = {1, 1},
            .pad_before = {1, 1},
            .pad_after = {1, 1}};
        hp_shape none = {4, true, {1, 0, WIDE, FILTERS}};
        assert_true(hp_shape_equal(hp_builder_shape(&r.b, hp_emit_conv(&r.b, x, kernel, bias, &same)), &none));
        hp_conv_params whole = {.spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}};
        hp_value y = hp_emit_conv_transpose(&r.b, x, spread, bias, &whole);
        assert_true(hp_shape_equal(hp_builder_shape(&r.b, y), &(hp_shape){4, true, {1, 2, WIDE + 2, FILTERS}}));
        y = hp_emit_cast(&r.b, y, HP_FLOAT32);
        float *got = runner_run(&r, (const void *const[]){&dummy}, ROWS, 0, 0, y);
        for (int i = 0; i < ROWS * 2 * (WIDE + 2) * FILTERS; i++) assert_true(got[i] == given[i % FILTERS]);
        assert_int_equal(hp_emit_conv(&r.b, x, kernel, bias, &whole), HP_NO_VALUE);
        assert_int_equal(r.b.status, HP_ERROR_SHAPE);
        free(got);
        free(given);
        runner_end(&r);
    }
}

static void test_shared_window(void **state) {
    (void)state;
    size_t bytes[2];
    for (int layers = 1; layers <= 2; layers++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        hp_conv_params params = {
            .spatial = 2, .groups = 1, .strides = ONES, .dilation = ONES, .pad_before = ONES, .pad_after = ONES};
        hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 5, 5, 4});
        hp_value w = runner_random(&r, 4, (int64_t[]){3, 3, 4, 4}, 1, NULL);
        for (int i = 0; i < layers; i++) x = hp_emit_conv(&r.b, x, w, HP_NO_VALUE, &params);
        float *data = random_floats(100, 3);
        free(runner_run(&r, (const void *[]){data}, 1, 0, 0, x));
        bytes[layers - 1] = hp_constants_bytes(r.constants);
        free(data);
        runner_end(&r);
    }
    assert_int_equal(bytes[0], bytes[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_computed_kernel),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_empty_axis),
        cmocka_unit_test(test_shared_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
