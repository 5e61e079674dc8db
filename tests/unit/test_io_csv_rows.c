/* test_io_csv_rows.c: rows of numbers in text, on every instruction set: whatever their shape and wherever a read ends, each
 * field is what strtof and strtod make of it. HORNPIPE_NUMBERS: how many fields of random kinds are tried. */
#define _GNU_SOURCE
#include "test_io.h"
#include <math.h>
#include "base/dtype.h"
#include "io/number_text.h"
#include "io/reader.h"
#include "kernels/kernels.h"

static uint64_t noise = 1;

static uint32_t next_noise(void) {
    noise = noise * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(noise >> 32);
}

/* A table with its fields as they were written. */
typedef struct table {
    char *text;
    size_t size;
    char (*fields)[40];
    int rows, columns;
} table;

static int write_field(char *to, int kind) {
    uint32_t bits = next_noise();
    float value = ((float)(bits >> 8) / 8388608.0F - 1) * 3;
    switch (kind) {
    case 0:
        return sprintf(to, "%.9g", (double)value);
    case 1:
        return sprintf(to, "%.17g", (double)value / 3);
    case 2:
        return sprintf(to, "%u", bits % 10);
    case 3: /* any float32 at all */
        memcpy(&value, &bits, sizeof value);
        return isfinite(value) ? sprintf(to, "%.*g", 1 + (int)(next_noise() % 17), (double)value) : sprintf(to, "0");
    case 4: /* digits and a point anywhere */
        for (int i = 0, n = 1 + (int)(bits % 20), point = (int)(bits >> 16) % 25; i <= n; i++)
            to[i] = i == n ? '\0' : i == point && i < n - 1 ? '.' : (char)('0' + next_noise() % 10);
        return (int)strlen(to);
    case 5: /* between two float32, or next to there */
        bits = (bits & 0x807FFFFF) | (120 + bits % 16) << 23;
        memcpy(&value, &bits, sizeof value);
        return sprintf(
            to, "%.*g", 12 + (int)(next_noise() % 15), ((double)value + (double)nextafterf(value, 1e9F)) / 2);
    default:
        return sprintf(to, "%s", bits % 3 ? "" : bits % 5 ? "1e-5" : " -2.5 ");
    }
}

/* `kinds`: one more than the last that is written; `line_end`: between rows; `blanks`: some blank lines. */
static table make_table(int rows, int columns, int kinds, const char *line_end, bool last_end, bool blanks) {
    table t = {.rows = rows, .columns = columns};
    size_t count = (size_t)rows * (size_t)columns;
    t.text = malloc(count * 42 + (size_t)rows * 8 + 1);
    t.fields = malloc(count * sizeof *t.fields);
    assert_true(t.text && t.fields);
    char *to = t.text;
    for (size_t i = 0; i < count; i++) {
        int n = write_field(t.fields[i], kinds == 1 && columns == 1 ? 0 : (int)(next_noise() % (unsigned)kinds));
        if (columns == 1 && n == 0) n = sprintf(t.fields[i], "0"); /* not a blank line */
        to = mempcpy(to, t.fields[i], (size_t)n);
        bool last = (i + 1) % (size_t)columns == 0;
        if (!last) *to++ = ',';
        if (last && (i + 1 < count || last_end)) to = stpcpy(to, line_end);
        if (last && blanks && next_noise() % 4 == 0 && i + 1 < count) to = stpcpy(to, line_end);
    }
    *to = '\0';
    t.size = (size_t)(to - t.text);
    return t;
}

static void release_table(table *t) {
    free(t->text);
    free(t->fields);
}

static void check_value(const char *field, double got, bool wide) {
    while (*field == ' ') field++;
    double wanted = *field == '\0' ? (double)NAN : wide ? strtod(field, NULL) : (double)strtof(field, NULL);
    if (isnan(wanted) ? !isnan(got) : memcmp(&wanted, &got, sizeof got) != 0)
        fail_msg("\"%s\" is %.17g, not %.17g", field, got, wanted);
}

/* Reads the table, `step` rows at a time, and compares; `picks` of its columns, or NULL: all. */
static void check_table(const table *t, int64_t step, const int *picks, int pick_count) {
    char columns[64] = "";
    for (int i = 0; i < pick_count; i++) sprintf(columns + strlen(columns), i ? ",%d" : "%d", picks[i]);
    hp_io_reader_options options = {.header = HP_IO_HEADER_NO, .columns = picks ? columns : NULL};
    const char *path = put_bytes("table.csv", t->text, t->size);
    int64_t rows, width = picks ? pick_count : t->columns;
    float *narrow = read_all(open_reader(path, &options), step, HP_FLOAT32, NULL, &rows);
    assert_int_equal(rows, t->rows);
    double *wide = read_all(open_reader(path, &options), step, HP_FLOAT64, NULL, &rows);
    assert_int_equal(rows, t->rows);
    for (int64_t i = 0; i < rows * width; i++) {
        int64_t column = picks ? picks[i % width] : i % width;
        const char *field = t->fields[i / width * t->columns + column];
        check_value(field, (double)narrow[i], false);
        check_value(field, wide[i], true);
    }
    hp_free(narrow);
    hp_free(wide);
}

