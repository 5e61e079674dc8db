/* builder.h: a graph of primitives in the making: what lower() functions of layers and ops call.
 *
 * Errors are sticky: the first failure is kept (with the layer being lowered as its place), every later call does
 * nothing and returns HP_NO_VALUE, hp_builder_shape then gives an empty shape. So a lower function reads straight
 * down and need not check. Not thread-safe: one builder belongs to one thread.
 *
 * Axes may be negative (from the end) unless said otherwise; axis 0 is the rows' where the shape has `rows`. An
 * operation that would mix rows (a reduction over axis 0, a concatenation along it ...) sets `mixes_rows`
 * and fails; the caller then lowers again with batch_rows. A transposition that moves them gives a value to which a few
 * things can be done (builder_rows.h); any failure in a graph with such a value counts as mixing rows. */
#ifndef HP_PRIMS_BUILDER_H
#define HP_PRIMS_BUILDER_H

#include "base/json.h"
#include "prims/graph.h"
#include "prims/constants.h"
#include "prims/params.h"

typedef struct hp_moved_rows hp_moved_rows;

typedef struct hp_builder {
    hp_graph *graph;
    hp_constants *constants;
    hp_status status; /* sticky */
    hp_error error;
    bool mixes_rows;
    char mixes_rows_where[256]; /* the first place that does */
    const hp_moved_rows
        *moved_rows;   /* of the first value whose rows are not outermost (builder_rows.h); NULL: there is none */
    bool wide;         /* what is being lowered computes in float64 */
    bool tensorflow;   /* it is a function of TensorFlow, whose lists of numbers take the dtype of what they meet */
    const char *layer; /* place of what is being lowered; in the graph's arena */
    void *user;        /* of the caller of lower (graph/build.c) */
    const hp_shape *measured; /* what hp_builder_measure gives: dims[0] of each; NULL: `guess`, on trial */
    size_t measured_count;
    int64_t guess;
} hp_builder;

/* Records a failure, with builder->layer as `where` (first one wins). Returns HP_NO_VALUE. */
hp_value hp_builder_fail(hp_builder *b, hp_status status, const char *format, ...) HP_PRINTF(3, 4);
/* Records that this operation mixes rows (see above), with the reason. Returns HP_NO_VALUE. */
hp_value hp_builder_mixes_rows(hp_builder *b, const char *reason);

/* The dtype of the numbers that lowering makes up: float32, or float64 where `wide` is set. */
hp_dtype hp_builder_real(const hp_builder *b);

/* Never NULL. */
const hp_tensor *hp_builder_tensor(const hp_builder *b, hp_value value);
const hp_shape *hp_builder_shape(const hp_builder *b, hp_value value);
/* -1, ..., rank-1 turned into 0 ... rank-1; fails (sticky, returns 0) when outside. */
int hp_builder_axis(hp_builder *b, int64_t axis, int rank);

/* Keras's mask of a value: HP_NO_VALUE when it has none. */
hp_value hp_builder_mask(const hp_builder *b, hp_value value);
void hp_builder_set_mask(hp_builder *b, hp_value value, hp_value mask);

/* A new value that stands for parts[0] + parts[1] i while lowering, floats of one dtype and shape, both real. Only those may read it
 * who know of complex numbers (hp_layer_class.lower_complex): it has the shape of its parts, and no meaning of its own. */
hp_value hp_builder_complex(hp_builder *b, const hp_value parts[2]);
/* Whether it is such a value; parts: may be NULL, HP_NO_VALUE of a real one. */
bool hp_builder_is_complex(const hp_builder *b, hp_value value, hp_value parts[2]);
/* A value as an output has it: a complex one as HP_COMPLEX64 or HP_COMPLEX128, others as they are. */
hp_value hp_emit_joined_parts(hp_builder *b, hp_value value);

/* A size that depends on the values of x, an input of the graph as it is: what `function` makes of a whole batch of it.
 * Mixes rows. `params` is copied. */
int64_t hp_builder_measure(
    hp_builder *b, hp_value x, hp_measure_function *function, const void *params, size_t params_size);

