/* Counts of a model are signed 64-bit and never wrap: every operation says
 * whether its exact result fits. Products that are divided at once go through
 * 128 bits, so that only the result has to fit. */
#include "base/base.h"

__extension__ typedef __int128 wide_int;

bool num_add(int64_t a, int64_t b, int64_t *result)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *result = sum;
    return true;
}

bool num_sub(int64_t a, int64_t b, int64_t *result)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return false;
    }
    *result = difference;
    return true;
}

bool num_mul(int64_t a, int64_t b, int64_t *result)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *result = product;
    return true;
}

static bool narrow(wide_int value, int64_t *result)
{
    if (value > INT64_MAX) {
        return false;
    }
    *result = (int64_t)value;
    return true;
}

bool num_mul_div_ceil(int64_t a, int64_t b, int64_t c, int64_t *result)
{
    g_assert(a >= 0 && b >= 0 && c > 0);
    return narrow(((wide_int)a * b + (c - 1)) / c, result);
}

bool num_mul_div_floor(int64_t a, int64_t b, int64_t c, int64_t *result)
{
    g_assert(a >= 0 && b >= 0 && c > 0);
    return narrow((wide_int)a * b / c, result);
}

int64_t num_ceil_div(int64_t a, int64_t b)
{
    g_assert(a >= 0 && b > 0);
    return a / b + (a % b != 0);
}

int64_t num_gcd(int64_t a, int64_t b)
{
    g_assert(a >= 0 && b >= 0);
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
