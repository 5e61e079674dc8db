/* test_exec_custom.c: layers whose code is registered: shapes, weights, masks, arguments, and what is refused. The models
 * and Keras's outputs are made by tools/make_custom_files.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "hornpipe.h"

#define DATA HP_SOURCE_DIR "/tests/data/custom/"

/* ---- the code: Mixed, Parts and a Lambda of make_custom_files.py */

static double number_after(const char *json, const char *key, double fallback) {
    const char *at = strstr(json, key);
    return at ? strtod(at + strlen(key), NULL) : fallback;
}

static const hp_custom_tensor *weight(const hp_custom_call *call, const char *by_path, const char *by_order) {
    for (size_t i = 0; i < call->weight_count; i++) {
        const char *name = call->weights[i].name;
        size_t length = strlen(name), tail = strlen(by_order);
        if (strcmp(name, by_path) == 0 || (length >= tail && strcmp(name + length - tail, by_order) == 0))
            return &call->weights[i];
    }
    return NULL;
}

static hp_status mixed_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)count, (void)error;
    outputs[0] = call->inputs[0];
    outputs[0].shape[outputs[0].rank - 1] = (int64_t)number_after(call->config, "\"units\": ", 0);
    return HP_OK;
}

static hp_status mixed_run(void *context, const hp_custom_call *call, hp_error *error) {
    const float *gain = weight(call, "vars/0", "/gain")->data, *offset = weight(call, "vars/1", "/offset")->data;
    const hp_custom_tensor *kernel = weight(call, "mix/vars/0", "/kernel");
    const float *k = kernel->data, *bias = weight(call, "mix/vars/1", "/bias")->data, *x = call->inputs[0].data;
    const uint8_t *mask = NULL;
    float *y = call->outputs[0].data;
    int64_t in = kernel->shape[0], out = kernel->shape[1];
    double power = number_after(call->config, "\"power\": ", 1),
           scale = number_after(call->arguments, "\"scale\": ", 1);
    (void)context, (void)error;
    if (call->input_count == 2 && strcmp(call->inputs[1].name, "mask") == 0) mask = call->inputs[1].data;
    for (int64_t r = 0; r < call->inputs[0].elements / in; r++)
        for (int64_t j = 0; j < out; j++) {
            double sum = (double)bias[j];
            for (int64_t i = 0; i < in; i++) sum += (double)x[r * in + i] * (double)k[i * out + j];
            y[r * out + j] =
                (float)((double)gain[j] * pow(fabs(sum), power) * scale) + (!mask || mask[r] ? offset[j] : 0);
        }
    return HP_OK;
}

static hp_status parts_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)error;
    *count = 2;
    outputs[0] = outputs[1] = call->inputs[0];
    outputs[0].shape[outputs[0].rank - 1] = (int64_t)number_after(call->config, "\"first\": ", 0);
    outputs[1].shape[outputs[1].rank - 1] = 1;
    return HP_OK;
}

static hp_status parts_run(void *context, const hp_custom_call *call, hp_error *error) {
    const hp_custom_tensor *in = &call->inputs[0];
    int64_t n = in->shape[in->rank - 1], first = call->outputs[0].shape[in->rank - 1];
    const float *x = in->data;
    float *y = call->outputs[0].data, *sum = call->outputs[1].data;
    (void)context, (void)error;
    for (int64_t r = 0; r < in->elements / n; r++) {
        sum[r] = 0;
        for (int64_t i = 0; i < n; i++) {
            if (i < first)
                y[r * first + i] = x[r * n + i];
            else
                sum[r] += x[r * n + i];
        }
    }
    return HP_OK;
}

static hp_status same_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)count, (void)error;
    outputs[0] = call->inputs[0];
    return HP_OK;
}

static hp_status halve(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    (void)context, (void)error;
    for (int64_t i = 0; i < call->inputs[0].elements; i++) y[i] = x[i] / 2;
    return HP_OK;
}

#define CODE(class_, name_, shape_, run_)                                                                              \
    {                                                                                                                  \
        .struct_size = sizeof(hp_custom_layer), .class_name = (class_), .name = (name_), .shape = (shape_),            \
        .run = (run_)                                                                                                  \
    }

enum { LAYERS = 3 };

static void make_layers(hp_custom_layer *layers) {
    const hp_custom_layer all[LAYERS] = {CODE("Mixed", NULL, mixed_shape, mixed_run),
        CODE("demo>Parts", NULL, parts_shape, parts_run), CODE("Lambda", "halve", same_shape, halve)};
    memcpy(layers, all, sizeof all);
    layers[0].takes_mask = layers[0].passes_mask = 1;
}

