/* Simulated times against times worked out by hand, on the teaching chip: a 4x4
 * array and 4 lanes at one operation a cycle and 2-byte words. */
#include "tests/sim_support.h"

static struct evaluation *run_tree_on(const char *arch, const char *tree,
                                      const char *settings)
{
    AUTO(fixture) fixture = fixture_of_tree("gemm", arch, tree, settings);
    AUTO(evaluation) slow = run(fixture, false, NULL);
    AUTO(evaluation) fast = run(fixture, true, NULL);
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_stalls_add_up(fast);
    assert_int_equal(fast->fidelity, FIDELITY_SIM);
    assert_filled_below(fast);
    /* Names are borrowed from the plan, which goes now; numbers stay. */
    return g_steal_pointer(&fast);
}

static struct evaluation *run_tree(const char *tree, const char *settings)
{
    return run_tree_on("teaching", tree, settings);
}

static void assert_unit(const struct evaluation *evaluation, int unit,
                        int64_t busy_cycles, const int64_t *stall_cycles)
{
    assert_int_equal(evaluation->units[unit].busy_cycles, busy_cycles);
    for (int s = 0; s < STALL_COUNT; s++) {
        if (evaluation->units[unit].stall_cycles[s] != stall_cycles[s]) {
            print_error("stall '%s'\n", stall_name((enum stall)s));
        }
        assert_int_equal(evaluation->units[unit].stall_cycles[s],
                         stall_cycles[s]);
    }
}

/* Without those that wait for a buffer. */
#define STALLS(dependency, reduction, bandwidth, fill, drain)                  \
    (int64_t[STALL_COUNT])                                                     \
    {                                                                          \
        [STALL_DEPENDENCY] = dependency, [STALL_REDUCTION] = reduction,        \
        [STALL_BANDWIDTH] = bandwidth, [STALL_FILL] = fill,                    \
        [STALL_DRAIN] = drain                                                  \
    }

#define DIRECT                                                                 \
    "- for: {m: 4}\n"                                                          \
    "- for: {n: 4}\n"                                                          \
    "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n"

/* 16 steps. Each reads two tiles of 128 bytes, 16 cycles each at 8 bytes a
 * cycle, computes for 16, writes 32 bytes, 4 cycles. DRAM limits: A0 B0 A1 B1 |
 * A2 B2 W0 | A3 B3 W1 | ... | A15 B15 W13 | W14, and the last write follows the
 * last step, which starts with B15 at 36*16-8: 568 + 16 + 4. */
static void test_operands_straight_from_a_slow_memory(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(DIRECT, "M=16 N=16 K=16");
    assert_int_equal(e->cycles, 588);
    assert_unit(e, 0, 256, STALLS(0, 0, 588 - 256 - 32 - 4, 32, 4));
    /* The other unit has no work: it waits all the time. */
    assert_unit(e, 1, 0, (int64_t[STALL_COUNT]){[STALL_OUT_OF_WORK] = 588});
}

#define RESIDENT                                                               \
    "- hold: [A, B]\n"                                                         \
    "  in: gbuf\n" DIRECT

/* Both matrices are loaded once, 64 cycles each; reading tiles from the buffer
 * takes 2 + 2 of the 16 cycles that a step computes. */
static void test_operands_from_a_fast_buffer_cost_nothing(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(RESIDENT, "M=16 N=16 K=16");
    assert_int_equal(e->cycles, 128 + 16 * 16 + 4);
    assert_unit(e, 0, 256, STALLS(0, 0, 0, 128, 4));
}

/* At 4 bytes a cycle the buffer takes 128 cycles for each matrix to come in, and
 * 32 + 32 for the tiles of a step, which lasts as long. */
static void test_a_step_lasts_as_long_as_its_reads_on_the_chip(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(RESIDENT, "M=16 N=16 K=16 GBUF_BW=4");
    assert_int_equal(e->cycles, 256 + 16 * 64 + 4);
    assert_unit(e, 0, 256, STALLS(0, 0, 16 * 48, 256, 4));
}

/* 64 steps of 4 cycles that write 32 bytes each, 8 cycles at 4 bytes a cycle: two
 * writes may be under way, so step n starts with the end of write n-2. */
