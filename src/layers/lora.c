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

hp_value hp_layer_lora(hp_builder *b, hp_layer *layer, const char *kernel_name, hp_value kernel, const hp_lora *lora) {
    if (b->status != HP_OK || lora->lora_rank == HP_INT_NULL) return kernel;
    hp_shape shape = *hp_builder_shape(b, kernel), a = shape;
    double alpha = isnan(lora->lora_alpha) ? (double)lora->lora_rank : lora->lora_alpha;
    int64_t columns = shape.dims[shape.rank - 1];
    a.dims[a.rank - 1] = lora->lora_rank;
    hp_value x = hp_layer_weight(b, layer, "lora_kernel_a", true, a.rank, a.dims);
    hp_value y = hp_layer_weight(b, layer, "lora_kernel_b", true, HP_DIMS(lora->lora_rank, columns));
    mark(layer, kernel_name);
    x = hp_emit_reshape(b, x, HP_DIMS(hp_shape_product(&a, 0, a.rank - 1), lora->lora_rank));
    hp_value update = hp_emit_reshape(b, hp_emit_gemm(b, x, y, HP_NO_VALUE), shape.rank, shape.dims);
    update = hp_emit_binary(b, HP_BINARY_MULTIPLY, update, hp_emit_float(b, alpha / (double)lora->lora_rank));
    return hp_emit_binary(b, HP_BINARY_ADD, kernel, update);
}
