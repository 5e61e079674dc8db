/* kernels.h: the arithmetic, once per ISA: a table of function pointers with the tile sizes that belong to
 * them.
 *
 * Kernels take raw pointers and sizes. They know no tensors and no layers, allocate nothing, start no
 * threads, never fail, and may be called from any thread. All counts may be zero (then nothing is read or
 * written). Sizes and strides are in elements, not bytes; a "stride" is the distance between rows, a "step"
 * (0 or 1) that between elements of a row. Pointers need no alignment beyond a float's, unless said. Nothing
 * outside the described rows is read or written. Outputs overlap no input unless said.
 *
 * Invariant: one row's result is bit-identical whatever the number of rows, the row's position, and the split
 * of rows and columns over calls. The order of every sum depends on the length of the sum alone; tails use
 * the same vector code and the same fused multiply-adds. A packed operand belongs to the table whose function
 * packed it. */
#ifndef HP_KERNELS_KERNELS_H
#define HP_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* ---- elementwise functions
 * ------------------------------------------------------------------------------------ */

typedef enum hp_unary {
#define UNARY(name, id, parameters) HP_UNARY_##id,
#include "kernels/unary.def"
#undef UNARY
    HP_UNARY_COUNT
} hp_unary;

typedef enum hp_binary {
#define BINARY(name, id) HP_BINARY_##id,
#include "kernels/binary.def"
#undef BINARY
    HP_BINARY_COUNT
} hp_binary;

typedef enum hp_reduce {
#define REDUCE(name, id) HP_REDUCE_##id,
#include "kernels/reduce.def"
#undef REDUCE
    HP_REDUCE_COUNT
} hp_reduce;

/* A unary function with its parameters (meaning: see unary.def; unused ones are ignored). Zeroed: identity.
 * Plain relu is {HP_UNARY_RELU, {0, INFINITY, 0}}. */
typedef struct hp_activation {
    hp_unary op;
    float params[4];
} hp_activation;

/* The names in the lists ("relu", "maximum", "sum"), for messages and tests. */
extern const char *const hp_unary_names[HP_UNARY_COUNT];
extern const char *const hp_binary_names[HP_BINARY_COUNT];
extern const char *const hp_reduce_names[HP_REDUCE_COUNT];
extern const unsigned char hp_unary_parameters[HP_UNARY_COUNT]; /* how many of params are read */

/* What gemm, conv and depthwise do to a sum before it is stored: activation(bias[column] + sum + residual).
 */
typedef struct hp_epilogue {
    const float *bias;      /* a value per column of C; NULL: 0 */
    const float *residual;  /* shaped like C, its own stride; NULL: 0. May be C itself (same place, same stride). */
    size_t residual_stride; /* between its rows */
    hp_activation activation;
} hp_epilogue;

/* ---- gemm
 * ----------------------------------------------------------------------------------------------------- */

/* C[m][n] = epilogue(A[m][k] * B[k][n]).
 *
 * gemm_packed_size(k, n): floats that the packed B takes.
 * gemm_pack(packed, b, row_stride, column_stride, k, n): packs b[i * row_stride + j * column_stride], i < k,
 * j < n; a transposed B packs with its strides exchanged. `packed` should start on a cache line. gemm(args):
 * all rows, and the columns [column_begin, column_end). column_begin must be a multiple of the table's
 *   gemm_nr, column_end one or n. Column numbers count from the start of c, bias and residual, whatever
 * column_begin. k = 0 gives epilogue(0). A B of HP_GEMM_PREFIX_COLUMNS to gemm_nr columns serves any
 * smaller k as well: then its first k rows count.
 * gemm_scale(scaled, packed, factors, k, n): a packed B whose row i is factors[i] times that of `packed`. */
enum { HP_GEMM_PREFIX_COLUMNS = 8 };

typedef struct hp_gemm {
    size_t m, n, k;
    const float *a; /* row-major, k contiguous */
    size_t a_stride;
    const float *b; /* packed by this table's gemm_pack with the same k and n */
    float *c;
    size_t c_stride;
    size_t column_begin, column_end;
    hp_epilogue epilogue;
} hp_gemm;

