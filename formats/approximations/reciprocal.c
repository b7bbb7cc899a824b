/* Division by way of a reciprocal, and Newton's method for that. */
#include "formats/approximations/approximation.h"

#include <math.h>

double divide_by_reciprocal(const struct working *working, double a, double b,
                            reciprocal_function reciprocal)
{
    if (!isfinite(a) || !isfinite(b) || !(fabs(b) > 0.0)) {
        return working_round(working, a / b);
    }
    int exponent = 0;
    double m = frexp(fabs(b), &exponent);
    double inverse = copysign(reciprocal(working, m), b);
    int scale = 0;
    double significand = frexp(a, &scale);
    double quotient = working_mac(working, significand, inverse, 0.0);
    return working_round(working, ldexp(quotient, scale - exponent));
}

double divide_error(const struct working *working, double reciprocal)
{
    double u = working_unit(working);
    return (reciprocal + u + reciprocal * u) * (1.0 + 0x1p-40);
}

double newton_step(const struct working *working, double m, double x)
{
    double rest = working_mac(working, -m, x, 1.0);
    return working_mac(working, x, rest, x);
}

double newton_error(const struct working *working, double error)
{
    double u = working_unit(working);
    double least = format_rounding_error(working->format, working->policy, 0.0,
                                         0.0); /* of 1 - m x, if that is tiny */
    double step = error * error + (error * u + least) * (1.0 + error);
    return (step + u * (1.0 + step)) * (1.0 + 0x1p-40);
}
