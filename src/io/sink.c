/* sink.c: partial files, streams and temporary files; see sink.h. */
#define _GNU_SOURCE
#include "io/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "io/source.h"

enum { GATHER = 128 << 10, OPEN_TRIES = 100, LOCK_WAITS = 200, LOCK_WAIT = 10000 /* microseconds */ };

struct hp_io_sink {
    int fd;
    bool owned;     /* fd is closed with the sink */
    bool is_file;   /* can be rewritten */
    bool exclusive; /* never replaces */
    bool durable;   /* the new name is synced too */
    bool keep;      /* the partial file stays */
    char *target;   /* NULL: a stream or temporary file */
    char *partial;  /* NULL as well; freed and NULL once renamed */
    size_t gathered;
    char *gather; /* GATHER bytes */
};

static hp_status write_fully(int fd, const char *data, size_t bytes, hp_error *error) {
    while (bytes > 0) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR) continue;
        HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "cannot be written: %s", strerror(errno));
        data += n;
        bytes -= (size_t)n;
    }
    return HP_OK;
}

/* Keeps other processes and other sinks of this one off the partial file, until fd is closed. Locks of open file
 * descriptions, unlike flock's, do not meet those that libhdf5 takes. */
static bool lock_file(int fd) {
#ifdef F_OFD_SETLK
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
#else
    (void)fd;
    return true;
#endif
}

/* Brings the partial file to the state that it is to have at first: empty, or what the mark counts. */
static hp_status start_partial(hp_io_sink *sink, const struct stat *info, const hp_io_mark *resume, hp_error *error) {
    int64_t bytes = !resume ? 0 : resume->bytes < 0 ? (int64_t)info->st_size : resume->bytes;
    HP_FAIL_IF(bytes > info->st_size, error, HP_ERROR_FORMAT, NULL,
        "the partial file %s has %lld bytes, and %lld were written: it cannot be resumed", sink->partial,
        (long long)info->st_size, (long long)bytes);
    HP_FAIL_IF(!S_ISREG(info->st_mode) || ftruncate(sink->fd, (off_t)bytes) != 0 ||
                   lseek(sink->fd, (off_t)bytes, SEEK_SET) < 0,
        error, HP_ERROR_IO, NULL, "the partial file %s cannot be %s", sink->partial, resume ? "continued" : "emptied");
    return HP_OK;
}