static void test_writes_hold_the_unit_up_when_two_are_under_way(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(RESIDENT, "M=32 N=32 K=4 DRAM_BW=4");
    assert_int_equal(e->cycles, 128 + 4 + 64 * 8);
    assert_unit(e, 0, 256, STALLS(0, 0, 248, 128, 12));
}

#define TILED                                                                  \
    "- hold: [B]\n"                                                            \
    "  in: gbuf\n"                                                             \
    "- for: {m: 4}\n"                                                          \
    "- hold: [A]\n"                                                            \
    "  in: gbuf\n"                                                             \
    "  copies: %d\n"                                                           \
    "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n"

/* B comes in 8 cycles, each tile of A in 8, a step takes 16, a write 2. With one
 * buffer tile n+1 is fetched when step n is over, behind its write. */
static void test_one_buffer_is_filled_between_steps(void **state)
{
    (void)state;
    g_autofree char *tree = g_strdup_printf(TILED, 1);
    AUTO(evaluation) e = run_tree(tree, "M=64 N=4 K=16 DRAM_BW=16");
    assert_int_equal(e->cycles, 16 + 16 * 16 + 15 * (2 + 8) + 2);
    assert_unit(e, 0, 256, STALLS(0, 0, 150, 16, 2));
}

static void test_two_buffers_are_filled_during_steps(void **state)
{
    (void)state;
    g_autofree char *tree = g_strdup_printf(TILED, 2);
    AUTO(evaluation) e = run_tree(tree, "M=64 N=4 K=16 DRAM_BW=16");
    assert_int_equal(e->cycles, 16 + 16 * 16 + 2);
    assert_unit(e, 0, 256, STALLS(0, 0, 0, 16, 2));
}

/* 3 GB/s at 1 GHz: a tile of 128 bytes lasts 42 2/3 cycles. Nothing is rounded
 * before the end: 16 steps of 2 * 42 2/3 + 10 2/3 cycles less the last two
 * writes, then the last step and its write: 1536 - 21 1/3 + 16 + 10 2/3. */
static void test_fractions_of_cycles_add_up_exactly(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(DIRECT, "M=16 N=16 K=16 DRAM_BW=3");
    assert_int_equal(e->cycles, 1542); /* of 1541 1/3 */
}

/* Step n has its operands at 32(n+1), 16 cycles later its result, which takes 32
 * cycles to be written while operands go on coming. */
static void test_a_memory_reads_while_it_writes(void **state)
{
    (void)state;
    AUTO(evaluation)
    e = run_tree_on("../tests/data/arch/read-write-ports", DIRECT,
                    "M=16 N=16 K=16");
    assert_int_equal(e->model_cycles, 512);
    assert_int_equal(e->cycles, 32 + 15 * 32 + 16 + 32);
}

/* A buffer of 12 bytes a cycle in all reads no more than 8: the 256 bytes of a
 * step's operands take 32 cycles. Before, 2 * 512 bytes are filled at 8 bytes a
 * cycle; the last result is written at 1 byte a cycle. */
static void test_the_slower_bandwidth_counts(void **state)
{
    (void)state;
    AUTO(evaluation)
    e = run_tree_on("../tests/data/arch/read-write-ports", RESIDENT,
                    "M=16 N=16 K=16");
    assert_int_equal(e->model_cycles, 512);
    assert_int_equal(e->cycles, 128 + 16 * 32 + 32);
}

/* B comes in 16 cycles, then A comes to the buffer in 16, and only from there, 8
 * more at 16 bytes a cycle, to the edge. */
