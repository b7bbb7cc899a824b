/* A grid of processing elements that run one program, a row after another: what
 * row 0 does in a cycle, row r does r cycles later. An instruction travels down the
 * rows together with the values that entered at the top; a value that enters at the
 * left of a row goes to all of its columns at once. Each element has registers, a
 * multiply-accumulate unit that also evaluates exponentials, a comparator, a
 * divider, and a link to the element below, a cycle long: partial results of a
 * column go down it, from row to row, and leave below the last one.
 *
 * This is FuseMax's 2D array (MICRO 2024: elements with mac and max, exponentials as
 * six sequential macs, operands broadcast along rows and columns, reductions from
 * neighbour to neighbour), and with one row its 1D array.
 *
 * One component: a cycle is a few loops over rows, nothing is allocated in it. */
#ifndef WEIR_SIM_PE_GRID_H
#define WEIR_SIM_PE_GRID_H

#include "base/base.h"

enum pe_op {
    PE_IDLE,
    PE_MAC, /* a * b + c */
    PE_MUL,
    PE_ADD,
    PE_SUB,
    PE_MAX,
    PE_DIVIDE,
    PE_EXP,      /* by a unit of its own */
    PE_EXP_STEP, /* one of the six macs; see pe_exp */
};

/* Where an operand comes from. */
enum pe_place {
    PE_CONSTANT, /* instruction.constant */
    PE_REGISTER,
    PE_LEFT,
    PE_TOP,
    PE_ABOVE, /* the link from the row above; of row 0 the constant */
};

struct pe_source {
    enum pe_place place;
    int index; /* REGISTER */
    /* REGISTER: what was written there last must have had this tag. */
    int64_t tag;
    const double *value; /* LEFT, TOP: of row or column 0 */
    int64_t stride;      /* LEFT, TOP */
};

struct pe_instruction {
    enum pe_op op;
    int exp_step;
    struct pe_source a; /* at most one of a and b is LEFT */
    struct pe_source b;
    struct pe_source c; /* MAC; not LEFT, not TOP */
    double constant;
    int to_register; /* -1: to none */
    int64_t tag;
    bool goes_down;
    int rows; /* in use; the others pass on what goes down */
    int columns;
    /* Handed back with what leaves below. */
    int result;
    int64_t result_offset;
    int64_t result_stride;
};

/* What left the grid in a cycle: a value for each column in use. */
struct pe_leaving {
    bool has_left;
    int columns;
    const double *value;
    int result;
    int64_t result_offset;
    int64_t result_stride;
};

struct pe_grid;
/* NULL without memory. */
struct pe_grid *pe_grid_new(int rows, int columns, int registers);
void pe_grid_free(struct pe_grid *grid);
BASE_DEFINE_CLEANUP(pe_grid)
int pe_grid_rows(const struct pe_grid *grid);
/* A cycle, in which row 0 begins `instruction` (NULL: nothing). False if a
 * register held something else than it should: *overwritten is its index. */
bool pe_grid_step(struct pe_grid *grid,
                  const struct pe_instruction *instruction,
                  struct pe_leaving *leaving, int *overwritten);

/* exp(x) as six macs, what PE_EXP_STEP does in six cycles:
 *
 *   y = x * log2(e);  n = round(y);  f = y - n in [-1/2, 1/2]
 *   p = ((((c5 f + c4) f + c3) f + c2) f + c1) f + c0;  exp(x) = 2^n p
 *
 * with the polynomial whose largest relative error against 2^f is least (7.5e-8;
 * Remez). Rounding y and taking off n are wiring. 0 below 2^-1000. */
double pe_exp(double x);
#define PE_EXP_STEPS 6
/* Relative, as long as the result is not 0. */
#define PE_EXP_ERROR_RATIO 7.6e-8

#endif
