/* Estimates: cycles, energy and traffic of the tiling that a retiler has applied,
 * by the rules of count.c, phase.c, waits.c and leakage.c, without names, actions
 * or allocation. Whatever does not depend on tiles (operations, what leaks in a
 * cycle, which port a flow passes) is worked out once. */
#include <string.h>

#include "model/counts.h"

/* A flow at one memory's port. */
struct passage {
    int flow;
    int memory;
    int sum; /* of the phase and memory */
    bool is_inner;
    bool is_write;
    double energy_pj; /* of an access */
};

struct sums {
    int64_t read; /* elements */
    int64_t written;
};

struct estimator {
    const struct plan *plan;
    struct retiler *retiler;
    int passage_count;
    struct passage *passages;
    struct waits **waits; /* by phase */
    struct sums *sums;    /* [phase * memory_count + memory] */
    int64_t *unit;        /* of a slot, by unit */
    int64_t *child;       /* of a slot, by child of the phase */
    int64_t *emptying;    /* by leaf: model_emptying_cycles */
    double operations_pj;
    double leakage_pj_per_cycle;
};

/* ---- once ----------------------------------------------------------------- */

static void add_passage(struct estimator *e, int flow_id, int memory,
                        bool is_inner, bool is_write)
{
    const struct plan *plan = e->plan;
    const struct arch_memory *m = &plan->arch->memories[memory];
    e->passages[e->passage_count++] = (struct passage){
        .flow = flow_id,
        .memory = memory,
        .sum = model_flow_phase(plan, &plan->flows[flow_id]) *
                   plan->arch->memory_count +
               memory,
        .is_inner = is_inner,
        .is_write = is_write,
        .energy_pj = is_write ? m->write_energy_pj_per_access
                              : m->read_energy_pj_per_access,
    };
}

static void add_passages(struct estimator *e)
{
    for (int f = 0; f < e->plan->flow_count; f++) {
        const struct plan_flow *flow = &e->plan->flows[f];
        switch (flow->kind) {
        case FLOW_READ:
        case FLOW_PARTIAL:
            add_passage(e, f, flow->memory, false, false);
            break;
        case FLOW_WRITE:
            add_passage(e, f, flow->memory, false, true);
            break;
        case FLOW_FILL:
        case FLOW_REFILL:
        case FLOW_DRAIN:
            add_passage(e, f, flow->outer, false, flow->kind == FLOW_DRAIN);
            if (!flow->is_cut_through) {
                add_passage(e, f, flow->memory, true, flow->kind != FLOW_DRAIN);
            }
            break;
        }
    }
}

static void sum_operations(struct estimator *e)
{
    for (int l = 0; l < e->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &e->plan->leaves[l];
        const struct einsum_statement *s =
            &e->plan->workload->statements[leaf->statement];
        for (int op = 0; op < EINSUM_OP_COUNT; op++) {
            if (s->ops_per_point[op] > 0) {
                double count =
                    (double)leaf->point_count * (double)s->ops_per_point[op];
                e->operations_pj +=
                    count * arch_find_op(&e->plan->arch->units[leaf->unit],
                                         einsum_op_name((enum einsum_op)op))
                                ->energy_pj;
            }
        }
    }
}

struct estimator *estimator_new(struct retiler *retiler)
{
    struct estimator *e = g_new0(struct estimator, 1);
    const struct plan *plan = retiler_plan(retiler);
    const struct arch *arch = plan->arch;
    int children = 1;
    e->plan = plan;
    e->retiler = retiler;
    e->passages = g_new0(struct passage, 2 * (gsize)plan->flow_count + 1);
    e->waits = g_new0(struct waits *, (gsize)plan->phase_count);
    for (int p = 0; p < plan->phase_count; p++) {
        e->waits[p] = waits_new(plan, p);
        children = MAX(children, plan->phases[p].child_count);
    }
    e->sums = g_new0(struct sums,
                     (gsize)plan->phase_count * (gsize)arch->memory_count);
    e->unit = g_new0(int64_t, (gsize)arch->unit_count);
    e->child = g_new0(int64_t, (gsize)children);
    e->emptying = g_new0(int64_t, (gsize)plan->leaf_count + 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        e->emptying[l] =
            model_emptying_cycles(&arch->units[plan->leaves[l].unit]);
    }
    add_passages(e);
    sum_operations(e);
    e->leakage_pj_per_cycle = model_leakage_pj_per_cycle(arch);
    return e;
}

void estimator_free(struct estimator *e)
{
    if (e == NULL) {
        return;
    }
    for (int p = 0; p < e->plan->phase_count; p++) {
        waits_free(e->waits[p]);
    }
    g_free(e->passages);
    g_free(e->waits);
    g_free(e->sums);
    g_free(e->unit);
    g_free(e->child);
    g_free(e->emptying);
    g_free(e);
}

/* ---- every time ------------------------------------------------------------- */

