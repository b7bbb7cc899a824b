/* Cycles of one phase in the steady state.
 *
 * A step of the software pipeline enters its slots one after another, all units
 * together, so the phase lasts
 *
 *     sum over slots of max over units (busy cycles of the unit in the slot)
 *
 * plus what latencies of reductions across lanes leave exposed (waits.c). This
 * is the "waterfall" of FuseMax (MICRO 2024): max(QK+LM, RD+RNV+AV) + RM + ...
 * with the Einsums of a slot taken from the mapping. A child is a serial
 * program, so a slot also lasts at least as long as each of its children.
 * Filling and draining are fill.c's. */
#include <math.h>
#include <string.h>

#include "model/counts.h"

static enum status limit_reached(struct diags *diags)
{
    return diag_fail(diags, ERR_LIMIT, "model-limit", "cycles exceed 64 bits");
}

int64_t model_emptying_cycles(const struct arch_unit *unit)
{
    int64_t cycles = 0;
    return !unit->overlaps_steps && arch_count_skew_cycles(unit, &cycles) == OK
               ? cycles
               : 0;
}

bool model_count_taken(const struct plan *plan, const struct plan_leaf *leaf,
                       int64_t *cycles)
{
    return num_mul(leaf->step_count,
                   model_emptying_cycles(&plan->arch->units[leaf->unit]),
                   cycles) &&
           num_add(*cycles, leaf->busy_cycles, cycles);
}

/* ---- slots -------------------------------------------------------------- */

static enum status slot_cycles(const struct plan *plan, int phase_id, int slot,
                               struct diags *diags, int64_t *unit_cycles,
                               int64_t *cycles)
{
    const struct plan_phase *phase = &plan->phases[phase_id];
    g_autofree int64_t *child_cycles =
        g_new0(int64_t, (gsize)phase->child_count);
    memset(unit_cycles, 0, sizeof(int64_t) * (size_t)plan->arch->unit_count);
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        if (leaf->phase != phase_id ||
            phase->children[leaf->child].slot != slot) {
            continue;
        }
        int64_t busy = 0;
        if (!model_count_taken(plan, leaf, &busy) ||
            !num_add(unit_cycles[leaf->unit], busy, &unit_cycles[leaf->unit]) ||
            !num_add(child_cycles[leaf->child], busy,
                     &child_cycles[leaf->child])) {
            return limit_reached(diags);
        }
    }
    *cycles = 0;
    for (int u = 0; u < plan->arch->unit_count; u++) {
        *cycles = MAX(*cycles, unit_cycles[u]);
    }
    for (int c = 0; c < phase->child_count; c++) {
        *cycles = MAX(*cycles, child_cycles[c]);
    }
    return OK;
}

/* ---- the phase ---------------------------------------------------------- */

enum status model_phase_units(const struct plan *plan, int phase,
                              struct diags *diags, struct phase_cycles *result,
                              int *unit)
{
    int64_t *cycles = &result->unit_cycles;
    int units = plan->arch->unit_count;
    g_autofree int64_t *slot_unit = g_new0(int64_t, (gsize)units);
    g_autofree int64_t *sum = g_new0(int64_t, (gsize)units);
    TRY(model_exposed_cycles(plan, phase, diags, cycles,
                             &result->early_wait_cycles));
    for (int s = 0; s < plan->phases[phase].slot_count; s++) {
        int64_t part = 0;
        TRY(slot_cycles(plan, phase, s, diags, slot_unit, &part));
        if (!num_add(*cycles, part, cycles)) {
            return limit_reached(diags);
        }
        for (int u = 0; u < units; u++) {
            if (!num_add(sum[u], slot_unit[u], &sum[u])) {
                return limit_reached(diags);
            }
        }
    }
    *unit = 0;
    for (int u = 1; u < units; u++) {
        *unit = sum[u] > sum[*unit] ? u : *unit;
    }
    return OK;
}

/* ---- memories ----------------------------------------------------------- */

int model_flow_phase(const struct plan *plan, const struct plan_flow *flow)
{
    if (flow->leaf >= 0) {
        return plan->leaves[flow->leaf].phase;
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan_is_above(plan, flow->node, plan->leaves[l].node)) {
            return plan->leaves[l].phase;
        }
    }
    return 0;
}

/* Elements of the flow that pass through `memory`'s port. */
static int64_t flow_elements_at(const struct plan *plan,
                                const struct plan_flow *flow, int memory)
{
    int64_t total = flow->total;
    bool is_leaf = flow->node < 0;
    int64_t spilled =
        flow->spills ? plan_count_spilled(plan, flow->memory, total) : 0;
    int64_t elements = 0;
    if (is_leaf) {
        elements += flow->memory != memory ? 0
                    : flow->spills ? plan_count_seen(plan, memory, total)
                                   : total;
        elements +=
            spilled > 0 && plan->arch->memories[flow->memory].parent == memory
                ? spilled
                : 0;
        return elements;
    }
    int64_t inside =
        flow->spills ? plan_count_seen(plan, flow->memory, flow->inner_total)
                     : flow->inner_total;
    total -= spilled;
    int64_t outside =
        flow->outer_spills ? plan_count_spilled(plan, flow->outer, total) : 0;
    elements += flow->memory == memory && !flow->is_cut_through ? inside : 0;
    elements += flow->outer != memory ? 0
                : flow->outer_spills  ? plan_count_seen(plan, memory, total)
                                      : total;
    elements +=
        outside > 0 && plan->arch->memories[flow->outer].parent == memory
            ? outside
            : 0;
    return elements;
}

