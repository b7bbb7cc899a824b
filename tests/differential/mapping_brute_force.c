/* The exact counts of a plan against a brute force over the elements of its
 * schedule (tests/traffic_oracle.h): the mappings of the FuseMax study at shapes
 * that give several tiles at every level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/problem_fixture.h"
#include "tests/traffic_oracle.h"

struct study {
    const char *cascade;
    const char *arch;
    const char *mapping;
    const char *settings;
};

static bool has_spill(const struct plan *plan)
{
    bool spills = false;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        spills |= plan->memories[m].spilled_bytes > 0;
    }
    return spills;
}

/* The model's bytes are the counted elements. */
static void check_memories(const struct plan *plan,
                           const struct oracle_memory *memories)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) evaluation = NULL;
    assert_int_equal(model_evaluate(plan, diags, &evaluation), OK);
    for (int m = 0; m < plan->arch->memory_count && !has_spill(plan); m++) {
        assert_int_equal(evaluation->memories[m].read_bytes,
                         memories[m].read * plan->word_bytes);
        assert_int_equal(evaluation->memories[m].write_bytes,
                         memories[m].written * plan->word_bytes);
    }
}

static void check_problem(const struct problem *problem)
{
    g_autofree struct oracle_memory *memories =
        g_new0(struct oracle_memory, (gsize)problem->arch->memory_count);
    oracle_check_plan(problem->plan, memories);
    check_memories(problem->plan, memories);
}

static void check_study(const struct study *studies)
{
    for (; studies->mapping != NULL; studies++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem)
        problem = fixture_load(diags, studies->cascade, studies->arch,
                               studies->mapping, studies->settings);
        check_problem(problem);
    }
}

static void test_unfused_moves_what_is_counted(void **state)
{
    (void)state;
    static const struct study studies[] = {
        {"attention/three-pass", "flat-cloud", "unfused",
         "B=2 H=2 P=16 M=24 E=6 F=6 PE=4"},
        {"attention/three-pass", "flat-cloud", "unfused",
         "B=1 H=3 P=12 M=8 E=4 F=4 PE=4 GBUF=320"},
        {NULL, NULL, NULL, NULL}};
    check_study(studies);
}

static void test_flat_moves_what_is_counted(void **state)
{
    (void)state;
    static const struct study studies[] = {
        {"attention/three-pass", "flat-cloud", "flat",
         "B=2 H=2 P=16 M=16 E=6 F=4 PE=4"},
        {"attention/three-pass", "flat-cloud", "flat",
         "B=1 H=2 P=16 M=16 E=4 F=3 PE=4 P1=8 KON=1 VON=1 QON=1 AVON=1"},
        {"attention/three-pass", "flat-cloud", "flat",
         "B=1 H=2 P=16 M=16 E=4 F=3 PE=4 P1=4 KON=0 VON=0 QON=1 AVON=0"},
        {"attention/three-pass", "flat-cloud", "flat",
         "B=1 H=2 P=16 M=16 E=4 F=3 PE=4 P1=8 KON=1 VON=0 QON=0 AVON=1"},
        {NULL, NULL, NULL, NULL}};
    check_study(studies);
}

/* The variant of long sequences, made to begin at 8 keys. */
static void test_flat_with_scores_in_dram_moves_what_is_counted(void **state)
{
    (void)state;
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents("mappings/flat.yaml", &text, NULL, NULL));
    g_auto(GStrv) parts = g_strsplit(text, "(WIDE ? 64K : 128K)", 2);
    assert_non_null(parts[1]);
    g_autofree char *changed = g_strjoin("8", parts[0], parts[1], NULL);
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem =
        fixture_load_text(diags, "attention/three-pass", "flat-cloud", changed,
                          "B=2 H=2 P=16 M=12 E=4 F=4 PE=4 P1=8 R=4");
    bool is_in_dram = false;
    for (int n = 0; n < problem->plan->node_count; n++) {
        const struct plan_node *node = &problem->plan->nodes[n];
        is_in_dram |= node->kind == PLAN_HOLD && node->memory == 0;
    }
    assert_true(is_in_dram); /* it is that variant */
    check_problem(problem);
}

static void test_cascade_moves_what_is_counted(void **state)
{
    (void)state;
    static const struct study studies[] = {
        {"attention/one-pass", "flat-cloud", "fusemax-cascade",
         "B=2 H=2 P=16 M=16 E=3 F=5 PE=4"},
        {"attention/one-pass", "flat-cloud", "fusemax-cascade",
         "B=1 H=2 P=16 M=12 E=4 F=4 PE=4 GBUF=2048"},
        {"attention/one-pass", "flat-cloud", "fusemax-cascade",
         "B=1 H=1 P=16 M=12 E=4 F=4 PE=4 P1=2"},
        {NULL, NULL, NULL, NULL}};
    check_study(studies);
}

