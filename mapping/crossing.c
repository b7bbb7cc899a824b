/* What flows send over the networks of fan-outs: how often values cross a link.
 *
 * Between the place outside and the place inside stand fan-outs. What crosses one
 * of them is summed over the lanes that receive (or send):
 *
 *   of fan-outs further out   every lane has a value of its own to pass on
 *   of this one               entries: lanes that share count once
 *                             arrivals: every lane; hops: arch_count_hops
 *   of fan-outs further in    lanes that share take one value
 *
 * Tiles and lanes are followed as the flow itself is (chain.h): of a regular plan
 * all events are alike. Partial sums that come back take the way of the results,
 * but for those visits that begin them; where they are added up outside, nothing
 * comes back. */
#include <string.h>

#include "mapping/chain.h"
#include "mapping/flows.h"

/* Lanes of one axis that a spatial node, or a compute node, gives to a rank. */
struct part {
    const struct arch_axis *axis;
    int64_t size; /* lanes at most */
    int64_t first;
    int64_t count;
    bool is_same;   /* below the place outside, and the value is the same */
    bool is_shared; /* and moves once for all */
};

#define MAX_PARTS (MAX_LOOPS + EINSUM_MAX_RANKS)

enum crossing_sum { SUM_ENTRIES, SUM_ARRIVALS, SUM_HOPS };

struct crossing {
    struct builder *b;
    const struct chain *chain;
    const struct plan_leaf *leaf; /* NULL: of a hold */
    const struct einsum_access *access;
    struct hold_tile tile; /* of a hold */
    const GArray *uses;
    const bool *is_counted;
    int keeper;
    bool is_write;
    const struct einsum_statement *statement; /* that writes; NULL */
    const struct arch_fanout *fanout;
    int fanout_id;
    enum crossing_sum sum;
};

/* ---- lanes --------------------------------------------------------------- */

static struct part part_new(const struct crossing *c,
                            const struct arch_axis *axis, int rank,
                            bool is_below)
{
    struct part part = {.axis = axis};
    part.is_same = is_below && !flows_is_moved(c->uses, c->is_counted, rank);
    part.is_shared = part.is_same && (c->is_write ? arch_axis_reduces(axis)
                                                  : arch_axis_shares(axis));
    return part;
}

/* When each rank has `extent`; outermost first. */
static int find_parts(const struct crossing *c, const int64_t *extent,
                      struct part parts[MAX_PARTS])
{
    const struct plan *plan = c->b->plan;
    int count = 0;
    for (int i = 0; i < c->chain->count; i++) {
        const struct chain_link *link = &c->chain->link[i];
        if (link->axis != NULL) {
            bool is_below = flows_is_below(plan, link->node, c->keeper);
            struct part part = part_new(c, link->axis, link->rank, is_below);
            part.size = plan->nodes[link->node].trips;
            part.first = link->lane;
            part.count = link->alike;
            parts[count++] = part;
        }
    }
    const struct plan_leaf *leaf = c->leaf;
    for (int r = 0; leaf != NULL && r < EINSUM_MAX_RANKS; r++) {
        const struct einsum_statement *s =
            &plan->workload->statements[leaf->statement];
        if (r < s->rank_count && leaf->axis_of[r] >= 0) {
            const struct arch_axis *axis =
                &plan->arch->units[leaf->unit].axis[leaf->axis_of[r]];
            struct part part = part_new(c, axis, s->rank[r], true);
            part.size = leaf->lane_extent[r];
            part.count = extent[s->rank[r]];
            parts[count++] = part;
        }
    }
    return count;
}

/* Hops of the lanes of the fan-out that are followed. An axis that several nodes
 * divide has lanes of lanes. */
