/* Nystroem attention against long double, with the inverse's polynomial
 * multiplied out; with every token a landmark and an easy matrix it converges to
 * softmax attention. */
#include "tests/kernel_fixture.h"

enum { H = 2, N = 12, E = 4, F = 3, L = 3, TAPS = 3 };

struct matrix {
    int rows;
    int columns;
    long double at[N * N];
};

static struct kernel_fixture *attention_new(int landmarks, double scale,
                                            bool has_taps)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "hpmefk", (const int[]){H, N, N, E, F, TAPS});
    fixture_input(fixture, "Q", "hpe", scale);
    fixture_input(fixture, "K", "hme", scale);
    fixture_input(fixture, "V", "hmf", 1.0);
    fixture_result(fixture, "AV", "hpf");
    if (has_taps) {
        fixture_input(fixture, "WC", "hk", 1.0);
    }
    fixture_parameter(fixture, "L", landmarks);
    return fixture;
}

static struct matrix product(const struct matrix *a, const struct matrix *b)
{
    struct matrix c = {a->rows, b->columns, {0.0L}};
    for (int i = 0; i < a->rows * b->columns; i++) {
        for (int k = 0; k < a->columns; k++) {
            c.at[i] += a->at[i / c.columns * a->columns + k] *
                       b->at[k * b->columns + i % c.columns];
        }
    }
    return c;
}

static struct matrix means(const double *x, int rows)
{
    struct matrix mean = {rows, E, {0.0L}};
    for (int i = 0; i < N * E; i++) {
        mean.at[i / E / (N / rows) * E + i % E] +=
            (long double)x[i] / (long double)(N / rows);
    }
    return mean;
}

static struct matrix softmax_of(const struct matrix *a, const struct matrix *b)
{
    struct matrix weight = {a->rows, b->rows, {0.0L}};
    for (int i = 0; i < a->rows; i++) {
        long double sum = 0.0L;
        for (int j = 0; j < b->rows; j++) {
            long double logit = 0.0L;
            for (int e = 0; e < E; e++) {
                logit += a->at[i * E + e] * b->at[j * E + e];
            }
            weight.at[i * b->rows + j] = expl(logit);
            sum += expl(logit);
        }
        for (int j = 0; j < b->rows; j++) {
            weight.at[i * b->rows + j] /= sum;
        }
    }
    return weight;
}

/* Z (13 - 15 X + 7 X^2 - X^3) / 4 with X = S Z. */
static struct matrix step(const struct matrix *s, const struct matrix *z)
{
    struct matrix x = product(s, z);
    struct matrix x2 = product(&x, &x);
    struct matrix x3 = product(&x2, &x);
    struct matrix polynomial = x;
    for (int i = 0; i < x.rows * x.rows; i++) {
        polynomial.at[i] = -15.0L * x.at[i] + 7.0L * x2.at[i] - x3.at[i] +
                           (i % (x.rows + 1) == 0 ? 13.0L : 0.0L);
        polynomial.at[i] /= 4.0L;
    }
    return product(z, &polynomial);
}

static struct matrix inverse(const struct matrix *s)
{
    struct matrix z = *s;
    long double largest = 0.0L;
    for (int j = 0; j < s->rows; j++) {
        long double sum = 0.0L;
        for (int i = 0; i < s->rows; i++) {
            sum += s->at[i * s->rows + j];
        }
        largest = fmaxl(largest, sum);
    }
    for (int i = 0; i < s->rows * s->rows; i++) {
        z.at[i] = s->at[i % s->rows * s->rows + i / s->rows] / largest;
    }
    for (int i = 0; i < 6; i++) {
        z = step(s, &z);
    }
    return z;
}

static void evaluate(const struct kernel_fixture *fixture, int h, int landmarks,
                     long double *exact)
{
    const double *v = &fixture->tensors[2].value[h * N * F];
    struct matrix q = means(&fixture->tensors[0].value[h * N * E], N);
    struct matrix k = means(&fixture->tensors[1].value[h * N * E], N);
    struct matrix ql = means(&fixture->tensors[0].value[h * N * E], landmarks);
    struct matrix kl = means(&fixture->tensors[1].value[h * N * E], landmarks);
    struct matrix values = {N, F, {0.0L}};
    for (int i = 0; i < N * F; i++) {
        values.at[i] = (long double)v[i];
    }
    struct matrix a = softmax_of(&q, &kl);
    struct matrix s = softmax_of(&ql, &kl);
    struct matrix b = softmax_of(&ql, &k);
    struct matrix z = inverse(&s);
    struct matrix az = product(&a, &z);
    struct matrix weight = product(&az, &b);
    struct matrix result = product(&weight, &values);
    memcpy(exact, result.at, N * F * sizeof(long double));
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(L, 1.0, false);
    long double exact[H * N * F];
    fixture_run(fixture, "nystromformer");
    for (int h = 0; h < H; h++) {
        evaluate(fixture, h, L, &exact[h * N * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-6);
}

static void test_convolution_is_added(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(L, 1.0, true);
    long double exact[H * N * F];
    fixture_run(fixture, "nystromformer");
    for (int h = 0; h < H; h++) {
        evaluate(fixture, h, L, &exact[h * N * F]);
    }
    for (int i = 0; i < H * N * F; i++) {
        int n = i / F % N;
        for (int k = 0; k < TAPS; k++) {
            bool is_inside = n + k - 1 >= 0 && n + k - 1 < N;
            exact[i] +=
                is_inside
                    ? (long double)fixture->tensors[2].value[i + (k - 1) * F] *
                          (long double)fixture->tensors[4]
                              .value[i / (N * F) * TAPS + k]
                    : 0.0L;
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-6);
}

static void test_all_tokens_as_landmarks_give_softmax_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(N, 0.0, false);
    /* Token i looks at key i mod 4, strongly for the first four only. */
    for (int i = 0; i < H * N * E; i++) {
        int n = i / E % N;
        fixture->tensors[0].value[i] = n % E == i % E ? 3.0 : 0.0;
        fixture->tensors[1].value[i] = n % E == i % E ? 3.0 : 0.0;
    }
    fixture_run(fixture, "softmax-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    fixture_run(fixture, "nystromformer");
    for (int i = 0; i < H * N * F; i++) {
        assert_true(fabs(value[i] - fixture->result[i]) < 1e-3);
    }
}

static void test_landmarks_must_divide_the_sequence(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(5, 1.0, false);
    fixture_expect_refusal(fixture, "nystromformer", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_convolution_is_added),
        cmocka_unit_test(test_all_tokens_as_landmarks_give_softmax_attention),
        cmocka_unit_test(test_landmarks_must_divide_the_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
