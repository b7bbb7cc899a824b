/* How long data is on its way beside the time that ports and links are busy with
 * it: the latency of the memory that is read, and the hops to the lane that is
 * furthest away. */
#include "model/model.h"

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
        lanes[a] = (struct arch_lanes){
            .first = position[a], .end = position[a] + 1, .is_shared = false};
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

enum status model_count_latency(const struct plan *plan, int flow_id,
                                struct model_latency *latency)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    bool is_read = flow->kind != FLOW_WRITE && flow->kind != FLOW_DRAIN;
    *latency = (struct model_latency){.fanout = -1};
    if (flow->total == 0) {
        return OK; /* partial sums that never come back */
    }
    int outer = flow->node < 0 ? flow->memory : flow->outer;
    latency->memory_cycles =
        is_read ? plan->arch->memories[outer].latency_cycles : 0;
    for (int i = 0; i < plan->crossing_count; i++) {
        const struct plan_crossing *crossing = &plan->crossings[i];
        int64_t cycles = 0;
        if (crossing->flow != flow_id) {
            continue;
        }
        if (!num_mul(find_distance(plan, crossing),
                     plan->arch->fanouts[crossing->fanout].network.hop_cycles,
                     &cycles) ||
            !num_add(latency->hop_cycles, cycles, &latency->hop_cycles)) {
            return ERR_LIMIT;
        }
        latency->fanout = cycles > 0 ? crossing->fanout : latency->fanout;
    }
    return OK;
}
