/* hash.c: the primitives `hash` and `hash_cross`: buckets of strings and integers. See builder.h, hp_emit_hash.
 *
 * Numbers are hashed as their decimal text by `hash`, as themselves by `hash_cross`, as TensorFlow does. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/categories.h"
#include "prims/fingerprint.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static bool hashable(hp_dtype dtype) {
    return dtype == HP_STRING || (hp_dtype_is_integer(dtype) && dtype != HP_UINT64);
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_hash_params *p = params;
    HP_FAIL_IF(
        input_count != 2 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "hash with %d inputs", input_count);
    HP_FAIL_IF(!hashable(inputs[0].dtype) && inputs[0].dtype != HP_FLOAT32, error, HP_ERROR_UNSUPPORTED, NULL,
        "hashing %s is not supported", hp_dtype_name(inputs[0].dtype));
    HP_FAIL_IF(inputs[1].dtype != HP_DTYPE_NONE && (inputs[1].dtype != HP_UINT8 || inputs[1].shape.rows), error,
        HP_ERROR_INTERNAL, NULL, "hash with a mask of %s", hp_dtype_name(inputs[1].dtype));
    HP_FAIL_IF(p->buckets < 1 || p->buckets > INT64_MAX, error, HP_ERROR_INTERNAL, NULL, "hash without buckets");
    outputs[0] = (hp_tensor){HP_INT64, inputs[0].shape};
    return HP_OK;
}

static hp_status infer_cross(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_hash_params *p = params;
    HP_FAIL_IF(input_count < 1 || output_count != 1 || p->buckets < 1 || p->buckets > INT64_MAX, error,
        HP_ERROR_INTERNAL, NULL, "hash_cross with %d inputs", input_count);
    for (int i = 0; i < input_count; i++) {
        HP_FAIL_IF(!hashable(inputs[i].dtype), error, HP_ERROR_UNSUPPORTED, NULL, "hashing %s is not supported",
            hp_dtype_name(inputs[i].dtype));
        HP_FAIL_IF(!hp_shape_equal(&inputs[i].shape, &inputs[0].shape), error, HP_ERROR_SHAPE, NULL,
            "crossed inputs have different shapes");
    }
    outputs[0] = (hp_tensor){HP_INT64, inputs[0].shape};
    return HP_OK;
}

typedef struct hash_state {
    hp_rowwise elements;
    hp_hash_params params;
    int64_t mask_size; /* of a string */
    int count;
    hp_dtype *dtypes;
} hash_state;

static void release(void *state) {
    hash_state *s = state;
    if (s) free(s->dtypes);
    free(s);
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_value_info *values = prepare->graph->values;
    const hp_node *node = prepare->node;
    hash_state *s = HP_NEW(hash_state);
    HP_ALLOCATED(s, error);
    s->params = *(const hp_hash_params *)node->params;
    s->count = node->input_count;
    s->dtypes = hp_alloc_array((size_t)s->count, sizeof *s->dtypes);
    if (!s->dtypes) {
        release(s);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (int i = 0; i < s->count; i++)
        s->dtypes[i] = node->inputs[i] == HP_NO_VALUE ? HP_DTYPE_NONE : values[node->inputs[i]].tensor.dtype;
    if (s->count == 2 && s->dtypes[1] == HP_UINT8)
        s->mask_size = hp_shape_elements(&values[node->inputs[1]].tensor.shape);
    hp_rowwise_plan(&s->elements, &values[node->inputs[0]].tensor.shape, 0);
    s->elements.in_piece = 512;
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    const hash_state *s = state;
    return hp_rowwise_range(&s->elements, rows);
}

static int64_t number_at(const void *data, hp_dtype dtype, int64_t i) {
    switch (dtype) {
    case HP_INT8:
        return ((const int8_t *)data)[i];
    case HP_INT16:
        return ((const int16_t *)data)[i];
    case HP_INT32:
        return ((const int32_t *)data)[i];
    case HP_UINT8:
        return ((const uint8_t *)data)[i];
    case HP_UINT16:
        return ((const uint16_t *)data)[i];
    case HP_UINT32:
        return ((const uint32_t *)data)[i];
    case HP_FLOAT32: { /* cut towards zero; what does not fit, and NaN, is the least */
        float x = ((const float *)data)[i];
        return x >= -9223372036854775808.0F && x < 9223372036854775808.0F ? (int64_t)x : INT64_MIN;
    }
    default:
        return ((const int64_t *)data)[i];
    }
}

static int64_t bucket(const hash_state *s, const char *text, size_t size) {
    uint64_t hash = s->params.strong ? hp_siphash24(s->params.key, text, size) : hp_fingerprint64(text, size);
    return (int64_t)(hash % s->params.buckets) + (s->params.masked != 0);
}

static int64_t hash_string(const hash_state *s, const hp_run *run, const hp_string *string) {
    if (s->params.masked && (int64_t)string->size == s->mask_size &&
        (string->size == 0 || memcmp(string->data, run->inputs[1], string->size) == 0))
        return 0;
    return bucket(s, string->data, string->size);
}

static int64_t hash_number(const hash_state *s, const hp_run *run, int64_t i) {
    int64_t number = number_at(run->inputs[0], s->dtypes[0], i);
    double exact = s->dtypes[0] == HP_FLOAT32 ? (double)((const float *)run->inputs[0])[i] : (double)number;
    char text[32];
    if (s->params.masked && exact == s->params.mask) return 0;
    return bucket(s, text, (size_t)snprintf(text, sizeof text, "%" PRId64, number));
}

static hp_status run_hash(const void *state, const hp_run *run) {
    const hash_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->elements, run, &begin);
    int64_t *y = run->outputs[0];
    for (int64_t i = begin; i < begin + count; i++)
        y[i] = s->dtypes[0] == HP_STRING ? hash_string(s, run, (const hp_string *)run->inputs[0] + i)
                                         : hash_number(s, run, i);
    return HP_OK;
}

static hp_status run_cross(const void *state, const hp_run *run) {
    const hash_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->elements, run, &begin);
    int64_t *y = run->outputs[0];
    for (int64_t i = begin; i < begin + count; i++) {
        uint64_t hash = s->params.key[0];
        for (int t = 0; t < s->count; t++) {
            const hp_string *string = (const hp_string *)run->inputs[t] + i;
            uint64_t next = s->dtypes[t] == HP_STRING ? hp_fingerprint64(string->data, string->size)
                                                      : (uint64_t)number_at(run->inputs[t], s->dtypes[t], i);
            hash = hp_fingerprint_join(hash, next);
        }
        y[i] = (int64_t)(hash % s->params.buckets);
    }
    return HP_OK;
}

const hp_prim hp_prim_hash = {
    .name = "hash", .infer = infer, .prepare = prepare, .release = release, .range = range, .run = run_hash};

const hp_prim hp_prim_hash_cross = {.name = "hash_cross",
    .infer = infer_cross,
    .prepare = prepare,
    .release = release,
    .range = range,
    .run = run_cross};
