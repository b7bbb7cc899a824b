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

/* Cycles of a tile step that its unit is taken for beyond those it is busy: where
 * steps do not overlap, until its last lane, which began later, has finished. */
int64_t model_emptying_cycles(const struct arch_unit *unit);
/* Cycles of all its steps that a leaf takes its unit for. False on overflow. */
bool model_count_taken(const struct plan *plan, const struct plan_leaf *leaf,
                       int64_t *cycles);

/* A phase in the steady state. */
struct phase_cycles {
    int64_t unit_cycles; /* slots, children, exposed latencies */
    /* Of these, what the first steps wait for results on their way. */
    int64_t early_wait_cycles;
    int64_t cycles; /* of the slowest resource */
};

/* Fills in unit_cycles and early_wait_cycles; `unit` becomes the unit that sets
 * most of them. */
enum status model_phase_units(const struct plan *plan, int phase,
                              struct diags *diags, struct phase_cycles *cycles,
                              int *unit);

/* Cycles of a phase in which its units only wait for results on their way, and
 * how many of those the first steps wait. */
enum status model_exposed_cycles(const struct plan *plan, int phase,
                                 struct diags *diags, int64_t *cycles,
                                 int64_t *early);

/* What filling and draining add. */
enum status model_phase_fill(const struct plan *plan, int phase,
                             const struct phase_cycles *steady,
                             struct diags *diags, int64_t *fill,
                             int64_t *drain);

/* As model_phase_transfer, of what is read alone. */
enum status model_phase_reads(const struct plan *plan, int phase, int memory,
                              struct diags *diags, int64_t *cycles);

/* arch_count_access_cycles at the plan's clock. */
enum status model_access_cycles(const struct plan *plan, int memory,
                                int64_t read_bytes, int64_t write_bytes,
                                int64_t *cycles);

/* Cycles of a phase in which serial memories transfer, and the serial ports of its
 * core work, one after another. */
enum status model_phase_serial(const struct plan *plan, int phase,
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
