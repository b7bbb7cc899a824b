/* May an Einsum compute its points again (`recompute: true`) in every iteration
 * of a loop, or in every lane, over a rank that it does not have? Each time it
 * starts anew and overwrites what it left with equal values, so
 *   - no loop or lanes over a rank that it reduces may stand outside: what comes
 *     again would be added to what is there,
 *   - nor does it follow from values of its own that have been overwritten,
 *   - lanes keep what each has made for itself,
 *   - who reads in a later step of a software pipeline, while the next iteration
 *     writes, has a tile of its own,
 *   - who reads it outside of a hold that it is made in does so after it was
 *     drained: a tile that stays meanwhile is drained once, at the end. */
#include "mapping/flows.h"

static bool has_rank(const struct einsum_statement *s, int rank,
                     bool must_reduce)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return !must_reduce || s->is_reduced[r];
        }
    }
    return false;
}

static bool is_foreign(const struct plan *plan, const struct plan_leaf *leaf,
                       int split)
{
    const struct plan_node *node = &plan->nodes[split];
    bool is_once = node->trips == 1;
    for (int i = 0; i < leaf->at_count; i++) {
        is_once |= leaf->at_node[i] == split;
    }
    return !is_once && !has_rank(&plan->workload->statements[leaf->statement],
                                 node->rank, false);
}

static enum status refuse(struct builder *b, int leaf, int split,
                          const char *hint, const char *why)
{
    const struct plan_node *node = &b->plan->nodes[split];
    diag_error(
        b->diags, b->plan->nodes[b->plan->leaves[leaf].node].span,
        "mapping-recompute", hint,
        "Einsum '%s' cannot be computed again for each '%s' (line %d): %s",
        b->workload->statements[b->plan->leaves[leaf].statement].name,
        b->workload->rank[node->rank].name, node->span.line, why);
    return ERR_INPUT;
}

/* What stands outside the foreign split, and what stands inside of lanes. */
static enum status check_reduction(struct builder *b, int leaf_id,
                                   const int *splits, int count, int at)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    for (int i = 0; i < count; i++) {
        const struct plan_node *node = &b->plan->nodes[splits[i]];
        if (node->trips == 1 || !has_rank(s, node->rank, true)) {
            continue;
        }
        if (i < at) {
            return refuse(b, leaf_id, splits[at],
                          "put the loops over what it reduces inside",
                          "what it reduces outside of that would be added "
                          "again");
        }
        if (node->kind == PLAN_SPATIAL &&
            unit_find_axis(&b->arch->units[leaf->unit], node->axis)->reduce ==
                ARCH_REDUCE_NONE) {
            return refuse(b, leaf_id, splits[at], "use an axis that can reduce",
                          "partial results that lanes add up outside cannot "
                          "start anew");
        }
    }
    return OK;
}

/* Do results leave the lanes of a spatial node? */
static bool leaves_lane(struct builder *b, int leaf_id, int spatial)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    int tensor = b->workload->statements[leaf->statement].output.tensor;
    int hold = flows_find_keeper(b->plan, leaf->node, tensor);
    bool is_inside = false;
    while (hold >= 0 && plan_is_above(b->plan, spatial, hold)) {
        is_inside = true;
        hold = flows_find_keeper(b->plan, hold, tensor);
    }
    return !is_inside || hold >= 0 ||
           b->workload->tensors[tensor].kind == TENSOR_OUTPUT;
}

/* Does the foreign loop overwrite, in the hold on its outside, what a later step
 * of the pipeline reads? */
static bool overwrites_early(struct builder *b, int leaf_id, int loop)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    int tensor = b->workload->statements[leaf->statement].output.tensor;
    if (capacity_find_pipeline(b->plan, loop) < 0) {
        return false;
    }
    g_autoptr(GArray) uses = plan_uses(b->plan, tensor);
    for (guint u = 0; u < uses->len; u++) {
        const struct plan_leaf *user =
            &b->plan->leaves[g_array_index(uses, struct tensor_use, u).leaf];
        int common = node_common(b->plan, leaf->node, user->node);
        int hold = flows_find_keeper(b->plan, common, tensor);
        if (plan_is_above(b->plan, loop, common) &&
            leaf_delay(b->plan, user) != leaf_delay(b->plan, leaf) &&
            (hold < 0 || !plan_is_above(b->plan, loop, hold))) {
            return true;
        }
    }
    return false;
}

