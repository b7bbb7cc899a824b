/* Following a chain (chain.h). */
#include "mapping/chain.h"
#include "mapping/flows.h"

#include <string.h>

/* The visits of one region: what is fetched between the first of them, left
 * out, and the last. */
struct visits {
    bool is_empty;
    struct strides moves;
    struct region first;
    struct region last;
};

struct follower {
    const struct chain *chain;
    const struct chain_tile *tile;
    bool fits;
    GHashTable *known; /* struct known -> itself */
};

#define MAX_CORNER 8

/* What was found for the links from `at` on, as if the region began at 0. */
struct known {
    struct {
        int64_t at;
        int64_t is_whole; /* all points exist */
        int64_t extent[EINSUM_MAX_RANKS];
        int64_t corner[MAX_CORNER]; /* where the predicate is */
    } key;
    struct visits visits;
};

static guint known_hash(gconstpointer known)
{
    const unsigned char *bytes =
        (const unsigned char *)&((const struct known *)known)->key;
    guint hash = 2166136261u;
    for (gsize i = 0; i < sizeof(((struct known *)0)->key); i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

static gboolean known_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(&((const struct known *)a)->key,
                  &((const struct known *)b)->key,
                  sizeof(((const struct known *)a)->key)) == 0;
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

/* Positions in a packed operand stand for other coordinates in each of its lines:
 * what they pick of another tensor is another tile, unless all are there. */
static bool is_picked_alike(const struct chain *chain,
                            const struct chain_tile *tile,
                            const struct region *a, const struct region *b)
{
    for (int i = 0; i < chain->masked_count; i++) {
        int packed = 0;
        int line = 0;
        if (!workload_find_packed(chain->workload, chain->masked[i], &packed,
                                  &line) ||
            !flows_is_moved(tile->uses, tile->is_counted, packed)) {
            continue;
        }
        bool is_all = a->low[packed] == 0 &&
                      a->high[packed] == chain->workload->rank[packed].extent;
        if (!is_all &&
            (a->low[line] != b->low[line] || a->high[line] != b->high[line])) {
            return false;
        }
    }
    return true;
}

bool chain_is_same_tile(const struct chain *chain,
                        const struct chain_tile *tile, const struct region *a,
                        const struct region *b)
{
    if (tile->uses == NULL || !is_picked_alike(chain, tile, a, b)) {
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

/* ---- predicates ---------------------------------------------------------- */

enum box_points chain_classify_region(const struct chain *chain,
                                      const struct region *region)
{
    enum box_points points = chain->masked_count == 0 ? BOX_ALL : BOX_NONE;
    for (int i = 0; i < chain->masked_count && points != BOX_ALL; i++) {
        enum box_points part = workload_classify_box(
            chain->workload, chain->masked[i], region->low, region->high);
        points = MAX(points, part);
    }
    return points;
}

/* Where quick answers do not do. */
static bool region_has_point(struct follower *f, const struct region *region)
{
    const struct workload *workload = f->chain->workload;
    for (int i = 0; i < f->chain->masked_count; i++) {
        const struct einsum_statement *s =
            &workload->statements[f->chain->masked[i]];
        int64_t low[EINSUM_MAX_RANKS];
        int64_t high[EINSUM_MAX_RANKS];
        bool has_point = false;
        for (int r = 0; r < s->rank_count; r++) {
            low[r] = region->low[s->rank[r]];
            high[r] = region->high[s->rank[r]];
        }
        f->fits &= box_has_point(workload, f->chain->masked[i], low, high,
                                 &has_point) == OK;
        if (has_point) {
            return true;
        }
    }
    return false;
}

bool chain_has_point(const struct chain *chain, const struct region *region)
{
    enum box_points points = chain_classify_region(chain, region);
    struct follower f = {.chain = chain, .fits = true};
    bool has_point = points == BOX_ALL ||
                     (points == BOX_SOME && region_has_point(&f, region));
    if (!f.fits) {
        BUG("points of a region that was counted exceed 64 bits");
    }
    return has_point;
}

/* ---- visits -------------------------------------------------------------- */

static void shift(struct region *region, int rank, int64_t distance)
{
    region->low[rank] += distance;
    region->high[rank] += distance;
}

/* By how much the tile moves, dimension by dimension. */
static struct stride stride_between(const struct chain_tile *tile,
                                    const struct region *from,
                                    const struct region *to)
{
    struct stride stride = {.is_known = true};
    const struct einsum_access *access = NULL;
    for (guint u = tile->uses->len; u-- > 0;) {
        if (tile->is_counted == NULL || tile->is_counted[u]) {
            access = g_array_index(tile->uses, struct tensor_use, u).access;
        }
    }
    for (int d = 0; access != NULL && d < access->dim_count; d++) {
        int64_t low[2] = {INT64_MAX, INT64_MAX};
        int64_t high[2] = {INT64_MIN, INT64_MIN};
        add_range(&access->index[d], from, &low[0], &high[0]);
        add_range(&access->index[d], to, &low[1], &high[1]);
        stride.by[d] = low[1] - low[0];
    }
    return stride;
}

/* From the last visit of one iteration of link `at` to the first of the next. */
static struct stride_move move_between(struct follower *f, int at,
                                       const struct region *from,
                                       const struct region *to)
{
    struct stride_move move = {.is_none = true};
    if (at >= f->tile->fresh &&
        chain_is_same_tile(f->chain, f->tile, from, to)) {
        return move;
    }
    int64_t kept = 0;
    if (f->tile->kept != NULL) {
        move.by = stride_between(f->tile, from, to);
        f->fits &= f->tile->kept(f->tile->context, from, to, &kept);
    }
    move.is_none = false;
    move.whole = tile_elements(f, to);
    move.fresh = move.whole - kept;
    return move;
}

static void follow(struct follower *f, int at, const struct region *region,
                   bool is_whole, struct visits *visits);

/* Visits of links from `at` on, after others. */
static void append_visits(struct follower *f, int at, struct visits *visits,
                          const struct visits *more)
{
    struct stride_move move = {.is_none = true};
    if (more->is_empty) {
        return;
    }
    if (visits->is_empty) {
        visits->first = more->first;
    } else {
        move = move_between(f, at, &visits->last, &more->first);
    }
    f->fits = f->fits && strides_move(&visits->moves, &move) &&
              strides_append(&visits->moves, &more->moves);
    visits->is_empty = false;
    visits->last = more->last;
}

/* `count` iterations alike, the first of which covers `region`. */
static void append_iterations(struct follower *f, int at,
                              const struct region *region, int64_t count,
                              bool is_whole, struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    struct visits one;
    follow(f, at + 1, region, is_whole, &one);
    append_visits(f, at, visits, &one);
    if (one.is_empty || count == 1) {
        return;
    }
    struct region next = one.first;
    shift(&next, link->rank, link->tile);
    struct stride_move move = move_between(f, at, &one.last, &next);
    f->fits =
        f->fits && strides_repeat(&visits->moves, count - 1, &move, &one.moves);
    shift(&visits->last, link->rank, (count - 1) * link->tile);
}

/* `count` full tiles, which the predicate may tell apart; `region` spans them. */
static void append_masked(struct follower *f, int at,
                          const struct region *region, int64_t count,
                          struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    enum box_points points = chain_classify_region(f->chain, region);
    struct region part = *region;
    if (points == BOX_NONE) {
        return;
    }
    if (points == BOX_ALL || count == 1) {
        part.high[link->rank] =
            MIN(part.high[link->rank], part.low[link->rank] + link->tile);
        append_iterations(f, at, &part, count, points == BOX_ALL, visits);
        return;
    }
    int64_t middle = part.low[link->rank] + count / 2 * link->tile;
    part.high[link->rank] = middle;
    append_masked(f, at, &part, count / 2, visits);
    part = *region;
    part.low[link->rank] = middle;
    append_masked(f, at, &part, count - count / 2, visits);
}

static void follow_loop(struct follower *f, int at, const struct region *region,
                        bool is_whole, struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    int64_t low = region->low[link->rank];
    int64_t high = region->high[link->rank];
    int64_t full = (high - low) / link->tile;
    bool has_rest = (high - low) % link->tile != 0;
    struct region part = *region;
    if (link->is_first) {
        part.high[link->rank] = MIN(high, low + link->tile);
        append_iterations(f, at, &part, 1, is_whole, visits);
        return;
    }
    bool is_masked =
        !is_whole && (f->chain->masked_ranks >> link->rank & 1) != 0;
    if (is_masked && !link->is_last) {
        part.high[link->rank] = low + full * link->tile;
        append_masked(f, at, &part, full, visits);
    } else if (full > 0 && !(link->is_last && has_rest)) {
        int64_t skipped = link->is_last ? full - 1 : 0;
        part.low[link->rank] = low + skipped * link->tile;
        part.high[link->rank] = part.low[link->rank] + link->tile;
        append_iterations(f, at, &part, full - skipped, is_whole, visits);
    }
    if (has_rest) {
        part.low[link->rank] = low + full * link->tile;
        part.high[link->rank] = high;
        append_iterations(f, at, &part, 1, is_whole, visits);
    }
}

static void follow_link(struct follower *f, int at, const struct region *region,
                        bool is_whole, struct visits *visits)
{
    const struct chain_link *link = &f->chain->link[at];
    if (link->axis == NULL) {
        follow_loop(f, at, region, is_whole, visits);
        return;
    }
    struct region part = *region;
    int64_t *low = &part.low[link->rank];
    *low += link->lane * link->tile;
    part.high[link->rank] = MIN(part.high[link->rank], *low + link->tile);
    if (*low < part.high[link->rank]) {
        follow(f, at + 1, &part, is_whole, visits);
    }
}

static void shift_all(struct region *region, const int64_t *distance, int sign)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        region->low[r] += sign * distance[r];
        region->high[r] += sign * distance[r];
    }
}

/* False if such a region cannot be told from others. */
static bool fill_key(const struct follower *f, int at,
                     const struct region *region, bool is_whole,
                     struct known *known)
{
    memset(&known->key, 0, sizeof(known->key));
    known->key.at = at;
    known->key.is_whole = is_whole;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        known->key.extent[r] = region->high[r] - region->low[r];
    }
    int count = 0;
    bool is_affine = true;
    for (int i = 0; i < f->chain->masked_count && !is_whole && is_affine; i++) {
        is_affine = workload_mask_corner(f->chain->workload,
                                         f->chain->masked[i], region->low,
                                         MAX_CORNER, known->key.corner, &count);
    }
    return is_affine;
}

static void follow_new(struct follower *f, int at, const struct region *region,
                       bool is_whole, struct visits *visits)
{
    struct known known;
    bool is_kept = fill_key(f, at, region, is_whole, &known);
    const struct known *found =
        is_kept ? g_hash_table_lookup(f->known, &known) : NULL;
    if (found != NULL) {
        *visits = found->visits;
        shift_all(&visits->first, region->low, 1);
        shift_all(&visits->last, region->low, 1);
        return;
    }
    follow_link(f, at, region, is_whole, visits);
    if (is_kept) {
        known.visits = *visits;
        shift_all(&known.visits.first, region->low, -1);
        shift_all(&known.visits.last, region->low, -1);
        g_hash_table_add(f->known, g_memdup2(&known, sizeof(known)));
    }
}

/* The visits of `region` by the links from `at` on. */
static void follow(struct follower *f, int at, const struct region *region,
                   bool is_whole, struct visits *visits)
{
    *visits = (struct visits){.is_empty = true};
    if (!is_whole) {
        enum box_points points = chain_classify_region(f->chain, region);
        bool is_end = at == f->chain->count || at >= f->chain->masked_links;
        if (points == BOX_NONE ||
            (points == BOX_SOME && is_end && !region_has_point(f, region))) {
            return;
        }
        is_whole = points == BOX_ALL || is_end;
    }
    if (at == f->chain->count) {
        *visits = (struct visits){.first = *region, .last = *region};
        return;
    }
    follow_new(f, at, region, is_whole, visits);
}

/* ---- lanes --------------------------------------------------------------- */

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

bool chain_has_masked_lanes(const struct chain *chain, int at)
{
    return chain->link[at].axis != NULL && chain->masked_count > 0 &&
           (chain->masked_ranks >> chain->link[at].rank & 1U) != 0;
}

static bool each_kind(struct chain *chain, int at, int64_t lanes, bool is_first,
                      chain_lanes_function *function, void *context)
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
    bool is_masked = chain_has_masked_lanes(chain, at);
    for (int64_t lane = 0;;) {
        int64_t next = next_kind(link, lane, extent, extents);
        next = is_masked && next > lane ? lane + 1 : next;
        if (next == lane || (link->is_single && lane > 0)) {
            return fits;
        }
        int64_t kinds = link->is_single ? 1 : next - lane;
        int64_t product = 0;
        link->lane = lane;
        link->alike = kinds;
        fits = fits && num_mul(lanes, kinds, &product) &&
               each_kind(chain, at + 1, product, is_first && lane == 0,
                         function, context);
        lane = next;
    }
}

