/* cmd_predict.c: hornpipe predict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    hp_texts outputs;
    const char *input_format, *output_format, *columns, *id_columns, *labels;
    const char *threshold;
    bool header, no_header, argmax, verbose;
    int progress;
    int64_t jobs, batch_size, chunk_rows, max_memory, top_k;
} options;

static const hp_option table[] = {
    {"output", 'o', HP_OPTION_TEXTS, offsetof(options, outputs), "FILE",
        "where predictions go: one per model output, or one .npz or .csv for all; default: standard output, as csv"},
    {"input-format", 0, HP_OPTION_TEXT, offsetof(options, input_format), "KIND", "npy, npz, csv, tsv, hdf5 or raw"},
    {"output-format", 0, HP_OPTION_TEXT, offsetof(options, output_format), "KIND", "as --input-format"},
    {"header", 0, HP_OPTION_FLAG, offsetof(options, header), NULL, "csv: the first line of the input is a header"},
    {"no-header", 0, HP_OPTION_FLAG, offsetof(options, no_header), NULL,
        "csv: it is not; and none is written (default: told by its content)"},
    {"columns", 0, HP_OPTION_TEXT, offsetof(options, columns), "LIST",
        "csv: columns to read, by name or number: a,b,3-9"},
    {"id-columns", 0, HP_OPTION_TEXT, offsetof(options, id_columns), "LIST", "csv: columns carried over to the output"},
    {"jobs", 'j', HP_OPTION_COUNT, offsetof(options, jobs), "N", "threads; default: all cores that may be used"},
    {"batch-size", 'b', HP_OPTION_COUNT, offsetof(options, batch_size), "N",
        "rows that go through the model together; default: chosen to fit the caches"},
    {"chunk-rows", 0, HP_OPTION_COUNT, offsetof(options, chunk_rows), "N", "rows read and written together"},
    {"max-memory", 0, HP_OPTION_SIZE, offsetof(options, max_memory), "SIZE", "memory for rows in flight, such as 500M"},
    {"argmax", 0, HP_OPTION_FLAG, offsetof(options, argmax), NULL, "write the index of the largest value"},
    {"top-k", 0, HP_OPTION_COUNT, offsetof(options, top_k), "N", "write the N largest values and their indices"},
    {"threshold", 0, HP_OPTION_TEXT, offsetof(options, threshold), "T",
        "write 1 where the value is at least T, else 0"},
    {"labels", 0, HP_OPTION_TEXT, offsetof(options, labels), "FILE", "a name a line, written instead of indices"},
    {"progress", 0, HP_OPTION_CHOICE, offsetof(options, progress), HP_PROGRESS_CHOICES,
        "on standard error; default: a bar on a terminal, else lines"},
    {"verbose", 'v', HP_OPTION_FLAG, offsetof(options, verbose), NULL, "say which cores and kernels are used"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

/* The lines of a file; NULL-terminated, in one block with their text. NULL after an error told. */
static const char **read_labels(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, capacity = 0, count = 0;
    while (file && !ferror(file)) {
        if (capacity - size < 4096) {
            char *grown = realloc(text, capacity = capacity * 2 + 8192);
            if (!grown) break;
            text = grown;
        }
        size_t n = fread(text + size, 1, capacity - size - 1, file);
        size += n;
        if (n == 0) break;
    }
    if (!file || ferror(file) || !text) {
        fprintf(stderr, "hornpipe: %s: %s\n", path, strerror(errno));
        if (file) fclose(file);
        free(text);
        return NULL;
    }
    fclose(file);
    text[size] = '\0';
    for (size_t i = 0; i < size; i++) count += text[i] == '\n';
    const char **lines = calloc(count + 2, sizeof *lines);
    count = 0;
    for (char *line = text; lines && *line;) {
        size_t length = strcspn(line, "\n");
        bool last = !line[length];
        line[length] = '\0';
        if (length > 0 && line[length - 1] == '\r') line[length - 1] = '\0';
        lines[count++] = line;
        line += length + !last;
    }
    if (!lines) free(text);
    return lines; /* lives as long as the command */
}

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
    hp_model_describe(model, &info);
    fprintf(stderr, "hornpipe: %s \"%s\", %lld parameters, kernels %s, %d threads of %d usable cores\n",
        info.class_name, info.name, (long long)info.parameters, info.isa, o->jobs ? (int)o->jobs : hp_core_count(),
        hp_core_count());
    if (info.mixes_rows)
        fprintf(
            stderr, "hornpipe: rows of a batch are mixed by %s: batches of 32, as Keras's\n", info.mixes_rows_where);
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    hp_file inputs[HP_TEXTS_MOST], outputs[HP_TEXTS_MOST];
    size_t output_count;
    if (o->header && o->no_header) return hp_cli_usage("predict", "--header and --no-header exclude each other");
    if (count - 1 > HP_TEXTS_MOST) return hp_cli_usage("predict", "too many inputs");
    if (o->jobs > 4096 || o->top_k > 1000000) return hp_cli_usage("predict", "--jobs or --top-k is too large");
    char *end = NULL;
    double threshold = o->threshold ? strtod(o->threshold, &end) : 0;
    if (o->threshold && (end == o->threshold || *end))
        return hp_cli_usage("predict", "--threshold: \"%s\" is not a number", o->threshold);
    const char *const *labels = o->labels ? read_labels(o->labels) : NULL;
    if (o->labels && !labels) return EXIT_FAILED;
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (!model) return code;
    fill_files(o, arguments + 1, count - 1, inputs, outputs, &output_count);
    if (o->verbose) say_what_is_used(model, o);
    hp_progress_state progress;
    hp_progress_begin(&progress, (hp_progress_style)o->progress);
    hp_stream_options stream = {.struct_size = sizeof stream,
        .jobs = (int)o->jobs,
        .batch_size = o->batch_size,
        .chunk_rows = o->chunk_rows,
        .max_memory = o->max_memory,
        .argmax = o->argmax,
        .top_k = (int)o->top_k,
        .threshold = o->threshold ? &threshold : NULL,
        .labels = labels,
        .progress = hp_cli_progress,
        .progress_context = &progress};
    hp_error error;
    int64_t rows = -1;
    hp_status status =
        hp_predict_files(model, inputs, (size_t)(count - 1), outputs, output_count, &stream, &rows, &error);
    hp_progress_end(&progress, status == HP_OK ? rows : -1);
    code = EXIT_DONE;
    if (status == HP_ERROR_INTERRUPTED) {
        fprintf(stderr, "hornpipe: interrupted after %lld rows; nothing was written\n", (long long)progress.done);
        code = EXIT_INTERRUPTED;
    } else if (status != HP_OK) {
        code = hp_cli_error(&error);
    }
    hp_model_close(model);
    return code;
}

const hp_command hp_command_predict = {
    .usage = "MODEL [--weights FILE] INPUT... [-o OUTPUT]...",
    .description =
        "Predicts every row of the input files and writes the predictions, in order.\n\n"
        "MODEL is a .keras file or unpacked directory, an HDF5 file, or a JSON config with --weights.\n"
        "One INPUT per model input, in the order of Keras's model.inputs, or NAME=FILE; or one .npz with all of\n"
        "them by name. Kinds by extension: .npy, .npz, .csv, .tsv, FILE.h5:/dataset, raw float32; - is standard\n"
        "input. An output appears under its name only when it is complete.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 2,
    .run = run,
};
