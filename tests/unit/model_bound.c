/* Bounds that passes and capacity set, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/problem_fixture.h"

/* Every tensor through DRAM: legal on the smallest chip. */
static const char through_dram[] = "schema: 1\n"
                                   "mapping: softmax\n"
                                   "cascade: attention-3pass\n"
                                   "tree:\n"
                                   "- hold: [QK, GM, SN, SD, A]\n"
                                   "  in: DRAM\n"
                                   "- phases:\n"
                                   "  - {compute: QK, on: vector}\n"
                                   "  - {compute: GM, on: vector}\n"
                                   "  - {compute: SN, on: vector}\n"
                                   "  - {compute: SD, on: vector}\n"
                                   "  - {compute: A, on: vector}\n"
                                   "  - {compute: AV, on: vector}\n";

static int64_t bound_bytes(const char *settings, int64_t *moved_bytes)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem =
        fixture_load_text(diags, "attention/three-pass",
                          "../tests/data/arch/finite", through_dram, settings);
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    assert_int_equal(model_tighten_bound(problem->plan, diags, e), OK);
    assert_true(e->bound_cycles <= e->cycles);
    assert_int_equal(e->bound_transfer_cycles, e->bound_traffic_bytes / 2);
    *moved_bytes = e->memories[0].read_bytes + e->memories[0].write_bytes;
    return e->bound_traffic_bytes;
}

/* Q, AV, K and V, once each:
 * (P E + P F + M E + M F) * 2 bytes. Between the passes over m, QK and then SN
 * are held, M elements for each query; 32 words are on the chip. */
static void test_what_has_no_room_between_passes_is_in_the_bound(void **state)
{
    (void)state;
    int64_t moved = 0;
    int64_t compulsory = (4 * 4 + 4 * 4 + 32 * 4 + 32 * 4) * 2;
    assert_int_equal(bound_bytes("B=1 H=1 P=4 M=32 E=4 F=4", &moved),
                     compulsory);
    assert_true(moved >= compulsory);
    compulsory = (4 * 4 + 4 * 4 + 64 * 4 + 64 * 4) * 2;
    /* 32 homeless elements: written once, read after passes 1 and 2. */
    int64_t forced = 4 * (32 + 2 * 32) * 2;
    assert_int_equal(bound_bytes("B=1 H=1 P=4 M=64 E=4 F=4", &moved),
                     compulsory + forced);
    assert_true(moved >= compulsory + forced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_has_no_room_between_passes_is_in_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
