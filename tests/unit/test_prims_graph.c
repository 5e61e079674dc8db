/* Shapes and their broadcasting, the builder's own rules, the store of constants, the registry. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "unit/prim_runner.h"

static void expect_text(const hp_shape *shape, const char *wanted) {
    char text[64];
    assert_string_equal(hp_shape_text(shape, text, sizeof text), wanted);
}

static void test_shapes(void **state) {
    (void)state;
    expect_text(&(hp_shape){4, true, {1, 28, 28, 1}}, "(rows, 28, 28, 1)");
    expect_text(&(hp_shape){2, true, {60, 10}}, "(rows*60, 10)");
    expect_text(&(hp_shape){1, false, {3}}, "(3,)");
    expect_text(&(hp_shape){0, false, {0}}, "()");
    char small[8];
    assert_string_equal(hp_shape_text(&(hp_shape){3, false, {100, 200, 300}}, small, sizeof small), "(100, 2");
    assert_int_equal(hp_shape_elements(&(hp_shape){3, true, {2, 3, 4}}), 24);
    assert_int_equal(hp_shape_elements(&(hp_shape){0, false, {0}}), 1);
    assert_int_equal(hp_shape_product(&(hp_shape){3, true, {2, 3, 4}}, 1, 3), 12);
    assert_true(hp_shape_valid(&(hp_shape){2, true, {1, 0}}));
    assert_false(hp_shape_valid(&(hp_shape){1, false, {-1}}));
    assert_false(hp_shape_valid(&(hp_shape){3, false, {0, INT32_MAX, INT32_MAX}})); /* strides must fit as well */
    assert_false(hp_shape_valid(&(hp_shape){3, false, {INT64_MAX, INT64_MAX, 4}}));
    assert_false(hp_shape_valid(&(hp_shape){0, true, {0}}));
    assert_false(hp_shape_equal(&(hp_shape){1, true, {1}}, &(hp_shape){1, false, {1}}));
}