/* ---- counts -------------------------------------------------------------- */

/* With the first tile, which nothing was before. */
static struct chain_total total_of(struct follower *f,
                                   const struct visits *visits)
{
    const struct stride_pass *pass = &visits->moves.pass[0];
    struct chain_total total = {0, pass->events + 1};
    f->fits =
        f->fits && num_add(pass->elements, tile_elements(f, &visits->first),
                           &total.elements);
    return total;
}

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
        .known = g_hash_table_new_full(known_hash, known_equal, g_free, NULL),
    };
    struct region all = {{0}, {0}};
    for (int r = 0; r < chain->workload->rank_count; r++) {
        all.high[r] = chain->workload->rank[r].extent;
    }
    struct visits visits;
    follow(&f, 0, &all, chain->masked_count == 0, &visits);
    g_hash_table_unref(f.known);
    if (visits.is_empty) {
        return true;
    }
    struct chain_total total = total_of(&f, &visits);
    if (is_first) {
        fetching->total->events = total.events;
    }
    int64_t product = 0;
    int64_t times = fetching->tile->counts_lanes ? 1 : lanes;
    return f.fits && num_mul(total.elements, times, &product) &&
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

bool chain_count_region(const struct chain *chain,
                        const struct chain_tile *tile, int at,
                        const struct region *region, struct chain_total *total)
{
    struct follower f = {
        .chain = chain,
        .tile = tile,
        .fits = true,
        .known = g_hash_table_new_full(known_hash, known_equal, g_free, NULL),
    };
    struct visits visits;
    follow(&f, at, region, chain->masked_count == 0, &visits);
    g_hash_table_unref(f.known);
    *total = (struct chain_total){0, 0};
    if (!visits.is_empty) {
        *total = total_of(&f, &visits);
    }
    return f.fits;
}

