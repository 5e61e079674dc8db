/* csv_text.h: rows of separated text (RFC 4180): finding them, and parsing their fields.
 *
 * A field is quoted if it begins with a double quote; within, "" is a quote, and separators and line ends are
 * text. Lines end with LF or CR LF; empty lines are skipped. A number may stand between blanks. A field that is empty
 * or one of NA, N/A, <NA>, NaN, NULL, None, in any case, is missing: NaN in a float column, an error in an integer or
 * bool one; strings are taken as they are. Bools may be written true and false. An integer may be written with a
 * point or exponent (3.0, 1e3) if it is one. Numbers have a decimal point whatever the locale.
 *
 * Invariant: HP_IO_PADDING bytes after the text can be read, of which the first is a line feed: so loops over fields
 * need no check for the end. Rows are found by the reader, fields by whoever converts. */
#ifndef HP_IO_CSV_TEXT_H
#define HP_IO_CSV_TEXT_H

#include "io/view.h"

#define HP_IO_PADDING 64

/* Which field goes where. */
typedef struct hp_io_pick {
    int64_t column; /* in the file, from 0 */
    int64_t target; /* which element of the row (or which id) it is */
} hp_io_pick;

typedef struct hp_io_csv_layout {
    char delimiter;
    int64_t column_count;            /* in the file */
    const char *const *column_names; /* all of the file's; NULL without a header */
    const hp_io_pick *picks;         /* the columns that are read, ascending by column */
    int64_t pick_count;
    const hp_io_pick *id_picks; /* the same for ids */
    int64_t id_count;
    const struct hp_kernels *kernels; /* of this machine; NULL: numbers are parsed one by one */
} hp_io_csv_layout;

/* The rows of a batch. */
typedef struct hp_io_text {
    const hp_io_csv_layout *layout;
    const char *bytes;
    size_t size;
    const size_t *starts; /* of each row in bytes, and behind the last where the text ends */
    bool quotes;          /* whether there may be any */
    int64_t rows;
    int64_t first_line; /* line number of bytes[0], from 1 */
} hp_io_text;

/* One field, as it stands in the text. */
typedef struct hp_io_field {
    const char *data; /* without the outer quotes */
    size_t size;
    bool escaped; /* holds "" for a quote: needs hp_io_field_unescape */
    bool quoted;
} hp_io_field;

/* Reads the field that begins at `p`, and returns the place of what ends it: the separator or the line end (at '\r'
 * of CR LF or at '\n'); NULL for a quoted field that something follows, or that does not end before `end`. */
const char *hp_io_field_read(const char *p, const char *end, char delimiter, hp_io_field *field);
/* Writes the field's text with "" made " to `to` (field->size bytes of room); returns its size. */
size_t hp_io_field_unescape(const hp_io_field *field, char *to);
bool hp_io_field_is_missing(const hp_io_field *field);
bool hp_io_field_is_value(const hp_io_field *field); /* missing, a number, true or false: no name of a column */

/* The end of the row that begins at `p` (the place after its line feed), or NULL if it does not end before `end`.
 * `quotes`: whether there may be quotes at all between p and end. */
const char *hp_io_row_end(const char *p, const char *end, char delimiter, bool quotes);

/* hp_io_convert and hp_io_ids for text. */
hp_status hp_io_text_convert(const hp_io_view *view, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst,
    hp_arena *strings, hp_error *error);
hp_status hp_io_text_ids(
    const hp_io_view *view, int64_t first_row, int64_t rows, hp_string *ids, hp_arena *strings, hp_error *error);

#endif
