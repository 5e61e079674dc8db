/* check_plane.c: depthwise_plane, against the sum written out, whole, row by row through a ring of input rows, and with
 * the outputs in the place of the inputs. */
#include "check.h"

static size_t outputs(size_t size, size_t kernel, size_t stride, size_t dilation, size_t before, size_t after) {
    return (size + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

static hp_depthwise_plane make_plane(const size_t size[2], const size_t kernel[2], size_t stride, size_t dilation,
    size_t padding, size_t channels, size_t variant) {
    hp_depthwise_plane g = {.x_stride = channels + variant % 2,
        .height = size[0],
        .width = size[1],
        .channels = channels,
        .kernel = {kernel[0], kernel[1]},
        .strides = {stride, stride},
        .dilation = {dilation, dilation},
        .padding = {kernel[0] == 1 ? 0 : padding, padding},
        .w_stride = channels + variant % 3,
        .y_stride = channels + variant % 2};
    g.x_rows = g.height;
    g.x_row_stride = g.width * g.x_stride;
    /* Behind: as much as before, or one more, as "same" has it. */
    const size_t after = padding + (stride == 2 && padding < 2);
    g.y_width = outputs(g.width, kernel[1], stride, dilation, padding, after);
    g.row_end = outputs(g.height, kernel[0], stride, dilation, g.padding[0], kernel[0] == 1 ? 0 : after);
    const size_t pixels = g.row_end * g.y_width;
    g.x = hp_check_random((g.height * g.width - 1) * g.x_stride + channels);
    g.w = hp_check_random((kernel[0] * kernel[1] - 1) * g.w_stride + channels);
    g.y = hp_check_output((pixels - 1) * g.y_stride + channels);
    g.epilogue.activation = hp_check_activation(variant);
    if (variant % 3) g.epilogue.bias = hp_check_random(channels);
    if (variant % 5 > 2) {
        g.epilogue.residual_stride = channels + 1;
        g.epilogue.residual = hp_check_random(pixels * g.epilogue.residual_stride);
    }
    return g;
}

static void check_value(const hp_kernels *k, const hp_depthwise_plane *g, size_t row, size_t column, size_t c) {
    const hp_epilogue *e = &g->epilogue;
    double sum = e->bias ? e->bias[c] : 0, magnitude = fabs(sum), y;
    for (size_t i = 0; i < g->kernel[0]; i++)
        for (size_t j = 0; j < g->kernel[1]; j++) {
            const size_t at = row * g->strides[0] + i * g->dilation[0] - g->padding[0];
            const size_t from = column * g->strides[1] + j * g->dilation[1] - g->padding[1];
            if (at >= g->height || from >= g->width) continue; /* before the image: wrapped */
            double term = (double)g->x[at * g->x_row_stride + from * g->x_stride + c] *
                          g->w[(i * g->kernel[1] + j) * g->w_stride + c];
            sum += term;
            magnitude += fabs(term);
        }
    const size_t pixel = row * g->y_width + column;
    double rest = e->residual ? e->residual[pixel * e->residual_stride + c] : 0;
    double error = 0x1p-23 * (sqrt((double)(g->kernel[0] * g->kernel[1])) + 4) * (magnitude + fabs(rest));
    double tolerance = hp_check_activated(&e->activation, sum + rest, error, &y);
    float got = g->y[pixel * g->y_stride + c];
    hp_check_that(hp_check_close(got, y, tolerance),
        "%s depthwise_plane %zux%zu of %zux%zu, stride %zu, dilation %zu, padding %zu, channels %zu: y[%zu][%zu][%zu] "
        "= "
        "%.9g, should be %.9g",
        k->isa, g->kernel[0], g->kernel[1], g->height, g->width, g->strides[1], g->dilation[1], g->padding[1],
        g->channels, row, column, c, got, y);
}

/* Row by row, from a ring that holds just the rows under the kernel. */
static void check_ring(const hp_kernels *k, const hp_depthwise_plane *whole) {
    hp_depthwise_plane g = *whole;
    const size_t reach = (g.kernel[0] - 1) * g.dilation[0] + 1, pixels = whole->row_end * g.y_width;
    const size_t row_floats = (g.width - 1) * g.x_stride + g.channels;
    g.x_rows = reach;
    g.x_row_stride = row_floats + 3;
    float *ring = hp_check_random((reach - 1) * g.x_row_stride + row_floats);
    float *y = hp_check_output((pixels - 1) * g.y_stride + g.channels);
    g.x = ring;
    size_t there = 0; /* input rows that were put into the ring */
    for (g.row_begin = 0; g.row_begin < whole->row_end; g.row_begin++) {
        const size_t first_pixel = g.row_begin * g.y_width, needed = g.row_begin * g.strides[0] + reach;
        for (; there < g.height && there + g.padding[0] < needed; there++)
            memcpy(ring + there % reach * g.x_row_stride, whole->x + there * whole->x_row_stride,
                row_floats * sizeof *ring);
        g.row_end = g.row_begin + 1;
        g.y = y + first_pixel * g.y_stride;
        if (whole->epilogue.residual)
            g.epilogue.residual = whole->epilogue.residual + first_pixel * g.epilogue.residual_stride;
        k->depthwise_plane(&g);
    }
    hp_check_that(hp_check_same(y, g.y_stride, whole->y, g.y_stride, pixels, g.channels) &&
                      hp_check_gaps(y, g.y_stride, pixels, g.channels),
        "%s depthwise_plane %zux%zu of %zux%zu, channels %zu: other bits row by row", k->isa, g.kernel[0], g.kernel[1],
        g.height, g.width, g.channels);
}

/* Outputs where the inputs were: from the first tap of the first row on. */
static void check_in_place(const hp_kernels *k, const hp_depthwise_plane *whole) {
    hp_depthwise_plane g = *whole;
    if (g.y_width < HP_PLANE_IN_PLACE || g.y_width > g.width) return;
    const size_t pixels = g.row_end * g.y_width, stride = g.channels + 3;
    g.x_first = g.padding[0];
    g.x_rows = g.height + g.padding[0];
    g.x_stride = g.y_stride = stride;
    g.x_row_stride = g.width * stride;
    float *place = hp_check_random((g.padding[1] + g.x_rows * g.width) * stride);
    float *x = place + g.padding[1] * stride;
    for (size_t row = 0; row < g.height; row++)
        for (size_t column = 0; column < g.width; column++)
            memcpy(x + ((g.x_first + row) * g.width + column) * stride,
                whole->x + row * whole->x_row_stride + column * whole->x_stride, g.channels * sizeof *x);
    g.x = x;
    g.y = place;
    k->depthwise_plane(&g);
    hp_check_that(hp_check_same(g.y, stride, whole->y, whole->y_stride, pixels, g.channels),
        "%s depthwise_plane %zux%zu of %zux%zu, stride %zu, padding %zu, channels %zu: other bits in place", k->isa,
        g.kernel[0], g.kernel[1], g.height, g.width, g.strides[1], g.padding[1], g.channels);
}

static void check_case(const hp_kernels *k, const size_t size[2], const size_t kernel[2], size_t stride,
    size_t dilation, size_t padding, size_t channels) {
    static size_t variant;
    for (size_t a = 0; a < 2; a++)
        if ((kernel[a] - 1) * dilation + 1 > size[a] + (kernel[a] == 1 ? 0 : 2 * padding)) return;
    hp_check_reset((int)++variant & 1);
    hp_depthwise_plane g = make_plane(size, kernel, stride, dilation, padding, channels, variant);
    k->depthwise_plane(&g);
    for (size_t row = 0; row < g.row_end; row++)
        for (size_t column = 0; column < g.y_width; column++)
            for (size_t c = 0; c < channels; c++) check_value(k, &g, row, column, c);
    hp_check_that(hp_check_gaps(g.y, g.y_stride, g.row_end * g.y_width, channels),
        "%s depthwise_plane %zu channels writes beyond", k->isa, channels);
    check_ring(k, &g);
    check_in_place(k, &g);
}

void hp_check_depthwise_plane_kernel(const hp_kernels *k) {
    static const size_t kernels[][2] = {{3, 3}, {5, 5}, {1, 3}, {2, 2}, {7, 7}, {3, 5}, {1, 1}};
    const size_t v = k->vector_floats, channels[] = {1, v - 1, v, 2 * v + 1, 5 * v};
    size_t turn = 0;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        for (size_t width = 1; width < 16; width++)
            for (size_t stride = 1; stride < 4; stride++)
                for (size_t padding = 0; padding < 4; padding++, turn++) {
                    const size_t size[2] = {kernels[i][0] == 1 ? 1 : 3 + turn % 5, width};
                    check_case(k, size, kernels[i], stride, 1 + (turn % 7 == 0), padding, channels[turn % 5]);
                }
    /* More rows than go together, and rows long enough for the widest groups, and of whole ones of 7. */
    for (size_t stride = 1; stride < 3; stride++) {
        for (size_t padding = 0; padding < 3; padding++) {
            check_case(k, (size_t[]){12, 21 * stride}, (size_t[]){3, 3}, stride, 1, padding, 2 * v + 3);
            check_case(k, (size_t[]){12, 28 * stride}, (size_t[]){5, 5}, stride, 1, padding, 2 * v + 3);
        }
        check_case(k, (size_t[]){29, 37}, (size_t[]){3, 3}, stride, 1, 1, 2 * v + 3);
        check_case(k, (size_t[]){21, 46}, (size_t[]){5, 5}, stride, 1, 2, 2 * v + 3);
    }
    /* More channels than are activated together. */
    check_case(k, (size_t[]){5, 70}, (size_t[]){3, 3}, 1, 1, 1, 9 * v + 3);
    check_case(k, (size_t[]){6, 40}, (size_t[]){5, 5}, 2, 1, 2, 9 * v + 3);
    check_case(k, (size_t[]){HP_PLANE_TAP_ROWS + 2, 6}, (size_t[]){HP_PLANE_TAP_ROWS, 2}, 1, 1, 1, v + 2);
}

struct bench {
    const hp_kernels *k;
    hp_depthwise_plane plane;
};

static void run_plane(void *context) {
    struct bench *b = context;
    b->k->depthwise_plane(&b->plane);
}

void hp_bench_depthwise_plane_kernel(const hp_kernels *k) {
    static const struct {
        size_t size, channels, kernel, stride;
    } cases[] = {{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 192, 3, 1}, {14, 384, 3, 1}, {7, 960, 3, 1},
        {28, 240, 5, 1}, {14, 480, 5, 1}, {56, 144, 5, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[80];
        const size_t size = cases[i].size, kernel = cases[i].kernel;
        hp_check_reset(1);
        struct bench b = {k, make_plane((size_t[]){size, size}, (size_t[]){kernel, kernel}, cases[i].stride, 1,
                                 kernel / 2, cases[i].channels, 6)};
        snprintf(what, sizeof what, "depthwise_plane %zux%zux%zu, %zux%zu, stride %zu", size, size, cases[i].channels,
            kernel, kernel, cases[i].stride);
        hp_bench_flops(k, what, 2.0 * (double)(b.plane.row_end * b.plane.y_width * kernel * kernel * b.plane.channels),
            run_plane, &b);
    }
}
