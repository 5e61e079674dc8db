/* keras3_path.c: see keras3_path.h. */
#include "format/keras3_path.h"

#include <string.h>
#include "base/memory.h"

char *hp_keras3_path(const char *path) {
    static const char old[] = "_layer_checkpoint_dependencies", new[] = "layers";
    char *result = hp_strdup(path); /* the new name is shorter */
    for (char *part = result; part; part = strchr(part, '/')) {
        if (*part == '/') part++;
        size_t length = strcspn(part, "/");
        if (length != sizeof old - 1 || memcmp(part, old, length) != 0) continue;
        memcpy(part, new, sizeof new - 1);
        memmove(part + sizeof new - 1, part + length, strlen(part + length) + 1);
    }
    return result;
}
