/* Filling and draining by hand, and how near the model then comes to the
 * simulation. Chip: tests/data/arch/no-multicast.yaml, 8 B a cycle from DRAM, LAT
 * cycles on the way, a third of that from the buffer; pipelines of OP cycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/problem_fixture.h"

#define CHIP "../tests/data/arch/no-multicast"

static struct evaluation *evaluate(const char *cascade, const char *arch,
                                   const char *mapping, const char *settings,
                                   bool is_text)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = is_text
                  ? fixture_load_text(diags, cascade, arch, mapping, settings)
                  : fixture_load(diags, cascade, arch, mapping, settings);
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    struct evaluation *e = NULL;
    AUTO(evaluation) model = NULL;
    assert_int_equal(sim_run(problem->plan, &options, diags, &e, NULL), OK);
    assert_int_equal(model_evaluate(problem->plan, diags, &model), OK);
    assert_int_equal(model->fill_cycles, e->fill_cycles);
    assert_int_equal(model->drain_cycles, e->drain_cycles);
    assert_int_equal(model->cycles, e->model_cycles);
    return e;
}

/* 4 x 4 x 4 in one tile of 4 cycles. A and B, 32 B each, take 4 cycles one after
 * the other and LAT on the way; Z takes 4 back. DRAM is busy for 12 cycles in all,
 * the run takes 8 + LAT + 4 + 4. Results that come late from pipelines and the
 * chain of 4 lanes end it later. */
static void test_one_tile_by_hand(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: once\n"
        "cascade: gemm\n"
        "tree:\n"
        "- hold: [A, B, Z]\n"
        "  in: gbuf\n"
        "- {compute: Z, on: array2d, spatial: {m: X, k: Y}}\n";
    const struct {
        const char *settings;
        int64_t fill;
        int64_t drain;
    } cases[] = {
        {"M=4 N=4 K=4 GBUF_BW=1024", 0, 4},
        {"M=4 N=4 K=4 GBUF_BW=1024 LAT=9", 9, 4},
        {"M=4 N=4 K=4 GBUF_BW=1024 LAT=9 OP=2", 9, 4 + 1},
        {"M=4 N=4 K=4 GBUF_BW=1024 LAT=9 OP=20", 9, 4 + 19},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(evaluation)
        e = evaluate("gemm", CHIP, text, cases[i].settings, true);
        assert_int_equal(e->model_cycles, 12);
        assert_int_equal(e->fill_cycles, cases[i].fill);
        assert_int_equal(e->drain_cycles, cases[i].drain);
        assert_int_equal(e->cycles, 12 + cases[i].fill + cases[i].drain);
    }
}

/* What the delivered mappings leave unexplained: waits for operands in between. */
struct near {
    const char *cascade;
    const char *arch;
    const char *mapping;
    const char *settings;
    double most_ratio; /* of the simulation that is left unexplained */
};

static void test_model_fill_and_drain_come_near_the_simulation(void **state)
{
    (void)state;
    static const struct near cases[] = {
        {"attention/one-pass", "teaching", "fusemax-binding", "P=64 M=64", 0},
        {"attention/one-pass", "teaching", "fusemax-architecture", "P=64 M=64",
         0.003},
        {"attention/one-pass", "teaching", "fusemax-cascade", "P=64 M=64",
         0.03},
        {"attention/three-pass", "teaching", "unfused", "P=64 M=64", 0},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "B=64 H=12 P=1024 M=1024 E=64 F=64", 0.0002},
        {"attention/three-pass", "flat-cloud", "flat",
         "B=64 H=12 P=1024 M=1024 E=64 F=64", 0.0002},
        {"gemm", "eyeriss-like", "gemm-eyeriss-ws", "M=100 N=100 K=100",
         0.0001},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(evaluation)
        e = evaluate(cases[i].cascade, cases[i].arch, cases[i].mapping,
                     cases[i].settings, false);
        int64_t filled = e->model_cycles + e->fill_cycles + e->drain_cycles;
        int64_t left = e->cycles - filled;
        assert_true(left >= 0);
        assert_true((double)left <= cases[i].most_ratio * (double)e->cycles);
    }
}

/* The same chip, but its file counts filling and draining. */
static void test_an_architecture_says_whether_they_count(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, "attention/one-pass", "teaching",
                           "fusemax-binding", "P=64 M=64");
    AUTO(evaluation) ignored = NULL;
    AUTO(evaluation) counted = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &ignored), OK);
    g_autofree char *text = NULL;
    assert_true(
        g_file_get_contents("arch-configs/teaching.yaml", &text, NULL, NULL));
    g_autoptr(GString) file = g_string_new(text);
    assert_int_equal(
        g_string_replace(file, "\nparams:", "\nfill: counted\nparams:", 1), 1);
    AUTO(arch) arch = NULL;
    assert_int_equal(
        arch_load_source(diags, diags_add_text(diags, "chip.yaml", file->str),
                         NULL, &arch),
        OK);
    assert_true(arch->counts_fill);
    struct plan plan = *problem->plan;
    plan.arch = arch;
    assert_int_equal(model_evaluate(&plan, diags, &counted), OK);
    assert_true(ignored->fill_cycles > 0 && ignored->drain_cycles > 0);
    assert_int_equal(counted->fill_cycles, ignored->fill_cycles);
    assert_int_equal(counted->drain_cycles, ignored->drain_cycles);
    assert_int_equal(counted->cycles, ignored->cycles + ignored->fill_cycles +
                                          ignored->drain_cycles);
    /* It survives being printed. */
    g_autoptr(GString) printed = g_string_new(NULL);
    AUTO(arch) again = NULL;
    arch_print(arch, printed);
    assert_int_equal(
        arch_load_source(diags,
                         diags_add_text(diags, "again.yaml", printed->str),
                         NULL, &again),
        OK);
    assert_true(again->counts_fill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_tile_by_hand),
        cmocka_unit_test(test_model_fill_and_drain_come_near_the_simulation),
        cmocka_unit_test(test_an_architecture_says_whether_they_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
