/* hdf5_groups.c: the links of a group, from a symbol table (a B-tree of nodes whose names stand in a heap) or from link
 * messages. */
#include <stdlib.h>
#include <string.h>
#include "format/hdf5_file.h"

typedef struct listing {
    const hp_hdf5_file *file;
    hp_arena *arena;
    hp_hdf5_links *links;
    hp_span heap; /* names of a symbol table */
} listing;

static hp_status fail(const char *what, uint64_t address, hp_error *error) {
    HP_FAIL(
        error, HP_ERROR_FORMAT, NULL, "the HDF5 group's %s at byte %llu is damaged", what, (unsigned long long)address);
}

static hp_status add_link(listing *l, const unsigned char *name, size_t length, uint64_t object, hp_error *error) {
    HP_TRY(hp_hdf5_spend(l->file, 1, error));
    char *copy = hp_arena_alloc(l->arena, length + 1);
    HP_ALLOCATED(copy, error);
    memcpy(copy, name, length);
    HP_FAIL_IF(strlen(copy) != length || length == 0, error, HP_ERROR_FORMAT, NULL, "a link has an empty or odd name");
    HP_FAIL_IF(!HP_GROW(l->links->items, l->links->capacity, l->links->count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    l->links->items[l->links->count++] = (hp_hdf5_link){copy, object};
    return HP_OK;
}

static bool has_magic(hp_span *span, const char *magic) {
    const unsigned char *bytes = hp_span_bytes(span, 4);
    return bytes && memcmp(bytes, magic, 4) == 0;
}

/* A node of the symbol table: links by name. */
static hp_status list_node(listing *l, uint64_t address, hp_error *error) {
    const hp_hdf5_file *file = l->file;
    hp_span span = hp_hdf5_span(file, address, 8);
    bool good = has_magic(&span, "SNOD");
    hp_span_skip(&span, 2);
    size_t count = (size_t)hp_span_number(&span, 2), entry = 2 * file->offset_size + 24;
    span = hp_hdf5_span(file, address, 8 + count * entry);
    hp_span_skip(&span, 8);
    if (!good || span.bad) return fail("node", address, error);
    for (size_t i = 0; i < count; i++) {
        uint64_t name = hp_span_number(&span, file->offset_size), object = hp_span_address(&span, file);
        bool soft = hp_span_number(&span, 4) == 2;
        hp_span_skip(&span, 20);
        if (name >= l->heap.left) return fail("node", address, error);
        const unsigned char *text = l->heap.at + name, *end = memchr(text, '\0', l->heap.left - (size_t)name);
        if (!end) return fail("list of names", address, error);
        HP_TRY(add_link(l, text, (size_t)(end - text), soft ? HP_HDF5_NONE : object, error));
    }
    return HP_OK;
}

/* `level`: what this node must have; a tree's levels fall by one from node to child, so recursion ends. */
static hp_status list_tree(listing *l, uint64_t address, int level, hp_error *error) {
    const hp_hdf5_file *file = l->file;
    size_t head = 8 + 2 * file->offset_size, entry = file->length_size + file->offset_size;
    hp_span span = hp_hdf5_span(file, address, head);
    HP_TRY(hp_hdf5_spend(l->file, 1, error));
    bool good = has_magic(&span, "TREE") && hp_span_number(&span, 1) == 0;
    int own = (int)hp_span_number(&span, 1);
    size_t count = (size_t)hp_span_number(&span, 2);
    span = hp_hdf5_span(file, address, head + count * entry);
    hp_span_skip(&span, head);
    if (!good || span.bad || (level >= 0 && own != level)) return fail("tree", address, error);
    for (size_t i = 0; i < count; i++) {
        hp_span_skip(&span, file->length_size);
        uint64_t child = hp_span_address(&span, file);
        HP_TRY(own > 0 ? list_tree(l, child, own - 1, error) : list_node(l, child, error));
    }
    return HP_OK;
}

static hp_status list_symbol_table(listing *l, hp_span content, hp_error *error) {
    const hp_hdf5_file *file = l->file;
    uint64_t tree = hp_span_address(&content, file), heap = hp_span_address(&content, file);
    hp_span span = hp_hdf5_span(file, heap, 8 + 2 * file->length_size + file->offset_size);
    bool good = has_magic(&span, "HEAP");
    hp_span_skip(&span, 4);
    uint64_t size = hp_span_length(&span, file);
    hp_span_skip(&span, file->length_size); /* free space */
    l->heap = hp_hdf5_span(file, hp_span_address(&span, file), size);
    if (content.bad || !good || span.bad || l->heap.bad) return fail("list of names", heap, error);
    return list_tree(l, tree, -1, error);
}

static hp_status list_link(listing *l, hp_span content, hp_error *error) {
    hp_span_skip(&content, 1); /* version */
    unsigned flags = (unsigned)hp_span_number(&content, 1);
    uint64_t type = flags & 8 ? hp_span_number(&content, 1) : 0;
    if (flags & 4) hp_span_skip(&content, 8);    /* creation number */
    if (flags & 0x10) hp_span_skip(&content, 1); /* character set */
    size_t length = (size_t)hp_span_number(&content, 1u << (flags & 3));
    const unsigned char *name = hp_span_bytes(&content, length);
    uint64_t object = type == 0 ? hp_span_address(&content, l->file) : HP_HDF5_NONE;
    HP_FAIL_IF(!name || content.bad, error, HP_ERROR_FORMAT, NULL, "a link of the HDF5 group is damaged");
    return add_link(l, name, length, object, error);
}

/* Groups with many links in files of "libver latest" keep them in a fractal heap. */
static hp_status check_link_info(const listing *l, hp_span content, hp_error *error) {
    hp_span_skip(&content, 1);
    if (hp_span_number(&content, 1) & 1) hp_span_skip(&content, 8);
    HP_FAIL_IF(hp_span_address(&content, l->file) != HP_HDF5_NONE, error, HP_ERROR_UNSUPPORTED, NULL,
        "the HDF5 group keeps its links in dense form (libver=\"latest\"); write the file with h5py's defaults");
    return HP_OK;
}

static hp_status visit(void *data, const hp_hdf5_message *message, hp_error *error) {
    listing *l = data;
    bool about_links =
        message->type == HP_HDF5_SYMBOL_TABLE || message->type == HP_HDF5_LINK || message->type == HP_HDF5_LINK_INFO;
    if (!about_links) return HP_OK;
    l->links->is_group = true;
    HP_FAIL_IF(message->shared, error, HP_ERROR_UNSUPPORTED, NULL, "the HDF5 group shares parts with others");
    if (message->type == HP_HDF5_SYMBOL_TABLE) return list_symbol_table(l, message->content, error);
    if (message->type == HP_HDF5_LINK) return list_link(l, message->content, error);
    return check_link_info(l, message->content, error);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const hp_hdf5_link *)a)->name, ((const hp_hdf5_link *)b)->name);
}

hp_status hp_hdf5_list(
    const hp_hdf5_file *file, uint64_t address, hp_arena *arena, hp_hdf5_links *links, hp_error *error) {
    listing l = {.file = file, .arena = arena, .links = links};
    *links = (hp_hdf5_links){0};
    hp_status status = hp_hdf5_messages(file, address, visit, &l, error);
    if (status != HP_OK) {
        hp_free(links->items);
        *links = (hp_hdf5_links){0};
        return status;
    }
    if (links->count) qsort(links->items, links->count, sizeof *links->items, by_name);
    return HP_OK;
}
