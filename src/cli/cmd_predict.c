/* cmd_predict.c: hornpipe predict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    hp_texts outputs;
    const char *input_format, *output_format, *columns, *id_columns, *labels;
    hp_number threshold, checkpoint;
    const char *rows, *part;
    bool header, no_header, argmax, verbose, force, resume, pad;
    int progress, backend, on_error;
    int64_t jobs, batch_size, chunk_rows, max_memory, top_k;
} options;

static const hp_option table[] = {
    {"output", 'o', HP_OPTION_TEXTS, offsetof(options, outputs), "FILE",
        "where predictions go: one per model output, or one .npz or .csv for all; default: standard output, as csv"},
    {"input-format", 0, HP_OPTION_TEXT, offsetof(options, input_format), "KIND", "npy, npz, csv, tsv, hdf5 or raw"},
    {"output-format", 0, HP_OPTION_TEXT, offsetof(options, output_format), "KIND", "as --input-format"},
    {"header", 0, HP_OPTION_FLAG, offsetof(options, header), NULL, "csv: the first line of the input is a header"},
    {"no-header", 0, HP_OPTION_FLAG, offsetof(options, no_header), NULL,
        "csv: it is not; and none is written (default: told by its content, so say which where all is text)"},
    {"columns", 0, HP_OPTION_TEXT, offsetof(options, columns), "LIST",
        "csv: columns to read, in this order, by name or by number from 0: age,income,3-9"},
    {"id-columns", 0, HP_OPTION_TEXT, offsetof(options, id_columns), "LIST",
        "csv: columns carried over to the output, and not read"},
    {"jobs", 'j', HP_OPTION_COUNT, offsetof(options, jobs), "N", "workers; default: all cores that may be used"},
    {"backend", 0, HP_OPTION_CHOICE, offsetof(options, backend), "threads|processes",
        "what computes: threads, or processes, which survive what kills one of them"},
    {"on-error", 0, HP_OPTION_CHOICE, offsetof(options, on_error), "fail|nan",
        "rows that fail end the run (the default), or become NaN, and the exit code 4"},
    {"resume", 0, HP_OPTION_FLAG, offsetof(options, resume), NULL,
        "go on where an interrupted run of the same command stopped"},
    {"checkpoint", 0, HP_OPTION_NUMBER, offsetof(options, checkpoint), "SECONDS",
        "how often to note how far the run has come, for --resume (10; 0: never)"},
    {"force", 0, HP_OPTION_FLAG, offsetof(options, force), NULL, "replace outputs that exist already"},
    {"batch-size", 'b', HP_OPTION_COUNT, offsetof(options, batch_size), "N",
        "rows that go through the model together; default: chosen to fit the caches"},
    {"chunk-rows", 0, HP_OPTION_COUNT, offsetof(options, chunk_rows), "N", "rows read and written together"},
    {"rows", 0, HP_OPTION_TEXT, offsetof(options, rows), "FIRST:END",
        "predict these rows alone, END not among them; either may be left out"},
    {"part", 0, HP_OPTION_TEXT, offsetof(options, part), "I/N",
        "predict the I-th of N parts of the rows, as each of N machines does"},
    {"max-memory", 0, HP_OPTION_SIZE, offsetof(options, max_memory), "SIZE", "memory for rows in flight, such as 500M"},
    {"argmax", 0, HP_OPTION_FLAG, offsetof(options, argmax), NULL, "write the index of the largest value"},
    {"top-k", 0, HP_OPTION_COUNT, offsetof(options, top_k), "N", "write the N largest values and their indices"},
    {"pad", 0, HP_OPTION_FLAG, offsetof(options, pad), NULL,
        "rows of different lengths (.npz): pad them, where masks make that the same answer"},
    {"threshold", 0, HP_OPTION_NUMBER, offsetof(options, threshold), "T",
        "write 1 where the value is at least T, else 0"},
    {"labels", 0, HP_OPTION_TEXT, offsetof(options, labels), "FILE", "a name a line, written instead of indices"},
    {"progress", 0, HP_OPTION_CHOICE, offsetof(options, progress), HP_PROGRESS_CHOICES,
        "on standard error; default: a bar on a terminal, else lines"},
    {"verbose", 'v', HP_OPTION_FLAG, offsetof(options, verbose), NULL, "say which cores and kernels are used"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

static void fill_files(
    const options *o, char **arguments, int count, hp_file *inputs, hp_file *outputs, size_t *output_count) {
    hp_header header = o->header ? HP_HEADER_YES : o->no_header ? HP_HEADER_NO : HP_HEADER_AUTO;
    for (int i = 0; i < count; i++) {
        const char *name, *path = hp_cli_named_file(arguments[i], &name);
        inputs[i] = (hp_file){.path = path,
            .format = o->input_format,
            .input_name = name,
            .header = header,
            .columns = o->columns,
            .id_columns = o->id_columns};
    }
    *output_count = o->outputs.count ? o->outputs.count : 1;
    for (size_t i = 0; i < *output_count; i++) {
        const char *path = o->outputs.count ? o->outputs.at[i] : "-", *format = o->output_format;
        if (!format && !strcmp(path, "-")) format = "csv";
        outputs[i] = (hp_file){.path = path, .format = format, .header = o->no_header ? HP_HEADER_NO : HP_HEADER_AUTO};
    }
}

static void say_what_is_used(const hp_model *model, const options *o) {
    hp_model_info info;
    char cores[2048];
    hp_model_describe(model, &info);
    hp_describe_cores((int)o->jobs, cores, sizeof cores);
    fprintf(stderr, "hornpipe: %s \"%s\", %lld parameters, kernels %s\n", info.class_name, info.name,
        (long long)info.parameters, info.isa);
    fprintf(stderr, "hornpipe: cores: %s\n", cores);
    int workers = o->jobs ? (int)o->jobs : hp_core_count();
    bool processes = o->backend == HP_BACKEND_PROCESSES;
    fprintf(stderr, "hornpipe: %d %s%s%s\n", workers, processes ? "worker process" : "thread",
        workers == 1 ? ""
        : processes  ? "es"
                     : "s",
        o->jobs ? ", as --jobs says" : ", one for each usable core");
    if (!info.mixes_rows) return;
    fprintf(stderr, "hornpipe: rows of a batch are mixed by %s: ", info.mixes_rows_where);
    if (o->batch_size)
        fprintf(stderr, "batches of %lld, as --batch-size says\n", (long long)o->batch_size);
    else
        fputs("batches as Keras's, of 32 or of what the model was made for\n", stderr);
}

/* What the texts among the options say. */
typedef struct values {
    int64_t first_row, end_row;
    int64_t part, parts;
} values;

