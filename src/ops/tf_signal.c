/* tf_signal.c: complex numbers and Fourier transforms as TensorFlow has them (tensorflow/python/ops/signal), whose results are
 * complex tensors, and frames of signals. */
#include <string.h>

#include "base/dtype.h"
#include "layers/spectrogram.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *fft_length, *shifted;
    int64_t axes, axis, frame_length, frame_step;
    double pad_value;
    int window;
    bool inverse, pad_end;
} config;

enum { MOST_SAMPLES = 1 << 24 };

#define SAMPLES(member) HP_INT(config, member, HP_REQUIRED, 1, MOST_SAMPLES)
#define AXES HP_INT(config, axes, 1, 1, 2)
#define LENGTH HP_JSON_FIELD(config, fft_length)

static void give(hp_builder *b, hp_call *call, const hp_value parts[2]) {
    hp_call_output(b, call, hp_builder_complex(b, parts));
}

/* The parts of an argument that must be complex. */
static bool complex_of(hp_builder *b, const hp_call *call, hp_value parts[2]) {
    if (!hp_builder_is_complex(b, hp_op_operand(b, call, 0, "x"), parts))
        hp_builder_fail(b, HP_ERROR_FORMAT, "x: expected a complex tensor");
    return b->status == HP_OK;
}

/* ---- transforms */

/* Along the axis so many before the last. */
static void transform(hp_builder *b, hp_value x[2], int before, bool inverse) {
    int rank = hp_builder_shape(b, x[0])->rank;
    if (b->status == HP_OK && rank < 1 + before)
        hp_builder_fail(b, HP_ERROR_SHAPE, "a transform of %d axes, of a tensor with %d", 1 + before, rank);
    for (int i = 0; i < 2 && before && b->status == HP_OK; i++)
        x[i] = hp_move_axis(b, x[i], rank - 1 - before, rank - 1);
    hp_value y[2] = {HP_NO_VALUE, HP_NO_VALUE};
    hp_emit_fft(b, x[0], x[1], inverse, y);
    for (int i = 0; i < 2 && b->status == HP_OK; i++)
        x[i] = before ? hp_move_axis(b, y[i], rank - 1, rank - 1 - before) : y[i];
}

static void lower_transform(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x[2];
    if (!complex_of(b, call, x)) return;
    for (int i = 0; i < c->axes; i++) transform(b, x, i, c->inverse);
    give(b, call, x);
}

static const hp_field transform_fields[] = {
    HP_INT(config, axes, 1, 1, 3), HP_BOOL(config, inverse, false), HP_FIELDS_END};
const hp_op_class hp_op_Transform =
    HP_OP_COMPLEX("Transform", HP_OP_TF, transform_fields, config, lower_transform, lower_transform);

/* fft_length of the last axes; `found` where there is none. */
static bool lengths_of(
    hp_builder *b, const hp_call *call, const config *c, const int64_t found[2], int64_t lengths[2]) {
    int64_t given[HP_MAX_RANK];
    const hp_json *setting = hp_op_setting(b, call, -1, "fft_length", c->fft_length);
    int count = b->status == HP_OK && !hp_json_is_null(setting) ? hp_op_integers(b, setting, 0, given) : 0;
    for (int i = 0; i < c->axes; i++) lengths[i] = count ? given[i] : found[i];
    if (count != 0 && count != c->axes)
        hp_builder_fail(b, HP_ERROR_SHAPE, "fft_length has %d sizes, expected %d", count, (int)c->axes);
    for (int i = 0; i < c->axes && b->status == HP_OK; i++)
        if (lengths[i] < 1 || lengths[i] > MOST_SAMPLES)
            hp_builder_fail(b, HP_ERROR_SHAPE, "fft_length: found %lld", (long long)lengths[i]);
    return b->status == HP_OK;
}

/* x with an axis of `length`, from the end, cut or with zeros behind. */
static hp_value resized(hp_builder *b, hp_value x, bool before, int64_t length) {
    int rank = hp_builder_shape(b, x)->rank;
    if (!before || b->status != HP_OK) return hp_op_of_length(b, x, length);
    return hp_move_axis(b, hp_op_of_length(b, hp_move_axis(b, x, rank - 2, rank - 1), length), rank - 1, rank - 2);
}

/* Half the spectrum of real numbers. */
static void half_spectrum(hp_builder *b, hp_value x, hp_value y[2]) {
    const hp_shape *shape = hp_builder_shape(b, x);
    y[0] = y[1] = HP_NO_VALUE;
    if (b->status != HP_OK) return;
    int64_t half = shape->dims[shape->rank - 1] / 2 + 1;
    hp_emit_fft(b, x, HP_NO_VALUE, false, y);
    for (int i = 0; i < 2; i++) y[i] = hp_op_part(b, y[i], -1, 0, half);
}

HP_TF_OP(RealTransform, AXES, LENGTH, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), y[2];
    int axes = (int)c->axes;
    if (!hp_check_rank(b, x, axes, -1)) return;
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t lengths[2];
    if (!lengths_of(b, call, c, shape->dims + shape->rank - axes, lengths)) return;
    for (int i = 0; i < axes; i++) x = resized(b, x, i == 1, lengths[axes - 1 - i]);
    half_spectrum(b, x, y);
    if (axes == 2) transform(b, y, 1, false);
    if (b->status == HP_OK) give(b, call, y);
}

