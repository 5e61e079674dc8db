/* Primitives that move elements, against naive index arithmetic, in elements of every size; gather; resize's nearest.
 *
 * A naive result is made by asking, for every output element, which input element it is: a map from output indices to
 * input indices. Elements are filled with their own number, so that a wrong one shows. */
#include "unit/prim_runner.h"

enum { ROWS = 5 };

/* An element's number in its bytes: distinct for all sizes where there are fewer than 251 around it. */
static void number(unsigned char *element, size_t size, size_t i) {
    for (size_t k = 0; k < size; k++) element[k] = (unsigned char)(k == 0 ? i % 251 : k == 1 ? i / 251 % 241 : i + k);
}

static unsigned char *numbered(size_t n, size_t size) {
    unsigned char *data = malloc(n * size + 1);
    for (size_t i = 0; i < n; i++) number(data + i * size, size, i);
    return data;
}

/* Output index -> input index (of input *which); false: the fill value. */
typedef bool map(const void *context, const int64_t *out, int64_t *in, int *which);

static size_t count_of(const hp_shape *s) {
    return (size_t)hp_shape_elements(s) * (s->rows ? ROWS : 1);
}

static size_t flat(const hp_shape *s, const int64_t *index) {
    int64_t at = 0;
    for (int a = 0; a < s->rank; a++) at = at * (s->dims[a] * (a == 0 && s->rows ? ROWS : 1)) + index[a];
    return (size_t)at;
}

static void check_map(
    runner *r, const hp_value *inputs, int count, hp_value output, map *where, const void *context, const void *fill) {
    runner_check(r);
    const void *data[8] = {0};
    const hp_tensor *y = hp_builder_tensor(&r->b, output);
    size_t size = hp_dtype_size(y->dtype), n = count_of(&y->shape);
    for (int i = 0; i < count; i++) data[i] = numbered(count_of(hp_builder_shape(&r->b, inputs[i])), size);
    unsigned char *got = (unsigned char *)runner_run_all_ways(r, data, ROWS, output);
    for (size_t i = 0; i < n; i++) {
        int64_t out[HP_MAX_RANK] = {0}, in[HP_MAX_RANK] = {0};
        size_t rest = i;
        for (int a = y->shape.rank - 1; a >= 0; a--) {
            size_t dim = (size_t)(y->shape.dims[a] * (a == 0 && y->shape.rows ? ROWS : 1));
            out[a] = (int64_t)(rest % dim);
            rest /= dim;
        }
        int which = 0;
        const void *wanted = fill;
        if (where(context, out, in, &which)) {
            size_t at = flat(hp_builder_shape(&r->b, inputs[which]), in);
            wanted = (const char *)data[which] + at * size;
        }
        if (memcmp(got + i * size, wanted, size) != 0)
            fail_msg("element %zu of %zu, size %zu: not the one it should be", i, n, size);
    }
    for (int i = 0; i < count; i++) free((void *)(uintptr_t)data[i]);
    free(got);
}

static const hp_dtype every_size[] = {HP_INT8, HP_FLOAT16, HP_FLOAT32, HP_INT64, HP_STRING};
#define EACH_SIZE(dtype)                                                                                               \
    for (size_t s_ = 0; s_ < sizeof every_size / sizeof every_size[0]; s_++)                                           \
        for (hp_dtype dtype = every_size[s_], *once_ = &dtype; once_; once_ = NULL)

/* ---- transpose */

typedef struct permuted {
    int rank;
    int64_t dims[6];
    int permutation[6];
} permuted;

static bool map_permuted(const void *context, const int64_t *out, int64_t *in, int *which) {
    const permuted *p = context;
    (void)which;
    for (int a = 0; a < p->rank; a++) in[p->permutation[a]] = out[a];
    return true;
}

