/* prim_runner.h: makes small graphs with the builder and runs them node by node, for tests of primitives and passes.
 *
 * Rows go through in tiles of a chosen size and every node's range is cut into pieces that are run one by one, so that
 * a test can ask for the same bytes whatever the tile and the split. Workspaces are filled with NaN before each run
 * and end in guard bytes. */
#ifndef HP_TESTS_PRIM_RUNNER_H
#define HP_TESTS_PRIM_RUNNER_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/prim.h"

typedef struct runner {
    hp_constants *constants;
    hp_graph graph;
    hp_builder b;
    const hp_kernels *kernels;
} runner;

static inline void runner_start(runner *r, const hp_kernels *kernels) {
    memset(r, 0, sizeof *r);
    r->constants = hp_constants_new(0);
    assert_non_null(r->constants);
    r->b.graph = &r->graph;
    r->b.constants = r->constants;
    r->b.layer = "test";
    r->kernels = kernels;
}

static inline void runner_end(runner *r) {
    hp_graph_release(&r->graph);
    hp_constants_free(r->constants);
}

/* Numbers between -1 and 1 that repeat from run to run. */
static inline float *random_floats(size_t n, unsigned seed) {
    float *x = malloc((n ? n : 1) * sizeof *x);
    uint64_t state = 0x9e3779b97f4a7c15u * (seed + 1);
    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(state >> 33) / 1073741824.0 - 1.0);
    }
    return x;
}

static inline hp_value runner_input(runner *r, hp_dtype dtype, int rank, const int64_t *dims) {
    hp_tensor tensor = {dtype, {.rank = rank, .rows = true}};
    for (int i = 0; i < rank; i++) tensor.shape.dims[i] = dims[i];
    return hp_emit_input(&r->b, &tensor);
}

/* A constant with random content; *data (may be NULL) is its copy, freed by the caller. */
static inline hp_value runner_random(runner *r, int rank, const int64_t *dims, unsigned seed, float **data) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    float *x = random_floats(n, seed);
    hp_value value = hp_emit_floats(&r->b, rank, dims, x);
    if (data)
        *data = x;
    else
        free(x);
    return value;
}

static inline void runner_check(const runner *r) {
    if (r->b.status != HP_OK) fail_msg("%s: %s", r->b.error.where, r->b.error.message);
}

static inline size_t runner_bytes(const runner *r, hp_value value, int64_t rows) {
    const hp_tensor *t = &r->graph.values[value].tensor;
    size_t n = (size_t)hp_shape_elements(&t->shape) * hp_dtype_size(t->dtype);
    return t->shape.rows ? n * (size_t)rows : n;
}

/* One node on one tile, its range in pieces of `piece` (0: in one go). */
static inline void runner_node(runner *r, const hp_node *node, void **buffers, int64_t rows, int64_t piece) {
    const hp_prim *prim = node->prim;
    hp_error error = {0};
    if (prim->alias) {
        memcpy(buffers[node->outputs[0]], buffers[node->inputs[0]], runner_bytes(r, node->inputs[0], rows));
        return;
    }
    void *state = NULL;
    hp_prepare prepare = {&r->graph, node, r->kernels, r->constants, NULL, false};
    if (prim->prepare && prim->prepare(&prepare, &state, &error) != HP_OK) fail_msg("%s", error.message);
    size_t workspace = prim->workspace ? prim->workspace(state, rows) : 0;
    unsigned char *memory = hp_alloc_aligned(workspace + 64);
    const void *inputs[64] = {0};
    void *outputs[16] = {0};
    assert_true(node->input_count <= 64 && node->output_count <= 16);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] == HP_NO_VALUE ? NULL : buffers[node->inputs[i]];
    for (int i = 0; i < node->output_count; i++) outputs[i] = buffers[node->outputs[i]];
    int64_t range = prim->range(state, rows);
    assert_true(range >= 1);
    for (int64_t begin = 0; begin < range;) {
        int64_t end = piece && begin + piece < range ? begin + piece : range;
        memset(memory, 0xff, workspace + 64);
        hp_run run = {inputs, outputs, rows, begin, end, memory, &error};
        if (prim->run(state, &run) != HP_OK) fail_msg("%s: %s", prim->name, error.message);
        for (size_t i = 0; i < 64; i++) assert_int_equal(memory[workspace + i], 0xff);
        begin = end;
    }
    hp_free(memory);
    if (prim->release) prim->release(state);
}

