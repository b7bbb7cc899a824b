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

/* The same on a chip with a pool that holds anything: nothing forces the 32
 * elements out to DRAM, but DRAM and pool together see them. 2 and 3 B a cycle. */
static void test_memories_without_a_size_share_what_has_no_room(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "attention/three-pass",
                                "../tests/data/arch/unsized", through_dram,
                                "B=1 H=1 P=4 M=64 E=4 F=4");
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    int64_t compulsory = (4 * 4 + 4 * 4 + 64 * 4 + 64 * 4) * 2;
    int64_t forced = 4 * (32 + 2 * 32) * 2;
    assert_int_equal(e->bound_unsized_bytes, compulsory);
    assert_int_equal(model_tighten_bound(problem->plan, diags, e), OK);
    assert_int_equal(e->bound_traffic_bytes, compulsory);
    assert_int_equal(e->bound_unsized_bytes, compulsory + forced);
    assert_int_equal(e->bound_transfer_cycles,
                     MAX(compulsory / 2, (compulsory + forced + 4) / 5));
    int64_t moved = 0;
    for (int m = 0; m < 2; m++) {
        moved += e->memories[m].read_bytes + e->memories[m].write_bytes;
    }
    assert_true(e->bound_unsized_bytes <= moved);
    assert_true(e->bound_cycles <= e->cycles);
}

/* A long row: the pool's share sets the time. */
static void test_their_bandwidths_bound_the_time(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "attention/three-pass",
                                "../tests/data/arch/unsized", through_dram,
                                "B=1 H=1 P=64 M=64 E=1 F=1");
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    int64_t before = e->bound_transfer_cycles;
    assert_int_equal(model_tighten_bound(problem->plan, diags, e), OK);
    int64_t bytes = (4 * 64 + 64 * (32 + 2 * 32)) * 2;
    assert_int_equal(e->bound_unsized_bytes, bytes);
    assert_int_equal(e->bound_transfer_cycles, (bytes + 4) / 5);
    assert_true(before < e->bound_transfer_cycles);
    assert_true(e->bound_cycles <= e->cycles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_has_no_room_between_passes_is_in_the_bound),
        cmocka_unit_test(test_memories_without_a_size_share_what_has_no_room),
        cmocka_unit_test(test_their_bandwidths_bound_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
