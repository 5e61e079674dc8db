/* csv_reader.c: batches of rows of separated text.
 *
 * The reader only finds where rows begin (at more than the speed of memchr); fields are parsed by hp_io_convert, in the threads
 * that compute. Invariant: `carry` holds what was read of the source beyond the last row given out. */
#include <string.h>
#include "io/csv_columns.h"
#include "io/format.h"
#include "io/source.h"
#include "kernels/kernels.h"

enum { LEAST_BLOCK = 64 << 10, LONGEST_ROW = 1 << 30, SKIPPED_ROWS = 1 << 16 };

typedef struct csv_reader {
    hp_io_reader base;
    hp_io_source *source;
    hp_io_csv_layout layout;
    hp_arena arena; /* names and layout */
    bool has_header;
    char *carry;
    size_t carry_size, carry_capacity;
    bool ended;              /* the source has no more than `carry` */
    int64_t line;            /* number of the line that carry begins with */
    size_t row_bytes;        /* of rows so far, to guess how much to read */
    const hp_io_batch *last; /* read */
} csv_reader;

static bool is_blank(const char *row, const char *end) {
    return *row == '\n' || (*row == '\r' && row + 1 < end && row[1] == '\n');
}

static int64_t count_lines(const char *p, const char *end) {
    int64_t lines = 0;
    for (; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) lines++;
    return lines;
}

/* Appends at least one byte to the `size` bytes in the batch, unless the source ends. */
static hp_status read_more(csv_reader *csv, hp_io_batch *batch, size_t *size, size_t wanted, hp_error *error) {
    size_t total, got;
    HP_FAIL_IF(!hp_size_add(*size, wanted, &total), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, total, *size);
    HP_ALLOCATED(buffer, error);
    char *data = (char *)buffer->data + *size;
    HP_TRY(csv->source->read(csv->source, data, wanted, &got, error));
    csv->ended = got < wanted;
    *size += got;
    return HP_OK;
}

static hp_status keep_carry(csv_reader *csv, const char *data, size_t size, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(csv->carry, csv->carry_capacity, size + 1), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    memcpy(csv->carry, data, size);
    csv->carry_size = size;
    return HP_OK;
}

static hp_status fail_open_row(const csv_reader *csv, int64_t line, hp_error *error) {
    HP_FAIL(error, HP_ERROR_FORMAT, NULL,
        csv->ended ? "line %lld: a quoted field begins in this row and does not end"
                   : "line %lld: the row is longer than 1 GiB: is this a table?",
        (long long)line);
}

/* Adds the row, unless it is a blank line, that ends before place `next`, and goes on there. */
static hp_status add_row(hp_io_batch *batch, size_t size, size_t *place, size_t next, hp_error *error) {
    struct hp_io_buffer *buffer = batch->buffer;
    const char *data = buffer->data;
    if (!is_blank(data + *place, data + size)) {
        HP_FAIL_IF(!hp_io_buffer_reserve_starts(buffer, (size_t)batch->rows + 2), error, HP_ERROR_NO_MEMORY, NULL,
            "out of memory");
        buffer->starts[batch->rows++] = *place;
    }
    *place = next;
    return HP_OK;
}

/* Takes the row at *place, with its blank lines before it, unless its end is not there; *more: it is. */
static hp_status take_row(csv_reader *csv, hp_io_batch *batch, size_t size, size_t *place, bool quotes, int64_t *lines,
    bool *more, hp_error *error) {
    const char *data = batch->buffer->data, *row = data + *place;
    const char *next = hp_io_row_end(row, data + size, csv->layout.delimiter, quotes);
    *more = next != NULL;
    if (!next) return HP_OK;
    *lines += quotes ? count_lines(row, next) : 1;
    return add_row(batch, size, place, (size_t)(next - data), error);
}

