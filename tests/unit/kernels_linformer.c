/* Linformer against long double; with projections that do nothing it is softmax
 * attention. */
#include "tests/kernel_fixture.h"

enum { H = 2, P = 5, M = 8, E = 4, F = 3, K = 3 };

static struct kernel_fixture *attention_new(int k_count, bool has_fp)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmefk", (const int[]){H, P, M, E, F, k_count});
    fixture_input(fixture, "Q", "hpe", 1.0);
    fixture_input(fixture, "K", "hme", 1.0);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    fixture_input(fixture, "EP", "km", 0.5);
    if (has_fp) {
        fixture_input(fixture, "FP", "hkm", 0.5);
    }
    return fixture;
}

/* One element, with logits sum over m of EP[k,m] (Q K[m]): the projection after
 * the products, not before. */
static long double element(const struct kernel_fixture *fixture, int h, int p,
                           int f, bool has_fp)
{
    const double *q = &fixture->tensors[0].value[(h * P + p) * E];
    const double *ep = fixture->tensors[4].value;
    const double *fp = has_fp ? &fixture->tensors[5].value[h * K * M] : ep;
    long double numerator = 0.0L;
    long double denominator = 0.0L;
    for (int k = 0; k < K; k++) {
        long double logit = 0.0L;
        long double value = 0.0L;
        for (int m = 0; m < M; m++) {
            logit +=
                (long double)ep[k * M + m] *
                oracle_dot(q, &fixture->tensors[1].value[(h * M + m) * E], E);
            value +=
                (long double)fp[k * M + m] *
                (long double)fixture->tensors[2].value[(h * M + m) * F + f];
        }
        numerator += expl(logit) * value;
        denominator += expl(logit);
    }
    return numerator / denominator;
}

static void check(bool has_fp)
{
    AUTO(kernel_fixture) fixture = attention_new(K, has_fp);
    long double exact[H * P * F];
    fixture_run(fixture, "linformer");
    for (int i = 0; i < H * P * F; i++) {
        exact[i] = element(fixture, i / (P * F), i / F % P, i % F, has_fp);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    check(true);
}

static void test_one_projection_may_serve_keys_and_values(void **state)
{
    (void)state;
    check(false);
}

static void test_identity_projection_is_softmax_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(M, false);
    for (int i = 0; i < M * M; i++) {
        fixture->tensors[4].value[i] = i % (M + 1) == 0 ? 1.0 : 0.0;
    }
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture_run(fixture, "linformer");
    assert_agrees(fixture, value, error, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_one_projection_may_serve_keys_and_values),
        cmocka_unit_test(test_identity_projection_is_softmax_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
