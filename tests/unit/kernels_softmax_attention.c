/* Softmax attention against a long double evaluation of the formula that shifts
 * nothing it need not, on ordinary and on adversarial inputs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { B = 2, H = 3, P = 5, M = 37, E = 16, F = 7 };
enum {
    Q_COUNT = B * H * P * E,
    K_COUNT = B * H * M * E,
    V_COUNT = B * H * M * F,
    AV_COUNT = B * H * P * F,
};

struct attention {
    double q[Q_COUNT]; /* bhpe */
    double k[K_COUNT]; /* bhme */
    double v[V_COUNT]; /* bhmf */
    double av[AV_COUNT];
    double error[AV_COUNT];
};

/* Sum of twelve uniforms: near enough to normal for a test. */
static double random_normal(GRand *random)
{
    double sum = -6.0;
    for (int i = 0; i < 12; i++) {
        sum += g_rand_double(random);
    }
    return sum;
}

static void fill(GRand *random, double *value, int count, double scale)
{
    for (int i = 0; i < count; i++) {
        value[i] = scale * random_normal(random);
    }
}

static struct attention *attention_new(guint32 seed, double logit_scale)
{
    struct attention *attention = g_new0(struct attention, 1);
    GRand *random = g_rand_new_with_seed(seed);
    fill(random, attention->q, Q_COUNT, logit_scale);
    fill(random, attention->k, K_COUNT, 1.0);
    fill(random, attention->v, V_COUNT, 1.0);
    g_rand_free(random);
    return attention;
}

static void run(struct attention *attention)
{
    struct kernel_tensor tensors[] = {
        {"Q", "bhpe", {B, H, P, E}, attention->q, NULL},
        {"K", "bhme", {B, H, M, E}, attention->k, NULL},
        {"V", "bhmf", {B, H, M, F}, attention->v, NULL},
        {"AV", "bhpf", {B, H, P, F}, attention->av, attention->error},
    };
    AUTO(diags) diags = diags_new();
    const struct kernel *kernel = kernel_find("softmax-attention");
    assert_int_equal(kernel_run(kernel, tensors, 4, diags, SPAN_NONE), OK);
}

/* Element (bh, p, f) in long double. */
static long double exact(const struct attention *attention, int bh, int p,
                         int f)
{
    long double logit[M];
    long double largest = -HUGE_VALL;
    for (int m = 0; m < M; m++) {
        logit[m] = 0.0L;
        for (int e = 0; e < E; e++) {
            logit[m] += (long double)attention->q[(bh * P + p) * E + e] *
                        (long double)attention->k[(bh * M + m) * E + e];
        }
        largest = fmaxl(largest, logit[m]);
    }
    long double numerator = 0.0L;
    long double denominator = 0.0L;
    for (int m = 0; m < M; m++) {
        long double weight = expl(logit[m] - largest);
        numerator += weight * (long double)attention->v[(bh * M + m) * F + f];
        denominator += weight;
    }
    return numerator / denominator;
}

/* Largest |kernel - exact| / bound: at most 1 if the bound holds. */
static double worst_ratio(const struct attention *attention)
{
    long double worst = 0.0L;
    for (int i = 0; i < AV_COUNT; i++) {
        long double truth = exact(attention, i / (P * F), i / F % P, i % F);
        long double difference = fabsl(truth - (long double)attention->av[i]);
        long double ratio = difference / (long double)attention->error[i];
        /* A NaN is the worst of all. */
        worst = ratio <= worst ? worst : ratio;
    }
    return (double)worst;
}

static void test_bound_holds_for_ordinary_logits(void **state)
{
    (void)state;
    for (guint32 seed = 0; seed < 20; seed++) {
        g_autofree struct attention *attention = attention_new(seed, 1.0);
        run(attention);
        assert_true(worst_ratio(attention) <= 1.0);
    }
}

static void test_bound_is_not_loose(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(7, 0.25);
    run(attention);
    for (int i = 0; i < AV_COUNT; i++) {
        /* Logits of size 16 * 0.25 and V of size 1: E + M + a few roundings
         * on terms of size a few. */
        assert_true(attention->error[i] < 1e-13);
        assert_true(attention->error[i] > 0.0);
    }
    /* And the actual errors are not thousands of times smaller. */
    assert_true(worst_ratio(attention) > 1e-3);
}

static void test_bound_holds_for_huge_logits(void **state)
{
    (void)state;
    const double scales[] = {1e1, 1e3, 1e6, 1e10, 1e13};
    for (guint32 i = 0; i < G_N_ELEMENTS(scales); i++) {
        g_autofree struct attention *attention = attention_new(i, scales[i]);
        run(attention);
        for (int at = 0; at < AV_COUNT; at++) {
            assert_true(isfinite(attention->av[at]));
            assert_true(isfinite(attention->error[at]));
        }
        assert_true(worst_ratio(attention) <= 1.0);
    }
}

static void
test_bound_is_the_range_of_v_when_logits_have_no_digits(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(3, 1e200);
    run(attention);
    for (int i = 0; i < AV_COUNT; i++) {
        assert_true(attention->error[i] <= 2.001 * 6.0);
    }
}

/* All keys equal: the weights are 1/M and the result is the mean of V. */
static void test_ties_give_the_mean(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(11, 30.0);
    for (int i = E; i < M * E; i++) {
        attention->k[i] = attention->k[i - E];
    }
    run(attention);
    for (int f = 0; f < F; f++) {
        long double sum = 0.0L;
        for (int m = 0; m < M; m++) {
            sum += (long double)attention->v[m * F + f];
        }
        double mean = (double)(sum / M);
        assert_true(fabs(attention->av[f] - mean) <= attention->error[f]);
        assert_true(fabs(attention->av[f] - mean) < 1e-14);
    }
    assert_true(worst_ratio(attention) <= 1.0);
}

