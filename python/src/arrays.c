/* arrays.c: NumPy's arrays as hp_array and back, without a copy wherever the library can read them as they are. */
#include <string.h>

#include "binding.h"

hp_dtype arrays_dtype(PyArrayObject *array) {
    PyArray_Descr *descr = PyArray_DESCR(array);
    if (PyArray_ISBYTESWAPPED(array)) return HP_DTYPE_NONE;
    npy_intp size = PyDataType_ELSIZE(descr);
    switch (descr->kind) {
    case 'f':
        return size == 4 ? HP_FLOAT32 : size == 8 ? HP_FLOAT64 : size == 2 ? HP_FLOAT16 : HP_DTYPE_NONE;
    case 'i':
        return size == 8 ? HP_INT64 : size == 4 ? HP_INT32 : size == 2 ? HP_INT16 : HP_INT8;
    case 'u':
        return size == 8 ? HP_UINT64 : size == 4 ? HP_UINT32 : size == 2 ? HP_UINT16 : HP_UINT8;
    case 'b':
        return HP_BOOL;
    case 'c':
        return size == 8 ? HP_COMPLEX64 : size == 16 ? HP_COMPLEX128 : HP_DTYPE_NONE;
    default:
        return HP_DTYPE_NONE;
    }
}

int arrays_type_number(hp_dtype dtype) {
    static const int numbers[] = {[HP_FLOAT32] = NPY_FLOAT32,
        [HP_FLOAT64] = NPY_FLOAT64,
        [HP_FLOAT16] = NPY_FLOAT16,
        [HP_BFLOAT16] = NPY_NOTYPE,
        [HP_INT8] = NPY_INT8,
        [HP_INT16] = NPY_INT16,
        [HP_INT32] = NPY_INT32,
        [HP_INT64] = NPY_INT64,
        [HP_UINT8] = NPY_UINT8,
        [HP_UINT16] = NPY_UINT16,
        [HP_UINT32] = NPY_UINT32,
        [HP_UINT64] = NPY_UINT64,
        [HP_BOOL] = NPY_BOOL,
        [HP_STRING] = NPY_NOTYPE,
        [HP_COMPLEX64] = NPY_CFLOAT,
        [HP_COMPLEX128] = NPY_CDOUBLE};
    return dtype > 0 && (size_t)dtype < sizeof numbers / sizeof *numbers ? numbers[dtype] : NPY_NOTYPE;
}

const char *arrays_dtype_name(hp_dtype dtype) {
    switch (dtype) {
#define NAME_(constant, value, name, bytes)                                                                            \
    case constant:                                                                                                     \
        return name;
        HP_DTYPE_LIST(NAME_)
#undef NAME_
    default:
        return "none";
    }
}

hp_dtype arrays_dtype_named(const char *text) {
#define NAMED_(constant, value, name, bytes)                                                                           \
    if (strcmp(text, name) == 0) return constant;
    HP_DTYPE_LIST(NAMED_)
#undef NAMED_
    return HP_DTYPE_NONE;
}

PyObject *arrays_shape(int rank, const int64_t *shape) {
    PyObject *tuple = PyTuple_New(rank);
    for (int i = 0; tuple && i < rank; i++) {
        PyObject *size = shape[i] < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(shape[i]);
        if (!size || PyTuple_SetItem(tuple, i, size) < 0) Py_CLEAR(tuple);
    }
    return tuple;
}

/* NumPy's descriptor of a dtype; bfloat16 is what the package ml_dtypes adds. */
static PyArray_Descr *descriptor(hp_dtype dtype) {
    if (dtype != HP_BFLOAT16) return PyArray_DescrFromType(arrays_type_number(dtype));
    PyObject *module = PyImport_ImportModule("ml_dtypes");
    if (!module) PyErr_SetString(PyExc_ModuleNotFoundError, "bfloat16 arrays need the package ml_dtypes");
    PyObject *type = module ? PyObject_GetAttrString(module, "bfloat16") : NULL;
    PyArray_Descr *descr = NULL;
    if (type && !PyArray_DescrConverter(type, &descr)) descr = NULL;
    Py_XDECREF(module);
    Py_XDECREF(type);
    return descr;
}

static bool is_bfloat16(PyArray_Descr *descr) {
    PyObject *name = PyObject_GetAttrString((PyObject *)descr, "name");
    bool is = name && PyUnicode_CompareWithASCIIString(name, "bfloat16") == 0;
    Py_XDECREF(name);
    if (!name) PyErr_Clear();
    return is;
}

/* ---- strings */

