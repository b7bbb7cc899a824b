/* Model: what a plan costs, in closed form, and what no plan can beat.
 *
 * Cycles of a phase are those of its slowest resource: the units, slot by slot
 * (slots are entered together, so a step lasts the sum over slots of the
 * slowest unit), the exposed latencies of reductions across lanes, and every
 * memory's bandwidth. Filling and draining of pipelines and buffers are figures of
 * their own, which count if the architecture says so; bound <= model <= sim with
 * them and without. Counts are exact integers.
 *
 * `struct evaluation` is the common result of every fidelity; tables, JSON and
 * the store are written from it.
 */
#ifndef WEIR_MODEL_H
#define WEIR_MODEL_H

#include "mapping/mapping.h"

/* PE: every processing element stepped in every cycle (sim_run_pe). */
enum fidelity { FIDELITY_MODEL, FIDELITY_SIM, FIDELITY_PE, FIDELITY_COUNT };
const char *fidelity_name(enum fidelity fidelity); /* "model", "sim", "pe" */
/* False, and *fidelity as it was, if it is the name of none. */
bool fidelity_find(const char *name, enum fidelity *fidelity);

/* Why a unit is idle. */
enum stall {
    STALL_DEPENDENCY,    /* waits for another unit in its slot or program */
    STALL_REDUCTION,     /* waits for a reduction across lanes to arrive */
    STALL_OPERAND,       /* an operand is on its way: latency of a memory */
    STALL_BANDWIDTH,     /* waits for an operand, or for room for its output,
                            while a memory port is busy */
    STALL_BANK_CONFLICT, /* likewise while a bank is, that others use */
    STALL_DRAM,          /* likewise while DRAM opens rows, refreshes ... */
    STALL_NETWORK,       /* likewise while links are busy; hops */
    STALL_BUFFER_FULL,   /* an operand was not asked for: no buffer was free */
    STALL_FILL,          /* pipeline or buffers are not full yet */
    STALL_DRAIN,         /* nothing left to do while the rest finishes */
    STALL_OUT_OF_WORK,   /* has nothing to do in a phase */
    STALL_COUNT,
};
const char *stall_name(enum stall stall); /* "dependency", ... */

struct evaluation_memory {
    const char *name;
    int64_t read_bytes; /* all instances */
    int64_t write_bytes;
    int64_t transfer_cycles; /* at its bandwidth; 0 if unlimited */
    double energy_pj;
};

struct evaluation_unit {
    const char *name;
    int64_t busy_cycles;      /* some lane works */
    double utilization_ratio; /* lane-cycles worked / lane-cycles in all */
    int64_t stall_cycles[STALL_COUNT]; /* sim: busy + stalls = cycles */
    double energy_pj;
};

/* One cause of a unit's stalls; those of a unit and stall add up to
 * stall_cycles. What is waited for, as far as the stall has it (else NULL):
 * the Einsum of a dependency or reduction, the operand that is on its way or has
 * no buffer, the memory or network, and what of it ("read", "refresh"). */
struct evaluation_cause {
    const char *unit;
    enum stall stall;
    const char *einsum;
    const char *tensor;
    const char *component;
    const char *part;
    int64_t cycles;
    /* Of the run without this cause; -1 where nobody asked. */
    int64_t without_cycles;
    int id; /* the simulator's own number of the cause, whatever the unit */
};

/* "bandwidth of gbuf.read"; caller frees. */
char *evaluation_say_cause(const struct evaluation_cause *cause);

struct evaluation_einsum {
    const char *name;
    const char *unit;
    int64_t busy_cycles;
    double utilization_ratio; /* lane-cycles worked / lane-cycles of its unit */
    int64_t ops[EINSUM_OP_COUNT];
    double energy_pj; /* of its operations */
};

struct evaluation_action {
    const char *component; /* memory or unit */
    const char *tensor;    /* NULL for operations */
    const char *einsum;    /* NULL for moves between memories */
    const char *action;    /* "read", "write", or the operation */
    int64_t count;         /* accesses or operations */
    int64_t bytes;         /* 0 for operations */
    double energy_pj;
};

/* What a memory exchanges of a tensor, in elements, all instances. doc/model.md
 * relates them to Timeloop's statistics. */
struct evaluation_transfer {
    const char *memory;
    const char *tensor;
    int64_t reads;   /* read for what is inside: units, inner memories */
    int64_t fills;   /* written with what comes from outside */
    int64_t updates; /* written with what comes from inside */
    int64_t drains;  /* read to be passed outwards */
};

