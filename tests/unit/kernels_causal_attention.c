/* Causal attention against long double, and against plain softmax attention
 * where the mask hides nothing. */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 3, P = 7, M = 11, E = 5, F = 4 };

static struct kernel_fixture *attention_new(guint32 seed, double scale)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(seed, "bhpmef", (const int[]){B, H, P, M, E, F});
    fixture_input(fixture, "Q", "bhpe", scale);
    fixture_input(fixture, "K", "bhme", 1.0);
    fixture_input(fixture, "V", "bhmf", 1.0);
    fixture_result(fixture, "AV", "bhpf");
    return fixture;
}

static long double causal(int p, int m, const void *data)
{
    (void)data;
    return m <= p ? 0.0L : -HUGE_VALL;
}

static void check_against_oracle(double scale, double informative)
{
    AUTO(kernel_fixture) fixture = attention_new(1, scale);
    fixture_run(fixture, "causal-attention");
    struct oracle oracle = {P, M, E, F, causal, NULL};
    long double exact[B * H * P * F];
    for (int bh = 0; bh < B * H; bh++) {
        oracle_attend(&oracle, &fixture->tensors[0].value[bh * P * E],
                      &fixture->tensors[1].value[bh * M * E],
                      &fixture->tensors[2].value[bh * M * F],
                      &exact[bh * P * F]);
    }
    assert_exact_within_bounds(fixture, exact, informative);
}

static void test_values_lie_within_tight_bounds(void **state)
{
    (void)state;
    check_against_oracle(1.0, 1e-13);
}

static void test_bounds_hold_for_large_logits(void **state)
{
    (void)state;
    check_against_oracle(300.0, 1e-9);
    check_against_oracle(1e17, 100.0); /* the last bit decides the weights */
}

static void test_last_query_of_a_square_sees_all_keys(void **state)
{
    (void)state;
    AUTO(kernel_fixture)
    fixture = kernel_fixture_new(2, "pmef", (const int[]){M, M, E, F});
    fixture_input(fixture, "Q", "pe", 1.0);
    fixture_input(fixture, "K", "me", 1.0);
    fixture_input(fixture, "V", "mf", 1.0);
    fixture_result(fixture, "AV", "pf");
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_run(fixture, "causal-attention");
    for (int i = (M - 1) * F; i < M * F; i++) {
        assert_true(fabs(value[i] - fixture->result[i]) <=
                    error[i] + fixture->error[i]);
    }
    assert_differs(fixture, value);
}

static void test_first_query_returns_the_first_value(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(3, 1.0);
    fixture_run(fixture, "causal-attention");
    for (int bh = 0; bh < B * H; bh++) {
        for (int f = 0; f < F; f++) {
            double value = fixture->tensors[2].value[bh * M * F + f];
            assert_true(fabs(fixture->result[bh * P * F + f] - value) <=
                        fixture->error[bh * P * F + f]);
        }
    }
}

static void test_a_wrong_input_bit_exceeds_the_bound(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(4, 1.0);
    fixture_run(fixture, "causal-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    fixture->tensors[2].value[0] *= 1.0 + 1e-9;
    fixture_run(fixture, "causal-attention");
    assert_true(fabs(value[0] - fixture->result[0]) > 2.0 * fixture->error[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_tight_bounds),
        cmocka_unit_test(test_bounds_hold_for_large_logits),
        cmocka_unit_test(test_last_query_of_a_square_sees_all_keys),
        cmocka_unit_test(test_first_query_returns_the_first_value),
        cmocka_unit_test(test_a_wrong_input_bit_exceeds_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
