/* spectrogram.c: MelSpectrogram and STFTSpectrogram (keras/src/layers/preprocessing/mel_spectrogram.py,
 * stft_spectrogram.py). */
#include "layers/spectrogram.h"

#include <math.h>
#include <string.h>
#include "base/dtype.h"

/* ---- short-time Fourier transform */

double *hp_stft_window(hp_builder *b, const hp_stft *s) {
    const double tau = 6.283185307179586476925;
    if (s->sequence_length > s->fft_length) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "sequence_length: is %lld, more than fft_length, %lld",
            (long long)s->sequence_length, (long long)s->fft_length);
        return NULL;
    }
    double *window = hp_arena_alloc(&b->graph->arena, (size_t)s->fft_length * sizeof *window);
    if (!window) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return NULL;
    }
    memset(window, 0, (size_t)s->fft_length * sizeof *window);
    const char *name = hp_json_string(s->window);
    bool hann = name && strcmp(name, "hann") == 0, hamming = name && strcmp(name, "hamming") == 0;
    const hp_json *list = s->window;
    if (hp_json_get(hp_json_get(list, "config"), "value")) list = hp_json_get(hp_json_get(list, "config"), "value");
    bool numbers = hp_json_is(list, HP_JSON_ARRAY) && (int64_t)list->count == s->sequence_length;
    if (!hann && !hamming && !numbers && !hp_json_is_null(s->window)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED,
            "window: neither \"hann\", \"hamming\", null nor a list of sequence_length numbers");
        return NULL;
    }
    int64_t first = (s->fft_length - s->sequence_length) / 2;
    const hp_json *item = numbers ? list->first : NULL;
    for (int64_t i = 0; i < s->sequence_length; i++) { /* periodic: by the length, where that is even */
        int64_t even = 1 - s->sequence_length % 2;
        double turn = s->sequence_length == 1 ? 0 : cos(tau * (double)i / (double)(s->sequence_length + even - 1));
        double value = hann ? 0.5 - 0.5 * turn : hamming ? 0.54 - 0.46 * turn : item ? item->number : 1;
        if (s->sequence_length == 1 && !numbers) value = 1;
        window[first + i] = b->wide ? value : (double)(float)value;
        if (item) item = item->next;
    }
    if (hp_json_is_null(s->window)) /* no window: all of the frame counts */
        for (int64_t i = 0; i < s->fft_length; i++) window[i] = 1;
    return window;
}

hp_value hp_frames(hp_builder *b, hp_value x, int64_t length, int64_t stride) {
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t time = shape->rank > 0 ? shape->dims[shape->rank - 1] : 0;
    int64_t count = time >= length ? (time - length) / stride + 1 : 0, dims[2] = {count, length};
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (count > 0 && (length > INT32_MAX / count || time > INT32_MAX))
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "%lld frames of %lld", (long long)count, (long long)length);
    int32_t *indices = hp_arena_alloc(&b->graph->arena, (size_t)(count * length) * sizeof *indices + 1);
    if (!indices) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count * length; i++) indices[i] = (int32_t)(i / length * stride + i % length);
    return hp_emit_gather(b, x, hp_emit_literal(b, HP_INT32, 2, dims, indices), shape->rank - 1);
}

void hp_emit_stft(hp_builder *b, const hp_stft *s, hp_value x, hp_value outputs[2]) {
    int rank = hp_builder_shape(b, x)->rank;
    int64_t around[HP_MAX_RANK] = {0}, half = s->fft_length / 2 + 1;
    outputs[0] = outputs[1] = HP_NO_VALUE;
    double *window = hp_stft_window(b, s);
    if (!window || rank < 1) return;
    around[rank - 1] = s->fft_length / 2;
    if (s->center) x = hp_emit_pad(b, x, around, around, HP_PAD_REFLECT, 0);
    hp_value frames = hp_frames(b, x, s->fft_length, s->sequence_stride), parts[2];
    frames = hp_emit_binary(b, HP_BINARY_MULTIPLY, frames, hp_emit_doubles(b, 1, &s->fft_length, window));
    hp_emit_fft(b, frames, HP_NO_VALUE, false, parts);
    hp_shape shape = *hp_builder_shape(b, frames);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) step[i] = 1;
    if (b->status != HP_OK) return;
    shape.dims[shape.rank - 1] = half;
    for (int i = 0; i < 2; i++) outputs[i] = hp_emit_slice(b, parts[i], begin, shape.dims, step);
}

