/* A plan's steps, points and flows against the brute force of
 * tests/nest_oracle.h. Include after cmocka.h. */
#ifndef WEIR_TESTS_NEST_CHECK_H
#define WEIR_TESTS_NEST_CHECK_H

#include "tests/nest_oracle.h"

/* ---- against the plan ---------------------------------------------------- */

static inline void nest_expect(const struct nest *nest, const char *what,
                               int tensor, int node, int64_t planned,
                               int64_t counted)
{
    (void)oracle_expect(nest->plan, what, tensor,
                        nest->plan->nodes[node].span.line, planned, counted);
}

static inline struct nest_flow nest_planned(const struct nest *nest,
                                            enum flow_kind kind, int tensor,
                                            int leaf, int node)
{
    struct nest_flow sum = {0, 0};
    for (int f = 0; f < nest->plan->flow_count; f++) {
        const struct plan_flow *flow = &nest->plan->flows[f];
        if (flow->kind == kind && flow->tensor == tensor &&
            (leaf < 0 || flow->leaf == leaf) && flow->node == node) {
            sum.outside += flow->total;
            sum.inside += flow->inner_total;
        }
    }
    return sum;
}

/* The stream that a leaf reads through, if it comes from another memory. */
static inline int nest_stream(const struct plan *plan, int node, int tensor)
{
    int hold = oracle_hold(plan, node, tensor, true);
    if (hold < 0 || !plan->nodes[hold].is_stream) {
        return -1;
    }
    int keeper = oracle_hold(plan, hold, tensor, false);
    return oracle_memory(plan, keeper) == plan->nodes[hold].memory ? -1 : hold;
}

/* Hops; of what comes back, where anything crosses on its way back. */
static inline void nest_check_hops(struct nest *nest, enum flow_kind kind,
                                   int tensor, int leaf, int node, int number,
                                   const char *what)
{
    const struct plan *plan = nest->plan;
    for (int f = 0; f < plan->arch->fanout_count; f++) {
        int64_t planned = 0;
        bool is_there = false;
        for (int i = 0; i < plan->flow_count; i++) {
            is_there |= plan->flows[i].kind == kind &&
                        plan->flows[i].tensor == tensor &&
                        (leaf < 0 || plan->flows[i].leaf == leaf) &&
                        plan->flows[i].node == node;
        }
        for (int i = 0; i < plan->crossing_count; i++) {
            const struct plan_crossing *crossing = &plan->crossings[i];
            const struct plan_flow *flow = &plan->flows[crossing->flow];
            bool is_it = crossing->fanout == f && flow->kind == kind &&
                         flow->tensor == tensor &&
                         (leaf < 0 || flow->leaf == leaf) && flow->node == node;
            planned += is_it ? crossing->hops : 0;
        }
        struct nest_flow counted = *nest_hops(nest, f, kind, number, tensor);
        bool returns = kind == FLOW_PARTIAL || kind == FLOW_REFILL;
        if (returns && planned == 0) {
            continue;
        }
        nest_expect(nest, what, tensor,
                    node >= 0 ? node : plan->leaves[leaf].node, planned,
                    is_there ? counted.outside : 0);
    }
}

static inline void nest_check_leaf(struct nest *nest, int leaf)
{
    const struct plan *plan = nest->plan;
    const struct plan_leaf *l = &plan->leaves[leaf];
    const struct einsum_statement *s = oracle_statement(&nest->oracle, leaf);
    int64_t points = nest->points[leaf];
    if (l->is_masked && l->masking != ARCH_MASKING_NONE) {
        points = nest->existing[leaf];
    }
    assert_int_equal(l->point_count, points);
    assert_int_equal(l->step_count, nest->steps[leaf]);
    assert_int_equal(l->busy_cycles, nest->trips[leaf] * l->cycles_per_trip);
    for (int r = 0; r < s->read_count; r++) {
        int tensor = s->resolved_reads[r].tensor;
        int64_t counted = 0;
        bool is_first = true;
        for (int k = 0; k < s->read_count; k++) {
            if (s->resolved_reads[k].tensor == tensor) {
                is_first &= k >= r;
                counted +=
                    nest_flow(nest, FLOW_READ, leaf * 100 + k, tensor)->outside;
            }
        }
        if (is_first && nest_stream(plan, l->node, tensor) < 0) {
            bool is_twice = false;
            for (int k = r + 1; k < s->read_count; k++) {
                is_twice |= s->resolved_reads[k].tensor == tensor;
            }
            if (!is_twice) {
                nest_check_hops(nest, FLOW_READ, tensor, leaf, -1,
                                leaf * 100 + r, "hops to lanes");
            }
            nest_expect(nest, "read by lanes", tensor, l->node,
                        nest_planned(nest, FLOW_READ, tensor, leaf, -1).outside,
                        counted);
        }
    }
    int tensor = s->output.tensor;
    int place = leaf * 100 + s->read_count;
    nest_check_hops(nest, FLOW_WRITE, tensor, leaf, -1, place,
                    "hops of lanes' results");
    nest_expect(nest, "written by lanes", tensor, l->node,
                nest_planned(nest, FLOW_WRITE, tensor, leaf, -1).outside,
                nest_flow(nest, FLOW_WRITE, place, tensor)->outside);
    if (!l->is_masked) {
        nest_check_hops(nest, FLOW_PARTIAL, tensor, leaf, -1, place,
                        "hops of what comes back to lanes");
    }
    nest_expect(nest, "partial results read back by lanes", tensor, l->node,
                nest_planned(nest, FLOW_PARTIAL, tensor, leaf, -1).outside,
                nest_flow(nest, FLOW_PARTIAL, place, tensor)->outside);
}

