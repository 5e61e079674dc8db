/* checkpoint.c: see checkpoint.h.
 *
 * The file is text: the identity's lines, an empty line, the counts, and a hash of all before it. */
#define _GNU_SOURCE
#include "exec/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/identity.h"
#include "prims/fingerprint.h"

static const char first_line[] = "hornpipe checkpoint 1\n";
enum { LARGEST = 16 << 20 };

/* ---- what run it is */

const char *hp_last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

hp_status hp_checkpoint_add(hp_checkpoint *checkpoint, hp_error *error, const char *key, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *value = length < 0 ? NULL : hp_alloc_array((size_t)length + 1, 1); /* all of it: lists of columns are long */
    if (value) vsnprintf(value, (size_t)length + 1, format, again);
    va_end(again);
    HP_ALLOCATED(value, error);
    for (char *p = value; *p; p++)
        if (*p == '\n' || *p == '\r') *p = ' ';
    size_t n = strlen(key) + strlen(value) + 2;
    bool grown = HP_GROW(checkpoint->identity, checkpoint->identity_capacity, checkpoint->identity_size + n + 1);
    if (grown) snprintf(checkpoint->identity + checkpoint->identity_size, n + 1, "%s\t%s\n", key, value);
    checkpoint->identity_size += grown ? n : 0;
    hp_free(value);
    HP_FAIL_IF(!grown, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    return HP_OK;
}

hp_status hp_checkpoint_add_file(hp_checkpoint *checkpoint, const char *key, const char *path, hp_error *error) {
    struct stat info;
    uint64_t content;
    HP_FAIL_IF(stat(path, &info) != 0, error, HP_ERROR_IO, path, "cannot be read: %s", strerror(errno));
    HP_FAIL_IF(!S_ISREG(info.st_mode), error, HP_ERROR_ARGUMENT, path,
        "it is no regular file: what comes out of it a second time need not be the same");
    HP_TRY(hp_sampled_identity(path, &content, error));
    return hp_checkpoint_add(checkpoint, error, key, "%s: %lld bytes, of %lld.%09ld, content %016llx",
        hp_last_part(path), (long long)info.st_size, (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
        (unsigned long long)content);
}

static hp_status add_model(hp_checkpoint *checkpoint, const hp_model *model, hp_error *error) {
    uint64_t hash, weights = 0;
    HP_FAIL_IF(!model->path, error, HP_ERROR_ARGUMENT, model->spec->name,
        "the model was not opened from a file: a run with it cannot be resumed");
    HP_TRY(hp_content_identity(model->path, &hash, error));
    if (model->weights_path) HP_TRY(hp_content_identity(model->weights_path, &weights, error));
    HP_TRY(hp_checkpoint_add(checkpoint, error, "version", "%s", hp_version()));
    HP_TRY(hp_checkpoint_add(checkpoint, error, "build", "%016llx", (unsigned long long)hp_build_identity()));
    HP_TRY(hp_checkpoint_add(checkpoint, error, "instruction set", "%s", model->kernels->isa));
    HP_TRY(hp_checkpoint_add(checkpoint, error, "model", "%s %016llx %016llx", model->spec->name,
        (unsigned long long)hash, (unsigned long long)weights));
    return hp_checkpoint_add(checkpoint, error, "part of the model", "%s, %s",
        model->prefer == HP_PREFER_LATENCY ? "latency" : "throughput",
        model->output_layer ? model->output_layer : "all of it");
}

hp_status hp_checkpoint_open(hp_checkpoint *checkpoint, const char *path, const hp_model *model, hp_error *error) {
    *checkpoint = (hp_checkpoint){0};
    size_t size = strlen(path) + sizeof ".checkpoint.new";
    checkpoint->path = hp_alloc_array(size, 1);
    checkpoint->temporary = hp_alloc_array(size, 1);
    HP_ALLOCATED(checkpoint->path, error);
    HP_ALLOCATED(checkpoint->temporary, error);
    snprintf(checkpoint->path, size, "%s.checkpoint", path);
    snprintf(checkpoint->temporary, size, "%s.checkpoint.new", path);
    return add_model(checkpoint, model, error);
}

void hp_checkpoint_release(hp_checkpoint *checkpoint) {
    hp_free(checkpoint->path);
    hp_free(checkpoint->temporary);
    hp_free(checkpoint->identity);
    *checkpoint = (hp_checkpoint){0};
}

/* ---- reading */

/* The whole file, terminated; *text NULL: there is none. */
static hp_status read_text(const char *path, char **text, size_t *size, hp_error *error) {
    *text = NULL;
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return HP_OK;
    HP_FAIL_IF(!file, error, HP_ERROR_IO, path, "cannot be read: %s", strerror(errno));
    size_t capacity = 0;
    *size = 0;
    for (size_t n = 1; n > 0 && *size < LARGEST; *size += n) {
        if (!HP_GROW(*text, capacity, *size + 4096)) break;
        n = fread(*text + *size, 1, 4095, file);
    }
    bool good = *text && !ferror(file);
    fclose(file);
    if (good) {
        (*text)[*size] = '\0';
        return HP_OK;
    }
    hp_free(*text);
    *text = NULL;
    HP_FAIL(error, HP_ERROR_IO, path, "cannot be read");
}

/* Where the first line stands in which two texts differ. */
static const char *different_line(const char *a, const char *b) {
    const char *line = a;
    for (; *a && *a == *b; a++, b++)
        if (*a == '\n') line = a + 1;
    return line;
}

static hp_status fail_other_run(const hp_checkpoint *checkpoint, const char *theirs, hp_error *error) {
    const char *line = different_line(checkpoint->identity, theirs);
    const char *there = theirs + (line - checkpoint->identity);
    int key = (int)strcspn(line, "\t\n"), ours = (int)strcspn(line, "\n"), stored = (int)strcspn(there, "\n");
    int value = ours > key ? key + 1 : ours, old = stored > key ? key + 1 : stored;
    HP_FAIL(error, HP_ERROR_ARGUMENT, checkpoint->path,
        "another run was interrupted here, so it cannot be resumed: the %.*s differs (then \"%.*s\", now \"%.*s\"); "
        "without --resume a run begins anew",
        key, line, stored - old > 150 ? 150 : stored - old, there + old, ours - value > 150 ? 150 : ours - value,
        line + value);
}

static bool read_counts(hp_checkpoint *checkpoint, const char *text) {
    long long rows, failed;
    int complete, used;
    size_t count;
    if (sscanf(text, "rows %lld failed %lld complete %d outputs %zu%n", &rows, &failed, &complete, &count, &used) != 4)
        return false;
    if (rows < 0 || failed < 0 || count > HP_MOST_TENSORS) return false;
    checkpoint->rows = rows;
    checkpoint->failed = failed;
    checkpoint->complete = complete != 0;
    checkpoint->mark_count = count;
    for (size_t i = 0; i < count; i++) {
        long long marked, bytes;
        text += used;
        if (sscanf(text, " rows %lld bytes %lld%n", &marked, &bytes, &used) != 2) return false;
        checkpoint->marks[i] = (hp_io_mark){.rows = marked, .bytes = bytes};
    }
    return true;
}

static hp_status parse(hp_checkpoint *checkpoint, char *text, size_t size, hp_error *error) {
    size_t head = sizeof first_line - 1;
    char *hash = size > 17 ? text + size - 17 : NULL, *counts = strstr(text, "\n\n");
    unsigned long long wanted = 0;
    bool whole = hash && counts && !strncmp(text, first_line, head) && sscanf(hash, "%16llx", &wanted) == 1 &&
                 wanted == hp_fingerprint64(text, size - 17);
    HP_FAIL_IF(!whole, error, HP_ERROR_FORMAT, checkpoint->path, "it is damaged: without --resume the run starts anew");
    char *identity = text + head;
    counts[1] = '\0';
    if (strcmp(identity, checkpoint->identity) != 0) return fail_other_run(checkpoint, identity, error);
    HP_FAIL_IF(!read_counts(checkpoint, counts + 2), error, HP_ERROR_FORMAT, checkpoint->path, "it is damaged");
    return HP_OK;
}

hp_status hp_checkpoint_load(hp_checkpoint *checkpoint, bool *found, hp_error *error) {
    char *text;
    size_t size = 0;
    HP_TRY(read_text(checkpoint->path, &text, &size, error));
    *found = text != NULL;
    if (!text) return HP_OK;
    hp_status status = parse(checkpoint, text, size, error);
    hp_free(text);
    return status;
}

/* ---- writing */

static hp_status make_text(const hp_checkpoint *checkpoint, char **text, size_t *size, hp_error *error) {
    size_t capacity = checkpoint->identity_size + 1024 + 64 * checkpoint->mark_count, n = 0;
    *text = hp_alloc_array(capacity, 1);
    HP_ALLOCATED(*text, error);
    n += (size_t)snprintf(*text, capacity, "%s%s\nrows %lld failed %lld complete %d outputs %zu\n", first_line,
        checkpoint->identity, (long long)checkpoint->rows, (long long)checkpoint->failed, checkpoint->complete,
        checkpoint->mark_count);
    for (size_t i = 0; i < checkpoint->mark_count; i++)
        n += (size_t)snprintf(*text + n, capacity - n, "rows %lld bytes %lld\n", (long long)checkpoint->marks[i].rows,
            (long long)checkpoint->marks[i].bytes);
    n += (size_t)snprintf(*text + n, capacity - n, "%016llx\n", (unsigned long long)hp_fingerprint64(*text, n));
    *size = n;
    return HP_OK;
}

static bool write_file(const char *path, const char *text, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    bool good = true;
    for (size_t done = 0; good && done < size;) {
        ssize_t n = write(fd, text + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        good = n >= 0;
        done += good ? (size_t)n : 0;
    }
    good = good && (fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS);
    int reason = errno;
    close(fd);
    errno = reason;
    return good;
}

hp_status hp_checkpoint_save(hp_checkpoint *checkpoint, hp_error *error) {
    char *text;
    size_t size = 0;
    HP_TRY(make_text(checkpoint, &text, &size, error));
    bool good = write_file(checkpoint->temporary, text, size) && rename(checkpoint->temporary, checkpoint->path) == 0;
    int reason = errno;
    hp_free(text);
    if (!good) unlink(checkpoint->temporary);
    HP_FAIL_IF(!good, error, HP_ERROR_IO, checkpoint->path, "cannot be written: %s", strerror(reason));
    hp_io_sync_folder(checkpoint->path);
    return HP_OK;
}

void hp_checkpoint_remove(const hp_checkpoint *checkpoint) {
    unlink(checkpoint->temporary);
    if (unlink(checkpoint->path) == 0) hp_io_sync_folder(checkpoint->path);
}