/* find_rows up to the first quote, which *quotes tells: every line feed ends a row. */
static hp_status find_lines(csv_reader *csv, hp_io_batch *batch, size_t size, size_t *place, int64_t max_rows,
    bool *quotes, int64_t *lines, hp_error *error) {
    enum { AT_ONCE = 4096, BLOCK = 64 };
    bool more = true;
    while (more && *place < size && batch->rows < max_rows) {
        struct hp_io_buffer *buffer = batch->buffer;
        size_t rows = (size_t)batch->rows, end, wanted = (size_t)max_rows - rows;
        if (wanted > AT_ONCE) wanted = AT_ONCE;
        HP_FAIL_IF(!hp_io_buffer_reserve_starts(buffer, rows + 1 + wanted + BLOCK), error, HP_ERROR_NO_MEMORY, NULL,
            "out of memory");
        size_t *starts = buffer->starts + rows;
        size_t found = csv->layout.kernels->text_lines(starts + 1, wanted + BLOCK, buffer->data, *place, size, &end);
        bool all = found <= wanted;
        if (!all) found = wanted;
        *starts = *place;
        *place = starts[found];
        *lines += (int64_t)found;
        batch->rows += (int64_t)found;
        if (!all) continue;
        if (end == size) return HP_OK;
        *quotes = memchr((char *)buffer->data + end, '"', size - end < BLOCK ? size - end : BLOCK) != NULL;
        if (*quotes) return HP_OK;
        while (more && *place < size && *place < end + BLOCK && batch->rows < max_rows) /* a blank line is near */
            HP_TRY(take_row(csv, batch, size, place, false, lines, &more, error));
    }
    return HP_OK;
}

/* Finds rows in data[0, size) from *place on, until there are max_rows; *place becomes the first byte not used. *quotes
 * becomes true where there is one: then they are looked for in all that follows. */
static hp_status find_rows(csv_reader *csv, hp_io_batch *batch, size_t size, size_t *place, int64_t max_rows,
    bool *quotes, int64_t *lines, hp_error *error) {
    if (!*quotes) HP_TRY(find_lines(csv, batch, size, place, max_rows, quotes, lines, error));
    for (bool more = *quotes; more && *place < size && batch->rows < max_rows;)
        HP_TRY(take_row(csv, batch, size, place, true, lines, &more, error));
    return HP_OK;
}

