/* Flow attention against long double in its linear form; what the flows
 * conserve; the causal form's last token where both forms agree. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 6, E = 4, F = 3, LARGEST = 9 };

static const long double eps = (long double)1e-6;

static struct kernel_fixture *attention_new(int m_count, double scale)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmef", (const int[]){H, P, m_count, E, F});
    fixture_input(fixture, "Q", "hpe", scale);
    fixture_input(fixture, "K", "hme", scale);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    return fixture;
}

static long double sigmoid(long double x)
{
    return 1.0L / (1.0L + expl(-x));
}

static long double met(const double *x, const long double *sum)
{
    long double total = 0.0L;
    for (int e = 0; e < E; e++) {
        total += (sigmoid((long double)x[e]) + eps) * (sum[e] + eps);
    }
    return total;
}

static void add(long double *sum, const double *x, long double factor)
{
    for (int e = 0; e < E; e++) {
        sum[e] += sigmoid((long double)x[e]) * factor;
    }
}

static long double clamped(long double x)
{
    return fminl(fmaxl(x, -1.0L), 1.0L);
}

static void evaluate(const double *q, const double *k, const double *v,
                     int m_count, long double *exact)
{
    long double qs[E] = {0.0L};
    long double ks[E] = {0.0L};
    long double qsi[E] = {0.0L};
    long double kso[E] = {0.0L};
    long double kv[E][F] = {{0.0L}};
    long double total = 0.0L;
    for (int p = 0; p < P; p++) {
        add(qs, &q[p * E], 1.0L);
    }
    for (int m = 0; m < m_count; m++) {
        add(ks, &k[m * E], 1.0L);
    }
    for (int p = 0; p < P; p++) {
        add(qsi, &q[p * E], 1.0L / met(&q[p * E], ks));
    }
    for (int m = 0; m < m_count; m++) {
        add(kso, &k[m * E], 1.0L / met(&k[m * E], qs));
        total += expl(clamped(met(&k[m * E], qsi)));
    }
    for (int i = 0; i < m_count * E * F; i++) {
        int m = i / (E * F);
        kv[i / F % E][i % F] += sigmoid((long double)k[m * E + i / F % E]) *
                                (long double)v[m * F + i % F] *
                                expl(clamped(met(&k[m * E], qsi))) / total *
                                (long double)m_count;
    }
    for (int i = 0; i < P * F; i++) {
        const double *token = &q[i / F * E];
        long double allocation =
            sigmoid(met(token, kso) * (long double)P / (long double)m_count);
        exact[i] = 0.0L;
        for (int e = 0; e < E; e++) {
            exact[i] += sigmoid((long double)token[e]) * kv[e][i % F] *
                        allocation / met(token, ks);
        }
    }
}

static void evaluate_causal(const double *q, const double *k, const double *v,
                            long double *exact)
{
    long double qs[E] = {0.0L};
    long double ks[E] = {0.0L};
    long double qsi[E] = {0.0L};
    long double kso[E] = {0.0L};
    long double kv[E][F] = {{0.0L}};
    long double total = 0.0L;
    for (int t = 0; t < P; t++) {
        long double length = (long double)(t + 1);
        const double *query = &q[t * E];
        const double *key = &k[t * E];
        add(qs, query, 1.0L);
        add(ks, key, 1.0L);
        add(qsi, query, length / met(query, ks));
        add(kso, key, length / met(key, qs));
        long double strength = expl(clamped(met(key, qsi) / length));
        total += strength;
        for (int i = 0; i < E * F; i++) {
            kv[i / F][i % F] += sigmoid((long double)key[i / F]) *
                                (long double)v[t * F + i % F] * strength /
                                total * length;
        }
        for (int f = 0; f < F; f++) {
            exact[t * F + f] = 0.0L;
            for (int e = 0; e < E; e++) {
                exact[t * F + f] += sigmoid((long double)query[e]) * kv[e][f] /
                                    met(query, ks) *
                                    sigmoid(met(query, kso) / length);
            }
        }
    }
}

static void check(int m_count, bool is_causal, double scale)
{
    AUTO(kernel_fixture) fixture = attention_new(m_count, scale);
    long double exact[H * P * F];
    fixture_run(fixture, is_causal ? "flowformer-causal" : "flowformer");
    for (int h = 0; h < H; h++) {
        const double *q = &fixture->tensors[0].value[h * P * E];
        const double *k = &fixture->tensors[1].value[h * m_count * E];
        const double *v = &fixture->tensors[2].value[h * m_count * F];
        if (is_causal) {
            evaluate_causal(q, k, v, &exact[h * P * F]);
        } else {
            evaluate(q, k, v, m_count, &exact[h * P * F]);
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_linear_form_has_the_same_values(void **state)
{
    (void)state;
    check(LARGEST, false, 1.0);
    check(4, false, 3.0);
}

static void test_causal_form_is_the_streaming_recurrence(void **state)
{
    (void)state;
    check(P, true, 1.0);
    check(P, true, 3.0);
}

static void test_a_single_token_allocates_its_own_value(void **state)
{
    (void)state;
    AUTO(kernel_fixture)
    fixture = kernel_fixture_new(2, "pmef", (const int[]){1, 1, E, F});
    fixture_input(fixture, "Q", "pe", 1.0);
    fixture_input(fixture, "K", "me", 1.0);
    double *v = fixture_input(fixture, "V", "mf", 1.0);
    fixture_result(fixture, "AV", "pf");
    fixture_run(fixture, "flowformer");
    for (int f = 0; f < F; f++) {
        /* Incoming flow 1, conserved flow 1, up to the epsilons. */
        assert_true(fabs(fixture->result[f] - v[f] / (1.0 + exp(-1.0))) < 1e-5);
    }
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_run(fixture, "flowformer-causal");
    assert_agrees(fixture, value, error, 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_form_has_the_same_values),
        cmocka_unit_test(test_causal_form_is_the_streaming_recurrence),
        cmocka_unit_test(test_a_single_token_allocates_its_own_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
