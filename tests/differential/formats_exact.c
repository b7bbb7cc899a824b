/* Every binary operation of the two fp8 formats, against the nearest value of the exact result. Values are whole multiples of
 * the smallest one, results fractions of 128-bit integers, and comparisons cross
 * products: no floating point on this side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "formats/formats.h"

__extension__ typedef __int128 wide;

struct fraction {
    wide above;
    wide below; /* > 0 */
};

struct table {
    const struct format *format;
    int unit;           /* a value is n 2^unit */
    int64_t value[128]; /* finite, from 0 up, by bits */
    int count;
};

static struct table make_table(const char *name)
{
    struct table t = {.format = format_find(name)};
    assert_non_null(t.format);
    int fraction_bits = t.format->fraction_bits;
    t.unit = 1 - t.format->bias - fraction_bits;
    int last = t.format->special == FORMAT_IEEE ? 0x7b : 0x7e;
    for (int bits = 0; bits <= last; bits++) {
        int64_t fraction = bits & ((1 << fraction_bits) - 1);
        int field = bits >> fraction_bits;
        t.value[bits] = field == 0 ? fraction
                                   : (fraction | INT64_C(1) << fraction_bits)
                                         << (field - 1);
    }
    t.count = last + 1;
    return t;
}

/* x with the whole number n: < 0, 0, > 0. */
static int compare(struct fraction x, wide n)
{
    wide difference = x.above - n * x.below;
    return difference < 0 ? -1 : difference > 0;
}

/* Bits of the nearest value to x >= 0, in units; t->count beyond the largest. */
static int nearest(const struct table *t, struct fraction x)
{
    int low = 0;
    while (low + 1 < t->count && compare(x, t->value[low + 1]) >= 0) {
        low++;
    }
    struct fraction twice = {2 * x.above, x.below};
    int64_t next = low + 1 < t->count ? t->value[low + 1]
                                      : 2 * t->value[low] - t->value[low - 1];
    int to_middle = compare(twice, (wide)t->value[low] + next);
    bool is_up = to_middle > 0 || (to_middle == 0 && (low & 1) != 0);
    return low + (is_up ? 1 : 0);
}

static double to_double(const struct table *t, int64_t value)
{
    return ldexp((double)value, t->unit);
}

static void check(const struct table *t, struct fraction exact, double rounded)
{
    bool is_negative = exact.above < 0;
    if (is_negative) {
        exact.above = -exact.above;
    }
    int bits = nearest(t, exact);
    if (bits == t->count) {
        assert_true(isnan(rounded) || isinf(rounded));
        return;
    }
    double wanted = to_double(t, t->value[bits]);
    wanted = is_negative ? -wanted : wanted;
    assert_true(!(rounded < wanted) && !(rounded > wanted));
}

static double apply(const struct table *t, enum format_operation operation,
                    double x, double y)
{
    const struct format_policy policy = FORMAT_POLICY_DEFAULT;
    return format_apply(operation, t->format, &policy, x, y);
}

static void check_pair(const struct table *t, int64_t a, int64_t b)
{
    double x = to_double(t, a);
    double y = to_double(t, b);
    wide one = (wide)1 << -t->unit; /* units in 1 */
    check(t, (struct fraction){(wide)a + b, 1}, apply(t, FORMAT_ADD, x, y));
    check(t, (struct fraction){(wide)a - b, 1},
          apply(t, FORMAT_SUBTRACT, x, y));
    check(t, (struct fraction){(wide)a * b, one},
          apply(t, FORMAT_MULTIPLY, x, y));
    if (b != 0) {
        wide sign = b < 0 ? -1 : 1;
        check(t, (struct fraction){sign * a * one, sign * b},
              apply(t, FORMAT_DIVIDE, x, y));
    }
}

static void test_all_pairs(void **state)
{
    struct table t = make_table(*state);
    for (int i = 0; i < t.count; i++) {
        for (int j = 0; j < t.count; j++) {
            check_pair(&t, t.value[i], t.value[j]);
            check_pair(&t, -t.value[i], t.value[j]);
            check_pair(&t, t.value[i], -t.value[j]);
        }
    }
}

