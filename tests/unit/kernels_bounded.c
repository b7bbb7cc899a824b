/* The running-error arithmetic: the exact result of each operation, on any
 * numbers that the operands stand for, lies within the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>

#include "kernels/bounded.h"

enum { TRIALS = 20000 };

/* A bounded value and one exact number that it may stand for. */
struct operand {
    struct bounded bounded;
    long double exact;
};

static struct operand random_operand(GRand *random)
{
    double magnitude = exp(g_rand_double_range(random, -3.0, 3.0));
    double value = g_rand_boolean(random) ? magnitude : -magnitude;
    double error =
        g_rand_int_range(random, 0, 3) == 0
            ? 0.0
            : magnitude * exp(g_rand_double_range(random, -38.0, -1.0));
    double where = g_rand_double_range(random, -1.0, 1.0);
    return (struct operand){{value, error},
                            (long double)value +
                                (long double)where * (long double)error};
}

static void assert_holds(struct bounded result, long double exact)
{
    /* The exact value itself is known to 2^-63 only. */
    long double slack = fabsl(exact) * 0x1p-62L;
    assert_true(fabsl(exact - (long double)result.value) <=
                (long double)result.error + slack);
}

static void test_arithmetic_holds(void **state)
{
    (void)state;
    GRand *random = g_rand_new_with_seed(1);
    for (int i = 0; i < TRIALS; i++) {
        struct operand a = random_operand(random);
        struct operand b = random_operand(random);
        assert_holds(bounded_add(a.bounded, b.bounded), a.exact + b.exact);
        assert_holds(bounded_sub(a.bounded, b.bounded), a.exact - b.exact);
        assert_holds(bounded_mul(a.bounded, b.bounded), a.exact * b.exact);
        assert_holds(bounded_div(a.bounded, b.bounded), a.exact / b.exact);
        assert_holds(bounded_max(a.bounded, b.bounded),
                     fmaxl(a.exact, b.exact));
        assert_holds(bounded_clamp(a.bounded, -1.0, 1.0),
                     fminl(fmaxl(a.exact, -1.0L), 1.0L));
    }
    g_rand_free(random);
}

static void test_functions_hold(void **state)
{
    (void)state;
    GRand *random = g_rand_new_with_seed(2);
    for (int i = 0; i < TRIALS; i++) {
        struct operand a = random_operand(random);
        assert_holds(bounded_exp(a.bounded), expl(a.exact));
        assert_holds(bounded_cos(a.bounded), cosl(a.exact));
        assert_holds(bounded_sin(a.bounded), sinl(a.exact));
        assert_holds(bounded_sigmoid(a.bounded),
                     1.0L / (1.0L + expl(-a.exact)));
        if (a.bounded.value > 0.0) {
            assert_holds(bounded_log(a.bounded), logl(a.exact));
            assert_holds(bounded_sqrt(a.bounded), sqrtl(a.exact));
        }
    }
    g_rand_free(random);
}

static void test_underflow_is_counted(void **state)
{
    (void)state;
    struct bounded tiny = bounded_exact(0x1p-600);
    struct bounded product = bounded_mul(tiny, tiny);
    assert_true(product.error >= 0x1p-1074);
    assert_true(bounded_exp(bounded_exact(-800.0)).error > 0.0);
}

static void test_what_is_not_finite_has_no_bound(void **state)
{
    (void)state;
    struct bounded one = bounded_exact(1.0);
    struct bounded wide = {1.0, 2.0};
    assert_true(isinf(bounded_exp(bounded_exact(800.0)).error));
    assert_true(isinf(bounded_div(one, bounded_exact(0.0)).error));
    /* The divisor may be zero, the logarithm's argument negative. */
    assert_true(isinf(bounded_div(one, wide).error));
    assert_true(isinf(bounded_log(wide).error));
    assert_true(isinf(bounded_exact((double)NAN).error));
}

static void test_exact_operations_stay_exact_at_zero(void **state)
{
    (void)state;
    struct bounded zero = bounded_exact(0.0);
    struct bounded any = {3.0, 0.5};
    assert_true(bounded_is_exact(bounded_mul(zero, any)));
    assert_true(bounded_add(zero, any).error < 0.5 * (1.0 + 1e-9));
}

static void test_order_is_certain_only_if_intervals_are_apart(void **state)
{
    (void)state;
    struct bounded low = {1.0, 0.1};
    struct bounded high = {1.3, 0.1};
    struct bounded near = {1.15, 0.1};
    assert_true(bounded_is_above(high, low));
    assert_false(bounded_is_above(low, high));
    assert_true(bounded_is_ordered(low, high));
    assert_false(bounded_is_ordered(low, near));
    /* Equal, and known to be. */
    assert_true(bounded_is_ordered(bounded_exact(2.0), bounded_exact(2.0)));
    assert_false(bounded_is_ordered(low, low));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic_holds),
        cmocka_unit_test(test_functions_hold),
        cmocka_unit_test(test_underflow_is_counted),
        cmocka_unit_test(test_what_is_not_finite_has_no_bound),
        cmocka_unit_test(test_exact_operations_stay_exact_at_zero),
        cmocka_unit_test(test_order_is_certain_only_if_intervals_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