static void test_shape_broadcast(void **state) {
    (void)state;
    static const struct {
        hp_shape a, b;
        hp_broadcast_result result;
        hp_shape wanted;
    } cases[] = {
        {{2, true, {1, 3}}, {1, false, {3}}, HP_BROADCAST_FITS, {2, true, {1, 3}}},
        {{2, true, {1, 1}}, {2, true, {1, 3}}, HP_BROADCAST_FITS, {2, true, {1, 3}}},
        {{2, true, {60, 3}}, {2, false, {1, 3}}, HP_BROADCAST_FITS, {2, true, {60, 3}}},
        {{3, false, {4, 1, 3}}, {2, false, {5, 1}}, HP_BROADCAST_FITS, {3, false, {4, 5, 3}}},
        {{0, false, {0}}, {1, true, {1}}, HP_BROADCAST_FITS, {1, true, {1}}},
        {{2, false, {0, 3}}, {2, false, {1, 3}}, HP_BROADCAST_FITS, {2, false, {0, 3}}},
        {{2, true, {1, 3}}, {1, false, {4}}, HP_BROADCAST_MISFIT, {0, false, {0}}},
        {{2, true, {60, 3}}, {2, true, {1, 3}}, HP_BROADCAST_MISFIT, {0, false, {0}}},
        {{2, true, {1, 3}}, {2, false, {8, 3}}, HP_BROADCAST_MIXES_ROWS, {0, false, {0}}},
        {{1, true, {1}}, {2, true, {1, 3}}, HP_BROADCAST_MIXES_ROWS, {0, false, {0}}},
        {{1, true, {1}}, {2, false, {5, 3}}, HP_BROADCAST_MIXES_ROWS, {0, false, {0}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int swap = 0; swap < 2; swap++) {
            const hp_shape *a = swap ? &cases[i].b : &cases[i].a, *b = swap ? &cases[i].a : &cases[i].b;
            hp_shape got;
            assert_int_equal(hp_shape_broadcast_rows(a, b, &got), cases[i].result);
            assert_int_equal(hp_shape_broadcast(a, b, &got), cases[i].result == HP_BROADCAST_FITS);
            if (cases[i].result == HP_BROADCAST_FITS) assert_true(hp_shape_equal(&got, &cases[i].wanted));
        }
}

static void check_prim(const char *name, const hp_prim *prim) {
    assert_ptr_equal(hp_prim_find(name), prim);
    assert_string_equal(prim->name, name);
    assert_non_null(prim->infer);
    assert_true(prim->alias || (prim->run && prim->range));
    assert_int_equal(prim->prepare == NULL, prim->release == NULL);
}

static void test_registry(void **state) {
    (void)state;
    assert_ptr_equal(hp_prim_find("elementwise"), &hp_prim_elementwise);
#define PRIM(id) check_prim(#id, &hp_prim_##id);
#include "prims/prims.def"
#undef PRIM
    assert_null(hp_prim_find("elementwis"));
}

static void test_builder(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select("base"));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 3});
    assert_int_equal(r.graph.input_count, 1);
    assert_int_equal(hp_builder_mask(&r.b, x), HP_NO_VALUE);
    hp_builder_set_mask(&r.b, x, 7);
    assert_int_equal(hp_builder_mask(&r.b, x), 7);
    assert_int_equal(hp_builder_mask(&r.b, HP_NO_VALUE), HP_NO_VALUE);
    assert_int_equal(hp_builder_axis(&r.b, -1, 3), 2);
    assert_int_equal(hp_builder_axis(&r.b, 0, 3), 0);
    assert_int_equal(hp_emit_float(&r.b, 2), hp_emit_float(&r.b, 2)); /* one value for one content */
    assert_int_not_equal(hp_emit_float(&r.b, 2), hp_emit_float(&r.b, 3));
    assert_int_equal(hp_builder_shape(&r.b, HP_NO_VALUE)->rank, 0);
    for (int i = 0; i < 300; i++) x = hp_emit_unary(&r.b, x, HP_UNARY_SQUARE, 0, 0, 0); /* tables grow */
    runner_check(&r);
    assert_int_equal(r.graph.node_count, 300);
    for (int i = 0; i < 300; i++) assert_int_equal(r.graph.values[r.graph.nodes[i].outputs[0]].node, i);
    assert_int_equal(hp_builder_axis(&r.b, 3, 3), 0);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    assert_string_equal(r.b.error.message, "axis 3 is outside a tensor of 3 axes");
    hp_builder_fail(&r.b, HP_ERROR_FORMAT, "later");
    assert_int_equal(r.b.status, HP_ERROR_SHAPE); /* the first one stays */
    assert_int_equal(hp_emit_unary(&r.b, x, HP_UNARY_EXP, 0, 0, 0), HP_NO_VALUE);
    assert_int_equal(hp_emit_float(&r.b, 5), HP_NO_VALUE);
    assert_int_equal(hp_emit_concat(&r.b, &x, 1, 1), HP_NO_VALUE);
    runner_end(&r);

    runner_start(&r, hp_kernels_select("base"));
    hp_tensor huge = {HP_FLOAT32, {3, true, {1, INT32_MAX, INT32_MAX}}};
    assert_int_equal(hp_emit_input(&r.b, &huge), HP_NO_VALUE);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    runner_end(&r);
    runner_start(&r, hp_kernels_select("base"));
    x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 3});
    hp_emit_binary(&r.b, HP_BINARY_ADD, x, 99);
    assert_int_equal(r.b.status, HP_ERROR_INTERNAL);
    runner_end(&r);
}

/* ---- constants */

typedef struct filler {
    atomic_int calls;
    hp_status status;
    unsigned char byte;
} filler;

static hp_status fill(void *context, void *data, size_t bytes, hp_error *error) {
    filler *f = context;
    atomic_fetch_add(&f->calls, 1);
    nanosleep(&(struct timespec){0, 1000000}, NULL); /* others get the chance to ask meanwhile */
    if (f->status != HP_OK) return hp_error_set(error, f->status, NULL, "cannot");
    memset(data, f->byte, bytes);
    return HP_OK;
}

