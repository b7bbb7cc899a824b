/* Cores in the simulator: those whose transfers overlap are simulated, no faster
 * than the model says and with its counts; others are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/problem_fixture.h"

static struct problem *load(struct diags *diags, struct arch **arch,
                            const char *overlap)
{
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents("arch-configs/cascade-lake.yaml", &text,
                                    NULL, NULL));
    g_auto(GStrv) parts = g_strsplit(text, "overlap: false", -1);
    g_autofree char *changed = g_strjoinv(overlap, parts);
    AUTO(scope) chosen = fixture_scope("M=64 N=128 K=96");
    struct problem *problem = g_new0(struct problem, 1);
    assert_int_equal(arch_load_source(diags,
                                      diags_add_text(diags, "core", changed),
                                      NULL, arch),
                     OK);
    assert_int_equal(cascade_load_file(diags, "workloads/sparse/spmm.yaml",
                                       &problem->cascade),
                     OK);
    assert_int_equal(
        mapping_load_file(diags, "mappings/spmm-4x1.yaml", &problem->mapping),
        OK);
    assert_int_equal(workload_bind(problem->cascade, chosen, NULL, diags,
                                   &problem->workload),
                     OK);
    assert_int_equal(plan_bind(problem->mapping, problem->workload, *arch,
                               chosen, diags, &problem->plan),
                     OK);
    return problem;
}

static void test_transfers_that_overlap_are_simulated(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = NULL;
    AUTO(problem) problem = load(diags, &arch, "overlap: true");
    AUTO(evaluation) model = NULL;
    AUTO(evaluation) sim = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    assert_int_equal(model_evaluate(problem->plan, diags, &model), OK);
    assert_int_equal(sim_run(problem->plan, &options, diags, &sim, NULL), OK);
    assert_true(sim->cycles >= model->cycles);
    assert_true(sim->cycles < model->cycles + model->cycles / 5);
    assert_int_equal(sim->clock_hz, 2390000000);
    for (int m = 0; m < model->memory_count; m++) {
        assert_int_equal(sim->memories[m].read_bytes,
                         model->memories[m].read_bytes);
        assert_int_equal(sim->memories[m].write_bytes,
                         model->memories[m].write_bytes);
    }
    assert_int_equal(sim->einsums[0].ops[EINSUM_MAC],
                     model->einsums[0].ops[EINSUM_MAC]);
}

static void test_others_are_refused(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = NULL;
    AUTO(problem) problem = load(diags, &arch, "overlap: false");
    AUTO(evaluation) sim = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    assert_int_equal(sim_run(problem->plan, &options, diags, &sim, NULL),
                     ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->code, "sim-serial");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers_that_overlap_are_simulated),
        cmocka_unit_test(test_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
