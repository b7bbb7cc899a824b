/* Rounding into formats. The values of a format are built here from their bits
 * as hexadecimal literals that the C library reads; between each two neighbours
 * every rounding direction is checked around the middle. The compiler's float and
 * _Float16 are further oracles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "formats/formats.h"

static const char *const narrow[] = {
    "bf16", "fp16", "fp8-e5m2", "fp8-e4m3", "fp6-e3m2", "fp6-e2m3", "fp4-e2m1"};

/* IEEE 754-2019, 3.4; OCP 8-bit Floating Point 1.0, table 1. The literal of
 * pattern `bits`, not a special one. */
static double read_value(const struct format *f, uint32_t bits)
{
    uint32_t fraction = bits & ((1u << f->fraction_bits) - 1);
    uint32_t field = bits >> f->fraction_bits & ((1u << f->exponent_bits) - 1);
    g_autofree char *text = g_strdup_printf(
        "%s0x%xp%d", (bits >> (f->bits - 1) & 1) != 0 ? "-" : "",
        field == 0 ? fraction : fraction | 1u << f->fraction_bits,
        (int)MAX(field, 1) - f->bias - f->fraction_bits);
    return strtod(text, NULL);
}

static bool is_special(const struct format *f, uint32_t bits)
{
    uint32_t ones = (1u << f->exponent_bits) - 1;
    uint32_t all = (1u << f->fraction_bits) - 1;
    bool is_last = (bits >> f->fraction_bits & ones) == ones;
    return is_last && (f->special == FORMAT_IEEE ||
                       (f->special == FORMAT_ONE_NAN && (bits & all) == all));
}

#if defined(__FLT16_MANT_DIG__) && !defined(__clang__)
__extension__ typedef _Float16 compiler_half;
#define HAS_HALF
#endif

static bool is_same(double a, double b)
{
    return isnan(a)
               ? isnan(b) != 0
               : !(a < b) && !(a > b) && signbit(a) == signbit(b) && !isnan(b);
}

/* ---- bits ------------------------------------------------------------------ */

static void test_every_pattern_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(narrow); i++) {
        const struct format *f = format_find(narrow[i]);
        assert_non_null(f);
        for (uint32_t bits = 0; bits < 1u << f->bits; bits++) {
            double value = format_decode(f, bits);
            if (is_special(f, bits)) {
                assert_true(isnan(value) || isinf(value));
                uint64_t again = format_encode(f, value);
                assert_true(is_same(format_decode(f, again), value));
            } else {
                assert_true(is_same(value, read_value(f, bits)));
                assert_int_equal(format_encode(f, value), bits);
            }
        }
    }
}