/* n 2^unit has the root r 2^unit if r^2 2^unit = n. */
static void test_all_square_roots(void **state)
{
    struct table t = make_table(*state);
    const struct format_policy policy = FORMAT_POLICY_DEFAULT;
    for (int i = 0; i < t.count; i++) {
        double rounded = format_apply(FORMAT_SQUARE_ROOT, t.format, &policy,
                                      to_double(&t, t.value[i]), 0.0);
        wide square = (wide)t.value[i] << -t.unit; /* of the root, in units */
        int low = 0;
        while (low + 1 < t.count &&
               (wide)t.value[low + 1] * t.value[low + 1] <= square) {
            low++;
        }
        wide middle = (wide)t.value[low] + t.value[low + 1]; /* twice */
        assert_true(low + 1 < t.count);
        /* A root of such a number is never halfway between two values. */
        int bits = middle * middle < 4 * square ? low + 1 : low;
        assert_true(!(rounded < to_double(&t, t.value[bits])) &&
                    !(rounded > to_double(&t, t.value[bits])));
    }
}

/* ---- rounded once ---------------------------------------------------------------- */

/* Operands with many more digits than the result, many of them so that the exact
 * result is next to the middle of two values. The exact result is only compared
 * with doubles, in 128-bit floating point, where that is exact. */
__extension__ typedef __float128 quad;

struct exact {
    enum format_operation operation;
    double a;
    double b;
};

/* The sign of result - x. */
static int compare_exact(const struct exact *e, double x)
{
    quad left = e->a;
    quad right = x;
    switch (e->operation) {
    case FORMAT_ADD:
        left += e->b;
        break;
    case FORMAT_SUBTRACT:
        left -= e->b;
        break;
    case FORMAT_MULTIPLY:
        left *= e->b;
        break;
    case FORMAT_DIVIDE: /* b > 0 */
        right *= e->b;
        break;
    case FORMAT_SQUARE_ROOT:
        right *= right;
        break;
    }
    return left < right ? -1 : left > right;
}

static double step_up(const struct format *format, double x)
{
    const struct format_policy up = {.rounding = FORMAT_UP};
    return format_round(format, &up, nextafter(x, (double)INFINITY));
}

static double choose(const struct exact *e, double low, double high,
                     bool is_odd, enum format_rounding rounding)
{
    double middle = low + (high - low) / 2.0;
    int to_middle = compare_exact(e, middle);
    switch (rounding) {
    case FORMAT_UP:
        return high;
    case FORMAT_DOWN:
        return low;
    case FORMAT_TOWARD_ZERO:
        return low >= 0.0 ? low : high;
    case FORMAT_TO_NEAREST_AWAY:
        return to_middle == 0 ? (low >= 0.0 ? high : low)
                              : (to_middle > 0 ? high : low);
    case FORMAT_TO_NEAREST_EVEN:
        break;
    }
    return to_middle > 0 || (to_middle == 0 && is_odd) ? high : low;
}

static void check_once(const struct format *format, const struct exact *e)
{
    const struct format_policy down = {.rounding = FORMAT_DOWN};
    double guess = e->operation == FORMAT_ADD        ? e->a + e->b
                   : e->operation == FORMAT_SUBTRACT ? e->a - e->b
                   : e->operation == FORMAT_MULTIPLY ? e->a * e->b
                   : e->operation == FORMAT_DIVIDE   ? e->a / e->b
                                                     : sqrt(e->a);
    double low = format_round(format, &down, guess);
    while (compare_exact(e, low) < 0) { /* guess was rounded up */
        low = -step_up(format, -low);
    }
    while (compare_exact(e, step_up(format, low)) >= 0) {
        low = step_up(format, low);
    }
    bool is_odd = (format_encode(format, low) & 1) != 0;
    for (int mode = FORMAT_TO_NEAREST_EVEN; mode <= FORMAT_DOWN; mode++) {
        const struct format_policy policy = {.rounding =
                                                 (enum format_rounding)mode};
        double got = format_apply(e->operation, format, &policy, e->a, e->b);
        double wanted = compare_exact(e, low) == 0
                            ? low
                            : choose(e, low, step_up(format, low), is_odd,
                                     (enum format_rounding)mode);
        if (got < wanted || got > wanted) {
            fail_msg("%s, operation %d, mode %d: %a, %a gives %a, not %a",
                     format->name, (int)e->operation, mode, e->a, e->b, got,
                     wanted);
        }
        format_apply_row(e->operation, format, &policy, &e->a, &e->b, &got, 1);
        assert_true(!(got < wanted) && !(got > wanted));
    }
}