static void each_isa(void (*run)(void)) {
    for (size_t i = 0; hp_kernels_isa_name(i); i++) {
        if (!hp_kernels_isa_usable(i)) continue;
        setenv("HORNPIPE_ISA", hp_kernels_isa_name(i), 1);
        run();
    }
    unsetenv("HORNPIPE_ISA");
}

static void check_shapes(void) {
    static const int widths[] = {1, 2, 3, 7, 16, 17, 63, 64, 65, 300};
    static const int picks[] = {5, 0, 0, 6};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int variant = 0; variant < 8; variant++) {
            int columns = widths[i], rows = 1 + (int)(next_noise() % (unsigned)(columns > 20 ? 20 : 300));
            const char *line_end = variant & 1 ? "\r\n" : "\n";
            table t = make_table(rows, columns, variant < 4 ? 1 : 7, line_end, variant & 2, variant >= 6);
            check_table(&t, 1 + next_noise() % 40, NULL, 0);
            check_table(&t, 100000, NULL, 0);
            if (columns == 7) check_table(&t, 30, picks, 4);
            release_table(&t);
        }
}

static void test_shapes(void **state) {
    (void)state;
    each_isa(check_shapes);
}

/* Rows of more fields than are taken at a time, rows that are longer than a read, and the least of fields. */
static void check_long_rows(void) {
    static const int widths[] = {4094, 4095, 4096, 4097, 9000};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int kinds = 1; kinds <= 3; kinds += 2) {
            table t = make_table(3, widths[i], kinds, i & 1 ? "\r\n" : "\n", i & 2, false);
            check_table(&t, 2, NULL, 0);
            release_table(&t);
        }
    table commas = {.columns = 4000, .rows = 2, .text = malloc(8001), .size = 8000, .fields = calloc(8000, 40)};
    memset(commas.text, ',', 8000);
    commas.text[3999] = commas.text[7999] = '\n';
    check_table(&commas, 5, NULL, 0);
    release_table(&commas);
}

static void test_long_rows(void **state) {
    (void)state;
    each_isa(check_long_rows);
}

/* A fault in any row of many: its line and column, and the rows before it are done. */
static void check_faults(void) {
    enum { ROWS = 700 };
    static const struct {
        const char *row, *message;
    } faults[] = {{"1,2", "it has 2 fields"}, {"1,2,3,4", "it has 4 fields"},
        {"1,x,3", "column 2: \"x\" is not a number"}, {"1,2,1.2.3", "column 3: \"1.2.3\" is not a number"},
        {"\"1\"x,2,3", "column 1: a quoted field is followed"}, {"1,2,3\r\r", "column 3: "}};
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
        for (int at = 0; at < ROWS; at += 1 + (int)(next_noise() % 150)) {
            char *text = malloc(ROWS * 32), *to = text, what[100];
            float values[ROWS * 3] = {0};
            for (int i = 0; i < ROWS; i++)
                to += i == at ? sprintf(to, "%s\n", faults[f].row) : sprintf(to, "%d,0.%d,-%d.5\n", i + 1, i % 10, i);
            hp_io_reader_options options = {.header = HP_IO_HEADER_NO};
            hp_io_batch batch = {0};
            hp_io_reader *reader = NULL;
            hp_status status = try_open(put_text("faults.csv", text), &options);
            if (status == HP_OK && !(at == 0 && f < 2)) { /* else the first line tells how many columns there are */
                reader = open_reader(put_text("faults.csv", text), &options);
                assert_ok(hp_io_read(reader, ROWS, &batch, &failure));
                status = hp_io_convert(&batch.view, 0, ROWS, HP_FLOAT32, values, NULL, &failure);
                assert_true(status == HP_ERROR_ROW || status == HP_ERROR_FORMAT);
                assert_int_equal(failure.row, at);
                snprintf(what, sizeof what, f < 2 ? "line %d: %s" : "line %d, %s", at + 1, faults[f].message);
                if (!strstr(failure.message, what)) fail_msg("%s, not %s", failure.message, what);
                for (int i = 0; i < at; i++)
                    assert_true(values[3 * i] == (float)(i + 1) && values[3 * i + 2] == -i - 0.5F);
            }
            hp_io_batch_release(&batch);
            hp_io_reader_close(reader);
            free(text);
        }
}

static void test_faults(void **state) {
    (void)state;
    each_isa(check_faults);
}

/* Quotes among rows without. */
static void check_quotes(void) {
    enum { ROWS = 500 };
    char *text = malloc(ROWS * 60), *to = text;
    for (int i = 0; i < ROWS; i++)
        to += sprintf(to, i % 5 == 2 ? "%d,\"%d.5\",\"a\n,%d\"\n" : "%d,%d.5,word%d\n", i, i, i);
    hp_io_reader_options options = {.header = HP_IO_HEADER_NO, .columns = "1,0"};
    for (int64_t step = 1; step < 1000; step = 3 * step + 1) {
        int64_t rows;
        float *values = read_all(open_reader(put_text("quotes.csv", text), &options), step, HP_FLOAT32, NULL, &rows);
        assert_int_equal(rows, ROWS);
        for (int i = 0; i < ROWS; i++) assert_true(values[2 * i] == (float)i + 0.5F && values[2 * i + 1] == (float)i);
        hp_free(values);
    }
    free(text);
}

