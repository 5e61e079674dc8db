/* csv_numbers.c: see csv_numbers.h.
 *
 * Some kilobytes of rows are taken at a time: their separators are found, each row is checked to have as many as it must,
 * and all their fields are converted in one go by a kernel; what the kernel finds odd (an exponent, blanks, a word) is done
 * one by one. Rows with quotes, too few fields or a blank line behind them are left to the complete way. */
#include "io/csv_numbers.h"

#include <math.h>
#include <string.h>
#include "base/dtype.h"
#include "base/half.h"
#include "io/number_text.h"
#include "kernels/kernels.h"

enum { PIECE = 8 << 10, MOST_FIELDS = 4096, ROOM = MOST_FIELDS + 128, BEFORE = 31 };

/* Rows in work: their text from the first one's start on, and the places of its separators from marks[1] on. */
typedef struct piece {
    const hp_io_text *text;
    const hp_io_pick *picks;
    int64_t pick_count;
    bool all; /* every column is picked, in the order of the file */
    int64_t row, rows;
    const char *bytes;
    int32_t marks[ROOM];
    size_t mark_count;
    int32_t before[MOST_FIELDS], ends[MOST_FIELDS]; /* of the fields that are picked, as they are stored */
    uint32_t odd[MOST_FIELDS + 1];
    double values[MOST_FIELDS]; /* of fields that become neither float32 nor float64 */
} piece;

/* Where a row's line feed stands, if nothing but the next row follows. */
static inline int32_t line_feed(const piece *p, int64_t row) {
    return (int32_t)(p->text->bytes + p->text->starts[row + 1] - 1 - p->bytes);
}

static bool has_quotes(const hp_io_text *text, int64_t row) {
    const char *begin = text->bytes + text->starts[row];
    return text->quotes && memchr(begin, '"', text->starts[row + 1] - text->starts[row]);
}

/* The separators of the rows from `row` on, as many as are taken at a time; false: there is none to be done here. */
static bool begin_piece(piece *p, int64_t row, int64_t rows) {
    const hp_io_text *text = p->text;
    const size_t *starts = text->starts + row;
    p->row = row;
    p->bytes = text->bytes + *starts;
    if (*starts < BEFORE || has_quotes(text, row)) return false;
    int64_t count = 1;
    while (count < rows && starts[count + 1] - *starts <= PIECE && !has_quotes(text, row + count)) count++;
    if (starts[count] - *starts > INT32_MAX / 2) return false;
    p->rows = count;
    p->marks[0] = -1;
    p->mark_count = 1 + text->layout->kernels->text_find(
                            p->marks + 1, ROOM - 1, p->bytes, starts[count] - *starts, text->layout->delimiter, '\n');
    return true;
}

/* How many of the piece's rows, from the first on, have as many fields as they must; the fields that are picked of them are
 * listed, or, if the marks can stand for that list, *listed is false. */
static int64_t list_fields(piece *p, bool *listed) {
    const int64_t columns = p->text->layout->column_count;
    int64_t good = 0;
    bool returns = false;
    for (size_t mark = 0; good < p->rows && mark + (size_t)columns < p->mark_count; good++, mark += (size_t)columns) {
        int32_t end = line_feed(p, p->row + good);
        if (p->marks[mark + (size_t)columns] != end || (good + 1) * p->pick_count > MOST_FIELDS) break;
        returns |= end > 0 && p->bytes[end - 1] == '\r';
    }
    *listed = !p->all || returns;
    for (int64_t row = 0; row < good && *listed; row++) {
        const int32_t *marks = p->marks + row * columns;
        for (int64_t i = 0; i < p->pick_count; i++) {
            const hp_io_pick *pick = &p->picks[i];
            int32_t end = marks[pick->column + 1];
            if (pick->column + 1 == columns && end > marks[pick->column] + 1 && p->bytes[end - 1] == '\r') end--;
            p->before[row * p->pick_count + pick->target] = marks[pick->column];
            p->ends[row * p->pick_count + pick->target] = end;
        }
    }
    return good;
}

/* A field that is no plain number. */
static bool convert_odd(const char *begin, const char *end, hp_dtype dtype, void *to) {
    char what[HP_IO_NUMBER_MESSAGE];
    while (begin < end && *begin == ' ') begin++;
    if (begin < end && dtype == HP_FLOAT32 && hp_io_parse_float32(begin, to) == end) return true;
    if (begin < end && dtype == HP_FLOAT64 && hp_io_parse_float64(begin, to) == end) return true;
    return hp_io_number_from_text(begin, (size_t)(end - begin), dtype, to, what);
}

