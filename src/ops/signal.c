/* signal.c: Fourier transforms, frames and their inverse (keras/src/ops/math.py, as its TensorFlow backend). Complex
 * tensors are pairs of a real and an imaginary one. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "layers/spectrogram.h"
#include "ops/op.h"

typedef struct config {
    hp_stft stft;
    int64_t fft_length, length, sequence_length, sequence_stride;
} config;

#define SIGNAL_OP(name, ...)                                                                                           \
    static const hp_field fields_##name[] = {__VA_ARGS__};                                                             \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_MATH, fields_##name, config, lower_##name);                    \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define SAMPLES(member, fallback) HP_INT(config, member, fallback, 1, 1 << 24)

/* The two tensors of a complex argument. */
static void complex_of(hp_builder *b, const hp_call *call, hp_value parts[2]) {
    const hp_arg *x = hp_call_arg(call, 0, "x");
    parts[0] = parts[1] = HP_NO_VALUE;
    if (!x || x->kind != HP_ARG_LIST || x->item_count != 2) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "x: expected a pair of a real and an imaginary tensor");
        return;
    }
    for (int i = 0; i < 2; i++) parts[i] = hp_as_float(b, hp_op_value(b, &x->items[i], HP_FLOAT32));
}

static void put(hp_builder *b, hp_call *call, const hp_value parts[2]) {
    for (int i = 0; i < 2; i++) hp_call_output(b, call, parts[i]);
}

SIGNAL_OP(FFT, HP_FIELDS_END) {
    (void)layer;
    hp_value x[2], y[2];
    complex_of(b, call, x);
    hp_emit_fft(b, x[0], x[1], false, y);
    put(b, call, y);
}

static void two_axes(hp_builder *b, hp_call *call, bool inverse) {
    hp_value x[2], y[2];
    complex_of(b, call, x);
    for (int pass = 0; pass < 2; pass++) {
        hp_emit_fft(b, x[0], x[1], inverse, y);
        int rank = hp_builder_shape(b, y[0])->rank;
        for (int i = 0; i < 2 && b->status == HP_OK; i++) x[i] = hp_move_axis(b, y[i], rank - 1, rank - 2);
    }
    put(b, call, x);
}

SIGNAL_OP(FFT2, HP_FIELDS_END) {
    (void)layer;
    two_axes(b, call, false);
}

SIGNAL_OP(IFFT2, HP_FIELDS_END) {
    (void)layer;
    two_axes(b, call, true);
}

/* The last axis cut, or zeros behind it. */
hp_value hp_op_of_length(hp_builder *b, hp_value x, int64_t length) {
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0}, size = shape->rank ? shape->dims[shape->rank - 1] : 0;
    if (b->status != HP_OK || size == length) return x;
    if (size > length) return hp_op_part(b, x, -1, 0, length);
    after[shape->rank - 1] = length - size;
    return hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0);
}

SIGNAL_OP(RFFT, SAMPLES(fft_length, HP_NULL), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_as_float(b, hp_op_operand(b, call, 0, "x")), y[2];
    if (c->fft_length != HP_INT_NULL) x = hp_op_of_length(b, x, c->fft_length);
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    int64_t half = shape->dims[shape->rank - 1] / 2 + 1;
    hp_emit_fft(b, x, HP_NO_VALUE, false, y);
    for (int i = 0; i < 2; i++) y[i] = hp_op_part(b, y[i], -1, 0, half);
    put(b, call, y);
}

/* The real inverse of half a spectrum: the other half is its mirror, conjugate. */
hp_value hp_op_inverse_real(hp_builder *b, const hp_value parts[2], int64_t length) {
    int64_t half = length / 2 + 1;
    hp_value x[2], y[2];
    if (length < 1)
        return hp_builder_fail(b, HP_ERROR_SHAPE,
            "the last axis has one number of a spectrum, which is no signal without fft_length; expected at least 2");
    for (int i = 0; i < 2; i++) {
        hp_value first = hp_op_of_length(b, parts[i], half);
        hp_shape shape = *hp_builder_shape(b, first);
        int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK], mirrored = length - half;
        if (b->status != HP_OK) return HP_NO_VALUE;
        for (int k = 0; k < shape.rank; k++) step[k] = 1;
        x[i] = first;
        if (mirrored == 0) continue;
        begin[shape.rank - 1] = mirrored;
        step[shape.rank - 1] = -1;
        shape.dims[shape.rank - 1] = mirrored;
        hp_value mirror = hp_emit_slice(b, first, begin, shape.dims, step);
        if (i == 1) mirror = hp_op_scale(b, mirror, -1);
        x[i] = hp_emit_concat(b, (const hp_value[]){first, mirror}, 2, shape.rank - 1);
    }
    hp_emit_fft(b, x[0], x[1], true, y);
    return y[0];
}

SIGNAL_OP(IRFFT, SAMPLES(fft_length, HP_NULL), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x[2];
    complex_of(b, call, x);
    const hp_shape *shape = hp_builder_shape(b, x[0]);
    if (b->status != HP_OK) return;
    int64_t length = c->fft_length != HP_INT_NULL ? c->fft_length : 2 * (shape->dims[shape->rank - 1] - 1);
    hp_call_output(b, call, hp_op_inverse_real(b, x, length));
}

