/* hornpipe.h: predict with saved Keras models on every CPU core, without TensorFlow.
 *
 * The one public header, in tiers; a reader may stop after any of them:
 *   1. errors            hp_status, hp_error
 *   2. arrays            hp_dtype, hp_array
 *   3. simple calls      hp_model_open, hp_model_predict, hp_model_close
 *   4. model             what a model takes, gives and is made of; whether a file can be run, and why not
 *   5. session           one caller's own workspace: the quickest way to many small calls
 *   6. files             whole files in and out, rows in order, memory bounded
 *   7. streaming         batches pushed in and pulled out, in order: threads or worker processes
 *   8. own layers        code for layers that a file names but does not hold
 *   9. advanced          cores, ISAs, measuring; profiles
 *
 *     #include <hornpipe.h>
 *     hp_error error;
 *     hp_model *model;
 *     float rows[3][10] = {{0}}, predictions[3][1];
 *     hp_array x = {.data = rows, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 10}};
 *     hp_array y = {.data = predictions, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 1}};
 *     if (hp_model_open("model.keras", NULL, &model, &error) != HP_OK ||
 *         hp_model_predict(model, &x, 1, &y, 1, NULL, &error) != HP_OK)
 *         fprintf(stderr, "%s: %s\n", error.where, error.message);
 *     hp_model_close(model);
 *
 * Conventions. Functions that can fail return hp_status and fill *error, which may be NULL; on failure outputs are
 * untouched but for hp_model **, hp_session ** and the like, which are set to NULL. Option structs begin with
 * struct_size = sizeof the struct; zero in any other field means the default; NULL means all defaults. The library
 * never prints, exits, or changes signals, locale or the environment. A model may be used by any number of threads
 * at once; everything else by one thread at a time unless said. After fork() a child may go on using models that the
 * parent opened. From 1.0 on this header only grows. */
#ifndef HORNPIPE_H
#define HORNPIPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HP_API
#else
#define HP_API __attribute__((visibility("default")))
#endif

/* ---- 1. errors -------------------------------------------------------------------------------------------------- */

/* Every status there is: X(name, value, text). The enum, the names, the documentation and the bindings are all made
 * from this list. Values never change; new ones are added at the end. */
#define HP_STATUS_LIST(X)                                                                                              \
    X(HP_OK, 0, "done")                                                                                                \
    X(HP_ERROR_NO_MEMORY, 1, "out of memory")                                                                          \
    X(HP_ERROR_ARGUMENT, 2, "an argument is not valid")                                                                \
    X(HP_ERROR_IO, 3, "a file could not be read or written")                                                           \
    X(HP_ERROR_FORMAT, 4, "a file is damaged or not of a known format")                                                \
    X(HP_ERROR_UNSUPPORTED, 5, "the model uses something that is not supported")                                       \
    X(HP_ERROR_SHAPE, 6, "a shape or dtype does not fit the model")                                                    \
    X(HP_ERROR_ROW, 7, "a row holds a value that the model cannot take")                                               \
    X(HP_ERROR_INTERRUPTED, 8, "interrupted")                                                                          \
    X(HP_ERROR_INTERNAL, 9, "a defect in hornpipe: please report it")

typedef enum hp_status {
#define HP_STATUS_ENUM_(name, value, text) name = value,
    HP_STATUS_LIST(HP_STATUS_ENUM_)
#undef HP_STATUS_ENUM_
} hp_status;

/* What went wrong, as plain data owned by the caller: it may be copied freely. Every function that takes an
 * `hp_error *` accepts NULL; it writes the struct only when it fails. */
typedef struct hp_error {
    hp_status status;  /* why */
    int64_t row;       /* the first bad row for HP_ERROR_ROW, counted from 0; else -1 */
    char where[256];   /* a place that a user understands, or "": `model.keras: layers/3 "lstm_1" (LSTM)`; UTF-8 */
    char message[512]; /* what was found and what was expected; one line, UTF-8 */
} hp_error;

/* The name of a status ("HP_ERROR_IO") and its text. Never NULL, static storage; thread-safe. */
HP_API const char *hp_status_name(hp_status status);
HP_API const char *hp_status_text(hp_status status);

/* ---- 2. arrays ------------------------------------------------------------------------------------------- */

/* X(name, value, keras name, bytes). HP_STRING elements are `hp_string`. HP_COMPLEX64 and HP_COMPLEX128, a
 * real part and an imaginary part behind it, are dtypes of outputs alone. */
