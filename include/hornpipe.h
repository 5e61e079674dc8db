/* hornpipe.h: predict with saved Keras models on every CPU core, without TensorFlow.
 *
 * The one public header. (Tiers: errors, arrays, simple call, model, session, streaming, advanced.) */
#ifndef HORNPIPE_H
#define HORNPIPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HP_API
#else
#define HP_API __attribute__((visibility("default")))
#endif

/* ---- errors -------------------------------------------------------------------------------------------------- */

/* Every status there is: X(name, value, text). The enum, the names, the documentation and the bindings are all made
 * from this list. Values never change; new ones are added at the end. */
#define HP_STATUS_LIST(X)                                                                                              \
    X(HP_OK, 0, "done")                                                                                                \
    X(HP_ERROR_NO_MEMORY, 1, "out of memory")                                                                          \
    X(HP_ERROR_ARGUMENT, 2, "an argument is not valid")                                                                \
    X(HP_ERROR_IO, 3, "a file could not be read or written")                                                           \
    X(HP_ERROR_FORMAT, 4, "a file is damaged or not of a known format")                                                \
    X(HP_ERROR_UNSUPPORTED, 5, "the model uses something that is not supported")                                       \
    X(HP_ERROR_SHAPE, 6, "a shape or dtype does not fit the model")                                                    \
    X(HP_ERROR_ROW, 7, "a row holds a value that the model cannot take")                                               \
    X(HP_ERROR_INTERRUPTED, 8, "interrupted")                                                                          \
    X(HP_ERROR_INTERNAL, 9, "a defect in hornpipe: please report it")

typedef enum hp_status {
#define HP_STATUS_ENUM_(name, value, text) name = value,
    HP_STATUS_LIST(HP_STATUS_ENUM_)
#undef HP_STATUS_ENUM_
} hp_status;

/* What went wrong, as plain data owned by the caller: it may be copied freely. Every function that takes an
 * `hp_error *` accepts NULL; it writes the struct only when it fails. */
typedef struct hp_error {
    hp_status status;  /* why */
    int64_t row;       /* the first bad row for HP_ERROR_ROW, counted from 0; else -1 */
    char where[256];   /* a place that a user understands: `model.keras: layers/3 "lstm_1" (LSTM)`; UTF-8 */
    char message[512]; /* what was found and what was expected; one line, UTF-8 */
} hp_error;

/* The name of a status ("HP_ERROR_IO") and its text. Never NULL, static storage; thread-safe. */
HP_API const char *hp_status_name(hp_status status);
HP_API const char *hp_status_text(hp_status status);

/* ---- element types ------------------------------------------------------------------------------------------- */

/* X(name, value, keras name, bytes). HP_STRING elements are `hp_string`. */
#define HP_DTYPE_LIST(X)                                                                                               \
    X(HP_FLOAT32, 1, "float32", 4)                                                                                     \
    X(HP_FLOAT64, 2, "float64", 8)                                                                                     \
    X(HP_FLOAT16, 3, "float16", 2)                                                                                     \
    X(HP_BFLOAT16, 4, "bfloat16", 2)                                                                                   \
    X(HP_INT8, 5, "int8", 1)                                                                                           \
    X(HP_INT16, 6, "int16", 2)                                                                                         \
    X(HP_INT32, 7, "int32", 4)                                                                                         \
    X(HP_INT64, 8, "int64", 8)                                                                                         \
    X(HP_UINT8, 9, "uint8", 1)                                                                                         \
    X(HP_UINT16, 10, "uint16", 2)                                                                                      \
    X(HP_UINT32, 11, "uint32", 4)                                                                                      \
    X(HP_UINT64, 12, "uint64", 8)                                                                                      \
    X(HP_BOOL, 13, "bool", 1)                                                                                          \
    X(HP_STRING, 14, "string", 16)

typedef enum hp_dtype {
    HP_DTYPE_NONE = 0,
#define HP_DTYPE_ENUM_(name, value, keras, bytes) name = value,
    HP_DTYPE_LIST(HP_DTYPE_ENUM_)
#undef HP_DTYPE_ENUM_
} hp_dtype;

/* One element of an HP_STRING array: bytes that need no terminator, owned by whoever owns the array. */
typedef struct hp_string {
    const char *data;
    size_t size;
} hp_string;

/* Largest number of axes, the rows among them. */
#define HP_MAX_RANK 8

#ifdef __cplusplus
}
#endif
#endif
