/* half.h: float16 (IEEE binary16) and bfloat16 as bits, to and from float and double.
 *
 * Widening is exact. Narrowing rounds once, to nearest even, straight from the given type; too large gives infinity,
 * a NaN stays a (quiet) NaN. All functions are pure and thread-safe. */
#ifndef HP_BASE_HALF_H
#define HP_BASE_HALF_H

#include <stdint.h>

float hp_half_to_float(uint16_t bits);
float hp_bfloat_to_float(uint16_t bits);
uint16_t hp_half_from_double(double value); /* a float widens to a double exactly: the same function serves */
uint16_t hp_bfloat_from_double(double value);

#endif
