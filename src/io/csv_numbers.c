/* csv_numbers.c: see csv_numbers.h.
 *
 * Two things make numbers of text slow: each begins where the one before it ends, so nothing overlaps, and their lengths
 * are as good as random, so branches on them are guessed wrong. Here a row's separators are found first, 64 bytes at a
 * time; then the numbers do not wait for one another. A number is read as the 16 bytes that end where it ends: so its
 * digits stand where they belong whatever its length, and what is done to them does not depend on it.
 *
 * With 15 or 16 digits w at most 2^53 and a power of ten up to 10^22, both are exact in float64 and w / 10^k is rounded
 * once (W. Clinger, "How to read floating point numbers accurately"). Rounding that again to float32 is right but where it
 * stands exactly between two float32 numbers (or is subnormal): then the complete way decides. */
#include "io/csv_numbers.h"

#include <math.h>
#include <string.h>
#include "io/number_text.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

enum { WIDTH = 16, BLOCK = 64, MOST_FIELDS = 4096 };

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* 16 bytes of text; `high` holds the last ones. */
typedef struct word {
    uint64_t low, high;
} word;

/* The last n of 16 bytes. */
#define LOW_MASK(n) ((n) <= 8 ? 0 : ~(uint64_t)0 << (8 * (16 - (n)) & 63))
#define HIGH_MASK(n) ((n) == 0 ? 0 : (n) >= 8 ? ~(uint64_t)0 : ~(uint64_t)0 << (8 * (8 - (n)) & 63))
#define MASK(n)                                                                                                        \
    { LOW_MASK(n), HIGH_MASK(n) }
static const word last_bytes[WIDTH + 1] = {MASK(0), MASK(1), MASK(2), MASK(3), MASK(4), MASK(5), MASK(6), MASK(7),
    MASK(8), MASK(9), MASK(10), MASK(11), MASK(12), MASK(13), MASK(14), MASK(15), MASK(16)};

/* By digits behind the point. */
static const double tens[WIDTH] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
static const uint64_t whole_tens[WIDTH] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
    10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000};

