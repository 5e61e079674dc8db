/* cmd_check.c: hornpipe check: every reason why a model cannot be run. */
#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    bool quiet;
} options;

static const hp_option table[] = {
    {"quiet", 'q', HP_OPTION_FLAG, offsetof(options, quiet), NULL, "say nothing of models that can be run"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

static int check(const char *path, const options *o) {
    hp_model_options model = {.struct_size = sizeof model,
        .weights = o->model.weights,
        .isa = o->model.isa,
        .output_layer = o->model.output_layer,
        .prefer = (hp_prefer)o->model.prefer};
    hp_report *report;
    hp_error error;
    if (hp_report_open(path, &model, &report, &error) != HP_OK) return hp_cli_error(&error);
    size_t count = hp_report_count(report);
    int code = EXIT_DONE;
    for (size_t i = 0; i < count; i++) {
        const hp_error *reason = hp_report_reason(report, i);
        int reason_code = hp_cli_error(reason);
        if (code == EXIT_DONE || reason_code == EXIT_UNSUPPORTED) code = reason_code;
    }
    if (count == 0 && !o->quiet) {
        printf("%s: can be run\n", path);
        for (size_t i = 0; hp_report_note(report, i); i++) printf("%s: note: %s\n", path, hp_report_note(report, i));
    }
    hp_report_close(report);
    return code;
}

static int run(void *opaque, char **arguments, int count) {
    int code = EXIT_DONE;
    for (int i = 0; i < count; i++) {
        int one = check(arguments[i], opaque);
        if (code == EXIT_DONE || one == EXIT_UNSUPPORTED) code = one;
    }
    return code;
}

const hp_command hp_command_check = {
    .usage = "MODEL...",
    .description =
        "Says whether models can be run, without running them: every unsupported layer, operation and option\n"
        "at once, one a line on standard error. Exit code 0: they can; 3: not supported; 1: damaged.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 1,
    .run = run,
};
