/* Networks in time, against times worked out by hand: four lanes in a line, one
 * word of 2 bytes each; 4 bytes a cycle on the link, 3 cycles a hop, memory
 * latency 5 (tests/data/arch/linked.yaml). The lane furthest away is 3 hops: what
 * the link has carried at t has arrived everywhere at t + 5 + 9, results at
 * t + 9. */
#include "tests/sim_support.h"

static struct fixture *load(const char *tree, const char *settings)
{
    return fixture_of_tree("gemm", "../tests/data/arch/linked", tree, settings);
}

static struct evaluation *run_both(const struct fixture *fixture)
{
    AUTO(evaluation) slow = run(fixture, false, NULL);
    AUTO(evaluation) fast = run(fixture, true, NULL);
    assert_same_times(fast, slow);
    assert_stalls_add_up(fast);
    assert_filled_below(fast);
    return g_steal_pointer(&fast);
}

static int64_t cause_cycles(const struct evaluation *e, enum stall stall,
                            const char *component, const char *part)
{
    int64_t cycles = 0;
    for (int c = 0; c < e->cause_count; c++) {
        bool is_it = e->causes[c].stall == stall &&
                     g_strcmp0(e->causes[c].component, component) == 0 &&
                     g_strcmp0(e->causes[c].part, part) == 0;
        cycles += is_it ? e->causes[c].cycles : 0;
    }
    return cycles;
}

/* A is 16 bytes for all lanes, 4 cycles; B 32, as no value goes to two lanes at
 * once, 8. They have arrived at 26; 4 operations; 16 bytes go back. */
static void test_what_lanes_do_not_share_crosses_the_link_for_each(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = load("- spatial: {m: X}\n"
                   "- hold: [A, B]\n"
                   "  in: buf\n"
                   "- {compute: Z, on: pe}\n",
                   "M=4 N=2 K=2");
    AUTO(evaluation) e = run_both(fixture);
    assert_int_equal(e->model_cycles, 12);
    assert_int_equal(e->cycles, 12 + 14 + 4 + 4 + 9);
    assert_int_equal(e->units[0].stall_cycles[STALL_FILL], 26);
    assert_int_equal(e->units[0].stall_cycles[STALL_DRAIN], 13);
}

/* A goes out first, then the columns of B, 4 cycles each, two ahead: B0 is there
 * at 22, B1 at 26, two cycles after step 0: asked for at 0, it has waited for the
 * link. B2 is asked for at 24, when B0 is done with, and there at 42. Step 1 ends
 * at 28; of B2's time 1 cycle of the memory is left then, 9 of hops and 4 of the
 * link. */
static void test_waiting_for_hops_is_told_from_waiting_for_memory(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = load("- spatial: {m: X}\n"
                   "- hold: [A]\n"
                   "  in: buf\n"
                   "- for: {n: 1}\n"
                   "- hold: [B]\n"
                   "  in: buf\n"
                   "  copies: 2\n"
                   "- {compute: Z, on: pe}\n",
                   "M=4 N=3 K=2");
    AUTO(evaluation) e = run_both(fixture);
    assert_int_equal(e->cycles, 44 + 2 + 9);
    assert_int_equal(e->units[0].busy_cycles, 6);
    assert_int_equal(e->units[0].stall_cycles[STALL_FILL], 22);
    assert_int_equal(e->units[0].stall_cycles[STALL_DRAIN], 11);
    assert_int_equal(cause_cycles(e, STALL_NETWORK, "lanes", "hops"), 9);
    assert_int_equal(cause_cycles(e, STALL_NETWORK, "lanes", "in"), 2 + 4);
    assert_int_equal(cause_cycles(e, STALL_OPERAND, "DRAM", NULL), 1);
}

/* Of many columns the link sets the pace once latencies are hidden behind eight
 * buffers: 4 cycles for each column of B against 2 of a step. */
static void test_a_busy_link_is_the_cause(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = load("- spatial: {m: X}\n"
                   "- hold: [A]\n"
                   "  in: buf\n"
                   "- for: {n: 1}\n"
                   "- hold: [B]\n"
                   "  in: buf\n"
                   "  copies: 8\n"
                   "- {compute: Z, on: pe}\n",
                   "M=4 N=100 K=2");
    AUTO(evaluation) e = run_both(fixture);
    assert_int_equal(e->model_cycles, 4 + 4 * 100);
    assert_int_equal(e->cycles, 4 + 4 * 100 + 14 + 2 + 2 + 9);
    assert_string_equal(e->causes[0].component, "lanes");
    assert_string_equal(e->causes[0].part, "in");
    assert_int_equal(e->causes[0].stall, STALL_NETWORK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_what_lanes_do_not_share_crosses_the_link_for_each),
        cmocka_unit_test(test_waiting_for_hops_is_told_from_waiting_for_memory),
        cmocka_unit_test(test_a_busy_link_is_the_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
