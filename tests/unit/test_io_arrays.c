/* test_io_arrays.c: reading .npy, .npz, raw data and HDF5 datasets: dtypes, orders, shapes, streams, damage. */
#define _GNU_SOURCE
#include "test_io.h"
#include <sys/wait.h>
#include "base/half.h"
#include "io/reader.h"

static void check_table(const float *values, int rows, int columns) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) assert_true(values[i * columns + j] == (float)(10 * i + j - 5));
}

static void read_table(const char *path, int64_t step) {
    hp_io_reader *reader = open_reader(path, NULL);
    assert_int_equal(reader->rank, 1);
    assert_int_equal(reader->dims[0], 3);
    assert_int_equal(reader->rows, 4);
    float *values = read_all(reader, step, HP_FLOAT32, NULL, NULL);
    check_table(values, 4, 3);
    hp_free(values);
}

static void test_every_number_type(void **state) {
    (void)state;
    static const char *const kinds[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8"};
    static const char *const orders[] = {"little", "big", "fortran"};
    for (size_t i = 0; i < 3 * sizeof kinds / sizeof *kinds; i++) {
        char path[256];
        snprintf(path, sizeof path, DATA("%s_%s.npy"), orders[i % 3], kinds[i / 3]);
        for (int64_t step = 1; step <= 5; step += 2) read_table(path, step);
    }
    read_table(DATA("fortran_big_f8.npy"), 3);
    read_table(DATA("version2.npy"), 3);
    read_table(DATA("version3.npy"), 3);
    static const hp_dtype dtypes[] = {HP_UINT8, HP_UINT16, HP_UINT32, HP_UINT64};
    for (int i = 0; i < 8; i++) {
        char path[256];
        snprintf(path, sizeof path, DATA("%s_u%d.npy"), orders[i % 2], 1 << i / 2);
        hp_io_reader *reader = open_reader(path, NULL);
        assert_int_equal(reader->dtype, dtypes[i / 2]);
        double *values = read_all(reader, 3, HP_FLOAT64, NULL, NULL);
        for (int j = 0; j < 12; j++)
            assert_true(values[j] == (j / 3 * 10 + j % 3 - 5 < 0 ? 0 : j / 3 * 10 + j % 3 - 5));
        hp_free(values);
    }
}

static void test_bools(void **state) {
    (void)state;
    uint8_t *values = read_all(open_reader(DATA("bool.npy"), NULL), 4, HP_BOOL, NULL, NULL);
    for (int i = 0; i < 12; i++) assert_int_equal(values[i], (10 * (i / 3) + i % 3 - 5) % 2 == 0);
    hp_free(values);
    const uint8_t odd[] = {0, 2, 255, 1};
    hp_io_view view = hp_io_view_of("flags", odd, HP_BOOL, 4, 0, NULL);
    uint8_t plain[4];
    assert_null(hp_io_direct(&view, HP_BOOL));
    assert_ok(hp_io_convert(&view, 0, 4, HP_BOOL, plain, NULL, &failure));
    assert_memory_equal(plain, ((uint8_t[]){0, 1, 1, 1}), 4);
}

static void test_shapes(void **state) {
    (void)state;
    for (int fortran = 0; fortran < 2; fortran++)
        for (int64_t step = 1; step <= 2; step++) {
            hp_io_reader *reader = open_reader(fortran ? DATA("cube_fortran.npy") : DATA("cube.npy"), NULL);
            assert_int_equal(reader->rank, 2);
            assert_int_equal(reader->dims[0], 3);
            assert_int_equal(reader->dims[1], 4);
            float *values = read_all(reader, step, HP_FLOAT32, NULL, NULL);
            for (int i = 0; i < 24; i++) assert_true(values[i] == (float)i);
            hp_free(values);
        }
    hp_io_reader *reader = open_reader(DATA("vector.npy"), NULL);
    assert_int_equal(reader->rank, 0);
    float *values = read_all(reader, 2, HP_FLOAT32, NULL, NULL);
    for (int i = 0; i < 5; i++) assert_true(values[i] == (float)i);
    hp_free(values);
    reader = open_reader(DATA("empty.npy"), NULL);
    assert_int_equal(reader->rows, 0);
    int64_t rows;
    hp_free(read_all(reader, 2, HP_FLOAT32, NULL, &rows));
    assert_int_equal(rows, 0);
}

static void test_strings(void **state) {
    (void)state;
    static const char *const words[] = {"alpha", "\u03b2\u03b7\u03c4\u03b1", "", "\U0001f3ba horn"};
    for (int big = 0; big < 2; big++) {
        hp_arena strings = {0};
        hp_string *values = read_all(
            open_reader(big ? DATA("unicode_big.npy") : DATA("unicode.npy"), NULL), 1, HP_STRING, &strings, NULL);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(values[i].size, strlen(words[i]));
            assert_memory_equal(values[i].data, words[i], values[i].size);
        }
        hp_free(values);
        hp_arena_release(&strings);
    }
    hp_arena strings = {0};
    hp_string *values = read_all(open_reader(DATA("bytes.npy"), NULL), 3, HP_STRING, &strings, NULL);
    assert_int_equal(values[1].size, 3);
    assert_int_equal(values[2].size, 0);
    assert_memory_equal(values[3].data, "fours", 5);
    hp_free(values);
    hp_arena_release(&strings);
    int64_t whole[2];
    hp_io_reader *reader = open_reader(DATA("digits.npy"), NULL);
    hp_io_batch batch = {0};
    assert_ok(hp_io_read(reader, 9, &batch, &failure));
    double doubles[4];
    assert_ok(hp_io_convert(&batch.view, 0, 4, HP_FLOAT64, doubles, NULL, &failure));
    assert_true(doubles[1] == -2.5 && doubles[2] == 300);
    assert_ok(hp_io_convert(&batch.view, 3, 1, HP_INT64, whole, NULL, &failure));
    assert_true(whole[0] == 9007199254740993);
    assert_fails(
        hp_io_convert(&batch.view, 0, 2, HP_INT64, whole, NULL, &failure), HP_ERROR_ROW, "-2.5 is no whole number");
    assert_int_equal(failure.row, 1);
    hp_io_batch_release(&batch);
    hp_io_reader_close(reader);
}

