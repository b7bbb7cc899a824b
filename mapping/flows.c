/* What moves, between which places, how often: exact counts, in closed form.
 * Here what leaves exchange with memories; hold_flows.c has what holds exchange
 * with the places outside them.
 *
 * At one point in time the lanes of a unit take a footprint of each operand; a
 * value that several lanes need is sent once where the axis multicasts. The
 * footprint is taken anew for every iteration of the step's loops, except that
 * loops inside the innermost one that moves the access leave it where it is.
 * Results are written by the same rule; whatever is written beyond the first
 * visit of an element was read back before (first visits read nothing, unless
 * the hold says `first_reads`). */
#include "mapping/flows.h"

enum status flows_limit(struct builder *b)
{
    return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                     "traffic exceeds 64 bits");
}

bool flows_hold_spills(struct builder *b, int node)
{
    return node >= 0 && b->plan->nodes[node].can_spill;
}

/* The nearest hold outside `node` that is not a stream; -1 if there is none. */
int flows_find_keeper(const struct plan *plan, int node, int tensor)
{
    int hold = node_find_hold(plan, node, tensor);
    while (hold >= 0 && plan->nodes[hold].is_stream) {
        hold = node_find_hold(plan, hold, tensor);
    }
    return hold;
}

int flows_keeper_memory(struct builder *b, int hold)
{
    return hold < 0 ? 0 : b->plan->nodes[hold].memory;
}

int64_t flows_lane_footprint(const struct plan *plan,
                             const struct plan_leaf *leaf,
                             const struct einsum_access *access, bool is_write,
                             const int64_t *lane_extent)
{
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    int64_t elements = 1;
    for (int d = 0; d < access->dim_count; d++) {
        elements *= affine_count_values(&access->index[d], lane_extent);
    }
    for (int r = 0; r < s->rank_count; r++) {
        if (leaf->axis_of[r] < 0 || access_uses_rank(access, s->rank[r])) {
            continue;
        }
        const struct arch_axis *axis =
            &plan->arch->units[leaf->unit].axis[leaf->axis_of[r]];
        if (is_write ? !arch_axis_reduces(axis) : !arch_axis_shares(axis)) {
            elements *= lane_extent[s->rank[r]];
        }
    }
    return elements;
}

enum status flows_count_step(struct builder *b, const struct plan_leaf *leaf,
                             const struct step *step,
                             const struct einsum_access *access, bool is_write,
                             int64_t *elements)
{
    int innermost = -1;
    for (int i = 0; i < step->loop_count; i++) {
        if (access_uses_rank(access, step->loop[i].rank) &&
            step->loop[i].trips > 1) {
            innermost = i;
        }
    }
    *elements = flows_lane_footprint(b->plan, leaf, access, is_write,
                                     step->lane_extent);
    for (int i = 0; i <= innermost; i++) {
        if (!num_mul(*elements, step->loop[i].trips, elements)) {
            return flows_limit(b);
        }
    }
    return OK;
}

enum status flows_add(struct builder *b, struct plan_flow flow,
                      const struct flow_rule *rule)
{
    bool is_product = flow.kind != FLOW_PARTIAL && flow.kind != FLOW_REFILL;
    if (b->plan->is_regular && is_product &&
        !num_mul(flow.elements, flow.events, &flow.total)) {
        return flows_limit(b);
    }
    flow.inner_total = b->plan->is_regular ? flow.total : flow.inner_total;
    if (b->keeps_empty_flows || flow.total > 0 || flow.inner_total > 0) {
        g_array_append_val(b->flows, flow);
        g_array_append_vals(b->rules, rule, 1);
        TRY(flows_add_crossings(b, &flow));
        struct flow_source source = b->source;
        if (source.uses != NULL) {
            g_array_ref(source.uses);
            source.is_counted =
                g_memdup2(source.is_counted, source.uses->len * sizeof(bool));
        }
        g_array_append_val(b->sources, source);
    }
    return OK;
}

