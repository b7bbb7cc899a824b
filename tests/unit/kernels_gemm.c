/* The matrix product against OpenBLAS and against long double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { M = 17, N = 13, K = 129 };

struct product {
    double a[M * K];
    double b[K * N];
    double z[M * N];
    double error[M * N];
};

static double random_value(GRand *random, double spread)
{
    double magnitude = exp(g_rand_double_range(random, -spread, spread));
    return g_rand_boolean(random) ? magnitude : -magnitude;
}

static struct product *product_new(guint32 seed, double spread)
{
    struct product *product = g_new0(struct product, 1);
    GRand *random = g_rand_new_with_seed(seed);
    for (int i = 0; i < M * K; i++) {
        product->a[i] = random_value(random, spread);
    }
    for (int i = 0; i < K * N; i++) {
        product->b[i] = random_value(random, spread);
    }
    g_rand_free(random);
    return product;
}

static void run(struct product *product)
{
    struct kernel_tensor tensors[] = {
        {"A", "mk", {M, K}, product->a, NULL},
        {"B", "kn", {K, N}, product->b, NULL},
        {"Z", "mn", {M, N}, product->z, product->error},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), tensors, 3, diags, SPAN_NONE), OK);
}

/* Exact to 2^-11 of the double's rounding: far below the bound. */
static long double exact(const struct product *product, int m, int n)
{
    long double sum = 0.0L;
    for (int k = 0; k < K; k++) {
        sum += (long double)product->a[m * K + k] *
               (long double)product->b[k * N + n];
    }
    return sum;
}

static void test_agrees_with_blas_within_both_bounds(void **state)
{
    (void)state;
    g_autofree struct product *product = product_new(1, 1.0);
    double blas[M * N];
    run(product);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, N, K, 1.0,
                product->a, K, product->b, N, 0.0, blas, N);
    for (int i = 0; i < M * N; i++) {
        /* The bound holds for any order of summation, so for both. */
        assert_true(fabs(blas[i] - product->z[i]) <= 2.0 * product->error[i]);
    }
}

static void test_bound_holds_with_cancellation(void **state)
{
    (void)state;
    g_autofree struct product *product = product_new(2, 20.0);
    run(product);
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            long double difference = fabsl(exact(product, m, n) -
                                           (long double)product->z[m * N + n]);
            assert_true(difference <=
                        (long double)product->error[m * N + n] * 1.001L);
        }
    }
}

static void test_bound_is_not_loose(void **state)
{
    (void)state;
    g_autofree struct product *product = product_new(3, 0.1);
    run(product);
    for (int i = 0; i < M * N; i++) {
        /* |a b| is at most exp(0.2): the a-priori bound cannot exceed this. */
        assert_true(product->error[i] <= 1.01 * K * 0x1p-53 * K * 1.23);
        assert_true(product->error[i] > 0.0);
    }
}

static void test_wrong_element_exceeds_bound(void **state)
{
    (void)state;
    g_autofree struct product *product = product_new(4, 1.0);
    run(product);
    product->a[5] *= 1.0 + 1e-9;
    long double difference =
        fabsl(exact(product, 0, 0) - (long double)product->z[0]);
    assert_true(difference > (long double)product->error[0]);
}

static void test_any_index_order_gives_the_same_bits(void **state)
{
    (void)state;
    g_autofree struct product *product = product_new(5, 1.0);
    g_autofree double *a = g_new(double, M *K);
    g_autofree double *b = g_new(double, K *N);
    g_autofree double *z = g_new(double, M *N);
    run(product);
    for (int k = 0; k < K; k++) {
        for (int m = 0; m < M; m++) {
            a[k * M + m] = product->a[m * K + k];
        }
        for (int n = 0; n < N; n++) {
            b[n * K + k] = product->b[k * N + n];
        }
    }
    struct kernel_tensor tensors[] = {
        {"Z", "nm", {N, M}, z, NULL},
        {"B", "nk", {N, K}, b, NULL},
        {"A", "km", {K, M}, a, NULL},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), tensors, 3, diags, SPAN_NONE), OK);
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            assert_memory_equal(&z[n * M + m], &product->z[m * N + n],
                                sizeof(double));
        }
    }
}

static void test_underflow_stays_within_bound(void **state)
{
    (void)state;
    double a[2] = {0x1p-600, 0x1p-537};
    double b[2] = {0x1p-600, 0x1.8p-537};
    double z = 1.0;
    double error = 0.0;
    struct kernel_tensor tensors[] = {
        {"A", "mk", {1, 2}, a, NULL},
        {"B", "kn", {2, 1}, b, NULL},
        {"Z", "mn", {1, 1}, &z, &error},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), tensors, 3, diags, SPAN_NONE), OK);
    long double sum = 0x1p-1200L + 0x1.8p-1074L;
    assert_true(error > 0.0);
    assert_true(fabsl(sum - (long double)z) <= (long double)error);
}

static void test_overflow_has_an_infinite_bound(void **state)
{
    (void)state;
    double a = 1e300;
    double b = 1e300;
    double z = 0.0;
    double error = 0.0;
    struct kernel_tensor tensors[] = {
        {"A", "mk", {1, 1}, &a, NULL},
        {"B", "kn", {1, 1}, &b, NULL},
        {"Z", "mn", {1, 1}, &z, &error},
    };
    AUTO(diags) diags = diags_new();
    assert_int_equal(
        kernel_run(kernel_find("gemm"), tensors, 3, diags, SPAN_NONE), OK);
    assert_true(isinf(error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_blas_within_both_bounds),
        cmocka_unit_test(test_bound_holds_with_cancellation),
        cmocka_unit_test(test_bound_is_not_loose),
        cmocka_unit_test(test_wrong_element_exceeds_bound),
        cmocka_unit_test(test_any_index_order_gives_the_same_bits),
        cmocka_unit_test(test_underflow_stays_within_bound),
        cmocka_unit_test(test_overflow_has_an_infinite_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
