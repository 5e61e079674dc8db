/* test_io_csv.c: tables of text: headers, columns, ids, quotes, missing values, errors with their lines. */
#define _GNU_SOURCE
#include "test_io.h"
#include <math.h>
#include <sys/wait.h>
#include "io/reader.h"

static float *read_floats(const char *text, const hp_io_reader_options *options, int64_t step, int64_t *rows) {
    return read_all(open_reader(put_text("rows.csv", text), options), step, HP_FLOAT32, NULL, rows);
}

/* All rows, at several batch sizes, are `wanted` (NaN equal to NaN). */
static void check(
    const char *text, const hp_io_reader_options *options, const float *wanted, int64_t rows, int64_t columns) {
    for (int64_t step = 1; step <= rows + 1; step++) {
        int64_t got;
        float *values = read_floats(text, options, step, &got);
        assert_int_equal(got, rows);
        for (int64_t i = 0; i < rows * columns; i++)
            if (!(values[i] == wanted[i] || (isnan(values[i]) && isnan(wanted[i]))))
                fail_msg("element %d is %g, not %g", (int)i, (double)values[i], (double)wanted[i]);
        hp_free(values);
    }
}

static void test_plain(void **state) {
    (void)state;
    const float wanted[] = {1, 2.5f, -3e4f, 4, .5f, 6};
    check("1,2.5,-3e4\n4,.5,6\n", NULL, wanted, 2, 3);
    check("1,2.5,-3e4\r\n4,.5,6\r\n", NULL, wanted, 2, 3);
    check("1,2.5,-3e4\n4,.5,6", NULL, wanted, 2, 3);
    check("\xEF\xBB\xBF"
          "1,2.5,-3e4\n\n\r\n4,.5,6\n\n",
        NULL, wanted, 2, 3);
}

static void test_blanks_and_quotes(void **state) {
    (void)state;
    check(" 1 , 2.5,\"-3e4\"\n+4,\" .5 \",6 \n", NULL, (float[]){1, 2.5f, -3e4f, 4, .5f, 6}, 2, 3);
    check("\"1\"\n\"2\"\n", NULL, (float[]){1, 2}, 2, 1);
    check("a\n1\n\"\"\n2\n", NULL, (float[]){1, NAN, 2}, 3, 1);
}

