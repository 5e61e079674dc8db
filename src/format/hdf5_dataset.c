/* hdf5_dataset.c: see hdf5_dataset.h. */
#include "format/hdf5_dataset.h"

#include <string.h>
#include "base/dtype.h"

enum {
    MAX_EXPANSION = 1100,        /* deflate reaches 1032 */
    SMALL_CHUNK = 16 * (1 << 20) /* a chunk of this size may be decoded for any dataset */
};

/* The fields of the floating-point formats that Keras stores. */
static const struct float_format {
    hp_dtype dtype;
    size_t size, exponent_at, exponent_bits, mantissa_bits;
} float_formats[] = {
    {HP_FLOAT32, 4, 23, 8, 23},
    {HP_FLOAT64, 8, 52, 11, 52},
    {HP_FLOAT16, 2, 10, 5, 10},
    {HP_BFLOAT16, 2, 7, 8, 7},
};

static hp_dtype float_dtype(hid_t type) {
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits, size = H5Tget_size(type);
    if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return HP_DTYPE_NONE;
    for (size_t i = 0; i < sizeof float_formats / sizeof *float_formats; i++) {
        const struct float_format *f = &float_formats[i];
        if (f->size == size && sign == 8 * size - 1 && f->exponent_at == exponent &&
            f->exponent_bits == exponent_bits && mantissa == 0 && f->mantissa_bits == mantissa_bits &&
            H5Tget_ebias(type) == ((size_t)1 << (exponent_bits - 1)) - 1 && H5Tget_norm(type) == H5T_NORM_IMPLIED)
            return f->dtype;
    }
    return HP_DTYPE_NONE;
}

static hp_dtype integer_dtype(hid_t type) {
    static const hp_dtype with_sign[] = {HP_INT8, HP_INT16, HP_INT32, HP_INT64};
    static const hp_dtype without_sign[] = {HP_UINT8, HP_UINT16, HP_UINT32, HP_UINT64};
    size_t size = H5Tget_size(type);
    if (H5Tget_precision(type) != 8 * size || H5Tget_offset(type) != 0) return HP_DTYPE_NONE;
    for (int i = 0; i < 4; i++)
        if (size == (size_t)1 << i) return H5Tget_sign(type) == H5T_SGN_NONE ? without_sign[i] : with_sign[i];
    return HP_DTYPE_NONE;
}

/* h5py stores bfloat16 as two opaque bytes and says so in an attribute. */
static hp_status opaque_dtype(hid_t dataset, hid_t type, size_t limit, hp_dtype *dtype, hp_error *error) {
    *dtype = HP_DTYPE_NONE;
    if (H5Tget_size(type) != 2) return HP_OK;
    hp_arena arena = {0};
    const char *name = NULL;
    hp_status status = hp_hdf5_string(dataset, "dtype", limit, &arena, &name, error);
    if (status == HP_OK && name && strcmp(name, "bfloat16") == 0) *dtype = HP_BFLOAT16;
    hp_arena_release(&arena);
    return status;
}

static hp_status find_dtype(
    hid_t dataset, const hp_hdf5_source *source, hp_dtype *dtype, bool *as_is, hp_error *error) {
    hid_t type = H5Dget_type(dataset);
    if (type < 0) return hp_hdf5_fail(error, "its element type cannot be read");
    hp_status status = HP_OK;
    *as_is = true;
    *dtype = HP_DTYPE_NONE;
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        *dtype = float_dtype(type);
        *as_is = H5Tget_order(type) == H5T_ORDER_LE;
        break;
    case H5T_INTEGER:
        *dtype = integer_dtype(type);
        *as_is = H5Tget_order(type) == H5T_ORDER_LE || H5Tget_size(type) == 1;
        break;
    case H5T_ENUM: /* how h5py writes booleans */
        if (H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2) *dtype = HP_BOOL;
        break;
    case H5T_OPAQUE:
        status = opaque_dtype(dataset, type, source->size, dtype, error);
        break;
    default:
        break;
    }
    H5Tclose(type);
    return status;
}