/* The visits before the one at the end of `left`, by iterations of one loop after
 * another that came earlier, lead to the stride that it goes on by, or not. */
bool chain_count_visit(const struct chain *chain, const struct chain_tile *tile,
                       const struct region *left, int64_t *elements)
{
    struct follower f = {
        .chain = chain,
        .tile = tile,
        .fits = true,
        .known = g_hash_table_new_full(known_hash, known_equal, g_free, NULL),
    };
    struct visits before = {.is_empty = true};
    int depth = chain->count;
    for (int i = 0; i < depth; i++) {
        const struct chain_link *link = &chain->link[i];
        struct region earlier = left[i];
        earlier.high[link->rank] = left[i + 1].low[link->rank];
        if (link->axis == NULL && !link->is_last &&
            earlier.low[link->rank] < earlier.high[link->rank]) {
            struct visits more = {.is_empty = true};
            follow_loop(&f, i, &earlier, chain->masked_count == 0, &more);
            append_visits(&f, i, &before, &more);
        }
    }
    g_hash_table_unref(f.known);
    struct stride_move move = {.whole = tile_elements(&f, &left[depth])};
    bool goes_on = false;
    if (!before.is_empty) {
        move = move_between(&f, tile->fresh, &before.last, &left[depth]);
        goes_on = stride_goes_on(&before.moves.pass[0].after, &move.by);
    }
    *elements = goes_on ? move.fresh : move.whole;
    return f.fits;
}

bool chain_each_kind(struct chain *chain, chain_lanes_function *function,
                     void *context)
{
    return each_kind(chain, 0, 1, true, function, context);
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
