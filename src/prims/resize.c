/* resize.c: the primitive `resize`: images [batch, height, width, channels] to another size. See builder.h,
 * hp_emit_resize.
 *
 * Each output row is the weighted sum of some input rows (into the workspace), then each of its pixels the weighted
 * sum of some of that row's. A bilinear resize goes across first: an input row at the output's width is kept in the
 * workspace, for the next output row to use. A nearest resize moves pixels by their bytes, in any dtype. All add up in
 * the order of TensorFlow's kernels, so that integers cut off after it are the same. */
#include <stdlib.h>

#include "base/dtype.h"
#include "prims/bytes.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/resize_taps.h"

enum { FEW = 8 }; /* channels */

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_resize_params *p = params;
    char text[160];
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "resize with %d inputs", input_count);
    const hp_shape *x = &inputs[0].shape;
    HP_FAIL_IF(x->rank != 4 || p->height < 1 || p->width < 1 || p->height > INT32_MAX || p->width > INT32_MAX ||
                   x->dims[1] < 1 || x->dims[2] < 1 || x->dims[1] > INT32_MAX || x->dims[2] > INT32_MAX,
        error, HP_ERROR_SHAPE, NULL, "images of shape %s cannot be resized to %lld x %lld",
        hp_shape_text(x, text, sizeof text), (long long)p->height, (long long)p->width);
    HP_FAIL_IF(p->method < HP_RESIZE_NEAREST || p->method > HP_RESIZE_MITCHELLCUBIC, error, HP_ERROR_INTERNAL, NULL,
        "resize method %d", (int)p->method);
    HP_FAIL_IF(p->method != HP_RESIZE_NEAREST && inputs[0].dtype != HP_FLOAT32, error, HP_ERROR_UNSUPPORTED, NULL,
        "an interpolating resize of %s is not supported", hp_dtype_name(inputs[0].dtype));
    outputs[0] = inputs[0];
    outputs[0].shape.dims[1] = p->height;
    outputs[0].shape.dims[2] = p->width;
    return HP_OK;
}

typedef struct resize_state {
    bool rows, nearest, bilinear; /* bilinear: without antialiasing */
    int64_t images, in_height, in_width, height, width, channels;
    size_t size;
    int64_t in_piece; /* output rows dealt out at once */
    hp_taps down, across;
} resize_state;

static void release(void *state) {
    resize_state *s = state;
    if (!s) return;
    hp_taps_release(&s->down);
    hp_taps_release(&s->across);
    free(s);
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_resize_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    resize_state *s = HP_NEW(resize_state);
    HP_ALLOCATED(s, error);
    *s = (resize_state){.rows = x->shape.rows,
        .nearest = p->method == HP_RESIZE_NEAREST,
        .bilinear = p->method == HP_RESIZE_BILINEAR && !p->antialias,
        .images = x->shape.dims[0],
        .in_height = x->shape.dims[1],
        .in_width = x->shape.dims[2],
        .height = p->height,
        .width = p->width,
        .channels = x->shape.dims[3],
        .size = hp_dtype_size(x->dtype)};
    int64_t row = s->width * s->channels + 1;
    s->in_piece = row < 4096 ? 4096 / row : 1;
    if (s->bilinear && s->in_piece < 8) s->in_piece = 8; /* rows are kept within a piece */
    hp_resize_method method = (hp_resize_method)p->method;
    hp_status status = hp_taps_make(&s->down, method, p->antialias != 0, s->in_height, s->height, error);
    if (status == HP_OK) status = hp_taps_make(&s->across, method, p->antialias != 0, s->in_width, s->width, error);
    if (status != HP_OK) {
        release(s);
        return status;
    }
    *state = s;
    return HP_OK;
}

/* Output rows of a tile. */
static int64_t lines(const resize_state *s, int64_t rows) {
    return s->images * s->height * (s->rows ? rows : 1);
}

static int64_t range(const void *state, int64_t rows) {
    const resize_state *s = state;
    int64_t n = lines(s, rows), pieces = n / s->in_piece + (n % s->in_piece != 0);
    return pieces > 0 ? pieces : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    const resize_state *s = state;
    (void)rows;
    size_t across = 2 * (size_t)(s->width * s->channels), down = (size_t)(s->in_width * s->channels);
    return s->nearest ? 0 : (s->bilinear ? across : down) * sizeof(float);
}

/* y = sum of weight[t] * (row index[t] of x), in the order of t, in as few passes over y as there are fours of t. */
static void weigh(float *y, const float *x, int64_t n, int count, const int32_t *index, const float *weight) {
    if (count == 0) memset(y, 0, (size_t)n * sizeof *y);
    for (int t = 0; t < count;) {
        const float *a = x + index[t] * n;
        float u = weight[t];
        if (t == 0 && count == 2) {
            const float *b = x + index[1] * n;
            float v = weight[1];
            for (int64_t i = 0; i < n; i++) y[i] = u * a[i] + v * b[i];
            t += 2;
        } else if (count - t >= 4) {
            const float *b = x + index[t + 1] * n, *c = x + index[t + 2] * n, *d = x + index[t + 3] * n;
            float v = weight[t + 1], w = weight[t + 2], z = weight[t + 3];
            if (t == 0)
                for (int64_t i = 0; i < n; i++) y[i] = u * a[i] + v * b[i] + w * c[i] + z * d[i];
            else
                for (int64_t i = 0; i < n; i++) y[i] = y[i] + u * a[i] + v * b[i] + w * c[i] + z * d[i];
            t += 4;
        } else {
            if (t == 0)
                for (int64_t i = 0; i < n; i++) y[i] = u * a[i];
            else
                for (int64_t i = 0; i < n; i++) y[i] += u * a[i];
            t++;
        }
    }
}

