/* test_layers_old.c: layers that the installed Keras cannot save any more, or not by itself, against their definitions
 * written out in double precision: those of Keras 1 and 2, and the private ones of keras.applications. */
#include "unit/prim_runner.h"
#include "layers/layer.h"
#include "network_case.h"

enum { ROWS = 3 };

typedef struct old_layer {
    runner r;
    hp_arena arena;
    hp_reasons reasons;
    hp_layer *layer;
    hp_value output;
    const float *weights[4]; /* in the order of the file */
    float *owned[4];
    float *inputs[2];
} old_layer;

/* Parses the layer, lowers it on `count` inputs of these dims, and fills its weights. */
static void open_old(
    old_layer *o, const hp_kernels *kernels, const char *text, int count, int rank, const int64_t *dims) {
    memset(o, 0, sizeof *o);
    runner_start(&o->r, kernels);
    hp_layer_scope scope = {.arena = &o->arena, .reasons = &o->reasons, .family = 2};
    o->layer = hp_layer_new(&scope, parse_json(&o->arena, text), "test");
    if (!o->layer) fail_msg("%s: %s: %s", text, o->reasons.at[0].where, o->reasons.at[0].message);
    hp_value values[2];
    hp_arg items[2];
    size_t elements = ROWS;
    for (int i = 0; i < rank; i++) elements *= (size_t)dims[i];
    for (int i = 0; i < count; i++) {
        values[i] = runner_input(&o->r, HP_FLOAT32, rank, dims);
        items[i] = (hp_arg){.kind = HP_ARG_TENSOR, .tensor = values[i]};
        o->inputs[i] = random_floats(elements, (unsigned)i);
        for (size_t k = 0; k < elements; k++) o->inputs[i][k] *= 3;
    }
    hp_arg list = {.kind = HP_ARG_LIST, .items = items, .item_count = (size_t)count};
    hp_call call = {.inputs = values, .input_count = (size_t)count, .args = count > 1 ? &list : items, .arg_count = 1};
    hp_layer_call_full(&o->r.b, o->layer, &call);
    runner_check(&o->r);
    assert_int_equal(call.output_count, 1);
    o->output = call.outputs[0];
    assert_true(o->layer->weight_count <= 4);
    for (size_t i = 0; i < o->layer->weight_count; i++) {
        hp_constant *constant = o->layer->weights[i].constant;
        o->owned[i] = random_floats((size_t)hp_shape_elements(&constant->tensor.shape), (unsigned)i + 7);
        o->weights[i] = constant->data = o->owned[i];
    }
}

static void close_old(old_layer *o) {
    for (int i = 0; i < 4; i++) free(o->owned[i]);
    for (int i = 0; i < 2; i++) free(o->inputs[i]);
    runner_end(&o->r);
    hp_reasons_release(&o->reasons);
    hp_arena_release(&o->arena);
}

static void check_output(old_layer *o, const double *wanted, size_t n) {
    const hp_shape *shape = hp_builder_shape(&o->r.b, o->output);
    assert_int_equal(hp_shape_elements(shape) * ROWS, n);
    float *got = runner_run_all_ways(&o->r, (const void *const *)o->inputs, ROWS, o->output);
    assert_close(got, wanted, n, 1e-5);
    free(got);
    close_old(o);
}

/* ---- masks of merged tensors */

/* A step's mask: any of its features is above 0. */
static bool is_kept(const float *features, int n) {
    bool kept = false;
    for (int i = 0; i < n; i++) kept = kept || features[i] > 0;
    return kept;
}

/* The layer on two masked tensors: its output, or that one's mask as numbers. */
static void merge_masked(old_layer *o, const hp_kernels *kernels, const char *name, int family, bool of_mask) {
    enum { STEPS = 6, N = 2, last = 2 };
    memset(o, 0, sizeof *o);
    runner_start(&o->r, kernels);
    hp_layer_scope scope = {.arena = &o->arena, .reasons = &o->reasons, .family = family};
    char text[64];
    snprintf(text, sizeof text, "{'class_name': '%s', 'config': {'name': 'm'}}", name);
    o->layer = hp_layer_new(&scope, parse_json(&o->arena, text), "test");
    assert_non_null(o->layer);
    hp_builder *b = &o->r.b;
    hp_value values[2];
    for (int i = 0; i < 2; i++) {
        values[i] = runner_input(&o->r, HP_FLOAT32, 3, (const int64_t[]){1, STEPS, N});
        o->inputs[i] = random_floats(ROWS * STEPS * N, (unsigned)i);
        hp_value above = hp_emit_compare(b, HP_GREATER, values[i], hp_emit_float(b, 0));
        hp_builder_set_mask(b, values[i], hp_emit_reduce(b, above, HP_REDUCTION_ANY, (const int[]){last}, 1, false));
    }
    hp_arg items[2] = {{.kind = HP_ARG_TENSOR, .tensor = values[0]}, {.kind = HP_ARG_TENSOR, .tensor = values[1]}};
    hp_arg list = {.kind = HP_ARG_LIST, .items = items, .item_count = 2};
    hp_call call = {.inputs = values, .input_count = 2, .args = &list, .arg_count = 1};
    hp_layer_call_full(b, o->layer, &call);
    o->output = of_mask ? hp_emit_cast(b, hp_builder_mask(b, call.outputs[0]), HP_FLOAT32) : call.outputs[0];
    runner_check(&o->r);
}

