/* Lightning attention, a recurrence, against its quadratic form in long double;
 * without decay it is unnormalised causal linear attention. */
#include "tests/kernel_fixture.h"

enum { H = 3, N = 10, E = 4, F = 3 };

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "htef", (const int[]){H, N, E, F});
    fixture_input(fixture, "Q", "hte", 1.0);
    fixture_input(fixture, "K", "hte", 1.0);
    fixture_input(fixture, "V", "htf", 1.0);
    fixture_result(fixture, "AV", "htf");
    double *decay = fixture_input(fixture, "DECAY", "h", 1.0);
    memcpy(decay, (const double[]){0.5, 0.96, 1.0}, sizeof(double[H]));
    return fixture;
}

static void test_recurrence_is_the_quadratic_form(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    long double exact[H * N * F] = {0.0L};
    fixture_run(fixture, "lightning-attention");
    for (int i = 0; i < H * N * N; i++) {
        int h = i / (N * N);
        int t = i / N % N;
        int m = i % N;
        long double decay = (long double)fixture->tensors[4].value[h];
        long double weight =
            oracle_dot(&fixture->tensors[0].value[(h * N + t) * E],
                       &fixture->tensors[1].value[(h * N + m) * E], E) *
            powl(decay, (long double)(t - m));
        for (int f = 0; f < F && m <= t; f++) {
            exact[(h * N + t) * F + f] +=
                weight *
                (long double)fixture->tensors[2].value[(h * N + m) * F + f];
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_total_decay_keeps_the_token_alone(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    memset(fixture->tensors[4].value, 0, sizeof(double[H]));
    fixture_run(fixture, "lightning-attention");
    for (int i = 0; i < H * N * F; i++) {
        int token = i / F;
        double alone =
            (double)oracle_dot(&fixture->tensors[0].value[token * E],
                               &fixture->tensors[1].value[token * E], E) *
            fixture->tensors[2].value[i];
        assert_true(fabs(fixture->result[i] - alone) <=
                    2.0 * fixture->error[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurrence_is_the_quadratic_form),
        cmocka_unit_test(test_total_decay_keeps_the_token_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