/* ---- sliding windows: conv, depthwise, pool
 * -------------------------------------------------------------------- */

/* Output pixel o reads, through tap t, input position o * stride - pad + t * dilation where that is in [0, input). */
typedef struct hp_axis {
    size_t input, output, taps, stride, dilation;
    ptrdiff_t pad;
} hp_axis;

/* Which input positions an output pixel reads, for one image; made once per plan, used for every image, and
 * by every layer of the same geometry (1, 2, 3 dimensions, strides, dilation: all are just another table).
 *
 * index[pixel * taps + tap] is an input position (its channels start at image + position * x_stride), or
 * negative: padding, outside the image. */
typedef struct hp_window {
    const int32_t *index;
    size_t pixels; /* output pixels of one image */
    size_t taps;
    /* What the table was made of, outermost axis first; an output of 0 in the last one: unknown. Only speed. */
    hp_axis axes[3];
} hp_window;

/* y[row][n] = epilogue(sum over taps and channels of x[tap of row][channel] * w[tap][channel][n]).
 *
 * Rows are output pixels numbered through all images: row = image * pixels + pixel. Rows [row_begin, row_end)
 * are computed, columns [column_begin, column_end) as in gemm (multiples of gemm_nr). conv_packed_size and
 * conv_pack are as for gemm with k = taps * channels, and with conv_runs(window, channels) runs, into which k is divided:
 * Keras's kernel [taps...][channels][n] is that matrix with row_stride n and column_stride 1. For a convolution in groups call once a group, with x, y, bias and
 * residual moved to the group's channels, and pack its columns of the kernel. A 1x1 convolution with stride 1
 * is a gemm, and faster as one. */
typedef struct hp_conv {
    hp_window window;
    const float *x;
    size_t x_stride;       /* between input positions */
    size_t x_image_stride; /* between images */
    size_t channels;       /* of input read per position, contiguous */
    const float *zeros;    /* at least `channels` zeros: what a padding tap reads */
    const float *w;        /* packed by this table's conv_pack */
    size_t n;              /* output channels */
    float *y;              /* of row_begin */
    size_t y_stride;       /* between rows, across images too */
    size_t row_begin, row_end;
    size_t column_begin, column_end;
    hp_epilogue epilogue; /* residual of row_begin */
} hp_conv;

/* The forms of winograd.def: tiles of outputs and taps. */
typedef enum hp_winograd_form {
#define WINOGRAD(id, rows, columns, row_taps, column_taps) HP_WINOGRAD_##id,
#define WINOGRAD_STRIDED(id, rows, columns, row_taps, column_taps) HP_WINOGRAD_##id,
#include "kernels/winograd.def"
#undef WINOGRAD
    HP_WINOGRAD_COUNT
} hp_winograd_form;

/* Forms at stride 2 take at most so many channels, which lie side by side (x_across is their number), and images without depth;
 * their weights are transformed when they are packed. */
#define HP_WINOGRAD_STRIDED_CHANNELS 4

/* A convolution at stride 1 or 2 as hp_conv's, by tiles of outputs with fewer multiplications and other rounding. Images are
 * height x width positions, x_down and x_across apart, so that the positions of a dilated window are an image of their
 * own, as is a column under a vertical window (exchange the axes). Tiles are numbered through all images:
 * tile = (image * tile rows + row) * tile columns + column; as few as there can be, along each axis of about one size.
 *
 * With depth_taps > 1 an image is `slices` such planes, x_slice apart, and the window takes depth_taps of them at stride 1:
 * a 3D convolution. Its tiles, out_slices times as many, are numbered image by image, in no order that a caller may know.
 * With depth_taps 1 there is one slice.
 *
 * Transformed weights are up to four times as many. `streamed` (with depth_taps 1 only): they are packed as they are, and
 * transformed by each call, which pays where reading them would take longer than that.
 *
 * winograd_packed_size(form, streamed, depth_taps, channels, n): floats of the packed weights. winograd_pack(form, streamed,
 * packed, w, row_stride, column_stride, depth_taps, channels, n): packs [depth_taps][taps][channels][n] as conv_pack.
 * winograd_workspace(form, streamed, depth_taps, channels, n): floats of workspace, whatever the number of tiles. A tile
 * with an output (before the activation) that is not finite is done again from the plain weights, in the order of the
 * definition. */
