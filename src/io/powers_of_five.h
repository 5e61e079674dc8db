/* powers_of_five.h: 5^q to 128 bits, for parsing and printing decimal numbers. */
#ifndef HP_IO_POWERS_OF_FIVE_H
#define HP_IO_POWERS_OF_FIVE_H

#include <stdint.h>

enum { HP_IO_LEAST_POWER = -342, HP_IO_GREATEST_POWER = 324, HP_IO_GREATEST_EXACT_POWER = 55 };

/* 5^q = high * 2^64 + low, times a power of two such that the top bit of `high` is set; what does not fit is cut off
 * (nothing for 0 <= q <= HP_IO_GREATEST_EXACT_POWER). Entry 0 is q = HP_IO_LEAST_POWER. */
typedef struct hp_io_power {
    uint64_t high, low;
} hp_io_power;

extern const hp_io_power hp_io_powers_of_five[HP_IO_GREATEST_POWER - HP_IO_LEAST_POWER + 1];

/* floor(log2(10^q)), for |q| <= 1233. */
static inline int hp_io_log2_of_power(int q) {
    return (q * 1741647) >> 19;
}

#endif
