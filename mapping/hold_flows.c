/* What moves between a hold and the place outside it.
 *
 * A hold fetches its tile whenever the innermost loop above it that moves the
 * tile (and has more than one iteration) advances: as many times as the product
 * of that loop's trips and of all loops outside it. Results are drained by the
 * same rule, and fetched back for every visit after the first. A stream has no
 * memory: whatever a leaf reads through it moves when the leaf's step asks for
 * it. */
#include "mapping/flows.h"

/* The uses of `tensor` by leaves below `hold`: all count for its tile. */
GArray *uses_below(struct builder *b, int hold, int tensor)
{
    GArray *uses = plan_uses(b->plan, tensor);
    for (guint i = uses->len; i-- > 0;) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, i);
        if (!plan_is_above(b->plan, hold, b->plan->leaves[use->leaf].node)) {
            g_array_remove_index(uses, i);
        }
    }
    return uses;
}

/* Is the read served by a result computed below the same hold? Reads of the
 * previous value along the iterative rank are, when the loop over that rank is
 * inside the hold. */
static bool is_served_below(struct builder *b, int hold, int tensor,
                            const struct tensor_use *read, const GArray *uses)
{
    for (guint u = 0; u < uses->len; u++) {
        if (!g_array_index(uses, struct tensor_use, u).is_write) {
            continue;
        }
        if (!plan_reads_previous(b->plan, read->access)) {
            return true;
        }
        int64_t extent[EINSUM_MAX_RANKS];
        node_extents(b->plan, hold, extent);
        int rank = b->workload->tensors[tensor].iterative_rank;
        return extent[rank] == b->workload->rank[rank].extent;
    }
    return false;
}

/* What one leaf reads directly through a stream: as often and as much as it
 * would read from a memory there, gathered per visit of the stream. */
static enum status add_stream_use(struct builder *b, int hold, int tensor,
                                  const struct tensor_use *use, int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    const struct plan_leaf *leaf = &b->plan->leaves[use->leaf];
    struct plan_flow flow = {
        .kind = FLOW_FILL,
        .tensor = tensor,
        .leaf = -1,
        .node = hold,
        .memory = node->memory,
        .outer = flows_keeper_memory(b, keeper),
        .is_cut_through = true,
        .outer_spills = flows_hold_spills(b, keeper),
    };
    g_autoptr(GArray) one = g_array_new(FALSE, TRUE, sizeof(*use));
    g_array_append_vals(one, use, 1);
    const bool is_counted[] = {true};
    struct flow_rule rule = visits_loops(b, hold, one);
    visits_place(b, hold, one, is_counted, &rule);
    TRY(visits_count(b, &rule, one, is_counted, true, &flow.events));
    TRY(visits_extend(b, hold, &rule));
    const struct einsum_access *moved =
        projection_elements(b->plan, use->leaf, use->access);
    b->source = (struct flow_source){
        .leaf = use->leaf, .access = moved, .keeper = keeper};
    struct step step;
    TRY(step_of_leaf(b, use->leaf, &step));
    TRY(flows_count_step(b, leaf, &step, moved, false, &flow.elements));
    if (!b->plan->is_regular) {
        TRY(flows_sum_lanes(b, use->leaf, moved, false, keeper, &flow));
    } else if (!num_mul(flow.elements, leaf->step_count / flow.events,
                        &flow.elements)) {
        return flows_limit(b);
    }
    return flow.memory == flow.outer ? OK : flows_add(b, flow, &rule);
}

static enum status add_stream(struct builder *b, int hold, int tensor,
                              const GArray *uses, int keeper)
{
    if (keeper < 0 && b->workload->tensors[tensor].producer >= 0) {
        return OK;
    }
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        int leaf_node = b->plan->leaves[use->leaf].node;
        if (!use->is_write && !use->is_forwarded &&
            node_find_hold(b->plan, leaf_node, tensor) == hold) {
            TRY(add_stream_use(b, hold, tensor, use, keeper));
        }
    }
    return OK;
}

/* Slices along the iterative dimension that the counted reads take from before
 * the first one written below the hold; -1 if none is written there. */
