/* conv_double.c: the primitive `conv_double`: convolutions of float64, plain, per channel and transposed, as conv.c,
 * depthwise.c and conv_transpose.c have them in float32. Correctness counts here, not speed.
 *
 * Every output pixel gathers what it needs: taps in their order, channels within. */
#include "prims/conv_double.h"

#include "base/dtype.h"
#include "prims/prim.h"
#include "prims/window.h"

typedef struct conv_state {
    hp_conv_double_kind kind;
    hp_geometry geometry;
    hp_images x;
    size_t filters, groups;
} conv_state;

static hp_status make_geometry(
    const hp_conv_double_params *p, const hp_shape *x, const hp_shape *w, hp_geometry *geometry, hp_error *error) {
    const hp_conv_params *c = &p->conv;
    char found[128], text[128];
    HP_FAIL_IF(w->rank != c->spatial + 2 || w->rows || x->rank != w->rank, error, HP_ERROR_SHAPE, NULL,
        "a convolution of shape %s by a kernel of shape %s", hp_shape_text(x, text, sizeof text),
        hp_shape_text(w, found, sizeof found));
    int64_t channels = x->dims[x->rank - 1], next = w->dims[w->rank - 2], last = w->dims[w->rank - 1];
    bool plain = p->kind == HP_CONV_DOUBLE_PLAIN, turned = p->kind == HP_CONV_DOUBLE_TRANSPOSED;
    int64_t groups = plain ? c->groups : 1;
    bool fits = groups >= 1 && channels % groups == 0 && last % groups == 0 &&
                (plain       ? next * groups
                    : turned ? last
                             : next) == channels;
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL,
        "a kernel of shape %s does not fit an input of shape %s in %lld groups", hp_shape_text(w, found, sizeof found),
        hp_shape_text(x, text, sizeof text), (long long)groups);
    if (turned)
        return hp_geometry_make_transposed("conv_transpose", x, c->spatial, w->dims, c->strides, c->dilation,
            c->pad_before, c->pad_after, geometry, error);
    return hp_geometry_make(
        "conv", x, c->spatial, w->dims, c->strides, c->dilation, c->pad_before, c->pad_after, geometry, error);
}

static int64_t filters_of(hp_conv_double_kind kind, const hp_shape *w) {
    int64_t next = w->dims[w->rank - 2], last = w->dims[w->rank - 1];
    return kind == HP_CONV_DOUBLE_PLAIN ? last : kind == HP_CONV_DOUBLE_TRANSPOSED ? next : next * last;
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_conv_double_params *p = params;
    hp_geometry geometry;
    HP_FAIL_IF(input_count != 2 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "conv_double with %d inputs",
        input_count);
    HP_FAIL_IF(inputs[0].dtype != HP_FLOAT64 || inputs[1].dtype != HP_FLOAT64, error, HP_ERROR_UNSUPPORTED, NULL,
        "a convolution of %s by %s is not supported", hp_dtype_name(inputs[0].dtype), hp_dtype_name(inputs[1].dtype));
    HP_TRY(make_geometry(p, &inputs[0].shape, &inputs[1].shape, &geometry, error));
    int64_t filters = filters_of((hp_conv_double_kind)p->kind, &inputs[1].shape);
    outputs[0] = (hp_tensor){HP_FLOAT64, hp_geometry_output(&geometry, &inputs[0].shape, filters)};
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_conv_double_params *p = prepare->node->params;
    const hp_shape *x = &prepare->graph->values[prepare->node->inputs[0]].tensor.shape;
    const hp_shape *w = &prepare->graph->values[prepare->node->inputs[1]].tensor.shape;
    hp_geometry geometry;
    HP_TRY(make_geometry(p, x, w, &geometry, error));
    conv_state *s = HP_NEW(conv_state);
    HP_ALLOCATED(s, error);
    s->kind = (hp_conv_double_kind)p->kind;
    s->geometry = geometry;
    s->x = hp_images_of(x);
    s->filters = (size_t)filters_of(s->kind, w);
    s->groups = s->kind == HP_CONV_DOUBLE_PLAIN ? (size_t)p->conv.groups : 1;
    *state = s;
    return HP_OK;
}

