/* window.c: see window.h. */
#include "prims/window.h"

#include <string.h>

/* Sizes, strides and paddings are below this, so that products of two never overflow. */
static const int64_t limit = INT32_MAX;

hp_images hp_images_of(const hp_shape *shape) {
    return (hp_images){.rows = shape->rows,
        .images = (size_t)shape->dims[0],
        .positions = (size_t)hp_shape_product(shape, 1, shape->rank - 1),
        .channels = (size_t)shape->dims[shape->rank - 1]};
}

static hp_status check_axis(const char *name, int axis, int64_t input, int64_t kernel, int64_t stride, int64_t dilation,
    int64_t before, int64_t after, hp_error *error) {
    HP_FAIL_IF(kernel < 1 || stride < 1 || dilation < 1, error, HP_ERROR_UNSUPPORTED, NULL,
        "%s: spatial axis %d has window %lld, stride %lld, dilation %lld; all must be at least 1", name, axis,
        (long long)kernel, (long long)stride, (long long)dilation);
    HP_FAIL_IF(input > limit || kernel > limit || stride > limit || dilation > limit || before > limit ||
                   after > limit || before < -limit || after < -limit,
        error, HP_ERROR_UNSUPPORTED, NULL, "%s: spatial axis %d: sizes beyond %lld are not supported", name, axis,
        (long long)limit);
    return HP_OK;
}

/* Rank and tables: products of sizes that are below `limit` each. */
static hp_status check_tables(const char *name, const hp_geometry *g, hp_error *error) {
    int64_t positions = 1, pixels = 1, taps = 1;
    bool fits = true;
    for (int i = 0; i < HP_MAX_SPATIAL; i++) {
        fits = fits && g->output[i] <= limit;
        positions *= g->input[i];
        pixels *= fits ? g->output[i] : 1;
        taps *= g->kernel[i];
        fits = fits && positions <= limit && pixels <= limit && taps <= limit;
        if (!fits) break;
    }
    HP_FAIL_IF(!fits || pixels * taps > limit, error, HP_ERROR_UNSUPPORTED, NULL,
        "%s: images of more than %lld positions (or that many pixels times taps) are not supported", name,
        (long long)limit);
    return HP_OK;
}

static void plain_axis(hp_geometry *g, int i) {
    g->input[i] = g->output[i] = g->kernel[i] = g->strides[i] = g->dilation[i] = 1;
    g->pad_before[i] = 0;
}

static hp_status make(const char *name, const hp_shape *x, int spatial, const int64_t *kernel, const int64_t *strides,
    const int64_t *dilation, const int64_t *before, const int64_t *after, bool transposed, hp_geometry *g,
    hp_error *error) {
    char text[128];
    HP_FAIL_IF(spatial < 1 || spatial > HP_MAX_SPATIAL, error, HP_ERROR_UNSUPPORTED, NULL,
        "%s: %d spatial axes; expected 1 to %d", name, spatial, HP_MAX_SPATIAL);
    HP_FAIL_IF(x->rank != spatial + 2, error, HP_ERROR_SHAPE, NULL, "%s: the input has shape %s; expected %d axes",
        name, hp_shape_text(x, text, sizeof text), spatial + 2);
    memset(g, 0, sizeof *g);
    /* The last axes are the kernel's last: leading ones are the plain ones. */
    int skip = HP_MAX_SPATIAL - spatial;
    for (int i = 0; i < skip; i++) plain_axis(g, i);
    for (int i = 0; i < spatial; i++) {
        int64_t input = x->dims[1 + i];
        HP_TRY(check_axis(name, i, input, kernel[i], strides[i], dilation[i], before[i], after[i], error));
        int64_t extent = (kernel[i] - 1) * dilation[i] + 1, output;
        if (transposed)
            output = (input - 1) * strides[i] + extent - before[i] - after[i];
        else
            output = (input + before[i] + after[i] - extent) / strides[i] + 1;
        bool fits = transposed ? input > 0 && output > 0
                               : input > 0 && before[i] >= 0 && after[i] >= 0 && input + before[i] + after[i] >= extent;
        HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL,
            "%s: a window of %lld (dilation %lld) does not fit into spatial axis %d of an input of shape %s", name,
            (long long)kernel[i], (long long)dilation[i], i, hp_shape_text(x, text, sizeof text));
        g->input[skip + i] = input;
        g->output[skip + i] = output;
        g->kernel[skip + i] = kernel[i];
        g->strides[skip + i] = strides[i];
        g->dilation[skip + i] = dilation[i];
        g->pad_before[skip + i] = before[i];
    }
    return check_tables(name, g, error);
}

hp_status hp_geometry_make(const char *name, const hp_shape *x, int spatial, const int64_t *kernel,
    const int64_t *strides, const int64_t *dilation, const int64_t *pad_before, const int64_t *pad_after,
    hp_geometry *geometry, hp_error *error) {
    return make(name, x, spatial, kernel, strides, dilation, pad_before, pad_after, false, geometry, error);
}

hp_status hp_geometry_make_transposed(const char *name, const hp_shape *x, int spatial, const int64_t *kernel,
    const int64_t *strides, const int64_t *dilation, const int64_t *cut_before, const int64_t *cut_after,
    hp_geometry *geometry, hp_error *error) {
    return make(name, x, spatial, kernel, strides, dilation, cut_before, cut_after, true, geometry, error);
}

