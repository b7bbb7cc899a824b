/* Latent attention against the absorbed form in long double, and against
 * multi-head attention with expanded keys and values. */
#include "tests/kernel_fixture.h"

enum { H = 3, P = 6, M = 6, E = 4, R = 2, C = 5, F = 3 };

static struct kernel_fixture *latent_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmercf", (const int[]){H, P, M, E, R, C, F});
    fixture_input(fixture, "QC", "hpe", 1.0);
    fixture_input(fixture, "QR", "hpr", 1.0);
    fixture_input(fixture, "CK", "mc", 1.0);
    fixture_input(fixture, "KR", "mr", 1.0);
    fixture_input(fixture, "WUK", "hec", 0.5);
    fixture_input(fixture, "WUV", "hfc", 0.5);
    fixture_result(fixture, "AV", "hpf");
    return fixture;
}

static long double logit(const struct kernel_fixture *fixture, int h, int p,
                         int m)
{
    const double *qc = &fixture->tensors[0].value[(h * P + p) * E];
    const double *qr = &fixture->tensors[1].value[(h * P + p) * R];
    const double *ck = &fixture->tensors[2].value[m * C];
    const double *kr = &fixture->tensors[3].value[m * R];
    const double *wuk = &fixture->tensors[4].value[h * E * C];
    long double sum = oracle_dot(qr, kr, R);
    for (int c = 0; c < C; c++) {
        long double absorbed = 0.0L;
        for (int e = 0; e < E; e++) {
            absorbed += (long double)qc[e] * (long double)wuk[e * C + c];
        }
        sum += absorbed * (long double)ck[c];
    }
    return sum;
}

/* The absorbed form: attention over the latents themselves. */
static void absorb(const struct kernel_fixture *fixture, int h, int p,
                   int m_count, long double *result)
{
    long double latent[C] = {0.0L};
    long double sum = 0.0L;
    for (int m = 0; m < m_count; m++) {
        long double weight = expl(logit(fixture, h, p, m));
        sum += weight;
        for (int c = 0; c < C; c++) {
            latent[c] +=
                weight * (long double)fixture->tensors[2].value[m * C + c];
        }
    }
    for (int f = 0; f < F; f++) {
        const double *wuv = &fixture->tensors[5].value[(h * F + f) * C];
        result[f] = 0.0L;
        for (int c = 0; c < C; c++) {
            result[f] += latent[c] / sum * (long double)wuv[c];
        }
    }
}

static void check(const char *kernel, bool is_causal)
{
    AUTO(kernel_fixture) fixture = latent_new();
    long double exact[H * P * F];
    fixture_run(fixture, kernel);
    for (int hp = 0; hp < H * P; hp++) {
        absorb(fixture, hp / P, hp % P, is_causal ? hp % P + 1 : M,
               &exact[hp * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_absorbed_form_has_the_same_values(void **state)
{
    (void)state;
    check("mla", false);
}

static void test_causal_form_stops_at_the_query(void **state)
{
    (void)state;
    check("mla-causal", true);
}

static void test_identity_expansion_is_multi_head_attention(void **state)
{
    (void)state;
    enum { N = 4 };
    AUTO(kernel_fixture)
    fixture = kernel_fixture_new(2, "pmercf", (const int[]){P, M, N, 1, N, N});
    fixture_input(fixture, "QC", "pe", 1.0);
    fixture_input(fixture, "QR", "pr", 0.0);
    double *latent = fixture_input(fixture, "CK", "mc", 1.0);
    fixture_input(fixture, "KR", "mr", 1.0);
    double *wuk = fixture_input(fixture, "WUK", "ec", 0.0);
    double *wuv = fixture_input(fixture, "WUV", "fc", 0.0);
    fixture_result(fixture, "AV", "pf");
    for (int i = 0; i < N; i++) {
        wuk[i * N + i] = 1.0;
        wuv[i * N + i] = 1.0;
    }
    fixture_run(fixture, "mla");
    double value[P * N];
    double error[P * N];
    struct kernel_tensor tensors[] = {
        {"Q", "pe", {P, N}, fixture->tensors[0].value, NULL},
        {"K", "me", {M, N}, latent, NULL},
        {"V", "mf", {M, N}, latent, NULL},
        {"AV", "pf", {P, N}, value, error},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(kernel_run(kernel_find("softmax-attention"), tensors, 4,
                                diags, SPAN_NONE),
                     OK);
    assert_agrees(fixture, value, error, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absorbed_form_has_the_same_values),
        cmocka_unit_test(test_causal_form_stops_at_the_query),
        cmocka_unit_test(test_identity_expansion_is_multi_head_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
