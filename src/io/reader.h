/* reader.h: batches of rows in.
 *
 * A reader gives the rows of one array (a file, a member of a file, or standard input) from first to last, in
 * batches. Invariant: every read gives exactly `max_rows` rows unless the source ends there, so readers of
 * several inputs that are read in step stay in step. Rows are given as they are stored (view.h);
 * hp_io_convert makes them the model's. Memory does not grow with the number of rows.
 *
 * One thread at a time may use a reader; its batches may be used by other threads meanwhile, each until it is
 * read into again or released. So an engine keeps as many hp_io_batch structs as it wants in flight, and
 * reuses them.
 *
 *     hp_io_reader *reader;
 *     hp_io_batch batch = {0};
 *     HP_TRY(hp_io_reader_open("rows.npy", NULL, &reader, error));
 *     while ((status = hp_io_read(reader, 4096, &batch, error)) == HP_OK && batch.rows > 0)
 *         hp_io_convert(&batch.view, 0, batch.rows, HP_FLOAT32, rows, NULL, error);
 *     hp_io_batch_release(&batch);
 *     hp_io_reader_close(reader);
 */
#ifndef HP_IO_READER_H
#define HP_IO_READER_H

#include "io/view.h"

typedef enum hp_io_header {
    HP_IO_HEADER_AUTO, /* reading: the first row is a header if one of its fields is no value (a number, true,
                        * false or missing) and the one below it is, or there are no more rows (of an input that
                        * takes text: then it is a row), or if one of its fields is the input's name; writing: yes */
    HP_IO_HEADER_YES,
    HP_IO_HEADER_NO,
} hp_io_header;

/* All zero means default. Strings are needed during hp_io_reader_open only. */
typedef struct hp_io_reader_options {
    const char *format;     /* a name of io.def ("npy", "csv" ...); NULL: by the path's extension, and standard
                          * input  by its first bytes where that is possible (.npy) */
    const char *dataset;    /* which array of a .npz or HDF5 file; NULL: as the path says (FILE.h5:/dataset,
                          * FILE.npz:/name), or the only one there is */
    hp_io_header header;    /* csv, tsv */
    const char *columns;    /* csv, tsv: the columns to read, in this order: names or numbers from 0 or ranges of
                          * numbers ("age,2,5-9"; a name with a comma is quoted as in csv); NULL: all but the
                          * id columns */
    const char *id_columns; /* csv, tsv: columns carried to the output, written as `columns`; NULL: none */
    const char *input;      /* csv, tsv: the model's input that is read: a first row with this name is a header; NULL */
    bool text;              /* csv, tsv: that input takes text */
    hp_dtype raw_dtype;     /* raw: HP_DTYPE_NONE is float32; little-endian */
    int raw_rank;           /* raw: shape of one row (without the rows); other formats ignore it */
    int64_t raw_dims[HP_MAX_RANK];
} hp_io_reader_options;

typedef struct hp_io_reader_class hp_io_reader_class; /* format.h */

/* What is known of the source; read only. */
typedef struct hp_io_reader {
    const hp_io_reader_class *class;
    char *name;                /* for messages: the path as given, or "standard input" */
    const char *format;        /* the name in io.def */
    hp_dtype dtype;            /* as stored. HP_STRING for csv: text, converts to any dtype */
    int rank;                  /* of one row, without the rows: 0 to HP_MAX_RANK - 1 */
    int64_t dims[HP_MAX_RANK]; /* of one row */
    int64_t rows;              /* in the whole source, or -1 where only reading tells */
    int64_t next_row;          /* number of the row that the next read begins with */
    int64_t begin, end;        /* the rows that it gives; end -1: up to the last (hp_io_reader_window) */
    bool seekable;             /* hp_io_seek may go backwards */
    bool ragged;               /* rows have different lengths: dims[0] is -1, and views have `offsets` */
    double mean_length;        /* of those */
    int id_count;              /* id columns, and their names (from the header, else their numbers as text) */
    const char *const *id_names;
    struct hp_io_source *interruptible; /* private: the stream that it reads; NULL: reading it does not wait long */
    int column_count;                   /* csv: names of the columns that are read; 0 and NULL without a header */
    const char *const *column_names;
} hp_io_reader;

