/* Is every operand there, and finished, when it is read? Checked per pair of
 * producer X and reader Y of a tensor, at their deepest common ancestor:
 *   phases, sequence  X's branch comes first
 *   pipeline          X's iteration i runs in step i+delay(X), slot(X); Y's in
 *                     step i+k+delay(Y), where k is 0, or for a read of the
 *                     previous value along an iterative rank the number of
 *                     iterations between two steps of that rank
 * and a memory above both must keep the tensor in between. */
#include <string.h>

#include "mapping/builder.h"

struct pair {
    const struct tensor_use *producer;
    const struct tensor_use *reader;
    int tensor;
    int common; /* node */
};

static const struct plan_leaf *leaf_of(struct builder *b,
                                       const struct tensor_use *use)
{
    return &b->plan->leaves[use->leaf];
}

static const struct einsum_statement *statement_of(struct builder *b,
                                                   const struct tensor_use *use)
{
    return &b->workload->statements[leaf_of(b, use)->statement];
}

static struct span span_of(struct builder *b, const struct tensor_use *use)
{
    return b->plan->nodes[leaf_of(b, use)->node].span;
}

/* ---- memory ------------------------------------------------------------- */

static void check_reach(struct builder *b, const struct tensor_use *use,
                        int tensor)
{
    const struct plan_leaf *leaf = leaf_of(b, use);
    int hold = node_find_hold(b->plan, leaf->node, tensor);
    if (hold < 0 || use->is_forwarded) {
        return;
    }
    int memory = b->plan->nodes[hold].memory;
    if (!arch_is_above(b->arch, memory, leaf->unit)) {
        diag_error(
            b->diags, span_of(b, use), "mapping-unreachable", NULL,
            "Einsum '%s' %s '%s' in memory '%s' (line %d), which does "
            "not serve unit '%s'",
            statement_of(b, use)->name, use->is_write ? "leaves" : "finds",
            b->workload->tensors[tensor].name, b->arch->memories[memory].name,
            b->plan->nodes[hold].span.line, b->arch->units[leaf->unit].name);
    }
}

/* The innermost hold above both; -1 if no memory keeps the tensor in between. */
static int find_common_hold(struct builder *b, const struct pair *pair)
{
    int hold = node_find_hold(b->plan, pair->common, pair->tensor);
    while (hold >= 0 && b->plan->nodes[hold].is_stream) {
        hold = node_find_hold(b->plan, hold, pair->tensor);
    }
    return hold;
}

/* Does the hold keep all that is read, and is nothing read that is still to be
 * written? What comes from an earlier step of an iterative rank is fetched. */
static void check_kept(struct builder *b, const struct pair *pair, int hold)
{
    const struct einsum_access *read = pair->reader->access;
    const struct einsum_access *written = pair->producer->access;
    const char *tensor = b->workload->tensors[pair->tensor].name;
    if (plan_reads_previous(b->plan, read)) {
        return;
    }
    if (!read_stays_within(b->plan, pair->reader->leaf, read, written, hold,
                           false)) {
        diag_error(b->diags, span_of(b, pair->reader), "mapping-not-held",
                   "hold it above the loops that write it",
                   "Einsum '%s' reads more of '%s' than the hold on line %d "
                   "keeps",
                   statement_of(b, pair->reader)->name, tensor,
                   b->plan->nodes[hold].span.line);
    } else if (!read_stays_within(b->plan, pair->reader->leaf, read, written,
                                  pair->common, true)) {
        diag_error(b->diags, span_of(b, pair->reader), "mapping-order", NULL,
                   "Einsum '%s' reads elements of '%s' that a later iteration "
                   "writes (line %d)",
                   statement_of(b, pair->reader)->name, tensor,
                   span_of(b, pair->producer).line);
    }
}

/* ---- time --------------------------------------------------------------- */

/* Iterations of the loops above `common` between two steps of the iterative
 * rank; 0 if no loop above steps through it one by one. */
static int64_t previous_distance(struct builder *b, const struct pair *pair)
{
    int rank = b->workload->tensors[pair->tensor].iterative_rank;
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, pair->common, extent);
    if (extent[rank] != 1) {
        return 0;
    }
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, -1, pair->common, loops);
    int64_t distance = 1;
    for (int i = count; i-- > 0;) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        if (loop->rank == rank) {
            return distance;
        }
        distance *= loop->least_trips;
    }
    return distance;
}

/* Which child of `common` is, or contains, `node`? Position in listed order. */
static int branch_position(struct builder *b, int common, int node, int *child)
{
    int position = 0;
    for (int c = b->plan->nodes[common].first_child; c >= 0;
         c = b->plan->nodes[c].next_sibling) {
        if (plan_is_above(b->plan, c, node)) {
            *child = c;
            return position;
        }
        position++;
    }
    BUG("node %d is not below %d", node, common);
}

