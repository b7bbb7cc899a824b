/* Decimals without rounding: a decimal is a whole mantissa times a power of
 * ten. Its product with an integer factor is taken in 128 bits, and dividing
 * out the tens must leave no rest. For doubles the exponent is shifted in the
 * text, so that one conversion rounds once. */
#include "base/decimal.h"

#include <math.h>
#include <string.h>

/* Far beyond what any kind holds, and small enough to add up. */
#define MAX_EXPONENT 100000

__extension__ typedef __int128 wide_int;

bool decimal_scan(const char *text, struct decimal *decimal)
{
    const char *p = text;
    decimal->is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    size_t whole_digits = strspn(p, "0123456789");
    p += whole_digits;
    size_t fraction_digits = 0;
    if (*p == '.') {
        fraction_digits = strspn(p + 1, "0123456789");
        p += 1 + fraction_digits;
    }
    if (whole_digits + fraction_digits == 0) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1;
        exponent += *exponent == '-' || *exponent == '+';
        size_t digits = strspn(exponent, "0123456789");
        p = digits > 0 ? exponent + digits : p;
    }
    decimal->length_bytes = (size_t)(p - text);
    return true;
}

static int read_exponent(const char *digits)
{
    gint64 exponent = g_ascii_strtoll(digits, NULL, 10);
    return (int)CLAMP(exponent, -MAX_EXPONENT, MAX_EXPONENT);
}

/* mantissa * 10^power; too many digits are DECIMAL_TOO_LARGE or
 * DECIMAL_FRACTION. */
static enum decimal_exactness read_mantissa(const char *text, size_t length,
                                            int64_t *mantissa, int64_t *power)
{
    bool is_fraction = false;
    *mantissa = 0;
    *power = 0;
    int64_t zeros = 0; /* held back: trailing zeros need no room */
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            is_fraction = true;
        } else if (text[i] == 'e' || text[i] == 'E') {
            *power += read_exponent(text + i + 1);
            break;
        } else if (g_ascii_isdigit(text[i])) {
            zeros++;
            *power -= is_fraction;
            for (; text[i] != '0' && zeros > 0; zeros--) {
                if (!num_mul(*mantissa, 10, mantissa)) {
                    return is_fraction ? DECIMAL_FRACTION : DECIMAL_TOO_LARGE;
                }
            }
            if (!num_add(*mantissa, text[i] - '0', mantissa)) {
                return is_fraction ? DECIMAL_FRACTION : DECIMAL_TOO_LARGE;
            }
        }
    }
    *power += zeros;
    return DECIMAL_EXACT;
}

/* The decimal times `factor`, if that is a whole number. */
enum decimal_exactness decimal_scale_exactly(const char *text, size_t length,
                                             int64_t factor, int64_t *count)
{
    int64_t mantissa;
    int64_t power;
    enum decimal_exactness exactness =
        read_mantissa(text, length, &mantissa, &power);
    if (exactness != DECIMAL_EXACT) {
        return exactness;
    }
    wide_int product = (wide_int)mantissa * factor;
    for (; power < 0 && product != 0; power++) {
        if (product % 10 != 0) {
            return DECIMAL_FRACTION;
        }
        product /= 10;
    }
    for (; power > 0 && product != 0 && product <= INT64_MAX; power--) {
        product *= 10;
    }
    if (product > INT64_MAX) {
        return DECIMAL_TOO_LARGE;
    }
    *count = (int64_t)product;
    return DECIMAL_EXACT;
}

bool decimal_shift(const char *text, size_t length, int shift, double *real)
{
    size_t mantissa_bytes = 0;
    while (mantissa_bytes < length && text[mantissa_bytes] != 'e' &&
           text[mantissa_bytes] != 'E') {
        mantissa_bytes++;
    }
    int exponent = 0;
    if (mantissa_bytes < length) {
        exponent = read_exponent(text + mantissa_bytes + 1);
    }
    g_autofree char *shifted =
        g_strdup_printf("%.*se%d", (int)mantissa_bytes, text, exponent + shift);
    double value = g_ascii_strtod(shifted, NULL);
    if (!isfinite(value)) {
        return false;
    }
    *real = value;
    return true;
}
