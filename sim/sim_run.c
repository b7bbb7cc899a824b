/* Runs the machine and turns its counters into an evaluation. Everything that
 * does not depend on time is counted by the model from how often each leaf and
 * flow happened, so that both fidelities count alike. */
#include "sim/main_memory.h"
#include "sim/trace/recorder.h"

/* `each` times over, which for all of them is `total`. */
static bool count_alike(int64_t each, int64_t total, int64_t times,
                        int64_t planned_times, int64_t *sum)
{
    *sum = total;
    return times == planned_times || num_mul(each, times, sum);
}

/* Steps of a regular plan are alike. */
static bool count_leaf(struct machine *machine, int leaf_id)
{
    const struct plan_leaf *leaf = &machine->plan->leaves[leaf_id];
    int64_t steps = *counter_executed(machine, leaf_id);
    return !machine->plan->is_regular ||
           (count_alike(leaf->points_per_step, leaf->point_count, steps,
                        leaf->step_count, counter_points(machine, leaf_id)) &&
            count_alike(leaf->busy_cycles_per_step, leaf->busy_cycles, steps,
                        leaf->step_count,
                        counter_busy_cycles(machine, leaf_id)));
}

/* So are events of a flow; those of a leaf happen with its steps. What is read
 * back is known of the whole run only. */
static bool count_flow(struct machine *machine, int flow_id)
{
    const struct plan *plan = machine->plan;
    const struct plan_flow *flow = &plan->flows[flow_id];
    int64_t *outside = counter_outside(machine, flow_id);
    int64_t *inside = counter_inside(machine, flow_id);
    int64_t events = *counter_moved(machine, flow_id);
    int64_t planned = flow->events;
    if (flow->node < 0) {
        events = *counter_executed(machine, flow->leaf);
        planned = plan->leaves[flow->leaf].step_count;
    }
    if (flow->kind == FLOW_PARTIAL) {
        if (events != planned) {
            BUG("partial sums of an unfinished run");
        }
        *outside = flow->total;
        *inside = flow->inner_total;
        return true;
    }
    return !plan->is_regular || (count_alike(flow->elements, flow->total,
                                             events, planned, outside) &&
                                 count_alike(flow->elements, flow->inner_total,
                                             events, planned, inside));
}

static enum status count(struct machine *machine, struct diags *diags,
                         struct evaluation **evaluation)
{
    const struct plan *plan = machine->plan;
    bool fits = true;
    for (int l = 0; l < plan->leaf_count; l++) {
        fits = fits && count_leaf(machine, l);
    }
    for (int f = 0; f < plan->flow_count; f++) {
        fits = fits && count_flow(machine, f);
    }
    if (!fits) {
        return diag_fail(diags, ERR_LIMIT, "sim-limit",
                         "counts exceed 64 bits");
    }
    const struct executed executed = {
        .points = counter_points(machine, 0),
        .busy_cycles = counter_busy_cycles(machine, 0),
        .outside = counter_outside(machine, 0),
        .inside = counter_inside(machine, 0),
    };
    return model_count(plan, &executed, diags, evaluation);
}

/* Ticks to cycles: each cause is rounded down, and the cycles that are missing
 * go to the causes with the largest remainders, so that the sum stays right. */
static void round_causes(struct machine *machine, int unit, int64_t *cycles)
{
    g_autofree int64_t *left_ticks =
        g_new0(int64_t, (gsize)machine->cause_count);
    int64_t sum_ticks = 0;
    for (int c = 0; c < machine->cause_count; c++) {
        int64_t ticks = *counter_idle(machine, unit, c);
        cycles[c] = ticks / machine->ticks_per_cycle;
        left_ticks[c] = ticks % machine->ticks_per_cycle;
        sum_ticks += left_ticks[c];
    }
    for (; sum_ticks > 0; sum_ticks -= machine->ticks_per_cycle) {
        int largest = 0;
        for (int c = 1; c < machine->cause_count; c++) {
            largest = left_ticks[c] > left_ticks[largest] ? c : largest;
        }
        cycles[largest]++;
        left_ticks[largest] = 0;
    }
}

static gint compare_causes(gconstpointer a, gconstpointer b)
{
    const struct evaluation_cause *x = a;
    const struct evaluation_cause *y = b;
    return (x->cycles < y->cycles) - (x->cycles > y->cycles);
}

static void fill_in_causes(struct machine *machine,
                           struct evaluation *evaluation)
{
    g_autofree int64_t *cycles = g_new0(int64_t, (gsize)machine->cause_count);
    GArray *causes = g_array_new(false, false, sizeof(struct evaluation_cause));
    for (int u = 0; u < evaluation->unit_count; u++) {
        struct evaluation_unit *unit = &evaluation->units[u];
        round_causes(machine, u, cycles);
        for (int c = 0; c < machine->cause_count; c++) {
            struct evaluation_cause cause;
            cause_describe(machine->plan, c, &cause);
            cause.unit = unit->name;
            cause.id = c;
            cause.cycles = cycles[c];
            unit->stall_cycles[cause.stall] += cycles[c];
            if (cycles[c] > 0) {
                g_array_append_val(causes, cause);
            }
        }
    }
    g_array_sort(causes, compare_causes); /* stable */
    evaluation->cause_count = (int)causes->len;
    evaluation->causes =
        (struct evaluation_cause *)(void *)g_array_free(causes, false);
}

