/* pass_case.h: a small graph, a pass over it, and what it gives before and after: for tests of passes. */
#ifndef HP_TESTS_PASS_CASE_H
#define HP_TESTS_PASS_CASE_H

#include "graph/passes.h"
#include "unit/prim_runner.h"

enum { ROWS = 7 };

typedef hp_status pass(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error);

typedef struct fixture {
    runner r;
    float *inputs[4]; /* filled when first run */
} fixture;

static inline void start(fixture *f) {
    memset(f, 0, sizeof *f);
    runner_start(&f->r, hp_kernels_select(NULL));
}

static inline void end(fixture *f) {
    for (int i = 0; i < 4; i++) free(f->inputs[i]);
    runner_end(&f->r);
}

static inline void set_output(fixture *f, hp_value output) {
    runner_check(&f->r);
    f->r.graph.outputs = hp_arena_copy(&f->r.graph.arena, &output, sizeof output);
    f->r.graph.output_count = 1;
}

static inline float *run(fixture *f) {
    for (size_t i = 0; i < f->r.graph.input_count; i++)
        if (!f->inputs[i])
            f->inputs[i] =
                random_floats(runner_bytes(&f->r, f->r.graph.inputs[i], ROWS) / sizeof(float), (unsigned)i + 50);
    return runner_run_all_ways(&f->r, (const void *const *)f->inputs, ROWS, f->r.graph.outputs[0]);
}

/* Runs the pass and dead_code; the graph then has `nodes` nodes and gives the same numbers within the tolerance. */
static inline void check_pass(fixture *f, hp_value output, pass *tested, size_t nodes, double tolerance) {
    hp_error error = {0};
    set_output(f, output);
    hp_shape shape = f->r.graph.values[output].tensor.shape;
    size_t n = runner_bytes(&f->r, output, ROWS) / sizeof(float);
    float *before = run(f);
    if (tested(&f->r.graph, f->r.constants, f->r.kernels, &error) != HP_OK) fail_msg("%s", error.message);
    assert_int_equal(hp_pass_dead_code(&f->r.graph, f->r.constants, f->r.kernels, &error), HP_OK);
    assert_int_equal(f->r.graph.node_count, nodes);
    assert_true(hp_shape_equal(&shape, &f->r.graph.values[f->r.graph.outputs[0]].tensor.shape));
    float *after = run(f);
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(after[i] - before[i]) <= tolerance * (1 + fabsf(before[i]))))
            fail_msg("element %zu: %.9g, was %.9g", i, (double)after[i], (double)before[i]);
    free(before);
    free(after);
}

static inline hp_value constant(fixture *f, int rank, const int64_t *dims, unsigned seed) {
    return runner_random(&f->r, rank, dims, seed, NULL);
}

static inline hp_value relu(fixture *f, hp_value x) {
    return hp_emit_unary(&f->r.b, x, HP_UNARY_RELU, 0, INFINITY, 0);
}

static inline hp_conv_params same3x3(void) {
    return (hp_conv_params){
        .spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}};
}

static inline const hp_node *last_node(const fixture *f) {
    return &f->r.graph.nodes[f->r.graph.node_count - 1];
}

#endif
