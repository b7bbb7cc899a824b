/* What moves, between which places, how often: exact counts, in closed form.
 *
 * Leaf and memory. At one point in time the lanes of a unit take a footprint of
 * each operand; a value that several lanes need is sent once where the axis
 * multicasts. The footprint is taken anew for every iteration of the step's
 * loops, except that loops inside the innermost one that moves the access leave
 * it where it is. Results are written by the same rule; whatever is written
 * beyond the first visit of an element was read back before (first visits read
 * nothing).
 *
 * Hold and the place outside it. A hold fetches its tile whenever the innermost
 * loop above it that moves the tile (and has more than one iteration) advances:
 * as many times as the product of that loop's trips and of all loops outside
 * it. Results are drained by the same rule, and fetched back for every visit
 * after the first. A stream has no memory: it moves in every iteration. */
#include "mapping/step.h"

static enum status limit_reached(struct builder *b)
{
    return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                     "traffic exceeds 64 bits");
}

/* Of a leaf's own flows: they happen with the leaf. */
static const struct flow_rule no_rule = {.innermost = -1};

static bool hold_spills(struct builder *b, int node)
{
    return node >= 0 && b->plan->nodes[node].can_spill;
}

/* The nearest hold outside `node` that is not a stream; -1 if there is none. */
static int find_keeper(const struct plan *plan, int node, int tensor)
{
    int hold = node_find_hold(plan, node, tensor);
    while (hold >= 0 && plan->nodes[hold].is_stream) {
        hold = node_find_hold(plan, hold, tensor);
    }
    return hold;
}

static int keeper_memory(struct builder *b, int hold)
{
    return hold < 0 ? 0 : b->plan->nodes[hold].memory;
}

/* ---- leaves ------------------------------------------------------------- */

static int64_t lane_footprint(struct builder *b, const struct plan_leaf *leaf,
                              const struct step *step,
                              const struct einsum_access *access, bool is_write)
{
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int64_t elements = 1;
    for (int d = 0; d < access->dim_count; d++) {
        elements *= affine_count_values(&access->index[d], step->lane_extent);
    }
    for (int r = 0; r < s->rank_count; r++) {
        if (is_write || leaf->axis_of[r] < 0 ||
            access_uses_rank(access, s->rank[r])) {
            continue;
        }
        const struct arch_axis *axis =
            &b->arch->units[leaf->unit].axis[leaf->axis_of[r]];
        if (!axis->is_multicast) {
            elements *= step->lane_extent[s->rank[r]];
        }
    }
    return elements;
}

static enum status count_step_elements(struct builder *b,
                                       const struct plan_leaf *leaf,
                                       const struct step *step,
                                       const struct einsum_access *access,
                                       bool is_write, int64_t *elements)
{
    int innermost = -1;
    for (int i = 0; i < step->loop_count; i++) {
        if (access_uses_rank(access, step->loop[i].rank) &&
            step->loop[i].trips > 1) {
            innermost = i;
        }
    }
    *elements = lane_footprint(b, leaf, step, access, is_write);
    for (int i = 0; i <= innermost; i++) {
        if (!num_mul(*elements, step->loop[i].trips, elements)) {
            return limit_reached(b);
        }
    }
    return OK;
}

static enum status add_flow(struct builder *b, struct plan_flow flow,
                            const struct flow_rule *rule)
{
    if (flow.kind != FLOW_PARTIAL && flow.kind != FLOW_REFILL &&
        !num_mul(flow.elements, flow.events, &flow.total)) {
        return limit_reached(b);
    }
    if (flow.total > 0) {
        g_array_append_val(b->flows, flow);
        g_array_append_vals(b->rules, rule, 1);
    }
    return OK;
}

