/* Performer attention, computed in quadratic form, against its linear form in
 * long double; and against the softmax that many features approximate. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 5, M = 7, E = 4, F = 3, R = 6 };

static struct kernel_fixture *attention_new(guint32 seed, int m_count,
                                            int r_count, double scale)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        seed, "hpmefr", (const int[]){H, P, m_count, E, F, r_count});
    fixture_input(fixture, "Q", "hpe", scale);
    fixture_input(fixture, "K", "hme", scale);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    fixture_input(fixture, "W", "hre", 1.0);
    return fixture;
}

static long double projection(const struct kernel_fixture *fixture, int h,
                              const double *x, int r)
{
    return oracle_dot(&fixture->tensors[4].value[(h * R + r) * E], x, E);
}

/* Features of the `count` tokens at x[n,e]; one shift for all or for each. */
static void features(const struct kernel_fixture *fixture, int h,
                     const double *x, int count, bool is_shift_shared,
                     long double *feature)
{
    for (int n = 0; n < count; n++) {
        long double shift = -HUGE_VALL;
        for (int i = 0; i < count * R; i++) {
            if (is_shift_shared || i / R == n) {
                shift =
                    fmaxl(shift, projection(fixture, h, &x[i / R * E], i % R));
            }
        }
        for (int r = 0; r < R; r++) {
            const double *token = &x[n * E];
            feature[n * R + r] =
                (expl(projection(fixture, h, token, r) -
                      oracle_dot(token, token, E) / 2.0L - shift) +
                 (long double)1e-4) /
                sqrtl((long double)R);
        }
    }
}

/* From state KV[r,f], KS[r], as the linear form has it. */
static void emit(const long double *feature, const long double *kv,
                 const long double *ks, long double *result)
{
    long double denominator = 0.0L;
    for (int f = 0; f < F; f++) {
        result[f] = 0.0L;
    }
    for (int r = 0; r < R; r++) {
        denominator += feature[r] * ks[r];
        for (int f = 0; f < F; f++) {
            result[f] += feature[r] * kv[r * F + f];
        }
    }
    for (int f = 0; f < F; f++) {
        result[f] /= denominator;
    }
}

static void evaluate(const struct kernel_fixture *fixture, int m_count,
                     bool is_causal, long double *exact)
{
    for (int h = 0; h < H; h++) {
        long double q[P * R];
        long double k[M * R];
        long double kv[R * F] = {0.0L};
        long double ks[R] = {0.0L};
        int absorbed = 0;
        features(fixture, h, &fixture->tensors[0].value[h * P * E], P, false,
                 q);
        features(fixture, h, &fixture->tensors[1].value[h * m_count * E],
                 m_count, true, k);
        for (int p = 0; p < P; p++) {
            for (; absorbed < (is_causal ? p + 1 : m_count); absorbed++) {
                const double *v =
                    &fixture->tensors[2].value[(h * m_count + absorbed) * F];
                for (int i = 0; i < R * F; i++) {
                    kv[i] += k[absorbed * R + i / F] * (long double)v[i % F];
                }
                for (int r = 0; r < R; r++) {
                    ks[r] += k[absorbed * R + r];
                }
            }
            emit(&q[p * R], kv, ks, &exact[(h * P + p) * F]);
        }
    }
}

static void check(const char *kernel, int m_count, bool is_causal)
{
    AUTO(kernel_fixture) fixture = attention_new(1, m_count, R, 0.7);
    long double exact[H * P * F];
    fixture_run(fixture, kernel);
    evaluate(fixture, m_count, is_causal, exact);
    assert_exact_within_bounds(fixture, exact, 1e-11);
}

static void test_quadratic_form_is_the_linear_form(void **state)
{
    (void)state;
    check("performer", M, false);
}

static void test_causal_form_is_the_recurrence(void **state)
{
    (void)state;
    check("performer-causal", P, true);
}

static void test_many_features_approximate_softmax(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(2, M, 20000, 0.3);
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    fixture_run(fixture, "performer");
    for (int i = 0; i < H * P * F; i++) {
        assert_true(fabs(value[i] - fixture->result[i]) < 0.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quadratic_form_is_the_linear_form),
        cmocka_unit_test(test_causal_form_is_the_recurrence),
        cmocka_unit_test(test_many_features_approximate_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