/* Opens and locks the partial file. Another run may rename or remove it between the two: then it is tried again. */
static hp_status open_partial(hp_io_sink *sink, const hp_io_mark *resume, hp_error *error) {
    for (int i = 0; i < OPEN_TRIES; i++) {
        sink->fd = open(sink->partial, O_RDWR | (resume ? 0 : O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0666);
        HP_FAIL_IF(sink->fd < 0, error, HP_ERROR_IO, NULL, "the partial file %s cannot be %s: %s", sink->partial,
            resume ? "opened" : "created", strerror(errno));
        sink->owned = true;
        bool locked = lock_file(sink->fd);
        /* worker processes of a run that was killed just now are about to end, and hold the lock until then */
        for (int wait = 0; !locked && resume && wait < LOCK_WAITS; wait++) {
            usleep(LOCK_WAIT);
            locked = lock_file(sink->fd);
        }
        HP_FAIL_IF(!locked, error, HP_ERROR_IO, NULL, "another run is writing it (%s is locked)", sink->partial);
        struct stat by_fd, by_path;
        if (fstat(sink->fd, &by_fd) == 0 && stat(sink->partial, &by_path) == 0 && by_fd.st_ino == by_path.st_ino &&
            by_fd.st_dev == by_path.st_dev)
            return start_partial(sink, &by_fd, resume, error);
        close(sink->fd);
        sink->owned = false;
    }
    HP_FAIL(error, HP_ERROR_IO, NULL, "the partial file %s keeps disappearing", sink->partial);
}

/* The file that `path` will name: at the end of links, where they lead to none yet. NULL, and errno: no memory, or they go
 * round. */
static char *file_to_be(const char *path) {
    enum { MOST_LINKS = 40 };
    char *now = hp_strdup(path), link[PATH_MAX];
    for (int i = 0; now && i < MOST_LINKS; i++) {
        ssize_t n = readlink(now, link, sizeof link);
        if (n < 0) return now;
        const char *slash = strrchr(now, '/');
        size_t folder = slash && link[0] != '/' ? (size_t)(slash - now) + 1 : 0;
        char *next = hp_alloc_array(folder + (size_t)n + 1, 1);
        if (next) {
            memcpy(next, now, folder);
            memcpy(next + folder, link, (size_t)n);
            next[folder + (size_t)n] = '\0';
        }
        hp_free(now);
        now = next;
    }
    if (now) errno = ELOOP;
    hp_free(now);
    return NULL;
}

static hp_status open_target(hp_io_sink *sink, const char *path, const hp_io_mark *resume, hp_error *error) {
    struct stat info;
    bool exists = stat(path, &info) == 0;
    HP_FAIL_IF(exists && S_ISDIR(info.st_mode), error, HP_ERROR_IO, NULL, "it is a directory");
    if (exists && !S_ISREG(info.st_mode)) {
        do sink->fd = open(path, O_WRONLY | O_CLOEXEC);
        while (sink->fd < 0 && errno == EINTR);
        HP_FAIL_IF(sink->fd < 0, error, HP_ERROR_IO, NULL, "cannot be opened: %s", strerror(errno));
        sink->owned = true;
        return HP_OK;
    }
    HP_FAIL_IF(exists && sink->exclusive, error, HP_ERROR_IO, NULL, "it exists already; predict --force replaces it");
    char *resolved = exists ? realpath(path, NULL) : NULL; /* a link stays a link to the new file */
    sink->target = resolved ? hp_strdup(resolved) : file_to_be(path);
    free(resolved);
    HP_FAIL_IF(!sink->target, error, HP_ERROR_IO, NULL, "cannot be found: %s", strerror(errno));
    size_t size = strlen(sink->target) + sizeof ".partial";
    char *partial = hp_alloc_array(size, 1);
    HP_ALLOCATED(partial, error);
    snprintf(partial, size, "%s.partial", sink->target);
    sink->partial = partial;
    HP_TRY(open_partial(sink, resume, error));
    sink->is_file = true;
    if (exists && fchmod(sink->fd, info.st_mode & 07777) != 0) return HP_OK; /* keeps the mode where it can */
    return HP_OK;
}

bool hp_io_is_finished(const char *path) {
    size_t n = hp_io_path_length(path), size = n + sizeof ".partial";
    char *file = hp_alloc_array(size, 1);
    if (!file) return false;
    memcpy(file, path, n);
    char *resolved = realpath(file, NULL);
    size_t partial_size = (resolved ? strlen(resolved) : 0) + sizeof ".partial";
    char *partial = resolved ? hp_alloc_array(partial_size, 1) : NULL;
    if (partial) snprintf(partial, partial_size, "%s.partial", resolved);
    bool finished = partial && access(partial, F_OK) != 0;
    free(resolved);
    hp_free(partial);
    hp_free(file);
    return finished;
}

/* 1: a regular file, 0: something else, -1: nothing is there. */
static int stat_path(const char *path, struct stat *info) {
    size_t n = hp_io_path_length(path);
    char *file = hp_alloc_array(n + 1, 1);
    if (!file) return 0;
    memcpy(file, path, n);
    int found = stat(file, info) != 0 ? -1 : S_ISREG(info->st_mode);
    hp_free(file);
    return strcmp(path, "-") != 0 ? found : 0;
}

bool hp_io_same_file(const char *a, const char *b) {
    struct stat one, other;
    int found = stat_path(a, &one);
    if (found == 0 || stat_path(b, &other) != found) return false;
    if (found == 1) return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
    size_t n = hp_io_path_length(a);
    return n == hp_io_path_length(b) && !strncmp(a, b, n);
}

static hp_io_sink *new_sink(void) {
    hp_io_sink *sink = HP_NEW(hp_io_sink);
    if (!sink) return NULL;
    sink->fd = -1;
    sink->gather = hp_alloc_aligned(GATHER);
    if (sink->gather) return sink;
    hp_free(sink);
    return NULL;
}

hp_status hp_io_sink_open(const char *path, const hp_io_writer_options *options, hp_io_sink **sink, hp_error *error) {
    hp_io_sink *made = new_sink();
    *sink = NULL;
    HP_ALLOCATED(made, error);
    made->exclusive = options->exclusive;
    made->durable = options->durable;
    hp_status status = HP_OK;
    if (!strcmp(path, "-"))
        made->fd = STDOUT_FILENO;
    else
        status = open_target(made, path, options->resume, error);
    if (status == HP_OK) {
        *sink = made;
        return HP_OK;
    }
    if (!made->is_file) { /* not ours: locked by another run, not there, or kept for a run that can resume it */
        hp_free(made->partial);
        made->partial = NULL;
    }
    hp_io_sink_close(made);
    return status;
}

hp_status hp_io_sink_open_temporary(const hp_io_sink *target, hp_io_sink **sink, hp_error *error) {
    hp_io_sink *made = new_sink();
    *sink = NULL;
    HP_ALLOCATED(made, error);
    hp_status status = hp_io_temporary_file(target->target, &made->fd, error);
    if (status != HP_OK) {
        hp_io_sink_close(made);
        return status;
    }
    made->owned = made->is_file = true;
    *sink = made;
    return HP_OK;
}

bool hp_io_sink_is_file(const hp_io_sink *sink) {
    return sink->is_file;
}

const char *hp_io_sink_partial_path(const hp_io_sink *sink) {
    return sink->partial;
}

const char *hp_io_sink_target_path(const hp_io_sink *sink) {
    return sink->target;
}

int hp_io_sink_fd(hp_io_sink *sink) {
    return sink->fd;
}

hp_status hp_io_sink_flush(hp_io_sink *sink, hp_error *error) {
    size_t bytes = sink->gathered;
    sink->gathered = 0;
    return write_fully(sink->fd, sink->gather, bytes, error);
}

hp_status hp_io_sink_write(hp_io_sink *sink, const void *data, size_t bytes, hp_error *error) {
    if (bytes == 0) return HP_OK;
    if (bytes > GATHER - sink->gathered) HP_TRY(hp_io_sink_flush(sink, error));
    if (bytes >= GATHER) return write_fully(sink->fd, data, bytes, error);
    memcpy(sink->gather + sink->gathered, data, bytes);
    sink->gathered += bytes;
    return HP_OK;
}

hp_status hp_io_sink_rewrite(hp_io_sink *sink, int64_t offset, const void *data, size_t bytes, hp_error *error) {
    HP_TRY(hp_io_sink_flush(sink, error));
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pwrite(sink->fd, (const char *)data + done, bytes - done, (off_t)offset + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "cannot be written: %s", strerror(errno));
        done += (size_t)n;
    }
    return HP_OK;
}

