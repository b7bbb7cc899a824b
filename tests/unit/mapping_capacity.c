/* What a mapping keeps in its memories, worked out by hand. Words of 2 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/problem_fixture.h"

#define THREE "schema: 1\nmapping: m\ncascade: attention-3pass\n"
#define ONE   "schema: 1\nmapping: m\ncascade: attention-1pass\n"

static int64_t footprint(const char *cascade, const char *settings,
                         const char *text, const char *memory)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, cascade, "teaching", text, settings);
    int id = arch_find_memory(problem->arch, memory);
    return problem->plan->memories[id].footprint_bytes;
}

#define SOFTMAX                                                                \
    "{compute: GM, on: array1d}, {compute: SN, on: array1d}, "                 \
    "{compute: SD, on: array1d}, {compute: A, on: array1d}"

/* Branches of a sequence take turns in a memory; the largest counts. */
static void test_a_sequence_takes_turns(void **state)
{
    (void)state;
    static const char text[] = THREE "tree:\n"
                                     "- hold: [QK, GM, SN, SD, A]\n"
                                     "  in: DRAM\n"
                                     "- sequence:\n"
                                     "  - tree:\n"
                                     "    - hold: [Q, K]\n" /* 8*4 + 8*4 */
                                     "      in: gbuf\n"
                                     "    - {compute: QK, on: array2d}\n"
                                     "  - {tree: [{sequence: [" SOFTMAX "]}]}\n"
                                     "  - tree:\n"
                                     "    - hold: [V]\n" /* 8*2 */
                                     "      in: gbuf\n"
                                     "      copies: 3\n"
                                     "    - {compute: AV, on: array2d}\n";
    static const char settings[] = "B=1 H=1 P=8 M=8 E=4 F=2";
    assert_int_equal(footprint("attention/three-pass", settings, text, "gbuf"),
                     2 * (8 * 4 + 8 * 4));
    assert_int_equal(footprint("attention/three-pass", settings, text, "DRAM"),
                     2 * (3 * 64 + 2 * 8));
    assert_int_equal(footprint("attention/three-pass", settings, text, "edge"),
                     0);
}

/* K and V are the same for all queries: they stay while the others run, unless a
 * loop of their own moves them. */
static void test_what_a_loop_around_wants_again_stays(void **state)
{
    (void)state;
    static const char text[] = THREE "params: {T: M, U: P}\n"
                                     "tree:\n"
                                     "- for: {p: U}\n"
                                     "- hold: [QK, GM, SN, SD, A]\n"
                                     "  in: DRAM\n"
                                     "- sequence:\n"
                                     "  - tree:\n"
                                     "    - hold: [Q, K]\n" /* U*4 + 8*4 */
                                     "      in: gbuf\n"
                                     "    - {compute: QK, on: array2d}\n"
                                     "  - {tree: [{sequence: [" SOFTMAX "]}]}\n"
                                     "  - tree:\n"
                                     "    - for: {m: T}\n"
                                     "    - hold: [V]\n" /* T*2 */
                                     "      in: gbuf\n"
                                     "    - {compute: AV, on: array2d}\n";
    static const char settings[][40] = {"B=1 H=1 P=8 M=8 E=4 F=2 U=4",
                                        "B=1 H=1 P=8 M=8 E=4 F=2 U=4 T=4",
                                        "B=1 H=1 P=8 M=8 E=4 F=2"};
    static const int64_t elements[] = {4 * 4 + 8 * 4 + 8 * 2, 4 * 4 + 8 * 4,
                                       8 * 4 + 8 * 4};
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++) {
        assert_int_equal(
            footprint("attention/three-pass", settings[i], text, "gbuf"),
            2 * elements[i]);
    }
}

/* Children of a pipeline are all there at once; what passes between them is
 * kept for as many steps as lie between. */
static void test_a_pipeline_adds_up(void **state)
{
    (void)state;
    static const char text[] =
        THREE "tree:\n"
              "- for: {p: 2}\n"
              "- hold: [QK]\n" /* 2*8, written at 0, read at 1: 2 copies */
              "  in: gbuf\n"
              "- hold: [A]\n" /* 2*8, 1 to 3: 3 copies */
              "  in: gbuf\n"
              "- hold: [GM, SN, SD]\n"
              "  in: edge\n"
              "- pipeline:\n"
              "  - tree:\n"
              "    - hold: [K]\n" /* 8*4 */
              "      in: gbuf\n"
              "    - {compute: QK, on: array2d}\n"
              "  - {delay: 1, tree: [{sequence: [" SOFTMAX "]}]}\n"
              "  - delay: 3\n"
              "    tree:\n"
              "    - hold: [V]\n" /* 8*2 */
              "      in: gbuf\n"
              "      copies: 2\n"
              "    - {compute: AV, on: array2d}\n";
    static const char settings[] = "B=1 H=1 P=8 M=8 E=4 F=2";
    assert_int_equal(footprint("attention/three-pass", settings, text, "gbuf"),
                     2 * (2 * 16 + 3 * 16 + 32 + 2 * 16));
}

