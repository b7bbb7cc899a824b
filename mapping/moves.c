/* What single events of an irregular plan move: the counts of irregular.c, taken
 * apart. The same chains are followed, but visit by visit. A tile is fetched
 * when the visit before, of those that happen, had another one; it is drained
 * when the visit after has. What comes back with a tile of results is all of it,
 * unless no visit before had the same results. So an event follows from the place
 * in the loops alone, and any place can be asked for.
 *
 * Lanes alike are followed once (chain_each_kind): one kind's visits, times its
 * lanes. Added up over all events this gives the flow's totals, which tests
 * check. */
#include "mapping/moves.h"

#include <string.h>

#include "mapping/flows.h"
#include "mapping/lanes.h"

/* Lanes alike: the one that is followed, by link of the chain. */
struct lane_kind {
    int64_t times;
    int64_t *lane;
    /* Where a predicate tells lanes apart: those of a group share what moves, but
     * want it at times of their own. */
    int group;
};

/* A flow of a hold, or of one leaf. */
struct flow_moves {
    struct chain chain; /* of a stream or leaf: with the leaf's step */
    int depth;          /* links above the hold or leaf */
    struct chain_tile tile;
    struct hold_tile hold;                 /* context of `tile`, or */
    struct lane_access access;             /* that */
    const struct einsum_statement *writer; /* of DRAIN, REFILL */
    bool returns_inside;
    GArray *inside;  /* struct lane_kind */
    GArray *outside; /* those that the place outside tells apart */
    GArray *first;   /* REFILL: those whose first results are new outside */
};

struct leaf_moves {
    struct chain chain; /* with the step; lanes: the first */
    int depth;
    GArray *kinds;      /* struct lane_kind */
    bool counts_points; /* by the predicate */
};

struct moves {
    struct builder view;       /* of the plan: for what counts tiles */
    struct flow_moves **flows; /* NULL: PARTIAL */
    int flow_count;
    struct leaf_moves *leaves;
    int leaf_count;
};

/* ---- building ------------------------------------------------------------ */

static void clear_kind(gpointer kind)
{
    g_free(((struct lane_kind *)kind)->lane);
}

static bool add_kind(struct chain *chain, int64_t lanes, bool is_first,
                     void *context)
{
    (void)is_first;
    struct lane_kind kind = {lanes, g_new(int64_t, (gsize)chain->count + 1), 0};
    for (int i = 0; i < chain->count; i++) {
        kind.lane[i] = chain->link[i].lane;
    }
    g_array_append_val((GArray *)context, kind);
    return true;
}

static bool is_same_group(const struct chain *chain, const bool *is_shared,
                          const struct lane_kind *a, const struct lane_kind *b)
{
    for (int i = 0; i < chain->count; i++) {
        if (!is_shared[i] && a->lane[i] != b->lane[i]) {
            return false;
        }
    }
    return true;
}

static void group_kinds(const struct chain *chain, const bool *is_shared,
                        GArray *kinds)
{
    for (guint k = 0; k < kinds->len; k++) {
        struct lane_kind *kind = &g_array_index(kinds, struct lane_kind, k);
        kind->group = (int)k;
        for (guint j = 0; j < k && kind->group == (int)k; j++) {
            const struct lane_kind *other =
                &g_array_index(kinds, struct lane_kind, j);
            if (is_same_group(chain, is_shared, kind, other)) {
                kind->group = other->group;
            }
        }
    }
}

static GArray *kinds_new(struct chain *chain)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(struct lane_kind));
    bool is_shared[CHAIN_MAX_LINKS] = {false};
    g_array_set_clear_func(kinds, clear_kind);
    for (int i = 0; i < chain->count; i++) {
        is_shared[i] =
            chain->link[i].is_single && chain_has_masked_lanes(chain, i);
        chain->link[i].is_single &= !is_shared[i];
    }
    if (!chain_each_kind(chain, add_kind, kinds)) {
        BUG("lanes that were counted exceed 64 bits");
    }
    for (int i = 0; i < chain->count; i++) {
        chain->link[i].lane = 0;
        chain->link[i].is_single |= is_shared[i];
    }
    group_kinds(chain, is_shared, kinds);
    return kinds;
}