static bool is_in_order(struct builder *b, const struct pair *pair)
{
    const struct plan_leaf *x = leaf_of(b, pair->producer);
    const struct plan_leaf *y = leaf_of(b, pair->reader);
    int64_t distance = plan_reads_previous(b->plan, pair->reader->access)
                           ? previous_distance(b, pair)
                           : 0;
    if (x == y) {
        return distance > 0 ||
               plan_reads_previous(b->plan, pair->reader->access);
    }
    int child_x = -1;
    int child_y = -1;
    int at_x = branch_position(b, pair->common, x->node, &child_x);
    int at_y = branch_position(b, pair->common, y->node, &child_y);
    const struct plan_node *nodes = b->plan->nodes;
    if (nodes[pair->common].kind != PLAN_PIPELINE) {
        return distance > 0 || at_x < at_y;
    }
    int64_t step_x = nodes[child_x].delay;
    int64_t step_y = nodes[child_y].delay + distance;
    if (step_x != step_y) {
        return step_x < step_y;
    }
    if (nodes[child_x].slot != nodes[child_y].slot) {
        return nodes[child_x].slot < nodes[child_y].slot;
    }
    return x->unit == y->unit && at_x < at_y;
}

static void report_order(struct builder *b, const struct pair *pair)
{
    const char *reader = statement_of(b, pair->reader)->name;
    const char *tensor = b->workload->tensors[pair->tensor].name;
    if (b->plan->nodes[pair->common].kind == PLAN_PIPELINE) {
        const struct plan_leaf *x = leaf_of(b, pair->producer);
        const struct plan_leaf *y = leaf_of(b, pair->reader);
        diag_error(b->diags, span_of(b, pair->reader), "mapping-order",
                   "a later slot or a larger delay",
                   "Einsum '%s' (slot %d, delay %d) reads '%s' before it is "
                   "written (slot %d, delay %d)",
                   reader, leaf_slot(b->plan, y), leaf_delay(b->plan, y),
                   tensor, leaf_slot(b->plan, x), leaf_delay(b->plan, x));
        return;
    }
    diag_error(b->diags, span_of(b, pair->reader), "mapping-order", NULL,
               "Einsum '%s' reads '%s' before it is written (line %d)", reader,
               tensor, span_of(b, pair->producer).line);
}

static bool runs_at(const struct plan_leaf *leaf, int loop)
{
    for (int i = 0; i < leaf->at_count; i++) {
        if (leaf->at_node[i] == loop) {
            return true;
        }
    }
    return false;
}

/* A loop above both that the producer reduces over, or that it waits for the
 * end of, and the reader does not. */
static void check_finished(struct builder *b, const struct pair *pair)
{
    const struct plan_leaf *x = leaf_of(b, pair->producer);
    const struct plan_leaf *y = leaf_of(b, pair->reader);
    const struct einsum_statement *s = statement_of(b, pair->producer);
    int loops[MAX_LOOPS];
    int count = node_splits(b->plan, pair->common, loops);
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        bool is_open = runs_at(x, loops[i]);
        for (int r = 0; r < s->rank_count; r++) {
            is_open |= s->is_reduced[r] && s->rank[r] == loop->rank;
        }
        if (is_open && loop->trips > 1 && !runs_at(y, loops[i])) {
            diag_error(b->diags, span_of(b, pair->reader),
                       "mapping-partial-read", NULL,
                       "Einsum '%s' reads '%s' inside the loop over '%s' "
                       "(line %d) that has not finished it",
                       statement_of(b, pair->reader)->name,
                       b->workload->tensors[pair->tensor].name,
                       b->workload->rank[loop->rank].name, loop->span.line);
        }
    }
}

static void check_pair(struct builder *b, const struct pair *pair)
{
    int hold = find_common_hold(b, pair);
    if (hold < 0 && !pair->reader->is_forwarded) {
        diag_error(b->diags, span_of(b, pair->reader), "mapping-not-held", NULL,
                   "Einsum '%s' reads '%s', which no memory keeps from '%s' "
                   "(line %d) to here",
                   statement_of(b, pair->reader)->name,
                   b->workload->tensors[pair->tensor].name,
                   statement_of(b, pair->producer)->name,
                   span_of(b, pair->producer).line);
        return;
    }
    if (!is_in_order(b, pair)) {
        report_order(b, pair);
        return;
    }
    if (pair->producer->leaf != pair->reader->leaf) {
        check_finished(b, pair);
    }
    if (!pair->reader->is_forwarded) {
        check_kept(b, pair, hold);
    }
}

/* A rank along which values follow from one another cannot be spread over
 * lanes. */
static void check_iterative_axes(struct builder *b)
{
    for (int l = 0; l < b->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &b->plan->leaves[l];
        const struct einsum_statement *s =
            &b->workload->statements[leaf->statement];
        for (int r = 0; r < s->rank_count; r++) {
            if (s->rank[r] == s->iterative_rank && leaf->axis_of[r] >= 0 &&
                leaf->step_extent[r] > 1) {
                diag_error(b->diags, b->plan->nodes[leaf->node].span,
                           "mapping-iterative-spatial", NULL,
                           "Einsum '%s' advances along rank '%s'; it cannot be "
                           "spread over lanes",
                           s->name, b->workload->rank[s->rank[r]].name);
            }
        }
    }
}

