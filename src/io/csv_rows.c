/* csv_rows.c: see csv_rows.h. */
#include "io/csv_rows.h"

#include <math.h>
#include <string.h>
#include "base/dtype.h"
#include "base/half.h"
#include "io/format.h"
#include "io/number_text.h"
#include "io/powers_of_five.h"
#include "kernels/kernels.h"

enum { LONGEST_NUMBER = 25, LONGEST_COMPLEX = 2 * LONGEST_NUMBER + 2 }; /* number_text.h */

/* A field must be quoted where it holds what has a meaning, or would be read as an empty line. */
static bool needs_quotes(const char *text, size_t size, char delimiter) {
    for (size_t i = 0; i < size; i++)
        if (text[i] == delimiter || text[i] == '"' || text[i] == '\n' || text[i] == '\r') return true;
    return size == 0;
}

char *hp_io_csv_put_string(char *to, const char *text, size_t size, char delimiter) {
    if (!needs_quotes(text, size, delimiter)) {
        if (size) memcpy(to, text, size);
        return to + size;
    }
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') *to++ = '"';
        *to++ = text[i];
    }
    *to++ = '"';
    return to;
}

/* Each element of a row, behind the delimiter if `separate`; the first and all others behind it. */
#define PUT_EACH(type, format, value)                                                                                  \
    for (size_t i = first; i < first + count; i++, separate = true) {                                                  \
        const type x = ((const type *)data)[i];                                                                        \
        *to = delimiter;                                                                                               \
        to += separate;                                                                                                \
        to += format(value, to);                                                                                       \
    }                                                                                                                  \
    break

/* As Python has it: 1.5-2j. */
static char *put_complex(char *to, hp_dtype dtype, const void *data, size_t i) {
    for (size_t part = 2 * i; part < 2 * i + 2; part++) {
        const double x = dtype == HP_COMPLEX64 ? (double)((const float *)data)[part] : ((const double *)data)[part];
        if (part % 2 && (!signbit(x) || isnan(x))) *to++ = '+';
        to += dtype == HP_COMPLEX64 ? hp_io_format_float32((float)x, to) : hp_io_format_float64(x, to);
    }
    *to++ = 'j';
    return to;
}

static char *put_elements(
    char *to, hp_dtype dtype, const void *data, size_t first, size_t count, char delimiter, bool separate) {
    switch (dtype) {
    case HP_FLOAT32:
        PUT_EACH(float, hp_io_format_float32, x);
    case HP_FLOAT64:
        PUT_EACH(double, hp_io_format_float64, x);
    case HP_FLOAT16:
        PUT_EACH(uint16_t, hp_io_format_float32, hp_half_to_float(x));
    case HP_BFLOAT16:
        PUT_EACH(uint16_t, hp_io_format_float32, hp_bfloat_to_float(x));
    case HP_INT8:
        PUT_EACH(int8_t, hp_io_format_int64, x);
    case HP_INT16:
        PUT_EACH(int16_t, hp_io_format_int64, x);
    case HP_INT32:
        PUT_EACH(int32_t, hp_io_format_int64, x);
    case HP_INT64:
        PUT_EACH(int64_t, hp_io_format_int64, x);
    case HP_UINT16:
        PUT_EACH(uint16_t, hp_io_format_uint64, x);
    case HP_UINT32:
        PUT_EACH(uint32_t, hp_io_format_uint64, x);
    case HP_UINT64:
        PUT_EACH(uint64_t, hp_io_format_uint64, x);
    case HP_COMPLEX64:
    case HP_COMPLEX128:
        for (size_t i = first; i < first + count; i++, separate = true) {
            *to = delimiter;
            to = put_complex(to + separate, dtype, data, i);
        }
        break;
    case HP_BOOL:
        PUT_EACH(uint8_t, hp_io_format_uint64, x != 0);
    case HP_STRING:
        for (size_t i = first; i < first + count; i++, separate = true) {
            const hp_string *string = (const hp_string *)data + i;
            *to = delimiter;
            to += separate;
            to = hp_io_csv_put_string(to, string->data, string->size, delimiter);
        }
        break;
    default:
        PUT_EACH(uint8_t, hp_io_format_uint64, x);
    }
    return to;
}

/* ---- float32, some at a time */