/* Elements the statement computes in all. */
enum status flows_count_distinct(struct builder *b,
                                 const struct einsum_statement *s,
                                 int64_t *distinct)
{
    if (!projection_count_foreign(b->plan, s, distinct)) {
        return flows_limit(b);
    }
    for (int r = 0; r < s->rank_count; r++) {
        if (!s->is_reduced[r] &&
            !num_mul(*distinct, b->workload->rank[s->rank[r]].extent,
                     distinct)) {
            return flows_limit(b);
        }
    }
    return OK;
}

/* Of a leaf's own flows: they happen with the leaf. */
static const struct flow_rule no_rule = {.innermost = -1};

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
        int keeper = flows_find_keeper(b->plan, hold, read->tensor);
        if (b->plan->nodes[hold].memory != flows_keeper_memory(b, keeper)) {
            return OK; /* the stream's own flow is this read */
        }
        hold = keeper;
    }
    struct plan_flow flow = {
        .kind = FLOW_READ,
        .tensor = read->tensor,
        .leaf = leaf_id,
        .node = -1,
        .memory = flows_keeper_memory(b, hold),
        .outer = -1,
        .spills = flows_hold_spills(b, hold),
        .events = leaf->step_count,
    };
    const struct einsum_access *moved =
        projection_elements(b->plan, leaf_id, read);
    b->source =
        (struct flow_source){.leaf = leaf_id, .access = moved, .keeper = hold};
    TRY(flows_count_step(b, leaf, step, moved, false, &flow.elements));
    if (!b->plan->is_regular) {
        TRY(flows_sum_lanes(b, leaf_id, moved, false, hold, &flow));
    }
    return flows_add(b, flow, &no_rule);
}

/* What the hold declares; they are no data, so none of them spills. */
static int64_t count_first_reads(struct builder *b, int hold, int tensor)
{
    for (int i = 0; hold >= 0 && i < b->plan->nodes[hold].held_count; i++) {
        if (b->plan->nodes[hold].held[i] == tensor) {
            return b->plan->nodes[hold].first_reads[i];
        }
    }
    return 0;
}

static enum status add_write(struct builder *b, int leaf_id,
                             const struct step *step)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int hold = flows_find_keeper(b->plan, leaf->node, s->output.tensor);
    struct plan_flow flow = {
        .kind = FLOW_WRITE,
        .tensor = s->output.tensor,
        .leaf = leaf_id,
        .node = -1,
        .memory = flows_keeper_memory(b, hold),
        .outer = -1,
        .spills = flows_hold_spills(b, hold),
        .events = leaf->step_count,
    };
    const struct einsum_access *moved =
        projection_elements(b->plan, leaf_id, &s->output);
    b->source =
        (struct flow_source){.leaf = leaf_id, .access = moved, .keeper = hold};
    TRY(flows_count_step(b, leaf, step, moved, true, &flow.elements));
    int64_t distinct = 0;
    if (b->plan->is_regular) {
        TRY(flows_count_distinct(b, s, &distinct));
        flow.total = flow.elements * flow.events;
    } else {
        TRY(flows_sum_lanes(b, leaf_id, moved, true, hold, &flow));
        TRY(flows_sum_covered(b, leaf_id, hold, &distinct));
    }
    /* A scatter need not reach every element. */
    distinct = MIN(distinct, flow.total);
    TRY(flows_add(b, flow, &no_rule));
    flow.kind = FLOW_PARTIAL;
    flow.total -= distinct;
    TRY(flows_add(b, flow, &no_rule));
    flow.spills = false;
    flow.total = count_first_reads(b, hold, s->output.tensor);
    flow.inner_total = flow.total;
    b->source = (struct flow_source){.leaf = -1, .keeper = -1};
    return flows_add(b, flow, &no_rule);
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

enum status build_flows(struct builder *b)
{
    for (int n = 0; n < b->plan->node_count; n++) {
        b->plan->is_regular &=
            b->plan->nodes[n].kind != PLAN_HOLD || !hold_keeps_overlap(b, n);
    }
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
