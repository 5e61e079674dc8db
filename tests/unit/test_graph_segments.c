/* Segments of different tiles, nested or one behind the other: a plan gives the bytes of its nodes run one by one, alone
 * and by parts, and keeps what crosses segments no longer than it must. */
#include "graph/plan.h"
#include "unit/prim_runner.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { ROWS = 11, PARTS = 3 };

typedef struct fixture {
    runner r;
    hp_value x, y;
    float *data, *wanted;
    size_t bytes;
    hp_plan *plan;
} fixture;

static hp_value dense(fixture *f, hp_value x, int64_t k, int64_t n, unsigned seed) {
    return hp_emit_gemm(&f->r.b, x, runner_random(&f->r, 2, (int64_t[]){k, n}, seed, NULL), HP_NO_VALUE);
}

static hp_value conv(fixture *f, hp_value x, int64_t channels, int64_t filters, int64_t stride, unsigned seed) {
    hp_conv_params params = {
        .spatial = 2, .groups = 1, .strides = {stride, stride}, .dilation = {1, 1}, .pad_before = {1, 1}};
    params.pad_after[0] = params.pad_after[1] = 1;
    hp_value w = runner_random(&f->r, 4, (int64_t[]){3, 3, channels, filters}, seed, NULL);
    return hp_emit_unary(&f->r.b, hp_emit_conv(&f->r.b, x, w, HP_NO_VALUE, &params), HP_UNARY_TANH, 0, 0, 0);
}

/* A plan for a machine with a second level of `level2` bytes. */
static void make_plan(fixture *f, size_t level2) {
    hp_error error = {0};
    runner_check(&f->r);
    f->r.graph.outputs = hp_arena_copy(&f->r.graph.arena, &f->y, sizeof f->y);
    f->r.graph.output_count = 1;
    f->bytes = runner_bytes(&f->r, f->y, ROWS);
    f->data = random_floats(runner_bytes(&f->r, f->x, ROWS) / sizeof(float), 9);
    f->wanted = runner_run(&f->r, (const void *[]){f->data}, ROWS, 0, 0, f->y);
    hp_plan_options options = {.level1 = level2 / 16, .level2 = level2};
    if (hp_plan_new(&f->r.graph, f->r.constants, f->r.kernels, &options, &f->plan, &error) != HP_OK)
        fail_msg("%s", error.message);
}

typedef struct parts {
    fixture *f;
    void *memory, *got;
    hp_sharing sharing;
    _Atomic int next;
    int64_t rows;
} parts;

static void idle(int times) {
    if (times > 100) sched_yield();
}

static void *run_part(void *context) {
    parts *p = context;
    const hp_plan *plan = p->f->plan;
    void *workspace = hp_alloc_aligned(plan->workspace_bytes + 64);
    hp_part part = {.part = atomic_fetch_add(&p->next, 1),
        .parts = PARTS,
        .workspace = workspace,
        .sharing = &p->sharing,
        .idle = idle};
    hp_plan_run_part(plan, p->memory, (const void *[]){p->f->data}, &p->got, p->rows, &part);
    hp_free(workspace);
    return NULL;
}

/* By parts of which only `coming` come: the others' work is done for them. */
static void check_parts(fixture *f, void *memory, void *got, int64_t rows, int coming) {
    parts p = {.f = f, .memory = memory, .got = got, .rows = rows};
    pthread_t threads[PARTS];
    memset(got, 0xff, f->bytes);
    for (int i = 0; i < coming; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_part, &p), 0);
    for (int i = 0; i < coming; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&p.sharing.failed), HP_OK);
    assert_memory_equal(got, f->wanted, (size_t)rows * (f->bytes / ROWS));
}

