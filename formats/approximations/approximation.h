/* What approximations have in common: they compute in a working format, rounding
 * once after each multiply-accumulate (its product is exact), and prove a bound on
 * their relative error. Private to formats/. */
#ifndef WEIR_FORMATS_APPROXIMATION_H
#define WEIR_FORMATS_APPROXIMATION_H

#include "formats/formats.h"

struct working {
    const struct format *format;
    const struct format_policy *policy;
};

double working_round(const struct working *working, double x);
/* round(a b + c) */
double working_mac(const struct working *working, double a, double b, double c);
/* Relative error of one rounding of a normal result. */
double working_unit(const struct working *working);

/* ---- exp(x) = 2^n 2^f ------------------------------------------------------ */

/* What stands for 2^f. */
typedef double (*fraction_function)(const struct working *working, double f,
                                    const void *data);
/* t = round(x log2 e), n the nearest whole number to it (or, if `is_floor`, the
 * one below), f = t - n, which is exact. */
double exp_by_base2(const struct working *working, double x, bool is_floor,
                    fraction_function fraction, const void *data);
/* Of it, for |x| <= reach, if 2^f has the relative error `fraction`: t is off by
 * at most reach log2(e) (2u + u^2), by which the result changes as 2^t does. */
double exp_error(const struct working *working, double reach, double fraction);

/* ---- polynomials ----------------------------------------------------------- */

struct polynomial {
    int degree;
    double coefficient[8]; /* rounded to the working format when used */
    double truncation;     /* largest relative error in exact arithmetic */
};
/* Horner's rule: `degree` multiply-accumulates. A fraction_function. */
double polynomial_value(const struct working *working, double f,
                        const void *polynomial);
/* Relative error on |f| <= 1/2, where 2^f >= 1/sqrt 2: with E the error and P
 * the magnitude of what is left of the rule, both at |f| = 1/2 and all
 * coefficients positive, E' = E/2 + u c + u P'. */
double polynomial_error(const struct working *working,
                        const struct polynomial *polynomial);

/* ---- a / b ------------------------------------------------------------------ */

/* 1/m for m in 1/2..1. */
typedef double (*reciprocal_function)(const struct working *working, double m);
/* a 2^-e times 1/m with b = m 2^e. Zeros, infinities and NaN as IEEE 754 has
 * them. */
double divide_by_reciprocal(const struct working *working, double a, double b,
                            reciprocal_function reciprocal);
/* Of it, if the reciprocal has the relative error `reciprocal`. */
double divide_error(const struct working *working, double reciprocal);
/* A step of Newton's method, x + x (1 - m x): two multiply-accumulates. */
double newton_step(const struct working *working, double m, double x);
/* Of it: the error d becomes d^2 and the roundings of 1 - m x and of x. */
double newton_error(const struct working *working, double error);

#endif
