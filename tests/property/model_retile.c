/* A retiler against binding anew: random mappings, then random tiles for the same
 * tree, applied to the retiler and written into the text that is bound. What
 * binds has the same numbers; what is over capacity is over capacity.
 *
 * WEIR_RANDOM_RETILE_COUNT comparisons (default 400), first seed
 * WEIR_RANDOM_SEED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/assert_close.h"
#include "tests/problem_fixture.h"
#include "tests/random_mapping.h"

#define TRIES 12 /* tilings of one tree */

struct tally {
    guint32 seed;
    int wanted;
    int equal;     /* bound, with the same numbers */
    int refused;   /* by both */
    int structure; /* by the retiler alone: other moves */
    int order;     /* by the binding alone: reads before writes */
};

/* ---- tiles into the text ---------------------------------------------------- */

/* Copies up to and with `mark`; false if it does not come. */
static bool copy_to(GString *out, const char **at, const char *mark)
{
    const char *found = strstr(*at, mark);
    if (found == NULL) {
        return false;
    }
    found += strlen(mark);
    g_string_append_len(out, *at, found - *at);
    *at = found;
    return true;
}

/* The tree's `for` and `spatial` nodes, in order, with these tiles. */
static char *with_tiles(const char *text, const int64_t *tiles)
{
    GString *out = g_string_new(NULL);
    const char *at = text;
    for (int i = 0;; i++) {
        const char *loop = strstr(at, "{for: {");
        const char *lane = strstr(at, "{spatial: {");
        if (loop == NULL && lane == NULL) {
            break;
        }
        bool is_lane = loop == NULL || (lane != NULL && lane < loop);
        (void)copy_to(out, &at, is_lane ? "{spatial: {" : "{for: {");
        g_autofree char *rank = g_strndup(at, strcspn(at, ":"));
        if (is_lane) {
            (void)copy_to(out, &at, "}");
            g_string_append_printf(out, ", tile: {%s: %" G_GINT64_FORMAT "}}",
                                   rank, tiles[i]);
            at = strstr(at, "},\n") + 1;
        } else {
            g_string_append_printf(out, "%s: %" G_GINT64_FORMAT "}", rank,
                                   tiles[i]);
            at = strchr(at, '}') + 1;
        }
    }
    g_string_append(out, at);
    return g_string_free(out, FALSE);
}

static int count_node_tiles(const struct retiler *retiler)
{
    int count = 0;
    while (count < retiler_tile_count(retiler) &&
           retiler_plan(retiler)->nodes[retiler_node(retiler, count)].kind !=
               PLAN_COMPUTE) {
        count++;
    }
    return count;
}

static void random_tiles(GRand *rand, const struct retiler *retiler,
                         int64_t *tiles)
{
    const struct plan *plan = retiler_plan(retiler);
    for (int i = 0; i < count_node_tiles(retiler); i++) {
        int rank = retiler_rank(retiler, i);
        int64_t left = plan->workload->rank[rank].extent;
        for (int n = plan->nodes[retiler_node(retiler, i)].parent; n >= 0;
             n = plan->nodes[n].parent) {
            for (int k = 0; k < i; k++) {
                if (retiler_node(retiler, k) == n &&
                    retiler_rank(retiler, k) == rank) {
                    left = MIN(left, tiles[k]);
                }
            }
        }
        tiles[i] = random_divisor(rand, left);
    }
}

/* ---- comparison -------------------------------------------------------------- */

static bool moves(const struct plan_flow *flow)
{
    return flow->total > 0 || (flow->node >= 0 && flow->inner_total > 0);
}

/* The next flow that moves anything; NULL at the end. */
static const struct plan_flow *next_flow(const struct plan *plan, int *at)
{
    while (*at < plan->flow_count && !moves(&plan->flows[*at])) {
        (*at)++;
    }
    return *at < plan->flow_count ? &plan->flows[(*at)++] : NULL;
}

