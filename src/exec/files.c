/* files.c: predictions from files to files: what is read, computed and written, made of the caller's options. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "exec/files.h"
#include "exec/ragged.h"

/* Which model input a file feeds. */
static hp_status find_place(const hp_file_job *j, const hp_file *file, size_t place, size_t *input, hp_error *error) {
    size_t count = hp_model_input_count(j->model);
    *input = place;
    if (!file->input_name) return HP_OK;
    for (*input = 0; *input < count; ++*input) {
        hp_tensor_info info;
        if (hp_model_input(j->model, *input, &info, NULL) == HP_OK && !strcmp(info.name, file->input_name))
            return HP_OK;
    }
    HP_FAIL(error, HP_ERROR_ARGUMENT, file->path, "the model has no input named \"%s\"", file->input_name);
}

/* One file that holds all inputs by name. */
static hp_status open_members(hp_file_job *j, const hp_file *file, hp_error *error) {
    size_t count = hp_model_input_count(j->model);
    for (size_t i = 0; i < count; i++) {
        hp_tensor_info info;
        HP_TRY(hp_model_input(j->model, i, &info, error));
        hp_io_reader_options options = hp_file_reader_options(file);
        options.dataset = info.name;
        HP_TRY(hp_io_reader_open(file->path, &options, &j->readers[i], error));
    }
    return HP_OK;
}

/* "name", or "name_0","name_1",... for an input of several numbers, as a list of columns; NULL: out of memory. */
static const char *columns_of(const hp_tensor_info *info, hp_arena *arena) {
    size_t length = strlen(info->name), n = 0;
    bool many = info->rank == 2 && info->shape[1] > 1;
    int64_t count = many ? info->shape[1] : 1;
    char *list = hp_arena_alloc(arena, (size_t)count * (2 * length + 25) + 1);
    for (int64_t i = 0; list && i < count; i++) {
        list[n++] = '"';
        for (size_t k = 0; k < length; k++) {
            if (info->name[k] == '"') list[n++] = '"';
            list[n++] = info->name[k];
        }
        if (many) n += (size_t)snprintf(list + n, 22, "_%lld", (long long)i);
        list[n++] = '"';
        list[n++] = ',';
    }
    if (list) list[n - 1] = '\0';
    return list;
}

/* One text file for all inputs: each takes the columns of its name. It is read once for all, but for inputs that stand beside
 * the rows: those are not read in step. */
static hp_status open_columns(hp_file_job *j, const hp_file *file, hp_error *error) {
    HP_FAIL_IF(file->columns, error, HP_ERROR_ARGUMENT, file->path,
        "each input of the model reads the columns of its name: no others can be chosen");
    for (size_t i = 0; i < hp_model_input_count(j->model); i++) {
        hp_tensor_info info;
        HP_TRY(hp_model_input(j->model, i, &info, error));
        hp_io_reader_options options = hp_file_reader_options(file);
        options.columns = columns_of(&info, &j->arena);
        HP_ALLOCATED(options.columns, error);
        if (i > 0) options.id_columns = NULL;
        bool apart = i == 0 || hp_network_input_rows(j->model->network, i) > 0;
        HP_FAIL_IF(i > 0 && apart && !strcmp(file->path, "-"), error, HP_ERROR_ARGUMENT, "standard input",
            "it can be read once, and input \"%s\" of the model is not read row by row: give a file", info.name);
        HP_TRY(apart ? hp_io_reader_open(file->path, &options, &j->readers[i], error)
                     : hp_io_reader_share(j->readers[0], &options, &j->readers[i], error));
    }
    if (file->id_columns) j->stream.id_reader = j->readers[0];
    return HP_OK;
}

