/* Every pass: the graph gets smaller in the way it promises, and the answer stays the same. */
#include "prims/attention.h"
#include "prims/elementwise.h"
#include "prims/linear.h"
#include "unit/pass_case.h"

/* ---- merge_projections */

/* x projected to `columns` columns. */
static hp_value projection(fixture *f, hp_value x, int64_t columns, unsigned seed, bool bias) {
    hp_value w = constant(f, 2, (int64_t[]){12, columns}, seed);
    return hp_emit_gemm(&f->r.b, x, w, bias ? constant(f, 1, &columns, seed + 1) : HP_NO_VALUE);
}

/* Attention of 4 heads of 3 over projections of x and y, with views between as MultiHeadAttention makes them. */
static hp_value attention(fixture *f, hp_value x, hp_value y, bool bias) {
    hp_attention_params params = {.heads = 4, .key_heads = 4, .key_size = 3, .value_size = 5, .scale = 0.7F};
    hp_value operands[3] = {
        projection(f, x, 12, 1, bias), projection(f, y, 12, 3, bias), projection(f, y, 20, 5, bias)};
    for (int i = 0; i < 3; i++) {
        int64_t columns = i == 2 ? 20 : 12;
        operands[i] = hp_emit_reshape(&f->r.b, operands[i], 4, (int64_t[]){1, 6, 4, columns / 4});
        operands[i] = hp_emit_reshape(&f->r.b, operands[i], 3, (int64_t[]){1, 6, columns});
    }
    return hp_emit_attention(&f->r.b, operands[0], operands[1], operands[2], HP_NO_VALUE, &params);
}

static void test_merge_projections(void **state) {
    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        fixture f;
        start(&f);
        hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 6, 12});
        check_pass(&f, attention(&f, x, x, bias), hp_pass_merge_projections, 2, 0);
        end(&f);
        start(&f); /* a query of another tensor: keys and values alone */
        x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 6, 12});
        hp_value y = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 6, 12});
        check_pass(&f, attention(&f, x, y, bias), hp_pass_merge_projections, 5, 0);
        end(&f);
    }
}

/* A projection that something else reads as well stays; query and value are joined without it. */
static void test_merge_projections_read_twice(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 6, 12});
    hp_attention_params params = {.heads = 1, .key_heads = 1, .key_size = 12, .value_size = 12, .scale = 0.7F};
    hp_value key = projection(&f, x, 12, 3, true);
    hp_value y =
        hp_emit_attention(b, projection(&f, x, 12, 1, true), key, projection(&f, x, 12, 5, true), HP_NO_VALUE, &params);
    check_pass(&f, hp_emit_binary(b, HP_BINARY_ADD, y, key), hp_pass_merge_projections, 4, 0);
    end(&f);
}

/* ---- dead_code */

static void test_dead_code(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 5});
    hp_value y = relu(&f, x);
    hp_emit_unary(&f.r.b, relu(&f, y), HP_UNARY_TANH, 0, 0, 0);
    check_pass(&f, y, hp_pass_dead_code, 1, 0);
    end(&f);
}

/* ---- fold_constants */

static void test_fold_constants(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 6});
    hp_value c = hp_emit_binary(b, HP_BINARY_ADD, constant(&f, 2, (int64_t[]){2, 3}, 1), hp_emit_float(b, 0.5));
    c = hp_emit_reshape(b, hp_emit_unary(b, c, HP_UNARY_SQUARE, 0, 0, 0), 1, (int64_t[]){6});
    check_pass(&f, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, c), hp_pass_fold_constants, 1, 0);
    size_t bytes = hp_constants_bytes(f.r.constants);
    assert_true(bytes > 0);
    end(&f);
}