#define HP_DTYPE_LIST(X)                                                                                               \
    X(HP_FLOAT32, 1, "float32", 4)                                                                                     \
    X(HP_FLOAT64, 2, "float64", 8)                                                                                     \
    X(HP_FLOAT16, 3, "float16", 2)                                                                                     \
    X(HP_BFLOAT16, 4, "bfloat16", 2)                                                                                   \
    X(HP_INT8, 5, "int8", 1)                                                                                           \
    X(HP_INT16, 6, "int16", 2)                                                                                         \
    X(HP_INT32, 7, "int32", 4)                                                                                         \
    X(HP_INT64, 8, "int64", 8)                                                                                         \
    X(HP_UINT8, 9, "uint8", 1)                                                                                         \
    X(HP_UINT16, 10, "uint16", 2)                                                                                      \
    X(HP_UINT32, 11, "uint32", 4)                                                                                      \
    X(HP_UINT64, 12, "uint64", 8)                                                                                      \
    X(HP_BOOL, 13, "bool", 1)                                                                                          \
    X(HP_STRING, 14, "string", 16)                                                                                     \
    X(HP_COMPLEX64, 15, "complex64", 8)                                                                                \
    X(HP_COMPLEX128, 16, "complex128", 16)

typedef enum hp_dtype {
    HP_DTYPE_NONE = 0,
#define HP_DTYPE_ENUM_(name, value, keras, bytes) name = value,
    HP_DTYPE_LIST(HP_DTYPE_ENUM_)
#undef HP_DTYPE_ENUM_
} hp_dtype;

/* One element of an HP_STRING array: bytes that need no terminator, owned by whoever owns the array. */
typedef struct hp_string {
    const char *data;
    size_t size;
} hp_string;

/* Largest number of axes, the rows among them. */
#define HP_MAX_RANK 8

/* An array in the caller's memory. The first axis is the rows. */
typedef struct hp_array {
    void *data; /* the library never writes to an input */
    hp_dtype dtype;
    int rank;                     /* 1 to HP_MAX_RANK, the rows among them */
    int64_t shape[HP_MAX_RANK];   /* elements along each axis; may be 0 */
    int64_t strides[HP_MAX_RANK]; /* bytes between neighbours along each axis, may be negative; all 0: C order */
    void *owner;                  /* the library's; NULL in an array that the caller made */
} hp_array;

/* Frees what the library allocated for this array and zeroes it; does nothing to a caller's own. */
HP_API void hp_array_free(hp_array *array);

/* An element as a number, halves among them (exact but for 64-bit integers beyond 2^53); NaN where the array holds strings.
 * `index` counts elements in C order, from 0, whatever the strides; it is not checked. */
HP_API double hp_array_number(const hp_array *array, int64_t index);

/* ---- 3. simple calls --------------------------------------------------------------------------------------------- */

typedef struct hp_model hp_model;

typedef enum hp_prefer {
    HP_PREFER_THROUGHPUT = 0, /* algorithms that serve many rows */
    HP_PREFER_LATENCY = 1,    /* algorithms that serve one row at a time */
} hp_prefer;

typedef struct hp_model_options {
    size_t struct_size;
    const char *weights;      /* path of the weights: of a JSON config, or in the place of a model's own; else NULL */
    const char *isa;          /* name of an ISA ("avx2"); NULL: the best this machine has, or HORNPIPE_ISA */
    const char *output_layer; /* predict this inner layer's outputs instead of the model's; NULL: the model's */
    hp_prefer prefer;
    const struct hp_custom_layer *custom_layers; /* code for layers that are not Keras's (tier 8); copied */
    size_t custom_layer_count;
} hp_model_options;

/* Opens a model saved by Keras: a .keras file or unpacked directory, an HDF5 file, or a JSON config with
 * options->weights. Opening runs no code, and reads no file but those named and their own parts.
 *
 * path     UTF-8, needed during the call only
 * options  NULL: all defaults
 * *model   close it with hp_model_close; NULL on failure
 *
 * Errors: HP_ERROR_IO (cannot be read), HP_ERROR_FORMAT (not a model, or damaged), HP_ERROR_UNSUPPORTED (holds layers
 * or options that cannot be run: the message names the first and counts the others; hp_report_open lists all),
 * HP_ERROR_ARGUMENT (unknown ISA or output layer), HP_ERROR_NO_MEMORY. Thread-safe. */
HP_API hp_status hp_model_open(const char *path, const hp_model_options *options, hp_model **model, hp_error *error);

/* As hp_model_open, from the `size` bytes of a .keras or HDF5 file that are in memory already. They must stay there,
 * unchanged, until the model is closed: weights are used in place. `name` stands for the path in messages (NULL: "model").
 * options->weights must be NULL. */
HP_API hp_status hp_model_open_memory(const char *name, const void *data, size_t size, const hp_model_options *options,
    hp_model **model, hp_error *error);

/* Frees a model; NULL: nothing. No session may be left and no call on it running. */
HP_API void hp_model_close(hp_model *model);

