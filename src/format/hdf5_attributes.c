/* hdf5_attributes.c: text attributes, which stand in the object's header; texts of variable length in the global heap.
 */
#include <stdio.h>
#include <string.h>
#include "format/hdf5_file.h"

/* An attribute that is looked for; `found` once it is there. */
typedef struct search {
    const hp_hdf5_file *file;
    const char *name;
    bool found;
    hp_span type, shape, data;
} search;

static size_t padded(unsigned version, size_t size) {
    return version == 1 ? (size + 7) / 8 * 8 : size;
}

/* A part of the attribute message; version 1 pads parts to 8 bytes. */
static hp_span take_part(hp_span *content, unsigned version, size_t size) {
    hp_span part = {.at = hp_span_bytes(content, padded(version, size)), .left = size};
    part.bad = part.at == NULL;
    return part;
}

static hp_status take_attribute(search *s, const hp_hdf5_message *message, hp_error *error) {
    hp_span content = message->content;
    unsigned version = (unsigned)hp_span_number(&content, 1), flags = (unsigned)hp_span_number(&content, 1);
    size_t name_size = (size_t)hp_span_number(&content, 2), type_size = (size_t)hp_span_number(&content, 2);
    size_t shape_size = (size_t)hp_span_number(&content, 2);
    if (version == 3) hp_span_skip(&content, 1); /* character set of the name */
    hp_span name = take_part(&content, version, name_size), type = take_part(&content, version, type_size);
    hp_span shape = take_part(&content, version, shape_size);
    HP_FAIL_IF(content.bad || version < 1 || version > 3, error, HP_ERROR_FORMAT, NULL, "an attribute is damaged");
    size_t length = strlen(s->name);
    if (name.left < length || memcmp(name.at, s->name, length) != 0 || (name.left > length && name.at[length]))
        return HP_OK;
    HP_FAIL_IF(message->shared || (version > 1 && (flags & 3)), error, HP_ERROR_UNSUPPORTED, NULL,
        "attribute \"%s\" has a shared type", s->name);
    s->found = true;
    s->type = type;
    s->shape = shape;
    s->data = content;
    return HP_OK;
}

static hp_status visit(void *data, const hp_hdf5_message *message, hp_error *error) {
    search *s = data;
    if (s->found) return HP_OK;
    if (message->type == HP_HDF5_ATTRIBUTE) return take_attribute(s, message, error);
    if (message->type != HP_HDF5_ATTRIBUTE_INFO) return HP_OK;
    hp_span content = message->content;
    hp_span_skip(&content, 1);
    if (hp_span_number(&content, 1) & 1) hp_span_skip(&content, 2);
    HP_FAIL_IF(hp_span_address(&content, s->file) != HP_HDF5_NONE, error, HP_ERROR_UNSUPPORTED, NULL,
        "the HDF5 object keeps its attributes in dense form (libver=\"latest\"); write the file with h5py's defaults");
    return HP_OK;
}

/* An object of the global heap: `index` in the collection at `address`. */
static hp_status find_in_heap(
    const hp_hdf5_file *file, uint64_t address, uint64_t index, hp_span *found, hp_error *error) {
    hp_span head = hp_hdf5_span(file, address, 8 + file->length_size);
    const unsigned char *magic = hp_span_bytes(&head, 4);
    hp_span_skip(&head, 4);
    uint64_t size = hp_span_length(&head, file);
    hp_span collection = hp_hdf5_span(file, address, size);
    hp_span_skip(&collection, 8 + file->length_size);
    bool good = magic && memcmp(magic, "GCOL", 4) == 0 && !head.bad && !collection.bad;
    while (good && collection.left >= 8 + file->length_size) {
        HP_TRY(hp_hdf5_spend(file, 1, error));
        uint64_t own = hp_span_number(&collection, 2);
        hp_span_skip(&collection, 6);
        uint64_t bytes = hp_span_length(&collection, file);
        if (own == 0) break; /* free space, the last */
        const unsigned char *at = bytes <= collection.left ? collection.at : NULL;
        good = at != NULL;
        if (good && own == index) {
            *found = (hp_span){.at = at, .left = (size_t)bytes};
            return HP_OK;
        }
        size_t step = good ? ((size_t)bytes + 7) / 8 * 8 : 0;
        hp_span_skip(&collection, step < collection.left ? step : collection.left);
    }
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "text %llu of the HDF5 heap at byte %llu is not there",
        (unsigned long long)index, (unsigned long long)address);
}