/* A failure while folding names the layer. */
static void test_fold_constants_fails(void **state) {
    (void)state;
    fixture f;
    hp_error error = {0};
    start(&f);
    hp_value table = constant(&f, 2, (int64_t[]){4, 3}, 1);
    hp_value index = hp_emit_literal(&f.r.b, HP_INT32, 1, (int64_t[]){1}, (int32_t[]){9});
    set_output(&f, hp_emit_gather(&f.r.b, table, index, 0));
    assert_int_equal(hp_pass_fold_constants(&f.r.graph, f.r.constants, f.r.kernels, &error), HP_ERROR_ROW);
    assert_string_equal(error.where, "test");
    end(&f);
}

/* ---- fuse_epilogue */

static void test_fuse_activation(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_conv_params params = same3x3();
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 3});
    hp_value w = constant(&f, 4, (int64_t[]){3, 3, 3, 8}, 1), bias = constant(&f, 1, (int64_t[]){8}, 2);
    hp_value y = relu(&f, hp_emit_conv(&f.r.b, x, w, bias, &params));
    y = hp_emit_depthwise(&f.r.b, y, constant(&f, 4, (int64_t[]){3, 3, 8, 1}, 3), HP_NO_VALUE, &params);
    y = hp_emit_unary(&f.r.b, y, HP_UNARY_TANH, 0, 0, 0);
    y = hp_emit_gemm(&f.r.b, y, constant(&f, 2, (int64_t[]){8, 4}, 4), HP_NO_VALUE);
    check_pass(&f, hp_emit_unary(&f.r.b, y, HP_UNARY_SIGMOID, 0, 0, 0), hp_pass_fuse_epilogue, 3, 1e-6);
    assert_int_equal(hp_node_linear(last_node(&f))->activation.op, HP_UNARY_SIGMOID);
    end(&f);
}

/* relu(conv + shortcut), the shortcut being another convolution: the later one takes the other as its residual. */
static void test_fuse_residual(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_conv_params params = same3x3();
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 3});
    hp_value w = constant(&f, 4, (int64_t[]){3, 3, 3, 8}, 1), v = constant(&f, 2, (int64_t[]){3, 8}, 2);
    hp_value a = hp_emit_conv(&f.r.b, x, w, HP_NO_VALUE, &params);
    hp_value c = hp_emit_gemm(&f.r.b, x, v, HP_NO_VALUE);
    hp_value y = relu(&f, hp_emit_binary(&f.r.b, HP_BINARY_ADD, a, c));
    check_pass(&f, y, hp_pass_fuse_epilogue, 2, 1e-6);
    assert_ptr_equal(last_node(&f)->prim, &hp_prim_gemm);
    assert_int_equal(last_node(&f)->inputs[HP_LINEAR_RESIDUAL], a);
    assert_int_equal(hp_node_linear(last_node(&f))->activation.op, HP_UNARY_RELU);
    end(&f);
}

/* What others read as well is not fused, nor what has an activation or another shape. */
static void test_fuse_epilogue_keeps(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 6});
    hp_value s = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 1});
    hp_value y = hp_emit_gemm(&f.r.b, x, constant(&f, 2, (int64_t[]){6, 4}, 1), HP_NO_VALUE);
    y = hp_emit_binary(&f.r.b, HP_BINARY_MULTIPLY, y, relu(&f, y));
    hp_value z = hp_emit_gemm(&f.r.b, y, constant(&f, 2, (int64_t[]){4, 5}, 2), HP_NO_VALUE);
    check_pass(&f, hp_emit_binary(&f.r.b, HP_BINARY_ADD, z, s), hp_pass_fuse_epilogue, 5, 0);
    end(&f);
}

/* ---- fuse_depthwise */

/* An inverted residual block over images of size x size, expanded to 48 channels. */
static hp_value inverted_block(fixture *f, int64_t size, hp_value *expanded) {
    hp_conv_params conv = same3x3(), pointwise = {.spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}};
    hp_value x = runner_input(&f->r, HP_FLOAT32, 4, (int64_t[]){1, size, size, 6});
    hp_value y = hp_emit_conv(&f->r.b, x, constant(f, 4, (int64_t[]){1, 1, 6, 48}, 1), HP_NO_VALUE, &pointwise);
    *expanded = y;
    y = hp_emit_depthwise(&f->r.b, y, constant(f, 4, (int64_t[]){3, 3, 48, 1}, 2), HP_NO_VALUE, &conv);
    y = hp_emit_conv(&f->r.b, y, constant(f, 4, (int64_t[]){1, 1, 48, 6}, 3), HP_NO_VALUE, &pointwise);
    return hp_emit_binary(&f->r.b, HP_BINARY_ADD, y, x);
}