static bool count_passages(struct estimator *e, struct estimate *result)
{
    const struct plan *plan = e->plan;
    const struct arch_memory *memories = plan->arch->memories;
    memset(e->sums, 0,
           sizeof *e->sums * (size_t)plan->phase_count *
               (size_t)plan->arch->memory_count);
    double energy_pj = e->operations_pj;
    for (int i = 0; i < e->passage_count; i++) {
        const struct passage *passage = &e->passages[i];
        const struct plan_flow *flow = &plan->flows[passage->flow];
        int64_t elements = passage->is_inner ? flow->inner_total : flow->total;
        const struct arch_memory *m = &memories[passage->memory];
        struct sums *sums = &e->sums[passage->sum];
        int64_t *sum = passage->is_write ? &sums->written : &sums->read;
        int64_t bits = 0;
        if (__builtin_mul_overflow(elements, m->word_bits, &bits) ||
            __builtin_add_overflow(*sum, elements, sum)) {
            return false;
        }
        int64_t accesses =
            bits / m->access_bits + (bits % m->access_bits > 0 ? 1 : 0);
        energy_pj += (double)accesses * passage->energy_pj;
    }
    result->energy_pj = energy_pj;
    return true;
}

/* Units and children of a phase, slot by slot. */
static bool count_slots(struct estimator *e, int phase_id, int64_t *cycles)
{
    const struct plan *plan = e->plan;
    const struct plan_phase *phase = &plan->phases[phase_id];
    for (int s = 0; s < phase->slot_count; s++) {
        memset(e->unit, 0, sizeof *e->unit * (size_t)plan->arch->unit_count);
        memset(e->child, 0, sizeof *e->child * (size_t)phase->child_count);
        int64_t longest = 0;
        for (int l = 0; l < plan->leaf_count; l++) {
            const struct plan_leaf *leaf = &plan->leaves[l];
            if (leaf->phase != phase_id ||
                phase->children[leaf->child].slot != s) {
                continue;
            }
            int64_t *unit = &e->unit[leaf->unit];
            int64_t *child = &e->child[leaf->child];
            int64_t taken = leaf->busy_cycles;
            if ((e->emptying[l] > 0 &&
                 !model_count_taken(plan, leaf, &taken)) ||
                __builtin_add_overflow(*unit, taken, unit) ||
                __builtin_add_overflow(*child, taken, child)) {
                return false;
            }
            longest = MAX(longest, MAX(*unit, *child));
        }
        if (__builtin_add_overflow(*cycles, longest, cycles)) {
            return false;
        }
    }
    return true;
}

static bool count_transfers(const struct estimator *e, int phase,
                            int64_t *cycles)
{
    const struct arch *arch = e->plan->arch;
    for (int m = 0; m < arch->memory_count; m++) {
        const struct sums *sums =
            e->sums + (ptrdiff_t)phase * arch->memory_count + m;
        int64_t word_bytes = arch_word_bytes(&arch->memories[m]);
        int64_t read = 0;
        int64_t written = 0;
        int64_t transfer = 0;
        if (__builtin_mul_overflow(sums->read, word_bytes, &read) ||
            __builtin_mul_overflow(sums->written, word_bytes, &written) ||
            arch_count_access_cycles(arch, m, read, written, &transfer) != OK) {
            return false;
        }
        *cycles = MAX(*cycles, transfer);
    }
    return true;
}

static bool count_cycles(struct estimator *e, struct estimate *result)
{
    result->cycles = 0;
    for (int p = 0; p < e->plan->phase_count; p++) {
        int64_t cycles = 0;
        if (!waits_count(e->waits[p], &cycles) || !count_slots(e, p, &cycles) ||
            !count_transfers(e, p, &cycles) ||
            __builtin_add_overflow(result->cycles, cycles, &result->cycles)) {
            return false;
        }
    }
    result->energy_pj += e->leakage_pj_per_cycle * (double)result->cycles;
    return true;
}

static bool count_outermost(const struct estimator *e, struct estimate *result)
{
    int64_t elements = 0;
    for (int p = 0; p < e->plan->phase_count; p++) {
        const struct sums *sums =
            e->sums + (ptrdiff_t)p * e->plan->arch->memory_count;
        if (__builtin_add_overflow(elements, sums->read, &elements) ||
            __builtin_add_overflow(elements, sums->written, &elements)) {
            return false;
        }
    }
    return !__builtin_mul_overflow(elements,
                                   arch_word_bytes(&e->plan->arch->memories[0]),
                                   &result->traffic_bytes);
}

enum retiling estimator_run(struct estimator *e, const int64_t *tiles,
                            struct estimate *result)
{
    enum retiling retiling = retiler_apply(e->retiler, tiles);
    if (retiling != RETILING_OK) {
        return retiling;
    }
    return count_passages(e, result) && count_cycles(e, result) &&
                   count_outermost(e, result)
               ? RETILING_OK
               : RETILING_LIMIT;
}