/* The rows of the next batch, as text. */
static hp_status fill_batch(csv_reader *csv, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    size_t size = csv->carry_size, place = 0;
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, size, 0);
    HP_ALLOCATED(buffer, error);
    batch->rows = 0;
    if (size) memcpy(buffer->data, csv->carry, size);
    bool quotes = false;
    int64_t lines = 0;
    for (;;) {
        if (csv->ended && size > place && ((char *)batch->buffer->data)[size - 1] != '\n')
            ((char *)batch->buffer->data)[size++] = '\n'; /* there is room: HP_IO_PADDING */
        HP_TRY(find_rows(csv, batch, size, &place, max_rows, &quotes, &lines, error));
        if (batch->rows == max_rows) break;
        if (csv->ended && place == size) break;
        if (csv->ended || size - place > LONGEST_ROW) return fail_open_row(csv, csv->line + lines, error);
        size_t wanted, left = (size_t)(max_rows - batch->rows);
        if (!hp_size_mul(left, csv->row_bytes, &wanted) || wanted > LONGEST_ROW) wanted = LONGEST_ROW;
        wanted += wanted / 64;                                        /* mostly enough for all of them */
        if (wanted < (size - place) / 2) wanted = (size - place) / 2; /* long rows: few rescans */
        if (wanted < LEAST_BLOCK) wanted = LEAST_BLOCK;
        HP_TRY(read_more(csv, batch, &size, wanted, error));
    }
    HP_TRY(keep_carry(csv, (char *)batch->buffer->data + place, size - place, error));
    if (batch->rows > 0) csv->row_bytes = place / (size_t)batch->rows + 1;
    buffer = batch->buffer;
    HP_FAIL_IF(!hp_io_buffer_reserve_starts(buffer, (size_t)batch->rows + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    buffer->starts[batch->rows] = place;
    ((char *)buffer->data)[place] = '\n';
    buffer->text = (hp_io_text){.layout = &csv->layout,
        .bytes = buffer->data,
        .size = place,
        .starts = buffer->starts,
        .quotes = quotes,
        .rows = batch->rows,
        .first_line = csv->line};
    csv->line += lines;
    return HP_OK;
}

static hp_io_view view_of(const hp_io_batch *batch) {
    return (hp_io_view){.storage = HP_IO_TEXT,
        .dtype = HP_STRING,
        .rank = 2,
        .dims = {batch->rows, batch->buffer->text.layout->pick_count},
        .text = &batch->buffer->text};
}

static hp_status read_csv(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    csv_reader *csv = (csv_reader *)reader;
    HP_TRY(fill_batch(csv, max_rows, batch, error));
    batch->view = view_of(batch);
    csv->last = batch;
    return HP_OK;
}

/* Reads the first bytes into `carry` until they hold two whole rows, and leaves out a byte order mark. */
static hp_status read_start(csv_reader *csv, hp_io_csv_start *start, hp_error *error) {
    size_t size = 0, wanted = LEAST_BLOCK, got, mark = 0;
    for (;; wanted = size) {
        HP_FAIL_IF(size > LONGEST_ROW, error, HP_ERROR_FORMAT, NULL, "the first rows are longer than 1 GiB");
        HP_FAIL_IF(!HP_GROW(csv->carry, csv->carry_capacity, size + wanted + HP_IO_PADDING), error, HP_ERROR_NO_MEMORY,
            NULL, "out of memory");
        HP_TRY(csv->source->read(csv->source, csv->carry + size, wanted, &got, error));
        size += got;
        csv->ended = got < wanted;
        HP_FAIL_IF(size >= 2 && (!memcmp(csv->carry, "\xFF\xFE", 2) || !memcmp(csv->carry, "\xFE\xFF", 2)), error,
            HP_ERROR_FORMAT, NULL, "it is UTF-16 text: save it as UTF-8");
        mark = size >= 3 && !memcmp(csv->carry, "\xEF\xBB\xBF", 3) ? 3 : 0;
        if (csv->ended && size > mark && csv->carry[size - 1] != '\n') csv->carry[size++] = '\n';
        const char *end = csv->carry + size, *rows[2] = {NULL, NULL};
        int found = 0;
        for (const char *p = csv->carry + mark, *next; p < end && found < 2; p = next) {
            next = hp_io_row_end(p, end, csv->layout.delimiter, true);
            if (!next) break;
            if (!is_blank(p, end)) rows[found++] = p;
        }
        *start = (hp_io_csv_start){.first = rows[0], .second = rows[1], .end = end};
        if (found == 2 || csv->ended) break;
    }
    csv->carry_size = size - mark;
    memmove(csv->carry, csv->carry + mark, csv->carry_size);
    if (start->first) start->first -= mark;
    if (start->second) start->second -= mark;
    start->end -= mark;
    csv->line = 1;
    return HP_OK;
}

/* Drops the header (and blank lines before it) from `carry`. */
static void drop_header(csv_reader *csv, const hp_io_csv_start *start) {
    const char *next = hp_io_row_end(start->first, start->end, csv->layout.delimiter, true);
    csv->line += count_lines(csv->carry, next);
    csv->carry_size -= (size_t)(next - csv->carry);
    memmove(csv->carry, next, csv->carry_size);
}

static hp_status restart(csv_reader *csv, hp_error *error) {
    hp_io_csv_start start;
    HP_TRY(csv->source->rewind(csv->source, error));
    csv->ended = false;
    HP_TRY(read_start(csv, &start, error));
    if (csv->has_header && start.first) drop_header(csv, &start);
    return HP_OK;
}

static hp_status seek_csv(hp_io_reader *reader, int64_t row, hp_error *error) {
    csv_reader *csv = (csv_reader *)reader;
    int64_t at = reader->next_row;
    if (row < at) {
        HP_TRY(restart(csv, error));
        at = 0;
    }
    hp_io_batch batch = {0};
    hp_status status = HP_OK;
    while (at < row && status == HP_OK) {
        status = fill_batch(csv, row - at < SKIPPED_ROWS ? row - at : SKIPPED_ROWS, &batch, error);
        if (status == HP_OK && batch.rows == 0)
            status = hp_error_set(
                error, HP_ERROR_ARGUMENT, NULL, "there is no row %lld: it has %lld", (long long)row, (long long)at);
        at += batch.rows;
    }
    hp_io_batch_release(&batch);
    return status;
}

static void close_csv(hp_io_reader *reader) {
    csv_reader *csv = (csv_reader *)reader;
    if (csv->source) csv->source->close(csv->source);
    hp_free(csv->carry);
    hp_arena_release(&csv->arena);
}

static const hp_io_reader_class csv_class = {read_csv, seek_csv, close_csv};

/* Of what `carry` holds: that of the first row that is not blank. */
static int64_t first_line(const csv_reader *csv) {
    const char *p = csv->carry, *end = p + csv->carry_size;
    int64_t line = 1;
    for (; p < end && is_blank(p, end); line++) p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
    return line;
}

static hp_status start_csv(
    csv_reader *csv, const hp_io_place *place, char delimiter, const hp_io_reader_options *options, hp_error *error) {
    hp_io_csv_start start;
    csv->layout.delimiter = delimiter;
    HP_TRY(hp_io_source_open(place->path, &csv->source, error));
    HP_TRY(read_start(csv, &start, error));
    HP_FAIL_IF(!start.first && csv->carry_size > 0 && memchr(csv->carry, '"', csv->carry_size), error, HP_ERROR_FORMAT,
        NULL, "line %lld: a quoted field begins in this row and does not end", (long long)first_line(csv));
    HP_FAIL_IF(!start.first, error, HP_ERROR_FORMAT, NULL, "it is empty");
    start.line = first_line(csv);
    HP_TRY(hp_io_csv_choose_columns(
        &start, delimiter, options, &csv->arena, &csv->layout, &csv->has_header, &csv->base, error));
    csv->layout.kernels = hp_kernels_select(NULL);
    if (csv->has_header) drop_header(csv, &start);
    csv->row_bytes = 16 * (size_t)csv->layout.column_count;
    csv->base.dtype = HP_STRING;
    csv->base.seekable = csv->source->rewind != NULL;
    csv->base.interruptible = csv->source;
    return HP_OK;
}

static hp_status open_separated(const hp_io_place *place, char delimiter, const hp_io_reader_options *options,
    hp_io_reader **reader, hp_error *error) {
    csv_reader *csv = hp_io_reader_new(sizeof *csv, &csv_class, place);
    HP_ALLOCATED(csv, error);
    hp_status status = start_csv(csv, place, delimiter, options, error);
    if (status == HP_OK)
        *reader = &csv->base;
    else
        hp_io_reader_close(&csv->base);
    return status;
}

hp_status hp_io_csv_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    return open_separated(place, ',', options, reader, error);
}