/* Called now and then from the thread that called predict. Rows done so far and in all (-1: not known yet).
 * Returning something other than 0 stops the call with HP_ERROR_INTERRUPTED. */
typedef int hp_progress(void *context, int64_t done, int64_t total);

typedef struct hp_predict_options {
    size_t struct_size;
    int jobs;           /* worker threads; 0: hp_core_count() */
    int64_t batch_size; /* rows that go through the model together; 0: chosen to fit the caches. No result depends
                           on it, but for models that mix rows (hp_model_info): there 0 is Keras's 32 */
    hp_progress *progress;
    void *progress_context;
} hp_predict_options;

/* Predicts all rows, in order. Results do not depend on jobs, batch_size or a row's place, bit for bit.
 *
 * inputs   one array per model input, in the order of hp_model_input; any numeric dtype (converted as NumPy's astype),
 *          any strides; all with the same number of rows, which may be 0
 * outputs  one array per model output. data NULL: the library allocates it (free it with hp_array_free). Else it is C
 *          order, of the output's dtype and shape (hp_model_output_shape), and is written to
 *
 * Errors: HP_ERROR_SHAPE (the message says found and expected), HP_ERROR_ROW (error->row: the first row with a value
 * that the model cannot take, such as an index outside an Embedding's table), HP_ERROR_INTERRUPTED,
 * HP_ERROR_NO_MEMORY, HP_ERROR_ARGUMENT. After an error the outputs' content is not defined. Thread-safe: any number
 * of threads may predict with one model. */
HP_API hp_status hp_model_predict(hp_model *model, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, const hp_predict_options *options, hp_error *error);

/* ---- 4. model ---------------------------------------------------------------------------------------------------- */

/* One input or output. Text lives as long as the model. */
typedef struct hp_tensor_info {
    const char *name; /* Keras's name of the input; of an output: the layer that makes it */
    hp_dtype dtype;
    int rank;                   /* the rows among them */
    int64_t shape[HP_MAX_RANK]; /* -1: known only when data comes (the rows always) */
} hp_tensor_info;

HP_API size_t hp_model_input_count(const hp_model *model);
HP_API size_t hp_model_output_count(const hp_model *model);
/* Fills *info for input or output `index`, in the order of Keras's model.inputs and model.outputs (dicts: by sorted
 * key). HP_ERROR_ARGUMENT when there is no such index. Thread-safe. */
HP_API hp_status hp_model_input(const hp_model *model, size_t index, hp_tensor_info *info, hp_error *error);
HP_API hp_status hp_model_output(const hp_model *model, size_t index, hp_tensor_info *info, hp_error *error);

/* Shape and dtype of every output for inputs of these shapes (data is not looked at): fills outputs[i].dtype, rank and
 * shape, nothing else. HP_ERROR_SHAPE as hp_model_predict. Thread-safe. */
HP_API hp_status hp_model_output_shape(hp_model *model, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, hp_error *error);

/* One layer of the model as Keras's summary shows it. Text lives as long as the model. */
typedef struct hp_layer_info {
    const char *name, *class_name;
    const char *output_shape; /* "(None, 28, 28, 32)"; several: "[(None, 8), (None, 8)]" */
    const char *dtype;        /* compute dtype */
    const char *connected_to; /* "input_1, dense_2" or "" */
    int64_t parameters;       /* weights in all, a nested model's among them */
    int64_t trainable_parameters;
    int depth; /* 0; 1 for a layer of a nested model, and so on */
} hp_layer_info;

HP_API size_t hp_model_layer_count(const hp_model *model);
HP_API hp_status hp_model_layer(const hp_model *model, size_t index, hp_layer_info *info, hp_error *error);

typedef struct hp_model_info {
    const char *name, *class_name; /* "functional_1", "Functional" */
    const char *format;            /* "keras", "hdf5", "json" ... */
    const char *keras_version;     /* that wrote the file; "" when it does not say */
    const char *isa;               /* the kernels in use */
    int64_t parameters;            /* of all layers, shared ones once */
    int64_t trainable_parameters;
    double flops_per_row;         /* of the direct algorithms; NaN where shapes are unknown until data comes */
    int mixes_rows;               /* 1: a row's result depends on the others of its batch */
    const char *mixes_rows_where; /* the layer; "" */
} hp_model_info;
HP_API void hp_model_describe(const hp_model *model, hp_model_info *info);

/* One weight: its values in memory, C order, which nobody may change. Text and data live as long as the model. */
typedef struct hp_weight_info {
    const char *name; /* Keras's name of the variable: "kernel" */
    char path[256];   /* its layers' names from the model's on, and its own: "encoder/dense_1/kernel"; may be cut */
    hp_dtype dtype;   /* float32 where the file has a narrower float */
    int rank;         /* 0: one number */
    int64_t shape[HP_MAX_RANK];
    const void *data;
    int trainable;
} hp_weight_info;

