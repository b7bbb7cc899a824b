/* Private to kernels/: running error analysis (Higham, Accuracy and Stability
 * of Numerical Algorithms, 2nd ed., section 3.3). A `bounded` is a computed
 * value with a bound on its distance from the exact one; each operation returns
 * both, so a kernel written with them has a rigorous bound with no derivation
 * of its own.
 *
 * The model is that of rounding.h; functions of the C library are taken to be
 * within 1 ulp, that is 2u relative (glibc manual, Errors in Math Functions). A
 * bound is computed in floating point too: bounded_of makes up for what its few
 * roundings lose. A value that is not finite has an infinite bound.
 */
#ifndef WEIR_KERNELS_BOUNDED_H
#define WEIR_KERNELS_BOUNDED_H

#include <math.h>
#include <stdbool.h>

#include "kernels/rounding.h"

struct bounded {
    double value;
    double error; /* >= 0, may be infinite; never NaN */
};

/* `error` may be too small by the roundings of at most 16 operations. (A sum
 * of subnormal numbers is exact; who multiplies adds ROUNDING_ETA himself.) */
static inline struct bounded bounded_of(double value, double error)
{
    error *= 1.0 + 0x1p-48;
    if (!isfinite(value) || isnan(error)) {
        error = HUGE_VAL;
    }
    return (struct bounded){value, error};
}

static inline struct bounded bounded_exact(double value)
{
    return bounded_of(value, 0.0);
}

static inline bool bounded_is_exact(struct bounded a)
{
    return a.error <= 0.0;
}

static inline bool bounded_is_zero(struct bounded a)
{
    return bounded_is_exact(a) && fpclassify(a.value) == FP_ZERO;
}

static inline struct bounded bounded_negate(struct bounded a)
{
    return (struct bounded){-a.value, a.error};
}

static inline struct bounded bounded_add(struct bounded a, struct bounded b)
{
    double value = a.value + b.value;
    if (bounded_is_zero(a) || bounded_is_zero(b)) {
        return bounded_of(value, a.error + b.error);
    }
    return bounded_of(value, a.error + b.error + ROUNDING_UNIT * fabs(value));
}

static inline struct bounded bounded_sub(struct bounded a, struct bounded b)
{
    return bounded_add(a, bounded_negate(b));
}

/* ab - AB = a(b - B) + b(a - A) - (a - A)(b - B). */
static inline struct bounded bounded_mul(struct bounded a, struct bounded b)
{
    double value = a.value * b.value;
    if (bounded_is_zero(a) || bounded_is_zero(b)) {
        return bounded_exact(value);
    }
    return bounded_of(value, a.error * fabs(b.value) + b.error * fabs(a.value) +
                                 a.error * b.error +
                                 ROUNDING_UNIT * fabs(value) +
                                 4.0 * ROUNDING_ETA);
}

/* A/B - a/b = ((A - a) - (a/b)(B - b)) / B, and |B| >= |b| - its error. */
static inline struct bounded bounded_div(struct bounded a, struct bounded b)
{
    double value = a.value / b.value;
    double smallest = fabs(b.value) - b.error;
    if (!(smallest > 0.0)) {
        return bounded_of(value, HUGE_VAL);
    }
    if (bounded_is_zero(a)) {
        return bounded_exact(value);
    }
    double size = fabs(value) + 2.0 * ROUNDING_UNIT * fabs(value);
    double error =
        (a.error + (size + ROUNDING_ETA) * b.error + ROUNDING_ETA) / smallest;
    return bounded_of(value,
                      error + ROUNDING_UNIT * fabs(value) + 4.0 * ROUNDING_ETA);
}

/* |max(A, B) - max(a, b)| is at most the larger of the two errors. */
static inline struct bounded bounded_max(struct bounded a, struct bounded b)
{
    return bounded_of(fmax(a.value, b.value), fmax(a.error, b.error));
}

