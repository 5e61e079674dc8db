/* driver.c: replays files and folders of files through a target, where there is no fuzzer to do it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "fuzz.h"

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return perror(path), 1;
    uint8_t *bytes = NULL;
    size_t size = 0;
    for (size_t room = 1 << 16;; room *= 2) {
        uint8_t *grown = realloc(bytes, room);
        if (!grown) break;
        bytes = grown;
        size += fread(bytes + size, 1, room - size, file);
        if (size < room) break;
    }
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees the end */
    if (exact) memcpy(exact, bytes, size), LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(bytes);
    return 0;
}

static int replay(const char *path, int depth) {
    struct stat about;
    if (stat(path, &about) != 0) return perror(path), 1;
    if (!S_ISDIR(about.st_mode)) return replay_file(path);
    DIR *folder = opendir(path);
    if (!folder || depth > 8) return perror(path), 1;
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char inner[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        failed |= replay(inner, depth + 1);
    }
    closedir(folder);
    return failed;
}

int main(int count, char **paths) {
    int failed = 0;
    for (int i = 1; i < count; i++) failed |= replay(paths[i], 0);
    return failed;
}