/* The same for a few channels: one after the other, without a vector loop's beginning and end. */
static void weigh_few(float *y, const float *x, int64_t n, int count, const int32_t *index, const float *weight) {
    for (int64_t i = 0; i < n; i++) {
        float sum = 0;
        for (int t = 0; t < count; t++) sum += weight[t] * x[index[t] * n + i];
        y[i] = sum;
    }
}

static void nearest_line(const resize_state *s, char *y, const char *image, int64_t line) {
    int64_t pixel = s->channels * (int64_t)s->size;
    const char *x = image + s->down.index[line] * s->in_width * pixel;
    for (int64_t i = 0; i < s->width; i++) hp_bytes_copy(y + i * pixel, x + s->across.index[i] * pixel, (size_t)pixel);
}

static void weighed_line(const resize_state *s, float *y, const float *image, int64_t line, float *mixed) {
    const hp_taps *down = &s->down, *across = &s->across;
    int64_t n = s->in_width * s->channels;
    const float *row = mixed;
    if (down->count[line] == 1 && down->weight[line * down->most] == 1)
        row = image + down->index[line * down->most] * n;
    else
        weigh(mixed, image, n, down->count[line], down->index + line * down->most, down->weight + line * down->most);
    for (int64_t i = 0; i < s->width; i++) {
        const int32_t *index = across->index + i * across->most;
        const float *weight = across->weight + i * across->most;
        if (s->channels < FEW)
            weigh_few(y + i * s->channels, row, s->channels, across->count[i], index, weight);
        else
            weigh(y + i * s->channels, row, s->channels, across->count[i], index, weight);
    }
}

/* ---- bilinear: two rows at the output's width, between which output rows lie */

typedef struct wide_rows {
    float *at[2];
    int64_t row[2]; /* which of all images' rows; -1: none yet */
} wide_rows;

/* Every output pixel between two of x's. `channels` is a constant where the loop over it is to be unrolled. */
static inline void lerp_pixels(
    const hp_taps *across, float *restrict y, const float *restrict x, int64_t width, int64_t channels) {
    for (int64_t i = 0; i < width; i++, y += channels) {
        const float *left = x + across->index[2 * i] * channels, *right = x + across->index[2 * i + 1] * channels;
        float part = across->weight[2 * i + 1];
        for (int64_t c = 0; c < channels; c++) y[c] = left[c] + (right[c] - left[c]) * part;
    }
}

static const float *wide_row(const resize_state *s, wide_rows *rows, const float *x, int64_t row, int64_t other) {
    for (int i = 0; i < 2; i++)
        if (rows->row[i] == row) return rows->at[i];
    int place = rows->row[0] == other ? 1 : 0;
    rows->row[place] = row;
    x += row * s->in_width * s->channels;
    if (s->channels == 1)
        lerp_pixels(&s->across, rows->at[place], x, s->width, 1);
    else if (s->channels == 3)
        lerp_pixels(&s->across, rows->at[place], x, s->width, 3);
    else
        lerp_pixels(&s->across, rows->at[place], x, s->width, s->channels);
    return rows->at[place];
}

static void bilinear_line(
    const resize_state *s, wide_rows *rows, float *restrict y, const float *x, int64_t image, int64_t line) {
    const int32_t *index = s->down.index + 2 * line;
    int64_t above = image * s->in_height + index[0], below = image * s->in_height + index[1];
    const float *top = wide_row(s, rows, x, above, below), *bottom = wide_row(s, rows, x, below, above);
    float part = s->down.weight[2 * line + 1];
    for (int64_t i = 0; i < s->width * s->channels; i++) y[i] = top[i] + (bottom[i] - top[i]) * part;
}

static hp_status run_resize(const void *state, const hp_run *run) {
    const resize_state *s = state;
    int64_t end = lines(s, run->rows), pixel = s->channels * (int64_t)s->size;
    if (run->end * s->in_piece < end) end = run->end * s->in_piece;
    float *second = s->bilinear ? (float *)run->workspace + s->width * s->channels : NULL;
    wide_rows rows = {.at = {run->workspace, second}, .row = {-1, -1}};
    for (int64_t at = run->begin * s->in_piece; at < end; at++) {
        const char *image = (const char *)run->inputs[0] + at / s->height * s->in_height * s->in_width * pixel;
        char *y = (char *)run->outputs[0] + at * s->width * pixel;
        if (s->nearest)
            nearest_line(s, y, image, at % s->height);
        else if (s->bilinear)
            bilinear_line(s, &rows, (float *)(void *)y, run->inputs[0], at / s->height, at % s->height);
        else
            weighed_line(s, (float *)(void *)y, (const float *)(const void *)image, at % s->height, run->workspace);
    }
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_resize_params *p = params;
    (void)inputs;
    double taps = p->method == HP_RESIZE_NEAREST ? 0 : p->method == HP_RESIZE_BILINEAR ? 2 : 4;
    return 4 * taps * (double)hp_shape_elements(&outputs[0].shape);
}

const hp_prim hp_prim_resize = {.name = "resize",
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .range = range,
    .workspace = workspace,
    .run = run_resize,
    .flops = flops};