static void build_hold_moves(struct moves *moves,
                             const struct flow_source *source,
                             const struct plan_flow *flow, struct flow_moves *m)
{
    const struct plan *plan = moves->view.plan;
    bool is_drain = flow->kind != FLOW_FILL;
    m->hold = (struct hold_tile){
        .b = &moves->view,
        .hold = flow->node,
        .tensor = flow->tensor,
        .uses = g_array_ref(source->uses),
        .is_counted =
            g_memdup2(source->is_counted, source->uses->len * sizeof(bool)),
        .is_fetched = source->is_fetched,
    };
    m->tile = flows_chain_tile(&m->hold, !is_drain);
    flows_chain_of_hold(&m->hold, &m->chain);
    m->depth = m->chain.count;
    m->inside = kinds_new(&m->chain);
    flows_share_lanes(plan, &m->chain, source->keeper, m->hold.uses,
                      m->hold.is_counted, is_drain);
    m->outside = kinds_new(&m->chain);
    if (is_drain) {
        m->writer =
            &plan->workload->statements[plan->leaves[flow->leaf].statement];
        m->returns_inside = !flows_adds_up_outside(plan, flow->node, m->writer);
        if (!m->returns_inside) {
            flows_share_first(&m->hold, source->keeper, &m->chain);
        }
        m->first = kinds_new(&m->chain);
    }
}

static enum status build_lane_moves(struct builder *b,
                                    const struct flow_source *source,
                                    const struct plan_flow *flow,
                                    struct flow_moves *m)
{
    const struct plan *plan = b->plan;
    bool is_write = flow->kind == FLOW_WRITE;
    m->access = (struct lane_access){plan, &plan->leaves[source->leaf],
                                     source->access, is_write};
    flows_chain_of_lanes(plan, source->leaf, source->access, is_write,
                         source->keeper, &m->chain);
    m->depth = m->chain.count;
    if (flow->node >= 0) {
        int splits[MAX_LOOPS];
        m->depth = node_splits(plan, flow->node, splits);
    }
    struct tensor_use use = {source->leaf, is_write, false, source->access};
    m->hold.uses = g_array_new(FALSE, FALSE, sizeof(use));
    g_array_append_val((GArray *)(uintptr_t)m->hold.uses, use);
    m->tile = (struct chain_tile){.count = flows_count_lanes,
                                  .context = &m->access,
                                  .uses = m->hold.uses,
                                  .fresh = m->chain.count};
    struct step step;
    TRY(step_of_leaf(b, source->leaf, &step));
    chain_add_step(&m->chain, &step);
    m->outside = kinds_new(&m->chain);
    return OK;
}

static enum status build_leaf_moves(struct builder *b, int leaf_id,
                                    struct leaf_moves *m)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    chain_of_leaf(b->plan, leaf_id, &m->chain);
    m->depth = m->chain.count;
    m->kinds = kinds_new(&m->chain);
    m->counts_points = leaf->is_masked && leaf->masking != ARCH_MASKING_NONE;
    chain_add_step(&m->chain, &step);
    return OK;
}

static enum status build_moves(struct builder *b, struct moves *moves)
{
    for (int f = 0; f < moves->flow_count; f++) {
        const struct plan_flow *flow =
            &g_array_index(b->flows, struct plan_flow, f);
        const struct flow_source *source =
            &g_array_index(b->sources, struct flow_source, f);
        if (flow->kind == FLOW_PARTIAL) {
            continue;
        }
        moves->flows[f] = g_new0(struct flow_moves, 1);
        if (source->uses != NULL) {
            build_hold_moves(moves, source, flow, moves->flows[f]);
        } else {
            TRY(build_lane_moves(b, source, flow, moves->flows[f]));
        }
    }
    for (int l = 0; l < moves->leaf_count; l++) {
        TRY(build_leaf_moves(b, l, &moves->leaves[l]));
    }
    return OK;
}

