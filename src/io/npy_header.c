/* npy_header.c: reading and writing the header of a .npy file.
 *
 * The header is the text of a Python dictionary with three keys, {'descr': '<f4', 'fortran_order': False, 'shape':
 * (3, 4), }. The parser takes that and the spellings that Python 2 and other writers left behind, and nothing else. */
#include "io/npy_header.h"

#include <stdio.h>
#include <string.h>
#include "base/dtype.h"

enum { LONGEST_HEADER = 1 << 20, LONGEST_DESCR = 64 };

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool hp_io_npy_is_magic(const unsigned char *bytes, size_t count) {
    return count >= sizeof magic && !memcmp(bytes, magic, sizeof magic);
}

static bool host_is_little(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

static void skip_blanks(const char **p) {
    while (**p == ' ' || **p == '\t' || **p == '\n' || **p == '\r') ++*p;
}

static bool take(const char **p, const char *word) {
    skip_blanks(p);
    size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0) return false;
    *p += n;
    return true;
}

static bool take_string(const char **p, char *text, size_t size) {
    skip_blanks(p);
    char quote = **p;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(*p + 1, quote);
    if (!end || (size_t)(end - *p - 1) >= size) return false;
    memcpy(text, *p + 1, (size_t)(end - *p - 1));
    text[end - *p - 1] = '\0';
    *p = end + 1;
    return true;
}

static bool take_size(const char **p, int64_t *size) {
    skip_blanks(p);
    if (**p < '0' || **p > '9') return false;
    int64_t value = 0;
    for (; **p >= '0' && **p <= '9'; ++*p)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **p - '0', &value)) return false;
    if (**p == 'L') ++*p; /* Python 2 */
    *size = value;
    return true;
}

static hp_status parse_shape(const char **p, hp_io_array_layout *layout, hp_error *error) {
    HP_FAIL_IF(!take(p, "("), error, HP_ERROR_FORMAT, NULL, "the .npy header is damaged: 'shape' is no tuple");
    layout->rank = 0;
    while (!take(p, ")")) {
        int64_t size;
        HP_FAIL_IF(!take_size(p, &size), error, HP_ERROR_FORMAT, NULL,
            "the .npy header is damaged: 'shape' does not hold sizes");
        HP_FAIL_IF(
            layout->rank == HP_MAX_RANK, error, HP_ERROR_FORMAT, NULL, "the array has more than %d axes", HP_MAX_RANK);
        layout->dims[layout->rank++] = size;
        if (take(p, ",")) continue;
        skip_blanks(p);
        HP_FAIL_IF(**p != ')', error, HP_ERROR_FORMAT, NULL, "the .npy header is damaged in 'shape'");
    }
    return HP_OK;
}

static const struct {
    const char *descr;
    hp_dtype dtype;
} number_types[] = {{"f4", HP_FLOAT32}, {"f8", HP_FLOAT64}, {"f2", HP_FLOAT16}, {"i1", HP_INT8}, {"i2", HP_INT16},
    {"i4", HP_INT32}, {"i8", HP_INT64}, {"u1", HP_UINT8}, {"u2", HP_UINT16}, {"u4", HP_UINT32}, {"u8", HP_UINT64},
    {"b1", HP_BOOL}, {"c8", HP_COMPLEX64}, {"c16", HP_COMPLEX128}};

static hp_status parse_descr(const char *descr, hp_io_array_layout *layout, hp_error *error) {
    const char *type = descr;
    char order = '|';
    if (*type && strchr("<>|=", *type)) order = *type++;
    for (size_t i = 0; i < sizeof number_types / sizeof *number_types; i++) {
        if (strcmp(type, number_types[i].descr) != 0) continue;
        layout->storage = HP_IO_NUMBERS;
        layout->dtype = number_types[i].dtype;
        layout->item_size = hp_dtype_size(layout->dtype);
    }
    int64_t size;
    const char *digits = type + 1;
    if (layout->dtype == HP_DTYPE_NONE && (*type == 'S' || *type == 'U' || *type == 'a') && take_size(&digits, &size) &&
        !*digits && size <= INT32_MAX) {
        layout->storage = *type == 'U' ? HP_IO_UCS4 : HP_IO_BYTES;
        layout->dtype = HP_STRING;
        layout->item_size = (size_t)size * (*type == 'U' ? 4 : 1);
    }
    HP_FAIL_IF(layout->dtype == HP_DTYPE_NONE && type[0] == 'V', error, HP_ERROR_FORMAT, NULL,
        "the array's dtype is '%s' (untyped bytes; numpy writes bfloat16 so): save it as float32 instead", descr);
    HP_FAIL_IF(layout->dtype == HP_DTYPE_NONE, error, HP_ERROR_FORMAT, NULL,
        "the array's dtype is '%s'; real numbers, integers, bools and strings ('U', 'S') can be read", descr);
    bool multibyte = layout->storage == HP_IO_UCS4 || (layout->storage == HP_IO_NUMBERS && layout->item_size > 1);
    HP_FAIL_IF(hp_dtype_is_complex(layout->dtype) && order == '>', error, HP_ERROR_FORMAT, NULL,
        "the array's dtype is '%s'; complex numbers can be read in little-endian order", descr);
    layout->swapped = multibyte && ((order == '<' && !host_is_little()) || (order == '>' && host_is_little()));
    return HP_OK;
}

