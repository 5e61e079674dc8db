/* float_format.c: numbers to their shortest text that reads back as the same value.
 *
 * A float is c * 2^q; all decimals between the middles to its two neighbours read back as it. k is chosen so that
 * 10^k is just below the width of that interval: then the interval, in units of 10^k, holds one or more integers and
 * at most one multiple of ten. A multiple of ten is shorter, else the integer nearest to the value is taken. The three
 * products with 10^-k are made from 126 bits of it and "rounded to odd" (the last bit stands for all that was cut
 * off), with two bits after the point: so comparisons with integers and halves are exact. (R. Giulietti, "The
 * Schubfach way to render doubles".) */
#include <string.h>
#include "io/number_text.h"
#include "io/powers_of_five.h"

__extension__ typedef unsigned __int128 wide;

/* What makes up a float type. */
typedef struct binary {
    uint64_t significand; /* c */
    int exponent;         /* q */
    bool narrow_below;    /* a power of two: the neighbour below is at half the distance */
} binary;

/* floor(log10(2^q)) and floor(log10(3/4 * 2^q)). */
static int log10_of_power(int q) {
    return (int)(((int64_t)q * 661971961083) >> 41);
}

static int log10_of_three_quarters(int q) {
    return (int)(((int64_t)q * 661971961083 - 274743187321) >> 41);
}

/* c * g / 2^127, its last bit set where a bit was cut off. */
static uint64_t scale_to_odd(wide g, uint64_t c) {
    wide product = (g >> 64) * c + (((wide)(uint64_t)g * c) >> 64);
    bool cut = ((uint64_t)product & 0x7FFFFFFFFFFFFFFF) != 0;
    return (uint64_t)(product >> 63) | cut;
}

/* c * g / 2^95, the same for float32, where 63 bits of g are enough. */
static uint64_t scale_short_to_odd(uint64_t g, uint64_t c) {
    uint64_t product = (uint64_t)((wide)g * c >> 64);
    return product >> 31 | ((uint32_t)product != 0);
}

/* The shortest digits: *digits * 10^(the result). `single`: a float32. */
static inline int shortest(binary number, bool single, uint64_t *digits) {
    uint64_t odd = number.significand & 1, middle = number.significand << 2;
    uint64_t below = middle - (number.narrow_below ? 1 : 2), above = middle + 2, low, value, high;
    int q = number.exponent, k = number.narrow_below ? log10_of_three_quarters(q) : log10_of_power(q);
    int h = q + hp_io_log2_of_power(-k) + 2;
    hp_io_power five = hp_io_powers_of_five[-k - HP_IO_LEAST_POWER];
    if (single) {
        uint64_t g = (five.high >> 1) + 1;
        h += 31;
        low = scale_short_to_odd(g, below << h) + odd;
        value = scale_short_to_odd(g, middle << h);
        high = scale_short_to_odd(g, above << h) - odd;
    } else {
        wide g = (((wide)five.high << 64 | five.low) >> 2) + 1;
        low = scale_to_odd(g, below << h) + odd;
        value = scale_to_odd(g, middle << h);
        high = scale_to_odd(g, above << h) - odd;
    }
    /* No branches: which of them it is, is as good as random. */
    uint64_t s = value >> 2, t = s + 1, down = s / 10 * 10, up = down + 10;
    bool down_in = low <= down << 2, up_in = up << 2 <= high, s_in = low <= s << 2, t_in = t << 2 <= high;
    bool nearer_s = (value < (s + t) << 1) | ((value == (s + t) << 1) & !(s & 1));
    bool take_s = (s_in & !t_in) | ((s_in == t_in) & nearer_s), take_ten = (s >= 10) & (down_in != up_in);
    uint64_t one = s + !take_s, ten = down + (down_in ? 0 : 10);
    *digits = one + ((ten - one) & -(uint64_t)take_ten);
    return k;
}

static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243"
                            "4445464748495051525354555657585960616263646566676869707172737475767778798081828384858687"
                            "888990919293949596979899";

