/* `masked:` of compute nodes: what a unit that skips points left out by a
 * predicate does when it is asked for less. L[m,n] = A[m,k] * B[k,n] where
 * n <= m over 6 x 8 x 5 points has 21 pairs (m, n), 105 points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/problem_fixture.h"

static struct problem *load(struct diags *diags, const char *masked)
{
    g_autofree char *text = g_strdup_printf("schema: 1\n"
                                            "mapping: masked\n"
                                            "cascade: masked-products\n"
                                            "tree:\n"
                                            "- hold: [L, U, D]\n"
                                            "  in: gbuf\n"
                                            "- sequence:\n"
                                            "  - {compute: L, on: vector%s}\n"
                                            "  - {compute: U, on: vector}\n"
                                            "  - {compute: D, on: vector}\n"
                                            "  - {compute: R, on: vector}\n",
                                            masked);
    return fixture_load_text(diags, "../tests/data/cascade/masked-products",
                             "../tests/data/arch/clusters", text, NULL);
}

static void check(const char *masked, int64_t points, int64_t trips)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = load(diags, masked);
    const struct plan_leaf *leaf = &problem->plan->leaves[0];
    assert_int_equal(leaf->point_count, points);
    assert_int_equal(leaf->busy_cycles, trips * leaf->cycles_per_trip);
}

static void test_points_left_out_are_computed_gated_or_skipped(void **state)
{
    (void)state;
    check(", masked: compute", 6 * 8 * 5, 6 * 8 * 5);
    check(", masked: gate", 21 * 5, 6 * 8 * 5);
    check(", masked: skip", 21 * 5, 21 * 5);
    check("", 21 * 5, 21 * 5); /* what the unit can */
}

static void test_masked_and_recompute_are_printed(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = load(diags, ", masked: gate, recompute: true");
    g_autofree char *text = mapping_print(problem->mapping);
    assert_non_null(strstr(text, ", recompute: true, masked: gate}"));
}

/* Rows m go to three lanes, two each; of the column tiles 0-1, 2-3, 4-5 and 6-7 they
 * have points in the first, the first two and the first three. Three steps of
 * 2 * 2 * 5 iterations; a tile of B (5 * 2) is read once for the lanes that want
 * it, and written in each: 3 tiles outside, 1 + 2 + 3 inside. */
static void test_lanes_have_points_at_different_times(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: lanes\n"
        "cascade: masked-products\n"
        "tree:\n"
        "- hold: [L, U, D]\n"
        "  in: gbuf\n"
        "- sequence:\n"
        "  - tree: [{spatial: {m: A}}, {for: {n: 2}}, {hold: [B], in: cbuf},"
        " {compute: L, on: pe, masked: gate}]\n"
        "  - {compute: U, on: vector}\n"
        "  - {compute: D, on: vector}\n"
        "  - {compute: R, on: vector}\n";
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "../tests/data/cascade/masked-products",
                                "../tests/data/arch/clusters", text, NULL);
    const struct plan *plan = problem->plan;
    const struct plan_leaf *leaf = &plan->leaves[0];
    assert_true(plan->has_masked_lanes);
    assert_int_equal(leaf->step_count, 3);
    assert_int_equal(leaf->busy_cycles, 3 * 20 * leaf->cycles_per_trip);
    assert_int_equal(leaf->point_count, 105);
    int found = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        if (plan->flows[f].kind == FLOW_FILL) {
            assert_int_equal(plan->flows[f].total, 3 * 10);
            assert_int_equal(plan->flows[f].inner_total, (1 + 2 + 3) * 10);
            found++;
        }
    }
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_left_out_are_computed_gated_or_skipped),
        cmocka_unit_test(test_masked_and_recompute_are_printed),
        cmocka_unit_test(test_lanes_have_points_at_different_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