/* One key far ahead of the others: the result is its value. */
static void test_one_winner_gives_its_value(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(12, 1.0);
    for (int e = 0; e < E; e++) {
        attention->q[e] = 10.0;
        for (int m = 0; m < M; m++) {
            attention->k[m * E + e] = m == 21 ? 10.0 : -10.0;
        }
    }
    run(attention);
    for (int f = 0; f < F; f++) {
        /* exp(-3200) is 0 in double: exactly the value. */
        assert_memory_equal(&attention->av[f], &attention->v[21 * F + f],
                            sizeof(double));
    }
}

static void test_a_shift_of_all_logits_changes_nothing(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(13, 1.0);
    g_autofree struct attention *shifted =
        g_memdup2(attention, sizeof(*attention));
    run(attention);
    /* One more coordinate's worth: every logit of (b,h,p) grows by the same. */
    for (int i = 0; i < K_COUNT; i += E) {
        attention->k[i] = 0.0;
        shifted->k[i] = 4.0;
    }
    run(attention);
    run(shifted);
    for (int i = 0; i < AV_COUNT; i++) {
        assert_true(fabs(attention->av[i] - shifted->av[i]) <=
                    attention->error[i] + shifted->error[i]);
    }
}

static void test_a_wrong_key_exceeds_the_bound(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(14, 1.0);
    run(attention);
    attention->k[0] += 1e-6;
    assert_true(worst_ratio(attention) > 1.0);
}

static void test_overflow_has_an_infinite_bound(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(15, 1.0);
    attention->q[0] = 1e300;
    attention->k[0] = 1e300;
    run(attention);
    assert_true(isnan(attention->av[0]));
    assert_true(isinf(attention->error[0]));
    assert_true(isfinite(attention->error[AV_COUNT - 1]));
}

/* Logits by BLAS, softmax by hand: shares no loop with the kernel. */
static void test_agrees_with_blas(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(16, 1.0);
    double weight[P * M];
    double av[P * F];
    run(attention);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, P, M, E, 1.0,
                attention->q, E, attention->k, E, 0.0, weight, M);
    for (int p = 0; p < P; p++) {
        for (int m = 0; m < M; m++) {
            weight[p * M + m] = exp(weight[p * M + m]);
        }
        double norm = cblas_dasum(M, &weight[p * M], 1);
        cblas_dscal(M, 1.0 / norm, &weight[p * M], 1);
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, P, F, M, 1.0, weight,
                M, attention->v, F, 0.0, av, F);
    for (int i = 0; i < P * F; i++) {
        assert_true(fabs(av[i] - attention->av[i]) < 1e-12);
    }
}

/* K and V without heads are shared by all (multi-query attention); and the
 * result may be stored in another order. */
static void test_missing_dimensions_are_shared(void **state)
{
    (void)state;
    g_autofree struct attention *attention = attention_new(17, 1.0);
    for (int b = 0; b < B; b++) {
        for (int h = 1; h < H; h++) {
            memcpy(&attention->k[(b * H + h) * M * E],
                   &attention->k[b * H * M * E], M * E * sizeof(double));
            memcpy(&attention->v[(b * H + h) * M * F],
                   &attention->v[b * H * M * F], M * F * sizeof(double));
        }
    }
    run(attention);
    double k[B * M * E];
    double v[B * M * F];
    g_autofree double *av = g_new0(double, AV_COUNT);
    for (int b = 0; b < B; b++) {
        memcpy(&k[b * M * E], &attention->k[b * H * M * E],
               M * E * sizeof(double));
        memcpy(&v[b * M * F], &attention->v[b * H * M * F],
               M * F * sizeof(double));
    }
    struct kernel_tensor tensors[] = {
        {"Q", "bhpe", {B, H, P, E}, attention->q, NULL},
        {"K", "bme", {B, M, E}, k, NULL},
        {"V", "bmf", {B, M, F}, v, NULL},
        {"AV", "fphb", {F, P, H, B}, av, NULL},
    };
    AUTO(diags) diags = diags_new();
    const struct kernel *kernel = kernel_find("softmax-attention");
    assert_int_equal(kernel_run(kernel, tensors, 4, diags, SPAN_NONE), OK);
    for (int i = 0; i < AV_COUNT; i++) {
        int b = i / (H * P * F);
        int h = i / (P * F) % H;
        int p = i / F % P;
        int f = i % F;
        assert_memory_equal(&av[((f * P + p) * H + h) * B + b],
                            &attention->av[i], sizeof(double));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_holds_for_ordinary_logits),
        cmocka_unit_test(test_bound_is_not_loose),
        cmocka_unit_test(test_bound_holds_for_huge_logits),
        cmocka_unit_test(
            test_bound_is_the_range_of_v_when_logits_have_no_digits),
        cmocka_unit_test(test_ties_give_the_mean),
        cmocka_unit_test(test_one_winner_gives_its_value),
        cmocka_unit_test(test_a_shift_of_all_logits_changes_nothing),
        cmocka_unit_test(test_a_wrong_key_exceeds_the_bound),
        cmocka_unit_test(test_overflow_has_an_infinite_bound),
        cmocka_unit_test(test_agrees_with_blas),
        cmocka_unit_test(test_missing_dimensions_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
