/* Questions about the tree of a plan and about accesses: who stands above whom,
 * how large is a tile here, which values does an index take. */
#include <string.h>

#include "mapping/builder.h"

bool plan_is_above(const struct plan *plan, int node, int descendant)
{
    for (int n = descendant; n >= 0; n = plan->nodes[n].parent) {
        if (n == node) {
            return true;
        }
    }
    return false;
}

int node_common(const struct plan *plan, int a, int b)
{
    while (a != b) { /* in preorder what stands below comes later */
        if (a > b) {
            a = plan->nodes[a].parent;
        } else {
            b = plan->nodes[b].parent;
        }
    }
    return a;
}

int node_loops(const struct plan *plan, int top, int node, int loops[MAX_LOOPS])
{
    int count = 0;
    for (int n = plan->nodes[node].parent; n >= 0 && n != top;
         n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_LOOP && count < MAX_LOOPS) {
            loops[count++] = n;
        }
    }
    for (int i = 0; i < count / 2; i++) {
        int swap = loops[i];
        loops[i] = loops[count - 1 - i];
        loops[count - 1 - i] = swap;
    }
    return count;
}

bool node_is_split(const struct plan_node *node)
{
    return node->kind == PLAN_LOOP || node->kind == PLAN_SPATIAL;
}

int node_splits(const struct plan *plan, int node, int splits[MAX_LOOPS])
{
    int count = 0;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        count += node_is_split(&plan->nodes[n]);
    }
    int at = count;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (node_is_split(&plan->nodes[n])) {
            splits[--at] = n;
        }
    }
    return count;
}

static int64_t count_rank_iterations(const struct plan *plan, const int *splits,
                                     int count, int from, int rank,
                                     int64_t extent)
{
    while (from < count && plan->nodes[splits[from]].rank != rank) {
        from++;
    }
    if (from == count || extent == 0) {
        return extent > 0;
    }
    const struct plan_node *split = &plan->nodes[splits[from]];
    if (split->kind == PLAN_SPATIAL) {
        return count_rank_iterations(plan, splits, count, from + 1, rank,
                                     MIN(extent, split->tile));
    }
    return extent / split->tile *
               count_rank_iterations(plan, splits, count, from + 1, rank,
                                     split->tile) +
           count_rank_iterations(plan, splits, count, from + 1, rank,
                                 extent % split->tile);
}

bool splits_count_iterations(const struct plan *plan, const int *splits,
                             int count, int from, const int64_t *extent,
                             int64_t *iterations)
{
    *iterations = 1;
    for (int r = 0; r < plan->workload->rank_count; r++) {
        if (!num_mul(
                *iterations,
                count_rank_iterations(plan, splits, count, from, r, extent[r]),
                iterations)) {
            return false;
        }
    }
    return true;
}

static int add_extent(int64_t *extent, int count, int64_t value)
{
    for (int i = 0; i < count; i++) {
        if (extent[i] == value) {
            return count;
        }
    }
    extent[count] = value;
    return count + 1;
}

/* A tile T of an extent E leaves T, if it fits, and E % T, if it does not
 * divide. Largest first: so is what the largest extent leaves. */
int node_possible_extents(const struct plan *plan, int node, int rank,
                          int64_t extent[MAX_EXTENTS])
{
    int splits[MAX_LOOPS];
    int loops = node_splits(plan, node, splits);
    int count = 1;
    extent[0] = plan->workload->rank[rank].extent;
    for (int i = 0; i < loops; i++) {
        const struct plan_node *loop = &plan->nodes[splits[i]];
        if (loop->rank != rank) {
            continue;
        }
        int64_t before[MAX_EXTENTS];
        int befores = count;
        memcpy(before, extent, sizeof(int64_t) * (size_t)befores);
        count = 0;
        for (int e = 0; e < befores; e++) {
            count = add_extent(extent, count, MIN(before[e], loop->tile));
        }
        for (int e = 0; e < befores && count < MAX_EXTENTS; e++) {
            if (before[e] > loop->tile && before[e] % loop->tile != 0) {
                count = add_extent(extent, count, before[e] % loop->tile);
            }
        }
    }
    return count;
}

