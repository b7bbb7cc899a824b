/* Loading and printing of mapping files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/assert_diags.h"
#include "tests/problem_fixture.h"

static enum status load(struct diags *diags, const char *text,
                        struct mapping **mapping)
{
    return mapping_load_source(
        diags, diags_add_text(diags, "mapping.yaml", text), mapping);
}

/* Must load. */
static struct mapping *load_well(struct diags *diags, const char *text)
{
    struct mapping *mapping = NULL;
    enum status status = load(diags, text, &mapping);
    if (status != OK) {
        fixture_print(diags);
        print_error("%s", text);
    }
    assert_int_equal(status, OK);
    assert_int_equal(diags_count(diags), 0);
    return mapping;
}

/* ---- round trip --------------------------------------------------------- */

static void check_round_trip(const char *text)
{
    AUTO(diags) diags = diags_new();
    AUTO(mapping) first = load_well(diags, text);
    g_autofree char *printed = mapping_print(first);
    AUTO(mapping) second = load_well(diags, printed);
    g_autofree char *again = mapping_print(second);
    assert_string_equal(printed, again);
    assert_string_equal(mapping_name(first), mapping_name(second));
    assert_string_equal(mapping_cascade(first), mapping_cascade(second));
    assert_int_equal(mapping_param_count(first), mapping_param_count(second));
    for (size_t i = 0; i < mapping_param_count(first); i++) {
        assert_string_equal(mapping_param_name(first, i),
                            mapping_param_name(second, i));
    }
}

static void test_all_files_survive_printing(void **state)
{
    (void)state;
    GDir *dir = g_dir_open("mappings", 0, NULL);
    assert_non_null(dir);
    int files = 0;
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (!g_str_has_suffix(name, ".yaml")) {
            continue;
        }
        g_autofree char *path = g_build_filename("mappings", name, NULL);
        g_autofree char *text = NULL;
        assert_true(g_file_get_contents(path, &text, NULL, NULL));
        check_round_trip(text);
        files++;
    }
    g_dir_close(dir);
    assert_true(files >= 5);
}

static void check_same_flow(const struct plan_flow *a,
                            const struct plan_flow *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->tensor, b->tensor);
    assert_int_equal(a->leaf, b->leaf);
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->memory, b->memory);
    assert_int_equal(a->outer, b->outer);
    assert_int_equal(a->is_cut_through, b->is_cut_through);
    assert_int_equal(a->spills, b->spills);
    assert_int_equal(a->outer_spills, b->outer_spills);
    assert_int_equal(a->elements, b->elements);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->total, b->total);
}

static void check_same_leaf(const struct plan_leaf *a,
                            const struct plan_leaf *b)
{
    assert_int_equal(a->statement, b->statement);
    assert_int_equal(a->unit, b->unit);
    assert_int_equal(a->phase, b->phase);
    assert_int_equal(a->child, b->child);
    assert_memory_equal(a->step_extent, b->step_extent, sizeof(a->step_extent));
    assert_memory_equal(a->axis_of, b->axis_of, sizeof(a->axis_of));
    assert_int_equal(a->lanes_used, b->lanes_used);
    assert_int_equal(a->trips_per_step, b->trips_per_step);
    assert_int_equal(a->busy_cycles_per_step, b->busy_cycles_per_step);
    assert_int_equal(a->step_count, b->step_count);
    assert_int_equal(a->reduce_latency_cycles, b->reduce_latency_cycles);
    assert_int_equal(a->is_chained, b->is_chained);
    assert_int_equal(a->forward_from, b->forward_from);
    assert_int_equal(a->at_count, b->at_count);
}

