/* errors.c: the library's statuses as exception classes, made from HP_STATUS_LIST. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"

/* What each status is a kind of, besides HornpipeError, and its name where that is not made from the status's own. */
static const struct {
    hp_status status;
    PyObject **base;
    const char *name;
} kinds[] = {
    {HP_ERROR_NO_MEMORY, &PyExc_MemoryError, NULL},
    {HP_ERROR_ARGUMENT, &PyExc_ValueError, NULL},
    {HP_ERROR_IO, &PyExc_OSError, "FileError"},
    {HP_ERROR_FORMAT, &PyExc_ValueError, NULL},
    {HP_ERROR_UNSUPPORTED, &PyExc_NotImplementedError, "UnsupportedModelError"},
    {HP_ERROR_SHAPE, &PyExc_ValueError, NULL},
    {HP_ERROR_ROW, &PyExc_ValueError, NULL},
    {HP_ERROR_INTERRUPTED, &PyExc_RuntimeError, "StoppedError"},
    {HP_ERROR_INTERNAL, &PyExc_RuntimeError, NULL},
};

#define COUNT_(name, value, text) +1
enum { STATUS_COUNT = 0 HP_STATUS_LIST(COUNT_) };
#undef COUNT_

static PyObject *base_class, *classes[STATUS_COUNT]; /* by their place in the list */

/* "HP_ERROR_NO_MEMORY" -> "NoMemoryError". */
static void class_name(const char *status_name, char *name, size_t size) {
    const char *from = status_name + strlen("HP_ERROR_");
    size_t n = 0;
    for (bool capital = true; *from && n + 6 < size; from++) {
        if (*from == '_')
            capital = true;
        else
            name[n++] = (char)(capital ? *from : *from - 'A' + 'a'), capital = false;
    }
    memcpy(name + n, "Error", 6);
}

static PyObject *new_class(hp_status status, const char *status_name, const char *doc, const char **short_name) {
    static char names[STATUS_COUNT][64];
    static int used;
    char *full = names[used++ % STATUS_COUNT];
    PyObject *bases = NULL;
    const char *own = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].status == status) {
            bases = PyTuple_Pack(2, base_class, *kinds[i].base);
            own = kinds[i].name;
        }
    if (!bases) bases = PyTuple_Pack(1, base_class); /* a status that is younger than the table */
    if (!bases) return NULL;
    strcpy(full, "hornpipe.");
    *short_name = full + strlen(full);
    if (own)
        strcat(full, own);
    else
        class_name(status_name, full + strlen(full), sizeof names[0] - strlen(full));
    PyObject *usual =
                 Py_BuildValue("{s:s,s:s,s:s,s:O}", "where", "", "message", "", "status", status_name, "row", Py_None),
             *made = usual ? PyErr_NewExceptionWithDoc(full, doc, bases, usual) : NULL;
    Py_XDECREF(usual);
    Py_DECREF(bases);
    return made;
}

bool errors_add(PyObject *module) {
    static const struct {
        hp_status status;
        const char *name, *text;
    } statuses[] = {
#define STATUS_(name, value, text) {name, #name, text},
        HP_STATUS_LIST(STATUS_)
#undef STATUS_
    };
    base_class = PyErr_NewExceptionWithDoc("hornpipe.HornpipeError",
        "What hornpipe raises: `where`, `message`, `status`, and `row` (of RowError) are its attributes.", NULL, NULL);
    if (!base_class || PyModule_AddObjectRef(module, "HornpipeError", base_class) < 0) return false;
    PyObject *all = PyDict_New();
    for (size_t i = 0; all && i < STATUS_COUNT; i++) {
        if (statuses[i].status == HP_OK) continue;
        const char *name;
        classes[i] = new_class(statuses[i].status, statuses[i].name, statuses[i].text, &name);
        if (!classes[i] || PyModule_AddObjectRef(module, name, classes[i]) < 0 ||
            PyDict_SetItemString(all, name, classes[i]) < 0) {
            Py_DECREF(all);
            return false;
        }
    }
    return all && PyModule_AddObject(module, "exceptions", all) == 0;
}

static PyObject *class_of(hp_status status) {
    size_t place = 0;
#define FIND_(name, value, text)                                                                                       \
    if (status == name && classes[place]) return classes[place];                                                       \
    place++;
    HP_STATUS_LIST(FIND_)
#undef FIND_
    return base_class;
}

/* Sets an attribute to a new reference, which it takes. */
static bool set(PyObject *object, const char *name, PyObject *value) {
    bool done = value && PyObject_SetAttrString(object, name, value) == 0;
    Py_XDECREF(value);
    return done;
}

PyObject *errors_text(const char *text) {
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* "where: row 7: message", as the command says it, and each of the reasons on a line of its own where there are several. */
static PyObject *full_text(const hp_error *error, PyObject *reasons) {
    PyObject *where = errors_text(error->where), *message = errors_text(error->message), *text = NULL;
    char row[40] = "";
    if (error->row >= 0) PyOS_snprintf(row, sizeof row, "row %lld: ", (long long)error->row);
    if (where && message) text = PyUnicode_FromFormat(error->where[0] ? "%U: %s%U" : "%U%s%U", where, row, message);
    Py_XDECREF(where);
    Py_XDECREF(message);
    if (!text || !reasons || PyList_Size(reasons) < 2) return text;
    Py_DECREF(text);
    PyObject *newline = PyUnicode_FromString("\n  "), *joined = newline ? PyUnicode_Join(newline, reasons) : NULL;
    text = joined ? PyUnicode_FromFormat("%zd reasons:\n  %U", PyList_Size(reasons), joined) : NULL;
    Py_XDECREF(newline);
    Py_XDECREF(joined);
    return text;
}

PyObject *errors_argument(const char *format, ...) {
    hp_error error = {.status = HP_ERROR_ARGUMENT, .row = -1};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    return errors_raise(&error, NULL);
}

PyObject *errors_raise(const hp_error *error, PyObject *reasons) {
    PyObject *cls = class_of(error->status), *text = full_text(error, reasons);
    PyObject *exception = text ? PyObject_CallFunctionObjArgs(cls, text, NULL) : NULL;
    Py_XDECREF(text);
    if (exception && set(exception, "where", errors_text(error->where)) &&
        set(exception, "message", errors_text(error->message)) &&
        set(exception, "status", PyUnicode_FromString(hp_status_name(error->status))) &&
        set(exception, "row", error->row >= 0 ? PyLong_FromLongLong(error->row) : Py_NewRef(Py_None)) &&
        (!reasons || PyObject_SetAttrString(exception, "reasons", reasons) == 0))
        PyErr_SetObject(cls, exception);
    Py_XDECREF(exception);
    return NULL;
}
