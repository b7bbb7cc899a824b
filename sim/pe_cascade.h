/* The grids of a cascade and what drives them. Private to sim/. */
#ifndef SIM_PE_CASCADE_H
#define SIM_PE_CASCADE_H

#include "sim/pe_program.h"

/* A tile step that waits in a slot. */
struct task {
    int leaf;
    int64_t iteration;
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
};

struct controller {
    struct pe_grid *grid; /* NULL: the unit has no work */
    struct grid_shape shape;
    int temp_register;   /* the first of them */
    int64_t exit_cycles; /* from the last row to where others can read */
    GArray *tasks;       /* struct task: of this slot */
    guint next;
    /* The running tile step. */
    bool is_running;
    struct task task;
    int64_t at[EINSUM_MAX_RANKS]; /* by position: where its loop is */
    int step;
    bool has_started;
    int64_t idle_cycles; /* since its last instruction, for others */
};

struct cascade_run {
    struct pe_run *run;
    struct program *programs; /* by leaf */
    struct kept_tensor *kept; /* by tensor */
    int64_t **ready;          /* by tensor, element: when it can be read */
    struct controller *units; /* by unit */
    struct walk *walk;
    struct walk_event event; /* the next one */
    int64_t now_cycles;
    int64_t last_exit_cycles; /* after which nothing leaves any more */
};

/* Compiles the Einsums, builds the units' grids and notes what can be read from the
 * start. ERR_INPUT: the plan is none for grids. */
MUST_USE enum status cascade_run_build(struct cascade_run *cascade);

#endif