/* Inside the hold a loop moves through it: a part is done with before it is
 * written again. Eight parts, four in flight: one copy; two parts: two. */
static void test_parts_of_a_tile_need_fewer_copies(void **state)
{
    (void)state;
    static const char text[] =
        THREE "params: {T: 1}\n"
              "tree:\n"
              "- for: {b: 1}\n"
              "- hold: [QK]\n"
              "  in: gbuf\n"
              "- for: {p: T}\n"
              "- hold: [GM, SN, SD, A]\n"
              "  in: edge\n"
              "- pipeline:\n"
              "  - {compute: QK, on: array2d}\n"
              "  - {delay: 3, tree: [{sequence: [" SOFTMAX "]}]}\n"
              "  - {delay: 4, compute: AV, on: array2d}\n";
    assert_int_equal(footprint("attention/three-pass",
                               "B=2 H=1 P=8 M=8 E=4 F=2", text, "gbuf"),
                     2 * 64);
    assert_int_equal(footprint("attention/three-pass",
                               "B=2 H=1 P=8 M=8 E=4 F=2 T=4", text, "gbuf"),
                     2 * 2 * 64);
}

#define FIRST "{compute: QK, on: array2d}, {compute: LM, on: array2d}"
#define LAST                                                                   \
    "{compute: SLN, on: array1d}, {compute: SLD, on: array1d}, "               \
    "{compute: SLNV, on: array1d}, {compute: SPD, on: array1d}, "              \
    "{compute: RD, on: array1d}, {compute: SPNV, on: array1d}, "               \
    "{compute: RNV, on: array1d}, "                                            \
    "{compute: AV, on: array1d, at: {m1: last}}"
#define HOLDS                                                                  \
    "tree:\n"                                                                  \
    "- {hold: [RM], in: gbuf}\n"                                               \
    "- {hold: [RD, RNV], in: edge}\n"                                          \
    "- {for: {m1: 1}}\n"                                                       \
    "- {hold: [QK, LM, SLN, SLD, SLNV, PRM, SPD, SPNV], in: edge}\n"

/* RM[m1+1] takes the place of RM[m1], unless PRM still wants that. */
static void test_a_value_that_is_still_wanted_keeps_its_place(void **state)
{
    (void)state;
    static const char settings[] = "B=1 H=1 P=8 M=16 M0=4 E=2 F=2";
    static const char late[] =
        ONE HOLDS "- {sequence: [" FIRST ", {compute: RM, on: array1d}, "
                  "{compute: PRM, on: array1d}, " LAST "]}\n";
    static const char early[] =
        ONE HOLDS "- {hold: [RM], in: edge}\n"
                  "- {sequence: [" FIRST ", {compute: RM, on: array1d}, "
                  "{compute: PRM, on: array1d}, " LAST "]}\n";
    assert_int_equal(footprint("attention/one-pass", settings, late, "gbuf"),
                     2 * 2 * 8);
    /* Fetched into the inner hold before RM works on it. */
    assert_int_equal(footprint("attention/one-pass", settings, early, "gbuf"),
                     2 * 8);
}

/* In a pipeline a later slot, or many steps later, is too late as well. */
static void test_a_value_wanted_in_a_later_slot_keeps_its_place(void **state)
{
    (void)state;
    static const char settings[] = "B=1 H=1 P=8 M=16 M0=4 E=2 F=2";
    static const char format[] =
        ONE HOLDS "- {pipeline: [{tree: [{sequence: [" FIRST "]}]}, "
                  "{slot: 1, compute: RM, on: array1d}, "
                  "{slot: 2, delay: %d, compute: PRM, on: array1d}, "
                  "{slot: 3, delay: 0, tree: [{sequence: ["
                  "{compute: SLN, on: array1d}, {compute: SLD, on: array1d}, "
                  "{compute: SLNV, on: array1d}]}]}, "
                  "{slot: 3, delay: %d, tree: [{sequence: ["
                  "{compute: SPD, on: array1d}, {compute: RD, on: array1d}, "
                  "{compute: SPNV, on: array1d}, {compute: RNV, on: array1d}, "
                  "{compute: AV, on: array1d, at: {m1: last}}]}]}]}\n";
    for (int delay = 0; delay < 3; delay++) {
        g_autofree char *text = g_strdup_printf(format, delay, delay);
        /* Steps of m1 follow one another: one more slice for each. In the study
         * of copies the same lifetime counts in whole tiles. */
        int64_t slices = 2 + delay;
        assert_int_equal(
            footprint("attention/one-pass", settings, text, "gbuf"),
            2 * 8 * slices * (delay + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sequence_takes_turns),
        cmocka_unit_test(test_what_a_loop_around_wants_again_stays),
        cmocka_unit_test(test_a_pipeline_adds_up),
        cmocka_unit_test(test_parts_of_a_tile_need_fewer_copies),
        cmocka_unit_test(test_a_value_that_is_still_wanted_keeps_its_place),
        cmocka_unit_test(test_a_value_wanted_in_a_later_slot_keeps_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
