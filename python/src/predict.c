/* predict.c: predict, in its short way for small calls and its long way for all others.
 *
 * The short way takes arrays of the model's own shapes (one; a list, tuple or dict of them where the model has several
 * inputs), whose work one core does in some microseconds, and does nothing but the call: no Python code runs. Everything else
 * goes to Model._predict, in Python, which brings whatever it was given to a list of arrays and comes back to _run here. */
#include <string.h>

#include "binding.h"

/* Work, in operations: below SMALL the library would use one core anyway; below QUICK another thread's wait for the
 * interpreter costs less than letting go of it. */
static const double SMALL = 4e6, QUICK = 5e5;

const char predict_doc[] =
    "predict($self, /, x, batch_size=None, verbose=\"auto\", steps=None, *, n_jobs=None,\n"
    "        backend=\"threads\", out=None, on_error=\"fail\")\n"
    "--\n"
    "\n"
    "Predict all rows, in order, on every core that may be used.\n"
    "\n"
    "A row's result does not depend on the batch size, the number of jobs, the backend or the\n"
    "row's place, bit for bit; only for models whose rows mix (``model.mixes_rows``) it depends\n"
    "on `batch_size`, as in Keras.\n"
    "\n"
    "Parameters\n"
    "----------\n"
    "x : array_like, list, dict, data frame, data set or iterator\n"
    "    What Keras's ``predict`` takes. An array of shape ``(rows, *input.shape[1:])``; for several\n"
    "    inputs a list of arrays in the order of ``model.inputs``, or a dict by name. pandas, polars\n"
    "    and Arrow tables; torch, JAX and TensorFlow tensors; memory maps. HDF5 data sets and other\n"
    "    chunked arrays, a ``PyDataset`` or ``Sequence``, a ``tf.data.Dataset``, a torch\n"
    "    ``DataLoader`` and any iterator of batches are read batch by batch (of a batch that is a\n"
    "    tuple, the first item is used). Arrays in C order and of the input's dtype are not copied.\n"
    "batch_size : int, optional\n"
    "    Rows that go through the model together. Chosen to fit the caches when None.\n"
    "verbose : {\"auto\", 0, 1, 2}\n"
    "    A bar in terminal or notebook: \"auto\" after a second, where somebody sees it; 0 never; 1\n"
    "    from the start; 2 one line at the end.\n"
    "steps : int, optional\n"
    "    Batches to take from a data set or iterator. None: all.\n"
    "n_jobs : int, optional\n"
    "    Threads (or processes). None: all cores that this process may use, shared with the other\n"
    "    workers where joblib or multiprocessing runs several. -1: all cores. 1: this thread alone.\n"
    "backend : {\"threads\", \"processes\"}\n"
    "    Where the rows are computed. Results are the same.\n"
    "out : ndarray, or a list, tuple or dict of them, optional\n"
    "    Where the results go: C order, of the outputs' shapes and dtypes, nested as the outputs.\n"
    "on_error : {\"fail\", \"nan\"}\n"
    "    What a row with a value that the model cannot take does: raise RowError, or give NaN.\n"
    "\n"
    "Returns\n"
    "-------\n"
    "ndarray, or a list or dict of them\n"
    "    Shape ``(rows, *output.shape[1:])`` each, nested as Keras nests the model's outputs.\n"
    "\n"
    "Raises\n"
    "------\n"
    "ShapeError\n"
    "    A shape or number of rows does not fit; the message says found and expected.\n"
    "RowError\n"
    "    A row holds a value that the model cannot take (an index outside a table); ``row`` says which.\n"
    "KeyError\n"
    "    An input's name is missing in a dict.\n";

const char predict_on_batch_doc[] = "predict_on_batch($self, /, x)\n"
                                    "--\n"
                                    "\n"
                                    "Predict the rows of one batch: `predict` without a bar.\n"
                                    "\n"
                                    "Parameters\n"
                                    "----------\n"
                                    "x : array_like, list or dict\n"
                                    "    As for `predict`.\n"
                                    "\n"
                                    "Returns\n"
                                    "-------\n"
                                    "ndarray, or a list or dict of them\n"
                                    "    As `predict`.\n"
                                    "\n"
                                    "Raises\n"
                                    "------\n"
                                    "ShapeError, RowError, KeyError\n"
                                    "    As `predict`.\n";

/* ---- the short way */