static void test_published_extremes(void **state)
{
    (void)state;
    const struct {
        const char *name;
        double max, min_normal, min_positive;
    } published[] = {
        /* OCP 8-bit Floating Point 1.0, table 2; Microscaling 1.0, table 1. */
        {"fp8-e5m2", 57344.0, 0x1p-14, 0x1p-16},
        {"fp8-e4m3", 448.0, 0x1p-6, 0x1p-9},
        {"fp6-e3m2", 28.0, 0.25, 0.0625},
        {"fp6-e2m3", 7.5, 1.0, 0.125},
        {"fp4-e2m1", 6.0, 1.0, 0.5},
        {"fp16", 65504.0, 0x1p-14, 0x1p-24},
        {"bf16", 0x1.fep127, 0x1p-126, 0x1p-133},
        {"tf32", 0x1.ffcp127, 0x1p-126, 0x1p-136},
        {"fp32", (double)FLT_MAX, (double)FLT_MIN, (double)FLT_TRUE_MIN},
        {"fp64", DBL_MAX, DBL_MIN, DBL_TRUE_MIN},
        {"int8", 127.0, 1.0, 1.0},
        {"int4", 7.0, 1.0, 1.0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(published); i++) {
        const struct format *f = format_find(published[i].name);
        assert_non_null(f);
        assert_true(is_same(format_max(f), published[i].max));
        assert_true(is_same(format_min_normal(f), published[i].min_normal));
        assert_true(is_same(format_min_positive(f), published[i].min_positive));
    }
    assert_ptr_equal(format_find("e4m3"), format_find("fp8-e4m3"));
    assert_ptr_equal(format_find("bfloat16"), format_find("bf16"));
    assert_null(format_find("fp7"));
}

/* ---- between neighbours ------------------------------------------------------ */

/* low < x < high, neighbours of the format; `odd` tells if low's bits are odd. */
static double expect(double low, double high, bool is_odd, double x,
                     enum format_rounding rounding)
{
    double middle = low + (high - low) / 2.0; /* exact */
    switch (rounding) {
    case FORMAT_TOWARD_ZERO:
        return low >= 0.0 ? low : high;
    case FORMAT_UP:
        return high;
    case FORMAT_DOWN:
        return low;
    case FORMAT_TO_NEAREST_EVEN:
    case FORMAT_TO_NEAREST_AWAY:
        break;
    }
    if (x < middle || x > middle) {
        return x < middle ? low : high;
    }
    if (rounding == FORMAT_TO_NEAREST_AWAY) {
        return low >= 0.0 ? high : low;
    }
    return is_odd ? high : low;
}

static void check_between(const struct format *f, double low, double high,
                          bool is_odd)
{
    double middle = low + (high - low) / 2.0;
    const double points[] = {
        nextafter(low, high),    nextafter(middle, low), middle,
        nextafter(middle, high), nextafter(high, low),
    };
    for (int mode = FORMAT_TO_NEAREST_EVEN; mode <= FORMAT_DOWN; mode++) {
        const struct format_policy policy = {.rounding =
                                                 (enum format_rounding)mode};
        for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
            double wanted = expect(low, high, is_odd, points[i],
                                   (enum format_rounding)mode);
            double got = format_round(f, &policy, points[i]);
            /* A zero keeps the sign of what was rounded. */
            assert_true(!(got < wanted) && !(got > wanted));
            assert_int_equal(signbit(got) != 0, points[i] < 0.0);
        }
        assert_true(is_same(format_round(f, &policy, low), low));
    }
}

static void test_every_neighbour_and_direction(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(narrow); i++) {
        const struct format *f = format_find(narrow[i]);
        uint32_t sign = 1u << (f->bits - 1);
        for (uint32_t bits = 0; bits + 1 < sign; bits++) {
            if (is_special(f, bits + 1)) {
                break;
            }
            double low = read_value(f, bits);
            double high = read_value(f, bits + 1);
            check_between(f, low, high, (bits & 1) != 0);
            check_between(f, -high, -low, (bits & 1) == 0);
        }
    }
}

/* ---- beyond the range --------------------------------------------------------- */

static void test_overflow(void **state)
{
    (void)state;
    const struct format_policy nearest = FORMAT_POLICY_DEFAULT;
    const struct format_policy zero = {.rounding = FORMAT_TOWARD_ZERO};
    const struct format_policy up = {.rounding = FORMAT_UP};
    const struct format_policy kept = {.saturates = true};
    const double inf = (double)INFINITY;
    const struct format *half = format_find("fp16");
    const struct format *e4m3 = format_find("fp8-e4m3");
    const struct format *fp4 = format_find("fp4-e2m1");
    assert_true(is_same(format_round(half, &nearest, 65519.9), 65504.0));
    assert_true(is_same(format_round(half, &nearest, 65520.0), inf));
    assert_true(is_same(format_round(half, &zero, 1e300), 65504.0));
    assert_true(is_same(format_round(half, &up, -1e300), -65504.0));
    assert_true(is_same(format_round(half, &up, 65504.1), inf));
    assert_true(is_same(format_round(half, &kept, -inf), -65504.0));
    assert_true(is_same(format_round(half, &zero, inf), inf));
    assert_true(is_same(format_round(e4m3, &nearest, 464.0), 448.0));
    assert_true(isnan(format_round(e4m3, &nearest, 464.1)));
    assert_true(isnan(format_round(e4m3, &nearest, inf)));
    assert_true(is_same(format_round(e4m3, &kept, 1e9), 448.0));
    assert_true(is_same(format_round(fp4, &nearest, -7.0), -6.0));
    assert_true(is_same(format_round(fp4, &nearest, (double)NAN), 0.0));
    assert_true(isnan(format_round(half, &nearest, (double)NAN)));
}

