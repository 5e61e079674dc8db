/* archive.c: see archive.h. libzip lists, inflates and checks; where a stored member lies is read from the central
 * directory here, since libzip does not tell, and compared with what libzip reads. */
#include "format/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include "base/memory.h"

enum {
    MAX_MEMBERS = 1 << 20,
    MAX_EXPANSION = 100,    /* deflate reaches 1032, but no model does over its whole size */
    SMALL = 64 * (1 << 20), /* bytes that may be inflated whatever the expansion */
    PIECE = 1 << 16
};

typedef struct member {
    const char *name;
    size_t index;      /* in the archive */
    const void *bytes; /* once read */
    size_t size, packed_size;
    unsigned method;
    bool owned; /* bytes were inflated */
} member;

struct hp_archive {
    zip_t *zip;
    const unsigned char *data;
    size_t size;
    member *members; /* sorted by name */
    size_t count;
    size_t inflated; /* bytes so far, over all members */
};

bool hp_archive_is(const void *data, size_t size) {
    return size >= 4 && (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "PK\5\6", 4) == 0);
}

static size_t get16(const unsigned char *p) {
    return p[0] | (size_t)p[1] << 8;
}
static size_t get32(const unsigned char *p) {
    return get16(p) | get16(p + 2) << 16;
}
static uint64_t get64(const unsigned char *p) {
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* A piece of the file; NULL when it does not lie inside. */
static const unsigned char *piece(const hp_archive *archive, uint64_t at, uint64_t size) {
    if (at > archive->size || size > archive->size - at) return NULL;
    return archive->data + at;
}

/* Where the central directory begins; UINT64_MAX when it cannot be found. */
static uint64_t find_directory(const hp_archive *archive) {
    size_t lowest = archive->size > 22 + 65535 ? archive->size - 22 - 65535 : 0;
    if (archive->size < 22) return UINT64_MAX;
    for (size_t at = archive->size - 22;; at--) {
        const unsigned char *end = archive->data + at;
        if (memcmp(end, "PK\5\6", 4) == 0 && get16(end + 20) == archive->size - at - 22) {
            if (get32(end + 16) != 0xFFFFFFFF) return get32(end + 16);
            const unsigned char *locator = at >= 20 ? piece(archive, at - 20, 20) : NULL;
            if (!locator || memcmp(locator, "PK\6\7", 4) != 0) return UINT64_MAX;
            const unsigned char *end64 = piece(archive, get64(locator + 8), 56);
            return end64 && memcmp(end64, "PK\6\6", 4) == 0 ? get64(end64 + 48) : UINT64_MAX;
        }
        if (at == lowest) return UINT64_MAX;
    }
}

/* The local header's offset of a central entry: its own field, or that of the zip64 extra field. */
static uint64_t local_offset(const unsigned char *entry) {
    uint64_t offset = get32(entry + 42);
    if (offset != 0xFFFFFFFF) return offset;
    const unsigned char *extra = entry + 46 + get16(entry + 28), *end = extra + get16(entry + 30);
    while (end - extra >= 4) {
        size_t id = get16(extra), size = get16(extra + 2);
        extra += 4;
        if ((size_t)(end - extra) < size) break;
        size_t skip = (get32(entry + 24) == 0xFFFFFFFF ? 8u : 0u) + (get32(entry + 20) == 0xFFFFFFFF ? 8u : 0u);
        if (id == 1 && size >= skip + 8) return get64(extra + skip);
        extra += size;
    }
    return UINT64_MAX;
}

/* The bytes of the stored member number `index`; NULL when they cannot be found. */
static const unsigned char *locate(const hp_archive *archive, const member *m) {
    uint64_t at = find_directory(archive);
    for (size_t i = 0; at != UINT64_MAX; i++) {
        const unsigned char *entry = piece(archive, at, 46);
        if (!entry || memcmp(entry, "PK\1\2", 4) != 0) return NULL;
        uint64_t length = 46 + get16(entry + 28) + get16(entry + 30) + get16(entry + 32);
        if (!piece(archive, at, length)) return NULL;
        at += length;
        if (i < m->index) continue;
        uint64_t offset = local_offset(entry);
        const unsigned char *local = piece(archive, offset, 30);
        if (!local || memcmp(local, "PK\3\4", 4) != 0) return NULL;
        return piece(archive, offset + 30 + get16(local + 26) + get16(local + 28), m->size);
    }
    return NULL;
}

static bool leaves_archive(const char *name) {
    if (!*name || *name == '/' || strchr(name, '\\') || strchr(name, ':')) return true;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return true;
    }
    return false;
}

static hp_status add_member(hp_archive *archive, size_t index, hp_error *error) {
    zip_stat_t about;
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    HP_FAIL_IF(zip_stat_index(archive->zip, index, 0, &about) != 0 || (about.valid & wanted) != wanted, error,
        HP_ERROR_FORMAT, NULL, "member %zu of the archive cannot be read: %s", index, zip_strerror(archive->zip));
    HP_FAIL_IF(leaves_archive(about.name), error, HP_ERROR_FORMAT, NULL,
        "the archive has a member \"%s\", whose name leads out of it", about.name);
    zip_file_get_external_attributes(archive->zip, index, 0, &system, &attributes);
    HP_FAIL_IF(system == ZIP_OPSYS_UNIX && (attributes >> 16 & 0170000) == 0120000, error, HP_ERROR_FORMAT, NULL,
        "the archive's member \"%s\" is a link", about.name);
    HP_FAIL_IF(about.size > SIZE_MAX / 2 || about.comp_size > archive->size, error, HP_ERROR_FORMAT, NULL,
        "the archive's member \"%s\" says it has %llu bytes, more than the file", about.name,
        (unsigned long long)about.comp_size);
    archive->members[archive->count++] = (member){.name = about.name,
        .index = index,
        .size = (size_t)about.size,
        .packed_size = (size_t)about.comp_size,
        .method = about.comp_method};
    return HP_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const member *)a)->name, ((const member *)b)->name);
}

