/* From double into a format. With q the distance of the format's values around
 * x, x / q is exact (a power of two, and q is far above the smallest double), and
 * the value is q times a neighbouring whole number. */
#include "formats/formats.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double round_whole(double x, enum format_rounding rounding)
{
    switch (rounding) {
    case FORMAT_TO_NEAREST_EVEN: {
        double down = floor(x);
        double above = x - down;
        bool is_odd = fmod(down, 2.0) != 0.0;
        return above > 0.5 || (above >= 0.5 && is_odd) ? down + 1.0 : down;
    }
    case FORMAT_TO_NEAREST_AWAY:
        return round(x);
    case FORMAT_TOWARD_ZERO:
        return trunc(x);
    case FORMAT_UP:
        return ceil(x);
    case FORMAT_DOWN:
        return floor(x);
    }
    BUG("rounding %d", (int)rounding);
}

/* ---- integers, signs ------------------------------------------------------ */

static double round_integer(const struct format *format,
                            enum format_rounding rounding, double x)
{
    if (isnan(x)) {
        return 0.0;
    }
    double largest = format_max(format);
    /* Before rounding, so that halves of huge numbers need not exist. */
    double inside = CLAMP(x, -largest - 1.0, largest);
    return round_whole(inside, rounding) + 0.0;
}

/* To the nearest even in the bits of the double: adds half of what is cut off,
 * less one if the last bit kept is even. Right where the result is normal and
 * within the range. */
static double round_bits(double x, int cut)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    uint64_t half = (UINT64_C(1) << (cut - 1)) - 1;
    bits += half + ((bits >> cut) & 1);
    bits &= ~((UINT64_C(1) << cut) - 1);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* May the bits be rounded? Below the last binade of the format, above the
 * subnormals, to the nearest. */
static bool is_ordinary(const struct format *format,
                        const struct format_policy *policy, double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> (DBL_MANT_DIG - 1) & 0x7ff) - 1023;
    return policy->rounding == FORMAT_TO_NEAREST_EVEN &&
           exponent >= 1 - format->bias && exponent < format->bias;
}

/* ---- floating point ------------------------------------------------------- */

static bool stops_at_max(const struct format_policy *policy, double x)
{
    switch (policy->rounding) {
    case FORMAT_TO_NEAREST_EVEN:
    case FORMAT_TO_NEAREST_AWAY:
        return false;
    case FORMAT_TOWARD_ZERO:
        return true;
    case FORMAT_UP:
        return x < 0.0;
    case FORMAT_DOWN:
        return x > 0.0;
    }
    BUG("rounding %d", (int)policy->rounding);
}

static double overflow(const struct format *format,
                       const struct format_policy *policy, double x)
{
    bool is_kept = policy->saturates || format->special == FORMAT_FINITE ||
                   (isfinite(x) && stops_at_max(policy, x));
    if (is_kept) {
        return copysign(format_max(format), x);
    }
    return format->special == FORMAT_IEEE ? copysign((double)INFINITY, x)
                                          : (double)NAN;
}

/* The next value after the largest, if the exponents went on. */
static double beyond_max(const struct format *format)
{
    double largest = format_max(format);
    return largest + format_ulp(format, largest);
}

/* Is the finite x, rounded as if exponents had no end, above the largest value?
 * E4M3's largest is not the end of its binade: IEEE's rule is then read with the
 * missing value as the next one. */
static bool overflows(const struct format *format, double rounded)
{
    return fabs(rounded) > format_max(format);
}

static double round_float(const struct format *format,
                          const struct format_policy *policy, double x)
{
    if (isnan(x)) {
        return format->special == FORMAT_FINITE ? 0.0 : x;
    }
    if (isinf(x) || fabs(x) >= 2.0 * beyond_max(format)) {
        return overflow(format, policy, x);
    }
    int exponent = 0;
    (void)frexp(x, &exponent);
    exponent = MAX(exponent - 1, 1 - format->bias) - format->fraction_bits;
    double whole = round_whole(ldexp(x, -exponent), policy->rounding);
    double rounded = copysign(ldexp(whole, exponent), x);
    if (overflows(format, rounded)) {
        return overflow(format, policy, x);
    }
    bool is_subnormal = fabs(rounded) < format_min_normal(format);
    return policy->flushes_subnormals && is_subnormal ? copysign(0.0, x)
                                                      : rounded;
}

