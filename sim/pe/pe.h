/* PE-level simulation: an array of processing elements stepped cycle by cycle,
 * every value moving through the registers and neighbour links that the array
 * has. It is what tile-level timing is proved against: its cycles are counted by
 * stepping until the last result has left the last PE, its values are those that
 * arrive.
 *
 * The array computes C = A B (A is M x K, B is K x N) in folds, one after
 * another. R rows, C columns:
 *
 *   output stationary  PE (r, c) keeps C[m, n]; A enters at the left and moves
 *                      right, B enters at the top and moves down, each skewed by
 *                      a cycle a lane. A fold has R x C outputs.
 *   weight stationary  PE (r, c) keeps B[k, n]; A enters at the left, partial
 *                      sums move down. Weights come down the columns first and
 *                      are captured in a second register.
 *   input stationary   PE (r, c) keeps A[m, k], with m along the columns; B
 *                      enters at the left, partial sums move down.
 *
 * Where folds do not overlap, a fold takes K + R + C - 2, M + 2R + C - 2 and
 * N + 2R + C - 2 cycles, as SCALE-Sim has it (Samajdar et al., ISPASS 2020; its
 * totals are one short). Where they do, a fold begins as soon as the links are
 * free, and weights are loaded while the fold before is computed.
 *
 * One component per array: a cycle is a few loops over rows, so a simulation
 * allocates nothing per cycle. Values are doubles; each sum is in the order of k.
 */
#ifndef WEIR_SIM_PE_H
#define WEIR_SIM_PE_H

#include "base/base.h"

enum pe_dataflow {
    PE_OUTPUT_STATIONARY,
    PE_WEIGHT_STATIONARY,
    PE_INPUT_STATIONARY, /* weight stationary with the operands exchanged */
};

struct pe_array {
    int rows;
    int columns;
    enum pe_dataflow dataflow;
    bool overlaps_folds;
};

/* Row-major or not: elements between neighbours along both dimensions. */
struct pe_matrix {
    double *value; /* borrowed */
    int64_t row_stride;
    int64_t column_stride;
};

/* One fold as the array sees it: `length` values enter each row. */
struct pe_fold {
    int rows; /* in use */
    int columns;
    int64_t length;
    struct pe_matrix left; /* [row][position of the stream] */
    /* Output stationary: [position][column]; else the weights, [row][column]. */
    struct pe_matrix top;
    /* Output stationary: [row][column]; else [position][column]. What leaves the
     * array is added to it. */
    struct pe_matrix result;
    /* The weights are those of the fold before: nothing is loaded. */
    bool keeps_weights;
};

struct pe_result {
    int64_t cycles;
    /* Of these, in which the first PE has an operand; after that, in which
     * others still have one; the rest is loading. */
    int64_t busy_cycles;
    int64_t drain_cycles;
    int64_t fold_count;
    int64_t mac_count; /* PE-cycles with operands of the problem */
};

/* Runs the folds in order. ERR_INPUT: a size below 1, or no fold. ERR_MEM,
 * ERR_LIMIT (cycles beyond 64 bits). */
MUST_USE enum status pe_run_folds(const struct pe_array *array,
                                  const struct pe_fold *folds, int64_t count,
                                  struct diags *diags,
                                  struct pe_result *result);

struct pe_gemm {
    int64_t m;
    int64_t n;
    int64_t k;
    struct pe_matrix a;
    struct pe_matrix b;
    struct pe_matrix c; /* written */
};

/* Runs a whole product, its folds row by row of the array's plane. Errors as
 * above. */
MUST_USE enum status pe_run_gemm(const struct pe_array *array,
                                 const struct pe_gemm *gemm,
                                 struct diags *diags, struct pe_result *result);

#endif
