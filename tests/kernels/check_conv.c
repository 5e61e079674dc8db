/* check_conv.c: conv_packed_size, conv_pack, conv, depthwise, pool: whatever goes over windows. */
#include "check.h"

/* A 2D geometry; 1D is height 1. The same padding on all sides. */
struct geometry {
    size_t height, width, kernel_height, kernel_width, stride, dilation, padding;
};

struct windows {
    hp_window window;
    size_t positions; /* of an input image */
};

static size_t outputs(size_t size, size_t kernel, const struct geometry *g) {
    return (size + 2 * g->padding - (kernel - 1) * g->dilation - 1) / g->stride + 1;
}

static struct windows windows_of(const struct geometry *g) {
    const size_t height = outputs(g->height, g->kernel_height, g), width = outputs(g->width, g->kernel_width, g);
    struct windows w = {.positions = g->height * g->width};
    w.window.pixels = height * width;
    w.window.taps = g->kernel_height * g->kernel_width;
    w.window.axes[0] = (hp_axis){1, 1, 1, 1, 1, 0};
    w.window.axes[1] = (hp_axis){g->height, height, g->kernel_height, g->stride, g->dilation, (ptrdiff_t)g->padding};
    w.window.axes[2] = (hp_axis){g->width, width, g->kernel_width, g->stride, g->dilation, (ptrdiff_t)g->padding};
    int32_t *index = hp_check_ints(w.window.pixels * w.window.taps);
    w.window.index = index;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t i = 0; i < g->kernel_height; i++)
                for (size_t j = 0; j < g->kernel_width; j++) {
                    ptrdiff_t row = (ptrdiff_t)(y * g->stride + i * g->dilation) - (ptrdiff_t)g->padding;
                    ptrdiff_t column = (ptrdiff_t)(x * g->stride + j * g->dilation) - (ptrdiff_t)g->padding;
                    bool inside = row >= 0 && row < (ptrdiff_t)g->height && column >= 0 && column < (ptrdiff_t)g->width;
                    *index++ = inside ? (int32_t)(row * (ptrdiff_t)g->width + column) : -1;
                }
    return w;
}

static const struct geometry geometries[] = {
    {5, 7, 3, 3, 1, 1, 1},
    {6, 6, 3, 3, 2, 1, 0},
    {1, 23, 1, 5, 1, 1, 2},
    {1, 19, 1, 3, 1, 4, 4},
    {9, 8, 3, 2, 2, 2, 1},
    {3, 3, 1, 1, 2, 1, 0},
    {4, 5, 7, 7, 1, 1, 4},
    {8, 8, 2, 2, 2, 1, 0},
};
#define GEOMETRIES (sizeof geometries / sizeof *geometries)

/* ---- conv ------------------------------------------------------------------------------------------------------- */

struct convolution {
    hp_conv g;
    float *w;
    size_t rows;
};

static struct convolution make_conv(
    const hp_kernels *k, const struct windows *w, size_t images, size_t channels, size_t n, size_t variant) {
    const size_t taps = w->window.taps, size = taps * channels;
    struct convolution c = {.rows = images * w->window.pixels};
    /* A group of the channels: the stride is larger than what is read. */
    c.g = (hp_conv){.window = w->window,
        .x_stride = channels + variant % 3,
        .channels = channels,
        .n = n,
        .y_stride = n + variant % 2,
        .row_end = c.rows,
        .column_end = n};
    c.g.x_image_stride = w->positions * c.g.x_stride;
    c.g.x = hp_check_random(images * c.g.x_image_stride - variant % 3);
    c.g.zeros = hp_check_zeros(channels);
    c.w = hp_check_random(size * n);
    const size_t runs = k->conv_runs(&w->window, channels);
    float *packed = hp_check_output(k->conv_packed_size(runs, size, n));
    k->conv_pack(packed, c.w, n, 1, runs, size, n);
    c.g.w = packed;
    c.g.epilogue.activation = hp_check_activation(variant);
    if (variant % 2) c.g.epilogue.bias = hp_check_random(n);
    if (variant % 5 > 2) {
        c.g.epilogue.residual = hp_check_random(c.rows * c.g.y_stride);
        c.g.epilogue.residual_stride = c.g.y_stride;
    }
    c.g.y = hp_check_output((c.rows - 1) * c.g.y_stride + n);
    return c;
}