static bool count_hops(const struct crossing *c, const struct part *parts,
                       int count, int64_t *hops)
{
    struct arch_lanes divided[MAX_PARTS];
    struct arch_lanes lanes[ARCH_MAX_AXES];
    struct arch_lanes *last[ARCH_MAX_AXES] = {NULL};
    for (int a = 0; a < ARCH_MAX_AXES; a++) {
        lanes[a] = (struct arch_lanes){.end = 1, .is_shared = true};
    }
    for (int i = 0; i < count; i++) {
        const struct part *part = &parts[i];
        if (part->axis->fanout != c->fanout_id) {
            continue;
        }
        int axis = part->axis->id - c->fanout->first_axis_id;
        struct arch_lanes *own =
            last[axis] == NULL ? &lanes[axis] : &divided[i];
        *own = (struct arch_lanes){
            .first = part->first,
            .end = part->first + part->count,
            .is_shared = part->is_shared || part->size == 1,
            .row_size = part->size,
        };
        if (last[axis] != NULL) {
            last[axis]->inner = own;
        }
        last[axis] = own;
    }
    return arch_count_hops(c->fanout, lanes, hops) == OK;
}

/* Lanes that are followed, or their hops, at one point in time: what each value is
 * counted as. */
static bool count_times(const struct crossing *c, const int64_t *extent,
                        int64_t *result)
{
    struct part parts[MAX_PARTS];
    int count = find_parts(c, extent, parts);
    *result = 1;
    if (c->sum == SUM_HOPS && !count_hops(c, parts, count, result)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        int fanout = parts[i].axis->fanout;
        bool is_here = fanout == c->fanout_id;
        bool is_once = parts[i].is_shared && (is_here ? c->sum == SUM_ENTRIES
                                                      : fanout > c->fanout_id);
        int64_t times = is_here && c->sum == SUM_HOPS ? 1
                        : is_once                     ? parts[i].first == 0
                                                      : parts[i].count;
        if (!num_mul(*result, times, result)) {
            return false;
        }
    }
    return true;
}

/* Values of those lanes. */
static bool count_lanes(const void *crossing, const int64_t *extent,
                        int64_t *result)
{
    const struct crossing *c = crossing;
    int64_t tile = 1;
    return count_times(c, extent, result) &&
           (c->leaf != NULL || hold_tile_count(&c->tile, extent, &tile)) &&
           num_mul(*result, tile, result);
}

/* Those that they have already. */
static bool count_kept(const void *crossing, const struct region *from,
                       const struct region *to, int64_t *result)
{
    const struct crossing *c = crossing;
    int64_t extent[EINSUM_MAX_RANKS];
    int64_t kept = 0;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        extent[r] = to->high[r] - to->low[r];
    }
    return count_times(c, extent, result) &&
           hold_tile_kept(&c->tile, from, to, &kept) &&
           num_mul(*result, kept, result);
}

/* ---- the whole run ------------------------------------------------------- */

/* All events of a regular plan are as its largest one. */
static bool sum_regular(const struct crossing *c, const struct plan_flow *flow,
                        int64_t *sum)
{
    int64_t extent[EINSUM_MAX_RANKS] = {0};
    int64_t events = flow->events;
    if (c->leaf == NULL) {
        node_extents(c->b->plan, flow->node, extent);
    } else {
        const struct einsum_statement *s =
            &c->b->plan->workload->statements[c->leaf->statement];
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            extent[r] = 1;
        }
        for (int r = 0; r < s->rank_count; r++) {
            extent[s->rank[r]] = c->leaf->lane_extent[r];
        }
        events =
            flow->total / flows_lane_footprint(c->b->plan, c->leaf, c->access,
                                               c->is_write, extent);
    }
    return count_lanes(c, extent, sum) && num_mul(*sum, events, sum);
}

/* Of visits that begin results (PARTIAL, REFILL), or of all. */
static enum status sum_irregular(struct crossing *c, const struct chain *chain,
                                 const struct step *step, bool begins,
                                 int64_t *sum)
{
    struct chain followed = *chain;
    struct chain_tile tile = {
        .count = count_lanes,
        .context = c,
        .uses = c->uses,
        .is_counted = c->is_counted,
        .fresh = c->leaf != NULL ? chain->count - step->loop_count : 0,
        .counts_lanes = true,
    };
    if (c->leaf == NULL && !c->is_write &&
        uses_keep_overlap(c->b->plan, c->tile.hold, c->tile.tensor, c->uses,
                          c->is_counted)) {
        tile.kept = count_kept;
    }
    if (begins) {
        flows_begin_results(&followed, c->statement);
        tile.uses = c->leaf != NULL ? NULL : tile.uses;
    }
    c->chain = &followed;
    struct chain_total total;
    bool fits = chain_count_fetched(&followed, &tile, &total);
    c->chain = chain;
    *sum = total.elements;
    return fits ? OK : flows_limit(c->b);
}