/* The outermost hold of the tensor above the leaf; -1. */
static int find_last_hold(struct builder *b, int node, int tensor)
{
    int last = -1;
    for (int n = b->plan->nodes[node].parent; n >= 0;
         n = b->plan->nodes[n].parent) {
        const struct plan_node *hold = &b->plan->nodes[n];
        if (hold->kind == PLAN_HOLD && !hold->is_stream &&
            node_holds(hold, tensor)) {
            last = n;
        }
    }
    return last;
}

static bool reduces_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return s->is_reduced[r];
        }
    }
    return false;
}

/* Where nothing outside keeps it, a tile must not be left before it is finished:
 * partial results, and values that later ones follow from, would be gone. */
static void check_partial_kept(struct builder *b,
                               const struct tensor_use *producer, int tensor)
{
    const struct einsum_statement *s = statement_of(b, producer);
    int hold = find_last_hold(b, leaf_of(b, producer)->node, tensor);
    if (hold < 0 || b->workload->tensors[tensor].kind == TENSOR_OUTPUT) {
        return;
    }
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, -1, hold, loops);
    int open = -1;
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        if (loop->trips == 1) {
            continue;
        }
        if (open >= 0 && access_uses_rank(&s->output, loop->rank)) {
            const struct plan_node *outer = &b->plan->nodes[open];
            diag_error(b->diags, b->plan->nodes[hold].span,
                       "mapping-lost-partial", "hold it outside that loop too",
                       "the loop over '%s' (line %d) leaves the tile of '%s' "
                       "before the loop over '%s' (line %d) has finished it, "
                       "and nothing outside keeps it",
                       b->workload->rank[loop->rank].name, loop->span.line,
                       b->workload->tensors[tensor].name,
                       b->workload->rank[outer->rank].name, outer->span.line);
            return;
        }
        bool is_begun =
            reduces_rank(s, loop->rank) ||
            b->workload->tensors[tensor].iterative_rank == loop->rank;
        open = open < 0 && is_begun ? loops[i] : open;
    }
}

static void check_tensor(struct builder *b, int tensor)
{
    g_autoptr(GArray) uses = plan_uses(b->plan, tensor);
    const struct tensor_use *producer = NULL;
    size_t errors = diags_error_count(b->diags);
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        check_reach(b, use, tensor);
        producer = use->is_write ? use : producer;
    }
    for (guint u = 0; u < uses->len && producer != NULL; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        if (use->is_write) {
            continue;
        }
        struct pair pair = {producer, use, tensor,
                            node_common(b->plan, leaf_of(b, producer)->node,
                                        leaf_of(b, use)->node)};
        check_pair(b, &pair);
    }
    if (producer != NULL && diags_error_count(b->diags) == errors) {
        check_partial_kept(b, producer, tensor);
    }
}

static bool is_same_index(const struct einsum_access *a,
                          const struct einsum_access *b)
{
    for (int d = 0; d < a->dim_count; d++) {
        if (a->index[d].constant != b->index[d].constant ||
            memcmp(a->index[d].coefficient, b->index[d].coefficient,
                   sizeof(a->index[d].coefficient)) != 0) {
            return false;
        }
    }
    return true;
}

/* `compute: [SN, SD]`: each value must pass inside its lane, finished. */
static void check_handing_over(struct builder *b, int leaf_id, int from_id)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct plan_leaf *from = &b->plan->leaves[from_id];
    const struct einsum_statement *reader =
        &b->workload->statements[leaf->statement];
    const struct einsum_statement *s =
        &b->workload->statements[from->statement];
    struct span span = b->plan->nodes[leaf->node].span;
    if (s->reduce != EINSUM_NO_REDUCE) {
        diag_error(b->diags, span, "mapping-forward", NULL,
                   "'%s' reduces; Einsums computed together with it need a "
                   "step of their own",
                   s->name);
    }
    for (int r = 0; r < reader->read_count; r++) {
        const struct einsum_access *read = &reader->resolved_reads[r];
        if (read->tensor == s->output.tensor &&
            !plan_reads_previous(b->plan, read) &&
            !is_same_index(read, &s->output)) {
            diag_error(b->diags, span, "mapping-forward", NULL,
                       "'%s' reads '%s' of other points than its own; it needs "
                       "a step of its own",
                       reader->name, s->name);
        }
    }
}

static void check_forwarding(struct builder *b)
{
    for (int l = 0; l < b->plan->leaf_count; l++) {
        for (int f = b->plan->leaves[l].forward_from; f >= 0 && f < l; f++) {
            check_handing_over(b, l, f);
        }
    }
}

enum status check_order(struct builder *b)
{
    check_iterative_axes(b);
    check_forwarding(b);
    TRY(diags_status(b->diags));
    for (int t = 0; t < b->workload->tensor_count; t++) {
        if (workload_resolve_tensor(b->workload, t) == t) {
            check_tensor(b, t);
        }
    }
    return diags_status(b->diags);
}
