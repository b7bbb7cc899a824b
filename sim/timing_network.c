/* What events of flows ask of networks: time on the busiest link of each fan-out
 * between their two places, as the model counts it (model/network.c), and what
 * they are on the way besides (model/latency.c).
 *
 * A flow's crossings are known for the whole run; an event gets the share that
 * its elements are of the flow's, rounded up. */
#include "model/model.h"
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

/* ---- latencies ------------------------------------------------------------ */

enum status timing_add_latency(const struct plan *plan, int flow,
                               struct transfer *transfer)
{
    struct model_latency way;
    TRY(model_count_latency(plan, flow, &way));
    struct latency latency = {.is_set = true,
                              .flow = flow,
                              .fanout = way.fanout,
                              .memory_cycles = way.memory_cycles,
                              .hop_cycles = way.hop_cycles};
    if (!transfer->latency.is_set ||
        latency.memory_cycles + latency.hop_cycles >
            transfer->latency.memory_cycles + transfer->latency.hop_cycles) {
        transfer->latency = latency;
    }
    return OK;
}
