/* model.c: the class Model that hornpipe.Model is made from: a model that is open, and what it tells about itself. */
#include <math.h>
#include <string.h>

#include "binding.h"

PyObject *model_type;

/* ---- opening */

/* What Model(...) is given. */
typedef struct opening {
    const char *path; /* with bytes: their name in messages */
    PyObject *encoded, *bytes, *custom;
    hp_model_options options;
} opening;

static bool parse_opening(PyObject *args, PyObject *keywords, opening *o) {
    static char *names[] = {"path", "bytes", "weights", "isa", "output_layer", "prefer", "custom", NULL};
    *o = (opening){.custom = Py_None, .options = {.struct_size = sizeof o->options}};
    PyObject *bytes = Py_None;
    const char *prefer = "throughput";
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|OzzzsO:Model", names, PyUnicode_FSConverter, &o->encoded,
            &bytes, &o->options.weights, &o->options.isa, &o->options.output_layer, &prefer, &o->custom))
        return false;
    o->path = PyBytes_AsString(o->encoded);
    o->bytes = bytes == Py_None ? NULL : bytes;
    if (strcmp(prefer, "latency") == 0) {
        o->options.prefer = HP_PREFER_LATENCY;
    } else if (strcmp(prefer, "throughput") != 0) {
        errors_argument("prefer is \"%s\"; expected \"throughput\" or \"latency\"", prefer);
        return false;
    }
    return custom_parse(o->custom, &o->options);
}

