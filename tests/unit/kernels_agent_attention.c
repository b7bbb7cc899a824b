/* Agent attention against long double; one agent alone. */
#include "tests/kernel_fixture.h"

enum { H = 2, Y = 5, X = 4, E = 3, F = 3, A = 2, N = Y * X };

static struct kernel_fixture *attention_new(int side, bool has_all)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        1, "hyxefijkl", (const int[]){H, Y, X, E, F, side, side, 3, 3});
    fixture_input(fixture, "Q", "hyxe", 1.0);
    fixture_input(fixture, "K", "hyxe", 1.0);
    fixture_input(fixture, "V", "hyxf", 1.0);
    fixture_result(fixture, "AV", "hyxf");
    if (has_all) {
        fixture_input(fixture, "PB", "hijyx", 1.0);
        fixture_input(fixture, "AB", "hyxij", 1.0);
        fixture_input(fixture, "WC", "hfkl", 1.0);
        fixture_input(fixture, "BC", "hf", 1.0);
    }
    fixture_parameter(fixture, "A", side);
    return fixture;
}

/* Cells of 5 rows in two overlap: 0-2 and 2-4; of 4 columns: 0-1 and 2-3. */
static bool is_in_cell(int a, int y, int x)
{
    bool is_row = a / A == 0 ? y <= 2 : y >= 2;
    bool is_column = a % A == 0 ? x <= 1 : x >= 2;
    return is_row && is_column;
}

static void pool(const double *q, long double *agents)
{
    for (int i = 0; i < A * A * E; i++) {
        agents[i] = 0.0L;
        for (int n = 0; n < N; n++) {
            if (is_in_cell(i / E, n / X, n % X)) {
                agents[i] += (long double)q[n * E + i % E] / 6.0L;
            }
        }
    }
}

static long double scaled(const double *a, const long double *b)
{
    long double sum = 0.0L;
    for (int e = 0; e < E; e++) {
        sum += (long double)a[e] * b[e];
    }
    return sum / sqrtl((long double)E);
}

static long double convolved(const struct kernel_fixture *fixture, int h, int n,
                             int f)
{
    const double *v = &fixture->tensors[2].value[h * N * F];
    const double *taps = &fixture->tensors[6].value[(h * F + f) * 9];
    long double sum = (long double)fixture->tensors[7].value[h * F + f];
    for (int i = 0; i < 9; i++) {
        int y = n / X + i / 3 - 1;
        int x = n % X + i % 3 - 1;
        if (y >= 0 && y < Y && x >= 0 && x < X) {
            sum += (long double)taps[i] * (long double)v[(y * X + x) * F + f];
        }
    }
    return sum;
}

static void evaluate(const struct kernel_fixture *fixture, int h, bool has_all,
                     long double *exact)
{
    const double *q = &fixture->tensors[0].value[h * N * E];
    const double *k = &fixture->tensors[1].value[h * N * E];
    const double *v = &fixture->tensors[2].value[h * N * F];
    long double agents[A * A * E];
    long double values[A * A * F] = {0.0L};
    pool(q, agents);
    for (int a = 0; a < A * A; a++) {
        long double sum = 0.0L;
        for (int m = 0; m < N; m++) {
            long double bias = has_all ? (long double)fixture->tensors[4]
                                             .value[(h * A * A + a) * N + m]
                                       : 0.0L;
            long double weight = expl(scaled(&k[m * E], &agents[a * E]) + bias);
            sum += weight;
            for (int f = 0; f < F; f++) {
                values[a * F + f] += weight * (long double)v[m * F + f];
            }
        }
        for (int f = 0; f < F; f++) {
            values[a * F + f] /= sum;
        }
    }
    for (int p = 0; p < N; p++) {
        long double sum = 0.0L;
        long double mean[F] = {0.0L};
        for (int a = 0; a < A * A; a++) {
            long double bias = has_all ? (long double)fixture->tensors[5]
                                             .value[(h * N + p) * A * A + a]
                                       : 0.0L;
            long double weight = expl(scaled(&q[p * E], &agents[a * E]) + bias);
            sum += weight;
            for (int f = 0; f < F; f++) {
                mean[f] += weight * values[a * F + f];
            }
        }
        for (int f = 0; f < F; f++) {
            exact[p * F + f] =
                mean[f] / sum + (has_all ? convolved(fixture, h, p, f) : 0.0L);
        }
    }
}

static void check(bool has_all)
{
    AUTO(kernel_fixture) fixture = attention_new(A, has_all);
    long double exact[H * N * F];
    fixture_run(fixture, "agent-attention");
    for (int h = 0; h < H; h++) {
        evaluate(fixture, h, has_all, &exact[h * N * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    check(false);
}

static void test_biases_and_convolution_are_added(void **state)
{
    (void)state;
    check(true);
}

static void test_one_agent_hands_every_query_the_same_value(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(1, false);
    fixture_run(fixture, "agent-attention");
    for (int i = F; i < N * F; i++) {
        assert_true(fabs(fixture->result[i] - fixture->result[i % F]) <=
                    fixture->error[i] + fixture->error[i % F]);
    }
}

static void test_too_many_agents_are_refused(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(A, true);
    fixture_parameter(fixture, "A", 3);
    fixture_expect_refusal(fixture, "agent-attention", "kernel-extents");
    AUTO(kernel_fixture) plain = attention_new(5, false);
    fixture_expect_refusal(plain, "agent-attention", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_biases_and_convolution_are_added),
        cmocka_unit_test(test_one_agent_hands_every_query_the_same_value),
        cmocka_unit_test(test_too_many_agents_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