static hp_status parse_dictionary(const char *p, hp_io_array_layout *layout, hp_error *error) {
    char key[LONGEST_DESCR], descr[LONGEST_DESCR] = "";
    bool has_order = false, has_shape = false;
    HP_FAIL_IF(!take(&p, "{"), error, HP_ERROR_FORMAT, NULL, "the .npy header is damaged: no dictionary");
    while (!take(&p, "}")) {
        HP_FAIL_IF(!take_string(&p, key, sizeof key) || !take(&p, ":"), error, HP_ERROR_FORMAT, NULL,
            "the .npy header is damaged: no key where one belongs");
        if (!strcmp(key, "descr")) {
            skip_blanks(&p);
            HP_FAIL_IF(*p == '[' || *p == '(', error, HP_ERROR_FORMAT, NULL,
                "the array is a structured one (several fields); save each field as an array of its own");
            HP_FAIL_IF(!take_string(&p, descr, sizeof descr), error, HP_ERROR_FORMAT, NULL,
                "the .npy header is damaged: 'descr' is no string");
        } else if (!strcmp(key, "fortran_order")) {
            has_order = true;
            layout->fortran = take(&p, "True");
            HP_FAIL_IF(!layout->fortran && !take(&p, "False"), error, HP_ERROR_FORMAT, NULL,
                "the .npy header is damaged: 'fortran_order' is neither True nor False");
        } else if (!strcmp(key, "shape")) {
            has_shape = true;
            HP_TRY(parse_shape(&p, layout, error));
        } else {
            HP_FAIL(error, HP_ERROR_FORMAT, NULL, "the .npy header holds an unknown key '%s'", key);
        }
        if (take(&p, ",")) continue;
        skip_blanks(&p);
        HP_FAIL_IF(*p != '}', error, HP_ERROR_FORMAT, NULL, "the .npy header is damaged after '%s'", key);
    }
    HP_FAIL_IF(!*descr || !has_order || !has_shape, error, HP_ERROR_FORMAT, NULL,
        "the .npy header lacks one of 'descr', 'fortran_order', 'shape'");
    HP_TRY(parse_descr(descr, layout, error));
    HP_FAIL_IF(
        layout->rank == 0, error, HP_ERROR_FORMAT, NULL, "the array is a single value (0-d): it has no axis of rows");
    return HP_OK;
}

hp_status hp_io_npy_read_header(hp_io_source *source, hp_io_array_layout *layout, hp_error *error) {
    unsigned char start[12];
    size_t got;
    *layout = (hp_io_array_layout){0};
    HP_TRY(source->read(source, start, 10, &got, error));
    HP_FAIL_IF(!hp_io_npy_is_magic(start, got), error, HP_ERROR_FORMAT, NULL,
        got == 0 ? "it is empty" : "not a .npy file: it does not begin with \\x93NUMPY");
    HP_FAIL_IF(got == 10 && (start[6] < 1 || start[6] > 3), error, HP_ERROR_FORMAT, NULL,
        ".npy format version %d.%d is not known (1 to 3 are)", start[6], start[7]);
    size_t size = 0, fixed = 10;
    if (got == 10 && start[6] > 1) {
        HP_TRY(source->read(source, start + 10, 2, &got, error));
        HP_FAIL_IF(got < 2, error, HP_ERROR_FORMAT, NULL, "the file ends within its .npy header");
        size = (size_t)start[10] << 16 | (size_t)start[11] << 24;
        fixed = 12;
    }
    HP_FAIL_IF(
        got < 2 || (fixed == 10 && got < 10), error, HP_ERROR_FORMAT, NULL, "the file ends within its .npy header");
    size |= (size_t)start[8] | (size_t)start[9] << 8;
    HP_FAIL_IF(size > LONGEST_HEADER, error, HP_ERROR_FORMAT, NULL,
        "the .npy header is said to have %zu bytes: it is damaged", size);
    char *text = hp_alloc_array(size + 1, 1);
    HP_ALLOCATED(text, error);
    hp_status status = source->read(source, text, size, &got, error);
    if (status == HP_OK && got < size)
        status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "the file ends within its .npy header");
    if (status == HP_OK) status = parse_dictionary(text, layout, error);
    hp_free(text);
    layout->offset = (int64_t)(fixed + size);
    return status;
}

/* The descr that numpy knows; bfloat16, which it does not, is written as float32. */
static void print_descr(const hp_io_output *output, size_t string_size, char *text, size_t size) {
    char order = host_is_little() ? '<' : '>';
    if (output->dtype == HP_STRING) {
        snprintf(text, size, "%cU%zu", order, string_size);
        return;
    }
    const char *type = "f4";
    for (size_t i = 0; i < sizeof number_types / sizeof *number_types; i++)
        if (number_types[i].dtype == output->dtype) type = number_types[i].descr;
    snprintf(text, size, "%c%s", type[1] == '1' ? '|' : order, type);
}

size_t hp_io_npy_make_header(
    const hp_io_output *output, size_t string_size, int64_t rows, char text[HP_IO_NPY_HEADER_SIZE]) {
    enum { ROOM = 20 }; /* digits that the row count may have */
    char descr[32], body[HP_IO_NPY_HEADER_SIZE];
    print_descr(output, string_size, descr, sizeof descr);
    int n = snprintf(body, sizeof body, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    int digits = snprintf(body + n, sizeof body - (size_t)n, "%lld,", (long long)rows) - 1;
    n += digits + 1;
    for (int i = 0; i < output->rank; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "%s%lld", i ? ", " : " ", (long long)output->dims[i]);
    n += snprintf(body + n, sizeof body - (size_t)n, "), }");
    size_t size = ((size_t)(10 + n + ROOM - digits + 1) + 63) / 64 * 64; /* numpy aligns the elements so */
    memcpy(text, magic, sizeof magic);
    text[6] = 1;
    text[7] = 0;
    text[8] = (char)((size - 10) & 0xFF);
    text[9] = (char)((size - 10) >> 8);
    memcpy(text + 10, body, (size_t)n);
    memset(text + 10 + n, ' ', size - 11 - (size_t)n);
    text[size - 1] = '\n';
    return size;
}
