/* Cycles of small mappings on the teaching chip, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/problem_fixture.h"

static void check_cycles(const char *cascade, const char *settings,
                         const char *text, int64_t cycles,
                         const char *bottleneck)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, cascade, "teaching", text, settings);
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    assert_int_equal(e->cycles, cycles);
    assert_string_equal(e->bottleneck, bottleneck);
}

static const char gemm[] =
    "schema: 1\n"
    "mapping: product\n"
    "cascade: gemm\n"
    "tree:\n"
    "- for: {m: 4}\n"
    "- hold: [A]\n" /* 2 tiles of 4*8 words */
    "  in: gbuf\n"
    "- for: {n: 4}\n"
    "- hold: [Z, B]\n" /* B: 4 tiles of 8*4; Z: 4 of 4*4 */
    "  in: edge\n"
    "- for: {k: 4}\n"
    "- {compute: Z, on: array2d, for: [{n: 2}], spatial: {m: X, k: Y}}\n";

/* 512 points on 16 lanes: 32 cycles. DRAM moves 2 * (64 + 128 + 64) bytes. */
static void test_the_slowest_resource_counts(void **state)
{
    (void)state;
    check_cycles("gemm", "M=8 N=8 K=8 DRAM_BW=8", gemm, 64, "DRAM bandwidth");
    check_cycles("gemm", "M=8 N=8 K=8 DRAM_BW=15", gemm, 35, "DRAM bandwidth");
    check_cycles("gemm", "M=8 N=8 K=8 DRAM_BW=16", gemm, 32, "array2d");
    /* gbuf: A comes in (64 words) and is read 8 times 16 words. */
    check_cycles("gemm", "M=8 N=8 K=8 DRAM_BW=64 GBUF_BW=4", gemm, 96,
                 "gbuf bandwidth");
}

#define HEAD                                                                   \
    "schema: 1\n"                                                              \
    "mapping: softmax\n"                                                       \
    "cascade: attention-3pass\n"                                               \
    "tree:\n"                                                                  \
    "- for: {b: 1}\n"                                                          \
    "- for: {p: 4}\n"                                                          \
    "- {hold: [QK, GM, SN, SD, A], in: edge}\n"                                \
    "- pipeline:\n"
#define SIZES "B=2 H=1 P=8 M=8 E=4 F=4 DRAM_BW=1000 GBUF_BW=1000"
/* 4 iterations of: QK 8 cycles (4*8*4 points, 16 lanes); on 4 lanes 32 points
 * each of GM 8, SN 56 (sub and 6 for exp), SD 8, A 8; AV 8. */
#define QK(axes) "compute: QK, on: array2d, spatial: {" axes "}}\n"
#define SOFTMAX                                                                \
    "{compute: GM, on: array1d, spatial: {p: X}}, "                            \
    "{compute: SN, on: array1d, spatial: {p: X}}, "                            \
    "{compute: SD, on: array1d, spatial: {p: X}}, "                            \
    "{compute: A, on: array1d, spatial: {p: X}}"
#define AV "compute: AV, on: array2d, spatial: {p: X, f: Y}}"

static void test_a_slot_lasts_as_long_as_its_slowest_unit(void **state)
{
    (void)state;
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {for: [{m: 4}], " QK(
                     "p: X, m: Y") "  - {delay: 1, tree: [{sequence: [" SOFTMAX
                                   "]}]}\n"
                                   "  - {slot: 1, delay: 1, " AV "\n",
                 4 * (80 + 8), "array1d");
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {for: [{m: 4}], " QK(
                     "p: X, m: Y") "  - {delay: 1, tree: [{sequence: [" SOFTMAX
                                   "]}]}\n"
                                   "  - {slot: 0, delay: 2, " AV "\n",
                 4 * 80, "array1d");
}

/* AV after A in one program: 88 cycles, though array1d works 80 of them. */
static void test_a_slot_lasts_as_long_as_its_longest_program(void **state)
{
    (void)state;
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {for: [{m: 4}], " QK(
                     "p: X, m: Y") "  - {delay: 1, tree: [{sequence: [" SOFTMAX
                                   ", {" AV "]}]}\n",
                 4 * 88, "array1d");
}

/* QK reduces e over 4 rows, a cycle each. Read in the next slot: 4 cycles are
 * waited. Read in the next step, 80 cycles hide them. */
static void test_a_reduction_is_waited_for_if_nothing_hides_it(void **state)
{
    (void)state;
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {" QK(
                     "p: X, e: Y") "  - {slot: 1, tree: [{sequence: [" SOFTMAX
                                   "]}]}\n"
                                   "  - {slot: 2, " AV "\n",
                 4 * (8 + 4 + 80 + 8), "array1d");
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {" QK(
                     "p: X, e: Y") "  - {delay: 1, tree: [{sequence: [" SOFTMAX
                                   "]}]}\n"
                                   "  - {slot: 1, delay: 1, " AV "\n",
                 4 * (80 + 8), "array1d");
}

/* The slot that reduces lasts longer than its reduction: AV of the step before
 * stands in it after QK, 8 cycles that hide all 4. */
static void test_work_after_a_reduction_in_its_slot_hides_it(void **state)
{
    (void)state;
    check_cycles("attention/three-pass", SIZES,
                 HEAD "  - {" QK(
                     "p: X, e: Y") "  - {slot: 1, tree: [{sequence: [" SOFTMAX
                                   "]}]}\n"
                                   "  - {slot: 0, delay: 1, " AV "\n",
                 4 * (16 + 80) + 0, "array1d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_slowest_resource_counts),
        cmocka_unit_test(test_a_slot_lasts_as_long_as_its_slowest_unit),
        cmocka_unit_test(test_a_slot_lasts_as_long_as_its_longest_program),
        cmocka_unit_test(test_a_reduction_is_waited_for_if_nothing_hides_it),
        cmocka_unit_test(test_work_after_a_reduction_in_its_slot_hides_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
