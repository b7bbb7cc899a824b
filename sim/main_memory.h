/* Main memory with the timing of DRAM: a component beside the port of the
 * outermost memory. Private to sim/.
 *
 * What the port serves is cut into bursts that go to sim/dram in the order of
 * requests, as far as its queues take them; a request is served when its last
 * burst is. Between two events of the machine nothing can be asked, so the memory
 * runs ahead of the kernel's clock up to the next one. */
#ifndef SIM_MAIN_MEMORY_H
#define SIM_MAIN_MEMORY_H

#include "sim/dram/dram.h"
#include "sim/layout.h"
#include "sim/machine.h"

struct main_memory {
    struct component component;
    struct dram *dram;
    struct layout *layout;
    bool is_waited_for; /* counted in ports_woken until it has run */
    GArray *fresh;      /* struct memory_job *: of this instant */
    GQueue jobs;      /* struct memory_job *: whose bursts are not all asked */
    GHashTable *open; /* by number, struct memory_job *: all, owns them */
    int64_t next_job;
    /* cycles = ticks * numerator / denominator */
    int64_t numerator;
    int64_t denominator;
};

/* NULL without a `dram:`. */
MUST_USE enum status main_memory_new(struct machine *machine,
                                     struct main_memory **memory);
void main_memory_free(struct main_memory *memory);
/* One leg of a request: `bytes` of the flow at the loops' places `index` (NULL:
 * unknown), for the recorder `tag`. */
void main_memory_request(struct main_memory *memory, int order, int flow,
                         const int64_t *index, bool is_write, int64_t bytes,
                         int tag, struct pending *pending);
void main_memory_activate(struct sysc_process *self, void *user);
bool main_memory_is_idle(const struct main_memory *memory);
/* "hbm2: 1,024 bursts, ..."; caller frees. */
char *main_memory_say(struct main_memory *memory, int64_t run_ticks);

#endif
