/* Scales shared by groups of values. */
#include "formats/formats.h"

#include <math.h>

static double largest_magnitude(const double *values, size_t count)
{
    double largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        largest =
            isfinite(values[i]) ? fmax(largest, fabs(values[i])) : largest;
    }
    return largest;
}

double format_choose_scale(const struct format *format, const double *values,
                           size_t count)
{
    double largest = largest_magnitude(values, count);
    double scale = largest / format_max(format);
    return scale > 0.0 ? scale : 1.0;
}

/* The exponent of the format's largest value: of a two's complement integer,
 * which OCP reads as a fixed-point number, of its largest power of two. */
static int largest_exponent(const struct format *format)
{
    int exponent = 0;
    (void)frexp(format_max(format), &exponent);
    return exponent - 1;
}

double format_choose_block_scale(const struct format *format,
                                 const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return (double)NAN;
        }
    }
    double largest = largest_magnitude(values, count);
    if (!(largest > 0.0)) {
        return 1.0;
    }
    int exponent = 0;
    (void)frexp(largest, &exponent);
    exponent = exponent - 1 - largest_exponent(format);
    return ldexp(1.0, CLAMP(exponent, -127, 127));
}

void format_round_scaled(const struct format *format,
                         enum format_rounding rounding, double scale,
                         double *values, size_t count)
{
    const struct format_policy policy = {.rounding = rounding,
                                         .saturates = true};
    for (size_t i = 0; i < count; i++) {
        values[i] = isnan(scale) ? (double)NAN
                                 : scale * format_round(format, &policy,
                                                        values[i] / scale);
    }
}
