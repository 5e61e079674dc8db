/* identity.c: layers that pass their input on at inference: Identity, dropout and noise
 * (keras/src/layers/regularization/). All of them keep the mask. */
#include "layers/layer.h"

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, call->inputs[0]);
}

#define PASSING(name, table)                                                                                           \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .masking = HP_MASK_PASS,                                                                                       \
        .padding = HP_PADDING_STEPWISE,                                                                                \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .lower = lower}

static const hp_field identity_fields[] = {HP_FIELDS_END};
static const hp_field dropout_fields[] = {
    HP_IGNORE("rate"), HP_IGNORE("seed"), HP_IGNORE("noise_shape"), HP_IGNORE("data_format"), HP_FIELDS_END};
static const hp_field noise_fields[] = {HP_IGNORE("stddev"), HP_IGNORE("seed"), HP_FIELDS_END};
static const hp_field regularization_fields[] = {HP_IGNORE("l1"), HP_IGNORE("l2"), HP_FIELDS_END};

PASSING(Identity, identity_fields);
PASSING(Dropout, dropout_fields);
PASSING(SpatialDropout1D, dropout_fields);
PASSING(SpatialDropout2D, dropout_fields);
PASSING(SpatialDropout3D, dropout_fields);
PASSING(AlphaDropout, dropout_fields);
PASSING(GaussianDropout, dropout_fields);
PASSING(GaussianNoise, noise_fields);
PASSING(ActivityRegularization, regularization_fields);
