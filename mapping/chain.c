/* Following a chain (chain.h). */
#include "mapping/chain.h"

#include <string.h>

/* A range of every rank, by rank id: half open. */
struct region {
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
};

/* The visits of one region: what is fetched between the first of them, left
 * out, and the last. */
struct visits {
    bool is_empty;
    int64_t elements;
    int64_t events;
    struct region first;
    struct region last;
};

struct follower {
    const struct chain *chain;
    const struct chain_tile *tile;
    bool fits;
    GArray *known; /* struct known, of all links */
};

/* What was found for the links from `at` on, where the region starts at 0. */
struct known {
    int at;
    int64_t extent[EINSUM_MAX_RANKS];
    struct visits visits;
};

/* ---- building ------------------------------------------------------------ */

void chain_of_node(const struct plan *plan, int node, struct chain *chain)
{
    int splits[MAX_LOOPS];
    chain->workload = plan->workload;
    chain->count = node_splits(plan, node, splits);
    for (int i = 0; i < chain->count; i++) {
        const struct plan_node *split = &plan->nodes[splits[i]];
        struct chain_link link = {
            .rank = split->rank, .tile = split->tile, .node = splits[i]};
        for (int u = 0; split->kind == PLAN_SPATIAL && link.axis == NULL &&
                        u < plan->arch->unit_count;
             u++) {
            link.axis = unit_find_axis(&plan->arch->units[u], split->axis);
        }
        chain->link[i] = link;
    }
}

void chain_of_leaf(const struct plan *plan, int leaf, struct chain *chain)
{
    const struct plan_leaf *l = &plan->leaves[leaf];
    chain_of_node(plan, l->node, chain);
    for (int i = 0; i < chain->count; i++) {
        for (int a = 0; a < l->at_count; a++) {
            chain->link[i].is_last |= chain->link[i].node == l->at_node[a];
        }
    }
}

void chain_add_step(struct chain *chain, const struct step *step)
{
    for (int i = 0; i < step->loop_count; i++) {
        chain->link[chain->count++] = (struct chain_link){
            .rank = step->loop[i].rank, .tile = step->loop[i].tile, .node = -1};
    }
}

/* ---- tiles --------------------------------------------------------------- */

static void add_range(const struct affine *index, const struct region *region,
                      int64_t *low, int64_t *high)
{
    int64_t from = index->constant;
    int64_t to = index->constant;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = index->coefficient[r];
        if (coefficient == 0) {
            continue;
        }
        int64_t first = coefficient * region->low[r];
        int64_t last = coefficient * (region->high[r] - 1);
        from += MIN(first, last);
        to += MAX(first, last);
    }
    *low = MIN(*low, from);
    *high = MAX(*high, to);
}

static bool is_same_dim(const struct chain_tile *tile, int dim,
                        const struct region *a, const struct region *b)
{
    int64_t low[2] = {INT64_MAX, INT64_MAX};
    int64_t high[2] = {INT64_MIN, INT64_MIN};
    for (guint u = 0; u < tile->uses->len; u++) {
        const struct affine *index =
            &g_array_index(tile->uses, struct tensor_use, u).access->index[dim];
        if (tile->is_counted == NULL || tile->is_counted[u]) {
            add_range(index, a, &low[0], &high[0]);
            add_range(index, b, &low[1], &high[1]);
        }
    }
    return low[0] == low[1] && high[0] == high[1];
}

static bool is_same_tile(const struct chain_tile *tile, const struct region *a,
                         const struct region *b)
{
    if (tile->uses == NULL) {
        return false;
    }
    int dims =
        g_array_index(tile->uses, struct tensor_use, 0).access->dim_count;
    for (int d = 0; d < dims; d++) {
        if (!is_same_dim(tile, d, a, b)) {
            return false;
        }
    }
    return true;
}

static int64_t tile_elements(struct follower *f, const struct region *region)
{
    int64_t extent[EINSUM_MAX_RANKS];
    int64_t elements = 0;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        extent[r] = region->high[r] - region->low[r];
    }
    f->fits &= f->tile->count(f->tile->context, extent, &elements);
    return elements;
}

/* ---- visits -------------------------------------------------------------- */

static void move(struct region *region, int rank, int64_t distance)
{
    region->low[rank] += distance;
    region->high[rank] += distance;
}

/* `times` times `events` fetches of `elements` more. */
static void add_fetched(struct follower *f, struct visits *visits,
                        int64_t elements, int64_t events, int64_t times)
{
    int64_t product = 0;
    f->fits = f->fits && num_mul(elements, times, &product) &&
              num_add(visits->elements, product, &visits->elements) &&
              num_mul(events, times, &product) &&
              num_add(visits->events, product, &visits->events);
}

/* From the last visit of one iteration of link `at` to the first of the next. */
static void add_transition(struct follower *f, int at, struct visits *visits,
                           const struct region *from, const struct region *to,
                           int64_t times)
{
    if (times > 0 &&
        (at < f->tile->fresh || !is_same_tile(f->tile, from, to))) {
        add_fetched(f, visits, tile_elements(f, to), 1, times);
    }
}