/* ---- against Keras */

static hp_status open_with(
    const char *path, const hp_custom_layer *layers, size_t count, hp_model **model, hp_error *error) {
    hp_model_options options = {.struct_size = sizeof options, .custom_layers = layers, .custom_layer_count = count};
    return hp_model_open(path, &options, model, error);
}

static hp_array load(const char *name) {
    char path[512];
    hp_array array = {0};
    snprintf(path, sizeof path, DATA "%s", name);
    assert_int_equal(hp_array_load(&(hp_file){.path = path}, &array, NULL), HP_OK);
    return array;
}

static void assert_near(const hp_array *found, const hp_array *expected) {
    int64_t n = 1;
    assert_int_equal(found->rank, expected->rank);
    for (int i = 0; i < found->rank; i++) {
        assert_int_equal(found->shape[i], expected->shape[i]);
        n *= found->shape[i];
    }
    for (int64_t i = 0; i < n; i++) {
        double a = (double)((const float *)found->data)[i], b = (double)((const float *)expected->data)[i];
        if (!(fabs(a - b) <= 1e-5 * (1 + fabs(b)))) fail_msg("element %d: %g, expected %g", (int)i, a, b);
    }
}

static void check_model(const char *name, const char *extension, size_t outputs) {
    char path[512], file[64];
    hp_custom_layer layers[LAYERS];
    hp_model *model;
    hp_error error;
    make_layers(layers);
    snprintf(path, sizeof path, DATA "%s.%s", name, extension);
    if (open_with(path, layers, LAYERS, &model, &error) != HP_OK) fail_msg("%s: %s", error.where, error.message);
    memset(layers, 0, sizeof layers); /* they were copied */
    snprintf(file, sizeof file, "%s_inputs.npy", name);
    hp_array x = load(file);
    for (int batch = 1; batch <= 8; batch *= 2) { /* tiles of every size, on one thread and on several */
        hp_array y[2] = {{0}};
        hp_predict_options options = {.struct_size = sizeof options, .jobs = batch > 2 ? 3 : 1, .batch_size = batch};
        if (hp_model_predict(model, &x, 1, y, outputs, &options, &error) != HP_OK)
            fail_msg("%s: %s", error.where, error.message);
        for (size_t i = 0; i < outputs; i++) {
            snprintf(file, sizeof file, "%s_outputs_%d.npy", name, (int)i);
            hp_array expected = load(file);
            assert_near(&y[i], &expected);
            hp_array_free(&expected);
            hp_array_free(&y[i]);
        }
    }
    hp_array_free(&x);
    hp_model_close(model);
}

static void in_a_model_with_masks(void **state) {
    (void)state;
    check_model("sequences", "keras", 2);
    check_model("sequences", "h5", 2);
}

static void in_a_nested_model(void **state) {
    (void)state;
    check_model("nested", "keras", 1);
    check_model("nested", "h5", 1);
}

/* ---- what is refused */

static void all_that_is_missing_is_listed(void **state) {
    (void)state;
    hp_custom_layer layers[LAYERS];
    hp_report *report;
    make_layers(layers);
    hp_model_options options = {.struct_size = sizeof options, .custom_layers = layers, .custom_layer_count = 1};
    assert_int_equal(hp_report_open(DATA "sequences.keras", &options, &report, NULL), HP_OK);
    assert_int_equal(hp_report_count(report), 2);
    assert_non_null(strstr(hp_report_reason(report, 0)->where, "\"parts\" (Parts)"));
    assert_non_null(strstr(hp_report_reason(report, 1)->where, "\"halve\" (Lambda)"));
    assert_non_null(strstr(hp_report_reason(report, 1)->message, "register"));
    hp_report_close(report);
}

static void half_a_registration(void **state) {
    (void)state;
    hp_custom_layer layers[] = {CODE("Mixed", NULL, mixed_shape, NULL)};
    hp_model *model;
    hp_error error;
    assert_int_equal(open_with(DATA "nested.keras", layers, 1, &model, &error), HP_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "run function"));
    assert_null(model);
}

static hp_status refuse_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)call, (void)outputs, (void)count;
    snprintf(error->message, sizeof error->message, "%s", (const char *)context);
    return HP_ERROR_UNSUPPORTED;
}