static void merged_masks(const hp_kernels *kernels) {
    enum { STEPS = ROWS * 6, N = 2 };
    static const char *const names[] = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"};
    for (size_t k = 0; k < COUNT(names); k++)
        for (int family = 2; family <= 3; family++) {
            old_layer o;
            double wanted[STEPS];
            merge_masked(&o, kernels, names[k], family, true);
            for (int i = 0; i < STEPS; i++) {
                bool x = is_kept(o.inputs[0] + i * N, N), y = is_kept(o.inputs[1] + i * N, N);
                wanted[i] = family == 2 ? x && y : x || y;
            }
            check_output(&o, wanted, STEPS);
        }
}

/* Masked elements count as they are. */
static void merged_values(const hp_kernels *kernels) {
    enum { ALL = ROWS * 12 };
    static const char *const names[] = {"Multiply", "Maximum", "Minimum"};
    for (int k = 0; k < 3; k++) {
        old_layer o;
        double wanted[ALL];
        merge_masked(&o, kernels, names[k], 2, false);
        for (int i = 0; i < ALL; i++) {
            double x = o.inputs[0][i], y = o.inputs[1][i];
            wanted[i] = k == 0 ? x * y : k == 1 ? fmax(x, y) : fmin(x, y);
        }
        check_output(&o, wanted, ALL);
    }
}

/* ---- Keras 1 */

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void maxout(const hp_kernels *kernels) {
    enum { IN = 5, OUT = 4, FEATURES = 3 };
    old_layer o;
    double wanted[ROWS * OUT];
    open_old(&o, kernels, "{'class_name': 'MaxoutDense', 'config': {'units': 4, 'nb_feature': 3, 'use_bias': true}}", 1,
        2, (const int64_t[]){1, IN});
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < OUT; u++) {
            double best = -1e300;
            for (int f = 0; f < FEATURES; f++) {
                double sum = o.weights[1][f * OUT + u];
                for (int i = 0; i < IN; i++)
                    sum += (double)o.inputs[0][r * IN + i] * o.weights[0][(f * IN + i) * OUT + u];
                best = sum > best ? sum : best;
            }
            wanted[r * OUT + u] = best;
        }
    check_output(&o, wanted, ROWS * OUT);
}

static void highway(const hp_kernels *kernels) {
    enum { N = 4 };
    old_layer o;
    double wanted[ROWS * N];
    open_old(&o, kernels, "{'class_name': 'Highway', 'config': {'activation': 'tanh', 'use_bias': true}}", 1, 2,
        (const int64_t[]){1, N});
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < N; u++) {
            double made = o.weights[2][u], carry = o.weights[3][u], x = o.inputs[0][r * N + u];
            for (int i = 0; i < N; i++) {
                made += (double)o.inputs[0][r * N + i] * o.weights[0][i * N + u];
                carry += (double)o.inputs[0][r * N + i] * o.weights[1][i * N + u];
            }
            wanted[r * N + u] = tanh(made) * sigmoid(carry) + (1 - sigmoid(carry)) * x;
        }
    check_output(&o, wanted, ROWS * N);
}

static double larger(double x, double y) {
    return x > y ? x : y;
}