hp_status hp_io_sink_copy(hp_io_sink *sink, hp_io_sink *from, int64_t offset, hp_error *error) {
    HP_TRY(hp_io_sink_flush(from, error));
    HP_TRY(hp_io_sink_flush(sink, error));
    for (ssize_t n = 1; n != 0;) {
        n = pread(from->fd, sink->gather, GATHER, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        HP_FAIL_IF(n < 0, error, HP_ERROR_IO, NULL, "a temporary file cannot be read: %s", strerror(errno));
        HP_TRY(write_fully(sink->fd, sink->gather, (size_t)n, error));
        offset += n;
    }
    return HP_OK;
}

hp_status hp_io_sink_reread(hp_io_sink *sink, hp_io_source **source, hp_error *error) {
    HP_TRY(hp_io_sink_flush(sink, error));
    return hp_io_source_of_file(sink->fd, source, error);
}

/* Makes the new name last through a power cut. Best effort: the file itself is whole in any case. */
void hp_io_sync_folder(const char *path) {
    char *folder = hp_strdup(path);
    if (!folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    hp_free(folder);
}

static hp_status rename_partial(hp_io_sink *sink, hp_error *error) {
    if (sink->exclusive) {
        bool linked = link(sink->partial, sink->target) == 0;
        HP_FAIL_IF(!linked && errno == EEXIST, error, HP_ERROR_IO, NULL,
            "it was made by another program meanwhile, and is kept");
        if (linked) {
            unlink(sink->partial);
            return HP_OK;
        }
    }
    HP_FAIL_IF(rename(sink->partial, sink->target) != 0, error, HP_ERROR_IO, NULL,
        "the partial file %s cannot be renamed: %s", sink->partial, strerror(errno));
    return HP_OK;
}

/* Some file systems cannot sync; that is no failure. */
static hp_status sync_file(const hp_io_sink *sink, hp_error *error) {
    HP_FAIL_IF(fsync(sink->fd) != 0 && errno != EINVAL && errno != ENOSYS, error, HP_ERROR_IO, NULL,
        "cannot be written: %s", strerror(errno));
    return HP_OK;
}

hp_status hp_io_sink_sync(hp_io_sink *sink, int64_t *bytes, hp_error *error) {
    HP_TRY(hp_io_sink_flush(sink, error));
    HP_TRY(sync_file(sink, error));
    *bytes = (int64_t)lseek(sink->fd, 0, SEEK_CUR);
    return HP_OK;
}

void hp_io_sink_keep(hp_io_sink *sink) {
    sink->keep = true;
}

hp_status hp_io_sink_commit(hp_io_sink *sink, hp_error *error) {
    HP_TRY(hp_io_sink_flush(sink, error));
    if (!sink->partial) return HP_OK;
    /* First the contents, then the name: the other way round, a power cut could leave the name with no contents. */
    HP_TRY(sync_file(sink, error));
    HP_TRY(rename_partial(sink, error));
    if (sink->durable) hp_io_sync_folder(sink->target);
    hp_free(sink->partial);
    sink->partial = NULL;
    return HP_OK;
}

void hp_io_sink_close(hp_io_sink *sink) {
    if (!sink) return;
    if (sink->partial && !sink->keep) unlink(sink->partial);
    if (sink->owned) close(sink->fd);
    hp_free(sink->partial);
    hp_free(sink->target);
    hp_free(sink->gather);
    hp_free(sink);
}
