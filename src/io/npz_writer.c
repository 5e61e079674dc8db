/* npz_writer.c: several outputs into one .npz.
 *
 * Outputs come chunk by chunk, members of a zip one after the other: so each array is gathered in a temporary file of
 * its own, and at the end libzip puts them together, stored, into the partial file. libzip would replace a file by
 * itself; it is given ours to write into instead, which stays locked. Dates are fixed: the same predictions give the
 * same bytes. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>
#include "io/npy.h"

typedef struct npz_writer {
    hp_io_writer base;
    hp_io_sink *sink;
    hp_io_sink **spools;     /* one an output */
    hp_io_npy_array *arrays; /* the same */
} npz_writer;

/* ---- where libzip writes -------------------------------------------------------------------------------------- */

typedef struct zip_target {
    int fd;
    zip_int64_t position;
    zip_error_t error;
} zip_target;

static zip_int64_t write_target(zip_target *target, const char *data, zip_uint64_t bytes) {
    for (zip_uint64_t done = 0; done < bytes;) {
        ssize_t n = pwrite(target->fd, data + done, bytes - done, (off_t)(target->position + (zip_int64_t)done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            zip_error_set(&target->error, ZIP_ER_WRITE, errno);
            return -1;
        }
        done += (zip_uint64_t)n;
    }
    target->position += (zip_int64_t)bytes;
    return (zip_int64_t)bytes;
}

static zip_int64_t answer_zip(void *user, void *data, zip_uint64_t size, zip_source_cmd_t command) {
    zip_target *target = user;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
            ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_BEGIN_WRITE,
            ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_WRITE, ZIP_SOURCE_SEEK_WRITE,
            ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, -1);
    case ZIP_SOURCE_STAT: /* an empty file, to be filled */
        zip_stat_init(data);
        ((zip_stat_t *)data)->size = 0;
        ((zip_stat_t *)data)->valid = ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
    case ZIP_SOURCE_WRITE:
        return write_target(target, data, size);
    case ZIP_SOURCE_TELL_WRITE:
        return target->position;
    case ZIP_SOURCE_SEEK_WRITE: {
        zip_source_args_seek_t *args = ZIP_SOURCE_GET_ARGS(zip_source_args_seek_t, data, size, &target->error);
        if (!args || args->whence == SEEK_END) return -1;
        target->position = args->offset + (args->whence == SEEK_CUR ? target->position : 0);
        return 0;
    }
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&target->error, data, size);
    default:
        return 0;
    }
}

/* ---- the archive ---------------------------------------------------------------------------------------------- */

static hp_status add_member(zip_t *archive, const char *name, hp_io_sink *spool, hp_error *error) {
    char member[300];
    HP_FAIL_IF(snprintf(member, sizeof member, "%s.npy", name + (*name == '/')) >= (int)sizeof member, error,
        HP_ERROR_ARGUMENT, NULL, "the name of an output is too long");
    HP_TRY(hp_io_sink_flush(spool, error));
    int fd = dup(hp_io_sink_fd(spool));
    FILE *file = fd < 0 || lseek(fd, 0, SEEK_SET) < 0 ? NULL : fdopen(fd, "rb");
    if (!file) {
        if (fd >= 0) close(fd);
        HP_FAIL(error, HP_ERROR_IO, NULL, "a temporary file cannot be read: %s", strerror(errno));
    }
    zip_source_t *source = zip_source_filep(archive, file, 0, -1);
    if (!source) fclose(file);
    zip_int64_t index = source ? zip_file_add(archive, member, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0) zip_source_free(source);
    HP_FAIL_IF(index < 0 || zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
                   zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 0x21, 0) != 0, /* 1980-01-01 */
        error, HP_ERROR_IO, NULL, "the member \"%s\" cannot be added: %s", member, zip_strerror(archive));
    return HP_OK;
}

