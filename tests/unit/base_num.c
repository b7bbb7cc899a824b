/* Checked counts at the ends of their range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

#define MOST      INT64_MAX
#define LEAST     INT64_MIN
#define UNTOUCHED INT64_C(-77)

typedef bool (*operation)(int64_t a, int64_t b, int64_t *result);

struct example {
    int64_t a;
    int64_t b;
    bool fits;
    int64_t result;
};

static void check_examples(operation apply, const struct example *examples,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t result = UNTOUCHED;
        bool fits = apply(examples[i].a, examples[i].b, &result);
        assert_int_equal(fits, examples[i].fits);
        assert_true(result == (fits ? examples[i].result : UNTOUCHED));
    }
}

static void test_add_is_exact_or_refuses(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {1, 2, true, 3},       {MOST - 1, 1, true, MOST}, {MOST, 1, false, 0},
        {LEAST, -1, false, 0}, {LEAST, MOST, true, -1},
    };
    check_examples(num_add, examples, G_N_ELEMENTS(examples));
}

static void test_sub_is_exact_or_refuses(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {1, 2, true, -1},     {-1, MOST, true, LEAST}, {-2, MOST, false, 0},
        {0, LEAST, false, 0}, {-1, LEAST, true, MOST},
    };
    check_examples(num_sub, examples, G_N_ELEMENTS(examples));
}

static void test_mul_is_exact_or_refuses(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {INT64_C(3037000499), INT64_C(3037000499), true,
         INT64_C(9223372030926249001)},
        {INT64_C(3037000500), INT64_C(3037000500), false, 0},
        {LEAST, 1, true, LEAST},
        {LEAST, -1, false, 0},
        {MOST, 0, true, 0},
        {INT64_C(1) << 32, -(INT64_C(1) << 31), true, LEAST},
    };
    check_examples(num_mul, examples, G_N_ELEMENTS(examples));
}

static void test_mul_div_goes_through_128_bits(void **state)
{
    (void)state;
    int64_t result = UNTOUCHED;
    assert_true(num_mul_div_ceil(MOST, MOST, MOST, &result));
    assert_true(result == MOST);
    assert_true(num_mul_div_floor(MOST, 7, 8, &result));
    assert_true(result == INT64_C(8070450532247928831));
    assert_true(num_mul_div_ceil(MOST, 7, 8, &result));
    assert_true(result == INT64_C(8070450532247928832));
    assert_true(num_mul_div_ceil(0, MOST, MOST, &result));
    assert_true(result == 0);
    assert_true(num_mul_div_ceil(10, 1, 5, &result));
    assert_true(result == 2);
    assert_true(num_mul_div_ceil(11, 1, 5, &result));
    assert_true(result == 3);
    assert_true(num_mul_div_floor(11, 1, 5, &result));
    assert_true(result == 2);
}

static void test_mul_div_refuses_what_does_not_fit(void **state)
{
    (void)state;
    int64_t result = UNTOUCHED;
    assert_false(num_mul_div_ceil(MOST, 2, 1, &result));
    assert_false(num_mul_div_floor(MOST, 3, 2, &result));
    assert_true(result == UNTOUCHED);
    /* (2^32 + 1) * (2^32 - 1) = 2^64 - 1, half of it is MOST + 0.5. */
    int64_t a = (INT64_C(1) << 32) + 1;
    int64_t b = (INT64_C(1) << 32) - 1;
    assert_false(num_mul_div_ceil(a, b, 2, &result));
    assert_true(result == UNTOUCHED);
    assert_true(num_mul_div_floor(a, b, 2, &result));
    assert_true(result == MOST);
}

static void test_ceil_div_at_the_ends(void **state)
{
    (void)state;
    assert_true(num_ceil_div(0, 5) == 0);
    assert_true(num_ceil_div(1, 5) == 1);
    assert_true(num_ceil_div(5, 5) == 1);
    assert_true(num_ceil_div(6, 5) == 2);
    assert_true(num_ceil_div(MOST, 1) == MOST);
    assert_true(num_ceil_div(MOST, MOST) == 1);
    assert_true(num_ceil_div(MOST, 2) == INT64_C(4611686018427387904));
}

static void test_gcd_of_zero_is_the_other(void **state)
{
    (void)state;
    assert_true(num_gcd(0, 0) == 0);
    assert_true(num_gcd(0, 9) == 9);
    assert_true(num_gcd(9, 0) == 9);
    assert_true(num_gcd(12, 18) == 6);
    assert_true(num_gcd(MOST, MOST) == MOST);
    assert_true(num_gcd(MOST, 7) == 7); /* 2^63 - 1 = 7^2 * 73 * 127 * ... */
}

static int64_t search_largest_divisor(int64_t n, int64_t limit)
{
    for (int64_t divisor = limit < n ? limit : n; divisor > 1; divisor--) {
        if (n % divisor == 0) {
            return divisor;
        }
    }
    return 1;
}

static void test_largest_divisor_equals_a_search(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 400; n++) {
        for (int64_t limit = -1; limit <= n + 1; limit++) {
            assert_true(num_largest_divisor(n, limit) ==
                        search_largest_divisor(n, limit));
        }
    }
    /* Past the range of the small primes. */
    for (int64_t n = INT64_C(1000000); n < INT64_C(1000200); n++) {
        assert_true(num_largest_divisor(n, 5000) ==
                    search_largest_divisor(n, 5000));
    }
}

static void test_largest_divisor_of_large_numbers_is_quick(void **state)
{
    (void)state;
    const int64_t prime = INT64_C(9223372036854775783); /* below 2^63 */
    assert_true(num_largest_divisor(prime, prime - 1) == 1);
    assert_true(num_largest_divisor(prime, MOST) == prime);
    const int64_t p = INT64_C(3037000493); /* the square is below 2^63 */
    assert_true(num_largest_divisor(p * p, p * p - 1) == p);
    /* 2^63 - 1 = 7^2 * 73 * 127 * 337 * 92737 * 649657 */
    assert_true(num_largest_divisor(MOST, MOST - 1) == MOST / 7);
    assert_true(num_largest_divisor(MOST, 100000) == 92737);
    assert_true(num_largest_divisor(INT64_C(1) << 62, 1000) == 512);
    assert_true(num_largest_divisor(MOST, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_is_exact_or_refuses),
        cmocka_unit_test(test_sub_is_exact_or_refuses),
        cmocka_unit_test(test_mul_is_exact_or_refuses),
        cmocka_unit_test(test_mul_div_goes_through_128_bits),
        cmocka_unit_test(test_mul_div_refuses_what_does_not_fit),
        cmocka_unit_test(test_ceil_div_at_the_ends),
        cmocka_unit_test(test_gcd_of_zero_is_the_other),
        cmocka_unit_test(test_largest_divisor_equals_a_search),
        cmocka_unit_test(test_largest_divisor_of_large_numbers_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
