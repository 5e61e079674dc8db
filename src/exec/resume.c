/* resume.c: checkpoints of a run from files to files: when they are written, and how a run goes on from one.
 *
 * The order of writing: rows to the partial files, these to the disk, then the checkpoint that counts them; at the end a
 * checkpoint that says "complete", then each partial file gets its name, then the checkpoint goes. So whenever a run
 * ends, what the checkpoint counts is there, and a run that was killed between two renames can do the second. */
#define _GNU_SOURCE
#include <string.h>

#include "base/clock.h"
#include "exec/files.h"
#include "prims/fingerprint.h"

static uint64_t labels_hash(const hp_selection *selection) {
    uint64_t hash = 0;
    for (size_t i = 0; i < selection->label_count; i++)
        hash = hp_fingerprint_join(hash, hp_fingerprint64(selection->labels[i], strlen(selection->labels[i])));
    return hash;
}

static const char *or_none(const char *text) {
    return text ? text : "-";
}

/* The path of the file that holds an array, without the array's name. */
static hp_status own_path(const char *whole, char *path, size_t size, hp_error *error) {
    size_t n = hp_io_path_length(whole);
    HP_FAIL_IF(n >= size, error, HP_ERROR_ARGUMENT, whole, "the path is too long");
    memcpy(path, whole, n);
    path[n] = '\0';
    return HP_OK;
}

/* Everything that the outputs' bytes depend on, but for the model. How the work is dealt out is not among it. */
static hp_status add_options(hp_file_job *job, hp_error *error) {
    hp_checkpoint *c = &job->checkpoint;
    const hp_selection *s = &job->selection;
    HP_TRY(hp_checkpoint_add(c, error, "batch", "%lld", (long long)job->stream.work.unit));
    HP_TRY(hp_checkpoint_add(c, error, "selection", "%d, top %d, threshold %a, labels %016llx", (int)s->kind, s->top_k,
        s->threshold, (unsigned long long)labels_hash(s)));
    HP_TRY(hp_checkpoint_add(c, error, "choice of rows", "%lld to %lld", (long long)job->begin, (long long)job->end));
    for (size_t i = 0; i < job->input_count; i++) {
        const hp_file *file = &job->inputs[i];
        const hp_io_reader *reader = job->readers[i];
        char path[4096];
        HP_TRY(own_path(file->path, path, sizeof path, error));
        HP_TRY(hp_checkpoint_add_file(c, "input", path, error));
        HP_TRY(hp_checkpoint_add(c, error, "reading of the input", "%s, %s, %s, header %d, columns %s, ids %s",
            or_none(file->input_name), or_none(file->dataset), reader->format, (int)file->header,
            or_none(file->columns), or_none(file->id_columns)));
    }
    for (size_t i = 0; i < job->file_count; i++) {
        const hp_file *file = &job->files[i];
        HP_TRY(hp_checkpoint_add(c, error, "output", "%s, %s, %s, header %d", hp_last_part(file->path),
            or_none(file->dataset), or_none(hp_io_format_of(file->path, file->format)), (int)file->header));
    }
    return HP_OK;
}

/* Why no run of this kind can be resumed, whatever its outputs; NULL: it can. */
static const char *not_resumable(const hp_file_job *job) {
    for (size_t i = 0; i < job->input_count; i++)
        if (!strcmp(job->inputs[i].path, "-")) return "standard input is gone once it was read";
    for (size_t i = 0; i < job->file_count; i++)
        if (!strcmp(job->files[i].path, "-")) return "what went to standard output is gone";
    if (!job->model->path) return "the model was not opened from a file";
    if (job->late) return "the outputs' shapes depend on the data";
    if (job->stream.work.stateful) return "the model keeps a state from batch to batch";
    return NULL;
}

static hp_status begin_checkpoint(hp_file_job *job, hp_error *error) {
    char path[4096];
    HP_TRY(own_path(job->files[0].path, path, sizeof path, error));
    HP_TRY(hp_checkpoint_open(&job->checkpoint, path, job->model, error));
    return add_options(job, error);
}

