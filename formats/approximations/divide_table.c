/* 1/m from a table over the leading bits of m, 256 parts of 1/2..1 with the
 * reciprocal of each part's middle: off by at most half a part over the part's
 * begin, 2^-10 / 2^-1. */
#include "formats/approximations/approximations.h"

#include <math.h>

#include "formats/approximations/approximation.h"

#define PARTS 256.0

static double entry(const struct working *working, double m)
{
    double part = floor((m - 0.5) * 2.0 * PARTS);
    double middle = 0.5 + (part + 0.5) / 2.0 / PARTS;
    return working_round(working, 1.0 / middle);
}

static double entry_error(const struct working *working)
{
    double u = working_unit(working);
    double middle = 1.0 / 2.0 / PARTS / 2.0 / 0.5;
    return middle * 1.01 + u * (1.0 + middle * 1.01);
}

static double refined(const struct working *working, double m)
{
    return newton_step(working, m, entry(working, m));
}

double divide_table256_value(const struct working *working, double a, double b)
{
    return divide_by_reciprocal(working, a, b, entry);
}

double divide_table256_error(const struct working *working, double reach)
{
    (void)reach;
    return divide_error(working, entry_error(working));
}

double divide_table_newton1_value(const struct working *working, double a,
                                  double b)
{
    return divide_by_reciprocal(working, a, b, refined);
}

double divide_table_newton1_error(const struct working *working, double reach)
{
    (void)reach;
    return divide_error(working, newton_error(working, entry_error(working)));
}