/* The integers of a value that follows from constants and shapes alone; returns how many, -1: they are not known, or more
 * than `most`. rows[i] (NULL: such numbers are not known) says that numbers[i] is so many times the number of rows. */
int hp_builder_known(hp_builder *b, hp_value value, int64_t *numbers, bool *rows, int most);
/* Mixes rows where an output of the graph needs the number of rows itself, and not just a shape that it was asked for. */
void hp_builder_check_row_counts(hp_builder *b);

/* The general way: one node. `params` (may be NULL with size 0) is copied. The n_outputs outputs are written to
 * `outputs`; returns outputs[0]. All emitters below end here. */
hp_value hp_emit_node(hp_builder *b, const struct hp_prim *prim, const void *params, size_t params_size,
    const hp_value *inputs, int input_count, hp_value *outputs, int output_count);

/* ---- sources */
/* Appends to graph->inputs as well. */
hp_value hp_emit_input(hp_builder *b, const hp_tensor *tensor);
/* One value per constant, however often it is asked for. NULL: out of memory (of what made the constant). */
/* A state that is kept from batch to batch (zeros at first), and what it is after this batch. Rows of a batch are not
 * mixed, but batches follow each other: reported as mixing rows where batch_rows is 0. */
hp_value hp_emit_state(hp_builder *b, const hp_tensor *tensor);
void hp_emit_next_state(hp_builder *b, hp_value state, hp_value next);
hp_value hp_emit_constant(hp_builder *b, const hp_constant *constant);
hp_value hp_emit_literal(hp_builder *b, hp_dtype dtype, int rank, const int64_t *dims, const void *data); /* copied */
hp_value hp_emit_sizes(hp_builder *b, hp_value x);   /* x's shape, int64; the rows among it stay unknown: counts_rows */
hp_value hp_emit_float(hp_builder *b, double value); /* scalar of hp_builder_real */
hp_value hp_emit_floats(hp_builder *b, int rank, const int64_t *dims, const float *data); /* the same dtype */
hp_value hp_emit_doubles(hp_builder *b, int rank, const int64_t *dims, const double *data);
hp_value hp_emit_fill(hp_builder *b, hp_dtype dtype, const hp_shape *shape, double value); /* also with `rows` */

/* ---- arithmetic (numpy broadcasting; both sides of one dtype) */
hp_value hp_emit_unary(hp_builder *b, hp_value x, hp_unary op, double p0, double p1, double p2);
hp_value hp_emit_binary(hp_builder *b, hp_binary op, hp_value x, hp_value y);
/* Comparisons: bool out; logic: of bools, or bitwise of integers. select: condition ? x : y, broadcast. */
hp_value hp_emit_compare(hp_builder *b, hp_compare_op op, hp_value x, hp_value y);
hp_value hp_emit_logical(hp_builder *b, hp_logical_op op, hp_value x, hp_value y); /* y absent for NOT */
hp_value hp_emit_select(hp_builder *b, hp_value condition, hp_value x, hp_value y);
hp_value hp_emit_cast(hp_builder *b, hp_value x, hp_dtype dtype); /* numpy astype; same dtype: x itself */

/* ---- linear algebra */
/* x[..., K] times w[K, N] (+ bias[N], may be HP_NO_VALUE) -> [..., N]. */
hp_value hp_emit_gemm(hp_builder *b, hp_value x, hp_value w, hp_value bias);
/* Batched: x[..., M, K] (or [..., K, M] transposed) times y[..., K, N] (or [..., N, K]); leading axes equal or
 * broadcast. */
hp_value hp_emit_matmul(hp_builder *b, hp_value x, hp_value y, bool transpose_x, bool transpose_y);
/* See hp_attention_params: query[batch, queries, ...], key and value[batch, keys, ...], the mask as in prims/attention.h or
 * HP_NO_VALUE -> [batch, queries, heads * value_size]. All of float32 and one batch: hp_attention_fits. */
hp_value hp_emit_attention(
    hp_builder *b, hp_value query, hp_value key, hp_value value, hp_value mask, const hp_attention_params *params);
