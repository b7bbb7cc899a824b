/* Numbers of names in a trace: flows, then leaves, causes of stalls, phases. */
#ifndef SIM_TRACE_RECORDER_NAMES_H
#define SIM_TRACE_RECORDER_NAMES_H

#include "sim/trace/recorder.h"

static inline int name_of_flow(int flow)
{
    return flow;
}

static inline int name_of_leaf(const struct plan *plan, int leaf)
{
    return plan->flow_count + leaf;
}

static inline int name_of_cause(const struct plan *plan, int cause)
{
    return plan->leaf_count + plan->flow_count + cause;
}

static inline int name_of_phase(const struct plan *plan, int phase)
{
    return plan->leaf_count + plan->flow_count + cause_count(plan) + phase;
}

#endif
