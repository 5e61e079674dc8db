/* reader.c: what all readers have in common: formats, paths, options, the row counter, names in errors. */
#include "io/reader.h"

#include <stdlib.h>
#include <string.h>
#include "base/dtype.h"
#include "io/format.h"
#include "io/npy_header.h"
#include "io/source.h"

static const hp_io_format formats[] = {
#define IO_FORMAT(name, extensions, reader, writer, members) {name, extensions, reader, writer, members},
#include "io/io.def"
#undef IO_FORMAT
};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ends_with(const char *path, size_t size, const char *extension, size_t n) {
    if (size <= n) return false;
    for (size_t i = 0; i < n; i++)
        if (lower(path[size - n + i]) != extension[i]) return false;
    return true;
}

static const hp_io_format *format_by_extension(const char *path, size_t size) {
    for (int f = 0; f < FORMAT_COUNT; f++)
        for (const char *e = formats[f].extensions; *e;) {
            size_t n = strcspn(e, " ");
            if (ends_with(path, size, e, n)) return &formats[f];
            e += n + strspn(e + n, " ");
        }
    return NULL;
}

const hp_io_format *hp_io_format_by_name(const char *name) {
    for (int f = 0; f < FORMAT_COUNT; f++)
        if (!strcmp(formats[f].name, name)) return &formats[f];
    return NULL;
}

size_t hp_io_path_length(const char *path) {
    for (const char *colon = strstr(path, ":/"); colon; colon = strstr(colon + 1, ":/")) {
        const hp_io_format *format = format_by_extension(path, (size_t)(colon - path));
        if (format && format->members != hp_io_no_members) return (size_t)(colon - path);
    }
    return strlen(path);
}

const hp_io_format *hp_io_format_by_path(const char *path) {
    return format_by_extension(path, hp_io_path_length(path));
}

const char *hp_io_format_of(const char *path, const char *explicit_format) {
    const hp_io_format *format = explicit_format ? hp_io_format_by_name(explicit_format) : hp_io_format_by_path(path);
    return format ? format->name : NULL;
}

const char *hp_io_format_names(void) {
    static const char names[] = ""
#define IO_FORMAT(name, extensions, reader, writer, members) ", " name
#include "io/io.def"
#undef IO_FORMAT
        ;
    return names + 2;
}

hp_status hp_io_no_members(
    const char *path, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    (void)path, (void)arena, (void)error;
    *names = NULL;
    *count = 0;
    return HP_OK;
}

bool hp_io_place_of(const char *path, const char *dataset, const char *dash_name, hp_arena *arena, hp_io_place *place) {
    size_t n = hp_io_path_length(path);
    char *file = hp_arena_alloc(arena, n + 1);
    if (!file) return false;
    memcpy(file, path, n);
    place->path = file;
    place->dataset = dataset ? dataset : path[n] == ':' ? path + n + 1 : NULL;
    place->name = strcmp(path, "-") != 0 ? path : dash_name;
    return true;
}

bool hp_io_count_elements(int rank, const int64_t *dims, size_t *elements) {
    *elements = 1;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !hp_size_mul(*elements, (size_t)dims[i], elements)) return false;
    return *elements <= INT64_MAX / 16;
}

void *hp_io_reader_new(size_t size, const hp_io_reader_class *class, const hp_io_place *place) {
    hp_io_reader *reader = hp_alloc_array(1, size);
    if (!reader) return NULL;
    reader->class = class;
    reader->rows = -1;
    reader->end = -1;
    reader->name = hp_strdup(place->name);
    if (reader->name) return reader;
    hp_free(reader);
    return NULL;
}

