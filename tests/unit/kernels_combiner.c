/* Combiner attention against long double, as the matrix of what each token gives
 * to each other; segments of one token and of all are causal attention. */
#include "tests/kernel_fixture.h"

enum { N = 12, R = 3, E = 4, F = 3 };

static struct kernel_fixture *attention_new(int64_t length)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(9, "sef", (const int[]){N, E, F});
    fixture_input(fixture, "Q", "se", 1.0);
    fixture_input(fixture, "K", "se", 1.0);
    fixture_input(fixture, "V", "sf", 1.0);
    fixture_result(fixture, "AV", "sf");
    fixture_parameter(fixture, "R", length);
    return fixture;
}

static long double largest(const double *x, int segment, int e)
{
    double found = -HUGE_VAL;
    for (int r = 0; r < R; r++) {
        found = fmax(found, x[(segment * R + r) * E + e]);
    }
    return (long double)found;
}

/* exp of the product of token t, or of the pool of segment s (t < 0), with token
 * i, or with the pool of segment s (i < 0). */
static long double power(const struct kernel_fixture *fixture, int t, int i,
                         int s)
{
    const double *q = fixture->tensors[0].value;
    const double *k = fixture->tensors[1].value;
    long double sum = 0.0L;
    for (int e = 0; e < E; e++) {
        sum += (t < 0 ? largest(q, s, e) : (long double)q[t * E + e]) *
               (i < 0 ? largest(k, s, e) : (long double)k[i * E + e]);
    }
    return expl(sum);
}

/* What is given by token i to token t, before the division by all. */
static long double weight(const struct kernel_fixture *fixture, int t, int i)
{
    if (i / R == t / R) {
        return i <= t ? power(fixture, t, i, 0) : 0.0L;
    }
    if (i > t) {
        return 0.0L;
    }
    long double all = 0.0L;
    for (int r = 0; r < R; r++) {
        all += power(fixture, -1, i / R * R + r, i / R);
    }
    return power(fixture, t, -1, i / R) * power(fixture, -1, i, i / R) / all;
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(R);
    long double exact[N * F] = {0.0L};
    fixture_run(fixture, "combiner");
    for (int t = 0; t < N; t++) {
        long double all = 0.0L;
        for (int i = 0; i < N; i++) {
            long double given = weight(fixture, t, i);
            all += given;
            for (int f = 0; f < F; f++) {
                exact[t * F + f] +=
                    given * (long double)fixture->tensors[2].value[i * F + f];
            }
        }
        for (int f = 0; f < F; f++) {
            exact[t * F + f] /= all;
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_trivial_segments_are_causal_attention(void **state)
{
    (void)state;
    const int64_t lengths[] = {1, N};
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        AUTO(kernel_fixture) fixture = attention_new(lengths[i]);
        fixture_run(fixture, "combiner");
        g_autofree double *value = fixture_copy(fixture, fixture->result);
        g_autofree double *error = fixture_copy(fixture, fixture->error);
        fixture->tensors[0].dims = "pe";
        fixture->tensors[1].dims = "me";
        fixture->tensors[2].dims = "mf";
        fixture->tensors[3].dims = "pf";
        fixture_run(fixture, "causal-attention");
        assert_agrees(fixture, value, error, 1e-12);
    }
}

static void test_segments_must_be_equal(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(5);
    fixture_expect_refusal(fixture, "combiner", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_trivial_segments_are_causal_attention),
        cmocka_unit_test(test_segments_must_be_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