/* ---- MelSpectrogram */

typedef struct mel_spectrogram {
    hp_stft stft;
    int64_t num_mel_bins;
    double sampling_rate, min_freq, max_freq, top_db, mag_exp, min_power, ref_power;
    bool power_to_db;
} mel_spectrogram;

#define NUMBER(member, fallback) HP_FLOAT(mel_spectrogram, member, fallback, -1e30, 1e30)
#define SAMPLES(name_, member, fallback_)                                                                              \
    {                                                                                                                  \
        .name = (name_), .type = HP_FIELD_INT, .offset = offsetof(mel_spectrogram, stft.member),                       \
        .fallback = (fallback_), .null_ok = (fallback_) == HP_NULL, .min = 1, .max = 1 << 20                           \
    }

static const hp_field mel_fields[] = {
    SAMPLES("fft_length", fft_length, 2048),
    SAMPLES("sequence_stride", sequence_stride, 512),
    SAMPLES("sequence_length", sequence_length, HP_NULL),
    {.name = "window",
        .type = HP_FIELD_JSON,
        .offset = offsetof(mel_spectrogram, stft.window),
        .null_ok = true,
        .says = "\"hann\", \"hamming\", null or a list of numbers"},
    HP_INT(mel_spectrogram, num_mel_bins, 128, 1, 1 << 20),
    NUMBER(sampling_rate, 16000),
    NUMBER(min_freq, 20),
    NUMBER(max_freq, HP_NULL),
    HP_BOOL(mel_spectrogram, power_to_db, true),
    NUMBER(top_db, 80),
    NUMBER(mag_exp, 2),
    NUMBER(min_power, 1e-10),
    NUMBER(ref_power, 1),
    HP_FIELDS_END,
};

static void check_mel(hp_layer_scope *scope, hp_layer *layer, void *config) {
    static const hp_json hann = {.type = HP_JSON_STRING, .string = "hann"}; /* Keras's default */
    mel_spectrogram *c = config;
    c->stft.center = true;
    if (!hp_json_get(hp_json_get(layer->json, "config"), "window")) c->stft.window = &hann;
    if (c->stft.sequence_length == HP_INT_NULL) c->stft.sequence_length = c->stft.fft_length;
    if (isnan(c->max_freq)) c->max_freq = floor(c->sampling_rate / 2);
    if (c->stft.sequence_length > c->stft.fft_length)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "sequence_length", "is %lld, more than fft_length, %lld",
            (long long)c->stft.sequence_length, (long long)c->stft.fft_length);
}

static double hertz_to_mel(double frequency) {
    return 1127.0 * log(1.0 + frequency / 700.0);
}

/* linear_to_mel_weight_matrix: triangles between equal steps of mel; the bin of frequency 0 has no weight. */
static hp_value mel_matrix(hp_builder *b, const mel_spectrogram *c, int64_t bins) {
    int64_t mels = c->num_mel_bins, dims[2] = {bins, mels};
    float *matrix = hp_arena_alloc(&b->graph->arena, (size_t)(bins * mels) * sizeof *matrix);
    if (!matrix) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    double low = hertz_to_mel(c->min_freq), high = hertz_to_mel(c->max_freq), step = (high - low) / (double)(mels + 1);
    for (int64_t i = 0; i < bins; i++) {
        double mel = hertz_to_mel(c->sampling_rate / 2 * (double)i / (double)(bins - 1));
        for (int64_t k = 0; k < mels; k++) {
            double left = low + step * (double)k;
            double slope = fmin((mel - left) / step, (left + 2 * step - mel) / step);
            matrix[i * mels + k] = i == 0 || slope < 0 ? 0 : (float)slope;
        }
    }
    return hp_emit_floats(b, 2, dims, matrix);
}

/* Decibels, cut off at so many below the largest of the whole batch. */
static hp_value decibels(hp_builder *b, const mel_spectrogram *c, hp_value x) {
    x = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_emit_float(b, c->min_power));
    double reference = 10 * log10(fmax(fabs(c->ref_power), c->min_power));
    x = hp_emit_unary(b, hp_emit_unary(b, x, HP_UNARY_LOG10, 0, 0, 0), HP_UNARY_AFFINE, 10, (float)-reference, 0);
    int axes[HP_MAX_RANK], rank = hp_builder_shape(b, x)->rank;
    for (int i = 0; i < rank; i++) axes[i] = i;
    hp_value most = hp_emit_reduce(b, x, HP_REDUCTION_MAX, axes, rank, false);
    most = hp_emit_binary(b, HP_BINARY_SUBTRACT, most, hp_emit_float(b, c->top_db));
    return hp_emit_binary(b, HP_BINARY_MAXIMUM, x, most);
}

