/* check_text.c: separators and numbers in text, against a loop over bytes, and strtof and strtod. */
#include "check.h"

#include <stdlib.h>

enum { BEFORE = 31, LONGEST_FIELD = 48 };

/* n bytes between pages that may not be touched. */
static char *guarded(size_t n) {
    return (char *)hp_check_zeros((n + 3) / 4) + (n + 3) / 4 * 4 - n;
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

static void check_places(const hp_kernels *k, const char *text, size_t n, size_t most, char a, char b) {
    int32_t *places = hp_check_ints(most);
    size_t count = k->text_find(places, most, text, n, a, b), wanted = 0, end = n;
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        if (i % 64 == 0 && wanted + 64 > most) {
            end = i;
            break;
        }
        if (text[i] != a && text[i] != b) continue;
        good = wanted < count && places[wanted] == (int32_t)i;
        wanted++;
    }
    hp_check_that(good && count == wanted, "%s text_find: %zu of %zu bytes (up to %zu, room for %zu), should be %zu",
        k->isa, count, n, end, most, wanted);
}

void hp_check_text_find_kernel(const hp_kernels *k) {
    for (size_t n = 0; n < 400; n += n < 200 ? 1 : 37)
        for (int kind = 0; kind < 8; kind++) {
            hp_check_reset(0);
            char *text = guarded(n);
            for (size_t i = 0; i < n; i++) {
                unsigned number = hp_check_number();
                text[i] = (char)number; /* any byte */
                if (kind % 4 == 1 && number >> 8 & 1) text[i] = number >> 9 & 1 ? ',' : '\n';
                if (kind % 4 == 2) text[i] = ',';
                if (kind % 4 == 3 && (number >> 8) % 100 == 0) text[i] = '\n';
            }
            check_places(k, text, n, kind < 4 ? 512 : 128, ',', '\n');
        }
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static bool is_plain(const char *field, size_t size) {
    size_t digits = 0, points = 0;
    for (size_t i = field[0] == '-'; i < size; i++) {
        digits += field[i] >= '0' && field[i] <= '9';
        points += field[i] == '.';
    }
    return digits > 0 && points <= 1 && digits + points + (field[0] == '-') == size;
}

/* text_lines against a loop over bytes: it stops at the block that its rule says. */
static void check_lines(const hp_kernels *k, const char *text, size_t from, size_t n, size_t most) {
    size_t *starts = (size_t *)(void *)hp_check_ints(2 * most), end;
    size_t count = k->text_lines(starts, most, text, from, n, &end), wanted = 0, at = from;
    bool good = true, blank = true;
    for (; at < n; at += 64) {
        size_t last = at + 64 < n ? at + 64 : n, before = wanted;
        bool stop = wanted + 64 > most;
        for (size_t i = at; i < last && !stop; i++) {
            stop = text[i] == '"' || (blank && (text[i] == '\n' || text[i] == '\r'));
            blank = text[i] == '\n';
            if (blank) good &= wanted < most && (wanted >= count || starts[wanted] == i + 1), wanted++;
        }
        if (stop) {
            wanted = before;
            break;
        }
    }
    if (at > n) at = n;
    hp_check_that(good && count == wanted && end == at,
        "%s text_lines: %zu of bytes %zu to %zu up to %zu, should be %zu up to %zu", k->isa, count, from, n, end,
        wanted, at);
}

void hp_check_text_lines_kernel(const hp_kernels *k) {
    for (int kind = 0; kind < 12; kind++)
        for (size_t n = 0; n < 700; n += n < 200 ? 1 : 37) {
            hp_check_reset(n & 1);
            char *text = guarded(n);
            for (size_t i = 0; i < n; i++) {
                uint32_t number = hp_check_number();
                text[i] = "0123456789,.-\r\t "[number % 16];
                if (kind % 3 == 0 && (number >> 8) % 100 == 0) text[i] = '\n';
                if (kind % 3 == 1 && (number >> 8) % 8 == 0) text[i] = '\n';
                if (kind % 3 == 2 && text[i] == '\r') text[i] = '5';
                if (kind % 3 == 2 && i % 7 == 6) text[i] = '\n';
                if (kind > 6 && (number >> 16) % 300 == 0) text[i] = '"';
            }
            size_t from = n ? hp_check_number() % (n < 80 ? n : 80) : 0;
            check_lines(k, text, from, n, kind < 9 ? 1024 : 128);
        }
}

/* Writes a field of one of many kinds; returns its size. */
static size_t make_field(char *field, unsigned kind) {
    static const char *const others[] = {"", "-", ".", "-.", "1e5", "+1", " 1", "1 ", "nan", "1.2.3", "--1", "1-", "1,",
        "0x1", "1\r", "\x80", "1\xb2", ".5", "5.", "-.5", "-0", "0", "-0.0", "16777217", "16777217.0", "8388608.5",
        "8388609.5", "-33554434.0", "00000000000000001", "0.000000000000000000000000001", "99999999999999999999",
        "18446744073709551615", "18439999999999999999", "1844.0000000000000001", "999999999999999", "9999999999999999",
        "12345678901234567890123456789.1", "0.1234567890123456789012345678901", "1.00000005960464477539062",
        "1.00000005960464477539063", "340282350000000000000000000000", "/", ":", "1/", "1:"};
    if (kind == 0) return strlen(strcpy(field, others[hp_check_number() % (sizeof others / sizeof *others)]));
    float value;
    uint32_t bits = hp_check_number();
    if (kind == 1) { /* a float32 as it is written, mostly without an exponent */
        bits = (bits & 0x807FFFFF) | (100 + hp_check_number() % 50) << 23;
        memcpy(&value, &bits, sizeof value);
        return (size_t)sprintf(field, "%.*g", 1 + (int)(hp_check_number() % 17), (double)value);
    }
    size_t n = 0, digits = 1 + hp_check_number() % (kind == 2 ? 15 : 32), point = hp_check_number() % (digits + 2);
    if (hp_check_number() & 1) field[n++] = '-';
    for (size_t i = 0; i < digits; i++) {
        if (i == point) field[n++] = '.';
        field[n++] = (char)('0' + (kind == 3 && i < digits / 2 ? 0 : hp_check_number() % 10));
    }
    if (kind == 4) field[hp_check_number() % n] = (char)hp_check_number();
    field[n] = '\0';
    return n;
}

static void check_number(const hp_kernels *k, const char *field, size_t size, bool wide, double got, bool odd) {
    char text[LONGEST_FIELD + 1];
    memcpy(text, field, size);
    text[size] = '\0';
    if (odd) { /* a short one is not, but in the middle */
        double value = strtod(text, NULL);
        bool middle = !wide && (double)strtof(text, NULL) != value;
        hp_check_that(!is_plain(field, size) || size > 8 || middle, "%s text: %s is odd", k->isa, text);
        return;
    }
    double wanted = wide ? strtod(text, NULL) : (double)strtof(text, NULL);
    hp_check_that(is_plain(field, size) && memcmp(&got, &wanted, sizeof got) == 0,
        "%s text: \"%s\" gives %.17g, should be %.17g", k->isa, text, got, wanted);
}

/* n fields one behind the other, the first at the first byte that may be one. */
static void check_fields(const hp_kernels *k, size_t n, unsigned kind, bool wide) {
    char fields[300][LONGEST_FIELD];
    size_t sizes[300], total = BEFORE;
    for (size_t i = 0; i < n; i++) {
        sizes[i] = make_field(fields[i], kind < 6 ? kind : hp_check_number() % 6);
        total += sizes[i] + 1;
    }
    hp_check_reset((int)(hp_check_number() & 1));
    char *room = hp_check_number() & 1 ? guarded(total) : (char *)hp_check_zeros((total + 3) / 4),
         *text = room + BEFORE;
    int32_t *places = hp_check_ints(n + 1);
    uint32_t *odd = (uint32_t *)hp_check_ints(n + 1);
    memset(room, '7', BEFORE);
    places[0] = -1;
    for (size_t i = 0, at = 0; i < n; i++) {
        memcpy(text + at, fields[i], sizes[i]);
        at += sizes[i];
        places[i + 1] = (int32_t)at;
        text[at++] = ',';
    }
    float *y = hp_check_output(wide ? 2 * n : n);
    hp_text_fields g = {.text = text, .before = places, .end = places + 1, .n = n};
    size_t count = wide ? k->text_doubles(&g, (double *)y, odd) : k->text_floats(&g, y, odd), seen = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_odd = seen < count && odd[seen] == i;
        double value = wide ? ((double *)y)[i] : (double)y[i];
        check_number(k, fields[i], sizes[i], wide, value, is_odd);
        seen += is_odd;
    }
    hp_check_that(seen == count, "%s text: odd fields that are none", k->isa);
}

