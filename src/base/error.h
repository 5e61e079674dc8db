/* error.h: how a function inside the library fails.
 *
 * Invariant: a function that returns something other than HP_OK has filled `*error` (if not NULL) exactly once.
 * HP_FAIL fills it and returns; HP_TRY passes a failure on; HP_ALLOCATED checks an allocation. */
#ifndef HP_BASE_ERROR_H
#define HP_BASE_ERROR_H

#include <stdarg.h>
#include "hornpipe.h"

#define HP_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Fills *error (may be NULL) and returns `status`. `where` may be NULL (left empty, filled by an outer frame with
 * hp_error_prefix). Text that does not fit is cut at a UTF-8 boundary. */
hp_status hp_error_set(hp_error *error, hp_status status, const char *where, const char *format, ...) HP_PRINTF(4, 5);
hp_status hp_error_setv(hp_error *error, hp_status status, const char *where, const char *format, va_list args)
    HP_PRINTF(4, 0);

/* Puts `prefix` and ": " (or alone, where `where` is empty) before error->where. NULL error: nothing. */
void hp_error_prefix(hp_error *error, const char *format, ...) HP_PRINTF(2, 3);

#define HP_FAIL(error, status, where, ...) return hp_error_set((error), (status), (where), __VA_ARGS__)
#define HP_FAIL_IF(condition, error, status, where, ...)                                                               \
    do {                                                                                                               \
        if (condition) return hp_error_set((error), (status), (where), __VA_ARGS__);                                   \
    } while (0)
#define HP_TRY(expression)                                                                                             \
    do {                                                                                                               \
        hp_status hp_try_status_ = (expression);                                                                       \
        if (hp_try_status_ != HP_OK) return hp_try_status_;                                                            \
    } while (0)
#define HP_ALLOCATED(pointer, error)                                                                                   \
    do {                                                                                                               \
        if ((pointer) == NULL) return hp_error_set((error), HP_ERROR_NO_MEMORY, NULL, "out of memory");                \
    } while (0)

#endif
