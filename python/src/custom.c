/* custom.c: layers of the user's own, computed by Python functions: hp_custom_layer over objects of hornpipe._custom.
 *
 * Invariant: the arrays that a function is given lie in memory that is the library's again when it returns; a function that
 * keeps one is told so, as an error. Python's exceptions become the call's error. */
#include <string.h>

#include "binding.h"

enum { MOST_LAYERS = 256 };

/* ---- the library's tensors for Python */

static PyObject *name_of(const hp_custom_tensor *tensor) {
    return tensor->name ? PyUnicode_FromString(tensor->name) : Py_NewRef(Py_None);
}

static PyObject *as_array(const hp_custom_tensor *tensor, bool writable) {
    return writable ? arrays_writable(tensor->dtype, tensor->rank, tensor->shape, tensor->data)
                    : arrays_read_only(tensor->dtype, tensor->rank, tensor->shape, tensor->data, Py_None);
}

/* (name, dtype, shape) or, with data, (name, array) for each tensor. */
static PyObject *describe_all(const hp_custom_tensor *tensors, size_t count, bool with_data) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < count; i++) {
        const hp_custom_tensor *t = &tensors[i];
        PyObject *item = with_data ? Py_BuildValue("(NN)", name_of(t), as_array(t, false))
                                   : Py_BuildValue("(NsN)", name_of(t), arrays_dtype_name(t->dtype),
                                         arrays_shape(t->rank, t->shape));
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *all_outputs(const hp_custom_call *call) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < call->output_count; i++) {
        PyObject *item = as_array(&call->outputs[i], true);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* ---- errors */

/* The Python exception that is set, as the call's error. */
static hp_status take_exception(hp_error *error) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *name = type ? PyObject_GetAttrString(type, "__name__") : NULL, *text = value ? PyObject_Str(value) : NULL;
    PyObject *both = name && text ? PyUnicode_FromFormat("%U: %U", name, text) : NULL;
    const char *message = both ? PyUnicode_AsUTF8AndSize(both, NULL) : NULL;
    *error = (hp_error){.status = HP_ERROR_ARGUMENT, .row = -1};
    PyOS_snprintf(error->message, sizeof error->message, "%s", message ? message : "a Python exception");
    PyErr_Clear();
    Py_XDECREF(both);
    Py_XDECREF(text);
    Py_XDECREF(name);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return error->status;
}

/* Whether nobody but us holds the arrays of [(name, array)] or [array]. */
static bool are_let_go(PyObject *list, bool named) {
    for (Py_ssize_t i = 0; i < PyList_Size(list); i++) {
        PyObject *item = PyList_GetItem(list, i);
        if (Py_REFCNT(named ? PyTuple_GetItem(item, 1) : item) != 1) return false;
    }
    return true;
}

/* ---- the two functions */

/* The interpreter while a layer runs. The call's own thread may have an exception on its way: a look at its progress has
 * stopped it, and the chunks in flight are still computed. That one is put aside. */
typedef struct interpreter {
    PyGILState_STATE state;
    PyObject *type, *value, *trace;
} interpreter;

static interpreter enter(void) {
    interpreter in = {.state = PyGILState_Ensure()};
    PyErr_Fetch(&in.type, &in.value, &in.trace);
    return in;
}

static void leave(interpreter *in) {
    PyErr_Restore(in->type, in->value, in->trace);
    PyGILState_Release(in->state);
}

static bool parse_output(PyObject *item, hp_custom_tensor *output) {
    const char *dtype;
    PyObject *shape;
    if (!PyArg_ParseTuple(item, "sO!", &dtype, &PyTuple_Type, &shape)) return false;
    Py_ssize_t rank = PyTuple_Size(shape);
    output->dtype = arrays_dtype_named(dtype);
    if (output->dtype == HP_DTYPE_NONE || output->dtype == HP_STRING || rank > HP_MAX_RANK) {
        PyErr_Format(PyExc_ValueError, "an output of dtype %s and %zd axes cannot be", dtype, rank);
        return false;
    }
    output->rank = (int)rank;
    for (Py_ssize_t i = 0; i < rank; i++) output->shape[i] = PyLong_AsLongLong(PyTuple_GetItem(shape, i));
    return !PyErr_Occurred();
}

static hp_status custom_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    interpreter in = enter();
    PyObject *result = PyObject_CallMethod(context, "shapes", "sssNN", call->name, call->config, call->arguments,
        describe_all(call->inputs, call->input_count, false), describe_all(call->weights, call->weight_count, false));
    bool good = result && PyList_Check(result) && PyList_Size(result) <= HP_CUSTOM_MAX_OUTPUTS;
    if (result && !good) PyErr_SetString(PyExc_TypeError, "a list of at most 16 outputs was expected");
    for (Py_ssize_t i = 0; good && i < PyList_Size(result); i++)
        good = parse_output(PyList_GetItem(result, i), &outputs[i]);
    if (good) *count = (size_t)PyList_Size(result);
    hp_status status = good ? HP_OK : take_exception(error);
    Py_XDECREF(result);
    leave(&in);
    return status;
}

static hp_status custom_run(void *context, const hp_custom_call *call, hp_error *error) {
    interpreter in = enter();
    PyObject *inputs = describe_all(call->inputs, call->input_count, true);
    PyObject *weights = describe_all(call->weights, call->weight_count, true);
    PyObject *outputs = all_outputs(call), *result = NULL;
    if (inputs && weights && outputs)
        result = PyObject_CallMethod(
            context, "run", "sssOOO", call->name, call->config, call->arguments, inputs, weights, outputs);
    if (result && !(are_let_go(inputs, true) && are_let_go(weights, true) && are_let_go(outputs, false))) {
        PyErr_SetString(
            PyExc_RuntimeError, "the function has kept an array that it was given: copy what is to be kept");
        Py_CLEAR(result);
    }
    hp_status status = result ? HP_OK : take_exception(error);
    Py_XDECREF(result);
    Py_XDECREF(inputs);
    Py_XDECREF(weights);
    Py_XDECREF(outputs);
    leave(&in);
    return status;
}

/* ---- the list */

static bool parse_layer(PyObject *item, hp_custom_layer *layer) {
    *layer = (hp_custom_layer){.struct_size = sizeof *layer, .shape = custom_shape, .run = custom_run};
    return PyArg_ParseTuple(item, "szOppp", &layer->class_name, &layer->name, (PyObject **)&layer->context,
        &layer->takes_mask, &layer->passes_mask, &layer->mixes_rows);
}

bool custom_parse(PyObject *list, hp_model_options *options) {
    if (list == Py_None) return true;
    Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : -1;
    if (count < 0 || count > MOST_LAYERS) {
        PyErr_SetString(PyExc_TypeError, "a list of at most 256 custom layers was expected");
        return false;
    }
    hp_custom_layer *layers = PyMem_Calloc((size_t)count + 1, sizeof *layers);
    if (!layers) return PyErr_NoMemory() != NULL;
    options->custom_layers = layers;
    options->custom_layer_count = (size_t)count;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!parse_layer(PyList_GetItem(list, i), &layers[i])) return false;
    return true;
}
