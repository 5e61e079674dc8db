/* fuzz_archive.c: zip archives. */
#include "format/archive.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hp_archive *archive;
    hp_error error;
    if (!hp_archive_is(data, size) || hp_archive_open(data, size, &archive, &error) != HP_OK) return 0;
    for (size_t i = 0; i < hp_archive_count(archive); i++) {
        const void *bytes;
        size_t n;
        hp_archive_find(archive, hp_archive_name(archive, i));
        hp_archive_read(archive, i, &bytes, &n, &error);
    }
    hp_archive_close(archive);
    return 0;
}