/* Runs the graph on `rows` rows of every input, in tiles of `tile` rows (0: all); returns `output`'s bytes, freed by
 * the caller. */
static inline void *runner_run(
    runner *r, const void *const *inputs, int64_t rows, int64_t tile, int64_t piece, hp_value output) {
    runner_check(r);
    char *result = malloc(runner_bytes(r, output, rows) + 1);
    if (tile == 0) tile = rows;
    void **buffers = calloc(r->graph.value_count, sizeof *buffers);
    for (int64_t first = 0; first == 0 || first < rows; first += tile ? tile : 1) {
        int64_t n = first + tile < rows ? tile : rows - first;
        for (size_t v = 0; v < r->graph.value_count; v++) {
            size_t bytes = runner_bytes(r, (hp_value)v, n);
            if (r->graph.values[v].within != HP_NO_VALUE) continue;
            buffers[v] = hp_alloc_aligned(bytes + 64);
            memset(buffers[v], 0xff, bytes + 64);
            if (r->graph.values[v].constant) memcpy(buffers[v], r->graph.values[v].constant->data, bytes);
        }
        for (size_t v = 0; v < r->graph.value_count; v++) { /* places within others */
            int64_t column;
            hp_value home = hp_value_home(&r->graph, (hp_value)v, &column);
            if (home != (hp_value)v)
                buffers[v] = (char *)buffers[home] + (size_t)column * hp_dtype_size(r->graph.values[v].tensor.dtype);
        }
        for (size_t i = 0; i < r->graph.input_count; i++) {
            size_t bytes = runner_bytes(r, r->graph.inputs[i], 1);
            memcpy(buffers[r->graph.inputs[i]], (const char *)inputs[i] + (size_t)first * bytes, bytes * (size_t)n);
        }
        for (size_t i = 0; i < r->graph.node_count; i++) runner_node(r, &r->graph.nodes[i], buffers, n, piece);
        size_t bytes = runner_bytes(r, output, 1);
        size_t offset = r->graph.values[output].tensor.shape.rows ? (size_t)first * bytes : 0;
        memcpy(result + offset, buffers[output], runner_bytes(r, output, n));
        for (size_t v = 0; v < r->graph.value_count; v++) {
            if (r->graph.values[v].within != HP_NO_VALUE) continue;
            for (size_t i = 0; i < 64; i++)
                assert_int_equal(((unsigned char *)buffers[v])[runner_bytes(r, (hp_value)v, n) + i], 0xff);
            hp_free(buffers[v]);
        }
    }
    free(buffers);
    return result;
}

/* Runs in one go and again in several tilings and splits; all must give the same bytes. Returns the output. */
static inline float *runner_run_all_ways(runner *r, const void *const *inputs, int64_t rows, hp_value output) {
    static const int64_t ways[][2] = {{0, 1}, {1, 0}, {1, 3}, {2, 1}, {3, 2}, {7, 5}};
    void *whole = runner_run(r, inputs, rows, 0, 0, output);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        void *again = runner_run(r, inputs, rows, ways[i][0], ways[i][1], output);
        if (memcmp(whole, again, runner_bytes(r, output, rows)) != 0)
            fail_msg("tiles of %d rows, pieces of %d: other bytes", (int)ways[i][0], (int)ways[i][1]);
        free(again);
    }
    free(runner_run(r, inputs, 0, 0, 0, output)); /* no rows: no work, no harm */
    return whole;
}

/* |a - b| <= tolerance * (1 + |b|) for every element. */
static inline void assert_close(const float *a, const double *b, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - b[i]) <= tolerance * (1 + fabs(b[i]))))
            fail_msg("element %zu of %zu: %.9g, expected %.9g", i, n, (double)a[i], b[i]);
}

/* Calls `test` with every ISA of this build that the machine has. */
static inline void runner_each_isa(void (*test)(const hp_kernels *kernels)) {
    for (size_t i = 0; hp_kernels_isa_name(i); i++)
        if (hp_kernels_isa_usable(i)) test(hp_kernels_select(hp_kernels_isa_name(i)));
}

#endif
