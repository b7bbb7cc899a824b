/* Questions about the tree of a plan and about accesses: who stands above whom,
 * how large is a tile here, which values does an index take. */
#include <string.h>

#include "mapping/builder.h"

bool node_is_above(const struct plan *plan, int node, int descendant)
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
    while (!node_is_above(plan, a, b)) {
        a = plan->nodes[a].parent;
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
        if (loop->kind == PLAN_LOOP && loop->rank >= 0 && !is_set[loop->rank]) {
            extent[loop->rank] = loop->tile;
            is_set[loop->rank] = true;
        }
    }
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

int64_t access_dim_extent(const struct einsum_access *access, int dim,
                          const int64_t *extent)
{
    int64_t span = 1;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = access->index[dim].coefficient[r];
        if (coefficient != 0) {
            span += (coefficient < 0 ? -coefficient : coefficient) *
                    (extent[r] - 1);
        }
    }
    return span;
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
            bool is_forwarded = false;
            for (int f = leaf->forward_from; f >= 0 && f < l; f++) {
                const struct plan_leaf *from = &plan->leaves[f];
                is_forwarded |=
                    plan->workload->statements[from->statement].output.tensor ==
                    tensor;
            }
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

bool use_is_previous(const struct plan *plan, int tensor,
                     const struct einsum_access *read)
{
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    if (t->iterative_dim < 0 || t->producer < 0) {
        return false;
    }
    const struct affine *mine = &read->index[t->iterative_dim];
    const struct affine *written =
        &plan->workload->statements[t->producer].output.index[t->iterative_dim];
    return mine->coefficient[t->iterative_rank] != 0 &&
           mine->constant < written->constant;
}
