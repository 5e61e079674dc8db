/* attention_masks.c: see attention.h. */
#include <string.h>
#include "layers/attention.h"

/* Bands are written as literals: at most so many elements. */
enum { MAX_ELEMENTS = 1 << 28 };

/* true where -after <= query - key < before */
static hp_value band(hp_builder *b, int64_t queries, int64_t keys, int64_t before, int64_t after) {
    int64_t elements;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (__builtin_mul_overflow(queries, keys, &elements) || elements > MAX_ELEMENTS)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "an attention mask of %lld times %lld places is too large",
            (long long)queries, (long long)keys);
    unsigned char *mask = hp_alloc_array((size_t)elements, 1);
    if (!mask) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t q = 0; q < queries; q++)
        for (int64_t k = 0; k < keys; k++) mask[q * keys + k] = q - k < before && k - q <= after;
    hp_value value = hp_emit_literal(b, HP_BOOL, HP_DIMS(1, queries, keys), mask);
    hp_free(mask);
    return value;
}

hp_value hp_causal_mask(hp_builder *b, int64_t queries, int64_t keys) {
    return band(b, queries, keys, INT64_MAX, 0);
}

hp_value hp_window_mask(hp_builder *b, int64_t queries, int64_t keys, int64_t window) {
    return band(b, queries, keys, window, window - 1);
}

hp_value hp_mask_and(hp_builder *b, hp_value x, hp_value y) {
    if (x == HP_NO_VALUE) return y;
    return y == HP_NO_VALUE ? x : hp_emit_logical(b, HP_AND, x, y);
}

hp_value hp_mask_bool(hp_builder *b, hp_value x) {
    return x == HP_NO_VALUE ? x : hp_emit_cast(b, x, HP_BOOL);
}

hp_value hp_expand_dims(hp_builder *b, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    int place = axis < 0 ? axis + shape.rank + 1 : axis;
    if (place < 0 || place > shape.rank || shape.rank >= HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "an axis cannot be put at %d of %d axes", axis, shape.rank);
    memmove(&shape.dims[place + 1], &shape.dims[place], (size_t)(shape.rank - place) * sizeof *shape.dims);
    shape.dims[place] = 1;
    return hp_emit_reshape(b, x, shape.rank + 1, shape.dims);
}
