/* Formulas of flows: elements at one point in time, how often they move, for how
 * many lanes. */
#include "mapping/retile.h"

#include <string.h>

/* ---- elements ------------------------------------------------------------- */

/* Adds the dimension to the formula, or marks it general. */
static void add_dim(const struct retiler *r, struct formula *f,
                    const struct affine *index)
{
    int rank[2] = {-1, -1};
    int count = 0;
    for (int k = 0; k < r->plan->workload->rank_count; k++) {
        if (index->coefficient[k] != 0) {
            rank[MIN(count, 1)] = k;
            count++;
        }
    }
    struct dim dim = {.kind = DIM_RANGE, .extent = retile_one(r)};
    if (count == 1) {
        dim.extent = f->rank_extent[rank[0]];
    } else if (count == 2) {
        int64_t c[2] = {ABS(index->coefficient[rank[0]]),
                        ABS(index->coefficient[rank[1]])};
        int inner = c[0] == 1 ? 0 : 1;
        f->is_general |= c[inner] != 1;
        dim = (struct dim){.kind = DIM_PAIR,
                           .extent = f->rank_extent[rank[inner]],
                           .outer = f->rank_extent[rank[1 - inner]],
                           .step = c[1 - inner]};
    }
    f->is_general |= count > 2;
    f->dim[f->dim_count++] = dim;
}

/* The same dimension of several uses, as the range that they span: all along one
 * rank by single steps, or at a constant; else general. */
static void add_span(const struct retiler *r, struct formula *f, int d)
{
    int rank = -1;
    int64_t low = INT64_MAX;
    int64_t reach = INT64_MIN; /* beyond the extent */
    int64_t fixed = INT64_MIN; /* of constants, one more */
    for (guint u = 0; u < f->uses->len; u++) {
        const struct affine *index =
            &g_array_index(f->uses, struct tensor_use, u).access->index[d];
        if (f->is_counted != NULL && !f->is_counted[u]) {
            continue;
        }
        int mover = -1;
        for (int k = 0; k < r->plan->workload->rank_count; k++) {
            f->is_general |= index->coefficient[k] != 0 &&
                             (index->coefficient[k] != 1 || mover >= 0 ||
                              (rank >= 0 && rank != k));
            mover = index->coefficient[k] != 0 ? k : mover;
        }
        rank = mover >= 0 ? mover : rank;
        low = MIN(low, index->constant);
        int64_t *most = mover >= 0 ? &reach : &fixed;
        *most = MAX(*most, index->constant + (mover >= 0 ? 0 : 1));
    }
    if (rank < 0 || low == INT64_MAX) {
        f->is_general = true;
        return;
    }
    f->dim[f->dim_count++] = (struct dim){
        .kind = DIM_RANGE,
        .extent = f->rank_extent[rank],
        .constant = reach - low,
        .least = fixed == INT64_MIN ? 0 : fixed - low,
    };
}

static void add_shared_dim(const struct retiler *r, struct formula *f, int d)
{
    const struct affine *first = NULL;
    bool is_same = true;
    for (guint u = 0; u < f->uses->len; u++) {
        if (f->is_counted == NULL || f->is_counted[u]) {
            const struct affine *index =
                &g_array_index(f->uses, struct tensor_use, u).access->index[d];
            first = first == NULL ? index : first;
            is_same &= memcmp(index, first, sizeof *index) == 0;
        }
    }
    if (is_same && first != NULL) {
        add_dim(r, f, first);
    } else {
        add_span(r, f, d);
    }
}

static void place_ranks(const struct retiler *r, struct formula *f, int node)
{
    for (int k = 0; k < r->plan->workload->rank_count; k++) {
        f->rank_extent[k] = retile_extent_at(r, node, k);
    }
}

/* Slices of an iterative tensor that are fetched: see count_earlier_slices of
 * hold_flows.c. */
