/* 2^f = 2^(j/64) 2^g with |g| <= 1/128: the first from a table, the second by
 * 1 + g ln 2, which is off by less than (g ln 2)^2 / 2 of it, 2^|g| < 1.006. */
#include "formats/approximations/approximations.h"

#include <math.h>

#include "formats/approximations/approximation.h"

#define ENTRIES 64.0
#define LN2     0x1.62e42fefa39efp-1

static double fraction(const struct working *working, double f,
                       const void *data)
{
    (void)data;
    double j = rint(f * ENTRIES);
    double entry = working_round(working, exp2(j / ENTRIES));
    double line =
        working_mac(working, f - j / ENTRIES, working_round(working, LN2), 1.0);
    return working_mac(working, entry, line, 0.0);
}

double exp_table64_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, false, fraction, NULL);
}

/* The entry, the line (its slope's rounding is 1/128 of that) and their product
 * are each rounded. */
double exp_table64_error(const struct working *working, double reach)
{
    double u = working_unit(working);
    double g = LN2 / 2.0 / ENTRIES;
    double line = g * g / 2.0 * 1.006 + u * (1.0 + 2.0 * g);
    double all = (1.0 + u) * (1.0 + line) * (1.0 + u) - 1.0;
    return exp_error(working, reach, all * (1.0 + 0x1p-40));
}
