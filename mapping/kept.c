/* Are the elements that a leaf reads among those its producer has left for it?
 *
 * Producer X and reader Y stand below the same loops, so both see the same tiles
 * of their ranks; but an index may reach beyond (Y[2*q2+x] from Y[q]), or Y may
 * run in the last iteration only and want what the others made. Per dimension, an
 * index is an offset that the loops above move, plus a range that the ranks run
 * through below. In a hold that changes its tile with those loops, the range read
 * must lie in the range written; and nothing may be read that a later iteration
 * of the loops above both is yet to write. */
#include "mapping/builder.h"

/* Half open. */
struct range {
    int64_t low;
    int64_t high;
};

static bool runs_last(const struct plan *plan, const struct plan_leaf *leaf,
                      int rank)
{
    for (int i = 0; i < leaf->at_count; i++) {
        if (plan->nodes[leaf->at_node[i]].rank == rank) {
            return true;
        }
    }
    return false;
}

/* Values of the index when every rank (by id) runs through `extent` from
 * `first`. */
static struct range index_range(const struct affine *index,
                                const int64_t *first, const int64_t *extent)
{
    struct range range = {index->constant, index->constant + 1};
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = index->coefficient[r];
        if (coefficient == 0) {
            continue;
        }
        int64_t reach = coefficient * (extent[r] - 1);
        range.low += coefficient * first[r] + MIN(reach, 0);
        range.high += coefficient * first[r] + MAX(reach, 0);
    }
    return range;
}

/* Is everything along the dimension written in each iteration? */
static bool is_all(const struct plan *plan, const struct affine *written,
                   const int64_t *extent)
{
    for (int r = 0; r < plan->workload->rank_count; r++) {
        if (written->coefficient[r] != 0 &&
            extent[r] != plan->workload->rank[r].extent) {
            return false;
        }
    }
    return true;
}

/* Does the index that is read stay within the one written, whatever iteration
 * the loops above `node` are in? `is_past_kept`: earlier elements are kept. */
static bool stays_within(const struct plan *plan, const struct affine *read,
                         const struct affine *written,
                         const struct plan_leaf *reader, int node,
                         bool is_past_kept)
{
    int64_t first[EINSUM_MAX_RANKS] = {0};
    int64_t extent[EINSUM_MAX_RANKS] = {0};
    node_extents(plan, node, extent);
    if (is_all(plan, written, extent)) {
        return true;
    }
    for (int r = 0; r < plan->workload->rank_count; r++) {
        int64_t whole = plan->workload->rank[r].extent;
        if (extent[r] == whole) {
            continue;
        }
        if (runs_last(plan, reader, r)) {
            first[r] = whole - extent[r];
        } else if (read->coefficient[r] != written->coefficient[r]) {
            return false;
        }
    }
    struct range wanted = index_range(read, first, extent);
    struct range made = index_range(written, first, extent);
    return wanted.high <= made.high && (is_past_kept || wanted.low >= made.low);
}

bool read_stays_within(const struct plan *plan, int reader,
                       const struct einsum_access *read,
                       const struct einsum_access *written, int node,
                       bool is_past_kept)
{
    for (int d = 0; d < read->dim_count; d++) {
        if (!stays_within(plan, &read->index[d], &written->index[d],
                          &plan->leaves[reader], node, is_past_kept)) {
            return false;
        }
    }
    return true;
}