static hp_status no_rows(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)count, (void)error;
    outputs[0] = call->inputs[0];
    outputs[0].shape[0] = 4;
    return HP_OK;
}

static hp_status too_many(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)call, (void)outputs, (void)error;
    *count = HP_CUSTOM_MAX_OUTPUTS + 1;
    return HP_OK;
}

static void shapes_that_will_not_do(void **state) {
    (void)state;
    hp_custom_layer layers[] = {CODE("Mixed", NULL, refuse_shape, mixed_run)};
    hp_model *model;
    hp_error error;
    layers[0].context = (void *)(uintptr_t) "only on Tuesdays";
    assert_int_equal(open_with(DATA "nested.keras", layers, 1, &model, &error), HP_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "only on Tuesdays"));
    assert_non_null(strstr(error.where, "\"inner_mixed\" (Mixed)"));
    layers[0].shape = no_rows;
    assert_int_equal(open_with(DATA "nested.keras", layers, 1, &model, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "without rows"));
    layers[0].shape = too_many;
    assert_int_equal(open_with(DATA "nested.keras", layers, 1, &model, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "17 outputs"));
}

/* ---- while it runs */

static hp_status bad_at_five(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    (void)context;
    for (int64_t i = 0; i < call->inputs[0].elements; i++) {
        if (x[i] > 1e6F) {
            error->row = i / call->inputs[0].shape[1];
            snprintf(error->message, sizeof error->message, "%g is too much", (double)x[i]);
            return HP_ERROR_ROW;
        }
        y[i] = 0;
    }
    return HP_OK;
}

static void a_bad_row_is_told(void **state) {
    (void)state;
    hp_custom_layer layers[] = {CODE("Swish", NULL, same_shape, bad_at_five), CODE("Lambda", NULL, same_shape, halve)};
    float rows[9][4] = {{0}}, y[9][3];
    hp_array in = {.data = rows, .dtype = HP_FLOAT32, .rank = 2, .shape = {9, 4}};
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {9, 3}};
    hp_model *model;
    hp_error error;
    for (int i = 0; i < 4; i++) rows[5][i] = 1e9F;
    assert_int_equal(open_with(HP_SOURCE_DIR "/examples/custom_layer.keras", layers, 2, &model, &error), HP_OK);
    for (int batch = 1; batch < 16; batch *= 2) {
        hp_predict_options options = {.struct_size = sizeof options, .jobs = 1, .batch_size = batch};
        assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, &options, &error), HP_ERROR_ROW);
        assert_int_equal(error.row, 5);
        assert_non_null(strstr(error.message, "too much"));
        assert_non_null(strstr(error.where, "\"swish\" (Swish)"));
    }
    hp_model_close(model);
}

/* Takes off the mean of the batch. */
static hp_status centre(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    int64_t rows = call->inputs[0].shape[0], n = call->inputs[0].shape[1];
    (void)context, (void)error;
    for (int64_t j = 0; j < n; j++) {
        float sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += x[i * n + j];
        for (int64_t i = 0; i < rows; i++) y[i * n + j] = x[i * n + j] - sum / (float)rows;
    }
    return HP_OK;
}

static void whole_batches(void **state) {
    (void)state;
    hp_custom_layer layers[] = {CODE("Swish", NULL, same_shape, centre), CODE("Lambda", NULL, same_shape, halve)};
    float rows[9][4], y[9][3], sum = 0;
    hp_array in = {.data = rows, .dtype = HP_FLOAT32, .rank = 2, .shape = {9, 4}};
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {9, 3}};
    hp_model *model;
    hp_model_info info;
    for (int i = 0; i < 36; i++) rows[i / 4][i % 4] = (float)(i * 7 % 11);
    layers[0].mixes_rows = 1;
    assert_int_equal(open_with(HP_SOURCE_DIR "/examples/custom_layer.keras", layers, 2, &model, NULL), HP_OK);
    hp_model_describe(model, &info);
    assert_int_equal(info.mixes_rows, 1);
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    for (int i = 0; i < 9; i++) sum += y[i][0];
    assert_true(fabsf(sum) < 1e-3F && fabsf(y[0][0]) > 1e-3F);
    hp_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_model_with_masks),
        cmocka_unit_test(in_a_nested_model),
        cmocka_unit_test(all_that_is_missing_is_listed),
        cmocka_unit_test(half_a_registration),
        cmocka_unit_test(shapes_that_will_not_do),
        cmocka_unit_test(a_bad_row_is_told),
        cmocka_unit_test(whole_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