bool hp_attention_fits(const hp_builder *b, hp_value query, hp_value key, hp_value value);
/* x[batch, spatial..., channels]; kernel[spatial..., channels / groups, filters]; see hp_conv_params. */
hp_value hp_emit_conv(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params);
/* kernel[spatial..., channels, depth_multiplier] -> channels * depth_multiplier. */
hp_value hp_emit_depthwise(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params);
/* kernel[spatial..., filters, channels]; the gradient of conv, as Keras's Conv*Transpose. */
hp_value hp_emit_conv_transpose(
    hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params);
hp_value hp_emit_pool(hp_builder *b, hp_value x, const hp_pool_params *params); /* channels last */

/* ---- over axes */
hp_value hp_emit_reduce(hp_builder *b, hp_value x, hp_reduction op, const int *axes, int axis_count, bool keepdims);
hp_value hp_emit_softmax(hp_builder *b, hp_value x, int axis, bool logarithm);
/* What x is the sigmoid or the softmax of; HP_NO_VALUE: neither. */
hp_value hp_builder_logits(hp_builder *b, hp_value x, bool softmax);
/* (x - mean) / sqrt(variance + epsilon) * scale + offset, mean and variance over the last `axis_count` axes;
 * scale, offset: shape of those axes, or HP_NO_VALUE. rms: no mean is taken off, x / sqrt(mean(x^2) + epsilon). */
hp_value hp_emit_normalise(
    hp_builder *b, hp_value x, hp_value scale, hp_value offset, int axis_count, double epsilon, bool rms);
/* Cumulative sum or product along an axis. */
hp_value hp_emit_cumulate(hp_builder *b, hp_value x, bool product, int axis, bool reverse);

/* The elements of an axis in order (equal ones as they stood, NaN last when ascending), and the places they had, int32;
 * places may be NULL. */
hp_value hp_emit_sort(hp_builder *b, hp_value x, int axis, bool descending, hp_value *places);
/* numpy.take_along_axis: indices of any integer dtype, whose other axes broadcast with x's; a negative one counts from
 * the end; one outside is HP_ERROR_ROW. */
hp_value hp_emit_take_along(hp_builder *b, hp_value x, hp_value indices, int axis);
/* x with its blocks x[indices[i, 0], ..., indices[i, k - 1]] updated by updates[i]; i may be several axes. Indices of any
 * integer dtype; one outside is HP_ERROR_ROW. No argument may have rows. */
hp_value hp_emit_scatter(hp_builder *b, hp_value x, hp_value indices, hp_value updates, hp_scatter op);
/* The `paths` likeliest label sequences of x[batch, steps, classes] (logits, the last class the blank; float32 or float64) up to
 * lengths[batch] steps, by a search that keeps `width`: int32 [paths, batch, steps], -1 behind their ends, and the logarithms of
 * their probabilities, [batch, paths]. No argument may have rows; fewer sequences than `paths` are HP_ERROR_ROW. */
void hp_emit_ctc_beam(hp_builder *b, hp_value x, hp_value lengths, int64_t width, int64_t paths, hp_value outputs[2]);
/* The discrete Fourier transform of the last axis: real and imaginary part, float32 or float64; im: HP_NO_VALUE for zeros. The
 * inverse is divided by the length. */
void hp_emit_fft(hp_builder *b, hp_value re, hp_value im, bool inverse, hp_value outputs[2]);

/* ---- moving data */
/* The same bytes as another dtype; the last axis has fewer or more elements where that is of another size. A view, no work. */
hp_value hp_emit_bitcast(hp_builder *b, hp_value x, hp_dtype dtype);
/* dims: as NumPy's reshape of the whole tensor, one -1 allowed, batch included; `rows` is kept where the input has
 * them: then dims[0] counts per row (or is -1). A view, no work. */
