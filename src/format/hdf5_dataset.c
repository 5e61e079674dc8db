/* hdf5_dataset.c: what a dataset's header says, checked against the file's size. */
#include "format/hdf5_dataset.h"

#include <string.h>
#include "base/dtype.h"

enum {
    MAX_EXPANSION = 1100,         /* deflate reaches 1032 */
    SMALL_CHUNK = 16 * (1 << 20), /* a chunk of this size may be decoded for any dataset */
};

/* A dataset's messages while they are visited. */
typedef struct reading {
    const hp_hdf5_file *file;
    hp_hdf5_dataset *dataset;
    hp_span type, shape, layout;
    bool has_type, has_shape, has_layout, external, bfloat16;
} reading;

/* Filter pipelines: version 1 pads names and values, version 2 leaves out the names of known filters. */
static hp_status take_filters(reading *r, hp_span content, hp_error *error) {
    hp_hdf5_dataset *d = r->dataset;
    unsigned version = (unsigned)hp_span_number(&content, 1);
    int count = (int)hp_span_number(&content, 1);
    if (version == 1) hp_span_skip(&content, 6);
    for (int i = 0; i < count && !content.bad; i++) {
        unsigned id = (unsigned)hp_span_number(&content, 2);
        size_t name = version == 1 || id >= 256 ? (size_t)hp_span_number(&content, 2) : 0;
        hp_span_skip(&content, 2); /* flags */
        size_t values = (size_t)hp_span_number(&content, 2);
        hp_span_skip(&content, version == 1 ? (name + 7) / 8 * 8 : name);
        hp_span_skip(&content, 4 * values + (version == 1 && values % 2 ? 4 : 0));
        HP_FAIL_IF(!content.bad && (id < 1 || id > 3), error, HP_ERROR_UNSUPPORTED, NULL,
            "is stored with HDF5 filter %u; gzip, shuffle and fletcher32 are read", id);
        HP_FAIL_IF(i >= HP_HDF5_MAX_FILTERS, error, HP_ERROR_FORMAT, NULL, "is stored with too many filters");
        d->filters[d->filter_count++] = id;
    }
    HP_FAIL_IF(content.bad || version < 1 || version > 2, error, HP_ERROR_FORMAT, NULL, "its filters are damaged");
    return HP_OK;
}

static hp_status visit(void *data, const hp_hdf5_message *message, hp_error *error) {
    reading *r = data;
    bool *has = NULL;
    hp_span *kept = NULL;
    switch (message->type) {
    case HP_HDF5_DATATYPE:
        has = &r->has_type, kept = &r->type;
        break;
    case HP_HDF5_DATASPACE:
        has = &r->has_shape, kept = &r->shape;
        break;
    case HP_HDF5_LAYOUT:
        has = &r->has_layout, kept = &r->layout;
        break;
    case HP_HDF5_EXTERNAL:
        r->external = true;
        return HP_OK;
    case HP_HDF5_FILTERS:
        r->dataset->filter_count = 0;
        return take_filters(r, message->content, error);
    default:
        return HP_OK;
    }
    HP_FAIL_IF(message->shared, error, HP_ERROR_UNSUPPORTED, NULL, "shares its type or shape with another object");
    *has = true;
    *kept = message->content;
    return HP_OK;
}

/* ---- layouts ----------------------------------------------------------------------------------------------------- */

static hp_status take_plain(reading *r, uint64_t address, hp_error *error) {
    hp_hdf5_dataset *d = r->dataset;
    if (d->bytes == 0) return HP_OK;
    HP_FAIL_IF(
        address == HP_HDF5_NONE, error, HP_ERROR_FORMAT, NULL, "says it has %zu bytes, but none are stored", d->bytes);
    hp_span data = hp_hdf5_span(r->file, address, d->bytes);
    HP_FAIL_IF(data.bad, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes at byte %llu, but the file ends at byte %zu", d->bytes, (unsigned long long)address,
        r->file->size);
    d->plain = data.at;
    return HP_OK;
}

