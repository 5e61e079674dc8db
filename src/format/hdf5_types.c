/* hdf5_types.c: element types and shapes. */
#include <string.h>
#include "base/dtype.h"
#include "format/hdf5_file.h"

enum { INTEGER = 0, FLOAT = 1, TEXT = 3, OPAQUE = 5, ENUM = 8, VARIABLE = 9 };

static hp_dtype integer_dtype(hp_span *properties, size_t size, bool with_sign) {
    static const hp_dtype signed_[] = {HP_INT8, HP_INT16, HP_INT32, HP_INT64};
    static const hp_dtype unsigned_[] = {HP_UINT8, HP_UINT16, HP_UINT32, HP_UINT64};
    uint64_t offset = hp_span_number(properties, 2), precision = hp_span_number(properties, 2);
    if (properties->bad || offset != 0 || precision != 8 * size) return HP_DTYPE_NONE;
    for (int i = 0; i < 4; i++)
        if (size == (size_t)1 << i) return with_sign ? signed_[i] : unsigned_[i];
    return HP_DTYPE_NONE;
}

/* The floating-point formats that Keras stores. */
static const struct float_format {
    hp_dtype dtype;
    size_t size;
    unsigned exponent_at, exponent_bits, mantissa_bits, bias;
} float_formats[] = {
    {HP_FLOAT32, 4, 23, 8, 23, 127},
    {HP_FLOAT64, 8, 52, 11, 52, 1023},
    {HP_FLOAT16, 2, 10, 5, 10, 15},
    {HP_BFLOAT16, 2, 7, 8, 7, 127},
};

static hp_dtype float_dtype(hp_span *properties, size_t size, unsigned sign_at, unsigned normalisation) {
    uint64_t offset = hp_span_number(properties, 2), precision = hp_span_number(properties, 2);
    uint64_t exponent_at = hp_span_number(properties, 1), exponent_bits = hp_span_number(properties, 1);
    uint64_t mantissa_at = hp_span_number(properties, 1), mantissa_bits = hp_span_number(properties, 1);
    uint64_t bias = hp_span_number(properties, 4);
    if (properties->bad || offset || precision != 8 * size || mantissa_at || normalisation != 2) return HP_DTYPE_NONE;
    for (size_t i = 0; i < sizeof float_formats / sizeof *float_formats; i++) {
        const struct float_format *f = &float_formats[i];
        if (f->size == size && sign_at == 8 * size - 1 && f->exponent_at == exponent_at &&
            f->exponent_bits == exponent_bits && f->mantissa_bits == mantissa_bits && f->bias == bias)
            return f->dtype;
    }
    return HP_DTYPE_NONE;
}

hp_status hp_hdf5_parse_type(hp_span content, hp_hdf5_type *type, hp_error *error) {
    unsigned class = (unsigned)hp_span_number(&content, 1) & 0xF;
    unsigned bits0 = (unsigned)hp_span_number(&content, 1), bits1 = (unsigned)hp_span_number(&content, 1);
    hp_span_skip(&content, 1);
    *type = (hp_hdf5_type){.size = (size_t)hp_span_number(&content, 4)};
    HP_FAIL_IF(content.bad || type->size == 0, error, HP_ERROR_FORMAT, NULL, "its element type is damaged");
    switch (class) {
    case INTEGER:
        type->dtype = integer_dtype(&content, type->size, (bits0 & 8) != 0);
        type->big_endian = (bits0 & 1) != 0 && type->size > 1;
        break;
    case FLOAT:
        type->dtype = float_dtype(&content, type->size, bits1, bits0 >> 4 & 3);
        type->big_endian = (bits0 & 1) != 0;
        if (bits0 & 0x40) type->dtype = HP_DTYPE_NONE; /* VAX */
        break;
    case TEXT:
        type->text = true;
        type->space_padded = (bits0 & 0xF) == 2;
        break;
    case OPAQUE:
        type->opaque = true;
        break;
    case ENUM: /* how h5py writes booleans */
        if (type->size == 1 && (bits0 | bits1 << 8) == 2) type->dtype = HP_BOOL;
        break;
    case VARIABLE:
        type->text = type->variable = (bits0 & 0xF) == 1;
        break;
    default:
        break;
    }
    return HP_OK;
}

hp_status hp_hdf5_parse_shape(const hp_hdf5_file *file, hp_span content, hp_hdf5_shape *shape, hp_error *error) {
    unsigned version = (unsigned)hp_span_number(&content, 1), rank = (unsigned)hp_span_number(&content, 1);
    hp_span_skip(&content, 1); /* flags */
    unsigned kind = (unsigned)hp_span_number(&content, 1);
    *shape = (hp_hdf5_shape){.rank = (int)rank, .null = version == 2 && kind == 2, .count = 1};
    if (version == 1) hp_span_skip(&content, 4);
    HP_FAIL_IF(content.bad || version < 1 || version > 2, error, HP_ERROR_FORMAT, NULL, "its shape is damaged");
    HP_FAIL_IF(rank > HP_MAX_RANK, error, HP_ERROR_FORMAT, NULL, "has %u axes; at most %d are read", rank, HP_MAX_RANK);
    if (shape->null) shape->count = 0;
    for (unsigned i = 0; i < rank; i++) {
        shape->dims[i] = hp_span_length(&content, file);
        HP_FAIL_IF(shape->dims[i] > INT64_MAX || !hp_size_mul(shape->count, (size_t)shape->dims[i], &shape->count),
            error, HP_ERROR_FORMAT, NULL, "axis %u has %llu elements, which no file can hold", i,
            (unsigned long long)shape->dims[i]);
    }
    HP_FAIL_IF(content.bad, error, HP_ERROR_FORMAT, NULL, "its shape is damaged");
    return HP_OK;
}
