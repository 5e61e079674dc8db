/* common.c: errors, and opening a model with every reason told. */
#include <string.h>

#include "cli/cli.h"

static int exit_code(hp_status status) {
    switch (status) {
    case HP_OK:
        return EXIT_DONE;
    case HP_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case HP_ERROR_UNSUPPORTED:
        return EXIT_UNSUPPORTED;
    case HP_ERROR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

int hp_cli_error(const hp_error *error) {
    fflush(stdout);
    fputs("hornpipe: ", stderr);
    if (error->where[0]) fprintf(stderr, "%s: ", error->where);
    if (error->row >= 0) fprintf(stderr, "row %lld: ", (long long)error->row);
    fprintf(stderr, "%s\n", error->message);
    return exit_code(error->status);
}

const char *hp_cli_scaled(double value, char text[HP_SCALED_SIZE]) {
    static const char *const units[] = {"", " k", " M", " G", " T"};
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof *units) value /= 1000, unit++;
    snprintf(text, HP_SCALED_SIZE, "%.4g%s", value, units[unit]);
    return text;
}

void hp_cli_json_text(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static hp_model_options model_options(const hp_model_arguments *arguments) {
    return (hp_model_options){.struct_size = sizeof(hp_model_options),
        .weights = arguments->weights,
        .isa = arguments->isa,
        .output_layer = arguments->output_layer,
        .prefer = (hp_prefer)arguments->prefer};
}

/* Prints every reason there is; 0 when there is none to be had. */
static int print_reasons(const char *path, const hp_model_options *options) {
    hp_report *report;
    int code = 0;
    if (hp_report_open(path, options, &report, NULL) != HP_OK) return 0;
    for (size_t i = 0; i < hp_report_count(report); i++) code = hp_cli_error(hp_report_reason(report, i));
    hp_report_close(report);
    return code;
}

hp_model *hp_cli_open(const char *path, const hp_model_arguments *arguments, int *code) {
    hp_model_options options = model_options(arguments);
    hp_model *model;
    hp_error error;
    hp_status status = hp_model_open(path, &options, &model, &error);
    if (status == HP_OK) return model;
    *code = exit_code(status);
    if (status != HP_ERROR_UNSUPPORTED || print_reasons(path, &options) == 0) hp_cli_error(&error);
    return NULL;
}

const char *hp_cli_named_file(char *argument, const char **name) {
    *name = NULL;
    char *equals = strchr(argument, '=');
    if (!equals || equals == argument || memchr(argument, '/', (size_t)(equals - argument))) return argument;
    *equals = '\0';
    *name = argument;
    return equals + 1;
}