static inline void nest_check_stream(struct nest *nest, int hold, int tensor)
{
    const struct plan *plan = nest->plan;
    int64_t counted = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(&nest->oracle, l);
        for (int r = 0; r < s->read_count; r++) {
            if (s->resolved_reads[r].tensor == tensor &&
                nest_stream(plan, plan->leaves[l].node, tensor) == hold) {
                counted +=
                    nest_flow(nest, FLOW_READ, l * 100 + r, tensor)->outside;
            }
        }
    }
    bool is_filled = oracle_hold(plan, hold, tensor, false) >= 0 ||
                     plan->workload->tensors[tensor].producer < 0;
    nest_expect(nest, "streamed", tensor, hold,
                nest_planned(nest, FLOW_FILL, tensor, -1, hold).outside,
                is_filled ? counted : 0);
}

static inline void nest_check_hold(struct nest *nest, int hold, int tensor)
{
    static const struct {
        enum flow_kind kind;
        const char *outside;
        const char *inside;
    } parts[] = {
        {FLOW_FILL, "filled, outside", "filled, inside"},
        {FLOW_DRAIN, "drained, outside", "drained, inside"},
        {FLOW_REFILL, "refilled, outside", "refilled, inside"},
    };
    const struct plan *plan = nest->plan;
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    int keeper = oracle_hold(plan, hold, tensor, false);
    bool is_moved = oracle_memory(plan, keeper) != plan->nodes[hold].memory;
    bool is_filled = is_moved && (keeper >= 0 || t->producer < 0);
    bool is_drained = is_moved && (keeper >= 0 || t->kind == TENSOR_OUTPUT);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        bool is_there = parts[i].kind == FLOW_FILL ? is_filled : is_drained;
        struct nest_flow counted = {0, 0};
        if (is_there) {
            counted = *nest_flow(nest, parts[i].kind, hold, tensor);
        }
        if (parts[i].kind == FLOW_REFILL &&
            nest_adds_outside(nest, hold, tensor, keeper)) {
            counted.inside = 0;
        }
        struct nest_flow planned =
            nest_planned(nest, parts[i].kind, tensor, -1, hold);
        nest_check_hops(nest, parts[i].kind, tensor, -1, hold, hold,
                        "hops of a hold's tiles");
        /* Of lanes whose windows overlap nothing is shared outside. */
        nest_expect(nest, parts[i].outside, tensor, hold, planned.outside,
                    counted.outside);
        (void)oracle_expect_exactly(plan, parts[i].inside, tensor,
                                    plan->nodes[hold].span.line, planned.inside,
                                    counted.inside);
    }
}

/* All flows and steps of the plan against the count. */
static inline void nest_check_plan(const struct plan *plan)
{
    struct nest nest;
    nest_init(&nest, plan);
    struct nest_lane all = {.depth = 0};
    for (int r = 0; r < plan->workload->rank_count; r++) {
        all.hi[r] = plan->workload->rank[r].extent;
    }
    nest_run_node(&nest, 0, &all, 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        nest_check_leaf(&nest, l);
    }
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            if (node->is_stream) {
                nest_check_stream(&nest, n, node->held[i]);
            } else {
                nest_check_hold(&nest, n, node->held[i]);
            }
        }
    }
    nest_clear(&nest);
}

#endif
