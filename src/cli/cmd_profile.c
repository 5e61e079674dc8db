/* cmd_profile.c: hornpipe profile: where the time of predictions goes, step by step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile.h"

typedef struct options {
    hp_model_arguments model;
    bool json;
    int64_t jobs, rows, unknown, batch_size;
    hp_number seconds;
    const char *html, *trace;
} options;

static const hp_option table[] = {
    {"html", 0, HP_OPTION_TEXT, offsetof(options, html), "FILE", "write a page that needs nothing else"},
    {"trace", 0, HP_OPTION_TEXT, offsetof(options, trace), "FILE",
        "write trace events for chrome://tracing or Perfetto"},
    {"json", 0, HP_OPTION_FLAG, offsetof(options, json), NULL, "one JSON object instead of the table"},
    {"jobs", 'j', HP_OPTION_COUNT, offsetof(options, jobs), "N", "threads; default: all cores that may be used"},
    {"batch-size", 'b', HP_OPTION_COUNT, offsetof(options, batch_size), "N", "rows per tile; default: automatic"},
    {"rows", 0, HP_OPTION_COUNT, offsetof(options, rows), "N", "made-up rows per call; default: up to 64 MB of input"},
    {"seconds", 0, HP_OPTION_NUMBER, offsetof(options, seconds), "S", "goes on for about so long (1)"},
    {"unknown", 0, HP_OPTION_COUNT, offsetof(options, unknown), "N", "size of axes that only data tells (64)"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

enum { MOST_TENSORS = 64, CALLS_KEPT = 20000 };

typedef void print_form(FILE *out, const hp_profile_report *report);

/* Writes one form to a file of its own; false after an error told on standard error. */
static bool write_form(const char *path, print_form *print, const hp_profile_report *report) {
    if (!path) return true;
    FILE *out = fopen(path, "w");
    if (out) print(out, report);
    bool written = out && !ferror(out);
    if (out && fclose(out) != 0) written = false;
    if (!written) fprintf(stderr, "hornpipe: %s: cannot be written: %s\n", path, strerror(errno));
    return written;
}

static int show(hp_profile_report *report, const options *o) {
    bool made = hp_profile_report_make(report);
    if (!made) fputs("hornpipe: out of memory\n", stderr);
    if (made) (o->json ? hp_profile_print_json : hp_profile_print_table)(stdout, report);
    bool written = made && write_form(o->html, hp_profile_print_html, report) &&
                   write_form(o->trace, hp_profile_print_trace, report);
    hp_profile_report_free(report);
    return written ? EXIT_DONE : EXIT_FAILED;
}

/* One call makes the plan and the output arrays; then predicts under the profile for about `seconds`. */
static hp_status predict(hp_session *session, hp_model *model, const hp_array *inputs, const options *o, double seconds,
    hp_profile **profile, int64_t *calls, hp_error *error) {
    hp_array outputs[MOST_TENSORS] = {{0}};
    size_t input_count = hp_model_input_count(model), output_count = hp_model_output_count(model);
    size_t kept = o->html || o->trace ? CALLS_KEPT : 0;
    hp_status status = hp_session_predict(session, inputs, input_count, outputs, output_count, error);
    if (status == HP_OK) status = hp_profile_open(session, kept, profile, error);
    double start = hp_cli_now();
    *calls = 0;
    while (status == HP_OK && (*calls == 0 || hp_cli_now() - start < seconds)) {
        hp_session_reset(session);
        status = hp_session_predict(session, inputs, input_count, outputs, output_count, error);
        ++*calls;
    }
    hp_cli_free_arrays(outputs, output_count);
    return status;
}

static int profile_inputs(
    hp_model *model, const hp_array *inputs, int64_t rows, const options *o, const char *path, double seconds) {
    hp_predict_options how = {.struct_size = sizeof how, .jobs = (int)o->jobs, .batch_size = o->batch_size};
    hp_profile_report report = {.path = path, .rows = rows};
    hp_session *session;
    hp_profile *profile = NULL;
    hp_error error;
    if (hp_session_open(model, &how, &session, &error) != HP_OK) return hp_cli_error(&error);
    int code;
    hp_status status = predict(session, model, inputs, o, seconds, &profile, &report.calls, &error);
    if (status == HP_OK) {
        hp_model_describe(model, &report.model);
        report.profile = profile;
        report.peak = hp_measure_peak(o->model.isa);
        code = show(&report, o);
    } else {
        code = hp_cli_error(&error);
    }
    hp_profile_close(profile);
    hp_session_close(session);
    return code;
}

static int profile_model(hp_model *model, const options *o, const char *path, char **files, int count, double seconds) {
    size_t input_count = hp_model_input_count(model);
    hp_array inputs[MOST_TENSORS] = {{0}};
    int64_t usual[HP_USUAL_ROWS], rows = o->rows;
    hp_error error;
    int code = EXIT_DONE;
    if (count == 0) {
        if (!rows) rows = usual[hp_cli_usual_rows(model, o->unknown, usual) - 1];
        if (!hp_cli_make_inputs(model, rows, o->unknown, inputs)) code = hp_cli_cannot_make_inputs(path);
    } else if ((size_t)count != input_count) {
        code = hp_cli_usage("profile", "the model has %zu input%s: %d file%s given", input_count,
            input_count == 1 ? "" : "s", count, count == 1 ? " was" : "s were");
    } else if (hp_cli_load_inputs(model, files, inputs, &error) != HP_OK) {
        code = hp_cli_error(&error);
    } else {
        rows = inputs[0].shape[0];
    }
    if (code == EXIT_DONE) code = profile_inputs(model, inputs, rows, o, path, seconds);
    hp_cli_free_arrays(inputs, input_count);
    return code;
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    double seconds = o->seconds.given ? o->seconds.value : 1;
    if (!(seconds >= 0)) return hp_cli_usage("profile", "--seconds: %g is not 0 or more", seconds);
    if (o->jobs > 4096) return hp_cli_usage("profile", "--jobs is too large");
    if (!o->unknown) o->unknown = 64;
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (!model) return code;
    code = profile_model(model, o, arguments[0], arguments + 1, count - 1, seconds);
    hp_model_close(model);
    return code;
}

const hp_command hp_command_profile = {
    .usage = "MODEL [INPUT...]",
    .description =
        "Shows where the time of predictions goes: time, runs, operations and bytes a second for each step, which\n"
        "layers it stands for and which kernel was chosen for it. Without files, rows are made up.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 1,
    .run = run,
};
