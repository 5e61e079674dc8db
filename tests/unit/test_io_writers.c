/* test_io_writers.c: what is written reads back the same; partial files, replacing, streams, full disks, pipes. */
#define _GNU_SOURCE
#include "test_io.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "io/writer.h"

static const float floats[] = {1, -2.5f, 0.1f, 3e30f, NAN, INFINITY, 7, 8, 9, 10, 11, 12};
static const int64_t whole[] = {1, 9007199254740993, -3, 4};

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* Writes the 4 rows of `floats` in pieces of 1, 0 and 3. */
static hp_status write_floats(const char *path, const hp_io_writer_options *options) {
    hp_io_output output = {.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {3}};
    hp_io_writer *writer;
    hp_status status = hp_io_writer_open(path, &output, 1, options, &writer, &failure);
    if (status != HP_OK) return status;
    status = hp_io_write(writer, 1, (const void *[]){floats}, NULL, &failure);
    if (status == HP_OK) status = hp_io_write(writer, 0, (const void *[]){NULL}, NULL, &failure);
    if (status == HP_OK) status = hp_io_write(writer, 3, (const void *[]){floats + 3}, NULL, &failure);
    if (status == HP_OK) return hp_io_writer_finish(writer, &failure);
    hp_io_writer_abort(writer);
    return status;
}

static void check_floats(const char *path, const hp_io_reader_options *options) {
    int64_t rows;
    float *values = read_all(open_reader(path, options), 3, HP_FLOAT32, NULL, &rows);
    assert_int_equal(rows, 4);
    for (int i = 0; i < 12; i++) assert_true(values[i] == floats[i] || (isnan(values[i]) && isnan(floats[i])));
    hp_free(values);
}

static void test_round_trips(void **state) {
    (void)state;
    static const char *const names[] = {"y.npy", "y.npz", "y.csv", "y.tsv", "y.f32", "y.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int known = 0; known < 2; known++) {
            hp_io_writer_options options = {.rows_known = known, .rows = 4, .durable = known};
            hp_io_reader_options raw = {.raw_rank = 1, .raw_dims = {3}};
            const char *path = in_folder(names[i]);
            char partial[300];
            snprintf(partial, sizeof partial, "%s.partial", path);
            assert_ok(write_floats(path, &options));
            check_floats(path, &raw);
            assert_false(exists(partial));
        }
}

/* numpy's own reading of the header is strict: its fixed form is compared. */
static void test_npy_bytes(void **state) {
    (void)state;
    size_t size, other;
    assert_ok(write_floats(in_folder("a.npy"), NULL));
    assert_ok(write_floats(in_folder("b.npy"), &(hp_io_writer_options){.rows_known = true, .rows = 4}));
    char *data = get_bytes(in_folder("a.npy"), &size), *same = get_bytes(in_folder("b.npy"), &other);
    assert_int_equal(size, 128 + sizeof floats);
    assert_int_equal(size, other);
    assert_memory_equal(data, same, size);
    assert_memory_equal(data, "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }  ", 70);
    assert_int_equal(data[127], '\n');
    assert_memory_equal(data + 128, floats, sizeof floats);
    free(data);
    free(same);
    hp_io_output output = {.dtype = HP_INT64};
    hp_io_writer *writer;
    assert_ok(hp_io_writer_open(in_folder("v.npy"), &output, 1, NULL, &writer, &failure));
    assert_ok(hp_io_write(writer, 4, (const void *[]){whole}, NULL, &failure));
    assert_ok(hp_io_writer_finish(writer, &failure));
    data = get_bytes(in_folder("v.npy"), &size);
    assert_non_null(strstr(data + 10, "'shape': (4,), }"));
    assert_memory_equal(data + 128, whole, sizeof whole);
    free(data);
}

static void test_zero_rows(void **state) {
    (void)state;
    static const char *const names[] = {"z.npy", "z.npz", "z.csv", "z.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hp_io_output output = {.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {3}};
        hp_io_writer *writer;
        int64_t rows;
        assert_ok(hp_io_writer_open(in_folder(names[i]), &output, 1, NULL, &writer, &failure));
        assert_ok(hp_io_writer_finish(writer, &failure));
        hp_io_reader *reader = open_reader(in_folder(names[i]), NULL);
        assert_int_equal(reader->dims[0], 3);
        hp_free(read_all(reader, 5, HP_FLOAT32, NULL, &rows));
        assert_int_equal(rows, 0);
    }
}

