/* Lanes of spatial nodes over a rank that a predicate names have points at different
 * times. Closed forms follow one lane for all; here all of them are followed.
 *
 * They step together: an iteration in which any of them has a point happens. What
 * they share is sent when one of them wants it, to all that want it then. */
#include "mapping/lanes.h"

#include <string.h>

#define MAX_EVENTS                                                             \
    (INT64_C(1) << 22) /* of a schedule that is walked to count */

/* ---- together ------------------------------------------------------------- */

struct together {
    const struct lanes_together *lanes;
    int64_t elements;
    bool *has_before; /* by group */
    struct region *before;
};

static void send(struct together *t, const struct lane_member *member)
{
    const struct chain_tile *tile = t->lanes->tile;
    const struct region *region = &member->region;
    int64_t extent[EINSUM_MAX_RANKS];
    int64_t elements = 0;
    if (t->has_before[member->group] &&
        chain_is_same_tile(t->lanes->chain, tile, &t->before[member->group],
                           region)) {
        return;
    }
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        extent[r] = region->high[r] - region->low[r];
    }
    if (!tile->count(tile->context, extent, &elements) ||
        !num_mul(elements, member->times, &elements) ||
        !num_add(t->elements, elements, &t->elements)) {
        BUG("elements of a step exceed 64 bits");
    }
    t->has_before[member->group] = true;
    t->before[member->group] = *region;
}

/* The first of each group. */
static void send_all(struct together *t, const struct lane_member *members,
                     int count)
{
    for (int m = 0; m < count; m++) {
        bool is_sent = false;
        for (int k = 0; k < m; k++) {
            is_sent |= members[k].group == members[m].group;
        }
        if (!is_sent) {
            send(t, &members[m]);
        }
    }
}

/* The part of a member's region that iteration (or lane) `at` of the link leaves;
 * false if it is empty. */
static bool narrow(const struct chain_link *link, int64_t at,
                   struct region *region)
{
    region->low[link->rank] += at * link->tile;
    region->high[link->rank] =
        MIN(region->high[link->rank], region->low[link->rank] + link->tile);
    return region->low[link->rank] < region->high[link->rank];
}

static int64_t count_trips(const struct chain_link *link,
                           const struct lane_member *members, int count)
{
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
        const struct region *region = &members[i].region;
        most = MAX(most, num_ceil_div(region->high[link->rank] -
                                          region->low[link->rank],
                                      link->tile));
    }
    return most;
}

static bool is_any_there(const struct chain *chain,
                         const struct lane_member *members, int count)
{
    for (int m = 0; m < count; m++) {
        if (chain_has_point(chain, &members[m].region)) {
            return true;
        }
    }
    return false;
}

/* What iteration `i` of link `at` leaves to the members; above the leaf, to those
 * that have a point. Returns how many. */
static int narrow_all(const struct together *t, int at, int64_t i,
                      const struct lane_member *members, int count,
                      struct lane_member *inner)
{
    const struct chain *chain = t->lanes->chain;
    const struct chain_link *link = &chain->link[at];
    int kept = 0;
    for (int m = 0; m < count; m++) {
        inner[kept] = members[m];
        int64_t index = link->axis != NULL ? members[m].lane[at] : i;
        kept += narrow(link, index, &inner[kept].region) &&
                (at >= t->lanes->leaf_depth ||
                 chain_has_point(chain, &inner[kept].region));
    }
    bool is_masked = at >= t->lanes->leaf_depth && at < chain->masked_links;
    return is_masked && !is_any_there(chain, inner, kept) ? 0 : kept;
}

static void follow(struct together *t, int at,
                   const struct lane_member *members, int count)
{
    const struct chain *chain = t->lanes->chain;
    if (at == chain->count) {
        send_all(t, members, count);
        return;
    }
    const struct chain_link *link = &chain->link[at];
    g_autofree struct lane_member *inner =
        g_new(struct lane_member, (gsize)count);
    int64_t trips = link->axis != NULL ? 1 : count_trips(link, members, count);
    for (int64_t i = 0; i < trips; i++) {
        int kept = narrow_all(t, at, i, members, count, inner);
        if (kept > 0) {
            follow(t, at + 1, inner, kept);
        }
        if (at < t->lanes->tile->fresh) {
            memset(t->has_before, 0, sizeof(bool) * (gsize)t->lanes->groups);
        }
    }
}