static void check_flows(const struct plan *a, const struct plan *b)
{
    int i = 0;
    int j = 0;
    const struct plan_flow *x = next_flow(a, &i);
    const struct plan_flow *y = next_flow(b, &j);
    while (x != NULL && y != NULL) {
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->tensor, y->tensor);
        assert_int_equal(x->leaf, y->leaf);
        assert_int_equal(x->node, y->node);
        assert_int_equal(x->memory, y->memory);
        assert_int_equal(x->outer, y->outer);
        if (x->total != y->total) {
            print_error("flow %d of kind %d, tensor '%s', leaf %d, node %d, "
                        "memory '%s': %" G_GINT64_FORMAT
                        " applied, %" G_GINT64_FORMAT " bound\n",
                        i - 1, (int)x->kind,
                        a->workload->tensors[x->tensor].name, x->leaf, x->node,
                        a->arch->memories[x->memory].name, x->total, y->total);
        }
        assert_int_equal(x->total, y->total);
        if (x->node >= 0 && !x->is_cut_through) {
            assert_int_equal(x->inner_total, y->inner_total);
        }
        x = next_flow(a, &i);
        y = next_flow(b, &j);
    }
    assert_true(x == NULL && y == NULL);
}

static void check_plans(const struct plan *a, const struct plan *b)
{
    check_flows(a, b);
    for (int l = 0; l < a->leaf_count; l++) {
        const struct plan_leaf *x = &a->leaves[l];
        const struct plan_leaf *y = &b->leaves[l];
        assert_int_equal(x->step_count, y->step_count);
        assert_int_equal(x->trips_per_step, y->trips_per_step);
        assert_int_equal(x->busy_cycles, y->busy_cycles);
        assert_int_equal(x->busy_cycles_per_step, y->busy_cycles_per_step);
        assert_int_equal(x->lanes_used, y->lanes_used);
        assert_int_equal(x->point_count, y->point_count);
        assert_int_equal(x->reduce_latency_cycles, y->reduce_latency_cycles);
    }
    for (int p = 0; p < a->phase_count; p++) {
        assert_int_equal(a->phases[p].iteration_count,
                         b->phases[p].iteration_count);
    }
    for (int m = 0; m < a->arch->memory_count; m++) {
        assert_int_equal(a->memories[m].footprint_bytes,
                         b->memories[m].footprint_bytes);
    }
}

/* The estimator's numbers are those of the model. */
static void check_estimate(struct retiler *retiler, const struct plan *plan,
                           const int64_t *tiles)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) model = NULL;
    assert_int_equal(model_evaluate(plan, diags, &model), OK);
    AUTO(estimator) estimator = estimator_new(retiler);
    struct estimate estimate;
    assert_int_equal(estimator_run(estimator, tiles, &estimate), RETILING_OK);
    assert_int_equal(estimate.cycles, model->cycles);
    assert_int_equal(estimate.traffic_bytes,
                     model->memories[0].read_bytes +
                         model->memories[0].write_bytes);
    assert_close(estimate.energy_pj, model->energy_pj, 1e-12);
}

static bool has_code(const struct diags *diags, const char *code)
{
    for (size_t i = 0; i < diags_count(diags); i++) {
        if (strcmp(diags_get(diags, i)->code, code) == 0) {
            return true;
        }
    }
    return false;
}

/* Refusals that depend on tiles and that a retiler leaves to the binding. */
static bool is_order(const struct diags *diags)
{
    return has_code(diags, "mapping-order") ||
           has_code(diags, "mapping-partial-read") ||
           has_code(diags, "mapping-not-held") ||
           has_code(diags, "mapping-forward") ||
           has_code(diags, "mapping-missing-points") ||
           has_code(diags, "mapping-recompute") ||
           has_code(diags, "mapping-iterative-spatial");
}