static void add_slices(const struct retiler *r, struct formula *f,
                       const struct einsum_tensor *t)
{
    int64_t written = -1;
    int64_t low = INT64_MAX;
    int64_t high = 0;
    for (guint u = 0; u < f->uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(f->uses, struct tensor_use, u);
        int64_t at = use->access->index[t->iterative_dim].constant;
        if (use->is_write) {
            written = at;
        } else if (f->is_counted[u]) {
            low = MIN(low, at);
            high = MAX(high, at);
        }
    }
    if (written >= 0) {
        f->skipped_dim = t->iterative_dim;
        f->slice_extent = f->rank_extent[t->iterative_rank];
        f->slice_reach = high - low;
        f->slice_most = written - low;
    }
    (void)r;
}

/* Elements of the tile of a tensor in a hold. */
void retile_add_tile(const struct retiler *r, struct formula *f, int hold,
                     int tensor, bool is_fetched)
{
    const struct einsum_tensor *t = &r->plan->workload->tensors[tensor];
    place_ranks(r, f, hold);
    if (is_fetched && t->iterative_dim >= 0) {
        add_slices(r, f, t);
    }
    for (int d = 0; d < t->dim_count; d++) {
        if (d != f->skipped_dim) {
            add_shared_dim(r, f, d);
        }
    }
}

/* What the lanes of a leaf take of an access at one point in time. */
static void add_footprint(const struct retiler *r, struct formula *f,
                          const struct einsum_access *access, bool is_write)
{
    const struct plan_leaf *leaf = &r->plan->leaves[f->leaf];
    const struct einsum_statement *s =
        &r->plan->workload->statements[leaf->statement];
    int end = r->step_first[f->leaf] + r->step_count[f->leaf];
    for (int k = 0; k < r->plan->workload->rank_count; k++) {
        f->rank_extent[k] = retile_extent_in_step(r, f->leaf, end, k);
    }
    f->access = access;
    for (int d = 0; d < access->dim_count; d++) {
        add_dim(r, f, &access->index[d]);
    }
    for (int i = 0; i < s->rank_count; i++) {
        if (leaf->axis_of[i] < 0 || access_uses_rank(access, s->rank[i])) {
            continue;
        }
        const struct arch_axis *axis =
            &r->plan->arch->units[leaf->unit].axis[leaf->axis_of[i]];
        if (is_write ? arch_axis_reduces(axis) : arch_axis_shares(axis)) {
            continue;
        }
        f->dim[f->dim_count++] =
            (struct dim){.extent = f->rank_extent[s->rank[i]]};
    }
}

/* ---- how often, by how many lanes ------------------------------------------ */

static bool is_moved(const struct formula *f, int rank)
{
    for (guint u = 0; f->access == NULL && u < f->uses->len; u++) {
        if (f->is_counted[u] &&
            access_uses_rank(
                g_array_index(f->uses, struct tensor_use, u).access, rank)) {
            return true;
        }
    }
    return f->access != NULL && access_uses_rank(f->access, rank);
}

static void add_lanes(const struct retiler *r, struct formula *f, int node,
                      int keeper, bool is_write)
{
    int splits[MAX_LOOPS];
    int count = node_splits(r->plan, node, splits);
    for (int i = 0; i < count; i++) {
        const struct plan_node *n = &r->plan->nodes[splits[i]];
        if (n->kind != PLAN_SPATIAL) {
            continue;
        }
        const struct arch_axis *axis = retile_find_axis(r->plan, n->axis);
        bool can_share =
            is_write ? arch_axis_reduces(axis) : arch_axis_shares(axis);
        struct lane lane = {
            .split = retile_split_of_node(r, splits[i]),
            .is_below = keeper < 0 || plan_is_above(r->plan, keeper, splits[i]),
            .is_moved = is_moved(f, n->rank),
        };
        lane.is_single = lane.is_below && !lane.is_moved && can_share;
        lane.is_unreduced =
            lane.is_below && !lane.is_moved && !arch_axis_reduces(axis);
        f->lane[f->lane_count++] = lane;
    }
}

