/* fuzz_hdf5.c: HDF5 weights of either layout. */
#include <string.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char config[] =
        "{\"class_name\": \"Sequential\", \"keras_version\": \"1.2.2\", \"config\": [{\"class_name\": \"LSTM\", "
        "\"config\": {\"name\": \"lstm_1\"}}, {\"class_name\": \"Convolution2D\", \"config\": {\"name\": "
        "\"convolution2d_1\", \"dim_ordering\": \"th\"}}]}";
    open_and_read(config, strlen(config), size ? data : (const uint8_t *)"", size);
    return 0;
}