static void compare(struct tally *tally, const struct random_case *c,
                    struct retiler *retiler, const int64_t *tiles)
{
    enum retiling result = retiler_apply(retiler, tiles);
    g_autofree char *text = with_tiles(c->text, tiles);
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    enum status status = random_case_load(diags, c, text, &problem);
    if (getenv("WEIR_RANDOM_TRACE") != NULL) {
        print_error("seed %u retiling %d status %d\n%s", tally->seed, result,
                    status, text);
        fixture_print(diags);
    }
    if (result == RETILING_OK && status == OK) {
        check_plans(retiler_plan(retiler), problem->plan);
        check_estimate(retiler, problem->plan, tiles);
        tally->equal++;
    } else if (result == RETILING_STRUCTURE) {
        tally->structure++;
    } else if (result == RETILING_OK) {
        assert_true(is_order(diags));
        tally->order++;
    } else {
        assert_true(status != OK);
        assert_true(is_order(diags) ||
                    has_code(diags, "mapping-spatial-reduce") ||
                    (result == RETILING_CAPACITY &&
                     has_code(diags, "mapping-capacity")) ||
                    (result == RETILING_COPIES &&
                     has_code(diags, "mapping-too-few-copies")) ||
                    (result == RETILING_LANES &&
                     has_code(diags, "mapping-spatial-size")));
        tally->refused++;
    }
}

static void check_seed(struct tally *tally, bool is_irregular)
{
    struct random_case c = random_case_of(tally->seed, is_irregular);
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    AUTO(retiler) retiler = NULL;
    if (random_case_load(diags, &c, c.text, &problem) == OK &&
        retiler_bind(problem->mapping, problem->workload, problem->arch,
                     c.chosen, diags, &retiler) == OK) {
        g_autofree int64_t *tiles =
            g_new0(int64_t, (gsize)retiler_tile_count(retiler) + 1);
        GRand *rand = g_rand_new_with_seed(tally->seed);
        for (int i = 0; i < retiler_tile_count(retiler); i++) {
            tiles[i] = retiler_tile(retiler, i);
        }
        /* Tiles as written may be uneven. */
        enum retiling same = retiler_apply(retiler, tiles);
        assert_true(same == RETILING_OK || same == RETILING_TILE);
        if (same == RETILING_OK) {
            check_plans(retiler_plan(retiler), problem->plan);
        }
        for (int t = 0; t < TRIES; t++) {
            random_tiles(rand, retiler, tiles);
            if (retiler_apply(retiler, tiles) != RETILING_TILE) {
                compare(tally, &c, retiler, tiles);
            }
        }
        g_rand_free(rand);
    }
    random_case_clear(&c);
}

static void test_tiles_applied_and_bound(void **state)
{
    (void)state;
    struct tally tally = {
        .seed = (guint32)random_environment("WEIR_RANDOM_SEED", 1),
        .wanted = (int)random_environment("WEIR_RANDOM_RETILE_COUNT", 400),
    };
    for (; tally.equal < tally.wanted; tally.seed++) {
        check_seed(&tally, tally.seed % 2 == 0);
        assert_in_range(tally.seed, 0, 1u << 30);
    }
    print_message("%d equal, %d refused by both, %d other structures, %d "
                  "refused for their order\n",
                  tally.equal, tally.refused, tally.structure, tally.order);
}

/* ---- what cannot be retiled ------------------------------------------------- */

static void test_spilling_holds_are_refused(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    p = fixture_load(diags, "attention/three-pass", "flat-cloud", "flat",
                     "B=1 H=1 P=1024 M=1024 E=64 F=64");
    AUTO(retiler) retiler = NULL;
    assert_int_equal(
        retiler_bind(p->mapping, p->workload, p->arch, NULL, diags, &retiler),
        ERR_INPUT);
    assert_true(has_code(diags, "mapping-retile"));
    assert_null(retiler);
}

static void test_what_is_computed_repeatedly_is_refused(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    p = fixture_load_text(diags, "gemm", "teaching",
                          "schema: 1\n"
                          "mapping: again\n"
                          "cascade: gemm\n"
                          "tree:\n"
                          "- {compute: Z, on: array2d, recompute: true}\n",
                          "M=4 N=4 K=4");
    AUTO(retiler) retiler = NULL;
    assert_int_equal(
        retiler_bind(p->mapping, p->workload, p->arch, NULL, diags, &retiler),
        ERR_INPUT);
    assert_true(has_code(diags, "mapping-retile"));
    assert_null(retiler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles_applied_and_bound),
        cmocka_unit_test(test_spilling_holds_are_refused),
        cmocka_unit_test(test_what_is_computed_repeatedly_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