static void test_a_fill_waits_for_what_it_is_filled_from(void **state)
{
    (void)state;
    AUTO(evaluation)
    e = run_tree("- hold: [B]\n"
                 "  in: edge\n"
                 "- hold: [A]\n"
                 "  in: gbuf\n"
                 "- hold: [A]\n"
                 "  in: edge\n"
                 "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                 "M=4 N=4 K=16 GBUF_BW=16");
    assert_int_equal(e->cycles, 16 + 16 + 8 + 16 + 4);
    assert_unit(e, 0, 16, STALLS(0, 0, 0, 40, 4));
}

/* Sixteen tiles of the FuseMax pipeline without interleaving. In the steady
 * state a tile takes QK 4 + LM 1, then RM waits 4 cycles for LM to come up the
 * column, RM 1, max(SLN 7 + SLD 1, PRM 7 + SPD 1), max(SLNV 4, SPNV 4 + RNV 4):
 * 26. The first has no RNV yet: 22. After the last: RD 1, RNV 4, then AV 4. */
static void test_waiting_for_reductions_is_told_apart(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_load("attention/one-pass", "teaching", "fusemax-architecture",
                     "P=4 M=64 E=4 F=4 B=1 H=1 DRAM_BW=100000 GBUF_BW=1000000");
    AUTO(evaluation) e = run(fixture, true, NULL);
    assert_stalls_add_up(e);
    /* One more for the fractions of a cycle that DRAM takes. */
    assert_int_equal(e->cycles, 22 + 15 * 26 + 1 + 4 + 4 + 1);
    assert_int_equal(e->units[0].busy_cycles, 16 * (5 + 8 + 4));
    assert_int_equal(e->units[1].busy_cycles, 16 * (1 + 1 + 8 + 8) + 4);
    /* Of the first tile the wait is part of the fill. */
    assert_int_equal(e->units[1].stall_cycles[STALL_REDUCTION], 15 * 4);
    assert_int_equal(e->units[0].stall_cycles[STALL_REDUCTION], 0);
    assert_int_equal(e->units[0].stall_cycles[STALL_BANDWIDTH], 0);
    assert_int_equal(e->model_cycles, 16 * 26);
}

static void test_several_runs_in_one_process_agree(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("attention/three-pass", "teaching", "unfused",
                           "P=32 M=32 E=4 F=4 B=2 H=3 GBUF=16384");
    AUTO(evaluation) first = run(fixture, true, NULL);
    for (int i = 0; i < 20; i++) {
        AUTO(evaluation) again = run(fixture, i % 2 == 0, NULL);
        assert_same_times(first, again);
    }
}

static void test_the_step_limit_ends_a_run(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_of_tree("gemm", "teaching", DIRECT, "M=16 N=16 K=16");
    struct sim_options options = {.use_fast_forward = false, .step_limit = 15};
    struct evaluation *evaluation = NULL;
    assert_int_equal(sim_run(fixture->problem->plan, &options, fixture->diags,
                             &evaluation, NULL),
                     ERR_LIMIT);
    assert_true(has_code(fixture->diags, "sim-step-limit"));
    assert_null(evaluation);
    options.step_limit = 16;
    AUTO(diags) diags = diags_new();
    assert_ok(
        sim_run(fixture->problem->plan, &options, diags, &evaluation, NULL),
        diags);
    evaluation_free(evaluation);
}

/* Five loops, 768 x 32 x 4096 x 128 iterations of twelve tile steps. */
static void test_a_million_tokens_take_few_steps(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_load("attention/one-pass", "fusemax-cloud", "fusemax-binding",
                     "P=1048576 M=1048576 E=64 F=64 B=64 H=12");
    int64_t steps = 0;
    AUTO(evaluation) e = run(fixture, true, &steps);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    assert_stalls_add_up(e);
    assert_same_counts(e, model);
    assert_true(steps < 1000000);
    assert_true(e->cycles >= e->model_cycles);
    /* What fill and drain add is less than a hundred tiles' time. */
    assert_true(e->cycles - e->model_cycles < 100 * 139);
}

/* Two steps, of 4 and 2 rows: A0 B0 | A1 W0 B1 ... in the order in which they are
 * asked for: A0 16, B0 16, A1 8, B1 16 cycles, until 56; step 0 from 32 to 48, its
 * write after B1 until 60; step 1 from 56 to 72, and 2 cycles for 16 bytes. */
static void test_a_remainder_tile_moves_what_is_left(void **state)
{
    (void)state;
    AUTO(evaluation) e = run_tree(DIRECT, "M=6 N=4 K=16");
    assert_int_equal(e->cycles, 74);
    assert_unit(e, 0, 32, STALLS(0, 0, 8, 32, 2));
}

/* A row of A goes to four lanes at once, so does a column of B: 128 bytes each,
 * 32 cycles; every lane takes 16, and the results 4. */
static void test_lanes_share_what_they_are_sent(void **state)
{
    (void)state;
    AUTO(evaluation)
    e = run_tree("- spatial: {m: Y, n: X}\n"
                 "  tile: {m: 1, n: 1}\n"
                 "- {compute: Z, on: array2d}\n",
                 "M=4 N=4 K=16");
    assert_int_equal(e->cycles, 32 + 16 + 4);
    assert_unit(e, 0, 16, STALLS(0, 0, 0, 32, 4));
}

static int64_t bytes_of(const struct evaluation *e, const char *component,
                        const char *tensor, const char *action)
{
    int64_t bytes = 0;
    for (int i = 0; i < e->action_count; i++) {
        const struct evaluation_action *a = &e->actions[i];
        if (a->tensor != NULL && strcmp(a->component, component) == 0 &&
            strcmp(a->tensor, tensor) == 0 && strcmp(a->action, action) == 0) {
            bytes += a->bytes;
        }
    }
    return bytes;
}

/* Of n x n blocks of 4 x 4 scores, n (n + 1) / 2 have a point: a head takes 8
 * cycles for each, and each block of keys but one is fetched, 4 rows of 8: the
 * first is still there when the second row of blocks begins. */
static void check_causal(int64_t blocks, const char *settings)
{
    AUTO(fixture)
    fixture = fixture_load("attention/causal", "teaching", "causal-three-pass",
                           settings);
    AUTO(evaluation) fast = run(fixture, true, NULL);
    AUTO(evaluation) slow = run(fixture, false, NULL);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_same_counts(fast, model);
    assert_stalls_add_up(fast);
    assert_true(fast->cycles >= fast->model_cycles);
    int64_t kept = blocks * (blocks + 1) / 2;
    if (blocks > 0) {
        assert_string_equal(fast->einsums[0].name, "QK");
        assert_int_equal(fast->einsums[0].busy_cycles, 2 * kept * 8);
        assert_int_equal(bytes_of(fast, "DRAM", "K", "read"),
                         2 * (kept - 1) * 4 * 8 * 2);
    }
}

static void test_tiles_above_the_diagonal_cost_nothing(void **state)
{
    (void)state;
    check_causal(6, "P=24");
    check_causal(10, "P=40");
    check_causal(0, "P=22");
    check_causal(0, "P=13 M=17 H=3");
}

static void check_delivered(const char *chip, const char *settings)
{
    static const char *const tpu[] = {"is", "ws", "ws-bypass", "ws-spill",
                                      "ws-tiled"};
    static const char *const eyeriss[] = {
        "is", "os", "os-bypass", "os-spads", "split", "tiled", "ws"};
    bool is_tpu = strcmp(chip, "tpu") == 0;
    size_t count = is_tpu ? G_N_ELEMENTS(tpu) : G_N_ELEMENTS(eyeriss);
    g_autofree char *arch = g_strdup_printf("%s-like", chip);
    for (size_t i = 0; i < count; i++) {
        g_autofree char *mapping =
            g_strdup_printf("gemm-%s-%s", chip, is_tpu ? tpu[i] : eyeriss[i]);
        AUTO(fixture) fixture = fixture_load("gemm", arch, mapping, settings);
        AUTO(evaluation) fast = run(fixture, true, NULL);
        AUTO(evaluation) slow = run(fixture, false, NULL);
        AUTO(evaluation) model = NULL;
        assert_ok(
            model_evaluate(fixture->problem->plan, fixture->diags, &model),
            fixture->diags);
        assert_same_times(fast, slow);
        assert_same_counts(fast, slow);
        assert_same_counts(fast, model);
        assert_stalls_add_up(fast);
        if (fast->cycles < fast->model_cycles) {
            print_error("%s: sim < model\n", mapping);
        }
        assert_true(fast->cycles >= fast->model_cycles);
    }
}

static void test_delivered_chips_take_no_less_than_the_model(void **state)
{
    (void)state;
    check_delivered("tpu", "");
    check_delivered("tpu", "M=100 N=200 K=150");
    check_delivered("eyeriss", "");
    check_delivered("eyeriss", "M=50 N=30 K=37");
}

/* Weights of the next tiles wait in the FIFO and are shifted in behind those in
 * use: only A, 7813 cycles into the unified buffer, comes before the first step,
 * and what a tile of weights takes is the model's. */
static void test_weights_come_while_others_are_in_use(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_load("gemm", "tpu-like", "gemm-tpu-ws-tiled",
                           "M=1000 N=1000 K=1000");
    AUTO(evaluation) e = run(fixture, true, NULL);
    assert_int_equal(e->units[0].stall_cycles[STALL_FILL], 7813);
    assert_int_equal(e->units[0].stall_cycles[STALL_OPERAND], 0);
    assert_true(e->cycles - 7813 < e->model_cycles + e->model_cycles / 80);
}

static int64_t cycles_without(const struct fixture *fixture, enum stall stall)
{
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.remedy_count = 3;
    AUTO(evaluation) e = NULL;
    assert_ok(
        sim_run(fixture->problem->plan, &options, fixture->diags, &e, NULL),
        fixture->diags);
    for (int c = 0; c < e->cause_count; c++) {
        if (e->causes[c].stall == stall) {
            return e->causes[c].without_cycles;
        }
    }
    fail_msg("no '%s'", stall_name(stall));
    return -1;
}

/* What a remedy is said to gain is what the better chip does. */
static void test_remedies_are_runs_of_the_better_chip(void **state)
{
    (void)state;
    AUTO(fixture)
    slow = fixture_of_tree("gemm", "teaching", DIRECT, "M=16 N=16 K=16");
    AUTO(fixture)
    fast = fixture_of_tree("gemm", "teaching", DIRECT,
                           "M=16 N=16 K=16 DRAM_BW=16");
    AUTO(evaluation) better = run(fast, true, NULL);
    assert_int_equal(cycles_without(slow, STALL_BANDWIDTH), better->cycles);
    AUTO(fixture)
    uneven = fixture_of_tree("gemm", "teaching", DIRECT, "M=18 N=15 K=16");
    AUTO(fixture)
    uneven_fast = fixture_of_tree("gemm", "teaching", DIRECT,
                                  "M=18 N=15 K=16 DRAM_BW=16");
    AUTO(evaluation) uneven_better = run(uneven_fast, true, NULL);
    assert_int_equal(cycles_without(uneven, STALL_BANDWIDTH),
                     uneven_better->cycles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_remainder_tile_moves_what_is_left),
        cmocka_unit_test(test_lanes_share_what_they_are_sent),
        cmocka_unit_test(test_tiles_above_the_diagonal_cost_nothing),
        cmocka_unit_test(test_delivered_chips_take_no_less_than_the_model),
        cmocka_unit_test(test_operands_straight_from_a_slow_memory),
        cmocka_unit_test(test_operands_from_a_fast_buffer_cost_nothing),
        cmocka_unit_test(test_a_step_lasts_as_long_as_its_reads_on_the_chip),
        cmocka_unit_test(test_writes_hold_the_unit_up_when_two_are_under_way),
        cmocka_unit_test(test_one_buffer_is_filled_between_steps),
        cmocka_unit_test(test_two_buffers_are_filled_during_steps),
        cmocka_unit_test(test_fractions_of_cycles_add_up_exactly),
        cmocka_unit_test(test_a_memory_reads_while_it_writes),
        cmocka_unit_test(test_the_slower_bandwidth_counts),
        cmocka_unit_test(test_a_fill_waits_for_what_it_is_filled_from),
        cmocka_unit_test(test_waiting_for_reductions_is_told_apart),
        cmocka_unit_test(test_several_runs_in_one_process_agree),
        cmocka_unit_test(test_weights_come_while_others_are_in_use),
        cmocka_unit_test(test_remedies_are_runs_of_the_better_chip),
        cmocka_unit_test(test_the_step_limit_ends_a_run),
        cmocka_unit_test(test_a_million_tokens_take_few_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