static hp_status add_members(hp_archive *archive, hp_error *error) {
    zip_int64_t count = zip_get_num_entries(archive->zip, 0);
    HP_FAIL_IF(count < 0 || count > MAX_MEMBERS, error, HP_ERROR_FORMAT, NULL, "the archive has %lld members",
        (long long)count);
    archive->members = hp_alloc_array((size_t)count, sizeof *archive->members);
    HP_ALLOCATED(archive->members, error);
    for (size_t i = 0; i < (size_t)count; i++) HP_TRY(add_member(archive, i, error));
    qsort(archive->members, archive->count, sizeof *archive->members, by_name);
    for (size_t i = 1; i < archive->count; i++)
        HP_FAIL_IF(by_name(&archive->members[i - 1], &archive->members[i]) == 0, error, HP_ERROR_FORMAT, NULL,
            "the archive has two members \"%s\"", archive->members[i].name);
    return HP_OK;
}

hp_status hp_archive_open(const void *data, size_t size, hp_archive **result, hp_error *error) {
    zip_error_t problem;
    hp_archive *archive = HP_NEW(hp_archive);
    HP_ALLOCATED(archive, error);
    archive->data = data;
    archive->size = size;
    zip_error_init(&problem);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, &problem);
    archive->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &problem) : NULL;
    hp_status status = HP_OK;
    if (!archive->zip) {
        status =
            hp_error_set(error, HP_ERROR_FORMAT, NULL, "not a whole zip archive: %s", zip_error_strerror(&problem));
        if (source) zip_source_free(source);
    }
    zip_error_fini(&problem);
    if (status == HP_OK) status = add_members(archive, error);
    if (status == HP_OK)
        *result = archive;
    else
        hp_archive_close(archive);
    return status;
}

void hp_archive_close(hp_archive *archive) {
    if (!archive) return;
    for (size_t i = 0; i < archive->count; i++)
        if (archive->members[i].owned) hp_free((void *)archive->members[i].bytes);
    hp_free(archive->members);
    if (archive->zip) zip_discard(archive->zip);
    hp_free(archive);
}

size_t hp_archive_count(const hp_archive *archive) {
    return archive->count;
}

const char *hp_archive_name(const hp_archive *archive, size_t index) {
    return archive->members[index].name;
}

int64_t hp_archive_find(const hp_archive *archive, const char *name) {
    if (archive->count == 0) return -1;
    member key = {.name = name};
    const member *found = bsearch(&key, archive->members, archive->count, sizeof key, by_name);
    return found ? found - archive->members : -1;
}

/* Reads the member through libzip, which checks its checksum at the end, and compares it with `stored` or, where that
 * is NULL, writes it to `room`. */
static bool read_through(zip_file_t *file, const unsigned char *stored, unsigned char *room, size_t size) {
    unsigned char buffer[PIECE];
    size_t done = 0;
    for (;;) {
        zip_int64_t n = zip_fread(file, buffer, sizeof buffer);
        if (n < 0 || (size_t)n > size - done) return false;
        if (n == 0) return done == size;
        if (stored && memcmp(stored + done, buffer, (size_t)n) != 0) return false;
        if (!stored) memcpy(room + done, buffer, (size_t)n);
        done += (size_t)n;
    }
}

static hp_status read_member(hp_archive *archive, member *m, hp_error *error) {
    bool in_place = m->method == ZIP_CM_STORE;
    HP_FAIL_IF(!in_place && m->size > SMALL && m->size / MAX_EXPANSION > m->packed_size, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes, but only %zu are stored", m->size, m->packed_size);
    HP_FAIL_IF(in_place && m->size != m->packed_size, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes, but %zu are stored", m->size, m->packed_size);
    if (!in_place) archive->inflated += m->size < SIZE_MAX - archive->inflated ? m->size : 0;
    HP_FAIL_IF(archive->inflated > SMALL && archive->inflated / MAX_EXPANSION > archive->size, error, HP_ERROR_FORMAT,
        NULL, "the archive's members have %zu bytes together, the file %zu", archive->inflated, archive->size);
    const unsigned char *stored = in_place ? locate(archive, m) : NULL;
    unsigned char *room = stored ? NULL : hp_alloc_aligned(m->size);
    HP_FAIL_IF(!stored && !room, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    zip_file_t *file = zip_fopen_index(archive->zip, m->index, 0);
    bool good = file && read_through(file, stored, room, m->size);
    hp_status status = HP_OK;
    if (!good) {
        const char *said = file ? zip_file_strerror(file) : zip_strerror(archive->zip);
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "this part of the archive is damaged: %s", said);
    }
    if (file) zip_fclose(file);
    if (!good) {
        hp_free(room);
        return status;
    }
    m->bytes = stored ? stored : room;
    m->owned = room != NULL;
    return HP_OK;
}

hp_status hp_archive_read(hp_archive *archive, size_t index, const void **bytes, size_t *size, hp_error *error) {
    member *m = &archive->members[index];
    hp_status status = m->bytes ? HP_OK : read_member(archive, m, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", m->name);
        return status;
    }
    *bytes = m->bytes;
    *size = m->size;
    return HP_OK;
}
