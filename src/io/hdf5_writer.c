/* hdf5_writer.c: outputs as datasets of an HDF5 file (FILE.h5:/dataset).
 *
 * An HDF5 file that is there already keeps what else it holds: the partial file begins as a copy of it, in which
 * datasets of the outputs' names are replaced. With a known number of rows a dataset is contiguous, else chunked and
 * extended. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/dtype.h"
#include "io/hdf5_data.h"
#include "io/hdf5_driver.h"
#include "io/sink.h"

enum { CHUNK_BYTES = 1 << 20 };

typedef struct hdf5_output {
    hid_t dataset, type; /* negative: not open */
} hdf5_output;

typedef struct hdf5_writer {
    hp_io_writer base;
    hp_io_sink *sink;
    hid_t file, access, driver;
    hp_io_hdf5_fate fate;
    hdf5_output *outputs;
    void *block; /* elements on their way: bfloat16 as float32, strings with their terminators */
    size_t block_size;
} hdf5_writer;

/* ---- making the file ------------------------------------------------------------------------------------------ */

static hp_status copy_existing(hdf5_writer *hdf5, const char *target, hp_error *error) {
    hp_io_source *source;
    HP_TRY(hp_io_source_open(target, &source, error));
    char *block = hp_alloc_aligned(CHUNK_BYTES);
    hp_status status = block ? HP_OK : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (size_t got = CHUNK_BYTES; status == HP_OK && got == CHUNK_BYTES;) {
        status = source->read(source, block, CHUNK_BYTES, &got, error);
        if (status == HP_OK) status = hp_io_sink_write(hdf5->sink, block, got, error);
    }
    if (status == HP_OK) status = hp_io_sink_flush(hdf5->sink, error);
    hp_free(block);
    source->close(source);
    return status;
}

static hid_t creation_list(const hdf5_writer *hdf5, const hp_io_output *output, const hsize_t *dims) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (list < 0) return -1;
    if (H5Pset_obj_track_times(list, 0) < 0) { /* the same predictions give the same bytes */
        H5Pclose(list);
        return -1;
    }
    if (hdf5->base.expected_rows >= 0) { /* all its place from the start: rows then change nothing else in the file */
        if (H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0) return list;
        H5Pclose(list);
        return -1;
    }
    hsize_t chunk[HP_MAX_RANK];
    size_t row = hp_io_output_row_bytes(output);
    chunk[0] = row == 0 || row > CHUNK_BYTES ? 1 : CHUNK_BYTES / row;
    for (int i = 1; i <= output->rank; i++) chunk[i] = dims[i] ? dims[i] : 1;
    if (H5Pset_chunk(list, output->rank + 1, chunk) >= 0) return list;
    H5Pclose(list);
    return -1;
}

static hid_t make_dataset(hdf5_writer *hdf5, const hp_io_output *output, hid_t type) {
    hsize_t dims[HP_MAX_RANK], most[HP_MAX_RANK];
    bool known = hdf5->base.expected_rows >= 0;
    dims[0] = known ? (hsize_t)hdf5->base.expected_rows : 0;
    most[0] = known ? dims[0] : H5S_UNLIMITED;
    for (int i = 0; i < output->rank; i++) dims[i + 1] = most[i + 1] = (hsize_t)output->dims[i];
    if (H5Lexists(hdf5->file, output->name, H5P_DEFAULT) > 0) H5Ldelete(hdf5->file, output->name, H5P_DEFAULT);
    hid_t space = H5Screate_simple(output->rank + 1, dims, most), list = creation_list(hdf5, output, dims);
    hid_t links = H5Pcreate(H5P_LINK_CREATE), made = -1;
    if (space >= 0 && list >= 0 && links >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0)
        made = H5Dcreate2(hdf5->file, output->name, type, space, links, list, H5P_DEFAULT);
    if (space >= 0) H5Sclose(space);
    if (list >= 0) H5Pclose(list);
    if (links >= 0) H5Pclose(links);
    return made;
}

/* What the system said, or else libhdf5. */
static hp_status fail_writing(const hdf5_writer *hdf5, hp_error *error) {
    if (hdf5->fate.failure) HP_FAIL(error, HP_ERROR_IO, NULL, "cannot be written: %s", strerror(hdf5->fate.failure));
    return hp_io_hdf5_fail(error, HP_ERROR_IO, "cannot be written");
}

