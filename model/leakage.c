/* Leakage: every memory, unit and network whose leakage power is known loses it
 * for as long as the run lasts, whatever it does. It is an action of its own,
 * counted once a cycle for all instances, so that the energy of a component stays
 * the sum of its actions:
 *     energy = instances * power * cycles / clock,  1 mW * 1 s = 1e9 pJ */
#include "model/counts.h"

#define PJ_PER_MW_S 1e9

struct leaks {
    struct evaluation *evaluation;
    GArray *actions;
};

/* Energy lost by `instances` of it; 0, and no action, where it is not known. */
static double add_leak(struct leaks *leaks, const char *name, int64_t instances,
                       double leakage_mw)
{
    struct evaluation *e = leaks->evaluation;
    if (leakage_mw <= 0 || e->cycles == 0) {
        return 0;
    }
    double seconds = (double)e->cycles / (double)e->clock_hz;
    struct evaluation_action action = {
        .component = name,
        .action = "leak",
        .count = e->cycles,
        .energy_pj = (double)instances * leakage_mw * seconds * PJ_PER_MW_S,
    };
    g_array_append_val(leaks->actions, action);
    e->energy_pj += action.energy_pj;
    return action.energy_pj;
}

void model_add_leakage(const struct plan *plan, struct evaluation *e)
{
    const struct arch *arch = plan->arch;
    struct leaks leaks = {
        .evaluation = e,
        .actions = g_array_new(FALSE, TRUE, sizeof(struct evaluation_action)),
    };
    if (e->action_count > 0) {
        g_array_append_vals(leaks.actions, e->actions, (guint)e->action_count);
    }
    for (int m = 0; m < arch->memory_count; m++) {
        const struct arch_memory *memory = &arch->memories[m];
        e->memories[m].energy_pj += add_leak(
            &leaks, memory->name, memory->instances, memory->leakage_mw);
    }
    for (int u = 0; u < arch->unit_count; u++) {
        const struct arch_unit *unit = &arch->units[u];
        e->units[u].energy_pj +=
            add_leak(&leaks, unit->name, unit->lanes, unit->leakage_mw);
    }
    for (int f = 0; f < arch->fanout_count; f++) {
        const struct arch_fanout *fanout = &arch->fanouts[f];
        if (fanout->network.is_given) {
            (void)add_leak(&leaks, fanout->name, fanout->instances,
                           fanout->network.leakage_mw);
        }
    }
    g_free(e->actions);
    e->action_count = (int)leaks.actions->len;
    e->actions =
        (struct evaluation_action *)(void *)g_array_free(leaks.actions, FALSE);
}

static double leak_pj_per_cycle(const struct arch *arch, int64_t instances,
                                double leakage_mw)
{
    return leakage_mw > 0 ? (double)instances * leakage_mw * PJ_PER_MW_S /
                                (double)arch->clock_hz
                          : 0;
}

double model_leakage_pj_per_cycle(const struct arch *arch)
{
    double energy_pj = 0;
    for (int m = 0; m < arch->memory_count; m++) {
        energy_pj += leak_pj_per_cycle(arch, arch->memories[m].instances,
                                       arch->memories[m].leakage_mw);
    }
    for (int u = 0; u < arch->unit_count; u++) {
        energy_pj += leak_pj_per_cycle(arch, arch->units[u].lanes,
                                       arch->units[u].leakage_mw);
    }
    for (int f = 0; f < arch->fanout_count; f++) {
        const struct arch_fanout *fanout = &arch->fanouts[f];
        if (fanout->network.is_given) {
            energy_pj += leak_pj_per_cycle(arch, fanout->instances,
                                           fanout->network.leakage_mw);
        }
    }
    return energy_pj;
}
