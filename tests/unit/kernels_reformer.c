/* Reformer against an evaluation in long double that sorts with the C library
 * and knows attention as a mask over all pairs of places. */
#include "tests/kernel_fixture.h"

#include <stdlib.h>

enum { N = 24, E = 5, F = 3, R = 3, K = 2, G = 4 };

static struct kernel_fixture *attention_new(guint32 seed)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(seed, "pefrk", (const int[]){N, E, F, R, K});
    fixture_input(fixture, "Q", "pe", 1.0);
    fixture_input(fixture, "V", "pf", 1.0);
    fixture_result(fixture, "AV", "pf");
    fixture_input(fixture, "R", "rek", 1.0);
    fixture_parameter(fixture, "G", G);
    return fixture;
}

static int bucket_of(const struct kernel_fixture *fixture, int r, int n)
{
    int largest = 0;
    long double rotated[2 * K];
    for (int b = 0; b < 2 * K; b++) {
        rotated[b] = 0.0L;
        for (int e = 0; e < E; e++) {
            rotated[b] +=
                (b < K ? 1.0L : -1.0L) *
                (long double)fixture->tensors[0].value[n * E + e] *
                (long double)fixture->tensors[3].value[(r * E + e) * K + b % K];
        }
        largest = rotated[b] > rotated[largest] ? b : largest;
    }
    return largest;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

struct round {
    int bucket[N];
    int chunk[N];
};

static struct round hash(const struct kernel_fixture *fixture, int r, int size)
{
    struct round round;
    int key[N];
    for (int n = 0; n < N; n++) {
        round.bucket[n] = bucket_of(fixture, r, n);
        key[n] = round.bucket[n] * N + n;
    }
    qsort(key, N, sizeof(int), compare);
    for (int i = 0; i < N; i++) {
        round.chunk[key[i] % N] = i / size;
    }
    return round;
}

static bool sees(const struct round *round, int size, int n, int m)
{
    int chunks = N / size;
    bool is_near = round->chunk[m] == round->chunk[n] ||
                   round->chunk[m] == (round->chunk[n] + chunks - 1) % chunks;
    return is_near && round->bucket[m] == round->bucket[n];
}

/* All rounds at once: a pair's weight is the sum over rounds of exp(s), the
 * denominator the sum over all; which is what merging by log-sum-exp means. */
static void evaluate(const struct kernel_fixture *fixture, int size,
                     bool is_causal, long double *exact)
{
    struct round rounds[R];
    for (int r = 0; r < R; r++) {
        rounds[r] = hash(fixture, r, size);
    }
    for (int n = 0; n < N; n++) {
        long double numerator[F] = {0.0L};
        long double denominator = 0.0L;
        for (int i = 0; i < R * N; i++) {
            int m = i % N;
            const double *key = &fixture->tensors[0].value[m * E];
            if (!sees(&rounds[i / N], size, n, m) || (is_causal && m > n)) {
                continue;
            }
            long double logit =
                n == m ? -1e5L
                       : oracle_dot(&fixture->tensors[0].value[n * E], key, E) /
                             sqrtl(oracle_dot(key, key, E));
            /* exp(-1e5) is 0 in long double too: a token that is alone with
             * itself is a special case, below. */
            long double weight = expl(logit);
            denominator += weight;
            for (int f = 0; f < F; f++) {
                numerator[f] +=
                    weight * (long double)fixture->tensors[1].value[m * F + f];
            }
        }
        for (int f = 0; f < F; f++) {
            exact[n * F + f] =
                denominator > 0.0L
                    ? numerator[f] / denominator
                    : (long double)fixture->tensors[1].value[n * F + f];
        }
    }
}

static void check(guint32 seed, const char *kernel, int size, bool is_causal)
{
    AUTO(kernel_fixture) fixture = attention_new(seed);
    long double exact[N * F];
    fixture_parameter(fixture, "G", size);
    fixture_run(fixture, kernel);
    evaluate(fixture, size, is_causal, exact);
    assert_exact_within_bounds(fixture, exact, 1e-10);
}

static void test_rounds_of_chunks_are_a_mask_over_places(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed < 6; seed++) {
        check(seed, "reformer", G, false);
        check(seed, "reformer", 8, false);
    }
}

static void test_causal_form_sees_no_later_token(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed < 6; seed++) {
        check(seed, "reformer-causal", G, true);
    }
}

static void test_one_bucket_is_softmax_without_the_token_itself(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(7);
    double *q = fixture->tensors[0].value;
    for (int i = 0; i < N * E; i++) {
        q[i] = fabs(q[i]) + 0.1;
    }
    for (int i = 0; i < R * E * K; i++) {
        fixture->tensors[3].value[i] = i % K == 0 ? 1.0 : 0.25;
    }
    fixture_parameter(fixture, "G", N);
    fixture_run(fixture, "reformer");
    long double exact[N * F];
    for (int n = 0; n < N; n++) {
        long double sum = 0.0L;
        memset(&exact[n * F], 0, F * sizeof(long double));
        for (int m = 0; m < N; m++) {
            const double *key = &q[m * E];
            long double weight = m == n ? 0.0L
                                        : expl(oracle_dot(&q[n * E], key, E) /
                                               sqrtl(oracle_dot(key, key, E)));
            sum += weight;
            for (int f = 0; f < F; f++) {
                exact[n * F + f] +=
                    weight * (long double)fixture->tensors[1].value[m * F + f];
            }
        }
        for (int f = 0; f < F; f++) {
            exact[n * F + f] /= sum;
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_scaling_the_queries_scales_the_logits_alone(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(8);
    fixture_run(fixture, "reformer");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    for (int i = 0; i < N * E; i++) {
        fixture->tensors[0].value[i] *= 1e-3;
    }
    fixture_run(fixture, "reformer");
    assert_differs(fixture, value);
    assert_true(isfinite(fixture->error[0]));
}

static void test_a_bucket_on_the_edge_is_undecided(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(9);
    double *rotation = fixture->tensors[3].value;
    for (int e = 0; e < E; e++) {
        rotation[e * K + 1] = rotation[e * K]; /* two equal directions */
    }
    fixture_run(fixture, "reformer");
    for (int i = 0; i < N * F; i++) {
        assert_true(isinf(fixture->error[i]));
        assert_true(isfinite(fixture->result[i]));
    }
}

static void test_chunks_must_divide_the_sequence(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(10);
    fixture_parameter(fixture, "G", 5);
    fixture_expect_refusal(fixture, "reformer", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_of_chunks_are_a_mask_over_places),
        cmocka_unit_test(test_causal_form_sees_no_later_token),
        cmocka_unit_test(test_one_bucket_is_softmax_without_the_token_itself),
        cmocka_unit_test(test_scaling_the_queries_scales_the_logits_alone),
        cmocka_unit_test(test_a_bucket_on_the_edge_is_undecided),
        cmocka_unit_test(test_chunks_must_divide_the_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