static void test_quotes(void **state) {
    (void)state;
    each_isa(check_quotes);
}

static void check_fields(void) {
    const char *wanted = getenv("HORNPIPE_NUMBERS");
    enum { AT_ONCE = 60000 };
    for (long done = 0, all = wanted ? atol(wanted) : AT_ONCE; done < all; done += AT_ONCE) {
        table t = make_table(AT_ONCE / 6, 6, 7, "\n", true, false);
        check_table(&t, 5000, NULL, 0);
        release_table(&t);
    }
}

static void test_fields(void **state) {
    (void)state;
    each_isa(check_fields);
}

/* A whole number that fits `dtype`, in one of the ways it may be written. */
static int write_whole(char *to, hp_dtype dtype) {
    int bits = 8 * (int)hp_dtype_size(dtype), digits = bits > 53 ? 53 : bits - 1;
    if (dtype == HP_BOOL || dtype == HP_FLOAT16 || dtype == HP_BFLOAT16) digits = 6;
    uint64_t noisy = (uint64_t)next_noise() << 32 | next_noise(), kind = noisy % 16;
    long long value = (long long)(noisy >> 8 & (((uint64_t)1 << (1 + (noisy >> 4) % (unsigned)digits)) - 1));
    bool is_signed = dtype == HP_INT8 || dtype == HP_INT16 || dtype == HP_INT32 || dtype == HP_INT64;
    if (kind < 6 && is_signed) value = -value;
    if (dtype == HP_UINT64 && kind == 7) return sprintf(to, "18446744073709551615");
    return sprintf(to, kind == 8 ? "%lld.0" : kind == 9 ? "%lld." : kind == 10 ? " %lld " : "%lld", value);
}

/* Numbers of all dtypes are what the complete way makes of each; a bad one is found where it is. */
static void check_whole_numbers(void) {
    enum { ROWS = 700, COLUMNS = 3, LONGEST = 24 };
    static const hp_dtype dtypes[] = {HP_INT8, HP_INT16, HP_INT32, HP_INT64, HP_UINT8, HP_UINT16, HP_UINT32, HP_UINT64,
        HP_BOOL, HP_FLOAT16, HP_BFLOAT16};
    const hp_io_reader_options options = {.header = HP_IO_HEADER_NO};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (int bad = -1; bad < ROWS; bad += 1 + ROWS / 5) {
            size_t size = hp_dtype_size(dtypes[d]);
            char *text = malloc(ROWS * COLUMNS * LONGEST), *to = text, what[HP_IO_NUMBER_MESSAGE], field[LONGEST];
            unsigned char wanted[ROWS * COLUMNS * 8];
            for (int i = 0; i < ROWS * COLUMNS; i++) {
                int n = write_whole(field, dtypes[d]);
                assert_true(hp_io_number_from_text(field, (size_t)n, dtypes[d], wanted + (size_t)i * size, what));
                bool is_bad = bad >= 0 && (i == bad * COLUMNS + 1 || i == bad * COLUMNS + 4);
                to += sprintf(
                    to, "%s%c", is_bad ? "99999999999999999999x" : field, i % COLUMNS < COLUMNS - 1 ? ',' : '\n');
            }
            hp_io_batch batch = {0};
            _Alignas(8) unsigned char got[ROWS * COLUMNS * 8];
            hp_io_reader *reader = open_reader(put_text("whole.csv", text), &options);
            assert_ok(hp_io_read(reader, ROWS, &batch, &failure));
            hp_status status = hp_io_convert(&batch.view, 0, ROWS, dtypes[d], got, NULL, &failure);
            assert_int_equal(status, bad < 0 ? HP_OK : HP_ERROR_ROW);
            if (bad >= 0) assert_int_equal(failure.row, bad);
            assert_memory_equal(got, wanted, (size_t)((bad < 0 ? ROWS : bad) * COLUMNS) * size);
            hp_io_batch_release(&batch);
            hp_io_reader_close(reader);
            free(text);
        }
    /* what is a number, and does not fit */
    static const char *const beyond[] = {"128", "32768", "2147483648", NULL, "256", "65536", "4294967296", NULL};
    for (size_t d = 0; d < sizeof beyond / sizeof *beyond; d++) {
        char text[80];
        snprintf(text, sizeof text, "1,2\n3,4\n5,%s\n6,x\n", beyond[d] ? beyond[d] : "2.5");
        assert_fails(
            read_error(text, NULL, dtypes[d]), HP_ERROR_ROW, beyond[d] ? "does not fit" : "is no whole number");
        assert_int_equal(failure.row, 2);
    }
}

static void test_whole_numbers(void **state) {
    (void)state;
    each_isa(check_whole_numbers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_whole_numbers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