static hp_status open_readers(hp_file_job *j, hp_error *error) {
    const hp_file *files = j->inputs;
    size_t file_count = j->input_count;
    size_t count = hp_model_input_count(j->model);
    if (file_count == 1 && count > 1) {
        const char *format = hp_io_format_of(files[0].path, files[0].format);
        if (format && (!strcmp(format, "npz") || !strcmp(format, "hdf5"))) return open_members(j, &files[0], error);
        if (format && (!strcmp(format, "csv") || !strcmp(format, "tsv"))) return open_columns(j, &files[0], error);
    }
    HP_FAIL_IF(file_count != count, error, HP_ERROR_ARGUMENT, NULL, "%zu input file%s given; the model has %zu input%s",
        file_count, file_count == 1 ? " was" : "s were", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < file_count; i++) {
        size_t input;
        HP_TRY(find_place(j, &files[i], i, &input, error));
        HP_FAIL_IF(j->readers[input], error, HP_ERROR_ARGUMENT, files[i].path, "input %zu is given twice", input);
        hp_io_reader_options options = hp_file_reader_options(&files[i]);
        hp_tensor_info info;
        HP_TRY(hp_model_input(j->model, input, &info, error));
        options.input = info.name;
        options.text = info.dtype == HP_STRING;
        options.raw_rank = info.rank - 1; /* a raw file says nothing of its shape: the model's must be known */
        for (int d = 1; d < info.rank; d++) options.raw_dims[d - 1] = info.shape[d];
        HP_TRY(hp_io_reader_open(files[i].path, &options, &j->readers[input], error));
        if (j->readers[input]->id_count > 0) j->stream.id_reader = j->readers[input];
    }
    return HP_OK;
}

static hp_status fill_selection(hp_file_job *j, hp_error *error) {
    const hp_stream_options *options = &j->options;
    hp_selection *selection = &j->selection;
    int asked = (options->argmax != 0) + (options->top_k > 0) + (options->threshold != NULL);
    HP_FAIL_IF(asked > 1, error, HP_ERROR_ARGUMENT, NULL, "argmax, top_k and threshold exclude each other");
    HP_FAIL_IF(options->top_k < 0, error, HP_ERROR_ARGUMENT, NULL, "top_k is %d", options->top_k);
    HP_FAIL_IF(options->labels && !asked, error, HP_ERROR_ARGUMENT, NULL, "labels need argmax, top_k or threshold");
    selection->kind = options->argmax      ? HP_SELECT_ARGMAX
                      : options->top_k > 0 ? HP_SELECT_TOP_K
                      : options->threshold ? HP_SELECT_THRESHOLD
                                           : HP_SELECT_NONE;
    selection->top_k = options->top_k;
    selection->threshold = options->threshold ? *options->threshold : 0;
    selection->labels = options->labels;
    while (options->labels && options->labels[selection->label_count]) selection->label_count++;
    return HP_OK;
}

/* What the writers get: names and shapes of the outputs, axis 0 being the items for -1 rows. */
static hp_status describe_outputs(hp_file_job *j, const hp_array *shapes, hp_error *error) {
    size_t count = hp_model_output_count(j->model), made = 0;
    for (size_t i = 0; i < count; i++) {
        hp_tensor_info info;
        HP_TRY(hp_model_output(j->model, i, &info, error));
        hp_io_output *output = &j->outputs[i];
        j->items[i] = -shapes[i].shape[0];
        *output = (hp_io_output){.name = info.name, .dtype = shapes[i].dtype, .rank = shapes[i].rank - 1};
        memcpy(output->dims, shapes[i].shape + 1, (size_t)output->rank * sizeof(int64_t));
        for (size_t k = 0; k < i; k++) /* names of members and columns must differ */
            if (!strcmp(j->outputs[k].name, output->name))
                output->name = hp_arena_printf(&j->arena, "%s_%zu", info.name, i);
        HP_ALLOCATED(output->name, error);
        j->selected_count[i] = hp_selection_outputs(&j->selection, output, &j->arena, &j->selected[made], error);
        if (j->selected_count[i] == 0) return HP_ERROR_ARGUMENT;
        made += (size_t)j->selected_count[i];
    }
    return HP_OK;
}

/* Rows like the readers'; how many there are is not the question, nor, where they have different lengths, how long they
 * are: `length` on trial, if the model leaves it open. */
static void like_readers(const hp_file_job *j, int64_t length, hp_io_view *views) {
    for (size_t i = 0; i < hp_model_input_count(j->model); i++) {
        const hp_io_reader *reader = j->readers[i];
        hp_tensor_info info = hp_network_input(j->model->network, i);
        int64_t dims[HP_MAX_RANK];
        memcpy(dims, reader->dims, sizeof dims);
        if (reader->ragged) dims[0] = info.rank > 1 && info.shape[1] > 0 ? info.shape[1] : length;
        views[i] = hp_io_view_of(reader->name, NULL, reader->dtype, 0, reader->rank, dims);
        if (hp_reader_is_text(reader)) views[i].storage = HP_IO_TEXT;
        views[i].dims[0] = -1;
    }
}

