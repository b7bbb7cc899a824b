/* Formulas of what is kept, and of reductions across lanes. */
#include "mapping/retile.h"

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

void retile_compile_reductions(struct retiler *r, int leaf_id)
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
            struct lane_reduction reduction = {
                leaf_id, retile_split_of_node(r, n), -1,
                retile_find_axis(plan, node->axis)};
            g_array_append_val(r->reductions, reduction);
        }
    }
    int end = r->step_first[leaf_id] + r->step_count[leaf_id];
    for (int i = 0; i < s->rank_count; i++) {
        if (leaf->axis_of[i] >= 0 && s->is_reduced[i]) {
            struct lane_reduction reduction = {
                leaf_id, -1, retile_extent_in_step(r, leaf_id, end, s->rank[i]),
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
            lanes.trips[lanes.trips_count++] = retile_split_of_node(r, n);
        }
    }
    int end = r->step_first[leaf_id] + r->step_count[leaf_id];
    for (int i = 0; i < s->rank_count; i++) {
        int axis = leaf->axis_of[i];
        if (axis >= 0 &&
            memory_find_axis(
                memory, plan->arch->units[leaf->unit].axis[axis].id) != NULL) {
            lanes.value[lanes.value_count++] =
                retile_extent_in_step(r, leaf_id, end, s->rank[i]);
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
                retile_split_of_node(r, loops[i]);
        }
    }
}

static void compile_kept(struct retiler *r, int hold, int held)
{
    struct builder *b = &r->builder;
    int tensor = r->plan->nodes[hold].held[held];
    const struct einsum_tensor *t = &r->plan->workload->tensors[tensor];
    struct kept kept = {.hold = hold,
                        .held = held,
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
    retile_add_tile(r, &kept.tile, hold, tensor, false);
    kept.slice = kept.tile;
    if (kept.is_iterative) {
        kept.slice.dim_count = 0;
        kept.slice.is_general = false;
        kept.slice.skipped_dim = t->iterative_dim;
        retile_add_tile(r, &kept.slice, hold, tensor, false);
    }
    int pipeline = capacity_find_pipeline(r->plan, hold);
    kept.in_flight = pipeline < 0 ? 1 : capacity_count_in_flight(b, kept.uses);
    if (pipeline >= 0) {
        compile_distance(r, &kept, pipeline);
    }
    compile_spread(r, &kept);
    g_array_append_val(r->kepts, kept);
}

void retile_compile_hold(struct retiler *r, int hold)
{
    const struct plan_node *node = &r->plan->nodes[hold];
    r->declared[hold] = node->copies;
    for (int i = 0; i < node->held_count; i++) {
        const struct einsum_tensor *t =
            &r->plan->workload->tensors[node->held[i]];
        compile_kept(r, hold, i);
        if (t->iterative_dim >= 0) {
            int extent = retile_extent_at(r, hold, t->iterative_rank);
            int64_t full = r->plan->workload->rank[t->iterative_rank].extent;
            struct inside inside = {extent, full, r->value[extent] == full};
            g_array_append_val(r->insides, inside);
        }
    }
}
