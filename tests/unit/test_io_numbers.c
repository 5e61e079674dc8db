/* test_io_numbers.c: decimal text to numbers and back, and numbers of one dtype to another. References: exact integer
 * arithmetic for the table of powers, strtod and snprintf for text, plain C for conversions. */
#define _GNU_SOURCE
#include "test_io.h"
#include "test_locale.h"
#include <math.h>
#include "base/half.h"
#include "io/convert.h"
#include "io/number_text.h"
#include "io/powers_of_five.h"
#include "kernels/kernels.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* ---- large integers, least significant word first ------------------------------------------------------------- */

enum { WORDS = 64 };
typedef struct large {
    uint32_t words[WORDS];
} large;

static void times(large *n, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)n->words[i] * factor;
        n->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static int bit_length(const large *n) {
    for (int i = WORDS - 1; i >= 0; i--)
        if (n->words[i]) return 32 * i + 32 - __builtin_clz(n->words[i]);
    return 0;
}

static int bit(const large *n, int i) {
    return i >= 0 && (n->words[i / 32] >> i % 32 & 1);
}

/* a * b, where b has four words. */
static large product(const large *a, const uint32_t b[4]) {
    large sum = {{0}};
    for (int j = 0; j < 4; j++) {
        uint64_t carry = 0;
        for (int i = 0; i + j < WORDS; i++) {
            carry += (uint64_t)a->words[i] * b[j] + sum.words[i + j];
            sum.words[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return sum;
}

static void test_powers_of_five(void **state) {
    (void)state;
    large five = {{1}};
    for (int q = 0; q <= -HP_IO_LEAST_POWER; q++, times(&five, 5)) {
        int n = bit_length(&five);
        if (q <= HP_IO_GREATEST_POWER) { /* the top 128 bits */
            hp_io_power row = hp_io_powers_of_five[q - HP_IO_LEAST_POWER];
            for (int i = 0; i < 128; i++) {
                int wanted = (int)((i < 64 ? row.high >> (63 - i) : row.low >> (127 - i)) & 1);
                assert_int_equal(bit(&five, n - 1 - i), wanted);
            }
            assert_int_equal(hp_io_log2_of_power(q), n - 1 + q);
        }
        if (q == 0) continue;
        /* row * 5^q <= 2^e < (row + 1) * 5^q, for an e that makes row 128 bits long */
        hp_io_power row = hp_io_powers_of_five[-q - HP_IO_LEAST_POWER];
        uint32_t b[4] = {(uint32_t)row.low, (uint32_t)(row.low >> 32), (uint32_t)row.high, (uint32_t)(row.high >> 32)};
        assert_true(row.high >> 63);
        large low = product(&five, b);
        int e = bit_length(&low);
        for (int i = 0; i < 4 && ++b[i] == 0; i++) {
        }
        large high = product(&five, b);
        assert_int_equal(bit_length(&high), e + 1);
        assert_int_equal(hp_io_log2_of_power(-q), -n - q); /* 5^q lies between 2^(n - 1) and 2^n */
    }
}

/* ---- text ----------------------------------------------------------------------------------------------------- */

static void check_parse(char *text) {
    char *end64, *end32;
    double wanted64 = strtod(text, &end64), got64 = 0;
    float wanted32 = strtof(text, &end32), got32 = 0;
    size_t n = strlen(text);
    memcpy(text + n, "\n", 2);
    const char *after64 = hp_io_parse_float64(text, &got64), *after32 = hp_io_parse_float32(text, &got32);
    if (after64 != end64 || after32 != end32 || memcmp(&got64, &wanted64, 8) || memcmp(&got32, &wanted32, 4))
        fail_msg("%s gives %.17g and %.9g, not %.17g and %.9g", text, got64, (double)got32, wanted64, (double)wanted32);
}

static void test_parse(void **state) {
    (void)state;
    static const char *const texts[] = {"0", "-0", "1", ".5", "5.", "1e5", "1E-5", "123456789012345678901234567890",
        "0.000000000000000000000000000000000012345678901234567890123", "1e400", "-1e400", "1e-400", "4.9e-324",
        "2e-324", "2.4703282292062327e-324", "2.2250738585072011e-308", "2.2250738585072014e-308",
        "1.7976931348623157e308", "1.7976931348623159e308", "9007199254740993", "9007199254740992.5", "16777217",
        "16777217.0", "16777217.000001", "3.4028235e38", "3.4028236e38", "1.1754943e-38", "1e-45", "7e-46", "8.5e-46",
        "5e999999999999", "0e999999999999", "1e22", "1e23", "8.5899345920000001e9", "0.1e1",
        "00000000000000000000000001.5", "1.e1", "0.30000000000000004", "9.5367431640625e-7", "12345678", "1234567.8",
        "0.12345678", "123456789.12345678"};
    char text[200];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_parse(strcpy(text, texts[i]));
    for (int i = 0; i < 300000; i++) {
        int digits = 1 + (int)(next_random() % 21), point = (int)(next_random() % (unsigned)(digits + 1)), n = 0;
        if (next_random() & 1) text[n++] = '-';
        for (int k = 0; k < digits; k++) {
            if (k == point) text[n++] = '.';
            text[n++] = (char)('0' + next_random() % 10);
        }
        text[n] = '\0';
        int range = i & 1 ? 60 : 700;
        if (next_random() & 1) sprintf(text + n, "e%d", (int)(next_random() % (unsigned)range) - range / 2);
        check_parse(text);
    }
    for (int i = 0; i < 20000; i++) { /* exactly between two float32 */
        uint32_t bits = (uint32_t)next_random() & 0x7F7FFFFE;
        float low, high;
        memcpy(&low, &bits, 4);
        bits++;
        memcpy(&high, &bits, 4);
        snprintf(text, sizeof text, "%.*g", i & 1 ? 170 : 17, ((double)low + (double)high) / 2);
        check_parse(text);
    }
}

static void test_parse_words(void **state) {
    (void)state;
    double value;
    static const char *const bad[] = {"", "-", ".", "+.", "e5", "abc", "i", "na", "-e", "--1", "+-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[40] = "";
        strcat(strcpy(text, bad[i]), "\n");
        assert_null(hp_io_parse_float64(text, &value));
    }
    char what[HP_IO_NUMBER_MESSAGE];
    assert_true(hp_io_number_from_text(" N/A", 4, HP_FLOAT64, &value, what) && isnan(value));
    assert_false(hp_io_number_from_text("na\0\0", 4, HP_FLOAT64, &value, what)); /* a NUL is not the end */
    assert_false(hp_io_number_from_text("1\0", 2, HP_FLOAT64, &value, what));
    const char infinity[40] = "-Infinity\n", exponent[40] = "1e+\n";
    assert_ptr_equal(hp_io_parse_float64(infinity, &value), infinity + 9);
    assert_true(value == -INFINITY);
    assert_ptr_equal(hp_io_parse_float64(exponent, &value), exponent + 1);
}

/* The significant digits of a number's text, without zeros at their end. */
static void significant_digits(const char *text, char *digits) {
    int n = 0, count = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0')) continue;
        digits[n++] = *text;
        if (*text != '0') count = n;
    }
    digits[count] = '\0';
}

/* As few digits as read back the same, and of those the nearest ones. */
static void check_format(double value, bool single) {
    char text[HP_IO_NUMBER_TEXT + 1], shortest[60], got[60], wanted[60];
    size_t n = single ? hp_io_format_float32((float)value, text) : hp_io_format_float64(value, text);
    assert_true(n <= 25);
    text[n] = '\0';
    double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (memcmp(&back, &value, 8)) fail_msg("%.17g is written %s", value, text);
    for (int digits = 1;; digits++) {
        snprintf(shortest, sizeof shortest, "%.*e", digits - 1, value);
        if ((single ? (double)strtof(shortest, NULL) : strtod(shortest, NULL)) == value) break;
    }
    significant_digits(text, got);
    significant_digits(shortest, wanted);
    if (strlen(got) >= strlen(wanted) && strcmp(got, wanted) != 0) fail_msg("%s is written %s", shortest, text);
}

/* What this machine's kernel makes of it is the same text. */
static void check_ahead(const hp_kernels *kernels, float value) {
    char wanted[HP_IO_NUMBER_TEXT], texts[8 * 16];
    unsigned char sizes[8];
    size_t n = hp_io_format_float32(value, wanted);
    kernels->text_put_floats(&value, 1, &hp_io_powers_of_five[-HP_IO_LEAST_POWER].high, texts, sizes);
    if (sizes[0] > 0 && (sizes[0] != n || memcmp(texts, wanted, n) != 0))
        fail_msg("%.9g is written \"%.*s\", not \"%.*s\"", (double)value, (int)sizes[0], texts, (int)n, wanted);
}

/* Every exponent of float32, and fractions at its ends, in the middle, and anywhere. */
static void test_format_every_exponent(void **state) {
    (void)state;
    static const uint32_t fractions[] = {0, 1, 2, 3, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFD, 0x7FFFFE, 0x7FFFFF};
    enum { FIXED = sizeof fractions / sizeof *fractions, SLOW = 16 /* what check_format does is, beside the rest */ };
    const hp_kernels *kernels = hp_kernels_select(NULL);
    for (uint32_t exponent = 0; exponent < 255; exponent++)
        for (uint32_t i = 0; i < FIXED + 40; i++) {
            uint32_t fraction = i < FIXED ? fractions[i] : (uint32_t)next_random() & 0x7FFFFF;
            uint32_t bits = (i & 1) << 31 | exponent << 23 | fraction;
            float value;
            memcpy(&value, &bits, sizeof value);
            check_format((double)value, true);
            check_ahead(kernels, value);
        }
    const char *wanted = getenv("HORNPIPE_NUMBERS");
    for (long i = 0, all = wanted ? atol(wanted) : 0; i < all; i++) {
        uint32_t bits = (uint32_t)(next_random() >> 20);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (i % SLOW == 0 && isfinite(value)) check_format((double)value, true);
        check_ahead(kernels, value);
    }
}

static void test_format(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } samples[] = {{0, "0"}, {-0.0, "-0"}, {1, "1"}, {-1.5, "-1.5"}, {0.1, "0.1"}, {100, "100"},
        {1e15, "1000000000000000"}, {1e16, "1e+16"}, {123456, "123456"}, {0.0001, "0.0001"}, {0.00001, "1e-05"},
        {1.25e-7, "1.25e-07"}, {1e300, "1e+300"}, {5e-324, "5e-324"}, {INFINITY, "inf"}, {-INFINITY, "-inf"},
        {NAN, "nan"}};
    char text[HP_IO_NUMBER_TEXT + 1];
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        text[hp_io_format_float64(samples[i].value, text)] = '\0';
        assert_string_equal(text, samples[i].text);
    }
    text[hp_io_format_float32(0.1f, text)] = '\0';
    assert_string_equal(text, "0.1");
    text[hp_io_format_int64(INT64_MIN, text)] = '\0';
    assert_string_equal(text, "-9223372036854775808");
    text[hp_io_format_uint64(UINT64_MAX, text)] = '\0';
    assert_string_equal(text, "18446744073709551615");
    for (int i = 0; i < 60000; i++) {
        uint64_t bits = next_random();
        if (i % 8 == 0) bits &= ~(uint64_t)0xFFFFFFFFFFFFF; /* powers of two */
        double number;
        memcpy(&number, &bits, 8);
        if (isfinite(number)) check_format(number, false);
        float single;
        memcpy(&single, (const char *)&bits + 4, 4);
        if (isfinite(single)) check_format((double)single, true);
        bits &= 0xFFFFFFFFFFFFF; /* subnormal */
        memcpy(&number, &bits, 8);
        check_format(number, false);
    }
}