static void add_step_loops(const struct retiler *r, struct formula *f)
{
    for (int i = 0; i < r->step_count[f->leaf]; i++) {
        int split = r->step_first[f->leaf] + i;
        f->loop[f->loop_count] = split;
        f->is_mover[f->loop_count++] = is_moved(f, r->splits[split].rank);
    }
}

static void add_hold_loops(struct retiler *r, struct formula *f, int hold)
{
    struct flow_rule rule = visits_loops(&r->builder, hold, f->uses);
    for (int i = 0; i < rule.loop_count; i++) {
        const struct plan_node *loop = &r->plan->nodes[rule.loop[i]];
        f->loop[f->loop_count] = retile_split_of_node(r, rule.loop[i]);
        f->is_last[f->loop_count] = rule.is_last[i];
        f->is_mover[f->loop_count++] = is_moved(f, loop->rank);
    }
}

/* ---- flows ---------------------------------------------------------------- */

static void compile_leaf_flow(struct retiler *r, struct formula *f,
                              const struct plan_flow *flow,
                              const struct flow_source *source)
{
    bool is_write = flow->kind == FLOW_WRITE || flow->kind == FLOW_PARTIAL;
    f->leaf = source->leaf;
    add_footprint(r, f, source->access, is_write);
    add_step_loops(r, f);
    add_lanes(r, f, r->plan->leaves[f->leaf].node, source->keeper, is_write);
}

static void compile_hold_flow(struct retiler *r, struct formula *f,
                              const struct plan_flow *flow,
                              const struct flow_source *source)
{
    f->uses = source->uses;
    f->is_counted = source->is_counted;
    retile_add_tile(r, f, flow->node, flow->tensor, source->is_fetched);
    add_hold_loops(r, f, flow->node);
    add_lanes(r, f, flow->node, source->keeper, flow->kind != FLOW_FILL);
}

enum status retile_compile_flow(struct retiler *r, int id)
{
    const struct plan_flow *flow =
        &g_array_index(r->builder.flows, struct plan_flow, id);
    const struct flow_source *source =
        &g_array_index(r->builder.sources, struct flow_source, id);
    struct formula f = {.flow = id,
                        .leaf = -1,
                        .product = -1,
                        .sent_on = -1,
                        .skipped_dim = -1,
                        .slice_extent = -1};
    if (source->access == NULL && source->uses == NULL) {
        return OK; /* stays what it is */
    }
    if (source->access != NULL) {
        compile_leaf_flow(r, &f, flow, source);
    } else {
        compile_hold_flow(r, &f, flow, source);
    }
    if (flow->kind == FLOW_PARTIAL || flow->kind == FLOW_REFILL) {
        f.product = id - 1; /* the WRITE or DRAIN stands before */
        int statement = r->plan->leaves[flow->leaf].statement;
        TRY(flows_count_distinct(&r->builder,
                                 &r->plan->workload->statements[statement],
                                 &f.distinct));
    }
    g_array_append_val(r->formulas, f);
    return OK;
}

static int find_drain(const struct retiler *r, int hold, int tensor)
{
    for (guint i = 0; hold >= 0 && i < r->formulas->len; i++) {
        const struct plan_flow *flow =
            &g_array_index(r->builder.flows, struct plan_flow,
                           g_array_index(r->formulas, struct formula, i).flow);
        if (flow->kind == FLOW_DRAIN && flow->node == hold &&
            flow->tensor == tensor) {
            return (int)i;
        }
    }
    return -1;
}

/* Where partial sums are sent on to: known when all flows are. */
void retile_connect_flows(struct retiler *r)
{
    for (guint i = 0; i < r->formulas->len; i++) {
        struct formula *f = &g_array_index(r->formulas, struct formula, i);
        if (f->product >= 0) {
            const struct flow_source *source =
                &g_array_index(r->builder.sources, struct flow_source, f->flow);
            f->sent_on = find_drain(
                r, source->keeper,
                g_array_index(r->builder.flows, struct plan_flow, f->flow)
                    .tensor);
        }
    }
}
