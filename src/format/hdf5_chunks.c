/* hdf5_chunks.c: decoding chunked datasets.
 *
 * Invariant: every chunk of the dataset is decoded once, and all of them are there: a dataset with holes is an error
 * and never filled up. */
#include <string.h>
#include <zlib.h>
#include "format/hdf5_dataset.h"

enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };

typedef struct decoding {
    const hp_hdf5_file *file;
    const hp_hdf5_dataset *dataset;
    unsigned char *destination;
    unsigned char *buffers[2]; /* a chunk's bytes before and after a filter; chunk_bytes + 4 each */
    size_t wanted, done;       /* chunks */
    size_t nodes;              /* of the tree, seen so far */
} decoding;

static bool inflate_chunk(const unsigned char *from, size_t size, unsigned char *to, size_t *written) {
    z_stream stream = {0};
    if (size > UINT32_MAX || *written > UINT32_MAX || inflateInit(&stream) != Z_OK) return false;
    stream.next_in = (unsigned char *)from;
    stream.avail_in = (unsigned)size;
    stream.next_out = to;
    stream.avail_out = (unsigned)*written;
    int end = inflate(&stream, Z_FINISH);
    *written -= stream.avail_out;
    inflateEnd(&stream);
    return end == Z_STREAM_END;
}

/* Brings the bytes of each element together again, which lie plane by plane. */
static void unshuffle(const unsigned char *from, size_t size, unsigned char *to, size_t element) {
    size_t count = size / element;
    for (size_t b = 0; b < element; b++)
        for (size_t i = 0; i < count; i++) to[i * element + b] = from[b * count + i];
    memcpy(to + count * element, from + count * element, size - count * element);
}

/* Undoes the filters of a chunk; *bytes are its decoded bytes. */
static hp_status undo_filters(decoding *d, const unsigned char *stored, size_t size, unsigned skipped,
    const unsigned char **bytes, hp_error *error) {
    const hp_hdf5_dataset *dataset = d->dataset;
    const unsigned char *now = stored;
    int next = 0;
    for (int i = dataset->filter_count - 1; i >= 0; i--) {
        if (skipped >> i & 1) continue;
        unsigned filter = dataset->filters[i];
        if (filter == FLETCHER32) {
            HP_FAIL_IF(size < 4, error, HP_ERROR_FORMAT, NULL, "a chunk is shorter than its checksum");
            size -= 4;
            continue;
        }
        size_t written = dataset->chunk_bytes + 4;
        bool good = true;
        if (filter == DEFLATE)
            good = inflate_chunk(now, size, d->buffers[next], &written);
        else if (size <= written) {
            unshuffle(now, size, d->buffers[next], dataset->type.size);
            written = size;
        } else
            good = false;
        HP_FAIL_IF(!good, error, HP_ERROR_FORMAT, NULL, "a chunk cannot be decoded: it is damaged");
        now = d->buffers[next];
        size = written;
        next = !next;
    }
    HP_FAIL_IF(size < dataset->chunk_bytes, error, HP_ERROR_FORMAT, NULL, "a chunk has %zu bytes; %zu were expected",
        size, dataset->chunk_bytes);
    *bytes = now;
    return HP_OK;
}

/* Copies the part of a chunk that lies in the dataset, row by row of the last axis. */
static void place_chunk(const decoding *d, const unsigned char *bytes, const uint64_t *start) {
    const hp_hdf5_dataset *dataset = d->dataset;
    int rank = dataset->shape.rank, last = rank - 1;
    size_t element = dataset->type.size;
    uint64_t at[HP_MAX_RANK] = {0}, part[HP_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        uint64_t left = dataset->shape.dims[i] - start[i];
        part[i] = left < dataset->chunk[i] ? left : dataset->chunk[i];
    }
    for (;;) {
        uint64_t from = 0, to = 0;
        for (int i = 0; i < rank; i++) {
            from = from * dataset->chunk[i] + at[i];
            to = to * dataset->shape.dims[i] + start[i] + at[i];
        }
        memcpy(d->destination + to * element, bytes + from * element, part[last] * element);
        int axis = last - 1;
        while (axis >= 0 && ++at[axis] == part[axis]) at[axis--] = 0;
        if (axis < 0) return;
    }
}

