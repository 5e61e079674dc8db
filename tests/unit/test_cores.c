/* test_cores.c: usable cores and cache sizes, read from machines made up under a temporary directory. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "base/cores.h"
#include "base/topology.h"

static char root[64];

static int make_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/hornpipe-cores-XXXXXX");
    unsetenv("HORNPIPE_NUM_THREADS");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* Writes a file below the root, with the directories it needs. */
static void put(const char *path, const char *text) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0777);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static hp_cores find(void) {
    hp_cores cores;
    hp_cores_find(root, &cores);
    return cores;
}

static void use_version_2(const char *path) {
    put("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n");
    put("proc/self/cgroup", path);
    put("proc/self/mountinfo", "30 25 0:26 / /sys rw - sysfs sysfs rw\n"
                               "31 30 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
}

static void test_affinity_alone(void **state) {
    (void)state;
    put("proc/self/status", "Cpus_allowed_list:\t0-3,8,10-11\n");
    hp_cores cores = find();
    assert_int_equal(cores.affinity, 7);
    assert_int_equal(cores.usable, 7);
    assert_int_equal(cores.cpuset, 0);
    assert_true(cores.quota == 0);
}

static void test_nothing_known_is_one(void **state) {
    (void)state;
    assert_int_equal(find().usable, 1);
    put("proc/self/status", "Cpus_allowed_list:\tnonsense\n");
    put("proc/self/cgroup", "\n:\n::\n0:\n");
    put("proc/self/mountinfo", " - \n1 - cgroup2 x\n31 30 0:27 - cgroup2 cgroup2 rw\n");
    assert_int_equal(find().usable, 1);
}

static void test_version_2_quota_is_rounded_up(void **state) {
    (void)state;
    use_version_2("0::/work/job\n");
    put("sys/fs/cgroup/work/job/cpu.max", "250000 100000\n");
    hp_cores cores = find();
    assert_true(cores.quota == 2.5);
    assert_int_equal(cores.usable, 3);
    put("sys/fs/cgroup/work/job/cpu.max", "10000 100000\n");
    assert_int_equal(find().usable, 1);
    put("sys/fs/cgroup/work/job/cpu.max", "max 100000\n");
    assert_int_equal(find().usable, 8);
    put("sys/fs/cgroup/work/job/cpu.max", "6400000 100000\n");
    assert_int_equal(find().usable, 8);
}

static void test_version_2_ancestors_count(void **state) {
    (void)state;
    use_version_2("0::/work/job\n");
    put("sys/fs/cgroup/work/job/cpu.max", "400000 100000\n");
    put("sys/fs/cgroup/work/cpu.max", "200000 100000\n");
    assert_int_equal(find().usable, 2);
    put("sys/fs/cgroup/cpu.max", "50000 50000\n"); /* a container sees its own limit at the top */
    assert_int_equal(find().usable, 1);
}

static void test_version_2_cpuset(void **state) {
    (void)state;
    use_version_2("0::/work/job\n");
    put("sys/fs/cgroup/cpuset.cpus.effective", "0-7\n");
    put("sys/fs/cgroup/work/cpuset.cpus.effective", "0,2,4\n");
    hp_cores cores = find();
    assert_int_equal(cores.cpuset, 3);
    assert_int_equal(cores.usable, 3);
}

static void test_version_1(void **state) {
    (void)state;
    put("proc/self/status", "Cpus_allowed_list:\t0-15\n");
    put("proc/self/cgroup", "12:cpuset:/docker/abc\n4:cpuacct,cpu:/docker/abc\n1:name=systemd:/x\n");
    put("proc/self/mountinfo", "40 30 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                               "41 30 0:31 / /odd\\040place/cpuset rw - cgroup cgroup rw,cpuset\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_int_equal(find().usable, 16);
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "350000\n");
    assert_int_equal(find().usable, 4);
    put("odd place/cpuset/docker/abc/cpuset.cpus", "0-1\n");
    hp_cores cores = find();
    assert_int_equal(cores.cpuset, 2);
    assert_int_equal(cores.usable, 2);
}

static void test_outside_of_the_namespace(void **state) {
    (void)state;
    use_version_2("0::/../other\n");
    put("sys/fs/cgroup/cpu.max", "300000 100000\n");
    assert_int_equal(find().usable, 3);
}

static void test_environment_overrules(void **state) {
    (void)state;
    use_version_2("0::/\n");
    setenv("HORNPIPE_NUM_THREADS", "12", 1);
    hp_cores cores = find();
    assert_int_equal(cores.requested, 12);
    assert_int_equal(cores.usable, 12);
    static const char *const wrong[] = {"0", "-3", "2.5", "many", "99999999999999999999", "4097"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("HORNPIPE_NUM_THREADS", wrong[i], 1);
        cores = find();
        assert_int_equal(cores.requested, -1);
        assert_int_equal(cores.usable, 8);
    }
    setenv("HORNPIPE_NUM_THREADS", "", 1);
    assert_int_equal(find().requested, 0);
    unsetenv("HORNPIPE_NUM_THREADS");
}

static void test_this_machine(void **state) {
    (void)state;
    hp_cores cores;
    hp_cores_find(NULL, &cores);
    assert_int_equal(cores.affinity, hp_cores_affinity());
    assert_in_range(cores.usable, 1, HP_CORES_MAX);
    assert_true(!cores.affinity || cores.usable <= cores.affinity);
}

static void put_cache(int index, const char *level, const char *type, const char *size) {
    char path[128];
    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu0/cache/index%d/level", index);
    put(path, level);
    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu0/cache/index%d/type", index);
    put(path, type);
    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    put(path, size);
}

static void test_caches(void **state) {
    (void)state;
    hp_caches caches;
    hp_caches_find(root, &caches);
    assert_int_equal(caches.level1, 32 << 10);
    assert_int_equal(caches.level2, 512 << 10);
    assert_int_equal(caches.level3, 0);
    put_cache(0, "1\n", "Data\n", "48K\n");
    put_cache(1, "1\n", "Instruction\n", "64K\n");
    put_cache(2, "2\n", "Unified\n", "2M\n");
    put_cache(3, "3\n", "Unified\n", "nonsense\n");
    hp_caches_find(root, &caches);
    assert_int_equal(caches.level1, 48 << 10);
    assert_int_equal(caches.level2, 2 << 20);
    assert_int_equal(caches.level3, 0);
}

static void test_hardware_threads_and_nodes(void **state) {
    (void)state;
    hp_topology topology;
    put("proc/self/status", "Cpus_allowed_list:\t0-2,4-5\n");
    hp_topology_find(root, &topology);
    assert_int_equal(topology.threads, 5);
    assert_int_equal(topology.cores, 5); /* nothing is known */
    assert_int_equal(topology.nodes, 1);
    for (int cpu = 0; cpu < 6; cpu++) {
        char path[96], list[16];
        snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        snprintf(list, sizeof list, "%d,%d\n", cpu % 3, cpu % 3 + 3);
        put(path, list);
    }
    put("sys/devices/system/node/has_cpu", "0-1\n");
    hp_topology_find(root, &topology);
    assert_int_equal(topology.cores, 3); /* 0, 1 and 4, 2 and 5 */
    assert_int_equal(topology.nodes, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        TEST(test_affinity_alone),
        TEST(test_hardware_threads_and_nodes),
        TEST(test_nothing_known_is_one),
        TEST(test_version_2_quota_is_rounded_up),
        TEST(test_version_2_ancestors_count),
        TEST(test_version_2_cpuset),
        TEST(test_version_1),
        TEST(test_outside_of_the_namespace),
        TEST(test_environment_overrules),
        TEST(test_this_machine),
        TEST(test_caches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