static void test_seek(void **state) {
    (void)state;
    static const char *const paths[] = {DATA("little_i4.npy"), DATA("fortran_i4.npy"), DATA("stored.npz:/x"),
        DATA("deflated.npz:/x"), DATA("data.h5:/group/chunked")};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        hp_io_reader *reader = open_reader(paths[i], NULL);
        hp_io_batch batch = {0};
        static const int64_t rows[] = {2, 0, 3, 1};
        for (int j = 0; j < 4; j++) {
            int32_t values[3];
            assert_ok(hp_io_seek(reader, rows[j], &failure));
            assert_ok(hp_io_read(reader, 1, &batch, &failure));
            assert_int_equal(batch.first_row, rows[j]);
            assert_ok(hp_io_convert(&batch.view, 0, 1, HP_INT32, values, NULL, &failure));
            assert_int_equal(values[1], 10 * rows[j] - 4);
        }
        assert_ok(hp_io_seek(reader, reader->rows, &failure));
        assert_ok(hp_io_read(reader, 1, &batch, &failure));
        assert_int_equal(batch.rows, 0);
        assert_fails(hp_io_seek(reader, reader->rows + 1, &failure), HP_ERROR_ARGUMENT, "there is no row");
        hp_io_batch_release(&batch);
        hp_io_reader_close(reader);
    }
}

static void test_npz(void **state) {
    (void)state;
    read_table(DATA("stored.npz:/x"), 3);
    read_table(DATA("deflated.npz:/f"), 3);
    read_table(DATA("single.npz"), 2);
    hp_io_reader_options options = {.dataset = "x.npy"};
    hp_io_reader_close(open_reader(DATA("stored.npz"), &options));
    float *values = read_all(open_reader(DATA("deflated.npz:/x"), NULL), 7, HP_FLOAT32, NULL, NULL);
    check_table(values, 400, 3);
    hp_free(values);
    int64_t *ids = read_all(open_reader(DATA("stored.npz:/ids"), NULL), 7, HP_INT64, NULL, NULL);
    assert_true(ids[1] == 9007199254740993);
    hp_free(ids);
    assert_fails(try_open(DATA("stored.npz"), NULL), HP_ERROR_ARGUMENT, "\"x\", \"ids\"");
    assert_fails(try_open(DATA("stored.npz:/y"), NULL), HP_ERROR_ARGUMENT, "no array \"y\"");
    hp_arena arena = {0};
    const char *const *names;
    size_t count;
    assert_ok(hp_io_members(DATA("stored.npz"), NULL, &arena, &names, &count, &failure));
    assert_int_equal(count, 2);
    assert_string_equal(names[1], "ids");
    assert_ok(hp_io_members(DATA("vector.npy"), NULL, &arena, &names, &count, &failure));
    assert_int_equal(count, 0);
    hp_arena_release(&arena);
    assert_fails(try_open(put_text("bad.npz", "PK\3\4 no archive"), NULL), HP_ERROR_FORMAT, "bad.npz");
}