/* "FIRST:END" or "I/N": two whole numbers, of which an absent one is 0 where that is allowed. */
static bool two_numbers(const char *text, char between, bool absent, int64_t *first, int64_t *second) {
    char *end;
    for (int i = 0; i < 2; i++) {
        int64_t *number = i == 0 ? first : second;
        bool digit = *text >= '0' && *text <= '9';
        errno = 0;
        *number = digit ? strtoll(text, &end, 10) : 0;
        if (errno || (!digit && !absent)) return false;
        if (digit) text = end;
        if (*text != (i == 0 ? between : '\0')) return false;
        text += i == 0;
    }
    return true;
}

/* What the options mean beyond their own values; false after a usage error told. */
static bool options_make_sense(const options *o, int inputs, values *v) {
    enum { MOST_PARTS = 1 << 30 };
    *v = (values){0};
    if (o->header && o->no_header) return hp_cli_usage("predict", "--header and --no-header exclude each other"), false;
    if (inputs > HP_TEXTS_MOST) return hp_cli_usage("predict", "too many inputs"), false;
    if (o->jobs > 4096 || o->top_k > 1000000) return hp_cli_usage("predict", "--jobs or --top-k is too large"), false;
    if (!(o->checkpoint.value >= 0))
        return hp_cli_usage("predict", "--checkpoint: %g seconds cannot be", o->checkpoint.value), false;
    if (o->rows && (!two_numbers(o->rows, ':', true, &v->first_row, &v->end_row) ||
                       (v->end_row <= v->first_row && !(v->end_row == 0 && o->rows[strlen(o->rows) - 1] == ':'))))
        return hp_cli_usage("predict", "--rows: \"%s\" is not FIRST:END, such as 0:1000 or 1000:", o->rows), false;
    if (o->part && (!two_numbers(o->part, '/', false, &v->part, &v->parts) || v->part < 1 || v->part > v->parts ||
                       v->parts > MOST_PARTS))
        return hp_cli_usage("predict", "--part: \"%s\" is not I/N, from 1/N to N/N", o->part), false;
    return true;
}

