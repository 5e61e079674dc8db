/* module.c: the extension module hornpipe._hornpipe: classes, exceptions, and what the machine has. */
#define BINDING_IMPORTS_NUMPY
#include "binding.h"

static PyObject *core_count(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(hp_core_count());
}

/* {name: whether this machine has it}, from plain to best */
static PyObject *isas(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    PyObject *dict = PyDict_New();
    const char *name;
    int usable;
    for (size_t i = 0; dict && (name = hp_isa_name(i, &usable)) != NULL; i++)
        if (PyDict_SetItemString(dict, name, usable ? Py_True : Py_False) < 0) Py_CLEAR(dict);
    return dict;
}

static int fill(PyObject *module) {
    if (PyArray_ImportNumPyAPI() < 0) return -1;
    if (!errors_add(module) || !model_add(module) || !predictor_add(module)) return -1;
    return PyModule_AddStringConstant(module, "version", hp_version());
}

static PyMethodDef functions[] = {
    {"core_count", core_count, METH_NOARGS, "Cores that this process may use."},
    {"check", model_check, METH_VARARGS, "check(path, bytes, weights, isa, output_layer) -> (reasons, notes)"},
    {"isas", isas, METH_NOARGS, "Instruction sets of this build: {name: whether this machine has it}."},
    {NULL, NULL, 0, NULL},
};

PyMODINIT_FUNC PyInit__hornpipe(void); /* the one symbol that the module exports */
PyMODINIT_FUNC PyInit__hornpipe(void) {
    static PyModuleDef_Slot slots[] = {
        {Py_mod_exec, (void *)fill},
#ifdef Py_GIL_DISABLED
        {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
        {0, NULL},
    };
    static PyModuleDef definition = {
        PyModuleDef_HEAD_INIT,
        .m_name = "hornpipe._hornpipe",
        .m_doc = "hornpipe.h for Python.",
        .m_methods = functions,
        .m_slots = slots,
    };
    return PyModuleDef_Init(&definition);
}
