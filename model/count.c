/* From a plan's flows and leaves to actions: accesses of every memory by
 * tensor, operations of every unit by Einsum, their bytes and their energy.
 * Nothing here knows about time.
 *
 * Energy is the sum of action counts times energy per action; an access moves
 * `access_bits` of a memory, so the number of accesses of a flow is its bits
 * over that width, rounded up once per flow (not per event). */
#include <string.h>

#include "model/counts.h"

enum access {
    ACCESS_READ,   /* read for what is inside */
    ACCESS_FILL,   /* written with what comes from outside */
    ACCESS_UPDATE, /* written with what comes from inside */
    ACCESS_DRAIN,  /* read to be passed outwards */
};

struct counter {
    const struct plan *plan;
    struct diags *diags;
    struct evaluation *evaluation;
    GArray *actions;
};

static enum status limit_reached(struct counter *c)
{
    return diag_fail(c->diags, ERR_LIMIT, "model-limit",
                     "counts exceed 64 bits");
}

static void add_action(struct counter *c, struct evaluation_action action)
{
    if (action.count > 0) {
        g_array_append_val(c->actions, action);
        c->evaluation->energy_pj += action.energy_pj;
    }
}

/* Adds to the tensor's transfers at the memory. */
static enum status add_transfer(struct counter *c, int memory,
                                enum access access, int tensor,
                                int64_t elements)
{
    struct evaluation_transfer *t =
        &c->evaluation
             ->transfers[memory * c->plan->workload->tensor_count + tensor];
    int64_t *sum = access == ACCESS_READ     ? &t->reads
                   : access == ACCESS_FILL   ? &t->fills
                   : access == ACCESS_UPDATE ? &t->updates
                                             : &t->drains;
    return num_add(*sum, elements, sum) ? OK : limit_reached(c);
}

/* `elements` of a tensor read from, or written to, a memory. */
static enum status add_access(struct counter *c, int memory, enum access access,
                              int flow_id, int64_t elements)
{
    const struct plan_flow *flow = &c->plan->flows[flow_id];
    bool is_write = access == ACCESS_FILL || access == ACCESS_UPDATE;
    TRY(add_transfer(c, memory, access, flow->tensor, elements));
    const struct arch_memory *m = &c->plan->arch->memories[memory];
    struct evaluation_memory *out = &c->evaluation->memories[memory];
    int64_t bytes = 0;
    int64_t bits = 0;
    if (!plan_count_bits(c->plan, flow_id, memory, elements, &bits)) {
        return limit_reached(c);
    }
    bytes = num_ceil_div(bits, 8);
    if (!num_add(is_write ? out->write_bytes : out->read_bytes, bytes,
                 is_write ? &out->write_bytes : &out->read_bytes)) {
        return limit_reached(c);
    }
    const struct plan_leaf *leaf =
        flow->leaf >= 0 ? &c->plan->leaves[flow->leaf] : NULL;
    int64_t count = num_ceil_div(bits, m->access_bits);
    double energy_pj =
        (double)count * (is_write ? m->write_energy_pj_per_access
                                  : m->read_energy_pj_per_access);
    out->energy_pj += energy_pj;
    add_action(
        c,
        (struct evaluation_action){
            .component = m->name,
            .tensor = c->plan->workload->tensors[flow->tensor].name,
            .einsum = leaf == NULL
                          ? NULL
                          : c->plan->workload->statements[leaf->statement].name,
            .action = is_write ? "write" : "read",
            .count = count,
            .bytes = bytes,
            .energy_pj = energy_pj,
        });
    return OK;
}

/* As add_access, but what the memory has no room for goes to its parent. */
static enum status add_spilling_access(struct counter *c, int memory,
                                       bool spills, enum access access,
                                       int flow, int64_t elements)
{
    int64_t spilled =
        spills ? plan_count_spilled(c->plan, memory, elements) : 0;
    if (spilled > 0) {
        int parent = c->plan->arch->memories[memory].parent;
        TRY(add_access(c, parent, access, flow, spilled));
    }
    int64_t seen =
        spills ? plan_count_seen(c->plan, memory, elements) : elements;
    return add_access(c, memory, access, flow, seen);
}

