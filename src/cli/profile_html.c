/* profile_html.c: a profile as one page of HTML: figures, a table with bars, and a timeline of the first calls. No
 * scripts, no fonts, no links: it reads the same without a network, and in light and dark. */
#include <inttypes.h>

#include "cli/profile.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
    ":root { color-scheme: light dark; --ink: #1d2330; --paper: #ffffff; --soft: #5c6575; --line: #d9dee7;"
    " --bar: #9cc3ee; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e4e8f0; --paper: #14171d; --soft: #97a1b3;"
    " --line: #2c323d; --bar: #2f5f94; } }\n"
    "body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;"
    " max-width: 80rem; padding: 0 1rem; }\n"
    "h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }\n"
    "p { color: var(--soft); margin: .25rem 0; }\n"
    ".figures { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 1rem 0; }\n"
    ".figures div { color: var(--soft); } .figures b { display: block; font-size: 1.35rem; color: var(--ink); }\n"
    "table { border-collapse: collapse; width: 100%; }\n"
    "th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }\n"
    "th { color: var(--soft); font-weight: 500; } .n { text-align: right; font-variant-numeric: tabular-nums;"
    " white-space: nowrap; }\n"
    ".share { min-width: 9rem; } .share span { display: block; background: var(--bar); border-radius: 2px; height: "
    "1.1em;"
    " }\n"
    "svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 11px; }\n"
    "</style>\n";