static void count_used(const struct crossing *c, struct plan_crossing *crossing)
{
    int64_t extent[EINSUM_MAX_RANKS] = {0};
    struct part parts[MAX_PARTS];
    int count = find_parts(c, extent, parts);
    crossing->instances = 1;
    crossing->lanes = 1;
    for (int i = 0; i < count; i++) {
        int fanout = parts[i].axis->fanout;
        crossing->instances *= fanout < c->fanout_id ? parts[i].size : 1;
        crossing->lanes *= fanout == c->fanout_id ? parts[i].size : 1;
    }
}

static enum status add_crossing(struct crossing *c,
                                const struct plan_flow *flow,
                                const struct chain *chain,
                                const struct step *step)
{
    struct plan_crossing crossing = {
        .flow = (int)c->b->flows->len - 1,
        .fanout = c->fanout_id,
        .is_inwards = !c->is_write,
    };
    int64_t *const sums[] = {&crossing.entries, &crossing.arrivals,
                             &crossing.hops};
    for (int i = SUM_ENTRIES; i <= SUM_HOPS; i++) {
        c->sum = (enum crossing_sum)i;
        if (!c->b->plan->is_regular) {
            TRY(sum_irregular(c, chain, step, false, sums[i]));
        } else if (!sum_regular(c, flow, sums[i])) {
            return flows_limit(c->b);
        }
    }
    count_used(c, &crossing);
    g_array_append_val(c->b->crossings, crossing);
    return OK;
}

/* ---- what comes back ----------------------------------------------------- */

/* Do results of several lanes meet outside, on an axis that adds nothing up? */
static bool is_added_outside(const struct crossing *c)
{
    int64_t extent[EINSUM_MAX_RANKS] = {0};
    struct part parts[MAX_PARTS];
    int count = find_parts(c, extent, parts);
    for (int i = 0; i < count; i++) {
        if (parts[i].is_same && parts[i].size > 1 &&
            !arch_axis_reduces(parts[i].axis)) {
            return true;
        }
    }
    return false;
}

/* What was sent: the events of a regular plan are alike; of others, what begins
 * results does not come back. Of lanes with a predicate, in proportion. */
static enum status take_off(struct crossing *c, const struct plan_flow *flow,
                            const struct plan_flow *sent,
                            const struct chain *chain, const struct step *step,
                            struct plan_crossing *crossing)
{
    int64_t *const sums[] = {&crossing->entries, &crossing->arrivals,
                             &crossing->hops};
    bool is_alike =
        c->b->plan->is_regular || (c->leaf != NULL && c->leaf->is_masked);
    for (int i = SUM_ENTRIES; i <= SUM_HOPS; i++) {
        int64_t begun = 0;
        c->sum = (enum crossing_sum)i;
        if (!is_alike) {
            TRY(sum_irregular(c, chain, step, true, &begun));
            *sums[i] -= begun;
        } else if (!num_mul_div_floor(*sums[i], flow->total, sent->total,
                                      sums[i])) {
            return flows_limit(c->b);
        }
    }
    return OK;
}

static enum status add_returned(struct crossing *c,
                                const struct plan_flow *flow,
                                const struct chain *chain,
                                const struct step *step)
{
    struct builder *b = c->b;
    enum flow_kind kind = flow->kind == FLOW_PARTIAL ? FLOW_WRITE : FLOW_DRAIN;
    if (is_added_outside(c)) {
        return OK;
    }
    for (guint i = b->crossings->len; i-- > 0;) {
        struct plan_crossing crossing =
            g_array_index(b->crossings, struct plan_crossing, i);
        const struct plan_flow *sent =
            &g_array_index(b->flows, struct plan_flow, (guint)crossing.flow);
        if (sent->kind == kind && crossing.fanout == c->fanout_id &&
            sent->tensor == flow->tensor && sent->leaf == flow->leaf &&
            sent->node == flow->node && sent->total > 0) {
            crossing.flow = (int)b->flows->len - 1;
            crossing.is_inwards = true;
            TRY(take_off(c, flow, sent, chain, step, &crossing));
            g_array_append_val(b->crossings, crossing);
            return OK;
        }
    }
    return OK;
}

