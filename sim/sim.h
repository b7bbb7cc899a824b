/* Sim: the schedule of a plan in time.
 *
 * Units and memory ports are SystemC components that sleep through a tile step
 * or a transfer; a sequencer walks the pipeline's steps and slots, DMA channels
 * run ahead as far as the plan's buffers allow. Periodic stretches are
 * fast-forwarded exactly: the result is bit-identical to the run without.
 */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include "model/model.h"
#include "sim/trace/trace.h"

struct sim_options {
    bool use_fast_forward;
    /* ERR_LIMIT when more tile steps are simulated; 0: no limit. */
    int64_t step_limit;
    /* Filled with what happens in its window, which is then not fast-forwarded;
     * the result is the same. NULL: nothing is recorded. */
    struct trace *trace;
    /* For so many of the largest causes of stalls that can be removed, simulates
     * the run without (without_cycles); where that takes long, none. */
    int remedy_count;
};
#define SIM_OPTIONS_DEFAULT                                                    \
    {                                                                          \
        .use_fast_forward = true, .step_limit = 0, .trace = NULL,              \
        .remedy_count = 0                                                      \
    }

/* Simulates; the evaluation has fidelity SIM, stalls per unit that sum with the
 * busy cycles to `cycles`, and model_cycles for comparison. `simulated_steps`
 * (may be NULL): tile steps that were really walked. */
MUST_USE enum status sim_run(const struct plan *plan,
                             const struct sim_options *options,
                             struct diags *diags,
                             struct evaluation **evaluation,
                             int64_t *simulated_steps);

/* Functional execution: the same schedule applied to data that lies in the
 * memories that the mapping says. `data` holds the inputs (einsum_data_new,
 * einsum_fill_inputs); afterwards outputs as they arrived in the outermost memory,
 * and of other tensors what was computed last. Reading what is not there or not
 * finished, overwriting what is still needed, holding more than fits, finishing an
 * element twice or not at all is an error that names Einsum, tensor, coordinates,
 * memory and step (doc/sim.md). */
MUST_USE enum status sim_execute(const struct plan *plan, struct diags *diags,
                                 struct einsum_data *data);

/* Can the plan be executed? Those of packed operands cannot: 'execute-packed'. */
MUST_USE enum status sim_check_execution(const struct plan *plan,
                                         struct diags *diags);

/* The plan on arrays of processing elements, each stepped in every cycle, every
 * value moving through registers and links (sim/pe/pe.h); memories are never in the
 * way. Takes data as sim_execute does. The evaluation has fidelity PE; doc/sim.md
 * says which plans run and when cycles equal those of sim_run. Others are refused:
 * 'sim-pe-unsupported'. */
MUST_USE enum status sim_run_pe(const struct plan *plan, struct diags *diags,
                                struct einsum_data *data,
                                struct evaluation **evaluation);

/* An arithmetic whose error bounds hold for sim_run_pe: fp64, but for
 * exponentials, which arrays may evaluate by six macs (sim/pe/grid.h). Caller
 * frees. */
struct einsum_arithmetic *sim_pe_arithmetic(const struct workload *workload);

/* Reports what is wrong with a memory's file (`dram:`, arch-configs/dram/). */
MUST_USE enum status sim_check_dram_file(struct diags *diags, const char *path);

#endif
