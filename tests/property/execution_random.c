/* Random legal mappings of ten cascades and more, executed through their buffers.
 *
 * Against the interpreter: every element within the bound of rounding. Against the
 * same tile steps applied in the same order to whole tensors, where nothing is
 * moved: every element bit for bit, unless lanes add their partial sums up outside
 * or results are computed again, which changes the order or the number of
 * additions. Of every three cases one is in fp64, one in fp32, and one in bf16 with
 * fp32 sums, which is compared within the bound.
 *
 * WEIR_RANDOM_EXECUTE_COUNT legal mappings (default 200), first seed
 * WEIR_RANDOM_SEED. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/problem_fixture.h"
#include "tests/random_mapping.h"

#define MAX_STEPS 3000

struct run {
    guint32 seed;
    int wanted;
    int legal;
    int exact;  /* compared bit for bit */
    int narrow; /* in fp32 or bf16 */
    GHashTable *cascades;
    bool is_done;
};

/* ---- data ----------------------------------------------------------------- */

static struct einsum_data *data_with(const struct workload *workload,
                                     const struct einsum_arithmetic *arithmetic,
                                     guint32 seed)
{
    AUTO(diags) diags = diags_new();
    struct einsum_data *data = NULL;
    assert_int_equal(einsum_data_new(workload, true, diags, &data), OK);
    data->arithmetic = arithmetic;
    einsum_fill_inputs(workload, seed, data);
    einsum_store_inputs(workload, data);
    return data;
}

static struct einsum_arithmetic *arithmetic_of(const struct workload *workload,
                                               guint32 seed)
{
    struct einsum_complaint complaint = {0};
    struct einsum_arithmetic *arithmetic = NULL;
    if (seed % 3 != 0) {
        arithmetic = einsum_arithmetic_new(workload);
        assert_true(einsum_arithmetic_set(
            arithmetic, seed % 3 == 1 ? "fp32" : "bf16", &complaint));
    }
    return arithmetic;
}

/* ---- without buffers ------------------------------------------------------ */

static void run_step(const struct workload *workload, int statement,
                     struct walk_event *event, struct einsum_data *data)
{
    const struct einsum_statement *s = &workload->statements[statement];
    int r = 0;
    while (r < s->rank_count && s->rank[r] != s->iterative_rank) {
        r++;
    }
    if (s->iterative_rank < 0 || r == s->rank_count) {
        einsum_run_box(workload, statement, event->lo, event->hi, data);
        return;
    }
    int64_t low = event->lo[r];
    int64_t high = event->hi[r];
    for (int64_t i = low; i < high; i++) {
        event->lo[r] = i;
        event->hi[r] = i + 1;
        einsum_run_box(workload, statement, event->lo, event->hi, data);
    }
    event->lo[r] = low;
    event->hi[r] = high;
}

static void run_directly(const struct plan *plan, struct einsum_data *data)
{
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event = {0};
    while (walk_next(walk, &event)) {
        bool has_lane = event.kind == WALK_COMPUTE;
        while (has_lane) {
            run_step(plan->workload, plan->leaves[event.leaf].statement, &event,
                     data);
            has_lane = walk_next_lane(walk, &event);
        }
    }
}

static bool keeps_order(const struct plan *plan)
{
    bool keeps = true;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        const struct einsum_statement *s =
            &plan->workload->statements[leaf->statement];
        keeps = keeps && !leaf->is_recomputed;
        for (int n = leaf->node; n >= 0; n = plan->nodes[n].parent) {
            for (int r = 0; r < s->rank_count; r++) {
                keeps = keeps && !(plan->nodes[n].kind == PLAN_SPATIAL &&
                                   plan->nodes[n].rank == s->rank[r] &&
                                   s->is_reduced[r]);
            }
        }
    }
    return keeps;
}

/* ---- comparing ------------------------------------------------------------ */

static bool is_same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void complain(const struct workload *workload, int tensor,
                     int64_t element, double expected, double got, double bound)
{
    print_error("'%s' element %" G_GINT64_FORMAT
                ": %.17g, executed %.17g, bound %g\n",
                workload->tensors[tensor].name, element, expected, got, bound);
    fail();
}

