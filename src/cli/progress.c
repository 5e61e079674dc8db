/* progress.c: how far a prediction has come, on standard error; and being interrupted. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    if (interrupted) { /* the second one: at once */
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupted = 1;
}

double hp_cli_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void hp_progress_begin(hp_progress_state *state, hp_progress_style style) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup has it ignored */
        sigaction(SIGHUP, &action, NULL);
    if (style == HP_PROGRESS_AUTO) style = isatty(STDERR_FILENO) ? HP_PROGRESS_BAR : HP_PROGRESS_LINES;
    *state = (hp_progress_state){.style = style, .started = hp_cli_now()};
    state->last = state->started;
}

static void time_left(double seconds, char *text, size_t size) {
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

static void draw_bar(double share, double speed, const char *left) {
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    int filled = (int)(share * WIDTH);
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)(filled > WIDTH ? WIDTH : filled));
    bar[WIDTH] = '\0';
    char rate[HP_SCALED_SIZE];
    fprintf(stderr, "\r[%s] %3.0f %%  %s rows/s  %s left \033[K", bar, share * 100, hp_cli_scaled(speed, rate), left);
}

static void show(hp_progress_state *state, int64_t done, int64_t total, double now) {
    double elapsed = now - state->started, speed = elapsed > 0 ? (double)(done - state->first) / elapsed : 0;
    char left[32] = "?", rate[HP_SCALED_SIZE];
    hp_cli_scaled(speed, rate);
    if (total > 0 && speed > 0) time_left((double)(total - done) / speed, left, sizeof left);
    if (state->style == HP_PROGRESS_JSON)
        fprintf(stderr, "{\"rows\": %lld, \"total\": %lld, \"seconds\": %.3f, \"rows_per_second\": %.6g}\n",
            (long long)done, (long long)total, elapsed, speed);
    else if (state->style == HP_PROGRESS_BAR && total > 0)
        draw_bar((double)done / (double)total, speed, left);
    else if (state->style == HP_PROGRESS_BAR)
        fprintf(stderr, "\r%lld rows  %s rows/s \033[K", (long long)done, rate);
    else if (total > 0)
        fprintf(
            stderr, "hornpipe: %lld of %lld rows, %s rows/s, %s left\n", (long long)done, (long long)total, rate, left);
    else
        fprintf(stderr, "hornpipe: %lld rows, %s rows/s\n", (long long)done, rate);
    state->drawn = true;
}

int hp_cli_progress(void *context, int64_t done, int64_t total) {
    hp_progress_state *state = context;
    state->done = done;
    if (interrupted) return 1;
    if (state->style == HP_PROGRESS_NONE) return 0;
    double now = hp_cli_now(), pause = state->style == HP_PROGRESS_BAR ? 0.1 : state->style == HP_PROGRESS_JSON ? 1 : 5;
    if (now - state->last < pause) return 0;
    state->last = now;
    show(state, done, total, now);
    return 0;
}

void hp_progress_end(hp_progress_state *state, int64_t rows) {
    double elapsed = hp_cli_now() - state->started, speed = elapsed > 0 ? (double)(rows - state->first) / elapsed : 0;
    char rate[HP_SCALED_SIZE];
    if (state->style == HP_PROGRESS_NONE) return;
    if (state->style == HP_PROGRESS_BAR && state->drawn) fputs("\r\033[K", stderr);
    if (rows < 0) return;
    if (state->style == HP_PROGRESS_JSON)
        fprintf(stderr,
            "{\"rows\": %lld, \"total\": %lld, \"seconds\": %.3f, \"rows_per_second\": %.6g, \"done\": true}\n",
            (long long)rows, (long long)rows, elapsed, speed);
    else
        fprintf(stderr, "hornpipe: %lld row%s in %.3g s, %s rows/s\n", (long long)rows, rows == 1 ? "" : "s", elapsed,
            hp_cli_scaled(speed, rate));
}
