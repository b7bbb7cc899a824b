/* Runs the machine and turns its counters into an evaluation. Everything that
 * does not depend on time is counted by the model from how often each leaf and
 * flow happened, so that both fidelities count alike. */
#include "sim/machine.h"

/* How often each flow happened: flows of leaves happen with every tile step. */
static void count_flows(struct machine *machine)
{
    const struct plan *plan = machine->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        for (int f = 0; f < leaf->flow_count; f++) {
            *counter_moved(machine, leaf->first_flow + f) =
                *counter_executed(machine, l);
        }
    }
}

/* Ticks to cycles: each cause is rounded down, and the cycles that are missing
 * go to the causes with the largest remainders, so that the sum stays right. */
static void round_stalls(struct machine *machine, int unit,
                         int64_t *stall_cycles)
{
    int64_t left_ticks[STALL_COUNT];
    int64_t sum_ticks = 0;
    for (int s = 0; s < STALL_COUNT; s++) {
        int64_t ticks = *counter_stall(machine, unit, (enum stall)s);
        stall_cycles[s] = ticks / machine->ticks_per_cycle;
        left_ticks[s] = ticks % machine->ticks_per_cycle;
        sum_ticks += left_ticks[s];
    }
    for (; sum_ticks > 0; sum_ticks -= machine->ticks_per_cycle) {
        int largest = 0;
        for (int s = 1; s < STALL_COUNT; s++) {
            largest = left_ticks[s] > left_ticks[largest] ? s : largest;
        }
        stall_cycles[largest]++;
        left_ticks[largest] = 0;
    }
}

static void fill_in(struct machine *machine, struct evaluation *evaluation)
{
    evaluation->fidelity = FIDELITY_SIM;
    evaluation->cycles = machine_run_ticks(machine) / machine->ticks_per_cycle;
    for (int u = 0; u < evaluation->unit_count; u++) {
        struct evaluation_unit *unit = &evaluation->units[u];
        unit->busy_cycles =
            *counter_busy(machine, u) / machine->ticks_per_cycle;
        round_stalls(machine, u, unit->stall_cycles);
    }
    model_fill_utilization(machine->plan, evaluation);
}

enum status sim_run(const struct plan *plan, const struct sim_options *options,
                    struct diags *diags, struct evaluation **evaluation,
                    int64_t *simulated_steps)
{
    if (!plan->is_regular) {
        return diag_fail(diags, ERR_INPUT, "sim-unsupported",
                         "mapping '%s' has tiles that do not divide, spatial "
                         "nodes or predicates, which the simulator does not "
                         "time yet",
                         mapping_name(plan->mapping));
    }
    AUTO(machine) machine = NULL;
    AUTO(evaluation) counted = NULL;
    AUTO(evaluation) modelled = NULL;
    TRY(machine_new(plan, options, diags, &machine));
    TRY(machine_run(machine));
    count_flows(machine);
    TRY(model_count(plan, counter_executed(machine, 0),
                    counter_moved(machine, 0), diags, &counted));
    TRY(model_evaluate(plan, diags, &modelled));
    fill_in(machine, counted);
    model_add_leakage(plan, counted);
    counted->model_cycles = modelled->cycles;
    g_free(counted->bottleneck);
    counted->bottleneck = g_strdup(modelled->bottleneck);
    if (simulated_steps != NULL) {
        *simulated_steps = machine->tile_steps;
    }
    *evaluation = g_steal_pointer(&counted);
    return OK;
}
