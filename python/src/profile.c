/* profile.c: Model._profile: where the time of a prediction goes, step by step. */
#include <string.h>

#include "binding.h"

/* (calls, rows, seconds) of each worker */
static PyObject *times(const hp_profile *profile, size_t step) {
    PyObject *list = PyList_New(0);
    for (int w = 0; list && w < hp_profile_worker_count(profile); w++) {
        hp_step_time time = {0};
        hp_profile_time(profile, step, w, &time, NULL);
        PyObject *item = Py_BuildValue("(Ldd)", (long long)time.calls, time.rows, time.seconds);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *layers(const hp_profile *profile, size_t step) {
    PyObject *list = PyList_New(0);
    const char *layer;
    for (size_t i = 0; list && (layer = hp_profile_layer(profile, step, i)) != NULL; i++) {
        PyObject *item = PyUnicode_FromString(layer);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* (layers, primitive, algorithm, output shape, operations and bytes per row, bytes of weights, times) of each step */
static PyObject *steps(const hp_profile *profile) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < hp_profile_step_count(profile); i++) {
        hp_step_info info;
        if (hp_profile_step(profile, i, &info, NULL) != HP_OK) break;
        PyObject *item = Py_BuildValue("(NsssdddN)", layers(profile, i), info.primitive, info.algorithm,
            info.output_shape, info.flops_per_row, info.bytes_per_row, info.weight_bytes, times(profile, i));
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

typedef struct profiled {
    hp_session *session;
    hp_profile *profile;
    hp_array *inputs;
    size_t input_count, output_count;
} profiled;

static hp_status predict_once(const profiled *p, hp_error *error) {
    hp_array outputs[MOST_TENSORS] = {{0}};
    hp_status status = hp_session_predict(p->session, p->inputs, p->input_count, outputs, p->output_count, error);
    for (size_t i = 0; i < p->output_count; i++) hp_array_free(&outputs[i]);
    return status;
}

/* Once to warm up, then `repeats` times under the profile. */
static hp_status predict_noted(profiled *p, int repeats, hp_error *error) {
    hp_status status = predict_once(p, error);
    if (status == HP_OK) status = hp_profile_open(p->session, 0, &p->profile, error);
    for (int i = 0; status == HP_OK && i < repeats; i++) status = predict_once(p, error);
    return status;
}

PyObject *model_profile(PyObject *object, PyObject *args) {
    model_object *self = (model_object *)object;
    PyObject *list, *result = NULL;
    long long batch_size;
    int repeats;
    hp_predict_options options = {.struct_size = sizeof options};
    array_view views[MOST_TENSORS];
    hp_array inputs[MOST_TENSORS];
    profiled p = {.inputs = inputs, .output_count = self->output_count};
    if (!PyArg_ParseTuple(args, "OiLi", &list, &options.jobs, &batch_size, &repeats)) return NULL;
    if (!arrays_view_all(list, views, inputs, &p.input_count)) return NULL;
    hp_error error;
    call_watch watch;
    options.batch_size = batch_size;
    options.progress = call_progress; /* to see whether it is to stop */
    options.progress_context = &watch;
    call_begin(&watch, NULL);
    hp_status status = hp_session_open(self->model, &options, &p.session, &error);
    if (status == HP_OK) status = predict_noted(&p, repeats, &error);
    call_end(&watch);
    if (!watch.failed)
        result = status == HP_OK ? Py_BuildValue("(dN)", hp_profile_seconds(p.profile), steps(p.profile))
                                 : errors_raise(&error, NULL);
    hp_profile_close(p.profile);
    Py_BEGIN_ALLOW_THREADS hp_session_close(p.session);
    Py_END_ALLOW_THREADS for (size_t i = 0; i < p.input_count; i++) arrays_release(&views[i]);
    return result;
}