/* Weights in the order of the layers and, in a layer, of their creation; those of a shared layer once. Thread-safe. */
HP_API size_t hp_model_weight_count(const hp_model *model);
HP_API hp_status hp_model_weight(const hp_model *model, size_t index, hp_weight_info *info, hp_error *error);

/* How Keras nests the model's inputs, or its outputs: JSON text in which each tensor is its index (hp_model_input,
 * hp_model_output), `0` for a bare tensor, `[0, 1]` for a list, `{"image": 0, "boxes": [1, 2]}` for a dict. *text belongs
 * to the caller: hp_text_free. Thread-safe. */
HP_API hp_status hp_model_input_structure(const hp_model *model, char **text, hp_error *error);
HP_API hp_status hp_model_output_structure(const hp_model *model, char **text, hp_error *error);
HP_API void hp_text_free(char *text); /* NULL: nothing */

/* Whether a file can be run, and every reason why not. */
typedef struct hp_report hp_report;
/* Reads a model as hp_model_open does, but does not stop at the first thing that is not supported. Fails only where
 * there is nothing to report on (HP_ERROR_IO, HP_ERROR_FORMAT of the container, HP_ERROR_NO_MEMORY). */
HP_API hp_status hp_report_open(const char *path, const hp_model_options *options, hp_report **report, hp_error *error);
/* As hp_report_open, for bytes as hp_model_open_memory takes them. The report does not need them any more. */
HP_API hp_status hp_report_open_memory(const char *name, const void *data, size_t size, const hp_model_options *options,
    hp_report **report, hp_error *error);
HP_API size_t hp_report_count(const hp_report *report); /* 0: the model can be run */
/* Reason `index`: status, where and message. NULL when there is none. Lives as long as the report. */
HP_API const hp_error *hp_report_reason(const hp_report *report, size_t index);
/* A note that is no fault ("mixes rows"), or NULL past the last. */
HP_API const char *hp_report_note(const hp_report *report, size_t index);
HP_API void hp_report_close(hp_report *report);

/* ---- 5. session -------------------------------------------------------------------------------------------------- */

/* One caller's own workspace on a model. A second call with inputs of the same shape allocates nothing. One thread at a
 * time; as many sessions on a model as there are threads. */
typedef struct hp_session hp_session;

HP_API hp_status hp_session_open(
    hp_model *model, const hp_predict_options *options, hp_session **session, hp_error *error);
/* As hp_model_predict, in this session's workspace and with its options. */
HP_API hp_status hp_session_predict(hp_session *session, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, hp_error *error);
/* Sets the states of stateful layers back to zeros, as Keras's reset_states. A session keeps them from batch to batch and
 * from call to call (rows then come in whole batches of the size that the model was made with, on one thread);
 * hp_model_predict begins each call with zeros. Does nothing for other models, and for NULL. */
HP_API void hp_session_reset(hp_session *session);
HP_API void hp_session_close(hp_session *session);

/* ---- 6. files ---------------------------------------------------------------------------------------------------- */

typedef enum hp_header { HP_HEADER_AUTO = 0, HP_HEADER_YES = 1, HP_HEADER_NO = 2 } hp_header;

/* A file of rows. Kinds by extension or `format`: npy, npz, csv, tsv, hdf5 (FILE.h5:/dataset), raw (little-endian
 * float32); "-" is standard input or output. An input whose rows have different lengths is two arrays of a .npz,
 * NAME_values and NAME_offsets (or values and offsets): row i is values[offsets[i]:offsets[i + 1]]. Rows of one length
 * are computed together. */
typedef struct hp_file {
    const char *path;
    const char *format;     /* NULL: by the extension */
    const char *input_name; /* the model input that it feeds; NULL: by place */
    const char *dataset;    /* array in an .npz or HDF5 file; NULL: the path's, or the only one */
    hp_header header;       /* csv, tsv */
    const char *columns;    /* csv, tsv: by name, or by number from 0: "age,income,3-9"; NULL: all */
    const char *id_columns; /* csv, tsv: carried to the output unread; NULL: none */
} hp_file;

/* Reads a whole file into memory. array->data belongs to the library: hp_array_free. */
HP_API hp_status hp_array_load(const hp_file *file, hp_array *array, hp_error *error);
/* Writes an array (any strides) to a file, whole or not at all. */
HP_API hp_status hp_array_save(const hp_file *file, const hp_array *array, hp_error *error);

