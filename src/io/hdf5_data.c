/* hdf5_data.c: see hdf5_data.h. */
#include "io/hdf5_data.h"

#include <stdio.h>
#include <string.h>
#include "base/thread.h"

/* libhdf5 keeps state for the whole process and may have been built without a lock of its own. */
static hp_mutex lock = HP_MUTEX_INIT;

void hp_io_hdf5_enter(hp_io_hdf5_guard *guard) {
    hp_mutex_lock(&lock);
    H5open();
    H5Eget_auto2(H5E_DEFAULT, &guard->report, &guard->report_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    guard->plugins = 0;
    H5PLget_loading_state(&guard->plugins);
    H5PLset_loading_state(0);
}

void hp_io_hdf5_leave(const hp_io_hdf5_guard *guard) {
    H5Eclear2(H5E_DEFAULT);
    H5PLset_loading_state(guard->plugins);
    H5Eset_auto2(H5E_DEFAULT, guard->report, guard->report_data);
    hp_mutex_unlock(&lock);
}

/* Keeps the innermost text, which tells most. */
static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *data) {
    const char **text = data;
    if (n == 0 && entry->desc) *text = entry->desc;
    return 0;
}

hp_status hp_io_hdf5_fail(hp_error *error, hp_status status, const char *format, ...) {
    char text[400];
    const char *said = NULL;
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    va_end(args);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &said);
    hp_error_set(error, status, NULL, said ? "%s (libhdf5: %s)" : "%s", text, said);
    H5Eclear2(H5E_DEFAULT);
    return status;
}

static hid_t make_bool(void) {
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    int8_t no = 0, yes = 1;
    if (type >= 0 && (H5Tenum_insert(type, "FALSE", &no) < 0 || H5Tenum_insert(type, "TRUE", &yes) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

static hid_t make_half(void) {
    hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
    if (type >= 0 &&
        (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

/* As h5py has it. */
static hid_t make_complex(hid_t part) {
    size_t size = H5Tget_size(part);
    hid_t type = H5Tcreate(H5T_COMPOUND, 2 * size);
    if (type >= 0 && (H5Tinsert(type, "r", 0, part) < 0 || H5Tinsert(type, "i", size, part) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

static hid_t make_string(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

hid_t hp_io_hdf5_memory_type(hp_dtype dtype) {
    switch (dtype) {
    case HP_FLOAT64:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case HP_FLOAT16:
        return make_half();
    case HP_INT8:
        return H5Tcopy(H5T_NATIVE_INT8);
    case HP_INT16:
        return H5Tcopy(H5T_NATIVE_INT16);
    case HP_INT32:
        return H5Tcopy(H5T_NATIVE_INT32);
    case HP_INT64:
        return H5Tcopy(H5T_NATIVE_INT64);
    case HP_UINT8:
        return H5Tcopy(H5T_NATIVE_UINT8);
    case HP_UINT16:
        return H5Tcopy(H5T_NATIVE_UINT16);
    case HP_UINT32:
        return H5Tcopy(H5T_NATIVE_UINT32);
    case HP_UINT64:
        return H5Tcopy(H5T_NATIVE_UINT64);
    case HP_BOOL:
        return make_bool();
    case HP_STRING:
        return make_string();
    case HP_COMPLEX64:
        return make_complex(H5T_NATIVE_FLOAT);
    case HP_COMPLEX128:
        return make_complex(H5T_NATIVE_DOUBLE);
    default:
        return H5Tcopy(H5T_NATIVE_FLOAT);
    }
}