static void test_hdf5(void **state) {
    (void)state;
    read_table(DATA("data.h5:/plain"), 3);
    read_table(DATA("data.h5:/big"), 3);
    read_table(DATA("data.h5:/half"), 1);
    read_table(DATA("one.h5"), 4);
    int32_t *values = read_all(open_reader(DATA("data.h5:/group/chunked"), NULL), 9, HP_INT32, NULL, NULL);
    for (int i = 0; i < 300; i++) assert_int_equal(values[i], 10 * (i / 3) + i % 3 - 5);
    hp_free(values);
    int64_t *ids = read_all(open_reader(DATA("data.h5:/ids"), NULL), 7, HP_INT64, NULL, NULL);
    assert_true(ids[1] == 9007199254740993);
    hp_free(ids);
    uint8_t *flags = read_all(open_reader(DATA("data.h5:/flags"), NULL), 7, HP_BOOL, NULL, NULL);
    assert_memory_equal(flags, ((uint8_t[]){1, 0, 0, 1}), 4);
    hp_free(flags);
    hp_arena strings = {0};
    hp_string *words = read_all(open_reader(DATA("data.h5:/words"), NULL), 2, HP_STRING, &strings, NULL);
    assert_int_equal(words[1].size, 8);
    assert_memory_equal(words[1].data, "\u03b2\u03b7\u03c4\u03b1", 8);
    assert_int_equal(words[2].size, 0);
    hp_free(words);
    words = read_all(open_reader(DATA("data.h5:/fixed"), NULL), 2, HP_STRING, &strings, NULL);
    assert_int_equal(words[1].size, 3);
    assert_memory_equal(words[2].data, "fours", 5);
    hp_free(words);
    hp_arena_release(&strings);
    hp_arena arena = {0};
    const char *const *names;
    size_t count;
    assert_ok(hp_io_members(DATA("data.h5"), NULL, &arena, &names, &count, &failure));
    assert_int_equal(count, 8); /* the root's datasets; neither groups nor links to other files */
    assert_string_equal(names[0], "big");
    hp_arena_release(&arena);
    assert_fails(try_open(DATA("data.h5"), NULL), HP_ERROR_ARGUMENT, "several datasets");
    assert_fails(try_open(DATA("data.h5:/none"), NULL), HP_ERROR_ARGUMENT, "/none");
    assert_fails(try_open(DATA("data.h5:/scalar"), NULL), HP_ERROR_FORMAT, "0 axes");
    assert_fails(try_open(DATA("data.h5:/group"), NULL), HP_ERROR_ARGUMENT, "/group");
    assert_fails(try_open(DATA("data.h5:/away"), NULL), HP_ERROR_ARGUMENT, "/away");
    assert_fails(try_open(put_text("bad.h5", "no"), NULL), HP_ERROR_FORMAT, "HDF5");
    assert_fails(try_open(in_folder("none.h5"), NULL), HP_ERROR_IO, "No such file");
}

static void test_raw(void **state) {
    (void)state;
    const float rows[] = {1, 2, 3, 4, 5, 6};
    const char *path = put_bytes("rows.f32", rows, sizeof rows);
    hp_io_reader_options options = {.raw_rank = 1, .raw_dims = {3}};
    hp_io_reader *reader = open_reader(path, &options);
    assert_int_equal(reader->rows, 2);
    float *values = read_all(reader, 1, HP_FLOAT32, NULL, NULL);
    assert_memory_equal(values, rows, sizeof rows);
    hp_free(values);
    options.raw_dims[0] = 4;
    assert_fails(try_open(path, &options), HP_ERROR_FORMAT, "ends within row 1");
    options.raw_dims[0] = 0;
    assert_fails(try_open(path, &options), HP_ERROR_ARGUMENT, "shape of a row");
    options = (hp_io_reader_options){.format = "raw", .raw_rank = 1, .raw_dims = {2}, .raw_dtype = HP_INT64};
    const int64_t whole[] = {1, -2, 9007199254740993, 4};
    int64_t *read = read_all(open_reader(put_bytes("ints", whole, sizeof whole), &options), 5, HP_INT64, NULL, NULL);
    assert_memory_equal(read, whole, sizeof whole);
    hp_free(read);
}

/* The same bytes from a pipe. */
static void check_stream(
    const void *data, size_t size, const hp_io_reader_options *options, const float *wanted, size_t count) {
    int saved, child;
    feed_stdin(data, size, &saved, &child);
    int64_t rows;
    hp_io_reader *reader = open_reader("-", options);
    size_t row = 1;
    for (int i = 0; i < reader->rank; i++) row *= (size_t)reader->dims[i];
    assert_string_equal(reader->name, "standard input");
    float *values = read_all(reader, 3, HP_FLOAT32, NULL, &rows);
    assert_int_equal((size_t)rows * row, count);
    assert_memory_equal(values, wanted, count * sizeof *wanted);
    hp_free(values);
    dup2(saved, STDIN_FILENO);
    close(saved);
    waitpid(child, NULL, 0);
}