/* Where rows are computed. */
typedef enum hp_backend {
    HP_BACKEND_THREADS = 0, /* on threads of this process */
    /* In worker processes, forked by the call. They share one copy of the packed weights, and rows go to them through
     * shared memory. A worker that dies (killed, out of memory, a crash in a custom layer) is replaced and its rows are
     * done again; rows that kill twice are narrowed down to the one that does, which has failed (hp_on_error). Not for
     * models that keep a state from batch to batch, nor where the outputs' shapes depend on the data. */
    HP_BACKEND_PROCESSES = 1,
} hp_backend;

/* What becomes of a row that fails: a value that the model cannot take, text that is no number, a row that kills its
 * worker. (In a model that mixes rows, all rows of the batch.) */
typedef enum hp_on_error {
    HP_ON_ERROR_FAIL = 0, /* the call fails, and names the first such row */
    HP_ON_ERROR_NAN = 1,  /* its outputs are NaN (-1 in integers, false, "", index -1), and the call goes on */
} hp_on_error;

/* Called with HP_ON_ERROR_NAN for rows [first, first + count) that failed, counted from 0 over the whole run, and why.
 * Rows come in order. It is called from whichever thread takes the results. */
typedef void hp_row_failure(void *context, int64_t first, int64_t count, const hp_error *error);

typedef struct hp_stream_options {
    size_t struct_size;
    int jobs; /* as hp_predict_options */
    int64_t batch_size;
    int64_t chunk_rows;        /* rows that are read, computed and written together; 0: chosen */
    int64_t max_memory;        /* bytes for chunks in flight; 0: 256 MiB */
    int argmax;                /* 1: write the index of the largest value along the last axis instead of the values */
    int top_k;                 /* k > 0: write the k largest, as pairs of index and value, largest first */
    const double *threshold;   /* not NULL: write 1 where value >= *threshold, else 0 */
    const char *const *labels; /* NULL-terminated: with argmax, top_k or threshold, write names for indices */
    hp_progress *progress;     /* not 0: the chunks in flight are finished, then the call is interrupted */
    void *progress_context;
    hp_backend backend;
    hp_on_error on_error;
    hp_row_failure *failure;
    void *failure_context;
    /* 1: rows of different lengths are padded to nearly common ones, which is quicker than computing each length apart,
     * where that leaves every result as it is; HP_ERROR_UNSUPPORTED names the layer that stands against it. */
    int pad;
    int keep_existing; /* 1: an output that exists already is an error, not replaced */
    /* Above 0: a checkpoint is written beside the partial file about that often, and when the run is interrupted, so that
     * it can be resumed after it was killed, after a power cut or a full disk. Nothing is written where that is not
     * possible: from or to streams, .npz outputs, HDF5 outputs from inputs of unknown length, stateful models. */
    double checkpoint_seconds;
    /* 1: goes on from the checkpoint that is there (from the start, where there is none), if model, inputs, options,
     * instruction set and build are the same; else HP_ERROR_ARGUMENT. The outputs then are the same bytes as those of a
     * run that was not interrupted. */
    int resume;
    int64_t *resumed_rows; /* may be NULL: the row from which it goes on; 0: from the start */
    int64_t *failed_rows;  /* may be NULL: how many rows failed (HP_ON_ERROR_NAN), those before the resume counted */
    /* The rows of the inputs that are predicted: from first_row up to, not including, end_row (0, or more than there are:
     * up to the last). Or part `part` (from 1) of `parts`, which share the rows evenly, in order, by whole batches where
     * the model mixes rows: so several machines divide one input. 0: all rows. Failures name rows of the whole input. */
    int64_t first_row, end_row;
    int part, parts;
} hp_stream_options;

/* Predicts whole files: reads, computes and writes at the same time, chunk by chunk, rows in order, in bounded memory.
 *
 * inputs   one file per model input (by input_name, else by place), all with the same number of rows; or one .npz or
 *          HDF5 file that holds them by name; or one .csv or .tsv with columns of their names (NAME_0, NAME_1 ... for an
 *          input of several numbers)
 * outputs  one file per model output, or one file of a kind that holds several (.npz, .csv, HDF5)
 * *rows    number of rows written; may be NULL
 *
 * An output appears under its name only when it is complete. Errors as hp_model_predict, and HP_ERROR_IO,
 * HP_ERROR_FORMAT of the files. */
HP_API hp_status hp_predict_files(hp_model *model, const hp_file *inputs, size_t input_count, const hp_file *outputs,
    size_t output_count, const hp_stream_options *options, int64_t *rows, hp_error *error);

/* ---- 7. streaming ------------------------------------------------------------------------------------------------ */