/* The input position that an output position reads through a tap along one axis; -1: none. */
static int64_t position(const conv_state *s, int axis, int64_t output, int64_t tap) {
    const hp_geometry *g = &s->geometry;
    int64_t at;
    if (s->kind == HP_CONV_DOUBLE_TRANSPOSED) {
        at = output + g->pad_before[axis] - tap * g->dilation[axis];
        if (at < 0 || at % g->strides[axis] != 0) return -1;
        at /= g->strides[axis];
    } else {
        at = output * g->strides[axis] - g->pad_before[axis] + tap * g->dilation[axis];
    }
    return at >= 0 && at < g->input[axis] ? at : -1;
}

/* What one tap adds to a pixel's filters. */
static void add_tap(const conv_state *s, const double *x, const double *w, double *y) {
    size_t channels = s->x.channels, filters = s->filters;
    if (s->kind == HP_CONV_DOUBLE_DEPTHWISE) {
        size_t multiplier = filters / (channels ? channels : 1);
        for (size_t c = 0; c < channels; c++)
            for (size_t m = 0; m < multiplier; m++) y[c * multiplier + m] += x[c] * w[c * multiplier + m];
    } else if (s->kind == HP_CONV_DOUBLE_TRANSPOSED) {
        for (size_t f = 0; f < filters; f++)
            for (size_t c = 0; c < channels; c++) y[f] += x[c] * w[f * channels + c];
    } else {
        size_t each = channels / s->groups, made = filters / s->groups;
        for (size_t c = 0; c < each; c++)
            for (size_t f = 0; f < filters; f++) y[f] += x[f / made * each + c] * w[c * filters + f];
    }
}

static void run_pixel(const conv_state *s, const double *x, const double *w, const int64_t *pixel, double *y) {
    const hp_geometry *g = &s->geometry;
    size_t tap_size = s->kind == HP_CONV_DOUBLE_DEPTHWISE ? s->filters : s->x.channels / s->groups * s->filters;
    for (size_t f = 0; f < s->filters; f++) y[f] = 0;
    for (int64_t a = 0; a < g->kernel[0]; a++)
        for (int64_t b = 0; b < g->kernel[1]; b++)
            for (int64_t c = 0; c < g->kernel[2]; c++, w += tap_size) {
                int64_t i = position(s, 0, pixel[0], a), j = position(s, 1, pixel[1], b);
                int64_t k = position(s, 2, pixel[2], c);
                if (i < 0 || j < 0 || k < 0) continue;
                add_tap(s, x + (size_t)((i * g->input[1] + j) * g->input[2] + k) * s->x.channels, w, y);
            }
}

static int64_t range(const void *state, int64_t rows) {
    const conv_state *s = state;
    size_t pixels = s->x.images * (s->x.rows ? (size_t)rows : 1) * hp_geometry_pixels(&s->geometry);
    return pixels ? (int64_t)pixels : 1;
}

static hp_status run_conv(const void *state, const hp_run *run) {
    const conv_state *s = state;
    const hp_geometry *g = &s->geometry;
    int64_t pixels = (int64_t)hp_geometry_pixels(g);
    int64_t all = (int64_t)s->x.images * (s->x.rows ? run->rows : 1) * pixels;
    for (int64_t at = run->begin; at < run->end && at < all; at++) {
        int64_t p = at % pixels;
        int64_t pixel[HP_MAX_SPATIAL] = {
            p / g->output[2] / g->output[1], p / g->output[2] % g->output[1], p % g->output[2]};
        run_pixel(s, (const double *)run->inputs[0] + (size_t)(at / pixels) * s->x.positions * s->x.channels,
            run->inputs[1], pixel, (double *)run->outputs[0] + (size_t)at * s->filters);
    }
    return HP_OK;
}

const hp_prim hp_prim_conv_double = {
    .name = "conv_double", .infer = infer, .prepare = prepare, .release = hp_free, .range = range, .run = run_conv};