/* Alone in blocks, then by parts; and memory that is written over shows. */
static void check_and_end(fixture *f) {
    hp_error error = {0};
    const hp_plan *plan = f->plan;
    size_t row_bytes = f->bytes / ROWS, input_bytes = plan->slots[plan->graph.inputs[0]].row_bytes;
    void *memory = hp_alloc_aligned(hp_plan_memory(plan) + 64);
    char *got = malloc(f->bytes);
    int64_t block = plan->block_rows < ROWS ? plan->block_rows : ROWS;
    memset(memory, 0xff, hp_plan_memory(plan));
    hp_plan_bind(plan, memory);
    for (int64_t row = 0; row < ROWS; row += block) {
        int64_t rows = ROWS - row < block ? ROWS - row : block;
        const void *in = (char *)f->data + (size_t)row * input_bytes;
        void *out = got + (size_t)row * row_bytes;
        if (hp_plan_run(plan, memory, &in, &out, rows, NULL, &error) != HP_OK) fail_msg("%s", error.message);
    }
    assert_memory_equal(got, f->wanted, f->bytes);
    for (int coming = 1; coming <= PARTS; coming++)
        for (int turn = 0; turn < 20; turn++) check_parts(f, memory, got, block, coming);
    hp_plan_free(f->plan);
    hp_free(memory), free(got), free(f->data), free(f->wanted);
    runner_end(&f->r);
}

/* Large images one by one, small ones a few at a time, a Dense layer many: each nests those before it. */
static void test_nested(void **state) {
    (void)state;
    fixture f = {0};
    runner_start(&f.r, hp_kernels_select(NULL));
    f.x = runner_input(&f.r, HP_FLOAT32, 4, (int64_t[]){1, 40, 40, 3});
    f.y = conv(&f, f.x, 3, 8, 4, 1);
    hp_value early = hp_emit_reduce(&f.r.b, f.y, HP_REDUCTION_MEAN, (int[]){1, 2}, 2, false); /* read at the end */
    f.y = conv(&f, f.y, 8, 32, 4, 2);
    f.y = conv(&f, f.y, 32, 32, 1, 3);
    f.y = hp_emit_reshape(&f.r.b, f.y, 2, (int64_t[]){1, 288});
    f.y = dense(&f, hp_emit_concat(&f.r.b, (hp_value[]){f.y, early}, 2, 1), 296, 90, 4);
    make_plan(&f, 24 << 10);
    assert_true(f.plan->segment_count >= 3);
    const hp_segment *last = &f.plan->segments[f.plan->segment_count - 1];
    assert_int_equal(last->nest, 0);
    assert_int_equal(f.plan->segments[0].tile_rows, 1);
    for (size_t g = 1; g < f.plan->segment_count; g++)
        assert_true(f.plan->segments[g].tile_rows > f.plan->segments[g - 1].tile_rows);
    /* What the first segment makes for the second is kept for the second's tile. */
    bool nested = false;
    for (size_t v = 0; v < f.plan->slot_count; v++)
        nested |= f.plan->slots[v].kind == HP_SLOT_BLOCK && f.plan->slots[v].index == 1;
    assert_true(nested);
    check_and_end(&f);
}

/* A large tile first, and in the middle again: what follows with smaller ones is not nested. */
static void test_side_by_side(void **state) {
    (void)state;
    fixture f = {0};
    runner_start(&f.r, hp_kernels_select(NULL));
    f.x = runner_input(&f.r, HP_FLOAT32, 2, (int64_t[]){1, 60});
    f.y = dense(&f, f.x, 60, 300, 1);
    f.y = conv(&f, hp_emit_reshape(&f.r.b, f.y, 4, (int64_t[]){1, 10, 10, 3}), 3, 30, 1, 2);
    f.y = conv(&f, f.y, 30, 4, 3, 3);
    f.y = dense(&f, hp_emit_reshape(&f.r.b, f.y, 2, (int64_t[]){1, 64}), 64, 300, 4);
    f.y = conv(&f, hp_emit_reshape(&f.r.b, f.y, 4, (int64_t[]){1, 10, 10, 3}), 3, 30, 1, 5);
    make_plan(&f, 24 << 10);
    assert_true(f.plan->segment_count >= 4);
    bool nests = false, beside = false;
    for (size_t g = 1; g < f.plan->segment_count; g++) {
        nests |= f.plan->segments[g].nest < g;
        beside |= f.plan->segments[g].nest == g;
    }
    assert_true(nests && beside);
    check_and_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested), cmocka_unit_test(test_side_by_side)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