static hp_status make_archive(npz_writer *npz, int fd, hp_error *error) {
    zip_target target = {.fd = fd};
    zip_error_t reason;
    zip_error_init(&reason);
    zip_error_init(&target.error);
    zip_source_t *source = zip_source_function_create(answer_zip, &target, &reason);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &reason) : NULL;
    hp_status status = HP_OK;
    if (!archive) {
        status = hp_error_set(error, HP_ERROR_IO, NULL, "the .npz cannot be made: %s", zip_error_strerror(&reason));
        if (source) zip_source_free(source);
    }
    for (int i = 0; i < npz->base.output_count && status == HP_OK; i++)
        status = add_member(archive, npz->base.outputs[i].name, npz->spools[i], error);
    if (status == HP_OK && zip_close(archive) == 0)
        archive = NULL;
    else if (status == HP_OK)
        status = hp_error_set(error, HP_ERROR_IO, NULL, "cannot be written: %s", zip_strerror(archive));
    if (archive) zip_discard(archive);
    zip_error_fini(&reason);
    zip_error_fini(&target.error);
    return status;
}

/* ---- the writer ----------------------------------------------------------------------------------------------- */

static hp_status write_npz(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    (void)ids;
    npz_writer *npz = (npz_writer *)writer;
    for (int i = 0; i < writer->output_count; i++) HP_TRY(hp_io_npy_append(&npz->arrays[i], rows, data[i], error));
    return HP_OK;
}

static hp_status finish_npz(hp_io_writer *writer, hp_error *error) {
    npz_writer *npz = (npz_writer *)writer;
    for (int i = 0; i < writer->output_count; i++) HP_TRY(hp_io_npy_end(&npz->arrays[i], writer->rows, true, error));
    if (hp_io_sink_is_file(npz->sink)) {
        HP_TRY(make_archive(npz, hp_io_sink_fd(npz->sink), error));
        return hp_io_sink_commit(npz->sink, error);
    }
    hp_io_sink *whole; /* libzip goes back to fill in sizes: not possible in a stream */
    HP_TRY(hp_io_sink_open_temporary(npz->sink, &whole, error));
    hp_status status = make_archive(npz, hp_io_sink_fd(whole), error);
    if (status == HP_OK) status = hp_io_sink_copy(npz->sink, whole, 0, error);
    if (status == HP_OK) status = hp_io_sink_commit(npz->sink, error);
    hp_io_sink_close(whole);
    return status;
}

static void close_npz(hp_io_writer *writer) {
    npz_writer *npz = (npz_writer *)writer;
    for (int i = 0; i < writer->output_count; i++) {
        if (npz->arrays) hp_io_npy_release(&npz->arrays[i]);
        if (npz->spools) hp_io_sink_close(npz->spools[i]);
    }
    hp_free(npz->arrays);
    hp_free(npz->spools);
    hp_io_sink_close(npz->sink);
}

static const hp_io_writer_class npz_class = {write_npz, finish_npz, close_npz, NULL, NULL};

static hp_status start_npz(npz_writer *npz, const char *path, const hp_io_writer_options *options, hp_error *error) {
    size_t count = (size_t)npz->base.output_count;
    npz->spools = hp_alloc_array(count, sizeof *npz->spools);
    npz->arrays = hp_alloc_array(count, sizeof *npz->arrays);
    HP_FAIL_IF(!npz->spools || !npz->arrays, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_FAIL_IF(options->resume, error, HP_ERROR_ARGUMENT, NULL, "a .npz cannot be resumed");
    HP_TRY(hp_io_sink_open(path, options, &npz->sink, error));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            HP_FAIL_IF(!strcmp(npz->base.outputs[i].name, npz->base.outputs[j].name), error, HP_ERROR_ARGUMENT, NULL,
                "two outputs are called \"%s\"", npz->base.outputs[i].name);
        HP_TRY(hp_io_sink_open_temporary(npz->sink, &npz->spools[i], error));
        HP_TRY(hp_io_npy_begin(&npz->arrays[i], &npz->base.outputs[i], npz->spools[i], 0, false, error));
    }
    return HP_OK;
}

hp_status hp_io_npz_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    HP_TRY(hp_io_writer_new(
        sizeof(npz_writer), &npz_class, place, outputs, count, options, INT32_MAX, false, writer, error));
    hp_status status = start_npz((npz_writer *)*writer, place->path, options, error);
    if (status != HP_OK) hp_io_writer_abort(*writer);
    return status;
}