/* One input as it lies, or false: then the call is not small after all. */
static bool small_input(const hp_tensor_info *in, PyObject *object, hp_array *input) {
    if (!object || !PyArray_CheckExact(object)) return false;
    PyArrayObject *x = (PyArrayObject *)object;
    int rank = PyArray_NDIM(x);
    const npy_intp *dims = PyArray_DIMS(x), *strides = PyArray_STRIDES(x);
    if (rank != in->rank || dims[0] <= 0 || !PyArray_ISALIGNED(x)) return false;
    input->data = PyArray_DATA(x);
    input->dtype = arrays_dtype(x);
    input->rank = rank;
    npy_intp strided = 0;
    for (int i = 0; i < rank; i++) {
        if (i > 0 && dims[i] != in->shape[i]) return false;
        input->shape[i] = dims[i];
        input->strides[i] = strides[i];
        strided |= strides[i];
    }
    return strided && input->dtype != HP_DTYPE_NONE &&
           PyArray_DESCR(x)->kind != 'c'; /* no stride: a broadcast number; also one of size 0 */
}

/* What is given for input i, borrowed: x itself, an item of a list or tuple, or the value of the input's name. */
static PyObject *small_item(model_object *self, PyObject *x, size_t i) {
    if (PyDict_CheckExact(x)) return PyDict_GetItemWithError(x, PyTuple_GetItem(self->names, (Py_ssize_t)i));
    if (self->input_count == 1) return x;
    if (PyList_CheckExact(x)) return PyList_GetItem(x, (Py_ssize_t)i);
    return PyTuple_GetItem(x, (Py_ssize_t)i);
}

static bool small_inputs(model_object *self, PyObject *x, hp_array *inputs) {
    size_t count = self->input_count;
    if (count > 1 && !PyDict_CheckExact(x)) {
        if (!PyList_CheckExact(x) && !PyTuple_CheckExact(x)) return false;
        if ((size_t)PySequence_Size(x) != count) return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!small_input(&self->inputs[i], small_item(self, x, i), &inputs[i])) return false;
        if (inputs[i].shape[0] != inputs[0].shape[0]) return false;
    }
    return true;
}

/* A result, or NULL: with a Python error, or without (then the call is not small after all). */
static PyObject *predict_small(model_object *self, PyObject *x) {
    if (!self->small_calls) return NULL;
    const hp_tensor_info *out = &self->outputs[0];
    hp_array inputs[MOST_SMALL_INPUTS];
    if (!small_inputs(self, x, inputs)) return NULL;
    double work = self->operations * (double)inputs[0].shape[0];
    if (work >= SMALL) return NULL;
    npy_intp wanted[HP_MAX_RANK];
    wanted[0] = (npy_intp)inputs[0].shape[0];
    for (int i = 1; i < out->rank; i++) wanted[i] = (npy_intp)out->shape[i];
    PyObject *result = PyArray_SimpleNew(out->rank, wanted, arrays_type_number(out->dtype));
    if (!result) return NULL;
    hp_array output = {.data = PyArray_DATA((PyArrayObject *)result), .dtype = out->dtype, .rank = out->rank};
    for (int i = 0; i < out->rank; i++) output.shape[i] = wanted[i];
    static const hp_predict_options one_job = {.struct_size = sizeof one_job, .jobs = 1};
    size_t count = self->input_count;
    hp_error error;
    hp_status status;
    if (work < QUICK) {
        status = hp_model_predict(self->model, inputs, count, &output, 1, &one_job, &error);
    } else {
        Py_BEGIN_ALLOW_THREADS status = hp_model_predict(self->model, inputs, count, &output, 1, &one_job, &error);
        Py_END_ALLOW_THREADS
    }
    if (status == HP_OK) return result;
    Py_DECREF(result);
    return errors_raise(&error, NULL);
}

/* Whether keywords leave a small call what it is: no bar, and what no result depends on. */
static bool are_small(PyObject *const *values, PyObject *names) {
    for (Py_ssize_t i = 0; names && i < PyTuple_Size(names); i++) {
        PyObject *name = PyTuple_GetItem(names, i), *value = values[i];
        bool whole = PyLong_CheckExact(value);
        long number = whole ? PyLong_AsLong(value) : 0;
        if (whole && number == -1 && PyErr_Occurred()) PyErr_Clear();
        if (PyUnicode_CompareWithASCIIString(name, "verbose") == 0) {
            if (!whole || number != 0) return false;
        } else if (PyUnicode_CompareWithASCIIString(name, "batch_size") == 0) {
            if (value != Py_None && number < 1) return false;
        } else if (PyUnicode_CompareWithASCIIString(name, "n_jobs") == 0) {
            if (value != Py_None && number < 1) return false;
        } else {
            return false;
        }
    }
    return true;
}

