/* hdf5_reader.c: rows of a dataset in an HDF5 file (FILE.h5:/dataset), read as hyperslabs.
 *
 * No other file is ever opened: external links, external and virtual storage are refused. libhdf5 converts byte order
 * and narrow floats on its way. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/dtype.h"
#include "io/hdf5_data.h"

/* Of a chunked dataset, all chunks that a row lies in are kept until the last of their rows is read; more than this
 * is not. */
enum { MOST_CACHED = 256 << 20 };

typedef struct hdf5_reader {
    hp_io_reader base;
    hid_t file, dataset, type; /* type in memory; negative: not open */
    hp_io_storage storage;
    size_t item_size; /* in a view */
    size_t row_items;
    bool variable; /* strings of variable length */
} hdf5_reader;

/* ---- opening -------------------------------------------------------------------------------------------------- */

static herr_t refuse_link(const char *file, const char *group, const char *to_file, const char *to_group,
    unsigned *flags, hid_t access, void *data) {
    (void)file, (void)group, (void)to_file, (void)to_group, (void)flags, (void)access, (void)data;
    return -1;
}

static hp_status open_file(const char *path, hid_t *file, hp_error *error) {
    *file = -1;
    HP_FAIL_IF(!strcmp(path, "-"), error, HP_ERROR_ARGUMENT, NULL, "HDF5 cannot be read from standard input");
    HP_FAIL_IF(access(path, R_OK) != 0, error, HP_ERROR_IO, NULL, "cannot be opened: %s", strerror(errno));
    *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (*file < 0) return hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "it cannot be opened as HDF5");
    return HP_OK;
}

/* The datasets of the root group. */
typedef struct listing {
    hp_arena *arena;
    const char **names;
    size_t count, capacity;
    bool no_memory;
} listing;

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *link, void *data) {
    listing *list = data;
    if (link->type != H5L_TYPE_HARD) return 0;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    bool is_dataset = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    if (object >= 0) H5Oclose(object);
    if (!is_dataset) return 0;
    const char *copy = hp_arena_strdup(list->arena, name);
    if (!copy || !HP_GROW(list->names, list->capacity, list->count + 1)) {
        list->no_memory = true;
        return -1;
    }
    list->names[list->count++] = copy;
    return 0;
}

static hp_status list_datasets(hid_t file, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    listing list = {.arena = arena};
    herr_t done = H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, &list);
    *count = list.count;
    *names = hp_arena_copy(arena, list.names, list.count * sizeof *list.names);
    hp_free(list.names);
    HP_FAIL_IF(list.no_memory || !*names, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (done < 0) return hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "its datasets cannot be listed");
    return HP_OK;
}

static hp_status choose_dataset(hid_t file, hp_arena *arena, const char **name, hp_error *error) {
    const char *const *names;
    size_t count, used = 0;
    char known[300] = "";
    HP_TRY(list_datasets(file, arena, &names, &count, error));
    for (size_t i = 0; i < count && used + 80 < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s/%.60s", i ? ", " : "", names[i]);
    HP_FAIL_IF(count == 0, error, HP_ERROR_ARGUMENT, NULL,
        "it holds no dataset at its root: name one (FILE.h5:/group/dataset)");
    HP_FAIL_IF(
        count > 1, error, HP_ERROR_ARGUMENT, NULL, "it holds several datasets; name one (FILE.h5:/NAME): %s", known);
    *name = names[0];
    return HP_OK;
}

/* Bytes of all the chunks that one row lies in; 0 for storage that is not chunked, or on failure. */
static hp_status check_storage(
    hid_t dataset, int rank, const hsize_t *dims, size_t item_size, size_t *band, hp_error *error) {
    hid_t plist = H5Dget_create_plist(dataset);
    if (plist < 0) return hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "its storage is damaged");
    H5D_layout_t layout = H5Pget_layout(plist);
    int external = layout == H5D_CONTIGUOUS ? H5Pget_external_count(plist) : 0;
    hsize_t chunk[HP_MAX_RANK];
    *band = 0;
    if (layout == H5D_CHUNKED && H5Pget_chunk(plist, HP_MAX_RANK, chunk) == rank) {
        *band = item_size;
        for (int i = 0; i < rank; i++) {
            hsize_t across = i == 0 || dims[i] == 0 ? 1 : (dims[i] - 1) / chunk[i] + 1;
            if (!hp_size_mul(*band, across, band) || !hp_size_mul(*band, chunk[i], band)) *band = SIZE_MAX / 2;
        }
    }
    H5Pclose(plist);
    HP_FAIL_IF(external != 0 || layout == H5D_VIRTUAL, error, HP_ERROR_FORMAT, NULL,
        "the dataset's data lie in other files (external or virtual storage): only the file itself is read");
    return HP_OK;
}