static int64_t count_earlier_slices(const struct hold_tile *tile,
                                    const int64_t *extent)
{
    const struct einsum_tensor *t = &tile->b->workload->tensors[tile->tensor];
    if (t->iterative_dim < 0) {
        return -1;
    }
    int64_t written = -1;
    int64_t low = INT64_MAX;
    int64_t high = 0;
    for (guint u = 0; u < tile->uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(tile->uses, struct tensor_use, u);
        int64_t at = use->access->index[t->iterative_dim].constant;
        if (use->is_write) {
            written = at;
        } else if (tile->is_counted[u]) {
            low = MIN(low, at);
            high = MAX(high, at + extent[t->iterative_rank]);
        }
    }
    return written < 0 ? -1 : MIN(high, written) - low;
}

/* What is computed below the hold is not fetched. */
bool hold_tile_count(const void *hold_tile, const int64_t *extent,
                     int64_t *elements)
{
    const struct hold_tile *tile = hold_tile;
    int64_t slices = tile->is_fetched ? count_earlier_slices(tile, extent) : -1;
    int skipped = slices < 0
                      ? -1
                      : tile->b->workload->tensors[tile->tensor].iterative_dim;
    return uses_count_elements(tile->uses, tile->is_counted, extent, skipped,
                               elements) &&
           num_mul(*elements, slices < 0 ? 1 : slices, elements);
}

/* Elements of the largest tile. */
static enum status count_tile(const struct hold_tile *tile, int64_t *elements)
{
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(tile->b->plan, tile->hold, extent);
    return hold_tile_count(tile, extent, elements) ? OK : flows_limit(tile->b);
}

static void note_source(const struct hold_tile *tile, int keeper)
{
    tile->b->source = (struct flow_source){
        .leaf = -1,
        .uses = (GArray *)(uintptr_t)tile->uses,
        .is_counted = (bool *)(uintptr_t)tile->is_counted,
        .is_fetched = tile->is_fetched,
        .keeper = keeper,
    };
}

/* Elements of the tile, and when and how often it moves. */
static enum status count_visits(const struct hold_tile *tile, int keeper,
                                struct plan_flow *flow, struct flow_rule *rule)
{
    struct builder *b = tile->b;
    note_source(tile, keeper);
    *rule = visits_loops(b, tile->hold, tile->uses);
    visits_place(b, tile->hold, tile->uses, tile->is_counted, rule);
    TRY(count_tile(tile, &flow->elements));
    TRY(visits_count(b, rule, tile->uses, tile->is_counted, false,
                     &flow->events));
    return visits_extend(b, tile->hold, rule);
}

/* What is there before the run and after it does not move: one tile, which is all
 * that is ever held. */
static enum status check_resident(struct builder *b, int hold, int tensor,
                                  int64_t events)
{
    if (events == 1) {
        return OK;
    }
    diag_error(b->diags, b->plan->nodes[hold].span, "mapping-resident", NULL,
               "'%s' cannot be resident: its tile changes %" G_GINT64_FORMAT
               " times",
               b->workload->tensors[tensor].name, events);
    return ERR_INPUT;
}

static enum status add_fill(struct builder *b, int hold, int tensor,
                            const GArray *uses, int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    g_autofree bool *is_counted = g_new0(bool, uses->len);
    bool is_any = false;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        is_counted[u] = !use->is_write && !use->is_forwarded &&
                        !is_served_below(b, hold, tensor, use, uses);
        is_any |= is_counted[u];
    }
    bool is_input = b->workload->tensors[tensor].producer < 0;
    if (!is_any || (keeper < 0 && !is_input)) {
        return OK;
    }
    struct plan_flow flow = {
        .kind = FLOW_FILL,
        .tensor = tensor,
        .leaf = -1,
        .node = hold,
        .memory = node->memory,
        .outer = flows_keeper_memory(b, keeper),
        .spills = node->can_spill,
        .outer_spills = flows_hold_spills(b, keeper),
    };
    const struct hold_tile tile = {b, hold, tensor, uses, is_counted, true};
    struct flow_rule rule;
    TRY(count_visits(&tile, keeper, &flow, &rule));
    if (!b->plan->is_regular) {
        TRY(flows_sum_hold(&tile, keeper, &flow));
    }
    if (node->is_resident) {
        return check_resident(b, hold, tensor, flow.events);
    }
    bool is_still = flow.memory == flow.outer && !node->is_copy;
    return is_still ? OK : flows_add(b, flow, &rule);
}

