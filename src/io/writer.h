/* writer.h: predictions out.
 *
 * A writer takes the rows of one or several outputs in order and leaves one file. Invariant: under its final
 * name a file is always whole. Everything goes to a partial file beside the target (TARGET.partial, locked
 * against a second run), which takes the target's name in one step when hp_io_writer_finish has brought all
 * of it to the disk; until then a file that was there before stays as it is. Special files (a pipe,
 * /dev/null) and standard output are written directly. One thread at a time may use a writer.
 *
 * The library leaves signals alone: a command that writes to pipes ignores SIGPIPE, and gets HP_ERROR_IO
 * here. */
#ifndef HP_IO_WRITER_H
#define HP_IO_WRITER_H

#include "io/reader.h"

/* One output: what each row of it is. */
typedef struct hp_io_output {
    const char *name; /* member of a .npz, dataset, prefix of csv columns; NULL: "output" */
    hp_dtype dtype;
    int rank;                  /* of one row, without the rows: 0 to HP_MAX_RANK - 1 */
    int64_t dims[HP_MAX_RANK]; /* of one row */
    const char *const *labels; /* csv: a column name for each element of a row; NULL: name, or name_0, name_1 ... */
    size_t string_size;        /* HP_STRING in .npy and .npz: the most characters an element may have (numpy 'U');
                         * 0: not known, the file is made when all rows are there. csv: ignored */
} hp_io_output;

/* How much of a partial file counts: a run that was interrupted goes on there. */
typedef struct hp_io_mark {
    int64_t rows;
    int64_t bytes; /* of the partial file; -1: all of it (HDF5) */
} hp_io_mark;

/* All zero means default. Strings are needed during hp_io_writer_open only. */
typedef struct hp_io_writer_options {
    const char *format;  /* a name of io.def; NULL: by the path's extension */
    hp_io_header header; /* csv, tsv: AUTO writes one */
    const char *dataset; /* HDF5, npz: name of a single output; NULL: as the path says (FILE.h5:/dataset),
                          * else the output's name */
    int64_t rows;        /* how many rows there will be, if `rows_known`; spares a .npy on standard output
                          * the detour over a temporary file */
    bool rows_known;
    int id_count;                /* csv, tsv: id columns before the others; other formats refuse them */
    const char *const *id_names; /* NULL: no names: id_0, id_1 ... in the header */
    const hp_io_mark *resume;    /* go on with the partial file that is there, from this mark; NULL: from the start */
    bool exclusive;              /* fail where the target exists already, instead of replacing it */
    bool durable;                /* finish waits until the new name is on the disk too: after a power cut the file is
                                  * there for certain, and not only, if there, whole. Some milliseconds. */
} hp_io_writer_options;

typedef struct hp_io_writer_class hp_io_writer_class; /* format.h */

typedef struct hp_io_writer {
    const hp_io_writer_class *class;
    char *name;            /* for messages: the path as given, or "standard output" */
    const char *format;    /* the name in io.def */
    int64_t rows;          /* written so far */
    int64_t expected_rows; /* from the options; -1: not known */
    int output_count;
    hp_io_output *outputs; /* own copies */
    int id_count;
    const char
        *not_resumable; /* why hp_io_writer_mark is not possible ("..., which cannot be continued"); NULL: it is */
    struct hp_io_sink *target; /* private */
    hp_arena arena;            /* private: names */
} hp_io_writer;

/* Makes a writer of `count` outputs into `path` ("-": standard output). .npy and raw take one output; .npz,
 * .csv, .tsv and HDF5 take several (csv: columns side by side). Nothing appears under `path` before finish.
 * Errors: HP_ERROR_IO (cannot be created, another run is writing it, exists though `exclusive`),
 * HP_ERROR_ARGUMENT (unknown format, too many outputs, ids that the format cannot hold). */
hp_status hp_io_writer_open(const char *path, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error);

/* Appends `rows` rows (0: nothing). data[i] holds those of output i: C order, its dtype. ids: rows * id_count
 * strings, or NULL where id_count is 0. After an error the writer may only be aborted.
 * Errors: HP_ERROR_IO (disk full, closed pipe ...). */
hp_status hp_io_write(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error);

/* Rows as text, made ahead by any thread, for writers whose files are text and whose outputs are numbers. hp_io_text_room:
 * the bytes of room that a row takes, but for its ids, of which a byte may take two; 0: not such a writer. hp_io_text_rows
 * is given what hp_io_write is and returns how many bytes it wrote; it is thread-safe. hp_io_write_text appends text that it
 * made. Errors: as hp_io_write. */
size_t hp_io_text_room(const hp_io_writer *writer);
size_t hp_io_text_rows(
    const hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, char *text);
hp_status hp_io_write_text(hp_io_writer *writer, int64_t rows, const char *text, size_t bytes, hp_error *error);

/* Completes the output, brings it to the disk, gives it its final name, and frees the writer. On failure too
 * the writer is freed, nothing is left behind, and what was there before is untouched. */
hp_status hp_io_writer_finish(hp_io_writer *writer, hp_error *error);

/* Brings all rows so far to the disk and says where they end. A power cut after this loses nothing of them.
 * Errors: HP_ERROR_IO; HP_ERROR_ARGUMENT where `not_resumable`. */
hp_status hp_io_writer_mark(hp_io_writer *writer, hp_io_mark *mark, hp_error *error);

/* Gives up, but leaves the partial file for a run that resumes from a mark. Frees the writer. NULL: nothing. */
void hp_io_writer_leave(hp_io_writer *writer);

/* Whether the output `path` has its name already, and no partial file is left. */
bool hp_io_is_finished(const char *path);

/* Whether two paths (of FILE.h5:/dataset the file's) lead to one file, or are the same where there is none yet. Streams
 * and devices are never the same. */
bool hp_io_same_file(const char *a, const char *b);

/* Makes a change of names in the folder of `path` last through a power cut, as well as that can be had. */
void hp_io_sync_folder(const char *path);

/* Gives up: removes what was written (but for what went down a pipe) and frees the writer. NULL: nothing. */
void hp_io_writer_abort(hp_io_writer *writer);

#endif
