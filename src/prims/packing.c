/* packing.c: see packing.h. */
#include "prims/packing.h"

#include <string.h>

enum { LINE_FLOATS = HP_ALIGNMENT / sizeof(float), KEY_SIZE = 256 };

size_t hp_packed_part(const hp_kernels *kernels, const hp_packing *packing) {
    size_t floats = packing->runs ? kernels->conv_packed_size(packing->runs, packing->k, packing->n)
                                  : kernels->gemm_packed_size(packing->k, packing->n);
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

bool hp_packed_floats(const hp_kernels *kernels, const hp_packing *packing, size_t *floats) {
    return hp_size_mul(hp_packed_part(kernels, packing), packing->parts, floats) && *floats <= SIZE_MAX / 8;
}

void hp_pack(const hp_kernels *kernels, const hp_packing *packing, const float *w, float *packed) {
    size_t part = hp_packed_part(kernels, packing);
    for (size_t p = 0; p < packing->parts; p++) {
        const float *source = w + packing->offset + p * packing->part_stride;
        float *to = packed + p * part;
        if (packing->runs)
            kernels->conv_pack(
                to, source, packing->row_stride, packing->column_stride, packing->runs, packing->k, packing->n);
        else
            kernels->gemm_pack(to, source, packing->row_stride, packing->column_stride, packing->k, packing->n);
    }
}

const hp_constant *hp_prepare_constant(const hp_prepare *prepare, int input) {
    hp_value value = prepare->node->inputs[input];
    return value == HP_NO_VALUE ? NULL : prepare->graph->values[value].constant;
}

hp_status hp_packed_custom(const hp_prepare *prepare, const void *key, size_t key_size, size_t floats,
    hp_constants_fill *fill, void *context, const float **packed, hp_error *error) {
    unsigned char bytes[KEY_SIZE] = {0};
    HP_FAIL_IF(key_size > KEY_SIZE - 64, error, HP_ERROR_INTERNAL, NULL, "the key of a packed weight is too long");
    strncpy((char *)bytes, prepare->node->prim->name, 31);
    strncpy((char *)bytes + 32, prepare->kernels->isa, 31);
    memcpy(bytes + 64, key, key_size);
    const void *data = NULL;
    HP_TRY(hp_constants_get(
        prepare->constants, bytes, 64 + key_size, floats * sizeof(float), fill, context, &data, error));
    *packed = data;
    return HP_OK;
}

void hp_input_is_packed(const hp_prepare *prepare, int input) {
    if (prepare->packed && input < 64) *prepare->packed |= (uint64_t)1 << input;
}

typedef struct pack_context {
    const hp_kernels *kernels;
    const hp_packing *packing;
    const float *w;
} pack_context;

static hp_status fill_packed(void *context, void *data, size_t bytes, hp_error *error) {
    const pack_context *c = context;
    (void)error;
    (void)bytes;
    hp_pack(c->kernels, c->packing, c->w, data);
    return HP_OK;
}

hp_status hp_packed_input(
    const hp_prepare *prepare, int input, const hp_packing *packing, const float **packed, hp_error *error) {
    *packed = NULL;
    const hp_constant *constant = hp_prepare_constant(prepare, input);
    if (!constant) return HP_OK;
    size_t floats;
    HP_FAIL_IF(!hp_packed_floats(prepare->kernels, packing, &floats), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory: the packed weights are too large");
    struct {
        uint64_t id;
        hp_packing packing;
    } key = {constant->id, *packing};
    pack_context context = {prepare->kernels, packing, constant->data};
    HP_TRY(hp_packed_custom(prepare, &key, sizeof key, floats, fill_packed, &context, packed, error));
    hp_input_is_packed(prepare, input);
    return HP_OK;
}
