/* hdf5_driver.c: libhdf5's file driver over bytes in memory, and the fence around libhdf5.
 *
 * Invariant: the driver reads inside its bytes only and never writes. */
#include "format/hdf5_file.h"
#include "base/thread.h"

#include <string.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

typedef struct source {
    const unsigned char *data;
    size_t size;
} source;

typedef struct memory_file {
    H5FD_t base; /* libhdf5's part; must be first */
    source bytes;
    haddr_t end_of_allocation;
} memory_file;

static hp_mutex fence = HP_MUTEX_INIT;

void hp_hdf5_enter(hp_hdf5_guard *guard) {
    hp_mutex_lock(&fence);
    H5open();
    H5Eget_auto2(H5E_DEFAULT, &guard->report, &guard->report_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    guard->plugins = 0;
    H5PLget_loading_state(&guard->plugins);
    H5PLset_loading_state(0);
}

void hp_hdf5_leave(const hp_hdf5_guard *guard) {
    H5Eclear2(H5E_DEFAULT);
    H5PLset_loading_state(guard->plugins);
    H5Eset_auto2(H5E_DEFAULT, guard->report, guard->report_data);
    hp_mutex_unlock(&fence);
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t limit) {
    (void)name, (void)limit;
    const source *bytes = H5Pget_driver_info(access);
    if (!bytes || (flags & H5F_ACC_RDWR)) return NULL;
    memory_file *file = HP_NEW(memory_file);
    if (!file) return NULL;
    file->bytes = *bytes;
    return &file->base;
}

static herr_t driver_close(H5FD_t *base) {
    hp_free(base);
    return 0;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *flags) {
    (void)base;
    *flags = 0;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const memory_file *)base)->end_of_allocation;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((memory_file *)base)->end_of_allocation = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const memory_file *)base)->bytes.size;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer) {
    (void)type, (void)transfer;
    const source *bytes = &((const memory_file *)base)->bytes;
    if (address > bytes->size || size > bytes->size - address) return -1;
    memcpy(buffer, bytes->data + address, size);
    return 0;
}

static herr_t driver_write(
    H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, const void *buffer) {
    (void)base, (void)type, (void)transfer, (void)address, (void)size, (void)buffer;
    return -1;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* of the range that libhdf5 leaves to unregistered drivers */
#endif
    .name = "hornpipe_memory",
    .maxaddr = (haddr_t)1 << 62,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(source), /* libhdf5 copies it as it is */
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* The driver's id; registered again if the host has closed libhdf5 since. */
static hid_t driver_id(void) {
    static hid_t id = H5I_INVALID_HID;
    if (id < 0 || H5Iis_valid(id) <= 0) id = H5FDregister(&driver_class);
    return id;
}

/* Keeps the first text of the walk, which is libhdf5's innermost one. */
static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *data) {
    const char **text = data;
    if (n == 0 && entry->desc) *text = entry->desc;
    return 0;
}

hp_status hp_hdf5_fail(hp_error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    hp_error_setv(error, HP_ERROR_FORMAT, NULL, format, args);
    va_end(args);
    const char *said = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &said);
    if (error && said) {
        size_t used = strlen(error->message);
        hp_error cut;
        hp_error_set(&cut, HP_ERROR_FORMAT, NULL, "%s (libhdf5: %s)", error->message, said);
        if (used < sizeof error->message - 64) memcpy(error->message, cut.message, sizeof cut.message);
    }
    H5Eclear2(H5E_DEFAULT);
    return HP_ERROR_FORMAT;
}

hp_status hp_hdf5_open(const void *data, size_t size, hid_t *file, hp_error *error) {
    source bytes = {data, size};
    hid_t driver = driver_id(), access = H5Pcreate(H5P_FILE_ACCESS);
    *file = H5I_INVALID_HID;
    if (driver >= 0 && access >= 0 && H5Pset_driver(access, driver, &bytes) >= 0)
        *file = H5Fopen("memory", H5F_ACC_RDONLY, access);
    if (access >= 0) H5Pclose(access);
    if (*file < 0) return hp_hdf5_fail(error, "not a whole HDF5 file");
    return HP_OK;
}