static void fill_in(struct machine *machine, struct evaluation *evaluation)
{
    evaluation->fidelity = FIDELITY_SIM;
    evaluation->cycles = machine_run_ticks(machine) / machine->ticks_per_cycle;
    for (int u = 0; u < evaluation->unit_count; u++) {
        struct evaluation_unit *unit = &evaluation->units[u];
        unit->busy_cycles =
            *counter_busy(machine, u) / machine->ticks_per_cycle;
    }
    fill_in_causes(machine, evaluation);
    if (machine->main_memory != NULL) {
        evaluation->dram =
            main_memory_say(machine->main_memory, machine_run_ticks(machine));
    }
    model_fill_utilization(machine->plan, evaluation);
}

/* Tile steps of a run without a cause. */
#define REMEDY_MOST_STEPS 200000

static bool has_remedy(const struct evaluation *evaluation, int c)
{
    const struct evaluation_cause *cause = &evaluation->causes[c];
    return cause->without_cycles < 0 && cause->stall != STALL_FILL &&
           cause->stall != STALL_DRAIN && cause->stall != STALL_OUT_OF_WORK;
}

/* All units that wait for the same gain the same. */
static void note_remedy(struct evaluation *evaluation, int id, int64_t cycles)
{
    for (int c = 0; c < evaluation->cause_count; c++) {
        if (evaluation->causes[c].id == id) {
            evaluation->causes[c].without_cycles = cycles;
        }
    }
}

/* Always with fast-forward, so that results do not depend on it. False where it
 * takes too long. */
static bool run_without(const struct plan *plan, int cause, int64_t *cycles)
{
    AUTO(diags) diags = diags_new(); /* what was to be said has been */
    AUTO(machine) machine = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.step_limit = REMEDY_MOST_STEPS;
    if (machine_new(plan, &options, cause, diags, &machine) != OK ||
        machine_run(machine) != OK) {
        return false;
    }
    *cycles = machine_run_ticks(machine) / machine->ticks_per_cycle;
    return true;
}

static void find_remedies(const struct plan *plan, int count,
                          struct evaluation *evaluation)
{
    bool fits = true;
    for (int c = 0; c < evaluation->cause_count && count > 0 && fits; c++) {
        int64_t cycles = 0;
        if (has_remedy(evaluation, c)) {
            fits = run_without(plan, evaluation->causes[c].id, &cycles);
            if (fits) {
                note_remedy(evaluation, evaluation->causes[c].id, cycles);
            }
            count--;
        }
    }
}

static bool passes(const struct plan *plan, int memory)
{
    for (int f = 0; f < plan->flow_count; f++) {
        if (plan->flows[f].memory == memory || plan->flows[f].outer == memory) {
            return true;
        }
    }
    return false;
}

/* Bursts of DRAM are served when its banks can, among others: not in turns. */
static enum status check_overlap(const struct plan *plan, struct diags *diags)
{
    for (int m = 0; m < plan->arch->memory_count; m++) {
        const struct arch_memory *memory = &plan->arch->memories[m];
        if (memory->is_serial && memory->dram != NULL && passes(plan, m)) {
            diag_error(diags, memory->span, "sim-serial",
                       "without 'dram' its bandwidth is simulated",
                       "transfers of memory '%s', which overlap nothing, "
                       "cannot be simulated burst by burst",
                       memory->name);
            return ERR_INPUT;
        }
    }
    return OK;
}

enum status sim_run(const struct plan *plan, const struct sim_options *options,
                    struct diags *diags, struct evaluation **evaluation,
                    int64_t *simulated_steps)
{
    AUTO(machine) machine = NULL;
    AUTO(evaluation) counted = NULL;
    AUTO(evaluation) modelled = NULL;
    TRY(check_overlap(plan, diags));
    TRY(machine_new(plan, options, -1, diags, &machine));
    TRY(machine_run(machine));
    if (machine->recorder != NULL) {
        TRY(recorder_finish(machine->recorder));
    }
    TRY(count(machine, diags, &counted));
    TRY(model_evaluate_beside(plan, FIDELITY_SIM, diags, &modelled));
    fill_in(machine, counted);
    model_add_leakage(plan, counted);
    counted->model_cycles = modelled->cycles;
    counted->fill_cycles = modelled->fill_cycles;
    counted->drain_cycles = modelled->drain_cycles;
    g_free(counted->bottleneck);
    counted->bottleneck = g_strdup(modelled->bottleneck);
    int64_t tile_steps = machine->tile_steps;
    /* One context at a time. */
    g_clear_pointer(&machine, machine_free);
    find_remedies(plan, options->remedy_count, counted);
    if (simulated_steps != NULL) {
        *simulated_steps = tile_steps;
    }
    *evaluation = g_steal_pointer(&counted);
    return OK;
}
