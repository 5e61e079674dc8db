/* csv_text.c: finding rows and fields in separated text, and converting them; see csv_text.h. */
#include "io/csv_text.h"

#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "io/csv_numbers.h"
#include "io/number_text.h"
#include "io/reader.h"

/* ---- rows and fields ------------------------------------------------------------------------------------------ */

/* The place after the quoted field's closing quote; NULL if there is none before `end`. `p` is after the opening. */
static const char *quoted_end(const char *p, const char *end) {
    for (;;) {
        p = memchr(p, '"', (size_t)(end - p));
        if (!p) return NULL;
        if (p + 1 >= end || p[1] != '"') return p + 1;
        p += 2;
    }
}

const char *hp_io_row_end(const char *p, const char *end, char delimiter, bool quotes) {
    const char *line = memchr(p, '\n', (size_t)(end - p));
    if (!line) return NULL;
    if (!quotes || !memchr(p, '"', (size_t)(line - p))) return line + 1;
    for (bool field_start = true; p < end;) {
        if (field_start && *p == '"') {
            p = quoted_end(p + 1, end);
            if (!p) return NULL;
            field_start = false;
            continue;
        }
        if (*p == '\n') return p + 1;
        field_start = *p++ == delimiter;
    }
    return NULL;
}

const char *hp_io_field_read(const char *p, const char *end, char delimiter, hp_io_field *field) {
    const char *start = p;
    *field = (hp_io_field){.data = p};
    if (*p != '"') {
        while (*p != delimiter && *p != '\n') p++;
        if (*p == '\n' && p > start && p[-1] == '\r') p--;
        field->size = (size_t)(p - start);
        return p;
    }
    p = quoted_end(start + 1, end);
    if (!p) return NULL;
    *field = (hp_io_field){.data = start + 1, .size = (size_t)(p - start - 2), .quoted = true};
    field->escaped = memchr(field->data, '"', field->size) != NULL;
    return *p == delimiter || *p == '\n' || (*p == '\r' && p[1] == '\n') ? p : NULL;
}

size_t hp_io_field_unescape(const hp_io_field *field, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < field->size; i++) {
        to[n++] = field->data[i];
        if (field->data[i] == '"') i++; /* the second of two */
    }
    return n;
}

bool hp_io_field_is_value(const hp_io_field *field) {
    uint8_t value;
    char what[HP_IO_NUMBER_MESSAGE];
    return hp_io_field_is_missing(field) || hp_io_number_from_text(field->data, field->size, HP_BOOL, &value, what);
}

/* ---- errors --------------------------------------------------------------------------------------------------- */

static int64_t line_of(const hp_io_text *text, const char *place) {
    int64_t line = text->first_line;
    for (const char *p = text->bytes; (p = memchr(p, '\n', (size_t)(place - p))) != NULL; p++) line++;
    return line;
}

/* "line 7, column 3 ("age"): ..." with lines and columns counted from 1, as editors do. */
static hp_status fail_field(const hp_io_view *view, int64_t row, const char *place, int64_t column, hp_status status,
    const char *what, hp_error *error) {
    const hp_io_csv_layout *layout = view->text->layout;
    const char *name = layout->column_names && column < layout->column_count ? layout->column_names[column] : NULL;
    hp_error_set(error, status, view->name, "line %lld, column %lld%s%.100s%s: %s",
        (long long)line_of(view->text, place), (long long)column + 1, name ? " (\"" : "", name ? name : "",
        name ? "\")" : "", what);
    if (error) error->row = view->first_row + row;
    return status;
}

static hp_status fail_width(const hp_io_view *view, int64_t row, const char *place, int64_t found, hp_error *error) {
    hp_error_set(error, HP_ERROR_FORMAT, view->name, "line %lld: it has %lld field%s, and the first line has %lld",
        (long long)line_of(view->text, place), (long long)found, found == 1 ? "" : "s",
        (long long)view->text->layout->column_count);
    if (error) error->row = view->first_row + row;
    return HP_ERROR_FORMAT;
}

static const char *const bad_quotes = "a quoted field is followed by something other than a separator";

