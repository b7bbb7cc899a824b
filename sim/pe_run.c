/* Finds the kind of array that a plan runs on, and turns what it did into an
 * evaluation. */
#include "sim/pe_run.h"

enum status pe_refuse(const struct pe_run *run, int node, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    diag_error(run->diags, run->plan->nodes[node].span, "sim-pe-unsupported",
               "doc/sim.md, 'PE by PE', says what can be run so",
               "this cannot be run PE by PE: %s", reason);
    return ERR_INPUT;
}

/* One for each kind of stall: what exactly is waited for is not asked. */
static void add_causes(struct evaluation *evaluation)
{
    evaluation->causes =
        g_new0(struct evaluation_cause,
               (gsize)evaluation->unit_count * STALL_COUNT + 1);
    for (int u = 0; u < evaluation->unit_count; u++) {
        const struct evaluation_unit *unit = &evaluation->units[u];
        for (int s = 0; s < STALL_COUNT; s++) {
            if (unit->stall_cycles[s] > 0) {
                evaluation->causes[evaluation->cause_count++] =
                    (struct evaluation_cause){.unit = unit->name,
                                              .stall = (enum stall)s,
                                              .cycles = unit->stall_cycles[s],
                                              .without_cycles = -1};
            }
        }
    }
}

/* Units that had no work waited for the others. */
static void fill_in(const struct pe_run *run, struct evaluation *evaluation)
{
    evaluation->fidelity = FIDELITY_PE;
    evaluation->cycles = run->cycles;
    for (int u = 0; u < evaluation->unit_count; u++) {
        struct evaluation_unit *unit = &evaluation->units[u];
        int64_t left_cycles = run->cycles - run->units[u].busy_cycles;
        unit->busy_cycles = run->units[u].busy_cycles;
        for (int s = 0; s < STALL_COUNT; s++) {
            unit->stall_cycles[s] = run->units[u].stall_cycles[s];
            left_cycles -= unit->stall_cycles[s];
        }
        unit->stall_cycles[unit->busy_cycles > 0 ? STALL_DEPENDENCY
                                                 : STALL_OUT_OF_WORK] +=
            left_cycles;
    }
}

struct einsum_arithmetic *sim_pe_arithmetic(const struct workload *workload)
{
    /* Results rounded to 22 bits after the leading one are wrong by up to 2^-23 =
     * 1.19e-7, more than PE_EXP_ERROR_RATIO. */
    static const struct format exp_format = {
        .name = "exp-macs",
        .kind = FORMAT_FLOAT,
        .bits = 34,
        .exponent_bits = 11,
        .fraction_bits = 22,
        .bias = 1023,
        .special = FORMAT_IEEE,
    };
    struct einsum_arithmetic *arithmetic = einsum_arithmetic_new(workload);
    arithmetic->operation[EINSUM_EXP].format = &exp_format;
    return arithmetic;
}

/* Do lanes of the first Einsum's unit follow one another along both axes? */
static bool is_systolic(const struct plan *plan)
{
    const struct arch_unit *unit = &plan->arch->units[plan->leaves[0].unit];
    return unit->axis_count == 2 && unit->axis[0].skew_cycles > 0 &&
           unit->axis[1].skew_cycles > 0;
}

enum status sim_run_pe(const struct plan *plan, struct diags *diags,
                       struct einsum_data *data, struct evaluation **evaluation)
{
    AUTO(evaluation) counted = NULL;
    AUTO(evaluation) modelled = NULL;
    g_autofree struct pe_unit_times *units =
        g_new0(struct pe_unit_times, (gsize)plan->arch->unit_count + 1);
    struct pe_run run = {
        .plan = plan, .data = data, .diags = diags, .units = units};
    TRY(is_systolic(plan) ? pe_run_systolic(&run) : pe_run_cascade(&run));
    TRY(model_count(plan, NULL, diags, &counted));
    TRY(model_evaluate_beside(plan, FIDELITY_PE, diags, &modelled));
    fill_in(&run, counted);
    add_causes(counted);
    model_fill_utilization(plan, counted);
    model_add_leakage(plan, counted);
    counted->model_cycles = modelled->cycles;
    g_free(counted->bottleneck);
    counted->bottleneck = g_strdup(modelled->bottleneck);
    *evaluation = g_steal_pointer(&counted);
    return OK;
}
