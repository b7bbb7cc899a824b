/* DRAM inside the tile simulator.
 *   - what a flow's events name is what their tiles hold: counted again here,
 *     element by element,
 *   - every idle cycle has one cause, counts are the model's, model <= sim,
 *   - a stream that reads row after row takes what sim/dram takes for it. */
#include <math.h>

#include "sim/layout.h"
#include "sim/main_memory.h"
#include "tests/sim_support.h"

#define CHIP "../tests/data/arch/teaching-dram"

/* ---- addresses ------------------------------------------------------------- */

#define TILED                                                                  \
    "- for: {m: 5}\n"                                                          \
    "- for: {k: 4}\n"                                                          \
    "- hold: [A]\n"                                                            \
    "  in: gbuf\n"                                                             \
    "- for: {n: 4}\n"                                                          \
    "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n"

static int find_fill(const struct plan *plan, const char *tensor)
{
    for (int f = 0; f < plan->flow_count; f++) {
        if (plan->flows[f].kind == FLOW_FILL &&
            strcmp(plan->workload->tensors[plan->flows[f].tensor].name,
                   tensor) == 0) {
            return f;
        }
    }
    fail_msg("no fill of %s", tensor);
    return -1;
}

/* A is 15 x 12 words, the tile at m = 1, k = 2: rows 5..9, columns 8..11. */
static void test_a_tile_is_named_row_by_row(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_of_tree("gemm", CHIP, TILED, "M=15 N=4 K=12 X2=8 Y2=8");
    const struct plan *plan = fixture->problem->plan;
    AUTO(layout) layout = NULL;
    assert_int_equal(layout_new(plan, &layout), OK);
    g_autofree int64_t *index = g_new0(int64_t, plan->node_count);
    index[plan->phases[0].loops[0]] = 1;
    index[plan->phases[0].loops[1]] = 2;
    struct layout_walk walk;
    layout_begin(layout, find_fill(plan, "A"), index, 5 * 4 * 2, &walk);
    int64_t address_bytes = 0;
    int64_t size_bytes = 0;
    int64_t base_bytes = -1;
    for (int row = 5; row < 10; row++) {
        assert_true(layout_next(&walk, &address_bytes, &size_bytes));
        int64_t offset_bytes = (row * 12 + 8) * 2;
        base_bytes = row == 5 ? address_bytes - offset_bytes : base_bytes;
        assert_int_equal(base_bytes % LAYOUT_ALIGN_BYTES, 0);
        assert_int_equal(address_bytes, base_bytes + offset_bytes);
        assert_int_equal(size_bytes, 4 * 2);
    }
    assert_false(layout_next(&walk, &address_bytes, &size_bytes));
}

/* Every byte of A is named once by all fills together. */
static void test_tiles_cover_a_tensor_once(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture = fixture_of_tree("gemm", CHIP, TILED, "M=15 N=4 K=12 X2=8 Y2=8");
    const struct plan *plan = fixture->problem->plan;
    AUTO(layout) layout = NULL;
    assert_int_equal(layout_new(plan, &layout), OK);
    g_autofree int64_t *index = g_new0(int64_t, plan->node_count);
    int named[15 * 12 * 2] = {0};
    for (int64_t i = 0; i < plan->phases[0].iteration_count; i++) {
        struct layout_walk walk;
        int64_t address_bytes = 0;
        int64_t size_bytes = 0;
        walk_find_place(plan, 0, i, index);
        if (index[plan->phases[0].loops[2]] > 0) {
            continue; /* the tile is there already */
        }
        layout_begin(layout, find_fill(plan, "A"), index, 5 * 4 * 2, &walk);
        while (layout_next(&walk, &address_bytes, &size_bytes)) {
            for (int64_t b = 0; b < size_bytes; b++) {
                int64_t at = (address_bytes + b) % LAYOUT_ALIGN_BYTES;
                assert_in_range(at, 0, 15 * 12 * 2 - 1);
                named[at]++;
            }
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
        assert_int_equal(named[i], 1);
    }
}

/* ---- runs ------------------------------------------------------------------ */

static void test_stalls_add_up_and_counts_are_the_models(void **state)
{
    (void)state;
    static const char *const mapping[][2] = {
        {"attention/one-pass", "fusemax-binding"},
        {"attention/one-pass", "fusemax-cascade"},
        {"attention/three-pass", "flat"},
        {"attention/three-pass", "unfused"},
        {"attention/causal-one-pass", "fusemax-causal"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(mapping); i++) {
        AUTO(fixture)
        fixture = fixture_load(mapping[i][0], CHIP, mapping[i][1],
                               "P=64 M=64 E=8 F=8 X1=8 X2=8 Y2=8 GBUF=65536 "
                               "RF1=64 RF2=64 DRAM_BW=64");
        AUTO(evaluation) one = run(fixture, true, NULL);
        AUTO(evaluation) two = run(fixture, false, NULL);
        AUTO(evaluation) model = NULL;
        assert_ok(
            model_evaluate(fixture->problem->plan, fixture->diags, &model),
            fixture->diags);
        assert_same_times(one, two);
        assert_same_counts(one, model);
        assert_stalls_add_up(one);
        assert_true(model->cycles <= one->cycles);
        assert_non_null(one->dram);
    }
}

/* Two matrices that lie one behind the other are read at once: as many bursts as
 * sim/dram is given here in the same order, in the same time. */
static void test_a_stream_takes_what_the_memory_alone_takes(void **state)
{
    (void)state;
    enum { WORDS = 65536 + 32768 };
    AUTO(fixture)
    fixture = fixture_of_tree("gemm", CHIP,
                              "- hold: [A, B]\n"
                              "  in: gbuf\n"
                              "- {compute: Z, on: array2d}\n",
                              "M=2 N=1 K=32768 GBUF=1048576 DRAM_BW=1000");
    AUTO(evaluation) e = run(fixture, true, NULL);
    struct dram_spec spec;
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        dram_spec_load_file(diags, "arch-configs/dram/ddr4-2400.yaml", &spec),
        OK);
    AUTO(dram) dram = dram_new(&spec);
    int64_t bursts = WORDS * 2 / spec.burst_bytes;
    int64_t last_cycle = 0;
    struct dram_completion completion;
    for (int64_t i = 0; i < bursts || dram_count_pending(dram) > 0;) {
        struct dram_request request = {.address_bytes = i * spec.burst_bytes};
        while (i < bursts && dram_submit(dram, &request) == DRAM_ACCEPTED) {
            request.address_bytes = ++i * spec.burst_bytes;
        }
        while (dram_take(dram, &completion)) {
            last_cycle = completion.cycle;
        }
        int64_t next = dram_next_activity(dram);
        if (next >= 0) {
            dram_advance(dram, MAX(next, dram_now(dram) + 1));
        }
    }
    double alone_ns = (double)last_cycle * (double)spec.period_ps / 1000;
    double fill_ns = (double)e->units[0].stall_cycles[STALL_FILL]; /* 1 GHz */
    assert_true(fabs(fill_ns - alone_ns) <= 1); /* whole cycles */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tile_is_named_row_by_row),
        cmocka_unit_test(test_tiles_cover_a_tensor_once),
        cmocka_unit_test(test_stalls_add_up_and_counts_are_the_models),
        cmocka_unit_test(test_a_stream_takes_what_the_memory_alone_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
