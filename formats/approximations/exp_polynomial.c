/* The polynomials with the least relative error of 2^f on -1/2..1/2, by the
 * exchange algorithm of Remez; their errors are those at its alternating points,
 * rounded up. */
#include "formats/approximations/approximations.h"

#include "formats/approximations/approximation.h"

static const struct polynomial degree3 = {
    .degree = 3,
    .coefficient = {0x1.fff6928c6adc3p-1, 0x1.62f31a9843944p-1,
                    0x1.f0de199bc39b7p-3, 0x1.c3f7604af3ebep-5},
    .truncation = 7.4782e-5,
};

static const struct polynomial degree5 = {
    .degree = 5,
    .coefficient = {0x1.00000133c1280p+0, 0x1.62e428c5baaf3p-1,
                    0x1.ebf9174f8fe33p-3, 0x1.c6b6e4f963692p-5,
                    0x1.3d0c52ccffb9ep-7, 0x1.5c08e52ee962ep-10},
    .truncation = 7.4937e-8,
};

double exp_polynomial4_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, false, polynomial_value, &degree3);
}

double exp_polynomial4_error(const struct working *working, double reach)
{
    return exp_error(working, reach, polynomial_error(working, &degree3));
}

double exp_polynomial6_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, false, polynomial_value, &degree5);
}

double exp_polynomial6_error(const struct working *working, double reach)
{
    return exp_error(working, reach, polynomial_error(working, &degree5));
}