int64_t lanes_count_together(const struct lanes_together *lanes,
                             const struct lane_member *members, int count)
{
    g_autofree bool *has_before = g_new0(bool, (gsize)lanes->groups + 1);
    g_autofree struct region *before =
        g_new(struct region, (gsize)lanes->groups + 1);
    struct together t = {lanes, 0, has_before, before};
    if (count > 0) {
        follow(&t, lanes->depth, members, count);
    }
    return t.elements;
}

/* ---- the whole schedule ------------------------------------------------------ */

struct sums {
    struct plan *plan;
    int64_t *written; /* by flow: what closed forms made of WRITE */
    int64_t events;
};

static bool begin(struct sums *sums)
{
    struct plan *plan = sums->plan;
    for (int f = 0; f < plan->flow_count; f++) {
        struct plan_flow *flow = &plan->flows[f];
        sums->written[f] = flow->kind == FLOW_WRITE ? flow->total : 0;
        if (flow->kind != FLOW_PARTIAL) {
            flow->total = 0;
            flow->inner_total = 0;
            flow->events = 0;
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        plan->leaves[l].step_count = 0;
        plan->leaves[l].busy_cycles = 0;
        plan->leaves[l].point_count = 0;
    }
    return true;
}

static bool add_step(struct sums *sums, const struct walk_event *event)
{
    struct plan_leaf *leaf = &sums->plan->leaves[event->leaf];
    bool fits =
        num_add(leaf->busy_cycles, event->cost->busy_cycles,
                &leaf->busy_cycles) &&
        num_add(leaf->point_count, event->cost->points, &leaf->point_count);
    leaf->step_count++;
    for (int i = 0; i < leaf->flow_count && fits; i++) {
        struct plan_flow *flow = &sums->plan->flows[leaf->first_flow + i];
        if (flow->kind != FLOW_PARTIAL) {
            fits = num_add(flow->total, event->cost->elements[i], &flow->total);
            flow->inner_total = flow->total;
            flow->events++;
        }
    }
    return fits;
}

static bool add_move(struct sums *sums, const struct walk_move *move)
{
    struct plan_flow *flow = &sums->plan->flows[move->flow];
    flow->events++;
    return num_add(flow->total, move->outside, &flow->total) &&
           num_add(flow->inner_total, move->inside, &flow->inner_total);
}

/* What is read back is what is written less what is written first, whatever the
 * first was taken to be. */
static void end(struct sums *sums)
{
    for (int f = 1; f < sums->plan->flow_count; f++) {
        struct plan_flow *flow = &sums->plan->flows[f];
        const struct plan_flow *sent = &sums->plan->flows[f - 1];
        if (flow->kind == FLOW_PARTIAL && sent->kind == FLOW_WRITE) {
            flow->total += sent->total - sums->written[f - 1];
            flow->inner_total = flow->total;
            flow->events = sent->events;
        }
    }
}

enum status lanes_sum_schedule(struct plan *plan, struct diags *diags)
{
    if (plan->crossing_count > 0) {
        diag_error(
            diags, plan->nodes[0].span, "mapping-unsupported", NULL,
            "what lanes that a predicate tells apart send over a network "
            "is not modelled");
        return ERR_INPUT;
    }
    g_autofree int64_t *written = g_new0(int64_t, (gsize)plan->flow_count + 1);
    struct sums sums = {plan, written, 0};
    struct walk_event event;
    memset(&event, 0, sizeof event);
    bool fits = begin(&sums);
    AUTO(walk) walk = walk_new(plan, false);
    while (fits && walk_next(walk, &event)) {
        fits = ++sums.events <= MAX_EVENTS &&
               (event.kind == WALK_COMPUTE ? add_step(&sums, &event)
                : event.kind == WALK_MOVE  ? add_move(&sums, &event.move)
                                           : true);
    }
    if (!fits) {
        return diag_fail(diags, ERR_LIMIT, "mapping-limit",
                         "lanes that a predicate tells apart are followed one "
                         "by one: more than %" G_GINT64_FORMAT " events",
                         MAX_EVENTS);
    }
    end(&sums);
    return OK;
}