enum { AT_ONCE = 64, TEXT_ROOM = 16, MOST_AHEAD = 16 };

/* The numbers of an output, of which the next ones have their texts. */
typedef struct texts_ahead {
    const float *values;
    size_t left, at, made; /* how many of them there are, and of those with texts, which is next */
    char texts[AT_ONCE * TEXT_ROOM];
    unsigned char sizes[AT_ONCE];
} texts_ahead;

static void make_texts(texts_ahead *ahead, const hp_kernels *kernels) {
    ahead->values += ahead->made;
    ahead->left -= ahead->made;
    ahead->at = 0;
    ahead->made = ahead->left < AT_ONCE ? ahead->left : AT_ONCE;
    kernels->text_put_floats(
        ahead->values, ahead->made, &hp_io_powers_of_five[-HP_IO_LEAST_POWER].high, ahead->texts, ahead->sizes);
}

static inline char *put_ahead(char *to, texts_ahead *ahead, const hp_io_csv_style *style, size_t count, bool separate) {
    for (size_t i = 0; i < count; i++, separate = true) {
        if (ahead->at == ahead->made) make_texts(ahead, style->kernels);
        size_t size = ahead->sizes[ahead->at];
        *to = style->delimiter;
        to += separate;
        memcpy(to, ahead->texts + TEXT_ROOM * ahead->at, TEXT_ROOM);
        if (size == 0) size = hp_io_format_float32(ahead->values[ahead->at], to);
        to += size;
        ahead->at++;
    }
    return to;
}

/* ---- rows */

char *hp_io_csv_put_rows(char *to, const hp_io_writer *writer, const hp_io_csv_style *style, int64_t first,
    int64_t rows, const void *const *data, const hp_string *ids) {
    texts_ahead ahead[MOST_AHEAD]; /* large, so not zeroed */
    const int count = writer->output_count, most = count < MOST_AHEAD ? count : MOST_AHEAD;
    const size_t id_count = (size_t)writer->id_count;
    for (int i = 0; i < most; i++) {
        if (writer->outputs[i].dtype != HP_FLOAT32) continue;
        size_t elements = hp_io_output_row_elements(&writer->outputs[i]);
        ahead[i].values = (const float *)data[i] + (size_t)first * elements;
        ahead[i].left = (size_t)rows * elements;
        ahead[i].at = ahead[i].made = 0;
    }
    for (int64_t row = first; row < first + rows; row++) {
        bool separate = id_count > 0;
        if (separate) to = put_elements(to, HP_STRING, ids, (size_t)row * id_count, id_count, style->delimiter, false);
        for (int i = 0; i < count; i++) {
            const hp_io_output *output = &writer->outputs[i];
            size_t elements = hp_io_output_row_elements(output);
            if (output->dtype == HP_FLOAT32 && i < most)
                to = put_ahead(to, &ahead[i], style, elements, separate);
            else
                to = put_elements(
                    to, output->dtype, data[i], (size_t)row * elements, elements, style->delimiter, separate);
            separate |= elements > 0;
        }
        *to++ = '\n';
    }
    return to;
}

size_t hp_io_csv_row_room(const hp_io_writer *writer) {
    size_t bytes = HP_IO_NUMBER_TEXT + 1 + 3 * (size_t)writer->id_count;
    for (int i = 0; i < writer->output_count; i++)
        bytes += ((hp_dtype_is_complex(writer->outputs[i].dtype) ? LONGEST_COMPLEX : LONGEST_NUMBER) + 1) *
                 hp_io_output_row_elements(&writer->outputs[i]);
    return bytes;
}

static size_t string_bytes(const hp_string *strings, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += 2 * strings[i].size;
    return bytes;
}

size_t hp_io_csv_strings_room(const hp_io_writer *writer, int64_t row, const void *const *data, const hp_string *ids) {
    size_t bytes = writer->id_count ? string_bytes(ids + row * writer->id_count, (size_t)writer->id_count) : 0;
    for (int i = 0; i < writer->output_count; i++) {
        if (writer->outputs[i].dtype != HP_STRING) continue;
        size_t count = hp_io_output_row_elements(&writer->outputs[i]);
        bytes += string_bytes((const hp_string *)data[i] + (size_t)row * count, count);
    }
    return bytes;
}
