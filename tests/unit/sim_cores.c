/* Cores in the simulator, whether their transfers overlap or take turns with their
 * work: no faster than the model says, and with its counts. */
#include "tests/sim_support.h"

static struct problem *load(struct diags *diags, struct arch **arch,
                            const char *overlap)
{
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents("arch-configs/cascade-lake.yaml", &text,
                                    NULL, NULL));
    g_auto(GStrv) parts = g_strsplit(text, "overlap: false", -1);
    g_autofree char *changed = g_strjoinv(overlap, parts);
    AUTO(scope) chosen = scope_of("M=64 N=128 K=96");
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

/* The model's sum of work and transfers bounds the run from below; above it is what
 * the first fills and the last drains leave exposed, and steps in whole cycles. */
static void check_turns(const char *mapping, const char *settings,
                        double most_ratio)
{
    AUTO(fixture)
    fixture = fixture_load("sparse/spmm", "cascade-lake", mapping, settings);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    assert_string_equal(model->bottleneck, "serial transfers");
    assert_true(fast->cycles >= model->cycles);
    assert_true((double)fast->cycles < most_ratio * (double)model->cycles);
    assert_true(fast_steps <= slow_steps);
    assert_same_times(fast, slow);
    assert_same_causes(fast, slow);
    assert_same_counts(fast, slow);
    assert_same_counts(fast, model);
    assert_stalls_add_up(fast);
    /* What the core waits for is the second cache. */
    assert_int_equal(fast->causes[0].stall, STALL_BANDWIDTH);
    assert_string_equal(fast->causes[0].component, "L2");
}

static void test_transfers_and_work_take_turns(void **state)
{
    (void)state;
    check_turns("spmm-4x1", "M=64 N=128 K=96", 1.02);
    check_turns("spmm-4x1", "M=256 N=128 K=256", 1.002);
    check_turns("spmm-keep", "M=256 N=128 K=256 BM=16 DENSITY=30", 1.005);
    check_turns("spmm-4x4", "M=256 N=128 K=256 BK=4 DENSITY=30", 1.005);
    check_turns("spmm-4x1", "M=768 N=128 K=768 DENSITY=10", 1.005);
}

/* Results leave for L2 when a tile of 4 x 64 is complete, beside which nothing goes
 * on: 256 x 128 x 4 bytes, 15.6 a cycle, all but the last tile's in the way of a
 * tile step. */
static void test_waits_are_of_whose_turn_it_was(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("sparse/spmm", "cascade-lake", "spmm-4x1",
                           "M=256 N=128 K=256");
    AUTO(evaluation) e = run(fixture, true, NULL);
    double write_cycles = 256 * 128 * 4 / 15.6;
    double last_cycles = 4 * 64 * 4 / 15.6;
    assert_string_equal(e->causes[0].component, "L2");
    assert_string_equal(e->causes[0].part, "write");
    assert_true((double)e->causes[0].cycles <= write_cycles - last_cycles + 1);
    assert_true((double)e->causes[0].cycles >= write_cycles - last_cycles - 2);
}

/* Bursts of a DRAM file cannot take turns with anything. */
static void test_bursts_are_refused(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = NULL;
    AUTO(problem) problem = load(diags, &arch, "overlap: false");
    AUTO(evaluation) sim = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    arch->memories[2].dram = g_strdup("dram/any.yaml");
    assert_int_equal(sim_run(problem->plan, &options, diags, &sim, NULL),
                     ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->code, "sim-serial");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers_that_overlap_are_simulated),
        cmocka_unit_test(test_transfers_and_work_take_turns),
        cmocka_unit_test(test_waits_are_of_whose_turn_it_was),
        cmocka_unit_test(test_bursts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