struct evaluation {
    enum fidelity fidelity;
    int64_t cycles;
    /* By the model: what filling and draining of pipelines and buffers add to the
     * steady state, in `cycles` if the architecture counts them. */
    int64_t fill_cycles;
    int64_t drain_cycles;
    int64_t clock_hz;
    double energy_pj;
    int memory_count;
    struct evaluation_memory *memories;
    int unit_count;
    struct evaluation_unit *units;
    int cause_count; /* sim: most cycles first */
    struct evaluation_cause *causes;
    int einsum_count;
    struct evaluation_einsum *einsums;
    int action_count;
    struct evaluation_action *actions;
    int transfer_count; /* by memory, then tensor; none that is all 0 */
    struct evaluation_transfer *transfers;
    /* What limits the run: "array1d", "DRAM bandwidth", ... of the phase that
     * takes longest. */
    char *bottleneck;
    /* sim: what main memory did, where it has the timing of DRAM; NULL. */
    char *dram;
    /* No mapping of this cascade on this architecture does better. */
    int64_t bound_cycles;
    int64_t bound_traffic_bytes; /* compulsory, of the outermost memory */
    /* Of all memories of unlimited size together: the compulsory bytes, and what
     * has no room in those that have a size. */
    int64_t bound_unsized_bytes;
    /* The larger of these is bound_cycles. */
    int64_t bound_compute_cycles;  /* all operations on all lanes */
    int64_t bound_transfer_cycles; /* compulsory bytes at full bandwidth */
    /* sim: cycles above the model's, by cause; 0 for the model. */
    int64_t model_cycles;
};

/* Evaluates; ERR_LIMIT when a count exceeds int64. The evaluation borrows names
 * from the plan. */
MUST_USE enum status model_evaluate(const struct plan *plan,
                                    struct diags *diags,
                                    struct evaluation **evaluation);
/* The same of what another fidelity uses of the architecture, to stand beside it:
 * bandwidths of networks are left out if that does not know them. */
MUST_USE enum status model_evaluate_beside(const struct plan *plan,
                                           enum fidelity fidelity,
                                           struct diags *diags,
                                           struct evaluation **evaluation);
void evaluation_free(struct evaluation *evaluation);
BASE_DEFINE_CLEANUP(evaluation)

/* What really happened: by leaf its steps' points and busy cycles, by flow the
 * elements that passed the outer place (of a leaf's flow: its memory) and the
 * inner one. */
struct executed {
    const int64_t *points;
    const int64_t *busy_cycles;
    const int64_t *outside;
    const int64_t *inside;
};

/* Everything of an evaluation that does not depend on time (traffic, actions,
 * operations, energy, bounds, busy cycles), for simulators that fill in cycles,
 * utilisation and stalls themselves. `executed` NULL: as planned. */
MUST_USE enum status model_count(const struct plan *plan,
                                 const struct executed *executed,
                                 struct diags *diags,
                                 struct evaluation **evaluation);

/* Adds what leaks in `cycles` to energies and actions; once, when the cycles are
 * known. model_evaluate has done it. */
void model_add_leakage(const struct plan *plan, struct evaluation *evaluation);

/* Cycles that data is on its way besides the time that ports and links are busy
 * with it: latency of the memory that is read, hops to the furthest lane. */
struct model_latency {
    int64_t memory_cycles;
    int64_t hop_cycles;
    int fanout; /* the last whose network has hops; -1 */
};
MUST_USE enum status model_count_latency(const struct plan *plan, int flow,
                                         struct model_latency *latency);

/* ---- estimates: for searches ------------------------------------------------ */

/* What a search compares. */
struct estimate {
    int64_t cycles;
    double energy_pj;
    int64_t traffic_bytes; /* of the outermost memory */
};

/* The model of a retiler's tilings: the numbers of model_evaluate, but always those
 * of the steady state, a million times a second for a matrix product (`make bench`). Borrows the retiler. */
struct estimator;
struct estimator *estimator_new(struct retiler *retiler);
void estimator_free(struct estimator *estimator);
BASE_DEFINE_CLEANUP(estimator)
/* Applies the tiles (retiler_apply) and estimates; `result` is set if OK. */
enum retiling estimator_run(struct estimator *estimator, const int64_t *tiles,
                            struct estimate *result);

/* The features of arch.h that a fidelity uses, as a mask for arch_warn_unused. */
unsigned model_used_features(enum fidelity fidelity);

/* Raises the bounds on traffic and cycles by what the pass analysis finds must
 * leave the chip and come back (doc/model.md). Takes longer than an evaluation,
 * so that searches leave it out. */
MUST_USE enum status model_tighten_bound(const struct plan *plan,
                                         struct diags *diags,
                                         struct evaluation *evaluation);

/* Fills in utilization_ratio of every unit from busy cycles and `cycles`. */
void model_fill_utilization(const struct plan *plan,
                            struct evaluation *evaluation);

#endif
