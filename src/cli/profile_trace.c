/* profile_trace.c: a profile's calls as trace events: JSON that chrome://tracing and Perfetto open. */
#include "cli/profile.h"

static void print_call(FILE *out, const hp_profile_report *report, int worker, const hp_step_call *call) {
    const hp_profile_line *line = &report->lines[call->step];
    fputs(",\n{\"name\": ", out);
    hp_cli_json_text(out, *line->layers ? line->layers : line->info.primitive);
    fputs(", \"cat\": ", out);
    hp_cli_json_text(out, line->info.primitive);
    fprintf(out, ", \"ph\": \"X\", \"pid\": 1, \"tid\": %d, \"ts\": %.3f, \"dur\": %.3f, \"args\": {\"rows\": %g, ",
        worker, call->begin * 1e6, call->seconds * 1e6, call->rows);
    fputs("\"algorithm\": ", out);
    hp_cli_json_text(out, line->info.algorithm);
    fputs(", \"output_shape\": ", out);
    hp_cli_json_text(out, line->info.output_shape);
    if (call->seconds > 0)
        fprintf(out, ", \"gflops\": %.4g", line->info.flops_per_row * call->rows / call->seconds * 1e-9);
    fputs("}}", out);
}

void hp_profile_print_trace(FILE *out, const hp_profile_report *report) {
    fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n", out);
    fputs("{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"args\": {\"name\": ", out);
    hp_cli_json_text(out, report->path);
    fputs("}}", out);
    for (int w = 0; w < report->workers; w++) {
        hp_step_call call;
        fprintf(out,
            ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"args\": {\"name\": \"worker "
            "%d\"}}",
            w, w);
        for (size_t i = 0; hp_profile_call(report->profile, w, i, &call, NULL) == HP_OK; i++)
            print_call(out, report, w, &call);
    }
    fputs("\n]}\n", out);
}