hp_value hp_emit_reshape(hp_builder *b, hp_value x, int rank, const int64_t *dims);
/* x again, as a value of its own: one that has no mask. A view, no work. */
hp_value hp_emit_alias(hp_builder *b, hp_value x);
hp_value hp_emit_transpose(hp_builder *b, hp_value x, const int *permutation); /* `rank` entries */
/* Per axis: begin, count, step (step may be negative; begin is then the first element taken). */
hp_value hp_emit_slice(hp_builder *b, hp_value x, const int64_t *begin, const int64_t *count, const int64_t *step);
typedef enum hp_pad_mode { HP_PAD_CONSTANT, HP_PAD_REFLECT, HP_PAD_SYMMETRIC, HP_PAD_EDGE } hp_pad_mode;
hp_value hp_emit_pad(
    hp_builder *b, hp_value x, const int64_t *before, const int64_t *after, hp_pad_mode mode, double value);
hp_value hp_emit_concat(hp_builder *b, const hp_value *values, int count, int axis);
hp_value hp_emit_broadcast(hp_builder *b, hp_value x, const hp_shape *shape);
hp_value hp_emit_repeat(hp_builder *b, hp_value x, int axis, int64_t repeats); /* numpy.repeat: each element */
hp_value hp_emit_tile(hp_builder *b, hp_value x, int axis, int64_t repeats);   /* numpy.tile along one axis */
/* numpy.take: table[dims], indices of any integer dtype -> the table's dims with `axis` replaced by the indices'. An
 * index may be negative (counts from the end); one outside is HP_ERROR_ROW. Either side may have rows, not both;
 * indices with rows go with axis 0. */
hp_value hp_emit_gather(hp_builder *b, hp_value table, hp_value indices, int axis);
/* Spatial resize of [batch, height, width, channels]; see hp_resize_params. The result is float32, but of a nearest
 * resize, which keeps the dtype. */
hp_value hp_emit_resize(hp_builder *b, hp_value x, const hp_resize_params *params);

/* ---- categories */
/* numpy.digitize: how many of the ascending `boundaries` (float32, one axis) are at most x; int32. */
hp_value hp_emit_bucketize(hp_builder *b, hp_value x, hp_value boundaries);
/* Indices as vectors of `depth` float32 (see hp_encoding); an index past them is left out, a negative one too or, where
 * `strict`, is HP_ERROR_ROW. weights: float32 of the indices' shape, or float64 (the vectors, too), or HP_NO_VALUE; for
 * HP_ENCODING_COUNT. */
hp_value hp_emit_encode(
    hp_builder *b, hp_value indices, hp_value weights, hp_encoding encoding, int64_t depth, bool strict);
/* Buckets of strings, integers or float32 (cut to integers); int64. mask: the string that becomes 0, as uint8 (only of
 * a masked hash of strings), or HP_NO_VALUE. */
hp_value hp_emit_hash(hp_builder *b, hp_value x, hp_value mask, const hp_hash_params *params);
/* Indices of the elements of x, strings or int64, by a vocabulary: keys int64[n], or uint8 with all strings and their
 * int64[n + 1] offsets (HP_NO_VALUE with integers), constants both; int64. */
hp_value hp_emit_lookup(hp_builder *b, hp_value x, hp_value keys, hp_value offsets, const hp_lookup_params *params);
/* The words of text[batch, 1] (with HP_SPLIT_NOT text[batch, words]) as int64 indices[batch, size], or float32 vectors
 * [batch, size] that count or mark them. */
hp_value hp_emit_vectorize_text(
    hp_builder *b, hp_value text, hp_value keys, hp_value offsets, const hp_text_params *params);
/* Fingerprints of several tensors of one shape, element by element joined from `seed` on; buckets as above; int64. */
hp_value hp_emit_hash_cross(hp_builder *b, const hp_value *values, int count, uint64_t seed, uint64_t buckets);

/* ---- recurrent layers; see hp_rnn_params. x[batch, time, features], mask[batch, time] bool or HP_NO_VALUE,
 * states: initial ones or HP_NO_VALUE. Outputs: [0] sequence or last output, [1..] last states. */
void hp_emit_rnn(hp_builder *b, hp_value x, hp_value mask, const hp_value *states, hp_value kernel,
    hp_value recurrent_kernel, hp_value bias, const hp_rnn_params *params, hp_value *outputs);

#endif
