/* Approximations against the C library: for every value of the formats up to 16
 * bits (of a division, every pair of significands, in fp16 only if WEIR_EXHAUSTIVE
 * is set) and for a sample of fp32, the error is at most the one that is proved.
 * The largest found is printed: doc/numerics.md has the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"

static const struct format_policy policy = FORMAT_POLICY_DEFAULT;

/* The relative error of a result; -1 where it is not a normal number. */
static double relative_error(const struct format *format, double computed,
                             double exact)
{
    double low = format_min_normal(format);
    bool is_normal = fabs(exact) >= 1.5 * low &&
                     fabs(exact) <= format_max(format) / 2.0 &&
                     isfinite(computed);
    return is_normal ? fabs(computed - exact) / fabs(exact) : -1.0;
}

static void check(const struct approximation *a, const struct format *format,
                  double x, double y, double *most)
{
    double exact = strcmp(a->operation, "exp") == 0 ? exp(x) : x / y;
    double computed = approximation_value(a, format, &policy, x, y);
    double error = relative_error(format, computed, exact);
    if (error > *most) {
        *most = error;
    }
    if (error > approximation_error(a, format, &policy, fabs(x))) {
        fail_msg("%s in %s: %a, %a is off by %g, at most %g", a->name,
                 format->name, x, y, error,
                 approximation_error(a, format, &policy, fabs(x)));
    }
}

static double check_exp(const struct approximation *a,
                        const struct format *format, uint64_t step)
{
    double most = 0.0;
    for (uint64_t bits = 0; bits >> format->bits == 0; bits += step) {
        double x = format_decode(format, bits);
        if (isfinite(x)) {
            check(a, format, x, 0.0, &most);
        }
    }
    return most;
}

/* Quotients of significands; exponents are exact. */
static double check_divide(const struct approximation *a,
                           const struct format *format, uint64_t step)
{
    double most = 0.0;
    uint64_t count = UINT64_C(1) << format->fraction_bits;
    for (uint64_t i = 0; i < count; i += step) {
        for (uint64_t j = 0; j < count; j += step) {
            double x = 1.0 + (double)i / (double)count;
            double y = 1.0 + (double)j / (double)count;
            check(a, format, x, y, &most);
            check(a, format, -x * 4.0, y, &most);
        }
    }
    return most;
}

static void check_format(const char *name, uint64_t exp_step,
                         uint64_t divide_step)
{
    const struct format *format = format_find(name);
    for (size_t i = 0; i < approximation_count(); i++) {
        const struct approximation *a = approximation_at(i);
        bool is_exp = strcmp(a->operation, "exp") == 0;
        double most = is_exp ? check_exp(a, format, exp_step)
                             : check_divide(a, format, divide_step);
        assert_true(most > 0.0);
        if (getenv("WEIR_PRINT") != NULL) {
            print_message("| %s | %s | %s | %.3g |\n", a->operation, a->name,
                          name, most);
        }
    }
}

static void test_every_value_of_narrow_formats(void **state)
{
    (void)state;
    check_format("bf16", 1, 1);
    check_format("fp8-e4m3", 1, 1);
    check_format("fp8-e5m2", 1, 1);
    check_format("fp16", 1, getenv("WEIR_EXHAUSTIVE") != NULL ? 1 : 7);
}

static void test_fp32(void **state)
{
    (void)state;
    bool is_exhaustive = getenv("WEIR_EXHAUSTIVE") != NULL;
    check_format("fp32", is_exhaustive ? 997 : 9973,
                 is_exhaustive ? 2111 : 52711);
}

static void test_special_arguments(void **state)
{
    (void)state;
    const double inf = (double)INFINITY;
    const struct format *format = format_find("bf16");
    for (size_t i = 0; i < approximation_count(); i++) {
        const struct approximation *a = approximation_at(i);
        if (strcmp(a->operation, "exp") == 0) {
            assert_true(
                isinf(approximation_value(a, format, &policy, inf, 0.0)));
            assert_true(fabs(approximation_value(a, format, &policy, -inf,
                                                 0.0)) <= 0.0);
            assert_true(isnan(
                approximation_value(a, format, &policy, (double)NAN, 0.0)));
            assert_true(
                isinf(approximation_value(a, format, &policy, 1e30, 0.0)));
        } else {
            assert_true(
                isinf(approximation_value(a, format, &policy, 1.0, 0.0)));
            assert_true(fabs(approximation_value(a, format, &policy, 3.0,
                                                 -inf)) <= 0.0);
            assert_true(
                fabs(approximation_value(a, format, &policy, 0.0, 7.0)) <= 0.0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_of_narrow_formats),
        cmocka_unit_test(test_fp32),
        cmocka_unit_test(test_special_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