static void check_conv_values(const hp_kernels *k, const struct convolution *c) {
    const hp_conv *g = &c->g;
    const hp_epilogue *e = &g->epilogue;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t j = 0; j < g->n; j++) {
            double sum = e->bias ? e->bias[j] : 0, magnitude = fabs(sum), y;
            for (size_t t = 0; t < g->window.taps; t++) {
                int32_t position = g->window.index[r % g->window.pixels * g->window.taps + t];
                if (position < 0) continue;
                const float *x = g->x + r / g->window.pixels * g->x_image_stride + (size_t)position * g->x_stride;
                for (size_t i = 0; i < g->channels; i++) {
                    double term = (double)x[i] * c->w[(t * g->channels + i) * g->n + j];
                    sum += term;
                    magnitude += fabs(term);
                }
            }
            double rest = e->residual ? e->residual[r * g->y_stride + j] : 0;
            double error = 0x1p-23 * (sqrt((double)(g->window.taps * g->channels)) + 4) * (magnitude + fabs(rest));
            double tolerance = hp_check_activated(&e->activation, sum + rest, error, &y);
            hp_check_that(hp_check_close(g->y[r * g->y_stride + j], y, tolerance),
                "%s conv taps %zu channels %zu n %zu: y[%zu][%zu] = %.9g, should be %.9g", k->isa, g->window.taps,
                g->channels, g->n, r, j, g->y[r * g->y_stride + j], y);
        }
    hp_check_that(hp_check_gaps(g->y, g->y_stride, c->rows, g->n), "%s conv n %zu writes beyond", k->isa, g->n);
}

static void check_conv_splits(const hp_kernels *k, const struct convolution *c) {
    for (size_t part = 1; part < 40; part += 5) {
        hp_conv g = c->g;
        const float *residual = g.epilogue.residual;
        float *y = hp_check_output((c->rows - 1) * g.y_stride + g.n);
        for (g.row_begin = 0; g.row_begin < c->rows; g.row_begin = g.row_end) {
            g.row_end = g.row_begin + part < c->rows ? g.row_begin + part : c->rows;
            g.y = y + g.row_begin * g.y_stride;
            if (residual) g.epilogue.residual = residual + g.row_begin * g.epilogue.residual_stride;
            for (g.column_begin = 0; g.column_begin < g.n; g.column_begin = g.column_end) {
                g.column_end = g.column_begin + k->gemm_nr < g.n ? g.column_begin + k->gemm_nr : g.n;
                k->conv(&g);
            }
        }
        hp_check_that(hp_check_same(y, g.y_stride, c->g.y, g.y_stride, c->rows, g.n),
            "%s conv channels %zu n %zu: other bits in parts of %zu", k->isa, g.channels, g.n, part);
    }
}

static void check_conv_shape(
    const hp_kernels *k, const struct geometry *geometry, size_t images, size_t channels, size_t n) {
    static size_t variant;
    for (int side = 0; side < 2; side++) {
        hp_check_reset(side);
        struct windows w = windows_of(geometry);
        struct convolution c = make_conv(k, &w, images, channels, n, variant++);
        k->conv(&c.g);
        check_conv_values(k, &c);
        if (side) check_conv_splits(k, &c);
    }
}

