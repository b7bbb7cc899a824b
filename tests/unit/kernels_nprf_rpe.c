/* Relative positions as the paper computes them: the Toeplitz product of each
 * feature and value by a circulant of length 2N, here with an O(n^2) discrete
 * Fourier transform in long double. */
#include "tests/kernel_fixture.h"

#include <complex.h>

enum { H = 2, N = 7, E = 4, F = 3, R = 5, D = 2 * N - 1, PERIOD = 2 * N };

static struct kernel_fixture *attention_new(void)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "htefrd", (const int[]){H, N, E, F, R, D});
    fixture_input(fixture, "Q", "hte", 1.0);
    fixture_input(fixture, "K", "hte", 3.0);
    fixture_input(fixture, "V", "htf", 1.0);
    fixture_result(fixture, "AV", "htf");
    fixture_input(fixture, "W", "hre", 1.0);
    fixture_input(fixture, "B", "hd", 1.0);
    return fixture;
}

static void transform(const long double complex *x, long double sign,
                      long double complex *result)
{
    const long double pi = acosl(-1.0L);
    for (int k = 0; k < PERIOD; k++) {
        result[k] = 0.0L;
        for (int n = 0; n < PERIOD; n++) {
            long double angle = sign * 2.0L * pi *
                                (long double)(k * n % PERIOD) /
                                (long double)PERIOD;
            result[k] +=
                x[n] * (cosl(angle) + sinl(angle) * (long double complex)I);
        }
    }
}

/* product[p] = sum over m of exp(B[p - m]) x[m]. */
static void toeplitz(const double *bias, bool is_causal, const long double *x,
                     long double *product)
{
    long double complex padded[PERIOD] = {0.0L};
    long double complex circulant[PERIOD] = {0.0L};
    long double complex x_hat[PERIOD];
    long double complex g_hat[PERIOD];
    for (int n = 0; n < N; n++) {
        padded[n] = x[n];
        circulant[n] = expl((long double)bias[n + N - 1]);
        if (n > 0 && !is_causal) {
            circulant[PERIOD - n] = expl((long double)bias[N - 1 - n]);
        }
    }
    transform(padded, -1.0L, x_hat);
    transform(circulant, -1.0L, g_hat);
    for (int k = 0; k < PERIOD; k++) {
        x_hat[k] *= g_hat[k];
    }
    transform(x_hat, 1.0L, padded);
    for (int n = 0; n < N; n++) {
        product[n] = creall(padded[n]) / (long double)PERIOD;
    }
}

/* With the paper's constant factors. */
static long double feature(const double *w, const double *x)
{
    return expl(oracle_dot(w, x, E) / sqrtl(oracle_dot(x, x, E)) - 0.5L) /
           sqrtl((long double)R);
}

static void evaluate(const struct kernel_fixture *fixture, int h,
                     bool is_causal, long double *exact)
{
    const double *q = &fixture->tensors[0].value[h * N * E];
    const double *k = &fixture->tensors[1].value[h * N * E];
    const double *v = &fixture->tensors[2].value[h * N * F];
    long double denominator[N] = {0.0L};
    memset(exact, 0, N * F * sizeof(long double));
    for (int i = 0; i < R * (F + 1); i++) {
        const double *w = &fixture->tensors[4].value[(h * R + i % R) * E];
        int f = i / R; /* F: the column of ones */
        long double column[N];
        long double product[N];
        for (int m = 0; m < N; m++) {
            column[m] = feature(w, &k[m * E]) *
                        (f == F ? 1.0L : (long double)v[m * F + f]);
        }
        toeplitz(&fixture->tensors[5].value[h * D], is_causal, column, product);
        for (int p = 0; p < N; p++) {
            long double term = feature(w, &q[p * E]) * product[p];
            if (f == F) {
                denominator[p] += term;
            } else {
                exact[p * F + f] += term;
            }
        }
    }
    for (int i = 0; i < N * F; i++) {
        exact[i] /= denominator[i / F];
    }
}

static void check(const char *kernel, bool is_causal)
{
    AUTO(kernel_fixture) fixture = attention_new();
    long double exact[H * N * F];
    fixture_run(fixture, kernel);
    for (int h = 0; h < H; h++) {
        evaluate(fixture, h, is_causal, &exact[h * N * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_dense_product_is_the_fourier_form(void **state)
{
    (void)state;
    check("nprf-rpe", false);
}

static void test_causal_product_is_the_fourier_form(void **state)
{
    (void)state;
    check("nprf-rpe-causal", true);
}

static void test_distances_must_fit_the_sequence(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new();
    fixture->tensors[5].extent[1] = N;
    fixture_expect_refusal(fixture, "nprf-rpe", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_product_is_the_fourier_form),
        cmocka_unit_test(test_causal_product_is_the_fourier_form),
        cmocka_unit_test(test_distances_must_fit_the_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
