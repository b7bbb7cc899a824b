/* Running error analysis of one operation (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd ed., section 3.3). Private to this folder. */
#ifndef WEIR_EINSUM_ROUNDING_H
#define WEIR_EINSUM_ROUNDING_H

#include "einsum/einsum.h"

#define UNIT_ROUNDOFF 0x1p-53
/* Covers the roundings of a formula for a bound, at most 8. */
#define ERROR_INFLATE (1.0 + 16.0 * UNIT_ROUNDOFF)

/* Bound on |result - exact|, where result = op(a, b) was computed in double and
 * exact is the operation on the exact operands, which are within error_a of a
 * and error_b of b. Unary operations ignore b. */
double op_error(enum einsum_op op, double a, double error_a, double b,
                double error_b, double result);

/* The same for `count` results at once. `error` may be an operand's; unary
 * operations ignore b, which must be readable. */
struct bounded_row {
    const double *value;
    const double *error;
    /* That all values are of, if known; only under an arithmetic. */
    const struct format *format;
};
void op_error_row(enum einsum_op op, const struct bounded_row *a,
                  const struct bounded_row *b, const double *result,
                  double *error, int64_t count);

/* What one term adds to the error of a sum of `term_count` terms, added in any
 * order and grouping: see rounding.c. */
double sum_term_error(double term, double error, double gamma);
double sum_gamma(double term_count);

/* Of select(condition, a, b); an error of the condition greater than it is
 * leaves open which operand is meant. */
double select_error(double condition, double error_condition, double a,
                    double error_a, double b, double error_b);
/* Of a product over a rank after one more factor. Every factor carries four
 * roundings where one order of multiplication makes at most one: enough for
 * this order and any other, unless one of them leaves the range of doubles in
 * between. */
double product_term_error(double before, double error_before, double term,
                          double error_term, double result);

#endif