/* A host program may have chosen a decimal comma. */
static void test_locale(void **state) {
    (void)state;
    if (!use_locale("de_DE")) skip();
    char text[80] = "1.2345678901234567890123\n";
    double value;
    assert_true(strtod("0,5", NULL) == 0.5);
    assert_non_null(hp_io_parse_float64(text, &value));
    assert_true(value == 1.2345678901234567);
    setlocale(LC_ALL, "C");
}

/* ---- halves and conversions ----------------------------------------------------------------------------------- */

static void test_halves(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float half = hp_half_to_float((uint16_t)bits), brain = hp_bfloat_to_float((uint16_t)bits);
        if (!isnan(half))
            assert_int_equal(hp_half_from_double((double)half), bits);
        else
            assert_true(isnan(hp_half_to_float(hp_half_from_double((double)half))));
        if (!isnan(brain)) assert_int_equal(hp_bfloat_from_double((double)brain), bits);
        /* the middle between two neighbours goes to the even one; a hair more goes up */
        float next = hp_half_to_float((uint16_t)(bits + 1));
        if (!isfinite(half) || !isfinite(next) || bits == 0x7FFF) continue;
        double middle = ((double)half + (double)next) / 2;
        assert_int_equal(hp_half_from_double(middle), bits & 1 ? bits + 1 : bits);
        assert_int_equal(hp_half_from_double(nextafter(middle, (double)next)), bits + 1);
        assert_int_equal(hp_half_from_double(nextafter(middle, (double)half)), bits);
    }
    assert_true(hp_half_to_float(0x3C00) == 1 && hp_half_to_float(0x0001) == 0x1p-24f);
    assert_int_equal(hp_half_from_double(65519.99), 0x7BFF);
    assert_int_equal(hp_half_from_double(65520), 0x7C00);
    assert_int_equal(hp_half_from_double(-1e300), 0xFC00);
}

