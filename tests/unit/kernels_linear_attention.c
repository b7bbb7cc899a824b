/* Linear attention, computed in quadratic form, against its recurrent form in
 * long double: state S[e,f] and normaliser Z[e]. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 8, E = 5, F = 3 };

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

static long double phi(double x)
{
    return x > 0.0 ? (long double)x + 1.0L : expl((long double)x);
}

struct state {
    long double s[E][F];
    long double z[E];
};

static void absorb(struct state *state, const double *k, const double *v)
{
    for (int e = 0; e < E; e++) {
        state->z[e] += phi(k[e]);
        for (int f = 0; f < F; f++) {
            state->s[e][f] += phi(k[e]) * (long double)v[f];
        }
    }
}

static void emit(const struct state *state, const double *q,
                 long double *result)
{
    long double denominator = (long double)1e-6;
    for (int e = 0; e < E; e++) {
        denominator += phi(q[e]) * state->z[e];
    }
    for (int f = 0; f < F; f++) {
        result[f] = 0.0L;
        for (int e = 0; e < E; e++) {
            result[f] += phi(q[e]) * state->s[e][f] / denominator;
        }
    }
}

static void check(const char *kernel, int m_count, bool is_causal, double scale)
{
    AUTO(kernel_fixture) fixture = attention_new(m_count, scale);
    long double exact[H * P * F];
    fixture_run(fixture, kernel);
    for (int h = 0; h < H; h++) {
        struct state state = {0};
        int absorbed = 0;
        for (int p = 0; p < P; p++) {
            for (; absorbed < (is_causal ? p + 1 : m_count); absorbed++) {
                int at = h * m_count + absorbed;
                absorb(&state, &fixture->tensors[1].value[at * E],
                       &fixture->tensors[2].value[at * F]);
            }
            emit(&state, &fixture->tensors[0].value[(h * P + p) * E],
                 &exact[(h * P + p) * F]);
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-13);
}

static void test_quadratic_form_is_the_reassociated_form(void **state)
{
    (void)state;
    check("linear-attention", 11, false, 1.0);
}

static void test_causal_quadratic_form_is_the_recurrence(void **state)
{
    (void)state;
    check("linear-attention-causal", P, true, 1.0);
}

static void test_bounds_hold_for_vanishing_features(void **state)
{
    (void)state;
    check("linear-attention", 11, false, 30.0);
}

static void test_causal_form_takes_one_sequence(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(P + 1, 1.0);
    fixture_expect_refusal(fixture, "linear-attention-causal",
                           "kernel-extents");
}

static void test_sequence_may_have_any_name(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(P, 1.0);
    fixture_run(fixture, "linear-attention-causal");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture->tensors[0].dims = "hte";
    fixture->tensors[1].dims = "hte";
    fixture->tensors[2].dims = "hnf";
    fixture->tensors[3].dims = "hsf";
    memset(fixture->result, 0, sizeof(double));
    fixture_run(fixture, "linear-attention-causal");
    assert_agrees(fixture, value, error, 1e-13);
    fixture->tensors[0].dims = "hxe";
    fixture_expect_refusal(fixture, "linear-attention-causal",
                           "kernel-dimensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quadratic_form_is_the_reassociated_form),
        cmocka_unit_test(test_causal_quadratic_form_is_the_recurrence),
        cmocka_unit_test(test_bounds_hold_for_vanishing_features),
        cmocka_unit_test(test_causal_form_takes_one_sequence),
        cmocka_unit_test(test_sequence_may_have_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