static hp_status decode_chunk(
    decoding *d, uint64_t address, uint64_t size, unsigned skipped, const uint64_t *start, hp_error *error) {
    const hp_hdf5_dataset *dataset = d->dataset;
    hp_span stored = hp_hdf5_span(d->file, address, size);
    HP_FAIL_IF(stored.bad, error, HP_ERROR_FORMAT, NULL, "a chunk of %llu bytes at byte %llu is outside the file",
        (unsigned long long)size, (unsigned long long)address);
    for (int i = 0; i < dataset->shape.rank; i++)
        HP_FAIL_IF(start[i] >= dataset->shape.dims[i] || start[i] % dataset->chunk[i] != 0, error, HP_ERROR_FORMAT,
            NULL, "a chunk begins outside the dataset");
    HP_FAIL_IF(d->done == d->wanted, error, HP_ERROR_FORMAT, NULL, "it has more chunks than its shape");
    const unsigned char *bytes = NULL;
    HP_TRY(undo_filters(d, stored.at, stored.left, skipped, &bytes, error));
    place_chunk(d, bytes, start);
    d->done++;
    return HP_OK;
}

static hp_status decode_tree(decoding *d, uint64_t address, int level, hp_error *error) {
    const hp_hdf5_file *file = d->file;
    int rank = d->dataset->shape.rank;
    size_t head = 8 + 2 * file->offset_size, key = 8 + 8 * ((size_t)rank + 1), entry = key + file->offset_size;
    hp_span span = hp_hdf5_span(file, address, head);
    const unsigned char *magic = hp_span_bytes(&span, 4);
    unsigned type = (unsigned)hp_span_number(&span, 1);
    int own = (int)hp_span_number(&span, 1);
    size_t count = (size_t)hp_span_number(&span, 2);
    span = hp_hdf5_span(file, address, head + count * entry);
    hp_span_skip(&span, head);
    HP_FAIL_IF(span.bad || !magic || memcmp(magic, "TREE", 4) != 0 || type != 1 || (level >= 0 && own != level) ||
                   ++d->nodes > d->wanted + 64,
        error, HP_ERROR_FORMAT, NULL, "the tree of its chunks is damaged at byte %llu", (unsigned long long)address);
    for (size_t i = 0; i < count; i++) {
        uint64_t start[HP_MAX_RANK], size = hp_span_number(&span, 4);
        unsigned skipped = (unsigned)hp_span_number(&span, 4);
        for (int k = 0; k < rank; k++) start[k] = hp_span_number(&span, 8);
        hp_span_skip(&span, 8); /* of the element */
        uint64_t child = hp_span_address(&span, file);
        HP_TRY(own > 0 ? decode_tree(d, child, own - 1, error) : decode_chunk(d, child, size, skipped, start, error));
    }
    return HP_OK;
}

hp_status hp_hdf5_read_chunks(
    const hp_hdf5_file *file, const hp_hdf5_dataset *dataset, void *destination, hp_error *error) {
    if (dataset->bytes == 0) return HP_OK;
    decoding d = {.file = file, .dataset = dataset, .destination = destination, .wanted = 1};
    for (int i = 0; i < dataset->shape.rank; i++) /* no more than there are elements */
        d.wanted *= (size_t)((dataset->shape.dims[i] - 1) / dataset->chunk[i] + 1);
    size_t room;
    HP_FAIL_IF(!hp_size_add(dataset->chunk_bytes, 4, &room), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    d.buffers[0] = hp_alloc_array(1, room);
    d.buffers[1] = hp_alloc_array(1, room);
    hp_status status = HP_OK;
    if (!d.buffers[0] || !d.buffers[1])
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    else if (dataset->chunk_tree != HP_HDF5_NONE)
        status = decode_tree(&d, dataset->chunk_tree, -1, error);
    if (status == HP_OK && d.done != d.wanted)
        status = hp_error_set(
            error, HP_ERROR_FORMAT, NULL, "%zu of its %zu chunks were never written", d.wanted - d.done, d.wanted);
    hp_free(d.buffers[0]);
    hp_free(d.buffers[1]);
    return status;
}
