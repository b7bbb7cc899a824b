/* Random mappings (tests/random_mapping.h). A refused one has a message with a
 * code and a place; of a legal one
 *   - the plan's counts are those of the walked schedule and of the brute force,
 *   - every operand is finished when it is read,
 *   - energy is the sum of its parts, no count is negative,
 *   - bound <= model, traffic >= compulsory traffic,
 *   - the printed mapping loads to the same plan.
 *
 * WEIR_RANDOM_COUNT legal mappings (default 150), first seed WEIR_RANDOM_SEED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/assert_close.h"
#include "tests/liveness_check.h"
#include "tests/problem_fixture.h"
#include "tests/random_mapping.h"

#define MAX_STEPS 3000

struct tally {
    guint32 seed;
    int wanted;
    int legal;
    int refused;
    int too_long;
    GHashTable *codes; /* code -> how often */
    bool is_done;
};

/* ---- refused ------------------------------------------------------------ */

static void check_refusal(struct tally *tally, const struct diags *diags)
{
    assert_true(diags_error_count(diags) > 0);
    for (size_t i = 0; i < diags_count(diags); i++) {
        const struct diag *diag = diags_get(diags, i);
        bool is_known = g_str_has_prefix(diag->code, "mapping-") ||
                        g_str_has_prefix(diag->code, "yaml-") ||
                        g_str_has_prefix(diag->code, "expr-");
        if (!is_known || diag->span.line < 1) {
            fixture_print(diags);
        }
        assert_true(is_known);
        assert_true(diag->span.line >= 1 && diag->span.column >= 1);
        assert_true(strlen(diag->message) > 10);
        int count =
            GPOINTER_TO_INT(g_hash_table_lookup(tally->codes, diag->code));
        g_hash_table_insert(tally->codes, g_strdup(diag->code),
                            GINT_TO_POINTER(count + 1));
    }
}

/* ---- legal -------------------------------------------------------------- */

static bool has_spill(const struct plan *plan)
{
    bool spills = false;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        spills |= plan->memories[m].spilled_bytes > 0;
    }
    return spills;
}

static void check_counts(const struct plan *plan,
                         const struct evaluation *evaluation)
{
    g_autofree struct oracle_memory *counted =
        g_new0(struct oracle_memory, (gsize)plan->arch->memory_count);
    oracle_check_plan(plan, counted);
    int64_t sum[2] = {0, 0};
    for (int m = 0; m < plan->arch->memory_count; m++) {
        const struct evaluation_memory *memory = &evaluation->memories[m];
        assert_true(memory->read_bytes >= 0 && memory->write_bytes >= 0);
        assert_true(memory->transfer_cycles >= 0);
        if (!has_spill(plan)) {
            assert_int_equal(memory->read_bytes,
                             counted[m].read * plan->word_bytes);
            assert_int_equal(memory->write_bytes,
                             counted[m].written * plan->word_bytes);
        }
        sum[0] += memory->read_bytes;
        sum[1] += memory->write_bytes;
    }
    assert_true(sum[0] > 0 && sum[1] > 0);
}

static void check_energy(const struct evaluation *e)
{
    double actions_pj = 0;
    double components_pj = 0;
    double einsums_pj = 0;
    double units_pj = 0;
    for (int i = 0; i < e->action_count; i++) {
        assert_true(e->actions[i].count > 0 && e->actions[i].bytes >= 0);
        assert_true(e->actions[i].energy_pj >= 0);
        actions_pj += e->actions[i].energy_pj;
    }
    for (int m = 0; m < e->memory_count; m++) {
        components_pj += e->memories[m].energy_pj;
    }
    for (int u = 0; u < e->unit_count; u++) {
        units_pj += e->units[u].energy_pj;
    }
    for (int i = 0; i < e->einsum_count; i++) {
        einsums_pj += e->einsums[i].energy_pj;
    }
    assert_close(actions_pj, e->energy_pj, 1e-12);
    assert_close(components_pj + units_pj, e->energy_pj, 1e-12);
    assert_close(units_pj, einsums_pj, 1e-12);
}

static void check_bounds(const struct plan *plan, const struct evaluation *e)
{
    const struct evaluation_memory *outermost = &e->memories[0];
    assert_true(e->bound_cycles >= 0 && e->bound_traffic_bytes > 0);
    assert_in_range(e->bound_cycles, 0, e->cycles);
    assert_in_range(e->bound_traffic_bytes, 0,
                    outermost->read_bytes + outermost->write_bytes);
    assert_true(e->cycles > 0);
    assert_int_equal(e->model_cycles, e->cycles);
    assert_non_null(e->bottleneck);
    for (int u = 0; u < e->unit_count; u++) {
        assert_in_range(e->units[u].busy_cycles, 0, e->cycles);
        assert_true(e->units[u].utilization_ratio >= 0 &&
                    e->units[u].utilization_ratio <= 1);
    }
    for (int m = 0; m < e->memory_count; m++) {
        assert_true(e->memories[m].transfer_cycles <=
                    e->cycles + plan->phase_count);
    }
}

