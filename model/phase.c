/* Cycles of one phase in the steady state.
 *
 * A step of the software pipeline enters its slots one after another, all units
 * together, so the phase lasts
 *
 *     sum over slots of max over units (busy cycles of the unit in the slot)
 *
 * plus what latencies of reductions across lanes leave exposed. This is the
 * "waterfall" of FuseMax (MICRO 2024): max(QK+LM, RD+RNV+AV) + RM + ... with
 * the Einsums of a slot taken from the mapping. A child is a serial program, so
 * a slot also lasts at least as long as each of its children.
 *
 * Exposed latency: X reduces across lanes and its result arrives `latency`
 * cycles after X has finished; Y reads it. The steps between the two hide part
 * of it. The steady state of the slots' start times is found by stepping the
 * recurrence
 *     start(slot) = max(end of the previous slot, finish(X) + latency)
 * until it has settled. Where an Einsum does not run in every step (`at`), the
 * longest step is assumed, which can only hide more: the model stays below the
 * simulation. Filling and draining are not counted. */
#include <string.h>

#include "model/counts.h"

static enum status limit_reached(struct diags *diags)
{
    return diag_fail(diags, ERR_LIMIT, "model-limit", "cycles exceed 64 bits");
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
        if (!num_mul(leaf->busy_cycles_per_step, leaf->step_count, &busy) ||
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

/* ---- exposed latencies -------------------------------------------------- */

/* Reader Y, in step t, waits for X's execution of step t - distance. */
struct wait {
    int slot_x;
    int slot_y;
    int64_t distance;
    int64_t latency_cycles;
};

#define MAX_WAITS 256
#define HISTORY   128 /* steps looked back; delays are below 64 */
#define SETTLING  96  /* steps until the recurrence is taken to be steady */
#define MEASURED  96

static bool is_previous_value(const struct plan *plan, int tensor,
                              const struct einsum_access *read)
{
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    return t->iterative_dim >= 0 &&
           read->index[t->iterative_dim].coefficient[t->iterative_rank] != 0 &&
           read->index[t->iterative_dim].constant <
               plan->workload->statements[t->producer]
                   .output.index[t->iterative_dim]
                   .constant;
}

/* Iterations between two steps of the iterative rank in this phase. */
static int64_t iterations_inside(const struct plan *plan,
                                 const struct plan_phase *phase, int rank)
{
    int64_t iterations = 1;
    for (int i = phase->loop_count; i-- > 0;) {
        const struct plan_node *loop = &plan->nodes[phase->loops[i]];
        if (loop->rank == rank) {
            return iterations;
        }
        iterations *= loop->trips;
    }
    return 0;
}

static void add_wait(const struct plan *plan, int x_id, int y_id,
                     const struct einsum_access *read, struct wait *waits,
                     int *count)
{
    const struct plan_leaf *x = &plan->leaves[x_id];
    const struct plan_leaf *y = &plan->leaves[y_id];
    const struct plan_phase *phase = &plan->phases[x->phase];
    int64_t distance =
        phase->children[y->child].delay - phase->children[x->child].delay;
    if (is_previous_value(plan, read->tensor, read)) {
        distance += iterations_inside(
            plan, phase, plan->workload->tensors[read->tensor].iterative_rank);
    }
    /* Inside one child the wait is part of its program, not of the slots. */
    if (x->child == y->child || distance < 0 || distance >= HISTORY ||
        *count == MAX_WAITS) {
        return;
    }
    waits[(*count)++] = (struct wait){phase->children[x->child].slot,
                                      phase->children[y->child].slot, distance,
                                      x->reduce_latency_cycles};
}

static int collect_waits(const struct plan *plan, int phase, struct wait *waits)
{
    int count = 0;
    for (int y = 0; y < plan->leaf_count; y++) {
        const struct plan_leaf *reader = &plan->leaves[y];
        const struct einsum_statement *s =
            &plan->workload->statements[reader->statement];
        for (int i = 0; i < s->read_count && reader->phase == phase; i++) {
            for (int x = 0; x < plan->leaf_count; x++) {
                const struct plan_leaf *producer = &plan->leaves[x];
                if (producer->phase == phase &&
                    producer->reduce_latency_cycles > 0 &&
                    plan->workload->statements[producer->statement]
                            .output.tensor == s->resolved_reads[i].tensor) {
                    add_wait(plan, x, y, &s->resolved_reads[i], waits, &count);
                }
            }
        }
    }
    return count;
}

/* The longest a slot lasts in one step: its slowest unit or, as a child is a
 * serial program, its slowest child. */
static enum status longest_slot(const struct plan *plan, int phase_id, int slot,
                                struct diags *diags, int64_t *longest)
{
    const struct plan_phase *phase = &plan->phases[phase_id];
    g_autofree int64_t *unit = g_new0(int64_t, (gsize)plan->arch->unit_count);
    g_autofree int64_t *child = g_new0(int64_t, (gsize)phase->child_count);
    *longest = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        if (leaf->phase != phase_id ||
            phase->children[leaf->child].slot != slot) {
            continue;
        }
        /* Steps of the leaf inside one iteration of the phase. */
        int64_t inside = num_ceil_div(leaf->step_count, phase->iteration_count);
        int64_t busy = 0;
        if (!num_mul(inside, leaf->busy_cycles_per_step, &busy) ||
            !num_add(unit[leaf->unit], busy, &unit[leaf->unit]) ||
            !num_add(child[leaf->child], busy, &child[leaf->child])) {
            return limit_reached(diags);
        }
        *longest = MAX(*longest, MAX(unit[leaf->unit], child[leaf->child]));
    }
    return OK;
}

/* The recurrence, stepped: when each slot of the last steps was finished. */
struct settling {
    const struct wait *waits;
    int wait_count;
    int slot_count;
    int64_t *length;
    int64_t *finish; /* [step % HISTORY * slot_count + slot] */
    int64_t now;
};

static bool settle_slot(struct settling *s, int64_t step, int slot,
                        int64_t *waited)
{
    int64_t start = s->now;
    for (int w = 0; w < s->wait_count; w++) {
        const struct wait *wait = &s->waits[w];
        if (wait->slot_y != slot || wait->distance > step) {
            continue;
        }
        int64_t source = (step - wait->distance) % HISTORY;
        int64_t arrival = 0;
        if (!num_add(s->finish[source * s->slot_count + wait->slot_x],
                     wait->latency_cycles, &arrival)) {
            return false;
        }
        start = MAX(start, arrival);
    }
    *waited = start - s->now;
    s->finish[step % HISTORY * s->slot_count + slot] = 0;
    if (!num_add(start, s->length[slot], &s->now)) {
        return false;
    }
    s->finish[step % HISTORY * s->slot_count + slot] = s->now;
    return true;
}

/* Cycles that waiting adds to MEASURED steps once the pipeline is full. */
static bool settle(struct settling *s, int64_t *waited)
{
    *waited = 0;
    for (int64_t step = 0; step < SETTLING + MEASURED; step++) {
        for (int slot = 0; slot < s->slot_count; slot++) {
            int64_t part = 0;
            if (!settle_slot(s, step, slot, &part)) {
                return false;
            }
            *waited += step >= SETTLING ? part : 0;
        }
    }
    return true;
}

static enum status exposed_cycles(const struct plan *plan, int phase_id,
                                  struct diags *diags, int64_t *cycles)
{
    const struct plan_phase *phase = &plan->phases[phase_id];
    struct wait waits[MAX_WAITS];
    int count = collect_waits(plan, phase_id, waits);
    *cycles = 0;
    if (count == 0) {
        return OK;
    }
    g_autofree int64_t *length = g_new0(int64_t, (gsize)phase->slot_count);
    g_autofree int64_t *finish =
        g_new0(int64_t, (gsize)(phase->slot_count * HISTORY));
    for (int s = 0; s < phase->slot_count; s++) {
        TRY(longest_slot(plan, phase_id, s, diags, &length[s]));
    }
    struct settling settling = {
        .waits = waits,
        .wait_count = count,
        .slot_count = phase->slot_count,
        .length = length,
        .finish = finish,
    };
    int64_t waited = 0;
    return settle(&settling, &waited) &&
                   num_mul_div_floor(phase->iteration_count, waited, MEASURED,
                                     cycles)
               ? OK
               : limit_reached(diags);
}

/* ---- the phase ---------------------------------------------------------- */

enum status model_phase_cycles(const struct plan *plan, int phase,
                               struct diags *diags, int64_t *cycles, int *unit)
{
    int units = plan->arch->unit_count;
    g_autofree int64_t *slot_unit = g_new0(int64_t, (gsize)units);
    g_autofree int64_t *sum = g_new0(int64_t, (gsize)units);
    TRY(exposed_cycles(plan, phase, diags, cycles));
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

static int flow_phase(const struct plan *plan, const struct plan_flow *flow)
{
    if (flow->leaf >= 0) {
        return plan->leaves[flow->leaf].phase;
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        int n = plan->leaves[l].node;
        while (n >= 0 && n != flow->node) {
            n = plan->nodes[n].parent;
        }
        if (n == flow->node) {
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
        elements += flow->memory == memory ? total - spilled : 0;
        elements +=
            spilled > 0 && plan->arch->memories[flow->memory].parent == memory
                ? spilled
                : 0;
        return elements;
    }
    total -= spilled;
    int64_t outside =
        flow->outer_spills ? plan_count_spilled(plan, flow->outer, total) : 0;
    elements += flow->memory == memory && !flow->is_cut_through ? total : 0;
    elements += flow->outer == memory ? total - outside : 0;
    elements +=
        outside > 0 && plan->arch->memories[flow->outer].parent == memory
            ? outside
            : 0;
    return elements;
}

enum status model_phase_transfer(const struct plan *plan, int phase, int memory,
                                 struct diags *diags, int64_t *cycles)
{
    *cycles = 0;
    if (plan->arch->memories[memory].bandwidth_bytes_per_s == NUM_UNLIMITED) {
        return OK;
    }
    int64_t elements = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow_phase(plan, flow) == phase &&
            !num_add(elements, flow_elements_at(plan, flow, memory),
                     &elements)) {
            return limit_reached(diags);
        }
    }
    int64_t bytes = 0;
    if (!num_mul(elements, plan->word_bytes, &bytes)) {
        return limit_reached(diags);
    }
    return arch_count_transfer_cycles(plan->arch, memory, bytes, cycles);
}
