/* What events of flows ask of networks: time on the busiest link of each fan-out
 * between their two places, as the model counts it (model/network.c), and the
 * hops to the lane that is furthest away.
 *
 * A flow's crossings are known for the whole run; an event gets the share that
 * its elements are of the flow's, rounded up. */
#include "sim/timing_build.h"

static bool has_lane_links(enum arch_topology topology)
{
    return topology == ARCH_CROSSBAR || topology == ARCH_ALL_TO_ALL;
}

static const struct arch_memory *outer_memory(const struct plan *plan,
                                              const struct plan_flow *flow)
{
    return &plan->arch->memories[flow->node < 0 ? flow->memory : flow->outer];
}

/* Of what crosses, the part that the place inside has room for. */
static int64_t count_kept(const struct plan *plan, const struct plan_flow *flow,
                          int64_t values)
{
    bool is_less = flow->node >= 0 && flow->spills;
    return is_less ? values - plan_count_spilled(plan, flow->memory, values)
                   : values;
}

static enum status add_link(const struct plan *plan,
                            const struct plan_crossing *crossing,
                            int64_t elements, struct transfer *transfer)
{
    const struct plan_flow *flow = &plan->flows[crossing->flow];
    enum arch_topology topology =
        plan->arch->fanouts[crossing->fanout].network.topology;
    bool is_of_lanes = has_lane_links(topology);
    int64_t values = is_of_lanes ? crossing->arrivals : crossing->entries;
    int64_t links = crossing->instances;
    int64_t bytes = 0;
    if (flow->total == 0 ||
        (is_of_lanes && !num_mul(links, crossing->lanes, &links)) ||
        !num_mul_div_ceil(values, elements, flow->total, &values) ||
        !num_mul(count_kept(plan, flow, values),
                 arch_word_bytes(outer_memory(plan, flow)), &bytes)) {
        return flow->total == 0 ? OK : ERR_LIMIT;
    }
    return timing_add_port(
        plan->arch,
        port_of_link(plan->arch, crossing->fanout, crossing->is_inwards),
        num_ceil_div(bytes, links), transfer);
}

enum status timing_add_links(const struct plan *plan, int flow,
                             int64_t elements, struct transfer *transfer)
{
    for (int i = 0; i < plan->crossing_count; i++) {
        if (plan->crossings[i].flow == flow) {
            TRY(add_link(plan, &plan->crossings[i], elements, transfer));
        }
    }
    return OK;
}

/* ---- hops ---------------------------------------------------------------- */

/* How many lanes of the axis take part: those of the nodes above, and of the
 * leaf's step. */
static int64_t count_lanes(const struct plan *plan,
                           const struct plan_flow *flow, int axis)
{
    int64_t lanes = 1;
    int node = flow->node < 0 ? plan->leaves[flow->leaf].node : flow->node;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_SPATIAL &&
            plan->nodes[n].axis == axis) {
            lanes *= plan->nodes[n].trips; /* at most those of the axis */
        }
    }
    for (int r = 0; flow->node < 0 && r < EINSUM_MAX_RANKS; r++) {
        const struct plan_leaf *leaf = &plan->leaves[flow->leaf];
        const struct arch_unit *unit = &plan->arch->units[leaf->unit];
        if (leaf->axis_of[r] >= 0 && unit->axis[leaf->axis_of[r]].id == axis) {
            lanes *= leaf->lane_extent[r];
        }
    }
    return lanes;
}

static int64_t count_hops(const struct arch_fanout *fanout,
                          const int64_t *position)
{
    struct arch_lanes lanes[ARCH_MAX_AXES];
    int64_t hops = 0;
    for (int a = 0; a < fanout->axis_count; a++) {
        lanes[a] = (struct arch_lanes){position[a], position[a] + 1, false};
    }
    return arch_count_hops(fanout, lanes, &hops) == OK ? hops : 0;
}

/* Routes follow the axes in turn, so the lane furthest away is so along each. */
static int64_t find_distance(const struct plan *plan,
                             const struct plan_crossing *crossing)
{
    const struct arch_fanout *fanout = &plan->arch->fanouts[crossing->fanout];
    int64_t furthest[ARCH_MAX_AXES] = {0};
    for (int a = 0; a < fanout->axis_count; a++) {
        int64_t lanes = count_lanes(plan, &plan->flows[crossing->flow],
                                    fanout->first_axis_id + a);
        int64_t position[ARCH_MAX_AXES] = {0};
        int64_t most = 0;
        for (int64_t i = 0; i < MIN(lanes, fanout->axis[a].size); i++) {
            position[a] = i;
            int64_t hops = count_hops(fanout, position);
            if (hops > most) {
                most = hops;
                furthest[a] = i;
            }
        }
    }
    return count_hops(fanout, furthest);
}

enum status timing_add_latency(const struct plan *plan, int flow_id,
                               struct transfer *transfer)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    const struct arch *arch = plan->arch;
    bool is_read = flow->kind != FLOW_WRITE && flow->kind != FLOW_DRAIN;
    struct latency latency = {.is_set = true, .flow = flow_id, .fanout = -1};
    /* Of partial sums that never come back nothing does. */
    bool is_any = flow->total > 0;
    latency.memory_cycles =
        is_any && is_read ? outer_memory(plan, flow)->latency_cycles : 0;
    for (int i = 0; is_any && i < plan->crossing_count; i++) {
        const struct plan_crossing *crossing = &plan->crossings[i];
        int64_t cycles = 0;
        if (crossing->flow != flow_id) {
            continue;
        }
        if (!num_mul(find_distance(plan, crossing),
                     arch->fanouts[crossing->fanout].network.hop_cycles,
                     &cycles) ||
            !num_add(latency.hop_cycles, cycles, &latency.hop_cycles)) {
            return ERR_LIMIT;
        }
        latency.fanout = cycles > 0 ? crossing->fanout : latency.fanout;
    }
    if (!transfer->latency.is_set ||
        latency.memory_cycles + latency.hop_cycles >
            transfer->latency.memory_cycles + transfer->latency.hop_cycles) {
        transfer->latency = latency;
    }
    return OK;
}
