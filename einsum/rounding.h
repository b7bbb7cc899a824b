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

/* What one term adds to the error of a sum of `term_count` terms, added in any
 * order and grouping: see rounding.c. */
double sum_term_error(double term, double error, double gamma);
double sum_gamma(double term_count);

#endif
