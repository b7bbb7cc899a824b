/* What the tiles of a hold have in common with one another: windows that overlap
 * (I[p+r]) as loops move them. A hold keeps that (strides.h) of a tensor which all
 * that read it below index alike, unless it says `refetch`. */
#include "mapping/chain.h"
#include "mapping/flows.h"

/* Values of one index that both tiles take, looked at one by one; beyond this many
 * a tile with gaps is fetched whole. */
#define MAX_VALUES (1 << 20)

bool affine_overlaps(const struct workload *workload,
                     const struct affine *index)
{
    int64_t span = 1;
    for (int64_t least = 1; least > 0;) {
        int next = -1;
        for (int k = 0; k < workload->rank_count; k++) {
            int64_t c = ABS(index->coefficient[k]);
            if (workload->rank[k].extent > 1 && c >= least &&
                (next < 0 || c < ABS(index->coefficient[next]))) {
                next = k;
            }
        }
        if (next < 0) {
            return false;
        }
        int64_t step = ABS(index->coefficient[next]);
        if (step < span) {
            return true;
        }
        span = step * workload->rank[next].extent;
        least = step + 1;
        for (int k = 0; k < workload->rank_count; k++) {
            if (k != next && workload->rank[k].extent > 1 &&
                ABS(index->coefficient[k]) == step) {
                return true;
            }
        }
    }
    return false;
}

/* ---- which holds keep --------------------------------------------------- */

static bool is_index_equal(const struct einsum_access *a,
                           const struct einsum_access *b)
{
    for (int d = 0; d < a->dim_count; d++) {
        if (!affine_equal(&a->index[d], &b->index[d])) {
            return false;
        }
    }
    return a->beyond_affine == 0 && b->beyond_affine == 0;
}

bool uses_keep_overlap(const struct plan *plan, int hold, int tensor,
                       const GArray *uses, const bool *is_counted)
{
    const struct einsum_access *read = NULL;
    bool overlaps = false;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        if (use->is_write ||
            (is_counted == NULL ? use->is_forwarded : !is_counted[u])) {
            continue;
        }
        if (read != NULL && !is_index_equal(read, use->access)) {
            return false;
        }
        read = use->access;
    }
    for (int d = 0; read != NULL && d < read->dim_count; d++) {
        overlaps |= affine_overlaps(plan->workload, &read->index[d]);
    }
    return overlaps && !plan->nodes[hold].refetches &&
           plan->workload->tensors[tensor].iterative_dim < 0;
}

/* Does a loop above the hold move such windows? */
static bool is_moved_above(const struct plan *plan, int hold,
                           const struct einsum_access *read)
{
    int loops[MAX_LOOPS];
    int count = node_loops(plan, -1, hold, loops);
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &plan->nodes[loops[i]];
        for (int d = 0; d < read->dim_count && loop->trips > 1; d++) {
            if (read->index[d].coefficient[loop->rank] != 0 &&
                affine_overlaps(plan->workload, &read->index[d])) {
                return true;
            }
        }
    }
    return false;
}

bool hold_keeps_overlap(struct builder *b, int hold)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    bool keeps = false;
    for (int i = 0; i < node->held_count && !node->is_stream && !keeps; i++) {
        g_autoptr(GArray) uses = uses_below(b, hold, node->held[i]);
        if (!uses_keep_overlap(b->plan, hold, node->held[i], uses, NULL)) {
            continue;
        }
        for (guint u = 0; u < uses->len; u++) {
            const struct tensor_use *use =
                &g_array_index(uses, struct tensor_use, u);
            keeps |=
                !use->is_write && is_moved_above(b->plan, hold, use->access);
        }
    }
    return keeps;
}

/* ---- how much ------------------------------------------------------------ */

/* The values of an index in a region. */
struct values {
    const struct affine *index;
    const struct region *region;
    int64_t low;
    int64_t high;
    bool has_gaps;
};

static struct values values_of(const struct affine *index,
                               const struct region *region)
{
    struct values values = {index, region, index->constant, index->constant + 1,
                            false};
    int64_t extent[EINSUM_MAX_RANKS];
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t c = index->coefficient[r];
        extent[r] = region->high[r] - region->low[r];
        if (c != 0) {
            int64_t first = c * region->low[r];
            int64_t last = c * (region->high[r] - 1);
            values.low += MIN(first, last);
            values.high += MAX(first, last);
        }
    }
    values.has_gaps =
        affine_count_values(index, extent) != values.high - values.low;
    return values;
}

/* Marks the values at and beyond `value`, by the ranks from `rank` on. */
static void mark(const struct values *values, int rank, int64_t value,
                 char *marks)
{
    while (rank < EINSUM_MAX_RANKS && values->index->coefficient[rank] == 0) {
        rank++;
    }
    if (rank == EINSUM_MAX_RANKS) {
        marks[value - values->low] = 1;
        return;
    }
    for (int64_t i = values->region->low[rank]; i < values->region->high[rank];
         i++) {
        mark(values, rank + 1, value + i * values->index->coefficient[rank],
             marks);
    }
}

static int64_t count_common(const struct values *a, const struct values *b)
{
    int64_t low = MAX(a->low, b->low);
    int64_t high = MIN(a->high, b->high);
    if (low >= high || (!a->has_gaps && !b->has_gaps)) {
        return MAX(high - low, 0);
    }
    int64_t sizes[2] = {a->high - a->low, b->high - b->low};
    if (sizes[0] > MAX_VALUES || sizes[1] > MAX_VALUES) {
        return 0;
    }
    g_autofree char *in_a = g_new0(char, (gsize)sizes[0]);
    g_autofree char *in_b = g_new0(char, (gsize)sizes[1]);
    mark(a, 0, a->index->constant, in_a);
    mark(b, 0, b->index->constant, in_b);
    int64_t common = 0;
    for (int64_t v = low; v < high; v++) {
        common += in_a[v - a->low] != 0 && in_b[v - b->low] != 0;
    }
    return common;
}

bool hold_tile_kept(const void *hold_tile, const struct region *from,
                    const struct region *to, int64_t *elements)
{
    const struct hold_tile *tile = hold_tile;
    guint u = 0;
    while (!tile->is_counted[u]) {
        u++;
    }
    const struct einsum_access *read =
        g_array_index(tile->uses, struct tensor_use, u).access;
    *elements = 1;
    for (int d = 0; d < read->dim_count; d++) {
        struct values before = values_of(&read->index[d], from);
        struct values now = values_of(&read->index[d], to);
        if (!num_mul(*elements, count_common(&before, &now), elements)) {
            return false;
        }
    }
    return true;
}
