/* hp_emit_einsum against sums written out over every letter, with operands that have rows and constants. */
#include "unit/prim_runner.h"
#include "prims/einsum.h"

enum { ROWS = 3, MAX_OPERANDS = 3 };

typedef struct operand {
    bool rows;
    int rank;
    int64_t dims[6];
} operand;

typedef struct einsum_case {
    const char *equation;
    const char *plain; /* the same with letters for "..." and with its output; NULL: as it is */
    operand operands[MAX_OPERANDS];
} einsum_case;

/* clang-format off */
static const einsum_case cases[] = {
    /* a kernel: one gemm */
    {"ab,bc->ac", NULL, {{true, 2, {1, 5}}, {false, 2, {5, 7}}}},
    {"ab,cb->ac", NULL, {{true, 2, {1, 5}}, {false, 2, {7, 5}}}},
    {"abc,cde->abde", NULL, {{true, 3, {1, 4, 5}}, {false, 3, {5, 2, 3}}}},
    {"abc,cde->aebd", NULL, {{true, 3, {1, 4, 5}}, {false, 3, {5, 2, 3}}}},
    {"abcd,cde->abe", NULL, {{true, 4, {1, 4, 2, 3}}, {false, 3, {2, 3, 5}}}},
    {"abcd,dce->abe", NULL, {{true, 4, {1, 4, 2, 3}}, {false, 3, {3, 2, 5}}}},
    {"bc,abc->ab", NULL, {{false, 2, {4, 5}}, {true, 3, {1, 4, 5}}}},
    /* a batch in the kernel */
    {"abc,bcd->abd", NULL, {{true, 3, {1, 4, 5}}, {false, 3, {4, 5, 2}}}},
    {"abc,bcd->ad", NULL, {{true, 3, {1, 4, 5}}, {false, 3, {4, 5, 2}}}},
    {"abc,bc->abc", NULL, {{true, 3, {1, 4, 5}}, {false, 2, {4, 5}}}},
    {"abc,dc->abcd", NULL, {{true, 3, {1, 2, 3}}, {false, 2, {4, 3}}}},
    {"abc,d->adbc", NULL, {{true, 3, {1, 2, 3}}, {false, 1, {4}}}},
    /* both with rows: attention */
    {"abcd,aecd->acbe", NULL, {{true, 4, {1, 3, 2, 5}}, {true, 4, {1, 4, 2, 5}}}},
    {"aecd,abcd->acbe", NULL, {{true, 4, {1, 4, 2, 5}}, {true, 4, {1, 3, 2, 5}}}},
    {"acbe,aecd->abcd", NULL, {{true, 4, {1, 2, 3, 4}}, {true, 4, {1, 4, 2, 5}}}},
    {"abc,abd->acd", NULL, {{true, 3, {1, 4, 2}}, {true, 3, {1, 4, 3}}}},
    {"ab,ab->a", NULL, {{true, 2, {1, 5}}, {true, 2, {1, 5}}}},
    {"ab,ac->abc", NULL, {{true, 2, {1, 5}}, {true, 2, {1, 2}}}},
    {"ab,ab->ab", NULL, {{true, 2, {2, 5}}, {true, 2, {2, 5}}}},
    /* several items to a row */
    {"abc,cd->abd", NULL, {{true, 3, {2, 3, 4}}, {false, 2, {4, 2}}}},
    {"abc,abd->acd", NULL, {{true, 3, {2, 3, 4}}, {true, 3, {2, 3, 2}}}},
    /* "..." */
    {"...b,bc->...c", "xyb,bc->xyc", {{true, 3, {1, 4, 5}}, {false, 2, {5, 2}}}},
    {"ab...,bc->ac...", "abxy,bc->acxy", {{true, 4, {1, 4, 2, 3}}, {false, 2, {4, 5}}}},
    {"...ij,...jk->...ik", "xyij,xyjk->xyik", {{true, 4, {1, 2, 3, 4}}, {true, 4, {1, 2, 4, 5}}}},
    {"...ij,...jk->...ik", "xyij,xyjk->xyik", {{true, 4, {1, 2, 3, 4}}, {true, 4, {1, 1, 4, 5}}}},
    {"...ij,...jk->...ik", "xyij,yjk->xyik", {{true, 4, {1, 2, 3, 4}}, {false, 3, {2, 4, 5}}}},
    /* without "->" */
    {"ab,bc", "ab,bc->ac", {{true, 2, {1, 5}}, {false, 2, {5, 7}}}},
    {"a...b,bd", "axb,bd->xad", {{false, 3, {2, 3, 4}}, {false, 2, {4, 5}}}},
    /* one operand */
    {"abc->acb", NULL, {{true, 3, {1, 4, 5}}}},
    {"abc->ac", NULL, {{true, 3, {1, 4, 5}}}},
    {"abb->ab", NULL, {{true, 3, {1, 4, 4}}}},
    {"abcb->ac", NULL, {{true, 4, {1, 3, 2, 3}}}},
    {"aa->a", NULL, {{false, 2, {4, 4}}}},
    {"bab,b->a", NULL, {{false, 3, {4, 3, 4}}, {false, 1, {4}}}},
    /* a letter that one operand alone has, and is summed over */
    {"abc,d->ab", NULL, {{true, 3, {1, 4, 5}}, {false, 1, {3}}}},
    /* three */
    {"ab,bc,cd->ad", NULL, {{true, 2, {1, 5}}, {false, 2, {5, 4}}, {false, 2, {4, 3}}}},
    {"ab,ac,bcd->ad", NULL, {{true, 2, {1, 3}}, {true, 2, {1, 4}}, {false, 3, {3, 4, 2}}}},
    /* blanks; sizes of 0 and 1 */
    {"a b, b c -> a c", "ab,bc->ac", {{true, 2, {1, 5}}, {false, 2, {5, 1}}}},
    {"abc,cd->abd", NULL, {{true, 3, {1, 1, 1}}, {false, 2, {1, 1}}}},
};
/* clang-format on */