/* Several outputs of different dtypes, strings and bfloat16 among them. */
static void test_several_outputs(void **state) {
    (void)state;
    static const hp_string words[] = {{"one", 3}, {"\xCE\xB2\xCE\xB7", 4}, {"", 0}, {"a,\"b\"", 5}};
    static const uint16_t brains[] = {0x3F80, 0xC040, 0x0000, 0x7F80};
    static const uint8_t flags[] = {1, 0, 0, 1};
    hp_io_output outputs[] = {{.name = "ids", .dtype = HP_INT64}, {.name = "deep/words", .dtype = HP_STRING},
        {.name = "brains", .dtype = HP_BFLOAT16, .rank = 2, .dims = {1, 1}}, {.name = "flags", .dtype = HP_BOOL},
        {.name = "fixed", .dtype = HP_STRING, .string_size = 5}};
    static const char *const names[] = {"o.npz", "o.h5"};
    for (int f = 0; f < 2; f++) {
        hp_io_writer *writer;
        char path[300];
        assert_ok(hp_io_writer_open(in_folder(names[f]), outputs, 5, NULL, &writer, &failure));
        for (int i = 0; i < 4; i += 2)
            assert_ok(hp_io_write(
                writer, 2, (const void *[]){whole + i, words + i, brains + i, flags + i, words + i}, NULL, &failure));
        assert_ok(hp_io_writer_finish(writer, &failure));
        snprintf(path, sizeof path, "%s:/ids", in_folder(names[f]));
        int64_t *ids = read_all(open_reader(path, NULL), 3, HP_INT64, NULL, NULL);
        assert_memory_equal(ids, whole, sizeof whole);
        hp_free(ids);
        snprintf(path, sizeof path, "%s:/brains", in_folder(names[f]));
        uint16_t *read = read_all(open_reader(path, NULL), 3, HP_BFLOAT16, NULL, NULL);
        assert_memory_equal(read, brains, sizeof brains);
        hp_free(read);
        snprintf(path, sizeof path, "%s:/flags", in_folder(names[f]));
        hp_io_reader *reader = open_reader(path, NULL);
        assert_int_equal(reader->dtype, HP_BOOL);
        uint8_t *bools = read_all(reader, 3, HP_BOOL, NULL, NULL);
        assert_memory_equal(bools, flags, sizeof flags);
        hp_free(bools);
        for (int fixed = 0; fixed < 2; fixed++) {
            hp_arena strings = {0};
            snprintf(path, sizeof path, "%s:/%s", in_folder(names[f]), fixed ? "fixed" : "deep/words");
            hp_string *text = read_all(open_reader(path, NULL), 3, HP_STRING, &strings, NULL);
            for (int i = 0; i < 4; i++) {
                assert_int_equal(text[i].size, words[i].size);
                assert_memory_equal(text[i].data, words[i].data, words[i].size);
            }
            hp_free(text);
            hp_arena_release(&strings);
        }
    }
    hp_io_writer *writer;
    assert_fails(hp_io_writer_open(in_folder("o.npy"), outputs, 2, NULL, &writer, &failure), HP_ERROR_ARGUMENT,
        "it can hold 1 output, not 2");
    outputs[1].name = "ids";
    assert_fails(hp_io_writer_open(in_folder("o.npz"), outputs, 2, NULL, &writer, &failure), HP_ERROR_ARGUMENT,
        "two outputs are called");
    assert_ok(hp_io_writer_open(in_folder("s.npy"), outputs + 4, 1, NULL, &writer, &failure));
    assert_fails(hp_io_write(writer, 1, (const void *[]){&(hp_string){"sixsix", 6}}, NULL, &failure), HP_ERROR_SHAPE,
        "6 characters");
    hp_io_writer_abort(writer);
}

