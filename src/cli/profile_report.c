/* profile_report.c: figures from a profile, as a table and as JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile.h"

/* Of `layers/3 "conv2d" (Conv2D)` appends `conv2d (Conv2D)`, or without the class; other places as they are. */
static size_t append_layer(char *text, const char *place, bool with_class) {
    const char *begin = strchr(place, '"');
    const char *end = begin ? strchr(begin + 1, '"') : NULL;
    if (!end) return (size_t)sprintf(text, "%s", place);
    return (size_t)sprintf(text, "%.*s%s", (int)(end - begin - 1), begin + 1, with_class ? end + 1 : "");
}

/* All layers of a step, with " + " between, the first one with its class; NULL: out of memory. */
static char *layers_text(const hp_profile *profile, size_t step, size_t count) {
    size_t size = 1, used = 0;
    for (size_t k = 0; k < count; k++) size += strlen(hp_profile_layer(profile, step, k)) + 3;
    char *text = malloc(size);
    if (!text) return NULL;
    for (size_t k = 0; k < count; k++) {
        if (k > 0) used += (size_t)snprintf(text + used, size - used, " + ");
        used += append_layer(text + used, hp_profile_layer(profile, step, k), k == 0);
    }
    text[used] = '\0';
    return text;
}

static int busy_workers(const hp_profile *profile) {
    int count = 0;
    for (int w = 0; w < hp_profile_worker_count(profile); w++) {
        int64_t calls = 0;
        hp_step_time time;
        for (size_t s = 0; hp_profile_time(profile, s, w, &time, NULL) == HP_OK; s++) calls += time.calls;
        if (calls > 0) count = w + 1;
    }
    return count;
}

bool hp_profile_report_make(hp_profile_report *report) {
    const hp_profile *profile = report->profile;
    report->count = hp_profile_step_count(profile);
    report->seconds = hp_profile_seconds(profile);
    report->workers = busy_workers(profile);
    report->lines = calloc(report->count + 1, sizeof *report->lines);
    if (!report->lines) return false;
    for (size_t s = 0; s < report->count; s++) {
        hp_profile_line *line = &report->lines[s];
        hp_profile_step(profile, s, &line->info, NULL);
        hp_profile_time(profile, s, -1, &line->time, NULL);
        line->layers = layers_text(profile, s, line->info.layer_count);
        if (!line->layers) return false;
        report->busy += line->time.seconds;
        report->flops += line->info.flops_per_row * line->time.rows;
    }
    for (size_t s = 0; s < report->count; s++) {
        hp_profile_line *line = &report->lines[s];
        const hp_step_time *time = &line->time;
        if (time->seconds <= 0) continue;
        line->share = time->seconds / report->busy;
        line->gflops = line->info.flops_per_row * time->rows / time->seconds * 1e-9;
        line->gigabytes = (line->info.bytes_per_row * time->rows + line->info.weight_bytes * (double)time->calls) /
                          time->seconds * 1e-9;
    }
    return true;
}

void hp_profile_report_free(hp_profile_report *report) {
    for (size_t s = 0; report->lines && s < report->count; s++) free(report->lines[s].layers);
    free(report->lines);
    report->lines = NULL;
}

/* ---- table */

/* "conv (direct)" */
static const char *kernel_text(const hp_step_info *info, char *text, size_t size) {
    const char *algorithm = info->algorithm;
    snprintf(text, size, "%s%s%s%s", info->primitive, *algorithm ? " (" : "", algorithm, *algorithm ? ")" : "");
    return text;
}

static void print_workers(FILE *out, const hp_profile_report *report) {
    fprintf(out, "\n%8s %12s %10s %10s %9s\n", "worker", "in steps", "of time", "GFLOP/s", "of peak");
    for (int w = 0; w < report->workers; w++) {
        double seconds = 0, flops = 0;
        for (size_t s = 0; s < report->count; s++) {
            hp_step_time time;
            if (hp_profile_time(report->profile, s, w, &time, NULL) != HP_OK) continue;
            seconds += time.seconds;
            flops += time.rows * report->lines[s].info.flops_per_row;
        }
        double speed = seconds > 0 ? flops / seconds : 0;
        fprintf(out, "%8d %9.3f ms %8.1f %% %10.4g %7.0f %%\n", w, seconds * 1e3, 100 * seconds / report->seconds,
            speed * 1e-9, report->peak > 0 ? 100 * speed / report->peak : 0);
    }
}