static enum status count_flow(struct counter *c, int flow_id, int64_t outside,
                              int64_t inside)
{
    const struct plan_flow *flow = &c->plan->flows[flow_id];
    switch (flow->kind) {
    case FLOW_READ:
    case FLOW_PARTIAL:
        return add_spilling_access(c, flow->memory, flow->spills, ACCESS_READ,
                                   flow_id, outside);
    case FLOW_WRITE:
        return add_spilling_access(c, flow->memory, flow->spills, ACCESS_UPDATE,
                                   flow_id, outside);
    case FLOW_FILL:
    case FLOW_REFILL:
    case FLOW_DRAIN:
        break;
    }
    /* What the hold itself has no room for is not moved at all. */
    if (flow->spills) {
        outside -= plan_count_spilled(c->plan, flow->memory, outside);
        inside = plan_count_seen(c->plan, flow->memory, inside);
    }
    bool is_drain = flow->kind == FLOW_DRAIN;
    TRY(add_spilling_access(c, flow->outer, flow->outer_spills,
                            is_drain ? ACCESS_UPDATE : ACCESS_READ, flow_id,
                            outside));
    if (flow->is_cut_through) {
        return OK;
    }
    return add_access(c, flow->memory, is_drain ? ACCESS_DRAIN : ACCESS_FILL,
                      flow_id, inside);
}

static enum status count_leaf(struct counter *c, int leaf_id, int64_t points,
                              int64_t busy_cycles)
{
    const struct plan_leaf *leaf = &c->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &c->plan->workload->statements[leaf->statement];
    const struct arch_unit *unit = &c->plan->arch->units[leaf->unit];
    struct evaluation_einsum *out = &c->evaluation->einsums[leaf_id];
    out->name = s->name;
    out->unit = unit->name;
    out->busy_cycles = busy_cycles;
    if (!num_add(c->evaluation->units[leaf->unit].busy_cycles, out->busy_cycles,
                 &c->evaluation->units[leaf->unit].busy_cycles)) {
        return limit_reached(c);
    }
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (s->ops_per_point[op] == 0) {
            continue;
        }
        if (!num_mul(points, s->ops_per_point[op], &out->ops[op])) {
            return limit_reached(c);
        }
        const char *name = einsum_op_name((enum einsum_op)op);
        double energy_pj =
            (double)out->ops[op] * arch_find_op(unit, name)->energy_pj;
        out->energy_pj += energy_pj;
        c->evaluation->units[leaf->unit].energy_pj += energy_pj;
        add_action(c, (struct evaluation_action){
                          .component = unit->name,
                          .einsum = s->name,
                          .action = name,
                          .count = out->ops[op],
                          .energy_pj = energy_pj,
                      });
    }
    return OK;
}

static enum status count_transfers(struct counter *c)
{
    for (int m = 0; m < c->evaluation->memory_count; m++) {
        struct evaluation_memory *memory = &c->evaluation->memories[m];
        int64_t used = c->plan->memories[m].instances_used;
        if (model_access_cycles(c->plan, m,
                                num_ceil_div(memory->read_bytes, used),
                                num_ceil_div(memory->write_bytes, used),
                                &memory->transfer_cycles) != OK) {
            return limit_reached(c);
        }
    }
    return OK;
}

/* Tensors that never pass a memory are left out. */
static void drop_empty_transfers(struct evaluation *e)
{
    int kept = 0;
    for (int i = 0; i < e->transfer_count; i++) {
        const struct evaluation_transfer *t = &e->transfers[i];
        e->transfers[kept] = *t;
        kept += (t->reads | t->fills | t->updates | t->drains) != 0;
    }
    e->transfer_count = kept;
}

