/* Values of a format to bits and back. */
#include "formats/formats.h"

#include <math.h>

/* ---- integers -------------------------------------------------------------- */

static uint64_t mask(int bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static double decode_integer(const struct format *format, uint64_t bits)
{
    int64_t value = (int64_t)(bits & mask(format->bits));
    int64_t half = INT64_C(1) << (format->bits - 1);
    return (double)(value >= half ? value - 2 * half : value);
}

/* ---- floating point -------------------------------------------------------- */

static uint64_t compose(const struct format *format, bool is_negative,
                        uint64_t exponent, uint64_t fraction)
{
    return (uint64_t)is_negative << (format->bits - 1) |
           exponent << format->fraction_bits | fraction;
}

/* NaN or an infinity. */
static uint64_t encode_special(const struct format *format, double value)
{
    uint64_t ones = mask(format->exponent_bits);
    uint64_t quiet = UINT64_C(1) << (format->fraction_bits - 1);
    bool is_negative = signbit(value) != 0;
    if (isinf(value)) {
        g_assert(format->special == FORMAT_IEEE);
        return compose(format, is_negative, ones, 0);
    }
    g_assert(format->special != FORMAT_FINITE);
    return compose(
        format, is_negative, ones,
        format->special == FORMAT_IEEE ? quiet : mask(format->fraction_bits));
}

static uint64_t encode_float(const struct format *format, double value)
{
    if (!isfinite(value)) {
        return encode_special(format, value);
    }
    int exponent = 0;
    double size = fabs(value);
    (void)frexp(size, &exponent);
    bool is_normal = size >= format_min_normal(format);
    int least = is_normal ? exponent - 1 : 1 - format->bias;
    /* Whole, as the value is one of the format. */
    uint64_t significand = (uint64_t)ldexp(size, format->fraction_bits - least);
    uint64_t field = is_normal ? (uint64_t)(least + format->bias) : 0;
    return compose(format, signbit(value) != 0, field,
                   significand & mask(format->fraction_bits));
}

static double decode_float(const struct format *format, uint64_t bits)
{
    uint64_t ones = mask(format->exponent_bits);
    uint64_t field = bits >> format->fraction_bits & ones;
    uint64_t fraction = bits & mask(format->fraction_bits);
    double sign = (bits >> (format->bits - 1) & 1) != 0 ? -1.0 : 1.0;
    if (format->special == FORMAT_IEEE && field == ones) {
        return fraction != 0 ? copysign((double)NAN, sign)
                             : sign * (double)INFINITY;
    }
    if (format->special == FORMAT_ONE_NAN && field == ones &&
        fraction == mask(format->fraction_bits)) {
        return copysign((double)NAN, sign);
    }
    uint64_t lead = field == 0 ? 0 : UINT64_C(1) << format->fraction_bits;
    int exponent = (int)MAX(field, 1) - format->bias - format->fraction_bits;
    return sign * ldexp((double)(lead | fraction), exponent);
}

/* ---- any ------------------------------------------------------------------- */

uint64_t format_encode(const struct format *format, double value)
{
    switch (format->kind) {
    case FORMAT_INTEGER:
        return (uint64_t)(int64_t)value & mask(format->bits);
    case FORMAT_SIGN:
        return value < 0.0 ? 1 : 0;
    case FORMAT_FLOAT:
        return encode_float(format, value);
    }
    BUG("format kind %d", (int)format->kind);
}

double format_decode(const struct format *format, uint64_t bits)
{
    switch (format->kind) {
    case FORMAT_INTEGER:
        return decode_integer(format, bits);
    case FORMAT_SIGN:
        return (bits & 1) != 0 ? -1.0 : 1.0;
    case FORMAT_FLOAT:
        return decode_float(format, bits);
    }
    BUG("format kind %d", (int)format->kind);
}
