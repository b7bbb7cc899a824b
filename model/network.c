/* Networks of fan-outs: hops as actions, bandwidths as resources of a phase.
 *
 * A value crosses as a word of the memory outside. Energy is hops * bits * energy
 * of a bit over a hop. Time is that of the busiest link, which is the one that
 * joins the memory to the network: everything enters there, and results leave
 * the other way. A bus has one wire for both; in a crossbar, or between every
 * two, each lane has a link of its own, and lanes get equal shares. */
#include "model/counts.h"

/* The memory outside. */
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

static enum status limit_reached(struct diags *diags)
{
    return diag_fail(diags, ERR_LIMIT, "model-limit", "counts exceed 64 bits");
}

enum status model_count_hops(const struct plan *plan, struct diags *diags,
                             GArray *actions, double *energy_pj)
{
    for (int i = 0; i < plan->crossing_count; i++) {
        const struct plan_crossing *crossing = &plan->crossings[i];
        const struct plan_flow *flow = &plan->flows[crossing->flow];
        const struct arch_fanout *fanout =
            &plan->arch->fanouts[crossing->fanout];
        const struct arch_memory *outer = outer_memory(plan, flow);
        int64_t hops = count_kept(plan, flow, crossing->hops);
        int64_t bytes = 0;
        if (!num_mul(hops, arch_word_bytes(outer), &bytes)) {
            return limit_reached(diags);
        }
        struct evaluation_action action = {
            .component = fanout->name,
            .tensor = plan->workload->tensors[flow->tensor].name,
            .einsum = flow->leaf < 0
                          ? NULL
                          : plan->workload
                                ->statements[plan->leaves[flow->leaf].statement]
                                .name,
            .action = "hop",
            .count = hops,
            .bytes = bytes,
            .energy_pj = (double)hops * (double)outer->word_bits *
                         fanout->network.energy_pj_per_bit,
        };
        if (hops > 0) {
            g_array_append_val(actions, action);
            *energy_pj += action.energy_pj;
        }
    }
    return OK;
}

struct link_bytes {
    int64_t in;
    int64_t out;
    int64_t instances; /* of the fan-out */
    int64_t lanes;
};

static bool has_lane_links(enum arch_topology topology)
{
    return topology == ARCH_CROSSBAR || topology == ARCH_ALL_TO_ALL;
}

static enum status sum_phase(const struct plan *plan, int phase, int fanout,
                             struct diags *diags, struct link_bytes *sum)
{
    bool is_of_lanes =
        has_lane_links(plan->arch->fanouts[fanout].network.topology);
    *sum = (struct link_bytes){0, 0, 1, 1};
    for (int i = 0; i < plan->crossing_count; i++) {
        const struct plan_crossing *crossing = &plan->crossings[i];
        const struct plan_flow *flow = &plan->flows[crossing->flow];
        if (crossing->fanout != fanout ||
            model_flow_phase(plan, flow) != phase) {
            continue;
        }
        int64_t values = is_of_lanes ? crossing->arrivals : crossing->entries;
        int64_t bytes = 0;
        int64_t *way = crossing->is_inwards ? &sum->in : &sum->out;
        if (!num_mul(count_kept(plan, flow, values),
                     arch_word_bytes(outer_memory(plan, flow)), &bytes) ||
            !num_add(*way, bytes, way)) {
            return limit_reached(diags);
        }
        sum->instances = MAX(sum->instances, crossing->instances);
        sum->lanes = MAX(sum->lanes, crossing->lanes);
    }
    return OK;
}

enum status model_phase_network(const struct plan *plan, int phase, int fanout,
                                struct diags *diags, int64_t *cycles)
{
    const struct arch_network *network = &plan->arch->fanouts[fanout].network;
    struct link_bytes sum;
    *cycles = 0;
    if (!network->is_given || network->bandwidth_bytes_per_s == NUM_UNLIMITED) {
        return OK;
    }
    TRY(sum_phase(plan, phase, fanout, diags, &sum));
    int64_t links = sum.instances;
    if (has_lane_links(network->topology) &&
        !num_mul(links, sum.lanes, &links)) {
        return limit_reached(diags);
    }
    sum.in = num_ceil_div(sum.in, links);
    sum.out = num_ceil_div(sum.out, links);
    int64_t bytes = MAX(sum.in, sum.out);
    if (network->topology == ARCH_BUS && !num_add(sum.in, sum.out, &bytes)) {
        return limit_reached(diags);
    }
    return arch_count_link_cycles(plan->arch, fanout, bytes, cycles) == OK
               ? OK
               : limit_reached(diags);
}