/* Every reason against running the model, as a list of texts. */
static PyObject *list_reasons(const hp_report *report) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < hp_report_count(report); i++) {
        const hp_error *reason = hp_report_reason(report, i);
        char text[sizeof reason->where + sizeof reason->message + 4];
        PyOS_snprintf(text, sizeof text, "%s%s%s", reason->where, reason->where[0] ? ": " : "", reason->message);
        PyObject *item = errors_text(text);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *list_notes(const hp_report *report) {
    PyObject *list = PyList_New(0);
    const char *note;
    for (size_t i = 0; list && (note = hp_report_note(report, i)) != NULL; i++) {
        PyObject *item = errors_text(note);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *raise_opening(const opening *o, const Py_buffer *bytes, const hp_error *error) {
    hp_report *report;
    if (error->status != HP_ERROR_UNSUPPORTED) return errors_raise(error, NULL);
    hp_status status = o->bytes
                           ? hp_report_open_memory(o->path, bytes->buf, (size_t)bytes->len, &o->options, &report, NULL)
                           : hp_report_open(o->path, &o->options, &report, NULL);
    if (status != HP_OK) return errors_raise(error, NULL);
    PyObject *reasons = list_reasons(report);
    hp_report_close(report);
    if (reasons) errors_raise(error, reasons);
    Py_XDECREF(reasons);
    return NULL;
}

static hp_status open_model(const opening *o, const Py_buffer *bytes, hp_model **model, hp_error *error) {
    if (o->bytes) return hp_model_open_memory(o->path, bytes->buf, (size_t)bytes->len, &o->options, model, error);
    return hp_model_open(o->path, &o->options, model, error);
}

PyObject *model_check(PyObject *module, PyObject *args) {
    (void)module;
    opening o;
    Py_buffer bytes = {0};
    hp_report *report = NULL;
    hp_error error;
    PyObject *result = NULL;
    if (!parse_opening(args, NULL, &o)) goto done;
    if (o.bytes && PyObject_GetBuffer(o.bytes, &bytes, PyBUF_SIMPLE) != 0) goto done;
    hp_status status;
    Py_BEGIN_ALLOW_THREADS status =
        o.bytes ? hp_report_open_memory(o.path, bytes.buf, (size_t)bytes.len, &o.options, &report, &error)
                : hp_report_open(o.path, &o.options, &report, &error);
    Py_END_ALLOW_THREADS if (status != HP_OK) {
        errors_raise(&error, NULL);
        goto done;
    }
    result = Py_BuildValue("(NN)", list_reasons(report), list_notes(report));
done:
    hp_report_close(report);
    if (bytes.obj) PyBuffer_Release(&bytes);
    PyMem_Free((void *)o.options.custom_layers);
    Py_XDECREF(o.encoded);
    return result;
}

/* ---- what the short way of predict needs to know */

static bool is_fixed(const hp_tensor_info *info) {
    bool fixed = info->rank >= 1 && info->shape[0] < 0;
    for (int i = 1; i < info->rank; i++) fixed = fixed && info->shape[i] >= 0;
    return fixed && arrays_type_number(info->dtype) != NPY_NOTYPE;
}

/* Whether a structure is one tensor, or a list of `count` in their order. */
static bool is_flat(
    hp_status (*structure)(const hp_model *, char **, hp_error *), const hp_model *model, size_t count) {
    char *text, expected[8 * MOST_SMALL_INPUTS] = "[";
    if (count > MOST_SMALL_INPUTS || structure(model, &text, NULL) != HP_OK) return false;
    size_t used = 1;
    for (size_t i = 0; i < count; i++)
        used += (size_t)PyOS_snprintf(expected + used, sizeof expected - used, "%s%zu", i ? ", " : "", i);
    expected[used] = ']';
    bool flat = strcmp(text, expected) == 0 || (count == 1 && strcmp(text, "0") == 0);
    hp_text_free(text);
    return flat;
}

static bool describe(model_object *self) {
    hp_model_info info;
    self->input_count = hp_model_input_count(self->model);
    self->output_count = hp_model_output_count(self->model);
    self->inputs = PyMem_Calloc(self->input_count + self->output_count, sizeof *self->inputs);
    if (!self->inputs) return PyErr_NoMemory() != NULL;
    self->outputs = self->inputs + self->input_count;
    self->names = PyTuple_New((Py_ssize_t)self->input_count);
    if (!self->names) return false;
    bool fixed = true;
    for (size_t i = 0; i < self->input_count; i++) {
        hp_model_input(self->model, i, &self->inputs[i], NULL);
        fixed = fixed && is_fixed(&self->inputs[i]);
        PyObject *name = PyUnicode_FromString(self->inputs[i].name);
        if (!name || PyTuple_SetItem(self->names, (Py_ssize_t)i, name) < 0) return false;
    }
    for (size_t i = 0; i < self->output_count; i++) hp_model_output(self->model, i, &self->outputs[i], NULL);
    Py_BEGIN_ALLOW_THREADS /* a custom layer's function may be called */
        hp_model_describe(self->model, &info);
    Py_END_ALLOW_THREADS self->operations = info.flops_per_row;
    /* With custom layers another thread may hold the model's lock and wait for the interpreter, which the short way keeps. */
    self->small_calls = self->custom == Py_None && self->input_count > 0 && self->output_count == 1 &&
                        !info.mixes_rows && !isnan(info.flops_per_row) && fixed && is_fixed(&self->outputs[0]) &&
                        is_flat(hp_model_input_structure, self->model, self->input_count) &&
                        is_flat(hp_model_output_structure, self->model, 1);
    return true;
}

static void model_free(PyObject *object) {
    model_object *self = (model_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    hp_model_close(self->model);
    PyMem_Free(self->inputs);
    Py_XDECREF(self->names);
    Py_XDECREF(self->custom);
    if (self->bytes.obj) PyBuffer_Release(&self->bytes);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    opening o;
    Py_buffer bytes = {0};
    hp_model *model = NULL;
    hp_error error;
    PyObject *object = NULL;
    if (!parse_opening(args, keywords, &o)) goto done;
    if (o.bytes && PyObject_GetBuffer(o.bytes, &bytes, PyBUF_SIMPLE) != 0) goto done;
    hp_status status;
    Py_BEGIN_ALLOW_THREADS status = open_model(&o, &bytes, &model, &error);
    Py_END_ALLOW_THREADS if (status != HP_OK) {
        raise_opening(&o, &bytes, &error);
        goto done;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    object = allocate(type, 0);
    if (!object) {
        hp_model_close(model);
        goto done;
    }
    ((model_object *)object)->model = model;
    ((model_object *)object)->bytes = bytes;
    ((model_object *)object)->custom = Py_NewRef(o.custom);
    bytes.obj = NULL;
    if (!describe((model_object *)object)) Py_CLEAR(object);
done:
    if (bytes.obj) PyBuffer_Release(&bytes);
    PyMem_Free((void *)o.options.custom_layers);
    Py_XDECREF(o.encoded);
    return object;
}

/* ---- what it tells */

/* [(name, shape, dtype)] */
static PyObject *tensors(const hp_tensor_info *infos, size_t count) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *item = Py_BuildValue(
            "(sNs)", infos[i].name, arrays_shape(infos[i].rank, infos[i].shape), arrays_dtype_name(infos[i].dtype));
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *get_inputs(PyObject *self, void *unused) {
    (void)unused;
    return tensors(((model_object *)self)->inputs, ((model_object *)self)->input_count);
}

static PyObject *get_outputs(PyObject *self, void *unused) {
    (void)unused;
    return tensors(((model_object *)self)->outputs, ((model_object *)self)->output_count);
}

static PyObject *get_structure(PyObject *self, void *outputs) {
    const hp_model *model = ((model_object *)self)->model;
    char *text;
    hp_error error;
    hp_status status =
        outputs ? hp_model_output_structure(model, &text, &error) : hp_model_input_structure(model, &text, &error);
    if (status != HP_OK) return errors_raise(&error, NULL);
    PyObject *result = PyUnicode_FromString(text);
    hp_text_free(text);
    return result;
}

/* [(name, class, output shape, dtype, connected to, parameters, trainable parameters, depth)] */
static PyObject *get_layers(PyObject *self, void *unused) {
    (void)unused;
    const hp_model *model = ((model_object *)self)->model;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < hp_model_layer_count(model); i++) {
        hp_layer_info info;
        hp_error error;
        if (hp_model_layer(model, i, &info, &error) != HP_OK) {
            Py_DECREF(list);
            return errors_raise(&error, NULL);
        }
        PyObject *item = Py_BuildValue("(sssssLLi)", info.name, info.class_name, info.output_shape, info.dtype,
            info.connected_to, (long long)info.parameters, (long long)info.trainable_parameters, info.depth);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* [(path, name, trainable, array)]; the arrays keep the model alive. */
static PyObject *get_weights(PyObject *self, void *unused) {
    (void)unused;
    const hp_model *model = ((model_object *)self)->model;
    PyObject *list = PyList_New(0);
    size_t count = hp_model_weight_count(model);
    for (size_t i = 0; list && i < count; i++) {
        hp_weight_info info;
        hp_error error;
        if (hp_model_weight(model, i, &info, &error) != HP_OK) {
            Py_DECREF(list);
            return errors_raise(&error, NULL);
        }
        PyObject *item = Py_BuildValue("(ssNN)", info.path, info.name, PyBool_FromLong(info.trainable),
            arrays_read_only(info.dtype, info.rank, info.shape, info.data, self));
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *get_description(PyObject *self, void *unused) {
    (void)unused;
    hp_model_info info;
    const hp_model *model = ((model_object *)self)->model;
    Py_BEGIN_ALLOW_THREADS hp_model_describe(model, &info);
    Py_END_ALLOW_THREADS return Py_BuildValue("{s:s,s:s,s:s,s:s,s:s,s:L,s:L,s:d,s:N,s:s}", "name", info.name,
        "class_name", info.class_name, "format", info.format, "keras_version", info.keras_version, "isa", info.isa,
        "parameters", (long long)info.parameters, "trainable_parameters", (long long)info.trainable_parameters,
        "operations_per_row", info.flops_per_row, "mixes_rows", PyBool_FromLong(info.mixes_rows), "mixes_rows_where",
        info.mixes_rows_where);
}

/* ---- the class */

static PyGetSetDef properties[] = {
    {"_inputs", get_inputs, NULL, NULL, NULL},
    {"_outputs", get_outputs, NULL, NULL, NULL},
    {"_input_structure", get_structure, NULL, NULL, NULL},
    {"_output_structure", get_structure, NULL, NULL, (void *)1},
    {"_layers", get_layers, NULL, NULL, NULL},
    {"_weights", get_weights, NULL, NULL, NULL},
    {"_description", get_description, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"predict", (PyCFunction)(void (*)(void))model_predict, METH_FASTCALL | METH_KEYWORDS, predict_doc},
    {"predict_on_batch", (PyCFunction)(void (*)(void))model_predict_on_batch, METH_FASTCALL | METH_KEYWORDS,
        predict_on_batch_doc},
    {"_run", model_run, METH_VARARGS, "_run(inputs, outputs, jobs, batch_size, progress) -> list of arrays"},
    {"_profile", model_profile, METH_VARARGS, "_profile(inputs, jobs, batch_size, repeats) -> (seconds, steps)"},
    {"_predict_files", model_predict_files, METH_VARARGS, "_predict_files(inputs, outputs, options) -> rows"},
    {NULL, NULL, 0, NULL},
};

bool model_add(PyObject *module) {
    static PyType_Slot slots[] = {
        {Py_tp_new, (void *)model_new},
        {Py_tp_dealloc, (void *)model_free},
        {Py_tp_call, (void *)model_call},
        {Py_tp_getset, properties},
        {Py_tp_methods, methods},
        {Py_tp_doc, "Model(path, bytes=None, weights=None, isa=None, output_layer=None, prefer=\"throughput\")"},
        {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "hornpipe._hornpipe.Model",
        .basicsize = sizeof(model_object),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
        .slots = slots,
    };
    model_type = PyType_FromSpec(&spec);
    return model_type && PyModule_AddObjectRef(module, "Model", model_type) == 0;
}
