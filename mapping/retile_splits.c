/* What the numbers of a plan depend on: the tiles of its splits and the extents of
 * its ranks, as one array of values. */
#include "mapping/retile.h"

static int full_extent(const struct retiler *r, int rank)
{
    return r->split_count + rank;
}

int retile_one(const struct retiler *r)
{
    return r->value_count - 1;
}

/* The split of a node; splits of nodes come first, in the order of nodes. */
int retile_split_of_node(const struct retiler *r, int node)
{
    for (int i = 0; i < r->split_count; i++) {
        if (r->splits[i].node == node) {
            return i;
        }
    }
    BUG("node %d splits nothing", node);
}

/* Value index of what is left of a rank at a node. */
int retile_extent_at(const struct retiler *r, int node, int rank)
{
    const struct plan *plan = r->plan;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (node_is_split(&plan->nodes[n]) && plan->nodes[n].rank == rank) {
            return retile_split_of_node(r, n);
        }
    }
    return full_extent(r, rank);
}

/* What the loops of a leaf's step so far leave of a rank. */
int retile_extent_in_step(const struct retiler *r, int leaf, int end, int rank)
{
    for (int i = end - 1; i >= r->step_first[leaf]; i--) {
        if (r->splits[i].rank == rank) {
            return i;
        }
    }
    return retile_extent_at(r, r->plan->leaves[leaf].node, rank);
}

const struct arch_axis *retile_find_axis(const struct plan *plan, int id)
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
            .axis_size = is_lane ? retile_find_axis(plan, node->axis)->size : 0,
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
                retile_extent_at(r, plan->leaves[l].node, s->rank[i]);
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
            split->extent = retile_extent_at(r, split->node, split->rank);
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        for (int i = 0; i < r->step_count[l]; i++) {
            struct split *split = &r->splits[r->step_first[l] + i];
            split->extent =
                retile_extent_in_step(r, l, r->step_first[l] + i, split->rank);
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
    r->value[retile_one(r)] = 1;
    return OK;
}

static bool is_at(const struct plan_leaf *leaf, int node)
{
    for (int i = 0; i < leaf->at_count; i++) {
        if (leaf->at_node[i] == node) {
            return true;
        }
    }
    return false;
}

/* In any order: what is multiplied. */
static void list_above(struct retiler *r)
{
    const struct plan *plan = r->plan;
    r->above = g_array_new(FALSE, FALSE, sizeof(struct above));
    r->above_first = g_new0(int, (gsize)plan->leaf_count + 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        for (int n = plan->nodes[leaf->node].parent; n >= 0;
             n = plan->nodes[n].parent) {
            if (node_is_split(&plan->nodes[n]) && !is_at(leaf, n)) {
                struct above above = {retile_split_of_node(r, n),
                                      plan->nodes[n].kind == PLAN_SPATIAL};
                g_array_append_val(r->above, above);
            }
        }
        r->above_first[l + 1] = (int)r->above->len;
    }
}

enum status retile_compile_splits(struct retiler *r)
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
    list_above(r);
    place_leaf_extents(r);
    return fill_values(r);
}