/* Does the flow write where it passes `memory`'s port, rather than read? */
static bool flow_writes_at(const struct plan_flow *flow, int memory)
{
    if (flow->node < 0) {
        return flow->kind == FLOW_WRITE;
    }
    bool is_inside = flow->memory == memory;
    return is_inside != (flow->kind == FLOW_DRAIN);
}

static bool is_unlimited(const struct arch_memory *memory)
{
    return memory->bandwidth_bytes_per_s == NUM_UNLIMITED &&
           memory->read_bandwidth_bytes_per_s == NUM_UNLIMITED &&
           memory->write_bandwidth_bytes_per_s == NUM_UNLIMITED;
}

/* Bytes that pass the memory's ports in the phase. */
static enum status sum_bytes(const struct plan *plan, int phase, int memory,
                             struct diags *diags, int64_t *read_bytes,
                             int64_t *write_bytes)
{
    *read_bytes = 0;
    *write_bytes = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        int64_t *sum = flow_writes_at(flow, memory) ? write_bytes : read_bytes;
        int64_t elements = flow_elements_at(plan, flow, memory);
        int64_t bits = 0;
        if (model_flow_phase(plan, flow) == phase && elements > 0 &&
            (!plan_count_bits(plan, f, memory, elements, &bits) ||
             !num_add(*sum, num_ceil_div(bits, 8), sum))) {
            return limit_reached(diags);
        }
    }
    return OK;
}

static enum status count_transfer(const struct plan *plan, int phase,
                                  int memory, bool counts_writes,
                                  struct diags *diags, int64_t *cycles)
{
    int64_t read_bytes = 0;
    int64_t write_bytes = 0;
    *cycles = 0;
    if (is_unlimited(&plan->arch->memories[memory])) {
        return OK;
    }
    TRY(sum_bytes(plan, phase, memory, diags, &read_bytes, &write_bytes));
    /* Instances work side by side; bandwidths are of one. */
    int64_t used = plan->memories[memory].instances_used;
    return model_access_cycles(
        plan, memory, num_ceil_div(read_bytes, used),
        counts_writes ? num_ceil_div(write_bytes, used) : 0, cycles);
}

enum status model_phase_transfer(const struct plan *plan, int phase, int memory,
                                 struct diags *diags, int64_t *cycles)
{
    return count_transfer(plan, phase, memory, true, diags, cycles);
}

enum status model_phase_reads(const struct plan *plan, int phase, int memory,
                              struct diags *diags, int64_t *cycles)
{
    return count_transfer(plan, phase, memory, false, diags, cycles);
}

/* What is stated in bytes per second takes fewer cycles of a slower clock. */
enum status model_access_cycles(const struct plan *plan, int memory,
                                int64_t read_bytes, int64_t write_bytes,
                                int64_t *cycles)
{
    const struct arch *arch = plan->arch;
    int64_t write_cycles = 0;
    bool is_serial = arch->memories[memory].is_serial;
    TRY(arch_count_access_cycles(arch, memory, read_bytes,
                                 is_serial ? 0 : write_bytes, cycles));
    if (is_serial) { /* reads and writes take turns, too */
        TRY(arch_count_access_cycles(arch, memory, 0, write_bytes,
                                     &write_cycles));
        if (!num_add(*cycles, write_cycles, cycles)) {
            return ERR_LIMIT;
        }
    }
    if (arch->memories[memory].follows_licence ||
        plan->clock_hz == arch->clock_hz) {
        return OK;
    }
    return num_mul_div_ceil(*cycles, plan->clock_hz, arch->clock_hz, cycles)
               ? OK
               : ERR_LIMIT;
}

enum status model_phase_serial(const struct plan *plan, int phase,
                               struct diags *diags, int64_t *cycles)
{
    *cycles = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        if (leaf->phase == phase && leaf->instructions != NULL &&
            !num_add(*cycles, (int64_t)ceil(leaf->serial_cycles), cycles)) {
            return limit_reached(diags);
        }
    }
    for (int m = 0; m < plan->arch->memory_count; m++) {
        int64_t transfer = 0;
        if (!plan->arch->memories[m].is_serial) {
            continue;
        }
        TRY(model_phase_transfer(plan, phase, m, diags, &transfer));
        if (!num_add(*cycles, transfer, cycles)) {
            return limit_reached(diags);
        }
    }
    return OK;
}