static void check_same_plan(const struct plan *a, const struct plan *b)
{
    assert_int_equal(a->node_count, b->node_count);
    for (int n = 0; n < a->node_count; n++) {
        assert_int_equal(a->nodes[n].kind, b->nodes[n].kind);
        assert_int_equal(a->nodes[n].slot, b->nodes[n].slot);
        assert_int_equal(a->nodes[n].delay, b->nodes[n].delay);
        assert_int_equal(a->nodes[n].copies, b->nodes[n].copies);
        assert_int_equal(a->nodes[n].footprint_bytes,
                         b->nodes[n].footprint_bytes);
    }
    assert_int_equal(a->flow_count, b->flow_count);
    for (int f = 0; f < a->flow_count; f++) {
        check_same_flow(&a->flows[f], &b->flows[f]);
    }
    assert_int_equal(a->leaf_count, b->leaf_count);
    for (int l = 0; l < a->leaf_count; l++) {
        check_same_leaf(&a->leaves[l], &b->leaves[l]);
    }
    assert_int_equal(a->phase_count, b->phase_count);
    for (int p = 0; p < a->phase_count; p++) {
        assert_string_equal(a->phases[p].name, b->phases[p].name);
    }
    assert_int_equal(a->param_count, b->param_count);
    for (int i = 0; i < a->param_count; i++) {
        assert_int_equal(a->param_value[i], b->param_value[i]);
    }
}

static void test_a_printed_mapping_gives_the_same_plan(void **state)
{
    (void)state;
    static const struct {
        const char *cascade;
        const char *arch;
        const char *mapping;
    } studies[] = {
        {"attention/three-pass", "flat-cloud", "unfused"},
        {"attention/three-pass", "flat-cloud", "flat"},
        {"attention/one-pass", "flat-cloud", "fusemax-cascade"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-architecture"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding"},
    };
    static const char *const lengths[] = {
        "B=64 H=12 E=64 F=64 M=1024 P=1024",
        "B=64 H=12 E=64 F=64 M=65536 P=65536",
        "B=64 H=16 E=128 F=128 M=262144 P=262144",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(studies); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(lengths); k++) {
            AUTO(diags) diags = diags_new();
            AUTO(problem)
            problem = fixture_load(diags, studies[i].cascade, studies[i].arch,
                                   studies[i].mapping, lengths[k]);
            g_autofree char *printed = mapping_print(problem->mapping);
            AUTO(mapping) mapping = load_well(diags, printed);
            AUTO(plan) plan = NULL;
            assert_int_equal(plan_bind(mapping, problem->workload,
                                       problem->arch, NULL, diags, &plan),
                             OK);
            check_same_plan(problem->plan, plan);
        }
    }
}

#define HEAD "schema: 1\nmapping: m\ncascade: gemm\n"
#define TREE "tree: [{compute: Z, on: array2d}]\n"

static void test_unusual_texts_survive_printing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD TREE,
        HEAD "about: \"quote \\\" backslash \\\\ tab \\t bell \\a\"\n" TREE,
        HEAD
        "about: \"\\u0085 \\u2028 \\ufeff \\x7f \\u00e9 \\U0001F600\"\n" TREE,
        HEAD "about: |\n  two lines\n  # no comment\n" TREE,
        HEAD "about: ''\nsource: 'yes: no'\n" TREE,
        "schema: 1\nmapping: \"a: b, [c] {d} # e\"\ncascade: ' x '\n" TREE,
        HEAD "tree: [{hold: ['a, b', \"c: d\", yes, '~'], in: 'm]'}, "
             "{compute: ['Z z'], on: '2'}]\n",
        HEAD "tree: [{for: {'a b': 1}}, {compute: Z, on: u, "
             "spatial: {'r r': 'X:'}, at: {'p p': last}, for: [{'q,': 1}]}]\n",
        HEAD "variants: [{about: alone, tree: [{compute: Z, on: u}]}]\n",
        HEAD "about: outer\n"
             "variants: [{about: inner, tree: [{compute: Z, on: u}]}]\n",
        HEAD "variants: [{params: {A: 1}, tree: [{compute: Z, on: u}]}, "
             "{when: A > -1, about: b, tree: [{compute: Z, on: u}]}]\n",
        HEAD "shapes: {M0: \"min(M, 4)\"}\nparams: {A: -3, B: 'A ? 1 : -(2)', "
             "C: '!A && B || 1'}\n" TREE,
        HEAD
        "tree: [{phases: [{name: \"x y\", compute: Z, on: u}, "
        "{tree: [{for: {p: 1K}}, {pipeline: [{slot: 'A * 2', delay: 3, "
        "tree: [{sequence: [{compute: [A, B], on: u, chained: true}]}]}]}]}"
        "]}]\n",
        HEAD "tree: [{hold: A, in: x, copies: '2 * 3', shared: true, "
             "spill: true, when: 'M % 2 == 0', assume: it}, "
             "{stream: [B], in: y, copies: 2}, {compute: Z, on: u}]\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        check_round_trip(texts[i]);
    }
}

