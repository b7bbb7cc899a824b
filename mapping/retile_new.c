/* From a bound plan to formulas: which tiles, extents and trips each number of
 * it depends on. */
#include "mapping/retile.h"

#include <string.h>

/* ---- splits and values ---------------------------------------------------- */

static int full_extent(const struct retiler *r, int rank)
{
    return r->split_count + rank;
}

static int one(const struct retiler *r)
{
    return r->value_count - 1;
}

/* The split of a node; splits of nodes come first, in the order of nodes. */
static int split_of_node(const struct retiler *r, int node)
{
    for (int i = 0; i < r->split_count; i++) {
        if (r->splits[i].node == node) {
            return i;
        }
    }
    BUG("node %d splits nothing", node);
}

/* Value index of what is left of a rank at a node. */
static int extent_at(const struct retiler *r, int node, int rank)
{
    const struct plan *plan = r->plan;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (node_is_split(&plan->nodes[n]) && plan->nodes[n].rank == rank) {
            return split_of_node(r, n);
        }
    }
    return full_extent(r, rank);
}

/* What the loops of a leaf's step so far leave of a rank. */
static int extent_in_step(const struct retiler *r, int leaf, int end, int rank)
{
    for (int i = end - 1; i >= r->step_first[leaf]; i--) {
        if (r->splits[i].rank == rank) {
            return i;
        }
    }
    return extent_at(r, r->plan->leaves[leaf].node, rank);
}

static const struct arch_axis *find_axis(const struct plan *plan, int id)
{
    for (int u = 0; u < plan->arch->unit_count; u++) {
        const struct arch_axis *axis =
            unit_find_axis(&plan->arch->units[u], id);
        if (axis != NULL) {
            return axis;
        }
    }
    BUG("no axis %d", id);
}

static void add_node_splits(struct retiler *r)
{
    const struct plan *plan = r->plan;
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        if (!node_is_split(node)) {
            continue;
        }
        bool is_lane = node->kind == PLAN_SPATIAL;
        r->has_lanes |= is_lane;
        r->variables[r->variable_count++] = r->split_count;
        r->splits[r->split_count++] = (struct split){
            .node = n,
            .rank = node->rank,
            .is_loop = !is_lane,
            .is_lane = is_lane,
            .axis = node->axis,
            .axis_size = is_lane ? find_axis(plan, node->axis)->size : 0,
        };
    }
}

/* The loops written in the compute node, then the ranks run through one by one:
 * as coverage.c has them, but those of a single index, too. */
static void add_step_splits(struct retiler *r, int leaf_id)
{
    const struct plan_leaf *leaf = &r->plan->leaves[leaf_id];
    const struct tree_item *item = r->builder.items->pdata[leaf->node];
    const struct einsum_statement *s =
        &r->plan->workload->statements[leaf->statement];
    r->step_first[leaf_id] = r->split_count;
    for (guint i = 0; i < item->loops->len; i++) {
        const struct tree_pair *loop =
            &g_array_index(item->loops, struct tree_pair, i);
        r->variables[r->variable_count++] = r->split_count;
        r->splits[r->split_count++] = (struct split){
            .node = leaf->node,
            .rank = workload_find_rank(r->plan->workload, loop->key.text)};
    }
    for (int i = 0; i < s->rank_count; i++) {
        if (leaf->axis_of[i] < 0) {
            r->splits[r->split_count++] =
                (struct split){.node = leaf->node, .rank = s->rank[i]};
        }
    }
    r->step_count[leaf_id] = r->split_count - r->step_first[leaf_id];
}

static int count_splits_at_most(const struct retiler *r)
{
    int count = r->plan->node_count;
    for (int l = 0; l < r->plan->leaf_count; l++) {
        const struct tree_item *item =
            r->builder.items->pdata[r->plan->leaves[l].node];
        count += (int)item->loops->len + EINSUM_MAX_RANKS;
    }
    return count;
}

/* What is left at a leaf of each of its ranks. */
static void place_leaf_extents(struct retiler *r)
{
    const struct plan *plan = r->plan;
    r->leaf_extent = g_new0(int, (gsize)plan->leaf_count *EINSUM_MAX_RANKS);
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s =
            &plan->workload->statements[plan->leaves[l].statement];
        for (int i = 0; i < s->rank_count; i++) {
            r->leaf_extent[l * EINSUM_MAX_RANKS + i] =
                extent_at(r, plan->leaves[l].node, s->rank[i]);
        }
    }
}