bool node_holds(const struct plan_node *node, int tensor)
{
    for (int i = 0; i < node->held_count; i++) {
        if (node->held[i] == tensor) {
            return true;
        }
    }
    return false;
}

int node_find_hold(const struct plan *plan, int node, int tensor)
{
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_HOLD &&
            node_holds(&plan->nodes[n], tensor)) {
            return n;
        }
    }
    return -1;
}

void node_extents(const struct plan *plan, int node,
                  int64_t extent[EINSUM_MAX_RANKS])
{
    const struct workload *workload = plan->workload;
    bool is_set[EINSUM_MAX_RANKS] = {false};
    for (int r = 0; r < workload->rank_count; r++) {
        extent[r] = workload->rank[r].extent;
    }
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        const struct plan_node *loop = &plan->nodes[n];
        if (node_is_split(loop) && loop->rank >= 0 && !is_set[loop->rank]) {
            extent[loop->rank] = loop->tile;
            is_set[loop->rank] = true;
        }
    }
}

int64_t node_extent(const struct plan *plan, int node, int rank)
{
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        const struct plan_node *loop = &plan->nodes[n];
        if (node_is_split(loop) && loop->rank == rank) {
            return loop->tile;
        }
    }
    return plan->workload->rank[rank].extent;
}

int workload_resolve_tensor(const struct workload *workload, int tensor)
{
    int producer = workload->tensors[tensor].producer;
    while (producer >= 0 &&
           workload->statements[producer].kind == EINSUM_VIEW) {
        tensor = workload->statements[producer].resolved_reads[0].tensor;
        producer = workload->tensors[tensor].producer;
    }
    return tensor;
}

bool access_uses_rank(const struct einsum_access *access, int rank)
{
    for (int d = 0; d < access->dim_count; d++) {
        if (access->index[d].coefficient[rank] != 0) {
            return true;
        }
    }
    return false;
}

/* The lowest value of an index when each rank runs from 0, and one more than the
 * highest. */
static void affine_range(const struct affine *index, const int64_t *extent,
                         int64_t *low, int64_t *high)
{
    *low = index->constant;
    *high = index->constant + 1;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t reach = index->coefficient[r];
        if (reach != 0) {
            reach *= extent[r] - 1;
            *(reach < 0 ? low : high) += reach;
        }
    }
}

/* The rank that moves the index least, of those not done. */
static int next_smallest(const struct affine *index, const bool *is_done)
{
    int found = -1;
    int64_t least = 0;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = ABS(index->coefficient[r]);
        if (coefficient != 0 && !is_done[r] &&
            (found < 0 || coefficient < least)) {
            found = r;
            least = coefficient;
        }
    }
    return found;
}

/* Ranks by increasing coefficient: what those so far reach is a row of `count`
 * values `stride` apart. The next rank repeats the row at a distance: with a gap
 * (all new), or so that rows meet or overlap on the same grid (one longer row).
 * Rows that overlap off the grid are counted as if they did not, up to the whole
 * range: more than there are. */
int64_t affine_count_values(const struct affine *index, const int64_t *extent)
{
    bool is_done[EINSUM_MAX_RANKS] = {false};
    int64_t count = 1;
    int64_t span = 1;
    int64_t stride = 0; /* 0: one value; -1: no row */
    for (int r = next_smallest(index, is_done); r >= 0;
         r = next_smallest(index, is_done)) {
        int64_t step = ABS(index->coefficient[r]);
        is_done[r] = true;
        if (extent[r] == 1) {
            continue;
        }
        bool is_row = stride == 0 || (stride > 0 && step % stride == 0 &&
                                      step <= span - 1 + stride);
        int64_t repeated = count * extent[r];
        bool is_disjoint = step >= span;
        span += step * (extent[r] - 1);
        stride = stride == 0 ? step : is_row ? stride : -1;
        count = is_row        ? (span - 1) / stride + 1
                : is_disjoint ? repeated
                              : MIN(repeated, span);
    }
    return count;
}