/* One part of an equation of plain letters. */
static const char *part_of(const char *plain, int index) {
    for (; index > 0; index--) plain = strchr(plain, ',') + 1;
    return plain;
}

static int letters(const char *part) {
    return (int)strspn(part, "abcdefghijklmnopqrstuvwxyz");
}

typedef struct naive {
    const char *plain, *output;
    int count;
    const operand *operands;
    const float *data[MAX_OPERANDS];
    int64_t size[128], index[128];
    char summed[64];
} naive;

static int64_t total_dim(const operand *o, int axis) {
    return o->dims[axis] * (axis == 0 && o->rows ? ROWS : 1);
}

static double product_at(const naive *n) {
    double product = 1;
    for (int k = 0; k < n->count; k++) {
        const char *part = part_of(n->plain, k);
        size_t at = 0;
        for (int i = 0; i < n->operands[k].rank; i++) {
            int64_t dim = total_dim(&n->operands[k], i);
            at = at * (size_t)dim + (size_t)(dim == 1 ? 0 : n->index[(int)part[i]]);
        }
        product *= (double)n->data[k][at];
    }
    return product;
}

static double sum_over(naive *n, const char *left) {
    if (!*left) return product_at(n);
    double sum = 0;
    for (int64_t i = 0; i < n->size[(int)*left]; i++) {
        n->index[(int)*left] = i;
        sum += sum_over(n, left + 1);
    }
    return sum;
}

static size_t naive_result(naive *n, double *result) {
    size_t elements = 1, made = 0;
    int rank = letters(n->output), used = 0;
    for (int k = 0; k < n->count; k++)
        for (int i = 0; i < n->operands[k].rank; i++) {
            char letter = part_of(n->plain, k)[i];
            int64_t dim = total_dim(&n->operands[k], i);
            if (dim > n->size[(int)letter]) n->size[(int)letter] = dim;
            if (!memchr(n->output, letter, (size_t)rank) && !memchr(n->summed, letter, (size_t)used))
                n->summed[used++] = letter;
        }
    for (int i = 0; i < rank; i++) elements *= (size_t)n->size[(int)n->output[i]];
    for (; made < elements; made++) {
        size_t rest = made;
        for (int i = rank - 1; i >= 0; i--) {
            size_t size = (size_t)n->size[(int)n->output[i]];
            n->index[(int)n->output[i]] = (int64_t)(rest % size);
            rest /= size;
        }
        result[made] = sum_over(n, n->summed);
    }
    return elements;
}

