/* predictor.c: the class Predictor: batches pushed in, results pulled out in order.
 *
 * Invariant: the model outlives the predictor. Whoever pushes and pulls is one thread of Python at a time: the generator
 * that holds it. */
#include <string.h>

#include "binding.h"

typedef struct predictor_object {
    PyObject_HEAD hp_predictor *predictor; /* NULL: closed */
    PyObject *model;
    PyThreadState *thread; /* while a pull has let go of the interpreter */
    PyObject *failures;    /* of the pull that is going on */
} predictor_object;

/* Rows that failed and became NaN: called within hp_predictor_pull, by its thread. */
static void note_failure(void *context, int64_t first, int64_t count, const hp_error *error) {
    predictor_object *self = context;
    PyEval_RestoreThread(self->thread);
    PyObject *item = Py_BuildValue("(LLN)", (long long)first, (long long)count, errors_text(error->message));
    if (!item || PyList_Append(self->failures, item) < 0) PyErr_Clear(); /* a note that there is no memory for */
    Py_XDECREF(item);
    self->thread = PyEval_SaveThread();
}

static PyObject *predictor_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"model", "processes", "jobs", "batch_size", "look_ahead", "nan", NULL};
    PyObject *model;
    int processes, nan;
    long long batch_size;
    hp_predictor_options options = {.struct_size = sizeof options};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!piLip:Predictor", names, (PyTypeObject *)model_type, &model,
            &processes, &options.jobs, &batch_size, &options.look_ahead, &nan))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    predictor_object *self = (predictor_object *)allocate(type, 0);
    if (!self) return NULL;
    self->model = Py_NewRef(model);
    options.batch_size = batch_size;
    options.backend = processes ? HP_BACKEND_PROCESSES : HP_BACKEND_THREADS;
    options.on_error = nan ? HP_ON_ERROR_NAN : HP_ON_ERROR_FAIL;
    options.failure = note_failure;
    options.failure_context = self;
    hp_error error;
    hp_status status;
    Py_BEGIN_ALLOW_THREADS status =
        hp_predictor_open(((model_object *)model)->model, &options, &self->predictor, &error);
    Py_END_ALLOW_THREADS if (status == HP_OK) return (PyObject *)self;
    Py_DECREF(self);
    return errors_raise(&error, NULL);
}

static PyObject *predictor_close(PyObject *object, PyObject *unused) {
    predictor_object *self = (predictor_object *)object;
    (void)unused;
    hp_predictor *predictor = self->predictor;
    self->predictor = NULL;
    Py_BEGIN_ALLOW_THREADS hp_predictor_close(predictor);
    Py_END_ALLOW_THREADS return Py_NewRef(Py_None);
}

static void predictor_free(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF(predictor_close(object, NULL));
    Py_XDECREF(((predictor_object *)object)->model);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* The predictor, or NULL with a Python error where it is closed. */
static hp_predictor *opened(PyObject *object) {
    hp_predictor *predictor = ((predictor_object *)object)->predictor;
    if (!predictor) PyErr_SetString(PyExc_ValueError, "the predictor is closed");
    return predictor;
}

static PyObject *predictor_push(PyObject *object, PyObject *list) {
    hp_predictor *predictor = opened(object);
    array_view views[MOST_TENSORS];
    hp_array inputs[MOST_TENSORS];
    size_t count;
    hp_error error;
    hp_status status;
    if (!predictor || !arrays_view_all(list, views, inputs, &count)) return NULL;
    Py_BEGIN_ALLOW_THREADS status = hp_predictor_push(predictor, inputs, count, &error);
    Py_END_ALLOW_THREADS for (size_t i = 0; i < count; i++) arrays_release(&views[i]);
    return status == HP_OK ? Py_NewRef(Py_None) : errors_raise(&error, NULL);
}

/* pull(first_row) -> ([array], [(first row, rows, message)]); first_row: of this batch, to which a bad row's number counts */
static PyObject *predictor_pull(PyObject *object, PyObject *number) {
    predictor_object *self = (predictor_object *)object;
    hp_predictor *predictor = opened(object);
    long long first_row = predictor ? PyLong_AsLongLong(number) : -1;
    if (!predictor || PyErr_Occurred()) return NULL;
    size_t count = ((model_object *)self->model)->output_count;
    hp_array outputs[MOST_TENSORS] = {{0}};
    hp_error error;
    self->failures = PyList_New(0);
    if (!self->failures) return NULL;
    self->thread = PyEval_SaveThread();
    hp_status status = hp_predictor_pull(predictor, outputs, count, NULL, &error);
    PyEval_RestoreThread(self->thread);
    PyObject *failures = self->failures;
    self->failures = NULL;
    if (status != HP_OK) {
        Py_DECREF(failures);
        if (error.row >= 0) error.row += first_row;
        return errors_raise(&error, NULL);
    }
    PyObject *results = arrays_take_all(outputs, count);
    if (results) return Py_BuildValue("(NN)", results, failures);
    Py_DECREF(failures);
    return NULL;
}

static PyObject *predictor_room(PyObject *object, PyObject *unused) {
    (void)unused;
    hp_predictor *predictor = opened(object);
    return predictor ? PyLong_FromLong(hp_predictor_room(predictor)) : NULL;
}

static PyObject *predictor_pending(PyObject *object, PyObject *unused) {
    (void)unused;
    hp_predictor *predictor = opened(object);
    return predictor ? PyLong_FromLong(hp_predictor_pending(predictor)) : NULL;
}

bool predictor_add(PyObject *module) {
    static PyMethodDef methods[] = {
        {"push", predictor_push, METH_O, "push(inputs): hands a batch over; its rows are copied."},
        {"pull", predictor_pull, METH_O, "pull(first_row) -> (arrays, failures): the results of the oldest batch."},
        {"room", predictor_room, METH_NOARGS, "Batches that can be pushed without waiting."},
        {"pending", predictor_pending, METH_NOARGS, "Batches that were pushed and not pulled."},
        {"close", predictor_close, METH_NOARGS, "Ends it; batches that were not pulled are lost."},
        {NULL, NULL, 0, NULL},
    };
    static PyType_Slot slots[] = {
        {Py_tp_new, (void *)predictor_new},
        {Py_tp_dealloc, (void *)predictor_free},
        {Py_tp_methods, methods},
        {Py_tp_doc, "Predictor(model, processes, jobs, batch_size, look_ahead, nan)"},
        {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "hornpipe._hornpipe.Predictor",
        .basicsize = sizeof(predictor_object),
        .flags = Py_TPFLAGS_DEFAULT,
        .slots = slots,
    };
    PyObject *type = PyType_FromSpec(&spec);
    bool added = type && PyModule_AddObjectRef(module, "Predictor", type) == 0;
    Py_XDECREF(type);
    return added;
}
