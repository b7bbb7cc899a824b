/* Flows of irregular plans: tiles that do not divide, lanes that each hold a tile
 * of their own. What moves is summed along the chain of loops and lanes above
 * (chain.h), once for the place outside and once for the place inside:
 *
 *   inside   every lane receives, or sends, its tile whenever that changes
 *   outside  one read serves all lanes of an axis that multicasts and want the
 *            same; lanes of an axis that reduces send one result. Lanes that the
 *            tile does not move with want the same whenever the first of them
 *            wants anything, as the first has work whenever another has.
 *
 * Across an axis that cannot reduce, the partial results of every lane are
 * added up in the place outside, which reads back what it has of them; nothing
 * returns to the lanes. */
#include "mapping/chain.h"
#include "mapping/flows.h"

bool flows_count_lanes(const void *lane_access, const int64_t *extent,
                       int64_t *elements)
{
    const struct lane_access *a = lane_access;
    *elements =
        flows_lane_footprint(a->plan, a->leaf, a->access, a->is_write, extent);
    return true;
}

/* Elements of the output that they make, whatever each of them sends. */
static bool count_made(const void *lane_access, const int64_t *extent,
                       int64_t *elements)
{
    const struct lane_access *a = lane_access;
    *elements = 1;
    for (int d = 0; d < a->access->dim_count; d++) {
        *elements *= affine_count_values(&a->access->index[d], extent);
    }
    return true;
}

bool flows_is_moved(const GArray *uses, const bool *is_counted, int rank)
{
    for (guint u = 0; u < uses->len; u++) {
        if ((is_counted == NULL || is_counted[u]) &&
            access_uses_rank(g_array_index(uses, struct tensor_use, u).access,
                             rank)) {
            return true;
        }
    }
    return false;
}

bool flows_is_below(const struct plan *plan, int node, int keeper)
{
    return node >= 0 && (keeper < 0 || plan_is_above(plan, keeper, node));
}

/* Marks the lanes that share what moves between `keeper` and the end of the
 * chain. */
void flows_share_lanes(const struct plan *plan, struct chain *chain, int keeper,
                       const GArray *uses, const bool *is_counted,
                       bool is_write)
{
    for (int i = 0; i < chain->count; i++) {
        struct chain_link *link = &chain->link[i];
        if (link->axis != NULL && flows_is_below(plan, link->node, keeper)) {
            bool is_shared = is_write ? arch_axis_reduces(link->axis)
                                      : arch_axis_shares(link->axis);
            link->is_single =
                is_shared && !flows_is_moved(uses, is_counted, link->rank);
        }
    }
}

void flows_chain_of_lanes(const struct plan *plan, int leaf,
                          const struct einsum_access *access, bool is_write,
                          int keeper, struct chain *chain)
{
    struct tensor_use use = {leaf, is_write, false, access};
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val(uses, use);
    chain_of_leaf(plan, leaf, chain);
    flows_share_lanes(plan, chain, keeper, uses, NULL, is_write);
}

enum status flows_sum_lanes(struct builder *b, int leaf_id,
                            const struct einsum_access *access, bool is_write,
                            int keeper, struct plan_flow *flow)
{
    const struct lane_access lanes = {b->plan, &b->plan->leaves[leaf_id],
                                      access, is_write};
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    struct tensor_use use = {leaf_id, is_write, false, access};
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val(uses, use);
    struct chain chain;
    flows_chain_of_lanes(b->plan, leaf_id, access, is_write, keeper, &chain);
    const struct chain_tile tile = {.count = flows_count_lanes,
                                    .context = &lanes,
                                    .uses = uses,
                                    .fresh = chain.count};
    chain_add_step(&chain, &step);
    struct chain_total total;
    if (!chain_count_fetched(&chain, &tile, &total)) {
        return flows_limit(b);
    }
    flow->total = total.elements;
    flow->inner_total = total.elements;
    return OK;
}

static bool reduces_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return s->is_reduced[r];
        }
    }
    return false;
}

/* Do lanes between the hold and the place outside it send partial results that
 * nothing adds up on the way? */
bool flows_adds_up_outside(const struct plan *plan, int hold,
                           const struct einsum_statement *s)
{
    int keeper = flows_find_keeper(plan, hold, s->output.tensor);
    for (int n = plan->nodes[hold].parent; n >= 0 && n != keeper;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind == PLAN_SPATIAL && node->trips > 1 &&
            !arch_axis_reduces(memory_find_axis(
                &plan->arch->memories[plan->nodes[hold].memory], node->axis)) &&
            reduces_rank(s, node->rank)) {
            return true;
        }
    }
    return false;
}