enum status moves_new(struct builder *b, struct moves **result)
{
    struct moves *moves = g_new0(struct moves, 1);
    moves->view.plan = b->plan;
    moves->view.workload = b->workload;
    moves->view.arch = b->arch;
    moves->flow_count = (int)b->flows->len;
    moves->flows = g_new0(struct flow_moves *, (gsize)b->flows->len + 1);
    moves->leaf_count = b->plan->leaf_count;
    moves->leaves = g_new0(struct leaf_moves, (gsize)moves->leaf_count + 1);
    enum status status = build_moves(b, moves);
    if (status != OK) {
        moves_free(moves);
        return status;
    }
    *result = moves;
    return OK;
}

static void free_flow_moves(struct flow_moves *m)
{
    if (m != NULL) {
        g_array_unref((GArray *)(uintptr_t)m->hold.uses);
        g_free((bool *)(uintptr_t)m->hold.is_counted);
        g_clear_pointer(&m->inside, g_array_unref);
        g_clear_pointer(&m->outside, g_array_unref);
        g_clear_pointer(&m->first, g_array_unref);
        g_free(m);
    }
}

void moves_free(struct moves *moves)
{
    if (moves == NULL) {
        return;
    }
    for (int f = 0; f < moves->flow_count; f++) {
        free_flow_moves(moves->flows[f]);
    }
    for (int l = 0; l < moves->leaf_count; l++) {
        g_clear_pointer(&moves->leaves[l].kinds, g_array_unref);
    }
    g_free(moves->flows);
    g_free(moves->leaves);
    g_free(moves);
}

/* ---- visits -------------------------------------------------------------- */

/* A visit by one kind of lanes: region[i] is what the links before i leave. */
struct visit {
    const struct chain *chain;
    const int64_t *lane;
    int depth;
    struct region region[MAX_LOOPS + 1];
};

static bool narrow(const struct chain_link *link, const struct region *from,
                   int64_t index, struct region *to)
{
    if (to != from) {
        *to = *from;
    }
    to->low[link->rank] += index * link->tile;
    to->high[link->rank] =
        MIN(to->high[link->rank], to->low[link->rank] + link->tile);
    return to->low[link->rank] < to->high[link->rank];
}

static int64_t trips_of(const struct chain_link *link,
                        const struct region *region)
{
    return num_ceil_div(region->high[link->rank] - region->low[link->rank],
                        link->tile);
}

/* The visit that `index` (by node id) names; false if the lanes have no part in
 * it, or no point exists. */
static bool find_visit(const struct chain *chain, int depth,
                       const struct lane_kind *kind, const int64_t *index,
                       struct visit *visit)
{
    visit->chain = chain;
    visit->lane = kind->lane;
    visit->depth = depth;
    for (int r = 0; r < chain->workload->rank_count; r++) {
        visit->region[0].low[r] = 0;
        visit->region[0].high[r] = chain->workload->rank[r].extent;
    }
    for (int r = chain->workload->rank_count; r < EINSUM_MAX_RANKS; r++) {
        visit->region[0].low[r] = 0;
        visit->region[0].high[r] = 0;
    }
    for (int i = 0; i < depth; i++) {
        const struct chain_link *link = &chain->link[i];
        int64_t at = link->axis != NULL ? kind->lane[i] : index[link->node];
        bool is_last = at == trips_of(link, &visit->region[i]) - 1;
        if (!narrow(link, &visit->region[i], at, &visit->region[i + 1]) ||
            (link->is_last && !is_last)) {
            return false;
        }
    }
    return chain_has_point(chain, &visit->region[depth]);
}

static bool find_inside(const struct visit *visit, int at,
                        const struct region *region, int direction,
                        struct region *found);

static bool find_at(const struct visit *visit, int at,
                    const struct region *region, int64_t index, int direction,
                    struct region *found)
{
    struct region part;
    return narrow(&visit->chain->link[at], region, index, &part) &&
           find_inside(visit, at + 1, &part, direction, found);
}

/* The first (direction 1) or last (-1) visit of iterations [begin, end) of link
 * `at`. Where all points exist full tiles are alike. */
