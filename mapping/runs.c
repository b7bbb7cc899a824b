/* Runs: iterations of a phase's loop whose schedules are alike, for those who skip
 * what repeats.
 *
 * Tiles of a loop are alike but for the remainder. Where a predicate names the
 * loop's rank, they are as long as, with the indices of the loops outside, all
 * points of the masked statements' boxes exist, or none: every visit inside then
 * happens, or none does. Inside a run visits have neighbours in the trips beside
 * theirs, so that, but for the run's first and last trip, events differ in place
 * alone (moves.c). */
#include "mapping/builder.h"

/* Where the loops outside stand: the place of one loop of a phase. */
struct place {
    const struct plan *plan;
    int phase;
    int loop;                         /* node */
    bool is_spread[EINSUM_MAX_RANKS]; /* over lanes: no box */
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
};

/* Does the loop's index decide which points of the leaf exist? */
static bool is_masked_by(const struct place *place, int leaf_id)
{
    const struct plan *plan = place->plan;
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    int rank = plan->nodes[place->loop].rank;
    return leaf->is_masked && leaf->phase == place->phase &&
           (workload_mask_ranks(plan->workload, leaf->statement) >> rank & 1) !=
               0;
}

static enum box_points classify(const struct place *place, int leaf,
                                int64_t first, int64_t end)
{
    const struct plan *plan = place->plan;
    const struct plan_node *loop = &plan->nodes[place->loop];
    int statement = plan->leaves[leaf].statement;
    unsigned ranks = workload_mask_ranks(plan->workload, statement);
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        low[r] = place->low[r];
        high[r] = place->high[r];
        if (place->is_spread[r] && (ranks >> r & 1) != 0) {
            return BOX_SOME;
        }
    }
    low[loop->rank] = place->low[loop->rank] + first * loop->tile;
    high[loop->rank] =
        MIN(high[loop->rank], place->low[loop->rank] + end * loop->tile);
    return workload_classify_box(plan->workload, statement, low, high);
}

/* Are trips [first, end) alike for all masked leaves? */
static bool are_alike(const struct place *place, int64_t first, int64_t end)
{
    for (int l = 0; l < place->plan->leaf_count; l++) {
        if (is_masked_by(place, l) &&
            classify(place, l, first, end) == BOX_SOME) {
            return false;
        }
    }
    return true;
}

/* The end of the trips like `first`, at most `end`. */
static int64_t find_end(const struct place *place, int64_t first, int64_t end)
{
    int64_t alike = first;
    while (alike < end) {
        int64_t middle = alike + (end - alike + 1) / 2;
        if (are_alike(place, first, middle)) {
            alike = middle;
        } else {
            end = middle - 1;
        }
    }
    return alike;
}

/* Results that come back do so where an earlier visit had them: which visits
 * exist elsewhere then matters, too. */
static bool comes_back(const struct plan *plan)
{
    bool is_any = false;
    for (int f = 0; f < plan->flow_count; f++) {
        is_any |=
            plan->flows[f].kind == FLOW_REFILL && plan->flows[f].total > 0;
    }
    return is_any;
}

/* Narrows a run of full tiles to what predicates leave alike from trip `index`
 * on. */
static bool narrow_to_alike(const struct place *place, int64_t index,
                            struct walk_run *run)
{
    bool is_masked = false;
    for (int l = 0; l < place->plan->leaf_count; l++) {
        is_masked |= is_masked_by(place, l);
    }
    if (!is_masked) {
        return true;
    }
    int64_t end =
        comes_back(place->plan) ? index : find_end(place, index, run->trips);
    run->begin += index * run->inside;
    run->trips = end - index;
    return run->trips > 0;
}

bool walk_find_run(const struct plan *plan, int phase, int loop,
                   int64_t iteration, struct walk_run *run)
{
    const struct plan_phase *p = &plan->phases[phase];
    struct place place = {.plan = plan, .phase = phase, .loop = p->loops[loop]};
    int64_t index[MAX_NODES];
    int64_t extent[EINSUM_MAX_RANKS];
    bool is_uneven[EINSUM_MAX_RANKS] = {false}; /* lanes have other extents */
    int splits[MAX_LOOPS];
    int count = node_splits(plan, p->children[0].node, splits);
    walk_decode_uneven(plan, p, iteration, index);
    for (int r = 0; r < plan->workload->rank_count; r++) {
        extent[r] = plan->workload->rank[r].extent;
    }
    run->begin = 0;
    for (int i = 0; i < count; i++) {
        const struct plan_node *split = &plan->nodes[splits[i]];
        int64_t left = extent[split->rank];
        int64_t full = left / split->tile;
        extent[split->rank] = MIN(left, split->tile);
        if (split->kind == PLAN_SPATIAL) {
            is_uneven[split->rank] |= left % split->tile != 0;
            place.is_spread[split->rank] = true;
            continue;
        }
        if (!splits_count_iterations(plan, splits, count, i + 1, extent,
                                     &run->inside)) {
            BUG("iterations exceed 64 bits");
        }
        if (splits[i] == place.loop) {
            run->trips = full;
            for (int r = 0; r < plan->workload->rank_count; r++) {
                place.high[r] = place.low[r] + extent[r];
            }
            place.high[split->rank] = place.low[split->rank] + left;
            return index[splits[i]] < full && !is_uneven[split->rank] &&
                   narrow_to_alike(&place, index[splits[i]], run);
        }
        run->begin += index[splits[i]] * run->inside;
        place.low[split->rank] += index[splits[i]] * split->tile;
        if (full > 0 && index[splits[i]] == full) {
            extent[split->rank] = left % split->tile;
        }
    }
    BUG("loop %d is none of phase %d", loop, phase);
}
