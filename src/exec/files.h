/* files.h: a run from files to files, as files.c makes it of the caller's options, and resume.c lets it go on. */
#ifndef HP_EXEC_FILES_H
#define HP_EXEC_FILES_H

#include "exec/checkpoint.h"
#include "exec/stream.h"

typedef struct hp_file_job {
    hp_model *model;
    hp_stream_options options;
    hp_stream stream;
    hp_selection selection;
    hp_array shapes[HP_MOST_TENSORS];
    hp_io_reader *readers[HP_MOST_TENSORS];
    hp_io_writer *writers[HP_MOST_TENSORS];
    hp_io_output outputs[HP_MOST_TENSORS], selected[2 * HP_MOST_TENSORS];
    int selected_count[HP_MOST_TENSORS];
    int64_t own_rows[HP_MOST_TENSORS]; /* per input */
    int64_t items[HP_MOST_TENSORS];    /* per output */
    int64_t begin, end;                /* the rows of the inputs that are predicted; end -1: up to the last */
    const hp_file *inputs;
    size_t input_count;
    const hp_file *files; /* outputs */
    size_t file_count;
    hp_arena arena;
    hp_checkpoint checkpoint;
    double pad;        /* with options.pad: the value */
    bool late;         /* only the rows tell the outputs' shapes */
    bool checkpoints;  /* are written now and then */
    bool resumed;      /* the run goes on from `checkpoint` */
    bool saved;        /* there is a checkpoint on the disk that belongs to what was written */
    int64_t last_save; /* as hp_clock_now */
} hp_file_job;

/* What a file's reader is to be told. */
hp_io_reader_options hp_file_reader_options(const hp_file *file);
/* Whether a reader gives rows of text. */
bool hp_reader_is_text(const hp_io_reader *reader);

/* Finds out, before the writers are opened, whether this run can be resumed and whether it is to go on from a checkpoint
 * that is there: then the readers are taken to its row, and job->checkpoint holds what the writers need. A stale
 * checkpoint of a run that starts anew is removed. Errors: HP_ERROR_ARGUMENT where the caller wants to resume and
 * cannot; those of hp_checkpoint_load. */
hp_status hp_resume_begin(hp_file_job *job, hp_error *error);
/* ... and after that: whether the outputs can be. */
hp_status hp_resume_check_writers(hp_file_job *job, hp_error *error);
/* Where output file `index` of a resumed run goes on; NULL: from the start. *finished: it has its name already. */
const hp_io_mark *hp_resume_mark(const hp_file_job *job, size_t index, bool *finished);
/* After rows were written: saves a checkpoint if it is time. */
hp_status hp_resume_written(void *job, int64_t rows, int64_t failed, hp_error *error);
/* Saves one now. `complete`: all rows are there. */
hp_status hp_resume_save(hp_file_job *job, int64_t rows, int64_t failed, bool complete, hp_error *error);

#endif
