/* legacy_arrays.c: see legacy_arrays.h. A weight's old record stays in the store; the new one follows it. */
#include "format/legacy_arrays.h"

#include <string.h>
#include "base/dtype.h"

/* Reads a weight to memory of its own. */
static hp_status read_old(hp_store *store, const hp_weight *weight, unsigned char **bytes, hp_error *error) {
    HP_FAIL_IF(weight->dtype == HP_DTYPE_NONE, error, HP_ERROR_UNSUPPORTED, weight->name,
        "its element type is none that Keras writes for weights");
    *bytes = hp_alloc_array(1, weight->bytes);
    HP_ALLOCATED(*bytes, error);
    hp_status status = store->base.read(&store->base, weight, *bytes, error);
    if (status == HP_OK) return HP_OK;
    hp_free(*bytes);
    return status;
}

/* A new record for the weight, whose dims and bytes are those of the result; *block is to be filled. */
static hp_status renew(hp_store *store, hp_weight *weight, unsigned char **block, hp_error *error) {
    void *room;
    HP_TRY(hp_store_block(store, weight->bytes, &room, error));
    HP_FAIL_IF(!HP_GROW(store->records, store->record_capacity, store->record_count + 1), error, HP_ERROR_NO_MEMORY,
        NULL, "out of memory");
    weight->handle = store->record_count;
    store->records[store->record_count++] = (hp_record){.bytes = room};
    *block = room;
    return HP_OK;
}

hp_status hp_array_transpose(hp_store *store, hp_weight *weight, const int *order, int flipped, hp_error *error) {
    unsigned char *old, *block = NULL;
    hp_weight result = *weight;
    size_t element = hp_dtype_size(weight->dtype), steps[HP_MAX_RANK], step = element;
    int64_t at[HP_MAX_RANK] = {0};
    HP_TRY(read_old(store, weight, &old, error));
    for (int i = weight->rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= (size_t)weight->dims[i];
    }
    for (int i = 0; i < weight->rank; i++) result.dims[i] = weight->dims[order[i]];
    hp_status status = renew(store, &result, &block, error);
    for (size_t done = 0; status == HP_OK && done < weight->bytes; done += element) {
        size_t from = 0;
        for (int i = 0; i < weight->rank; i++)
            from += steps[order[i]] * (size_t)(i < flipped ? result.dims[i] - 1 - at[i] : at[i]);
        memcpy(block + done, old + from, element);
        for (int i = weight->rank - 1; i >= 0 && ++at[i] == result.dims[i]; i--) at[i] = 0;
    }
    hp_free(old);
    if (status == HP_OK) *weight = result;
    return status;
}

void hp_array_squeeze(hp_weight *weight, int axis) {
    for (int i = axis; i + 1 < weight->rank; i++) weight->dims[i] = weight->dims[i + 1];
    weight->rank--;
}

/* Whether the arrays can be joined along the last axis; the sum of theirs. */
static bool joined_size(const hp_weight *const *parts, int count, size_t *bytes, int64_t *last) {
    const hp_weight *first = parts[0];
    *bytes = 0;
    *last = 0;
    if (first->rank == 0) return false;
    for (int k = 0; k < count; k++) {
        if (parts[k]->rank != first->rank || parts[k]->dtype != first->dtype) return false;
        for (int i = 0; i + 1 < first->rank; i++)
            if (parts[k]->dims[i] != first->dims[i]) return false;
        if (!hp_size_add(*bytes, parts[k]->bytes, bytes)) return false;
        *last += parts[k]->dims[first->rank - 1];
    }
    return true;
}

hp_status hp_array_join(hp_store *store, const hp_weight *const *parts, int count, hp_weight *result, hp_error *error) {
    hp_weight joined = *parts[0];
    unsigned char *block = NULL;
    int last = joined.rank - 1;
    HP_FAIL_IF(!joined_size(parts, count, &joined.bytes, &joined.dims[last < 0 ? 0 : last]), error, HP_ERROR_SHAPE,
        parts[0]->name, "and the arrays of its other gates have shapes that do not fit together");
    HP_TRY(renew(store, &joined, &block, error));
    size_t rows = 1, row_bytes, at = 0;
    for (int i = 0; i < last; i++) rows *= (size_t)joined.dims[i];
    row_bytes = rows ? joined.bytes / rows : 0;
    for (int k = 0; k < count; k++) {
        unsigned char *old;
        size_t part = rows ? parts[k]->bytes / rows : 0;
        HP_TRY(read_old(store, parts[k], &old, error));
        for (size_t row = 0; row < rows && part; row++) memcpy(block + row * row_bytes + at, old + row * part, part);
        at += part;
        hp_free(old);
    }
    *result = joined;
    return HP_OK;
}

hp_status hp_array_from_cudnn(hp_store *store, hp_weight *weight, int gates, bool reshaped, hp_error *error) {
    unsigned char *old, *block = NULL;
    hp_weight result = *weight;
    size_t element = hp_dtype_size(weight->dtype), rows = (size_t)weight->dims[0];
    size_t width = (size_t)weight->dims[1], units = width / (size_t)gates;
    HP_TRY(read_old(store, weight, &old, error));
    hp_status status = renew(store, &result, &block, error);
    for (size_t g = 0; status == HP_OK && g < (size_t)gates; g++)
        for (size_t a = 0; a < rows; a++)
            for (size_t b = 0; b < units; b++) {
                size_t n = b * rows + a; /* the block read row by row is the result read column by column */
                size_t from = reshaped ? n / units * width + g * units + n % units : b * width + g * units + a;
                memcpy(block + (a * width + g * units + b) * element, old + from * element, element);
            }
    hp_free(old);
    if (status == HP_OK) *weight = result;
    return status;
}

hp_status hp_array_add_halves(hp_store *store, hp_weight *weight, hp_error *error) {
    unsigned char *old, *block = NULL;
    hp_weight result = *weight;
    HP_FAIL_IF(weight->dtype != HP_FLOAT32, error, HP_ERROR_UNSUPPORTED, weight->name,
        "a CuDNN bias of %s; float32 is read", hp_dtype_name(weight->dtype));
    HP_TRY(read_old(store, weight, &old, error));
    result.dims[0] /= 2;
    result.bytes /= 2;
    hp_status status = renew(store, &result, &block, error);
    for (size_t i = 0; status == HP_OK && i < result.bytes; i += sizeof(float)) {
        float a, b;
        memcpy(&a, old + i, sizeof a);
        memcpy(&b, old + result.bytes + i, sizeof b);
        a += b;
        memcpy(block + i, &a, sizeof a);
    }
    hp_free(old);
    if (status == HP_OK) *weight = result;
    return status;
}

void hp_array_split_rows(hp_weight *weight) {
    weight->rank = 2;
    weight->dims[1] = weight->dims[0] / 2;
    weight->dims[0] = 2;
}
