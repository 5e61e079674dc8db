/* fuzz_config.c: JSON configs: the fix-ups of every version of Keras. */
#include <stdio.h>
#include <string.h>
#include "fuzz.h"

/* An HDF5 file whose root group is empty: superblock 3, and an object header without messages. */
static const unsigned char empty[72] = {
    0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n', 3, 8, 8, 0,      /* sizes of addresses and lengths */
    0, 0, 0, 0, 0, 0, 0, 0,                                       /* base address */
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,               /* no extension */
    72, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* end, root, checksum */
    'O', 'H', 'D', 'R', 2,                                        /* version; no flags, no messages */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    open_and_read(size ? data : (const uint8_t *)"", size, empty, sizeof empty);
    return 0;
}
