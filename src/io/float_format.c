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

/* The shortest digits: *digits * 10^(the result). */
static int shortest(binary number, uint64_t *digits) {
    uint64_t odd = number.significand & 1, middle = number.significand << 2;
    uint64_t below = middle - (number.narrow_below ? 1 : 2), above = middle + 2;
    int q = number.exponent, k = number.narrow_below ? log10_of_three_quarters(q) : log10_of_power(q);
    int h = q + hp_io_log2_of_power(-k) + 2;
    hp_io_power five = hp_io_powers_of_five[-k - HP_IO_LEAST_POWER];
    wide g = (((wide)five.high << 64 | five.low) >> 2) + 1;
    uint64_t low = scale_to_odd(g, below << h) + odd, value = scale_to_odd(g, middle << h);
    uint64_t high = scale_to_odd(g, above << h) - odd;
    uint64_t s = value >> 2, t = s + 1;
    if (s >= 10) {
        uint64_t down = s / 10 * 10, up = down + 10;
        bool down_in = low <= down << 2, up_in = up << 2 <= high;
        if (down_in != up_in) {
            *digits = down_in ? down : up;
            return k;
        }
    }
    bool s_in = low <= s << 2, t_in = t << 2 <= high;
    bool nearer_s = value < (s + t) << 1 || (value == (s + t) << 1 && !(s & 1));
    *digits = (s_in != t_in ? s_in : nearer_s) ? s : t;
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

/* digits * 10^power: with a point where 10^-5 <= it < 10^16, else with an exponent; as Python's repr, but 1 for
 * 1.0. */
static size_t put_decimal(uint64_t digits, int power, char *text) {
    char room[24], *end = room + sizeof room, *start, *to = text;
    while (digits % 10 == 0) {
        digits /= 10;
        power++;
    }
    start = put_digits(digits, end);
    int count = (int)(end - start), point = count + power; /* digits before the point */
    if (point > 16 || point < -3) {
        *to++ = *start++;
        if (count > 1) *to++ = '.';
        memcpy(to, start, (size_t)(count - 1));
        to += count - 1;
        *to++ = 'e';
        *to++ = point > 0 ? '+' : '-';
        int exponent = point > 0 ? point - 1 : 1 - point;
        if (exponent < 10) *to++ = '0';
        to += hp_io_format_uint64((uint64_t)exponent, to);
    } else if (point <= 0) {
        *to++ = '0';
        *to++ = '.';
        memset(to, '0', (size_t)-point);
        to += -point;
        memcpy(to, start, (size_t)count);
        to += count;
    } else {
        int whole = point < count ? point : count;
        memcpy(to, start, (size_t)whole);
        to += whole;
        memset(to, '0', (size_t)(point - whole));
        to += point - whole;
        if (count > whole) *to++ = '.';
        memcpy(to, start + whole, (size_t)(count - whole));
        to += count - whole;
    }
    return (size_t)(to - text);
}

static size_t put_special(bool negative, bool is_nan, char *text) {
    const char *word = is_nan ? "nan" : negative ? "-inf" : "inf";
    size_t n = strlen(word);
    memcpy(text, word, n);
    return n;
}

/* A finite number given by its fields. */
static size_t put_binary(bool negative, int exponent, uint64_t fraction, int fraction_bits, int bias, char *text) {
    char *to = text;
    if (negative) *to++ = '-';
    if (exponent == 0 && fraction == 0) {
        *to++ = '0';
        return (size_t)(to - text);
    }
    binary number = {fraction, 1 - bias - fraction_bits, false};
    if (exponent > 0) {
        number.significand |= (uint64_t)1 << fraction_bits;
        number.exponent = exponent - bias - fraction_bits;
        number.narrow_below = fraction == 0 && exponent > 1;
    }
    uint64_t digits;
    int power = shortest(number, &digits);
    return (size_t)(to - text) + put_decimal(digits, power, to);
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