static void test_streams(void **state) {
    (void)state;
    static const char *const paths[] = {DATA("little_f4.npy"), DATA("fortran_f4.npy"), DATA("big_f8.npy")};
    float table[12];
    for (int i = 0; i < 12; i++) table[i] = (float)(10 * (i / 3) + i % 3 - 5);
    for (int i = 0; i < 3; i++) {
        size_t size;
        char *data = get_bytes(paths[i], &size);
        check_stream(data, size, NULL, table, 12);
        free(data);
    }
    hp_io_reader_options raw = {.format = "raw", .raw_rank = 1, .raw_dims = {4}};
    check_stream(table, sizeof table, &raw, table, 12);
    int saved, child;
    hp_io_batch batch = {0};
    feed_stdin(table, sizeof table - 5, &saved, &child);
    hp_io_reader *reader = open_reader("-", &raw);
    assert_fails(hp_io_read(reader, 9, &batch, &failure), HP_ERROR_FORMAT, "end within row 2");
    assert_int_equal(failure.row, 2);
    hp_io_reader_close(reader);
    hp_io_batch_release(&batch);
    dup2(saved, STDIN_FILENO);
    close(saved);
    waitpid(child, NULL, 0);
    feed_stdin("something", 9, &saved, &child);
    assert_fails(try_open("-", NULL), HP_ERROR_ARGUMENT, "standard input");
    dup2(saved, STDIN_FILENO);
    close(saved);
    waitpid(child, NULL, 0);
}

static void test_refused(void **state) {
    (void)state;
    assert_fails(try_open(DATA("scalar.npy"), NULL), HP_ERROR_FORMAT, "0-d");
    assert_fails(
        try_open(DATA("complex.npy"), NULL), HP_ERROR_FORMAT, "complex numbers can be read in little-endian order");
    assert_fails(try_open(DATA("fields.npy"), NULL), HP_ERROR_FORMAT, "structured");
    assert_fails(try_open(DATA("rank9.npy"), NULL), HP_ERROR_FORMAT, "more than 8 axes");
    assert_fails(try_open(in_folder("none.npy"), NULL), HP_ERROR_IO, "none.npy");
    assert_fails(try_open(folder, &(hp_io_reader_options){.format = "npy"}), HP_ERROR_IO, "directory");
    assert_fails(try_open(put_text("rows.xyz", "1"), NULL), HP_ERROR_ARGUMENT, "npy, npz, csv, tsv, hdf5, raw");
    assert_fails(try_open(put_text("rows.npy", ""), NULL), HP_ERROR_FORMAT, "empty");
    assert_fails(try_open(put_text("rows.npy", "hello, world"), NULL), HP_ERROR_FORMAT, "NUMPY");
    assert_fails(
        try_open(DATA("vector.npy"), &(hp_io_reader_options){.format = "parquet"}), HP_ERROR_ARGUMENT, "parquet");
}

/* A file cut off anywhere, or with any byte of its header changed, is an error or an array. */
static void test_damage(void **state) {
    (void)state;
    size_t size;
    char *data = get_bytes(DATA("little_f4.npy"), &size);
    for (size_t n = 0; n < size; n++) assert_int_equal(try_open(put_bytes("cut.npy", data, n), NULL), HP_ERROR_FORMAT);
    for (size_t i = 0; i < 128; i++)
        for (int change = 1; change < 256; change += 50) {
            data[i] = (char)(data[i] ^ change);
            hp_io_reader *reader;
            hp_io_batch batch = {0};
            if (hp_io_reader_open(put_bytes("odd.npy", data, size), NULL, &reader, NULL) == HP_OK) {
                assert_ok(hp_io_read(reader, 2, &batch, &failure));
                hp_io_batch_release(&batch);
                hp_io_reader_close(reader);
            }
            data[i] = (char)(data[i] ^ change);
        }
    free(data);
}

static void test_changing_file(void **state) {
    (void)state;
    float rows[4000] = {0};
    const char *path = put_bytes("changing.f32", rows, sizeof rows);
    hp_io_reader_options options = {.raw_rank = 1, .raw_dims = {4}};
    hp_io_reader *reader = open_reader(path, &options);
    hp_io_batch batch = {0};
    assert_ok(hp_io_read(reader, 10, &batch, &failure));
    assert_int_equal(truncate(path, 1600), 0);
    assert_fails(hp_io_read(reader, 10, &batch, &failure), HP_ERROR_IO, "changed while it was being read");
    hp_io_batch_release(&batch);
    hp_io_reader_close(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_type),
        cmocka_unit_test(test_bools),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_seek),
        cmocka_unit_test(test_npz),
        cmocka_unit_test(test_hdf5),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_changing_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
