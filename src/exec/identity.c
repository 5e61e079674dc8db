/* identity.c: see identity.h. */
#define _GNU_SOURCE
#include "exec/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "prims/fingerprint.h"

enum { BLOCK = 1 << 20, SAMPLE = 64 << 10, SAMPLES = 16 };

/* ---- the build */

typedef struct code_hash {
    uintptr_t inside; /* an address in the object looked for */
    uint64_t hash;
} code_hash;

static int hash_code(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    code_hash *found = data;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || !(segment->p_flags & PF_R)) continue;
        if (found->inside < begin || found->inside >= begin + segment->p_filesz) continue;
        found->hash = hp_fingerprint64((const char *)begin, segment->p_filesz);
        return 1;
    }
    return 0;
}

uint64_t hp_build_identity(void) {
    code_hash found = {.inside = (uintptr_t)hp_build_identity};
    dl_iterate_phdr(hash_code, &found);
    return found.hash;
}

/* ---- files */

static hp_status fail(const char *path, hp_error *error) {
    HP_FAIL(error, HP_ERROR_IO, path, "cannot be read: %s", strerror(errno));
}

/* Adds `bytes` bytes from `offset` on, or what there is. */
static hp_status add_block(
    int fd, const char *path, char *block, int64_t offset, size_t bytes, size_t *got, uint64_t *hash, hp_error *error) {
    *got = 0;
    while (*got < bytes) {
        ssize_t n = pread(fd, block + *got, bytes - *got, (off_t)offset + (off_t)*got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(path, error);
        if (n == 0) break;
        *got += (size_t)n;
    }
    *hash = hp_fingerprint_join(*hash, hp_fingerprint64(block, *got));
    return HP_OK;
}

static hp_status open_file(const char *path, int *fd, int64_t *size, char **block, hp_error *error) {
    struct stat info;
    *block = NULL;
    do *fd = open(path, O_RDONLY | O_CLOEXEC);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0) return fail(path, error);
    if (fstat(*fd, &info) == 0 && (*block = hp_alloc_aligned(BLOCK))) {
        *size = (int64_t)info.st_size;
        return HP_OK;
    }
    hp_status status = *block ? fail(path, error) : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    close(*fd);
    return status;
}

static hp_status hash_file(const char *path, uint64_t *hash, hp_error *error) {
    int fd;
    int64_t size, offset = 0;
    char *block;
    HP_TRY(open_file(path, &fd, &size, &block, error));
    hp_status status = HP_OK;
    for (size_t got = BLOCK; status == HP_OK && got == BLOCK; offset += BLOCK)
        status = add_block(fd, path, block, offset, BLOCK, &got, hash, error);
    hp_free(block);
    close(fd);
    return status;
}

static hp_status hash_folder(const char *path, uint64_t *hash, hp_error *error) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) return fail(path, error);
    hp_status status = HP_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t size = strlen(path) + strlen(name) + 2;
        char *full = name[0] == '.' || status != HP_OK ? NULL : hp_alloc_array(size, 1);
        struct stat info;
        if (full) {
            snprintf(full, size, "%s/%s", path, name);
            *hash = hp_fingerprint_join(*hash, hp_fingerprint64(name, strlen(name)));
            if (lstat(full, &info) == 0 && S_ISREG(info.st_mode)) status = hash_file(full, hash, error);
            if (S_ISDIR(info.st_mode)) status = hash_folder(full, hash, error);
        }
        hp_free(full);
        free(entries[i]);
    }
    free(entries);
    return status;
}

hp_status hp_content_identity(const char *path, uint64_t *identity, hp_error *error) {
    struct stat info;
    *identity = 0;
    if (stat(path, &info) != 0) return fail(path, error);
    return S_ISDIR(info.st_mode) ? hash_folder(path, identity, error) : hash_file(path, identity, error);
}

hp_status hp_sampled_identity(const char *path, uint64_t *identity, hp_error *error) {
    int fd;
    int64_t size;
    char *block;
    size_t got;
    *identity = 0;
    HP_TRY(open_file(path, &fd, &size, &block, error));
    hp_status status = HP_OK;
    int64_t last = size > SAMPLE ? size - SAMPLE : 0;
    for (int64_t i = 0; i < SAMPLES && status == HP_OK; i++)
        status = add_block(fd, path, block, last / (SAMPLES - 1) * i + last % (SAMPLES - 1) * i / (SAMPLES - 1), SAMPLE,
            &got, identity, error);
    hp_free(block);
    close(fd);
    return status;
}