static void follow(struct follower *f, int at, const struct region *region,
                   struct visits *visits);

/* `count` iterations alike, the first of which covers `region`. */
static void append_iterations(struct follower *f, int at,
                              const struct region *region, int64_t count,
                              struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    struct visits one;
    follow(f, at + 1, region, &one);
    if (one.is_empty) {
        return;
    }
    if (visits->is_empty) {
        visits->first = one.first;
    } else {
        add_transition(f, at, visits, &visits->last, &one.first, 1);
    }
    struct region next = one.first;
    move(&next, link->rank, link->tile);
    add_transition(f, at, visits, &one.last, &next, count - 1);
    add_fetched(f, visits, one.elements, one.events, count);
    visits->is_empty = false;
    visits->last = one.last;
    move(&visits->last, link->rank, (count - 1) * link->tile);
}

static void follow_loop(struct follower *f, int at, const struct region *region,
                        struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    int64_t low = region->low[link->rank];
    int64_t high = region->high[link->rank];
    int64_t full = (high - low) / link->tile;
    bool has_rest = (high - low) % link->tile != 0;
    struct region part = *region;
    if (full > 0 && !(link->is_last && has_rest)) {
        int64_t skipped = link->is_last ? full - 1 : 0;
        part.low[link->rank] = low + skipped * link->tile;
        part.high[link->rank] = part.low[link->rank] + link->tile;
        append_iterations(f, at, &part, full - skipped, visits);
    }
    if (has_rest) {
        part.low[link->rank] = low + full * link->tile;
        part.high[link->rank] = high;
        append_iterations(f, at, &part, 1, visits);
    }
}

static void follow_link(struct follower *f, int at, const struct region *region,
                        struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    if (link->axis == NULL) {
        follow_loop(f, at, region, visits);
        return;
    }
    struct region part = *region;
    int64_t *low = &part.low[link->rank];
    *low += link->lane * link->tile;
    part.high[link->rank] = MIN(part.high[link->rank], *low + link->tile);
    if (*low < part.high[link->rank]) {
        follow(f, at + 1, &part, visits);
    }
}

static void move_all(struct region *region, const int64_t *distance, int sign)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        region->low[r] += sign * distance[r];
        region->high[r] += sign * distance[r];
    }
}

static const struct known *find_known(const struct follower *f, int at,
                                      const int64_t *extent)
{
    for (guint i = 0; i < f->known->len; i++) {
        const struct known *known = &g_array_index(f->known, struct known, i);
        if (known->at == at &&
            memcmp(known->extent, extent, sizeof(known->extent)) == 0) {
            return known;
        }
    }
    return NULL;
}

/* The visits of `region` by the links from `at` on. */
static void follow(struct follower *f, int at, const struct region *region,
                   struct visits *visits)
{
    *visits = (struct visits){.is_empty = true};
    if (at == f->chain->count) {
        *visits = (struct visits){.first = *region, .last = *region};
        return;
    }
    struct known known = {.at = at};
    struct region start = *region;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        known.extent[r] = region->high[r] - region->low[r];
    }
    move_all(&start, region->low, -1);
    const struct known *found = find_known(f, at, known.extent);
    if (found == NULL) {
        follow_link(f, at, &start, visits);
        known.visits = *visits;
        g_array_append_val(f->known, known);
    } else {
        *visits = found->visits;
    }
    move_all(&visits->first, region->low, 1);
    move_all(&visits->last, region->low, 1);
}

/* ---- lanes --------------------------------------------------------------- */

/* Of one kind of lanes, `lanes` in number; `is_first`: none before it. */
typedef bool lanes_function(struct chain *chain, int64_t lanes, bool is_first,
                            void *context);

static int64_t lane_extent(const struct chain_link *link, int64_t extent)
{
    return CLAMP(extent - link->lane * link->tile, 0, link->tile);
}

/* The extents that the links before `at` can leave of its rank. */
static int possible_extents(const struct chain *chain, int at,
                            int64_t extent[MAX_EXTENTS])
{
    int count = 1;
    extent[0] = chain->workload->rank[chain->link[at].rank].extent;
    for (int i = 0; i < at; i++) {
        const struct chain_link *link = &chain->link[i];
        if (link->rank != chain->link[at].rank) {
            continue;
        }
        int64_t next[2 * MAX_EXTENTS];
        int nexts = 0;
        for (int e = 0; e < count; e++) {
            int64_t full = link->axis != NULL ? lane_extent(link, extent[e])
                                              : MIN(extent[e], link->tile);
            int64_t rest = link->axis != NULL ? 0 : extent[e] % link->tile;
            for (int k = 0; k < nexts; k++) {
                full = next[k] == full ? 0 : full;
                rest = next[k] == rest ? 0 : rest;
            }
            next[nexts] = full;
            nexts += full > 0;
            next[nexts] = rest;
            nexts += rest > 0 && rest != full;
        }
        count = MIN(nexts, MAX_EXTENTS);
        memcpy(extent, next, sizeof(int64_t) * (size_t)count);
    }
    return count;
}

