/* Cases in which iterations look alike long before they are: fast-forward must
 * see what is slowly changing behind them. */
#include "tests/sim_support.h"

/* Tiles of B stream through `copies` buffers a little faster than they are used,
 * so that the channel gains on the unit, iteration by iteration. How far it has
 * got decides how much of the next tile of A is hidden at the end of a row. */
static void check_gaining(int copies, int bandwidth)
{
    g_autofree char *tree =
        g_strdup_printf("- for: {m: 4}\n"
                        "- hold: [A]\n"
                        "  in: gbuf\n"
                        "  copies: 2\n"
                        "- for: {n: 4}\n"
                        "- hold: [B]\n"
                        "  in: gbuf\n"
                        "  copies: %d\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        copies);
    g_autofree char *settings =
        g_strdup_printf("M=40 N=800 K=64 GBUF=65536 DRAM_BW=%d", bandwidth);
    AUTO(fixture) fixture = fixture_of_tree("gemm", "teaching", tree, settings);
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_stalls_add_up(fast);
    assert_int_equal(slow_steps, 2000);
    assert_true(fast_steps < slow_steps);
}

static void test_buffers_that_fill_up_slowly(void **state)
{
    (void)state;
    /* 544 bytes a step of 64 cycles: 8.5 bytes a cycle would do. */
    for (int copies = 1; copies <= 12; copies++) {
        check_gaining(copies, 9);
    }
}

static void test_a_memory_that_cannot_keep_up(void **state)
{
    (void)state;
    for (int bandwidth = 5; bandwidth <= 8; bandwidth++) {
        check_gaining(8, bandwidth);
    }
}

/* A0 and B0 to B7, 56 8/9 each, are asked for at once. Step 0 starts after the
 * first two; its result is behind the others, done at 9 * 56 8/9 + 3 5/9, which
 * step 2 waits for: 273 7/9 late. From then on the channel is ahead, and nothing
 * is seen of the other rows of A. */
static void test_buffers_hide_the_next_row(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "teaching",
                        "- for: {m: 4}\n"
                        "- hold: [A]\n"
                        "  in: gbuf\n"
                        "  copies: 2\n"
                        "- for: {n: 4}\n"
                        "- hold: [B]\n"
                        "  in: gbuf\n"
                        "  copies: 8\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        "M=40 N=800 K=64 GBUF=65536 DRAM_BW=9");
    AUTO(evaluation) e = run(fixture, true, NULL);
    assert_int_equal(e->units[0].stall_cycles[STALL_FILL], 114);
    assert_int_equal(e->units[0].stall_cycles[STALL_BANDWIDTH], 274);
    /* 113 7/9 + 273 7/9 + 2000 * 64 + 3 5/9 */
    assert_int_equal(e->cycles, 128392);
}

/* A unit that works once in a row idles longer and longer within it, which must
 * not hide that the rest repeats. */
static void test_a_unit_without_work_in_the_inner_loop(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("attention/one-pass", "teaching", "fusemax-binding",
                           "P=4 M=400 E=4 F=4 B=3 H=1 DRAM_BW=100 GBUF=65536");
    struct plan *plan = fixture->problem->plan;
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    /* Everything but AV moves to the first unit; AV runs once in 100 tiles. */
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan->leaves[l].at_count == 0) {
            plan->leaves[l].unit = 0;
        }
    }
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    assert_same_times(fast, slow);
    assert_stalls_add_up(fast);
    assert_true(fast_steps * 2 < slow_steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffers_that_fill_up_slowly),
        cmocka_unit_test(test_a_memory_that_cannot_keep_up),
        cmocka_unit_test(test_buffers_hide_the_next_row),
        cmocka_unit_test(test_a_unit_without_work_in_the_inner_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
