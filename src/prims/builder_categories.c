/* builder_categories.c: emitters of what makes categories of values. See builder.h. */
#include <string.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/categories.h"
#include "prims/prim.h"

hp_value hp_emit_bucketize(hp_builder *b, hp_value x, hp_value boundaries) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value output;
    return hp_emit_node(b, &hp_prim_bucketize, NULL, 0, (const hp_value[]){x, boundaries}, 2, &output, 1);
}

hp_value hp_emit_encode(
    hp_builder *b, hp_value indices, hp_value weights, hp_encoding encoding, int64_t depth, bool strict) {
    indices = hp_emit_cast(b, indices, HP_INT64);
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, indices);
    if (encoding != HP_ENCODING_ONE_HOT && shape->rows && shape->rank == 1)
        return hp_builder_mixes_rows(b, "an encoding of all rows as one vector");
    hp_encode_params params;
    memset(&params, 0, sizeof params);
    params.depth = depth;
    params.encoding = (int32_t)encoding;
    params.strict = strict;
    hp_value output;
    return hp_emit_node(
        b, &hp_prim_encode, &params, sizeof params, (const hp_value[]){indices, weights}, 2, &output, 1);
}

hp_value hp_emit_hash(hp_builder *b, hp_value x, hp_value mask, const hp_hash_params *params) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value output;
    return hp_emit_node(b, &hp_prim_hash, params, sizeof *params, (const hp_value[]){x, mask}, 2, &output, 1);
}

hp_value hp_emit_lookup(hp_builder *b, hp_value x, hp_value keys, hp_value offsets, const hp_lookup_params *params) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value output;
    return hp_emit_node(
        b, &hp_prim_lookup, params, sizeof *params, (const hp_value[]){x, keys, offsets}, 3, &output, 1);
}

hp_value hp_emit_vectorize_text(
    hp_builder *b, hp_value text, hp_value keys, hp_value offsets, const hp_text_params *params) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value output;
    return hp_emit_node(
        b, &hp_prim_vectorize_text, params, sizeof *params, (const hp_value[]){text, keys, offsets}, 3, &output, 1);
}

hp_value hp_emit_hash_cross(hp_builder *b, const hp_value *values, int count, uint64_t seed, uint64_t buckets) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_hash_params params;
    memset(&params, 0, sizeof params);
    params.buckets = buckets;
    params.key[0] = seed;
    hp_value output;
    return hp_emit_node(b, &hp_prim_hash_cross, &params, sizeof params, values, count, &output, 1);
}
