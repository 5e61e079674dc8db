/* npz.c: weights in NumPy's archive. */
#include "format/spec_builder.h"

hp_status hp_npz_open(hp_model_spec *spec, const void *data, size_t size, hp_error *error) {
    (void)spec, (void)data, (void)size;
    HP_FAIL(error, HP_ERROR_UNSUPPORTED, NULL,
        "weights in an npz archive, which Keras writes as pickled objects; save the model with weights in HDF5");
}
