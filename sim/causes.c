/* Causes of idle cycles, numbered for one plan: a stall and what is waited for.
 * Units count their idle time by cause; stalls are sums over causes.
 *
 *   fill, drain, out of work
 *   dependency on, reduction of   each leaf
 *   operand of, buffer full of    each flow
 *   bandwidth of                  each port of a memory
 *   network of                    each link; each fan-out's hops
 *   DRAM's                        rows, banks, refreshes ...
 *   conflicts in                  each bank
 */
#include "sim/machine.h"

enum { CAUSE_OF_NOBODY = CAUSE_OUT_OF_WORK + 1, CAUSE_FIRST_LEAF };

static int first_of_flows(const struct plan *plan)
{
    return CAUSE_FIRST_LEAF + 2 * plan->leaf_count;
}

static int first_of_ports(const struct plan *plan)
{
    return first_of_flows(plan) + 2 * plan->flow_count;
}

static int first_of_hops(const struct plan *plan)
{
    return first_of_ports(plan) + port_count(plan->arch);
}

static int first_of_dram(const struct plan *plan)
{
    return first_of_hops(plan) + plan->arch->fanout_count;
}

static int first_of_conflicts(const struct plan *plan)
{
    return first_of_dram(plan) + DRAM_PART_COUNT;
}

int cause_count(const struct plan *plan)
{
    return first_of_conflicts(plan) + port_count(plan->arch) -
           port_first_of_banks(plan->arch);
}

int cause_of_leaf(const struct plan *plan, enum stall stall, int leaf)
{
    int second = stall == STALL_REDUCTION ? plan->leaf_count : 0;
    return leaf < 0 ? CAUSE_OF_NOBODY : CAUSE_FIRST_LEAF + second + leaf;
}

int cause_of_flow(const struct plan *plan, enum stall stall, int flow)
{
    int second = stall == STALL_BUFFER_FULL ? plan->flow_count : 0;
    return first_of_flows(plan) + second + flow;
}

int cause_of_port(const struct plan *plan, int port)
{
    return first_of_ports(plan) + port;
}

int cause_of_conflict(const struct plan *plan, int port)
{
    return first_of_conflicts(plan) + port - port_first_of_banks(plan->arch);
}

int cause_of_hops(const struct plan *plan, int fanout)
{
    return first_of_hops(plan) + fanout;
}

int cause_of_dram(const struct plan *plan, enum dram_part part)
{
    return first_of_dram(plan) + (int)part;
}

/* ---- in words ------------------------------------------------------------ */

static const char *name_of_leaf(const struct plan *plan, int leaf)
{
    return plan->workload->statements[plan->leaves[leaf].statement].name;
}

static void describe_flow(const struct plan *plan, int id,
                          struct evaluation_cause *cause)
{
    const struct plan_flow *flow = &plan->flows[id % plan->flow_count];
    bool is_full = id >= plan->flow_count;
    bool is_of_leaf = flow->node < 0;
    int memory = is_of_leaf || is_full ? flow->memory : flow->outer;
    cause->stall = is_full ? STALL_BUFFER_FULL : STALL_OPERAND;
    cause->tensor = plan->workload->tensors[flow->tensor].name;
    /* What is fetched for each step anew waits for room beside the unit. */
    cause->component =
        is_of_leaf && is_full
            ? plan->arch->units[plan->leaves[flow->leaf].unit].name
            : plan->arch->memories[memory].name;
}

/* "bank3", "bank3.read". Such names live as long as the program. */
static const char *name_bank(int bank, const char *kind)
{
    g_autofree char *name = kind == NULL
                                ? g_strdup_printf("bank%d", bank)
                                : g_strdup_printf("bank%d.%s", bank, kind);
    return g_intern_string(name);
}

static void describe_port(const struct plan *plan, int port,
                          struct evaluation_cause *cause)
{
    static const char *const part[] = {[PORT_ALL] = NULL,
                                       [PORT_READS] = "read",
                                       [PORT_WRITES] = "write",
                                       [PORT_LOADS] = "load",
                                       [PORT_DRAM] = "data"};
    struct port_owner owner = port_find_owner(plan->arch, port);
    if (owner.fanout >= 0) {
        const struct arch_fanout *fanout = &plan->arch->fanouts[owner.fanout];
        cause->stall = STALL_NETWORK;
        cause->component = fanout->name;
        cause->part = fanout->network.topology == ARCH_BUS ? "bus"
                      : owner.is_inwards                   ? "in"
                                                           : "out";
        return;
    }
    cause->stall = STALL_BANDWIDTH;
    cause->component = plan->arch->memories[owner.memory].name;
    cause->part = owner.bank < 0 ? part[owner.kind]
                                 : name_bank(owner.bank, part[owner.kind]);
}

void cause_describe(const struct plan *plan, int id,
                    struct evaluation_cause *cause)
{
    static const enum stall alone[] = {[CAUSE_FILL] = STALL_FILL,
                                       [CAUSE_DRAIN] = STALL_DRAIN,
                                       [CAUSE_OUT_OF_WORK] = STALL_OUT_OF_WORK,
                                       [CAUSE_OF_NOBODY] = STALL_DEPENDENCY};
    *cause = (struct evaluation_cause){.without_cycles = -1};
    if (id < CAUSE_FIRST_LEAF) {
        cause->stall = alone[id];
    } else if (id < first_of_flows(plan)) {
        int leaf = id - CAUSE_FIRST_LEAF;
        cause->stall =
            leaf < plan->leaf_count ? STALL_DEPENDENCY : STALL_REDUCTION;
        cause->einsum = name_of_leaf(plan, leaf % plan->leaf_count);
    } else if (id < first_of_ports(plan)) {
        describe_flow(plan, id - first_of_flows(plan), cause);
    } else if (id < first_of_hops(plan)) {
        describe_port(plan, id - first_of_ports(plan), cause);
    } else if (id >= first_of_conflicts(plan)) {
        describe_port(plan,
                      id - first_of_conflicts(plan) +
                          port_first_of_banks(plan->arch),
                      cause);
        cause->stall = STALL_BANK_CONFLICT;
    } else if (id >= first_of_dram(plan)) {
        enum dram_part part = (enum dram_part)(id - first_of_dram(plan));
        static const char *const name[DRAM_PART_COUNT] = {
            [DRAM_PART_TRANSFER] = "data",
            [DRAM_PART_ROW] = "rows",
            [DRAM_PART_BANK] = "banks",
            [DRAM_PART_TURNAROUND] = "turnaround",
            [DRAM_PART_REFRESH] = "refresh",
            [DRAM_PART_QUEUE] = "queue"};
        cause->stall =
            part == DRAM_PART_TRANSFER ? STALL_BANDWIDTH : STALL_DRAM;
        cause->component = plan->arch->memories[0].name;
        cause->part = name[part];
    } else {
        cause->stall = STALL_NETWORK;
        cause->component = plan->arch->fanouts[id - first_of_hops(plan)].name;
        cause->part = "hops";
    }
}
