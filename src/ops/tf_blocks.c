/* tf_blocks.c: blocks of places as images of their own in the batch, and back (tf.space_to_batch, tf.batch_to_space), which is how
 * TensorFlow dilates convolutions.
 *
 * TensorFlow has the blocks outermost in the batch. Where the rows are free they stay outermost, and the value says so
 * (prims/builder_rows.h): what is done to each image, and the way back, take no notice. */
#include <string.h>

#include "ops/op.h"
#include "prims/builder_rows.h"

typedef struct config {
    const hp_json *block_shape, *paddings;
} config;

typedef struct blocks {
    int count; /* of axes behind the batch's */
    int64_t size[HP_MAX_RANK], before[HP_MAX_RANK], after[HP_MAX_RANK], product;
} blocks;

#define FIELDS HP_JSON_FIELD(config, block_shape), HP_JSON_FIELD(config, paddings), HP_FIELDS_END

/* The blocks, and what is put around the axes, or cut off of them. False: reported. */
static bool parse(hp_builder *b, const hp_call *call, const config *c, hp_value x, blocks *k) {
    hp_shape shape = *hp_builder_shape(b, x);
    const hp_json *sizes = hp_op_setting(b, call, -1, "block_shape", c->block_shape);
    const hp_json *around = hp_op_setting(b, call, -1, "paddings", c->paddings);
    memset(k, 0, sizeof *k);
    k->product = 1;
    k->count = b->status == HP_OK ? hp_op_integers(b, sizes, 0, k->size) : 0;
    bool fits = k->count < shape.rank && shape.rank + k->count <= HP_MAX_RANK && hp_json_is(around, HP_JSON_ARRAY) &&
                (int)around->count == k->count;
    for (int i = 0; i < k->count && fits; i++) {
        const hp_json *pair = hp_json_at(around, (size_t)i), *first = hp_json_at(pair, 0),
                      *second = hp_json_at(pair, 1);
        fits = hp_json_is(first, HP_JSON_INT) && hp_json_is(second, HP_JSON_INT) && first->integer >= 0 &&
               second->integer >= 0 && k->size[i] >= 1 && k->size[i] <= 4096 / k->product;
        if (!fits) break;
        k->before[i + 1] = first->integer;
        k->after[i + 1] = second->integer;
        k->product *= k->size[i];
    }
    if (b->status == HP_OK && !fits)
        hp_builder_fail(b, HP_ERROR_SHAPE, "block_shape and paddings do not fit the tensor");
    return b->status == HP_OK;
}

/* [batch, a * size ...] -> [sizes ..., batch, a ...] -> [sizes * batch, a ...], with rows [batch * sizes, a ...] */
HP_TF_OP(SpaceToBatch, FIELDS) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    blocks k;
    if (!parse(b, call, layer->config, x, &k)) return;
    x = hp_emit_pad(b, x, k.before, k.after, HP_PAD_CONSTANT, 0);
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[HP_MAX_RANK] = {shape.dims[0]};
    int permutation[HP_MAX_RANK] = {0}, rank = 1, first = shape.rows ? 1 : 0; /* the first of the blocks */
    for (int i = 0; i < k.count && b->status == HP_OK; i++) {
        if (shape.dims[i + 1] % k.size[i] != 0)
            hp_builder_fail(b, HP_ERROR_SHAPE, "axis %d of %lld is not made of blocks of %lld", i + 1,
                (long long)shape.dims[i + 1], (long long)k.size[i]);
        shape.dims[i + 1] /= k.size[i];
        dims[rank++] = shape.dims[i + 1];
        permutation[first + i] = rank;
        dims[rank++] = k.size[i];
    }
    if (first == 0) permutation[k.count] = 0;
    for (int i = 0; i < k.count; i++) permutation[k.count + 1 + i] = 2 * i + 1;
    for (int i = k.count + 1; i < shape.rank; i++) {
        permutation[rank] = rank;
        dims[rank++] = shape.dims[i];
    }
    x = hp_emit_transpose(b, hp_emit_reshape(b, x, rank, dims), permutation);
    shape.dims[0] *= k.product;
    x = hp_emit_reshape(b, x, shape.rank, shape.dims);
    hp_call_output(b, call, shape.rows && k.product > 1 ? hp_builder_rows_within(b, x, k.product) : x);
}

/* The way back; what lay around is cut off. */
HP_TF_OP(BatchToSpace, FIELDS) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    blocks k;
    if (!parse(b, call, layer->config, x, &k)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_value images = hp_builder_rows_without(b, x, k.product);
    int64_t dims[HP_MAX_RANK], step[HP_MAX_RANK];
    int first = images != HP_NO_VALUE ? 1 : 0, permutation[HP_MAX_RANK] = {first ? 0 : k.count}, rank = 1;
    if (shape.rows && !first && k.product > 1) hp_builder_mixes_rows(b, "rows become blocks of an image");
    if (first) x = images;
    if (shape.dims[0] % k.product != 0)
        hp_builder_fail(b, HP_ERROR_SHAPE, "%lld rows are not made of blocks of %lld", (long long)shape.dims[0],
            (long long)k.product);
    memcpy(dims + k.count, shape.dims, (size_t)shape.rank * sizeof *dims);
    memcpy(dims + first, k.size, (size_t)k.count * sizeof *dims);
    shape.dims[0] /= k.product;
    dims[first ? 0 : k.count] = shape.dims[0];
    for (int i = 0; i < k.count; i++) {
        permutation[rank++] = k.count + 1 + i;
        permutation[rank++] = first + i;
        shape.dims[i + 1] *= k.size[i];
    }
    for (; rank < shape.rank + k.count; rank++) permutation[rank] = rank;
    x = hp_emit_transpose(b, hp_emit_reshape(b, x, rank, dims), permutation);
    x = hp_emit_reshape(b, x, shape.rank, shape.dims);
    for (int i = 0; i < shape.rank; i++) {
        shape.dims[i] -= k.before[i] + k.after[i];
        step[i] = 1;
        if (shape.dims[i] < 0) hp_builder_fail(b, HP_ERROR_SHAPE, "more is cut off than axis %d has", i);
    }
    if (b->status == HP_OK) hp_call_output(b, call, hp_emit_slice(b, x, k.before, shape.dims, step));
}
