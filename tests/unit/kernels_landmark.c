/* Landmark attention against long double with the weights as a matrix of
 * groups; the weights sum to 1. */
#include "tests/kernel_fixture.h"

enum { H = 2, N = 14, E = 4, F = 3, L = 4 };

static struct kernel_fixture *attention_new(int block)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "htef", (const int[]){H, N, E, F});
    fixture_input(fixture, "Q", "hte", 1.0);
    fixture_input(fixture, "K", "hte", 1.0);
    fixture_input(fixture, "V", "htf", 1.0);
    fixture_result(fixture, "AV", "htf");
    fixture_parameter(fixture, "L", block);
    return fixture;
}

static bool is_landmark(int m, int block)
{
    return m % block == block - 1;
}

/* The group in which query p's softmax puts key m: -1 none, N its own, else a
 * past block. */
static int group_of(int p, int m, int block)
{
    if (m > p || (m / block == p / block && is_landmark(m, block))) {
        return -1;
    }
    return m / block == p / block || is_landmark(m, block) ? N : m / block;
}

static long double probability(const double *q, const double *k, int p, int m,
                               int block)
{
    long double sum = 0.0L;
    for (int i = 0; i < N; i++) {
        if (group_of(p, i, block) == group_of(p, m, block)) {
            sum += expl(oracle_dot(&q[p * E], &k[i * E], E));
        }
    }
    return expl(oracle_dot(&q[p * E], &k[m * E], E)) / sum;
}

static long double weight(const double *q, const double *k, int p, int m,
                          int block)
{
    int group = group_of(p, m, block);
    if (group < 0 || is_landmark(m, block)) {
        return 0.0L;
    }
    long double own = probability(q, k, p, m, block);
    int landmark = m / block * block + block - 1;
    return group == N ? own : own * probability(q, k, p, landmark, block);
}

static void check(int block)
{
    AUTO(kernel_fixture) fixture = attention_new(block);
    long double exact[H * N * F] = {0.0L};
    fixture_run(fixture, "landmark");
    for (int i = 0; i < H * N * N; i++) {
        int h = i / (N * N);
        int p = i / N % N;
        int m = i % N;
        long double share =
            weight(&fixture->tensors[0].value[h * N * E],
                   &fixture->tensors[1].value[h * N * E], p, m, block);
        for (int f = 0; f < F; f++) {
            exact[(h * N + p) * F + f] +=
                share *
                (long double)fixture->tensors[2].value[(h * N + m) * F + f];
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_grouped_softmax_is_a_matrix_of_weights(void **state)
{
    (void)state;
    check(L);
    check(2);
    check(7);
}

static void test_weights_sum_to_one(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(L);
    for (int i = 0; i < H * N * F; i++) {
        fixture->tensors[2].value[i] = 1.0;
    }
    fixture_run(fixture, "landmark");
    for (int i = 0; i < H * N * F; i++) {
        assert_true(fabs(fixture->result[i] - 1.0) <= fixture->error[i]);
    }
}

static void test_block_longer_than_all_is_causal_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(N + 1);
    fixture_run(fixture, "landmark");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture->tensors[0].dims = "hpe";
    fixture->tensors[1].dims = "hme";
    fixture->tensors[2].dims = "hmf";
    fixture->tensors[3].dims = "hpf";
    fixture_run(fixture, "causal-attention");
    assert_agrees(fixture, value, error, 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grouped_softmax_is_a_matrix_of_weights),
        cmocka_unit_test(test_weights_sum_to_one),
        cmocka_unit_test(test_block_longer_than_all_is_causal_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