static void test_fuse_depthwise(void **state) {
    (void)state;
    /* The last one has a second reader of what is between; small images stay in the cache anyway. */
    static const struct {
        int64_t size;
        bool read_again;
        size_t nodes;
    } cases[] = {{40, false, 1}, {20, false, 3}, {40, true, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        hp_error error = {0};
        start(&f);
        hp_value expanded, y = inverted_block(&f, cases[i].size, &expanded);
        if (cases[i].read_again) y = hp_emit_concat(&f.r.b, (hp_value[]){y, expanded}, 2, 3);
        set_output(&f, y);
        assert_int_equal(hp_pass_fuse_epilogue(&f.r.graph, f.r.constants, f.r.kernels, &error), HP_OK);
        assert_int_equal(hp_pass_dead_code(&f.r.graph, f.r.constants, f.r.kernels, &error), HP_OK);
        check_pass(&f, y, hp_pass_fuse_depthwise, cases[i].nodes, 0);
        end(&f);
    }
}

/* A first layer of `filters` filters in steps of `stride`, and a depthwise convolution of what it makes. */
static hp_value first_layers(fixture *f, int64_t stride, int64_t channels, int64_t filters) {
    hp_conv_params conv = same3x3(), first = same3x3();
    first.strides[0] = first.strides[1] = stride;
    hp_value x = runner_input(&f->r, HP_FLOAT32, 4, (int64_t[]){1, 40 * stride, 40 * stride, channels});
    hp_value w = constant(f, 4, (int64_t[]){3, 3, channels, filters}, 1);
    hp_value y = hp_emit_conv(&f->r.b, x, w, HP_NO_VALUE, &first);
    return hp_emit_depthwise(&f->r.b, y, constant(f, 4, (int64_t[]){3, 3, filters, 1}, 2), HP_NO_VALUE, &conv);
}

static void test_fuse_depthwise_first(void **state) {
    (void)state;
    /* Not where Winograd's tiles may be faster, nor with weights that would have to be read again for every band. */
    static const struct {
        int64_t stride, channels, filters;
        size_t nodes;
    } cases[] = {{2, 3, 48, 1}, {1, 3, 48, 1}, {2, 24, 48, 1}, {1, 24, 48, 2}, {2, 48, 48, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        start(&f);
        hp_value y = first_layers(&f, cases[i].stride, cases[i].channels, cases[i].filters);
        set_output(&f, y);
        check_pass(&f, y, hp_pass_fuse_depthwise, cases[i].nodes, 0);
        end(&f);
    }
}

/* ---- scale_weights */

/* Squeeze and excitation of 10 channels, and a projection to `filters` of them with a residual. */
static hp_value excited(fixture *f, int64_t size, int64_t filters, bool factors_first, hp_value *product) {
    const hp_conv_params pointwise = {.spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}};
    hp_value x = runner_input(&f->r, HP_FLOAT32, 4, (int64_t[]){1, size, size, 10});
    hp_value s = runner_input(&f->r, HP_FLOAT32, 4, (int64_t[]){1, 1, 1, 10});
    *product = factors_first ? hp_emit_binary(&f->r.b, HP_BINARY_MULTIPLY, s, x)
                             : hp_emit_binary(&f->r.b, HP_BINARY_MULTIPLY, x, s);
    hp_value w = constant(f, 4, (int64_t[]){1, 1, 10, filters}, 3), bias = constant(f, 1, &filters, 4);
    hp_value y = hp_emit_conv(&f->r.b, *product, w, bias, &pointwise);
    hp_value residual = runner_input(&f->r, HP_FLOAT32, 4, (int64_t[]){1, size, size, filters});
    return hp_emit_binary(&f->r.b, HP_BINARY_ADD, y, residual);
}

/* As they run: what the first one killed is still there. */
static hp_status fuse_and_scale(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    HP_TRY(hp_pass_fuse_epilogue(graph, constants, kernels, error));
    return hp_pass_scale_weights(graph, constants, kernels, error);
}

static void test_scale_weights(void **state) {
    (void)state;
    /* Not where images are small beside the weights, nor where something else reads the product. */
    static const struct {
        int64_t size, filters;
        bool factors_first, read_again;
        size_t nodes;
    } cases[] = {{9, 5, false, false, 1}, {9, 3, true, false, 1}, {30, 17, true, false, 1}, {4, 17, false, false, 2},
        {9, 5, false, true, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        start(&f);
        hp_value product, y = excited(&f, cases[i].size, cases[i].filters, cases[i].factors_first, &product);
        if (cases[i].read_again) y = hp_emit_concat(&f.r.b, (hp_value[]){y, product}, 2, 3);
        set_output(&f, y);
        check_pass(&f, y, fuse_and_scale, cases[i].nodes, 1e-6);
        if (cases[i].nodes == 1) assert_ptr_equal(last_node(&f)->prim, &hp_prim_conv_scaled);
        end(&f);
    }
}

/* ---- fold_affine */

/* y * scale + offset as BatchNormalization lowers it, with constants of 1 axis or of all. */
static hp_value batch_norm(fixture *f, hp_value y, int64_t columns, unsigned seed) {
    hp_value scale = constant(f, 1, &columns, seed), offset = constant(f, 3, (int64_t[]){1, 1, columns}, seed + 1);
    return hp_emit_binary(&f->r.b, HP_BINARY_ADD, hp_emit_binary(&f->r.b, HP_BINARY_MULTIPLY, y, scale), offset);
}

static void test_fold_affine_conv(void **state) {
    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        fixture f;
        start(&f);
        hp_conv_params params = same3x3();
        hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 3});
        hp_value w = constant(&f, 4, (int64_t[]){3, 3, 3, 8}, 1), v = constant(&f, 1, (int64_t[]){8}, 2);
        hp_value y = hp_emit_conv(&f.r.b, x, w, bias ? v : HP_NO_VALUE, &params);
        check_pass(&f, batch_norm(&f, y, 8, 3), hp_pass_fold_affine, 1, 1e-5);
        end(&f);
    }
}