static void lower_mel(hp_builder *b, hp_layer *layer, hp_call *call) {
    const mel_spectrogram *c = layer->config;
    hp_value parts[2];
    hp_emit_stft(b, &c->stft, hp_as_float(b, call->inputs[0]), parts);
    for (int i = 0; i < 2; i++) parts[i] = hp_emit_unary(b, parts[i], HP_UNARY_SQUARE, 0, 0, 0);
    hp_value power = hp_emit_binary(b, HP_BINARY_ADD, parts[0], parts[1]);
    if (c->mag_exp != 2)
        power = hp_emit_binary(
            b, HP_BINARY_POWER, hp_emit_unary(b, power, HP_UNARY_SQRT, 0, 0, 0), hp_emit_float(b, c->mag_exp));
    hp_value y = hp_emit_gemm(b, power, mel_matrix(b, c, c->stft.fft_length / 2 + 1), HP_NO_VALUE);
    if (c->power_to_db) y = decibels(b, c, y);
    int rank = hp_builder_shape(b, y)->rank;
    if (b->status != HP_OK) return;
    hp_call_output(b, call, hp_emit_cast(b, hp_move_axis(b, y, rank - 1, rank - 2), layer->dtype));
}

const hp_layer_class hp_layer_MelSpectrogram = {
    .class_name = "MelSpectrogram",
    .module = "keras.layers",
    .fields = mel_fields,
    .config_size = sizeof(mel_spectrogram),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_mel,
    .lower = lower_mel,
};

/* ---- STFTSpectrogram: two convolutions with kernels that may have been trained */

typedef struct stft_spectrogram {
    int64_t frame_length, frame_step, fft_length;
    int mode, padding, data_format;
    bool expand_dims;
} stft_spectrogram;

enum { MODE_LOG, MODE_MAGNITUDE, MODE_PSD, MODE_REAL, MODE_IMAG, MODE_ANGLE, MODE_STFT };

static const hp_field stft_fields[] = {
    HP_ENUM(stft_spectrogram, mode, MODE_LOG, HP_NAMES("log", "magnitude", "psd", "real", "imag", "angle", "stft")),
    HP_INT(stft_spectrogram, frame_length, 256, 1, 1 << 20),
    HP_INT(stft_spectrogram, frame_step, HP_NULL, 1, 1 << 20),
    HP_INT(stft_spectrogram, fft_length, HP_NULL, 1, 1 << 20),
    HP_IGNORE("window"), /* the kernels hold it */
    HP_IGNORE("periodic"),
    HP_IGNORE("scaling"),
    HP_ENUM(stft_spectrogram, padding, 0, HP_NAMES("valid", "same")),
    HP_BOOL(stft_spectrogram, expand_dims, false),
    HP_ENUM(stft_spectrogram, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static void check_stft(hp_layer_scope *scope, hp_layer *layer, void *config) {
    stft_spectrogram *c = config;
    if (c->frame_step == HP_INT_NULL) c->frame_step = c->frame_length / 2;
    if (c->fft_length == HP_INT_NULL)
        for (c->fft_length = 1; c->fft_length < c->frame_length;) c->fft_length *= 2;
    if (c->frame_step < 1 || c->frame_step > c->frame_length)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "frame_step", "is %lld, expected 1 to frame_length, %lld",
            (long long)c->frame_step, (long long)c->frame_length);
}

/* [batch, time, channels] by a kernel of one channel -> [batch, channels, bins, frames]. */
static hp_value convolved(hp_builder *b, hp_layer *layer, hp_value x, const char *name) {
    const stft_spectrogram *c = layer->config;
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t bins = c->fft_length / 2 + 1;
    hp_value kernel = hp_layer_weight(b, layer, name, true, HP_DIMS(c->frame_length, 1, bins));
    hp_conv_params params;
    memset(&params, 0, sizeof params);
    params.spatial = 1;
    params.groups = 1;
    params.strides[0] = c->frame_step;
    params.dilation[0] = 1;
    if (c->padding == 1)
        hp_same_padding(shape.dims[1], c->frame_length, c->frame_step, 1, &params.pad_before[0], &params.pad_after[0]);
    hp_value channels = hp_emit_transpose(b, x, (const int[]){0, 2, 1});
    channels = hp_emit_reshape(b, channels, 3, (const int64_t[]){shape.dims[0] * shape.dims[2], shape.dims[1], 1});
    hp_value y = hp_emit_conv(b, channels, kernel, HP_NO_VALUE, &params);
    int64_t frames = hp_builder_shape(b, y)->dims[1];
    y = hp_emit_reshape(b, y, 4, (const int64_t[]){shape.dims[0], shape.dims[2], frames, bins});
    return hp_emit_transpose(b, y, (const int[]){0, 1, 3, 2});
}

static hp_value adjusted(hp_builder *b, const stft_spectrogram *c, hp_value y) {
    hp_shape shape = *hp_builder_shape(b, y);
    bool last = c->data_format == HP_CHANNELS_LAST;
    if (c->expand_dims)
        return last ? hp_emit_transpose(b, y, (const int[]){0, 3, 2, 1})
                    : hp_emit_transpose(b, y, (const int[]){0, 1, 3, 2});
    y = hp_emit_reshape(b, y, 3, (const int64_t[]){shape.dims[0], shape.dims[1] * shape.dims[2], shape.dims[3]});
    return last ? hp_emit_transpose(b, y, (const int[]){0, 2, 1}) : y;
}

/* Twice the power of all bins but the first and the last. */
static hp_value density(hp_builder *b, hp_value power) {
    int64_t bins = hp_builder_shape(b, power)->dims[2], dims[3] = {1, bins, 1};
    float *factors = hp_arena_alloc(&b->graph->arena, (size_t)bins * sizeof *factors + 1);
    if (!factors) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < bins; i++) factors[i] = i == 0 || i == bins - 1 ? 1 : 2;
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, power, hp_emit_floats(b, 3, dims, factors));
}