static hp_status copy_text(
    hp_arena *arena, const unsigned char *bytes, size_t size, bool space_padded, const char **text, hp_error *error) {
    const unsigned char *end = size ? memchr(bytes, '\0', size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size;
    while (space_padded && length > 0 && bytes[length - 1] == ' ') length--;
    char *copy = hp_arena_alloc(arena, length + 1);
    HP_ALLOCATED(copy, error);
    if (length) memcpy(copy, bytes, length);
    *text = copy;
    return HP_OK;
}

static hp_status read_variable(
    const hp_hdf5_file *file, hp_span *data, hp_arena *arena, const char **text, hp_error *error) {
    uint64_t length = hp_span_number(data, 4), address = hp_span_address(data, file);
    uint64_t index = hp_span_number(data, 4);
    hp_span bytes = {0};
    HP_FAIL_IF(data->bad, error, HP_ERROR_FORMAT, NULL, "it is shorter than its shape says");
    if (length > 0) HP_TRY(find_in_heap(file, address, index, &bytes, error));
    HP_FAIL_IF(length > bytes.left, error, HP_ERROR_FORMAT, NULL, "a text is longer than its place in the heap");
    return copy_text(arena, bytes.at, (size_t)length, false, text, error);
}

/* Reads the texts of a found attribute into an array in the arena. */
static hp_status read_texts(const search *s, hp_arena *arena, const char ***texts, size_t *count, hp_error *error) {
    hp_hdf5_type type;
    hp_hdf5_shape shape;
    HP_TRY(hp_hdf5_parse_shape(s->file, s->shape, &shape, error));
    *count = shape.count;
    if (shape.count == 0) return HP_OK; /* h5py writes an empty list as no numbers at all */
    HP_TRY(hp_hdf5_parse_type(s->type, &type, error));
    HP_FAIL_IF(!type.text && !type.opaque, error, HP_ERROR_FORMAT, NULL, "it holds no text");
    size_t size = type.variable ? 8 + s->file->offset_size : type.size;
    HP_TRY(hp_hdf5_spend(s->file, shape.count, error));
    HP_FAIL_IF(shape.count > s->data.left / size, error, HP_ERROR_FORMAT, NULL,
        "it says it has %zu texts of %zu bytes, more than there are", shape.count, size);
    hp_span data = s->data;
    *texts = hp_arena_alloc(arena, shape.count * sizeof **texts);
    HP_ALLOCATED(*texts, error);
    for (size_t i = 0; i < shape.count; i++) {
        if (type.variable)
            HP_TRY(read_variable(s->file, &data, arena, &(*texts)[i], error));
        else
            HP_TRY(copy_text(arena, hp_span_bytes(&data, size), size, type.space_padded, &(*texts)[i], error));
    }
    return HP_OK;
}

static hp_status find_texts(const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena, bool *found,
    const char ***texts, size_t *count, hp_error *error) {
    search s = {.file = file, .name = name};
    *count = 0;
    *texts = NULL;
    HP_TRY(hp_hdf5_messages(file, object, visit, &s, error));
    *found = s.found;
    hp_status status = s.found ? read_texts(&s, arena, texts, count, error) : HP_OK;
    if (status != HP_OK) hp_error_prefix(error, "attribute \"%s\"", name);
    return status;
}

hp_status hp_hdf5_string(
    const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena, const char **text, hp_error *error) {
    const char **texts;
    size_t count;
    bool found = false;
    *text = NULL;
    HP_TRY(find_texts(file, object, name, arena, &found, &texts, &count, error));
    if (!found) return HP_OK;
    HP_FAIL_IF(
        count != 1, error, HP_ERROR_FORMAT, NULL, "attribute \"%s\" has %zu texts; one was expected", name, count);
    *text = texts[0];
    return HP_OK;
}

enum { MAX_PIECES = 1024 };

/* Joins name0, name1 ... until one is missing. */
static hp_status join_pieces(const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena,
    const char ***joined, size_t *capacity, hp_hdf5_names *names, hp_error *error) {
    char piece[64];
    for (unsigned i = 0; i < MAX_PIECES; i++) {
        const char **texts;
        size_t count;
        bool found = false;
        snprintf(piece, sizeof piece, "%s%u", name, i);
        HP_TRY(find_texts(file, object, piece, arena, &found, &texts, &count, error));
        if (!found) return HP_OK;
        names->found = true;
        HP_FAIL_IF(
            !HP_GROW(*joined, *capacity, names->count + count), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        if (count) memcpy(*joined + names->count, texts, count * sizeof *texts);
        names->count += count;
    }
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "attribute \"%s\" is in more than %d pieces", name, MAX_PIECES);
}

hp_status hp_hdf5_string_list(const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena,
    hp_hdf5_names *names, hp_error *error) {
    const char **joined = NULL;
    size_t capacity = 0;
    *names = (hp_hdf5_names){0};
    HP_TRY(find_texts(file, object, name, arena, &names->found, &names->items, &names->count, error));
    if (names->found) return HP_OK;
    hp_status status = join_pieces(file, object, name, arena, &joined, &capacity, names, error);
    if (status == HP_OK && names->count) {
        names->items = hp_arena_copy(arena, joined, names->count * sizeof *joined);
        if (!names->items) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    hp_free(joined);
    return status;
}