static void check_exact(const struct workload *workload,
                        const struct einsum_data *expected,
                        const struct einsum_data *got)
{
    for (int t = 0; t < workload->tensor_count; t++) {
        const double *a = expected->tensors[t].value;
        const double *b = got->tensors[t].value;
        for (int64_t i = 0; a != NULL && i < workload->tensors[t].element_count;
             i++) {
            if (!is_same_bits(a[i], b[i])) {
                complain(workload, t, i, a[i], b[i], 0);
            }
        }
    }
}

static void check_bounded(const struct workload *workload,
                          const struct einsum_data *expected,
                          const struct einsum_data *got)
{
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct tensor_data *a = &expected->tensors[t];
        const struct tensor_data *b = &got->tensors[t];
        for (int64_t i = 0;
             a->value != NULL && i < workload->tensors[t].element_count; i++) {
            double bound = a->error[i] + b->error[i];
            if (!is_same_bits(a->value[i], b->value[i]) && !isnan(bound) &&
                !(fabs(a->value[i] - b->value[i]) <= bound) &&
                bound < (double)INFINITY) {
                complain(workload, t, i, a->value[i], b->value[i], bound);
            }
        }
    }
}

static void execute(const struct plan *plan, struct einsum_data *data)
{
    AUTO(diags) diags = diags_new();
    enum status status = sim_execute(plan, diags, data);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
}

static void check_case(struct run *run, const struct problem *problem)
{
    AUTO(diags) diags = diags_new();
    const struct workload *workload = problem->workload;
    AUTO(einsum_arithmetic) arithmetic = arithmetic_of(workload, run->seed);
    AUTO(einsum_data) expected = data_with(workload, arithmetic, run->seed);
    AUTO(einsum_data) got = data_with(workload, arithmetic, run->seed);
    assert_int_equal(einsum_run(workload, diags, expected), OK);
    execute(problem->plan, got);
    check_bounded(workload, expected, got);
    run->narrow += arithmetic != NULL;
    if (arithmetic == NULL && keeps_order(problem->plan)) {
        AUTO(einsum_data) direct = data_with(workload, NULL, run->seed);
        run_directly(problem->plan, direct);
        check_exact(workload, direct, got);
        run->exact++;
    }
}

/* ---- the run -------------------------------------------------------------- */

static int64_t count_steps(const struct plan *plan)
{
    int64_t steps = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        steps += plan->leaves[l].step_count;
    }
    return steps;
}

static void check_seed(struct run *run)
{
    struct random_case c = random_case_of(run->seed, run->seed % 2 == 0);
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    if (random_case_load(diags, &c, c.text, &problem) == OK &&
        count_steps(problem->plan) <= MAX_STEPS) {
        check_case(run, problem);
        run->legal++;
        g_hash_table_add(run->cascades, g_strdup(c.cascade));
    }
    random_case_clear(&c);
}

static void test_buffers_change_nothing(void **state)
{
    struct run *run = *state;
    int cases = 0;
    while (run->legal < run->wanted) {
        check_seed(run);
        run->seed++;
        assert_in_range(++cases, 0, 1000 + 50 * run->wanted);
    }
    if (run->wanted >= 200) {
        assert_true(g_hash_table_size(run->cascades) >= 10);
        assert_true(run->exact >= run->wanted / 5);
        assert_true(run->narrow >= run->wanted / 2);
    }
    run->is_done = true;
}

static int set_up(void **state)
{
    struct run *run = g_new0(struct run, 1);
    run->seed = (guint32)random_environment("WEIR_RANDOM_SEED", 20001);
    run->wanted = (int)random_environment("WEIR_RANDOM_EXECUTE_COUNT", 200);
    run->cascades =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    *state = run;
    return 0;
}

static int tear_down(void **state)
{
    struct run *run = *state;
    if (!run->is_done) {
        struct random_case c = random_case_of(run->seed, run->seed % 2 == 0);
        print_error("WEIR_RANDOM_SEED=%u WEIR_RANDOM_EXECUTE_COUNT=1: %s on "
                    "%s\n%s",
                    run->seed, c.cascade, c.arch, c.text);
        random_case_clear(&c);
    }
    print_message(
        "# up to seed %u: %d legal of %u cascades, %d bit for bit, %d "
        "in narrow formats\n",
        run->seed, run->legal, g_hash_table_size(run->cascades), run->exact,
        run->narrow);
    g_hash_table_unref(run->cascades);
    g_free(run);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_buffers_change_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