static void check_all_fields(const hp_kernels *k, bool wide) {
    for (int repeat = 0; repeat < 12; repeat++)
        for (size_t n = 0; n < 300; n += n < 40 ? 1 : 29)
            for (unsigned kind = 0; kind < 8; kind++) check_fields(k, n, kind, wide);
}

void hp_check_text_floats_kernel(const hp_kernels *k) {
    check_all_fields(k, false);
}
void hp_check_text_doubles_kernel(const hp_kernels *k) {
    check_all_fields(k, true);
}

/* ---- timing ------------------------------------------------------------------------------------------------------ */

enum { FIELDS = 700 };

struct bench {
    const hp_kernels *k;
    char text[BEFORE + FIELDS * 24];
    size_t size;
    int32_t places[FIELDS * 24 + 64];
    uint32_t odd[FIELDS + 1];
    double y[FIELDS];
};

/* Normal numbers with so many digits: 9 are a float32's, 17 a float64's. */
static void make_bench(struct bench *b, const hp_kernels *k, int digits) {
    *b = (struct bench){.k = k, .size = BEFORE};
    for (int i = 0; i < FIELDS; i++)
        b->size += (size_t)sprintf(b->text + b->size, "%.*g,", digits, hp_check_uniform(-1, 1) * 2);
    b->places[0] = -1;
    k->text_find(b->places + 1, FIELDS * 24, b->text + BEFORE, b->size - BEFORE, ',', '\n');
}

