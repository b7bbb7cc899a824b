/* Numbers of names in a trace: leaves, then flows, causes of stalls, phases. */
#ifndef SIM_TRACE_RECORDER_NAMES_H
#define SIM_TRACE_RECORDER_NAMES_H

#include "sim/trace/recorder.h"

static inline int name_of_leaf(int leaf)
{
    return leaf;
}

static inline int name_of_flow(const struct plan *plan, int flow)
{
    return plan->leaf_count + flow;
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