/* A predictor takes batches (arrays of any number of rows) and gives their predictions back in the same order, each
 * once, while later ones are computed already: the same engine as hp_predict_files, with the caller at both ends.
 *
 *     hp_predictor *predictor;
 *     hp_predictor_open(model, &(hp_predictor_options){.struct_size = sizeof(hp_predictor_options)}, &predictor, &error);
 *     for (;;) {
 *         while (have_more && hp_predictor_room(predictor) > 0) {
 *             have_more = next_batch(&x);
 *             if (have_more) hp_predictor_push(predictor, &x, 1, &error);
 *         }
 *         if (hp_predictor_pending(predictor) == 0) break;
 *         hp_array y = {0};
 *         hp_predictor_pull(predictor, &y, 1, NULL, &error);
 *         use(&y);
 *         hp_array_free(&y);
 *     }
 *     hp_predictor_close(predictor);
 *
 * One thread may push and another pull at the same time (or one thread do both, as above); hp_predictor_cancel,
 * hp_predictor_room and hp_predictor_pending may be called from any thread. */
typedef struct hp_predictor hp_predictor;

typedef struct hp_predictor_options {
    size_t struct_size;
    hp_backend backend;
    int jobs;           /* threads or worker processes; 0: hp_core_count() */
    int64_t batch_size; /* as hp_predict_options */
    int64_t chunk_rows; /* rows that a worker process is given at a time; 0: each its share of a batch */
    int look_ahead;     /* batches that may be pushed and not yet pulled: bounds memory; 0: 4, at most 1024 */
    hp_on_error on_error;
    hp_row_failure *failure; /* called within hp_predictor_pull */
    void *failure_context;
    hp_progress *progress; /* called from a thread of the predictor, with rows computed and -1; not 0: cancels */
    void *progress_context;
    int pad; /* as hp_stream_options, for rows of different lengths (hp_predictor_push_ragged) */
} hp_predictor_options;

/* Opens a predictor on a model, which has to outlive it. Worker processes start here where the model's shapes are known
 * without data, else with the first batch; they see nothing that the program writes to its memory later. Errors:
 * HP_ERROR_ARGUMENT, HP_ERROR_NO_MEMORY, HP_ERROR_UNSUPPORTED (see hp_backend). */
HP_API hp_status hp_predictor_open(
    hp_model *model, const hp_predictor_options *options, hp_predictor **predictor, hp_error *error);

/* Hands a batch over; its rows are copied, so the arrays are the caller's again on return. Waits while `look_ahead`
 * batches are pushed and not pulled: who pushes and pulls on one thread asks hp_predictor_room before.
 * Errors: HP_ERROR_SHAPE, HP_ERROR_ARGUMENT (nothing was pushed; the predictor goes on); HP_ERROR_INTERRUPTED after
 * hp_predictor_cancel; HP_ERROR_NO_MEMORY. */
HP_API hp_status hp_predictor_push(
    hp_predictor *predictor, const hp_array *inputs, size_t input_count, hp_error *error);

/* As hp_predictor_push, for a batch of `rows` rows of different lengths. Where offsets[i] is not NULL, inputs[i] holds the
 * steps of all rows one behind the other, and row r is its elements offsets[i][r] to offsets[i][r + 1] - 1: rows + 1
 * numbers, none smaller than the one before. Where it is NULL, inputs[i] is as for hp_predictor_push, `rows` long.
 *
 * Rows of one length are computed together (or of nearly one, with options.pad); results are in order, and those that
 * each row has alone. Errors: as hp_predictor_push; HP_ERROR_ARGUMENT for offsets that are no such thing; HP_ERROR_SHAPE
 * where an output has a step for each step of a row, so that results cannot be one array; HP_ERROR_UNSUPPORTED for a
 * model that mixes rows. */
HP_API hp_status hp_predictor_push_ragged(hp_predictor *predictor, const hp_array *inputs,
    const int64_t *const *offsets, size_t input_count, int64_t rows, hp_error *error);

/* No batches follow: pull tells the end after the last one. */
HP_API void hp_predictor_finish(hp_predictor *predictor);

/* The predictions of the oldest batch that was not pulled yet; waits for it.
 *
 * outputs  as hp_model_predict: data NULL is allocated (free it with hp_array_free), else written to
 * *ended   (may be NULL) 1: hp_predictor_finish was called and all has been pulled; outputs are untouched
 *
 * Errors are those of this batch alone, whose results are lost; later batches can be pulled: HP_ERROR_ROW (error->row:
 * the first bad row, within the batch), HP_ERROR_SHAPE and others as hp_model_predict. HP_ERROR_INTERRUPTED after
 * hp_predictor_cancel; HP_ERROR_INTERNAL where worker processes keep dying. */
HP_API hp_status hp_predictor_pull(
    hp_predictor *predictor, hp_array *outputs, size_t output_count, int *ended, hp_error *error);

/* Batches that can be pushed now without waiting, and batches pushed that were not pulled. */
HP_API int hp_predictor_room(hp_predictor *predictor);
HP_API int hp_predictor_pending(hp_predictor *predictor);

