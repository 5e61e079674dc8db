/* registry.c: operations by name and module, from ops.def. */
#include <string.h>

#include "ops/op.h"

static const hp_layer_class *const classes[] = {
#define OP(class_name, module, file) &hp_op_##class_name,
#include "ops/ops.def"
#undef OP
};

const hp_layer_class *hp_op_class_find(const char *class_name, const char *module) {
    if (!module || !strstr(module, ".ops")) return NULL;
    const char *last = strrchr(module, '.');
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(classes[i]->class_name, class_name) != 0) continue;
        /* "keras.src.ops.numpy", or "keras.ops" of a registered one */
        if (strcmp(classes[i]->module, module) == 0 || strcmp(last, ".ops") == 0) return classes[i];
    }
    return NULL;
}