static void transposes(const hp_kernels *kernels) {
    static const permuted cases[] = {{3, {1, 4, 5}, {0, 2, 1}}, {3, {1, 100, 70}, {0, 2, 1}},
        {4, {1, 3, 6, 7}, {0, 2, 3, 1}}, {4, {1, 6, 7, 3}, {0, 3, 1, 2}}, {4, {1, 4, 5, 16}, {0, 2, 1, 3}},
        {4, {1, 4, 5, 3}, {0, 3, 2, 1}}, {5, {1, 2, 3, 4, 5}, {0, 4, 2, 1, 3}}, {3, {7, 4, 5}, {0, 2, 1}},
        {3, {1, 1, 5}, {0, 2, 1}}, {4, {1, 3, 0, 7}, {0, 2, 3, 1}}, {6, {1, 2, 3, 2, 3, 2}, {0, 3, 1, 4, 2, 5}},
        {3, {1, 17, 1}, {0, 2, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, kernels);
            hp_value x = runner_input(&r, dtype, cases[i].rank, cases[i].dims);
            hp_value y = hp_emit_transpose(&r.b, x, cases[i].permutation);
            check_map(&r, &x, 1, y, map_permuted, &cases[i], NULL);
            runner_end(&r);
        }
}

static void test_transpose(void **state) {
    (void)state;
    runner_each_isa(transposes);
}

/* ---- slice */

typedef struct sliced {
    int rank;
    int64_t dims[4], begin[4], count[4], step[4];
} sliced;

static bool map_sliced(const void *context, const int64_t *out, int64_t *in, int *which) {
    const sliced *p = context;
    (void)which;
    for (int a = 0; a < p->rank; a++) in[a] = a == 0 ? out[0] : p->begin[a] + out[a] * p->step[a];
    return true;
}

static void test_slice(void **state) {
    (void)state;
    static const sliced cases[] = {{3, {1, 6, 5}, {0, 1, 0}, {1, 4, 5}, {1, 1, 1}},
        {3, {1, 6, 5}, {0, 5, 0}, {1, 6, 5}, {1, -1, 1}}, {3, {1, 6, 5}, {0, 0, 4}, {1, 6, 3}, {1, 1, -2}},
        {4, {1, 6, 5, 3}, {0, 1, 1, 0}, {1, 2, 2, 2}, {1, 2, 3, 1}}, {2, {1, 9}, {0, 4}, {1, 1}, {1, 1}},
        {2, {1, 9}, {0, 8}, {1, 9}, {1, -1}}, {2, {1, 9}, {0, 3}, {1, 0}, {1, 1}},
        {3, {4, 6, 5}, {0, 1, 1}, {4, 2, 2}, {1, 2, 2}}, {2, {1, 9}, {0, 8}, {1, 1}, {1, -100}},
        {3, {1, 80, 70}, {0, 0, 69}, {1, 40, 70}, {1, 2, -1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, hp_kernels_select(NULL));
            const sliced *c = &cases[i];
            hp_value x = runner_input(&r, dtype, c->rank, c->dims);
            check_map(&r, &x, 1, hp_emit_slice(&r.b, x, c->begin, c->count, c->step), map_sliced, c, NULL);
            runner_end(&r);
        }
}

/* ---- pad */

typedef struct padded {
    int rank;
    int64_t dims[4], before[4], after[4];
    hp_pad_mode mode;
} padded;

static bool map_padded(const void *context, const int64_t *out, int64_t *in, int *which) {
    const padded *p = context;
    (void)which;
    for (int a = 0; a < p->rank; a++) {
        int64_t n = a == 0 ? INT64_MAX / 4 : p->dims[a], i = out[a] - p->before[a];
        bool outside = i < 0 || i >= n;
        if (outside && p->mode == HP_PAD_CONSTANT) return false;
        if (outside && p->mode == HP_PAD_EDGE) i = i < 0 ? 0 : n - 1;
        if (outside && p->mode == HP_PAD_REFLECT) i = i < 0 ? -i : 2 * n - 2 - i;
        if (outside && p->mode == HP_PAD_SYMMETRIC) i = i < 0 ? -i - 1 : 2 * n - 1 - i;
        in[a] = i;
    }
    return true;
}

static void test_pad(void **state) {
    (void)state;
    static const padded cases[] = {{4, {1, 5, 6, 3}, {0, 1, 2, 0}, {0, 3, 0, 0}, HP_PAD_CONSTANT},
        {2, {1, 4}, {0, 2}, {0, 1}, HP_PAD_CONSTANT}, {3, {1, 4, 5}, {0, 2, 1}, {0, 1, 1}, HP_PAD_CONSTANT},
        {3, {3, 4, 5}, {0, 0, 1}, {0, 0, 1}, HP_PAD_CONSTANT}, {3, {1, 0, 5}, {0, 2, 1}, {0, 1, 1}, HP_PAD_CONSTANT},
        {3, {1, 4, 5}, {0, 2, 1}, {0, 3, 4}, HP_PAD_REFLECT}, {3, {1, 4, 5}, {0, 4, 1}, {0, 3, 5}, HP_PAD_SYMMETRIC},
        {3, {1, 4, 5}, {0, 9, 1}, {0, 3, 0}, HP_PAD_EDGE}, {4, {1, 3, 1, 2}, {0, 2, 1, 1}, {0, 2, 1, 1}, HP_PAD_EDGE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, hp_kernels_select(NULL));
            const padded *c = &cases[i];
            static const unsigned char zero[16] = {0};
            hp_value x = runner_input(&r, dtype, c->rank, c->dims);
            check_map(&r, &x, 1, hp_emit_pad(&r.b, x, c->before, c->after, c->mode, 0), map_padded, c, zero);
            runner_end(&r);
        }
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    static const int32_t minus_seven = -7;
    hp_value x = runner_input(&r, HP_INT32, 3, cases[2].dims);
    hp_value y = hp_emit_pad(&r.b, x, cases[2].before, cases[2].after, HP_PAD_CONSTANT, -7);
    check_map(&r, &x, 1, y, map_padded, &cases[2], &minus_seven);
    runner_end(&r);
}

/* ---- concat */

typedef struct joined {
    int rank, axis, count;
    int64_t dims[4], lengths[4];
} joined;

static bool map_joined(const void *context, const int64_t *out, int64_t *in, int *which) {
    const joined *p = context;
    memcpy(in, out, (size_t)p->rank * sizeof *in);
    for (*which = 0; in[p->axis] >= p->lengths[*which]; ++*which) in[p->axis] -= p->lengths[*which];
    return true;
}

static void test_concat(void **state) {
    (void)state;
    static const joined cases[] = {{2, 1, 2, {1, 0}, {3, 5}}, {3, 1, 3, {1, 0, 7}, {3, 1, 4}},
        {4, 3, 3, {1, 3, 4, 0}, {16, 1, 8}}, {4, 2, 2, {1, 3, 0, 2}, {4, 0}}, {2, 1, 2, {6, 0}, {1, 1}},
        {3, 2, 2, {1, 200, 0}, {1, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, hp_kernels_select(NULL));
            const joined *c = &cases[i];
            hp_value values[4];
            for (int k = 0; k < c->count; k++) {
                int64_t dims[4];
                memcpy(dims, c->dims, sizeof dims);
                dims[c->axis] = c->lengths[k];
                values[k] = runner_input(&r, dtype, c->rank, dims);
            }
            hp_value y = hp_emit_concat(&r.b, values, c->count, c->axis - c->rank);
            check_map(&r, values, c->count, y, map_joined, c, NULL);
            runner_end(&r);
        }
}

/* ---- broadcast, repeat, tile */

typedef struct repeated {
    int rank, axis;
    int64_t dims[4], repeats;
    bool tile;
} repeated;

static bool map_repeated(const void *context, const int64_t *out, int64_t *in, int *which) {
    const repeated *p = context;
    (void)which;
    memcpy(in, out, (size_t)p->rank * sizeof *in);
    in[p->axis] = p->tile ? out[p->axis] % p->dims[p->axis] : out[p->axis] / p->repeats;
    return true;
}

static void test_repeat(void **state) {
    (void)state;
    static const repeated cases[] = {{3, 1, {1, 4, 5}, 3, false}, {3, 2, {1, 4, 5}, 2, false},
        {4, 2, {1, 3, 4, 6}, 2, false}, {3, 0, {2, 4, 5}, 3, false}, {3, 1, {1, 4, 5}, 3, true},
        {3, 2, {1, 4, 5}, 2, true}, {3, 1, {1, 1, 5}, 300, true}, {2, 1, {1, 1}, 4, false}, {2, 1, {1, 3}, 0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, hp_kernels_select(NULL));
            const repeated *c = &cases[i];
            hp_value x = runner_input(&r, dtype, c->rank, c->dims);
            hp_value y =
                c->tile ? hp_emit_tile(&r.b, x, c->axis, c->repeats) : hp_emit_repeat(&r.b, x, c->axis, c->repeats);
            check_map(&r, &x, 1, y, map_repeated, c, NULL);
            runner_end(&r);
        }
}

typedef struct stretched {
    hp_shape from, to;
} stretched;

static bool map_stretched(const void *context, const int64_t *out, int64_t *in, int *which) {
    const stretched *p = context;
    (void)which;
    for (int b = 0; b < p->from.rank; b++) {
        bool repeats = p->from.dims[b] == 1 && !(b == 0 && p->from.rows);
        in[b] = repeats ? 0 : out[p->to.rank - p->from.rank + b];
    }
    return true;
}

static void test_broadcast(void **state) {
    (void)state;
    static const stretched cases[] = {{{3, true, {1, 1, 5}}, {3, true, {1, 4, 5}}},
        {{3, true, {1, 4, 1}}, {3, true, {1, 4, 70}}}, {{4, true, {1, 1, 3, 1}}, {4, true, {1, 2, 3, 4}}},
        {{2, false, {4, 1}}, {4, true, {1, 3, 4, 2}}}, {{0, false, {0}}, {2, true, {1, 9}}},
        {{1, false, {5}}, {2, false, {3, 5}}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) EACH_SIZE(dtype) {
            runner r;
            runner_start(&r, hp_kernels_select(NULL));
            hp_tensor tensor = {dtype, cases[i].from};
            if (!cases[i].from.rows) {
                size_t n = (size_t)hp_shape_elements(&tensor.shape);
                unsigned char *data = numbered(n, hp_dtype_size(dtype));
                hp_value c = hp_emit_literal(&r.b, dtype, tensor.shape.rank, tensor.shape.dims, data);
                hp_value y = hp_emit_broadcast(&r.b, c, &cases[i].to);
                check_map(&r, &c, 1, y, map_stretched, &cases[i], NULL);
                free(data);
            } else {
                hp_value x = hp_emit_input(&r.b, &tensor);
                check_map(&r, &x, 1, hp_emit_broadcast(&r.b, x, &cases[i].to), map_stretched, &cases[i], NULL);
            }
            runner_end(&r);
        }
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value ones = hp_emit_fill(&r.b, HP_INT16, &(hp_shape){2, true, {1, 3}}, 1);
    int16_t *got = runner_run(&r, NULL, ROWS, 2, 0, ones);
    for (int i = 0; i < ROWS * 3; i++) assert_int_equal(got[i], 1);
    free(got);
    runner_end(&r);
}

/* ---- gather */

static void gather_of(hp_dtype index_dtype, hp_dtype dtype, int64_t inner) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    enum { N = 11, T = 7 };
    size_t size = hp_dtype_size(dtype), index_size = hp_dtype_size(index_dtype);
    unsigned char *table = numbered((size_t)(N * inner), size), *indices = malloc(ROWS * T * index_size);
    int64_t wanted[ROWS * T];
    bool is_signed = index_dtype == HP_INT8 || index_dtype == HP_INT64 || index_dtype == HP_INT32;
    for (int i = 0; i < ROWS * T; i++) {
        int64_t index = i * 5 % N;
        wanted[i] = index;
        if (is_signed && i % 3 == 0) index -= N;
        memcpy(indices + (size_t)i * index_size, &index, index_size); /* little-endian */
    }
    hp_value t = hp_emit_literal(&r.b, dtype, 2, (int64_t[]){N, inner}, table);
    hp_value y = hp_emit_gather(&r.b, t, runner_input(&r, index_dtype, 2, (int64_t[]){1, T}), 0);
    assert_int_equal(hp_builder_shape(&r.b, y)->dims[2], inner);
    unsigned char *got = (unsigned char *)runner_run_all_ways(&r, (const void *[]){indices}, ROWS, y);
    for (int i = 0; i < ROWS * T; i++) {
        size_t bytes = (size_t)inner * size;
        assert_memory_equal(got + (size_t)i * bytes, table + (size_t)wanted[i] * bytes, bytes);
    }
    free(table), free(indices), free(got);
    runner_end(&r);
}

static void test_gather(void **state) {
    (void)state;
    static const hp_dtype types[] = {HP_INT8, HP_INT32, HP_INT64, HP_UINT8, HP_UINT64};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        gather_of(types[i], HP_FLOAT32, 64);
        gather_of(types[i], HP_INT8, 3);
    }
    gather_of(HP_INT32, HP_STRING, 1);
}

/* Along an inner axis of what has rows, with constant indices. */
static void test_gather_axis(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    static const int32_t picks[] = {4, 0, -1};
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 5, 6});
    hp_value y = hp_emit_gather(&r.b, x, hp_emit_literal(&r.b, HP_INT32, 1, (int64_t[]){3}, picks), 1);
    float *data = random_floats(ROWS * 30, 1), *got = runner_run_all_ways(&r, (const void *[]){data}, ROWS, y);
    static const int where[] = {4, 0, 4};
    for (int i = 0; i < ROWS * 18; i++) assert_true(got[i] == data[i / 18 * 30 + where[i / 6 % 3] * 6 + i % 6]);
    free(data), free(got);
    runner_end(&r);
}

