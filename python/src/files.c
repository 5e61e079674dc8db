/* files.c: predict_file: whole files in and out. */
#include <limits.h>
#include <string.h>

#include "binding.h"

enum { MOST_FILES = 64 };

/* [(path, format, name, dataset, columns, id_columns, header)] as hp_file: texts are those of the tuples. */
static bool parse_files(PyObject *list, hp_file *files, size_t *count) {
    Py_ssize_t size = PyList_Check(list) ? PyList_Size(list) : -1;
    if (size < 0 || size > MOST_FILES) {
        PyErr_SetString(PyExc_TypeError, "a list of at most 64 files was expected");
        return false;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        hp_file *file = &files[i];
        int header;
        *file = (hp_file){.path = NULL};
        if (!PyArg_ParseTuple(PyList_GetItem(list, i), "szzzzzi", &file->path, &file->format, &file->input_name,
                &file->dataset, &file->columns, &file->id_columns, &header))
            return false;
        file->header = (hp_header)header;
    }
    *count = (size_t)size;
    return true;
}

/* A list of str as texts that end with NULL; *labels stays NULL for None. Free it with PyMem_Free. */
static bool parse_labels(PyObject *list, const char ***labels) {
    *labels = NULL;
    if (list == Py_None) return true;
    Py_ssize_t size = PyList_Size(list);
    if (size < 0) return false;
    *labels = PyMem_Calloc((size_t)size + 1, sizeof **labels);
    if (!*labels) return PyErr_NoMemory() != NULL;
    for (Py_ssize_t i = 0; i < size; i++)
        if (!((*labels)[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL))) return false;
    return true;
}

/* The options of a dict, each of which must be there. */
typedef struct reading {
    PyObject *options;
    bool failed;
} reading;

static PyObject *option(reading *r, const char *name) {
    PyObject *value = r->failed ? NULL : PyDict_GetItemString(r->options, name);
    if (!value && !r->failed) PyErr_Format(PyExc_KeyError, "the option %s is missing", name);
    r->failed = !value;
    return value ? value : Py_None;
}

static long long number(reading *r, const char *name) {
    PyObject *value = option(r, name);
    long long result = r->failed ? 0 : PyLong_AsLongLong(value);
    r->failed = r->failed || PyErr_Occurred();
    return result;
}

/* The same for what the library takes as an int. */
static int small_number(reading *r, const char *name) {
    long long result = number(r, name);
    if (!r->failed && (result < INT_MIN || result > INT_MAX)) {
        PyErr_Format(PyExc_OverflowError, "%s is %lld; it is too large", name, result);
        r->failed = true;
    }
    return r->failed ? 0 : (int)result;
}

static bool read_options(
    PyObject *dict, hp_stream_options *options, double *threshold, PyObject **labels, PyObject **progress) {
    reading r = {.options = dict};
    options->checkpoint_seconds = (double)number(&r, "checkpoint_seconds");
    options->resume = small_number(&r, "resume");
    options->jobs = small_number(&r, "jobs");
    options->batch_size = number(&r, "batch_size");
    options->chunk_rows = number(&r, "chunk_rows");
    options->max_memory = number(&r, "max_memory");
    options->first_row = number(&r, "first_row");
    options->end_row = number(&r, "end_row");
    options->part = small_number(&r, "part");
    options->parts = small_number(&r, "parts");
    options->pad = small_number(&r, "pad");
    options->argmax = small_number(&r, "argmax");
    options->top_k = small_number(&r, "top_k");
    options->backend = number(&r, "processes") ? HP_BACKEND_PROCESSES : HP_BACKEND_THREADS;
    options->on_error = number(&r, "nan") ? HP_ON_ERROR_NAN : HP_ON_ERROR_FAIL;
    PyObject *limit = option(&r, "threshold");
    if (limit != Py_None) {
        *threshold = PyFloat_AsDouble(limit);
        options->threshold = threshold;
        r.failed = r.failed || PyErr_Occurred();
    }
    *labels = option(&r, "labels");
    *progress = option(&r, "progress");
    return !r.failed;
}

PyObject *model_predict_files(PyObject *object, PyObject *args) {
    model_object *self = (model_object *)object;
    PyObject *input_list, *output_list, *dict, *label_list, *progress, *result = NULL;
    hp_stream_options options = {.struct_size = sizeof options};
    hp_file inputs[MOST_FILES], outputs[MOST_FILES];
    size_t input_count, output_count;
    const char **labels = NULL;
    double threshold;
    if (!PyArg_ParseTuple(args, "OOO", &input_list, &output_list, &dict)) return NULL;
    if (read_options(dict, &options, &threshold, &label_list, &progress) &&
        parse_files(input_list, inputs, &input_count) && parse_files(output_list, outputs, &output_count) &&
        parse_labels(label_list, &labels)) {
        hp_error error;
        call_watch watch;
        int64_t rows = 0, failed = 0;
        options.failed_rows = &failed;
        options.labels = labels;
        options.progress = call_progress;
        options.progress_context = &watch;
        call_begin(&watch, progress);
        hp_status status =
            hp_predict_files(self->model, inputs, input_count, outputs, output_count, &options, &rows, &error);
        call_end(&watch);
        if (!watch.failed)
            result = status == HP_OK ? Py_BuildValue("(LL)", (long long)rows, (long long)failed)
                                     : errors_raise(&error, NULL);
    }
    PyMem_Free(labels);
    return result;
}