static void activations(const hp_kernels *kernels) {
    enum { N = 12, ALL = ROWS * N };
    static const char *const names[] = {"ThresholdedReLU", "ParametricSoftplus", "SReLU"};
    static const char *const configs[] = {"'theta': 0.5", "'alpha_init': 0.2, 'beta_init': 5.0",
        "'t_left_init': 'zero', 'a_left_init': 'zero', 't_right_init': 'zero', 'a_right_init': 'one'"};
    for (int k = 0; k < 3; k++) {
        old_layer o;
        char text[256];
        double wanted[ALL];
        snprintf(text, sizeof text, "{'class_name': '%s', 'config': {%s}}", names[k], configs[k]);
        open_old(&o, kernels, text, 1, 3, (const int64_t[]){1, 3, 4});
        for (int i = 0; i < ALL; i++) {
            double x = o.inputs[0][i], w[4] = {0};
            for (size_t j = 0; j < o.layer->weight_count; j++) w[j] = o.weights[j][i % N];
            if (k == 0) wanted[i] = x > 0.5 ? x : 0;
            if (k == 1) wanted[i] = log1p(exp(w[1] * x)) * w[0];
            if (k == 2) {
                double left = w[0], right = w[0] + fabs(w[2]);
                double center = larger(x - left, 0) < right - left ? larger(x - left, 0) : right - left;
                wanted[i] = left + center - w[1] * larger(left - x, 0) + w[3] * larger(x - right, 0);
            }
        }
        check_output(&o, wanted, ALL);
    }
}

/* ---- LocallyConnected1D, LocallyConnected2D: the three ways to store one kernel */

typedef struct local {
    int implementation, spatial;
    bool same, first;
    int64_t in[2], kernel[2], stride[2], channels, filters;
} local;

/* The weight from an input to an output, both by their flat index. */
static float weight_of(int64_t out, int64_t in) {
    return (float)((out * 31 + in * 17) % 23 - 11) / 8;
}

static int64_t outputs_along(const local *l, int axis) {
    int64_t last = l->same ? l->in[axis] : l->in[axis] - l->kernel[axis] + 1;
    return (last + l->stride[axis] - 1) / l->stride[axis];
}

static int64_t flat_index(const local *l, const int64_t *size, int64_t y, int64_t x, int64_t c, int64_t channels) {
    return l->first ? (c * size[0] + y) * size[1] + x : (y * size[1] + x) * channels + c;
}

static bool sees(const local *l, int axis, int64_t place, int64_t in) {
    int64_t begin = place * l->stride[axis] - (l->same ? l->kernel[axis] / 2 : 0);
    return in >= begin && in < begin + l->kernel[axis];
}

/* Whether an output sees an input, both by their flat index. */
static bool connection(const local *l, const int64_t *out_size, int64_t out, int64_t in) {
    int64_t out_area = out_size[0] * out_size[1], in_area = l->in[0] * l->in[1];
    int64_t out_place = l->first ? out % out_area : out / l->filters;
    int64_t in_place = l->first ? in % in_area : in / l->channels;
    return sees(l, 0, out_place / out_size[1], in_place / l->in[1]) &&
           sees(l, 1, out_place % out_size[1], in_place % l->in[1]);
}

static void fill_windows(const local *l, const int64_t *out_size, float *kernel) {
    for (int64_t p = 0; p < out_size[0] * out_size[1]; p++)
        for (int64_t i = 0; i < l->kernel[0] * l->kernel[1] * l->channels; i++)
            for (int64_t f = 0; f < l->filters; f++) {
                int64_t area = l->kernel[0] * l->kernel[1], tap = l->first ? i % area : i / l->channels;
                int64_t c = l->first ? i / area : i % l->channels, oy = p / out_size[1], ox = p % out_size[1];
                int64_t in = flat_index(l, l->in, oy * l->stride[0] + tap / l->kernel[1],
                    ox * l->stride[1] + tap % l->kernel[1], c, l->channels);
                *kernel++ = weight_of(flat_index(l, out_size, oy, ox, f, l->filters), in);
            }
}