void hp_check_conv_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats, nr = k->gemm_nr;
    const size_t ns[] = {1, 3, v - 1, v, v + 1, nr, nr + 1, 2 * nr + v + 1};
    const size_t channels[] = {1, 3, 4, 5, v + 1};
    for (size_t i = 0; i < GEOMETRIES; i++)
        for (size_t j = 0; j < sizeof ns / sizeof *ns; j++)
            for (size_t l = 0; l < sizeof channels / sizeof *channels; l++)
                check_conv_shape(k, &geometries[i], 1 + l % 3, channels[l], ns[j]);
    /* Narrow columns, alone and beside panels. */
    for (size_t columns = 1; columns < 5; columns++)
        for (size_t i = 0; i < GEOMETRIES; i++) {
            check_conv_shape(k, &geometries[i], 3, 2 * v + columns - 2, columns);
            check_conv_shape(k, &geometries[i], 2, v, nr + v + columns);
        }
    check_conv_shape(k, &(struct geometry){12, 11, 7, 7, 1, 1, 3}, 2, 67, v + 1);
    check_conv_shape(k, &(struct geometry){12, 11, 7, 7, 1, 1, 3}, 2, 5, v + 2);
    /* Few channels: lines so long that they are read in place, in parts through the slab, and by the one row of a pixel. */
    check_conv_shape(k, &(struct geometry){4, 210, 3, 3, 2, 1, 1}, 2, 3, v + 1);
    check_conv_shape(k, &(struct geometry){9, 110, 7, 7, 1, 1, 3}, 1, 20, nr + 1);
    check_conv_shape(k, &(struct geometry){2, 205, 2, 5, 1, 1, 4}, 2, 2, 2 * v);
    /* Large images, whose next lines, or what follows in long ones, are asked for ahead. */
    check_conv_shape(k, &(struct geometry){26, 110, 3, 3, 1, 1, 1}, 2, 12, v + 1);
    check_conv_shape(k, &(struct geometry){4, 900, 2, 3, 3, 1, 2}, 1, 11, 2 * v);
    /* Sums in several pieces; more taps than pointers are kept for. */
    check_conv_shape(k, &(struct geometry){5, 5, 3, 3, 1, 1, 1}, 5, 130, nr + 1);
    check_conv_shape(k, &(struct geometry){4, 4, 3, 3, 1, 1, 1}, 2, 700, v);
    check_conv_shape(k, &(struct geometry){1, 160, 1, 150, 1, 1, 3}, 2, 5, nr + 1);
    check_conv_shape(k, &(struct geometry){1, 160, 1, 150, 1, 1, 3}, 1, 9, v);
    check_conv_shape(k, &(struct geometry){1, 900, 1, 890, 1, 1, 0}, 2, 1, nr + 1);
    check_conv_shape(k, &(struct geometry){1, 3000, 1, 2990, 1, 1, 1}, 2, 1, v + 1);
}

void hp_check_conv_packed_size_kernel(const hp_kernels *k) {
    for (size_t n = 0; n < 200; n++)
        hp_check_that(k->conv_packed_size(3, 27, n) >= 27 * n, "%s conv_packed_size(3, 27, %zu)", k->isa, n);
}

/* Runs divide the taps, and are longer than a tap only where they lie side by side. */
void hp_check_conv_runs_kernel(const hp_kernels *k) {
    for (size_t i = 0; i < GEOMETRIES; i++)
        for (size_t channels = 1; channels < 200; channels += 9) {
            hp_check_reset(0);
            struct windows w = windows_of(&geometries[i]);
            const size_t taps = w.window.taps, runs = k->conv_runs(&w.window, channels);
            hp_check_that(runs >= 1 && taps % runs == 0 && (runs == taps || geometries[i].dilation == 1),
                "%s conv_runs: %zu of %zu taps", k->isa, runs, taps);
            w.window.axes[2].output = 0;
            hp_check_that(k->conv_runs(&w.window, channels) == taps, "%s conv_runs of unknown axes", k->isa);
        }
}

void hp_check_conv_pack_kernel(const hp_kernels *k) {
    for (size_t n = 1; n <= 2 * k->gemm_nr + 1; n++)
        for (int side = 0; side < 2; side++) {
            hp_check_reset(side);
            const size_t rows = n % 3 ? 6 : 4 * k->vector_floats + 6, size = k->conv_packed_size(2, rows, n);
            float *w = hp_check_random(rows * n), *packed = hp_check_output(size);
            k->conv_pack(packed, w, n, 1, 2, rows, n);
            bool written = true;
            for (size_t i = 0; i < size; i++) written = written && !hp_check_untouched(packed[i]);
            hp_check_that(written, "%s conv_pack n %zu leaves a hole", k->isa, n);
        }
}

/* ---- depthwise -------------------------------------------------------------------------------------------------- */