static void lower_stft(hp_builder *b, hp_layer *layer, hp_call *call) {
    const stft_spectrogram *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), real = HP_NO_VALUE, imag = HP_NO_VALUE, y;
    if (!hp_check_rank(b, x, 3, 3)) return;
    if (c->data_format == HP_CHANNELS_FIRST) x = hp_emit_transpose(b, x, (const int[]){0, 2, 1});
    if (c->mode != MODE_IMAG) real = convolved(b, layer, x, "real_kernel");
    if (c->mode != MODE_REAL) imag = convolved(b, layer, x, "imag_kernel");
    if (c->mode == MODE_REAL || c->mode == MODE_IMAG) {
        y = c->mode == MODE_REAL ? real : imag;
    } else if (c->mode == MODE_ANGLE) {
        y = hp_emit_binary(b, HP_BINARY_ARCTAN2, imag, real);
    } else if (c->mode == MODE_STFT) {
        y = hp_emit_concat(b, (const hp_value[]){real, imag}, 2, 2);
    } else {
        y = hp_emit_binary(b, HP_BINARY_ADD, hp_emit_unary(b, real, HP_UNARY_SQUARE, 0, 0, 0),
            hp_emit_unary(b, imag, HP_UNARY_SQUARE, 0, 0, 0));
        if (c->mode == MODE_PSD) y = density(b, y);
    }
    if (c->mode == MODE_LOG || c->mode == MODE_MAGNITUDE) {
        y = hp_emit_binary(b, HP_BINARY_MAXIMUM, y, hp_emit_float(b, 1e-7)); /* keras.config.epsilon() */
        y = hp_emit_unary(b, y, HP_UNARY_SQRT, 0, 0, 0);
    }
    if (c->mode == MODE_LOG) {
        y = hp_emit_binary(b, HP_BINARY_MAXIMUM, y, hp_emit_float(b, 1e-7));
        y = hp_emit_unary(b, y, HP_UNARY_LOG, 0, 0, 0);
    }
    hp_call_output(b, call, adjusted(b, c, y));
}

const hp_layer_class hp_layer_STFTSpectrogram = {
    .class_name = "STFTSpectrogram",
    .module = "keras.layers",
    .saved_name = NULL,
    .fields = stft_fields,
    .config_size = sizeof(stft_spectrogram),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_stft,
    .lower = lower_stft,
};
