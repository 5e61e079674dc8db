/* utf8.c: see utf8.h. */
#include "io/utf8.h"

enum { REPLACEMENT = 0xFFFD };

uint32_t hp_io_utf8_next(const char **p, const char *end) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)*(*p)++;
    if (lead < 0x80) return lead;
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC0 || lead >= 0xF8 || end - *p < more) return REPLACEMENT;
    uint32_t point = lead & (0x3Fu >> more);
    for (int i = 0; i < more; i++) {
        unsigned char c = (unsigned char)(*p)[i];
        if ((c & 0xC0) != 0x80) return REPLACEMENT;
        point = point << 6 | (c & 0x3Fu);
    }
    if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return REPLACEMENT;
    *p += more;
    return point;
}

size_t hp_io_utf8_length(const char *text, size_t size) {
    size_t count = 0;
    for (const char *p = text, *end = text + size; p < end; count++) hp_io_utf8_next(&p, end);
    return count;
}

size_t hp_io_utf8_put(uint32_t point, char *to) {
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) point = REPLACEMENT;
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, point >>= 6) to[i] = (char)(0x80 | (point & 0x3F));
    to[0] = (char)(lead[more] | point);
    return more + 1;
}