/* The first lane after `lane` that is not like it; `lane` if there is none. */
static int64_t next_kind(const struct chain_link *link, int64_t lane,
                         const int64_t *extent, int extents)
{
    int64_t next = lane;
    for (int e = 0; e < extents; e++) {
        int64_t limit[2] = {extent[e] / link->tile,
                            num_ceil_div(extent[e], link->tile)};
        for (int i = 0; i < 2; i++) {
            if (limit[i] > lane && (next == lane || limit[i] < next)) {
                next = limit[i];
            }
        }
    }
    return next;
}

static bool each_kind(struct chain *chain, int at, int64_t lanes, bool is_first,
                      lanes_function *function, void *context)
{
    while (at < chain->count && chain->link[at].axis == NULL) {
        at++;
    }
    if (at == chain->count) {
        return function(chain, lanes, is_first, context);
    }
    struct chain_link *link = &chain->link[at];
    int64_t extent[MAX_EXTENTS];
    int extents = possible_extents(chain, at, extent);
    bool fits = true;
    for (int64_t lane = 0;;) {
        int64_t next = next_kind(link, lane, extent, extents);
        if (next == lane || (link->is_single && lane > 0)) {
            return fits;
        }
        int64_t kinds = link->is_single ? 1 : next - lane;
        int64_t product = 0;
        link->lane = lane;
        fits = fits && num_mul(lanes, kinds, &product) &&
               each_kind(chain, at + 1, product, is_first && lane == 0,
                         function, context);
        lane = next;
    }
}

/* ---- counts -------------------------------------------------------------- */

struct fetching {
    const struct chain_tile *tile;
    struct chain_total *total;
};

static bool add_lanes_fetched(struct chain *chain, int64_t lanes, bool is_first,
                              void *context)
{
    struct fetching *fetching = context;
    struct follower f = {
        .chain = chain,
        .tile = fetching->tile,
        .fits = true,
        .known = g_array_new(FALSE, FALSE, sizeof(struct known)),
    };
    struct region all = {{0}, {0}};
    for (int r = 0; r < chain->workload->rank_count; r++) {
        all.high[r] = chain->workload->rank[r].extent;
    }
    struct visits visits;
    follow(&f, 0, &all, &visits);
    g_array_unref(f.known);
    if (visits.is_empty) {
        return true;
    }
    add_fetched(&f, &visits, tile_elements(&f, &visits.first), 1, 1);
    if (is_first) {
        fetching->total->events = visits.events;
    }
    int64_t product = 0;
    return f.fits && num_mul(visits.elements, lanes, &product) &&
           num_add(fetching->total->elements, product,
                   &fetching->total->elements);
}

bool chain_count_fetched(struct chain *chain, const struct chain_tile *tile,
                         struct chain_total *total)
{
    struct fetching fetching = {tile, total};
    *total = (struct chain_total){0, 0};
    return each_kind(chain, 0, 1, true, add_lanes_fetched, &fetching);
}

/* Values of the rank that its links from `at` on pass through, in all. */
static int64_t covered(const struct chain *chain, int at, int rank,
                       int64_t extent)
{
    int last = -1;
    for (int i = at; i < chain->count; i++) {
        last = chain->link[i].rank == rank && chain->link[i].axis != NULL
                   ? i
                   : last;
    }
    while (at <= last && chain->link[at].rank != rank) {
        at++;
    }
    if (last < 0 || extent == 0) {
        return extent;
    }
    const struct chain_link *link = &chain->link[at];
    if (link->axis != NULL) {
        return covered(chain, at + 1, rank, lane_extent(link, extent));
    }
    return extent / link->tile * covered(chain, at + 1, rank, link->tile) +
           covered(chain, at + 1, rank, extent % link->tile);
}

struct covering {
    const struct einsum_statement *statement;
    int64_t elements;
};

static bool add_lanes_covered(struct chain *chain, int64_t lanes, bool is_first,
                              void *context)
{
    (void)is_first;
    struct covering *covering = context;
    const struct einsum_statement *s = covering->statement;
    int64_t elements = lanes;
    bool is_idle = false;
    for (int i = 0; i < s->rank_count; i++) {
        int rank = s->rank[i];
        int64_t values =
            covered(chain, 0, rank, chain->workload->rank[rank].extent);
        is_idle |= values == 0;
        if (!s->is_reduced[i] && !num_mul(elements, values, &elements)) {
            return false;
        }
    }
    return is_idle ||
           num_add(covering->elements, elements, &covering->elements);
}

bool chain_count_covered(struct chain *chain, const struct einsum_statement *s,
                         int64_t *elements)
{
    struct covering covering = {s, 0};
    bool fits = each_kind(chain, 0, 1, true, add_lanes_covered, &covering);
    *elements = covering.elements;
    return fits;
}