/* ---- converting rows ------------------------------------------------------------------------------------------ */

static hp_status store_string(const hp_io_field *field, hp_arena *strings, hp_string *string, hp_error *error) {
    *string = (hp_string){field->data, field->size};
    if (!field->escaped) return HP_OK;
    char *copy = hp_arena_alloc(strings, field->size + 1);
    HP_ALLOCATED(copy, error);
    *string = (hp_string){copy, hp_io_field_unescape(field, copy)};
    return HP_OK;
}

/* One row, any dtype: the fields that `picks` name go to dst[target]. `whole`: all fields are looked at and counted, not
 * only those up to the last pick. */
static hp_status convert_row(const hp_io_view *view, int64_t row, const hp_io_pick *picks, int64_t pick_count,
    bool whole, hp_dtype dtype, char *dst, hp_arena *strings, hp_error *error) {
    const hp_io_text *text = view->text;
    const hp_io_csv_layout *layout = text->layout;
    const char *start = text->bytes + text->starts[row], *end = text->bytes + text->size + 1, *p = start;
    size_t size = hp_dtype_size(dtype);
    const hp_io_pick *pick = picks, *last = picks + pick_count;
    for (int64_t column = 0;; column++, p++) {
        hp_io_field field;
        const char *place = p;
        p = hp_io_field_read(p, end, layout->delimiter, &field);
        if (!p) return fail_field(view, row, place, column, HP_ERROR_FORMAT, bad_quotes, error);
        for (; pick < last && pick->column == column; pick++) {
            char *to = dst + (size_t)pick->target * size, what[HP_IO_NUMBER_MESSAGE];
            if (dtype == HP_STRING)
                HP_TRY(store_string(&field, strings, (hp_string *)(void *)to, error));
            else if (!hp_io_number_from_text(field.data, field.size, dtype, to, what))
                return fail_field(view, row, place, column, HP_ERROR_ROW, what, error);
        }
        if (pick == last && !whole) return HP_OK;
        if (*p == layout->delimiter) continue;
        if (column + 1 != layout->column_count) return fail_width(view, row, start, column + 1, error);
        return HP_OK;
    }
}

hp_status hp_io_text_convert(const hp_io_view *view, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst,
    hp_arena *strings, hp_error *error) {
    const hp_io_text *text = view->text;
    const hp_io_csv_layout *layout = text->layout;
    int64_t count = layout->pick_count;
    for (int64_t i = 0; i < rows; i++) {
        char *to = (char *)dst + (size_t)(i * count) * hp_dtype_size(dtype);
        int64_t quick = dtype != HP_STRING ? hp_io_quick_rows(text, first_row + i, rows - i, dtype, to) : 0;
        i += quick;
        to += (size_t)(quick * count) * hp_dtype_size(dtype);
        if (i < rows) HP_TRY(convert_row(view, first_row + i, layout->picks, count, true, dtype, to, strings, error));
    }
    return HP_OK;
}

hp_status hp_io_text_ids(
    const hp_io_view *view, int64_t first_row, int64_t rows, hp_string *ids, hp_arena *strings, hp_error *error) {
    const hp_io_csv_layout *layout = view->text->layout;
    /* Whether the row is whole, those say who convert its numbers. */
    for (int64_t i = 0; i < rows && layout->id_count > 0; i++)
        HP_TRY(convert_row(view, first_row + i, layout->id_picks, layout->id_count, false, HP_STRING,
            (char *)(ids + i * layout->id_count), strings, error));
    return HP_OK;
}

hp_status hp_io_ids(
    const hp_io_batch *batch, int64_t first_row, int64_t rows, hp_string *ids, hp_arena *strings, hp_error *error) {
    const hp_io_view *view = &batch->view;
    if (view->storage != HP_IO_TEXT) return HP_OK;
    HP_FAIL_IF(first_row < 0 || rows < 0 || first_row > batch->rows - rows, error, HP_ERROR_ARGUMENT, view->name,
        "there are no ids of rows %lld to %lld", (long long)first_row, (long long)(first_row + rows));
    return hp_io_text_ids(view, first_row, rows, ids, strings, error);
}