static void test_bad_index(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    static const int32_t indices[] = {0, 1, 2, 9, 10, 1, -11, 0, 3, INT32_MIN};
    hp_value table = runner_random(&r, 2, (int64_t[]){10, 3}, 1, NULL);
    hp_value i = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 2});
    hp_emit_gather(&r.b, table, i, 0);
    runner_check(&r);
    const hp_node *node = &r.graph.nodes[0];
    void *s;
    hp_prepare prepare = {&r.graph, node, r.kernels, r.constants, NULL, false};
    assert_int_equal(node->prim->prepare(&prepare, &s, NULL), HP_OK);
    float out[4 * 2 * 3];
    hp_error error = {0};
    hp_run run = {(const void *[]){r.graph.values[table].constant->data, indices}, (void *[]){out}, 4, 0,
        node->prim->range(s, 4), NULL, &error};
    assert_int_equal(node->prim->run(s, &run), HP_ERROR_ROW);
    assert_int_equal(error.row, 2);
    assert_non_null(strstr(error.message, "index 10 is outside a table of 10 entries"));
    run.inputs = (const void *[]){r.graph.values[table].constant->data, indices + 6};
    run.rows = 1;
    assert_int_equal(node->prim->run(s, &run), HP_ERROR_ROW);
    assert_int_equal(error.row, 0);
    assert_non_null(strstr(error.message, "index -11 is outside a table of 10 entries (0 to 9)"));
    assert_null(strstr(error.message, "NaN"));
    run.inputs = (const void *[]){r.graph.values[table].constant->data, indices + 8};
    assert_int_equal(node->prim->run(s, &run), HP_ERROR_ROW);
    assert_non_null(strstr(error.message, "(0 to 9): NaN, as an integer"));
    node->prim->release(s);
    runner_end(&r);
}