static void print_text(FILE *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

/* Neighbouring steps get hues that differ well: the golden angle. */
static double hue(size_t step) {
    double turns = 0.6 + 0.381966 * (double)step;
    return 360 * (turns - (double)(int64_t)turns);
}

static void print_figure(FILE *out, double value, const char *format, const char *unit, const char *text) {
    fputs("<div><b>", out);
    fprintf(out, format, value);
    fprintf(out, "%s</b>%s</div>\n", unit, text);
}

static void print_figures(FILE *out, const hp_profile_report *report) {
    double each = report->seconds / (double)report->calls, all = report->seconds * report->workers;
    fputs("<div class=\"figures\">\n", out);
    print_figure(out, (double)report->rows / each, "%.4g", "", "rows/s");
    print_figure(out, each * 1e3, "%.4g", " ms", "a call");
    print_figure(out, report->flops / report->seconds * 1e-9, "%.4g", "", "GFLOP/s");
    print_figure(out, all > 0 ? 100 * report->flops / (report->peak * all) : 0, "%.0f", " %", "of the cores' peak");
    print_figure(out, all > 0 ? 100 * report->busy / all : 0, "%.0f", " %", "of the workers' time in steps");
    fputs("</div>\n", out);
}

static void print_row(FILE *out, const hp_profile_report *report, size_t s, double largest) {
    const hp_profile_line *line = &report->lines[s];
    fputs("<tr><td>", out);
    print_text(out, line->layers);
    fputs("</td><td>", out);
    print_text(out, line->info.primitive);
    if (*line->info.algorithm) fputs(", ", out);
    print_text(out, line->info.algorithm);
    fputs("</td><td class=\"n\">", out);
    print_text(out, line->info.output_shape);
    fprintf(out, "</td><td class=\"share\"><span style=\"width: %.1f%%; background: hsl(%.0f 60%% 60%%)\"></span></td>",
        largest > 0 ? 100 * line->share / largest : 0, hue(s));
    fprintf(out, "<td class=\"n\">%.1f %%</td><td class=\"n\">%.4g</td><td class=\"n\">%" PRId64 "</td>",
        100 * line->share, line->time.seconds * 1e3, line->time.calls);
    fprintf(out, "<td class=\"n\">%.4g</td><td class=\"n\">%.0f %%</td><td class=\"n\">%.3g</td></tr>\n", line->gflops,
        report->peak > 0 ? 1e11 * line->gflops / report->peak : 0, line->gigabytes);
}

static void print_steps(FILE *out, const hp_profile_report *report) {
    double largest = 0;
    for (size_t s = 0; s < report->count; s++)
        if (report->lines[s].share > largest) largest = report->lines[s].share;
    fputs("<h2>Steps, in the order in which they run</h2>\n<table>\n<tr><th>layers</th><th>kernel</th>"
          "<th class=\"n\">output</th><th colspan=\"2\">share of time</th><th class=\"n\">ms</th>"
          "<th class=\"n\">runs</th><th class=\"n\">GFLOP/s</th><th class=\"n\">of peak</th><th class=\"n\">GB/s</th>"
          "</tr>\n",
        out);
    for (size_t s = 0; s < report->count; s++) print_row(out, report, s, largest);
    fputs("</table>\n", out);
}

static void print_workers(FILE *out, const hp_profile_report *report) {
    fputs(
        "<h2>Workers</h2>\n<table>\n<tr><th>worker</th><th class=\"n\">ms in steps</th><th class=\"n\">of the time</th>"
        "<th class=\"n\">runs</th></tr>\n",
        out);
    for (int w = 0; w < report->workers; w++) {
        double seconds = 0;
        int64_t runs = 0;
        hp_step_time time;
        for (size_t s = 0; hp_profile_time(report->profile, s, w, &time, NULL) == HP_OK; s++) {
            seconds += time.seconds;
            runs += time.calls;
        }
        fprintf(out,
            "<tr><td>%d</td><td class=\"n\">%.4g</td><td class=\"n\">%.1f %%</td><td class=\"n\">%" PRId64
            "</td></tr>\n",
            w, seconds * 1e3, 100 * seconds / report->seconds, runs);
    }
    fputs("</table>\n", out);
}

enum { DRAWN_CALLS = 1500, WIDTH = 1200, LANE = 34, LEFT = 70 };

/* When the timeline begins and ends: the first calls of every worker. */
static void find_span(const hp_profile_report *report, double *begin, double *end) {
    hp_step_call call;
    *begin = *end = 0;
    for (int w = 0; w < report->workers; w++)
        for (size_t i = 0; i < DRAWN_CALLS && hp_profile_call(report->profile, w, i, &call, NULL) == HP_OK; i++) {
            if (*end == 0 || call.begin < *begin) *begin = call.begin;
            if (call.begin + call.seconds > *end) *end = call.begin + call.seconds;
        }
}

static void print_timeline(FILE *out, const hp_profile_report *report) {
    double begin, end;
    find_span(report, &begin, &end);
    if (!(end > begin)) return;
    double scale = (WIDTH - LEFT) / (end - begin);
    fprintf(out,
        "<h2>The first calls of each worker</h2>\n<p>%.4g ms from left to right; colours as in the table.</p>\n",
        (end - begin) * 1e3);
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"timeline\">\n", WIDTH, LANE * report->workers);
    for (int w = 0; w < report->workers; w++) {
        hp_step_call call;
        fprintf(out, "<text x=\"0\" y=\"%d\">worker %d</text>\n", w * LANE + 19, w);
        for (size_t i = 0; i < DRAWN_CALLS && hp_profile_call(report->profile, w, i, &call, NULL) == HP_OK; i++) {
            fprintf(out, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"hsl(%.0f 60%% 60%%)\"><title>",
                LEFT + (call.begin - begin) * scale, w * LANE + 2, call.seconds * scale, LANE - 6, hue(call.step));
            print_text(out, report->lines[call.step].layers);
            fprintf(out, ": %.4g us, %g rows</title></rect>\n", call.seconds * 1e6, call.rows);
        }
    }
    fputs("</svg>\n", out);
}

void hp_profile_print_html(FILE *out, const hp_profile_report *report) {
    fputs(head, out);
    fputs("<title>hornpipe profile: ", out);
    print_text(out, report->path);
    fputs("</title>\n</head>\n<body>\n<h1>", out);
    print_text(out, report->path);
    fprintf(out,
        "</h1>\n<p>%" PRId64 " call%s of %" PRId64
        " rows, %d worker%s, kernels %s, one core's peak %.4g GFLOP/s, hornpipe "
        "%s</p>\n",
        report->calls, report->calls == 1 ? "" : "s", report->rows, report->workers, report->workers == 1 ? "" : "s",
        report->model.isa, report->peak * 1e-9, hp_version());
    print_figures(out, report);
    print_timeline(out, report);
    print_steps(out, report);
    print_workers(out, report);
    fputs(
        "<p>GFLOP/s count the direct algorithm's work, so that algorithms that need fewer multiplications can pass the "
        "peak. Times of several workers are added up.</p>\n</body>\n</html>\n",
        out);
}