static void test_what_a_mapping_says_about_itself(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(mapping)
    mapping = load_well(diags, HEAD "params: {A: 1, B: 2}\n"
                                    "variants: [{params: {C: 1}, tree: "
                                    "[{compute: Z, on: u}]}]\n");
    assert_string_equal(mapping_name(mapping), "m");
    assert_string_equal(mapping_cascade(mapping), "gemm");
    assert_string_equal(mapping_path(mapping), "mapping.yaml");
    assert_int_equal(strlen(mapping_hash(mapping)), 64);
    assert_int_equal(mapping_param_count(mapping), 3);
    assert_string_equal(mapping_param_name(mapping, 2), "C");
    AUTO(mapping) other = load_well(diags, HEAD TREE);
    assert_string_not_equal(mapping_hash(mapping), mapping_hash(other));
    mapping_free(NULL);
}

/* ---- what is wrong ------------------------------------------------------ */

struct wrong {
    const char *text;
    const char *code;
    int line;
    int column;
};

static void check_wrong(const struct wrong *wrong, size_t count)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        AUTO(diags) diags = diags_new();
        AUTO(mapping) mapping = NULL;
        enum status status = load(diags, wrong[i].text, &mapping);
        const struct diag *diag =
            diags_count(diags) > 0 ? diags_get(diags, 0) : NULL;
        if (status != ERR_INPUT || diag == NULL || mapping != NULL ||
            strcmp(diag->code, wrong[i].code) != 0 ||
            diag->span.line != wrong[i].line ||
            diag->span.column != wrong[i].column) {
            print_error("expected %s at %d:%d:\n%s\n", wrong[i].code,
                        wrong[i].line, wrong[i].column, wrong[i].text);
            fixture_print(diags);
            is_good = false;
        }
    }
    assert_true(is_good);
}

#define NODE(node) HEAD "tree:\n- " node "\n- {compute: Z, on: u}\n"
#define LAST(node) HEAD "tree:\n- " node "\n"

static void test_keys_of_every_kind_of_node(void **state)
{
    (void)state;
    static const struct wrong cases[] = {
        {HEAD "colour: red\n" TREE, "yaml-unknown-key", 4, 1},
        {HEAD "variants:\n- {name: a, tree: []}\n", "yaml-unknown-key", 5, 4},
        {NODE("{for: {m: 1}, in: gbuf}"), "yaml-unknown-key", 5, 17},
        {NODE("{hold: [A], in: gbuf, copy: 2}"), "yaml-unknown-key", 5, 25},
        {NODE("{hold: [A], stream: [B], in: gbuf}"), "yaml-unknown-key", 5, 4},
        {NODE("{stream: [A], in: gbuf, spill: true}"), "yaml-unknown-key", 5,
         27},
        {NODE("{hold: [A], for: {m: 1}, in: gbuf}"), "yaml-unknown-key", 5, 15},
        {LAST("{compute: Z, on: u, slot: 1}"), "yaml-unknown-key", 5, 23},
        {LAST("{compute: Z, on: u, delay: 1}"), "yaml-unknown-key", 5, 23},
        {LAST("{compute: Z, on: u, unit: x}"), "yaml-unknown-key", 5, 23},
        {LAST("{sequence: [{compute: Z, on: u}], name: s}"), "yaml-unknown-key",
         5, 37},
        {LAST("{phases: [{compute: Z, on: u}], slot: 1}"), "yaml-unknown-key",
         5, 35},
        {LAST("{pipeline: [{tree: [{compute: Z, on: u}], stage: 1}]}"),
         "yaml-unknown-key", 5, 45},
        {LAST("{pipeline: [{compute: Z, on: u, stage: 1}]}"),
         "yaml-unknown-key", 5, 35},
    };
    check_wrong(cases, G_N_ELEMENTS(cases));
}