static void check_case(const hp_kernels *kernels, const einsum_case *c) {
    runner r;
    hp_value values[MAX_OPERANDS];
    const void *inputs[MAX_OPERANDS] = {0};
    float *data[MAX_OPERANDS] = {0};
    double wanted[4096];
    int count = 0, input_count = 0;
    runner_start(&r, kernels);
    for (; count < MAX_OPERANDS && c->operands[count].rank > 0; count++) {
        const operand *o = &c->operands[count];
        if (!o->rows) {
            values[count] = runner_random(&r, o->rank, o->dims, (unsigned)count, &data[count]);
            continue;
        }
        size_t n = ROWS;
        for (int i = 0; i < o->rank; i++) n *= (size_t)o->dims[i];
        inputs[input_count++] = data[count] = random_floats(n, (unsigned)count);
        values[count] = runner_input(&r, HP_FLOAT32, o->rank, o->dims);
    }
    hp_value y = hp_emit_einsum(&r.b, c->equation, values, count);
    if (r.b.status != HP_OK) fail_msg("%s: %s", c->equation, r.b.error.message);
    naive n = {.plain = c->plain ? c->plain : c->equation,
        .count = count,
        .operands = c->operands,
        .data = {data[0], data[1], data[2]}};
    n.output = strstr(n.plain, "->") + 2;
    size_t elements = naive_result(&n, wanted);
    const hp_shape *shape = hp_builder_shape(&r.b, y);
    assert_int_equal(hp_shape_elements(shape) * (shape->rows ? ROWS : 1), elements);
    assert_int_equal(shape->rank, letters(n.output));
    for (int i = 0; i < shape->rank; i++)
        assert_int_equal(shape->dims[i] * (i == 0 && shape->rows ? ROWS : 1), n.size[(int)n.output[i]]);
    float *got = runner_run_all_ways(&r, inputs, ROWS, y);
    for (size_t i = 0; i < elements; i++)
        if (fabs((double)got[i] - wanted[i]) > 1e-5 * (1 + fabs(wanted[i])))
            fail_msg("%s: element %zu is %.9g, expected %.9g", c->equation, i, (double)got[i], wanted[i]);
    free(got);
    for (int k = 0; k < count; k++) free(data[k]);
    runner_end(&r);
}

static void check_all(const hp_kernels *kernels) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(kernels, &cases[i]);
}

static void test_against_sums(void **state) {
    (void)state;
    runner_each_isa(check_all);
}

/* What cannot be, and how it is told. */
static void check_refused(const char *equation, hp_status status, const char *part) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (const int64_t[]){1, 5});
    hp_value y = runner_random(&r, 2, (const int64_t[]){5, 4}, 1, NULL);
    hp_emit_einsum(&r.b, equation, (const hp_value[]){x, y}, 2);
    assert_int_equal(r.b.status, status);
    if (!strstr(r.b.error.message, part)) fail_msg("%s: found the message \"%s\"", equation, r.b.error.message);
    runner_end(&r);
}

static void test_refused(void **state) {
    (void)state;
    check_refused("ab,bc->ad", HP_ERROR_FORMAT, "a letter that no operand has");
    check_refused("ab,bc->aa", HP_ERROR_FORMAT, "a letter twice");
    check_refused("ab,cb->ac", HP_ERROR_FORMAT, "two sizes");
    check_refused("ab->ab", HP_ERROR_FORMAT, "another number of operands");
    check_refused("ab,bc,c->a", HP_ERROR_FORMAT, "another number of operands");
    check_refused("abc,bc->a", HP_ERROR_FORMAT, "another number of axes");
    check_refused("a,bc->a", HP_ERROR_FORMAT, "another number of axes");
    check_refused("a1,bc->a", HP_ERROR_FORMAT, "another number of axes");
}

static void check_mixes(const char *equation, bool both) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (const int64_t[]){1, 5});
    hp_value y = both ? runner_input(&r, HP_FLOAT32, 2, (const int64_t[]){1, 5})
                      : runner_random(&r, 2, (const int64_t[]){5, 4}, 1, NULL);
    hp_emit_einsum(&r.b, equation, (const hp_value[]){x, y}, 2);
    assert_int_not_equal(r.b.status, HP_OK);
    assert_true(r.b.mixes_rows);
    runner_end(&r);
}

static void test_mixes_rows(void **state) {
    (void)state;
    check_mixes("ab,bc->c", false);
    check_mixes("ab,bc->ca", false);
    check_mixes("ab,cb->ac", true);
    check_mixes("ab,ac->bc", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_sums),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mixes_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
