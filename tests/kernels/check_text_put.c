/* check_text_put.c: numbers to text, against the first of printf's that gives the number back. */
#include "check.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

enum { LEAST = -46, GREATEST = 46 };

/* 5^q, cut to 64 bits of which the top one is set: of powers that fit 128 bits, and of quotients found bit by bit. */
static void make_powers(uint64_t *powers) {
    wide power = 1;
    for (int q = 0; q <= GREATEST; q++, power *= 5) {
        wide shifted = power, rest = 1;
        while (!(shifted >> 127)) shifted <<= 1;
        powers[2 * (q - LEAST)] = (uint64_t)(shifted >> 64);
        uint64_t quotient = 0;
        while (!(quotient >> 63)) {
            quotient = quotient << 1 | (rest >= power);
            rest = (rest >= power ? rest - power : rest) << 1;
        }
        if (q > 0) powers[2 * (-q - LEAST)] = quotient;
    }
}

/* As io/float_format.c lays numbers out. */
static size_t lay_out(float value, char *text) {
    char digits[24];
    int precision = 0;
    do snprintf(digits, sizeof digits, "%.*e", precision, (double)value);
    while (strtof(digits, NULL) != value && ++precision < 12);
    char *to = text, *mark = strchr(digits, 'e');
    int point = atoi(mark + 1) + 1, count = 0;
    const char *from = digits;
    if (*from == '-') *to++ = *from++;
    char found[16];
    for (; from < mark; from++)
        if (*from != '.') found[count++] = *from;
    found[count] = '\0';
    if (value == 0) return (size_t)(to - text) + (size_t)sprintf(to, "0");
    if (point > 16 || point < -3)
        return (size_t)(to - text) + (size_t)sprintf(to, "%c%s%se%c%02d", found[0], count > 1 ? "." : "", found + 1,
                                         point > 0 ? '+' : '-', point > 0 ? point - 1 : 1 - point);
    if (point <= 0) return (size_t)(to - text) + (size_t)sprintf(to, "0.%.*s%s", -point, "000", found);
    if (point < count) return (size_t)(to - text) + (size_t)sprintf(to, "%.*s.%s", point, found, found + point);
    return (size_t)(to - text) + (size_t)sprintf(to, "%s%.*s", found, point - count, "0000000000000000");
}

static float make_float(unsigned kind) {
    uint32_t bits = hp_check_number();
    if (kind == 1) return hp_check_uniform(-1, 1);
    if (kind == 2) return (float)(bits % 2000) / (float)(1 << hp_check_number() % 8);
    if (kind == 3) return (float)(bits % 100000);
    if (kind == 4)
        bits = (bits & 0x80000000) | (hp_check_number() % 256) << 23 |
               (1 + hp_check_number() % 3); /* of powers of two printf's is not always the shortest */
    float value;
    memcpy(&value, &bits, sizeof value);
    return kind == 5 && bits % 3 == 0 ? 0.0F * value : value;
}

static void check_text(const hp_kernels *k, float value, const char *text, size_t size, bool may_be_odd) {
    char wanted[48];
    if (size == 0) {
        hp_check_that(may_be_odd, "%s text_put_floats: %.9g is left", k->isa, (double)value);
        return;
    }
    size_t n = value - value == 0 ? lay_out(value, wanted) : 0;
    hp_check_that(n == size && memcmp(text, wanted, n) == 0, "%s text_put_floats: %.9g is \"%.*s\", should be \"%.*s\"",
        k->isa, (double)value, (int)size, text, (int)n, wanted);
}

void hp_check_text_put_floats_kernel(const hp_kernels *k) {
    uint64_t powers[2 * (GREATEST - LEAST + 1)] = {0};
    make_powers(powers);
    bool all_odd = strcmp(k->isa, "avx512") != 0;
    for (int repeat = 0; repeat < 40; repeat++)
        for (size_t n = 0; n < 150; n += n < 20 ? 1 : 13)
            for (unsigned kind = 0; kind < 6; kind++) {
                hp_check_reset((int)(n & 1));
                float *x = hp_check_zeros(n);
                char *texts = (char *)hp_check_ints((n + 7) / 8 * 32);
                unsigned char *sizes = (unsigned char *)hp_check_ints((n + 7) / 8 * 2);
                for (size_t i = 0; i < n; i++) x[i] = make_float(kind);
                k->text_put_floats(x, n, powers - 2 * LEAST, texts, sizes);
                for (size_t i = 0; i < n; i++) {
                    double large = x[i] < 0 ? -(double)x[i] : (double)x[i];
                    bool common = large == 0 || (large >= 1e-30 && large < 1e14);
                    check_text(k, x[i], texts + 16 * i, sizes[i], all_odd || !common);
                }
            }
}

enum { NUMBERS = 1024 };

struct bench {
    const hp_kernels *k;
    uint64_t powers[2 * (GREATEST - LEAST + 1)];
    float x[NUMBERS];
    char texts[16 * NUMBERS];
    unsigned char sizes[NUMBERS];
};

static void run(void *context) {
    struct bench *b = context;
    b->k->text_put_floats(b->x, NUMBERS, b->powers - 2 * LEAST, b->texts, b->sizes);
}

void hp_bench_text_put_floats_kernel(const hp_kernels *k) {
    struct bench b = {.k = k};
    make_powers(b.powers);
    for (size_t i = 0; i < NUMBERS; i++) b.x[i] = hp_check_uniform(0, 1);
    hp_bench_bytes(k, "text_put_floats, bytes of numbers", sizeof b.x, run, &b);
}