static void test_csv_text(void **state) {
    (void)state;
    static const char *const labels[] = {"cat", "a \"dog\"", "x,y"};
    static const double grid[] = {1, 0.1, -0.0, 1e-7, 5, 6, 7, 8};
    static const hp_string ids[] = {{"7", 1}, {"a,b", 3}, {"", 0}, {"say \"hi\"", 8}};
    hp_io_output outputs[] = {{.name = "p", .dtype = HP_FLOAT32, .rank = 1, .dims = {3}, .labels = labels},
        {.name = "grid", .dtype = HP_FLOAT64, .rank = 2, .dims = {2, 2}}, {.name = "n", .dtype = HP_INT8}};
    hp_io_writer_options options = {.id_count = 2, .id_names = (const char *[]){"id", "who"}};
    hp_io_writer *writer;
    size_t size;
    const char *path = in_folder("t.csv");
    assert_ok(hp_io_writer_open(path, outputs, 3, &options, &writer, &failure));
    assert_ok(hp_io_write(writer, 2, (const void *[]){floats, grid, (int8_t[]){-1, 100}}, ids, &failure));
    assert_ok(hp_io_writer_finish(writer, &failure));
    char *text = get_bytes(path, &size);
    assert_string_equal(text, "id,who,cat,\"a \"\"dog\"\"\",\"x,y\",grid_0_0,grid_0_1,grid_1_0,grid_1_1,n\n"
                              "7,\"a,b\",1,-2.5,0.1,1,0.1,-0,1e-07,-1\n"
                              "\"\",\"say \"\"hi\"\"\",3e+30,nan,inf,5,6,7,8,100\n");
    free(text);
    options = (hp_io_writer_options){.header = HP_IO_HEADER_NO};
    assert_ok(hp_io_writer_open(path, outputs + 2, 1, &options, &writer, &failure));
    assert_ok(hp_io_write(writer, 2, (const void *[]){(int8_t[]){-1, 100}}, NULL, &failure));
    assert_ok(hp_io_writer_finish(writer, &failure));
    text = get_bytes(path, &size);
    assert_string_equal(text, "-1\n100\n");
    free(text);
    options.id_count = 1;
    assert_fails(hp_io_writer_open(in_folder("t.npy"), outputs, 1, &options, &writer, &failure), HP_ERROR_ARGUMENT,
        "id columns");
}

/* Text that is made ahead, in pieces, is what writing the rows makes, and keeps
 * to its room. */
static void test_text_ahead(void **state) {
    (void)state;
    enum { ROWS = 300 };
    static float long_ones[2 * ROWS];
    static int64_t counts[ROWS];
    static hp_string ids[ROWS];
    for (int i = 0; i < ROWS; i++) {
        long_ones[2 * i] = -1.17549435e-38F;
        long_ones[2 * i + 1] = -1.23456789e15F;
        counts[i] = INT64_MIN;
        ids[i] = (hp_string){"\"\"\"\"", (size_t)(i % 5)};
    }
    hp_io_output outputs[] = {{.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {2}},
        {.name = "n", .dtype = HP_INT64}, {.name = "s", .dtype = HP_STRING}};
    const void *data[] = {long_ones, counts};
    hp_io_writer_options options = {.id_count = 1};
    hp_io_writer *writer;
    assert_ok(hp_io_writer_open(in_folder("whole.csv"), outputs, 2, &options, &writer, &failure));
    assert_ok(hp_io_write(writer, ROWS, data, ids, &failure));
    assert_ok(hp_io_writer_finish(writer, &failure));
    assert_ok(hp_io_writer_open(in_folder("pieces.csv"), outputs, 2, &options, &writer, &failure));
    size_t room = hp_io_text_room(writer);
    for (int64_t first = 0, rows; first < ROWS; first += rows) {
        rows = first < 10 ? 1 : ROWS - first;
        const void *here[] = {long_ones + 2 * first, counts + first};
        size_t most = (size_t)rows * room;
        for (int64_t i = first; i < first + rows; i++) most += 2 * ids[i].size;
        char *text = malloc(most); /* which sanitizers watch */
        assert_non_null(text);
        size_t bytes = hp_io_text_rows(writer, rows, here, ids + first, text);
        assert_true(bytes <= most);
        assert_ok(hp_io_write_text(writer, rows, text, bytes, &failure));
        free(text);
    }
    assert_int_equal(writer->rows, ROWS);
    assert_ok(hp_io_writer_finish(writer, &failure));
    size_t size, wanted_size;
    char *wanted = get_bytes(in_folder("whole.csv"), &wanted_size), *got = get_bytes(in_folder("pieces.csv"), &size);
    assert_int_equal(size, wanted_size);
    assert_memory_equal(got, wanted, size);
    free(wanted);
    free(got);
    assert_ok(hp_io_writer_open(in_folder("strings.csv"), outputs, 3, &options, &writer, &failure));
    assert_int_equal(hp_io_text_room(writer), 0);
    hp_io_writer_abort(writer);
    assert_ok(hp_io_writer_open(in_folder("y.npy"), outputs, 1, NULL, &writer, &failure));
    assert_int_equal(hp_io_text_room(writer), 0);
    hp_io_writer_abort(writer);
}

