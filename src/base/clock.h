/* clock.h: how much time has gone by. */
#ifndef HP_BASE_CLOCK_H
#define HP_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds on a clock that never goes back and that nobody sets. */
int64_t hp_clock_now(void);

#endif
