/* npz.c: weights in NumPy's archive, as Keras's NpzIOStore writes them: one member a layer, "<path>.npy", which holds a
 * pickled dict of numbers and arrays (Keras 2) or variables (Keras 3). Members that hold an array as it is are taken
 * under their own name.
 *
 * Invariant: of a pickle only NumPy's arrays are used, and nothing of it is run (pickle.h). */
#include <string.h>
#include "base/dtype.h"
#include "format/pickle.h"
#include "format/spec_builder.h"

enum { MAX_STEPS = 10000 }; /* of the search for the array in a variable; TensorFlow's take some twenty */

typedef struct npz {
    hp_store *store;
    hp_arena arena; /* of pickles */
} npz;

/* "f4", "<f4", "|b1" -> dtype; *big: of the other byte order. */
static hp_dtype code_dtype(const char *code, size_t size, bool *big) {
    static const struct {
        const char *code;
        hp_dtype dtype;
    } codes[] = {{"f4", HP_FLOAT32}, {"f8", HP_FLOAT64}, {"f2", HP_FLOAT16}, {"i1", HP_INT8}, {"i2", HP_INT16},
        {"i4", HP_INT32}, {"i8", HP_INT64}, {"u1", HP_UINT8}, {"u2", HP_UINT16}, {"u4", HP_UINT32}, {"u8", HP_UINT64},
        {"b1", HP_BOOL}};
    *big = size > 0 && *code == '>';
    if (size > 0 && memchr("<>|=", *code, 4)) code++, size--;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (size == 2 && memcmp(code, codes[i].code, 2) == 0) return codes[i].dtype;
    return HP_DTYPE_NONE;
}

/* An array as it stands in memory or in a pickle. */
typedef struct array {
    hp_weight weight; /* without a name */
    const void *bytes;
    size_t stored;
    bool fortran, big;
} array;

/* Sets the shape; false when it cannot be. */
static bool set_dims(array *a, const int64_t *dims, size_t rank) {
    size_t bytes = hp_dtype_size(a->weight.dtype);
    if (rank > HP_MAX_RANK) return false;
    a->weight.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0 || !hp_size_mul(bytes, (size_t)dims[i], &bytes)) return false;
        a->weight.dims[i] = dims[i];
    }
    a->weight.bytes = bytes;
    return true;
}

static hp_status add_array(npz *n, const array *a, const char *name, hp_error *error) {
    hp_weight weight = a->weight;
    hp_record record = {.bytes = a->bytes};
    HP_FAIL_IF(a->big, error, HP_ERROR_UNSUPPORTED, name, "an array of the other byte order");
    HP_FAIL_IF(a->fortran && weight.rank > 1, error, HP_ERROR_UNSUPPORTED, name, "an array in Fortran order");
    HP_FAIL_IF(a->stored < weight.bytes, error, HP_ERROR_FORMAT, name, "says it has %zu bytes, but has %zu",
        weight.bytes, a->stored);
    weight.name = hp_arena_strdup(&n->store->arena, name);
    HP_ALLOCATED(weight.name, error);
    return hp_store_add(n->store, &weight, &record, error);
}

/* ---- pickled arrays ------------------------------------------------------------------------------------------------ */