static void test_header(void **state) {
    (void)state;
    hp_io_reader_options yes = {.header = HP_IO_HEADER_YES}, no = {.header = HP_IO_HEADER_NO};
    check("a,b\n1,2\n", NULL, (float[]){1, 2}, 1, 2);
    check("1,2\n3,4\n", NULL, (float[]){1, 2, 3, 4}, 2, 2);
    check("1,2\n3,4\n", &yes, (float[]){3, 4}, 1, 2);
    check("nan,2\n3,4\n", NULL, (float[]){NAN, 2, 3, 4}, 2, 2);
    check("a,b\n", NULL, NULL, 0, 2);
    check("\n\na,b\n\n1,2\n", NULL, (float[]){1, 2}, 1, 2);
    assert_fails(read_error("a,b\n1,2\n", &no, HP_FLOAT32), HP_ERROR_ROW, "line 1, column 1: \"a\" is not a number");
    /* A first row of text over a row of text is data. */
    assert_fails(read_error("a,b\nc,d\n", NULL, HP_FLOAT32), HP_ERROR_ROW, "line 1, column 1: \"a\"");
    hp_io_reader *reader = open_reader(put_text("names.csv", "\"first \"\"one\"\"\", b ,c\n1,2,3\n"), NULL);
    assert_int_equal(reader->column_count, 3);
    assert_string_equal(reader->column_names[0], "first \"one\"");
    assert_string_equal(reader->column_names[1], "b");
    assert_int_equal(reader->rows, -1);
    assert_int_equal(reader->dims[0], 3);
    hp_io_reader_close(reader);
    assert_fails(read_error("", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "empty");
    assert_fails(read_error("\n\r\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "empty");
    assert_fails(read_error("\xFF\xFE"
                            "1\n",
                     NULL, HP_FLOAT32),
        HP_ERROR_FORMAT, "UTF-16");
}

static void test_columns(void **state) {
    (void)state;
    const char *text = "id,age,\"a,b\",x\n7,1,2,3\n8,4,5,6\n";
    check(text, &(hp_io_reader_options){.columns = "x,age"}, (float[]){3, 1, 6, 4}, 2, 2);
    check(text, &(hp_io_reader_options){.columns = "\"a,b\",1,age"}, (float[]){2, 1, 1, 5, 4, 4}, 2, 3);
    check(text, &(hp_io_reader_options){.columns = "1-3"}, (float[]){1, 2, 3, 4, 5, 6}, 2, 3);
    check(text, &(hp_io_reader_options){.id_columns = "id"}, (float[]){1, 2, 3, 4, 5, 6}, 2, 3);
    check("1,2\n3,4\n", &(hp_io_reader_options){.columns = "1"}, (float[]){2, 4}, 2, 1);
    /* Names can only be in a header. */
    check("a,b\nc,4\n", &(hp_io_reader_options){.columns = "b"}, (float[]){4}, 1, 1);
    assert_fails(try_open(put_text("c.csv", text), &(hp_io_reader_options){.columns = "agee"}), HP_ERROR_ARGUMENT,
        "no column \"agee\" among its 4 columns: \"id\", \"age\", \"a,b\"");
    assert_fails(
        try_open(put_text("c.csv", text), &(hp_io_reader_options){.columns = "2-4"}), HP_ERROR_ARGUMENT, "2-4");
    assert_fails(try_open(put_text("c.csv", "1\n"), &(hp_io_reader_options){.id_columns = "0"}), HP_ERROR_ARGUMENT,
        "no columns are left");
}

/* A list ends with its text. */
static void test_lists_of_columns(void **state) {
    (void)state;
    const char *path = put_text("l.csv", "a,b\n1,2\n");
    check("a,b\n1,2\n", &(hp_io_reader_options){.columns = "b\r"}, (float[]){2}, 1, 1);
    static const char *const malformed[] = {"b\na", "\"b", "\"b\"a", "a,\"b"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_fails(
            try_open(path, &(hp_io_reader_options){.columns = malformed[i]}), HP_ERROR_ARGUMENT, "the list of columns");
}

/* Other columns of the same rows, which are read once: of a pipe as well, from a row on, in windows. */
static void test_shared_rows(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    char *text = malloc(ROWS * 40), *to = text + sprintf(text, "id,a,\"b,c\",3\n");
    for (int i = 0; i < ROWS; i++) to += sprintf(to, "r%d,%d,%d.5,\"%d\"\n", i, i, i, 2 * i);
    for (int pass = 0; pass < 3; pass++) {
        const bool piped = pass == 1;
        int saved = -1, child = -1;
        if (piped) feed_stdin(text, strlen(text), &saved, &child);
        hp_io_reader_options options = {.format = "csv", .columns = "a", .id_columns = "id"};
        hp_io_reader *rows = open_reader(piped ? "-" : put_text("shared.csv", text), &options), *others = NULL;
        options = (hp_io_reader_options){.columns = "3,\"b,c\""};
        assert_ok(hp_io_reader_share(rows, &options, &others, &failure));
        assert_string_equal(others->column_names[1], "b,c");
        assert_fails(
            hp_io_reader_share(rows, &(hp_io_reader_options){.columns = "d"}, &(hp_io_reader *){NULL}, &failure),
            HP_ERROR_ARGUMENT, "no column \"d\"");
        const int64_t begin = pass == 0 ? 0 : 1234, end = pass == 2 ? 1301 : ROWS;
        for (int i = 0; i < 2; i++)
            assert_ok(hp_io_reader_window(i ? others : rows, begin, pass == 2 ? end : -1, &failure));
        hp_io_batch batches[2][2] = {{{0}}};
        int64_t at = begin;
        for (int slot = 0;; slot = !slot) {
            float first[700], pairs[1400];
            assert_ok(hp_io_read(rows, 700, &batches[slot][0], &failure));
            assert_ok(hp_io_read(others, 700, &batches[slot][1], &failure));
            const int64_t n = batches[slot][0].rows;
            assert_int_equal(batches[slot][1].rows, n);
            assert_int_equal(batches[slot][1].first_row, at);
            if (n == 0) break;
            assert_ok(hp_io_convert(&batches[slot][0].view, 0, n, HP_FLOAT32, first, NULL, &failure));
            assert_ok(hp_io_convert(&batches[slot][1].view, 0, n, HP_FLOAT32, pairs, NULL, &failure));
            for (int64_t i = 0; i < n; i++, at++)
                if (first[i] != at || pairs[2 * i] != 2 * at || pairs[2 * i + 1] != at + 0.5F)
                    fail_msg("row %d is %g, %g, %g", (int)at, first[i], pairs[2 * i], pairs[2 * i + 1]);
        }
        assert_int_equal(at, end);
        for (int i = 0; i < 4; i++) hp_io_batch_release(&batches[i / 2][i % 2]);
        hp_io_reader_close(rows);
        hp_io_reader_close(others);
        if (!piped) continue;
        dup2(saved, STDIN_FILENO);
        close(saved);
        waitpid(child, NULL, 0);
    }
    free(text);
}

/* What has no columns has none to share, and rows that were not read are not there. */
static void test_not_shared(void **state) {
    (void)state;
    hp_io_reader_options options = {.columns = "0"};
    hp_io_reader *rows = open_reader(put_text("s.csv", "1,2\n3,4\n"), &options), *others;
    hp_io_reader *array = open_reader(DATA("little_f4.npy"), NULL);
    hp_io_batch batch = {0};
    assert_fails(hp_io_reader_share(array, &options, &others, &failure), HP_ERROR_ARGUMENT, "no columns");
    assert_ok(hp_io_reader_share(rows, &options, &others, &failure));
    assert_fails(hp_io_read(others, 1, &batch, &failure), HP_ERROR_INTERNAL, "were not read");
    hp_io_batch_release(&batch);
    hp_io_reader_close(others);
    hp_io_reader_close(rows);
    hp_io_reader_close(array);
}

static void test_ids(void **state) {
    (void)state;
    hp_io_reader_options options = {.id_columns = "key,name"};
    hp_io_reader *reader =
        open_reader(put_text("ids.csv", "name,v,key\n\"Ann \"\"A\"\"\",1,0007\n\"x,\ny\",2,k\n"), &options);
    hp_io_batch batch = {0};
    hp_arena strings = {0};
    hp_string ids[4];
    assert_int_equal(reader->id_count, 2);
    assert_string_equal(reader->id_names[0], "key");
    assert_ok(hp_io_read(reader, 10, &batch, &failure));
    assert_int_equal(batch.rows, 2);
    assert_ok(hp_io_ids(&batch, 0, 2, ids, &strings, &failure));
    static const char *const wanted[] = {"0007", "Ann \"A\"", "k", "x,\ny"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ids[i].size, strlen(wanted[i]));
        assert_memory_equal(ids[i].data, wanted[i], ids[i].size);
    }
    float values[2];
    assert_ok(hp_io_convert(&batch.view, 0, 2, HP_FLOAT32, values, NULL, &failure));
    assert_true(values[0] == 1 && values[1] == 2);
    hp_arena_release(&strings);
    hp_io_batch_release(&batch);
    hp_io_reader_close(reader);
}

static void test_missing(void **state) {
    (void)state;
    const float n = NAN;
    check("a,b,c\n1,,3\nNA,n/a,NULL\nNone,nan,<NA>\n,-inf,Infinity\n", NULL,
        (float[]){1, n, 3, n, n, n, n, n, n, n, -INFINITY, INFINITY}, 4, 3);
    assert_fails(read_error("a,b\n1,2\n3,\n", NULL, HP_INT32), HP_ERROR_ROW,
        "line 3, column 2 (\"b\"): a value is missing, and int32 is wanted");
    assert_int_equal(failure.row, 1);
}

static void test_integers(void **state) {
    (void)state;
    hp_io_reader *reader = open_reader(put_text("i.csv", "9007199254740993,-9223372036854775808,3.0,1e3\n"), NULL);
    int64_t *values = read_all(reader, 5, HP_INT64, NULL, NULL);
    assert_true(values[0] == 9007199254740993 && values[1] == INT64_MIN && values[2] == 3 && values[3] == 1000);
    hp_free(values);
    uint64_t *large =
        read_all(open_reader(put_text("u.csv", "18446744073709551615\n"), NULL), 5, HP_UINT64, NULL, NULL);
    assert_true(large[0] == UINT64_MAX);
    hp_free(large);
    assert_fails(
        read_error("1,2\n3,300\n", NULL, HP_UINT8), HP_ERROR_ROW, "line 2, column 2: 300 does not fit into uint8");
    assert_fails(read_error("-1\n", NULL, HP_UINT64), HP_ERROR_ROW, "-1 does not fit into uint64");
    assert_fails(read_error("18446744073709551616\n", NULL, HP_UINT64), HP_ERROR_ROW, "does not fit");
    assert_fails(read_error("9223372036854775808\n", NULL, HP_INT64), HP_ERROR_ROW, "does not fit");
    assert_fails(read_error("2.5\n", NULL, HP_INT64), HP_ERROR_ROW, "2.5 is no whole number");
    assert_fails(read_error("1e300\n", NULL, HP_INT64), HP_ERROR_ROW, "does not fit");
    uint8_t *flags = read_all(open_reader(put_text("b.csv", "true,FALSE,1,0,2.5\n"), NULL), 5, HP_BOOL, NULL, NULL);
    assert_memory_equal(flags, ((uint8_t[]){1, 0, 1, 0, 1}), 5);
    hp_free(flags);
}

static void test_strings(void **state) {
    (void)state;
    hp_arena strings = {0};
    hp_io_reader_options options = {.header = HP_IO_HEADER_YES};
    hp_string *words =
        read_all(open_reader(put_text("s.csv", "t,u\nplain,\"with \"\"quotes\"\"\"\n,\"a,b\n c\"\nNA, x\n"), &options),
            2, HP_STRING, &strings, NULL);
    static const char *const wanted[] = {"plain", "with \"quotes\"", "", "a,b\n c", "NA", " x"};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(words[i].size, strlen(wanted[i]));
        assert_memory_equal(words[i].data, wanted[i], words[i].size);
    }
    hp_free(words);
    hp_arena_release(&strings);
}

static void test_malformed(void **state) {
    (void)state;
    assert_fails(
        read_error("1,2\n3\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "line 2: it has 1 field, and the first line has 2");
    assert_int_equal(failure.row, 1);
    assert_fails(read_error("1,2\n3,4,5\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "line 2: it has 3 fields");
    assert_fails(read_error("a,b\n\"x\ny\",2\n\n3,oops\n", NULL, HP_FLOAT32), HP_ERROR_ROW, "line 2, column 1 (\"a\")");
    assert_fails(read_error("a,b\n\"1\n\",2\n\n3,oops\n", &(hp_io_reader_options){.columns = "b"}, HP_FLOAT32),
        HP_ERROR_ROW, "line 5, column 2 (\"b\"): \"oops\" is not a number");
    assert_int_equal(failure.row, 1);
    assert_fails(read_error("1,2\n\"3\"x,4\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT,
        "line 2, column 1: a quoted field is followed");
    assert_fails(read_error("1,2\n3,\"4\n5,6\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "line 2: a quoted field begins");
    assert_fails(read_error("\"1,2\n3,4\n", NULL, HP_FLOAT32), HP_ERROR_FORMAT, "line 1: a quoted field begins");
    assert_fails(read_error("1\n0x10\n", NULL, HP_FLOAT32), HP_ERROR_ROW, "0x10");
    assert_fails(read_error("1\n1e\n", NULL, HP_FLOAT32), HP_ERROR_ROW, "1e");
    assert_fails(read_error("1\n1 2\n", NULL, HP_FLOAT32), HP_ERROR_ROW, "1 2");
    assert_fails(read_error("1\n--2\n", NULL, HP_INT32), HP_ERROR_ROW, "--2");
    assert_fails(read_error("1\n-+2\n", NULL, HP_INT32), HP_ERROR_ROW, "-+2");
}

static void test_tsv(void **state) {
    (void)state;
    float *values =
        read_all(open_reader(put_text("t.tsv", "a\tb\n1\t\n2,5\t3\n"), &(hp_io_reader_options){.columns = "b"}), 5,
            HP_FLOAT32, NULL, NULL);
    assert_true(isnan(values[0]) && values[1] == 3);
    hp_free(values);
}

/* Many rows of uneven length, some quoted, over several reads of the source. */
static void test_many_rows(void **state) {
    (void)state;
    enum { ROWS = 40000 };
    char *text = malloc(ROWS * 40), *to = text;
    to += sprintf(to, "n,square,word\n");
    for (int i = 0; i < ROWS; i++)
        to += sprintf(to, i % 7 == 3 ? "%d,%.1f,\"a\nb,%d\"\n" : "%d,%.1f,w%d\n", i, i * 0.5, i);
    hp_io_reader_options options = {.columns = "0,1"};
    const char *path = put_text("many.csv", text);
    for (int64_t step = 1000; step < 100000; step *= 10) {
        int64_t rows;
        double *values = read_all(open_reader(path, &options), step, HP_FLOAT64, NULL, &rows);
        assert_int_equal(rows, ROWS);
        for (int i = 0; i < ROWS; i++) assert_true(values[2 * i] == i && values[2 * i + 1] == i * 0.5);
        hp_free(values);
    }
    hp_io_reader *reader = open_reader(path, &options);
    hp_io_batch batch = {0};
    static const int64_t places[] = {39999, 5, 0, 20000, 40000};
    for (int i = 0; i < 5; i++) {
        double values[2] = {40000, 0};
        assert_ok(hp_io_seek(reader, places[i], &failure));
        assert_ok(hp_io_read(reader, 1, &batch, &failure));
        assert_int_equal(batch.rows, places[i] < ROWS);
        assert_ok(hp_io_convert(&batch.view, 0, batch.rows, HP_FLOAT64, values, NULL, &failure));
        assert_true(values[0] == (double)places[i]);
    }
    assert_fails(hp_io_seek(reader, 40001, &failure), HP_ERROR_ARGUMENT, "it has 40000");
    hp_io_reader_close(reader);
    int saved, child;
    feed_stdin(text, strlen(text), &saved, &child);
    options.format = "csv";
    reader = open_reader("-", &options);
    assert_ok(hp_io_seek(reader, 30000, &failure));
    assert_ok(hp_io_read(reader, 1, &batch, &failure));
    assert_int_equal(batch.first_row, 30000);
    assert_fails(hp_io_seek(reader, 3, &failure), HP_ERROR_ARGUMENT, "read once only");
    hp_io_batch_release(&batch);
    hp_io_reader_close(reader);
    dup2(saved, STDIN_FILENO);
    close(saved);
    waitpid(child, NULL, 0);
    free(text);
}

/* Text of a number, as data have it and as they seldom do. */
static int write_number(char *to, uint64_t *noise) {
    static const char *const rare[] = {"", " 7", "+.5", "5.", "1e-5", "-2.5E+3", "00000000000000001",
        "0.1234567890123456", "123456789.125", "9007199254740993", "nan", "-inf", "1 ", "16777217", "16777219",
        "0.00000000000000000001", "1.00000005960464477539", "1.000000059604645", "8388608.5", "-0", "-.0",
        "99999999.99999999", "1e-40", "12345678", "123456789", "0.50000001490116119"};
    *noise = *noise * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *noise >> 16;
    if (bits % 23 == 0) return sprintf(to, "%s", rare[(bits >> 8) % (sizeof rare / sizeof *rare)]);
    double value = ((double)(bits >> 11 & 0xFFFFFFFF) / 4294967296.0 - 0.5) * (double)(1 << (bits & 15));
    if (bits >> 5 & 1) return sprintf(to, "%.9g", value);
    return bits >> 6 & 1 ? sprintf(to, "%.*f", (int)(bits >> 7 & 7), value) : sprintf(to, "%.17g", value);
}

/* Numbers go the quick way where they can: to the bits that strtof and strtod give, with any columns left out. */
static void test_numbers_are_rounded_once(void **state) {
    (void)state;
    enum { ROWS = 20000, COLUMNS = 7, ROOM = 40 };
    char *text = malloc(ROWS * COLUMNS * ROOM), (*fields)[ROOM] = malloc(ROWS * COLUMNS * ROOM), *to = text;
    uint64_t noise = 1;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double wide = (double)((int64_t)(noise >> 32) - (1 << 30)) / 65536;
        int n = i % 3 ? write_number(fields[i], &noise) : sprintf(fields[i], "%.*f", (int)(noise >> 40 & 7), wide);
        if (i % 3 == 0) noise = noise * 6364136223846793005u + 1442695040888963407u;
        memcpy(to, fields[i], (size_t)n);
        to += n;
        *to++ = (i + 1) % COLUMNS ? ',' : '\n';
    }
    *to = '\0';
    static const int some[] = {6, 0, 3};
    for (int pass = 0; pass < 2; pass++) {
        hp_io_reader_options options = {.header = HP_IO_HEADER_NO, .columns = pass ? "6,0,3" : NULL};
        int64_t rows, count = pass ? 3 : COLUMNS;
        float *narrow = read_floats(text, &options, 777, &rows);
        double *exact = read_all(open_reader(put_text("rows.csv", text), &options), 777, HP_FLOAT64, NULL, NULL);
        assert_int_equal(rows, ROWS);
        for (int64_t i = 0; i < ROWS * count; i++) {
            const char *field = fields[i / count * COLUMNS + (pass ? some[i % count] : i % count)];
            float wanted = *field ? strtof(field, NULL) : NAN;
            double wanted64 = *field ? strtod(field, NULL) : (double)NAN;
            bool same = isnan(wanted) ? isnan(narrow[i]) && isnan(exact[i])
                                      : !memcmp(&wanted, &narrow[i], sizeof wanted) &&
                                            !memcmp(&wanted64, &exact[i], sizeof wanted64);
            if (!same) fail_msg("\"%s\" is %.9g and %.17g", field, (double)narrow[i], exact[i]);
        }
        hp_free(narrow);
        hp_free(exact);
    }
    free(text);
    free(fields);
}

/* What must not be taken for plain numbers, behind a row that is. */
static void test_what_only_looks_plain(void **state) {
    (void)state;
    static const char *const bad[] = {".", "-", "+", "-.", "1.2.3", "1..2", "1-2", "--1", "+-1", "1,2", "0x10", "1e",
        "12a4", "1 2", "\xAC", "1\xAC", "\2542", "1;2", "/", ":", "1/2", "123456789012345678901234567890a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256], what[128];
        snprintf(text, sizeof text, "1.5,2.25,3.125\n4,5,6\n7,%s,9\n", bad[i]);
        hp_status status = read_error(text, NULL, HP_FLOAT32);
        if (status != HP_ERROR_ROW && status != HP_ERROR_FORMAT) fail_msg("\"%s\" was taken for a number", bad[i]);
        snprintf(what, sizeof what, strchr(bad[i], ',') ? "line 3: it has 4 fields" : "line 3, column 2: ");
        assert_non_null(strstr(failure.message, what));
    }
    assert_fails(read_error("1,2,3\n4,5,6\n7,8\n", NULL, HP_FLOAT64), HP_ERROR_FORMAT, "line 3: it has 2 fields");
    assert_fails(read_error("1,2,3\n4,5,6\n7,8\xAC"
                            "9\n",
                     NULL, HP_FLOAT64),
        HP_ERROR_ROW, "line 3, column 2: ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_rounded_once),
        cmocka_unit_test(test_what_only_looks_plain),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_blanks_and_quotes),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_lists_of_columns),
        cmocka_unit_test(test_shared_rows),
        cmocka_unit_test(test_not_shared),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_tsv),
        cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
