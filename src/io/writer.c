/* writer.c: what all writers have in common: formats, copies of the outputs, the row counter, names in errors. */
#include "io/writer.h"

#include <string.h>
#include "base/dtype.h"
#include "io/csv_rows.h"
#include "io/format.h"
#include "io/sink.h"

size_t hp_io_output_row_elements(const hp_io_output *output) {
    size_t elements = 1;
    for (int i = 0; i < output->rank; i++) elements *= (size_t)output->dims[i];
    return elements;
}

size_t hp_io_output_row_bytes(const hp_io_output *output) {
    return hp_io_output_row_elements(output) * hp_dtype_size(output->dtype);
}

static hp_status copy_output(
    hp_arena *arena, const hp_io_output *from, const char *name, hp_io_output *to, hp_error *error) {
    size_t elements, bytes;
    HP_FAIL_IF(from->rank < 0 || from->rank >= HP_MAX_RANK ||
                   !hp_io_count_elements(from->rank, from->dims, &elements) ||
                   !hp_size_mul(elements, hp_dtype_size(from->dtype), &bytes) || hp_dtype_size(from->dtype) == 0,
        error, HP_ERROR_ARGUMENT, NULL, "output \"%s\" has no possible shape and dtype", name);
    *to = *from;
    to->name = hp_arena_strdup(arena, name);
    HP_ALLOCATED(to->name, error);
    if (!from->labels) return HP_OK;
    const char **labels = hp_arena_alloc(arena, elements * sizeof *labels);
    HP_ALLOCATED(labels, error);
    for (size_t i = 0; i < elements; i++) {
        labels[i] = hp_arena_strdup(arena, from->labels[i]);
        HP_ALLOCATED(labels[i], error);
    }
    to->labels = labels;
    return HP_OK;
}