/* What each split splits: known when all of them are. */
static void place_splits(struct retiler *r)
{
    const struct plan *plan = r->plan;
    for (int i = 0; i < r->split_count; i++) {
        struct split *split = &r->splits[i];
        if (plan->nodes[split->node].kind != PLAN_COMPUTE) {
            split->extent = extent_at(r, split->node, split->rank);
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        for (int i = 0; i < r->step_count[l]; i++) {
            struct split *split = &r->splits[r->step_first[l] + i];
            split->extent =
                extent_in_step(r, l, r->step_first[l] + i, split->rank);
        }
    }
}

/* Tiles as they were bound. */
static enum status fill_values(struct retiler *r)
{
    const struct plan *plan = r->plan;
    for (int i = 0; i < r->split_count; i++) {
        const struct plan_node *node = &plan->nodes[r->splits[i].node];
        r->value[i] = node_is_split(node) ? node->tile : 1;
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        struct step step;
        TRY(step_of_leaf(&r->builder, l, &step));
        const struct tree_item *item =
            r->builder.items->pdata[plan->leaves[l].node];
        for (guint i = 0; i < item->loops->len; i++) {
            r->value[r->step_first[l] + (int)i] = step.loop[i].tile;
        }
    }
    for (int k = 0; k < plan->workload->rank_count; k++) {
        r->value[full_extent(r, k)] = plan->workload->rank[k].extent;
    }
    r->value[one(r)] = 1;
    return OK;
}

static enum status compile_splits(struct retiler *r)
{
    gsize most = (gsize)count_splits_at_most(r);
    r->variables = g_new0(int, most);
    r->splits = g_new0(struct split, most);
    r->step_first = g_new0(int, (gsize)r->plan->leaf_count);
    r->step_count = g_new0(int, (gsize)r->plan->leaf_count);
    add_node_splits(r);
    for (int l = 0; l < r->plan->leaf_count; l++) {
        add_step_splits(r, l);
    }
    r->value_count = r->split_count + r->plan->workload->rank_count + 1;
    r->value = g_new0(int64_t, (gsize)r->value_count);
    r->trips = g_new0(int64_t, (gsize)r->split_count + 1);
    place_splits(r);
    place_leaf_extents(r);
    return fill_values(r);
}

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
    struct dim dim = {.kind = DIM_RANGE, .extent = one(r)};
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
        f->rank_extent[k] = extent_at(r, node, k);
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
static void add_tile(const struct retiler *r, struct formula *f, int hold,
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
        f->rank_extent[k] = extent_in_step(r, f->leaf, end, k);
    }
    f->access = access;
    for (int d = 0; d < access->dim_count; d++) {
        add_dim(r, f, &access->index[d]);
    }
    for (int i = 0; i < s->rank_count; i++) {
        if (is_write || leaf->axis_of[i] < 0 ||
            access_uses_rank(access, s->rank[i]) ||
            r->plan->arch->units[leaf->unit]
                .axis[leaf->axis_of[i]]
                .is_multicast) {
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
        const struct arch_axis *axis = find_axis(r->plan, n->axis);
        bool can_share =
            is_write ? axis->reduce != ARCH_REDUCE_NONE : axis->is_multicast;
        struct lane lane = {
            .split = split_of_node(r, splits[i]),
            .is_below = keeper < 0 || plan_is_above(r->plan, keeper, splits[i]),
            .is_moved = is_moved(f, n->rank),
        };
        lane.is_single = lane.is_below && !lane.is_moved && can_share;
        lane.is_unreduced =
            lane.is_below && !lane.is_moved && axis->reduce == ARCH_REDUCE_NONE;
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
        f->loop[f->loop_count] = split_of_node(r, rule.loop[i]);
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
    add_tile(r, f, flow->node, flow->tensor, source->is_fetched);
    add_hold_loops(r, f, flow->node);
    add_lanes(r, f, flow->node, source->keeper, flow->kind != FLOW_FILL);
}

static enum status compile_flow(struct retiler *r, int id)
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
static void connect_flows(struct retiler *r)
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

/* ---- reductions across lanes ------------------------------------------------- */

static bool reduces(const struct einsum_statement *s, int rank)
{
    for (int i = 0; i < s->rank_count; i++) {
        if (s->rank[i] == rank && s->is_reduced[i]) {
            return true;
        }
    }
    return false;
}

static void compile_reductions(struct retiler *r, int leaf_id)
{
    const struct plan *plan = r->plan;
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    int hold = flows_find_keeper(plan, leaf->node, s->output.tensor);
    for (int n = plan->nodes[leaf->node].parent; n >= 0;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind == PLAN_SPATIAL && reduces(s, node->rank) &&
            (hold < 0 || plan_is_above(plan, hold, n))) {
            struct lane_reduction reduction = {leaf_id, split_of_node(r, n), -1,
                                               find_axis(plan, node->axis)};
            g_array_append_val(r->reductions, reduction);
        }
    }
    int end = r->step_first[leaf_id] + r->step_count[leaf_id];
    for (int i = 0; i < s->rank_count; i++) {
        if (leaf->axis_of[i] >= 0 && s->is_reduced[i]) {
            struct lane_reduction reduction = {
                leaf_id, -1, extent_in_step(r, leaf_id, end, s->rank[i]),
                &plan->arch->units[leaf->unit].axis[leaf->axis_of[i]]};
            g_array_append_val(r->reductions, reduction);
        }
    }
}

/* ---- what is kept ------------------------------------------------------------ */

/* Lanes below the hold, up to the leaf, that have a memory each. */
static struct lanes spread_lanes(const struct retiler *r, int hold, int leaf_id)
{
    const struct plan *plan = r->plan;
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    const struct arch_memory *memory =
        &plan->arch->memories[plan->nodes[hold].memory];
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    struct lanes lanes = {0};
    for (int n = leaf->node; n != hold; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_SPATIAL &&
            memory_find_axis(memory, plan->nodes[n].axis) != NULL) {
            lanes.trips[lanes.trips_count++] = split_of_node(r, n);
        }
    }
    int end = r->step_first[leaf_id] + r->step_count[leaf_id];
    for (int i = 0; i < s->rank_count; i++) {
        int axis = leaf->axis_of[i];
        if (axis >= 0 &&
            memory_find_axis(
                memory, plan->arch->units[leaf->unit].axis[axis].id) != NULL) {
            lanes.value[lanes.value_count++] =
                extent_in_step(r, leaf_id, end, s->rank[i]);
        }
    }
    return lanes;
}