static void check_local(const hp_kernels *kernels, const local *l) {
    char text[400], sizes[2][32];
    int64_t out_size[2] = {outputs_along(l, 0), outputs_along(l, 1)}, dims[4] = {1};
    int64_t inputs = l->in[0] * l->in[1] * l->channels, outputs = out_size[0] * out_size[1] * l->filters;
    snprintf(sizes[0], 32, l->spatial == 1 ? "[%d]" : "[%d, %d]", (int)l->kernel[0], (int)l->kernel[1]);
    snprintf(sizes[1], 32, l->spatial == 1 ? "[%d]" : "[%d, %d]", (int)l->stride[0], (int)l->stride[1]);
    snprintf(text, sizeof text,
        "{'class_name': 'LocallyConnected%dD', 'config': {'filters': %d, 'kernel_size': %s, 'strides': %s, 'padding': "
        "'%s', 'data_format': '%s', 'activation': 'linear', 'use_bias': true, 'implementation': %d}}",
        l->spatial, (int)l->filters, sizes[0], sizes[1], l->same ? "same" : "valid",
        l->first ? "channels_first" : "channels_last", l->implementation);
    int rank = 1;
    if (l->first) dims[rank++] = l->channels;
    for (int i = 0; i < l->spatial; i++) dims[rank++] = l->in[i];
    if (!l->first) dims[rank++] = l->channels;
    old_layer o;
    open_old(&o, kernels, text, 1, rank, dims);
    float *kernel = o.owned[0];
    if (l->implementation == 1) fill_windows(l, out_size, kernel);
    for (int64_t in = 0; l->implementation == 2 && in < inputs; in++)
        for (int64_t out = 0; out < outputs; out++) kernel[in * outputs + out] = weight_of(out, in);
    for (int64_t out = 0; l->implementation == 3 && out < outputs; out++)
        for (int64_t in = 0; in < inputs; in++)
            if (connection(l, out_size, out, in)) *kernel++ = weight_of(out, in);
    double *wanted = calloc((size_t)(ROWS * outputs), sizeof *wanted);
    for (int64_t i = 0; i < ROWS * outputs; i++) {
        wanted[i] = o.weights[1][i % outputs];
        for (int64_t in = 0; in < inputs; in++)
            if (connection(l, out_size, i % outputs, in))
                wanted[i] += (double)o.inputs[0][i / outputs * inputs + in] * weight_of(i % outputs, in);
    }
    check_output(&o, wanted, (size_t)(ROWS * outputs));
    free(wanted);
}

static void locally_connected(const hp_kernels *kernels) {
    for (int implementation = 1; implementation <= 3; implementation++)
        for (int same = 0; same <= (implementation > 1); same++)
            for (int first = 0; first <= 1; first++) {
                local line = {implementation, 1, same, first, {7, 1}, {3, 1}, {2, 1}, 2, 3};
                local image = {implementation, 2, same, first, {5, 4}, {2, 3}, {1, 1}, 3, 2};
                if (same) line.kernel[0] = 4;
                check_local(kernels, &line);
                check_local(kernels, &image);
            }
}

/* ---- keras.applications */

static void applications(const hp_kernels *kernels) {
    enum { N = 6 };
    old_layer o;
    double wanted[ROWS * N];
    open_old(&o, kernels, "{'class_name': 'LayerScale', 'config': {'init_values': 1e-6, 'projection_dim': 3}}", 1, 3,
        (const int64_t[]){1, 2, 3});
    for (int i = 0; i < ROWS * N; i++) wanted[i] = (double)o.inputs[0][i] * o.weights[0][i % 3];
    check_output(&o, wanted, ROWS * N);
    open_old(
        &o, kernels, "{'class_name': 'CustomScaleLayer', 'config': {'scale': 0.17}}", 2, 3, (const int64_t[]){1, 2, 3});
    for (int i = 0; i < ROWS * N; i++) wanted[i] = (double)o.inputs[0][i] + 0.17 * (double)o.inputs[1][i];
    check_output(&o, wanted, ROWS * N);
    open_old(&o, kernels, "{'class_name': 'StochasticDepth', 'config': {'drop_path_rate': 0.4}}", 1, 3,
        (const int64_t[]){1, 2, 3});
    assert_int_equal(o.output, o.r.graph.inputs[0]);
    close_old(&o);
}

static void test_merged(void **state) {
    (void)state;
    runner_each_isa(merged_masks);
    runner_each_isa(merged_values);
}

static void test_keras1(void **state) {
    (void)state;
    runner_each_isa(maxout);
    runner_each_isa(highway);
    runner_each_isa(activations);
}

static void test_locally_connected(void **state) {
    (void)state;
    runner_each_isa(locally_connected);
}

static void test_applications(void **state) {
    (void)state;
    runner_each_isa(applications);
}

/* `.h5` files have the name of the Python class, `.keras` files the exported one. */
static void test_two_names(void **state) {
    (void)state;
    const hp_layer_class *exported = hp_layer_class_find("GroupQueryAttention", "keras.layers");
    const hp_layer_class *python = hp_layer_class_find("GroupedQueryAttention", NULL);
    assert_non_null(exported);
    assert_non_null(python);
    assert_ptr_equal(exported->lower, python->lower);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged),
        cmocka_unit_test(test_keras1),
        cmocka_unit_test(test_locally_connected),
        cmocka_unit_test(test_applications),
        cmocka_unit_test(test_two_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