static void lower_inverse(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x[2];
    int axes = (int)c->axes;
    if (!complex_of(b, call, x) || !hp_check_rank(b, x[0], axes, -1)) return;
    const hp_shape *shape = hp_builder_shape(b, x[0]);
    int64_t found[2], lengths[2];
    memcpy(found, shape->dims + shape->rank - axes, (size_t)axes * sizeof *found);
    found[axes - 1] = 2 * (found[axes - 1] - 1);
    if (!lengths_of(b, call, c, found, lengths)) return;
    if (axes == 2) {
        for (int i = 0; i < 2; i++) x[i] = resized(b, x[i], true, lengths[0]);
        transform(b, x, true, true);
    }
    hp_call_output(b, call, hp_op_inverse_real(b, x, lengths[axes - 1]));
}

static const hp_field inverse_fields[] = {AXES, LENGTH, HP_FIELDS_END};
const hp_op_class hp_op_InverseRealTransform =
    HP_OP_COMPLEX("InverseRealTransform", HP_OP_TF, inverse_fields, config, lower_inverse, lower_inverse);

/* Each axis in two parts, the second one first: the frequency 0 in the middle, or back. */
HP_TF_OP_LINEAR(FourierShift, HP_JSON_FIELD(config, shifted), HP_BOOL(config, inverse, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->shifted, hp_builder_shape(b, x)->rank, axes);
    for (int i = 0; i < count && b->status == HP_OK; i++) {
        int64_t size = hp_builder_shape(b, x)->dims[axes[i]], first = c->inverse ? size / 2 : size - size / 2;
        hp_value parts[2] = {hp_op_part(b, x, axes[i], first, size), hp_op_part(b, x, axes[i], 0, first)};
        x = hp_emit_concat(b, parts, 2, axes[i]);
    }
    hp_call_output(b, call, x);
}

/* ---- frames */

#define PAD_END HP_BOOL(config, pad_end, false), HP_FLOAT(config, pad_value, 0, -1e300, 1e300)

/* Frames of the last axis; with pad_end one begins at each step, and what lies behind the end is pad_value. */
static hp_value framed(hp_builder *b, const config *c, hp_value x) {
    if (!hp_check_rank(b, x, 1, -1)) return HP_NO_VALUE;
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0}, time = shape.dims[shape.rank - 1];
    int64_t count = (time + c->frame_step - 1) / c->frame_step, reach = (count - 1) * c->frame_step + c->frame_length;
    after[shape.rank - 1] = c->pad_end && reach > time ? reach - time : 0;
    if (after[shape.rank - 1]) x = hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, c->pad_value);
    return hp_frames(b, x, c->frame_length, c->frame_step);
}

HP_TF_OP(Frame, SAMPLES(frame_length), SAMPLES(frame_step), PAD_END,
    HP_INT(config, axis, -1, -HP_MAX_RANK, HP_MAX_RANK), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int rank = hp_builder_shape(b, x)->rank, axis = hp_builder_axis(b, c->axis, rank);
    if (b->status != HP_OK) return;
    if (axis == rank - 1) {
        hp_call_output(b, call, framed(b, c, x));
        return;
    }
    hp_value frames = framed(b, c, hp_move_axis(b, x, axis, rank - 1));
    for (int i = 0; i < 2 && b->status == HP_OK; i++) frames = hp_move_axis(b, frames, rank, axis);
    hp_call_output(b, call, frames);
}

HP_TF_OP(OverlapAdd, SAMPLES(frame_step), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (hp_check_rank(b, x, 2, -1)) hp_call_output(b, call, hp_op_overlap_add(b, x, c->frame_step));
}

#define WINDOW HP_ENUM(config, window, 0, HP_NAMES("hann_window", "hamming_window", "none"))

static hp_value windowed(hp_builder *b, const config *c, hp_value frames) {
    static const hp_json names[] = {
        {.type = HP_JSON_STRING, .string = "hann"}, {.type = HP_JSON_STRING, .string = "hamming"}};
    if (c->window == 2) return frames;
    hp_stft stft = {.sequence_length = c->frame_length, .fft_length = c->frame_length, .window = &names[c->window]};
    double *window = hp_stft_window(b, &stft);
    return window ? hp_op_multiply(b, frames, hp_emit_doubles(b, 1, &c->frame_length, window)) : HP_NO_VALUE;
}

/* fft_length, or the next power of two of frame_length. */
static int64_t window_length(hp_builder *b, const hp_call *call, const config *c) {
    int64_t power[2] = {1, 1}, length[2];
    while (power[0] < c->frame_length) power[0] *= 2;
    return lengths_of(b, call, c, power, length) ? length[0] : 0;
}

HP_TF_OP(ShortTimeTransform, SAMPLES(frame_length), SAMPLES(frame_step), LENGTH, AXES, WINDOW, PAD_END, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), y[2];
    int64_t length = window_length(b, call, c);
    hp_value frames = windowed(b, c, framed(b, c, x));
    half_spectrum(b, hp_op_of_length(b, frames, length), y);
    if (b->status == HP_OK) give(b, call, y);
}

static void lower_inverse_short(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x[2];
    int64_t length = window_length(b, call, c);
    if (!complex_of(b, call, x) || !hp_check_rank(b, x[0], 2, -1)) return;
    hp_value frames = hp_op_of_length(b, hp_op_inverse_real(b, x, length), c->frame_length);
    hp_call_output(b, call, hp_op_overlap_add(b, windowed(b, c, frames), c->frame_step));
}

static const hp_field inverse_short_fields[] = {
    SAMPLES(frame_length), SAMPLES(frame_step), LENGTH, AXES, WINDOW, HP_FIELDS_END};
const hp_op_class hp_op_InverseShortTimeTransform = HP_OP_COMPLEX(
    "InverseShortTimeTransform", HP_OP_TF, inverse_short_fields, config, lower_inverse_short, lower_inverse_short);