/* Opens the dataset with a cache of `cache` bytes (0: libhdf5's own choice). */
static hp_status open_dataset(hdf5_reader *hdf5, const char *name, size_t cache, hp_error *error) {
    hid_t access_list = H5Pcreate(H5P_DATASET_ACCESS);
    bool good = access_list >= 0 && H5Pset_elink_cb(access_list, refuse_link, NULL) >= 0 &&
                (!cache || H5Pset_chunk_cache(access_list, 12421, cache, 1.0) >= 0);
    if (hdf5->dataset >= 0) H5Dclose(hdf5->dataset);
    hdf5->dataset = good ? H5Dopen2(hdf5->file, name, access_list) : -1;
    if (access_list >= 0) H5Pclose(access_list);
    if (hdf5->dataset < 0)
        return hp_io_hdf5_fail(error, HP_ERROR_ARGUMENT, "there is no dataset \"%.200s\" in it", name);
    return HP_OK;
}

/* ---- element types -------------------------------------------------------------------------------------------- */

static hp_dtype integer_type(hid_t type) {
    static const hp_dtype with_sign[] = {0, HP_INT8, HP_INT16, 0, HP_INT32, 0, 0, 0, HP_INT64};
    static const hp_dtype without[] = {0, HP_UINT8, HP_UINT16, 0, HP_UINT32, 0, 0, 0, HP_UINT64};
    size_t size = H5Tget_size(type);
    if (size > 8) return HP_DTYPE_NONE;
    return H5Tget_sign(type) == H5T_SGN_2 ? with_sign[size] : without[size];
}

static bool is_bool(hid_t type) {
    if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
    char *name = H5Tget_member_name(type, 0);
    bool found = name && (!strcmp(name, "FALSE") || !strcmp(name, "TRUE"));
    H5free_memory(name);
    return found;
}

/* The dtype of a dataset's type, and the type to read it as. Floats of up to 4 bytes are read as float32, exactly. */
static hp_status choose_type(hdf5_reader *hdf5, hid_t stored, hp_error *error) {
    hp_dtype dtype = HP_DTYPE_NONE;
    H5T_class_t class = H5Tget_class(stored);
    size_t size = H5Tget_size(stored);
    bool as_stored = false;
    hdf5->storage = HP_IO_NUMBERS;
    if (class == H5T_INTEGER) {
        dtype = integer_type(stored);
    } else if (class == H5T_FLOAT) {
        dtype = size <= 4 ? HP_FLOAT32 : size == 8 ? HP_FLOAT64 : HP_DTYPE_NONE;
    } else if (class == H5T_ENUM && is_bool(stored)) {
        dtype = HP_BOOL;
        as_stored = true;
    } else if (class == H5T_STRING) {
        dtype = HP_STRING;
        as_stored = true;
        hdf5->variable = H5Tis_variable_str(stored) > 0;
        if (!hdf5->variable) hdf5->storage = HP_IO_BYTES;
    }
    HP_FAIL_IF(dtype == HP_DTYPE_NONE, error, HP_ERROR_FORMAT, NULL,
        "the dataset's elements are neither real numbers, integers, bools nor strings");
    hdf5->base.dtype = dtype;
    hdf5->item_size = hdf5->storage == HP_IO_BYTES ? size : hp_dtype_size(dtype);
    hdf5->type = as_stored ? H5Tcopy(stored) : hp_io_hdf5_memory_type(dtype);
    if (hdf5->type < 0) return hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "the dataset's type is damaged");
    return HP_OK;
}

