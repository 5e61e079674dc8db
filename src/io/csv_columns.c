/* csv_columns.c: see csv_columns.h. */
#include "io/csv_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing list of picks. */
typedef struct pick_list {
    hp_io_pick *picks;
    size_t capacity;
    int64_t count;
} pick_list;

static hp_status add_pick(pick_list *list, int64_t column, hp_error *error) {
    HP_FAIL_IF(!HP_GROW(list->picks, list->capacity, (size_t)list->count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    list->picks[list->count] = (hp_io_pick){.column = column, .target = list->count};
    list->count++;
    return HP_OK;
}

static hp_status next_field(
    const hp_io_csv_start *start, const char **p, char delimiter, hp_io_field *field, hp_error *error) {
    *p = hp_io_field_read(*p, start->end, delimiter, field);
    HP_FAIL_IF(!*p, error, HP_ERROR_FORMAT, NULL,
        "line %lld: a quoted field is followed by something other than a separator", (long long)start->line);
    return HP_OK;
}

static hp_status count_columns(const hp_io_csv_start *start, char delimiter, int64_t *count, hp_error *error) {
    hp_io_field field;
    *count = 1;
    for (const char *p = start->first;; p++, ++*count) {
        HP_TRY(next_field(start, &p, delimiter, &field, error));
        if (*p != delimiter) return HP_OK;
    }
}

/* The rule of HP_IO_HEADER_AUTO: a field that is no value, and below it a value or no row at all; or the input's name. A
 * row of text alone, for an input that takes text, is a row. */
static hp_status looks_like_header(
    const hp_io_csv_start *start, char delimiter, const hp_io_reader_options *options, bool *header, hp_error *error) {
    const char *p = start->first, *q = start->second;
    *header = false;
    for (;; p++) {
        hp_io_field name, below;
        HP_TRY(next_field(start, &p, delimiter, &name, error));
        bool is_name = !hp_io_field_is_value(&name);
        bool text_below = !q && options->text;
        if (options->input && name.size == strlen(options->input) && !memcmp(name.data, options->input, name.size))
            *header = true;
        if (q) {
            q = hp_io_field_read(q, start->end, delimiter, &below);
            text_below = q && !hp_io_field_is_value(&below);
            if (!q || (*q != delimiter && *p == delimiter)) return HP_OK; /* malformed: said when it is read */
            q++;
        }
        if (is_name && !text_below) *header = true;
        if (*p != delimiter) return HP_OK;
    }
}

static const char *field_text(const hp_io_field *field, hp_arena *arena) {
    char *text = hp_arena_alloc(arena, field->size + 1);
    if (!text) return NULL;
    size_t n = hp_io_field_unescape(field, text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    text[n] = '\0';
    return text + strspn(text, " \t");
}

static hp_status read_names(const hp_io_csv_start *start, hp_io_csv_layout *layout, hp_arena *arena, hp_error *error) {
    const char **names = hp_arena_alloc(arena, (size_t)layout->column_count * sizeof *names);
    HP_ALLOCATED(names, error);
    const char *p = start->first;
    for (int64_t i = 0; i < layout->column_count; i++, p++) {
        hp_io_field field;
        HP_TRY(next_field(start, &p, layout->delimiter, &field, error));
        names[i] = field_text(&field, arena);
        HP_ALLOCATED(names[i], error);
    }
    layout->column_names = names;
    return HP_OK;
}

static bool parse_number(const char **p, int64_t *number) {
    if (**p < '0' || **p > '9') return false;
    for (*number = 0; **p >= '0' && **p <= '9'; ++*p) {
        if (*number > INT32_MAX) return false;
        *number = *number * 10 + (**p - '0');
    }
    return true;
}

static bool parse_range(const char *item, int64_t *first, int64_t *last) {
    if (!parse_number(&item, first)) return false;
    *last = *first;
    if (*item == '-') {
        item++;
        if (!parse_number(&item, last)) return false;
    }
    return *item == '\0';
}

static hp_status fail_no_column(const char *item, const hp_io_csv_layout *layout, hp_error *error) {
    char known[300] = "";
    size_t n = 0;
    for (int64_t i = 0; layout->column_names && i < layout->column_count && n + 80 < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s\"%.60s\"", i ? ", " : ": ", layout->column_names[i]);
    HP_FAIL(error, HP_ERROR_ARGUMENT, NULL, "there is no column \"%.100s\" among its %lld columns%s", item,
        (long long)layout->column_count, known);
}

/* One item of --columns: a name, a number or a range of numbers. */
static hp_status pick_item(const char *item, const hp_io_csv_layout *layout, pick_list *list, hp_error *error) {
    for (int64_t i = 0; layout->column_names && i < layout->column_count; i++)
        if (!strcmp(layout->column_names[i], item)) return add_pick(list, i, error);
    int64_t first, last;
    if (!parse_range(item, &first, &last) || first > last || last >= layout->column_count)
        return fail_no_column(item, layout, error);
    for (int64_t i = first; i <= last; i++) HP_TRY(add_pick(list, i, error));
    return HP_OK;
}

/* The items of a list of columns, written as a row of csv: added to `list` if not NULL; *has_name, if not NULL, becomes
 * true where one of them can only be a name. */
static hp_status each_item(
    const char *items, const hp_io_csv_layout *layout, pick_list *list, bool *has_name, hp_error *error) {
    hp_arena arena = {0};
    size_t n = strlen(items);
    char *row = hp_arena_alloc(&arena, n + HP_IO_PADDING);
    hp_status status = row ? HP_OK : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (row) {
        memcpy(row, items, n);
        row[n] = '\n';
    }
    const char *p = row;
    for (bool more = row != NULL; more && status == HP_OK; p++) {
        hp_io_field field;
        const char *end = hp_io_field_read(p, row + n + 1, ',', &field);
        more = end && *end == ',';
        bool whole = more || (end && end + (*end == '\r') == row + n);
        const char *item = whole ? field_text(&field, &arena) : NULL;
        if (!whole)
            status = hp_error_set(error, HP_ERROR_ARGUMENT, NULL, "the list of columns \"%s\" is malformed", items);
        else if (!item)
            status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        else if (list)
            status = pick_item(item, layout, list, error);
        int64_t first, last;
        if (item && has_name && !parse_range(item, &first, &last)) *has_name = true;
        if (more) p = end;
    }
    hp_arena_release(&arena);
    return status;
}

static int by_column(const void *a, const void *b) {
    const hp_io_pick *x = a, *y = b;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return x->target < y->target ? -1 : x->target > y->target;
}

/* Names of the picks in the order of their targets: the header's, else their numbers. */
static hp_status pick_names(const hp_io_csv_layout *layout, const hp_io_pick *picks, int64_t count, hp_arena *arena,
    const char *const **names, hp_error *error) {
    const char **made = hp_arena_alloc(arena, (size_t)count * sizeof *made);
    HP_ALLOCATED(made, error);
    for (int64_t i = 0; i < count; i++) {
        const char *name = layout->column_names ? layout->column_names[picks[i].column]
                                                : hp_arena_printf(arena, "%lld", (long long)picks[i].column);
        HP_ALLOCATED(name, error);
        made[picks[i].target] = name;
    }
    *names = made;
    return HP_OK;
}

static hp_status finish_picks(pick_list *list, hp_arena *arena, const hp_io_pick **picks, hp_error *error) {
    if (list->count > 0) qsort(list->picks, (size_t)list->count, sizeof *list->picks, by_column);
    *picks = hp_arena_copy(arena, list->picks, (size_t)list->count * sizeof *list->picks);
    HP_ALLOCATED(*picks, error);
    return HP_OK;
}

static bool is_id(const hp_io_csv_layout *layout, int64_t column) {
    for (int64_t i = 0; i < layout->id_count; i++)
        if (layout->id_picks[i].column == column) return true;
    return false;
}

static hp_status choose_picks(const hp_io_reader_options *options, hp_arena *arena, hp_io_csv_layout *layout,
    pick_list *ids, pick_list *columns, hp_error *error) {
    if (options->id_columns) HP_TRY(each_item(options->id_columns, layout, ids, NULL, error));
    HP_TRY(finish_picks(ids, arena, &layout->id_picks, error));
    layout->id_count = ids->count;
    if (options->columns) {
        HP_TRY(each_item(options->columns, layout, columns, NULL, error));
    } else {
        for (int64_t i = 0; i < layout->column_count; i++)
            if (!is_id(layout, i)) HP_TRY(add_pick(columns, i, error));
    }
    HP_FAIL_IF(columns->count == 0, error, HP_ERROR_ARGUMENT, NULL, "no columns are left to read");
    HP_TRY(finish_picks(columns, arena, &layout->picks, error));
    layout->pick_count = columns->count;
    return HP_OK;
}

hp_status hp_io_csv_pick_columns(const hp_io_reader_options *options, hp_arena *arena, hp_io_csv_layout *layout,
    hp_io_reader *reader, hp_error *error) {
    pick_list ids = {0}, columns = {0};
    hp_status status = choose_picks(options, arena, layout, &ids, &columns, error);
    hp_free(ids.picks);
    hp_free(columns.picks);
    if (status != HP_OK) return status;
    reader->rank = 1;
    reader->dims[0] = layout->pick_count;
    reader->id_count = (int)layout->id_count;
    HP_TRY(pick_names(layout, layout->id_picks, layout->id_count, arena, &reader->id_names, error));
    if (!layout->column_names) return HP_OK;
    reader->column_count = (int)layout->pick_count;
    return pick_names(layout, layout->picks, layout->pick_count, arena, &reader->column_names, error);
}

hp_status hp_io_csv_choose_columns(const hp_io_csv_start *start, char delimiter, const hp_io_reader_options *options,
    hp_arena *arena, hp_io_csv_layout *layout, bool *has_header, hp_io_reader *reader, hp_error *error) {
    *layout = (hp_io_csv_layout){.delimiter = delimiter};
    *has_header = options->header == HP_IO_HEADER_YES;
    if (options->header == HP_IO_HEADER_AUTO) {
        HP_TRY(looks_like_header(start, delimiter, options, has_header, error));
        if (options->columns) HP_TRY(each_item(options->columns, NULL, NULL, has_header, error));
        if (options->id_columns) HP_TRY(each_item(options->id_columns, NULL, NULL, has_header, error));
    }
    HP_TRY(count_columns(start, delimiter, &layout->column_count, error));
    if (*has_header) HP_TRY(read_names(start, layout, arena, error));
    return hp_io_csv_pick_columns(options, arena, layout, reader, error);
}
