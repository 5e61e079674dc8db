/* fuzz_model.c: a model file of any kind. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    open_and_read(size ? data : (const uint8_t *)"", size, NULL, 0);
    return 0;
}
