/* What would remove a cause of stalls: the same run with one thing better. Gains are
 * simulated and not inferred, as removing one wait can uncover another.
 *
 *   dependency on an Einsum   its tile steps take half as long
 *   reduction of one          its results arrive at once
 *   operand of a tensor       its memory has no latency
 *   buffer full               one buffer more
 *   bandwidth of a port       twice of it
 *   conflicts in a bank       its memory interleaved
 *   network of a fan-out      links of any bandwidth, no hops
 *   DRAM                      the port's bandwidth is all
 *
 * Fill, drain and having no work are no cause that could go by itself. */
#include "sim/machine.h"

static bool is_link_of(const struct machine *machine, int port, int fanout)
{
    return port_find_owner(machine->plan->arch, port).fanout == fanout;
}

/* The fan-out of a network's cause; -1. */
static int find_fanout(const struct machine *machine)
{
    const struct plan *plan = machine->plan;
    for (int f = 0; f < plan->arch->fanout_count; f++) {
        if (machine->relieved == cause_of_hops(plan, f) ||
            machine->relieved ==
                cause_of_port(plan, port_of_link(plan->arch, f, true)) ||
            machine->relieved ==
                cause_of_port(plan, port_of_link(plan->arch, f, false))) {
            return f;
        }
    }
    return -1;
}

/* The memory whose banks are in each other's way no more; -1. */
static int find_interleaved(const struct machine *machine)
{
    const struct plan *plan = machine->plan;
    int first = port_first_of_banks(plan->arch);
    int first_conflict = cause_of_conflict(plan, first);
    return machine->relieved < first_conflict
               ? -1
               : port_find_owner(plan->arch,
                                 first + machine->relieved - first_conflict)
                     .memory;
}

static bool is_bank_of(const struct machine *machine, int port, int memory)
{
    struct port_owner owner = port_find_owner(machine->plan->arch, port);
    return owner.bank >= 0 && owner.memory == memory;
}

void relief_of_transfer(const struct machine *machine,
                        struct transfer *transfer)
{
    const struct plan *plan = machine->plan;
    if (machine->relieved < 0) {
        return;
    }
    int fanout = find_fanout(machine);
    int interleaved = find_interleaved(machine);
    for (int i = 0; i < transfer->leg_count; i++) {
        struct leg *leg = &transfer->leg[i];
        if (fanout >= 0 && is_link_of(machine, leg->port, fanout)) {
            leg->ticks = 0;
        } else if (interleaved >= 0 &&
                   is_bank_of(machine, leg->port, interleaved)) {
            leg->ticks = 0;
        } else if (machine->relieved == cause_of_port(plan, leg->port)) {
            leg->ticks = num_ceil_div(leg->ticks, 2);
        }
    }
    struct latency *latency = &transfer->latency;
    if (fanout >= 0 && latency->fanout == fanout) {
        latency->hop_ticks = 0;
    }
    if (machine->relieved ==
        cause_of_flow(plan, STALL_OPERAND, latency->flow)) {
        latency->memory_ticks = 0;
    }
}

void relief_of_step(const struct machine *machine, int leaf,
                    int64_t *busy_ticks)
{
    if (machine->relieved >= 0 &&
        machine->relieved ==
            cause_of_leaf(machine->plan, STALL_DEPENDENCY, leaf)) {
        *busy_ticks = num_ceil_div(*busy_ticks, 2);
    }
}

static void relieve_stream(const struct machine *machine, struct stream *stream)
{
    relief_of_transfer(machine, &stream->transfer);
    if (machine->relieved ==
        cause_of_flow(machine->plan, STALL_BUFFER_FULL, stream->flow)) {
        g_free(stream->arrival);
        stream->copies++;
        stream->arrival = g_new0(struct pending, (gsize)stream->copies);
    }
}

static void relieve_phase(const struct machine *machine, struct phase *phase)
{
    for (guint i = 0; i < phase->streams->len; i++) {
        relieve_stream(machine, phase_stream(phase, (int)i));
    }
    for (guint i = 0; i < phase->sinks->len; i++) {
        relief_of_transfer(machine, &phase_sink(phase, (int)i)->transfer);
    }
    for (int l = 0; l < machine->plan->leaf_count; l++) {
        struct leaf_timing *leaf = &phase->leaves[l];
        relief_of_transfer(machine, &leaf->on_chip);
        relief_of_step(machine, l, &leaf->busy_ticks);
        relief_of_step(machine, l, &leaf->serial_ticks);
        if (machine->relieved ==
            cause_of_leaf(machine->plan, STALL_REDUCTION, l)) {
            leaf->reduce_ticks = 0;
        }
    }
}

void relief_apply(struct machine *machine)
{
    for (int p = 0; machine->relieved >= 0 && p < machine->plan->phase_count;
         p++) {
        relieve_phase(machine, machine->phases[p]);
    }
}

bool relief_leaves_out_dram(const struct machine *machine)
{
    return machine->relieved >=
               cause_of_dram(machine->plan, DRAM_PART_TRANSFER) &&
           machine->relieved <= cause_of_dram(machine->plan, DRAM_PART_QUEUE);
}