static hp_status make_datasets(hdf5_writer *hdf5, bool exists, const hp_io_writer_options *options, hp_error *error) {
    const char *path = hp_io_sink_partial_path(hdf5->sink);
    bool resume = options->resume != NULL;
    hdf5->access = hp_io_hdf5_access(&hdf5->fate, &hdf5->driver);
    if (hdf5->access >= 0)
        hdf5->file = exists || resume ? H5Fopen(path, H5F_ACC_RDWR, hdf5->access)
                                      : H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, hdf5->access);
    if (hdf5->fate.failure) return fail_writing(hdf5, error);
    if (hdf5->file < 0)
        return hp_io_hdf5_fail(error, HP_ERROR_IO,
            exists ? "it exists and is no HDF5 file to which a dataset could be added" : "cannot be created");
    for (int i = 0; i < hdf5->base.output_count; i++) {
        hdf5_output *output = &hdf5->outputs[i];
        output->type = hp_io_hdf5_memory_type(hdf5->base.outputs[i].dtype);
        const char *name = hdf5->base.outputs[i].name;
        bool there = !resume && options->exclusive && H5Lexists(hdf5->file, name, H5P_DEFAULT) > 0;
        HP_FAIL_IF(there, error, HP_ERROR_IO, NULL, "it has a dataset \"%.200s\" already", name);
        if (output->type >= 0)
            output->dataset = resume ? H5Dopen2(hdf5->file, name, H5P_DEFAULT)
                                     : make_dataset(hdf5, &hdf5->base.outputs[i], output->type);
        if (hdf5->fate.failure) return fail_writing(hdf5, error);
        if (output->dataset < 0)
            return hp_io_hdf5_fail(
                error, HP_ERROR_IO, "the dataset \"%.200s\" cannot be %s", name, resume ? "continued" : "made");
    }
    return H5Fflush(hdf5->file, H5F_SCOPE_GLOBAL) < 0 ? fail_writing(hdf5, error) : HP_OK;
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static hp_status reserve_block(hdf5_writer *hdf5, size_t bytes, hp_error *error) {
    if (bytes <= hdf5->block_size) return HP_OK;
    hp_free(hdf5->block);
    hdf5->block = hp_alloc_aligned(bytes);
    hdf5->block_size = hdf5->block ? bytes : 0;
    HP_ALLOCATED(hdf5->block, error);
    return HP_OK;
}