/* Until finish, the old file stays; an aborted or failed run leaves nothing. */
static void test_replacing(void **state) {
    (void)state;
    static const char *const names[] = {"r.npy", "r.npz", "r.csv", "r.f32"};
    hp_io_output output = {.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {3}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = put_text(names[i], "before");
        char partial[300];
        size_t size;
        snprintf(partial, sizeof partial, "%s.partial", path);
        assert_int_equal(chmod(path, 0640), 0);
        hp_io_writer *writer, *second;
        assert_ok(hp_io_writer_open(path, &output, 1, NULL, &writer, &failure));
        assert_ok(hp_io_write(writer, 4, (const void *[]){floats}, NULL, &failure));
        assert_true(exists(partial));
        assert_fails(hp_io_writer_open(path, &output, 1, NULL, &second, &failure), HP_ERROR_IO, "another run");
        assert_true(exists(partial));
        char *text = get_bytes(path, &size);
        assert_string_equal(text, "before");
        free(text);
        hp_io_writer_abort(writer);
        assert_false(exists(partial));
        text = get_bytes(path, &size);
        assert_string_equal(text, "before");
        free(text);
        put_text(
            strrchr(partial, '/') + 1, "left by a run that was killed, and longer than what comes now, 0123456789");
        assert_ok(write_floats(path, NULL));
        check_floats(path, &(hp_io_reader_options){.raw_rank = 1, .raw_dims = {3}});
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0640);
        assert_fails(write_floats(path, &(hp_io_writer_options){.exclusive = true}), HP_ERROR_IO, "exists already");
    }
}

static void test_announced_rows(void **state) {
    (void)state;
    const char *path = in_folder("n.npy");
    assert_fails(write_floats(path, &(hp_io_writer_options){.rows_known = true, .rows = 3}), HP_ERROR_ARGUMENT,
        "more than the 3 rows");
    assert_fails(write_floats(path, &(hp_io_writer_options){.rows_known = true, .rows = 5}), HP_ERROR_ARGUMENT,
        "5 rows were announced, and 4 written");
    assert_false(exists(path));
}

