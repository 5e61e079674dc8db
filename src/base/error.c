/* error.c: filling hp_error; the names and texts of HP_STATUS_LIST. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Cuts a truncated text back to the end of its last whole UTF-8 character. */
static void cut_at_character(char *text, size_t size) {
    size_t end = size - 1;
    size_t start = end;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
    if (start == 0) return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (end - (start - 1) < need) text[start - 1] = '\0';
}

static void format_into(char *text, size_t size, const char *format, va_list args) {
    int n = vsnprintf(text, size, format, args);
    if (n < 0) text[0] = '\0';
    if (n >= 0 && (size_t)n >= size) cut_at_character(text, size);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20) *c = ' '; /* one line, whatever a file's names hold */
}

hp_status hp_error_setv(hp_error *error, hp_status status, const char *where, const char *format, va_list args) {
    if (!error) return status;
    error->status = status;
    error->row = -1;
    error->where[0] = '\0';
    format_into(error->message, sizeof error->message, format, args);
    if (where) hp_error_prefix(error, "%s", where);
    return status;
}

hp_status hp_error_set(hp_error *error, hp_status status, const char *where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    hp_error_setv(error, status, where, format, args);
    va_end(args);
    return status;
}

void hp_error_prefix(hp_error *error, const char *format, ...) {
    if (!error) return;
    char prefix[sizeof error->where], joined[2 * sizeof error->where + 2];
    va_list args;
    va_start(args, format);
    format_into(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(joined, sizeof joined, "%s%s%s", prefix, error->where[0] ? ": " : "", error->where);
    size_t n = strlen(joined);
    memcpy(error->where, joined, n < sizeof error->where ? n + 1 : sizeof error->where);
    if (n >= sizeof error->where) {
        error->where[sizeof error->where - 1] = '\0';
        cut_at_character(error->where, sizeof error->where);
    }
}

const char *hp_status_name(hp_status status) {
    switch (status) {
#define HP_CASE_(name, value, text)                                                                                    \
    case name:                                                                                                         \
        return #name;
        HP_STATUS_LIST(HP_CASE_)
#undef HP_CASE_
    }
    return "HP_ERROR_UNKNOWN";
}

const char *hp_status_text(hp_status status) {
    switch (status) {
#define HP_CASE_(name, value, text)                                                                                    \
    case name:                                                                                                         \
        return text;
        HP_STATUS_LIST(HP_CASE_)
#undef HP_CASE_
    }
    return "unknown status";
}