/* UCS-4 code points up to the terminating zeros as UTF-8; *used grows. */
static void put_utf8(const npy_ucs4 *from, size_t count, char *text, size_t *used) {
    while (count > 0 && from[count - 1] == 0) count--;
    for (size_t i = 0; i < count; i++) {
        npy_ucs4 c = from[i];
        if (c < 0x80) {
            text[(*used)++] = (char)c;
            continue;
        }
        if (c >= 0x10000)
            text[(*used)++] = (char)(0xF0 | (c >> 18)), text[(*used)++] = (char)(0x80 | (c >> 12 & 0x3F));
        else if (c >= 0x800)
            text[(*used)++] = (char)(0xE0 | (c >> 12));
        text[(*used)++] = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | (c >> 6));
        text[(*used)++] = (char)(0x80 | (c & 0x3F));
    }
}

/* Element `index` of an object array: str, or bytes. */
static bool object_string(PyObject *item, size_t index, hp_string *string) {
    Py_ssize_t size = 0;
    if (item && PyUnicode_Check(item)) {
        string->data = PyUnicode_AsUTF8AndSize(item, &size);
        if (!string->data) return false;
    } else if (item && PyBytes_Check(item)) {
        string->data = PyBytes_AsString(item);
        size = PyBytes_Size(item);
    } else {
        PyObject *type = item ? (PyObject *)Py_TYPE(item) : Py_None;
        PyErr_Format(PyExc_TypeError,
            "an array of objects may hold str and bytes only, found %R (%R) at element %zu: fill missing text, and "
            "give "
            "numbers a dtype of their own (x.astype(\"float32\"))",
            item ? item : Py_None, type, index);
        return false;
    }
    string->size = (size_t)size;
    return true;
}

/* view->owner is a C-order array of kind U, S or O. */
static bool view_strings(array_view *view) {
    PyArrayObject *array = (PyArrayObject *)view->owner;
    char kind = PyArray_DESCR(array)->kind;
    size_t count = (size_t)PyArray_SIZE(array), item = (size_t)PyArray_ITEMSIZE(array), used = 0;
    const char *data = PyArray_DATA(array);
    view->strings = PyMem_Calloc(count + 1, sizeof *view->strings);
    view->text = kind == 'U' ? PyMem_Malloc(count * item + 1) : NULL; /* 4 bytes each: what UTF-8 takes at most */
    if (!view->strings || (kind == 'U' && !view->text)) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        hp_string *string = &view->strings[i];
        if (kind == 'O') {
            if (!object_string(((PyObject *const *)(const void *)data)[i], i, string)) return false;
        } else if (kind == 'S') {
            string->data = data + i * item;
            string->size = item;
            while (string->size > 0 && string->data[string->size - 1] == 0) string->size--;
        } else {
            string->data = view->text + used;
            put_utf8((const npy_ucs4 *)(const void *)(data + i * item), item / 4, view->text, &used);
            string->size = (size_t)(view->text + used - string->data);
        }
    }
    view->array.data = view->strings;
    view->array.dtype = HP_STRING;
    memset(view->array.strides, 0, sizeof view->array.strides);
    return true;
}

/* ---- views */

static bool all_strides_zero(PyArrayObject *array) {
    for (int i = 0; i < PyArray_NDIM(array); i++)
        if (PyArray_STRIDE(array, i) != 0) return false;
    return PyArray_SIZE(array) > 1;
}

/* The array itself, or a copy that the library can read. */
static PyObject *readable(PyArrayObject *array) {
    PyArray_Descr *descr = NULL; /* of a copy that has to have another */
    char kind = PyArray_DESCR(array)->kind;
    int need = NPY_ARRAY_ALIGNED;
    /* strides of zero mean C order to hp_array */
    if (kind == 'U' || kind == 'S' || kind == 'O' || all_strides_zero(array)) need |= NPY_ARRAY_C_CONTIGUOUS;
    if (kind == 'f' && PyArray_ITEMSIZE(array) > 8)
        descr = PyArray_DescrFromType(NPY_FLOAT64);
    else if (PyArray_ISBYTESWAPPED(array))
        descr = PyArray_DescrNewByteorder(PyArray_DESCR(array), NPY_NATIVE);
    return PyArray_FromAny((PyObject *)array, descr, 0, 0, need | (descr ? NPY_ARRAY_FORCECAST : 0), NULL);
}

static bool refuse_dtype(PyArrayObject *array) {
    PyErr_Format(PyExc_TypeError, "arrays of %S cannot be used: numbers, bool and strings can",
        (PyObject *)PyArray_DESCR(array));
    return false;
}

