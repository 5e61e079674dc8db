/* hdf5_attributes.c: text attributes, and objects by path.
 *
 * Invariant: nothing is allocated that is larger than the file itself, however large the attribute says it is. */
#include "format/hdf5_file.h"

#include <stdio.h>
#include <string.h>

/* An attribute of texts while it is read. */
typedef struct reading {
    hid_t attribute, space, type;
    const char *name;
    size_t count, width; /* elements; bytes of a fixed-length one */
    bool variable;
} reading;

static void reading_end(reading *r) {
    if (r->type >= 0) H5Tclose(r->type);
    if (r->space >= 0) H5Sclose(r->space);
    if (r->attribute >= 0) H5Aclose(r->attribute);
}

static hp_status reading_begin(hid_t object, const char *name, size_t limit, reading *r, hp_error *error) {
    *r = (reading){.space = -1, .type = -1, .name = name};
    r->attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (r->attribute < 0) return hp_hdf5_fail(error, "attribute \"%s\" cannot be opened", name);
    r->space = H5Aget_space(r->attribute);
    r->type = H5Aget_type(r->attribute);
    hssize_t points = r->space < 0 ? -1 : H5Sget_simple_extent_npoints(r->space);
    if (r->type < 0 || points < 0) return hp_hdf5_fail(error, "attribute \"%s\" cannot be read", name);
    r->count = (size_t)points;
    if (r->count == 0) return HP_OK; /* h5py writes an empty list as no numbers at all */
    H5T_class_t class = H5Tget_class(r->type);
    HP_FAIL_IF(class != H5T_STRING && class != H5T_OPAQUE, error, HP_ERROR_FORMAT, NULL,
        "attribute \"%s\" holds no text", name);
    r->variable = class == H5T_STRING && H5Tis_variable_str(r->type) > 0;
    r->width = r->variable ? sizeof(char *) : H5Tget_size(r->type);
    size_t bytes;
    HP_FAIL_IF(!hp_size_mul(r->count, r->width, &bytes) || bytes > limit, error, HP_ERROR_FORMAT, NULL,
        "attribute \"%s\" says it has %zu texts of %zu bytes, which is more than the file", name, r->count, r->width);
    return HP_OK;
}

