/* npz_reader.c: arrays in a .npz, which is a zip archive of .npy files, stored or deflated. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>
#include "io/npy_header.h"

enum { NAME_SIZE = 300 };

typedef struct member_source {
    hp_io_source base;
    zip_t *archive;
    zip_uint64_t index;
    zip_file_t *file;
} member_source;

static hp_status fail_member(const member_source *member, hp_error *error) {
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "its member \"%s\" cannot be read: %s",
        zip_get_name(member->archive, member->index, 0),
        member->file ? zip_file_strerror(member->file) : zip_strerror(member->archive));
}

static hp_status read_member(hp_io_source *source, void *data, size_t bytes, size_t *got, hp_error *error) {
    member_source *member = (member_source *)source;
    *got = 0;
    while (*got < bytes) {
        zip_int64_t n = zip_fread(member->file, (char *)data + *got, bytes - *got);
        if (n < 0) return fail_member(member, error);
        if (n == 0) break;
        *got += (size_t)n;
    }
    return HP_OK;
}

static hp_status rewind_member(hp_io_source *source, hp_error *error) {
    member_source *member = (member_source *)source;
    if (member->file) zip_fclose(member->file);
    member->file = zip_fopen_index(member->archive, member->index, 0);
    return member->file ? HP_OK : fail_member(member, error);
}

static void close_member(hp_io_source *source) {
    member_source *member = (member_source *)source;
    if (member->file) zip_fclose(member->file);
    zip_discard(member->archive);
    hp_free(member);
}

static hp_status open_archive(const char *path, zip_t **archive, hp_error *error) {
    int code;
    HP_FAIL_IF(!strcmp(path, "-"), error, HP_ERROR_ARGUMENT, NULL,
        "a .npz cannot be read from standard input: its list of members is at its end");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    HP_FAIL_IF(fd < 0, error, HP_ERROR_IO, NULL, "cannot be opened: %s", strerror(errno));
    *archive = zip_fdopen(fd, 0, &code);
    if (*archive) return HP_OK;
    close(fd);
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    hp_error_set(error, HP_ERROR_FORMAT, NULL, "it cannot be opened as a .npz: %s", zip_error_strerror(&reason));
    zip_error_fini(&reason);
    return HP_ERROR_FORMAT;
}

/* Bytes of a member's name without ".npy"; 0 for members that are no arrays. */
static size_t array_name(zip_t *archive, zip_int64_t index, const char **name) {
    *name = zip_get_name(archive, (zip_uint64_t)index, 0);
    size_t n = *name ? strlen(*name) : 0;
    return n > 4 && !strcmp(*name + n - 4, ".npy") ? n - 4 : 0;
}

static hp_status list_arrays(
    zip_t *archive, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    const char **made = hp_arena_alloc(arena, (size_t)entries * sizeof *made), *name;
    HP_ALLOCATED(made, error);
    *count = 0;
    for (zip_int64_t i = 0; i < entries; i++) {
        size_t n = array_name(archive, i, &name);
        if (n == 0) continue;
        char *copy = hp_arena_alloc(arena, n + 1);
        HP_ALLOCATED(copy, error);
        memcpy(copy, name, n);
        made[(*count)++] = copy;
    }
    *names = made;
    return HP_OK;
}

hp_status hp_io_npz_members(
    const char *path, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    zip_t *archive;
    HP_TRY(open_archive(path, &archive, error));
    hp_status status = list_arrays(archive, arena, names, count, error);
    zip_discard(archive);
    return status;
}

/* Index of the array called `wanted`, or of the only one. */
static hp_status find_array(zip_t *archive, const char *wanted, zip_int64_t *index, hp_error *error) {
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    int found = 0;
    char known[300] = "";
    size_t used = 0;
    if (wanted && *wanted == '/') wanted++;
    for (zip_int64_t i = 0; i < entries; i++) {
        const char *name;
        size_t n = array_name(archive, i, &name);
        bool match = n > 0 && (!wanted || (strlen(wanted) == n && !memcmp(name, wanted, n)) || !strcmp(name, wanted));
        if (match) *index = i;
        found += match;
        if (n > 0 && used + 80 < sizeof known)
            used += (size_t)snprintf(
                known + used, sizeof known - used, "%s\"%.*s\"", used ? ", " : "", n > 60 ? 60 : (int)n, name);
    }
    HP_FAIL_IF(!*known, error, HP_ERROR_FORMAT, NULL, "it holds no arrays");
    HP_FAIL_IF(
        wanted && !found, error, HP_ERROR_ARGUMENT, NULL, "it holds no array \"%s\"; it holds %s", wanted, known);
    HP_FAIL_IF(!wanted && found > 1, error, HP_ERROR_ARGUMENT, NULL,
        "it holds several arrays; name one (FILE.npz:/NAME): %s", known);
    return HP_OK;
}

static bool has_array(zip_t *archive, const char *name) {
    char member[NAME_SIZE + 8];
    snprintf(member, sizeof member, "%s.npy", name);
    return zip_name_locate(archive, member, 0) >= 0;
}

/* Whether the array looked for is there as NAME_values and NAME_offsets, or, where none is named, as values and offsets:
 * then their names. */
static bool is_ragged(zip_t *archive, const char *wanted, char values[NAME_SIZE], char offsets[NAME_SIZE]) {
    if (wanted && *wanted == '/') wanted++;
    const char *name = wanted ? wanted : "", *joint = wanted ? "_" : "";
    if (wanted && has_array(archive, wanted)) return false;
    if (snprintf(values, NAME_SIZE, "%s%svalues", name, joint) >= NAME_SIZE ||
        snprintf(offsets, NAME_SIZE, "%s%soffsets", name, joint) >= NAME_SIZE)
        return false;
    return has_array(archive, values) && has_array(archive, offsets);
}

/* Takes over `archive`, on failure too. */
static hp_status open_member(zip_t *archive, zip_uint64_t index, hp_io_source **source, hp_error *error) {
    member_source *member = HP_NEW(member_source);
    if (!member) {
        zip_discard(archive);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    *member = (member_source){.base = {.size = -1, .read = read_member, .rewind = rewind_member, .close = close_member},
        .archive = archive,
        .index = index};
    zip_stat_t info;
    if (zip_stat_index(archive, index, 0, &info) == 0 && (info.valid & ZIP_STAT_SIZE) && info.size <= INT64_MAX)
        member->base.size = (int64_t)info.size;
    hp_status status = rewind_member(&member->base, error);
    if (status == HP_OK)
        *source = &member->base;
    else
        close_member(&member->base);
    return status;
}

hp_status hp_io_npz_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    (void)options;
    zip_t *archive;
    zip_int64_t index = -1;
    char values[NAME_SIZE], offsets[NAME_SIZE];
    HP_TRY(open_archive(place->path, &archive, error));
    if (is_ragged(archive, place->dataset, values, offsets)) {
        zip_discard(archive);
        return hp_io_ragged_open_reader(place, values, offsets, reader, error);
    }
    hp_status status = find_array(archive, place->dataset, &index, error);
    if (status != HP_OK) {
        zip_discard(archive);
        return status;
    }
    hp_io_source *source = NULL;
    HP_TRY(open_member(archive, (zip_uint64_t)index, &source, error));
    return hp_io_npy_open_source(place, source, reader, error);
}
