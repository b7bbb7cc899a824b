/* Wichura, algorithm AS 241 (PPND16), Applied Statistics 37 (1988): quotients of
 * polynomials in three regions, relative accuracy 1e-16. Only + - * / and sqrt
 * are used, which IEEE 754 fixes to the last bit; the logarithm that the tails
 * need is made of them too, because libraries differ in theirs. */
#include "einsum/normal.h"

#include <math.h>

/* x > 0 finite. log(x) = e log 2 + 2 atanh((m-1)/(m+1)), x = m 2^e, sqrt(1/2) <= m < sqrt 2.
 * |(m-1)/(m+1)| < 0.172, so 12 terms of the series reach 1e-19. */
double portable_log(double x)
{
    int exponent = 0;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) {
        m *= 2.0;
        exponent--;
    }
    double s = (m - 1.0) / (m + 1.0);
    double square = s * s;
    double sum = 0.0;
    for (int k = 23; k >= 1; k -= 2) {
        sum = sum * square + 1.0 / k;
    }
    return exponent * 0.69314718055994531 + 2.0 * s * sum;
}

/* numerator(x) / denominator(x), coefficients of rising powers. */
static double ratio(const double numerator[8], const double denominator[8],
                    double x)
{
    double top = 0.0;
    double bottom = 0.0;
    for (int i = 7; i >= 0; i--) {
        top = top * x + numerator[i];
        bottom = bottom * x + denominator[i];
    }
    return top / bottom;
}

static double central_normal(double q)
{
    static const double a[8] = {
        3.3871328727963666080e0, 1.3314166789178437745e2,
        1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4,
        3.3430575583588128105e4, 2.5090809287301226727e3,
    };
    static const double b[8] = {
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    };
    return q * ratio(a, b, 0.180625 - q * q);
}

static double near_tail_normal(double r)
{
    static const double c[8] = {
        1.42343711074968357734e0,  4.63033784615654529590e0,
        5.76949722146069140550e0,  3.64784832476320460504e0,
        1.27045825245236838258e0,  2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4,
    };
    static const double d[8] = {
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    };
    return ratio(c, d, r - 1.6);
}

static double far_tail_normal(double r)
{
    static const double e[8] = {
        6.65790464350110377720e0,  5.46378491116411436990e0,
        1.78482653991729133580e0,  2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7,
    };
    static const double f[8] = {
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    };
    return ratio(e, f, r - 5.0);
}

double inverse_normal(double p)
{
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        return central_normal(q);
    }
    double r = sqrt(-portable_log(q < 0.0 ? p : 1.0 - p));
    double x = r <= 5.0 ? near_tail_normal(r) : far_tail_normal(r);
    return q < 0.0 ? -x : x;
}