bool affine_equal(const struct affine *a, const struct affine *b)
{
    return a->constant == b->constant &&
           memcmp(a->coefficient, b->coefficient, sizeof(a->coefficient)) == 0;
}

static int64_t uses_count_dim(const GArray *uses, const bool *is_counted,
                              int dim, const int64_t *extent)
{
    const struct affine *first = NULL;
    bool is_same = true;
    int64_t low = 0;
    int64_t high = 0;
    for (guint u = 0; u < uses->len; u++) {
        if (is_counted != NULL && !is_counted[u]) {
            continue;
        }
        const struct affine *index =
            &g_array_index(uses, struct tensor_use, u).access->index[dim];
        int64_t from = 0;
        int64_t to = 0;
        affine_range(index, extent, &from, &to);
        low = first == NULL || from < low ? from : low;
        high = first == NULL || to > high ? to : high;
        first = first == NULL ? index : first;
        is_same &= affine_equal(first, index);
    }
    return is_same && first != NULL ? affine_count_values(first, extent)
                                    : high - low;
}

bool uses_count_elements(const GArray *uses, const bool *is_counted,
                         const int64_t *extent, int skipped_dim,
                         int64_t *elements)
{
    int dims = g_array_index(uses, struct tensor_use, 0).access->dim_count;
    *elements = 1;
    for (int d = 0; d < dims; d++) {
        if (d != skipped_dim &&
            !num_mul(*elements, uses_count_dim(uses, is_counted, d, extent),
                     elements)) {
            return false;
        }
    }
    return true;
}

bool leaf_is_handed(const struct plan *plan, int leaf,
                    const struct einsum_access *read)
{
    int first = plan->leaves[leaf].forward_from;
    for (int f = first; f >= 0 && f < leaf; f++) {
        int from = plan->leaves[f].statement;
        if (plan->workload->statements[from].output.tensor == read->tensor) {
            return !plan_reads_previous(plan, read);
        }
    }
    return false;
}

GArray *plan_uses(const struct plan *plan, int tensor)
{
    GArray *uses = g_array_new(FALSE, TRUE, sizeof(struct tensor_use));
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        const struct einsum_statement *s =
            &plan->workload->statements[leaf->statement];
        for (int i = 0; i < s->read_count; i++) {
            if (s->resolved_reads[i].tensor != tensor) {
                continue;
            }
            bool is_forwarded = leaf_is_handed(plan, l, &s->resolved_reads[i]);
            struct tensor_use use = {l, false, is_forwarded,
                                     &s->resolved_reads[i]};
            g_array_append_val(uses, use);
        }
        if (s->output.tensor == tensor) {
            struct tensor_use use = {l, true, false, &s->output};
            g_array_append_val(uses, use);
        }
    }
    return uses;
}

static const struct plan_node *leaf_pipeline_child(const struct plan *plan,
                                                   const struct plan_leaf *leaf)
{
    for (int n = leaf->node; n >= 0; n = plan->nodes[n].parent) {
        int parent = plan->nodes[n].parent;
        if (parent >= 0 && plan->nodes[parent].kind == PLAN_PIPELINE) {
            return &plan->nodes[n];
        }
    }
    return NULL;
}

int leaf_delay(const struct plan *plan, const struct plan_leaf *leaf)
{
    const struct plan_node *child = leaf_pipeline_child(plan, leaf);
    return child == NULL ? 0 : child->delay;
}

int leaf_slot(const struct plan *plan, const struct plan_leaf *leaf)
{
    const struct plan_node *child = leaf_pipeline_child(plan, leaf);
    return child == NULL ? 0 : child->slot;
}

bool plan_reads_previous(const struct plan *plan,
                         const struct einsum_access *read)
{
    const struct einsum_tensor *t = &plan->workload->tensors[read->tensor];
    if (t->iterative_dim < 0 || t->producer < 0) {
        return false;
    }
    const struct affine *mine = &read->index[t->iterative_dim];
    const struct affine *written =
        &plan->workload->statements[t->producer].output.index[t->iterative_dim];
    return mine->coefficient[t->iterative_rank] != 0 &&
           mine->constant < written->constant;
}