void hp_profile_print_table(FILE *out, const hp_profile_report *report) {
    double each = report->seconds / (double)report->calls;
    char rate[HP_SCALED_SIZE];
    fprintf(out,
        "%s: %" PRId64 " rows a call, %" PRId64 " call%s, %.4g ms each (%s rows/s), %d worker%s, kernels %s, one "
        "core's peak %.4g GFLOP/s\n\n",
        report->path, report->rows, report->calls, report->calls == 1 ? "" : "s", each * 1e3,
        hp_cli_scaled((double)report->rows / each, rate), report->workers, report->workers == 1 ? "" : "s",
        report->model.isa, report->peak * 1e-9);
    fprintf(out, "%7s %12s %10s %9s %8s %7s  %-32s %-24s %s\n", "time", "ms", "runs", "GFLOP/s", "of peak", "GB/s",
        "kernel", "output", "layers");
    for (size_t s = 0; s < report->count; s++) {
        const hp_profile_line *line = &report->lines[s];
        char kernel[160];
        fprintf(out, "%5.1f %% %12.4g %10" PRId64 " %9.4g %6.0f %% %7.3g  %-32s %-24s %s\n", 100 * line->share,
            line->time.seconds * 1e3, line->time.calls, line->gflops,
            report->peak > 0 ? 1e11 * line->gflops / report->peak : 0, line->gigabytes,
            kernel_text(&line->info, kernel, sizeof kernel), line->info.output_shape, line->layers);
    }
    double all = report->seconds * (double)report->workers;
    fprintf(out, "\nsteps take %.1f %% of the workers' time, the rest is dealing out, converting and waiting\n",
        all > 0 ? 100 * report->busy / all : 0);
    print_workers(out, report);
}

/* ---- JSON */

static void print_step(FILE *out, const hp_profile_report *report, size_t s) {
    const hp_profile_line *line = &report->lines[s];
    fputs("{\"layers\": [", out);
    for (size_t k = 0; k < line->info.layer_count; k++) {
        if (k > 0) fputs(", ", out);
        hp_cli_json_text(out, hp_profile_layer(report->profile, s, k));
    }
    fputs("], \"primitive\": ", out);
    hp_cli_json_text(out, line->info.primitive);
    fputs(", \"algorithm\": ", out);
    hp_cli_json_text(out, line->info.algorithm);
    fputs(", \"output_shape\": ", out);
    hp_cli_json_text(out, line->info.output_shape);
    fprintf(out,
        ", \"tile_rows\": %" PRId64 ", \"flops_per_row\": %.9g, \"bytes_per_row\": %.9g, \"weight_bytes\": %.9g, "
        "\"runs\": %" PRId64 ", \"rows\": %.9g, \"seconds\": %.9g, \"share\": %.6g, \"gflops\": %.6g, "
        "\"share_of_peak\": %.6g, \"gigabytes_per_second\": %.6g, \"workers\": [",
        line->info.tile_rows, line->info.flops_per_row, line->info.bytes_per_row, line->info.weight_bytes,
        line->time.calls, line->time.rows, line->time.seconds, line->share, line->gflops,
        report->peak > 0 ? 1e9 * line->gflops / report->peak : 0, line->gigabytes);
    for (int w = 0; w < report->workers; w++) {
        hp_step_time time;
        if (hp_profile_time(report->profile, s, w, &time, NULL) != HP_OK) continue;
        fprintf(out, "%s{\"runs\": %" PRId64 ", \"rows\": %.9g, \"seconds\": %.9g}", w ? ", " : "", time.calls,
            time.rows, time.seconds);
    }
    fputs("]}", out);
}

void hp_profile_print_json(FILE *out, const hp_profile_report *report) {
    fputs("{\"model\": ", out);
    hp_cli_json_text(out, report->path);
    fprintf(out,
        ", \"version\": \"%s\", \"isa\": \"%s\", \"rows\": %" PRId64 ", \"calls\": %" PRId64
        ", \"workers\": %d, \"seconds\": %.9g, \"seconds_in_steps\": %.9g, \"peak_gflops_per_core\": %.6g, \"steps\": "
        "[",
        hp_version(), report->model.isa, report->rows, report->calls, report->workers, report->seconds, report->busy,
        report->peak * 1e-9);
    for (size_t s = 0; s < report->count; s++) {
        if (s > 0) fputs(",\n", out);
        print_step(out, report, s);
    }
    fputs("]}\n", out);
}
