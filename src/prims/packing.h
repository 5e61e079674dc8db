/* packing.h: weights packed once for a kernel, shared through the store of constants.
 *
 * A packed blob is found by the layout, the ISA and the constant's id: all plans, threads and nodes that want the
 * same one share it. */
#ifndef HP_PRIMS_PACKING_H
#define HP_PRIMS_PACKING_H

#include "prims/prim.h"

/* `parts` matrices of k x n in a constant, each packed by itself. Element (i, j) of part p lies at
 * offset + p * part_stride + i * row_stride + j * column_stride. No padding: it is a key. */
typedef struct hp_packing {
    uint64_t runs; /* of conv_pack; 0: gemm_pack */
    uint64_t k, n, row_stride, column_stride;
    uint64_t parts, part_stride, offset;
} hp_packing;

/* Floats from one packed part to the next: the packed size, rounded up to a cache line. */
size_t hp_packed_part(const hp_kernels *kernels, const hp_packing *packing);
/* Floats of all parts; false on overflow. */
bool hp_packed_floats(const hp_kernels *kernels, const hp_packing *packing, size_t *floats);
/* Packs all parts of w into `packed`. */
void hp_pack(const hp_kernels *kernels, const hp_packing *packing, const float *w, float *packed);

/* The packed blob of the node's input `input`; *packed = NULL where that one is not a constant (run then packs it
 * into its workspace). */
hp_status hp_packed_input(
    const hp_prepare *prepare, int input, const hp_packing *packing, const float **packed, hp_error *error);
/* The constant behind a node's input; NULL where it is absent or computed. */
const hp_constant *hp_prepare_constant(const hp_prepare *prepare, int input);
/* Says that `run` will not read the input any more, since all it needs is packed. hp_packed_input says so itself. */
void hp_input_is_packed(const hp_prepare *prepare, int input);
/* A blob that `fill` makes out of constants: `key` (any plain bytes without padding) names layout and constants; the
 * primitive's name and the ISA are added here. */
hp_status hp_packed_custom(const hp_prepare *prepare, const void *key, size_t key_size, size_t floats,
    hp_constants_fill *fill, void *context, const float **packed, hp_error *error);

#endif