static enum status add_read(struct builder *b, int leaf_id,
                            const struct step *step,
                            const struct einsum_access *read)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    if (leaf_is_handed(b->plan, leaf_id, read)) {
        return OK;
    }
    int hold = node_find_hold(b->plan, leaf->node, read->tensor);
    if (hold >= 0 && b->plan->nodes[hold].is_stream) {
        int keeper = find_keeper(b->plan, hold, read->tensor);
        if (b->plan->nodes[hold].memory != keeper_memory(b, keeper)) {
            return OK; /* the stream's own flow is this read */
        }
        hold = keeper;
    }
    struct plan_flow flow = {
        .kind = FLOW_READ,
        .tensor = read->tensor,
        .leaf = leaf_id,
        .node = -1,
        .memory = keeper_memory(b, hold),
        .outer = -1,
        .spills = hold_spills(b, hold),
        .events = leaf->step_count,
    };
    TRY(count_step_elements(b, leaf, step, read, false, &flow.elements));
    return add_flow(b, flow, &no_rule);
}

/* Elements the statement computes in all. */
static enum status count_distinct(struct builder *b,
                                  const struct einsum_statement *s,
                                  int64_t *distinct)
{
    *distinct = 1;
    for (int r = 0; r < s->rank_count; r++) {
        if (!s->is_reduced[r] &&
            !num_mul(*distinct, b->workload->rank[s->rank[r]].extent,
                     distinct)) {
            return limit_reached(b);
        }
    }
    return OK;
}

static enum status add_write(struct builder *b, int leaf_id,
                             const struct step *step)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int hold = find_keeper(b->plan, leaf->node, s->output.tensor);
    struct plan_flow flow = {
        .kind = FLOW_WRITE,
        .tensor = s->output.tensor,
        .leaf = leaf_id,
        .node = -1,
        .memory = keeper_memory(b, hold),
        .outer = -1,
        .spills = hold_spills(b, hold),
        .events = leaf->step_count,
    };
    TRY(count_step_elements(b, leaf, step, &s->output, true, &flow.elements));
    TRY(add_flow(b, flow, &no_rule));
    int64_t distinct = 0;
    TRY(count_distinct(b, s, &distinct));
    flow.kind = FLOW_PARTIAL;
    flow.total = flow.elements * flow.events - distinct;
    return add_flow(b, flow, &no_rule);
}

static enum status build_leaf_flows(struct builder *b, int leaf_id)
{
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    leaf->first_flow = (int)b->flows->len;
    for (int i = 0; i < s->read_count; i++) {
        TRY(add_read(b, leaf_id, &step, &s->resolved_reads[i]));
    }
    TRY(add_write(b, leaf_id, &step));
    leaf->flow_count = (int)b->flows->len - leaf->first_flow;
    return OK;
}

/* ---- holds -------------------------------------------------------------- */

/* The uses of `tensor` by leaves below `hold` that have no other hold of it in
 * between are direct; all uses below count for the tile. */
static GArray *uses_below(struct builder *b, int hold, int tensor)
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

/* The loops above the hold; those in whose last iteration alone every use
 * happens are marked. */
static struct flow_rule loops_of_hold(struct builder *b, int hold,
                                      const GArray *uses)
{
    struct flow_rule rule = {.innermost = -1};
    rule.loop_count = node_loops(b->plan, -1, hold, rule.loop);
    for (int i = 0; i < rule.loop_count; i++) {
        rule.is_last[i] = uses->len > 0;
        for (guint u = 0; u < uses->len; u++) {
            const struct plan_leaf *leaf =
                &b->plan
                     ->leaves[g_array_index(uses, struct tensor_use, u).leaf];
            bool is_last = false;
            for (int a = 0; a < leaf->at_count; a++) {
                is_last |= leaf->at_node[a] == rule.loop[i];
            }
            rule.is_last[i] &= is_last;
        }
        rule.has_last |= rule.is_last[i];
    }
    return rule;
}

static bool moves_tile(const struct plan_node *loop, const GArray *uses,
                       const bool *is_counted)
{
    for (guint u = 0; u < uses->len; u++) {
        if (is_counted[u] && loop->trips > 1 &&
            access_uses_rank(g_array_index(uses, struct tensor_use, u).access,
                             loop->rank)) {
            return true;
        }
    }
    return false;
}

/* How often the tile of the accesses marked by `is_counted` changes, and by
 * which loop. */
