/* test_graph_tiles.c: the static rule for tiles and segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include "graph/tiles.h"

static const hp_plan_options machine = {.level1 = 32 << 10, .level2 = 512 << 10};

static void small_values_fit_the_first_cache(void **state) {
    (void)state;
    hp_step_cost costs[2] = {{.live_bytes = 40, .flops = 128}, {.live_bytes = 80, .flops = 512}};
    int64_t tiles[2];
    hp_tiles_choose(costs, 2, &machine, 6, tiles);
    assert_int_equal(tiles[0], tiles[1]); /* one segment */
    assert_int_equal(tiles[0] % 6, 0);    /* whole micro-tiles */
    assert_true(tiles[0] >= 256 && tiles[0] * 80 <= 32 << 10);
}

static void steps_cost_more_than_the_second_cache(void **state) {
    (void)state; /* the first cache holds 48 rows of these: too few for what each tile costs anew */
    hp_step_cost costs[2] = {{.live_bytes = 296, .flops = 1280}, {.live_bytes = 512, .flops = 8192}};
    int64_t tiles[2];
    hp_tiles_choose(costs, 2, &machine, 6, tiles);
    assert_int_equal(tiles[0], tiles[1]);
    assert_true(tiles[0] >= 256 && tiles[0] * 512 <= 256 << 10);
}

static void large_values_go_row_by_row(void **state) {
    (void)state;
    hp_step_cost cost = {.live_bytes = 6 << 20, .flops = 1e8};
    int64_t tile;
    hp_tiles_choose(&cost, 1, &machine, 6, &tile);
    assert_int_equal(tile, 1);
}

static void heavy_weights_get_a_segment(void **state) {
    (void)state; /* a large image, then a Dense layer of 100 MB, then small ones that stay with it */
    hp_step_cost costs[3] = {{.live_bytes = 6 << 20, .flops = 1e9, .weight_bytes = 1 << 20},
        {.live_bytes = 100 << 10, .flops = 5e7, .weight_bytes = 100 << 20}, {.live_bytes = 16 << 10, .flops = 8000}};
    int64_t tiles[3];
    hp_tiles_choose(costs, 3, &machine, 6, tiles);
    assert_int_equal(tiles[0], 1);
    assert_true(tiles[1] >= 32);
    assert_true(tiles[1] % 6 == 0);
}

static void heavy_convolutions_reuse_weights_over_pixels(void **state) {
    (void)state; /* 9 MB of weights, but 98 pixels use each: two rows hide the reading, and their values stay near */
    hp_step_cost costs[2] = {
        {.live_bytes = 2 << 20, .flops = 2e8}, {.live_bytes = 200 << 10, .flops = 4.6e8, .weight_bytes = 9 << 20}};
    int64_t tiles[2];
    hp_tiles_choose(costs, 2, &machine, 6, tiles);
    assert_int_equal(tiles[0], 1);
    assert_int_equal(tiles[1], 2);
    costs[1].live_bytes = 4 << 20; /* they would not stay near */
    hp_tiles_choose(costs, 2, &machine, 6, tiles);
    assert_int_equal(tiles[1], 1);
    costs[1].flops = 1.8e9; /* 196 pixels and more: one row does */
    costs[1].live_bytes = 200 << 10;
    hp_tiles_choose(costs, 2, &machine, 6, tiles);
    assert_int_equal(tiles[1], 1);
}

static void algorithms_may_want_rows(void **state) {
    (void)state; /* transformed weights of 40 MB over images of four tiles: a segment of its own among single images */
    hp_step_cost costs[3] = {{.live_bytes = 2 << 20, .flops = 2e8},
        {.live_bytes = 200 << 10, .flops = 4.6e8, .rows = 12}, {.live_bytes = 2 << 20}};
    int64_t tiles[3];
    hp_tiles_choose(costs, 3, &machine, 6, tiles);
    assert_int_equal(tiles[0], 1);
    assert_int_equal(tiles[1], 12);
    assert_int_equal(tiles[2], 1);
}

/* Rows in tiles of at most `most`, one behind the other: how many the longest has more than the shortest. */
static int64_t unevenness(int64_t most, int64_t rows, int64_t *tiles) {
    int64_t longest = 0, shortest = rows, next;
    *tiles = 0;
    for (int64_t left = rows; left > 0; left -= next, ++*tiles) {
        next = hp_tiles_next(most, left, 6);
        assert_true(next >= 1 && next <= most && next <= left);
        if (next > longest) longest = next;
        if (next < shortest) shortest = next;
    }
    return longest - shortest;
}

static void tiles_are_of_one_length(void **state) {
    (void)state;
    int64_t tiles;
    for (int64_t most = 1; most <= 48; most++)
        for (int64_t rows = 1; rows < 200; rows++) {
            assert_true(unevenness(most, rows, &tiles) <= 1);
            assert_int_equal(tiles, (rows + most - 1) / most); /* no more than it takes */
        }
    assert_int_equal(hp_tiles_next(192, 1000, 6), 168); /* long ones have no row left over, but for the last */
    assert_true(unevenness(192, 1000, &tiles) < 192 / 2);
    assert_int_equal(tiles, 6);
}

static void asked_for(void **state) {
    (void)state;
    hp_step_cost costs[2] = {{.live_bytes = 100}, {.live_bytes = 100 << 10, .flops = 5e7, .weight_bytes = 100 << 20}};
    hp_plan_options options = machine;
    options.tile_rows = 17;
    int64_t tiles[2];
    hp_tiles_choose(costs, 2, &options, 6, tiles);
    assert_int_equal(tiles[0], 17);
    assert_int_equal(tiles[1], 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_values_fit_the_first_cache),
        cmocka_unit_test(steps_cost_more_than_the_second_cache),
        cmocka_unit_test(large_values_go_row_by_row),
        cmocka_unit_test(heavy_weights_get_a_segment),
        cmocka_unit_test(heavy_convolutions_reuse_weights_over_pixels),
        cmocka_unit_test(algorithms_may_want_rows),
        cmocka_unit_test(tiles_are_of_one_length),
        cmocka_unit_test(asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