/* Has each iteration of `loop` more than one tile of the hold, so that all are
 * drained? Of ranks that a predicate names, some tiles may have no points, and be
 * passed over. */
static bool drains_each_time(struct builder *b, const struct plan_leaf *leaf,
                             int loop, int hold)
{
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    unsigned masked = workload_mask_ranks(b->workload, leaf->statement);
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, loop, hold, loops);
    for (int i = 0; i < count; i++) {
        const struct plan_node *inner = &b->plan->nodes[loops[i]];
        if (inner->least_trips > 1 && (masked >> inner->rank & 1) == 0 &&
            access_uses_rank(&s->output, inner->rank)) {
            return true;
        }
    }
    return false;
}

/* A hold that still has the result, undrained, when the reader wants it outside
 * in the same iteration of the foreign loop; -1. */
static int find_undrained(struct builder *b, const struct plan_leaf *leaf,
                          int loop, const struct plan_leaf *reader)
{
    int tensor = b->workload->statements[leaf->statement].output.tensor;
    int common = node_common(b->plan, leaf->node, reader->node);
    if (!plan_is_above(b->plan, loop, common)) {
        return -1;
    }
    int hold = flows_find_keeper(b->plan, leaf->node, tensor);
    while (hold >= 0 && plan_is_above(b->plan, common, hold)) {
        int keeper = flows_find_keeper(b->plan, hold, tensor);
        bool is_drained =
            b->plan->nodes[hold].memory != flows_keeper_memory(b, keeper);
        if (is_drained && !drains_each_time(b, leaf, loop, hold)) {
            return hold;
        }
        hold = keeper;
    }
    return -1;
}

static enum status check_drained(struct builder *b, int leaf_id, int loop)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    g_autoptr(GArray) uses = plan_uses(
        b->plan, b->workload->statements[leaf->statement].output.tensor);
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        const struct plan_leaf *reader = &b->plan->leaves[use->leaf];
        int hold = use->is_write || use->is_forwarded
                       ? -1
                       : find_undrained(b, leaf, loop, reader);
        if (hold >= 0) {
            g_autofree char *why = g_strdup_printf(
                "'%s' reads it outside of the hold on line %d, which drains it "
                "after the last iteration",
                b->workload->statements[reader->statement].name,
                b->plan->nodes[hold].span.line);
            return refuse(b, leaf_id, loop, "hold it only where both find it",
                          why);
        }
    }
    return OK;
}

enum status check_recompute(struct builder *b, int leaf_id)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int splits[MAX_LOOPS];
    int count = node_splits(b->plan, leaf->node, splits);
    for (int i = 0; i < count; i++) {
        if (!is_foreign(b->plan, leaf, splits[i])) {
            continue;
        }
        if (s->iterative_rank >= 0) {
            return refuse(b, leaf_id, splits[i], NULL,
                          "it follows from its own earlier values, which "
                          "later ones replace");
        }
        TRY(check_reduction(b, leaf_id, splits, count, i));
        if (b->plan->nodes[splits[i]].kind == PLAN_SPATIAL &&
            leaves_lane(b, leaf_id, splits[i])) {
            return refuse(b, leaf_id, splits[i],
                          "hold the result inside the lanes",
                          "every lane would send its own");
        }
        if (overwrites_early(b, leaf_id, splits[i])) {
            return refuse(b, leaf_id, splits[i],
                          "hold the result inside that loop",
                          "a later step still reads what the next iteration "
                          "overwrites");
        }
        if (b->plan->nodes[splits[i]].kind == PLAN_LOOP) {
            TRY(check_drained(b, leaf_id, splits[i]));
        }
    }
    return OK;
}
