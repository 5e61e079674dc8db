/* dtype.c: see dtype.h. */
#include "base/dtype.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {[HP_DTYPE_NONE] = {"none", 0},
#define HP_ROW_(name, value, keras, bytes) [name] = {keras, bytes},
    HP_DTYPE_LIST(HP_ROW_)
#undef HP_ROW_
};

enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

size_t hp_dtype_size(hp_dtype dtype) {
    return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].size : 0;
}

const char *hp_dtype_name(hp_dtype dtype) {
    return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].name : "none";
}

hp_dtype hp_dtype_from_name(const char *name) {
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (!hp_dtype_is_complex((hp_dtype)i) && !strcmp(dtypes[i].name, name)) return (hp_dtype)i;
    return HP_DTYPE_NONE;
}

bool hp_dtype_is_float(hp_dtype dtype) {
    return dtype >= HP_FLOAT32 && dtype <= HP_BFLOAT16;
}

bool hp_dtype_is_complex(hp_dtype dtype) {
    return dtype == HP_COMPLEX64 || dtype == HP_COMPLEX128;
}

bool hp_dtype_is_integer(hp_dtype dtype) {
    return dtype >= HP_INT8 && dtype <= HP_UINT64;
}