static void test_fold_affine_depthwise(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_conv_params params = same3x3();
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 3});
    hp_value w = constant(&f, 4, (int64_t[]){3, 3, 3, 2}, 1);
    check_pass(
        &f, batch_norm(&f, hp_emit_depthwise(&f.r.b, x, w, HP_NO_VALUE, &params), 6, 3), hp_pass_fold_affine, 1, 1e-5);
    end(&f);
}

static void test_fold_affine_transpose(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_conv_params params = {.spatial = 2, .strides = {2, 2}, .dilation = {1, 1}};
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 3, 4, 5});
    hp_value w = constant(&f, 4, (int64_t[]){3, 2, 6, 5}, 1);
    check_pass(&f, batch_norm(&f, hp_emit_conv_transpose(&f.r.b, x, w, HP_NO_VALUE, &params), 6, 3),
        hp_pass_fold_affine, 1, 1e-5);
    end(&f);
}

/* Scalars, divisions, subtractions, Rescaling's affine step, transposed weights. */
static void test_fold_affine_gemm(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 6});
    hp_value y = hp_emit_matmul(b, x, constant(&f, 2, (int64_t[]){4, 6}, 1), false, true);
    y = hp_emit_binary(b, HP_BINARY_SUBTRACT, y, constant(&f, 1, (int64_t[]){4}, 2));
    y = hp_emit_binary(b, HP_BINARY_DIVIDE, y, hp_emit_float(b, 3));
    y = hp_emit_unary(b, y, HP_UNARY_AFFINE, 0.5f, 2, 0);
    y = hp_emit_binary(b, HP_BINARY_ADD, hp_emit_float(b, 0.25), y);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, constant(&f, 2, (int64_t[]){1, 4}, 3), y);
    check_pass(&f, y, hp_pass_fold_affine, 1, 1e-5);
    end(&f);
}

