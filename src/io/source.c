/* source.c: files and standard input as sources; see source.h. */
#define _GNU_SOURCE
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"

enum { SPOOL_BLOCK = 1 << 20, WAIT_MILLISECONDS = 200 };

typedef struct file_source {
    hp_io_source base;
    int fd;
    bool owned;            /* fd is closed with the source */
    off_t start, position; /* regular files: where the source begins; offset from there of the next read */
    struct timespec changed;
    off_t file_size;
    unsigned char peeked[8]; /* streams: read already */
    size_t peeked_count;
} file_source;

static hp_status check_unchanged(const file_source *file, hp_error *error) {
    struct stat now;
    HP_FAIL_IF(fstat(file->fd, &now) != 0, error, HP_ERROR_IO, NULL, "cannot be read: %s", strerror(errno));
    HP_FAIL_IF(now.st_size != file->file_size || now.st_mtim.tv_sec != file->changed.tv_sec ||
                   now.st_mtim.tv_nsec != file->changed.tv_nsec,
        error, HP_ERROR_IO, NULL, "the file changed while it was being read (%lld bytes at first, %lld now)",
        (long long)file->file_size, (long long)now.st_size);
    return HP_OK;
}

static hp_status read_regular_at(
    hp_io_source *source, int64_t offset, void *data, size_t bytes, size_t *got, hp_error *error) {
    file_source *file = (file_source *)source;
    *got = 0;
    while (*got < bytes) {
        ssize_t n = pread(file->fd, (char *)data + *got, bytes - *got, file->start + offset + (off_t)*got);
        if (n < 0 && errno == EINTR) continue;
        HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "cannot be read: %s", strerror(errno));
        if (n == 0) break;
        *got += (size_t)n;
    }
    return check_unchanged(file, error); /* after the read: what was read is the file as it was opened */
}

static hp_status read_regular(hp_io_source *source, void *data, size_t bytes, size_t *got, hp_error *error) {
    file_source *file = (file_source *)source;
    HP_TRY(read_regular_at(source, file->position, data, bytes, got, error));
    file->position += (off_t)*got;
    return HP_OK;
}

static hp_status rewind_regular(hp_io_source *source, hp_error *error) {
    (void)error;
    ((file_source *)source)->position = 0;
    return HP_OK;
}

/* Waits until a stream has something to read; not where that cannot be asked. */
static hp_status await_stream(const file_source *file, hp_error *error) {
    struct pollfd waiting = {.fd = file->fd, .events = POLLIN};
    for (;;) {
        HP_FAIL_IF(atomic_load(&file->base.interrupted), error, HP_ERROR_INTERRUPTED, NULL, "interrupted");
        int ready = poll(&waiting, 1, WAIT_MILLISECONDS);
        if (ready > 0 || (ready < 0 && errno != EINTR)) return HP_OK;
    }
}

static hp_status read_stream(hp_io_source *source, void *data, size_t bytes, size_t *got, hp_error *error) {
    file_source *file = (file_source *)source;
    *got = file->peeked_count < bytes ? file->peeked_count : bytes;
    memcpy(data, file->peeked, *got);
    memmove(file->peeked, file->peeked + *got, file->peeked_count - *got);
    file->peeked_count -= *got;
    while (*got < bytes) {
        HP_TRY(await_stream(file, error));
        ssize_t n = read(file->fd, (char *)data + *got, bytes - *got);
        if (n < 0 && errno == EINTR) continue;
        HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "cannot be read: %s", strerror(errno));
        if (n == 0) break;
        *got += (size_t)n;
    }
    return HP_OK;
}

static void close_file(hp_io_source *source) {
    file_source *file = (file_source *)source;
    if (file->owned) close(file->fd);
    hp_free(file);
}

