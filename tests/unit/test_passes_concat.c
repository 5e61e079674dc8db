/* concat_in_place: parts are made where they will lie; the copies go, and the answer stays the same bit by bit. */
#include "unit/pass_case.h"

static hp_value conv3x3(fixture *f, hp_value x, int64_t channels, int64_t filters, unsigned seed) {
    hp_conv_params params = same3x3();
    hp_value w = constant(f, 4, (int64_t[]){3, 3, channels, filters}, seed);
    return hp_emit_conv(&f->r.b, x, w, HP_NO_VALUE, &params);
}

static hp_value beside(fixture *f, hp_value x, hp_value y) {
    return hp_emit_concat(&f->r.b, (hp_value[]){x, y}, 2, -1);
}

/* As in a U-Net: a skip connection that something else reads as well, beside what is sampled up. Through tiles (16 filters)
 * and directly (5); the reader of both is a convolution of one tap or of nine. */
static void test_concat_in_place(void **state) {
    (void)state;
    const hp_pool_params pool = {.spatial = 2, .pool_size = {2, 2}, .strides = {2, 2}};
    for (int64_t filters = 5; filters < 17; filters += 11) {
        fixture f;
        start(&f);
        hp_builder *b = &f.r.b;
        hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, 13});
        hp_value skip = conv3x3(&f, x, 13, filters, 1);
        hp_value low = hp_emit_repeat(b, hp_emit_pool(b, skip, &pool), 1, 2);
        hp_value both = beside(&f, skip, hp_emit_repeat(b, low, 2, 2));
        hp_value y = hp_emit_gemm(b, both, constant(&f, 2, (int64_t[]){2 * filters, 7}, 2), HP_NO_VALUE);
        check_pass(&f, beside(&f, y, conv3x3(&f, both, 2 * filters, filters, 3)), hp_pass_concat_in_place, 6, 0);
        end(&f);
    }
}

/* As in a DenseNet: each joint value is a part of the next. */
static void test_concat_in_place_nested(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = conv3x3(&f, runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 6, 5, 12}), 12, 24, 1), scale, y;
    for (unsigned i = 0; i < 3; i++) {
        scale = constant(&f, 1, (int64_t[]){24 + 9 * i}, 10 + i);
        y = hp_emit_binary(&f.r.b, HP_BINARY_MULTIPLY, i == 1 ? scale : x, i == 1 ? x : scale);
        y = relu(&f, hp_emit_binary(&f.r.b, HP_BINARY_ADD, y, scale));
        x = beside(&f, x, conv3x3(&f, y, 24 + 9 * i, 9, 20 + i));
    }
    check_pass(&f, relu(&f, x), hp_pass_concat_in_place, 14, 0);
    assert_int_equal(hp_value_pitch(&f.r.graph, f.r.graph.nodes[0].outputs[0]), 51);
    check_pass(&f, f.r.graph.outputs[0], hp_pass_fuse_elementwise, 8, 1e-4); /* normalisations in one go */
    end(&f);
}

/* A part of one column, which an elementwise step reads as well: that step would find other parts' columns between its elements. */
static void test_concat_in_place_one_column(void **state) {
    (void)state;
    fixture f;
    start(&f);
    hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 6, 5, 12});
    hp_value one = conv3x3(&f, x, 12, 1, 1), joint = beside(&f, conv3x3(&f, x, 12, 4, 2), one);
    check_pass(&f, beside(&f, joint, relu(&f, one)), hp_pass_concat_in_place, 5, 0);
    end(&f);
}

/* What cannot be made or read in its place is copied: an input, a value twice, what has a residual, what a view reads. */
static void test_concat_in_place_keeps(void **state) {
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        fixture f;
        start(&f);
        hp_builder *b = &f.r.b;
        hp_value x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 6, 5, 12});
        hp_value y = conv3x3(&f, x, 12, 12, 1), z = kind == 0 ? x : y, last = HP_NO_VALUE;
        if (kind == 2) z = hp_emit_binary(b, HP_BINARY_ADD, conv3x3(&f, y, 12, 12, 2), y);
        if (kind == 3) z = hp_emit_reshape(b, relu(&f, y), 4, (int64_t[]){1, 6, 5, 12});
        if (kind == 4) last = hp_emit_softmax(b, z = conv3x3(&f, y, 12, 12, 2), -1, false);
        hp_value joint = beside(&f, y, z);
        if (last != HP_NO_VALUE) joint = beside(&f, joint, last);
        set_output(&f, joint);
        if (kind == 2) {
            hp_error error;
            assert_int_equal(hp_pass_fuse_epilogue(&f.r.graph, f.r.constants, f.r.kernels, &error), HP_OK);
            assert_int_equal(hp_pass_dead_code(&f.r.graph, f.r.constants, f.r.kernels, &error), HP_OK);
        }
        check_pass(&f, joint, hp_pass_concat_in_place, f.r.graph.node_count, 0);
        assert_ptr_equal(last_node(&f)->prim, &hp_prim_concat);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concat_in_place),
        cmocka_unit_test(test_concat_in_place_nested),
        cmocka_unit_test(test_concat_in_place_one_column),
        cmocka_unit_test(test_concat_in_place_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