static void test_missing_keys(void **state)
{
    (void)state;
    static const struct wrong cases[] = {
        {"schema: 1\ncascade: gemm\n" TREE, "yaml-missing-key", 1, 1},
        {"schema: 1\nmapping: m\n" TREE, "yaml-missing-key", 1, 1},
        {"mapping: m\ncascade: gemm\n" TREE, "yaml-schema", 1, 1},
        {HEAD, "mapping-no-tree", 1, 1},
        {HEAD "variants: []\n", "mapping-empty-list", 4, 11},
        {HEAD "variants: [{when: 1}]\n", "yaml-missing-key", 4, 12},
        {HEAD "variants: [{tree: []}]\n", "mapping-empty-list", 4, 19},
        {HEAD "tree: []\n", "mapping-empty-list", 4, 7},
        {NODE("{hold: [A]}"), "yaml-missing-key", 5, 3},
        {NODE("{hold: [], in: x}"), "mapping-empty-list", 5, 10},
        {LAST("{compute: Z}"), "yaml-missing-key", 5, 3},
        {LAST("{compute: [], on: u}"), "mapping-empty-list", 5, 13},
        {LAST("{pipeline: [{slot: 1}]}"), "yaml-missing-key", 5, 15},
        {LAST("{pipeline: []}"), "mapping-empty-list", 5, 14},
        {LAST("{sequence: [{tree: []}]}"), "mapping-empty-list", 5, 22},
        {LAST("{}"), "mapping-unknown-node", 5, 3},
        {LAST("{on: u}"), "mapping-unknown-node", 5, 4},
    };
    check_wrong(cases, G_N_ELEMENTS(cases));
}

static void test_wrong_kinds_of_values(void **state)
{
    (void)state;
    static const struct wrong cases[] = {
        {"", "yaml-empty", 1, 1},
        {"- a\n", "yaml-wrong-type", 1, 1},
        {"schema: 2\nmapping: m\ncascade: c\n" TREE, "yaml-schema", 1, 9},
        {"schema: 1\nmapping: [m]\ncascade: c\n" TREE, "yaml-wrong-type", 2,
         10},
        {HEAD "tree: x\n", "yaml-wrong-type", 4, 7},
        {HEAD "tree: [x]\n", "yaml-wrong-type", 4, 8},
        {HEAD "params: [1]\n" TREE, "yaml-wrong-type", 4, 9},
        {HEAD "params: {A: [1]}\n" TREE, "yaml-wrong-type", 4, 13},
        {HEAD "params: {A: 1 +}\n" TREE, "expr-syntax", 4, 16},
        {HEAD "variants: [x]\n", "yaml-wrong-type", 4, 12},
        {NODE("{for: m}"), "yaml-wrong-type", 5, 9},
        {NODE("{for: {}}"), "mapping-loop-form", 5, 9},
        {NODE("{for: {m: [1]}}"), "yaml-wrong-type", 5, 13},
        {NODE("{hold: {A: 1}, in: x}"), "yaml-wrong-type", 5, 10},
        {NODE("{hold: [[A]], in: x}"), "yaml-wrong-type", 5, 11},
        {NODE("{hold: [A], in: [x]}"), "yaml-wrong-type", 5, 19},
        {NODE("{hold: [A], in: x, shared: 7}"), "yaml-wrong-type", 5, 30},
        {NODE("{hold: [A], in: x, copies: [1]}"), "yaml-wrong-type", 5, 30},
        {NODE("{hold: [A], in: x, when: {a: 1}}"), "yaml-wrong-type", 5, 28},
        {LAST("{compute: Z, on: [u]}"), "yaml-wrong-type", 5, 20},
        {LAST("{compute: Z, on: u, spatial: [m]}"), "yaml-wrong-type", 5, 32},
        {LAST("{compute: Z, on: u, for: {m: 1}}"), "yaml-wrong-type", 5, 28},
        {LAST("{compute: Z, on: u, for: [{m: 1, n: 1}]}"), "mapping-loop-form",
         5, 29},
        {LAST("{compute: Z, on: u, at: last}"), "yaml-wrong-type", 5, 27},
        {LAST("{compute: Z, on: u, at: {m: first}}"), "mapping-at-form", 5, 31},
        {LAST("{compute: Z, on: u, chained: maybe}"), "yaml-wrong-type", 5, 32},
        {LAST("{pipeline: x}"), "yaml-wrong-type", 5, 14},
        {LAST("{pipeline: [x]}"), "yaml-wrong-type", 5, 15},
        {LAST("{pipeline: [{slot: [1], compute: Z, on: u}]}"),
         "yaml-wrong-type", 5, 22},
        {LAST("{phases: [{slot: 1, compute: Z, on: u}]}"),
         "mapping-slot-outside-pipeline", 5, 13},
    };
    check_wrong(cases, G_N_ELEMENTS(cases));
}