hp_shape hp_geometry_output(const hp_geometry *geometry, const hp_shape *x, int64_t channels) {
    hp_shape y = *x;
    int spatial = x->rank - 2;
    for (int i = 0; i < spatial; i++) y.dims[1 + i] = geometry->output[HP_MAX_SPATIAL - spatial + i];
    y.dims[x->rank - 1] = channels;
    return y;
}

size_t hp_geometry_pixels(const hp_geometry *g) {
    return (size_t)(g->output[0] * g->output[1] * g->output[2]);
}

size_t hp_geometry_taps(const hp_geometry *g) {
    return (size_t)(g->kernel[0] * g->kernel[1] * g->kernel[2]);
}

bool hp_geometry_is_pointwise(const hp_geometry *g) {
    for (int i = 0; i < HP_MAX_SPATIAL; i++)
        if (g->kernel[i] != 1 || g->strides[i] != 1 || g->pad_before[i] != 0 || g->output[i] != g->input[i])
            return false;
    return true;
}

bool hp_geometry_is_plane(const hp_geometry *g) {
    return g->input[0] == 1 && g->kernel[0] == 1 && g->output[0] == 1;
}

void hp_plane_args(const hp_geometry *g, size_t channels, hp_depthwise_plane *args) {
    *args = (hp_depthwise_plane){.x_stride = channels,
        .x_row_stride = (size_t)g->input[2] * channels,
        .x_rows = (size_t)g->input[1],
        .height = (size_t)g->input[1],
        .width = (size_t)g->input[2],
        .channels = channels,
        .kernel = {(size_t)g->kernel[1], (size_t)g->kernel[2]},
        .strides = {(size_t)g->strides[1], (size_t)g->strides[2]},
        .dilation = {(size_t)g->dilation[1], (size_t)g->dilation[2]},
        .padding = {(size_t)g->pad_before[1], (size_t)g->pad_before[2]},
        .w_stride = channels,
        .y_stride = channels,
        .y_width = (size_t)g->output[2]};
}

/* The input position of a tap along one axis; -1: padding. */
static int64_t tap_position(const hp_geometry *g, int axis, int64_t pixel, int64_t tap) {
    int64_t position = pixel * g->strides[axis] - g->pad_before[axis] + tap * g->dilation[axis];
    return position >= 0 && position < g->input[axis] ? position : -1;
}

/* The taps of one output pixel. */
static int32_t *fill_pixel(const hp_geometry *g, const int64_t *pixel, int32_t *index) {
    for (int64_t a = 0; a < g->kernel[0]; a++) {
        int64_t i = tap_position(g, 0, pixel[0], a);
        for (int64_t b = 0; b < g->kernel[1]; b++) {
            int64_t j = tap_position(g, 1, pixel[1], b);
            for (int64_t c = 0; c < g->kernel[2]; c++) {
                int64_t k = tap_position(g, 2, pixel[2], c);
                bool inside = i >= 0 && j >= 0 && k >= 0;
                *index++ = inside ? (int32_t)((i * g->input[1] + j) * g->input[2] + k) : -1;
            }
        }
    }
    return index;
}

static hp_status fill_window(void *context, void *data, size_t bytes, hp_error *error) {
    const hp_geometry *g = context;
    int32_t *index = data;
    (void)bytes;
    (void)error;
    int64_t pixel[HP_MAX_SPATIAL];
    for (pixel[0] = 0; pixel[0] < g->output[0]; pixel[0]++)
        for (pixel[1] = 0; pixel[1] < g->output[1]; pixel[1]++)
            for (pixel[2] = 0; pixel[2] < g->output[2]; pixel[2]++) index = fill_pixel(g, pixel, index);
    return HP_OK;
}

hp_status hp_window_get(hp_constants *constants, const hp_geometry *geometry, hp_window *window, hp_error *error) {
    struct {
        char name[16];
        hp_geometry geometry;
    } key = {"window", *geometry};
    hp_geometry copy = *geometry;
    const void *data = NULL;
    *window = (hp_window){.pixels = hp_geometry_pixels(geometry), .taps = hp_geometry_taps(geometry)};
    for (int i = 0; i < HP_MAX_SPATIAL; i++)
        window->axes[i] = (hp_axis){.input = (size_t)geometry->input[i],
            .output = (size_t)geometry->output[i],
            .taps = (size_t)geometry->kernel[i],
            .stride = (size_t)geometry->strides[i],
            .dilation = (size_t)geometry->dilation[i],
            .pad = (ptrdiff_t)geometry->pad_before[i]};
    HP_TRY(hp_constants_get(constants, &key, sizeof key, window->pixels * window->taps * sizeof(int32_t), fill_window,
        &copy, &data, error));
    window->index = data;
    return HP_OK;
}

static hp_status fill_zeros(void *context, void *data, size_t bytes, hp_error *error) {
    (void)context;
    (void)error;
    memset(data, 0, bytes);
    return HP_OK;
}

hp_status hp_zeros_get(hp_constants *constants, size_t count, const float **zeros, hp_error *error) {
    struct {
        char name[16];
        uint64_t count;
    } key = {"zeros", count};
    const void *data = NULL;
    HP_TRY(hp_constants_get(
        constants, &key, sizeof key, (count ? count : 1) * sizeof(float), fill_zeros, NULL, &data, error));
    *zeros = data;
    return HP_OK;
}
