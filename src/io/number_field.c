/* number_field.c: one field of text as a number: blanks, missing values, words, ranges. The slow, complete way; rows
 * of plain floats go past it (csv_text.c). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "base/half.h"
#include "io/csv_text.h"
#include "io/number_text.h"

enum { LONGEST_NUMBER = 1024, SHOWN = 40 };

/* Whether the text is `word`, in any case. */
static bool is_word(const char *text, size_t size, const char *word) {
    for (size_t i = 0; i < size; i++)
        if (!word[i] || (text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]) != word[i]) return false;
    return word[size] == '\0';
}

static void trim(const char **text, size_t *size) {
    while (*size > 0 && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t')) --*size;
    while (*size > 0 && (**text == ' ' || **text == '\t')) ++*text, --*size;
}

static bool is_missing(const char *text, size_t size) {
    static const char *const words[] = {"na", "n/a", "<na>", "nan", "null", "none"};
    if (size == 0) return true;
    if (size > 4) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(text, size, words[i])) return true;
    return false;
}

bool hp_io_field_is_missing(const hp_io_field *field) {
    const char *text = field->data;
    size_t size = field->size;
    trim(&text, &size);
    return is_missing(text, size);
}

static bool store_float(double value, hp_dtype dtype, void *dst) {
    if (dtype == HP_FLOAT64)
        *(double *)dst = value;
    else if (dtype == HP_FLOAT16)
        *(uint16_t *)dst = hp_half_from_double(value);
    else
        *(uint16_t *)dst = hp_bfloat_from_double(value);
    return true;
}

/* All of the integer dtypes. False without `what`: not a number. */
static bool store_integer(const char *text, const char *end, hp_dtype dtype, void *dst, char *what) {
    static const struct {
        int64_t least;
        uint64_t greatest;
    } ranges[] = {[HP_INT8] = {INT8_MIN, INT8_MAX},
        [HP_INT16] = {INT16_MIN, INT16_MAX},
        [HP_INT32] = {INT32_MIN, INT32_MAX},
        [HP_INT64] = {INT64_MIN, INT64_MAX},
        [HP_UINT8] = {0, UINT8_MAX},
        [HP_UINT16] = {0, UINT16_MAX},
        [HP_UINT32] = {0, UINT32_MAX},
        [HP_UINT64] = {0, UINT64_MAX}};
    bool overflow = false, negative = *text == '-';
    int64_t number = 0;
    uint64_t magnitude = 0;
    const char *after =
        negative ? hp_io_parse_int64(text, &number, &overflow) : hp_io_parse_uint64(text, &magnitude, &overflow);
    if (after != end && !overflow) { /* 3.0 and 1e3 are integers too */
        double value;
        if (hp_io_parse_float64(text, &value) != end) return false;
        overflow = !(fabs(value) <= 0x1p53);
        if (!overflow && value != trunc(value)) {
            snprintf(what, HP_IO_NUMBER_MESSAGE, "%.*s is no whole number, and %s is wanted",
                end - text > SHOWN ? SHOWN : (int)(end - text), text, hp_dtype_name(dtype));
            return false;
        }
        if (!overflow && negative)
            number = (int64_t)value;
        else if (!overflow)
            magnitude = (uint64_t)value;
    }
    if (overflow || (negative && number < ranges[dtype].least) || (!negative && magnitude > ranges[dtype].greatest)) {
        snprintf(what, HP_IO_NUMBER_MESSAGE, "%.*s does not fit into %s",
            end - text > SHOWN ? SHOWN : (int)(end - text), text, hp_dtype_name(dtype));
        return false;
    }
    if (negative) magnitude = (uint64_t)number;
    uint8_t byte = (uint8_t)magnitude;
    uint16_t two = (uint16_t)magnitude;
    uint32_t four = (uint32_t)magnitude;
    size_t size = hp_dtype_size(dtype);
    memcpy(dst, size == 1 ? (void *)&byte : size == 2 ? (void *)&two : size == 4 ? (void *)&four : &magnitude, size);
    return true;
}

static bool store_bool(const char *text, size_t size, void *dst) {
    double value;
    if (is_word(text, size, "true"))
        *(uint8_t *)dst = 1;
    else if (is_word(text, size, "false"))
        *(uint8_t *)dst = 0;
    else if (hp_io_parse_float64(text, &value) == text + size && !isnan(value))
        *(uint8_t *)dst = value != 0;
    else
        return false;
    return true;
}

/* `text` is padded as the parsers want it. */
static bool store_number(const char *text, size_t size, hp_dtype dtype, void *dst, char *what) {
    if (dtype == HP_BOOL) return store_bool(text, size, dst);
    if (!hp_dtype_is_float(dtype)) return store_integer(text, text + size, dtype, dst, what);
    if (dtype == HP_FLOAT32) return hp_io_parse_float32(text, dst) == text + size;
    double value;
    return hp_io_parse_float64(text, &value) == text + size && store_float(value, dtype, dst);
}

bool hp_io_number_from_text(const char *text, size_t size, hp_dtype dtype, void *dst, char what[HP_IO_NUMBER_MESSAGE]) {
    char copy[LONGEST_NUMBER + 32];
    what[0] = '\0';
    trim(&text, &size);
    if (is_missing(text, size)) {
        if (dtype == HP_FLOAT32)
            *(float *)dst = NAN;
        else if (hp_dtype_is_float(dtype))
            return store_float((double)NAN, dtype, dst);
        else
            snprintf(what, HP_IO_NUMBER_MESSAGE, "a value is missing, and %s is wanted", hp_dtype_name(dtype));
        return dtype == HP_FLOAT32;
    }
    if (size <= LONGEST_NUMBER) {
        memcpy(copy, text, size);
        memset(copy + size, 0, 32);
        if (store_number(copy, size, dtype, dst, what)) return true;
    }
    if (!*what)
        snprintf(what, HP_IO_NUMBER_MESSAGE, "\"%.*s%s\" is not a number", size > SHOWN ? SHOWN : (int)size, text,
            size > SHOWN ? "..." : "");
    return false;
}
