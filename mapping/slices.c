/* How many slices along its iterative dimension a tensor needs in a hold above
 * that rank's loop. One, where a new value takes the place of the one before; one
 * more for every value that is written while an older one is still to be taken.
 *
 * Read Y wants the value that its producer X overwrites in Y's own iteration (the
 * value before), or `distance` iterations later (the value just made). In a
 * pipeline X writes in step i + delay(X), Y reads in step i + delay(Y); values
 * follow one another every `distance` steps. */
#include "mapping/builder.h"

struct taking {
    const struct tensor_use *producer;
    const struct tensor_use *reader;
    int hold;
    int tensor;
    int common; /* node */
};

/* The hold nearest below `hold` on the way to the leaf that keeps the tensor; -1:
 * the leaf takes it from `hold`. */
static int next_hold(struct builder *b, int hold, int leaf, int tensor)
{
    int found = -1;
    for (int n = b->plan->leaves[leaf].node; n != hold;
         n = b->plan->nodes[n].parent) {
        const struct plan_node *node = &b->plan->nodes[n];
        if (node->kind == PLAN_HOLD && !node->is_stream &&
            node_holds(node, tensor)) {
            found = n;
        }
    }
    return found;
}

/* Which child of `common` contains the leaf? */
static int branch_of(struct builder *b, int common, int leaf)
{
    int n = b->plan->leaves[leaf].node;
    while (b->plan->nodes[n].parent != common) {
        n = b->plan->nodes[n].parent;
    }
    return n;
}

/* Iterations of the loops above `node` between two steps of the rank. */
static int64_t step_distance(struct builder *b, int node, int rank)
{
    int loops[MAX_LOOPS];
    int64_t distance = 1;
    for (int i = node_loops(b->plan, -1, node, loops); i-- > 0;) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        if (loop->rank == rank && loop->trips > 1) {
            break;
        }
        distance *= loop->least_trips;
    }
    return distance;
}

/* Values written between the making of the one that is taken, `lag` steps after
 * it could first be overwritten, and its taking. */
static int64_t count_written(int64_t lag, int64_t distance, bool is_after)
{
    if (lag < 0) {
        return 0;
    }
    return lag / distance + (lag % distance > 0 || is_after);
}

/* Earliest delay of those below `inner` that read what the producer made steps
 * before: then a hold above the pipeline is filled. */
static int fill_delay(struct builder *b, int inner, const GArray *uses)
{
    int earliest = INT_MAX;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        const struct plan_leaf *leaf = &b->plan->leaves[use->leaf];
        if (!use->is_write && plan_is_above(b->plan, inner, leaf->node)) {
            earliest = MIN(earliest, leaf_delay(b->plan, leaf));
        }
    }
    return earliest;
}

static int64_t count_in_pipeline(struct builder *b, const struct taking *t,
                                 int64_t shift, const GArray *uses)
{
    int rank = b->workload->tensors[t->tensor].iterative_rank;
    int64_t distance = step_distance(b, t->common, rank);
    const struct plan_node *x =
        &b->plan->nodes[branch_of(b, t->common, t->producer->leaf)];
    const struct plan_node *y =
        &b->plan->nodes[branch_of(b, t->common, t->reader->leaf)];
    int64_t lag = y->delay - x->delay - (1 - shift) * distance;
    int inner = next_hold(b, t->hold, t->reader->leaf, t->tensor);
    if (inner >= 0 && plan_is_above(b->plan, inner, t->common)) {
        lag += fill_delay(b, inner, uses) - y->delay;
        return count_written(lag, distance, false);
    }
    return count_written(lag, distance,
                         y->slot > x->slot || (y->slot == x->slot && y > x));
}

static int64_t count_for_read(struct builder *b, const struct taking *t,
                              int64_t shift, const GArray *uses)
{
    if (t->producer->leaf == t->reader->leaf) {
        return 0;
    }
    if (b->plan->nodes[t->common].kind == PLAN_PIPELINE) {
        return count_in_pipeline(b, t, shift, uses);
    }
    int inner = next_hold(b, t->hold, t->reader->leaf, t->tensor);
    bool is_before = (inner >= 0 && plan_is_above(b->plan, inner, t->common)) ||
                     t->reader->leaf < t->producer->leaf;
    return MAX(0, shift - is_before);
}

static const struct tensor_use *find_producer(const GArray *uses)
{
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        if (use->is_write) {
            return use;
        }
    }
    return NULL;
}

int64_t hold_count_slices(struct builder *b, int hold, int tensor,
                          const GArray *uses)
{
    const struct einsum_tensor *t = &b->workload->tensors[tensor];
    const struct tensor_use *producer = find_producer(uses);
    if (t->iterative_dim < 0 || producer == NULL ||
        node_extent(b->plan, hold, t->iterative_rank) == 1) {
        return 0;
    }
    const struct affine *written = &producer->access->index[t->iterative_dim];
    int64_t slices = 1;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        const struct affine *read = &use->access->index[t->iterative_dim];
        if (use->is_write || use->is_forwarded ||
            read->coefficient[t->iterative_rank] == 0) {
            continue;
        }
        int common = node_common(b->plan, b->plan->leaves[producer->leaf].node,
                                 b->plan->leaves[use->leaf].node);
        if (use->leaf != producer->leaf &&
            node_extent(b->plan, common, t->iterative_rank) > 1) {
            return 0; /* many are made before any is read */
        }
        struct taking taking = {producer, use, hold, tensor, common};
        slices =
            MAX(slices,
                1 + count_for_read(b, &taking,
                                   written->constant - read->constant, uses));
    }
    return slices;
}