typedef struct hp_winograd {
    hp_winograd_form form;
    int streamed;
    const float *x;
    size_t x_image_stride, x_down, x_across;
    size_t height, width;     /* of an input image */
    size_t pad_top, pad_left; /* positions outside are zeros on all sides */
    size_t depth_taps, slices, pad_front, x_slice;
    size_t channels;
    const float *zeros;  /* at least `channels` zeros */
    const float *w;      /* packed by this table's winograd_pack */
    const float *plain;  /* what was packed, with column_stride 1; not read where weights are streamed */
    size_t plain_stride; /* its row_stride */
    size_t n;
    float *y; /* of pixel 0; a residual lies as y does, whatever its residual_stride */
    size_t y_image_stride, y_down, y_across;
    size_t out_height, out_width;
    size_t out_slices, y_slice;
    size_t tile_begin, tile_end;
    size_t column_begin, column_end; /* as in gemm */
    float *workspace;                /* on a cache line */
    hp_epilogue epilogue;
} hp_winograd;

/* y[row][c * multiplier + j] = epilogue(sum over taps of x[tap of row][c] * w[tap][c][j]); rows as in
 * hp_conv. w is Keras's kernel as it is, [taps...][channels][multiplier]. Padding taps are skipped. For a
 * part of the channels move x, w, y, bias and residual, and give w_stride. */
typedef struct hp_depthwise {
    hp_window window;
    const float *x;
    size_t x_stride, x_image_stride;
    size_t channels, multiplier;
    const float *zeros; /* at least `channels` zeros: what a padding tap reads */
    const float *w;
    size_t w_stride; /* between taps: channels * multiplier of the whole kernel */
    float *y;
    size_t y_stride;
    size_t row_begin, row_end;
    hp_epilogue epilogue;
} hp_depthwise;

/* The same for output rows [row_begin, row_end) of one 2D image, with one output per channel and without a table: the
 * faster way. Input row i lies at x + (x_first + i) % x_rows * x_row_stride, so that x may be a ring of the last x_rows
 * rows; those that the taps of [row_begin, row_end) reach must be there. Pairs are (height, width).
 *
 * With y_width of at least HP_PLANE_IN_PLACE, outputs may lie where inputs were: an element of row r is stored after the
 * last use of what lies, seen from the first tap row of r, in earlier rows or up to its own first tap column. */
#define HP_PLANE_TAP_ROWS 16
#define HP_PLANE_IN_PLACE 8
typedef struct hp_depthwise_plane {
    const float *x;
    size_t x_stride; /* between columns */
    size_t x_row_stride, x_rows, x_first;
    size_t height, width; /* of the input */
    size_t channels;
    size_t kernel[2];                           /* at most HP_PLANE_TAP_ROWS high */
    size_t strides[2], dilation[2], padding[2]; /* before */
    const float *w;
    size_t w_stride;
    float *y; /* of row_begin; rows lie y_width pixels apart */
    size_t y_stride, y_width;
    size_t row_begin, row_end;
    hp_epilogue epilogue; /* residual of row_begin */
} hp_depthwise_plane;

typedef enum hp_pool_mode {
    HP_POOL_MAX,     /* over the taps inside the image; NaN if one is NaN; -infinity without any */
    HP_POOL_AVERAGE, /* sum / number of taps inside the image; 0 without any */
} hp_pool_mode;

typedef struct hp_pool {
    hp_pool_mode mode;
    int zeros; /* taps outside the image count as zeros */
    hp_window window;
    const float *x;
    size_t x_stride, x_image_stride;
    size_t channels;
    float *y;
    size_t y_stride;
    size_t row_begin, row_end;
    hp_activation activation;
} hp_pool;

