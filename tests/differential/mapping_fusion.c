/* Fusion of any number of Einsums at any level: the mappings of
 * tests/data/fusion/ on the teaching chip. Of each
 *   - steps, points and flows are those of the brute force
 *     (tests/nest_oracle.h), which what it computes again is part of,
 *   - the schedule gives what the interpreter gives,
 *   - bound <= model <= sim in cycles, and sim moves the model's bytes,
 * or it is refused for the reason that is named here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/nest_check.h"
#include "tests/problem_fixture.h"

#include "tests/execution_check.h"

#define ATTENTION "workloads/attention/three-pass-deferred.yaml"
#define PRODUCTS  "tests/data/cascade/two-products.yaml"
#define WINDOWS   "tests/data/cascade/convolution.yaml"

struct fusion {
    const char *mapping;
    const char *cascade;
    const char *settings;
    const char *code; /* NULL: legal */
    /* An Einsum and how often each of its points is computed; NULL: all once. */
    const char *repeated;
    int64_t times;
};

static const struct fusion fusions[] = {
    {"attention-per-queries", ATTENTION, "B=2 H=1 P=8 M=8 E=3 F=4", NULL, NULL,
     1},
    {"attention-two-levels", ATTENTION, "B=1 H=2 P=8 M=8 E=3 F=4", NULL, NULL,
     1},
    {"attention-two-levels", ATTENTION, "B=1 H=1 P=7 M=10 E=3 F=5", NULL, NULL,
     1},
    {"attention-pipelined", ATTENTION, "B=1 H=1 P=12 M=8 E=3 F=4", NULL, NULL,
     1},
    {"attention-per-keys", ATTENTION, "B=1 H=1 P=4 M=8 E=3 F=4",
     "mapping-partial-read", NULL, 1},
    {"attention-scores-twice", ATTENTION, "B=1 H=1 P=4 M=8 E=3 F=4",
     "mapping-mapped-twice", NULL, 1},
    {"attention-again-per-values", ATTENTION, "B=1 H=1 P=8 M=8 E=3 F=6", NULL,
     "QK", 3},
    {"attention-again-per-values", ATTENTION, "B=1 H=1 P=6 M=7 E=3 F=5", NULL,
     "SD", 3},
    {"products-per-rows", PRODUCTS, "M=8 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-per-tiles", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-again", PRODUCTS, "M=6 K=4 N=8 P=9", NULL, "T", 3},
    {"products-again", PRODUCTS, "M=5 K=3 N=7 P=8", NULL, "T", 3},
    {"products-again-in-lanes", PRODUCTS, "M=5 K=4 N=7 P=4", NULL, "T", 4},
    {"products-again-in-lanes", PRODUCTS, "M=4 K=6 N=8 P=7", NULL, "T", 4},
    {"products-in-lanes", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-in-phases", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-buffered", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-spilled-sums", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-spilled-sums", PRODUCTS, "M=5 K=5 N=7 P=3", NULL, NULL, 1},
    {"products-bypassed", PRODUCTS, "M=6 K=4 N=8 P=4", NULL, NULL, 1},
    {"products-nested-pipelines", PRODUCTS, "M=6 K=4 N=8 P=4",
     "mapping-nested-pipeline", NULL, 1},
    {"products-unfinished", PRODUCTS, "M=6 K=4 N=8 P=4", "mapping-partial-read",
     NULL, 1},
    {"products-added-again", PRODUCTS, "M=6 K=4 N=8 P=4", "mapping-recompute",
     NULL, 1},
    {"products-again-drained", PRODUCTS, "M=6 K=4 N=8 P=6", NULL, "T", 3},
    {"products-again-drained", PRODUCTS, "M=5 K=3 N=7 P=5", NULL, "T", 3},
    {"products-again-drained", PRODUCTS, "M=2 K=4 N=8 P=6", "mapping-recompute",
     NULL, 1},
    {"products-again-drained", PRODUCTS, "M=2 K=4 N=8 P=2", NULL, NULL, 1},
    {"convolutions-again", WINDOWS, "C=2 S=3 X=3 Q2=3", NULL, "Y", 3},
};

static enum status load(struct diags *diags, const struct fusion *fusion,
                        struct problem **problem)
{
    g_autofree char *path =
        g_strdup_printf("tests/data/fusion/%s.yaml", fusion->mapping);
    AUTO(scope) chosen = fixture_scope(fusion->settings);
    return problem_load(diags, fusion->cascade, "arch-configs/teaching.yaml",
                        path, chosen, problem);
}

static void check_repeated(const struct fusion *fusion, const struct plan *plan)
{
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        const struct einsum_statement *s =
            &plan->workload->statements[leaf->statement];
        if (fusion->repeated == NULL ||
            strcmp(s->name, fusion->repeated) == 0) {
            assert_int_equal(leaf->point_count, fusion->times * s->point_count);
        }
    }
}

static void check_times(const struct plan *plan)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) modelled = NULL;
    AUTO(evaluation) timed = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    assert_int_equal(model_evaluate(plan, diags, &modelled), OK);
    enum status status = sim_run(plan, &options, diags, &timed, NULL);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    assert_true(modelled->bound_cycles <= modelled->cycles);
    assert_true(modelled->cycles <= timed->cycles);
    for (int m = 0; m < modelled->memory_count; m++) {
        assert_int_equal(modelled->memories[m].read_bytes,
                         timed->memories[m].read_bytes);
        assert_int_equal(modelled->memories[m].write_bytes,
                         timed->memories[m].write_bytes);
    }
}

static void check_legal(const struct fusion *fusion, const struct plan *plan)
{
    check_repeated(fusion, plan);
    nest_check_plan(plan);
    execution_check(plan, 7);
    check_times(plan);
}

static void test_fused_einsums_work_or_are_refused(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(fusions); i++) {
        const struct fusion *fusion = &fusions[i];
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        enum status status = load(diags, fusion, &problem);
        if ((status == OK) != (fusion->code == NULL)) {
            print_error("%s\n", fusion->mapping);
            fixture_print(diags);
        }
        if (fusion->code == NULL) {
            assert_int_equal(status, OK);
            check_legal(fusion, problem->plan);
        } else {
            assert_int_equal(status, ERR_INPUT);
            assert_string_equal(diags_get(diags, 0)->code, fusion->code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fused_einsums_work_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