static hp_status describe_dataset(hdf5_reader *hdf5, hsize_t dims[HP_MAX_RANK], hp_error *error) {
    hid_t space = H5Dget_space(hdf5->dataset), stored = H5Dget_type(hdf5->dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    hp_status status = HP_OK;
    if (stored < 0 || rank < 0)
        status = hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "the dataset has no shape or type");
    else if (rank == 0 || rank > HP_MAX_RANK)
        status = hp_error_set(
            error, HP_ERROR_FORMAT, NULL, "the dataset has %d axes: 1 to %d are possible", rank, HP_MAX_RANK);
    else if (H5Sget_simple_extent_dims(space, dims, NULL) < 0)
        status = hp_io_hdf5_fail(error, HP_ERROR_FORMAT, "the dataset has no shape");
    if (status == HP_OK) status = choose_type(hdf5, stored, error);
    if (stored >= 0) H5Tclose(stored);
    if (space >= 0) H5Sclose(space);
    if (status != HP_OK) return status;
    hp_io_reader *base = &hdf5->base;
    base->rank = rank - 1;
    base->rows = (int64_t)dims[0];
    for (int i = 1; i < rank; i++) base->dims[i - 1] = (int64_t)dims[i];
    size_t bytes;
    HP_FAIL_IF(base->rows < 0 || !hp_io_count_elements(base->rank, base->dims, &hdf5->row_items) ||
                   !hp_size_mul(hdf5->row_items, hdf5->item_size, &bytes),
        error, HP_ERROR_FORMAT, NULL, "the dataset's shape is too large for any memory");
    return HP_OK;
}