static void compile_spread(struct retiler *r, struct kept *kept)
{
    int memory = r->plan->nodes[kept->hold].memory;
    kept->spread = g_new0(struct lanes, kept->uses->len);
    for (guint u = 0; u < kept->uses->len; u++) {
        int leaf = g_array_index(kept->uses, struct tensor_use, u).leaf;
        if (arch_is_above(r->plan->arch, memory, r->plan->leaves[leaf].unit)) {
            kept->spread[kept->spread_count++] =
                spread_lanes(r, kept->hold, leaf);
        }
    }
}

static void compile_distance(struct retiler *r, struct kept *kept, int pipeline)
{
    const struct plan *plan = r->plan;
    int iterative = plan->workload->tensors[kept->tensor].iterative_rank;
    int loops[MAX_LOOPS];
    int count = node_loops(plan, kept->hold, pipeline, loops);
    for (int i = 0; i < count; i++) {
        int rank = plan->nodes[loops[i]].rank;
        bool is_used = false;
        for (guint u = 0; u < kept->uses->len; u++) {
            is_used |= access_uses_rank(
                g_array_index(kept->uses, struct tensor_use, u).access, rank);
        }
        if (is_used && rank != iterative) {
            kept->distance.trips[kept->distance.trips_count++] =
                split_of_node(r, loops[i]);
        }
    }
}

static void compile_kept(struct retiler *r, int hold, int tensor)
{
    struct builder *b = &r->builder;
    const struct einsum_tensor *t = &r->plan->workload->tensors[tensor];
    struct kept kept = {.hold = hold,
                        .tensor = tensor,
                        .uses = uses_below(b, hold, tensor),
                        .is_iterative = t->iterative_dim >= 0};
    if (kept.uses->len == 0) {
        g_array_unref(kept.uses);
        return;
    }
    kept.tile = (struct formula){.leaf = -1,
                                 .product = -1,
                                 .skipped_dim = -1,
                                 .slice_extent = -1,
                                 .uses = kept.uses};
    add_tile(r, &kept.tile, hold, tensor, false);
    kept.slice = kept.tile;
    if (kept.is_iterative) {
        kept.slice.dim_count = 0;
        kept.slice.is_general = false;
        kept.slice.skipped_dim = t->iterative_dim;
        add_tile(r, &kept.slice, hold, tensor, false);
    }
    int pipeline = capacity_find_pipeline(r->plan, hold);
    kept.in_flight = pipeline < 0 ? 1 : capacity_count_in_flight(b, kept.uses);
    if (pipeline >= 0) {
        compile_distance(r, &kept, pipeline);
    }
    compile_spread(r, &kept);
    g_array_append_val(r->kepts, kept);
}