static void run_find(void *context) {
    struct bench *b = context;
    b->k->text_find(b->places + 1, FIELDS * 24, b->text + BEFORE, b->size - BEFORE, ',', '\n');
}
static void run_lines(void *context) {
    struct bench *b = context;
    size_t end;
    b->k->text_lines((size_t *)b->y, FIELDS, b->text, BEFORE, b->size, &end);
}
static void run_floats(void *context) {
    struct bench *b = context;
    hp_text_fields g = {.text = b->text + BEFORE, .before = b->places, .end = b->places + 1, .n = FIELDS};
    b->k->text_floats(&g, (float *)b->y, b->odd);
}
static void run_doubles(void *context) {
    struct bench *b = context;
    hp_text_fields g = {.text = b->text + BEFORE, .before = b->places, .end = b->places + 1, .n = FIELDS};
    b->k->text_doubles(&g, b->y, b->odd);
}

static void bench_text(const hp_kernels *k, const char *what, int digits, void (*run)(void *)) {
    struct bench b;
    char line[80];
    make_bench(&b, k, digits);
    double seconds = hp_bench_seconds(run, &b);
    snprintf(line, sizeof line, "%s, %d digits: %.2f ns each", what, digits, 1e9 * seconds / FIELDS);
    hp_bench_bytes(k, line, (double)(b.size - BEFORE), run, &b);
}

void hp_bench_text_find_kernel(const hp_kernels *k) {
    bench_text(k, "text_find", 9, run_find);
}
void hp_bench_text_lines_kernel(const hp_kernels *k) {
    struct bench b;
    make_bench(&b, k, 9);
    for (size_t i = 10; i <= FIELDS; i += 10) b.text[BEFORE + b.places[i]] = '\n';
    hp_bench_bytes(k, "text_lines, 10 numbers of 9 digits each", (double)(b.size - BEFORE), run_lines, &b);
}
void hp_bench_text_floats_kernel(const hp_kernels *k) {
    bench_text(k, "text_floats", 9, run_floats);
    bench_text(k, "text_floats", 17, run_floats);
}
void hp_bench_text_doubles_kernel(const hp_kernels *k) {
    bench_text(k, "text_doubles", 9, run_doubles);
    bench_text(k, "text_doubles", 17, run_doubles);
}