static bool find_among(const struct visit *visit, int at,
                       const struct region *region, int64_t begin, int64_t end,
                       int direction, struct region *found)
{
    if (begin >= end) {
        return false;
    }
    const struct chain_link *link = &visit->chain->link[at];
    struct region span = *region;
    span.low[link->rank] += begin * link->tile;
    span.high[link->rank] = MIN(region->high[link->rank],
                                region->low[link->rank] + end * link->tile);
    enum box_points points = chain_classify_region(visit->chain, &span);
    if (points == BOX_NONE) {
        return false;
    }
    int64_t first = direction > 0 ? begin : end - 1;
    if (find_at(visit, at, region, first, direction, found)) {
        return true;
    }
    if (points == BOX_ALL) {
        int64_t other = direction > 0 ? end - 1 : end - 2;
        return other >= begin && other != first &&
               find_at(visit, at, region, other, direction, found);
    }
    begin += direction > 0;
    end -= direction < 0;
    int64_t middle = begin + (end - begin) / 2;
    if (end - begin < 2) {
        return find_among(visit, at, region, begin, end, direction, found);
    }
    if (direction > 0) {
        return find_among(visit, at, region, begin, middle, 1, found) ||
               find_among(visit, at, region, middle, end, 1, found);
    }
    return find_among(visit, at, region, middle, end, -1, found) ||
           find_among(visit, at, region, begin, middle, -1, found);
}

static bool find_inside(const struct visit *visit, int at,
                        const struct region *region, int direction,
                        struct region *found)
{
    if (at == visit->depth) {
        *found = *region;
        return chain_has_point(visit->chain, region);
    }
    const struct chain_link *link = &visit->chain->link[at];
    if (link->axis != NULL) {
        return find_at(visit, at, region, visit->lane[at], direction, found);
    }
    int64_t trips = trips_of(link, region);
    return find_among(visit, at, region, link->is_last ? trips - 1 : 0, trips,
                      direction, found);
}

/* The visit next to this one, of those that happen. */
static bool find_neighbour(const struct visit *visit, int direction,
                           struct region *found)
{
    for (int i = visit->depth; i-- > 0;) {
        const struct chain_link *link = &visit->chain->link[i];
        if (link->axis != NULL || link->is_last) {
            continue;
        }
        const struct region *region = &visit->region[i];
        int64_t index =
            (visit->region[i + 1].low[link->rank] - region->low[link->rank]) /
            link->tile;
        if (direction < 0 ? find_among(visit, i, region, 0, index, -1, found)
                          : find_among(visit, i, region, index + 1,
                                       trips_of(link, region), 1, found)) {
            return true;
        }
    }
    return false;
}

static bool is_reduced(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank && s->is_reduced[r]) {
            return true;
        }
    }
    return false;
}

/* Does a visit before this one have the same results? One with other values of
 * reduced ranks: those of an earlier iteration of a loop over one, any of loops
 * inside it. */
static bool has_earlier(const struct visit *visit,
                        const struct einsum_statement *writer)
{
    for (int i = 0; i < visit->depth; i++) {
        const struct chain_link *link = &visit->chain->link[i];
        const struct region *outside = &visit->region[i];
        if (link->axis != NULL || !is_reduced(writer, link->rank) ||
            visit->region[i + 1].low[link->rank] == outside->low[link->rank]) {
            continue;
        }
        struct region earlier = visit->region[visit->depth];
        for (int r = 0; r < writer->rank_count; r++) {
            int rank = writer->rank[r];
            if (writer->is_reduced[r]) {
                earlier.low[rank] = outside->low[rank];
                earlier.high[rank] = outside->high[rank];
            }
        }
        earlier.high[link->rank] = visit->region[i + 1].low[link->rank];
        if (chain_has_point(visit->chain, &earlier)) {
            return true;
        }
    }
    return false;
}

/* ---- holds --------------------------------------------------------------- */