/* Each value as `type`, up to the first that is none: no whole number, or too large. They are below 2^63. */
#define NARROW(type)                                                                                                   \
    for (; i < n; i++) {                                                                                               \
        const type x = (type)(int64_t)values[i];                                                                       \
        if ((double)x != values[i]) break;                                                                             \
        ((type *)dst)[i] = x;                                                                                          \
    }                                                                                                                  \
    return i

#define STORE(type, expression)                                                                                        \
    for (; i < n; i++) ((type *)dst)[i] = (type)(expression);                                                          \
    return i

/* How many values, from the first on, are stored as `dtype`. */
static size_t narrow(const double *values, size_t n, hp_dtype dtype, void *dst) {
    size_t i = 0;
    switch (dtype) {
    case HP_INT8:
        NARROW(int8_t);
    case HP_INT16:
        NARROW(int16_t);
    case HP_INT32:
        NARROW(int32_t);
    case HP_INT64:
        NARROW(int64_t);
    case HP_UINT8:
        NARROW(uint8_t);
    case HP_UINT16:
        NARROW(uint16_t);
    case HP_UINT32:
        NARROW(uint32_t);
    case HP_UINT64:
        NARROW(uint64_t);
    case HP_BOOL:
        STORE(uint8_t, values[i] != 0);
    case HP_FLOAT16:
        STORE(uint16_t, hp_half_from_double(values[i]));
    case HP_BFLOAT16:
        STORE(uint16_t, hp_bfloat_from_double(values[i]));
    default:
        return 0;
    }
}

/* Converts `rows` rows whose fields are known; how many are done, from the first on. */
static int64_t convert_fields(piece *p, int64_t rows, bool listed, hp_dtype dtype, char *dst) {
    const hp_kernels *kernels = p->text->layout->kernels;
    const size_t count = (size_t)p->pick_count;
    hp_text_fields fields = {.text = p->bytes,
        .before = listed ? p->before : p->marks,
        .end = listed ? p->ends : p->marks + 1,
        .n = (size_t)rows * count};
    size_t odd, good = fields.n;
    if (dtype == HP_FLOAT32) {
        odd = kernels->text_floats(&fields, (float *)(void *)dst, p->odd);
    } else if (dtype == HP_FLOAT64) {
        odd = kernels->text_doubles(&fields, (double *)(void *)dst, p->odd);
    } else {
        odd = kernels->text_doubles(&fields, p->values, p->odd);
        for (size_t i = 0; i < odd; i++) p->values[p->odd[i]] = 0;
        good = narrow(p->values, fields.n, dtype, dst) / count * count;
    }
    for (size_t i = 0; i < odd && p->odd[i] < good; i++) {
        size_t field = p->odd[i];
        const char *begin = p->bytes + fields.before[field] + 1, *end = p->bytes + fields.end[field];
        if (!convert_odd(begin, end, dtype, dst + field * hp_dtype_size(dtype))) return (int64_t)(field / count);
    }
    return (int64_t)(good / count);
}

int64_t hp_io_quick_rows(const hp_io_text *text, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst) {
    const hp_io_csv_layout *layout = text->layout;
    piece p; /* large, so not zeroed */
    if (!layout->kernels || layout->column_count > MOST_FIELDS || layout->pick_count > MOST_FIELDS) return 0;
    p.text = text;
    p.picks = layout->picks;
    p.pick_count = layout->pick_count;
    p.all = layout->pick_count == layout->column_count;
    for (int64_t i = 0; i < layout->pick_count && p.all; i++)
        p.all = layout->picks[i].column == i && layout->picks[i].target == i;
    int64_t done = 0;
    while (done < rows && begin_piece(&p, first_row + done, rows - done)) {
        bool listed;
        int64_t good = list_fields(&p, &listed);
        char *to = (char *)dst + (size_t)(done * layout->pick_count) * hp_dtype_size(dtype);
        int64_t converted = convert_fields(&p, good, listed, dtype, to);
        done += converted;
        if (converted == 0 || converted < good) break;
    }
    return done;
}