/* Every prefix of a good file is refused, or is a whole mapping itself. */
static void test_truncated_files(void **state)
{
    (void)state;
    g_autofree char *text = NULL;
    assert_true(
        g_file_get_contents("mappings/unfused.yaml", &text, NULL, NULL));
    size_t length = strlen(text);
    int refused = 0;
    for (size_t cut = 0; cut < length; cut += 7) {
        g_autofree char *prefix = g_strndup(text, cut);
        AUTO(diags) diags = diags_new();
        AUTO(mapping) mapping = NULL;
        enum status status = load(diags, prefix, &mapping);
        if (status == OK) {
            g_autofree char *printed = mapping_print(mapping);
            assert_non_null(printed);
            continue;
        }
        assert_true(diags_error_count(diags) > 0);
        assert_null(mapping);
        refused++;
    }
    assert_true(refused > 100);
}

static void test_a_file_that_is_not_there(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    struct mapping *mapping = NULL;
    assert_int_equal(mapping_load_file(diags, "mappings/none.yaml", &mapping),
                     ERR_IO);
    assert_null(mapping);
}

/* ---- shapes ------------------------------------------------------------- */

static void test_shapes_are_proposed_and_checked(void **state)
{
    (void)state;
    static const char path[] = "tests/golden/errors/mapping-unknown-shape.yaml";
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    assert_int_equal(problem_load(diags, "workloads/gemm.yaml",
                                  "arch-configs/teaching.yaml", path, NULL,
                                  &problem),
                     ERR_INPUT);
    assert_one_diag(diags, "mapping-unknown-shape", 5, 17);
    assert_non_null(strstr(diags_get(diags, 0)->message, "'KK'"));
}

static void test_chosen_shapes_win(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    proposed = fixture_load(diags, "attention/one-pass", "fusemax-cloud",
                            "fusemax-binding", "M=16 P=4 PE=4");
    int rank = workload_find_rank(proposed->workload, "m0");
    assert_int_equal(proposed->workload->rank[rank].extent, 4);
    AUTO(problem)
    chosen = fixture_load(diags, "attention/one-pass", "fusemax-cloud",
                          "fusemax-binding", "M=16 P=4 PE=4 M0=2");
    assert_int_equal(chosen->workload->rank[rank].extent, 2);
}

static void test_names_that_can_be_chosen(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, "attention/one-pass", "fusemax-cloud",
                           "fusemax-binding", "M=16 P=4 PE=4");
    g_autoptr(GPtrArray) names = problem_names(problem);
    static const char *const expected[] = {"B", "M0", "PE", "GBUF", "P1", "U"};
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        assert_true(g_ptr_array_find_with_equal_func(names, expected[i],
                                                     g_str_equal, NULL));
    }
    assert_false(g_ptr_array_find_with_equal_func(names, "gbuf.size",
                                                  g_str_equal, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_files_survive_printing),
        cmocka_unit_test(test_a_printed_mapping_gives_the_same_plan),
        cmocka_unit_test(test_unusual_texts_survive_printing),
        cmocka_unit_test(test_what_a_mapping_says_about_itself),
        cmocka_unit_test(test_keys_of_every_kind_of_node),
        cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_wrong_kinds_of_values),
        cmocka_unit_test(test_truncated_files),
        cmocka_unit_test(test_a_file_that_is_not_there),
        cmocka_unit_test(test_shapes_are_proposed_and_checked),
        cmocka_unit_test(test_chosen_shapes_win),
        cmocka_unit_test(test_names_that_can_be_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