static hp_depthwise make_depthwise(
    const struct windows *w, size_t images, size_t channels, size_t multiplier, size_t variant) {
    const size_t n = channels * multiplier, rows = images * w->window.pixels;
    hp_depthwise g = {.window = w->window,
        .x_stride = channels + variant % 2,
        .channels = channels,
        .multiplier = multiplier,
        .w_stride = n + variant % 3,
        .y_stride = n + variant % 2,
        .row_end = rows};
    g.x_image_stride = w->positions * g.x_stride;
    g.x = hp_check_random(images * g.x_image_stride - variant % 2);
    g.zeros = hp_check_zeros(channels);
    g.w = hp_check_random(g.window.taps * g.w_stride - variant % 3);
    g.epilogue.activation = hp_check_activation(variant);
    if (variant % 3) g.epilogue.bias = hp_check_random(n);
    if (variant % 5 > 2) {
        g.epilogue.residual = hp_check_random(rows * g.y_stride);
        g.epilogue.residual_stride = g.y_stride;
    }
    g.y = hp_check_output((rows - 1) * g.y_stride + n);
    return g;
}

static void check_depthwise_values(const hp_kernels *k, const hp_depthwise *g) {
    const size_t n = g->channels * g->multiplier;
    const hp_epilogue *e = &g->epilogue;
    for (size_t r = 0; r < g->row_end; r++)
        for (size_t j = 0; j < n; j++) {
            double sum = e->bias ? e->bias[j] : 0, magnitude = fabs(sum), y;
            for (size_t t = 0; t < g->window.taps; t++) {
                int32_t position = g->window.index[r % g->window.pixels * g->window.taps + t];
                if (position < 0) continue;
                const float *x = g->x + r / g->window.pixels * g->x_image_stride + (size_t)position * g->x_stride;
                double term = (double)x[j / g->multiplier] * g->w[t * g->w_stride + j];
                sum += term;
                magnitude += fabs(term);
            }
            double rest = e->residual ? e->residual[r * g->y_stride + j] : 0;
            double error = 0x1p-23 * (sqrt((double)g->window.taps) + 4) * (magnitude + fabs(rest));
            double tolerance = hp_check_activated(&e->activation, sum + rest, error, &y);
            hp_check_that(hp_check_close(g->y[r * g->y_stride + j], y, tolerance),
                "%s depthwise taps %zu channels %zu x %zu: y[%zu][%zu] = %.9g, should be %.9g", k->isa, g->window.taps,
                g->channels, g->multiplier, r, j, g->y[r * g->y_stride + j], y);
        }
    hp_check_that(hp_check_gaps(g->y, g->y_stride, g->row_end, n), "%s depthwise %zu writes beyond", k->isa, n);
}

static void check_depthwise_splits(const hp_kernels *k, const hp_depthwise *whole) {
    const size_t n = whole->channels * whole->multiplier, rows = whole->row_end;
    for (size_t part = 1; part < 7; part++) {
        hp_depthwise g = *whole;
        g.y = hp_check_output((rows - 1) * g.y_stride + n);
        for (g.row_begin = 0; g.row_begin < rows; g.row_begin = g.row_end) {
            g.row_end = g.row_begin + part < rows ? g.row_begin + part : rows;
            k->depthwise(&g);
        }
        hp_check_that(hp_check_same(g.y, g.y_stride, whole->y, g.y_stride, rows, n),
            "%s depthwise channels %zu: other bits in parts of %zu", k->isa, g.channels, part);
    }
}

void hp_check_depthwise_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats;
    const size_t channels[] = {1, 2, v - 1, v, v + 1, 2 * v, 4 * v, 5 * v + 3};
    size_t variant = 0;
    for (size_t i = 0; i <= GEOMETRIES; i++)
        for (size_t l = 0; l < sizeof channels / sizeof *channels; l++)
            for (size_t multiplier = 1; multiplier < 4; multiplier++, variant++) {
                static const struct geometry large = {1, 80, 1, 70, 1, 1, 3}; /* more taps than pointers at once */
                hp_check_reset((int)variant & 1);
                struct windows w = windows_of(i < GEOMETRIES ? &geometries[i] : &large);
                hp_depthwise g = make_depthwise(&w, 1 + i % 2, channels[l], multiplier, variant);
                k->depthwise(&g);
                check_depthwise_values(k, &g);
                check_depthwise_splits(k, &g);
            }
}