/* Not per column; the constant on the wrong side; a second reader. */
static void test_fold_affine_keeps(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 5, 6});
    hp_value y = hp_emit_gemm(b, x, constant(&f, 2, (int64_t[]){6, 4}, 1), HP_NO_VALUE);
    y = hp_emit_binary(b, HP_BINARY_ADD, y, constant(&f, 2, (int64_t[]){5, 1}, 2));
    y = hp_emit_gemm(b, y, constant(&f, 2, (int64_t[]){4, 4}, 3), HP_NO_VALUE);
    y = hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_float(b, 2), y);
    y = hp_emit_gemm(b, y, constant(&f, 2, (int64_t[]){4, 4}, 4), HP_NO_VALUE);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, hp_emit_binary(b, HP_BINARY_ADD, y, hp_emit_float(b, 2)), y);
    check_pass(&f, y, hp_pass_fold_affine, 7, 0);
    end(&f);
}

/* ---- fold_padding */

static void test_fold_padding(void **state) {
    (void)state;
    static const int64_t before[4] = {0, 2, 0, 0}, after[4] = {0, 1, 3, 0}, channels[4] = {0, 0, 0, 1};
    for (int kept = 0; kept < 3; kept++) {
        fixture f;
        start(&f);
        hp_conv_params params = same3x3();
        hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 3});
        hp_value padded = hp_emit_pad(&f.r.b, x, before, kept == 1 ? channels : after, HP_PAD_CONSTANT, kept == 2);
        hp_value w = constant(&f, 4, (int64_t[]){3, 3, kept == 1 ? 4 : 3, 8}, 1);
        hp_value y = hp_emit_conv(&f.r.b, padded, w, HP_NO_VALUE, &params);
        check_pass(&f, y, hp_pass_fold_padding, kept ? 2 : 1, 1e-6);
        end(&f);
    }
}

/* Zeros around a pooling are values, of which some are the greatest; its own padding is none. */
static void test_fold_padding_of_pool(void **state) {
    (void)state;
    static const int64_t one[4] = {0, 1, 1, 0};
    for (int mode = HP_POOL_MAX; mode <= HP_POOL_AVERAGE; mode++)
        for (int own = 0; own < 2; own++) {
            fixture f;
            start(&f);
            const hp_pool_params params = {.spatial = 2,
                .mode = mode,
                .pool_size = {3, 3},
                .strides = {2, 2},
                .pad_before = {own, 0},
                .pad_after = {0, own}};
            hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 7, 6, 19});
            hp_value padded = hp_emit_pad(&f.r.b, x, one, one, HP_PAD_CONSTANT, 0);
            check_pass(&f, hp_emit_pool(&f.r.b, padded, &params), hp_pass_fold_padding, own ? 2 : 1, 0);
            end(&f);
        }
}

/* ---- cancel_transposes */

static const int to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};

/* Channels first: conv, BatchNormalization over axis 1, relu, conv, a shortcut. */
static void test_cancel_transposes(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_conv_params params = same3x3();
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 4, 5, 6});
    hp_value w = constant(&f, 4, (int64_t[]){3, 3, 4, 4}, 1), scale = constant(&f, 3, (int64_t[]){4, 1, 1}, 2);
    hp_value y = hp_emit_conv(b, hp_emit_transpose(b, x, to_last), w, HP_NO_VALUE, &params);
    y = hp_emit_transpose(b, y, to_first);
    y = relu(&f, hp_emit_binary(b, HP_BINARY_MULTIPLY, y, scale));
    y = hp_emit_binary(b, HP_BINARY_ADD, hp_emit_float(b, 0.5), y);
    hp_value a =
        hp_emit_transpose(b, hp_emit_conv(b, hp_emit_transpose(b, y, to_last), w, HP_NO_VALUE, &params), to_first);
    hp_value c =
        hp_emit_transpose(b, hp_emit_conv(b, hp_emit_transpose(b, y, to_last), w, HP_NO_VALUE, &params), to_first);
    y = hp_emit_transpose(b, hp_emit_binary(b, HP_BINARY_MULTIPLY, a, c), to_last);
    y = hp_emit_conv(b, y, w, HP_NO_VALUE, &params);
    /* one transposition at the start, four convolutions, four elementwise nodes */
    check_pass(&f, y, hp_pass_cancel_transposes, 9, 0);
    end(&f);
}