static inline uint64_t load(const char *p) {
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* 0x80 in each byte of x that is 0; all bytes are below 0x80. */
static inline uint64_t zero_bytes(uint64_t x) {
    return (EACH(0x80) - x) & EACH(0x80);
}

/* Of bytes that are 0 or 0x80: the top bits, the first byte's lowest. */
static inline uint64_t top_bits(uint64_t x) {
    return x * 0x0002040810204081u >> 56;
}

/* Which of 64 bytes are `byte`, and how many. *others gets bits where one is 0x80 or more: then the
 * rest means nothing. */
static inline uint64_t find_byte(const char *p, char byte, int *count, uint64_t *others) {
    uint64_t found = 0, sum = 0, all = 0, wanted = EACH((unsigned char)byte);
    for (int i = 0; i < BLOCK / 8; i++) {
        uint64_t text = load(p + 8 * i), zeros = zero_bytes(text ^ wanted);
        all |= text;
        sum += zeros >> 7;
        found |= top_bits(zeros) << (8 * i);
    }
    *count = (int)(sum * EACH(1) >> 56);
    *others |= all & EACH(0x80);
    return found;
}

/* Eight digits, the first byte the most significant, as a number. */
static inline uint64_t join_digits(uint64_t digits) {
    digits = digits * 10 + (digits >> 8);
    uint64_t low = (digits & 0x000000FF000000FFu) * 0x000F424000000064u;
    uint64_t high = (digits >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u;
    return (low + high) >> 32;
}

/* The number that [begin, end) is, of ASCII text; 16 bytes before `end` and 8 behind can be read. False: it is none, or not
 * a plain one. */
static inline bool quick_number(const char *begin, const char *end, double *value) {
    uint64_t negative = *begin == '-', bits; /* no branch on what is as good as random */
    begin += (*begin == '-') | (*begin == '+');
    size_t size = (size_t)(end - begin), whole = size, behind = 0;
    if (size - 1 >= WIDTH) return false;
    uint64_t first = load(begin) ^ EACH('0'), point = zero_bytes(first ^ EACH('.' ^ '0'));
    if (point) whole = (size_t)__builtin_ctzll(point) / 8; /* the lowest is right, whatever follows the field */
    if (whole < size)
        behind = size - whole - 1;
    else
        whole = size;
    if (whole > 8 || whole + behind == 0) return false;
    uint64_t number = 0, others = 0;
    if (whole == 1) { /* most often */
        number = (first & 0xFF) * whole_tens[behind];
        others = (first & 0xFF) + 0x76;
    } else if (whole > 0) {
        uint64_t digits = first << 8 * (8 - whole);
        number = join_digits(digits) * whole_tens[behind];
        others = digits + EACH(0x76);
    }
    word mask = last_bytes[behind];
    uint64_t low = (load(end - 16) ^ EACH('0')) & mask.low, high = (load(end - 8) ^ EACH('0')) & mask.high;
    number += join_digits(low) * 100000000 + join_digits(high);
    others |= (low + EACH(0x76)) | (high + EACH(0x76));
    if ((others & EACH(0x80)) | number >> 53) return false;
    double magnitude = (double)(int64_t)number / tens[behind];
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= negative << 63;
    memcpy(value, &bits, sizeof bits);
    return true;
}

/* Whether rounding a number that was rounded to float64 gives what rounding it once would. */
static inline bool is_rounded_once(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t magnitude = bits << 1 >> 1;
    return (bits & 0x1FFFFFFF) != 0x10000000 && (magnitude >= (uint64_t)(1023 - 126) << 52 || magnitude == 0);
}

/* Where the fields of [begin, end) end, `count` of them; false: there are not so many, or it is not ASCII. 64 bytes behind
 * `end` can be read. */
static inline bool find_ends(const char *begin, const char *end, char delimiter, uint32_t *ends, int64_t count) {
    enum { AT_ONCE = 8 };
    int64_t found = 0;
    uint64_t others = 0;
    size_t size = (size_t)(end - begin);
    for (size_t at = 0; at < size; at += BLOCK) {
        int here;
        uint64_t bits = find_byte(begin + at, delimiter, &here, &others);
        if (size - at < BLOCK) {
            bits &= ((uint64_t)1 << (size - at)) - 1;
            here = 0;
            for (uint64_t left = bits; left; left &= left - 1) here++;
        }
        if (found + here >= count) return false;
        for (int done = 0; done < here; done += AT_ONCE) /* some too many, but always as many */
            for (int i = 0; i < AT_ONCE; i++, bits &= bits - 1)
                ends[found + done + i] = (uint32_t)at + (uint32_t)__builtin_ctzll(bits | (uint64_t)1 << 63);
        found += here;
    }
    ends[found++] = (uint32_t)size;
    return found == count && !others;
}

/* The fields that are wanted of the row that begins at `row`, whose fields end at `ends`. What is no plain number (it has
 * an exponent, more digits, blanks behind it) is parsed the usual way. */
static inline bool convert_fields(
    const char *row, const uint32_t *ends, const hp_io_pick *picks, int64_t pick_count, bool wide, void *dst) {
    for (const hp_io_pick *pick = picks; pick < picks + pick_count; pick++) {
        const char *start = pick->column ? row + ends[pick->column - 1] + 1 : row, *stop = row + ends[pick->column];
        double value = (double)NAN; /* where nothing stands */
        while (*start == ' ' && start < stop) start++;
        bool plain = start == stop || quick_number(start, stop, &value);
        if (wide) {
            double *to = (double *)dst + pick->target;
            *to = value;
            if (!plain && hp_io_parse_float64(start, to) != stop) return false;
        } else {
            float *to = (float *)dst + pick->target;
            *to = (float)value;
            plain = plain && (is_rounded_once(value) || start == stop);
            if (!plain && hp_io_parse_float32(start, to) != stop) return false;
        }
    }
    return true;
}

bool hp_io_quick_row(
    const hp_io_text *text, int64_t row, const hp_io_pick *picks, int64_t pick_count, hp_dtype dtype, void *dst) {
    const hp_io_csv_layout *layout = text->layout;
    const char *begin = text->bytes + text->starts[row], *end = text->bytes + text->starts[row + 1] - 1;
    uint32_t ends[MOST_FIELDS + BLOCK];
    if (end - begin > INT32_MAX || layout->column_count > MOST_FIELDS || begin - text->bytes < WIDTH) return false;
    if (end > begin && end[-1] == '\r') end--;
    if (text->quotes && memchr(begin, '"', (size_t)(end - begin))) return false;
    if (!find_ends(begin, end, layout->delimiter, ends, layout->column_count)) return false;
    return dtype == HP_FLOAT32 ? convert_fields(begin, ends, picks, pick_count, false, dst)
                               : convert_fields(begin, ends, picks, pick_count, true, dst);
}

#else

bool hp_io_quick_row(
    const hp_io_text *text, int64_t row, const hp_io_pick *picks, int64_t pick_count, hp_dtype dtype, void *dst) {
    (void)text, (void)row, (void)picks, (void)pick_count, (void)dtype, (void)dst;
    return false;
}

#endif