/* ---- flows --------------------------------------------------------------- */

static bool is_inside(const struct arch_axis *axes, int count, int fanout)
{
    for (int a = 0; a < count; a++) {
        if (axes[a].fanout == fanout) {
            return true;
        }
    }
    return false;
}

static bool is_between(const struct crossing *c, const struct plan_flow *flow,
                       int fanout)
{
    const struct arch *arch = c->b->arch;
    const struct arch_memory *outer =
        &arch->memories[flow->node < 0 ? flow->memory : flow->outer];
    const struct arch_memory *memory = &arch->memories[flow->memory];
    bool is_reached =
        c->leaf != NULL
            ? is_inside(arch->units[c->leaf->unit].axis,
                        arch->units[c->leaf->unit].axis_count, fanout)
            : is_inside(memory->axis, memory->axis_count, fanout);
    return arch->fanouts[fanout].network.is_given && is_reached &&
           !is_inside(outer->axis, outer->axis_count, fanout);
}

static enum status add_all(struct crossing *c, const struct plan_flow *flow,
                           const struct chain *chain, const struct step *step)
{
    bool is_returned = flow->kind == FLOW_PARTIAL || flow->kind == FLOW_REFILL;
    for (int f = 0; f < c->b->arch->fanout_count; f++) {
        c->fanout_id = f;
        c->fanout = &c->b->arch->fanouts[f];
        if (is_between(c, flow, f)) {
            TRY(is_returned ? add_returned(c, flow, chain, step)
                            : add_crossing(c, flow, chain, step));
        }
    }
    return OK;
}

static enum status add_of_leaf(struct crossing *c, const struct plan_flow *flow,
                               const struct flow_source *source)
{
    const bool is_counted[] = {true};
    struct tensor_use use = {source->leaf, c->is_write, false, source->access};
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val(uses, use);
    c->leaf = &c->b->plan->leaves[source->leaf];
    c->access = source->access;
    c->uses = uses;
    c->is_counted = is_counted;
    struct step step;
    TRY(step_of_leaf(c->b, source->leaf, &step));
    struct chain chain;
    chain_of_leaf(c->b->plan, source->leaf, &chain);
    chain_add_step(&chain, &step);
    c->chain = &chain;
    return add_all(c, flow, &chain, &step);
}

static enum status add_of_hold(struct crossing *c, const struct plan_flow *flow,
                               const struct flow_source *source)
{
    c->tile = (struct hold_tile){
        c->b,         flow->node,         flow->tensor,
        source->uses, source->is_counted, source->is_fetched,
    };
    c->uses = source->uses;
    c->is_counted = source->is_counted;
    struct chain chain;
    flows_chain_of_hold(&c->tile, &chain);
    c->chain = &chain;
    return add_all(c, flow, &chain, NULL);
}

enum status flows_add_crossings(struct builder *b, const struct plan_flow *flow)
{
    const struct flow_source *source = &b->source;
    bool has_network = false;
    for (int f = 0; f < b->arch->fanout_count; f++) {
        has_network |= b->arch->fanouts[f].network.is_given;
    }
    if (!has_network || (source->leaf < 0 && source->uses == NULL)) {
        return OK;
    }
    struct crossing c = {
        .b = b,
        .keeper = source->keeper,
        .is_write = flow->kind != FLOW_READ && flow->kind != FLOW_FILL,
    };
    int writer = source->leaf >= 0 ? source->leaf : flow->leaf;
    if (c.is_write) {
        c.statement =
            &b->workload->statements[b->plan->leaves[writer].statement];
    }
    return source->leaf >= 0 ? add_of_leaf(&c, flow, source)
                             : add_of_hold(&c, flow, source);
}