static enum status count_visits(struct builder *b, struct flow_rule *rule,
                                const GArray *uses, const bool *is_counted,
                                bool is_stream, int64_t *visits)
{
    for (int i = 0; i < rule->loop_count; i++) {
        const struct plan_node *loop = &b->plan->nodes[rule->loop[i]];
        if (!rule->is_last[i] &&
            (is_stream || moves_tile(loop, uses, is_counted))) {
            rule->innermost = i;
        }
    }
    *visits = 1;
    rule->iterations = 1;
    for (int i = 0; i < rule->loop_count; i++) {
        int64_t trips = b->plan->nodes[rule->loop[i]].trips;
        int64_t *product = i <= rule->innermost ? visits : &rule->iterations;
        if (!(i <= rule->innermost && rule->is_last[i]) &&
            !num_mul(*product, trips, product)) {
            return limit_reached(b);
        }
    }
    return OK;
}

/* Where in the software pipeline the counted uses stand. */
static void place_rule(struct builder *b, int hold, const GArray *uses,
                       const bool *is_counted, struct flow_rule *rule)
{
    bool is_first = true;
    for (guint u = 0; u < uses->len; u++) {
        if (!is_counted[u]) {
            continue;
        }
        const struct plan_leaf *leaf =
            &b->plan->leaves[g_array_index(uses, struct tensor_use, u).leaf];
        int delay = leaf_delay(b->plan, leaf);
        if (is_first) {
            int child = b->plan->phases[leaf->phase].children[leaf->child].node;
            rule->phase = leaf->phase;
            rule->is_outer = !plan_is_above(b->plan, child, hold);
            rule->first_delay = delay;
            rule->last_delay = delay;
        }
        rule->first_delay = MIN(rule->first_delay, delay);
        rule->last_delay = MAX(rule->last_delay, delay);
        is_first = false;
    }
}

/* A hold above the pipeline keeps its tile while the loops between it and the
 * pipeline run: they join those that must be at their first (or last) iteration
 * when the tile moves. */
static enum status extend_to_pipeline(struct builder *b, int hold,
                                      struct flow_rule *rule)
{
    const struct plan_phase *phase = &b->plan->phases[rule->phase];
    for (int i = 0; rule->is_outer && i < phase->loop_count; i++) {
        if (!plan_is_above(b->plan, hold, phase->loops[i])) {
            continue;
        }
        if (rule->loop_count == MAX_LOOPS ||
            !num_mul(rule->iterations, b->plan->nodes[phase->loops[i]].trips,
                     &rule->iterations)) {
            return limit_reached(b);
        }
        rule->loop[rule->loop_count++] = phase->loops[i];
    }
    return OK;
}

/* Elements that the counted accesses touch while the hold keeps its tile. */
static enum status count_tile(struct builder *b, int hold, const GArray *uses,
                              const bool *is_counted, int64_t *elements)
{
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, hold, extent);
    return uses_count_elements(uses, is_counted, extent, -1, elements)
               ? OK
               : limit_reached(b);
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
        .outer = keeper_memory(b, keeper),
        .is_cut_through = true,
        .outer_spills = hold_spills(b, keeper),
    };
    g_autoptr(GArray) one = g_array_new(FALSE, TRUE, sizeof(*use));
    g_array_append_vals(one, use, 1);
    const bool is_counted[] = {true};
    struct flow_rule rule = loops_of_hold(b, hold, one);
    place_rule(b, hold, one, is_counted, &rule);
    TRY(count_visits(b, &rule, one, is_counted, true, &flow.events));
    TRY(extend_to_pipeline(b, hold, &rule));
    struct step step;
    TRY(step_of_leaf(b, use->leaf, &step));
    TRY(count_step_elements(b, leaf, &step, use->access, false,
                            &flow.elements));
    if (!num_mul(flow.elements, leaf->step_count / flow.events,
                 &flow.elements)) {
        return limit_reached(b);
    }
    return flow.memory == flow.outer ? OK : add_flow(b, flow, &rule);
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
static int64_t count_earlier_slices(struct builder *b, int hold, int tensor,
                                    const GArray *uses, const bool *is_counted)
{
    const struct einsum_tensor *t = &b->workload->tensors[tensor];
    if (t->iterative_dim < 0) {
        return -1;
    }
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, hold, extent);
    int64_t written = -1;
    int64_t low = INT64_MAX;
    int64_t high = 0;
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        int64_t at = use->access->index[t->iterative_dim].constant;
        if (use->is_write) {
            written = at;
        } else if (is_counted[u]) {
            low = MIN(low, at);
            high = MAX(high, at + extent[t->iterative_rank]);
        }
    }
    return written < 0 ? -1 : MIN(high, written) - low;
}

