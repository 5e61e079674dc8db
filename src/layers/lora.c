/* lora.c: see lora.h. */
#include "layers/lora.h"

#include <math.h>

/* Slots are written while a network is lowered for the first time, and only read after that. */
static void mark(hp_layer *layer, const char *kernel_name) {
    static const char *const adapters[] = {"lora_kernel_a", "lora_kernel_b"};
    hp_weight_slot *slot = hp_layer_weight_slot(layer, kernel_name);
    if (slot && !slot->frozen) slot->frozen = true;
    for (int i = 0; i < 2; i++) {
        slot = hp_layer_weight_slot(layer, adapters[i]);
        if (slot && !slot->only_in_lists) slot->only_in_lists = true;
    }
}

bool hp_layer_lora_adapters(hp_builder *b, hp_layer *layer, const char *kernel_name, const hp_shape *kernel,
    const hp_lora *lora, hp_value *first, hp_value *second, double *scale) {
    if (b->status != HP_OK || lora->lora_rank == HP_INT_NULL || kernel->rank == 0) return false;
    hp_shape shape = *kernel;
    int64_t columns = shape.dims[shape.rank - 1];
    shape.dims[shape.rank - 1] = lora->lora_rank;
    *first = hp_layer_weight(b, layer, "lora_kernel_a", true, shape.rank, shape.dims);
    *second = hp_layer_weight(b, layer, "lora_kernel_b", true, HP_DIMS(lora->lora_rank, columns));
    *scale = (isnan(lora->lora_alpha) ? (double)lora->lora_rank : lora->lora_alpha) / (double)lora->lora_rank;
    mark(layer, kernel_name);
    return b->status == HP_OK;
}

hp_value hp_layer_lora(hp_builder *b, hp_layer *layer, const char *kernel_name, hp_value kernel, const hp_lora *lora) {
    const hp_shape shape = *hp_builder_shape(b, kernel);
    hp_value x, y;
    double scale;
    if (!hp_layer_lora_adapters(b, layer, kernel_name, &shape, lora, &x, &y, &scale)) return kernel;
    x = hp_emit_reshape(b, x, HP_DIMS(hp_shape_product(&shape, 0, shape.rank - 1), lora->lora_rank));
    hp_value update = hp_emit_reshape(b, hp_emit_gemm(b, x, y, HP_NO_VALUE), shape.rank, shape.dims);
    update = hp_emit_binary(b, HP_BINARY_MULTIPLY, update, hp_emit_float(b, scale));
    return hp_emit_binary(b, HP_BINARY_ADD, kernel, update);
}