/* Rows of different lengths need results that have none. */
static hp_status check_ragged(hp_file_job *j, hp_error *error) {
    const hp_io_reader *ragged = NULL;
    hp_io_view views[HP_MOST_TENSORS];
    for (size_t i = 0; i < hp_model_input_count(j->model); i++)
        if (j->readers[i]->ragged) ragged = j->readers[i];
    HP_FAIL_IF(!ragged && j->options.pad, error, HP_ERROR_ARGUMENT, NULL,
        "padding is for inputs whose rows have different lengths, and there is none");
    if (!ragged) return HP_OK;
    like_readers(j, HP_OTHER_LENGTH, views);
    HP_TRY(hp_ragged_check(j->model, ragged->name, views, j->shapes, error));
    return j->options.pad ? hp_pad_value(j->model, &j->pad, error) : HP_OK;
}

/* What comes out of rows like the readers'. */
static hp_status find_outputs(hp_file_job *j, hp_error *error) {
    hp_io_view views[HP_MOST_TENSORS];
    like_readers(j, HP_TRIAL_LENGTH, views);
    hp_status status = hp_output_shapes(j->model, views, hp_model_input_count(j->model), j->shapes, error);
    if (status != HP_OK && hp_model_input_count(j->model) == 1) hp_error_prefix(error, "%s", j->readers[0]->name);
    j->late = hp_network_measure_count(j->model->network) > 0;
    for (size_t i = 0; status == HP_OK && i < hp_model_output_count(j->model); i++)
        for (int d = 1; d < j->shapes[i].rank; d++)
            if (j->shapes[i].shape[d] < 0) {
                j->shapes[i].shape[d] = 0;
                j->late = true;
            }
    return status == HP_OK ? check_ragged(j, error) : status;
}

static hp_status open_writers(hp_file_job *j, hp_error *error) {
    const hp_file *files = j->files;
    size_t file_count = j->file_count, count = hp_model_output_count(j->model), first = 0;
    int64_t rows = hp_io_reader_rows(j->readers[0]);
    const hp_io_reader *ids = j->stream.id_reader;
    HP_FAIL_IF(file_count != 1 && file_count != count, error, HP_ERROR_ARGUMENT, NULL,
        "%zu output file%s given; the model has %zu output%s", file_count, file_count == 1 ? " was" : "s were", count,
        count == 1 ? "" : "s");
    j->stream.writer_per_output = file_count == count;
    for (size_t k = 0; k < count; k++) {
        HP_FAIL_IF(ids && j->items[k] != 1, error, HP_ERROR_ARGUMENT, NULL,
            "output %zu does not have one row for each row of the input: ids cannot be carried over", k);
        bool alike = j->items[k] == j->items[0] && j->items[k] != 0;
        HP_FAIL_IF(file_count != count && count > 1 && !alike, error, HP_ERROR_ARGUMENT, NULL,
            "the outputs have different numbers of rows: give each a file of its own");
    }
    for (size_t i = 0; i < file_count; i++) {
        int outputs = 0;
        int64_t items = j->items[file_count == count ? i : 0];
        bool finished;
        const hp_io_mark *mark = hp_resume_mark(j, i, &finished);
        for (size_t k = 0; k < count; k++)
            if (!j->stream.writer_per_output || k == i) outputs += j->selected_count[k];
        hp_io_writer_options options = {.format = files[i].format,
            .header = (hp_io_header)files[i].header,
            .dataset = files[i].dataset,
            .exclusive = j->options.keep_existing != 0,
            .durable = j->checkpoints,
            .resume = mark,
            .rows = rows * items,
            .rows_known = rows >= 0 && items > 0,
            .id_count = ids ? ids->id_count : 0,
            .id_names = ids ? ids->id_names : NULL};
        if (!finished)
            HP_TRY(hp_io_writer_open(files[i].path, &j->selected[first], outputs, &options, &j->writers[i], error));
        first += (size_t)outputs;
    }
    return hp_resume_check_writers(j, error);
}

