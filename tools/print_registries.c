/* print_registries.c: the registries of layers and operations as JSON on standard output, for tools/supported_layers.py.
 *
 * Invariant: what is printed comes out of the tables that the library itself reads; nothing is written down here. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct entry {
    const char *family, *file; /* one of both is NULL */
    const hp_layer_class *cls;
} entry;

#define FAMILY(title) {title, NULL, NULL},
static const entry layers[] = {
#define LAYER(class_name, module, file) {NULL, #file, &hp_layer_##class_name},
#include "layers/layers.def"
#undef LAYER
};
#define FAMILY(title) {title, NULL, NULL},
static const entry ops[] = {
#define OP(class_name, module, file) {NULL, #file, &hp_op_##class_name},
#include "ops/ops.def"
#undef OP
};

static const char *const types[] = {
    [HP_FIELD_IGNORE] = "ignore",
    [HP_FIELD_BOOL] = "bool",
    [HP_FIELD_INT] = "int",
    [HP_FIELD_FLOAT] = "float",
    [HP_FIELD_ENUM] = "enum",
    [HP_FIELD_INTS] = "ints",
    [HP_FIELD_ACTIVATION] = "activation",
    [HP_FIELD_LAYER] = "layer",
    [HP_FIELD_LAYERS] = "layers",
    [HP_FIELD_STRING] = "string",
    [HP_FIELD_DTYPE] = "dtype",
    [HP_FIELD_JSON] = "json",
    [HP_FIELD_FALSE] = "false",
};

static void print_text(const char *key, const char *text) {
    if (!text) return;
    printf(", \"%s\": \"", key);
    for (; *text; text++) printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('"');
}

static void print_number(const char *key, double value) {
    if (isfinite(value)) printf(", \"%s\": %.17g", key, value);
}

/* The value of an absent key, where it is one that the table says. */
static void print_default(const hp_field *field) {
    if (field->required || field->null_ok) return;
    if (field->type == HP_FIELD_BOOL)
        printf(", \"default\": %s", field->fallback != 0 ? "true" : "false");
    else if (field->type == HP_FIELD_ENUM)
        print_text("default", field->names[(int)field->fallback]);
    else if (field->type == HP_FIELD_INT || field->type == HP_FIELD_FLOAT || field->type == HP_FIELD_INTS)
        print_number("default", field->fallback);
}

static void print_field(const hp_field *field) {
    printf("{\"type\": \"%s\"", types[field->type]);
    print_text("name", field->name);
    printf(", \"required\": %s, \"null\": %s", field->required ? "true" : "false", field->null_ok ? "true" : "false");
    print_default(field);
    if (field->type == HP_FIELD_INT || field->type == HP_FIELD_FLOAT || field->type == HP_FIELD_INTS) {
        print_number("min", field->min);
        if (field->max < HP_MAX_DIM) print_number("max", field->max);
    }
    if (field->names) {
        printf(", \"values\": [");
        for (int i = 0; field->names[i]; i++) printf("%s\"%s\"", i ? ", " : "", field->names[i]);
        putchar(']');
    }
    print_text("says", field->says);
    putchar('}');
}

static void print_classes(const entry *entries, size_t count) {
    const char *family = "";
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const hp_layer_class *cls = entries[i].cls;
        if (!cls) {
            family = entries[i].family;
            continue;
        }
        printf("%s\n  {\"any_dtype\": %s", first ? "" : ",", cls->any_dtype ? "true" : "false");
        first = false;
        print_text("class", cls->class_name);
        print_text("module", cls->module);
        print_text("file", entries[i].file);
        print_text("family", family);
        printf(", \"fields\": [");
        for (const hp_field *field = cls->fields; field && field->name; field++) {
            if (field != cls->fields) printf(", ");
            print_field(field);
        }
        printf("]}");
    }
}

int main(void) {
    printf("{\"layers\": [");
    print_classes(layers, sizeof layers / sizeof *layers);
    printf("],\n\"operations\": [");
    print_classes(ops, sizeof ops / sizeof *ops);
    printf("],\n\"activations\": [");
    const char *comma = "";
#define ELEMENTWISE(name, id, p0, p1, p2) printf("%s\"%s\"", comma, #name), comma = ", ";
#define AXISWISE(name, emitter) printf("%s\"%s\"", comma, #name), comma = ", ";
#include "layers/activations.def"
#undef ELEMENTWISE
#undef AXISWISE
    printf("],\n\"refused\": [");
    comma = "";
#define REFUSED(class_name, module_, reason_)                                                                          \
    printf("%s\n  {\"class\": \"%s\"", comma, #class_name), print_text("module", module_),                             \
        print_text("reason", reason_), comma = ",", putchar('}');
#include "layers/refused.def"
#undef REFUSED
    printf("],\n\"refused_functions\": [");
    comma = "";
#define REFUSED_FUNCTION(name, reason_)                                                                                \
    printf("%s\n  {\"function\": \"%s\"", comma, name), print_text("reason", reason_), comma = ",", putchar('}');
#include "layers/refused_functions.def"
#undef REFUSED_FUNCTION
    printf("],\n\"tensorflow\": [");
    comma = "";
#define TFOP(function, raw, class_name, module, parameters) printf("%s\"%s\"", comma, function), comma = ", ";
#include "format/tfops.def"
#undef TFOP
    printf("]}\n");
    return ferror(stdout) || fflush(stdout) != 0;
}