/* exp(A) = exp(a) exp(A - a). */
static inline struct bounded bounded_exp(struct bounded a)
{
    double value = exp(a.value);
    double upper = (value + ROUNDING_ETA) * (1.0 + 4.0 * ROUNDING_UNIT);
    double growth = expm1(a.error) * (1.0 + 4.0 * ROUNDING_UNIT);
    return bounded_of(value, upper * (2.0 * ROUNDING_UNIT + growth) +
                                 2.0 * ROUNDING_ETA);
}

/* |log A - log a| <= |A - a| / min(A, a). Infinite unless A > 0 is certain. */
static inline struct bounded bounded_log(struct bounded a)
{
    double value = log(a.value);
    double smallest = a.value - a.error;
    if (!(smallest > 0.0)) {
        return bounded_of(value, HUGE_VAL);
    }
    return bounded_of(value, a.error / smallest +
                                 2.0 * ROUNDING_UNIT * fabs(value) +
                                 ROUNDING_ETA);
}

/* |sqrt A - sqrt a| = |A - a| / (sqrt A + sqrt a); A >= 0 is presumed. */
static inline struct bounded bounded_sqrt(struct bounded a)
{
    double value = sqrt(fmax(a.value, 0.0));
    double error = value > 0.0 ? a.error / value * (1.0 + 4.0 * ROUNDING_UNIT)
                               : sqrt(fabs(a.value) + a.error);
    return bounded_of(value,
                      error + ROUNDING_UNIT * value + 2.0 * ROUNDING_ETA);
}

static inline struct bounded bounded_cos(struct bounded a)
{
    double value = cos(a.value);
    return bounded_of(value, a.error + 2.0 * ROUNDING_UNIT);
}

static inline struct bounded bounded_sin(struct bounded a)
{
    double value = sin(a.value);
    return bounded_of(value, a.error + 2.0 * ROUNDING_UNIT * fabs(value) +
                                 ROUNDING_ETA);
}

/* What is known to lie in [low, high] whatever the roundings. */
static inline struct bounded bounded_within(struct bounded a, double low,
                                            double high)
{
    if (!isfinite(a.value)) {
        return a;
    }
    double value = fmin(fmax(a.value, low), high);
    double farthest = fmax(value - low, high - value);
    /* Moving the value into the interval brings it nearer to the exact one. */
    return (struct bounded){value,
                            fmin(a.error, bounded_of(0.0, farthest).error)};
}

/* clamp(A, low, high): no farther from clamp(a) than A from a. */
static inline struct bounded bounded_clamp(struct bounded a, double low,
                                           double high)
{
    return bounded_within(
        (struct bounded){fmin(fmax(a.value, low), high), a.error}, low, high);
}

/* 1 / (1 + exp(-a)), written so that nothing overflows. Its slope is at most
 * 1/4, so the argument's error is added at the end. */
static inline struct bounded bounded_sigmoid(struct bounded a)
{
    struct bounded one = bounded_exact(1.0);
    struct bounded small = bounded_exp(bounded_exact(-fabs(a.value)));
    struct bounded top = a.value >= 0.0 ? one : small;
    struct bounded sigmoid = bounded_div(top, bounded_add(one, small));
    sigmoid = bounded_of(sigmoid.value, sigmoid.error + 0.25 * a.error);
    return bounded_within(sigmoid, 0.0, 1.0);
}

/* Is A > B certain from the bounds? */
static inline bool bounded_is_above(struct bounded a, struct bounded b)
{
    struct bounded difference = bounded_sub(a, b);
    return difference.value > difference.error;
}

/* Is the order of A and B certain? Two exact values may be equal: then the
 * rule for ties decides. */
static inline bool bounded_is_ordered(struct bounded a, struct bounded b)
{
    return (bounded_is_exact(a) && bounded_is_exact(b)) ||
           bounded_is_above(a, b) || bounded_is_above(b, a);
}

#endif
