/* Window attention against long double with the mask written as a bias, and
 * against the kernels it turns into when the window covers everything. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 9, M = 11, E = 5, F = 3, W = 3 };

static struct kernel_fixture *attention_new(guint32 seed)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(seed, "hpmef", (const int[]){H, P, M, E, F});
    fixture_input(fixture, "Q", "hpe", 1.0);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    fixture_parameter(fixture, "W", W);
    return fixture;
}

static long double causal_window(int p, int m, const void *data)
{
    (void)data;
    return p - W < m && m <= p ? 0.0L : -HUGE_VALL;
}

static long double symmetric_window(int p, int m, const void *data)
{
    (void)data;
    return abs(p - m) <= W ? 0.0L : -HUGE_VALL;
}

static void check(const char *kernel, oracle_bias bias)
{
    AUTO(kernel_fixture) fixture = attention_new(1);
    struct oracle oracle = {P, M, E, F, bias, NULL};
    long double exact[H * P * F];
    fixture_run(fixture, kernel);
    for (int h = 0; h < H; h++) {
        oracle_attend(&oracle, &fixture->tensors[0].value[h * P * E],
                      &fixture->tensors[1].value[h * M * E],
                      &fixture->tensors[2].value[h * M * F], &exact[h * P * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_causal_window_is_a_mask(void **state)
{
    (void)state;
    check("sliding-window-attention", causal_window);
}

static void test_symmetric_window_is_a_mask(void **state)
{
    (void)state;
    check("symmetric-window-attention", symmetric_window);
}

static void check_covering(const char *window, int64_t width,
                           const char *covered)
{
    AUTO(kernel_fixture) fixture = attention_new(2);
    fixture_run(fixture, covered);
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_parameter(fixture, "W", width);
    fixture_run(fixture, window);
    assert_agrees(fixture, value, error, 1e-13);
    fixture_parameter(fixture, "W", width - 1);
    fixture_run(fixture, window);
    assert_differs(fixture, value);
}

static void test_window_that_covers_all_is_no_window(void **state)
{
    (void)state;
    check_covering("sliding-window-attention", P, "causal-attention");
    check_covering("symmetric-window-attention", M - 1, "softmax-attention");
}

static void test_query_without_keys_gets_zero(void **state)
{
    (void)state;
    AUTO(kernel_fixture)
    fixture = kernel_fixture_new(3, "pmef", (const int[]){6, 2, E, F});
    fixture_input(fixture, "Q", "pe", 1.0);
    fixture_input(fixture, "K", "me", 1.0);
    fixture_input(fixture, "V", "mf", 1.0);
    fixture_result(fixture, "AV", "pf");
    fixture_parameter(fixture, "W", 2);
    fixture_run(fixture, "sliding-window-attention");
    for (int i = 3 * F; i < 6 * F; i++) {
        assert_true(fabs(fixture->result[i]) + fixture->error[i] <= 0.0);
    }
    assert_true(fabs(fixture->result[0]) > 0.0);
}

static void test_window_is_needed_and_positive(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(4);
    fixture_parameter(fixture, "W", 0);
    fixture_expect_refusal(fixture, "sliding-window-attention",
                           "kernel-parameter");
    fixture->parameter_count = 0;
    fixture_expect_refusal(fixture, "sliding-window-attention",
                           "kernel-missing-parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causal_window_is_a_mask),
        cmocka_unit_test(test_symmetric_window_is_a_mask),
        cmocka_unit_test(test_window_that_covers_all_is_no_window),
        cmocka_unit_test(test_query_without_keys_gets_zero),
        cmocka_unit_test(test_window_is_needed_and_positive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
