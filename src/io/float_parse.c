/* float_parse.c: decimal text to float32 and float64, rounded once, correctly.
 *
 * The digits make an integer w (up to 19 of them fit 64 bits), the point and exponent a power: the number is
 * w * 10^q. The product of w with 5^q, of which 128 bits are known (powers_of_five.h), is known with an error below 4
 * units of its 128th bit. Almost always that decides how to round; where it does not (and for more digits, subnormal
 * numbers and overflow) strtod decides, in a locale of our own. */
#define _GNU_SOURCE
#include "io/number_text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "io/powers_of_five.h"
#include "io/view.h"
#include "base/thread.h"

__extension__ typedef unsigned __int128 wide;

/* A decimal number taken apart. */
typedef struct decimal {
    const char *end;
    uint64_t digits; /* w */
    int64_t power;   /* q */
    bool negative;
    bool cut; /* there are more digits than w holds */
} decimal;

static hp_once locale_once = HP_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Where no locale can be made (no memory), the program's own is used. */
static double slow_float64(const char *text) {
    hp_once_run(&locale_once, make_locale);
    return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

static float slow_float32(const char *text) {
    hp_once_run(&locale_once, make_locale);
    return c_locale ? strtof_l(text, NULL, c_locale) : strtof(text, NULL);
}

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Up to eight digits at once, without a branch that depends on how many there are: they are found, moved to the end of
 * the word, and neighbours joined to pairs, fours and eights. Returns how many. */
static inline int take_some(const char *p, uint64_t *digits) {
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t chunk;
    memcpy(&chunk, p, 8);
    uint64_t values = chunk ^ 0x3030303030303030u;
    uint64_t others = ((values + 0x7676767676767676u) | values) & 0x8080808080808080u;
    int count = others ? __builtin_ctzll(others) / 8 : 8;
    values = (values << 4 * (8 - count)) << 4 * (8 - count);
    values = values * 10 + (values >> 8);
    uint64_t low = (values & 0x000000FF000000FFu) * 0x000F424000000064u;
    uint64_t high = (values >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u;
    *digits = *digits * tens[count] + ((low + high) >> 32);
    return count;
}

static inline const char *take_digits(const char *p, uint64_t *digits) {
    for (;;) {
        int count = take_some(p, digits);
        p += count;
        if (count < 8) return p;
    }
}
#else
static inline const char *take_digits(const char *p, uint64_t *digits) {
    for (; is_digit(*p); p++) *digits = *digits * 10 + (uint64_t)(*p - '0');
    return p;
}
#endif

/* The exponent after 'e'; not taken where no digit follows. */
static const char *take_exponent(const char *p, int64_t *power) {
    const char *start = p++;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    if (!is_digit(*p)) return start;
    int64_t exponent = 0;
    for (; is_digit(*p); p++)
        if (exponent < 1000000) exponent = exponent * 10 + (*p - '0');
    *power += negative ? -exponent : exponent;
    return p;
}

/* Whether more than 19 digits count: zeros in front do not. */
static bool too_many_digits(const char *p, const char *end) {
    while (p < end && (*p == '0' || *p == '.')) p++;
    int64_t count = 0;
    for (; p < end; p++) count += *p != '.';
    return count > 19;
}

static inline bool scan_decimal(const char *text, decimal *number) {
    const char *p = text;
    number->negative = *p == '-';
    p += (*p == '-') | (*p == '+'); /* no branch: signs are as good as random */
    const char *start = p;
    uint64_t digits = 0;
    p = take_digits(p, &digits);
    int64_t count = p - start, power = 0;
    if (*p == '.') {
        const char *fraction = ++p;
        p = take_digits(p, &digits);
        power = fraction - p;
        count += p - fraction;
    }
    if (count == 0) return false;
    number->cut = count > 19 && too_many_digits(start, p);
    if (*p == 'e' || *p == 'E') p = take_exponent(p, &power);
    number->digits = digits;
    number->power = power;
    number->end = p;
    return true;
}

/* digits * 10^power to `bits` bits of significand: *significand * 2^(*exponent - bits + 1). False: not decided. */
static inline bool round_decimal(const decimal *number, int bits, uint64_t *significand, int *exponent) {
    if (number->power < HP_IO_LEAST_POWER || number->power > HP_IO_GREATEST_POWER) return false;
    int q = (int)number->power, shift = __builtin_clzll(number->digits);
    hp_io_power five = hp_io_powers_of_five[q - HP_IO_LEAST_POWER];
    uint64_t w = number->digits << shift;
    wide low = (wide)w * five.low, product = (wide)w * five.high + (low >> 64);
    bool exact = q >= 0 && q <= HP_IO_GREATEST_EXACT_POWER;
    *exponent = 64 - shift + hp_io_log2_of_power(q);
    unsigned less = 1 - (unsigned)(product >> 127); /* one bit fewer than there is room for; no branch, as above */
    product = product << less | (exact ? (uint64_t)low >> 63 & less : 0);
    low <<= less;
    *exponent -= (int)less;
    wide unit = (wide)1 << (128 - bits), half = unit >> 1, rest = product & (unit - 1);
    uint64_t kept = (uint64_t)(product >> (128 - bits));
    if (exact) {
        bool more = (uint64_t)low != 0;
        if (rest > half || (rest == half && (more || (kept & 1)))) kept++;
    } else {
        if (rest <= half && half - rest < 4) return false;
        if (rest > half) kept++;
    }
    if (kept >> bits) {
        kept >>= 1;
        ++*exponent;
    }
    *significand = kept;
    return true;
}

/* inf, infinity or nan, in any case. */
static const char *parse_word(const char *text, double *value) {
    static const struct {
        const char *word;
        double value;
    } words[] = {{"infinity", __builtin_inf()}, {"inf", __builtin_inf()}, {"nan", __builtin_nan("")}};
    const char *p = text;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = 0;
        while (words[i].word[n] && (p[n] | 0x20) == words[i].word[n]) n++;
        if (words[i].word[n]) continue;
        *value = negative ? -words[i].value : words[i].value;
        return p + n;
    }
    return NULL;
}

const char *hp_io_parse_float64(const char *text, double *value) {
    decimal number;
    if (!scan_decimal(text, &number)) return parse_word(text, value);
    uint64_t bits = 0;
    if (number.digits != 0 || number.cut) {
        int exponent;
        if (number.cut || !round_decimal(&number, 53, &bits, &exponent) || exponent < -1022 || exponent > 1023) {
            *value = slow_float64(text);
            return number.end;
        }
        bits = (bits & 0xFFFFFFFFFFFFF) | (uint64_t)(exponent + 1023) << 52;
    }
    bits |= (uint64_t)number.negative << 63;
    memcpy(value, &bits, sizeof bits);
    return number.end;
}

const char *hp_io_parse_float32(const char *text, float *value) {
    decimal number;
    if (!scan_decimal(text, &number)) {
        double word;
        const char *end = parse_word(text, &word);
        if (end) *value = (float)word;
        return end;
    }
    uint32_t bits = 0;
    if (number.digits != 0 || number.cut) {
        uint64_t significand;
        int exponent;
        if (number.cut || !round_decimal(&number, 24, &significand, &exponent) || exponent < -126 || exponent > 127) {
            *value = slow_float32(text);
            return number.end;
        }
        bits = ((uint32_t)significand & 0x7FFFFF) | (uint32_t)(exponent + 127) << 23;
    }
    bits |= (uint32_t)number.negative << 31;
    memcpy(value, &bits, sizeof bits);
    return number.end;
}

const char *hp_io_parse_uint64(const char *text, uint64_t *value, bool *overflow) {
    const char *p = text + (*text == '+');
    *overflow = false;
    *value = 0;
    if (!is_digit(*p)) return NULL;
    for (; is_digit(*p); p++)
        if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
            *overflow = true;
    return *overflow ? NULL : p;
}

const char *hp_io_parse_int64(const char *text, int64_t *value, bool *overflow) {
    bool negative = *text == '-';
    uint64_t magnitude;
    if (negative && text[1] == '+') return NULL;
    const char *end = hp_io_parse_uint64(text + negative, &magnitude, overflow);
    if (!end) return NULL;
    *overflow = magnitude > (uint64_t)INT64_MAX + negative;
    *value = (int64_t)(negative ? -magnitude : magnitude);
    return *overflow ? NULL : end;
}

void hp_io_prepare_fork(void) {
    hp_once_run(&locale_once, make_locale);
}
