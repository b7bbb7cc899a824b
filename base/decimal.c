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

/* digits * 10^power. Trailing zeros are held back, as they need no room. */
struct mantissa {
    int64_t digits;
    int64_t held_zeros;
    int64_t power;
};

/* False: the digits do not fit. */
static bool append_digit(struct mantissa *mantissa, int digit)
{
    mantissa->held_zeros++;
    if (digit == 0) {
        return true;
    }
    for (; mantissa->held_zeros > 0; mantissa->held_zeros--) {
        if (!num_mul(mantissa->digits, 10, &mantissa->digits)) {
            return false;
        }
    }
    return num_add(mantissa->digits, digit, &mantissa->digits);
}

/* Digits that do not fit are too large before the point, and behind it a
 * fraction of every unit there is. */
static enum decimal_exactness read_mantissa(const char *text, size_t length,
                                            struct mantissa *mantissa)
{
    bool is_behind_point = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            is_behind_point = true;
        } else if (text[i] == 'e' || text[i] == 'E') {
            mantissa->power += read_exponent(text + i + 1);
            break;
        } else if (g_ascii_isdigit(text[i])) {
            mantissa->power -= is_behind_point;
            if (!append_digit(mantissa, text[i] - '0')) {
                return is_behind_point ? DECIMAL_FRACTION : DECIMAL_TOO_LARGE;
            }
        }
    }
    mantissa->power += mantissa->held_zeros;
    return DECIMAL_EXACT;
}

enum decimal_exactness decimal_scale_exactly(const char *text, size_t length,
                                             int64_t factor, int64_t *count)
{
    struct mantissa mantissa = {0, 0, 0};
    enum decimal_exactness exactness = read_mantissa(text, length, &mantissa);
    if (exactness != DECIMAL_EXACT) {
        return exactness;
    }
    wide_int product = (wide_int)mantissa.digits * factor;
    int64_t power = mantissa.power;
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