/* Rows that failed: the first ones are told one by one. */
typedef struct failures {
    int64_t rows, told;
} failures;

enum { MOST_TOLD = 20 };

static void on_failure(void *context, int64_t first, int64_t count, const hp_error *error) {
    failures *f = context;
    (void)count;
    if (f->told++ >= MOST_TOLD) return;
    hp_error shown = *error;
    shown.row = first;
    hp_cli_error(&shown);
}

/* What there is to say of a run that ended well; its exit code. */
static int sum_up(const failures *f, int64_t rows) {
    if (f->rows == 0) return EXIT_DONE;
    fprintf(stderr, "hornpipe: %lld of %lld rows failed%s\n", (long long)f->rows, (long long)rows,
        f->told > MOST_TOLD ? "; the first are named above" : "");
    return EXIT_ROWS_FAILED;
}

static int predict(
    hp_model *model, const options *o, const char *const *labels, const values *v, char **arguments, int count) {
    hp_file inputs[HP_TEXTS_MOST], outputs[HP_TEXTS_MOST];
    size_t output_count;
    fill_files(o, arguments, count, inputs, outputs, &output_count);
    if (o->verbose) say_what_is_used(model, o);
    hp_progress_state progress;
    failures failed = {0};
    hp_progress_begin(&progress, (hp_progress_style)o->progress);
    hp_stream_options stream = {.struct_size = sizeof stream,
        .jobs = (int)o->jobs,
        .batch_size = o->batch_size,
        .chunk_rows = o->chunk_rows,
        .max_memory = o->max_memory,
        .argmax = o->argmax,
        .top_k = (int)o->top_k,
        .threshold = o->threshold.given ? &o->threshold.value : NULL,
        .labels = labels,
        .progress = hp_cli_progress,
        .progress_context = &progress,
        .backend = (hp_backend)o->backend,
        .on_error = (hp_on_error)o->on_error,
        .failure = on_failure,
        .failure_context = &failed,
        .pad = o->pad,
        .keep_existing = !o->force,
        .checkpoint_seconds = o->checkpoint.given ? o->checkpoint.value : 10,
        .resume = o->resume,
        .first_row = v->first_row,
        .end_row = v->end_row,
        .part = (int)v->part,
        .parts = (int)v->parts,
        .resumed_rows = &progress.first,
        .failed_rows = &failed.rows};
    hp_error error;
    int64_t rows = -1;
    hp_status status = hp_predict_files(model, inputs, (size_t)count, outputs, output_count, &stream, &rows, &error);
    hp_progress_end(&progress, status == HP_OK ? rows : -1);
    if (status == HP_OK) return sum_up(&failed, rows);
    return hp_cli_error(&error);
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    values v;
    if (!options_make_sense(o, count - 1, &v)) return EXIT_USAGE;
    hp_labels labels = {0};
    if (o->labels && !hp_labels_read(&labels, o->labels)) return EXIT_FAILED;
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (model) code = predict(model, o, (const char *const *)labels.lines, &v, arguments + 1, count - 1);
    hp_model_close(model);
    hp_labels_free(&labels);
    return code;
}

const hp_command hp_command_predict = {
    .usage = "MODEL [--weights FILE] INPUT... [-o OUTPUT]...",
    .description =
        "Predicts every row of the input files and writes the predictions, in order.\n\n"
        "MODEL is a .keras file or unpacked directory, an HDF5 file, or a JSON config with --weights.\n"
        "One INPUT per model input, in the order of Keras's model.inputs, or NAME=FILE; or one .npz or .h5 with all\n"
        "of them by name, or one .csv with columns of their names (NAME_0, NAME_1 ... for several numbers). Kinds by\n"
        "extension: .npy, .npz, .csv, .tsv, FILE.h5:/dataset, .raw (little-endian float32); - is standard input.\n"
        "In text an empty field, NA, n/a and the like are NaN. An output appears under its name only when complete.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 2,
    .run = run,
};