/* Where the first chunk tells the shapes. */
static hp_status describe_late(void *context, const hp_array *outputs, hp_error *error) {
    hp_file_job *j = context;
    hp_array shapes[HP_MOST_TENSORS];
    for (size_t i = 0; i < hp_model_output_count(j->model); i++) {
        shapes[i] = outputs[i];
        shapes[i].shape[0] = -j->items[i]; /* as found without data */
    }
    HP_TRY(describe_outputs(j, shapes, error));
    return open_writers(j, error);
}

/* Rows of a chunk: some megabytes of inputs and outputs, and no more than a share of the memory allowed. */
static int64_t choose_chunk(const hp_file_job *j) {
    enum { GOAL = 4 << 20, RAGGED_GOAL = 32 << 20, CHUNKS = 4 }; /* many rows of each length */
    enum { TEXT_BYTES = 12 };                                    /* of a number */
    double bytes = 1, goal = (double)GOAL / 2 * (j->stream.work.jobs > 2 ? j->stream.work.jobs : 2),
           most = j->options.max_memory > 0 ? (double)j->options.max_memory : 256.0 * 1048576;
    for (size_t i = 0; i < hp_model_input_count(j->model); i++) {
        double row = (double)hp_dtype_size(j->readers[i]->dtype);
        for (int d = 0; d < j->readers[i]->rank; d++)
            row *= j->readers[i]->dims[d] < 0 ? j->readers[i]->mean_length : (double)j->readers[i]->dims[d];
        if (j->readers[i]->ragged) goal = RAGGED_GOAL;
        bytes += row;
    }
    for (size_t i = 0; i < hp_model_output_count(j->model); i++) {
        double row = (double)hp_dtype_size(j->outputs[i].dtype) + (j->stream.work.writer_count ? TEXT_BYTES : 0);
        for (int d = 0; d < j->outputs[i].rank; d++) row *= (double)j->outputs[i].dims[d];
        bytes += row;
    }
    if (bytes * 64 > goal) goal = bytes * 64; /* large rows: enough of them to deal out evenly */
    if (goal > most / CHUNKS) goal = most / CHUNKS;
    int64_t rows = j->options.chunk_rows > 0 ? j->options.chunk_rows : (int64_t)(goal / bytes);
    int64_t unit = j->stream.work.unit; /* batches as Keras cuts them */
    return rows < unit ? unit : rows / unit * unit;
}

/* What is computed, once inputs and outputs are known. */
static hp_status fill_work(hp_file_job *j, hp_error *error) {
    const hp_stream_options *options = &j->options;
    hp_work *work = &j->stream.work;
    size_t inputs = hp_model_input_count(j->model);
    for (size_t i = 0; i < inputs; i++) j->own_rows[i] = hp_network_input_rows(j->model->network, i);
    HP_TRY(hp_work_fill(work, j->model, options->jobs, options->batch_size, error));
    work->own_rows = j->own_rows;
    work->selection = &j->selection;
    work->outputs = j->outputs;
    work->selected = j->selected;
    work->selected_count = j->selected_count;
    work->on_error = options->on_error;
    if (options->pad) work->pad = &j->pad;
    if (!j->late) {
        hp_io_view views[HP_MOST_TENSORS];
        like_readers(j, HP_TRIAL_LENGTH, views);
        HP_TRY(hp_work_plan(work, views, error));
    }
    bool unknown = j->late;
    for (size_t i = 0; i < work->output_count; i++) unknown |= j->items[i] == 0;
    return options->backend == HP_BACKEND_PROCESSES ? hp_work_check_processes(work, !unknown, error) : HP_OK;
}

/* Part `part` of `parts` as rows: whole batches, shares that differ by one batch at most. */
static hp_status find_part(hp_file_job *j, hp_error *error) {
    const hp_stream_options *options = &j->options;
    const hp_io_reader *reader = j->readers[0];
    int64_t unit = j->stream.work.unit, rows = reader->rows, part = options->part - 1, parts = options->parts;
    HP_FAIL_IF(part < 0 || part >= parts, error, HP_ERROR_ARGUMENT, NULL, "part %d of %d: parts count from 1",
        options->part, options->parts);
    HP_FAIL_IF(options->first_row || options->end_row, error, HP_ERROR_ARGUMENT, NULL,
        "a part and a choice of rows exclude each other");
    HP_FAIL_IF(rows < 0, error, HP_ERROR_ARGUMENT, reader->name,
        "how many rows it has is known only when it was read: a part of it cannot be told");
    int64_t units = rows / unit + (rows % unit != 0), share = units / parts, more = units % parts;
    j->begin = (share * part + (part < more ? part : more)) * unit;
    j->end = j->begin + (share + (part < more)) * unit;
    if (j->begin > rows) j->begin = rows;
    return HP_OK;
}