static void test_conversions(void **state) {
    (void)state;
    static const struct {
        hp_dtype from;
        double in;
        hp_dtype to;
        double out; /* NaN: refused */
    } cases[] = {{HP_FLOAT32, 2.9, HP_INT8, 2}, {HP_FLOAT32, -2.9, HP_INT8, -2}, {HP_FLOAT32, 127.9, HP_INT8, 127},
        {HP_FLOAT32, 128, HP_INT8, NAN}, {HP_FLOAT64, -128.9, HP_INT8, -128}, {HP_FLOAT64, -129, HP_INT8, NAN},
        {HP_FLOAT64, -0.9, HP_UINT8, 0}, {HP_FLOAT64, -1, HP_UINT8, NAN}, {HP_FLOAT64, 255.5, HP_UINT8, 255},
        {HP_FLOAT64, 256, HP_UINT8, NAN}, {HP_FLOAT64, 0x1p63, HP_INT64, NAN}, {HP_FLOAT64, -0x1p63, HP_INT64, -0x1p63},
        {HP_FLOAT64, 0x1p64, HP_UINT64, NAN}, {HP_FLOAT64, 0x1p63, HP_UINT64, 0x1p63},
        {HP_FLOAT64, INFINITY, HP_INT32, NAN}, {HP_INT32, 300, HP_UINT8, NAN}, {HP_INT32, -1, HP_UINT64, NAN},
        {HP_INT32, -1, HP_INT64, -1}, {HP_INT64, 32768, HP_INT16, NAN}, {HP_INT64, 65535, HP_UINT16, 65535},
        {HP_INT64, 0x1p31, HP_INT32, NAN}, {HP_UINT64, 0x1p63, HP_INT64, NAN}, {HP_UINT8, 255, HP_INT8, NAN},
        {HP_UINT32, 0x1p31, HP_INT32, NAN}, {HP_FLOAT64, 1e300, HP_FLOAT32, INFINITY},
        {HP_FLOAT16, 0.5, HP_FLOAT64, 0.5}, {HP_BFLOAT16, -3, HP_INT16, -3}, {HP_BOOL, 1, HP_FLOAT32, 1},
        {HP_FLOAT32, 0.1, HP_BOOL, 1}, {HP_INT64, 0, HP_BOOL, 0}, {HP_UINT16, 2, HP_BOOL, 1},
        {HP_INT64, 2049, HP_FLOAT16, 2048}, {HP_UINT64, 70000, HP_FLOAT16, INFINITY}, {HP_INT8, -7, HP_BFLOAT16, -7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double back = 0;
        uint64_t from = 0, to = 0;
        size_t bad = 7;
        assert_true(hp_io_convert_numbers(&cases[i].in, HP_FLOAT64, 1, cases[i].from, &from, &bad));
        bool good = hp_io_convert_numbers(&from, cases[i].from, 1, cases[i].to, &to, &bad);
        if (good == (bool)isnan(cases[i].out)) fail_msg("case %d is %sconverted", (int)i, good ? "" : "not ");
        if (!good) continue;
        assert_true(hp_io_convert_numbers(&to, cases[i].to, 1, HP_FLOAT64, &back, &bad));
        if (back != cases[i].out) fail_msg("case %d gives %g", (int)i, back);
    }
    double nan = NAN;
    int32_t whole;
    size_t bad;
    assert_false(hp_io_convert_numbers(&nan, HP_FLOAT64, 1, HP_INT32, &whole, &bad));
    /* 64-bit integers keep every bit, and round once. */
    int64_t exact = 9007199254740993, got;
    float single;
    uint64_t wide;
    assert_true(hp_io_convert_numbers(&exact, HP_INT64, 1, HP_UINT64, &wide, &bad) && wide == 9007199254740993);
    assert_true(hp_io_convert_numbers(&wide, HP_UINT64, 1, HP_INT64, &got, &bad) && got == exact);
    int64_t sticky = ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1; /* just above the middle of two float32 */
    assert_true(hp_io_convert_numbers(&sticky, HP_INT64, 1, HP_FLOAT32, &single, &bad));
    assert_true(single == (float)(((int64_t)1 << 60) + ((int64_t)1 << 37)));
    sticky = ((int64_t)1 << 60) + ((int64_t)1 << 52) + 1; /* the same for bfloat16 */
    uint16_t brain;
    assert_true(hp_io_convert_numbers(&sticky, HP_INT64, 1, HP_BFLOAT16, &brain, &bad));
    assert_true(hp_bfloat_to_float(brain) == 0x1p60f + 0x1p53f);
}

static void test_places_in_errors(void **state) {
    (void)state;
    float values[2 * 600 * 2];
    for (int i = 0; i < 2400; i++) values[i] = 1;
    values[2 * 1100 + 1] = 300;
    hp_io_view view = hp_io_view_of("x.npy", values, HP_FLOAT32, 1200, 1, (int64_t[]){2});
    uint8_t bytes[2400];
    view.first_row = 10000;
    assert_fails(hp_io_convert(&view, 100, 1100, HP_UINT8, bytes + 200, NULL, &failure), HP_ERROR_ROW,
        "column 1: 300 does not fit into uint8");
    assert_int_equal(failure.row, 11100);
    assert_string_equal(failure.where, "x.npy");
    view = hp_io_view_of("x.npy", values, HP_FLOAT32, 2, 2, (int64_t[]){600, 2});
    assert_fails(hp_io_convert(&view, 0, 2, HP_UINT8, bytes, NULL, &failure), HP_ERROR_ROW, "element [500, 1]: 300");
    assert_fails(hp_io_convert(&view, 0, 2, HP_STRING, bytes, NULL, &failure), HP_ERROR_SHAPE, "float32, and string");
    assert_fails(hp_io_convert(&view, 1, 2, HP_UINT8, bytes, NULL, &failure), HP_ERROR_ARGUMENT, "rows 1 to 3");
    hp_string text = {"12x", 3};
    view = hp_io_view_of("s", &text, HP_STRING, 1, 0, NULL);
    assert_fails(
        hp_io_convert(&view, 0, 1, HP_FLOAT32, bytes, NULL, &failure), HP_ERROR_ROW, "\"12x\" is not a number");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_of_five),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_words),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_every_exponent),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_places_in_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