/* ---- elementwise
 * ---------------------------------------------------------------------------------------------- */

/* unary: y[i] = op(x[i]); y may be x. unary_rows: the same for `rows` rows of n, with strides.
 * binary: y[i] = op(a[i * a_step], b[i * b_step]), steps 0 or 1; y may be a or b where that one's step is 1.
 */

/* y[r * y_stride + i] = op(a[r * a_stride + i * a_step], b[r * b_stride + i * b_step]); strides may be 0 for
 * a and b. */
typedef struct hp_binary_rows {
    hp_binary op;
    float *y;
    size_t y_stride;
    const float *a;
    size_t a_stride, a_step;
    const float *b;
    size_t b_stride, b_step;
    size_t rows, n;
} hp_binary_rows;

/* ---- reductions
 * ----------------------------------------------------------------------------------------------- */

/* reduce_rows: y[i] = op over r < rows of x[r * x_stride + i], i < n (global pooling; an axis that is not the
 * last). reduce_columns: y[r] = op over i < n of x[r * x_stride + i], r < rows (the last axis). Over nothing:
 * sum 0, mean NaN, max -infinity, min infinity, product 1, logsumexp -infinity. */

/* ---- softmax, normalisation
 * ----------------------------------------------------------------------------------- */

/* softmax, log_softmax: over each row's n values; y may be x. A row of only -infinity, or with NaN or
 * +infinity, gives what TensorFlow gives (NaN). */

/* What a key that a query may not see counts for. A row of which all keys are hidden: */
typedef enum hp_hidden {
    HP_HIDDEN_LOWEST, /* averages all */
    HP_HIDDEN_ZERO,   /* has weights of 0 */
    HP_HIDDEN_OFFSET, /* goes by its scores less 1e9 */
} hp_hidden;

/* attention_weights: scores become exp(scale * score - the row's highest), hidden keys 0 (see hp_hidden), and
 * inverse[r] = 1 / their sum (0 where n is 0). scale > 0. */
typedef struct hp_attention_weights {
    float *scores; /* [rows][n] */
    size_t stride;
    size_t rows, n;
    float scale;
    const unsigned char *mask; /* a row's n bytes, 0: hidden; NULL: all are seen */
    size_t mask_stride;        /* between rows; may be 0 */
    int causal;                /* row r does not see the keys past first + r */
    size_t first;
    hp_hidden hidden;
    float *inverse; /* [rows] */
} hp_attention_weights;

/* attention: y[r] = sum over keys of weight[r][k] * value[k], the weights those above of scale * query[r] . key[k], divided by
 * their sum; without a mask. With many queries (a vector of them or more) the faster way.
 *
 * attention_workspace(keys, key_size, value_size): floats of workspace. Parts of a head's queries give the same bits where
 * they begin at multiples of gemm_nr queries. */
typedef struct hp_attention {
    const float *query, *key, *value; /* [queries][key_size], [keys][key_size], [keys][value_size] */
    size_t query_stride, key_stride, value_stride;
    float *y; /* [queries][value_size]; 0 without keys */
    size_t y_stride;
    size_t queries, keys, key_size, value_size;
    float scale;
    int causal; /* query r does not see the keys past first + r */
    size_t first;
    float *workspace; /* on a cache line */
} hp_attention;

/* layer_norm: y = (x - mean) / sqrt(variance + epsilon) * scale + offset over each row's n values (variance
 * divides by n). rms_norm: y = x / sqrt(mean(x^2) + epsilon) * scale + offset. y may be x. */
typedef struct hp_norm {
    float *y;
    size_t y_stride;
    const float *x;
    size_t x_stride;
    size_t rows, n;
    float epsilon;
    int uncentered;      /* layer_norm only: leave out "- mean" (Keras's rms_scaling); the variance stays as it is */
    const float *scale;  /* n values; NULL: 1 */
    const float *offset; /* n values; NULL: 0 */
} hp_norm;

/* y[r][i] = activation(x[r][i] * scale[i] + offset[i]), with one rounding (fused) where the ISA has it; y may
 * be x. */
