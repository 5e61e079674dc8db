/* hdf5_file.c: superblock, bounds-checked reading, object headers. */
#include "format/hdf5_file.h"

#include <string.h>

static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};

/* Where the superblock is: at 0, or at 512 and its doubles; SIZE_MAX when nowhere. */
static size_t find_superblock(const unsigned char *data, size_t size) {
    if (size < 8) return SIZE_MAX;
    if (memcmp(data, signature, 8) == 0) return 0;
    for (size_t at = 512; at <= size - 8; at *= 2) {
        if (memcmp(data + at, signature, 8) == 0) return at;
        if (at > SIZE_MAX / 2) break;
    }
    return SIZE_MAX;
}

bool hp_hdf5_is(const void *data, size_t size) {
    return find_superblock(data, size) != SIZE_MAX;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

hp_span hp_hdf5_span(const hp_hdf5_file *file, uint64_t address, uint64_t size) {
    if (address > file->size || size > file->size - address) return (hp_span){.bad = true};
    return (hp_span){.at = file->data + address, .left = (size_t)size};
}

const unsigned char *hp_span_bytes(hp_span *span, size_t count) {
    if (span->bad || count > span->left) {
        span->bad = true;
        return NULL;
    }
    const unsigned char *bytes = span->at;
    span->at += count;
    span->left -= count;
    return bytes;
}

void hp_span_skip(hp_span *span, size_t count) {
    hp_span_bytes(span, count);
}

uint64_t hp_span_number(hp_span *span, unsigned bytes) {
    const unsigned char *from = hp_span_bytes(span, bytes);
    uint64_t number = 0;
    for (unsigned i = 0; from && i < bytes; i++) number |= (uint64_t)from[i] << (8 * i);
    return number;
}

static uint64_t all_bits(unsigned bytes) {
    return bytes >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * bytes)) - 1;
}

uint64_t hp_span_address(hp_span *span, const hp_hdf5_file *file) {
    uint64_t number = hp_span_number(span, file->offset_size);
    return span->bad || number == all_bits(file->offset_size) ? HP_HDF5_NONE : number;
}

uint64_t hp_span_length(hp_span *span, const hp_hdf5_file *file) {
    return hp_span_number(span, file->length_size);
}

/* ---- superblock --------------------------------------------------------------------------------------------------- */

static bool is_size(unsigned bytes) {
    return bytes == 2 || bytes == 4 || bytes == 8;
}

/* Reads from behind the version of a superblock 0 or 1 on; gives the file's end. */
static uint64_t read_superblock0(hp_span *span, hp_hdf5_file *file, unsigned version) {
    hp_span_skip(span, 4); /* versions of parts, reserved */
    file->offset_size = (unsigned)hp_span_number(span, 1);
    file->length_size = (unsigned)hp_span_number(span, 1);
    hp_span_skip(span, 1 + 4 + 4);             /* reserved, sizes of tree nodes, flags */
    if (version == 1) hp_span_skip(span, 4);   /* size of chunk tree nodes, reserved */
    if (!is_size(file->offset_size)) return 0; /* the caller checks */
    hp_span_skip(span, 2 * file->offset_size); /* base address, free space */
    uint64_t end = hp_span_address(span, file);
    hp_span_skip(span, 2 * file->offset_size); /* driver block, name of the root entry */
    file->root = hp_span_address(span, file);
    return end;
}

static uint64_t read_superblock2(hp_span *span, hp_hdf5_file *file) {
    file->offset_size = (unsigned)hp_span_number(span, 1);
    file->length_size = (unsigned)hp_span_number(span, 1);
    hp_span_skip(span, 1); /* flags */
    if (!is_size(file->offset_size)) return 0;
    hp_span_skip(span, 2 * file->offset_size); /* base address, extension */
    uint64_t end = hp_span_address(span, file);
    file->root = hp_span_address(span, file);
    return end;
}

hp_status hp_hdf5_open(const void *data, size_t size, hp_hdf5_file *file, hp_error *error) {
    size_t start = find_superblock(data, size);
    HP_FAIL_IF(start == SIZE_MAX, error, HP_ERROR_FORMAT, NULL, "not an HDF5 file");
    *file = (hp_hdf5_file){.data = (const unsigned char *)data + start, .size = size - start};
    hp_span span = hp_hdf5_span(file, 8, file->size - 8);
    unsigned version = (unsigned)hp_span_number(&span, 1);
    HP_FAIL_IF(
        version > 3, error, HP_ERROR_FORMAT, NULL, "an HDF5 superblock of version %u; 0 to 3 are known", version);
    uint64_t end = version < 2 ? read_superblock0(&span, file, version) : read_superblock2(&span, file);
    HP_FAIL_IF(span.bad || !is_size(file->offset_size) || !is_size(file->length_size), error, HP_ERROR_FORMAT, NULL,
        "the HDF5 superblock is damaged");
    HP_FAIL_IF(end > size, error, HP_ERROR_FORMAT, NULL,
        "the HDF5 file is cut short: it says it has %llu bytes, but has %zu", (unsigned long long)end, size);
    return HP_OK;
}