/* The format of an input that neither an option nor its name tells. */
static hp_status sniff_format(
    const hp_io_place *place, const hp_io_format **format, hp_io_source **opened, hp_error *error) {
    unsigned char bytes[8];
    size_t got;
    HP_TRY(hp_io_source_open(place->path, opened, error));
    HP_TRY(hp_io_source_peek(*opened, bytes, &got, error));
    if (hp_io_npy_is_magic(bytes, got)) *format = hp_io_format_by_name("npy");
    static const struct {
        const char *begin, *what;
    } others[] = {
        {"\x1f\x8b", "it is compressed by gzip: decompress it (gzip -dc FILE) into standard input"},
        {"\x28\xb5\x2f\xfd", "it is compressed by zstd: decompress it (zstd -dc FILE) into standard input"},
        {"PAR1", "Parquet is not read; in Python a model predicts what pyarrow reads of it"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        HP_FAIL_IF(got >= strlen(others[i].begin) && !memcmp(bytes, others[i].begin, strlen(others[i].begin)), error,
            HP_ERROR_ARGUMENT, NULL, "%s", others[i].what);
    HP_FAIL_IF(!*format, error, HP_ERROR_ARGUMENT, NULL,
        "its format is not known from its name or first bytes; give it (--input-format): %s", hp_io_format_names());
    return HP_OK;
}

static hp_status open_known(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    const hp_io_format *format = NULL;
    if (options->format) {
        format = hp_io_format_by_name(options->format);
        HP_FAIL_IF(!format, error, HP_ERROR_ARGUMENT, NULL, "there is no format \"%s\": there are %s", options->format,
            hp_io_format_names());
    } else {
        format = format_by_extension(place->path, strlen(place->path));
    }
    hp_io_source *source = NULL;
    hp_status status = format ? HP_OK : sniff_format(place, &format, &source, error);
    if (status == HP_OK && source) { /* peeked bytes of a stream are in the source: it has to be used */
        status = hp_io_npy_open_source(place, source, reader, error);
    } else {
        if (source) source->close(source);
        if (status == HP_OK) status = format->open_reader(place, options, reader, error);
    }
    if (status == HP_OK) (*reader)->format = format->name;
    return status;
}

hp_status hp_io_reader_open(
    const char *path, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    static const hp_io_reader_options defaults = {0};
    hp_arena arena = {0};
    hp_io_place place = {0};
    *reader = NULL;
    if (!options) options = &defaults;
    hp_status status = HP_OK;
    if (!hp_io_place_of(path, options->dataset, "standard input", &arena, &place))
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    else
        status = open_known(&place, options, reader, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", place.name ? place.name : path);
    hp_arena_release(&arena);
    return status;
}

struct hp_io_buffer *hp_io_batch_reserve(hp_io_batch *batch, size_t bytes, size_t keep) {
    if (!batch->buffer) batch->buffer = HP_NEW(struct hp_io_buffer);
    struct hp_io_buffer *buffer = batch->buffer;
    size_t wanted;
    if (!buffer || !hp_size_add(bytes, HP_IO_PADDING, &wanted)) return NULL;
    if (wanted <= buffer->capacity) return buffer;
    if (keep && !buffer->placed)
        wanted += wanted / 8; /* what grows once would grow again: new pages cost more than room */
    void *data = buffer->placed ? NULL : hp_alloc_aligned(wanted);
    if (!data) return NULL;
    if (keep) memcpy(data, buffer->data, keep);
    hp_free(buffer->data);
    buffer->data = data;
    buffer->capacity = wanted;
    return buffer;
}

bool hp_io_buffer_reserve_starts(struct hp_io_buffer *buffer, size_t count) {
    return buffer->placed ? count <= buffer->start_capacity : HP_GROW(buffer->starts, buffer->start_capacity, count);
}

void hp_io_buffer_clear_strings(struct hp_io_buffer *buffer) {
    buffer->text_used = 0;
    hp_arena_release(&buffer->strings);
}

char *hp_io_buffer_copy_string(struct hp_io_buffer *buffer, const char *data, size_t size) {
    if (!buffer->placed) return hp_arena_copy(&buffer->strings, data, size);
    if (size > buffer->text_size - buffer->text_used) return NULL;
    char *copy = memcpy(buffer->texts + buffer->text_used, data, size);
    buffer->text_used += size;
    return copy;
}

/* A half for the elements or text, a quarter each for where rows begin and for strings. */
void hp_io_batch_place(hp_io_batch *batch, void *memory, size_t size) {
    size_t head = (sizeof(struct hp_io_buffer) + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
    size_t quarter = size > head ? (size - head) / 4 / HP_ALIGNMENT * HP_ALIGNMENT : 0;
    struct hp_io_buffer *buffer = memory;
    char *place = (char *)memory + head;
    *buffer = (struct hp_io_buffer){.placed = true,
        .data = place,
        .capacity = 2 * quarter,
        .starts = (size_t *)(void *)(place + 2 * quarter),
        .start_capacity = quarter / sizeof(size_t),
        .texts = place + 3 * quarter,
        .text_size = quarter};
    *batch = (hp_io_batch){.buffer = buffer};
}

void hp_io_batch_release(hp_io_batch *batch) {
    if (batch->buffer && !batch->buffer->placed) {
        hp_free(batch->buffer->data);
        hp_free(batch->buffer->starts);
        hp_arena_release(&batch->buffer->strings);
        hp_free(batch->buffer);
    }
    *batch = (hp_io_batch){0};
}

hp_status hp_io_read(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    HP_FAIL_IF(
        max_rows <= 0, error, HP_ERROR_ARGUMENT, reader->name, "%lld rows cannot be read at once", (long long)max_rows);
    batch->rows = 0;
    batch->first_row = reader->next_row;
    if (reader->end >= 0 && max_rows > reader->end - reader->next_row) max_rows = reader->end - reader->next_row;
    if (max_rows <= 0) return HP_OK;
    hp_status status = reader->class->read(reader, max_rows, batch, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", reader->name);
        return status;
    }
    batch->view.first_row = batch->first_row;
    batch->view.name = reader->name;
    reader->next_row += batch->rows;
    return HP_OK;
}

hp_status hp_io_reader_window(hp_io_reader *reader, int64_t begin, int64_t end, hp_error *error) {
    HP_FAIL_IF(end >= 0 && end < begin, error, HP_ERROR_ARGUMENT, reader->name,
        "rows %lld to %lld: the end is before the "
        "beginning",
        (long long)begin, (long long)end);
    HP_TRY(hp_io_seek(reader, begin, error));
    reader->begin = begin;
    reader->end = reader->rows >= 0 && end > reader->rows ? reader->rows : end;
    return HP_OK;
}

int64_t hp_io_reader_rows(const hp_io_reader *reader) {
    int64_t end = reader->end >= 0 && reader->rows >= 0 ? reader->end : reader->rows;
    return end < 0 ? -1 : end - reader->begin;
}

void hp_io_reader_interrupt(hp_io_reader *reader) {
    if (reader->interruptible) atomic_store(&reader->interruptible->interrupted, true);
}

hp_status hp_io_seek(hp_io_reader *reader, int64_t row, hp_error *error) {
    HP_FAIL_IF(row < 0 || (reader->rows >= 0 && row > reader->rows), error, HP_ERROR_ARGUMENT, reader->name,
        "there is no row %lld: it has %lld", (long long)row, (long long)reader->rows);
    HP_FAIL_IF(row < reader->next_row && !reader->seekable, error, HP_ERROR_ARGUMENT, reader->name,
        "cannot go back to row %lld: it can be read once only", (long long)row);
    if (row == reader->next_row) return HP_OK;
    hp_status status = reader->class->seek(reader, row, error);
    if (status == HP_OK)
        reader->next_row = row;
    else
        hp_error_prefix(error, "%s", reader->name);
    return status;
}

void hp_io_reader_close(hp_io_reader *reader) {
    if (!reader) return;
    reader->class->close(reader);
    hp_free(reader->name);
    hp_free(reader);
}

hp_status hp_io_members(
    const char *path, const char *format, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    const hp_io_format *known = format ? hp_io_format_by_name(format) : hp_io_format_by_path(path);
    *names = NULL;
    *count = 0;
    if (!known) return HP_OK;
    hp_io_place place;
    HP_FAIL_IF(
        !hp_io_place_of(path, NULL, "standard input", arena, &place), error, HP_ERROR_NO_MEMORY, path, "out of memory");
    hp_status status = known->members(place.path, arena, names, count, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", place.name);
    return status;
}
