/* Operations rounded once. A result in double that is not exact is made odd: of
 * the two doubles around the exact result, the one with an odd last bit. It then
 * lies on the same side of every value and every midpoint of a format with at
 * most 51 digits as the exact result does, so that rounding it is rounding that. */
#include "formats/formats.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* `nearest` and `rest` add up to the exact result, as far as the sign of the
 * rest goes. */
static double make_odd(double nearest, double rest)
{
    uint64_t bits = 0;
    if (!(rest > 0.0 || rest < 0.0) || !isfinite(nearest)) {
        return nearest;
    }
    memcpy(&bits, &nearest, sizeof bits);
    if ((bits & 1) == 0) {
        bits += (rest > 0.0) == (nearest > 0.0) ? 1 : UINT64_MAX;
    }
    memcpy(&nearest, &bits, sizeof nearest);
    return nearest;
}

/* Knuth's two-sum: the rest is exact. */
static double odd_add(double a, double b)
{
    double sum = a + b;
    double part = sum - a;
    double rest = (a - (sum - part)) + (b - part);
    return make_odd(sum, rest);
}

static bool is_short(double x)
{
    return (double)(float)x <= x && (double)(float)x >= x;
}

/* Products of two floats are exact in double. */
static double odd_multiply(double a, double b)
{
    double product = a * b;
    return is_short(a) && is_short(b) ? product
                                      : make_odd(product, fma(a, b, -product));
}

/* The quotient of two floats is no closer than 2^-49 to a midpoint of a format
 * of up to 24 digits that it does not hit (x - y m is a whole number of units):
 * nothing to do. */
static double odd_divide(double a, double b)
{
    double quotient = a / b;
    if (is_short(a) && is_short(b)) {
        return quotient;
    }
    double rest = -fma(quotient, b, -a);
    return make_odd(quotient, b > 0.0 ? rest : -rest);
}

static double odd_square_root(double a)
{
    double root = sqrt(a);
    return is_short(a) ? root : make_odd(root, -fma(root, root, -a));
}

static double odd_apply(enum format_operation operation, double a, double b)
{
    switch (operation) {
    case FORMAT_ADD:
        return odd_add(a, b);
    case FORMAT_SUBTRACT:
        return odd_add(a, -b);
    case FORMAT_MULTIPLY:
        return odd_multiply(a, b);
    case FORMAT_DIVIDE:
        return odd_divide(a, b);
    case FORMAT_SQUARE_ROOT:
        return odd_square_root(a);
    }
    BUG("operation %d", (int)operation);
}

static double plain_apply(enum format_operation operation, double a, double b)
{
    switch (operation) {
    case FORMAT_ADD:
        return a + b;
    case FORMAT_SUBTRACT:
        return a - b;
    case FORMAT_MULTIPLY:
        return a * b;
    case FORMAT_DIVIDE:
        return a / b;
    case FORMAT_SQUARE_ROOT:
        return sqrt(a);
    }
    BUG("operation %d", (int)operation);
}

static bool is_double(const struct format *format)
{
    return format->fraction_bits == DBL_MANT_DIG - 1;
}

double format_apply(enum format_operation operation,
                    const struct format *format,
                    const struct format_policy *policy, double a, double b)
{
    double result = is_double(format) ? plain_apply(operation, a, b)
                                      : odd_apply(operation, a, b);
    return format_round(format, policy, result);
}

/* A loop with the operation as a constant. */
#define ROW_OF(operation, function)                                            \
    case operation:                                                            \
        for (size_t i = 0; i < count; i++) {                                   \
            result[i] = function;                                              \
        }                                                                      \
        break;

static void odd_row(enum format_operation operation, const double *a,
                    const double *b, double *result, size_t count)
{
    switch (operation) {
        ROW_OF(FORMAT_ADD, odd_add(a[i], b[i]))
        ROW_OF(FORMAT_SUBTRACT, odd_add(a[i], -b[i]))
        ROW_OF(FORMAT_MULTIPLY, odd_multiply(a[i], b[i]))
        ROW_OF(FORMAT_DIVIDE, odd_divide(a[i], b[i]))
        ROW_OF(FORMAT_SQUARE_ROOT, odd_square_root(a[i]))
    }
}

static void plain_row(enum format_operation operation, const double *a,
                      const double *b, double *result, size_t count)
{
    switch (operation) {
        ROW_OF(FORMAT_ADD, a[i] + b[i])
        ROW_OF(FORMAT_SUBTRACT, a[i] - b[i])
        ROW_OF(FORMAT_MULTIPLY, a[i] * b[i])
        ROW_OF(FORMAT_DIVIDE, a[i] / b[i])
        ROW_OF(FORMAT_SQUARE_ROOT, sqrt(a[i]))
    }
}

void format_apply_row(enum format_operation operation,
                      const struct format *format,
                      const struct format_policy *policy, const double *a,
                      const double *b, double *result, size_t count)
{
    if (is_double(format)) {
        plain_row(operation, a, b, result, count);
    } else {
        odd_row(operation, a, b, result, count);
    }
    format_round_row(format, policy, result, count);
}
