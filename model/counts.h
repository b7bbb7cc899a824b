/* What the files of model/ share. Private. */
#ifndef WEIR_MODEL_COUNTS_H
#define WEIR_MODEL_COUNTS_H

#include "model/model.h"

/* Fills in bound_cycles and bound_traffic_bytes. */
enum status model_bound(const struct plan *plan, struct diags *diags,
                        struct evaluation *evaluation);

/* Takes the output elements that get nothing, or fewer, off `outputs`. False on
 * overflow. */
bool model_drop_untouched(const struct workload *workload, int64_t *outputs);

/* Cycles of one phase's units: slots, children, exposed latencies. `bottleneck`
 * becomes the unit that sets most of them. */
enum status model_phase_cycles(const struct plan *plan, int phase,
                               struct diags *diags, int64_t *cycles, int *unit);

/* Cycles of a phase in which its units only wait for reductions across lanes. */
enum status model_exposed_cycles(const struct plan *plan, int phase,
                                 struct diags *diags, int64_t *cycles);

/* Cycles a phase's bytes need at one memory. */
enum status model_phase_transfer(const struct plan *plan, int phase, int memory,
                                 struct diags *diags, int64_t *cycles);

/* The phase that the flow belongs to. */
int model_flow_phase(const struct plan *plan, const struct plan_flow *flow);

/* Appends what the networks carry (struct evaluation_action) and adds its
 * energy. */
enum status model_count_hops(const struct plan *plan, struct diags *diags,
                             GArray *actions, double *energy_pj);

/* Cycles a phase's values need at the busiest link of a fan-out's network. */
enum status model_phase_network(const struct plan *plan, int phase, int fanout,
                                struct diags *diags, int64_t *cycles);

/* What all memories, units and networks of the chip leak in a cycle. */
double model_leakage_pj_per_cycle(const struct arch *arch);

/* The same, of a phase whose plan may get other tiles between the counts: who
 * waits for whom is worked out once. False on overflow. */
struct waits;
struct waits *waits_new(const struct plan *plan, int phase);
void waits_free(struct waits *waits);
BASE_DEFINE_CLEANUP(waits)
bool waits_count(struct waits *waits, int64_t *cycles);

#endif
