/* Dram process: a memory as a component of a SystemC simulation.
 *
 * One method process that sleeps until the memory has something to do. Other
 * processes start transfers of any length, which are cut into bursts and
 * submitted in order as far as the memory's queues take them; the event given
 * is notified when the last burst is there.
 */
#ifndef SIM_DRAM_PROCESS_H
#define SIM_DRAM_PROCESS_H

#include "sim/dram/dram.h"
#include "sim/systemc/systemc.h"

struct dram_process;

/* During elaboration. `dram` is borrowed and must be at cycle 0. A cycle of the
 * context lasts `cycle_ps`; what happens in the memory between two of them is
 * seen at the later. Freed with the context. */
SYSC_MUST_USE enum sysc_status
dram_process_new(struct sysc_context *context, struct sysc_module *parent,
                 const char *name, struct dram *dram, int64_t cycle_ps,
                 struct dram_process **process);

struct dram_transfer {
    int64_t address_bytes;
    int64_t size_bytes; /* at least 1 */
    bool is_write;
    struct sysc_event *done; /* may be NULL */
};
/* In a process, or before the first run. Transfers that are started in the same
 * delta cycle go in the order of the calls. */
SYSC_MUST_USE enum sysc_status
dram_process_start(struct dram_process *process,
                   const struct dram_transfer *transfer);
/* Transfers that were started and are not done. */
int64_t dram_process_count_pending(const struct dram_process *process);

#endif