/* Of a tile that is another one than before. */
static int64_t count_elements(const struct flow_moves *m,
                              const struct lane_kind *lanes,
                              const struct visit *visit)
{
    const struct region *region = &visit->region[m->depth];
    int64_t extent[EINSUM_MAX_RANKS];
    int64_t elements = 0;
    bool fits = true;
    if (m->tile.kept == NULL) {
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            extent[r] = region->high[r] - region->low[r];
        }
        fits = m->tile.count(m->tile.context, extent, &elements);
    } else {
        struct chain chain = m->chain;
        chain.count = m->depth;
        for (int i = 0; i < chain.count; i++) {
            chain.link[i].lane = lanes->lane[i];
        }
        fits = chain_count_visit(&chain, &m->tile, visit->region, &elements);
    }
    if (!fits) {
        BUG("elements that were counted exceed 64 bits");
    }
    return elements;
}

enum counted { COUNT_MOVED, COUNT_RETURNED, COUNT_FIRST };

/* What a kind of lanes moves now, by its `counted` part. */
static int64_t count_kind(const struct flow_moves *m,
                          const struct lane_kind *lanes, enum flow_kind kind,
                          enum counted counted, const int64_t *index)
{
    struct visit visit;
    struct region other;
    if (!find_visit(&m->chain, m->depth, lanes, index, &visit) ||
        (find_neighbour(&visit, kind == FLOW_DRAIN ? 1 : -1, &other) &&
         chain_is_same_tile(&m->chain, &m->tile, &visit.region[m->depth],
                            &other))) {
        return 0;
    }
    if (counted != COUNT_MOVED) {
        bool is_first = !has_earlier(&visit, m->writer);
        if (is_first != (counted == COUNT_FIRST)) {
            return 0;
        }
    }
    return lanes->times * count_elements(m, lanes, &visit);
}

/* What lanes of the kinds move; of those that share, once what one needs most. */
static int64_t sum_kinds(const struct flow_moves *m, const GArray *kinds,
                         enum flow_kind kind, enum counted counted,
                         const int64_t *index)
{
    g_autofree int64_t *most = g_new0(int64_t, (gsize)kinds->len + 1);
    int64_t sum = 0;
    for (guint k = 0; k < kinds->len; k++) {
        const struct lane_kind *lanes =
            &g_array_index(kinds, struct lane_kind, k);
        int64_t moved = count_kind(m, lanes, kind, counted, index);
        sum += MAX(moved - most[lanes->group], 0);
        most[lanes->group] = MAX(most[lanes->group], moved);
    }
    return sum;
}

/* The lanes that have a part in what happens at `index`. */
static int find_members(const struct chain *chain, int depth,
                        const GArray *kinds, const int64_t *index,
                        struct lane_member *members)
{
    int count = 0;
    struct visit visit;
    for (guint k = 0; k < kinds->len; k++) {
        const struct lane_kind *lanes =
            &g_array_index(kinds, struct lane_kind, k);
        if (find_visit(chain, depth, lanes, index, &visit)) {
            members[count++] = (struct lane_member){
                lanes->lane, lanes->times, lanes->group, visit.region[depth]};
        }
    }
    return count;
}

/* Where lanes are told apart. */
static int64_t sum_together(const struct flow_moves *m, const int64_t *index)
{
    g_autofree struct lane_member *members =
        g_new(struct lane_member, (gsize)m->outside->len + 1);
    int count = find_members(&m->chain, m->depth, m->outside, index, members);
    const struct lanes_together lanes = {&m->chain, &m->tile, m->depth,
                                         m->tile.fresh, (int)m->outside->len};
    return lanes_count_together(&lanes, members, count);
}

/* What the leaf's lanes take in the region that is left at depth. */
static int64_t sum_lanes(const struct flow_moves *m, const int64_t *index)
{
    int64_t sum = 0;
    struct visit visit;
    if (m->access.plan->has_masked_lanes) {
        return sum_together(m, index);
    }
    for (guint k = 0; k < m->outside->len; k++) {
        const struct lane_kind *lanes =
            &g_array_index(m->outside, struct lane_kind, k);
        if (!find_visit(&m->chain, m->depth, lanes, index, &visit)) {
            continue;
        }
        struct chain chain = m->chain;
        struct chain_total total;
        for (int i = 0; i < chain.count; i++) {
            chain.link[i].lane = lanes->lane[i];
        }
        if (!chain_count_region(&chain, &m->tile, m->depth,
                                &visit.region[m->depth], &total)) {
            BUG("elements that were counted exceed 64 bits");
        }
        sum += lanes->times * total.elements;
    }
    return sum;
}