static enum status add_drain(struct builder *b, int hold, int tensor,
                             const GArray *uses, int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    g_autofree bool *is_counted = g_new0(bool, uses->len);
    int producer = -1;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        is_counted[u] = use->is_write;
        producer = use->is_write ? use->leaf : producer;
    }
    bool is_output = b->workload->tensors[tensor].kind == TENSOR_OUTPUT;
    if (producer < 0 || (keeper < 0 && !is_output)) {
        return OK;
    }
    struct plan_flow flow = {
        .kind = FLOW_DRAIN,
        .tensor = tensor,
        .leaf = producer,
        .node = hold,
        .memory = node->memory,
        .outer = flows_keeper_memory(b, keeper),
        .is_cut_through = b->arch->memories[node->memory].forwards_drains,
        .spills = node->can_spill,
        .outer_spills = flows_hold_spills(b, keeper),
    };
    const struct hold_tile tile = {b, hold, tensor, uses, is_counted, false};
    struct flow_rule rule;
    TRY(count_visits(&tile, keeper, &flow, &rule));
    if (flow.memory == flow.outer) {
        return OK;
    }
    if (node->is_resident) {
        return check_resident(b, hold, tensor, flow.events);
    }
    if (!b->plan->is_regular) {
        TRY(flows_sum_hold(&tile, keeper, &flow));
        TRY(flows_add(b, flow, &rule));
        TRY(flows_sum_refill(&tile, keeper, &flow));
        flow.is_cut_through = false;
        return flows_add(b, flow, &rule);
    }
    TRY(flows_add(b, flow, &rule));
    int64_t distinct = 0;
    TRY(flows_count_distinct(
        b, &b->workload->statements[b->plan->leaves[producer].statement],
        &distinct));
    flow.kind = FLOW_REFILL;
    flow.is_cut_through = false;
    flow.total = flow.elements * flow.events - distinct;
    flow.events = flow.total / flow.elements;
    return flows_add(b, flow, &rule);
}

/* What does not fit stays in the memory around the hold's: the tensor must come
 * from there. */
static void check_spill(struct builder *b, int hold, int tensor, int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    const struct einsum_tensor *t = &b->workload->tensors[tensor];
    int parent = b->arch->memories[node->memory].parent;
    bool is_only_here = keeper < 0 && t->kind == TENSOR_INTERMEDIATE;
    if (!node->can_spill || node->is_stream ||
        (parent >= 0 &&
         (is_only_here || flows_keeper_memory(b, keeper) == parent))) {
        return;
    }
    diag_error(b->diags, node->span, "mapping-spill", NULL,
               "'%s' cannot spill from memory '%s' to '%s': it comes from '%s'",
               t->name, b->arch->memories[node->memory].name,
               parent < 0 ? "nowhere" : b->arch->memories[parent].name,
               b->arch->memories[flows_keeper_memory(b, keeper)].name);
}

/* Tiles move inwards: from where a tensor is kept to a memory inside. */
static void check_hold_order(struct builder *b, int hold, int tensor,
                             int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    int outer = flows_keeper_memory(b, keeper);
    int memory = node->memory;
    while (memory >= 0 && memory != outer) {
        memory = b->arch->memories[memory].parent;
    }
    if (memory >= 0 || keeper < 0) {
        return;
    }
    diag_error(b->diags, node->span, "mapping-hold-order", NULL,
               "'%s' cannot move on to memory '%s', which is not inside '%s' "
               "(line %d)",
               b->workload->tensors[tensor].name,
               b->arch->memories[node->memory].name,
               b->arch->memories[outer].name, b->plan->nodes[keeper].span.line);
}

enum status build_hold_flows(struct builder *b, int hold)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    for (int i = 0; i < node->held_count; i++) {
        int tensor = node->held[i];
        g_autoptr(GArray) uses = uses_below(b, hold, tensor);
        if (uses->len == 0) {
            diag_warning(b->diags, node->span, "mapping-useless-hold", NULL,
                         "no Einsum below uses '%s'",
                         b->workload->tensors[tensor].name);
            continue;
        }
        int keeper = flows_find_keeper(b->plan, hold, tensor);
        check_hold_order(b, hold, tensor, keeper);
        check_spill(b, hold, tensor, keeper);
        if (node->is_stream) {
            TRY(add_stream(b, hold, tensor, uses, keeper));
            continue;
        }
        TRY(add_fill(b, hold, tensor, uses, keeper));
        TRY(add_drain(b, hold, tensor, uses, keeper));
    }
    return OK;
}
