/* Fast-forward where tiles do not divide and lanes have parts of their own:
 * matrix products with long loops and random tiles. Times, stalls and counts are
 * those of the run in full, counts those of the model; model <= sim; with banks
 * in each other's way, too.
 *
 * WEIR_UNEVEN_COUNT cases (default 60), first seed WEIR_RANDOM_SEED. */
#include <stdlib.h>

#include "tests/sim_support.h"

static int64_t setting(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : g_ascii_strtoll(text, NULL, 10);
}

static int64_t pick(GRand *rand, int low, int high)
{
    return g_rand_int_range(rand, low, high + 1);
}

static char *random_tree(GRand *rand)
{
    GString *tree = g_string_new(NULL);
    int64_t rows = pick(rand, 1, 9);
    int64_t lane_rows = num_ceil_div(rows, 4) + pick(rand, 0, 1);
    g_string_append_printf(tree, "- for: {n: %d}\n", (int)pick(rand, 3, 12));
    g_string_append_printf(tree,
                           "- hold: [B]\n"
                           "  in: gbuf\n"
                           "  copies: %d\n",
                           (int)pick(rand, 1, 2));
    g_string_append_printf(tree, "- for: {m: %d}\n", (int)rows);
    g_string_append_printf(tree,
                           "- hold: [A%s]\n"
                           "  in: gbuf\n"
                           "  copies: %d\n",
                           pick(rand, 0, 1) == 0 ? "" : ", Z",
                           (int)pick(rand, 1, 3));
    if (pick(rand, 0, 1) == 0) {
        g_string_append_printf(tree,
                               "- spatial: {m: Y}\n"
                               "  tile: {m: %d}\n",
                               (int)MIN(rows, lane_rows));
    }
    if (pick(rand, 0, 2) == 0) {
        g_string_append(tree, "- for: {m: 1}\n");
    }
    g_string_append_printf(tree, "- for: {k: %d}\n", (int)pick(rand, 2, 12));
    g_string_append_printf(tree, "- for: {n: %d}\n", (int)pick(rand, 1, 3));
    g_string_append(tree, "- {compute: Z, on: array2d, spatial: {n: X}}\n");
    return g_string_free(tree, FALSE);
}

static bool has_conflicts(const struct evaluation *e)
{
    int64_t cycles = 0;
    for (int u = 0; u < e->unit_count; u++) {
        cycles += e->units[u].stall_cycles[STALL_BANK_CONFLICT];
    }
    return cycles > 0;
}

/* Steps that fast-forward left out. In every other case tensors lie in one bank
 * each. */
static int64_t check_seed(guint32 seed, bool *has_conflict)
{
    GRand *rand = g_rand_new_with_seed(seed);
    g_autofree char *tree = random_tree(rand);
    g_autofree char *settings =
        g_strdup_printf("M=%d N=%d K=%d DRAM_BW=%d GBUF_BW=%d GBUF=100000",
                        (int)pick(rand, 20, 150), (int)pick(rand, 12, 40),
                        (int)pick(rand, 12, 25), (int)pick(rand, 1, 20),
                        (int)pick(rand, 2, 40));
    g_rand_free(rand);
    AUTO(fixture) fixture = fixture_of_tree("gemm", "teaching", tree, settings);
    if (seed % 2 == 0) {
        fixture->problem->arch->memories[1].is_banked_by_tensor = true;
        fixture->problem->arch->memories[1].banks = 1 + seed / 2 % 4;
    }
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    if (fast->cycles != slow->cycles || fast->cycles < model->cycles) {
        print_error("seed %u: %s\n%s", seed, settings, tree);
    }
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_same_counts(fast, model);
    assert_stalls_add_up(fast);
    assert_filled_below(fast);
    *has_conflict = has_conflicts(fast);
    return slow_steps - fast_steps;
}

static void test_uneven_loops_are_skipped_exactly(void **state)
{
    (void)state;
    int64_t first = setting("WEIR_RANDOM_SEED", 1);
    int64_t count = setting("WEIR_UNEVEN_COUNT", 60);
    int64_t shortened = 0;
    int64_t conflicting = 0;
    for (int64_t i = 0; i < count; i++) {
        bool has_conflict = false;
        shortened += check_seed((guint32)(first + i), &has_conflict) > 0;
        conflicting += has_conflict ? 1 : 0;
    }
    print_message("# %d of %d runs shortened\n", (int)shortened, (int)count);
    assert_true(shortened >= count / 4);
    assert_true(conflicting >= count / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uneven_loops_are_skipped_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