/* ---- what does nothing, and what mixes rows */

static void test_trivial(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select("base"));
    const int64_t zeros[2] = {0, 0}, dims[2] = {1, 4}, ones[2] = {1, 1};
    hp_value x = runner_input(&r, HP_FLOAT32, 2, dims);
    assert_int_equal(hp_emit_reshape(&r.b, x, 2, (int64_t[]){-1, 4}), x);
    assert_int_equal(hp_emit_transpose(&r.b, x, (int[]){0, -1}), x);
    assert_int_equal(hp_emit_slice(&r.b, x, zeros, dims, ones), x);
    assert_int_equal(hp_emit_pad(&r.b, x, zeros, zeros, HP_PAD_CONSTANT, 1), x);
    assert_int_equal(hp_emit_concat(&r.b, &x, 1, 1), x);
    assert_int_equal(hp_emit_broadcast(&r.b, x, hp_builder_shape(&r.b, x)), x);
    assert_int_equal(hp_emit_repeat(&r.b, x, 1, 1), x);
    assert_int_equal(hp_emit_tile(&r.b, x, 0, 1), x);
    assert_int_equal(hp_emit_reduce(&r.b, x, HP_REDUCTION_SUM, NULL, 0, false), x);
    assert_int_equal(r.graph.node_count, 0);
    hp_value flat_rows = hp_emit_reshape(&r.b, x, 1, (int64_t[]){-1});
    const hp_shape *shape = hp_builder_shape(&r.b, flat_rows);
    assert_true(shape->rows && shape->rank == 1 && shape->dims[0] == 4);
    runner_end(&r);
}

