/* k-means attention: assignments by a count in long double, what a tie does. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 4, M = 15, E = 3, F = 2 };

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmef", (const int[]){H, P, M, E, F});
    fixture_input(fixture, "Q", "hpe", 1.0);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    return fixture;
}

static int nearest(const double *q, const double *key)
{
    int best = 0;
    for (int p = 1; p < P; p++) {
        bool is_closer =
            oracle_dot(&q[p * E], key, E) > oracle_dot(&q[best * E], key, E);
        best = is_closer ? p : best;
    }
    return best;
}

static void test_values_are_summed_where_keys_belong(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    long double exact[H * P * F] = {0.0L};
    fixture_run(fixture, "kmax");
    for (int i = 0; i < H * M * F; i++) {
        int h = i / (M * F);
        int p = nearest(&fixture->tensors[0].value[h * P * E],
                        &fixture->tensors[1].value[i / F * E]);
        exact[(h * P + p) * F + i % F] +=
            (long double)fixture->tensors[2].value[i];
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_every_key_counts_once(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    for (int i = 0; i < H * M * F; i++) {
        fixture->tensors[2].value[i] = 1.0;
    }
    fixture_run(fixture, "kmax");
    double total = 0.0;
    for (int i = 0; i < H * P * F; i++) {
        total += fixture->result[i];
    }
    assert_true(fabs(total - H * M * F) < 1e-9);
}

static void test_a_tie_leaves_only_its_centres_undecided(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    double *q = fixture->tensors[0].value;
    double *k = fixture->tensors[1].value;
    /* Of head 0: centres 1 and 3 are one, and some key is theirs. */
    memcpy(&q[3 * E], &q[1 * E], E * sizeof(double));
    memcpy(k, &q[1 * E], E * sizeof(double));
    for (int e = 0; e < E; e++) {
        k[e] *= 100.0;
        q[0 * E + e] = -q[1 * E + e];
        q[2 * E + e] = -2.0 * q[1 * E + e];
    }
    fixture_run(fixture, "kmax");
    assert_true(isinf(fixture->error[1 * F]));
    assert_true(isinf(fixture->error[3 * F]));
    assert_true(isfinite(fixture->error[0]));
    assert_true(isfinite(fixture->error[2 * F]));
    assert_true(isfinite(fixture->error[P * F]));
}

static void test_exact_ties_go_to_the_lowest_centre(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    /* Products with zero are exact. */
    memset(fixture->tensors[1].value, 0, sizeof(double[H * M * E]));
    fixture_run(fixture, "kmax");
    for (int i = 0; i < H * P * F; i++) {
        bool is_first = i / F % P == 0;
        assert_true(isfinite(fixture->error[i]));
        assert_true(is_first == (fabs(fixture->result[i]) > 0.0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_summed_where_keys_belong),
        cmocka_unit_test(test_every_key_counts_once),
        cmocka_unit_test(test_a_tie_leaves_only_its_centres_undecided),
        cmocka_unit_test(test_exact_ties_go_to_the_lowest_centre),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