/* Which rows are predicted: all, unless the caller says otherwise. */
static hp_status choose_rows(hp_file_job *j, hp_error *error) {
    const hp_stream_options *options = &j->options;
    int64_t unit = j->stream.work.unit, rows = j->readers[0]->rows;
    j->begin = options->first_row;
    j->end = options->end_row > 0 ? options->end_row : -1;
    HP_FAIL_IF(j->begin < 0 || options->end_row < 0, error, HP_ERROR_ARGUMENT, NULL, "rows %lld to %lld are none",
        (long long)j->begin, (long long)options->end_row);
    if (options->parts != 0) HP_TRY(find_part(j, error));
    if (j->begin == 0 && j->end < 0) return HP_OK;
    HP_FAIL_IF(j->begin > 0 && j->stream.work.stateful, error, HP_ERROR_ARGUMENT, j->model->spec->name,
        "the model keeps a state from batch to batch: its rows begin with the first");
    bool whole = j->end < 0 || j->end % unit == 0 || (rows >= 0 && j->end >= rows);
    HP_FAIL_IF(j->begin % unit != 0 || !whole, error, HP_ERROR_ARGUMENT, j->model->spec->name,
        "the model mixes the rows of a batch: a choice of rows begins and ends at multiples of %lld", (long long)unit);
    for (size_t i = 0; i < hp_model_input_count(j->model); i++)
        if (j->own_rows[i] == 0) HP_TRY(hp_io_reader_window(j->readers[i], j->begin, j->end, error));
    return HP_OK;
}

/* Has the workers make text of what goes to files of text. */
static void fill_text(hp_file_job *j) {
    hp_work *work = &j->stream.work;
    size_t count = j->stream.writer_per_output ? work->output_count : 1;
    for (size_t i = 0; i < count; i++) /* before the outputs are known there are no writers */
        if (!j->writers[i] || hp_io_text_room(j->writers[i]) == 0) return;
    work->writers = j->writers;
    work->writer_count = count;
}

static void fill_stream(hp_file_job *j) {
    hp_stream *stream = &j->stream;
    for (size_t i = 0; i < stream->work.input_count && stream->id_reader; i++)
        if (j->readers[i] == stream->id_reader) stream->work.id_input = i;
    if (stream->id_reader) stream->work.id_count = stream->id_reader->id_count;
    fill_text(j);
    if (j->late) stream->describe = describe_late;
    stream->describe_context = j;
    stream->backend = j->options.backend;
    stream->readers = j->readers;
    stream->writers = j->writers;
    stream->shapes = j->shapes;
    stream->chunk_rows = choose_chunk(j);
    stream->total_rows = hp_io_reader_rows(j->readers[0]);
    stream->progress = j->options.progress;
    stream->progress_context = j->options.progress_context;
    stream->failure = j->options.failure;
    stream->failure_context = j->options.failure_context;
    if (j->checkpoints) stream->written = hp_resume_written;
    stream->written_context = j;
}

/* The stream itself, unless a run that goes on had nothing left to compute. */
static hp_status run_stream(hp_file_job *j, int64_t *rows, int64_t *failed, hp_error *error) {
    *rows = j->checkpoint.rows;
    *failed = j->checkpoint.failed;
    if (j->resumed && j->checkpoint.complete) return HP_OK;
    return hp_stream_run(&j->stream, rows, failed, error);
}

