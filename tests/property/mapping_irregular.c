/* Random mappings with tiles that do not divide and lanes of spatial nodes
 * (tests/random_mapping.h). Of a legal one
 *   - steps, points, and every flow at both its ends are those of the brute force
 *     of tests/nest_oracle.h, and the model's bytes are theirs,
 *   - what single events of its walk move adds up to them,
 *   - executing it gives what the interpreter gives: every point is computed
 *     once, every operand is finished when it is read,
 *   - energy is the sum of its parts, bound <= model,
 *   - the printed mapping loads to the same plan.
 * Regular mappings are counted in another way (closed form), and checked too.
 *
 * WEIR_IRREGULAR_COUNT legal mappings, first seed WEIR_RANDOM_SEED. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/assert_close.h"
#include "tests/nest_check.h"
#include "tests/problem_fixture.h"

#include "tests/execution_check.h"
#include "tests/random_mapping.h"

#define MAX_POINTS 3000

struct run {
    guint32 seed;
    int wanted;
    int legal;
    int irregular;
    int masked;
    int apart;    /* lanes that a predicate tells apart */
    int repeated; /* some points are computed again */
    int refused;
    bool is_done;
};

/* The model's bytes and transfers are those of the flows. */
static void check_transfers(const struct plan *plan, const struct evaluation *e)
{
    bool spills = false;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        spills |= plan->memories[m].spilled_bytes > 0;
    }
    for (int m = 0; m < plan->arch->memory_count && !spills; m++) {
        int64_t read = 0;
        int64_t written = 0;
        for (int f = 0; f < plan->flow_count; f++) {
            const struct plan_flow *flow = &plan->flows[f];
            bool is_out = flow->kind == FLOW_DRAIN || flow->kind == FLOW_WRITE;
            int place = flow->node < 0 ? flow->memory : flow->outer;
            *(is_out ? &written : &read) += place == m ? flow->total : 0;
            bool is_inside =
                flow->node >= 0 && flow->memory == m && !flow->is_cut_through;
            *(is_out ? &read : &written) += is_inside ? flow->inner_total : 0;
        }
        assert_int_equal(e->memories[m].read_bytes, read * plan->word_bytes);
        assert_int_equal(e->memories[m].write_bytes,
                         written * plan->word_bytes);
    }
    int64_t sum[2] = {0, 0};
    int64_t bytes[2] = {0, 0};
    for (int i = 0; i < e->transfer_count; i++) {
        const struct evaluation_transfer *t = &e->transfers[i];
        assert_true(t->reads >= 0 && t->fills >= 0 && t->updates >= 0 &&
                    t->drains >= 0);
        sum[0] += t->reads + t->drains;
        sum[1] += t->fills + t->updates;
    }
    for (int m = 0; m < e->memory_count; m++) {
        bytes[0] += e->memories[m].read_bytes;
        bytes[1] += e->memories[m].write_bytes;
    }
    assert_int_equal(sum[0] * plan->word_bytes, bytes[0]);
    assert_int_equal(sum[1] * plan->word_bytes, bytes[1]);
}

static void check_evaluation(const struct plan *plan)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) e = NULL;
    assert_int_equal(model_evaluate(plan, diags, &e), OK);
    check_transfers(plan, e);
    double actions_pj = 0;
    double parts_pj = 0;
    for (int i = 0; i < e->action_count; i++) {
        actions_pj += e->actions[i].energy_pj;
        bool is_hop = strcmp(e->actions[i].action, "hop") == 0;
        parts_pj += is_hop ? e->actions[i].energy_pj : 0;
    }
    for (int m = 0; m < e->memory_count; m++) {
        parts_pj += e->memories[m].energy_pj;
    }
    for (int u = 0; u < e->unit_count; u++) {
        parts_pj += e->units[u].energy_pj;
        assert_in_range(e->units[u].busy_cycles, 0, e->cycles);
        assert_true(e->units[u].utilization_ratio >= 0 &&
                    e->units[u].utilization_ratio <= 1);
    }
    assert_close(actions_pj, e->energy_pj, 1e-12);
    assert_close(parts_pj, e->energy_pj, 1e-12);
    assert_true(e->bound_cycles <= e->cycles);
    assert_true(e->bound_traffic_bytes <=
                e->memories[0].read_bytes + e->memories[0].write_bytes);
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
    assert_int_equal(problem->plan->flow_count, again->plan->flow_count);
    for (int f = 0; f < again->plan->flow_count; f++) {
        assert_int_equal(problem->plan->flows[f].total,
                         again->plan->flows[f].total);
        assert_int_equal(problem->plan->flows[f].inner_total,
                         again->plan->flows[f].inner_total);
    }
}

