/* 2^f on 0..1 by chords over 16 parts: y + s g from two tables, g the distance
 * from the part's begin. A chord over h lies at most h^2/8 max|(2^f)''| above. */
#include "formats/approximations/approximations.h"

#include <math.h>

#include "formats/approximations/approximation.h"

#define PARTS 16.0
#define LN2   0x1.62e42fefa39efp-1

static double fraction(const struct working *working, double f,
                       const void *data)
{
    (void)data;
    double j = fmin(floor(f * PARTS), PARTS - 1.0);
    double low = exp2(j / PARTS);
    double slope = (exp2((j + 1.0) / PARTS) - low) * PARTS;
    return working_mac(working, working_round(working, slope), f - j / PARTS,
                       working_round(working, low));
}

double exp_piecewise16_value(const struct working *working, double a, double b)
{
    (void)b;
    return exp_by_base2(working, a, true, fraction, NULL);
}

/* Against 2^f >= low: the chord's, then u low, u slope / 16 (at most .05 low) and
 * u of the sum, at most 1.05 low. */
double exp_piecewise16_error(const struct working *working, double reach)
{
    double u = working_unit(working);
    double chord = LN2 * LN2 / PARTS / PARTS / 8.0 * exp2(1.0 / PARTS);
    double all = chord + 2.2 * u * (1.0 + u);
    return exp_error(working, reach, all);
}