static hp_status find_shape(hid_t dataset, hp_weight *weight, hp_error *error) {
    hsize_t dims[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    if (space >= 0) H5Sclose(space);
    if (rank < 0) return hp_hdf5_fail(error, "its shape cannot be read");
    HP_FAIL_IF(class == H5S_NULL, error, HP_ERROR_FORMAT, NULL, "holds no values at all");
    HP_FAIL_IF(rank > HP_MAX_RANK, error, HP_ERROR_FORMAT, NULL, "has %d axes; at most %d are read", rank, HP_MAX_RANK);
    size_t bytes = hp_dtype_size(weight->dtype);
    weight->rank = rank;
    for (int i = 0; i < rank; i++) {
        HP_FAIL_IF(dims[i] > INT64_MAX || !hp_size_mul(bytes, (size_t)dims[i], &bytes), error, HP_ERROR_FORMAT, NULL,
            "axis %d has %llu elements, which no file can hold", i, (unsigned long long)dims[i]);
        weight->dims[i] = (int64_t)dims[i];
    }
    weight->bytes = bytes;
    return HP_OK;
}

static hp_status check_filters(hid_t list, hp_error *error) {
    int count = H5Pget_nfilters(list);
    for (int i = 0; i < count; i++) {
        unsigned flags, config, values[1];
        size_t value_count = 0;
        char name[64] = "";
        H5Z_filter_t filter =
            H5Pget_filter2(list, (unsigned)i, &flags, &value_count, values, sizeof name, name, &config);
        bool known = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32;
        HP_FAIL_IF(!known, error, HP_ERROR_UNSUPPORTED, NULL,
            "is stored with filter %d (%s); gzip, shuffle and fletcher32 are read", (int)filter, name);
    }
    return HP_OK;
}

static hp_status check_chunks(hid_t dataset, hid_t list, const hp_weight *weight, hp_error *error) {
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Pget_chunk(list, H5S_MAX_RANK, dims);
    if (rank < 0) return hp_hdf5_fail(error, "its chunks cannot be read");
    HP_TRY(check_filters(list, error));
    size_t chunk = hp_dtype_size(weight->dtype), stored = (size_t)H5Dget_storage_size(dataset);
    for (int i = 0; i < rank; i++)
        HP_FAIL_IF(
            !hp_size_mul(chunk, (size_t)dims[i], &chunk), error, HP_ERROR_FORMAT, NULL, "its chunks are too large");
    HP_FAIL_IF(chunk > SMALL_CHUNK && chunk / 4 > weight->bytes, error, HP_ERROR_FORMAT, NULL,
        "its chunks have %zu bytes, the whole dataset %zu", chunk, weight->bytes);
    HP_FAIL_IF(weight->bytes / MAX_EXPANSION > stored, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes, but %zu are stored", weight->bytes, stored);
    return HP_OK;
}

static hp_status check_contiguous(hid_t dataset, hid_t list, const hp_hdf5_source *source, const hp_weight *weight,
    const void **bytes, hp_error *error) {
    int external = H5Pget_external_count(list);
    HP_FAIL_IF(external != 0, error, HP_ERROR_UNSUPPORTED, NULL, "its data are in another file; that is not read");
    if (weight->bytes == 0) return HP_OK;
    haddr_t offset = H5Dget_offset(dataset);
    if (offset == HADDR_UNDEF) return hp_hdf5_fail(error, "says it has %zu bytes, but none are stored", weight->bytes);
    HP_FAIL_IF(offset > source->size || weight->bytes > source->size - offset, error, HP_ERROR_FORMAT, NULL,
        "says it has %zu bytes at byte %llu, but the file ends at byte %zu", weight->bytes, (unsigned long long)offset,
        source->size);
    *bytes = source->data + offset;
    return HP_OK;
}

static hp_status find_bytes(hid_t dataset, hid_t list, const hp_hdf5_source *source, const hp_weight *weight,
    const void **bytes, hp_error *error) {
    switch (H5Pget_layout(list)) {
    case H5D_CONTIGUOUS:
        return check_contiguous(dataset, list, source, weight, bytes, error);
    case H5D_CHUNKED:
        return check_chunks(dataset, list, weight, error);
    case H5D_COMPACT:
        HP_FAIL_IF(weight->bytes > source->size, error, HP_ERROR_FORMAT, NULL,
            "says it has %zu bytes, more than the file", weight->bytes);
        return HP_OK;
    case H5D_VIRTUAL:
        HP_FAIL(error, HP_ERROR_UNSUPPORTED, NULL, "is a virtual dataset, made of other files; that is not read");
    default:
        return hp_hdf5_fail(error, "has a storage layout that is not known");
    }
}

hp_status hp_hdf5_describe(
    hid_t dataset, const hp_hdf5_source *source, hp_weight *weight, const void **bytes, hp_error *error) {
    bool as_is = true;
    *bytes = NULL;
    HP_TRY(find_dtype(dataset, source, &weight->dtype, &as_is, error));
    HP_TRY(find_shape(dataset, weight, error));
    hid_t list = H5Dget_create_plist(dataset);
    if (list < 0) return hp_hdf5_fail(error, "its storage cannot be read");
    hp_status status = find_bytes(dataset, list, source, weight, bytes, error);
    H5Pclose(list);
    if (!as_is) *bytes = NULL;
    return status;
}

static hp_status read_dataset(hid_t dataset, const hp_weight *weight, void *destination, hp_error *error) {
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    hp_status status = HP_OK;
    hssize_t points = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    size_t size = type < 0 ? 0 : H5Tget_size(type), bytes;
    if (points < 0 || !hp_size_mul((size_t)points, size, &bytes) || bytes != weight->bytes)
        status = hp_hdf5_fail(error, "cannot be read");
    else {
        H5T_class_t class = H5Tget_class(type);
        hid_t memory = H5Tcopy(type);
        if (class == H5T_FLOAT || class == H5T_INTEGER) H5Tset_order(memory, H5Tget_order(H5T_NATIVE_INT));
        if (H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, destination) < 0)
            status = hp_hdf5_fail(error, "its data cannot be read");
        if (memory >= 0) H5Tclose(memory);
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return status;
}

hp_status hp_hdf5_read(int64_t file, const char *path, const hp_weight *weight, void *destination, hp_error *error) {
    hp_hdf5_guard guard;
    hp_hdf5_enter(&guard);
    hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
    hp_status status =
        dataset < 0 ? hp_hdf5_fail(error, "cannot be opened") : read_dataset(dataset, weight, destination, error);
    if (dataset >= 0) H5Dclose(dataset);
    hp_hdf5_leave(&guard);
    if (status != HP_OK) hp_error_prefix(error, "%s", weight->name);
    return status;
}

void hp_hdf5_close_files(const int64_t *files, size_t count) {
    if (count == 0) return;
    hp_hdf5_guard guard;
    hp_hdf5_enter(&guard);
    for (size_t i = 0; i < count; i++) H5Fclose(files[i]);
    hp_hdf5_leave(&guard);
}