/* Stops: calls that wait, and all later ones, return HP_ERROR_INTERRUPTED. Thread-safe. */
HP_API void hp_predictor_cancel(hp_predictor *predictor);

/* Ends the predictor's threads and processes and frees it; batches not pulled are lost. NULL: nothing. */
HP_API void hp_predictor_close(hp_predictor *predictor);

/* ---- 8. own layers ----------------------------------------------------------------------------------------------- */

/* A model file holds the names, configs and weights of custom layers and Lambdas, but not their code. What is registered
 * here is run in their place: two functions, one for shapes and one for numbers.
 *
 *     static hp_status double_shape(void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count,
 *                             hp_error *error) {
 *         outputs[0] = call->inputs[0];
 *         *count = 1;
 *         return HP_OK;
 *     }
 *     static hp_status double_run(void *context, const hp_custom_call *call, hp_error *error) {
 *         const float *x = call->inputs[0].data;
 *         float *y = call->outputs[0].data;
 *         for (int64_t i = 0; i < call->outputs[0].elements; i++) y[i] = 2 * x[i];
 *         return HP_OK;
 *     }
 *     hp_custom_layer layers[] = {{.struct_size = sizeof(hp_custom_layer), .class_name = "Lambda", .name = "double",
 *                                  .shape = double_shape, .run = double_run}};
 *     hp_model_options options = {.struct_size = sizeof options, .custom_layers = layers, .custom_layer_count = 1}; */

/* A tensor as a custom layer sees it: C order, without gaps. */
typedef struct hp_custom_tensor {
    /* Of a weight: where the file keeps it below the layer ("vars/0", "dense/vars/1"), in files that list weights in
     * order its name there ("my_layer/kernel:0"); of the mask: "mask"; of an argument given by keyword: the keyword;
     * else NULL. */
    const char *name;
    hp_dtype dtype;
    int rank;
    /* shape[0] of an input or output: -1 for `shape` (as many as there will be rows), the number of them for `run`. A
     * shape without rows (of a weight, or of a tensor that is the same for all rows) has its true sizes always. */
    int64_t shape[HP_MAX_RANK];
    int64_t elements; /* product of shape, in `run`; in `shape` 0 */
    void *data;       /* NULL in `shape`; inputs and weights must not be written to */
} hp_custom_tensor;

/* One call of a custom layer. Everything in it is valid until the function returns. */
typedef struct hp_custom_call {
    const char *class_name; /* as in the file: "Mish", "Lambda" */
    const char *name;       /* of the layer in the model: "mish_3" */
    const char *config;     /* the layer's config in the file, with Keras 3's keys, as JSON text in UTF-8 */
    /* Arguments of this call as JSON text, [positional..., {"keyword": value}...]: each tensor is
     * {"tensor": number of the input}. "[]" where the layer is called by another layer. */
    const char *arguments;
    const hp_custom_tensor *inputs; /* all tensors among the arguments, in order; behind them the mask, if wanted */
    size_t input_count;
    const hp_custom_tensor *weights; /* all that the file holds for this layer, float32, in the file's order */
    size_t weight_count;
    const hp_custom_tensor *outputs; /* of `run`: the places to write to; else NULL */
    size_t output_count;
} hp_custom_call;

#define HP_CUSTOM_MAX_OUTPUTS 16

/* What a custom layer is. The struct and its text are copied when a model is opened; `context` must stay valid until
 * the model is closed. */
typedef struct hp_custom_layer {
    size_t struct_size;
    const char *class_name; /* the class in the file, with or without its package ("my_package>Mish"), or "Lambda" */
    const char *name;       /* this layer alone; NULL: all layers of the class */
    /* Fills outputs[0] .. outputs[*count - 1] (room for HP_CUSTOM_MAX_OUTPUTS; *count is 1 before): dtype, rank and
     * shape of each, for inputs of the shapes in `call`. shape[0] -1: the rows. Must depend on `call` alone: it is called
     * with sizes on trial when a model is opened, and again whenever inputs have new shapes.
     * Returns HP_OK, or a status with *error's message filled (HP_ERROR_SHAPE: the inputs do not fit). */
    hp_status (*shape)(
        void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error);
    /* Computes all elements of call->outputs[].data. The rows are some of those given to predict: a result must not depend
     * on how many they are or where they stand, so that it is the same with any batch and any number of threads.
     * Returns HP_OK, or a status with *error's message filled: HP_ERROR_ROW with error->row (counted in call->inputs)
     * for a value that cannot be taken.
     * Called from several threads at once, on different rows: it must not change what it shares without a lock. It must
     * not call hornpipe with the same model. */
    hp_status (*run)(void *context, const hp_custom_call *call, hp_error *error);
    void *context;
    int takes_mask;  /* 1: the first input's mask, where it has one, is a further bool input named "mask" */
    int passes_mask; /* 1: the first input's mask goes on to the outputs, as with Keras's supports_masking */
    int mixes_rows;  /* 1: a row's result depends on the others of its batch: `run` is given whole batches */
} hp_custom_layer;

