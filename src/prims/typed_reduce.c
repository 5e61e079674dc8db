/* typed_reduce.c: see typed_reduce.h. */
#include "prims/typed_reduce.h"

#include <math.h>
#include <stdint.h>

#include "prims/typed.h"

#define WRAP_SUM(a, b) ((uint64_t)(a) + (uint64_t)(b))
#define WRAP_PRODUCT(a, b) ((uint64_t)(a) * (uint64_t)(b))

#define T int8_t
#define NAME(x) i8_##x
#define START_MAX INT8_MIN
#define START_MIN INT8_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T int16_t
#define NAME(x) i16_##x
#define START_MAX INT16_MIN
#define START_MIN INT16_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T int32_t
#define NAME(x) i32_##x
#define START_MAX INT32_MIN
#define START_MIN INT32_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T int64_t
#define NAME(x) i64_##x
#define START_MAX INT64_MIN
#define START_MIN INT64_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T uint8_t
#define NAME(x) u8_##x
#define START_MAX 0
#define START_MIN UINT8_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T uint16_t
#define NAME(x) u16_##x
#define START_MAX 0
#define START_MIN UINT16_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T uint32_t
#define NAME(x) u32_##x
#define START_MAX 0
#define START_MIN UINT32_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T uint64_t
#define NAME(x) u64_##x
#define START_MAX 0
#define START_MIN UINT64_MAX
#define SUM WRAP_SUM
#define PRODUCT WRAP_PRODUCT
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"
#define T double
#define NAME(x) f64_##x
#define START_MAX -INFINITY
#define START_MIN INFINITY
#define SUM(a, b) ((a) + (b))
#define PRODUCT(a, b) ((a) * (b))
#define IS_NAN(x) ((x) != (x))
#include "prims/typed_reduce.inc"
#define T float
#define NAME(x) f32_##x
#define IS_NAN(x) ((x) != (x))
#include "prims/typed_reduce.inc"
/* bool: any is the greatest, all the least */
#define T uint8_t
#define NAME(x) boolean_##x
#define START_MAX 0
#define START_MIN 1
#define IS_NAN(x) 0
#include "prims/typed_reduce.inc"

static void f64_mean(void *y, const void *x, size_t outer, size_t n, size_t inner) {
    f64_sum(y, x, outer, n, inner);
    for (size_t i = 0; i < outer * inner; i++) ((double *)y)[i] /= (double)n;
}

hp_typed_reducer *hp_typed_reduce(hp_dtype dtype, hp_reduction op) {
    static hp_typed_reducer *const functions[][HP_REDUCTION_ARGMIN + 1] = {
#define ARGS_OF(name) [HP_REDUCTION_ARGMAX] = name##_argmax, [HP_REDUCTION_ARGMIN] = name##_argmin
#define NUMBERS_OF(name)                                                                                               \
    [HP_REDUCTION_SUM] = name##_sum, [HP_REDUCTION_PROD] = name##_product, [HP_REDUCTION_MAX] = name##_max,            \
    [HP_REDUCTION_MIN] = name##_min, ARGS_OF(name)
#define ROW_OF(dtype_, type, name) [dtype_] = {NUMBERS_OF(name)},
        HP_TYPED_INTEGERS(ROW_OF)[HP_FLOAT64] = {NUMBERS_OF(f64), [HP_REDUCTION_MEAN] = f64_mean},
        [HP_FLOAT32] = {ARGS_OF(f32)},
        [HP_BOOL] = {[HP_REDUCTION_MAX] = boolean_max,
            [HP_REDUCTION_MIN] = boolean_min,
            [HP_REDUCTION_ANY] = boolean_max,
            [HP_REDUCTION_ALL] = boolean_min,
            ARGS_OF(boolean)},
    };
    size_t count = sizeof functions / sizeof functions[0];
    return (size_t)dtype < count && (unsigned)op <= HP_REDUCTION_ARGMIN ? functions[dtype][op] : NULL;
}
