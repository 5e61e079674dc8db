/* utf8.h: code points to UTF-8 and back. */
#ifndef HP_IO_UTF8_H
#define HP_IO_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point at *p (< end), which is moved on; a byte that begins no valid UTF-8 gives U+FFFD and is skipped. */
uint32_t hp_io_utf8_next(const char **p, const char *end);
/* How many times hp_io_utf8_next has to be called. */
size_t hp_io_utf8_length(const char *text, size_t size);
/* Writes one code point, and returns how many bytes (1 to 4); surrogates and values past U+10FFFF as U+FFFD. */
size_t hp_io_utf8_put(uint32_t point, char *to);

#endif