static void test_join_transposes(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 4, 5, 6});
    hp_value y = hp_emit_transpose(&f.r.b, hp_emit_transpose(&f.r.b, x, to_last), to_last);
    check_pass(&f, y, hp_pass_cancel_transposes, 1, 0);
    end(&f);
    start(&f);
    x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 4, 5, 6});
    y = hp_emit_transpose(&f.r.b, hp_emit_transpose(&f.r.b, relu(&f, x), to_last), to_first);
    check_pass(&f, y, hp_pass_cancel_transposes, 1, 0);
    end(&f);
}

/* A transposed tensor that others read stays where it is. */
static void test_cancel_transposes_keeps(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 4, 5});
    hp_value y = hp_emit_transpose(&f.r.b, x, (int[]){0, 2, 1});
    hp_value z = hp_emit_reduce(&f.r.b, y, HP_REDUCTION_MAX, (int[]){1}, 1, true);
    check_pass(&f, hp_emit_binary(&f.r.b, HP_BINARY_ADD, relu(&f, y), z), hp_pass_cancel_transposes, 4, 0);
    end(&f);
}

/* ---- fuse_elementwise */

static void test_fuse_elementwise(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 5, 6});
    hp_value s = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 5, 1});
    hp_value y = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, constant(&f, 1, (int64_t[]){6}, 1));
    hp_value gate = hp_emit_unary(b, y, HP_UNARY_SIGMOID, 0, 0, 0);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, gate); /* a diamond */
    hp_value positive = hp_emit_compare(b, HP_GREATER, y, hp_emit_float(b, 0));
    y = hp_emit_select(b, positive, hp_emit_binary(b, HP_BINARY_ADD, y, s), x);
    check_pass(&f, y, hp_pass_fuse_elementwise, 1, 0);
    assert_int_equal(((const hp_elementwise_params *)last_node(&f)->params)->step_count, 6);
    end(&f);
}

/* A smaller producer would be computed again for every element; one that is an output is needed. */
static void test_fuse_elementwise_keeps(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 5, 6});
    hp_value s = runner_input(&f.r, HP_FLOAT32, 3, (int64_t[]){1, 5, 1});
    check_pass(&f, hp_emit_binary(&f.r.b, HP_BINARY_ADD, x, relu(&f, s)), hp_pass_fuse_elementwise, 2, 0);
    end(&f);
}

/* More steps than a program holds: several programs. */
static void test_fuse_elementwise_limit(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 6}), y = x;
    for (int i = 0; i < 2 * HP_MAX_ELEMENTWISE_STEPS; i++) y = hp_emit_binary(&f.r.b, HP_BINARY_ADD, y, x);
    check_pass(&f, y, hp_pass_fuse_elementwise, 2, 0);
    end(&f);
}

/* ---- all of them */