/* ---- pool ------------------------------------------------------------------------------------------------------- */

static double pool_reference(const hp_pool *g, size_t row, size_t channel) {
    double sum = 0, best = -0x1.fffffep127;
    size_t count = 0;
    for (size_t t = 0; t < g->window.taps; t++) {
        int32_t position = g->window.index[row % g->window.pixels * g->window.taps + t];
        if (position < 0 && !g->zeros) continue;
        const size_t at = row / g->window.pixels * g->x_image_stride + (size_t)position * g->x_stride + channel;
        double x = position < 0 ? 0 : g->x[at];
        sum += x;
        if (x > best) best = x;
        count++;
    }
    return g->mode == HP_POOL_MAX ? best : count ? sum / (double)count : 0;
}

static void check_pool_case(const hp_kernels *k, hp_pool g, size_t images) {
    const size_t rows = images * g.window.pixels;
    float *whole = hp_check_output((rows - 1) * g.y_stride + g.channels), *parts = NULL;
    g.y = whole;
    g.row_end = rows;
    k->pool(&g);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < g.channels; c++) {
            double y;
            double tolerance = hp_check_activated(&g.activation, pool_reference(&g, r, c), 1e-5, &y);
            hp_check_that(hp_check_close(whole[r * g.y_stride + c], y, tolerance),
                "%s pool %d taps %zu channels %zu: y[%zu][%zu] = %.9g, should be %.9g", k->isa, (int)g.mode,
                g.window.taps, g.channels, r, c, whole[r * g.y_stride + c], y);
        }
    parts = g.y = hp_check_output((rows - 1) * g.y_stride + g.channels);
    for (g.row_begin = 0; g.row_begin < rows; g.row_begin++) {
        g.row_end = g.row_begin + 1;
        k->pool(&g);
    }
    hp_check_that(hp_check_gaps(whole, g.y_stride, rows, g.channels) &&
                      hp_check_same(whole, g.y_stride, parts, g.y_stride, rows, g.channels),
        "%s pool channels %zu: other bits row by row, or writes beyond", k->isa, g.channels);
}

void hp_check_pool_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats, channels[] = {1, 3, v - 1, v, v + 1, 4 * v, 4 * v + 1, 5 * v + 2};
    size_t variant = 0;
    for (size_t i = 0; i < GEOMETRIES; i++)
        for (size_t l = 0; l < sizeof channels / sizeof *channels; l++)
            for (int mode = 0; mode < 2; mode++, variant++) {
                const size_t images = 1 + i % 2;
                hp_check_reset((int)variant & 1);
                struct windows w = windows_of(&geometries[i]);
                hp_pool g = {.mode = mode ? HP_POOL_AVERAGE : HP_POOL_MAX,
                    .zeros = variant / 2 % 2,
                    .window = w.window,
                    .x_stride = channels[l] + 1,
                    .channels = channels[l],
                    .y_stride = channels[l] + l % 2,
                    .activation = hp_check_activation(variant / 4)};
                g.x_image_stride = w.positions * g.x_stride;
                float *x = hp_check_random(images * g.x_image_stride - 1);
                g.x = x;
                x[0] = mode ? INFINITY : NAN; /* a maximum passes it over */
                check_pool_case(k, g, images);
            }
}

/* ---- benchmarks ------------------------------------------------------------------------------------------------- */

struct bench {
    const hp_kernels *k;
    struct convolution conv;
    hp_depthwise depthwise;
    hp_pool pool;
};

static void run_conv(void *context) {
    struct bench *b = context;
    b->k->conv(&b->conv.g);
}
static void run_depthwise(void *context) {
    struct bench *b = context;
    b->k->depthwise(&b->depthwise);
}
static void run_pool(void *context) {
    struct bench *b = context;
    b->k->pool(&b->pool);
}

