/* Sigmoid attention against long double; its default bias. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 6, M = 9, E = 5, F = 3 };

static struct kernel_fixture *attention_new(double scale, bool has_bias)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmef", (const int[]){H, P, M, E, F});
    fixture_input(fixture, "Q", "hpe", scale);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    if (has_bias) {
        fixture_input(fixture, "BIAS", "h", 2.0);
    }
    return fixture;
}

static void check(const char *kernel, bool has_bias, bool is_causal,
                  double scale, double informative)
{
    AUTO(kernel_fixture) fixture = attention_new(scale, has_bias);
    long double exact[H * P * F] = {0.0L};
    fixture_run(fixture, kernel);
    for (int i = 0; i < H * P * M; i++) {
        int h = i / (P * M);
        int p = i / M % P;
        int m = i % M;
        long double bias = has_bias ? (long double)fixture->tensors[4].value[h]
                                    : -logl((long double)M);
        long double logit =
            bias + oracle_dot(&fixture->tensors[0].value[(h * P + p) * E],
                              &fixture->tensors[1].value[(h * M + m) * E], E);
        long double weight =
            is_causal && m > p ? 0.0L : 1.0L / (1.0L + expl(-logit));
        for (int f = 0; f < F; f++) {
            exact[(h * P + p) * F + f] +=
                weight *
                (long double)fixture->tensors[2].value[(h * M + m) * F + f];
        }
    }
    assert_exact_within_bounds(fixture, exact, informative);
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    check("sigmoid-attention", true, false, 1.0, 1e-13);
    check("sigmoid-attention-causal", true, true, 1.0, 1e-13);
}

static void test_default_bias_is_minus_the_log_of_the_length(void **state)
{
    (void)state;
    check("sigmoid-attention", false, false, 1.0, 1e-13);
    check("sigmoid-attention-causal", false, true, 1.0, 1e-13);
}

static void test_saturated_sigmoids_do_not_overflow(void **state)
{
    (void)state;
    check("sigmoid-attention", true, false, 1e4, 1e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_default_bias_is_minus_the_log_of_the_length),
        cmocka_unit_test(test_saturated_sigmoids_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