/* pad, conv without bias, BatchNormalization from its statistics, relu, gemm, residual, chain. */
static void test_optimise(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    hp_conv_params params = same3x3();
    static const int64_t one[4] = {0, 1, 1, 0};
    params.pad_before[0] = params.pad_before[1] = params.pad_after[0] = params.pad_after[1] = 0;
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 8});
    hp_value y = hp_emit_pad(b, x, one, one, HP_PAD_CONSTANT, 0);
    y = hp_emit_conv(b, y, constant(&f, 4, (int64_t[]){3, 3, 8, 8}, 1), HP_NO_VALUE, &params);
    hp_value variance = hp_emit_unary(b, constant(&f, 1, (int64_t[]){8}, 2), HP_UNARY_SQUARE, 0, 0, 0);
    hp_value scale =
        hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_ADD, variance, hp_emit_float(b, 1e-3)), HP_UNARY_RSQRT, 0, 0, 0);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, scale);
    y = relu(&f, hp_emit_binary(b, HP_BINARY_ADD, y, constant(&f, 1, (int64_t[]){8}, 3)));
    y = hp_emit_gemm(b, y, constant(&f, 2, (int64_t[]){8, 8}, 4), constant(&f, 1, (int64_t[]){8}, 5));
    y = hp_emit_binary(b, HP_BINARY_ADD, y, x);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, hp_emit_unary(b, y, HP_UNARY_SIGMOID, 0, 0, 0));
    hp_emit_compare(b, HP_GREATER, y, x); /* a mask that nobody reads */
    check_pass(&f, y, hp_graph_optimise, 3, 1e-5);
    end(&f);
}

/* A joined node names every layer it stands for, in the order of the model, and each once. */
static void test_origins(void **state) {
    (void)state;
    static const char *const expected[] = {"padding", "convolution", "normalisation", "activation"};
    fixture f;
    start(&f);
    hp_builder *b = &f.r.b;
    const int64_t one[] = {0, 1, 1, 0};
    hp_conv_params params = same3x3();
    params.pad_before[0] = params.pad_before[1] = params.pad_after[0] = params.pad_after[1] = 0;
    hp_value y = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 8});
    hp_value w = constant(&f, 4, (int64_t[]){3, 3, 8, 8}, 1), scale = constant(&f, 1, (int64_t[]){8}, 2);
    b->layer = expected[0];
    y = hp_emit_pad(b, y, one, one, HP_PAD_CONSTANT, 0);
    b->layer = expected[1];
    y = hp_emit_conv(b, y, w, HP_NO_VALUE, &params);
    b->layer = expected[2];
    y = hp_emit_binary(b, HP_BINARY_ADD, hp_emit_binary(b, HP_BINARY_MULTIPLY, y, scale), scale);
    b->layer = expected[3];
    y = relu(&f, y);
    check_pass(&f, y, hp_graph_optimise, 1, 1e-5);
    const hp_origin *origin = last_node(&f)->origins;
    for (int i = 0; i < 4; i++, origin = origin->next) {
        assert_non_null(origin);
        assert_string_equal(origin->layer, expected[i]);
    }
    assert_null(origin);
    assert_string_equal(last_node(&f)->layer, expected[1]);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_projections),
        cmocka_unit_test(test_merge_projections_read_twice),
        cmocka_unit_test(test_dead_code),
        cmocka_unit_test(test_fold_constants),
        cmocka_unit_test(test_fold_constants_fails),
        cmocka_unit_test(test_fuse_activation),
        cmocka_unit_test(test_fuse_residual),
        cmocka_unit_test(test_fuse_epilogue_keeps),
        cmocka_unit_test(test_fuse_depthwise),
        cmocka_unit_test(test_fuse_depthwise_first),
        cmocka_unit_test(test_scale_weights),
        cmocka_unit_test(test_fold_affine_conv),
        cmocka_unit_test(test_fold_affine_depthwise),
        cmocka_unit_test(test_fold_affine_transpose),
        cmocka_unit_test(test_fold_affine_gemm),
        cmocka_unit_test(test_fold_affine_keeps),
        cmocka_unit_test(test_fold_padding),
        cmocka_unit_test(test_fold_padding_of_pool),
        cmocka_unit_test(test_cancel_transposes),
        cmocka_unit_test(test_join_transposes),
        cmocka_unit_test(test_cancel_transposes_keeps),
        cmocka_unit_test(test_fuse_elementwise),
        cmocka_unit_test(test_fuse_elementwise_keeps),
        cmocka_unit_test(test_fuse_elementwise_limit),
        cmocka_unit_test(test_optimise),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