static hp_status start_reading(hdf5_reader *hdf5, const hp_io_place *place, hp_error *error) {
    hp_arena arena = {0};
    const char *name = place->dataset;
    hsize_t dims[HP_MAX_RANK] = {0};
    size_t band = 0;
    hp_status status = open_file(place->path, &hdf5->file, error);
    if (status == HP_OK && !name) status = choose_dataset(hdf5->file, &arena, &name, error);
    if (status == HP_OK) status = open_dataset(hdf5, name, 0, error);
    if (status == HP_OK) status = describe_dataset(hdf5, dims, error);
    if (status == HP_OK)
        status = check_storage(hdf5->dataset, hdf5->base.rank + 1, dims, hdf5->item_size, &band, error);
    if (status == HP_OK && band > 1 << 20 && band <= MOST_CACHED) status = open_dataset(hdf5, name, band, error);
    hdf5->base.seekable = true;
    hp_arena_release(&arena);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static herr_t read_rows(const hdf5_reader *hdf5, int64_t rows, void *data) {
    const hp_io_reader *base = &hdf5->base;
    hsize_t start[HP_MAX_RANK] = {(hsize_t)base->next_row}, count[HP_MAX_RANK] = {(hsize_t)rows};
    for (int i = 0; i < base->rank; i++) count[i + 1] = (hsize_t)base->dims[i];
    hid_t from = H5Dget_space(hdf5->dataset), to = H5Screate_simple(base->rank + 1, count, NULL);
    herr_t done = -1;
    if (from >= 0 && to >= 0 && H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
        done = H5Dread(hdf5->dataset, hdf5->type, to, from, H5P_DEFAULT, data);
    if (from >= 0) H5Sclose(from);
    if (to >= 0) H5Sclose(to);
    return done;
}

/* Copies the strings that libhdf5 allocated into the batch, and has it free them. */
static hp_status read_strings(const hdf5_reader *hdf5, int64_t rows, struct hp_io_buffer *buffer, hp_error *error) {
    size_t count = (size_t)rows * hdf5->row_items;
    char **texts = hp_alloc_array(count, sizeof *texts);
    HP_ALLOCATED(texts, error);
    hp_io_buffer_clear_strings(buffer);
    hp_status status = HP_OK;
    if (read_rows(hdf5, rows, texts) < 0)
        status = hp_io_hdf5_fail(
            error, HP_ERROR_FORMAT, "its rows from %lld on cannot be read", (long long)hdf5->base.next_row);
    hp_string *strings = buffer->data;
    for (size_t i = 0; i < count; i++) {
        size_t n = status == HP_OK && texts[i] ? strlen(texts[i]) : 0;
        char *copy = status == HP_OK ? hp_io_buffer_copy_string(buffer, texts[i], n) : NULL;
        if (status == HP_OK && !copy) status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        if (status == HP_OK) strings[i] = (hp_string){copy, n};
        H5free_memory(texts[i]);
    }
    hp_free(texts);
    return status;
}

static hp_status read_locked(hdf5_reader *hdf5, int64_t rows, struct hp_io_buffer *buffer, hp_error *error) {
    if (hdf5->variable) return read_strings(hdf5, rows, buffer, error);
    if (read_rows(hdf5, rows, buffer->data) < 0)
        return hp_io_hdf5_fail(
            error, HP_ERROR_FORMAT, "its rows from %lld on cannot be read", (long long)hdf5->base.next_row);
    return HP_OK;
}

static hp_status read_hdf5(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error) {
    hdf5_reader *hdf5 = (hdf5_reader *)reader;
    int64_t rows = reader->rows - reader->next_row < max_rows ? reader->rows - reader->next_row : max_rows;
    size_t bytes;
    HP_FAIL_IF(!hp_size_mul((size_t)rows, hdf5->row_items * hdf5->item_size, &bytes), error, HP_ERROR_NO_MEMORY, NULL,
        "%lld rows at once do not fit into memory", (long long)rows);
    struct hp_io_buffer *buffer = hp_io_batch_reserve(batch, bytes, 0);
    HP_ALLOCATED(buffer, error);
    if (rows > 0 && hdf5->row_items > 0) {
        hp_io_hdf5_guard guard;
        hp_io_hdf5_enter(&guard);
        hp_status status = read_locked(hdf5, rows, buffer, error);
        hp_io_hdf5_leave(&guard);
        if (status != HP_OK) return status;
    }
    batch->rows = rows;
    batch->view = hp_io_view_of(reader->name, buffer->data, reader->dtype, rows, reader->rank, reader->dims);
    if (hdf5->storage == HP_IO_BYTES) { /* strides in items of another size */
        hp_io_view *view = &batch->view;
        ptrdiff_t stride = (ptrdiff_t)hdf5->item_size;
        view->storage = HP_IO_BYTES;
        view->item_size = hdf5->item_size;
        for (int i = view->rank - 1; i >= 0; stride *= (ptrdiff_t)view->dims[i--]) view->strides[i] = stride;
    }
    return HP_OK;
}

static hp_status seek_hdf5(hp_io_reader *reader, int64_t row, hp_error *error) {
    (void)reader, (void)row, (void)error; /* the next hyperslab begins at next_row */
    return HP_OK;
}

static void close_hdf5(hp_io_reader *reader) {
    hdf5_reader *hdf5 = (hdf5_reader *)reader;
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    if (hdf5->type >= 0) H5Tclose(hdf5->type);
    if (hdf5->dataset >= 0) H5Dclose(hdf5->dataset);
    if (hdf5->file >= 0) H5Fclose(hdf5->file);
    hp_io_hdf5_leave(&guard);
}

static const hp_io_reader_class hdf5_class = {read_hdf5, seek_hdf5, close_hdf5};

hp_status hp_io_hdf5_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error) {
    (void)options;
    hdf5_reader *hdf5 = hp_io_reader_new(sizeof *hdf5, &hdf5_class, place);
    HP_ALLOCATED(hdf5, error);
    hdf5->file = hdf5->dataset = hdf5->type = -1;
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    hp_status status = start_reading(hdf5, place, error);
    hp_io_hdf5_leave(&guard);
    if (status == HP_OK)
        *reader = &hdf5->base;
    else
        hp_io_reader_close(&hdf5->base);
    return status;
}

hp_status hp_io_hdf5_members(
    const char *path, hp_arena *arena, const char *const **names, size_t *count, hp_error *error) {
    hid_t file;
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    hp_status status = open_file(path, &file, error);
    if (status == HP_OK) status = list_datasets(file, arena, names, count, error);
    if (file >= 0) H5Fclose(file);
    hp_io_hdf5_leave(&guard);
    return status;
}
