/* Private to kernels/: constants of IEEE double arithmetic, rounding to
 * nearest, for a-priori error bounds (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd ed., chapters 2 and 3):
 *
 *   fl(x op y) = (x op y)(1 + d) + t,  |d| <= u,  |t| <= eta / 2,
 *
 * where t is not 0 only if a product or quotient underflows.
 */
#ifndef WEIR_KERNELS_ROUNDING_H
#define WEIR_KERNELS_ROUNDING_H

#include <stdint.h>

/* Unit roundoff u. */
#define ROUNDING_UNIT 0x1p-53
/* The smallest subnormal: twice what a product can lose by underflow. */
#define ROUNDING_ETA 0x1p-1074

/* gamma_n = n u / (1 - n u): the relative error that n roundings can build up.
 * n u < 1 must hold; n is a number of elements in memory, so it does. */
static inline double rounding_gamma(int64_t n)
{
    double n_u = (double)n * ROUNDING_UNIT;
    return n_u / (1.0 - n_u);
}

/* A bound is itself computed in floating point, from terms that are not
 * negative: at most n roundings made it too small by less than this factor. */
static inline double rounding_inflation(int64_t n)
{
    return 1.0 + 2.0 * rounding_gamma(n);
}

#endif
