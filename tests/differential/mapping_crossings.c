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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_on_chiplets_cross_networks_as_they_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