static hp_value mixing(runner *r, int which, hp_value x) {
    switch (which) {
    case 0:
        return hp_emit_reduce(&r->b, hp_emit_transpose(&r->b, x, (int[]){1, 0}), HP_REDUCTION_SUM, (int[]){1}, 1, true);
    case 1:
        return hp_emit_slice(&r->b, x, (int64_t[]){0, 0}, (int64_t[]){0, 4}, (int64_t[]){1, 1});
    case 2:
        return hp_emit_pad(&r->b, x, (int64_t[]){1, 0}, (int64_t[]){0, 0}, HP_PAD_CONSTANT, 0);
    case 3:
        return hp_emit_concat(&r->b, (hp_value[]){x, x}, 2, 0);
    case 4:
        return hp_emit_tile(&r->b, x, 0, 2);
    case 5:
        return hp_emit_reduce(&r->b, x, HP_REDUCTION_SUM, (int[]){-2}, 1, false);
    case 6:
        return hp_emit_softmax(&r->b, x, 0, false);
    case 7:
        return hp_emit_cumulate(&r->b, x, false, 0, false);
    case 8:
        return hp_emit_gather(&r->b, x, hp_emit_literal(&r->b, HP_INT32, 0, NULL, &(int32_t){0}), 0);
    case 9:
        return hp_emit_reshape(&r->b, x, 0, NULL);
    default:
        return hp_emit_normalise(&r->b, x, HP_NO_VALUE, HP_NO_VALUE, 2, 1e-3, false);
    }
}

