/* Banks that tensors lie in, in time, against times worked out by hand: a product of
 * 4 x 4 matrices, 32 bytes each, of 64 operations in one tile step; a buffer of 4
 * bytes a cycle (tests/data/arch/banked.yaml), so 2 of each of two banks. The step
 * reads 128 bytes of A and as many of B. Z leaves the registers through the buffer:
 * 32 bytes in, 32 out, of the one bank it lies in. */
#include "tests/sim_support.h"

#define HOLD(tensor) "- hold: [" tensor "]\n  in: buf\n"
#define STEP         "- hold: [Z]\n  in: regs\n- {compute: Z, on: pe}\n"

static struct fixture *load(const char *tree, int banks)
{
    g_autofree char *settings = g_strdup_printf("M=4 N=4 K=4 BANKS=%d", banks);
    return fixture_of_tree("gemm", "../tests/data/arch/banked", tree, settings);
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

static void assert_stalls(const struct evaluation *e, int64_t fill,
                          int64_t conflict, int64_t drain)
{
    const struct evaluation_unit *unit = &e->units[0];
    assert_int_equal(unit->busy_cycles, 64);
    assert_int_equal(unit->stall_cycles[STALL_FILL], fill);
    assert_int_equal(unit->stall_cycles[STALL_BANK_CONFLICT], conflict);
    assert_int_equal(unit->stall_cycles[STALL_DRAIN], drain);
    assert_int_equal(e->cycles, 64 + fill + conflict + drain);
}

/* A in bank 0, B in bank 1, Z in bank 0. A and B come at the same time, in 16
 * cycles, and are read at the same time, 64. */
static void test_tensors_in_two_banks_pass_each_other(void **state)
{
    (void)state;
    AUTO(fixture) fixture = load(HOLD("A, B") HOLD("Z") STEP, 2);
    AUTO(evaluation) e = run_both(fixture);
    assert_stalls(e, 16, 0, 16 + 16);
}

/* A in bank 0, Z in bank 1, B in bank 0. One comes after the other, and is read
 * after the other: the step lasts 128 cycles. Alone in the bank, both would have
 * been read in the 64 that the unit is busy. */
static void test_tensors_in_one_bank_wait_for_each_other(void **state)
{
    (void)state;
    AUTO(fixture) fixture = load(HOLD("A") HOLD("Z") HOLD("B") STEP, 2);
    AUTO(evaluation) e = run_both(fixture);
    assert_stalls(e, 16 + 16, 64, 16 + 16);
    bool is_named = false;
    for (int c = 0; c < e->cause_count; c++) {
        if (e->causes[c].stall == STALL_BANK_CONFLICT) {
            g_autofree char *text = evaluation_say_cause(&e->causes[c]);
            assert_string_equal(text, "bank conflict in buf.bank0");
            is_named = true;
        }
    }
    assert_true(is_named);
}

/* Which is interleaving: 8 cycles each to come and to leave. */
static void test_a_single_bank_has_all_the_bandwidth(void **state)
{
    (void)state;
    AUTO(fixture) one = load(HOLD("A") HOLD("Z") HOLD("B") STEP, 1);
    AUTO(fixture) spread = load(HOLD("A") HOLD("Z") HOLD("B") STEP, 2);
    spread->problem->arch->memories[1].is_banked_by_tensor = false;
    AUTO(evaluation) e = run_both(one);
    AUTO(evaluation) interleaved = run_both(spread);
    assert_stalls(e, 8 + 8, 0, 8 + 8);
    assert_same_times(e, interleaved);
}

/* With its conflicts gone the memory is interleaved. */
static void test_relief_of_conflicts_interleaves(void **state)
{
    (void)state;
    AUTO(fixture) fixture = load(HOLD("A") HOLD("Z") HOLD("B") STEP, 2);
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.remedy_count = 1;
    AUTO(evaluation) e = NULL;
    assert_ok(
        sim_run(fixture->problem->plan, &options, fixture->diags, &e, NULL),
        fixture->diags);
    bool is_asked = false;
    for (int c = 0; c < e->cause_count; c++) {
        if (e->causes[c].stall == STALL_BANK_CONFLICT) {
            assert_int_equal(e->causes[c].without_cycles, 8 + 8 + 64 + 8 + 8);
            is_asked = true;
        }
    }
    assert_true(is_asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_in_two_banks_pass_each_other),
        cmocka_unit_test(test_tensors_in_one_bank_wait_for_each_other),
        cmocka_unit_test(test_a_single_bank_has_all_the_bandwidth),
        cmocka_unit_test(test_relief_of_conflicts_interleaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