void flows_begin_results(struct chain *chain, const struct einsum_statement *s)
{
    int path = chain->masked_links;
    if (chain->masked_count == 0) {
        chain_first_reduced(chain, s);
    } else {
        chain_drop_reduced(chain, s);
    }
    chain->masked_links = path < CHAIN_MAX_LINKS ? chain->count : path;
}

/* Elements of the output in tiles of which any point exists: each once, whatever
 * is reduced; of what is computed repeatedly, each time it is begun. */
static bool count_touched(const struct chain *chain,
                          const struct einsum_statement *s,
                          const struct chain_tile *tile, int64_t *elements)
{
    struct chain outputs = *chain;
    struct chain_total total;
    flows_begin_results(&outputs, s);
    bool fits = chain_count_fetched(&outputs, tile, &total);
    *elements = total.elements;
    return fits;
}

/* Where nothing comes back, every visit of the hold begins anew. */
static enum status sum_visited(struct builder *b, int leaf_id, int hold,
                               int64_t *elements)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    struct tensor_use use = {leaf_id, true, false, &s->output};
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val(uses, use);
    const bool is_counted[] = {true};
    const struct hold_tile tile = {b,    hold,       s->output.tensor,
                                   uses, is_counted, false};
    struct plan_flow flow = {.kind = FLOW_DRAIN};
    int keeper = flows_find_keeper(b->plan, hold, s->output.tensor);
    TRY(flows_sum_hold(&tile, keeper, &flow));
    *elements = flow.inner_total;
    return OK;
}

/* What a visit begins would have to be followed tile by tile. */
static enum status refuse_masked(struct builder *b, int leaf_id)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    diag_error(b->diags, b->plan->nodes[leaf->node].span, "mapping-unsupported",
               "reduce across an axis that can",
               "partial results of '%s', which has a predicate, added up "
               "outside their lanes are not modelled",
               b->workload->statements[leaf->statement].name);
    return ERR_INPUT;
}

/* Further marks the lanes below the keeper that reduce: wherever their results
 * are added up, an element is made there once. */
static void add_up_lanes(const struct plan *plan, struct chain *chain,
                         int keeper, const struct einsum_statement *s)
{
    for (int i = 0; i < chain->count; i++) {
        struct chain_link *link = &chain->link[i];
        link->is_single |= link->axis != NULL &&
                           flows_is_below(plan, link->node, keeper) &&
                           reduces_rank(s, link->rank);
    }
}

enum status flows_sum_covered(struct builder *b, int leaf_id, int keeper,
                              int64_t *elements)
{
    const struct einsum_statement *s =
        &b->workload->statements[b->plan->leaves[leaf_id].statement];
    if (keeper >= 0 && flows_adds_up_outside(b->plan, keeper, s)) {
        return b->plan->leaves[leaf_id].is_masked
                   ? refuse_masked(b, leaf_id)
                   : sum_visited(b, leaf_id, keeper, elements);
    }
    struct chain chain;
    chain_of_leaf(b->plan, leaf_id, &chain);
    struct tensor_use use = {leaf_id, true, false, &s->output};
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val(uses, use);
    flows_share_lanes(b->plan, &chain, keeper, uses, NULL, true);
    add_up_lanes(b->plan, &chain, keeper, s);
    if (!b->plan->leaves[leaf_id].is_masked &&
        !b->plan->leaves[leaf_id].is_recomputed) {
        int64_t foreign = 1;
        return chain_count_covered(&chain, s, elements) &&
                       projection_count_foreign(b->plan, s, &foreign) &&
                       num_mul(*elements, foreign, elements)
                   ? OK
                   : flows_limit(b);
    }
    const struct lane_access lanes = {b->plan, &b->plan->leaves[leaf_id],
                                      &s->output, true};
    const struct chain_tile tile = {.count = count_made, .context = &lanes};
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    if (chain.masked_links > chain.count || chain.masked_count == 0) {
        chain_add_step(&chain, &step);
    }
    return count_touched(&chain, s, &tile, elements) ? OK : flows_limit(b);
}

/* The chain above a hold: loops in whose last iteration alone every use happens
 * are marked. */
