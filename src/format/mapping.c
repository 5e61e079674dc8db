/* mapping.c: see mapping.h. */
#define _DEFAULT_SOURCE
#include "format/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static hp_status map(int file, const char *path, hp_mapping *mapping, hp_error *error) {
    struct stat about;
    HP_FAIL_IF(fstat(file, &about) != 0, error, HP_ERROR_IO, path, "cannot be read: %s", strerror(errno));
    HP_FAIL_IF(S_ISDIR(about.st_mode), error, HP_ERROR_IO, path, "is a directory; a file was expected");
    HP_FAIL_IF(!S_ISREG(about.st_mode), error, HP_ERROR_IO, path, "is not a regular file");
    HP_FAIL_IF((uintmax_t)about.st_size > SIZE_MAX / 2, error, HP_ERROR_IO, path, "is too large to be mapped");
    *mapping = (hp_mapping){.size = (size_t)about.st_size};
    if (mapping->size == 0) return HP_OK;
    void *data = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE, file, 0);
    HP_FAIL_IF(data == MAP_FAILED, error, HP_ERROR_IO, path, "cannot be mapped: %s", strerror(errno));
    mapping->data = data;
    return HP_OK;
}

hp_status hp_mapping_open(int directory, const char *path, bool follow, hp_mapping *mapping, hp_error *error) {
    /* O_NONBLOCK: a pipe under that name must not make us wait for its writer. */
    int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
    HP_FAIL_IF(
        file < 0 && errno == ELOOP && !follow, error, HP_ERROR_IO, path, "is a link; links are not followed here");
    HP_FAIL_IF(file < 0, error, HP_ERROR_IO, path, "cannot be opened: %s", strerror(errno));
    hp_status status = map(file, path, mapping, error);
    close(file);
    return status;
}

/* The mapping is private and never written: what is dropped is the file's own. */
void hp_mapping_forget(const hp_mapping *mapping) {
    if (mapping->data) madvise((void *)mapping->data, mapping->size, MADV_DONTNEED);
}

void hp_mapping_close(hp_mapping *mapping) {
    if (mapping->data) munmap((void *)mapping->data, mapping->size);
    *mapping = (hp_mapping){0};
}
