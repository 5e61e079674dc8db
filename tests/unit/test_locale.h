/* test_locale.h: other languages' rules for numbers and letters, for tests that the library keeps to its own. */
#ifndef HP_TESTS_TEST_LOCALE_H
#define HP_TESTS_TEST_LOCALE_H

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Sets the locale `name` ("de_DE": a decimal comma; "tr_TR": no i for I), made for this where the system does not have it.
 * False: it cannot be had. Set "C" again behind the test. */
static inline bool use_locale(const char *name) {
    char place[] = "/tmp/hornpipe-locale-XXXXXX", command[160], full[32];
    snprintf(full, sizeof full, "%s.UTF-8", name);
    if (setlocale(LC_ALL, full)) return true;
    if (!mkdtemp(place)) return false;
    snprintf(command, sizeof command, "localedef -i %s -f UTF-8 %s/%s >/dev/null 2>&1", name, place, full);
    bool set = system(command) == 0 && setenv("LOCPATH", place, 1) == 0 && setlocale(LC_ALL, full);
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", place); /* it is in memory by now */
    return system(command) == 0 && set;
}

#endif
