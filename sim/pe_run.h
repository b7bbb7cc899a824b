/* PE-level runs of a plan: what sim_run_pe and the kinds of arrays share. Private to
 * sim/. */
#ifndef SIM_PE_RUN_H
#define SIM_PE_RUN_H

#include "sim/sim.h"

/* What an array did, by unit id. */
struct pe_unit_times {
    int64_t busy_cycles;
    int64_t stall_cycles[STALL_COUNT];
};

struct pe_run {
    const struct plan *plan;
    struct einsum_data *data;
    struct diags *diags;
    int64_t cycles;
    struct pe_unit_times *units;
};

/* ERR_INPUT with 'sim-pe-unsupported' at the node of the plan: "PE by PE: ...". */
enum status pe_refuse(const struct pe_run *run, int node, const char *format,
                      ...) PRINTF_LIKE(3, 4);

/* One product on one systolic array, tile by tile (pe_systolic.c). */
MUST_USE enum status pe_run_systolic(struct pe_run *run);

/* A cascade on grids, tile by tile (pe_cascade.c). */
MUST_USE enum status pe_run_cascade(struct pe_run *run);

#endif
