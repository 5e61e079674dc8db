/* resize_taps.c: see resize_taps.h. Positions and weights are computed in float where TensorFlow does, so that both
 * agree on which pixel is the nearest. */
#include "prims/resize_taps.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static int64_t bound(int64_t i, int64_t n) {
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void put(hp_taps *taps, int64_t out, int64_t index, float weight) {
    int64_t at = out * taps->most + taps->count[out]++;
    taps->index[at] = (int32_t)index;
    taps->weight[at] = weight;
}

static void nearest(hp_taps *taps, int64_t in, int64_t out) {
    float scale = (float)in / (float)out;
    for (int64_t i = 0; i < out; i++) put(taps, i, bound((int64_t)floorf(((float)i + 0.5F) * scale), in), 1);
}

static void bilinear(hp_taps *taps, int64_t in, int64_t out) {
    float scale = (float)in / (float)out;
    for (int64_t i = 0; i < out; i++) {
        float at = ((float)i + 0.5F) * scale - 0.5F, below = floorf(at), part = at - below;
        put(taps, i, bound((int64_t)below, in), 1 - part);
        put(taps, i, bound((int64_t)ceilf(at), in), part);
    }
}

/* Divides an output position's weights by their sum, as TensorFlow: times its reciprocal. */
static void make_sum_one(hp_taps *taps, int64_t i) {
    float *weight = taps->weight + i * taps->most, sum = 0;
    for (int t = 0; t < taps->count[i]; t++) sum += weight[t];
    if (fabsf(sum) < 1000 * FLT_MIN) return;
    for (int t = 0; t < taps->count[i]; t++) weight[t] *= 1 / sum;
}

static float keys_cubic(float x) {
    if (x >= 2) return 0;
    if (x >= 1) return ((-0.5F * x + 2.5F) * x - 4) * x + 2;
    return ((1.5F * x - 2.5F) * x) * x + 1;
}