static struct evaluation *evaluation_new(const struct plan *plan)
{
    struct evaluation *e = g_new0(struct evaluation, 1);
    e->clock_hz = plan->clock_hz;
    e->memory_count = plan->arch->memory_count;
    e->memories = g_new0(struct evaluation_memory, (gsize)e->memory_count);
    for (int m = 0; m < e->memory_count; m++) {
        e->memories[m].name = plan->arch->memories[m].name;
    }
    e->unit_count = plan->arch->unit_count;
    e->units = g_new0(struct evaluation_unit, (gsize)e->unit_count);
    for (int u = 0; u < e->unit_count; u++) {
        e->units[u].name = plan->arch->units[u].name;
    }
    e->transfer_count = e->memory_count * plan->workload->tensor_count;
    e->transfers = g_new0(struct evaluation_transfer, (gsize)e->transfer_count);
    for (int i = 0; i < e->transfer_count; i++) {
        int tensors = plan->workload->tensor_count;
        e->transfers[i].memory = plan->arch->memories[i / tensors].name;
        e->transfers[i].tensor = plan->workload->tensors[i % tensors].name;
    }
    e->einsum_count = plan->leaf_count;
    e->einsums = g_new0(struct evaluation_einsum, (gsize)e->einsum_count);
    return e;
}

static enum status count_all(struct counter *c, const struct executed *executed)
{
    const struct plan *plan = c->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        TRY(count_leaf(
            c, l, executed == NULL ? leaf->point_count : executed->points[l],
            executed == NULL ? leaf->busy_cycles : executed->busy_cycles[l]));
    }
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        TRY(count_flow(
            c, f, executed == NULL ? flow->total : executed->outside[f],
            executed == NULL ? flow->inner_total : executed->inside[f]));
    }
    TRY(model_count_hops(plan, c->diags, c->actions,
                         &c->evaluation->energy_pj));
    return count_transfers(c);
}

enum status model_count(const struct plan *plan,
                        const struct executed *executed, struct diags *diags,
                        struct evaluation **result)
{
    AUTO(evaluation) evaluation = evaluation_new(plan);
    struct counter counter = {
        .plan = plan,
        .diags = diags,
        .evaluation = evaluation,
        .actions = g_array_new(FALSE, TRUE, sizeof(struct evaluation_action)),
    };
    enum status status = count_all(&counter, executed);
    evaluation->action_count = (int)counter.actions->len;
    evaluation->actions = (struct evaluation_action *)(void *)g_array_free(
        counter.actions, FALSE);
    TRY(status);
    drop_empty_transfers(evaluation);
    TRY(model_bound(plan, diags, evaluation));
    *result = g_steal_pointer(&evaluation);
    return OK;
}

void evaluation_free(struct evaluation *evaluation)
{
    if (evaluation == NULL) {
        return;
    }
    g_free(evaluation->memories);
    g_free(evaluation->units);
    g_free(evaluation->causes);
    g_free(evaluation->einsums);
    g_free(evaluation->actions);
    g_free(evaluation->transfers);
    g_free(evaluation->bottleneck);
    g_free(evaluation->dram);
    g_free(evaluation);
}

const char *fidelity_name(enum fidelity fidelity)
{
    switch (fidelity) {
    case FIDELITY_MODEL:
        return "model";
    case FIDELITY_SIM:
        return "sim";
    case FIDELITY_PE:
        return "pe";
    case FIDELITY_COUNT:
        break;
    }
    BUG("fidelity %d", (int)fidelity);
}

bool fidelity_find(const char *name, enum fidelity *fidelity)
{
    for (int f = 0; f < FIDELITY_COUNT; f++) {
        if (g_strcmp0(name, fidelity_name((enum fidelity)f)) == 0) {
            *fidelity = (enum fidelity)f;
            return true;
        }
    }
    return false;
}
