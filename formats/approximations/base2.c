/* exp by way of powers of two. */
#include "formats/approximations/approximation.h"

#include <math.h>

#define LOG2_E 0x1.71547652b82fep+0
/* Beyond every format's exponents, and small enough for an int. */
#define MOST_EXPONENT 4096.0

double exp_by_base2(const struct working *working, double x, bool is_floor,
                    fraction_function fraction, const void *data)
{
    if (isnan(x)) {
        return x;
    }
    double scale = working_round(working, LOG2_E);
    double t = isinf(x) ? x : working_mac(working, x, scale, 0.0);
    if (fabs(t) >= MOST_EXPONENT) {
        return working_round(working, t > 0.0 ? HUGE_VAL : 0.0);
    }
    double n = is_floor ? floor(t) : rint(t);
    double power = fraction(working, t - n, data);
    return working_round(working, ldexp(power, (int)n));
}

double exp_error(const struct working *working, double reach, double fraction)
{
    double u = working_unit(working);
    double least = format_rounding_error(working->format, working->policy, 0.0,
                                         0.0); /* of t, if that is tiny */
    double shift = expm1((reach * (2.0 * u + u * u) + least) * (1.0 + 0x1p-40));
    return fraction + shift + fraction * shift;
}

double polynomial_value(const struct working *working, double f,
                        const void *data)
{
    const struct polynomial *polynomial = data;
    const double *c = polynomial->coefficient;
    double value = working_round(working, c[polynomial->degree]);
    for (int k = polynomial->degree - 1; k >= 0; k--) {
        value = working_mac(working, value, f, working_round(working, c[k]));
    }
    return value;
}

double polynomial_error(const struct working *working,
                        const struct polynomial *polynomial)
{
    const double *c = polynomial->coefficient;
    double u = working_unit(working);
    double magnitude = c[polynomial->degree];
    double error = u * magnitude;
    for (int k = polynomial->degree - 1; k >= 0; k--) {
        magnitude = 0.5 * magnitude + c[k];
        error = 0.5 * error + u * c[k];
        error += u * (magnitude + error);
    }
    return polynomial->truncation + error * sqrt(2.0) * (1.0 + 0x1p-40);
}
