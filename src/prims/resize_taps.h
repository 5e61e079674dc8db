/* resize_taps.h: which input positions an output position of a resize reads along one axis, and with what weights. */
#ifndef HP_PRIMS_RESIZE_TAPS_H
#define HP_PRIMS_RESIZE_TAPS_H

#include <stdbool.h>
#include "base/error.h"
#include "prims/params.h"

/* Output position i is the sum over t < count[i] of weight[i * most + t] * input[index[i * most + t]]. A bilinear resize has
 * two for each, which may be the same. */
typedef struct hp_taps {
    int64_t most;   /* taps of the position with most */
    int32_t *count; /* at least 0 */
    int32_t *index; /* inside the axis */
    float *weight;
} hp_taps;

/* As TensorFlow's ops that tf.image.resize calls, with half-pixel centres: resize_nearest_neighbor, resize_bilinear,
 * resize_bicubic, resize_area, and scale_and_translate for Lanczos and for `antialias`. `in`, `out` >= 1. */
hp_status hp_taps_make(
    hp_taps *taps, hp_resize_method method, bool antialias, int64_t in, int64_t out, hp_error *error);
void hp_taps_release(hp_taps *taps);

#endif