/* numpy.core.multiarray._reconstruct(...) with the state (1, shape, dtype, fortran, bytes). */
static bool take_pickled(const hp_pickle *value, array *a) {
    if (!value || value->kind != HP_PICKLE_OBJECT || !hp_pickle_is_name(value->callee, "_reconstruct")) return false;
    const hp_pickle *shape = hp_pickle_item(value->state, 1), *dtype = hp_pickle_item(value->state, 2);
    const hp_pickle *fortran = hp_pickle_item(value->state, 3), *bytes = hp_pickle_item(value->state, 4);
    const hp_pickle *code = dtype ? hp_pickle_item(dtype->arguments, 0) : NULL;
    const hp_pickle *order = dtype ? hp_pickle_item(dtype->state, 1) : NULL;
    int64_t dims[HP_MAX_RANK];
    if (!shape || !bytes || bytes->kind != HP_PICKLE_BYTES || !code || code->kind != HP_PICKLE_TEXT) return false;
    *a = (array){.bytes = bytes->data, .stored = bytes->size, .fortran = fortran && fortran->integer != 0};
    a->weight.dtype = code_dtype(code->data, code->size, &a->big);
    a->big = a->big || hp_pickle_is_text(order, ">");
    for (size_t i = 0; i < shape->count && i < HP_MAX_RANK; i++) {
        if (shape->items[i]->kind != HP_PICKLE_INT) return false;
        dims[i] = shape->items[i]->integer;
    }
    return a->weight.dtype != HP_DTYPE_NONE && set_dims(a, dims, shape->count);
}

static bool find_array(const hp_pickle *value, array *a, size_t *steps, int depth);

/* The array under the key where variables keep their value. */
static bool find_in_dict(const hp_pickle *dict, array *a, size_t *steps, int depth) {
    const hp_pickle *value = hp_pickle_get(dict, "_value");
    if (!value) value = hp_pickle_get(dict, "initial_value"); /* TensorFlow's own variables */
    return value && find_array(value, a, steps, depth + 1);
}

/* The first array below a value that is an array, or a variable of any backend: in its state, in the arguments that it
 * is made from, or in those bound to the function that makes it. */
static bool find_array(const hp_pickle *value, array *a, size_t *steps, int depth) {
    if (!value || depth > 64 || *steps == 0) return false;
    --*steps;
    if (take_pickled(value, a)) return true;
    if (value->kind != HP_PICKLE_OBJECT) return false;
    const hp_pickle *state = value->state, *arguments = value->arguments;
    if (find_in_dict(state, a, steps, depth)) return true;
    for (size_t i = 0; state && state->kind == HP_PICKLE_LIST && i < state->count; i++)
        if (find_in_dict(state->items[i], a, steps, depth)) return true;
    for (size_t i = 0; arguments->kind == HP_PICKLE_LIST && i < arguments->count; i++)
        if (find_array(arguments->items[i], a, steps, depth + 1)) return true;
    return find_array(value->callee, a, steps, depth + 1);
}

/* A layer's dict: {"0": array, "1": array ...}. */
static hp_status add_pickled(npz *n, const char *path, const void *bytes, size_t size, hp_error *error) {
    const hp_pickle *root;
    HP_TRY(hp_pickle_read(&n->arena, bytes, size, &root, error));
    const hp_pickle *content = root->kind == HP_PICKLE_OBJECT ? hp_pickle_item(root->state, 4) : root;
    const hp_pickle *dict = content && content->kind == HP_PICKLE_LIST ? hp_pickle_item(content, 0) : content;
    HP_FAIL_IF(!dict || dict->kind != HP_PICKLE_DICT, error, HP_ERROR_FORMAT, NULL, "holds no dict of weights");
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        const hp_pickle *key = dict->items[i];
        size_t steps = MAX_STEPS;
        array a;
        HP_FAIL_IF(key->kind != HP_PICKLE_TEXT, error, HP_ERROR_FORMAT, NULL, "a key is no text");
        const char *name =
            hp_arena_printf(&n->arena, "%s%svars/%.*s", path, *path ? "/" : "", (int)key->size, key->data);
        HP_ALLOCATED(name, error);
        HP_FAIL_IF(!find_array(dict->items[i + 1], &a, &steps, 0), error, HP_ERROR_UNSUPPORTED, name,
            "no array can be found in this pickled variable");
        HP_TRY(add_array(n, &a, name, error));
    }
    return HP_OK;
}

/* ---- members ------------------------------------------------------------------------------------------------------- */