static void test_subnormals_can_be_flushed(void **state)
{
    (void)state;
    const struct format_policy flush = {.flushes_subnormals = true};
    const struct format *half = format_find("fp16");
    assert_true(is_same(format_round(half, &flush, -0x1p-15), -0.0));
    assert_true(is_same(format_round(half, &flush, 0x1p-14), 0x1p-14));
    /* Rounds up to a normal value. */
    assert_true(is_same(format_round(half, &flush, 0x1.ffffp-15), 0x1p-14));
}

/* ---- the compiler's own --------------------------------------------------------- */

static double random_double(GRand *rand, int low, int high)
{
    double value = g_rand_double_range(rand, 1.0, 2.0);
    return ldexp(g_rand_boolean(rand) ? value : -value,
                 g_rand_int_range(rand, low, high));
}

static void test_float_and_half_as_the_compiler_has_them(void **state)
{
    (void)state;
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    const struct format_policy policy = FORMAT_POLICY_DEFAULT;
    for (int i = 0; i < 300000; i++) {
        double x = random_double(rand, -160, 132);
        double row = x;
        assert_true(is_same(format_round(format_find("fp32"), &policy, x),
                            (double)(float)x));
        format_round_row(format_find("fp32"), &policy, &row, 1);
        assert_true(is_same(row, (double)(float)x));
#ifdef HAS_HALF
        x = random_double(rand, -28, 18);
        assert_true(is_same(format_round(format_find("fp16"), &policy, x),
                            (double)(compiler_half)x));
#endif
    }
}

static void test_rows_are_rounded_as_single_values(void **state)
{
    (void)state;
    g_autoptr(GRand) rand = g_rand_new_with_seed(12);
    for (size_t f = 0; f < format_count(); f++) {
        const struct format *format = format_at(f);
        for (int i = 0; i < 3000; i++) {
            const struct format_policy policy = {
                .rounding = (enum format_rounding)g_rand_int_range(rand, 0, 5),
                .saturates = g_rand_boolean(rand),
                .flushes_subnormals = g_rand_boolean(rand),
            };
            double x = random_double(rand, -30, 20);
            double row = x;
            format_round_row(format, &policy, &row, 1);
            assert_true(is_same(row, format_round(format, &policy, x)));
        }
    }
}

/* ---- units in the last place ------------------------------------------------------ */

static void test_ulp_is_the_distance_to_the_next_value(void **state)
{
    (void)state;
    const struct format *f = format_find("fp8-e4m3");
    for (uint32_t bits = 0; bits < 0x7e; bits++) {
        double low = read_value(f, bits);
        double distance = read_value(f, bits + 1) - low;
        assert_true(is_same(format_ulp(f, low), distance));
        assert_true(is_same(format_ulp(f, -low), distance));
    }
    assert_true(is_same(format_ulp(f, 1e9), 32.0));
    assert_true(is_same(format_unit_roundoff(f), 0.0625));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pattern_there_and_back),
        cmocka_unit_test(test_published_extremes),
        cmocka_unit_test(test_every_neighbour_and_direction),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_subnormals_can_be_flushed),
        cmocka_unit_test(test_float_and_half_as_the_compiler_has_them),
        cmocka_unit_test(test_rows_are_rounded_as_single_values),
        cmocka_unit_test(test_ulp_is_the_distance_to_the_next_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
