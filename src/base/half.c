/* half.c: see half.h. */
#include "base/half.h"

#include <string.h>

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float hp_half_to_float(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    if (exponent == 0x1F) return float_of_bits(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact */
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    return float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

float hp_bfloat_to_float(uint16_t bits) {
    return float_of_bits((uint32_t)bits << 16);
}

/* A double as a sign, `exponent_bits` and `fraction_bits` (16 bits in all). */
static uint16_t narrow(double value, int exponent_bits, int fraction_bits) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
    int exponent = (int)(bits >> 52 & 0x7FF);
    uint64_t fraction = bits & 0xFFFFFFFFFFFFF;
    uint32_t infinity = ((1u << exponent_bits) - 1) << fraction_bits;
    if (exponent == 0x7FF) return (uint16_t)(sign | infinity | (fraction ? 1u << (fraction_bits - 1) : 0));
    if (exponent == 0) return sign; /* subnormal doubles are far below */
    exponent += (1 << (exponent_bits - 1)) - 1 - 1023;
    if (exponent >= (1 << exponent_bits) - 1) return (uint16_t)(sign | infinity);
    int shift = 52 - fraction_bits;
    if (exponent <= 0) { /* a subnormal result: more bits go */
        shift += 1 - exponent;
        exponent = 1;
        if (shift > 54) return sign;
    }
    uint64_t significand = fraction | (uint64_t)1 << 52, kept = significand >> shift;
    uint64_t rest = significand & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
    if (rest > half || (rest == half && (kept & 1))) kept++;
    /* The leading 1 of `kept`, and a carry of the rounding, add to the exponent by themselves; past the largest value
     * this gives infinity. */
    return (uint16_t)(sign | (((uint32_t)(exponent - 1) << fraction_bits) + (uint32_t)kept));
}

uint16_t hp_half_from_double(double value) {
    return narrow(value, 5, 10);
}

uint16_t hp_bfloat_from_double(double value) {
    return narrow(value, 8, 7);
}
