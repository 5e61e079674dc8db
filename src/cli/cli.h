/* cli.h: what commands share: options from a table, exit codes, errors on standard error.
 *
 * The command uses only hornpipe.h. Results go to standard output, everything else to standard error. */
#ifndef HP_CLI_CLI_H
#define HP_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include "hornpipe.h"

/* Exit codes; users' scripts rely on them. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNSUPPORTED = 3,
    EXIT_ROWS_FAILED = 4,
    EXIT_INTERRUPTED = 5
};

typedef enum hp_option_kind {
    HP_OPTION_FLAG,   /* bool: present */
    HP_OPTION_TEXT,   /* const char * */
    HP_OPTION_TEXTS,  /* hp_texts: may be given several times */
    HP_OPTION_COUNT,  /* int64_t >= 0 */
    HP_OPTION_SIZE,   /* int64_t bytes: 500M, 2G, KiB-based */
    HP_OPTION_NUMBER, /* hp_number */
    HP_OPTION_CHOICE, /* int: index into choices ("a|b|c") */
} hp_option_kind;

typedef struct hp_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    hp_option_kind kind;
    size_t offset;     /* in the command's struct of options */
    const char *value; /* how the help calls the value, or the choices */
    const char *help;
} hp_option;

enum { HP_TEXTS_MOST = 64 };
typedef struct hp_texts {
    const char *at[HP_TEXTS_MOST];
    size_t count;
} hp_texts;

/* A number that may be absent. */
typedef struct hp_number {
    double value;
    bool given;
} hp_number;

typedef struct hp_command {
    const char *usage;        /* "MODEL INPUT... [-o OUTPUT]..." */
    const char *description;  /* paragraphs for --help */
    const hp_option *options; /* ends with name NULL */
    size_t options_size;      /* of the struct that the options fill, zeroed before */
    int least_arguments;
    int (*run)(void *options, char **arguments, int count); /* returns the exit code */
} hp_command;

/* Options that every command with a model has, as the first member of its struct. */
typedef struct hp_model_arguments {
    const char *weights, *isa, *output_layer;
    int prefer;
} hp_model_arguments;
#define HP_MODEL_OPTIONS(s)                                                                                            \
    {"weights", 0, HP_OPTION_TEXT, offsetof(s, model.weights), "FILE",                                                 \
        "weights of a JSON config; of any other model: in the place of its own"},                                      \
        {"output-layer", 0, HP_OPTION_TEXT, offsetof(s, model.output_layer), "NAME",                                   \
            "predict what this inner layer gives instead of the model's outputs"},                                     \
        {"prefer", 0, HP_OPTION_CHOICE, offsetof(s, model.prefer), "throughput|latency",                               \
            "algorithms for many rows (the default), or for one at a time"},                                           \
    {                                                                                                                  \
        "isa", 0, HP_OPTION_TEXT, offsetof(s, model.isa), "NAME",                                                      \
            "kernels for base, avx2, avx512 (x86-64) or neon; default: the machine's best"                             \
    }
#define HP_OPTIONS_END                                                                                                 \
    { NULL, 0, HP_OPTION_FLAG, 0, NULL, NULL }

/* Fills `options` from argv and moves the other arguments to its front, in order. Returns their number, -1 after a
 * usage error (told on standard error), -2 after --help. */
int hp_options_parse(const char *name, const hp_command *command, int argc, char **argv, void *options);
void hp_options_help(FILE *out, const char *name, const hp_command *command);

/* Prints `hornpipe: WHERE: WHAT` and returns the exit code that belongs to the status. */
int hp_cli_error(const hp_error *error);
/* A large number as people read it: "812", "22.26 k", "1.031 M". Returns `text`. */
enum { HP_SCALED_SIZE = 24 };
const char *hp_cli_scaled(double value, char text[HP_SCALED_SIZE]);
/* Text as a JSON string, in quotes. */
void hp_cli_json_text(FILE *out, const char *text);
/* A usage error: prints it with a hint at --help; returns EXIT_USAGE. */
int hp_cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Opens the model, or prints why not: every reason, where it is not supported. *code is the exit code then. */
hp_model *hp_cli_open(const char *path, const hp_model_arguments *arguments, int *code);
/* Splits NAME=FILE (a file whose own name has '=' is written ./a=b.npy): the file, and the name or NULL in *name.
 * Changes `argument`. */
const char *hp_cli_named_file(char *argument, const char **name);

/* ---- rows.c: input arrays of whole calls */

enum { HP_USUAL_ROWS = 8 };
/* Rows per call worth measuring, at most HP_USUAL_ROWS numbers: up to about 64 MB of input. `unknown`: size of axes that
 * only data tells. Returns how many. */
size_t hp_cli_usual_rows(const hp_model *model, int64_t unknown, int64_t *rows);
/* Made-up values for every input: the same each time, uniform in [-1, 1); integers are 0, an index that every table
 * has. False: there are none (strings), or no memory. */
bool hp_cli_make_inputs(const hp_model *model, int64_t rows, int64_t unknown, hp_array *inputs);
int hp_cli_cannot_make_inputs(const char *path); /* says so; returns EXIT_FAILED */
/* Loads one file per input, by place or as NAME=FILE. */
hp_status hp_cli_load_inputs(const hp_model *model, char **files, hp_array *inputs, hp_error *error);
void hp_cli_free_arrays(hp_array *arrays, size_t count); /* made, loaded, or predicted */

/* ---- labels.c */

typedef struct hp_labels {
    char *text;
    const char **lines; /* NULL behind the last */
} hp_labels;

/* Reads a name a line (a '\r' at its end is dropped); false after an error told on standard error. */
bool hp_labels_read(hp_labels *labels, const char *path);
void hp_labels_free(hp_labels *labels);

/* ---- progress.c */

typedef enum hp_progress_style {
    HP_PROGRESS_AUTO,
    HP_PROGRESS_BAR,
    HP_PROGRESS_LINES,
    HP_PROGRESS_JSON,
    HP_PROGRESS_NONE
} hp_progress_style;
#define HP_PROGRESS_CHOICES "auto|bar|lines|json|none"

typedef struct hp_progress_state {
    hp_progress_style style;
    double started, last; /* seconds */
    int64_t done;
    int64_t first; /* where a resumed run went on */
    bool drawn;
} hp_progress_state;

/* Progress on standard error: a bar on a terminal, else a line now and then. Takes SIGINT, SIGTERM and SIGHUP over, so that
 * the call that reports to hp_cli_progress is stopped. */
void hp_progress_begin(hp_progress_state *state, hp_progress_style style);
int hp_cli_progress(void *state, int64_t done, int64_t total); /* an hp_progress */
void hp_progress_end(hp_progress_state *state, int64_t rows);  /* rows < 0: failed */
double hp_cli_now(void);

#define COMMAND(name, help) extern const hp_command hp_command_##name;
#include "cli/commands.def"
#undef COMMAND

#endif
