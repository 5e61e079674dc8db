/* test_nodes.c: several NUMA nodes, as hwloc's synthetic topologies describe them: who works where, and that each node has
 * packed weights of its own while the results stay the same. Each test is a process, since a process looks once. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/nodes.h"
#include "exec/exec.h"

#define MODEL HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"

enum { ROWS = 20000 };

/* Whether hwloc can be asked at all: asked in a process of its own. */
static int is_told_apart(void) {
    return hp_nodes_count() == 2 ? 0 : 1;
}

static int exit_code(const char *topology, int (*body)(void)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("HWLOC_SYNTHETIC", topology, 1);
        _exit(body());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Runs `body` in a process for which the machine is `topology`: 0 where all was as it should be. */
static void on_machine(const char *topology, int (*body)(void)) {
    if (exit_code("node:2 core:2 pu:1", is_told_apart) != 0) skip(); /* hwloc is not there */
    assert_int_equal(exit_code(topology, body), 0);
}

#define CHECK(condition)                                                                                               \
    if (!(condition)) return __LINE__ % 255 + 1

static int two_nodes(void) {
    static const int of_four[] = {0, 0, 1, 1}, of_three[] = {0, 0, 1};
    CHECK(hp_nodes_count() == 2);
    for (int w = 0; w < 4; w++) CHECK(hp_nodes_of_worker(w, 4) == of_four[w]);
    for (int w = 0; w < 3; w++) CHECK(hp_nodes_of_worker(w, 3) == of_three[w]);
    CHECK(hp_nodes_of_worker(0, 1) == 0);
    CHECK(hp_nodes_of_workers(1) == 1 && hp_nodes_of_workers(2) == 3 && hp_nodes_of_workers(100) == 3);
    char text[2048];
    hp_describe_cores(4, text, sizeof text);
    CHECK(strstr(
        text, "2 NUMA nodes: workers 0 to 1 on node 0, workers 2 to 3 on node 1, each node with packed weights"));
    return 0;
}

/* hwloc takes the topology for this machine's: so nodes are those with CPUs of the affinity mask, and threads are bound. */
static int bound_to_cpus(void) {
    cpu_set_t mask;
    setenv("HWLOC_THISSYSTEM", "1", 1);
    CHECK(hp_nodes_count() == 2);
    hp_nodes_bind_thread(1);
    CHECK(sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) == 1 && CPU_ISSET(1, &mask));
    hp_nodes_bind_thread(0);
    CHECK(sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) == 1 && CPU_ISSET(0, &mask));
    char block[3 * 65536] = "x";
    hp_nodes_place(1, block, sizeof block); /* the node is not really there: nothing happens */
    CHECK(block[0] == 'x');
    return 0;
}

static int one_node(void) {
    CHECK(hp_nodes_count() == 1 && hp_nodes_of_workers(8) == 1 && hp_nodes_of_worker(7, 8) == 0);
    return 0;
}

static int one_node_left(void) {
    setenv("HWLOC_THISSYSTEM", "1", 1);
    return one_node();
}

static hp_status predict(hp_model *model, const float *x, float *y, int jobs) {
    hp_array in = {.data = (void *)x, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 10}};
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 1}};
    hp_predict_options options = {.struct_size = sizeof options, .jobs = jobs};
    return hp_model_predict(model, &in, 1, &out, 1, &options, NULL);
}

static int weights_per_node(void) {
    static float x[ROWS * 10], one[ROWS], four[ROWS];
    hp_model *model;
    for (int i = 0; i < ROWS * 10; i++) x[i] = (float)(i % 97) / 50 - 1;
    CHECK(hp_model_open(MODEL, NULL, &model, NULL) == HP_OK);
    CHECK(predict(model, x, one, 1) == HP_OK);
    CHECK(model->constants[0] && !model->constants[1]); /* one worker needs one copy */
    CHECK(predict(model, x, four, 4) == HP_OK);
    CHECK(!memcmp(one, four, sizeof one));
    CHECK(model->constants[1] && !model->constants[2]);
    size_t packed = hp_constants_bytes(model->constants[1]); /* literals are on node 0 alone */
    CHECK(packed > 4929 * sizeof(float) * 9 / 10 && packed <= hp_constants_bytes(model->constants[0]));
    const hp_plan *near = model->plans[0]->of_node[0], *far = model->plans[0]->of_node[1];
    CHECK(near && far && near != far && near->constants != far->constants);
    hp_model_close(model);
    return 0;
}

static int weights_per_node_of_processes(void) {
    static float x[ROWS * 10], one[ROWS], four[ROWS];
    hp_model *model;
    hp_predictor *predictor;
    for (int i = 0; i < ROWS * 10; i++) x[i] = (float)(i % 89) / 40 - 1;
    CHECK(hp_model_open(MODEL, NULL, &model, NULL) == HP_OK);
    CHECK(predict(model, x, one, 1) == HP_OK);
    hp_predictor_options options = {.struct_size = sizeof options, .backend = HP_BACKEND_PROCESSES, .jobs = 4};
    CHECK(hp_predictor_open(model, &options, &predictor, NULL) == HP_OK);
    CHECK(model->plans[0]->of_node[0] && model->plans[0]->of_node[1]); /* packed before the workers are forked */
    hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 10}};
    hp_array out = {.data = four, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 1}};
    CHECK(hp_predictor_push(predictor, &in, 1, NULL) == HP_OK);
    CHECK(hp_predictor_pull(predictor, &out, 1, NULL, NULL) == HP_OK);
    CHECK(!memcmp(one, four, sizeof one));
    hp_predictor_close(predictor);
    hp_model_close(model);
    return 0;
}

static void test_workers_share_nodes_evenly(void **state) {
    (void)state;
    on_machine("node:2 core:2 pu:1", two_nodes);
}

static void test_threads_are_bound(void **state) {
    (void)state;
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) != 0 || !CPU_ISSET(0, &mask) || !CPU_ISSET(1, &mask)) skip();
    on_machine("node:2 core:1 pu:1", bound_to_cpus);
    CPU_CLR(1, &mask);
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(sched_setaffinity(0, sizeof mask, &mask), 0);
    on_machine("node:2 core:1 pu:1", one_node_left); /* node 1 has no CPU that may be used */
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void test_one_node(void **state) {
    (void)state;
    on_machine("node:1 core:4 pu:1", one_node);
}

static void test_each_node_has_packed_weights(void **state) {
    (void)state;
    on_machine("node:2 core:2 pu:1", weights_per_node);
}

static void test_and_so_have_worker_processes(void **state) {
    (void)state;
    on_machine("node:2 core:2 pu:1", weights_per_node_of_processes);
}

int main(void) {
    unsetenv("HWLOC_XMLFILE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_share_nodes_evenly),
        cmocka_unit_test(test_one_node),
        cmocka_unit_test(test_threads_are_bound),
        cmocka_unit_test(test_each_node_has_packed_weights),
        cmocka_unit_test(test_and_so_have_worker_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
