/* An Einsum as the program of a grid of processing elements (sim/pe/grid.h).
 * Private to sim/.
 *
 * Of a unit's axes that which reduces from neighbour to neighbour is that of the
 * rows, the other that of the columns; without one there is a single row. A tile
 * step is a loop over the ranks in time; an iteration is a few instructions:
 *
 *   - operands that depend on rows and columns come from registers, where an
 *     Einsum on the same unit left them; on rows only, from the left; else from the
 *     top,
 *   - sums over a rank in time stay in a register, reductions over the rows go down
 *     the columns and leave, other results stay in a register if they have a rank on
 *     the rows, else leave. */
#ifndef SIM_PE_PROGRAM_H
#define SIM_PE_PROGRAM_H

#include "sim/pe/grid.h"
#include "sim/pe_run.h"

#define PROGRAM_MAX_TERMS 16
#define PROGRAM_MAX_STEPS 64

/* The rows and columns of a unit: indices of its axes; -1: none. */
struct grid_shape {
    int row_axis;
    int column_axis;
};
MUST_USE enum status grid_shape_find(const struct pe_run *run, int leaf,
                                     struct grid_shape *shape);

/* A tensor that lives in the registers of a grid. */
struct kept_tensor {
    bool is_kept;
    int unit;
    int first_register;
    int64_t copies; /* tile of iteration i is in register first + i % copies */
};

/* Where a step's operand is from. */
enum ref_kind {
    REF_NONE,
    REF_READ,     /* index: of the statement's reads */
    REF_TEMP,     /* index: of the unit's temporary registers */
    REF_SUM,      /* the register of the result */
    REF_IDENTITY, /* of the reduction */
    REF_ABOVE,
};
struct ref {
    enum ref_kind kind;
    int index;
};

struct program_step {
    enum pe_op op;
    int exp_step;
    struct ref a;
    struct ref b;
    struct ref c;
    bool is_result; /* else to a temporary, unless to_temp < 0 */
    int to_temp;
};

struct operand_place {
    const struct einsum_access *access;
    enum pe_place place;
    int64_t base;
    int64_t stride[EINSUM_MAX_RANKS]; /* by position in statement.rank[] */
};

struct program {
    int leaf;
    const struct plan_leaf *planned;
    const struct einsum_statement *statement;
    int row_position; /* in statement.rank[]; -1 */
    int column_position;
    int time_count;
    int time_position[EINSUM_MAX_RANKS]; /* the last is the fastest */
    bool leaves;    /* results go down and out; else they are kept */
    bool is_summed; /* over a rank in time */
    double identity;
    int step_count;
    struct program_step step[PROGRAM_MAX_STEPS];
    int temp_count;
    struct operand_place read[PROGRAM_MAX_TERMS];
    struct operand_place output;
};

/* Compiles a leaf. `kept` by tensor id; NULL where that is not known yet, and reads
 * are not placed. */
MUST_USE enum status program_compile(const struct pe_run *run, int leaf,
                                     const struct grid_shape *shape,
                                     const struct kept_tensor *kept,
                                     struct program *program);

#endif
