/* What crosses the networks of chiplets, against brute force (tests/nest_check.h):
 * every value's route, link by link, on its way in, out and back. Small packages,
 * shapes that leave chips, elements and multipliers idle in the last tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/nest_check.h"
#include "tests/problem_fixture.h"

#define SMALL " CHIPS=2 PES=2 VECTORS=2 WIDTH=2"

/* Hops of what comes back (REFILL) over all networks. */
static int64_t count_back(const struct plan *plan)
{
    int64_t hops = 0;
    for (int i = 0; i < plan->crossing_count; i++) {
        const struct plan_crossing *crossing = &plan->crossings[i];
        enum flow_kind kind = plan->flows[crossing->flow].kind;
        hops +=
            kind == FLOW_REFILL || kind == FLOW_PARTIAL ? crossing->hops : 0;
    }
    return hops;
}

static int64_t check(const char *mapping, const char *settings)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, "gemm", "simba-like", mapping, settings);
    nest_check_plan(problem->plan);
    return count_back(problem->plan);
}

static void test_products_on_chiplets_cross_networks_as_they_do(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "M=5 N=9 K=17 TM=2 TN=4" SMALL,  "M=4 N=8 K=8 TM=2 TN=4" SMALL,
        "M=3 N=10 K=10 TM=3 TN=5" SMALL, "M=9 N=3 K=13 TM=1 TN=2" SMALL,
        "M=6 N=5 K=9 TM=4 TN=3" SMALL,
    };
    static const char *const mappings[] = {"gemm-simba-ws", "gemm-simba-os",
                                           "gemm-simba-is"};
    int64_t back = 0;
    for (gsize m = 0; m < G_N_ELEMENTS(mappings); m++) {
        for (gsize s = 0; s < G_N_ELEMENTS(shapes); s++) {
            back += check(mappings[m], shapes[s]);
        }
    }
    assert_true(back > 0);
}

/* The chips' rows, and the elements', are each divided between two ranks. */
static const char divided_text[] = "schema: 1\n"
                                   "mapping: divided\n"
                                   "cascade: gemm\n"
                                   "params: {N2: %d, K2: %d}\n"
                                   "tree:\n"
                                   "- for: {m: 2}\n"
                                   "- for: {k: \"min(K, 16)\"}\n"
                                   "- spatial: {%c: CY}\n"
                                   "  tile: {%c: \"%s\"}\n"
                                   "- spatial: {%c: CY}\n"
                                   "  tile: {%c: \"%s\"}\n"
                                   "- hold: [A, B, Z]\n"
                                   "  in: gbuf\n"
                                   "- spatial: {%c: PY}\n"
                                   "  tile: {%c: \"%s\"}\n"
                                   "- spatial: {%c: PY}\n"
                                   "  tile: {%c: \"%s\"}\n"
                                   "- hold: [Z]\n"
                                   "  in: abuf\n"
                                   "- hold: [A]\n"
                                   "  in: ibuf\n"
                                   "- hold: [B]\n"
                                   "  in: wbuf\n"
                                   "- for: {m: 1}\n"
                                   "- for: {n: 1}\n"
                                   "- for: {k: 1}\n"
                                   "- {compute: Z, on: mac_array}\n";

static void check_divided(char outer, char inner, const char *outer_tile,
                          const char *inner_tile, const char *outer_element,
                          const char *inner_element, const char *settings)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *text = g_strdup_printf(
        divided_text, 4, 4, outer, outer, outer_tile, inner, inner, inner_tile,
        outer, outer, outer_element, inner, inner, inner_element);
    AUTO(problem)
    problem = fixture_load_text(diags, "gemm", "simba-like", text, settings);
    nest_check_plan(problem->plan);
    assert_int_not_equal(problem->plan->crossing_count, 0);
}

static void test_axes_may_be_divided_between_ranks(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "M=4 N=8 K=16 CHIPS=4 PES=4 VECTORS=1 WIDTH=1",
        "M=5 N=7 K=23 CHIPS=4 PES=4 VECTORS=1 WIDTH=1",
        "M=3 N=5 K=9 CHIPS=4 PES=4 VECTORS=1 WIDTH=1",
    };
    for (gsize s = 0; s < G_N_ELEMENTS(shapes); s++) {
        check_divided('n', 'k', "min(N, N2)", "min(K, 8)", "min(N, 2)",
                      "min(K, 4)", shapes[s]);
        check_divided('k', 'n', "min(K, 8)", "min(N, N2)", "min(K, 4)",
                      "min(N, 2)", shapes[s]);
        check_divided('k', 'k', "min(K, 8)", "min(K, K2)", "min(K, 2)",
                      "min(K, 1)", shapes[s]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_on_chiplets_cross_networks_as_they_do),
        cmocka_unit_test(test_axes_may_be_divided_between_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
