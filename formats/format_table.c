/* The formats and their ranges. */
#include "formats/formats.h"

#include <math.h>
#include <string.h>

static const struct format formats[] = {
#define FLOAT(name, exponent, fraction, special)                               \
    {name,     FORMAT_FLOAT, 1 + (exponent) + (fraction),                      \
     exponent, fraction,     (1 << ((exponent)-1)) - 1,                        \
     special},
#define INTEGER(name, bits)                                                    \
    {name, FORMAT_INTEGER, bits, 0, 0, 0, FORMAT_FINITE},
#define SIGN(name) {name, FORMAT_SIGN, 1, 0, 0, 0, FORMAT_FINITE},
#include "formats/formats.def"
#undef FLOAT
#undef INTEGER
#undef SIGN
};

size_t format_count(void)
{
    return G_N_ELEMENTS(formats);
}

const struct format *format_at(size_t i)
{
    g_assert(i < format_count());
    return &formats[i];
}

/* What else the formats are called. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"float64", "fp64"},      {"double", "fp64"},       {"float32", "fp32"},
    {"float", "fp32"},        {"bfloat16", "bf16"},     {"float16", "fp16"},
    {"half", "fp16"},         {"e4m3", "fp8-e4m3"},     {"e5m2", "fp8-e5m2"},
    {"fp8_e4m3", "fp8-e4m3"}, {"fp8_e5m2", "fp8-e5m2"}, {"e3m2", "fp6-e3m2"},
    {"e2m3", "fp6-e2m3"},     {"e2m1", "fp4-e2m1"},
};

const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (strcmp(aliases[i].alias, name) == 0) {
            name = aliases[i].name;
        }
    }
    for (size_t i = 0; i < format_count(); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

/* Of the largest finite value. */
static int max_exponent(const struct format *format)
{
    int all_ones = (1 << format->exponent_bits) - 1;
    return all_ones - (format->special == FORMAT_IEEE ? 1 : 0) - format->bias;
}

double format_max(const struct format *format)
{
    switch (format->kind) {
    case FORMAT_INTEGER:
        return ldexp(1.0, format->bits - 1) - 1.0;
    case FORMAT_SIGN:
        return 1.0;
    case FORMAT_FLOAT:
        break;
    }
    double step = ldexp(1.0, -format->fraction_bits);
    double largest = 2.0 - step;
    if (format->special == FORMAT_ONE_NAN) {
        largest -= step;
    }
    return ldexp(largest, max_exponent(format));
}

double format_min_normal(const struct format *format)
{
    return format->kind == FORMAT_FLOAT ? ldexp(1.0, 1 - format->bias) : 1.0;
}

double format_min_positive(const struct format *format)
{
    return format->kind == FORMAT_FLOAT
               ? ldexp(1.0, 1 - format->bias - format->fraction_bits)
               : 1.0;
}

double format_unit_roundoff(const struct format *format)
{
    return format->kind == FORMAT_FLOAT ? ldexp(1.0, -format->fraction_bits - 1)
                                        : 0.5;
}

double format_ulp(const struct format *format, double x)
{
    if (format->kind == FORMAT_INTEGER) {
        return 1.0;
    }
    if (format->kind == FORMAT_SIGN) {
        return 2.0;
    }
    int exponent = 1 - format->bias;
    if (fabs(x) >= format_max(format)) {
        exponent = max_exponent(format);
    } else if (fabs(x) >= format_min_normal(format)) {
        (void)frexp(x, &exponent);
        exponent--; /* frexp's significand is below 1 */
    }
    return ldexp(1.0, exponent - format->fraction_bits);
}

static bool has_infinity(const struct format *format)
{
    return format->kind == FORMAT_FLOAT && format->special == FORMAT_IEEE;
}

bool format_contains(const struct format *outer, const struct format *inner)
{
    if (outer == inner) {
        return true;
    }
    if (outer->kind == FORMAT_SIGN ||
        (outer->kind == FORMAT_INTEGER && inner->kind == FORMAT_FLOAT)) {
        return false;
    }
    if (outer->kind == FORMAT_INTEGER) {
        return outer->bits >= inner->bits;
    }
    /* All whole numbers up to 2^(fraction + 1), the least integer among them. */
    if (inner->kind != FORMAT_FLOAT) {
        return format_max(outer) > format_max(inner) &&
               (inner->kind == FORMAT_SIGN ||
                outer->fraction_bits + 1 >= inner->bits - 1);
    }
    bool has_nan = inner->special != FORMAT_FINITE;
    return outer->fraction_bits >= inner->fraction_bits &&
           format_max(outer) >= format_max(inner) &&
           format_min_positive(outer) <= format_min_positive(inner) &&
           (has_infinity(outer) || !has_infinity(inner)) &&
           (outer->special != FORMAT_FINITE || !has_nan);
}

static const char *const rounding_names[] = {
    [FORMAT_TO_NEAREST_EVEN] = "nearest-even",
    [FORMAT_TO_NEAREST_AWAY] = "nearest-away",
    [FORMAT_TOWARD_ZERO] = "toward-zero",
    [FORMAT_UP] = "up",
    [FORMAT_DOWN] = "down",
};

size_t format_rounding_count(void)
{
    return G_N_ELEMENTS(rounding_names);
}

const char *format_rounding_name(enum format_rounding rounding)
{
    return rounding_names[rounding];
}
