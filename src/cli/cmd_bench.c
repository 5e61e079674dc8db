/* cmd_bench.c: hornpipe bench: a model's speed by rows per call and threads, on made-up rows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    bool json;
    int64_t jobs, rows, unknown;
    hp_number seconds;
} options;

static const hp_option table[] = {
    {"json", 0, HP_OPTION_FLAG, offsetof(options, json), NULL, "one JSON object"},
    {"jobs", 'j', HP_OPTION_COUNT, offsetof(options, jobs), "N", "threads; default: 1, and all cores"},
    {"rows", 0, HP_OPTION_COUNT, offsetof(options, rows), "N",
        "rows per call; default: 1, 32, 256, 4096 and more, up to about 64 MB"},
    {"seconds", 0, HP_OPTION_NUMBER, offsetof(options, seconds), "S", "time for each measurement (0.5)"},
    {"unknown", 0, HP_OPTION_COUNT, offsetof(options, unknown), "N", "size of axes that only data tells (64)"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

enum { MOST_INPUTS = 64, MOST_JOBS = 2 };

typedef struct measurement {
    int jobs;
    int64_t rows;
    double rows_per_second, seconds_per_call;
} measurement;

/* Calls for about `seconds`; the best of five parts, since other programs only ever take time away. */
static hp_status measure(hp_model *model, hp_array *inputs, double seconds, measurement *m, hp_error *error) {
    hp_predict_options how = {.struct_size = sizeof how, .jobs = m->jobs};
    hp_array outputs[MOST_INPUTS] = {{0}};
    size_t input_count = hp_model_input_count(model), output_count = hp_model_output_count(model);
    hp_session *session;
    hp_status status = hp_session_open(model, &how, &session, error);
    if (status != HP_OK) return status;
    for (size_t i = 0; i < input_count; i++) inputs[i].shape[0] = m->rows;
    double best = INFINITY;
    for (int part = 0; part < 6 && status == HP_OK; part++) { /* part 0 makes the plan and the output arrays */
        double start = hp_cli_now(), now = start;
        int64_t calls = 0;
        do {
            status = hp_session_predict(session, inputs, input_count, outputs, output_count, error);
            calls++;
            if (calls % 16 == 0 || m->rows > 64) now = hp_cli_now();
        } while (status == HP_OK && part > 0 && now - start < seconds / 5);
        double each = (hp_cli_now() - start) / (double)calls;
        if (part > 0 && each < best) best = each;
    }
    m->seconds_per_call = best;
    m->rows_per_second = (double)m->rows / best;
    for (size_t i = 0; i < output_count; i++) hp_array_free(&outputs[i]);
    hp_session_close(session);
    return status;
}

static void print_results(
    const hp_model_info *info, const char *path, const measurement *all, size_t count, double peak, bool json) {
    double flops = info->flops_per_row;
    char text[HP_SCALED_SIZE];
    if (json) {
        fputs("{\"model\": ", stdout);
        hp_cli_json_text(stdout, path);
        printf(", \"isa\": \"%s\", \"version\": \"%s\", \"peak_gflops_per_core\": %.4g, \"flops_per_row\": %.9g, "
               "\"results\": [",
            info->isa, hp_version(), peak / 1e9, isnan(flops) ? 0 : flops);
    } else {
        printf("%s: kernels %s, one core's peak %.4g GFLOP/s, %s operations a row\n\n%8s %10s %14s %12s %10s %8s\n",
            path, info->isa, peak / 1e9, isnan(flops) ? "?" : hp_cli_scaled(flops, text), "threads", "rows/call",
            "rows/s", "us/call", "GFLOP/s", "of peak");
    }
    for (size_t i = 0; i < count; i++) {
        const measurement *m = &all[i];
        double speed = isnan(flops) ? 0 : m->rows_per_second * flops;
        if (json)
            printf("%s{\"jobs\": %d, \"rows\": %" PRId64
                   ", \"rows_per_second\": %.6g, \"seconds_per_call\": %.6g, \"gflops\": %.4g}",
                i ? ", " : "", m->jobs, m->rows, m->rows_per_second, m->seconds_per_call, speed / 1e9);
        else
            printf("%8d %10" PRId64 " %14s %12.4g %10.4g %7.0f%%\n", m->jobs, m->rows,
                hp_cli_scaled(m->rows_per_second, text), m->seconds_per_call * 1e6, speed / 1e9,
                peak > 0 ? 100 * speed / (peak * m->jobs) : 0);
    }
    if (json) puts("]}");
}

static int bench(hp_model *model, const options *o, const char *path, double seconds) {
    int64_t rows[HP_USUAL_ROWS] = {o->rows}, most = 0;
    int jobs[MOST_JOBS] = {1, hp_core_count()};
    size_t row_count = o->rows ? 1 : hp_cli_usual_rows(model, o->unknown, rows), job_count = jobs[1] > 1 ? 2 : 1,
           count = 0;
    if (o->jobs) {
        jobs[0] = (int)o->jobs;
        job_count = 1;
    }
    hp_array inputs[MOST_INPUTS] = {{0}};
    measurement all[MOST_JOBS * HP_USUAL_ROWS];
    hp_error error;
    hp_status status = HP_OK;
    for (size_t i = 0; i < row_count; i++) most = rows[i] > most ? rows[i] : most;
    bool made = hp_cli_make_inputs(model, most, o->unknown, inputs);
    for (size_t j = 0; j < job_count && made && status == HP_OK; j++)
        for (size_t i = 0; i < row_count && status == HP_OK; i++) {
            all[count] = (measurement){.jobs = jobs[j], .rows = rows[i]};
            status = measure(model, inputs, seconds, &all[count++], &error);
        }
    hp_model_info info;
    hp_model_describe(model, &info);
    if (made && status == HP_OK) print_results(&info, path, all, count, hp_measure_peak(o->model.isa), o->json);
    hp_cli_free_arrays(inputs, hp_model_input_count(model));
    if (!made) return hp_cli_cannot_make_inputs(path);
    return status == HP_OK ? EXIT_DONE : hp_cli_error(&error);
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    double seconds = o->seconds.given ? o->seconds.value : 0.5;
    if (count > 1) return hp_cli_usage("bench", "one model at a time");
    if (!(seconds > 0)) return hp_cli_usage("bench", "--seconds: %g is not above 0", seconds);
    if (o->jobs > 4096) return hp_cli_usage("bench", "--jobs is too large");
    if (!o->unknown) o->unknown = 64;
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (!model) return code;
    code = bench(model, o, arguments[0], seconds);
    hp_model_close(model);
    return code;
}

const hp_command hp_command_bench = {
    .usage = "MODEL",
    .description =
        "Measures predictions of made-up rows: rows a second by rows per call and threads, operations a second,\n"
        "and their share of the measured peak of fused multiply-adds. The best of five runs each.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 1,
    .run = run,
};