/* The same, in double and then rounded, as in resize_bicubic's table: at x, or `beyond` one more. */
static float keys_cubic_in_table(float x, bool beyond) {
    const double a = -0.5;
    if (!beyond) return (float)(((a + 2) * x - (a + 3)) * x * x + 1);
    x += 1;
    return (float)(((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
}

/* resize_bicubic rounds the position to 1/1024 of a pixel, and leaves out what is outside the image. */
static void bicubic(hp_taps *taps, int64_t in, int64_t out) {
    const float steps = 1024;
    float scale = (float)in / (float)out;
    for (int64_t i = 0; i < out; i++) {
        float at = ((float)i + 0.5F) * scale - 0.5F;
        int64_t first = (int64_t)floorf(at);
        float part = (float)lrintf((at - (float)first) * steps) / steps;
        for (int64_t t = -1; t <= 2; t++)
            if (first + t >= 0 && first + t < in)
                put(taps, i, first + t, keys_cubic_in_table(t <= 0 ? part : 1 - part, t == -1 || t == 2));
        make_sum_one(taps, i);
    }
}

static void area(hp_taps *taps, int64_t in, int64_t out) {
    float scale = (float)in / (float)out;
    for (int64_t i = 0; i < out; i++) {
        float from = (float)i * scale, to = (float)(i + 1) * scale;
        for (int64_t v = (int64_t)floorf(from); v < (int64_t)ceilf(to); v++) {
            float left = (float)v > from ? (float)v : from, right = (float)(v + 1) < to ? (float)(v + 1) : to;
            put(taps, i, bound(v, in), (right - left) / scale);
        }
    }
}

static float lanczos(float x, float radius) {
    const float pi = 3.14159265358979323846F;
    if (x > radius) return 0;
    if (x <= 1e-3F) return 1;
    return radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x);
}

/* With B = C = 1/3. */
static float mitchell_cubic(float x) {
    if (x >= 2) return 0;
    if (x >= 1) return (((-7.0F / 18) * x + 2) * x - 10.0F / 3) * x + 16.0F / 9;
    return (((7.0F / 6) * x - 2) * x) * x + 8.0F / 9;
}

/* A third of the radius is the deviation. */
static float gaussian(float x, float radius) {
    float sigma = radius / 3;
    return x >= radius ? 0 : (float)exp(-x * x / (2.0 * sigma * sigma));
}

typedef struct filter {
    hp_resize_method method;
    float radius, scale; /* the kernel is stretched by `scale` */
} filter;

static float filter_at(const filter *f, float x) {
    switch (f->method) {
    case HP_RESIZE_BICUBIC:
        return keys_cubic(x);
    case HP_RESIZE_BILINEAR:
        return x < 1 ? 1 - x : 0;
    case HP_RESIZE_GAUSSIAN:
        return gaussian(x, f->radius);
    case HP_RESIZE_MITCHELLCUBIC:
        return mitchell_cubic(x);
    default:
        return lanczos(x, f->radius);
    }
}

static float inverse_scale(int64_t in, int64_t out) {
    float scale = (float)out / (float)in;
    return (float)(1.0 / scale);
}

static filter make_filter(hp_resize_method method, bool antialias, int64_t in, int64_t out) {
    float inverse = inverse_scale(in, out);
    filter f = {.method = method, .scale = antialias && inverse > 1 ? inverse : 1};
    f.radius = method == HP_RESIZE_LANCZOS5                                       ? 5
               : method == HP_RESIZE_LANCZOS3                                     ? 3
               : method == HP_RESIZE_GAUSSIAN                                     ? 1.5F
               : method == HP_RESIZE_BICUBIC || method == HP_RESIZE_MITCHELLCUBIC ? 2
                                                                                  : 1;
    return f;
}

static void scale_and_translate(hp_taps *taps, const filter *f, int64_t in, int64_t out) {
    float inverse = inverse_scale(in, out);
    for (int64_t i = 0; i < out; i++) {
        float at = ((float)i + 0.5F) * inverse, reach = f->radius * f->scale;
        if (at < 0 || at > (float)in) continue;
        int64_t first = bound((int64_t)ceilf(at - reach - 0.5F), in);
        int64_t last = bound((int64_t)floorf(at + reach - 0.5F), in);
        for (int64_t v = first; v <= last; v++)
            put(taps, i, v, filter_at(f, fabsf(((float)v + 0.5F - at) * (1 / f->scale))));
        make_sum_one(taps, i);
    }
}

hp_status hp_taps_make(
    hp_taps *taps, hp_resize_method method, bool antialias, int64_t in, int64_t out, hp_error *error) {
    bool filters = method == HP_RESIZE_LANCZOS3 || method == HP_RESIZE_LANCZOS5 || method == HP_RESIZE_GAUSSIAN ||
                   method == HP_RESIZE_MITCHELLCUBIC ||
                   (antialias && (method == HP_RESIZE_BILINEAR || method == HP_RESIZE_BICUBIC));
    filter f = make_filter(method, antialias, in, out);
    int64_t most = method == HP_RESIZE_NEAREST ? 1 : method == HP_RESIZE_BILINEAR ? 2 : 4;
    if (method == HP_RESIZE_AREA) most = in / out + 3;
    if (filters) most = 2 * (int64_t)ceilf(f.radius * f.scale) + 2;
    size_t cells;
    bool fits = hp_size_mul((size_t)out, (size_t)most, &cells);
    *taps = (hp_taps){.most = most};
    taps->count = hp_alloc_array((size_t)out, sizeof *taps->count);
    taps->index = fits ? hp_alloc_array(cells, sizeof *taps->index) : NULL;
    taps->weight = fits ? hp_alloc_array(cells, sizeof *taps->weight) : NULL;
    if (!taps->count || !taps->index || !taps->weight) {
        hp_taps_release(taps);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    if (filters)
        scale_and_translate(taps, &f, in, out);
    else if (method == HP_RESIZE_NEAREST)
        nearest(taps, in, out);
    else if (method == HP_RESIZE_BILINEAR)
        bilinear(taps, in, out);
    else if (method == HP_RESIZE_BICUBIC)
        bicubic(taps, in, out);
    else
        area(taps, in, out);
    return HP_OK;
}

void hp_taps_release(hp_taps *taps) {
    free(taps->count);
    free(taps->index);
    free(taps->weight);
    *taps = (hp_taps){0};
}