static void test_links_and_places(void **state) {
    (void)state;
    struct stat info;
    put_text("real.npy", "x");
    assert_int_equal(symlink("real.npy", in_folder("link.npy")), 0);
    assert_ok(write_floats(in_folder("link.npy"), NULL));
    assert_int_equal(lstat(in_folder("link.npy"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    check_floats(in_folder("real.npy"), NULL);
    /* one that leads to no file yet, though outputs that exist are to be kept */
    assert_int_equal(mkdir(in_folder("days"), 0700), 0);
    assert_int_equal(symlink("days/today.npy", in_folder("latest.npy")), 0);
    assert_int_equal(symlink("latest.npy", in_folder("again.npy")), 0);
    assert_ok(write_floats(in_folder("again.npy"), &(hp_io_writer_options){.exclusive = true}));
    check_floats(in_folder("days/today.npy"), NULL);
    assert_int_equal(lstat(in_folder("latest.npy"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_fails(write_floats(in_folder("again.npy"), &(hp_io_writer_options){.exclusive = true}), HP_ERROR_IO,
        "exists already");
    assert_int_equal(symlink("round.npy", in_folder("round.npy")), 0);
    assert_fails(write_floats(in_folder("round.npy"), NULL), HP_ERROR_IO, "cannot be found: Too many levels");
    assert_fails(write_floats(folder, &(hp_io_writer_options){.format = "npy"}), HP_ERROR_IO, "directory");
    assert_fails(write_floats(in_folder("no/such/y.npy"), NULL), HP_ERROR_IO, "No such file");
    assert_fails(write_floats(in_folder("y.xyz"), NULL), HP_ERROR_ARGUMENT, "give it (--output-format): npy, npz");
    assert_fails(write_floats("-", NULL), HP_ERROR_ARGUMENT, "standard output");
    assert_fails(write_floats("-", &(hp_io_writer_options){.format = "hdf5"}), HP_ERROR_ARGUMENT, "standard output");
    assert_ok(write_floats("/dev/null", &(hp_io_writer_options){.format = "npy"}));
}

/* An HDF5 file keeps its other datasets. */
static void test_hdf5_added(void **state) {
    (void)state;
    char path[300];
    size_t size;
    char *data = get_bytes(DATA("data.h5"), &size);
    put_bytes("kept.h5", data, size);
    free(data);
    snprintf(path, sizeof path, "%s:/new/y", in_folder("kept.h5"));
    assert_ok(write_floats(path, NULL));
    check_floats(path, NULL);
    assert_ok(write_floats(path, NULL));
    check_floats(path, NULL);
    snprintf(path, sizeof path, "%s:/plain", in_folder("kept.h5"));
    hp_io_reader_close(open_reader(path, NULL));
    assert_ok(write_floats(path, NULL));
    check_floats(path, NULL);
    put_text("bad.h5", "no HDF5");
    assert_fails(write_floats(in_folder("bad.h5"), NULL), HP_ERROR_IO, "no HDF5 file");
    data = get_bytes(in_folder("bad.h5"), &size);
    assert_string_equal(data, "no HDF5");
    free(data);
}

static void test_full_disk(void **state) {
    (void)state;
    static const char *const formats[] = {"npy", "npz", "csv", "raw"};
    for (int i = 0; i < 4; i++)
        assert_fails(write_floats("/dev/full", &(hp_io_writer_options){.format = formats[i]}), HP_ERROR_IO,
            "No space left on device");
    assert_string_equal(failure.where, "/dev/full");
    /* The same for a partial file, where a limit stands for the disk's end. */
    int child = (int)fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        char command[300];
        hp_io_output output = {.dtype = HP_FLOAT32, .rank = 1, .dims = {100000}};
        hp_io_writer *writer;
        float *row = calloc(100000, sizeof *row);
        const char *path = in_folder("full.npy");
        snprintf(command, sizeof command, "prlimit --pid %d --fsize=100000", (int)getpid());
        if (system(command) != 0) _exit(77);
        bool good = hp_io_writer_open(path, &output, 1, NULL, &writer, &failure) == HP_OK &&
                    hp_io_write(writer, 1, (const void *[]){row}, NULL, &failure) == HP_ERROR_IO &&
                    strstr(failure.message, "File too large");
        if (good) hp_io_writer_abort(writer);
        free(row);
        _exit(good && !exists(path) && !exists(in_folder("full.npy.partial")) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
}

static void test_closed_pipe(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    hp_status status = write_floats("-", &(hp_io_writer_options){.format = "csv"});
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(ends[1]);
    signal(SIGPIPE, before);
    assert_int_equal(status, HP_ERROR_IO);
    assert_string_equal(failure.where, "standard output");
    assert_non_null(strstr(failure.message, "Broken pipe"));
}

static void test_standard_output(void **state) {
    (void)state;
    static const char *const formats[] = {"npy", "npz", "csv", "raw"};
    for (int i = 0; i < 8; i++) {
        hp_io_writer_options options = {.format = formats[i % 4], .rows_known = i >= 4, .rows = 4};
        const char *path = in_folder("stdout");
        fflush(stdout);
        int saved = dup(STDOUT_FILENO), fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        dup2(fd, STDOUT_FILENO);
        hp_status status = write_floats("-", &options);
        dup2(saved, STDOUT_FILENO);
        close(saved);
        close(fd);
        assert_int_equal(status, HP_OK);
        check_floats(path, &(hp_io_reader_options){.format = formats[i % 4], .raw_rank = 1, .raw_dims = {3}});
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_npy_bytes),
        cmocka_unit_test(test_zero_rows),
        cmocka_unit_test(test_several_outputs),
        cmocka_unit_test(test_csv_text),
        cmocka_unit_test(test_text_ahead),
        cmocka_unit_test(test_replacing),
        cmocka_unit_test(test_announced_rows),
        cmocka_unit_test(test_links_and_places),
        cmocka_unit_test(test_hdf5_added),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_closed_pipe),
        cmocka_unit_test(test_standard_output),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