static hp_status go_on(hp_file_job *job, hp_error *error) {
    hp_checkpoint *c = &job->checkpoint;
    HP_FAIL_IF(c->mark_count != job->file_count, error, HP_ERROR_FORMAT, c->path, "it is damaged");
    HP_FAIL_IF(c->failed > 0 && job->options.on_error != HP_ON_ERROR_NAN, error, HP_ERROR_ARGUMENT, c->path,
        "%lld rows before the interruption failed: the run goes on with --on-error nan only", (long long)c->failed);
    for (size_t i = 0; i < job->stream.work.input_count; i++)
        if (job->own_rows[i] == 0) HP_TRY(hp_io_seek(job->readers[i], job->readers[i]->begin + c->rows, error));
    job->resumed = job->saved = true;
    job->stream.start_row = c->rows;
    job->stream.failed_rows = c->failed;
    if (job->options.resumed_rows) *job->options.resumed_rows = c->rows;
    return HP_OK;
}

hp_status hp_resume_begin(hp_file_job *job, hp_error *error) {
    bool wanted = job->options.resume != 0, found = false;
    if (job->options.resumed_rows) *job->options.resumed_rows = 0;
    if (!wanted && job->options.checkpoint_seconds <= 0) return HP_OK;
    const char *reason = not_resumable(job);
    HP_FAIL_IF(wanted && reason, error, HP_ERROR_ARGUMENT, NULL, "the run cannot be resumed: %s", reason);
    if (reason) return HP_OK;
    hp_status status = begin_checkpoint(job, error);
    if (status != HP_OK) return wanted || status == HP_ERROR_NO_MEMORY ? status : HP_OK;
    job->checkpoints = true;
    job->last_save = hp_clock_now();
    if (wanted) HP_TRY(hp_checkpoint_load(&job->checkpoint, &found, error));
    if (found) return go_on(job, error);
    hp_checkpoint_remove(&job->checkpoint);
    job->checkpoint.mark_count = job->file_count;
    return HP_OK;
}

hp_status hp_resume_check_writers(hp_file_job *job, hp_error *error) {
    for (size_t i = 0; i < job->file_count && job->checkpoints; i++) {
        const hp_io_writer *writer = job->writers[i];
        if (!writer || !writer->not_resumable) continue;
        HP_FAIL_IF(job->options.resume, error, HP_ERROR_ARGUMENT, writer->name, "%s", writer->not_resumable);
        job->checkpoints = false;
    }
    return HP_OK;
}

const hp_io_mark *hp_resume_mark(const hp_file_job *job, size_t index, bool *finished) {
    *finished = false;
    if (!job->resumed) return NULL;
    const hp_checkpoint *c = &job->checkpoint;
    *finished = c->complete && hp_io_is_finished(job->files[index].path);
    return &c->marks[index];
}

hp_status hp_resume_save(hp_file_job *job, int64_t rows, int64_t failed, bool complete, hp_error *error) {
    hp_checkpoint *c = &job->checkpoint;
    for (size_t i = 0; i < job->file_count; i++)
        if (job->writers[i]) HP_TRY(hp_io_writer_mark(job->writers[i], &c->marks[i], error));
    c->rows = rows;
    c->failed = failed;
    c->complete = complete;
    HP_TRY(hp_checkpoint_save(c, error));
    job->saved = true;
    return HP_OK;
}

hp_status hp_resume_written(void *context, int64_t rows, int64_t failed, hp_error *error) {
    hp_file_job *job = context;
    double pause = job->options.checkpoint_seconds > 0 ? job->options.checkpoint_seconds : 10;
    double passed = (double)(hp_clock_now() - job->last_save) * 1e-9;
    if (!job->checkpoints || passed < pause) return HP_OK;
    HP_TRY(hp_resume_save(job, rows, failed, false, error));
    job->last_save = hp_clock_now();
    return HP_OK;
}