/* ---- object headers -------------------------------------------------------------------------------------------------- */

enum { MAX_MESSAGES = 1 << 16, MAX_BLOCKS = 1024 };

/* An object header while its messages are visited. */
typedef struct header {
    const hp_hdf5_file *file;
    uint64_t address;
    unsigned version;
    bool ordered; /* version 2: messages carry a creation number */
    size_t messages, blocks;
    hp_hdf5_visit *visit;
    void *data;
} header;

static hp_status fail_header(const header *h, const char *what, hp_error *error) {
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "the HDF5 object at byte %llu is damaged: %s", (unsigned long long)h->address,
        what);
}

static hp_status visit_block(header *h, hp_span block, hp_error *error);

static hp_status visit_continuation(header *h, hp_span content, hp_error *error) {
    uint64_t address = hp_span_address(&content, h->file), size = hp_span_length(&content, h->file);
    hp_span block = hp_hdf5_span(h->file, address, size);
    if (content.bad || block.bad) return fail_header(h, "its continuation is outside the file", error);
    if (++h->blocks > MAX_BLOCKS) return fail_header(h, "its continuations never end", error);
    if (h->version == 2) {
        const unsigned char *magic = hp_span_bytes(&block, 4);
        if (!magic || memcmp(magic, "OCHK", 4) != 0 || block.left < 4)
            return fail_header(h, "its continuation has no signature", error);
        block.left -= 4; /* checksum */
    }
    return visit_block(h, block, error);
}

static hp_status visit_block(header *h, hp_span block, hp_error *error) {
    size_t head = h->version == 1 ? 8 : h->ordered ? 6 : 4;
    while (block.left >= head) {
        hp_hdf5_message message = {.type = (unsigned)hp_span_number(&block, h->version == 1 ? 2 : 1)};
        size_t size = (size_t)hp_span_number(&block, 2);
        unsigned flags = (unsigned)hp_span_number(&block, 1);
        hp_span_skip(&block, h->version == 1 ? 3 : h->ordered ? 2 : 0);
        const unsigned char *content = hp_span_bytes(&block, size);
        if (!content) return fail_header(h, "a message is longer than its header", error);
        HP_TRY(hp_hdf5_spend(h->file, 1, error));
        if (++h->messages > MAX_MESSAGES) return fail_header(h, "it has too many messages", error);
        message.content = (hp_span){.at = content, .left = size};
        message.shared = (flags & 2) != 0;
        HP_TRY(message.type == HP_HDF5_CONTINUATION ? visit_continuation(h, message.content, error)
                                                    : h->visit(h->data, &message, error));
    }
    return HP_OK;
}

static hp_status visit_header1(header *h, hp_error *error) {
    hp_span span = hp_hdf5_span(h->file, h->address, 16);
    hp_span_skip(&span, 8); /* version, number of messages, references */
    uint64_t size = hp_span_number(&span, 4);
    hp_span block = hp_hdf5_span(h->file, h->address + 16, size);
    if (span.bad || block.bad) return fail_header(h, "its header is outside the file", error);
    return visit_block(h, block, error);
}

static hp_status visit_header2(header *h, hp_error *error) {
    hp_span span = hp_hdf5_span(h->file, h->address, h->file->size - h->address);
    hp_span_skip(&span, 4);
    unsigned version = (unsigned)hp_span_number(&span, 1), flags = (unsigned)hp_span_number(&span, 1);
    if (version != 2) return fail_header(h, "its header has an unknown version", error);
    if (flags & 0x20) hp_span_skip(&span, 16); /* times */
    if (flags & 0x10) hp_span_skip(&span, 4);  /* when attributes become dense */
    h->ordered = (flags & 4) != 0;
    uint64_t size = hp_span_number(&span, 1u << (flags & 3));
    if (span.bad || size > span.left) return fail_header(h, "its header is outside the file", error);
    return visit_block(h, (hp_span){.at = span.at, .left = (size_t)size}, error);
}

hp_status hp_hdf5_messages(
    const hp_hdf5_file *file, uint64_t address, hp_hdf5_visit *visit, void *data, hp_error *error) {
    header h = {.file = file, .address = address, .visit = visit, .data = data};
    hp_span span = hp_hdf5_span(file, address, 16);
    if (span.bad) return fail_header(&h, "it is outside the file", error);
    h.version = memcmp(span.at, "OHDR", 4) == 0 ? 2 : 1;
    if (h.version == 1 && span.at[0] != 1) return fail_header(&h, "it has no header", error);
    return h.version == 1 ? visit_header1(&h, error) : visit_header2(&h, error);
}

/* ---- budget ---------------------------------------------------------------------------------------------------------- */

size_t hp_hdf5_budget_for(size_t size) {
    return 10000000 + size / 8;
}

hp_status hp_hdf5_spend(const hp_hdf5_file *file, size_t steps, hp_error *error) {
    if (!file->budget) return HP_OK;
    HP_FAIL_IF(steps > *file->budget, error, HP_ERROR_FORMAT, NULL,
        "the HDF5 file's groups are more than it has room for: one holds itself");
    *file->budget -= steps;
    return HP_OK;
}
