/* params.h: parameters of the primitives that lowering chooses: plain data, zeroed padding (they are hashed). */
#ifndef HP_PRIMS_PARAMS_H
#define HP_PRIMS_PARAMS_H

#include <stdbool.h>
#include "kernels/kernels.h" /* hp_unary, hp_binary, hp_activation, hp_pool_mode */

#define HP_MAX_SPATIAL 3

/* Convolutions, channels last; spatial axes in Keras's order (1 to 3 of them), counted from 0. */
typedef struct hp_conv_params {
    int32_t spatial; /* number of spatial axes */
    int32_t groups;  /* 1 for most; ignored by depthwise */
    int64_t strides[HP_MAX_SPATIAL];
    int64_t dilation[HP_MAX_SPATIAL];
    int64_t pad_before[HP_MAX_SPATIAL], pad_after[HP_MAX_SPATIAL]; /* resolved: zeros around; may not be negative.
        Transposed: what is cut off the full output instead (pad_after may be negative: output_padding adds) */
} hp_conv_params;

/* Averages leave the padding out of the count, as Keras does; maxima take it as -infinity. With `zeros` it is zeros that count:
 * what was put around the tensor before. */
typedef struct hp_pool_params {
    int32_t spatial;
    int32_t mode; /* hp_pool_mode */
    int64_t zeros;
    int64_t pool_size[HP_MAX_SPATIAL];
    int64_t strides[HP_MAX_SPATIAL];
    int64_t pad_before[HP_MAX_SPATIAL], pad_after[HP_MAX_SPATIAL];
} hp_pool_params;

typedef enum hp_compare_op {
    HP_EQUAL,
    HP_NOT_EQUAL,
    HP_LESS,
    HP_LESS_EQUAL,
    HP_GREATER,
    HP_GREATER_EQUAL
} hp_compare_op;
/* Of bools; of integers bit by bit. Shifts and gcd are of integers alone; a shift by the width or more gives 0 (-1 to the
 * right of a negative one), one by less than 0 is by 0. */
typedef enum hp_logical_op { HP_AND, HP_OR, HP_XOR, HP_NOT, HP_SHIFT_LEFT, HP_SHIFT_RIGHT, HP_GCD } hp_logical_op;
typedef enum hp_reduction {
    HP_REDUCTION_SUM,
    HP_REDUCTION_MEAN,
    HP_REDUCTION_MAX,
    HP_REDUCTION_MIN,
    HP_REDUCTION_PROD,
    HP_REDUCTION_ANY,
    HP_REDUCTION_ALL,
    HP_REDUCTION_ARGMAX,
    HP_REDUCTION_ARGMIN /* one axis; int32 out */
} hp_reduction;

/* What becomes of an element of x where an update u stands. */
typedef enum hp_scatter {
    HP_SCATTER_REPLACE, /* u; the last one where there are several */
    HP_SCATTER_ADD,
    HP_SCATTER_MAX,
    HP_SCATTER_MIN,
    HP_SCATTER_MULTIPLY
} hp_scatter;

typedef enum hp_resize_method {
    HP_RESIZE_NEAREST,
    HP_RESIZE_BILINEAR,
    HP_RESIZE_BICUBIC,
    HP_RESIZE_LANCZOS3,
    HP_RESIZE_LANCZOS5,
    HP_RESIZE_AREA,
    HP_RESIZE_GAUSSIAN,
    HP_RESIZE_MITCHELLCUBIC
} hp_resize_method;

/* As tf.image.resize (half-pixel centres), which Keras's TensorFlow backend calls. */
typedef struct hp_resize_params {
    int64_t height, width;
    int32_t method; /* hp_resize_method */
    int32_t antialias;
} hp_resize_params;

/* How indices become vectors of `depth` numbers. */
typedef enum hp_encoding {
    HP_ENCODING_ONE_HOT,   /* each index a vector of its own */
    HP_ENCODING_MULTI_HOT, /* the last axis of indices becomes one vector: 1 where an index is among them */
    HP_ENCODING_COUNT      /* ... how often, or the sum of the weights */
} hp_encoding;

/* Strings (or integers, as decimal text) to numbers from 0 up to, not including, `buckets`. */
typedef struct hp_hash_params {
    uint64_t buckets;
    uint64_t key[2]; /* of SipHash */
    double mask;     /* numbers equal to it become 0, and buckets count from 1; of strings: input 1 */
    int32_t strong;  /* SipHash-2-4, else FarmHash64's fingerprint */
    int32_t masked;
} hp_hash_params;

/* Places in a vocabulary as indices. */
typedef struct hp_lookup_params {
    int64_t start;   /* the index of the first word */
    int64_t missing; /* of what is not in the vocabulary */
    int64_t mask;    /* masked: of the last word, which is the mask */
    int32_t masked;
    int32_t strict; /* what is missing is HP_ERROR_ROW */
} hp_lookup_params;

typedef enum hp_text_split { HP_SPLIT_NOT, HP_SPLIT_WHITESPACE, HP_SPLIT_CHARACTER } hp_text_split;

/* Text to indices, as keras/src/layers/preprocessing/text_vectorization.py; the vocabulary's last word is the mask. */
typedef struct hp_text_params {
    int64_t start, missing, mask; /* as above */
    int64_t size;                 /* of a row of the result */
    int32_t encoding;             /* hp_encoding; ONE_HOT: the indices themselves, cut off or zeros behind them */
    int32_t split;                /* hp_text_split */
    int32_t lower, strip_punctuation;
    int32_t width_count;
    int32_t widths[7]; /* of n-grams, in the order of the result */
} hp_text_params;
/* Phrases of the longest of `count` texts (hp_string), for hp_builder_measure. */
int64_t hp_text_longest(const void *params, const void *texts, int64_t count);

/* softmax(scale * query key^T) value for every head, as keras/src/backend/tensorflow/nn.py dot_product_attention: query
 * head h reads the head h / (heads / key_heads) of keys and values. Each of the three inputs has its heads side by side in
 * its last axis, from `..._offset` on: so one tensor may hold all three. */
typedef struct hp_attention_params {
    int64_t heads, key_heads;     /* the first a multiple of the second */
    int64_t key_size, value_size; /* of one head */
    int64_t query_offset, key_offset, value_offset;
    float scale;    /* above 0 */
    int32_t hidden; /* hp_hidden */
    int32_t causal; /* a query does not see the keys past its own place */
    int32_t zero;
} hp_attention_params;

typedef enum hp_rnn_cell { HP_RNN_SIMPLE, HP_RNN_LSTM, HP_RNN_GRU } hp_rnn_cell;

/* keras/src/layers/rnn/{simple_rnn,lstm,gru}.py: gate order i f c o for LSTM, z r h for GRU; bias of a GRU with
 * reset_after has two rows. Masked steps repeat the last output and keep the state, as keras/src/backend/tensorflow
 * rnn.py does (zero_output_for_mask: masked steps of a sequence give zeros). */
typedef struct hp_rnn_params {
    int32_t cell;
    int32_t units;
    int32_t return_sequences, go_backwards, reset_after, zero_output_for_mask;
    hp_activation activation, recurrent_activation;
} hp_rnn_params;

#endif
