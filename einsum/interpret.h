/* How one box of one statement is run. A plan is made per call, on the stack:
 * strides and start of every operand, loops reordered so that the innermost
 * runs over adjacent elements, and the function for one run of it (a row).
 */
#ifndef WEIR_EINSUM_INTERPRET_H
#define WEIR_EINSUM_INTERPRET_H

#include "einsum/affine.h"
#include "einsum/ast.h"
#include "einsum/binder.h"
#include "einsum/einsum.h"
#include "einsum/rounding.h"

struct box_operand {
    double *value; /* at the box's first point */
    double *error; /* NULL without error analysis */
    int64_t start; /* of a stream of index(..): its value at the first point */
};

struct box_loop {
    int64_t count;
    int64_t output_stride; /* elements */
    int64_t read_stride[EINSUM_MAX_READS];
};

struct box_plan;
/* Runs plan->loops[loop_count - 1] once; `at` is by how many elements the
 * output (first) and the reads are on. */
typedef void (*row_function)(const struct box_plan *plan, const int64_t *at);

struct box_plan {
    const struct einsum_expr *expr;
    enum einsum_reduce reduce;
    /* NULL: fp64. */
    const struct einsum_arithmetic *arithmetic;
    const struct einsum_operation *operation; /* under it, by operation */
    double least; /* what one addition may be off besides, near 0 */
    double gamma; /* of the whole reduction, for the error of a sum; 0: exact */
    row_function run_row;
    bool is_product_sum; /* of two operands */
    struct box_operand output;
    int read_count; /* the streams of index(..) stand behind the reads */
    struct box_operand read[EINSUM_MAX_READS];
    /* That all of its values are of; NULL: not known. */
    const struct format *read_format[EINSUM_MAX_READS];
    int loop_count;  /* outermost first, at least 1 */
    int fixed_count; /* of them, the first that must stay outermost */
    struct box_loop loop[EINSUM_MAX_RANKS + 1];
};

/* False if the box is empty. */
bool plan_init(struct box_plan *plan, const struct workload *workload,
               int statement, const int64_t *lo, const int64_t *hi,
               const struct einsum_data *data);

/* A plan for single rows: everything but operands and loop[0]. */
void plan_init_row(struct box_plan *plan, const struct workload *workload,
                   const struct einsum_statement *statement,
                   const struct einsum_arithmetic *arithmetic);
/* A sum whose terms are products, added as they are. */
bool plan_is_mac(const struct box_plan *plan);
/* The operation that adds terms up, or compares or multiplies them. */
const struct einsum_operation *plan_reduction(const struct box_plan *plan);
/* Sets run_row. */
void plan_choose_row(struct box_plan *plan);

/* Instead of the statement's own output; strides by rank id. */
struct points_output {
    struct box_operand operand;
    int64_t start;
    int64_t stride[EINSUM_MAX_RANKS];
    const struct einsum_expr *expr; /* of the statement, if NULL */
};
/* A box of a statement with features. `output` may be NULL. */
void points_run(const struct workload *workload, int statement,
                const int64_t *lo, const int64_t *hi,
                const struct points_output *output, struct einsum_data *data);
/* A box of an operator over fibers, whole along the rank it goes along. */
struct fibers {
    const struct workload *workload;
    int statement;
    const int64_t *lo;
    const int64_t *hi;
    struct einsum_data *data;
    int64_t length; /* of the body's fibers */
    int64_t count;
    int64_t wanted; /* of the output's */
    int64_t order_stride;
};

/* The body at all points of the box, fiber after fiber; `missing` where a point
 * does not exist. The caller frees both arrays. `expr` as in points_output. */
void fibers_eval(struct fibers *fibers, const struct einsum_expr *expr,
                 double missing, struct tensor_data *body);
/* Sets how a fiber lies in the output. */
void fibers_place(struct fibers *fibers);
/* The first element of its result. */
int64_t fibers_output(const struct fibers *fibers, int64_t fiber);
void select_run(const struct workload *workload, int statement,
                const int64_t *lo, const int64_t *hi, struct einsum_data *data);
void transforms_run(const struct workload *workload, int statement,
                    const int64_t *lo, const int64_t *hi,
                    struct einsum_data *data);

/* Sum of products of two operands, without error analysis. */
void row_dot(const struct box_plan *plan, const int64_t *at);
void row_axpy(const struct box_plan *plan, const int64_t *at);
/* The same with error analysis. */
void row_error_product(const struct box_plan *plan, const int64_t *at);
/* Under an arithmetic, one term after another; with error analysis or without. */
void row_format_product(const struct box_plan *plan, const int64_t *at);
/* One operation of an expression on a chunk under an arithmetic: `exact` is its
 * result in double, `error` (or NULL) bounds that and is raised; the format that
 * all results are of, or NULL. */
const struct format *format_chunk(const struct box_plan *plan,
                                  enum einsum_op op, bool is_root,
                                  const struct bounded_row *operand,
                                  const double *exact, double *result,
                                  double *error, int64_t count);
/* The operands of a mac's multiplication, in the format it takes; `to` has room
 * for them, its errors NULL without error analysis. */
void format_multiplicand(const struct box_plan *plan, struct bounded_row *row,
                         const struct tensor_data *to, int64_t count);
/* A constant as it is held, with its error. */
double format_constant(const struct box_plan *plan, double number,
                       double *error);
/* Folds one term into an element, and its error if there is one. */
void row_format_fold(const struct box_plan *plan, double term,
                     double term_error, double *value, double *error);
/* Any expression, with or without. */
void row_general(const struct box_plan *plan, const int64_t *at);

/* Elements that general rows evaluate at a time. */
#define ROW_CHUNK 256

/* Computed tensors on whose values no output depends, as long as everything that
 * reads them reads the same (invariance.c), and those whose exact values are only
 * defined given them. */
void find_free_tensors(const struct workload *workload, bool *is_free,
                       bool *is_relative);

/* Outputs of reductions to their identity, the rest but inputs to NaN, errors
 * to 0, then the INITIAL statements. */
void data_reset(const struct workload *workload, struct einsum_data *data);

#endif