static void compile_hold(struct retiler *r, int hold)
{
    const struct plan_node *node = &r->plan->nodes[hold];
    r->declared[hold] = node->copies;
    for (int i = 0; i < node->held_count; i++) {
        const struct einsum_tensor *t =
            &r->plan->workload->tensors[node->held[i]];
        compile_kept(r, hold, node->held[i]);
        if (t->iterative_dim >= 0) {
            int extent = extent_at(r, hold, t->iterative_rank);
            int64_t full = r->plan->workload->rank[t->iterative_rank].extent;
            struct inside inside = {extent, full, r->value[extent] == full};
            g_array_append_val(r->insides, inside);
        }
    }
}

/* ---- all ---------------------------------------------------------------------- */

/* Can different points of the ranks give the same value? Not if they are the
 * digits of a number: m1*M0+m0. */
static bool overlaps(const struct workload *workload,
                     const struct affine *index)
{
    int64_t span = 1;
    for (int64_t least = 1; least > 0;) {
        int next = -1;
        for (int k = 0; k < workload->rank_count; k++) {
            int64_t c = ABS(index->coefficient[k]);
            if (c >= least && (next < 0 || c < ABS(index->coefficient[next]))) {
                next = k;
            }
        }
        if (next < 0) {
            return false;
        }
        int64_t step = ABS(index->coefficient[next]);
        if (step < span) {
            return true;
        }
        span = step * workload->rank[next].extent;
        least = step + 1;
        for (int k = 0; k < workload->rank_count; k++) {
            if (k != next && ABS(index->coefficient[k]) == step) {
                return true;
            }
        }
    }
    return false;
}

static bool has_overlap(const struct plan *plan, const struct plan_leaf *leaf)
{
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    for (int i = 0; i < s->read_count; i++) {
        for (int d = 0; d < s->resolved_reads[i].dim_count; d++) {
            if (overlaps(plan->workload, &s->resolved_reads[i].index[d])) {
                return true;
            }
        }
    }
    return false;
}

/* What the formulas do not cover. Beside spatial nodes, a tile is the same if its
 * values are, and windows that overlap may be the same by chance. */
static enum status check_supported(struct retiler *r)
{
    bool has_lanes = false;
    for (int n = 0; n < r->plan->node_count; n++) {
        const struct plan_node *node = &r->plan->nodes[n];
        has_lanes |= node->kind == PLAN_SPATIAL;
        if (node->kind == PLAN_HOLD && node->can_spill) {
            diag_error(r->builder.diags, node->span, "mapping-retile", NULL,
                       "what spills cannot be counted for other tiles without "
                       "binding them anew");
        }
    }
    for (int l = 0; l < r->plan->leaf_count; l++) {
        if (r->plan->leaves[l].is_masked) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "points that a predicate leaves out cannot be counted "
                       "for other tiles without binding them anew");
        }
    }
    for (int l = 0; l < r->plan->leaf_count && has_lanes; l++) {
        if (has_overlap(r->plan, &r->plan->leaves[l])) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "windows that overlap, below spatial nodes, cannot be "
                       "counted for other tiles without binding them anew");
        }
    }
    return diags_status(r->builder.diags);
}

enum status retiler_compile(struct retiler *r)
{
    TRY(check_supported(r));
    TRY(compile_splits(r));
    r->declared = g_new0(int64_t, (gsize)r->plan->node_count);
    r->footprint = g_new0(int64_t, (gsize)r->plan->node_count);
    r->formulas = g_array_new(FALSE, TRUE, sizeof(struct formula));
    r->kepts = g_array_new(FALSE, TRUE, sizeof(struct kept));
    r->reductions = g_array_new(FALSE, TRUE, sizeof(struct lane_reduction));
    r->insides = g_array_new(FALSE, TRUE, sizeof(struct inside));
    for (guint f = 0; f < r->builder.flows->len; f++) {
        TRY(compile_flow(r, (int)f));
    }
    connect_flows(r);
    for (int l = 0; l < r->plan->leaf_count; l++) {
        compile_reductions(r, l);
    }
    for (int n = 0; n < r->plan->node_count; n++) {
        if (r->plan->nodes[n].kind == PLAN_HOLD) {
            compile_hold(r, n);
        }
    }
    return OK;
}
