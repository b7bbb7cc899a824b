/* The model: counts, and the time of the slowest resource of each phase. */
#include "model/counts.h"

/* The phase's cycles, and in words what sets them. */
static enum status evaluate_phase(const struct plan *plan, int phase,
                                  unsigned features, struct diags *diags,
                                  struct phase_cycles *result,
                                  char **bottleneck)
{
    bool has_networks = (features >> ARCH_FEATURE_NETWORK_BANDWIDTH & 1) != 0;
    int64_t *cycles = &result->cycles;
    int unit = 0;
    TRY(model_phase_units(plan, phase, diags, result, &unit));
    *cycles = result->unit_cycles;
    const char *name = plan->arch->units[unit].name;
    const char *suffix = "";
    for (int m = 0; m < plan->arch->memory_count; m++) {
        int64_t transfer = 0;
        TRY(model_phase_transfer(plan, phase, m, diags, &transfer));
        if (transfer > *cycles) {
            *cycles = transfer;
            name = plan->arch->memories[m].name;
            suffix = " bandwidth";
        }
    }
    int64_t serial = 0;
    TRY(model_phase_serial(plan, phase, diags, &serial));
    if (serial > *cycles) {
        *cycles = serial;
        name = "serial transfers";
        suffix = "";
    }
    for (int f = 0; f < plan->arch->fanout_count && has_networks; f++) {
        int64_t network = 0;
        TRY(model_phase_network(plan, phase, f, diags, &network));
        if (network > *cycles) {
            *cycles = network;
            name = plan->arch->fanouts[f].name;
            suffix = " network";
        }
    }
    *bottleneck = g_strdup_printf("%s%s", name, suffix);
    return OK;
}

/* Of a core, the cycles in which its operations alone could be done, on all lanes
 * of every core that takes part. */
static double worked_lane_cycles(const struct plan *plan,
                                 const struct plan_leaf *leaf)
{
    const struct arch_unit *unit = &plan->arch->units[leaf->unit];
    if (unit->ports == NULL) {
        return (double)leaf->point_count * (double)leaf->cycles_per_trip;
    }
    const struct arch_memory *memory = &plan->arch->memories[unit->memory];
    return leaf->operation_cycles * (double)unit->lanes /
           (double)memory->instances *
           (double)plan->memories[unit->memory].instances_used;
}

void model_fill_utilization(const struct plan *plan, struct evaluation *e)
{
    for (int u = 0; u < e->unit_count; u++) {
        double worked = 0;
        double all = (double)e->cycles * (double)plan->arch->units[u].lanes;
        for (int l = 0; l < plan->leaf_count; l++) {
            if (plan->leaves[l].unit == u) {
                double cycles = worked_lane_cycles(plan, &plan->leaves[l]);
                e->einsums[l].utilization_ratio = all > 0 ? cycles / all : 0;
                worked += cycles;
            }
        }
        e->units[u].utilization_ratio = all > 0 ? worked / all : 0;
    }
}

/* Phases do not overlap. */
static enum status add_phase(const struct plan *plan, int phase,
                             const struct phase_cycles *cycles,
                             struct diags *diags, struct evaluation *e)
{
    int64_t fill = 0;
    int64_t drain = 0;
    TRY(model_phase_fill(plan, phase, cycles, diags, &fill, &drain));
    bool is_counted = plan->arch->counts_fill;
    return num_add(e->cycles, cycles->cycles, &e->cycles) &&
                   num_add(e->fill_cycles, fill, &e->fill_cycles) &&
                   num_add(e->drain_cycles, drain, &e->drain_cycles) &&
                   num_add(e->cycles, is_counted ? fill : 0, &e->cycles) &&
                   num_add(e->cycles, is_counted ? drain : 0, &e->cycles)
               ? OK
               : diag_fail(diags, ERR_LIMIT, "model-limit",
                           "cycles exceed 64 bits");
}

static enum status add_phases(const struct plan *plan, unsigned features,
                              struct diags *diags, struct evaluation *e)
{
    int64_t longest = -1;
    for (int p = 0; p < plan->phase_count; p++) {
        struct phase_cycles cycles = {0};
        g_autofree char *bottleneck = NULL;
        TRY(evaluate_phase(plan, p, features, diags, &cycles, &bottleneck));
        TRY(add_phase(plan, p, &cycles, diags, e));
        if (cycles.cycles > longest) {
            longest = cycles.cycles;
            g_free(e->bottleneck);
            e->bottleneck = g_steal_pointer(&bottleneck);
        }
    }
    return OK;
}

enum status model_evaluate(const struct plan *plan, struct diags *diags,
                           struct evaluation **result)
{
    return model_evaluate_beside(plan, FIDELITY_MODEL, diags, result);
}

enum status model_evaluate_beside(const struct plan *plan,
                                  enum fidelity fidelity, struct diags *diags,
                                  struct evaluation **result)
{
    unsigned features = model_used_features(fidelity);
    AUTO(evaluation) evaluation = NULL;
    TRY(model_count(plan, NULL, diags, &evaluation));
    evaluation->fidelity = FIDELITY_MODEL;
    TRY(add_phases(plan, features, diags, evaluation));
    evaluation->model_cycles = evaluation->cycles;
    model_fill_utilization(plan, evaluation);
    model_add_leakage(plan, evaluation);
    *result = g_steal_pointer(&evaluation);
    return OK;
}
