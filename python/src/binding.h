/* binding.h: what the files of the extension module share.
 *
 * Invariant: nothing here computes. The module turns Python's objects into the plain data of hornpipe.h and back; it is
 * written in the limited API of Python 3.11 (all of it is there in the free-threaded build of 3.13 too), and uses nothing
 * of the library but hornpipe.h. A model may be used by any number of threads: a Model object does not change after it
 * was opened. */
#ifndef HORNPIPE_PYTHON_BINDING_H
#define HORNPIPE_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <hornpipe.h>
#include <stdbool.h>
#include <stdio.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define NPY_TARGET_VERSION NPY_1_23_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL hornpipe_numpy_api
#ifndef BINDING_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

enum { MOST_TENSORS = 64 };      /* inputs or outputs of a model: the library's own bound */
enum { MOST_SMALL_INPUTS = 32 }; /* of a model whose calls may go predict's short way */

typedef struct model_object {
    PyObject_HEAD hp_model *model;
    Py_buffer bytes;  /* of a model that was opened from memory; bytes.obj NULL: from a file */
    PyObject *custom; /* the list of custom layers; NULL: none */
    hp_tensor_info *inputs, *outputs;
    size_t input_count, output_count;
    double operations; /* per row; NaN: not known */
    PyObject *names;   /* of the inputs, a tuple */
    bool small_calls;  /* tensors in no nesting in, one out, all sizes but the rows known: predict's short way */
} model_object;

/* ---- errors.c */

/* Makes the exception classes and puts them into the module. False: a Python error is set. */
bool errors_add(PyObject *module);
/* Raises the exception of error->status; `reasons` (borrowed, may be NULL) becomes its attribute. Returns NULL. */
PyObject *errors_raise(const hp_error *error, PyObject *reasons);
/* Raises ArgumentError with this message; returns NULL. */
PyObject *errors_argument(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The library's text as str: rows' own bytes may stand in it, and it may be cut. */
PyObject *errors_text(const char *text);

/* ---- arrays.c */

/* A NumPy array as the library sees it. */
typedef struct array_view {
    hp_array array;
    PyObject *owner;    /* that keeps the data alive */
    hp_string *strings; /* made from the array's, with `text` behind them; NULL: numbers */
    char *text;
} array_view;

/* The library's dtype of an array whose elements it can use as they are; HP_DTYPE_NONE where it cannot. */
hp_dtype arrays_dtype(PyArrayObject *array);
int arrays_type_number(hp_dtype dtype); /* of NumPy; NPY_NOTYPE: it has none */
/* Fills view for any array; makes a copy only where the library could not read it (other byte order, not aligned, all
 * strides zero) and for strings. False: a Python error is set. Either way arrays_release must be called. */
bool arrays_view(PyObject *object, array_view *view);
void arrays_release(array_view *view);
/* Views of a list of arrays, MOST_TENSORS at most, and arrays[i] = views[i].array. On failure none is left to release. */
bool arrays_view_all(PyObject *list, array_view *views, hp_array *arrays, size_t *count);
/* A new array with the memory that the library has allocated for `array`, which it takes over. NULL: a Python error. */
PyObject *arrays_take(hp_array *array);
/* A list of such, for all outputs of a call; on failure all are freed. */
PyObject *arrays_take_all(hp_array *arrays, size_t count);
/* "float32" and back; HP_DTYPE_NONE for a name that is none. */
const char *arrays_dtype_name(hp_dtype dtype);
hp_dtype arrays_dtype_named(const char *name);
PyObject *arrays_shape(int rank, const int64_t *shape); /* a tuple; None for sizes below 0 */
/* A writable array over memory that outlives it. */
PyObject *arrays_writable(hp_dtype dtype, int rank, const int64_t *shape, void *data);
/* A read-only array over memory that `owner` keeps alive. */
PyObject *arrays_read_only(hp_dtype dtype, int rank, const int64_t *shape, const void *data, PyObject *owner);

/* ---- calls.c: a long call, during which other threads of Python run */

typedef struct call_watch {
    PyThreadState *thread;
    PyObject *progress; /* called with (done, total); None: nothing */
    double next;        /* second of the next look at signals */
    bool failed;        /* a Python error is set: of a signal's handler, or of `progress` */
} call_watch;

void call_begin(call_watch *watch, PyObject *progress); /* lets go of the interpreter */
void call_end(call_watch *watch);                       /* and comes back to it */
hp_progress call_progress;                              /* with a call_watch as its context */

/* ---- custom.c */

/* Custom layers of a list of tuples (class name, name or None, object with `shapes` and `run`, takes_mask, passes_mask,
 * mixes_rows), or None, into the options; free options->custom_layers with PyMem_Free. The list must outlive the model. */
bool custom_parse(PyObject *list, hp_model_options *options);

/* ---- model.c, predict.c, files.c, predictor.c */

extern PyObject *model_type;
bool model_add(PyObject *module);
extern const char predict_doc[], predict_on_batch_doc[];
PyObject *model_predict(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names);
PyObject *model_predict_on_batch(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names);
PyObject *model_call(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *model_run(PyObject *self, PyObject *args);
PyObject *model_predict_files(PyObject *self, PyObject *args);
PyObject *model_profile(PyObject *self, PyObject *args);
PyObject *model_check(PyObject *module, PyObject *args);
bool predictor_add(PyObject *module);

#endif