/* self.<way>(*args, **names) */
static PyObject *predict_long(
    PyObject *self, const char *way, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    PyObject *method = PyObject_GetAttrString(self, way), *result = NULL;
    PyObject *positional = PyTuple_New(count), *keywords = names ? PyDict_New() : NULL;
    bool good = method && positional && (!names || keywords);
    for (Py_ssize_t i = 0; good && i < count; i++) good = PyTuple_SetItem(positional, i, Py_NewRef(args[i])) == 0;
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    for (Py_ssize_t i = 0; good && i < named; i++)
        good = PyDict_SetItem(keywords, PyTuple_GetItem(names, i), args[count + i]) == 0;
    if (good) result = PyObject_Call(method, positional, keywords);
    Py_XDECREF(method);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

PyObject *model_predict(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    if (count == 1 && are_small(args + 1, names)) {
        PyObject *result = predict_small((model_object *)self, args[0]);
        if (result || PyErr_Occurred()) return result;
    }
    return predict_long(self, "_predict", args, count, names);
}

PyObject *model_predict_on_batch(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    if (count == 1 && !names) {
        PyObject *result = predict_small((model_object *)self, args[0]);
        if (result || PyErr_Occurred()) return result;
    }
    return predict_long(self, "_predict_on_batch", args, count, names);
}

/* model(x), as in Keras: predict without a bar. Other keywords of Keras's call (training=False) are Python's business. */
PyObject *model_call(PyObject *self, PyObject *args, PyObject *keywords) {
    if (PyTuple_Size(args) == 1 && (!keywords || PyDict_Size(keywords) == 0)) {
        PyObject *result = predict_small((model_object *)self, PyTuple_GetItem(args, 0));
        if (result || PyErr_Occurred()) return result;
    }
    PyObject *method = PyObject_GetAttrString(self, "_call");
    PyObject *result = method ? PyObject_Call(method, args, keywords) : NULL;
    Py_XDECREF(method);
    return result;
}

/* ---- the long way */

/* The caller's array that output `index` is written to: it must be writable, and what the library sees is it itself. */
static bool use_output(PyObject *object, array_view *view, hp_array *array, size_t index) {
    if (!arrays_view(object, view)) return false;
    *array = view->array;
    if (view->owner == object && PyArray_ISWRITEABLE((PyArrayObject *)object)) return true;
    errors_argument("out of output %zu cannot be written to: a writable array in C order is needed", index);
    return false;
}

static PyObject *run(model_object *self, hp_array *inputs, size_t input_count, PyObject *given, hp_array *outputs,
    hp_predict_options *options, PyObject *progress) {
    hp_error error;
    call_watch watch;
    options->progress = call_progress;
    options->progress_context = &watch;
    call_begin(&watch, progress);
    hp_status status = hp_model_predict(self->model, inputs, input_count, outputs, self->output_count, options, &error);
    call_end(&watch);
    if (watch.failed) { /* a handler of signals, or the bar, has raised: whatever became of the call */
        for (size_t i = 0; status == HP_OK && i < self->output_count; i++) hp_array_free(&outputs[i]);
        return NULL;
    }
    if (status != HP_OK) return errors_raise(&error, NULL);
    return given == Py_None ? arrays_take_all(outputs, self->output_count) : Py_NewRef(given);
}

PyObject *model_run(PyObject *object, PyObject *args) {
    model_object *self = (model_object *)object;
    PyObject *list, *given, *progress, *result = NULL;
    hp_predict_options options = {.struct_size = sizeof options};
    long long batch_size;
    if (!PyArg_ParseTuple(args, "OOiLO", &list, &given, &options.jobs, &batch_size, &progress)) return NULL;
    options.batch_size = batch_size;
    if (given != Py_None && (!PyList_Check(given) || PyList_Size(given) != (Py_ssize_t)self->output_count)) {
        return errors_argument("out must have an array for each of the %zu outputs", self->output_count);
    }
    array_view views[MOST_TENSORS], out_views[MOST_TENSORS] = {{.owner = NULL}};
    hp_array inputs[MOST_TENSORS], outputs[MOST_TENSORS] = {{0}};
    size_t count;
    if (!arrays_view_all(list, views, inputs, &count)) return NULL;
    bool good = true;
    for (size_t i = 0; good && given != Py_None && i < self->output_count; i++)
        good = use_output(PyList_GetItem(given, (Py_ssize_t)i), &out_views[i], &outputs[i], i);
    if (good) result = run(self, inputs, count, given, outputs, &options, progress);
    for (size_t i = 0; i < count; i++) arrays_release(&views[i]);
    for (size_t i = 0; i < self->output_count; i++) arrays_release(&out_views[i]);
    return result;
}