/* The value behind 'key': in the header's dict; its length runs to the next comma that is not in brackets. */
static const char *header_value(const char *header, size_t size, const char *key, size_t *length) {
    size_t n = strlen(key);
    for (size_t at = 0; at + n < size; at++) {
        if (memcmp(header + at, key, n) != 0) continue;
        size_t start = at + n, end = start;
        while (start < size && (header[start] == ' ' || header[start] == ':')) start++;
        char close = start < size && header[start] == '(' ? ')' : ',';
        for (end = start; end < size && header[end] != close;) end++;
        *length = end - start;
        return header + start;
    }
    return NULL;
}

static bool parse_header(const char *header, size_t size, array *a, bool *pickled) {
    size_t n, rank = 0;
    int64_t dims[HP_MAX_RANK];
    const char *value = header_value(header, size, "'descr'", &n);
    if (!value || n < 3) return false;
    *pickled = n >= 4 && memcmp(value, "'|O'", 4) == 0;
    if (*pickled) return true;
    a->weight.dtype = code_dtype(value + 1, n - 2, &a->big);
    value = header_value(header, size, "'fortran_order'", &n);
    if (!value || n < 4) return false;
    a->fortran = memcmp(value, "True", 4) == 0;
    value = header_value(header, size, "'shape'", &n);
    if (!value || n == 0 || *value != '(' || a->weight.dtype == HP_DTYPE_NONE) return false;
    for (const char *at = value + 1, *end = value + n; at < end;) {
        int64_t number = 0;
        bool digits = false;
        for (; at < end && *at >= '0' && *at <= '9'; at++, digits = true)
            if (number < INT64_MAX / 16) number = 10 * number + (*at - '0');
        if (digits && rank == HP_MAX_RANK) return false;
        if (digits) dims[rank++] = number;
        if (at < end) at++;
    }
    return set_dims(a, dims, rank);
}

static hp_status add_member(npz *n, const char *path, const char *bytes, size_t size, hp_error *error) {
    bool pickled = false;
    array a = {0};
    HP_FAIL_IF(size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0, error, HP_ERROR_FORMAT, NULL, "is no NumPy array");
    size_t head = bytes[6] == 1 ? 10 : 12;
    size_t length = (unsigned char)bytes[8] | (size_t)(unsigned char)bytes[9] << 8;
    if (head == 12) length |= (size_t)(unsigned char)bytes[10] << 16 | (size_t)(unsigned char)bytes[11] << 24;
    HP_FAIL_IF(length > size - head || !parse_header(bytes + head, length, &a, &pickled), error, HP_ERROR_FORMAT, NULL,
        "its header cannot be read");
    const char *data = bytes + head + length;
    size_t stored = size - head - length;
    if (pickled) return add_pickled(n, strcmp(path, "__root__") == 0 ? "" : path, data, stored, error);
    a.bytes = data;
    a.stored = stored;
    return add_array(n, &a, path, error);
}

static bool is_inference(const char *path) {
    return strncmp(path, "optimizer", 9) != 0 && strncmp(path, "metrics", 7) != 0;
}

hp_status hp_npz_open(hp_model_spec *spec, const void *data, size_t size, hp_error *error) {
    hp_archive *archive;
    npz n = {.store = spec->private_->store};
    HP_TRY(hp_spec_open_archive(spec, data, size, &archive, error));
    hp_status status = HP_OK;
    for (size_t i = 0; status == HP_OK && i < hp_archive_count(archive); i++) {
        const char *name = hp_archive_name(archive, i);
        size_t length = strlen(name), bytes_size;
        const void *bytes;
        if (length < 4 || strcmp(name + length - 4, ".npy") != 0 || !is_inference(name)) continue;
        char *path = hp_arena_strdup(&n.arena, name);
        if (!path) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        if (status == HP_OK) path[length - 4] = '\0';
        if (status == HP_OK) status = hp_archive_read(archive, i, &bytes, &bytes_size, error);
        if (status != HP_OK) break;
        status = add_member(&n, path, bytes, bytes_size, error);
        if (status != HP_OK) hp_error_prefix(error, "%s", name);
    }
    hp_arena_release(&n.arena);
    return status;
}