void hp_bench_conv_kernel(const hp_kernels *k) {
    static const struct {
        struct geometry g;
        size_t images, channels, n;
    } cases[] = {
        {{56, 56, 3, 3, 1, 1, 1}, 1, 64, 64},
        {{28, 28, 3, 3, 1, 1, 1}, 1, 128, 128},
        {{14, 14, 3, 3, 1, 1, 1}, 2, 256, 256},
        {{7, 7, 3, 3, 1, 1, 1}, 4, 512, 512},
        {{26, 26, 3, 3, 1, 1, 0}, 2, 32, 64},
        {{28, 28, 3, 3, 1, 1, 0}, 2, 1, 32},
        {{112, 112, 7, 7, 2, 1, 3}, 1, 3, 64},
        {{112, 112, 7, 7, 2, 1, 3}, 1, 1, 64},
        {{112, 112, 7, 7, 2, 1, 3}, 1, 3, 16},
        {{28, 28, 3, 3, 1, 1, 1}, 2, 1, 32},
        {{224, 224, 3, 3, 2, 1, 1}, 1, 3, 32},
        {{56, 56, 3, 3, 1, 1, 1}, 1, 16, 32},
        {{56, 56, 3, 3, 2, 1, 1}, 2, 128, 128},
        {{56, 56, 1, 1, 2, 1, 0}, 2, 256, 512},
        {{17, 17, 1, 7, 1, 1, 0}, 4, 160, 192},
        {{1, 256, 1, 7, 1, 1, 0}, 4, 8, 32},
        {{32, 32, 3, 3, 1, 1, 1}, 4, 32, 3},
        {{33, 29, 5, 3, 1, 1, 0}, 4, 5, 17},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[80];
        hp_check_reset(1);
        struct windows w = windows_of(&cases[i].g);
        struct bench b = {.k = k, .conv = make_conv(k, &w, cases[i].images, cases[i].channels, cases[i].n, 30)};
        const hp_conv *g = &b.conv.g;
        snprintf(what, sizeof what, "conv %zux%zux%zu -> %zu, %zux%zu, stride %zu, padding %zu", cases[i].g.height,
            cases[i].g.width, g->channels, g->n, cases[i].g.kernel_height, cases[i].g.kernel_width, cases[i].g.stride,
            cases[i].g.padding);
        hp_bench_flops(k, what, 2.0 * (double)(b.conv.rows * g->window.taps * g->channels * g->n), run_conv, &b);
    }
}

void hp_bench_conv_pack_kernel(const hp_kernels *k) {
    hp_bench_gemm_pack_kernel(k);
} /* the same code */
void hp_bench_conv_packed_size_kernel(const hp_kernels *k) {
    (void)k;
} /* a formula */
void hp_bench_conv_runs_kernel(const hp_kernels *k) {
    (void)k;
} /* a formula */

void hp_bench_depthwise_kernel(const hp_kernels *k) {
    static const size_t channels[] = {32, 96, 144, 384};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        char what[80];
        hp_check_reset(1);
        struct windows w = windows_of(&(struct geometry){14, 14, 3, 3, 1, 1, 1});
        struct bench b = {.k = k, .depthwise = make_depthwise(&w, 1, channels[i], 1, 6)};
        snprintf(what, sizeof what, "depthwise 14x14x%zu, 3x3", channels[i]);
        hp_bench_flops(k, what, 2.0 * 196 * 9 * (double)channels[i], run_depthwise, &b);
    }
}

void hp_bench_pool_kernel(const hp_kernels *k) {
    for (int mode = 0; mode < 2; mode++) {
        hp_check_reset(1);
        struct windows w = windows_of(&(struct geometry){24, 24, 2, 2, 2, 1, 0});
        struct bench b = {.k = k,
            .pool = {.mode = mode ? HP_POOL_AVERAGE : HP_POOL_MAX,
                .window = w.window,
                .x_stride = 64,
                .channels = 64,
                .y_stride = 64,
                .row_end = 144}};
        b.pool.x = hp_check_random(576 * 64);
        b.pool.y = hp_check_output(144 * 64);
        hp_bench_bytes(k, mode ? "pool average 24x24x64, 2x2" : "pool max 24x24x64, 2x2", 4.0 * 720 * 64, run_pool, &b);
    }
}
