/* window.h: which input positions every output pixel of a convolution or pooling reads.
 *
 * The index table (hp_window of kernels.h) depends on the geometry alone: it is made once and shared, through the
 * store of constants, by every layer and plan of the same geometry. Positions and table entries fit int32: larger
 * images are refused when the graph is made. */
#ifndef HP_PRIMS_WINDOW_H
#define HP_PRIMS_WINDOW_H

#include "prims/params.h"
#include "prims/prim.h"

/* Spatial axes beyond `spatial` are 1 wide, with stride and dilation 1. No padding: it is a key. */
typedef struct hp_geometry {
    int64_t input[HP_MAX_SPATIAL], output[HP_MAX_SPATIAL], kernel[HP_MAX_SPATIAL];
    int64_t strides[HP_MAX_SPATIAL], dilation[HP_MAX_SPATIAL], pad_before[HP_MAX_SPATIAL];
} hp_geometry;

/* A tensor [batch, spatial..., channels] as the sliding kernels see it. */
typedef struct hp_images {
    bool rows;
    size_t images; /* per row where `rows` is set */
    size_t positions, channels;
} hp_images;

hp_images hp_images_of(const hp_shape *shape);

/* The spatial axes of x under a window of `kernel`: fills `geometry` (output too) for conv and pool. `name` is for
 * messages. HP_ERROR_SHAPE where x has the wrong rank or the window does not fit; HP_ERROR_UNSUPPORTED where strides,
 * sizes or paddings are not sensible or tables would not fit. */
hp_status hp_geometry_make(const char *name, const hp_shape *x, int spatial, const int64_t *kernel,
    const int64_t *strides, const int64_t *dilation, const int64_t *pad_before, const int64_t *pad_after,
    hp_geometry *geometry, hp_error *error);
/* The same for the transposed convolution: what is cut off the full output before and after. */
hp_status hp_geometry_make_transposed(const char *name, const hp_shape *x, int spatial, const int64_t *kernel,
    const int64_t *strides, const int64_t *dilation, const int64_t *cut_before, const int64_t *cut_after,
    hp_geometry *geometry, hp_error *error);
/* [batch, output spatial..., channels] after x. */
hp_shape hp_geometry_output(const hp_geometry *geometry, const hp_shape *x, int64_t channels);

size_t hp_geometry_pixels(const hp_geometry *geometry);
size_t hp_geometry_taps(const hp_geometry *geometry);
/* One tap, stride 1, nothing padded: the window is the position itself. */
bool hp_geometry_is_pointwise(const hp_geometry *geometry);
/* At most two spatial axes, the ones that hp_depthwise_plane knows. */
bool hp_geometry_is_plane(const hp_geometry *geometry);
/* A depthwise convolution over one image of `channels` channels that lies as a tensor: all but pointers, rows and
 * epilogue. */
void hp_plane_args(const hp_geometry *geometry, size_t channels, hp_depthwise_plane *args);

/* The table of a convolution or pooling. */
hp_status hp_window_get(hp_constants *constants, const hp_geometry *geometry, hp_window *window, hp_error *error);
/* `count` zeros that live as long as the store: what padding taps read. */
hp_status hp_zeros_get(hp_constants *constants, size_t count, const float **zeros, hp_error *error);

#endif