/* ---- 9. advanced ------------------------------------------------------------------------------------------------- */

/* The library's version, "0.1.0". */
HP_API const char *hp_version(void);
/* Cores that this process may use: the least of affinity, cpuset, cgroup quota and HORNPIPE_NUM_THREADS; at least 1. */
HP_API int hp_core_count(void);
/* One line of text that says how many cores may be used and why (affinity, CPU set, quota, hardware threads), and on which
 * NUMA nodes `jobs` workers (0: one per usable core) run. Cut to `size` bytes, its terminator among them. */
HP_API void hp_describe_cores(int jobs, char *text, size_t size);
/* Names of the ISAs of this build, from plain to best; NULL past the last. *usable (may be NULL): this machine has it. */
HP_API const char *hp_isa_name(size_t index, int *usable);
/* One core's peak of float32 fused multiply-adds in operations per second, measured for about 20 ms; `isa` NULL: the
 * best. 0 for an unknown ISA. */
HP_API double hp_measure_peak(const char *isa);

/* A profile: where a session's time goes, step by step. A step is one kernel's pass over a tile of rows. Layers are
 * joined where that saves memory traffic, so a step may stand for several; and a layer may take several steps.
 *
 *     hp_profile_open(session, 0, &profile, &error);
 *     hp_session_predict(session, &x, 1, &y, 1, &error);
 *     for (size_t i = 0; hp_profile_step(profile, i, &step, NULL) == HP_OK; i++) {
 *         hp_profile_time(profile, i, -1, &time, NULL);
 *         printf("%s: %g s\n", step.primitive, time.seconds);
 *     }
 *     hp_profile_close(profile);
 */
typedef struct hp_profile hp_profile;

/* Notes the session's predictions from now on until hp_profile_close: those with the first input shapes that it meets,
 * since other shapes have other steps. A session without a profile is not slowed down.
 *
 * calls  single calls to keep for hp_profile_call, per worker, the first ones; 0: none
 *
 * Errors: HP_ERROR_ARGUMENT (the session has one already), HP_ERROR_NO_MEMORY. */
HP_API hp_status hp_profile_open(hp_session *session, size_t calls, hp_profile **profile, hp_error *error);
/* Ends it; before the session is closed. NULL: nothing. */
HP_API void hp_profile_close(hp_profile *profile);

/* One step, in the order in which steps run. Text lives as long as the profile. */
typedef struct hp_step_info {
    const char *primitive;    /* "conv" */
    const char *algorithm;    /* kernel or algorithm that was chosen: "direct"; "" where there is one way only */
    const char *output_shape; /* "(rows, 28, 28, 32)" */
    size_t layer_count;       /* layers that it stands for: hp_profile_layer */
    double flops_per_row;     /* of the direct algorithm: 2 per multiply-add */
    double bytes_per_row;     /* of the tensors that it reads and writes */
    double weight_bytes;      /* that a call reads beside them */
    int64_t tile_rows;        /* rows of a full call */
} hp_step_info;

/* 0 steps before the first prediction. */
HP_API size_t hp_profile_step_count(const hp_profile *profile);
HP_API hp_status hp_profile_step(const hp_profile *profile, size_t step, hp_step_info *info, hp_error *error);
/* Place of a step's layer `index`, in the order of the model: `layers/3 "conv2d" (Conv2D)`. NULL past the last. */
HP_API const char *hp_profile_layer(const hp_profile *profile, size_t step, size_t index);

/* All calls of a step by one worker. Where workers share one call, each counts its part of the rows. */
typedef struct hp_step_time {
    int64_t calls;
    double rows, seconds;
} hp_step_time;

/* Workers that the session may use. */
HP_API int hp_profile_worker_count(const hp_profile *profile);
/* Of one worker, counted from 0; of all with worker -1. HP_ERROR_ARGUMENT where there is no such step or worker. */
HP_API hp_status hp_profile_time(
    const hp_profile *profile, size_t step, int worker, hp_step_time *time, hp_error *error);
/* Wall time of the predictions that were noted, in seconds. */
HP_API double hp_profile_seconds(const hp_profile *profile);

/* One call. `begin`: seconds since hp_profile_open. */
typedef struct hp_step_call {
    size_t step;
    double rows, begin, seconds;
} hp_step_call;
HP_API size_t hp_profile_call_count(const hp_profile *profile, int worker);
HP_API hp_status hp_profile_call(
    const hp_profile *profile, int worker, size_t index, hp_step_call *call, hp_error *error);

#ifdef __cplusplus
}
#endif
#endif