typedef struct hp_channel_affine {
    float *y;
    size_t y_stride;
    const float *x;
    size_t x_stride;
    size_t rows, n;
    const float *scale;  /* NULL: 1 */
    const float *offset; /* NULL: 0 */
    hp_activation activation;
} hp_channel_affine;

/* ---- moving data
 * ---------------------------------------------------------------------------------------------- */

/* transpose: y[i * y_stride + r] = x[r * x_stride + i], r < rows, i < n.
 * copy_rows: y[r * y_stride + i] = x[r * x_stride + i]; x_stride 0 repeats one row.
 * gather_rows: y[r * y_stride + i] = table[index[r] * table_stride + i]; a negative index gives zeros; the
 * caller has checked that none is too large. fill: y[i] = value. */

/* ---- recurrent cells
 * ------------------------------------------------------------------------------------------ */

/* One step of an LSTM: z = A B + bias with A's rows [x_t, h], gates in Keras's order (input, forget, candidate, output):
 * c_out = recurrent(z_f) * c_in + recurrent(z_i) * act(z_c);  h = recurrent(z_o) * act(c_out).
 *
 * lstm_packed_size(k, units): floats that the packed weights take. lstm_pack(packed, w, k, units): packs w[k][4 units],
 * Keras's kernel above its recurrent kernel. z never leaves the cache: a tile of rows gets all four gates of some units.
 * c_out may be c_in; h and y may not overlap A. */
typedef struct hp_lstm_step {
    size_t rows, units, k;
    const float *a;
    size_t a_stride;
    const float *b;    /* packed by this table's lstm_pack, on a cache line */
    const float *bias; /* [4 units]; NULL: 0 */
    const float *c_in;
    size_t c_in_stride;
    float *c_out;
    size_t c_out_stride;
    float *h;
    size_t h_stride;
    float *y; /* h once more; NULL: nowhere */
    size_t y_stride;
    hp_activation activation, recurrent_activation;
} hp_lstm_step;

/* One step of a GRU with reset_after=True, gates in Keras's order (update z, reset r, candidate c), A's rows [x_t, h]:
 * z = recurrent(x W_z + h U_z + b); r = recurrent(x W_r + h U_r + b); c = act(x W_c + b_c + r * (h U_c + b'_c));
 * h = z * h + (1 - z) * c.
 *
 * gru_is_fused(k): whether this is faster than two gemms and gru_gates. gru_packed_size(k, units): floats that the packed
 * weights take. gru_pack(packed, w, k, units): packs w[k][3 units], Keras's kernel above its recurrent kernel. h and y may not
 * overlap A. */
typedef struct hp_gru_step {
    size_t rows, units, features; /* of x; k = features + units */
    const float *a;
    size_t a_stride;
    const float *b;    /* packed by this table's gru_pack, on a cache line */
    const float *bias; /* [2][3 units]: of the kernel, of the recurrent kernel; NULL: 0 */
    float *h;
    size_t h_stride;
    float *y; /* h once more; NULL: nowhere */
    size_t y_stride;
    hp_activation activation, recurrent_activation;
} hp_gru_step;

/* The same behind gemms, `gate_stride` (at least units) floats from the start of one gate to the next.
 *
 * gru_gates with recurrent != NULL (reset_after=True): given x W + b_input and h U + b_recurrent (3 * units
 * each), z = rec(x_z + h_z); r = rec(x_r + h_r); c = act(x_c + r * h_c); h_out = z * h_in + (1 - z) * c.
 * gru_gates with recurrent == NULL (reset_after=False, second half): input holds z already activated (by
 * gru_reset) and, as the third part, x_c + (r * h) U_c + b_c: c = act(it), the same update. input is
 * overwritten. h_out may be h_in. */
typedef struct hp_gru_gates {
    float *input; /* [rows][3 gates] */
    size_t input_stride;
    const float *recurrent; /* [rows][3 gates] or NULL */
    size_t recurrent_stride;
    size_t gate_stride; /* of both */
    const float *h_in;
    size_t h_in_stride;
    float *h_out;
    size_t h_out_stride;
    size_t rows, units;
    hp_activation activation, recurrent_activation;
} hp_gru_gates;