/* No output may take the place of what is read, nor of another output. */
static hp_status check_apart(const hp_file_job *j, hp_error *error) {
    for (size_t k = 0; k < j->input_count + j->file_count; k++) {
        bool output = k >= j->input_count;
        HP_FAIL_IF(!(output ? j->files[k - j->input_count] : j->inputs[k]).path, error, HP_ERROR_ARGUMENT, NULL,
            "%s %zu has no path", output ? "output" : "input", output ? k - j->input_count : k);
    }
    for (size_t i = 0; i < j->file_count; i++) {
        const char *path = j->files[i].path, *const read[] = {j->model->path, j->model->weights_path};
        for (size_t k = 0; k < j->input_count; k++)
            HP_FAIL_IF(hp_io_same_file(path, j->inputs[k].path), error, HP_ERROR_ARGUMENT, path,
                "it is an input of this run, and predictions would take its place");
        for (size_t k = 0; k < 2; k++)
            HP_FAIL_IF(read[k] && hp_io_same_file(path, read[k]), error, HP_ERROR_ARGUMENT, path,
                "it is the model's own file, and predictions would take its place");
        for (size_t k = 0; k < i; k++)
            HP_FAIL_IF(hp_io_same_file(path, j->files[k].path), error, HP_ERROR_ARGUMENT, path,
                "two outputs cannot go to one file one by one: give it once, for all");
    }
    return HP_OK;
}

static hp_status run_job(hp_file_job *j, int64_t *rows, int64_t *failed, hp_error *error) {
    HP_TRY(check_apart(j, error));
    HP_TRY(fill_selection(j, error));
    HP_TRY(open_readers(j, error));
    HP_TRY(find_outputs(j, error));
    HP_TRY(describe_outputs(j, j->shapes, error));
    HP_TRY(fill_work(j, error));
    HP_TRY(choose_rows(j, error));
    HP_TRY(hp_resume_begin(j, error));
    if (!j->late) HP_TRY(open_writers(j, error));
    fill_stream(j);
    HP_TRY(run_stream(j, rows, failed, error));
    return j->late && *rows == 0 ? open_writers(j, error) : HP_OK;
}

/* Finishes all writers, or gives all of them up: what can be resumed stays. */
static hp_status close_writers(hp_file_job *j, hp_status status, int64_t rows, int64_t failed, hp_error *error) {
    if (status == HP_OK && j->saved) status = hp_resume_save(j, rows, failed, true, error);
    for (size_t i = 0; i < HP_MOST_TENSORS; i++) {
        if (!j->writers[i]) continue;
        if (status == HP_OK)
            status = hp_io_writer_finish(j->writers[i], error);
        else if (j->saved)
            hp_io_writer_leave(j->writers[i]);
        else
            hp_io_writer_abort(j->writers[i]);
    }
    if (status == HP_OK && j->saved) hp_checkpoint_remove(&j->checkpoint);
    return status;
}

/* What there is to say when the run was interrupted, and whether it can go on. */
static hp_status interrupt(hp_file_job *j, int64_t rows, int64_t failed, hp_error *error) {
    if (j->checkpoints && rows > 0) HP_TRY(hp_resume_save(j, rows, failed, false, error));
    return hp_error_set(error, HP_ERROR_INTERRUPTED, NULL,
        j->saved ? "interrupted after %lld rows; the same command with --resume goes on"
                 : "interrupted after %lld rows; nothing was written",
        (long long)rows);
}

hp_status hp_predict_files(hp_model *model, const hp_file *inputs, size_t input_count, const hp_file *outputs,
    size_t output_count, const hp_stream_options *options, int64_t *rows, hp_error *error) {
    HP_FAIL_IF(!model || (!inputs && input_count) || !outputs, error, HP_ERROR_ARGUMENT, NULL,
        "model, inputs or outputs is NULL");
    HP_FAIL_IF(hp_model_input_count(model) == 0, error, HP_ERROR_ARGUMENT, NULL, "the model has no inputs");
    hp_file_job *j = HP_NEW(hp_file_job);
    HP_ALLOCATED(j, error);
    j->model = model;
    if (options)
        memcpy(
            &j->options, options, options->struct_size < sizeof j->options ? options->struct_size : sizeof j->options);
    int64_t written = 0, failed = 0;
    j->inputs = inputs;
    j->input_count = input_count;
    j->files = outputs;
    j->file_count = output_count;
    hp_status status = run_job(j, &written, &failed, error);
    if (status == HP_ERROR_INTERRUPTED) status = interrupt(j, written, failed, error);
    status = close_writers(j, status, written, failed, error);
    if (rows) *rows = status == HP_OK ? written : 0;
    if (j->options.failed_rows) *j->options.failed_rows = failed;
    hp_checkpoint_release(&j->checkpoint);
    for (size_t i = 0; i < HP_MOST_TENSORS; i++) hp_io_reader_close(j->readers[i]);
    hp_arena_release(&j->arena);
    hp_free(j);
    return status;
}