static void check_same_plan(const struct plan *a, const struct plan *b)
{
    assert_int_equal(a->node_count, b->node_count);
    assert_int_equal(a->leaf_count, b->leaf_count);
    assert_int_equal(a->flow_count, b->flow_count);
    for (int f = 0; f < a->flow_count; f++) {
        const struct plan_flow *x = &a->flows[f];
        const struct plan_flow *y = &b->flows[f];
        assert_true(x->kind == y->kind && x->tensor == y->tensor &&
                    x->leaf == y->leaf && x->node == y->node &&
                    x->memory == y->memory && x->outer == y->outer &&
                    x->spills == y->spills && x->elements == y->elements &&
                    x->events == y->events && x->total == y->total);
    }
    for (int l = 0; l < a->leaf_count; l++) {
        const struct plan_leaf *x = &a->leaves[l];
        const struct plan_leaf *y = &b->leaves[l];
        assert_true(x->statement == y->statement && x->unit == y->unit &&
                    x->step_count == y->step_count &&
                    x->busy_cycles_per_step == y->busy_cycles_per_step &&
                    x->lanes_used == y->lanes_used && x->phase == y->phase &&
                    x->child == y->child);
    }
}

static void check_round_trip(const struct random_case *c,
                             const struct problem *problem)
{
    g_autofree char *printed = mapping_print(problem->mapping);
    AUTO(diags) diags = diags_new();
    AUTO(problem) again = NULL;
    enum status status = random_case_load(diags, c, printed, &again);
    if (status != OK) {
        fixture_print(diags);
        print_error("%s", printed);
    }
    assert_int_equal(status, OK);
    g_autofree char *reprinted = mapping_print(again->mapping);
    assert_string_equal(printed, reprinted);
    check_same_plan(problem->plan, again->plan);
}

static void check_legal(const struct random_case *c,
                        const struct problem *problem)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) evaluation = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &evaluation), OK);
    check_round_trip(c, problem);
    check_counts(problem->plan, evaluation);
    walk_check_all(problem->plan);
    liveness_check(problem->plan);
    check_energy(evaluation);
    check_bounds(problem->plan, evaluation);
}

/* ---- the run ------------------------------------------------------------ */

static int64_t count_steps(const struct plan *plan)
{
    int64_t steps = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        steps += plan->leaves[l].step_count;
    }
    return steps;
}

static void check_seed(struct tally *tally)
{
    struct random_case c = random_case_new(tally->seed);
    if (getenv("WEIR_RANDOM_TRACE") != NULL) {
        print_error("seed %u\n%s", tally->seed, c.text);
    }
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    enum status status = random_case_load(diags, &c, c.text, &problem);
    if (status != OK) {
        check_refusal(tally, diags);
        tally->refused++;
    } else if (!problem->plan->is_regular ||
               count_steps(problem->plan) > MAX_STEPS) {
        tally->too_long++;
    } else {
        check_legal(&c, problem);
        tally->legal++;
    }
    random_case_clear(&c);
}

static void test_random_mappings(void **state)
{
    struct tally *tally = *state;
    int cases = 0;
    while (tally->legal < tally->wanted) {
        check_seed(tally);
        tally->seed++;
        cases++;
        assert_in_range(cases, 0, 1000 + 50 * tally->wanted);
    }
    tally->is_done = true;
}

static int set_up(void **state)
{
    struct tally *tally = g_new0(struct tally, 1);
    tally->seed = (guint32)random_environment("WEIR_RANDOM_SEED", 1);
    tally->wanted = (int)random_environment("WEIR_RANDOM_COUNT", 150);
    tally->codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    *state = tally;
    return 0;
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

static int tear_down(void **state)
{
    struct tally *tally = *state;
    if (!tally->is_done) {
        struct random_case c = random_case_new(tally->seed);
        print_error("WEIR_RANDOM_SEED=%u WEIR_RANDOM_COUNT=1: %s on %s\n%s",
                    tally->seed, c.cascade, c.arch, c.text);
        random_case_clear(&c);
    }
    print_message("# up to seed %u: %d legal, %d refused, %d too long\n",
                  tally->seed, tally->legal, tally->refused, tally->too_long);
    GList *codes =
        g_list_sort(g_hash_table_get_keys(tally->codes), compare_texts);
    for (GList *code = codes; code != NULL; code = code->next) {
        print_message(
            "#   %6d %s\n",
            GPOINTER_TO_INT(g_hash_table_lookup(tally->codes, code->data)),
            (const char *)code->data);
    }
    g_list_free(codes);
    g_hash_table_unref(tally->codes);
    g_free(tally);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_mappings, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