/* reset_after=False, first half: input's first two parts are x W + h U + b of z and r; they become rec(z) and
 * rec(r), and reset_h = r * h_in. */
typedef struct hp_gru_reset {
    float *input; /* [rows][3 * units]; the third part is not touched */
    size_t input_stride;
    const float *h_in;
    size_t h_in_stride;
    float *reset_h; /* [rows][units] */
    size_t reset_h_stride;
    size_t rows, units;
    hp_activation recurrent_activation;
} hp_gru_reset;

/* ---- numbers of text
 * ------------------------------------------------------------------------------------------- */

/* text_find(places, most, text, n, a, b): stores the places in text[0, n) of the bytes a and b, ascending, and returns how
 * many. Stops early, at a multiple of 64 bytes, where fewer than
 * 64 of `most` places are left. `places` has room for `most`, of which any may be written to; n is below 2^31. */

/* text_lines(starts, most, text, from, n, end): stores the places behind the line feeds of text[from, n), ascending, and returns
 * how many. text[from] begins a line. Stops early, *end - from being a multiple of 64, where fewer than 64 of `most` places
 * are left, or where the next 64 bytes (or what is left) hold a quote (") or begin a blank line, LF or CR LF; else *end = n.
 * `starts` has room for `most`, of which any may be written to. */

/* Fields of text, for text_floats and text_doubles: field i is what stands between places before[i] and end[i] of `text`,
 * the places of two separators (before[i] may be -1). Places may be negative; 31 bytes before the least one can be read,
 * and nothing behind the end of a field is but the separator itself. */
typedef struct hp_text_fields {
    const char *text;
    const int32_t *before, *end;
    size_t n;
} hp_text_fields;

/* Numbers, rounded once: what strtof and strtod give in the C locale. A field is read if it is a minus or none, digits, and
 * a point or none before, between or behind them, and nothing else. Others, and such as are long or hard to round, are odd:
 * their places are stored in `odd` (room for n + 1), ascending, what is in y there means nothing, and the caller does them
 * another way. Which ones those are depends on the ISA, numbers do not. Returns how many are odd. y has n elements. */

/* text_put_floats(x, n, powers, texts, sizes): number i, in the fewest digits that give it back, goes to 16 bytes at
 * texts + 16 * i, and its length to sizes[i]; 0: it is left to the caller (the text is longer, x is not finite or denormal, or
 * this ISA has no way for it). powers[2 * q] is 5^q cut to 64 bits of which the top one is set, for q from -46 to 46. Both have
 * room for n rounded up to a multiple of 8; what is behind a text means nothing. */

/* ---- the table
 * ------------------------------------------------------------------------------------------------ */

/* fma_peak(iterations): runs `iterations` rounds of independent fused multiply-add chains and returns the
 * floating-point operations done; the caller takes the time. The checker's yardstick. */

typedef struct hp_kernels {
    const char *isa;      /* "base", "avx2", "avx512", "neon", ... */
    size_t vector_floats; /* floats in a vector */
    size_t gemm_mr;       /* rows of a full gemm and conv tile: a good row split is a multiple */
    size_t gemm_nr;       /* columns of a panel: a column split must be a multiple */
#define KERNEL(returned, name, arguments) returned(*name) arguments;
#include "kernels/kernels.def"
#undef KERNEL
} hp_kernels;

/* The kernels of the ISA of that name; NULL: the best that this CPU and its operating system support, or what
 * the environment variable HORNPIPE_ISA names. NULL returned: there is no such ISA in this build, or the
 * machine lacks it. The table is constant and lives for ever. */
const hp_kernels *hp_kernels_select(const char *isa);

/* The ISAs of this build, from plain to best, the last ones only chosen by name (tests): name, whether this
 * machine can run it. NULL past the end. */
const char *hp_kernels_isa_name(size_t i);
int hp_kernels_isa_usable(size_t i);

#endif