/* Takes over `fd` if `owned`, on failure too. */
static hp_status source_of_fd(int fd, bool owned, hp_io_source **source, hp_error *error) {
    file_source *file = HP_NEW(file_source);
    if (!file) {
        if (owned) close(fd);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    *file = (file_source){.base = {.size = -1, .read = read_stream, .close = close_file}, .fd = fd, .owned = owned};
    struct stat info;
    const char *problem = NULL;
    if (fstat(fd, &info) != 0)
        problem = strerror(errno);
    else if (S_ISDIR(info.st_mode))
        problem = "it is a directory";
    if (problem) {
        close_file(&file->base);
        HP_FAIL(error, HP_ERROR_IO, NULL, "cannot be read: %s", problem);
    }
    off_t start = S_ISREG(info.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    /* Files of /proc say 0 bytes and hold more: they are streams. */
    if (start >= 0 && info.st_size > 0) {
        file->start = start;
        file->file_size = info.st_size;
        file->changed = info.st_mtim;
        file->base.size = info.st_size > start ? info.st_size - start : 0;
        file->base.read = read_regular;
        file->base.read_at = read_regular_at;
        file->base.rewind = rewind_regular;
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    *source = &file->base;
    return HP_OK;
}

hp_status hp_io_source_of_file(int fd, hp_io_source **source, hp_error *error) {
    *source = NULL;
    HP_FAIL_IF(lseek(fd, 0, SEEK_SET) < 0, error, HP_ERROR_IO, NULL, "cannot be read: %s", strerror(errno));
    return source_of_fd(fd, false, source, error);
}

hp_status hp_io_source_open(const char *path, hp_io_source **source, hp_error *error) {
    *source = NULL;
    if (!strcmp(path, "-")) return source_of_fd(STDIN_FILENO, false, source, error);
    int fd;
    do fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    HP_FAIL_IF(fd < 0, error, HP_ERROR_IO, NULL, "cannot be opened: %s", strerror(errno));
    return source_of_fd(fd, true, source, error);
}

hp_status hp_io_source_peek(hp_io_source *source, unsigned char bytes[8], size_t *got, hp_error *error) {
    if (source->read_at) return source->read_at(source, 0, bytes, 8, got, error);
    file_source *file = (file_source *)source;
    HP_TRY(read_stream(source, bytes, 8, got, error));
    memcpy(file->peeked, bytes, *got);
    file->peeked_count = *got;
    return HP_OK;
}

hp_status hp_io_source_skip(hp_io_source *source, int64_t bytes, int64_t *skipped, hp_error *error) {
    *skipped = 0;
    if (source->read == read_regular) {
        file_source *file = (file_source *)source;
        int64_t left = source->size - file->position;
        *skipped = bytes < left ? bytes : left;
        file->position += *skipped;
        return HP_OK;
    }
    char *block = hp_alloc_aligned(SPOOL_BLOCK);
    HP_ALLOCATED(block, error);
    hp_status status = HP_OK;
    size_t got = 1;
    while (status == HP_OK && *skipped < bytes && got > 0) {
        int64_t left = bytes - *skipped;
        status = source->read(source, block, left < SPOOL_BLOCK ? (size_t)left : SPOOL_BLOCK, &got, error);
        if (status == HP_OK) *skipped += (int64_t)got;
    }
    hp_free(block);
    return status;
}

/* The folder for a temporary file, into `path`, with room for a name of 20 bytes after it. */
static bool temporary_folder(const char *beside, char *path, size_t size) {
    const char *folder = beside ? beside : getenv("TMPDIR");
    size_t n = 0;
    if (beside) {
        const char *slash = strrchr(beside, '/');
        n = slash == beside ? 1 : slash ? (size_t)(slash - beside) : 0;
        if (n == 0) folder = ".";
    }
    if (!folder || !*folder) folder = "/tmp";
    if (n == 0) n = strlen(folder);
    if (n + 20 > size) return false;
    memcpy(path, folder, n);
    path[n] = '\0';
    return true;
}

hp_status hp_io_temporary_file(const char *beside, int *fd, hp_error *error) {
    char path[4096];
    *fd = -1;
    HP_FAIL_IF(!temporary_folder(beside, path, sizeof path), error, HP_ERROR_IO, NULL,
        "the path of the folder for temporary files is too long");
#ifdef O_TMPFILE
    *fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (*fd >= 0) return HP_OK;
#endif
    size_t n = strlen(path);
    memcpy(path + n, "/hornpipe-XXXXXX", 17);
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0) {
        int reason = errno;
        path[n] = '\0';
        HP_FAIL(error, HP_ERROR_IO, NULL, "no temporary file can be made in %s: %s", path, strerror(reason));
    }
    unlink(path);
    return HP_OK;
}

static hp_status copy_to_fd(hp_io_source *source, int fd, char *block, hp_error *error) {
    size_t got = SPOOL_BLOCK;
    while (got == SPOOL_BLOCK) {
        HP_TRY(source->read(source, block, SPOOL_BLOCK, &got, error));
        for (size_t done = 0; done < got;) {
            ssize_t n = write(fd, block + done, got - done);
            if (n < 0 && errno == EINTR) continue;
            HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "a temporary copy cannot be written: %s", strerror(errno));
            done += (size_t)n;
        }
    }
    HP_FAIL_IF(
        lseek(fd, 0, SEEK_SET) < 0, error, HP_ERROR_IO, NULL, "a temporary copy cannot be read: %s", strerror(errno));
    return HP_OK;
}

hp_status hp_io_source_spool(hp_io_source *source, hp_io_source **spooled, hp_error *error) {
    *spooled = NULL;
    int fd = -1;
    char *block = hp_alloc_aligned(SPOOL_BLOCK);
    hp_status status = HP_OK;
    if (!block) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (status == HP_OK) status = hp_io_temporary_file(NULL, &fd, error);
    if (status == HP_OK) status = copy_to_fd(source, fd, block, error);
    hp_free(block);
    source->close(source);
    if (status == HP_OK) return source_of_fd(fd, true, spooled, error);
    if (fd >= 0) close(fd);
    return status;
}
