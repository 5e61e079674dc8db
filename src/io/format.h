/* format.h: what a format gives to readers and writers; private to io/.
 *
 * A format's reader struct begins with an hp_io_reader, its writer struct with an hp_io_writer; reader.c and writer.c
 * do what all formats have in common (paths, names, counting rows, checks), the classes the rest. */
#ifndef HP_IO_FORMAT_H
#define HP_IO_FORMAT_H

#include "io/csv_text.h"
#include "io/reader.h"
#include "io/writer.h"

/* A path taken apart. */
typedef struct hp_io_place {
    const char *path;    /* of the file; "-" standard input or output */
    const char *dataset; /* the part after FILE.h5: or FILE.npz:, or the option; NULL: not given */
    const char *name;    /* for messages: what the user wrote, or "standard input" */
} hp_io_place;

/* Where a batch's rows are kept: reused from read to read. */
struct hp_io_buffer {
    void *data; /* from hp_alloc_aligned */
    size_t capacity;
    hp_io_text text; /* csv */
    size_t *starts;  /* csv: where rows begin in data */
    size_t start_capacity;
    hp_arena strings; /* HDF5 strings of variable length */
    bool placed;      /* all of it lies in memory that the caller gave (hp_io_batch_place), and nothing grows */
    char *texts;      /* placed: what `strings` is else */
    size_t text_size, text_used;
};

/* The batch's buffer with room for `bytes` (+ HP_IO_PADDING) bytes of `data`; what was in it is kept only with `keep`
 * > 0: that many first bytes. NULL: out of memory. */
struct hp_io_buffer *hp_io_batch_reserve(hp_io_batch *batch, size_t bytes, size_t keep);
/* Room for `count` starts of rows; what is there is kept. False: out of memory. */
bool hp_io_buffer_reserve_starts(struct hp_io_buffer *buffer, size_t count);
/* Forgets the strings of the batch before. */
void hp_io_buffer_clear_strings(struct hp_io_buffer *buffer);
/* A copy that lives until the strings are cleared; NULL: out of memory. */
char *hp_io_buffer_copy_string(struct hp_io_buffer *buffer, const char *data, size_t size);

struct hp_io_reader_class {
    /* Fills batch->view and batch->rows with up to max_rows rows; 0 rows at the end. reader.c sets first_row, name. */
    hp_status (*read)(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error);
    /* Goes to `row`, which is in [0, rows] where rows is known, and not before next_row unless seekable. */
    hp_status (*seek)(hp_io_reader *reader, int64_t row, hp_error *error);
    /* Frees what the format holds; reader.c frees the common part and the struct. Called also on a reader whose
     * opening failed half-way. */
    void (*close)(hp_io_reader *reader);
};

struct hp_io_writer_class {
    hp_status (*write)(
        hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error);
    hp_status (*finish)(hp_io_writer *writer, hp_error *error); /* completes and renames */
    void (*close)(hp_io_writer *writer);                        /* frees; discards what was not finished */
    hp_status (*flush)(hp_io_writer *writer, hp_error *error);  /* all to base.target; NULL: it is there already */
    /* hp_io_text_rows; what it makes goes to base.target. NULL: no text. */
    size_t (*text_rows)(
        const hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, char *text);
};

/* Opening: allocates the format's struct with hp_io_reader_new, fills it. On failure it has closed it again. */
typedef hp_status hp_io_open_reader(
    const hp_io_place *place, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error);
typedef hp_status hp_io_open_writer(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error);
typedef hp_status hp_io_list_members(
    const char *path, hp_arena *arena, const char *const **names, size_t *count, hp_error *error);

typedef struct hp_io_format {
    const char *name;
    const char *extensions;
    hp_io_open_reader *open_reader;
    hp_io_open_writer *open_writer;
    hp_io_list_members *members;
} hp_io_format;

#define IO_FORMAT(name, extensions, reader, writer, members)                                                           \
    hp_io_open_reader reader;                                                                                          \
    hp_io_open_writer writer;                                                                                          \
    hp_io_list_members members;
#include "io/io.def"
#undef IO_FORMAT

/* Rows of different lengths in two members of a .npz (ragged_reader.c). */
hp_status hp_io_ragged_open_reader(
    const hp_io_place *place, const char *values, const char *offsets, hp_io_reader **reader, hp_error *error);

const hp_io_format *hp_io_format_by_name(const char *name); /* NULL: none */
const hp_io_format *hp_io_format_by_path(const char *path); /* by extension, also of FILE.h5:/dataset; NULL: none */
/* Takes FILE.h5:/dataset and FILE.npz:/name apart; other paths stay whole. Copies go to `arena`; false: no memory. */
bool hp_io_place_of(const char *path, const char *dataset, const char *dash_name, hp_arena *arena, hp_io_place *place);

/* A zeroed struct of `size` bytes that begins with an hp_io_reader of this class and place; NULL: out of memory. */
void *hp_io_reader_new(size_t size, const hp_io_reader_class *class, const hp_io_place *place);
/* The same for a writer, with its copies of outputs and options checked: at most `max_outputs`; ids only with
 * `ids`. */
hp_status hp_io_writer_new(size_t size, const hp_io_writer_class *class, const hp_io_place *place,
    const hp_io_output *outputs, int count, const hp_io_writer_options *options, int max_outputs, bool ids,
    hp_io_writer **writer, hp_error *error);

/* Bytes of one row of an output, and elements; checked when the writer was made. */
size_t hp_io_output_row_bytes(const hp_io_output *output);
size_t hp_io_output_row_elements(const hp_io_output *output);

/* Product of dims with checked arithmetic; false where it does not fit or a size is negative. */
bool hp_io_count_elements(int rank, const int64_t *dims, size_t *elements);

#endif