SIGNAL_OP(
    ExtractSequences, SAMPLES(sequence_length, HP_REQUIRED), SAMPLES(sequence_stride, HP_REQUIRED), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_call_output(b, call, hp_frames(b, hp_op_operand(b, call, 0, "x"), c->sequence_length, c->sequence_stride));
}

/* ---- short-time transforms */

#define STFT_INT(name_)                                                                                                \
    {                                                                                                                  \
        .name = #name_, .type = HP_FIELD_INT, .offset = offsetof(config, stft.name_), .required = true, .min = 1,      \
        .max = 1 << 20                                                                                                 \
    }
#define STFT_FIELDS                                                                                                    \
    STFT_INT(sequence_length), STFT_INT(sequence_stride), STFT_INT(fft_length),                                        \
        {.name = "window", .type = HP_FIELD_JSON, .offset = offsetof(config, stft.window), .null_ok = true}, {         \
        .name = "center", .type = HP_FIELD_BOOL, .offset = offsetof(config, stft.center), .fallback = 1                \
    }

SIGNAL_OP(STFT, STFT_FIELDS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value y[2];
    hp_emit_stft(b, &c->stft, hp_as_float(b, hp_op_operand(b, call, 0, "x")), y);
    put(b, call, y);
}

/* tf.signal.inverse_stft_window_fn: the window by the sum of squares of all that overlap at a place. */
static hp_value inverse_window(hp_builder *b, const hp_stft *s) {
    double *window = hp_stft_window(b, s);
    double *sums = hp_arena_alloc(&b->graph->arena, (size_t)s->sequence_stride * sizeof *sums);
    double *inverse = hp_arena_alloc(&b->graph->arena, (size_t)s->fft_length * sizeof *inverse);
    if (!window || !sums || !inverse) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    memset(sums, 0, (size_t)s->sequence_stride * sizeof *sums);
    for (int64_t i = 0; i < s->fft_length; i++) sums[i % s->sequence_stride] += window[i] * window[i];
    for (int64_t i = 0; i < s->fft_length; i++) inverse[i] = window[i] / sums[i % s->sequence_stride];
    return hp_emit_doubles(b, 1, &s->fft_length, inverse);
}

/* [..., frames, length] -> [..., length + stride (frames - 1)]: for each place the elements of all frames that reach
 * it are gathered (a zero where there are fewer) and added. */
hp_value hp_op_overlap_add(hp_builder *b, hp_value frames, int64_t stride) {
    hp_shape shape = *hp_builder_shape(b, frames);
    if (b->status != HP_OK || shape.rank < 2) return HP_NO_VALUE;
    int64_t length = shape.dims[shape.rank - 1], count = shape.dims[shape.rank - 2], flat = length * count;
    int64_t overlaps = (length + stride - 1) / stride, out = length + stride * (count - 1), dims[2] = {out, overlaps};
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    int32_t *indices = flat < INT32_MAX && out < INT32_MAX / overlaps
                           ? hp_arena_alloc(&b->graph->arena, (size_t)(out * overlaps) * sizeof *indices)
                           : NULL;
    if (!indices) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t t = 0; t < out; t++)
        for (int64_t k = 0; k < overlaps; k++) {
            int64_t frame = t / stride - k, at = t - frame * stride;
            bool there = frame >= 0 && frame < count && at < length;
            indices[t * overlaps + k] = (int32_t)(there ? frame * length + at : flat);
        }
    shape.dims[shape.rank - 2] = flat;
    after[shape.rank - 2] = 1;
    hp_value x = hp_emit_reshape(b, frames, shape.rank - 1, shape.dims);
    x = hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0);
    x = hp_emit_gather(b, x, hp_emit_literal(b, HP_INT32, 2, dims, indices), shape.rank - 2);
    return hp_op_reduce(b, x, HP_REDUCTION_SUM, -1, false);
}

SIGNAL_OP(ISTFT, STFT_FIELDS, SAMPLES(length, HP_NULL), HP_FIELDS_END) {
    const config *c = layer->config;
    const hp_stft *s = &c->stft;
    hp_value x[2];
    complex_of(b, call, x);
    hp_value frames = hp_op_inverse_real(b, x, s->fft_length);
    if (!hp_json_is_null(s->window)) frames = hp_op_multiply(b, frames, inverse_window(b, s));
    hp_value y = hp_op_overlap_add(b, frames, s->sequence_stride);
    const hp_shape *shape = hp_builder_shape(b, y);
    if (b->status != HP_OK) return;
    int64_t size = shape->dims[shape->rank - 1], begin = s->center ? s->fft_length / 2 : 0;
    int64_t end = c->length != HP_INT_NULL ? begin + c->length : s->center ? size - s->fft_length / 2 : size;
    if (end > size) end = size;
    hp_call_output(b, call, hp_op_part(b, y, -1, begin, end > begin ? end : begin));
}