/* Each fails in a graph of free rows and works in one of a fixed number. */
static void test_mixes_rows(void **state) {
    (void)state;
    for (int which = 0; which <= 10; which++)
        for (int fixed = 0; fixed < 2; fixed++) {
            runner r;
            runner_start(&r, hp_kernels_select("base"));
            hp_tensor tensor = {HP_FLOAT32, {.rank = 2, .rows = !fixed, .dims = {1, 1}}};
            if (which != 9) tensor.shape.dims[1] = 4;
            if (fixed) r.graph.batch_rows = 1;
            hp_value x = hp_emit_input(&r.b, &tensor), y = mixing(&r, which, x);
            if ((y == HP_NO_VALUE) == fixed || r.b.mixes_rows == fixed) fail_msg("case %d, %d", which, fixed);
            if (!fixed) assert_non_null(strstr(r.b.mixes_rows_where, "test: "));
            runner_end(&r);
        }
}

static void expect_shape_error(runner *r) {
    assert_int_equal(r->b.status, HP_ERROR_SHAPE);
    assert_false(r->b.mixes_rows);
    runner_end(r);
}

static void test_refusals(void **state) {
    (void)state;
    runner r;
    const int64_t dims[2] = {1, 4}, zeros[2] = {0, 0}, ones[2] = {1, 1};
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        runner_start(&r, hp_kernels_select("base"));                                                                   \
        hp_value x = runner_input(&r, HP_FLOAT32, 2, dims);                                                            \
        assert_int_equal(call, HP_NO_VALUE);                                                                           \
        expect_shape_error(&r);                                                                                        \
    } while (0)
    REFUSED(hp_emit_reshape(&r.b, x, 2, (int64_t[]){-1, 3}));
    REFUSED(hp_emit_reshape(&r.b, x, 2, (int64_t[]){-1, -1}));
    REFUSED(hp_emit_reshape(&r.b, x, 2, (int64_t[]){1, INT64_MAX}));
    REFUSED(hp_emit_reshape(&r.b, x, 9, (int64_t[9]){0}));
    REFUSED(hp_emit_transpose(&r.b, x, (int[]){0, 0}));
    REFUSED(hp_emit_transpose(&r.b, x, (int[]){0, 2}));
    REFUSED(hp_emit_slice(&r.b, x, (int64_t[]){0, 1}, dims, ones));
    REFUSED(hp_emit_slice(&r.b, x, (int64_t[]){0, 3}, (int64_t[]){1, 5}, (int64_t[]){1, -1}));
    REFUSED(hp_emit_pad(&r.b, x, (int64_t[]){0, -1}, zeros, HP_PAD_CONSTANT, 0));
    REFUSED(hp_emit_pad(&r.b, x, (int64_t[]){0, 4}, zeros, HP_PAD_REFLECT, 0));
    REFUSED(hp_emit_pad(&r.b, x, (int64_t[]){0, INT64_MAX}, zeros, HP_PAD_CONSTANT, 0));
    REFUSED(hp_emit_repeat(&r.b, x, 1, INT64_MAX / 2));
    REFUSED(hp_emit_repeat(&r.b, x, 2, 2));
    REFUSED(hp_emit_broadcast(&r.b, x, &(hp_shape){2, true, {1, 5}}));
    REFUSED(hp_emit_gather(&r.b, x, hp_emit_float(&r.b, 1), 1));
    REFUSED(hp_emit_concat(&r.b, (hp_value[]){x, runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 1, 4})}, 2, 1));
    REFUSED(hp_emit_resize(&r.b, x, &(hp_resize_params){.height = 2, .width = 2}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_gather_axis),
        cmocka_unit_test(test_bad_index),
        cmocka_unit_test(test_trivial),
        cmocka_unit_test(test_mixes_rows),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