/* Elements of the fetched tile: what is computed below the hold is not. */
static enum status count_fetched(struct builder *b, int hold, int tensor,
                                 const GArray *uses, const bool *is_counted,
                                 int64_t *elements)
{
    int64_t slices = count_earlier_slices(b, hold, tensor, uses, is_counted);
    if (slices < 0) {
        return count_tile(b, hold, uses, is_counted, elements);
    }
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, hold, extent);
    return uses_count_elements(uses, is_counted, extent,
                               b->workload->tensors[tensor].iterative_dim,
                               elements) &&
                   num_mul(*elements, slices, elements)
               ? OK
               : limit_reached(b);
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
        .outer = keeper_memory(b, keeper),
        .spills = node->can_spill,
        .outer_spills = hold_spills(b, keeper),
    };
    struct flow_rule rule = loops_of_hold(b, hold, uses);
    place_rule(b, hold, uses, is_counted, &rule);
    TRY(count_fetched(b, hold, tensor, uses, is_counted, &flow.elements));
    TRY(count_visits(b, &rule, uses, is_counted, false, &flow.events));
    TRY(extend_to_pipeline(b, hold, &rule));
    return flow.memory == flow.outer ? OK : add_flow(b, flow, &rule);
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
        .outer = keeper_memory(b, keeper),
        .spills = node->can_spill,
        .outer_spills = hold_spills(b, keeper),
    };
    struct flow_rule rule = loops_of_hold(b, hold, uses);
    place_rule(b, hold, uses, is_counted, &rule);
    TRY(count_tile(b, hold, uses, is_counted, &flow.elements));
    TRY(count_visits(b, &rule, uses, is_counted, false, &flow.events));
    TRY(extend_to_pipeline(b, hold, &rule));
    if (flow.memory == flow.outer) {
        return OK;
    }
    TRY(add_flow(b, flow, &rule));
    int64_t distinct = 0;
    TRY(count_distinct(
        b, &b->workload->statements[b->plan->leaves[producer].statement],
        &distinct));
    flow.kind = FLOW_REFILL;
    flow.total = flow.elements * flow.events - distinct;
    flow.events = flow.total / flow.elements;
    return add_flow(b, flow, &rule);
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
        (parent >= 0 && (is_only_here || keeper_memory(b, keeper) == parent))) {
        return;
    }
    diag_error(b->diags, node->span, "mapping-spill", NULL,
               "'%s' cannot spill from memory '%s' to '%s': it comes from '%s'",
               t->name, b->arch->memories[node->memory].name,
               parent < 0 ? "nowhere" : b->arch->memories[parent].name,
               b->arch->memories[keeper_memory(b, keeper)].name);
}

/* Tiles move inwards: from where a tensor is kept to a memory inside. */
static void check_hold_order(struct builder *b, int hold, int tensor,
                             int keeper)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    int outer = keeper_memory(b, keeper);
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

static enum status build_hold_flows(struct builder *b, int hold)
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
        int keeper = find_keeper(b->plan, hold, tensor);
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

enum status build_flows(struct builder *b)
{
    for (int l = 0; l < b->plan->leaf_count; l++) {
        TRY(build_leaf_flows(b, l));
    }
    for (int n = 0; n < b->plan->node_count; n++) {
        if (b->plan->nodes[n].kind == PLAN_HOLD) {
            TRY(build_hold_flows(b, n));
        }
    }
    return diags_status(b->diags);
}
