/* cmd_inspect.c: hornpipe inspect: a model's summary, as Keras's. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    bool json;
} options;

static const hp_option table[] = {
    {"json", 0, HP_OPTION_FLAG, offsetof(options, json), NULL, "one JSON object"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

/* "1,234,567"; text of at least 32 bytes. */
static const char *grouped(int64_t value, char *text) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRId64, value), out = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) text[out++] = ',';
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

static void json_tensors(const hp_model *model, const char *key, size_t count,
    hp_status (*get)(const hp_model *, size_t, hp_tensor_info *, hp_error *)) {
    static const char *const names[] = {[0] = "none",
#define NAME(name, value, keras, bytes) [value] = keras,
        HP_DTYPE_LIST(NAME)
#undef NAME
    };
    printf(", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        hp_tensor_info info;
        if (get(model, i, &info, NULL) != HP_OK) continue;
        printf("%s{\"name\": ", i ? ", " : "");
        hp_cli_json_text(stdout, info.name);
        printf(", \"dtype\": \"%s\", \"shape\": [", names[info.dtype]);
        for (int d = 0; d < info.rank; d++) {
            if (info.shape[d] < 0)
                printf("%snull", d ? ", " : "");
            else
                printf("%s%" PRId64, d ? ", " : "", info.shape[d]);
        }
        fputs("]}", stdout);
    }
    putchar(']');
}

static void print_json(const hp_model *model, const hp_model_info *info) {
    fputs("{\"name\": ", stdout);
    hp_cli_json_text(stdout, info->name);
    fputs(", \"class_name\": ", stdout);
    hp_cli_json_text(stdout, info->class_name);
    fputs(", \"keras_version\": ", stdout);
    hp_cli_json_text(stdout, info->keras_version);
    printf(", \"parameters\": %" PRId64 ", \"trainable_parameters\": %" PRId64 ", \"mixes_rows\": %s", info->parameters,
        info->trainable_parameters, info->mixes_rows ? "true" : "false");
    if (!isnan(info->flops_per_row)) printf(", \"flops_per_row\": %.17g", info->flops_per_row);
    json_tensors(model, "inputs", hp_model_input_count(model), hp_model_input);
    json_tensors(model, "outputs", hp_model_output_count(model), hp_model_output);
    fputs(", \"layers\": [", stdout);
    for (size_t i = 0; i < hp_model_layer_count(model); i++) {
        hp_layer_info layer;
        if (hp_model_layer(model, i, &layer, NULL) != HP_OK) continue;
        printf("%s{\"name\": ", i ? ", " : "");
        hp_cli_json_text(stdout, layer.name);
        fputs(", \"class_name\": ", stdout);
        hp_cli_json_text(stdout, layer.class_name);
        fputs(", \"output_shape\": ", stdout);
        hp_cli_json_text(stdout, layer.output_shape);
        fputs(", \"connected_to\": ", stdout);
        hp_cli_json_text(stdout, layer.connected_to);
        printf(", \"dtype\": \"%s\", \"parameters\": %" PRId64 ", \"trainable_parameters\": %" PRId64
               ", \"depth\": %d}",
            layer.dtype, layer.parameters, layer.trainable_parameters, layer.depth);
    }
    fputs("]}\n", stdout);
}

/* Characters of UTF-8 text. */
static int width(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void cell(const char *text, int columns) {
    printf("%s%*s  ", text, columns - width(text), "");
}

static void print_table(const hp_model *model) {
    size_t count = hp_model_layer_count(model);
    int columns[3] = {5, 12, 12};
    char name[400], number[32];
    for (int printing = 0; printing < 2; printing++) {
        if (printing) {
            cell("Layer", columns[0]);
            cell("Output shape", columns[1]);
            printf("%*s  Connected to\n", columns[2], "Parameters");
        }
        for (size_t i = 0; i < count; i++) {
            hp_layer_info layer;
            if (hp_model_layer(model, i, &layer, NULL) != HP_OK) continue;
            snprintf(name, sizeof name, "%*s%.255s (%.100s)", 2 * layer.depth, "", layer.name, layer.class_name);
            if (printing) {
                cell(name, columns[0]);
                cell(layer.output_shape, columns[1]);
                printf("%*s  %s\n", columns[2], grouped(layer.parameters, number), layer.connected_to);
                continue;
            }
            if (width(name) > columns[0]) columns[0] = width(name);
            if (width(layer.output_shape) > columns[1]) columns[1] = width(layer.output_shape);
        }
    }
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    if (count > 1) return hp_cli_usage("inspect", "one model at a time");
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (!model) return code;
    hp_model_info info;
    hp_model_describe(model, &info);
    if (o->json) {
        print_json(model, &info);
    } else {
        char total[32], trainable[32], frozen[32], operations[HP_SCALED_SIZE];
        printf("%s \"%s\"%s%s\n\n", info.class_name, info.name, info.keras_version[0] ? ", written by Keras " : "",
            info.keras_version);
        print_table(model);
        printf("\nParameters: %s (trainable %s, not trainable %s)\n", grouped(info.parameters, total),
            grouped(info.trainable_parameters, trainable),
            grouped(info.parameters - info.trainable_parameters, frozen));
        if (!isnan(info.flops_per_row))
            printf("Operations per row: %s\n", hp_cli_scaled(info.flops_per_row, operations));
        if (info.mixes_rows) printf("Mixes the rows of a batch: %s\n", info.mixes_rows_where);
    }
    hp_model_close(model);
    return EXIT_DONE;
}

const hp_command hp_command_inspect = {
    .usage = "MODEL",
    .description = "Shows a model's layers as Keras's summary does: output shapes (None: known only with data),\n"
                   "parameters, and what each layer is connected to.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 1,
    .run = run,
};
