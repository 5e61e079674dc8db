/* check.c: guarded buffers, comparisons and timing of the kernel checker; see check.h. */
#define _GNU_SOURCE
#include "check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 16
#define SLOT_BYTES ((size_t)64 << 20) /* address space; pages come when touched */
#define PATTERN 0x7fd5a5a5u           /* a NaN that nothing computes */

#define SEED 88172645463325252ull

static struct {
    char *slots[SLOTS];
    size_t used[SLOTS];
    size_t count;
    int side;
    uint64_t random;
} state = {.random = SEED};

extern size_t hp_check_failures, hp_check_count;
size_t hp_check_failures, hp_check_count;

void hp_check_seed(void) {
    state.random = SEED;
}

uint32_t hp_check_number(void) {
    state.random ^= state.random << 13;
    state.random ^= state.random >> 7;
    state.random ^= state.random << 17;
    return (uint32_t)(state.random >> 16);
}

double hp_check_uniform(double low, double high) {
    return low + (high - low) * (hp_check_number() * 0x1p-32);
}

static void *give(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (state.count == SLOTS || bytes > SLOT_BYTES) {
        fprintf(stderr, "kernel checker: too many or too large buffers\n");
        exit(2);
    }
    char **slot = &state.slots[state.count];
    if (!*slot) {
        *slot = mmap(NULL, SLOT_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (*slot == MAP_FAILED || mprotect(*slot + page, SLOT_BYTES, PROT_READ | PROT_WRITE) != 0) {
            fprintf(stderr, "kernel checker: no memory for guarded buffers\n");
            exit(2);
        }
    }
    state.count++;
    return *slot + page + (state.side == 0 ? SLOT_BYTES - bytes : 0);
}

void hp_check_reset(int side) {
    state.count = 0;
    state.side = side;
}

float *hp_check_random(size_t n) {
    float *x = give(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)hp_check_uniform(-1, 1);
    return x;
}

float *hp_check_output(size_t n) {
    const uint32_t pattern = PATTERN;
    float *x = give(n * sizeof *x);
    for (size_t i = 0; i < n; i++) memcpy(x + i, &pattern, sizeof pattern);
    return x;
}

float *hp_check_zeros(size_t n) {
    float *x = give(n * sizeof *x);
    memset(x, 0, n * sizeof *x);
    return x;
}

int32_t *hp_check_ints(size_t n) {
    return give(n * sizeof(int32_t));
}

float *hp_check_copy(const float *x, size_t n) {
    float *y = give(n * sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

bool hp_check_untouched(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits == PATTERN;
}

void hp_check_that(bool good, const char *format, ...) {
    hp_check_count++;
    if (good || ++hp_check_failures > 40) return;
    va_list args;
    va_start(args, format);
    fputs("FAILED: ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

double hp_check_ulp(double x) {
    double a = fabs(x);
    if (!(a <= 0x1.fffffep127)) return 0x1p104;
    int e;
    frexp(a, &e);
    return ldexp(1, (a == 0 || e < -125 ? -125 : e) - 24);
}

bool hp_check_close(float got, double reference, double tolerance) {
    if (hp_check_untouched(got)) return false;
    if (isnan(reference) || isnan(got)) return isnan(reference) && isnan(got);
    if ((double)got == reference || got == (float)reference) return true;
    /* Infinity and the largest float are neighbours when rounding may go either way. */
    if (isinf(got)) return fabs(reference) + tolerance >= 0x1.ffffffp127 && (got > 0) == (reference > 0);
    return fabs(got - reference) <= tolerance;
}

bool hp_check_same(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++)
        if (n && memcmp(a + r * a_stride, b + r * b_stride, n * sizeof *a) != 0) return false;
    return true;
}

bool hp_check_gaps(const float *y, size_t stride, size_t rows, size_t n) {
    for (size_t r = 0; r + 1 < rows; r++)
        for (size_t i = n; i < stride; i++)
            if (!hp_check_untouched(y[r * stride + i])) return false;
    return true;
}

hp_activation hp_check_activation(size_t i) {
    static const hp_activation list[] = {
        {HP_UNARY_IDENTITY, {0}},
        {HP_UNARY_RELU, {0, INFINITY, 0, 0}},
        {HP_UNARY_TANH, {0}},
        {HP_UNARY_RELU6, {0}},
        {HP_UNARY_RELU, {0.25F, 0.5F, 0.125F, 0}},
        {HP_UNARY_SIGMOID, {0}},
        {HP_UNARY_CLIP, {-0.25F, 0.5F, 0, 0}},
        {HP_UNARY_GELU_ERF, {0}},
    };
    return list[i % (sizeof list / sizeof *list)];
}

double hp_check_activated(const hp_activation *op, double x, double error, double *y) {
    *y = hp_reference_unary(op, x);
    /* The functions above have slopes of 1.2 at most; relu's step at its threshold is no slope. */
    double low = hp_reference_unary(op, x - error), high = hp_reference_unary(op, x + error);
    double spread = fmax(fabs(low - *y), fabs(high - *y));
    return fmax(spread, 1.5 * error) + hp_reference_unary_tolerance(op->op, x, *y) + 0x1p-148;
}

/* ---- timing ---------------------------------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double hp_bench_seconds(void (*run)(void *), void *context) {
    size_t calls = 1;
    double best = INFINITY;
    run(context);
    for (int round = 0; round < 8;) {
        double start = now();
        for (size_t i = 0; i < calls; i++) run(context);
        double took = now() - start;
        if (took < 4e-3 && calls < (size_t)1 << 30) {
            calls *= took < 4e-4 ? 8 : 2;
            continue;
        }
        if (took / (double)calls < best) best = took / (double)calls;
        round++;
    }
    return best;
}

struct peak {
    const hp_kernels *k;
    double flops;
};

static void run_peak(void *context) {
    struct peak *p = context;
    p->flops = p->k->fma_peak(20000);
}

static double peak_rate(const hp_kernels *k) {
    struct peak p = {.k = k};
    double seconds = hp_bench_seconds(run_peak, &p);
    return p.flops / seconds;
}

void hp_bench_flops(const hp_kernels *k, const char *what, double flops, void (*run)(void *), void *context) {
    double before = peak_rate(k), rate = flops / hp_bench_seconds(run, context), after = peak_rate(k);
    double peak = before > after ? before : after;
    printf("%-7s %-52s %8.1f GFLOP/s  %5.1f %% of %.1f\n", k->isa, what, rate * 1e-9, 100 * rate / peak, peak * 1e-9);
    fflush(stdout);
}

void hp_bench_bytes(const hp_kernels *k, const char *what, double bytes, void (*run)(void *), void *context) {
    double seconds = hp_bench_seconds(run, context);
    printf("%-7s %-52s %8.1f GB/s\n", k->isa, what, bytes / seconds * 1e-9);
    fflush(stdout);
}