static hp_status take_compact(reading *r, hp_span content, size_t size, hp_error *error) {
    HP_FAIL_IF(size < r->dataset->bytes || size > content.left, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes, but %zu are stored", r->dataset->bytes, size);
    r->dataset->plain = content.at;
    return HP_OK;
}

/* The sizes of chunks: one number an axis and, last, the bytes of an element. */
static hp_status take_chunks(reading *r, hp_span content, unsigned numbers, uint64_t tree, hp_error *error) {
    hp_hdf5_dataset *d = r->dataset;
    HP_FAIL_IF(numbers != (unsigned)d->shape.rank + 1 || d->shape.rank == 0, error, HP_ERROR_FORMAT, NULL,
        "its chunks have %u axes, its shape %d", numbers - 1, d->shape.rank);
    d->chunk_tree = tree;
    d->chunk_bytes = d->type.size;
    for (int i = 0; i < d->shape.rank; i++) {
        d->chunk[i] = hp_span_number(&content, 4);
        HP_FAIL_IF(
            content.bad || d->chunk[i] == 0 || !hp_size_mul(d->chunk_bytes, (size_t)d->chunk[i], &d->chunk_bytes),
            error, HP_ERROR_FORMAT, NULL, "its chunks are damaged");
    }
    HP_FAIL_IF(d->chunk_bytes > SMALL_CHUNK && d->chunk_bytes / 4 > d->bytes, error, HP_ERROR_FORMAT, NULL,
        "its chunks have %zu bytes, the whole dataset %zu", d->chunk_bytes, d->bytes);
    HP_FAIL_IF(d->bytes / MAX_EXPANSION > r->file->size, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes, but the file has %zu", d->bytes, r->file->size);
    return HP_OK;
}

enum { COMPACT = 0, CONTIGUOUS = 1, CHUNKED = 2, VIRTUAL = 3 };

/* Layouts of version 1 and 2: one form for all classes. */
static hp_status take_layout1(reading *r, hp_span content, hp_error *error) {
    unsigned numbers = (unsigned)hp_span_number(&content, 1), class = (unsigned)hp_span_number(&content, 1);
    hp_span_skip(&content, 5);
    uint64_t address = class != COMPACT ? hp_span_address(&content, r->file) : HP_HDF5_NONE;
    if (class == CONTIGUOUS) return take_plain(r, address, error);
    if (class == CHUNKED) return take_chunks(r, content, numbers, address, error);
    hp_span_skip(&content, 4 * (size_t)numbers);
    size_t size = (size_t)hp_span_number(&content, 4);
    return take_compact(r, content, size, error);
}

static hp_status take_layout(reading *r, hp_error *error) {
    hp_span content = r->layout;
    unsigned version = (unsigned)hp_span_number(&content, 1);
    if (version == 1 || version == 2) return take_layout1(r, content, error);
    unsigned class = (unsigned)hp_span_number(&content, 1);
    HP_FAIL_IF(content.bad || version < 3 || version > 4, error, HP_ERROR_FORMAT, NULL, "its layout is damaged");
    HP_FAIL_IF(class == VIRTUAL, error, HP_ERROR_UNSUPPORTED, NULL,
        "is a virtual dataset, made of other files; that is not read");
    if (class == COMPACT) {
        size_t size = (size_t)hp_span_number(&content, 2);
        return take_compact(r, content, size, error);
    }
    if (class == CONTIGUOUS) return take_plain(r, hp_span_address(&content, r->file), error);
    HP_FAIL_IF(class != CHUNKED, error, HP_ERROR_FORMAT, NULL, "its layout is damaged");
    HP_FAIL_IF(version == 4, error, HP_ERROR_UNSUPPORTED, NULL,
        "keeps its chunks in a newer form (libver=\"latest\"); write the file with h5py's defaults");
    unsigned numbers = (unsigned)hp_span_number(&content, 1);
    uint64_t tree = hp_span_address(&content, r->file);
    return take_chunks(r, content, numbers, tree, error);
}

/* Keras stores bfloat16 as two opaque bytes, and says so in an attribute in .weights.h5, not in .h5. */
static hp_status name_opaque(const hp_hdf5_file *file, uint64_t address, hp_hdf5_type *type, hp_error *error) {
    hp_arena arena = {0};
    const char *name = NULL;
    hp_status status = hp_hdf5_string(file, address, "dtype", &arena, &name, error);
    if (status == HP_OK && (!name || strcmp(name, "bfloat16") == 0)) type->dtype = HP_BFLOAT16;
    hp_arena_release(&arena);
    return status;
}

hp_status hp_hdf5_describe(const hp_hdf5_file *file, uint64_t address, hp_hdf5_dataset *dataset, hp_error *error) {
    reading r = {.file = file, .dataset = dataset};
    *dataset = (hp_hdf5_dataset){.chunk_tree = HP_HDF5_NONE};
    HP_TRY(hp_hdf5_messages(file, address, visit, &r, error));
    if (!r.has_layout) return HP_OK;
    dataset->is_dataset = true;
    HP_FAIL_IF(!r.has_type || !r.has_shape, error, HP_ERROR_FORMAT, NULL, "has no element type or no shape");
    HP_FAIL_IF(r.external, error, HP_ERROR_UNSUPPORTED, NULL, "its data are in another file; that is not read");
    HP_TRY(hp_hdf5_parse_type(r.type, &dataset->type, error));
    HP_TRY(hp_hdf5_parse_shape(file, r.shape, &dataset->shape, error));
    HP_FAIL_IF(!hp_size_mul(dataset->shape.count, dataset->type.size, &dataset->bytes), error, HP_ERROR_FORMAT, NULL,
        "says it has more bytes than any file can hold");
    if (dataset->type.opaque && dataset->type.size == 2) HP_TRY(name_opaque(file, address, &dataset->type, error));
    return take_layout(&r, error);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void swap_bytes(unsigned char *data, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++, data += size)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char kept = data[a];
            data[a] = data[b];
            data[b] = kept;
        }
}

hp_status hp_hdf5_read(
    const hp_hdf5_file *file, uint64_t address, const hp_weight *weight, void *destination, hp_error *error) {
    hp_hdf5_dataset dataset;
    HP_TRY(hp_hdf5_describe(file, address, &dataset, error));
    HP_FAIL_IF(dataset.bytes != weight->bytes, error, HP_ERROR_INTERNAL, weight->name, "its size has changed");
    if (dataset.plain)
        memcpy(destination, dataset.plain, dataset.bytes);
    else
        HP_TRY(hp_hdf5_read_chunks(file, &dataset, destination, error));
    if (dataset.type.big_endian) swap_bytes(destination, dataset.shape.count, dataset.type.size);
    return HP_OK;
}
