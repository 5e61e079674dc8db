/* profile.h: a finished profile, and the forms in which hornpipe profile shows it.
 *
 * Invariant: the report is made once from hp_profile; the forms only read it, so they agree. */
#ifndef HP_CLI_PROFILE_H
#define HP_CLI_PROFILE_H

#include "cli/cli.h"

typedef struct hp_profile_line {
    hp_step_info info;
    hp_step_time time; /* of all workers */
    double share;      /* of all the workers' time in steps */
    double gflops;     /* 1e9 operations a second of one worker's time */
    double gigabytes;  /* 1e9 bytes a second, likewise */
    char *layers;      /* "conv2d (Conv2D) + bn + relu" */
} hp_profile_line;

typedef struct hp_profile_report {
    const hp_profile *profile;
    const char *path;
    hp_model_info model;
    int64_t rows, calls;  /* of the predictions: rows of each, and how many */
    int workers;          /* that did something */
    double seconds, busy; /* wall time; all workers' time in steps */
    double peak;          /* operations a second of one core */
    double flops;         /* that were done, counted as the direct algorithms' */
    hp_profile_line *lines;
    size_t count;
} hp_profile_report;

/* False: out of memory. hp_profile_report_free frees it in any case. */
bool hp_profile_report_make(hp_profile_report *report);
void hp_profile_report_free(hp_profile_report *report);

void hp_profile_print_table(FILE *out, const hp_profile_report *report);
void hp_profile_print_json(FILE *out, const hp_profile_report *report);
/* Trace events, as chrome://tracing and Perfetto open them. */
void hp_profile_print_trace(FILE *out, const hp_profile_report *report);
/* One page that needs nothing else. */
void hp_profile_print_html(FILE *out, const hp_profile_report *report);

#endif
