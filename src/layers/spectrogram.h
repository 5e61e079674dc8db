/* spectrogram.h: short-time Fourier transforms, as keras/src/backend/tensorflow/math.py stft: for layers and operations. */
#ifndef HP_LAYERS_SPECTROGRAM_H
#define HP_LAYERS_SPECTROGRAM_H

#include "layers/support.h"

typedef struct hp_stft {
    int64_t sequence_length, sequence_stride, fft_length;
    const hp_json *window; /* "hann", "hamming", a list of sequence_length numbers, or null */
    bool center;
} hp_stft;

/* The window in the middle of fft_length numbers; NULL after a failure (of the window, or memory). Lives as long as the
 * builder's graph. */
double *hp_stft_window(hp_builder *b, const hp_stft *stft);
/* Frames of `length` elements of x's last axis, one each `stride`: [..., frames, length]. */
hp_value hp_frames(hp_builder *b, hp_value x, int64_t length, int64_t stride);
/* x[..., time] -> real and imaginary part [..., frames, fft_length / 2 + 1]. */
void hp_emit_stft(hp_builder *b, const hp_stft *stft, hp_value x, hp_value outputs[2]);

#endif
