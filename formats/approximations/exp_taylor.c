/* 2^f = sum of (f ln 2)^k / k!, Horner's rule after one multiplication for the
 * range: six multiply-accumulates for order 5, as FuseMax (MICRO 2024) counts
 * them. By Lagrange, the rest after order n is at most
 * (ln 2 / 2)^(n+1) / (n+1)! 2^|f|, and 2^|f| / 2^f <= 2. */
#include "formats/approximations/approximations.h"

#include "formats/approximations/approximation.h"

#define LN2 0x1.62e42fefa39efp-1

static const struct polynomial order5 = {
    .degree = 5,
    .coefficient = {1.0, LN2, LN2 *LN2 / 2.0, LN2 *LN2 *LN2 / 6.0,
                    LN2 *LN2 *LN2 *LN2 / 24.0, LN2 *LN2 *LN2 *LN2 *LN2 / 120.0},
    .truncation = 2.0 * LN2 * LN2 * LN2 * LN2 * LN2 * LN2 / 64.0 / 720.0,
};

static const struct polynomial order4 = {
    .degree = 4,
    .coefficient = {1.0, LN2, LN2 *LN2 / 2.0, LN2 *LN2 *LN2 / 6.0,
                    LN2 *LN2 *LN2 *LN2 / 24.0},
    .truncation = 2.0 * LN2 * LN2 * LN2 * LN2 * LN2 / 32.0 / 120.0,
};

double exp_taylor6_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, false, polynomial_value, &order5);
}

double exp_taylor6_error(const struct working *working, double reach)
{
    return exp_error(working, reach, polynomial_error(working, &order5));
}

double exp_taylor5_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, false, polynomial_value, &order4);
}

double exp_taylor5_error(const struct working *working, double reach)
{
    return exp_error(working, reach, polynomial_error(working, &order4));
}
