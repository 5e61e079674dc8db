/* test_io.h: what the tests of src/io share: a temporary folder, files in it, and reading a source to its end. */
#ifndef HP_TEST_IO_H
#define HP_TEST_IO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/dtype.h"
#include "io/writer.h"

#define DATA(name) HP_TEST_DIR "/data/io/" name

static char folder[64];
static hp_error failure;

static inline int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/hornpipe-io-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* The path of a file in the folder; one of a few buffers, taken in turn. */
static inline const char *in_folder(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *put_bytes(const char *name, const void *data, size_t size) {
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *put_text(const char *name, const char *text) {
    return put_bytes(name, text, strlen(text));
}

/* All of a file, to be freed. */
static inline char *get_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *data = malloc(1 << 22);
    assert_non_null(data);
    *size = fread(data, 1, (1 << 22) - 1, file);
    data[*size] = '\0';
    fclose(file);
    return data;
}

#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        failure = (hp_error){0};                                                                                       \
        hp_status status_ = (expression);                                                                              \
        if (status_ != HP_OK) fail_msg("%s: %s: %s", hp_status_name(status_), failure.where, failure.message);         \
    } while (0)

/* The expression fails with this status, and `text` in where or message. */
#define assert_fails(expression, wanted, text)                                                                         \
    do {                                                                                                               \
        failure = (hp_error){0};                                                                                       \
        hp_status status_ = (expression);                                                                              \
        if (status_ != (wanted) || failure.status != (wanted) ||                                                       \
            (!strstr(failure.message, (text)) && !strstr(failure.where, (text))))                                      \
            fail_msg("%s (%s: %s), not %s with \"%s\"", hp_status_name(status_), failure.where, failure.message,       \
                hp_status_name(wanted), (text));                                                                       \
    } while (0)

static inline hp_io_reader *open_reader(const char *path, const hp_io_reader_options *options) {
    hp_io_reader *reader = NULL;
    assert_ok(hp_io_reader_open(path, options, &reader, &failure));
    assert_non_null(reader);
    return reader;
}

static inline hp_status try_open(const char *path, const hp_io_reader_options *options) {
    hp_io_reader *reader = NULL;
    hp_status status = hp_io_reader_open(path, options, &reader, &failure);
    if (status == HP_OK)
        hp_io_reader_close(reader);
    else
        assert_null(reader);
    return status;
}

/* What goes wrong where the text of a .csv is read and converted. */
static inline hp_status read_error(const char *text, const hp_io_reader_options *options, hp_dtype dtype) {
    hp_io_reader *reader;
    hp_io_batch batch = {0};
    double values[64];
    hp_status status = hp_io_reader_open(put_text("bad.csv", text), options, &reader, &failure);
    if (status != HP_OK) return status;
    status = hp_io_read(reader, 10, &batch, &failure);
    if (status == HP_OK) status = hp_io_convert(&batch.view, 0, batch.rows, dtype, values, NULL, &failure);
    hp_io_batch_release(&batch);
    hp_io_reader_close(reader);
    return status;
}

/* Reads all rows, `step` at a time, as `dtype`; closes the reader. The elements are to be freed. Fails the test on any
 * error. *rows may be NULL. */
static inline void *read_all(hp_io_reader *reader, int64_t step, hp_dtype dtype, hp_arena *strings, int64_t *rows) {
    hp_io_batch batch = {0};
    size_t size = hp_dtype_size(dtype), capacity = 0, used = 0;
    char *all = NULL;
    int64_t total = 0;
    for (;;) {
        assert_ok(hp_io_read(reader, step, &batch, &failure));
        assert_int_equal(batch.first_row, total);
        if (batch.rows == 0) break;
        assert_int_equal(batch.view.dims[0], batch.rows);
        size_t bytes = (size_t)(batch.rows * hp_io_row_elements(&batch.view)) * size;
        assert_true(hp_grow_array((void **)&all, &capacity, used + bytes + 1, 1));
        assert_ok(hp_io_convert(&batch.view, 0, batch.rows, dtype, all + used, strings, &failure));
        const void *direct = hp_io_direct(&batch.view, dtype);
        if (direct) assert_memory_equal(direct, all + used, bytes);
        if (dtype == HP_STRING) { /* the bytes lie in the batch: copied */
            for (hp_string *s = (hp_string *)(all + used); s < (hp_string *)(all + used + bytes); s++) {
                s->data = hp_arena_copy(strings, s->data, s->size + 1);
                assert_non_null(s->data);
            }
        }
        used += bytes;
        total += batch.rows;
        assert_true(batch.rows == step || reader->rows < 0 || total == reader->rows);
    }
    hp_io_batch_release(&batch);
    if (reader->rows >= 0) assert_int_equal(total, reader->rows);
    hp_io_reader_close(reader);
    if (rows) *rows = total;
    return all;
}

/* Reads `path` with something else in place of standard input: a pipe, fed by a child. */
static inline void feed_stdin(const void *data, size_t size, int *saved, int *child) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *child = (int)fork();
    if (*child == 0) {
        close(ends[0]);
        for (size_t done = 0; done < size;) {
            ssize_t n = write(ends[1], (const char *)data + done, size - done < 4096 ? size - done : 4096);
            if (n <= 0) break;
            done += (size_t)n;
        }
        _exit(0);
    }
    close(ends[1]);
    *saved = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
}

#endif