bool moves_count(const struct plan *plan, int flow, const int64_t *index,
                 struct walk_move *move)
{
    const struct flow_moves *m = plan->moves->flows[flow];
    enum flow_kind kind = plan->flows[flow].kind;
    *move = (struct walk_move){.flow = flow};
    if (m->inside == NULL) {
        move->outside = sum_lanes(m, index);
        move->inside = move->outside;
    } else if (kind != FLOW_REFILL) {
        move->outside = sum_kinds(m, m->outside, kind, COUNT_MOVED, index);
        move->inside = sum_kinds(m, m->inside, kind, COUNT_MOVED, index);
    } else if (m->returns_inside) {
        move->outside = sum_kinds(m, m->outside, kind, COUNT_RETURNED, index);
        move->inside = sum_kinds(m, m->inside, kind, COUNT_RETURNED, index);
    } else {
        move->outside = sum_kinds(m, m->outside, kind, COUNT_MOVED, index) -
                        sum_kinds(m, m->first, kind, COUNT_FIRST, index);
    }
    return move->outside > 0 || move->inside > 0;
}

/* ---- steps --------------------------------------------------------------- */

struct step_costs {
    const struct plan *plan;
    GArray *key;       /* int64_t: scratch */
    GHashTable *known; /* GBytes -> struct walk_cost */
};

struct step_costs *step_costs_new(const struct plan *plan)
{
    struct step_costs *costs = g_new0(struct step_costs, 1);
    costs->plan = plan;
    costs->key = g_array_new(FALSE, FALSE, sizeof(int64_t));
    costs->known = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                         (GDestroyNotify)g_bytes_unref, g_free);
    return costs;
}

void step_costs_free(struct step_costs *costs)
{
    if (costs != NULL) {
        g_array_unref(costs->key);
        g_hash_table_unref(costs->known);
        g_free(costs);
    }
}

static bool count_one(const void *context, const int64_t *extent,
                      int64_t *elements)
{
    (void)context;
    (void)extent;
    *elements = 1;
    return true;
}

/* Iterations of a step in which any lane has a part. */
static int64_t count_instants(const struct leaf_moves *m,
                              const struct chain_tile *steps,
                              const int64_t *index)
{
    g_autofree struct lane_member *members =
        g_new(struct lane_member, (gsize)m->kinds->len + 1);
    int count = find_members(&m->chain, m->depth, m->kinds, index, members);
    for (int i = 0; i < count; i++) {
        members[i].group = 0;
        members[i].times = 1;
    }
    const struct lanes_together lanes = {&m->chain, steps, m->depth, m->depth,
                                         1};
    return lanes_count_together(&lanes, members, count);
}

static int64_t count_busy(const struct plan *plan, int leaf,
                          const int64_t *index)
{
    const struct leaf_moves *m = &plan->moves->leaves[leaf];
    const struct chain_tile steps = {.count = count_one,
                                     .fresh = CHAIN_MAX_LINKS};
    struct visit visit;
    struct chain_total total = {0, 0};
    if (plan->has_masked_lanes) {
        return plan->leaves[leaf].cycles_per_trip *
               count_instants(m, &steps, index);
    }
    if (find_visit(&m->chain, m->depth,
                   &g_array_index(m->kinds, struct lane_kind, 0), index,
                   &visit) &&
        !chain_count_region(&m->chain, &steps, m->depth,
                            &visit.region[m->depth], &total)) {
        BUG("cycles that were counted exceed 64 bits");
    }
    /* Of a core, a share of the run's mix, rounded up: steps are nearly alike. */
    return plan->leaves[leaf].instructions != NULL
               ? plan->leaves[leaf].busy_cycles_per_step
               : total.elements * plan->leaves[leaf].cycles_per_trip;
}