static double draw(GRand *random, int digits)
{
    double x = 1.0 + (double)g_rand_int(random) * 0x1p-32 +
               (double)g_rand_int(random) * 0x1p-64;
    x = ldexp(floor(ldexp(x, digits - 1)), 1 - digits);
    return ldexp(g_rand_boolean(random) ? x : -x,
                 g_rand_int_range(random, -3, 4));
}

static void test_operations_round_once(void **state)
{
    (void)state;
    static const char *const names[] = {"fp32", "tf32", "bf16", "fp16"};
    static const int digits[] = {8, 24, 53};
    GRand *random = g_rand_new_with_seed(5);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct format *format = format_find(names[i]);
        double ulp = 2.0 * format_unit_roundoff(format);
        for (int k = 0; k < 30000; k++) {
            struct exact e = {(enum format_operation)(k % 5), 0.0, 0.0};
            e.a = draw(random, digits[k / 5 % 3]);
            e.b = draw(random, digits[k / 15 % 3]);
            bool is_near = e.operation <= FORMAT_MULTIPLY && k % 4 == 0;
            if (is_near) { /* next to a middle */
                e.a = floor(e.a / ulp) * ulp + ulp / 2.0;
                e.b = ldexp(g_rand_boolean(random) ? 1.0 : -1.0,
                            -g_rand_int_range(random, 26, 56));
            }
            if (is_near && e.operation == FORMAT_MULTIPLY) {
                e.b = 1.0 + fmax(fabs(e.b), 0x1p-52);
            }
            e.b = e.operation == FORMAT_DIVIDE ? fabs(e.b) : e.b;
            e.a = e.operation == FORMAT_SQUARE_ROOT ? fabs(e.a) : e.a;
            check_once(format, &e);
        }
    }
    g_rand_free(random);
}

/* ---- scales -------------------------------------------------------------------- */

static void test_symmetric_quantisation(void **state)
{
    (void)state;
    const struct format *int8 = format_find("int8");
    double values[] = {1.0, -2.54, 0.011, 0.0};
    double scale = format_choose_scale(int8, values, 4);
    assert_true(fabs(scale - 0.02) < 1e-15);
    format_round_scaled(int8, FORMAT_TO_NEAREST_EVEN, scale, values, 4);
    const double wanted[] = {1.0, -2.54, 0.02, 0.0};
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(values[i] - wanted[i]) < 1e-15);
    }
    assert_true(fabs(format_choose_scale(int8, wanted + 3, 1) - 1.0) <= 0.0);
}

/* OCP Microscaling 1.0, 6.3, by hand: the largest is 11 = 1.375 2^3; FP4's
 * largest exponent is 2, so the scale is 2. */
static void test_block_of_fp4(void **state)
{
    (void)state;
    const struct format *fp4 = format_find("fp4-e2m1");
    double values[] = {11.0, -3.0, 0.4, 0.6, 13.9};
    double scale = format_choose_block_scale(fp4, values, 4);
    assert_true(fabs(scale - 2.0) <= 0.0);
    format_round_scaled(fp4, FORMAT_TO_NEAREST_EVEN, scale, values, 5);
    /* 5.5 lies between 4 and 6; -1.5 exists; 0.2 goes to 0, 0.3 to 0.5; 6.95
     * is beyond 6. */
    const double wanted[] = {12.0, -3.0, 0.0, 1.0, 12.0};
    for (int i = 0; i < 5; i++) {
        assert_true(fabs(values[i] - wanted[i]) <= 0.0);
    }
    double broken[] = {1.0, (double)NAN};
    assert_true(isnan(format_choose_block_scale(fp4, broken, 2)));
}

int main(void)
{
    static char e4m3[] = "fp8-e4m3";
    static char e5m2[] = "fp8-e5m2";
    const struct CMUnitTest tests[] = {
        {"all_pairs_e4m3", test_all_pairs, NULL, NULL, e4m3},
        {"all_pairs_e5m2", test_all_pairs, NULL, NULL, e5m2},
        {"all_square_roots_e4m3", test_all_square_roots, NULL, NULL, e4m3},
        {"all_square_roots_e5m2", test_all_square_roots, NULL, NULL, e5m2},
        cmocka_unit_test(test_operations_round_once),
        cmocka_unit_test(test_symmetric_quantisation),
        cmocka_unit_test(test_block_of_fp4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