static hp_status read_variable(reading *r, hp_arena *arena, const char **texts, hp_error *error) {
    char **raw = hp_alloc_array(r->count, sizeof *raw);
    HP_ALLOCATED(raw, error);
    hp_status status = HP_OK;
    if (H5Aread(r->attribute, r->type, raw) < 0)
        status = hp_hdf5_fail(error, "attribute \"%s\" cannot be read", r->name);
    for (size_t i = 0; status == HP_OK && i < r->count; i++) {
        texts[i] = hp_arena_strdup(arena, raw[i] ? raw[i] : "");
        if (!texts[i]) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (size_t i = 0; i < r->count; i++)
        if (raw[i]) H5free_memory(raw[i]);
    hp_free(raw);
    return status;
}

static hp_status read_fixed(reading *r, hp_arena *arena, const char **texts, hp_error *error) {
    char *raw = hp_alloc_array(r->count, r->width); /* the product is known not to overflow */
    HP_ALLOCATED(raw, error);
    hp_status status = HP_OK;
    if (H5Aread(r->attribute, r->type, raw) < 0)
        status = hp_hdf5_fail(error, "attribute \"%s\" cannot be read", r->name);
    for (size_t i = 0; status == HP_OK && i < r->count; i++) {
        const char *text = raw + i * r->width;
        const char *end = memchr(text, '\0', r->width);
        size_t length = end ? (size_t)(end - text) : r->width;
        char *copy = hp_arena_alloc(arena, length + 1);
        if (copy) memcpy(copy, text, length);
        texts[i] = copy;
        if (!copy) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    hp_free(raw);
    return status;
}

/* Reads the texts of the attribute `name` behind the `*count` ones that `texts` has. */
static hp_status read_texts(hid_t object, const char *name, size_t limit, hp_arena *arena, const char ***texts,
    size_t *count, size_t *capacity, hp_error *error) {
    reading r;
    hp_status status = reading_begin(object, name, limit, &r, error);
    if (status == HP_OK && r.count > 0) {
        if (!HP_GROW(*texts, *capacity, *count + r.count))
            status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        else
            status = r.variable ? read_variable(&r, arena, *texts + *count, error)
                                : read_fixed(&r, arena, *texts + *count, error);
    }
    if (status == HP_OK) *count += r.count;
    reading_end(&r);
    return status;
}

static hp_status exists(hid_t object, const char *name, bool *yes, hp_error *error) {
    htri_t answer = H5Aexists(object, name);
    if (answer < 0) return hp_hdf5_fail(error, "attribute \"%s\" cannot be looked up", name);
    *yes = answer > 0;
    return HP_OK;
}

hp_status hp_hdf5_string(
    hid_t object, const char *name, size_t limit, hp_arena *arena, const char **text, hp_error *error) {
    const char **texts = NULL;
    size_t count = 0, capacity = 0;
    bool found = false;
    *text = NULL;
    HP_TRY(exists(object, name, &found, error));
    if (!found) return HP_OK;
    hp_status status = read_texts(object, name, limit, arena, &texts, &count, &capacity, error);
    if (status == HP_OK && count != 1)
        status =
            hp_error_set(error, HP_ERROR_FORMAT, NULL, "attribute \"%s\" has %zu texts; one was expected", name, count);
    if (status == HP_OK) *text = texts[0];
    hp_free(texts);
    return status;
}

/* Reads name0, name1 ... until one is missing. */
static hp_status read_pieces(hid_t object, const char *name, size_t limit, hp_arena *arena, const char ***texts,
    size_t *count, size_t *capacity, bool *found, hp_error *error) {
    char piece[64];
    for (unsigned i = 0;; i++) {
        bool here = false;
        snprintf(piece, sizeof piece, "%s%u", name, i);
        HP_TRY(exists(object, piece, &here, error));
        if (!here) return HP_OK;
        *found = true;
        HP_TRY(read_texts(object, piece, limit, arena, texts, count, capacity, error));
    }
}

hp_status hp_hdf5_string_list(
    hid_t object, const char *name, size_t limit, hp_arena *arena, hp_hdf5_names *names, hp_error *error) {
    const char **texts = NULL;
    size_t count = 0, capacity = 0;
    *names = (hp_hdf5_names){0};
    HP_TRY(exists(object, name, &names->found, error));
    hp_status status = names->found
                           ? read_texts(object, name, limit, arena, &texts, &count, &capacity, error)
                           : read_pieces(object, name, limit, arena, &texts, &count, &capacity, &names->found, error);
    if (status == HP_OK) {
        names->count = count;
        names->items = hp_arena_copy(arena, texts, count * sizeof *texts);
        if (!names->items) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    hp_free(texts);
    return status;
}

hp_status hp_hdf5_open_object(hid_t group, const char *path, hid_t *object, hp_error *error) {
    char part[1024];
    hid_t here = group;
    *object = H5I_INVALID_HID;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        HP_FAIL_IF(length >= sizeof part, error, HP_ERROR_FORMAT, NULL, "a name in it is %zu bytes long", length);
        memcpy(part, at, length);
        part[length] = '\0';
        at += length + strspn(at + length, "/");
        if (length == 0 || strcmp(part, ".") == 0) continue;
        H5L_info_t link;
        htri_t there = H5Lexists(here, part, H5P_DEFAULT);
        bool found = there > 0 && H5Lget_info(here, part, &link, H5P_DEFAULT) >= 0;
        bool hard = found && link.type == H5L_TYPE_HARD;
        hid_t next = hard ? H5Oopen(here, part, H5P_DEFAULT) : H5I_INVALID_HID;
        if (here != group) H5Oclose(here);
        if (there == 0) return HP_OK;
        HP_FAIL_IF(found && !hard, error, HP_ERROR_UNSUPPORTED, NULL,
            "\"%s\" is a soft or external link; only plain objects are read", path);
        if (next < 0) return hp_hdf5_fail(error, "\"%s\" cannot be opened", path);
        here = next;
    }
    *object = here == group ? H5Oopen(group, ".", H5P_DEFAULT) : here;
    if (*object < 0) return hp_hdf5_fail(error, "\"%s\" cannot be opened", path);
    return HP_OK;
}