hp_status hp_io_tsv_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    return open_separated(place, '\t', options, reader, error);
}

/* ---- other columns of the same rows */

typedef struct columns_reader {
    hp_io_reader base;
    const csv_reader *rows;
    hp_io_csv_layout layout;
    hp_arena arena;
} columns_reader;

static hp_status read_columns(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    columns_reader *columns = (columns_reader *)reader;
    const hp_io_batch *from = columns->rows->last;
    HP_FAIL_IF(!from || from->first_row != reader->next_row || from->rows > max_rows, error, HP_ERROR_INTERNAL, NULL,
        "the rows from %lld on were not read for the first input", (long long)reader->next_row);
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, 0, 0);
    HP_ALLOCATED(buffer, error);
    batch->rows = from->rows;
    buffer->text = from->buffer->text;
    buffer->text.layout = &columns->layout;
    batch->view = view_of(batch);
    return HP_OK;
}

/* It is where the reader of the rows is. */
static hp_status seek_columns(hp_io_reader *reader, int64_t row, hp_error *error) {
    (void)reader, (void)row, (void)error;
    return HP_OK;
}

static void close_columns(hp_io_reader *reader) {
    hp_arena_release(&((columns_reader *)reader)->arena);
}

static const hp_io_reader_class columns_class = {read_columns, seek_columns, close_columns};

hp_status hp_io_reader_share(
    hp_io_reader *rows, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    const hp_io_place place = {.name = rows->name};
    const csv_reader *csv = (const csv_reader *)rows;
    *reader = NULL;
    HP_FAIL_IF(rows->class != &csv_class, error, HP_ERROR_ARGUMENT, rows->name, "it has no columns to share");
    columns_reader *columns = hp_io_reader_new(sizeof *columns, &columns_class, &place);
    HP_ALLOCATED(columns, error);
    columns->rows = csv;
    columns->layout = csv->layout;
    columns->base.format = rows->format;
    columns->base.dtype = HP_STRING;
    columns->base.seekable = rows->seekable;
    hp_status status = hp_io_csv_pick_columns(options, &columns->arena, &columns->layout, &columns->base, error);
    if (status == HP_OK) {
        *reader = &columns->base;
        return HP_OK;
    }
    hp_error_prefix(error, "%s", rows->name);
    hp_io_reader_close(&columns->base);
    return status;
}
