/* Random legal mappings (tests/random_mapping.h) in the simulator:
 *   - fast-forward changes nothing,
 *   - model <= sim, and both move the same bytes with the same energy,
 *   - every unit is busy or stalled in every cycle,
 *   - executed on data, the schedule gives the values of the cascade.
 *
 * WEIR_RANDOM_SIM_COUNT legal mappings (default 60), first seed
 * WEIR_RANDOM_SEED. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/assert_close.h"
#include "tests/problem_fixture.h"

#include "tests/execution_check.h"
#include "tests/random_mapping.h"

#define MAX_STEPS 3000

struct run {
    guint32 seed;
    int wanted;
    int legal;
    int irregular;
    bool is_done;
};

/* ---- in time ------------------------------------------------------------ */

static struct evaluation *simulate(const struct plan *plan, bool is_fast)
{
    AUTO(diags) diags = diags_new();
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.use_fast_forward = is_fast;
    struct evaluation *evaluation = NULL;
    enum status status = sim_run(plan, &options, diags, &evaluation, NULL);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    return evaluation;
}

static void check_same(const struct evaluation *a, const struct evaluation *b)
{
    assert_int_equal(a->cycles, b->cycles);
    for (int u = 0; u < a->unit_count; u++) {
        assert_int_equal(a->units[u].busy_cycles, b->units[u].busy_cycles);
        assert_memory_equal(a->units[u].stall_cycles, b->units[u].stall_cycles,
                            sizeof(a->units[u].stall_cycles));
    }
    for (int i = 0; i < a->einsum_count; i++) {
        assert_int_equal(a->einsums[i].busy_cycles, b->einsums[i].busy_cycles);
    }
}

static void check_same_counts(const struct evaluation *a,
                              const struct evaluation *b)
{
    for (int m = 0; m < a->memory_count; m++) {
        assert_int_equal(a->memories[m].read_bytes, b->memories[m].read_bytes);
        assert_int_equal(a->memories[m].write_bytes,
                         b->memories[m].write_bytes);
    }
    assert_int_equal(a->action_count, b->action_count);
    for (int i = 0; i < a->action_count; i++) {
        assert_int_equal(a->actions[i].count, b->actions[i].count);
        assert_int_equal(a->actions[i].bytes, b->actions[i].bytes);
    }
    for (int i = 0; i < a->einsum_count; i++) {
        assert_int_equal(a->einsums[i].busy_cycles, b->einsums[i].busy_cycles);
        assert_memory_equal(a->einsums[i].ops, b->einsums[i].ops,
                            sizeof(a->einsums[i].ops));
    }
    assert_close(a->energy_pj, b->energy_pj, 1e-12);
}

static void check_time(const struct plan *plan)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) model = NULL;
    assert_int_equal(model_evaluate(plan, diags, &model), OK);
    AUTO(evaluation) fast = simulate(plan, true);
    AUTO(evaluation) slow = simulate(plan, false);
    check_same(fast, slow);
    check_same_counts(fast, slow);
    check_same_counts(model, fast);
    int64_t filled = model->cycles + model->fill_cycles + model->drain_cycles;
    if (fast->cycles < filled) {
        print_error("sim %" G_GINT64_FORMAT " < model %" G_GINT64_FORMAT
                    " + fill %" G_GINT64_FORMAT " + drain %" G_GINT64_FORMAT
                    "\n",
                    fast->cycles, model->cycles, model->fill_cycles,
                    model->drain_cycles);
    }
    assert_true(model->fill_cycles >= 0 && model->drain_cycles >= 0);
    assert_true(fast->cycles >= filled);
    assert_int_equal(fast->model_cycles, model->cycles);
    for (int u = 0; u < fast->unit_count; u++) {
        int64_t sum = fast->units[u].busy_cycles;
        for (int s = 0; s < STALL_COUNT; s++) {
            assert_true(fast->units[u].stall_cycles[s] >= 0);
            sum += fast->units[u].stall_cycles[s];
        }
        assert_int_equal(sum, fast->cycles);
    }
}

/* ---- on data ------------------------------------------------------------ */

/* ---- the run ------------------------------------------------------------ */

static int64_t count_steps(const struct plan *plan)
{
    int64_t steps = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        steps += plan->leaves[l].step_count;
    }
    return steps;
}

static void check_seed(struct run *run)
{
    struct random_case c = random_case_of(run->seed, run->seed % 2 == 1);
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    if (random_case_load(diags, &c, c.text, &problem) == OK &&
        count_steps(problem->plan) <= MAX_STEPS) {
        execution_check(problem->plan, run->seed);
        check_time(problem->plan);
        run->legal++;
        run->irregular += !problem->plan->is_regular;
    }
    random_case_clear(&c);
}

static void test_random_mappings_in_the_simulator(void **state)
{
    struct run *run = *state;
    int cases = 0;
    while (run->legal < run->wanted) {
        check_seed(run);
        run->seed++;
        assert_in_range(++cases, 0, 1000 + 50 * run->wanted);
    }
    assert_true(run->irregular >= run->wanted / 6);
    run->is_done = true;
}

static int set_up(void **state)
{
    struct run *run = g_new0(struct run, 1);
    run->seed = (guint32)random_environment("WEIR_RANDOM_SEED", 1);
    run->wanted = (int)random_environment("WEIR_RANDOM_SIM_COUNT", 60);
    *state = run;
    return 0;
}

static int tear_down(void **state)
{
    struct run *run = *state;
    if (!run->is_done) {
        struct random_case c = random_case_of(run->seed, run->seed % 2 == 1);
        print_error("WEIR_RANDOM_SEED=%u WEIR_RANDOM_SIM_COUNT=1: %s on %s\n%s",
                    run->seed, c.cascade, c.arch, c.text);
        random_case_clear(&c);
    }
    print_message("# up to seed %u: %d legal (%d irregular)\n", run->seed,
                  run->legal, run->irregular);
    g_free(run);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_mappings_in_the_simulator,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