/* Decimal digits of `value`, ending before `end`; returns where they begin. */
static char *put_digits(uint64_t value, char *end) {
    for (; value >= 100; value /= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

size_t hp_io_format_uint64(uint64_t value, char *text) {
    char room[24], *end = room + sizeof room, *start = put_digits(value, end);
    memcpy(text, start, (size_t)(end - start));
    return (size_t)(end - start);
}

size_t hp_io_format_int64(int64_t value, char *text) {
    if (value >= 0) return hp_io_format_uint64((uint64_t)value, text);
    *text = '-';
    return 1 + hp_io_format_uint64(-(uint64_t)value, text + 1);
}

/* A number 0.DIGITS * 10^point: with a point where 10^-5 <= it < 10^16, else with an exponent; as Python's repr, but 1 for
 * 1.0. `digits`: `count` of them, neither the first nor the last of them 0, and then any bytes: DIGITS are always copied as
 * the most that there may be, so that nothing waits for how many there are. */
enum { DIGITS = 24 };
static inline size_t lay_out(const char *digits, int count, int point, char *text) {
    if (point > 16 || point < -3) {
        char *to = text;
        *to++ = *digits++;
        if (count > 1) *to++ = '.';
        memcpy(to, digits, DIGITS - 1);
        to += count - 1;
        *to++ = 'e';
        *to++ = point > 0 ? '+' : '-';
        int exponent = point > 0 ? point - 1 : 1 - point;
        if (exponent < 10) *to++ = '0';
        return (size_t)(to - text) + hp_io_format_uint64((uint64_t)exponent, to);
    }
    if (point <= 0) {
        memcpy(text, "0.000", 5);
        memcpy(text + 2 - point, digits, DIGITS);
        return (size_t)(2 - point + count);
    }
    memcpy(text, digits, DIGITS);
    if (point < count) {
        text[point] = '.';
        memcpy(text + point + 1, digits + point, DIGITS - 8);
        return (size_t)count + 1;
    }
    memset(text + count, '0', (size_t)(point - count));
    return (size_t)point;
}

static size_t put_decimal(uint64_t digits, int power, char *text) {
    char room[2 * DIGITS] = "", *end = room + DIGITS, *start = put_digits(digits, end);
    int point = (int)(end - start) + power;
    while (end[-1] == '0') end--;
    return lay_out(start, (int)(end - start), point, text);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The same for fewer than ten digits, which are found side by side. */
static inline size_t put_short_decimal(uint32_t digits, int power, char *text) {
    uint64_t first = digits / 100000000, rest = digits % 100000000;
    uint64_t fours = rest / 10000 | rest % 10000 << 32;
    uint64_t hundreds = (fours * 5243 >> 19) & 0x0000007F0000007F;
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000F;
    uint64_t ones = tens | (twos - 10 * tens) << 8; /* a byte each, the first one lowest */
    uint64_t ascii = ones | 0x3030303030303030;
    char room[2 * DIGITS];
    room[0] = (char)('0' + first);
    memcpy(room + 1, &ascii, sizeof ascii);
    int before = (first == 0) * (1 + __builtin_ctzll(ones | (uint64_t)1 << 63) / 8);
    int after = ones ? __builtin_clzll(ones) / 8 : 8;
    return lay_out(room + before, 9 - before - after, 9 - before + power, text);
}
#else
static inline size_t put_short_decimal(uint32_t digits, int power, char *text) {
    return put_decimal(digits, power, text);
}
#endif

static size_t put_special(bool negative, bool is_nan, char *text) {
    const char *word = is_nan ? "nan" : negative ? "-inf" : "inf";
    size_t n = strlen(word);
    memcpy(text, word, n);
    return n;
}

/* A finite number given by its fields. */
static inline size_t put_binary(
    bool negative, int exponent, uint64_t fraction, int fraction_bits, int bias, char *text) {
    *text = '-';
    char *to = text + negative; /* no branch: signs are as good as random */
    if (exponent == 0 && fraction == 0) {
        *to = '0';
        return (size_t)negative + 1;
    }
    binary number = {fraction, 1 - bias - fraction_bits, false};
    if (exponent > 0) {
        number.significand |= (uint64_t)1 << fraction_bits;
        number.exponent = exponent - bias - fraction_bits;
        number.narrow_below = fraction == 0 && exponent > 1;
    }
    uint64_t digits;
    bool single = fraction_bits == 23;
    int power = shortest(number, single, &digits);
    return (size_t)negative +
           (single ? put_short_decimal((uint32_t)digits, power, to) : put_decimal(digits, power, to));
}

size_t hp_io_format_float32(float value, char *text) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 23 & 0xFF);
    if (exponent == 0xFF) return put_special(bits >> 31, bits & 0x7FFFFF, text);
    return put_binary(bits >> 31, exponent, bits & 0x7FFFFF, 23, 127, text);
}

size_t hp_io_format_float64(double value, char *text) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF);
    if (exponent == 0x7FF) return put_special(bits >> 63, (bits & 0xFFFFFFFFFFFFF) != 0, text);
    return put_binary(bits >> 63, exponent, bits & 0xFFFFFFFFFFFFF, 52, 1023, text);
}