static hp_status fill_writer(
    hp_io_writer *writer, const hp_io_place *place, const hp_io_output *outputs, int count, hp_error *error) {
    hp_arena *arena = &writer->arena;
    writer->name = hp_arena_strdup(arena, place->name);
    writer->outputs = hp_arena_alloc(arena, (size_t)count * sizeof *outputs);
    HP_FAIL_IF(!writer->name || !writer->outputs, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (int i = 0; i < count; i++) {
        const char *name = outputs[i].name ? outputs[i].name : "output";
        if (count == 1 && place->dataset) name = place->dataset;
        HP_TRY(copy_output(arena, &outputs[i], name, &writer->outputs[i], error));
    }
    writer->output_count = count;
    return HP_OK;
}

hp_status hp_io_writer_new(size_t size, const hp_io_writer_class *class, const hp_io_place *place,
    const hp_io_output *outputs, int count, const hp_io_writer_options *options, int max_outputs, bool ids,
    hp_io_writer **writer, hp_error *error) {
    *writer = NULL;
    HP_FAIL_IF(count < 1 || count > max_outputs, error, HP_ERROR_ARGUMENT, NULL,
        "it can hold %d output%s, not %d; .npz, .csv and HDF5 files hold several", max_outputs,
        max_outputs == 1 ? "" : "s", count);
    HP_FAIL_IF(options->id_count > 0 && !ids, error, HP_ERROR_ARGUMENT, NULL,
        "id columns can be written to .csv and .tsv only");
    hp_io_writer *made = hp_alloc_array(1, size);
    HP_ALLOCATED(made, error);
    made->class = class;
    made->id_count = options->id_count;
    made->rows = options->resume ? options->resume->rows : 0;
    made->expected_rows = options->rows_known ? options->rows : -1;
    hp_status status = fill_writer(made, place, outputs, count, error);
    if (status == HP_OK) {
        *writer = made;
        return HP_OK;
    }
    hp_arena_release(&made->arena);
    hp_free(made);
    return status;
}

static hp_status open_known(const hp_io_place *place, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    const hp_io_format *format;
    if (options->format) {
        format = hp_io_format_by_name(options->format);
        HP_FAIL_IF(!format, error, HP_ERROR_ARGUMENT, NULL, "there is no format \"%s\": there are %s", options->format,
            hp_io_format_names());
    } else {
        format = hp_io_format_by_path(place->path);
        HP_FAIL_IF(!format, error, HP_ERROR_ARGUMENT, NULL,
            "its format is not known from its name; give it (--output-format): %s", hp_io_format_names());
    }
    HP_TRY(format->open_writer(place, outputs, count, options, writer, error));
    (*writer)->format = format->name;
    if ((*writer)->not_resumable) return HP_OK;
    if (!(*writer)->target)
        (*writer)->not_resumable = "a .npz is put together from temporary files at the end: it cannot be resumed";
    else if (!hp_io_sink_is_file((*writer)->target))
        (*writer)->not_resumable = "what went down a stream is gone: it cannot be resumed";
    return HP_OK;
}

hp_status hp_io_writer_open(const char *path, const hp_io_output *outputs, int count,
    const hp_io_writer_options *options, hp_io_writer **writer, hp_error *error) {
    static const hp_io_writer_options defaults = {0};
    hp_arena arena = {0};
    hp_io_place place = {0};
    *writer = NULL;
    if (!options) options = &defaults;
    hp_status status = HP_OK;
    if (!hp_io_place_of(path, options->dataset, "standard output", &arena, &place))
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    else
        status = open_known(&place, outputs, count, options, writer, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", place.name ? place.name : path);
        *writer = NULL;
    }
    hp_arena_release(&arena);
    return status;
}

static hp_status check_rows(const hp_io_writer *writer, int64_t rows, bool ids, hp_error *error) {
    HP_FAIL_IF(rows < 0 || (writer->id_count > 0 && rows > 0 && !ids), error, HP_ERROR_ARGUMENT, writer->name,
        "%lld rows cannot be written%s", (long long)rows, rows < 0 ? "" : " without their ids");
    HP_FAIL_IF(writer->expected_rows >= 0 && rows > writer->expected_rows - writer->rows, error, HP_ERROR_ARGUMENT,
        writer->name, "more than the %lld rows that were announced", (long long)writer->expected_rows);
    return HP_OK;
}

static hp_status count_rows(hp_io_writer *writer, int64_t rows, hp_status status, hp_error *error) {
    if (status == HP_OK)
        writer->rows += rows;
    else
        hp_error_prefix(error, "%s", writer->name);
    return status;
}

hp_status hp_io_write(
    hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, hp_error *error) {
    HP_TRY(check_rows(writer, rows, ids != NULL, error));
    if (rows == 0) return HP_OK;
    return count_rows(writer, rows, writer->class->write(writer, rows, data, ids, error), error);
}

size_t hp_io_text_room(const hp_io_writer *writer) {
    if (!writer->class->text_rows) return 0;
    for (int i = 0; i < writer->output_count; i++)
        if (writer->outputs[i].dtype == HP_STRING) return 0;
    return hp_io_csv_row_room(writer);
}

size_t hp_io_text_rows(
    const hp_io_writer *writer, int64_t rows, const void *const *data, const hp_string *ids, char *text) {
    return writer->class->text_rows(writer, rows, data, ids, text);
}

hp_status hp_io_write_text(hp_io_writer *writer, int64_t rows, const char *text, size_t bytes, hp_error *error) {
    HP_TRY(check_rows(writer, rows, true, error));
    return count_rows(writer, rows, hp_io_sink_write(writer->target, text, bytes, error), error);
}

hp_status hp_io_writer_finish(hp_io_writer *writer, hp_error *error) {
    hp_status status = HP_OK;
    if (writer->expected_rows >= 0 && writer->rows != writer->expected_rows)
        status = hp_error_set(error, HP_ERROR_ARGUMENT, NULL, "%lld rows were announced, and %lld written",
            (long long)writer->expected_rows, (long long)writer->rows);
    if (status == HP_OK) status = writer->class->finish(writer, error);
    if (status != HP_OK) hp_error_prefix(error, "%s", writer->name);
    hp_io_writer_abort(writer);
    return status;
}

hp_status hp_io_writer_mark(hp_io_writer *writer, hp_io_mark *mark, hp_error *error) {
    HP_FAIL_IF(writer->not_resumable, error, HP_ERROR_ARGUMENT, writer->name, "%s", writer->not_resumable);
    hp_status status = writer->class->flush ? writer->class->flush(writer, error) : HP_OK;
    mark->rows = writer->rows;
    if (status == HP_OK) status = hp_io_sink_sync(writer->target, &mark->bytes, error);
    if (writer->class->flush) mark->bytes = -1;
    if (status != HP_OK) hp_error_prefix(error, "%s", writer->name);
    return status;
}

void hp_io_writer_leave(hp_io_writer *writer) {
    if (writer && writer->target) hp_io_sink_keep(writer->target);
    hp_io_writer_abort(writer);
}

void hp_io_writer_abort(hp_io_writer *writer) {
    if (!writer) return;
    writer->class->close(writer);
    hp_arena_release(&writer->arena);
    hp_free(writer);
}