/* What single events move, and single steps take, adds up to the plan's totals. */
static void check_events(const struct plan *plan)
{
    AUTO(walk) walk = walk_new(plan, false);
    g_autofree int64_t *outside = g_new0(int64_t, (gsize)plan->flow_count + 1);
    g_autofree int64_t *inside = g_new0(int64_t, (gsize)plan->flow_count + 1);
    g_autofree int64_t *busy = g_new0(int64_t, (gsize)plan->leaf_count);
    g_autofree int64_t *points = g_new0(int64_t, (gsize)plan->leaf_count);
    struct walk_event event;
    while (walk_next(walk, &event)) {
        if (event.kind == WALK_MOVE) {
            assert_true(event.move.outside >= 0 && event.move.inside >= 0);
            outside[event.move.flow] += event.move.outside;
            inside[event.move.flow] += event.move.inside;
        } else if (event.kind == WALK_COMPUTE) {
            const struct plan_leaf *leaf = &plan->leaves[event.leaf];
            busy[event.leaf] += event.cost->busy_cycles;
            points[event.leaf] += event.cost->points;
            for (int f = 0; f < leaf->flow_count; f++) {
                outside[leaf->first_flow + f] += event.cost->elements[f];
                inside[leaf->first_flow + f] += event.cost->elements[f];
            }
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        assert_int_equal(busy[l], plan->leaves[l].busy_cycles);
        assert_int_equal(points[l], plan->leaves[l].point_count);
    }
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind == FLOW_PARTIAL) {
            continue;
        }
        if (flow->total != outside[f] || flow->inner_total != inside[f]) {
            print_error("flow %d kind %d of '%s' node %d\n", f, (int)flow->kind,
                        plan->workload->tensors[flow->tensor].name, flow->node);
        }
        assert_int_equal(flow->total, outside[f]);
        assert_int_equal(flow->inner_total, inside[f]);
    }
}

static int64_t count_points(const struct plan *plan)
{
    int64_t points = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        points += plan->leaves[l].point_count;
    }
    return points;
}

static bool is_repeated(const struct plan *plan)
{
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        if (leaf->is_recomputed &&
            leaf->point_count >
                plan->workload->statements[leaf->statement].point_count) {
            return true;
        }
    }
    return false;
}

static void check_seed(struct run *run)
{
    struct random_case c = random_case_of(run->seed, true);
    if (getenv("WEIR_RANDOM_TRACE") != NULL) {
        print_error("seed %u\n%s", run->seed, c.text);
    }
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    if (random_case_load(diags, &c, c.text, &problem) != OK) {
        run->refused++;
    } else if (count_points(problem->plan) <= MAX_POINTS) {
        nest_check_plan(problem->plan);
        if (!problem->plan->is_regular) {
            check_events(problem->plan);
        }
        execution_check(problem->plan, run->seed);
        check_evaluation(problem->plan);
        check_round_trip(&c, problem);
        run->legal++;
        run->irregular += !problem->plan->is_regular;
        run->masked += problem->plan->leaves[0].is_masked;
        run->apart += problem->plan->has_masked_lanes;
        run->repeated += is_repeated(problem->plan);
    }
    random_case_clear(&c);
}

static void test_random_irregular_mappings(void **state)
{
    struct run *run = *state;
    int cases = 0;
    while (run->legal < run->wanted) {
        check_seed(run);
        run->seed++;
        assert_in_range(++cases, 0, 1000 + 50 * run->wanted);
    }
    assert_true(run->irregular >= run->wanted / 4);
    assert_true(run->masked >= run->wanted / 30);
    assert_true(run->repeated >= run->wanted / 30);
    run->is_done = true;
}

static int set_up(void **state)
{
    struct run *run = g_new0(struct run, 1);
    run->seed = (guint32)random_environment("WEIR_RANDOM_SEED", 1);
    run->wanted = (int)random_environment("WEIR_IRREGULAR_COUNT", 300);
    *state = run;
    return 0;
}

static int tear_down(void **state)
{
    struct run *run = *state;
    if (!run->is_done) {
        struct random_case c = random_case_of(run->seed, true);
        print_error("WEIR_RANDOM_SEED=%u WEIR_IRREGULAR_COUNT=1: %s on %s\n%s",
                    run->seed, c.cascade, c.arch, c.text);
        random_case_clear(&c);
    }
    print_message("# up to seed %u: %d legal (%d irregular, %d masked, %d of "
                  "lanes told apart, %d computed repeatedly), %d refused\n",
                  run->seed, run->legal, run->irregular, run->masked,
                  run->apart, run->repeated, run->refused);
    g_free(run);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_irregular_mappings, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
