/* Aaren against the recurrence over (maximum, denominator, numerator) in long
 * double; its last row is softmax attention, all of it causal attention. */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 2, N = 9, E = 4, F = 3 };

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "bhtef", (const int[]){B, H, N, E, F});
    fixture_input(fixture, "Q", "he", 1.0);
    fixture_input(fixture, "K", "bhte", 1.0);
    fixture_input(fixture, "V", "bhtf", 1.0);
    fixture_result(fixture, "AV", "bhtf");
    return fixture;
}

static void test_prefixes_are_the_recurrence(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    long double exact[B * H * N * F];
    fixture_run(fixture, "aaren");
    for (int bh = 0; bh < B * H; bh++) {
        long double largest = -HUGE_VALL;
        long double denominator = 0.0L;
        long double numerator[F] = {0.0L};
        for (int t = 0; t < N; t++) {
            int at = bh * N + t;
            long double logit =
                oracle_dot(&fixture->tensors[0].value[bh % H * E],
                           &fixture->tensors[1].value[at * E], E);
            long double next = fmaxl(largest, logit);
            long double fade = expl(largest - next);
            denominator = denominator * fade + expl(logit - next);
            for (int f = 0; f < F; f++) {
                numerator[f] =
                    numerator[f] * fade +
                    expl(logit - next) *
                        (long double)fixture->tensors[2].value[at * F + f];
                exact[at * F + f] = numerator[f] / denominator;
            }
            largest = next;
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_last_prefix_is_softmax_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    fixture_run(fixture, "aaren");
    double value[B * H * F];
    double error[B * H * F];
    struct kernel_tensor tensors[] = {
        {"Q", "hpe", {H, 1, E}, fixture->tensors[0].value, NULL},
        {"K", "bhme", {B, H, N, E}, fixture->tensors[1].value, NULL},
        {"V", "bhmf", {B, H, N, F}, fixture->tensors[2].value, NULL},
        {"AV", "bhpf", {B, H, 1, F}, value, error},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(kernel_run(kernel_find("softmax-attention"), tensors, 4,
                                diags, SPAN_NONE),
                     OK);
    for (int i = 0; i < B * H * F; i++) {
        int last = (i / F * N + N - 1) * F + i % F;
        assert_true(fabs(value[i] - fixture->result[last]) <=
                    error[i] + fixture->error[last]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes_are_the_recurrence),
        cmocka_unit_test(test_last_prefix_is_softmax_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