static void test_architecture_moves_what_is_counted(void **state)
{
    (void)state;
    static const struct study studies[] = {
        {"attention/one-pass", "fusemax-cloud", "fusemax-architecture",
         "B=2 H=2 P=16 M=16 E=3 F=5 PE=4"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-architecture",
         "B=1 H=2 P=16 M=12 E=4 F=4 PE=4 P1=1"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-architecture",
         "B=1 H=1 P=32 M=12 E=4 F=4 PE=4 P1=2 GBUF=1024"},
        {NULL, NULL, NULL, NULL}};
    check_study(studies);
}

static void test_binding_moves_what_is_counted(void **state)
{
    (void)state;
    static const struct study studies[] = {
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "B=2 H=2 P=16 M=16 E=3 F=5 PE=4"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "B=1 H=2 P=8 M=12 E=4 F=4 PE=4 P1=1"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "B=1 H=1 P=32 M=12 E=4 F=4 PE=4 P1=2 GBUF=1024"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "B=1 H=2 P=8 M=4 E=4 F=4 PE=4"},
        {NULL, NULL, NULL, NULL}};
    check_study(studies);
}

/* RM reaches PRM inside the lane, RM of the block before does not. */
static void test_joined_einsums_fetch_what_came_before(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: joined\n"
        "cascade: attention-1pass\n"
        "tree:\n"
        "- hold: [RM, RD, RNV]\n"
        "  in: gbuf\n"
        "- for: {m1: 1}\n"
        "- hold: [QK, LM, SLN, SLD, SLNV, PRM, SPD, SPNV]\n"
        "  in: gbuf\n"
        "- for: {p: 2}\n"
        "- sequence:\n"
        "  - {compute: QK, on: array2d}\n"
        "  - {compute: LM, on: array2d}\n"
        "  - {compute: [RM, PRM], on: array1d, spatial: {p: X}}\n"
        "  - {compute: SLN, on: array2d}\n"
        "  - {compute: SLD, on: array2d}\n"
        "  - {compute: SLNV, on: array2d}\n"
        "  - {compute: [SPD, RD], on: array1d, spatial: {p: X}}\n"
        "  - {compute: [SPNV, RNV], on: array1d, for: [{p: 1}], "
        "spatial: {f: X}}\n"
        "  - {compute: AV, on: array1d, at: {m1: last}}\n";
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "attention/one-pass", "teaching", text,
                                "B=1 H=2 P=4 M=12 M0=4 E=2 F=3");
    check_problem(problem);
    const struct plan *plan = problem->plan;
    int64_t reads[2] = {0, 0};
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        const char *name = plan->workload->tensors[flow->tensor].name;
        if (flow->kind == FLOW_READ && strcmp(name, "RM") == 0 &&
            plan->leaves[flow->leaf].forward_from >= 0) {
            reads[0] += flow->total;
        }
        if (flow->kind == FLOW_READ && strcmp(name, "SPD") == 0) {
            reads[1] += flow->total;
        }
    }
    assert_int_equal(reads[0], 2 * 4 * 3); /* H * P * M1 */
    assert_int_equal(reads[1], 0);
}

/* The running values are fetched once per pair of blocks and passed on twice. */
static void test_running_values_of_several_blocks(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: pairs\n"
        "cascade: attention-1pass\n"
        "tree:\n"
        "- hold: [RM, RD, RNV]\n"
        "  in: DRAM\n"
        "- for: {m1: 2}\n"
        "- hold: [QK, LM, RM, RD, RNV, SLN, SLD, SLNV, PRM, SPD, SPNV]\n"
        "  in: gbuf\n"
        "- for: {p: 2}\n"
        "- for: {m1: 1}\n"
        "- sequence:\n"
        "  - {compute: QK, on: array2d}\n"
        "  - {compute: LM, on: array2d}\n"
        "  - {compute: RM, on: array1d, spatial: {p: X}}\n"
        "  - {compute: PRM, on: array1d, spatial: {p: X}}\n"
        "  - {compute: SLN, on: array2d}\n"
        "  - {compute: SLD, on: array2d}\n"
        "  - {compute: SLNV, on: array2d}\n"
        "  - {compute: SPD, on: array1d, spatial: {p: X}}\n"
        "  - {compute: RD, on: array1d, spatial: {p: X}}\n"
        "  - {compute: SPNV, on: array1d}\n"
        "  - {compute: RNV, on: array1d}\n"
        "  - {compute: AV, on: array1d, at: {m1: last}}\n";
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "attention/one-pass", "teaching", text,
                                "B=1 H=1 P=4 M=16 M0=4 E=2 F=3");
    check_problem(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfused_moves_what_is_counted),
        cmocka_unit_test(test_flat_moves_what_is_counted),
        cmocka_unit_test(test_flat_with_scores_in_dram_moves_what_is_counted),
        cmocka_unit_test(test_cascade_moves_what_is_counted),
        cmocka_unit_test(test_architecture_moves_what_is_counted),
        cmocka_unit_test(test_binding_moves_what_is_counted),
        cmocka_unit_test(test_joined_einsums_fetch_what_came_before),
        cmocka_unit_test(test_running_values_of_several_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