bool arrays_view(PyObject *object, array_view *view) {
    *view = (array_view){.owner = NULL};
    if (!PyArray_Check(object)) {
        PyErr_Format(PyExc_TypeError, "an array was expected, found %R", (PyObject *)Py_TYPE(object));
        return false;
    }
    view->owner = readable((PyArrayObject *)object);
    if (!view->owner) return false;
    PyArrayObject *array = (PyArrayObject *)view->owner;
    int rank = PyArray_NDIM(array);
    if (rank < 1 || rank > HP_MAX_RANK) {
        hp_error error = {.status = HP_ERROR_SHAPE, .row = -1};
        if (rank < 1)
            PyOS_snprintf(error.message, sizeof error.message, "a single value is no array: axis 0 is the rows");
        else
            PyOS_snprintf(error.message, sizeof error.message, "an array has %d axes; 1 (the rows) to %d can be used",
                rank, HP_MAX_RANK);
        return errors_raise(&error, NULL) != NULL;
    }
    view->array.data = PyArray_DATA(array);
    view->array.rank = rank;
    for (int i = 0; i < rank; i++) {
        view->array.shape[i] = PyArray_DIM(array, i);
        view->array.strides[i] = PyArray_STRIDE(array, i);
    }
    view->array.dtype = arrays_dtype(array);
    char kind = PyArray_DESCR(array)->kind;
    if (kind == 'U' || kind == 'S' || kind == 'O') return view_strings(view);
    if (view->array.dtype == HP_DTYPE_NONE && is_bfloat16(PyArray_DESCR(array))) view->array.dtype = HP_BFLOAT16;
    return view->array.dtype != HP_DTYPE_NONE || refuse_dtype(array);
}

void arrays_release(array_view *view) {
    PyMem_Free(view->strings);
    PyMem_Free(view->text);
    Py_XDECREF(view->owner);
    *view = (array_view){.owner = NULL};
}

bool arrays_view_all(PyObject *list, array_view *views, hp_array *arrays, size_t *count) {
    Py_ssize_t size = PyList_Check(list) ? PyList_Size(list) : -1;
    *count = 0;
    if (size < 0 || size > MOST_TENSORS) {
        PyErr_SetString(PyExc_TypeError, "a list of at most 64 arrays was expected");
        return false;
    }
    for (; *count < (size_t)size; ++*count) {
        bool good = arrays_view(PyList_GetItem(list, (Py_ssize_t)*count), &views[*count]);
        bool pairs = good && PyArray_DESCR((PyArrayObject *)views[*count].owner)->kind == 'c'; /* of outputs alone */
        if (pairs) good = refuse_dtype((PyArrayObject *)views[*count].owner);
        arrays[*count] = views[*count].array;
        if (good) continue;
        for (size_t i = 0; i <= *count; i++) arrays_release(&views[i]);
        return false;
    }
    return true;
}

/* ---- back */

static void free_owner(PyObject *capsule) {
    hp_array array = {.owner = PyCapsule_GetPointer(capsule, "hornpipe.array")};
    hp_array_free(&array);
}

static PyObject *over(hp_dtype dtype, int rank, const int64_t *shape, void *data, PyObject *owner, int flags) {
    npy_intp dims[HP_MAX_RANK];
    for (int i = 0; i < rank; i++) dims[i] = (npy_intp)shape[i];
    PyArray_Descr *descr = descriptor(dtype);
    PyObject *array = descr ? PyArray_NewFromDescr(&PyArray_Type, descr, rank, dims, NULL, data, flags, NULL) : NULL;
    if (!array || PyArray_SetBaseObject((PyArrayObject *)array, Py_NewRef(owner)) == 0) return array;
    Py_DECREF(array);
    return NULL;
}

PyObject *arrays_take(hp_array *array) {
    PyObject *capsule = PyCapsule_New(array->owner, "hornpipe.array", free_owner);
    if (!capsule) return NULL;
    array->owner = NULL;
    PyObject *made = over(array->dtype, array->rank, array->shape, array->data, capsule, NPY_ARRAY_CARRAY);
    Py_DECREF(capsule);
    return made;
}

PyObject *arrays_take_all(hp_array *arrays, size_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count; i++) {
        PyObject *item = list ? arrays_take(&arrays[i]) : NULL;
        hp_array_free(&arrays[i]); /* what nobody has taken */
        if (list && (!item || PyList_SetItem(list, (Py_ssize_t)i, item) < 0)) Py_CLEAR(list);
    }
    return list;
}

PyObject *arrays_writable(hp_dtype dtype, int rank, const int64_t *shape, void *data) {
    return over(dtype, rank, shape, data, Py_None, NPY_ARRAY_CARRAY);
}

PyObject *arrays_read_only(hp_dtype dtype, int rank, const int64_t *shape, const void *data, PyObject *owner) {
    return over(dtype, rank, shape, (void *)data, owner, NPY_ARRAY_CARRAY_RO);
}