static hp_status fill_nothing(void *context, void *data, size_t bytes, hp_error *error) {
    (void)context, (void)error;
    memset(data, 0, bytes);
    return HP_OK;
}

static void test_constants(void **state) {
    (void)state;
    hp_constants *c = hp_constants_new(0);
    filler f = {.byte = 7};
    const void *a, *b;
    assert_int_equal(hp_constants_get(c, "key", 3, 100, fill, &f, &a, NULL), HP_OK);
    assert_int_equal(hp_constants_get(c, "key", 3, 100, fill, &f, &b, NULL), HP_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(f.calls, 1);
    assert_int_equal((uintptr_t)a % HP_ALIGNMENT, 0);
    assert_int_equal(hp_constants_bytes(c), 100);
    assert_int_equal(hp_constants_get(c, "key", 3, 99, fill, &f, &b, NULL), HP_ERROR_INTERNAL);
    assert_int_equal(hp_constants_get(c, "kez", 3, 0, fill, &f, &b, NULL), HP_OK);
    f.status = HP_ERROR_IO; /* a failure leaves nothing behind: the next one tries again */
    hp_error error = {0};
    assert_int_equal(hp_constants_get(c, "other", 5, 10, fill, &f, &b, &error), HP_ERROR_IO);
    assert_string_equal(error.message, "cannot");
    f.status = HP_OK;
    assert_int_equal(hp_constants_get(c, "other", 5, 10, fill, &f, &b, &error), HP_OK);
    const hp_tensor tensor = {HP_INT16, {1, false, {3}}}, other = {HP_INT16, {2, false, {1, 3}}};
    static const int16_t content[] = {1, 2, 3}, content2[] = {1, 2, 4};
    const hp_constant *l = hp_constants_literal(c, &tensor, content);
    assert_ptr_equal(l, hp_constants_literal(c, &tensor, content));
    assert_ptr_not_equal(l, hp_constants_literal(c, &tensor, content2));
    assert_ptr_not_equal(l, hp_constants_literal(c, &other, content));
    assert_memory_equal(l->data, content, sizeof content);
    hp_constant *w = hp_constants_weight(c, &tensor);
    assert_null(w->data);
    assert_int_not_equal(w->id, l->id);
    const hp_constant *d;
    f.byte = 1;
    assert_int_equal(hp_constants_derived(c, "derived", 7, &tensor, fill, &f, &d, &error), HP_OK);
    assert_int_equal(((const int16_t *)d->data)[2], 0x0101);
    assert_int_not_equal(d->id, w->id);
    assert_int_equal(hp_constants_derived(c, "derived", 7, &other, fill, &f, &d, &error), HP_ERROR_INTERNAL);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(hp_constants_get(c, &i, sizeof i, 4, fill_nothing, NULL, &a, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(hp_constants_get(c, &i, sizeof i, 4, NULL, NULL, &a, NULL), HP_OK); /* all still there */
    }
    hp_constants_free(c);
    hp_constants_free(NULL);
}

typedef struct job {
    hp_constants *constants;
    filler fillers[20];
} job;

static void *ask(void *argument) {
    job *j = argument;
    for (int k = 0; k < 20; k++) {
        const void *data;
        if (hp_constants_get(j->constants, &k, sizeof k, 64, fill, &j->fillers[k], &data, NULL) != HP_OK) return j;
        for (int i = 0; i < 64; i++)
            if (((const unsigned char *)data)[i] != k) return j;
    }
    return NULL;
}

/* Four threads want the same blobs: each is made once, and nobody sees an unfinished one. */
static void test_constants_threads(void **state) {
    (void)state;
    job j = {.constants = hp_constants_new(0)};
    pthread_t threads[4];
    for (int k = 0; k < 20; k++) j.fillers[k].byte = (unsigned char)k;
    for (int t = 0; t < 4; t++) assert_int_equal(pthread_create(&threads[t], NULL, ask, &j), 0);
    for (int t = 0; t < 4; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        assert_null(failed);
    }
    for (int k = 0; k < 20; k++) assert_int_equal(j.fillers[k].calls, 1);
    hp_constants_free(j.constants);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_shape_broadcast),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_builder),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_constants_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
