/* hdf5_driver.c: see hdf5_driver.h. What libhdf5's usual driver does, with the same features, so that files are the same
 * bytes. */
#define _XOPEN_SOURCE 700
#include "io/hdf5_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#if defined(H5_VERSION_GE)
#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif
#endif

typedef struct driver_file {
    H5FD_t base; /* libhdf5's */
    int fd;
    haddr_t allocated, size; /* where its place ends, and where the file does */
    hp_io_hdf5_fate *fate;
} driver_file;

/* The property list holds the fate's address. */
typedef struct access_info {
    hp_io_hdf5_fate *fate;
} access_info;

static herr_t note(driver_file *file, int reason) {
    if (!file->fate->failure) file->fate->failure = reason;
    return file->fate->quiet ? 0 : -1;
}

static bool is_given_up(const driver_file *file) {
    return file->fate->quiet && file->fate->failure;
}

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most) {
    (void)most;
    const access_info *info = H5Pget_driver_info(access);
    int mode = flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY;
    if (flags & H5F_ACC_TRUNC) mode |= O_TRUNC;
    if (flags & H5F_ACC_CREAT) mode |= O_CREAT;
    if (flags & H5F_ACC_EXCL) mode |= O_EXCL;
    driver_file *file = info ? HP_NEW(driver_file) : NULL;
    if (!file) return NULL;
    file->fate = info->fate;
    file->fd = open(name, mode | O_CLOEXEC, 0666);
    off_t end = file->fd >= 0 ? lseek(file->fd, 0, SEEK_END) : -1;
    if (end < 0) {
        note(file, errno);
        if (file->fd >= 0) close(file->fd);
        hp_free(file);
        return NULL;
    }
    file->size = (haddr_t)end;
    return &file->base;
}

static herr_t close_file(H5FD_t *base) {
    driver_file *file = (driver_file *)base;
    herr_t status = close(file->fd) == 0 ? 0 : note(file, errno);
    hp_free(file);
    return status;
}

static herr_t query(const H5FD_t *base, unsigned long *flags) {
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t get_allocated(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->allocated;
}

static herr_t set_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t end) {
    (void)type;
    ((driver_file *)base)->allocated = end;
    return 0;
}

static haddr_t get_size(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const driver_file *)base)->size;
}

/* What lies beyond the end is zeros. */
static herr_t read_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t place, size_t bytes, void *buffer) {
    (void)type, (void)transfer;
    driver_file *file = (driver_file *)base;
    for (unsigned char *to = buffer; bytes > 0;) {
        ssize_t n = pread(file->fd, to, bytes, (off_t)place);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return note(file, errno);
        if (n == 0) {
            memset(to, 0, bytes);
            return 0;
        }
        to += n, place += (haddr_t)n, bytes -= (size_t)n;
    }
    return 0;
}

static herr_t write_bytes(
    H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t place, size_t bytes, const void *buffer) {
    (void)type, (void)transfer;
    driver_file *file = (driver_file *)base;
    for (const unsigned char *from = buffer; bytes > 0 && !is_given_up(file);) {
        ssize_t n = pwrite(file->fd, from, bytes, (off_t)place);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return note(file, errno);
        from += n, place += (haddr_t)n, bytes -= (size_t)n;
    }
    if (place + bytes > file->size) file->size = place + bytes;
    return 0;
}

static herr_t truncate_file(H5FD_t *base, hid_t transfer, hbool_t closing) {
    (void)transfer, (void)closing;
    driver_file *file = (driver_file *)base;
    if (file->allocated == file->size || is_given_up(file)) return 0;
    while (ftruncate(file->fd, (off_t)file->allocated) != 0)
        if (errno != EINTR) return note(file, errno);
    file->size = file->allocated;
    return 0;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)(H5_VFD_RESERVED + 1),
#endif
    .name = "hornpipe",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(access_info),
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_allocated,
    .set_eoa = set_allocated,
    .get_eof = get_size,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t hp_io_hdf5_access(hp_io_hdf5_fate *fate, hid_t *driver) {
    access_info info = {.fate = fate};
    *driver = H5FDregister(&driver_class);
    if (*driver < 0) return -1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_driver(access, *driver, &info) >= 0) return access;
    hp_io_hdf5_access_close(access, *driver);
    *driver = -1;
    return -1;
}

void hp_io_hdf5_access_close(hid_t access, hid_t driver) {
    if (access >= 0) H5Pclose(access);
    if (driver >= 0) H5FDunregister(driver);
}
