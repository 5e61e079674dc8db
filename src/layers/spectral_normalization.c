/* spectral_normalization.c: SpectralNormalization (keras/src/layers/normalization/spectral_normalization.py): at
 * inference the inner layer with its kernel as it was saved. */
#include "layers/support.h"

typedef struct spectral_normalization {
    hp_layer *layer;
} spectral_normalization;

static const hp_field fields[] = {
    HP_LAYER(spectral_normalization, layer),
    HP_IGNORE("power_iterations"),
    HP_FIELDS_END,
};

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const spectral_normalization *c = layer->config;
    hp_call inner = *call;
    inner.outputs = NULL;
    inner.output_count = inner.output_capacity = 0;
    hp_layer_call_full(b, c->layer, &inner);
    if (b->status != HP_OK) return;
    const hp_weight_slot *kernel = hp_layer_weight_slot(c->layer, "kernel");
    if (!kernel) kernel = hp_layer_weight_slot(c->layer, "embeddings");
    if (!kernel) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "the layer inside has no kernel");
        return;
    }
    /* Both are of training alone, but stand in the file. */
    hp_shape shape = kernel->constant->tensor.shape;
    hp_layer_weight(b, layer, "kernel", true, shape.rank, shape.dims);
    hp_layer_weight(b, layer, "vector_u", false, HP_DIMS(1, shape.dims[shape.rank - 1]));
    hp_weight_slot *own = hp_layer_weight_slot(layer, "kernel");
    if (own && !own->only_in_paths) own->only_in_paths = true;
    for (size_t i = 0; i < inner.output_count; i++) hp_call_output(b, call, inner.outputs[i]);
}

const hp_layer_class hp_layer_SpectralNormalization = {
    .class_name = "SpectralNormalization",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(spectral_normalization),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower,
};