/* Pointers to terminated copies, all in the block. */
static hp_status terminate_strings(hdf5_writer *hdf5, const hp_string *strings, size_t count, hp_error *error) {
    size_t bytes = count * sizeof(char *);
    for (size_t i = 0; i < count; i++)
        HP_FAIL_IF(!hp_size_add(bytes, strings[i].size + 1, &bytes), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(reserve_block(hdf5, bytes, error));
    char **texts = hdf5->block, *to = (char *)(texts + count);
    for (size_t i = 0; i < count; i++) {
        texts[i] = to;
        memcpy(to, strings[i].size ? strings[i].data : "", strings[i].size);
        to += strings[i].size;
        *to++ = '\0';
    }
    return HP_OK;
}

/* The elements as libhdf5 is to be given them. */
static hp_status prepare(
    hdf5_writer *hdf5, hp_dtype dtype, const void *data, size_t count, const void **given, hp_error *error) {
    *given = data;
    if (dtype == HP_STRING) {
        HP_TRY(terminate_strings(hdf5, data, count, error));
        *given = hdf5->block;
    } else if (dtype == HP_BFLOAT16) {
        HP_TRY(reserve_block(hdf5, count * sizeof(uint32_t), error));
        for (size_t i = 0; i < count; i++) ((uint32_t *)hdf5->block)[i] = (uint32_t)((const uint16_t *)data)[i] << 16;
        *given = hdf5->block;
    }
    return HP_OK;
}

static herr_t write_rows(const hdf5_writer *hdf5, int index, int64_t rows, const void *data) {
    const hp_io_output *output = &hdf5->base.outputs[index];
    hid_t dataset = hdf5->outputs[index].dataset;
    hsize_t start[HP_MAX_RANK] = {(hsize_t)hdf5->base.rows}, count[HP_MAX_RANK] = {(hsize_t)rows};
    for (int i = 0; i < output->rank; i++) count[i + 1] = (hsize_t)output->dims[i];
    if (hdf5->base.expected_rows < 0) {
        hsize_t extent[HP_MAX_RANK];
        memcpy(extent, count, sizeof extent);
        extent[0] += start[0];
        if (H5Dset_extent(dataset, extent) < 0) return -1;
    }
    hid_t from = H5Screate_simple(output->rank + 1, count, NULL), to = H5Dget_space(dataset);
    herr_t done = -1;
    if (from >= 0 && to >= 0 && H5Sselect_hyperslab(to, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
        done = H5Dwrite(dataset, hdf5->outputs[index].type, from, to, H5P_DEFAULT, data);
    if (from >= 0) H5Sclose(from);
    if (to >= 0) H5Sclose(to);
    return done;
}

static hp_status write_hdf5(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    (void)ids;
    hdf5_writer *hdf5 = (hdf5_writer *)writer;
    for (int i = 0; i < writer->output_count; i++) {
        const hp_io_output *output = &writer->outputs[i];
        size_t count = (size_t)rows * hp_io_output_row_elements(output);
        const void *given;
        if (count == 0 && writer->expected_rows >= 0) continue;
        HP_TRY(prepare(hdf5, output->dtype, data[i], count, &given, error));
        hp_io_hdf5_guard guard;
        hp_io_hdf5_enter(&guard);
        hp_status status = HP_OK;
        if (write_rows(hdf5, i, rows, given) < 0) status = fail_writing(hdf5, error);
        hp_io_hdf5_leave(&guard);
        if (status != HP_OK) return status;
    }
    return HP_OK;
}

/* Closes everything of libhdf5's, whatever becomes of it; false: something could not be written. */
static bool close_file(hdf5_writer *hdf5) {
    bool good = true;
    hdf5->fate.quiet = true;
    for (int i = 0; i < hdf5->base.output_count && hdf5->outputs; i++) {
        hdf5_output *output = &hdf5->outputs[i];
        if (output->dataset >= 0) good &= H5Dclose(output->dataset) >= 0;
        if (output->type >= 0) good &= H5Tclose(output->type) >= 0;
        output->dataset = output->type = -1;
    }
    if (hdf5->file >= 0) good &= H5Fclose(hdf5->file) >= 0;
    hdf5->file = -1;
    hp_io_hdf5_access_close(hdf5->access, hdf5->driver);
    hdf5->access = hdf5->driver = -1;
    return good && !hdf5->fate.failure;
}

static hp_status finish_hdf5(hp_io_writer *writer, hp_error *error) {
    hdf5_writer *hdf5 = (hdf5_writer *)writer;
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    hp_status status = HP_OK;
    if (H5Fflush(hdf5->file, H5F_SCOPE_GLOBAL) < 0 || !close_file(hdf5)) status = fail_writing(hdf5, error);
    hp_io_hdf5_leave(&guard);
    HP_TRY(status);
    return hp_io_sink_commit(hdf5->sink, error);
}

static void close_hdf5(hp_io_writer *writer) {
    hdf5_writer *hdf5 = (hdf5_writer *)writer;
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    if (!hdf5->fate.failure) hdf5->fate.failure = ECANCELED; /* nothing more is to be written */
    close_file(hdf5);
    hp_io_hdf5_leave(&guard);
    hp_io_sink_close(hdf5->sink);
    hp_free(hdf5->outputs);
    hp_free(hdf5->block);
}

static hp_status flush_hdf5(hp_io_writer *writer, hp_error *error) {
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    hp_status status = HP_OK;
    hdf5_writer *hdf5 = (hdf5_writer *)writer;
    if (H5Fflush(hdf5->file, H5F_SCOPE_GLOBAL) < 0) status = fail_writing(hdf5, error);
    hp_io_hdf5_leave(&guard);
    return status;
}

static const hp_io_writer_class hdf5_class = {write_hdf5, finish_hdf5, close_hdf5, flush_hdf5, NULL};

static hp_status start_writing(
    hdf5_writer *hdf5, const char *path, const hp_io_writer_options *options, hp_error *error) {
    hdf5->file = hdf5->access = hdf5->driver = -1;
    hdf5->outputs = hp_alloc_array((size_t)hdf5->base.output_count, sizeof *hdf5->outputs);
    HP_ALLOCATED(hdf5->outputs, error);
    for (int i = 0; i < hdf5->base.output_count; i++) hdf5->outputs[i] = (hdf5_output){-1, -1};
    HP_FAIL_IF(!strcmp(path, "-"), error, HP_ERROR_ARGUMENT, NULL, "HDF5 cannot be written to standard output");
    hp_io_writer_options sink = *options; /* what else the file holds stays: there may be a file */
    sink.exclusive = false;
    HP_TRY(hp_io_sink_open(path, &sink, &hdf5->sink, error));
    hdf5->base.target = hdf5->sink;
    if (hdf5->base.expected_rows < 0)
        hdf5->base.not_resumable = "an HDF5 dataset that grows cannot be resumed: only with a known number of rows";
    HP_FAIL_IF(
        !hp_io_sink_is_file(hdf5->sink), error, HP_ERROR_ARGUMENT, NULL, "HDF5 can be written to a regular file only");
    const char *target = hp_io_sink_target_path(hdf5->sink);
    bool exists = access(target, F_OK) == 0;
    if (exists && !options->resume) HP_TRY(copy_existing(hdf5, target, error));
    hp_io_hdf5_guard guard;
    hp_io_hdf5_enter(&guard);
    hp_status status = make_datasets(hdf5, exists, options, error);
    hp_io_hdf5_leave(&guard);
    return status;
}

hp_status hp_io_hdf5_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    HP_TRY(hp_io_writer_new(
        sizeof(hdf5_writer), &hdf5_class, place, outputs, count, options, INT32_MAX, false, writer, error));
    hp_status status = start_writing((hdf5_writer *)*writer, place->path, options, error);
    if (status != HP_OK) hp_io_writer_abort(*writer);
    return status;
}
