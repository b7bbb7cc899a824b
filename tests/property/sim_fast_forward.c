/* Random shapes, bandwidths and arrays under the delivered mappings:
 *   - with and without fast-forward every field is the same,
 *   - counts equal the model's, and so does how often each leaf and flow
 *     happened,
 *   - bound <= model <= sim, busy + stalls = cycles for every unit.
 * WEIR_SEED chooses other cases than the usual ones. */
#include "sim/machine.h"
#include "tests/sim_support.h"

struct family {
    const char *cascade;
    const char *mapping;
};

static const struct family families[] = {
    {"attention/one-pass", "mappings/fusemax-binding.yaml"},
    {"attention/one-pass", "mappings/fusemax-architecture.yaml"},
    {"attention/one-pass", "mappings/fusemax-cascade.yaml"},
    {"attention/three-pass", "mappings/flat.yaml"},
    {"attention/three-pass", "mappings/unfused.yaml"},
    {"attention/causal-one-pass", "mappings/fusemax-causal.yaml"},
    {"attention/causal", "mappings/causal-three-pass.yaml"},
};

/* Room enough that most settings are legal, few enough trips that the run
 * without fast-forward stays short. */
static char *random_settings(GRand *random)
{
    static const int sizes[] = {16, 24, 32, 48, 64, 80, 96, 128, 192, 256};
    static const int gbufs[] = {2048, 4096, 8192, 16384, 65536};
    static const int heads[] = {4, 8};
    int features = heads[g_rand_int_range(random, 0, 2)];
    int lanes = features == 8 || g_rand_boolean(random) ? 8 : 4;
    GString *text = g_string_new("RF2=64 RF1=64");
    g_string_append_printf(text, " X1=%d X2=%d Y2=%d E=%d F=%d", lanes, lanes,
                           lanes, features, features);
    g_string_append_printf(
        text, " P=%d M=%d B=%d H=%d", sizes[g_rand_int_range(random, 0, 10)],
        sizes[g_rand_int_range(random, 0, 10)], g_rand_int_range(random, 1, 5),
        g_rand_int_range(random, 1, 7));
    g_string_append_printf(
        text, " DRAM_BW=%d GBUF_BW=%d GBUF=%d EXP=%d",
        g_rand_int_range(random, 1, 60), g_rand_int_range(random, 5, 300),
        gbufs[g_rand_int_range(random, 0, 5)], g_rand_int_range(random, 1, 8));
    return g_string_free(text, FALSE);
}

/* How often each leaf and flow happened against the plan's closed form. */
static void check_walked_counts(const struct fixture *fixture, bool is_fast)
{
    const struct plan *plan = fixture->problem->plan;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.use_fast_forward = is_fast;
    AUTO(machine) machine = NULL;
    assert_ok(machine_new(plan, &options, -1, fixture->diags, &machine),
              fixture->diags);
    assert_ok(machine_run(machine), fixture->diags);
    for (int l = 0; l < plan->leaf_count; l++) {
        assert_int_equal(*counter_executed(machine, l),
                         plan->leaves[l].step_count);
    }
    for (int f = 0; f < plan->flow_count; f++) {
        if (plan->flows[f].node >= 0) {
            assert_int_equal(*counter_moved(machine, f), plan->flows[f].events);
        }
    }
}

static void check_case(const struct fixture *fixture)
{
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_same_counts(fast, model);
    assert_stalls_add_up(fast);
    assert_true(fast_steps <= slow_steps);
    assert_int_equal(fast->model_cycles, model->cycles);
    assert_true(model->bound_cycles <= model->cycles);
    assert_filled_below(fast);
    check_walked_counts(fixture, true);
    check_walked_counts(fixture, false);
}

static void check_family(const struct family *family, uint32_t seed, int cases)
{
    GRand *random = g_rand_new_with_seed(seed);
    int legal = 0;
    for (int i = 0; i < cases; i++) {
        g_autofree char *settings = random_settings(random);
        AUTO(fixture)
        fixture =
            fixture_try(family->cascade, "teaching", family->mapping, settings);
        if (fixture->problem != NULL) {
            print_message("# %s seed %u: %s\n", family->mapping, seed,
                          settings);
            check_case(fixture);
            legal++;
        }
    }
    g_rand_free(random);
    print_message("# %s: %d of %d cases legal\n", family->mapping, legal,
                  cases);
    assert_true(legal >= cases / 10);
}

static void test_random_cases(void **state)
{
    const char *seed = g_getenv("WEIR_SEED");
    const char *cases = g_getenv("WEIR_CASES");
    check_family(*state,
                 seed == NULL ? 20240
                              : (uint32_t)g_ascii_strtoull(seed, NULL, 10),
                 cases == NULL ? 30 : (int)g_ascii_strtoll(cases, NULL, 10));
}

int main(void)
{
    struct CMUnitTest tests[G_N_ELEMENTS(families)];
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
        tests[i] = (struct CMUnitTest){
            .name = families[i].mapping,
            .test_func = test_random_cases,
            .initial_state = (void *)(uintptr_t)&families[i],
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