double format_round(const struct format *format,
                    const struct format_policy *policy, double x)
{
    switch (format->kind) {
    case FORMAT_INTEGER:
        return round_integer(format, policy->rounding, x);
    case FORMAT_SIGN:
        return x < 0.0 ? -1.0 : 1.0;
    case FORMAT_FLOAT:
        break;
    }
    if (format->fraction_bits == DBL_MANT_DIG - 1) {
        bool is_flushed = policy->flushes_subnormals && fabs(x) < DBL_MIN;
        bool is_kept = policy->saturates && isinf(x);
        return is_flushed ? copysign(0.0, x)
               : is_kept  ? copysign(DBL_MAX, x)
                          : x;
    }
    return is_ordinary(format, policy, x)
               ? round_bits(x, DBL_MANT_DIG - 1 - format->fraction_bits)
               : round_float(format, policy, x);
}

/* Half a step to the nearest, a whole one in a direction. */
static double share_of_step(const struct format_policy *policy)
{
    bool is_nearest = policy->rounding == FORMAT_TO_NEAREST_EVEN ||
                      policy->rounding == FORMAT_TO_NEAREST_AWAY;
    return is_nearest ? 0.5 : 1.0;
}

static bool saturates(const struct format *format,
                      const struct format_policy *policy)
{
    return policy->saturates || format->kind != FORMAT_FLOAT ||
           format->special == FORMAT_FINITE;
}

double format_rounding_error(const struct format *format,
                             const struct format_policy *policy, double x,
                             double margin)
{
    double largest = format_max(format);
    double size = fabs(x) + margin;
    double share = share_of_step(policy);
    if (isnan(x) || isnan(margin)) {
        return (double)NAN;
    }
    if (isinf(x)) {
        bool is_kept = format->kind == FORMAT_FLOAT &&
                       format->special == FORMAT_IEEE && !policy->saturates;
        return is_kept ? 0.0 : (double)INFINITY;
    }
    if (format->fraction_bits == DBL_MANT_DIG - 1 && !policy->saturates &&
        !policy->flushes_subnormals) {
        return 0.0; /* no rounding at all */
    }
    if (format->kind == FORMAT_SIGN) {
        return size + 1.0;
    }
    double beyond = size > largest ? size - largest : 0.0;
    if (beyond > 0.0 && !saturates(format, policy)) {
        return (double)INFINITY;
    }
    if (format->kind == FORMAT_INTEGER) {
        return share + beyond;
    }
    double least = format_min_normal(format);
    double unit = 2.0 * format_unit_roundoff(format);
    double step = unit * fmax(fmin(size, largest), least);
    bool is_flushed = policy->flushes_subnormals && fabs(x) - margin < least;
    return (is_flushed ? fmax(least, share * step) : share * step) + beyond;
}

/* ---- rows ----------------------------------------------------------------- */

/* What the machine's own conversion does. */
static bool is_float(const struct format *format,
                     const struct format_policy *policy)
{
    return format->kind == FORMAT_FLOAT &&
           format->fraction_bits == FLT_MANT_DIG - 1 && format->bits == 32 &&
           policy->rounding == FORMAT_TO_NEAREST_EVEN && !policy->saturates &&
           !policy->flushes_subnormals;
}

void format_round_row(const struct format *format,
                      const struct format_policy *policy, double *values,
                      size_t count)
{
    if (is_float(format, policy)) {
        for (size_t i = 0; i < count; i++) {
            values[i] = (double)(float)values[i];
        }
        return;
    }
    bool is_simple = format->kind == FORMAT_FLOAT &&
                     policy->rounding == FORMAT_TO_NEAREST_EVEN &&
                     format->fraction_bits < DBL_MANT_DIG - 1;
    double low = format_min_normal(format);
    double high = format_max(format);
    int cut = DBL_MANT_DIG - 1 - format->fraction_bits;
    for (size_t i = 0; i < count; i++) {
        double size = fabs(values[i]);
        if (is_simple && size >= low && size <= high) {
            values[i] = round_bits(values[i], cut);
        } else {
            values[i] = format_round(format, policy, values[i]);
        }
    }
}