void flows_chain_of_hold(const struct hold_tile *tile, struct chain *chain)
{
    chain_of_node(tile->b->plan, tile->hold, chain);
    for (guint u = 0; u < tile->uses->len; u++) {
        int leaf = g_array_index(tile->uses, struct tensor_use, u).leaf;
        chain_add_statement(chain, tile->b->plan->leaves[leaf].statement);
    }
    struct flow_rule rule = visits_loops(tile->b, tile->hold, tile->uses);
    for (int i = 0; i < chain->count; i++) {
        for (int l = 0; l < rule.loop_count; l++) {
            chain->link[i].is_last |=
                rule.is_last[l] && rule.loop[l] == chain->link[i].node;
        }
    }
}

struct chain_tile flows_chain_tile(const struct hold_tile *tile,
                                   bool is_fetched)
{
    struct chain_tile counted = {.count = hold_tile_count,
                                 .context = tile,
                                 .uses = tile->uses,
                                 .is_counted = tile->is_counted};
    if (is_fetched && uses_keep_overlap(tile->b->plan, tile->hold, tile->tensor,
                                        tile->uses, tile->is_counted)) {
        counted.kept = hold_tile_kept;
    }
    return counted;
}

enum status flows_sum_hold(const struct hold_tile *tile, int keeper,
                           struct plan_flow *flow)
{
    struct chain chain;
    flows_chain_of_hold(tile, &chain);
    const struct chain_tile counted =
        flows_chain_tile(tile, flow->kind == FLOW_FILL);
    struct chain_total total;
    if (!chain_count_fetched(&chain, &counted, &total)) {
        return flows_limit(tile->b);
    }
    flow->inner_total = total.elements;
    flow->events = total.events;
    flows_share_lanes(tile->b->plan, &chain, keeper, tile->uses,
                      tile->is_counted, flow->kind == FLOW_DRAIN);
    if (!chain_count_fetched(&chain, &counted, &total)) {
        return flows_limit(tile->b);
    }
    flow->total = total.elements;
    return OK;
}

static enum status refuse_nested(const struct hold_tile *tile, int keeper)
{
    const struct plan *plan = tile->b->plan;
    diag_error(tile->b->diags, plan->nodes[tile->hold].span,
               "mapping-spatial-reduce", NULL,
               "'%s' comes from the hold on line %d, whose partial results are "
               "added up outside its lanes: it can be held in them only once",
               plan->workload->tensors[tile->tensor].name,
               plan->nodes[keeper].span.line);
    return ERR_INPUT;
}

void flows_share_first(const struct hold_tile *tile, int keeper,
                       struct chain *chain)
{
    for (int i = 0; i < chain->count; i++) {
        struct chain_link *link = &chain->link[i];
        link->is_single |=
            link->axis != NULL &&
            flows_is_below(tile->b->plan, link->node, keeper) &&
            !flows_is_moved(tile->uses, tile->is_counted, link->rank);
    }
}

/* What comes back is what was sent for not the first time: outside, of all lanes
 * that share; inside, of each lane. */
enum status flows_sum_refill(const struct hold_tile *tile, int keeper,
                             struct plan_flow *flow)
{
    const struct plan *plan = tile->b->plan;
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[flow->leaf].statement];
    struct chain chain;
    flows_chain_of_hold(tile, &chain);
    bool is_outside = flows_adds_up_outside(plan, tile->hold, s);
    if (keeper >= 0 && flows_adds_up_outside(plan, keeper, s)) {
        return refuse_nested(tile, keeper);
    }
    int64_t inside = 0;
    int64_t outside = 0;
    /* A tile that stays is begun once, however often it is computed. */
    const struct chain_tile written = {.count = hold_tile_count,
                                       .context = tile,
                                       .uses = tile->uses,
                                       .is_counted = tile->is_counted};
    bool is_followed =
        chain.masked_count > 0 || plan->leaves[flow->leaf].is_recomputed;
    int64_t foreign = 1;
    bool fits = projection_count_foreign(plan, s, &foreign) &&
                (is_followed ? count_touched(&chain, s, &written, &inside)
                             : chain_count_covered(&chain, s, &inside) &&
                                   num_mul(inside, foreign, &inside));
    flows_share_lanes(plan, &chain, keeper, tile->uses, tile->is_counted, true);
    if (is_outside) {
        flows_share_first(tile, keeper, &chain);
    }
    fits = fits && (is_followed ? count_touched(&chain, s, &written, &outside)
                                : chain_count_covered(&chain, s, &outside) &&
                                      num_mul(outside, foreign, &outside));
    if (!fits) {
        return flows_limit(tile->b);
    }
    flow->kind = FLOW_REFILL;
    flow->total -= outside;
    flow->inner_total = is_outside ? 0 : flow->inner_total - inside;
    flow->events = 0;
    return OK;
}