static int64_t count_points(const struct plan *plan, int leaf,
                            const int64_t *index)
{
    const struct leaf_moves *m = &plan->moves->leaves[leaf];
    int statement = plan->leaves[leaf].statement;
    const struct einsum_statement *s = &plan->workload->statements[statement];
    int64_t sum = 0;
    struct visit visit;
    for (guint k = 0; k < m->kinds->len; k++) {
        const struct lane_kind *lanes =
            &g_array_index(m->kinds, struct lane_kind, k);
        if (!find_visit(&m->chain, m->depth, lanes, index, &visit)) {
            continue;
        }
        int64_t low[EINSUM_MAX_RANKS];
        int64_t high[EINSUM_MAX_RANKS];
        int64_t points = 1;
        for (int r = 0; r < s->rank_count; r++) {
            low[r] = visit.region[m->depth].low[s->rank[r]];
            high[r] = visit.region[m->depth].high[s->rank[r]];
            points *= high[r] - low[r];
        }
        if (m->counts_points &&
            workload_count_box_points(plan->workload, statement, low, high,
                                      &points) != OK) {
            BUG("points that were counted exceed 64 bits");
        }
        sum += lanes->times * points;
    }
    return sum;
}

static struct walk_cost *count_cost(const struct plan *plan, int leaf_id,
                                    const int64_t *index)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    struct walk_cost *cost =
        g_malloc0(sizeof(*cost) + (gsize)leaf->flow_count * sizeof(int64_t));
    cost->busy_cycles = count_busy(plan, leaf_id, index);
    cost->points = count_points(plan, leaf_id, index);
    for (int f = 0; f < leaf->flow_count; f++) {
        const struct flow_moves *m = plan->moves->flows[leaf->first_flow + f];
        cost->elements[f] = m == NULL ? 0 : sum_lanes(m, index);
    }
    return cost;
}

/* Steps are alike if, for every kind of lanes, their boxes are as large, and the
 * predicate lies in them alike. False if that cannot be said. */
static bool fill_key(struct step_costs *costs, int leaf, const int64_t *index)
{
    const struct leaf_moves *m = &costs->plan->moves->leaves[leaf];
    int statement = costs->plan->leaves[leaf].statement;
    const struct einsum_statement *s =
        &costs->plan->workload->statements[statement];
    int64_t id = leaf;
    g_array_set_size(costs->key, 0);
    g_array_append_val(costs->key, id);
    struct visit visit;
    for (guint k = 0; k < m->kinds->len; k++) {
        bool is_there = find_visit(
            &m->chain, m->depth, &g_array_index(m->kinds, struct lane_kind, k),
            index, &visit);
        const struct region *region = &visit.region[m->depth];
        for (int r = 0; r < s->rank_count; r++) {
            int64_t extent =
                is_there ? region->high[s->rank[r]] - region->low[s->rank[r]]
                         : 0;
            g_array_append_val(costs->key, extent);
        }
        int64_t corner[MAX_LOOPS];
        int count = 0;
        if (is_there && chain_classify_region(&m->chain, region) == BOX_SOME &&
            !workload_mask_corner(costs->plan->workload, statement, region->low,
                                  MAX_LOOPS, corner, &count)) {
            return false;
        }
        int64_t corners = count;
        g_array_append_val(costs->key, corners);
        g_array_append_vals(costs->key, corner, (guint)count);
    }
    return true;
}

const struct walk_cost *step_costs_get(struct step_costs *costs, int leaf,
                                       const int64_t *index)
{
    if (!fill_key(costs, leaf, index)) {
        g_array_append_vals(costs->key, index, (guint)costs->plan->node_count);
    }
    gsize size = costs->key->len * sizeof(int64_t);
    GBytes *probe = g_bytes_new_static(costs->key->data, size);
    struct walk_cost *cost = g_hash_table_lookup(costs->known, probe);
    g_bytes_unref(probe);
    if (cost == NULL) {
        cost = count_cost(costs->plan, leaf, index);
        g_hash_table_insert(costs->known, g_bytes_new(costs->key->data, size),
                            cost);
    }
    return cost;
}