/* Rows of one read. Zeroed before first use; released with hp_io_batch_release. */
typedef struct hp_io_batch {
    int64_t rows;      /* 0: the source has ended */
    int64_t first_row; /* number of the first one in the source, from 0 */
    hp_io_view view;
    struct hp_io_buffer *buffer; /* private: what the view points into */
} hp_io_batch;

/* Has an empty batch keep all that it holds in these `size` bytes (on a cache line), as it must where other processes
 * read it; reading more than fits is HP_ERROR_NO_MEMORY. They are the caller's, and outlive the batch. */
void hp_io_batch_place(hp_io_batch *batch, void *memory, size_t size);

/* Opens `path` ("-": standard input, which stays open afterwards). `options` may be NULL.
 * Errors: HP_ERROR_IO (cannot be opened or read), HP_ERROR_FORMAT (not what its format says),
 * HP_ERROR_ARGUMENT (an option, an unknown format, no such dataset or column). error->where begins with the
 * source's name. */
hp_status hp_io_reader_open(
    const char *path, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error);

/* Opens a reader of other columns of the rows that `rows`, a reader of csv or tsv, reads: the source is read once for both,
 * and can be one that can be read once only. Of the options `columns` and `id_columns` matter. Each read, seek or window of
 * `rows` is followed by the same one of it, and what `rows` was read into stays as long as what that was. Not to be used once
 * `rows` is closed. Errors: HP_ERROR_ARGUMENT. */
hp_status hp_io_reader_share(
    hp_io_reader *rows, const hp_io_reader_options *options, hp_io_reader **reader, hp_error *error);

/* Reads the next rows: exactly `max_rows` (> 0), or what is left. At the end rows = 0 and HP_OK.
 * Errors: HP_ERROR_IO; HP_ERROR_FORMAT for a source that ends within a row or changed while it was read.
 * After an error the reader may only be closed. */
hp_status hp_io_read(hp_io_reader *reader, int64_t max_rows, hp_io_batch *batch, hp_error *error);

/* Gives only the rows [begin, end) of the source, whose numbers they keep; end -1, or past the last row: up to the last.
 * Before the first read. Errors: HP_ERROR_ARGUMENT for begin past the end; those of hp_io_seek. */
hp_status hp_io_reader_window(hp_io_reader *reader, int64_t begin, int64_t end, hp_error *error);
/* How many rows it gives, or -1 where only reading tells. */
int64_t hp_io_reader_rows(const hp_io_reader *reader);

/* Has a read that waits for a pipe or terminal, and all later ones, return HP_ERROR_INTERRUPTED. Thread-safe. */
void hp_io_reader_interrupt(hp_io_reader *reader);

/* Makes `row` the next one read: forward in any source (rows are skipped), backward where `seekable`.
 * Errors: HP_ERROR_ARGUMENT for a row past the end (the end itself is allowed) or backward in a stream; those
 * of hp_io_read. */
hp_status hp_io_seek(hp_io_reader *reader, int64_t row, hp_error *error);

/* The id fields of rows [first_row, first_row + rows) of a batch: ids[row * id_count + i], unquoted text. The
 * bytes lie in the batch or in `strings`. Nothing where there are no id columns. Errors as hp_io_convert.
 * Thread-safe. */
hp_status hp_io_ids(
    const hp_io_batch *batch, int64_t first_row, int64_t rows, hp_string *ids, hp_arena *strings, hp_error *error);

void hp_io_batch_release(hp_io_batch *batch);  /* leaves a zeroed batch */
void hp_io_reader_close(hp_io_reader *reader); /* NULL: nothing. Views into it become invalid */

/* The names of the arrays in a file of several (.npz, HDF5), to match with a model's inputs; *count = 0 for
 * formats that hold one array only. For HDF5 these are the datasets of the root group. Names live in `arena`.
 */
hp_status hp_io_members(
    const char *path, const char *format, hp_arena *arena, const char *const **names, size_t *count, hp_error *error);

/* The format (a name of io.def) that `path` would be read or written as: `explicit_format` if not NULL, else
 * by its extension; NULL where neither tells ("-", an unknown extension, an unknown name). */
const char *hp_io_format_of(const char *path, const char *explicit_format);
/* Bytes of the file's own path in FILE.h5:/dataset or FILE.npz:/name; of all of any other path. */
size_t hp_io_path_length(const char *path);
/* The names of io.def, separated by ", ", for messages and help. */
const char *hp_io_format_names(void);

#endif
