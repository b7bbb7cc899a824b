/* Transforms: the fast algorithm against FFTW and against sums in long double,
 * its bound and its counts, and statements that use it against matrices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fftw3.h>
#include <math.h>

#include "einsum/transform.h"
#include "tests/unit/einsum_text.h"

/* Every radix, their products, primes that need a convolution. */
static const int64_t lengths[] = {
    1,  2,  3,  4,  5,  6,   7,   8,   9,   10,  11,  12,  13,
    14, 15, 16, 17, 19, 20,  24,  25,  27,  30,  32,  34,  49,
    60, 64, 77, 97, 99, 100, 121, 128, 169, 251, 360, 512, 1000};

static double random_value(GRand *random)
{
    return g_rand_double_range(random, -1.0, 1.0);
}

/* ---- one fiber against FFTW ------------------------------------------------ */

static void run_fftw(const struct transform_shape *shape,
                     const struct fft_value *in, struct fft_value *out)
{
    int n = (int)MAX(shape->in_count, shape->out_count);
    fftw_complex *a = fftw_alloc_complex((size_t)n);
    fftw_complex *b = fftw_alloc_complex((size_t)n);
    double *x = fftw_alloc_real((size_t)n);
    double *y = fftw_alloc_real((size_t)n);
    fftw_plan plan = NULL;
    if (shape->kind == TRANSFORM_FFT || shape->kind == TRANSFORM_IFFT) {
        int sign = shape->kind == TRANSFORM_FFT ? FFTW_FORWARD : FFTW_BACKWARD;
        plan = fftw_plan_dft_1d(n, a, b, sign, FFTW_ESTIMATE);
    } else if (shape->kind == TRANSFORM_RFFT) {
        plan = fftw_plan_dft_r2c_1d(n, x, b, FFTW_ESTIMATE);
    } else if (shape->kind == TRANSFORM_IRFFT) {
        n = (int)shape->out_count;
        plan = fftw_plan_dft_c2r_1d(n, a, y, FFTW_ESTIMATE);
    } else {
        fftw_r2r_kind kind =
            shape->kind == TRANSFORM_DCT ? FFTW_REDFT10 : FFTW_REDFT01;
        plan = fftw_plan_r2r_1d(n, x, y, kind, FFTW_ESTIMATE);
    }
    for (int64_t j = 0; j < shape->in_count; j++) {
        /* REDFT01: in[0] + 2 sum in[j] cos(..) */
        double scale = shape->kind != TRANSFORM_IDCT ? 1.0
                       : j == 0                      ? sqrt(1.0 / n)
                                                     : sqrt(0.5 / n);
        a[j][0] = in[j].re;
        a[j][1] = shape->is_complex ? in[j].im : 0.0;
        x[j] = in[j].re * scale;
    }
    fftw_execute(plan);
    for (int64_t k = 0; k < shape->out_count; k++) {
        bool is_real = shape->kind >= TRANSFORM_IRFFT;
        /* REDFT10: 2 sum in[j] cos(..) */
        double scale =
            shape->kind == TRANSFORM_DCT ? sqrt((k == 0 ? 0.25 : 0.5) / n)
            : shape->kind == TRANSFORM_IFFT || shape->kind == TRANSFORM_IRFFT
                ? 1.0 / n
                : 1.0;
        out[k].re = scale * (is_real ? y[k] : b[k][0]);
        out[k].im = is_real ? 0.0 : scale * b[k][1];
    }
    fftw_destroy_plan(plan);
    fftw_free(a);
    fftw_free(b);
    fftw_free(x);
    fftw_free(y);
}

/* The definitions in transform.h, in long double. */
static void run_sums(const struct transform_shape *shape,
                     const struct fft_value *in, struct fft_value *out)
{
    int64_t n =
        shape->kind == TRANSFORM_IRFFT ? shape->out_count : shape->in_count;
    long double turn = 2.0L * 3.14159265358979323846264338327950288L;
    for (int64_t k = 0; k < shape->out_count; k++) {
        long double re = 0.0L;
        long double im = 0.0L;
        for (int64_t j = 0; j < shape->in_count; j++) {
            bool is_dct = shape->kind == TRANSFORM_DCT;
            bool is_cosine = is_dct || shape->kind == TRANSFORM_IDCT;
            int64_t steps = is_dct      ? (2 * j + 1) * k
                            : is_cosine ? (2 * k + 1) * j
                                        : j * k;
            int64_t period = is_cosine ? 4 * n : n;
            long double angle =
                turn * (long double)(steps % period) / (long double)period;
            bool is_forward =
                shape->kind == TRANSFORM_FFT || shape->kind == TRANSFORM_RFFT;
            long double c = cosl(angle);
            long double s = is_forward ? -sinl(angle) : sinl(angle);
            long double weight = 1.0L;
            if (shape->kind == TRANSFORM_IRFFT) {
                weight = j == 0 || 2 * j == n ? 1.0L : 2.0L;
            } else if (is_cosine) {
                weight = sqrtl(((is_dct ? k : j) == 0 ? 1.0L : 2.0L) /
                               (long double)n);
            }
            long double b = shape->is_complex ? (long double)in[j].im : 0.0L;
            re += weight * ((long double)in[j].re * c - b * s);
            im += weight * ((long double)in[j].re * s + b * c);
        }
        bool is_scaled =
            shape->kind == TRANSFORM_IFFT || shape->kind == TRANSFORM_IRFFT;
        long double scale = is_scaled ? 1.0L / (long double)n : 1.0L;
        out[k].re = (double)(re * scale);
        out[k].im = (double)(im * scale);
    }
}

static void assert_close(const struct transform_shape *shape, int64_t k,
                         double got, double expected, double bound)
{
    if (!(fabs(got - expected) <= bound)) {
        print_error("%s of %d at %d: %.17g, not %.17g within %.3g\n",
                    selection_name(shape->kind), (int)shape->in_count, (int)k,
                    got, expected, bound);
        fail();
    }
}

/* Within its bound of the exact values (a rounding of them is allowed for), and
 * of FFTW's, which has an error of the same kind; the bound is of use. */
static void check_fiber(GRand *random, const struct transform_shape *shape)
{
    struct fft_value in[2048];
    struct fft_value got[2048];
    struct fft_value exact[2048];
    struct fft_value fftw[2048];
    double sum = 0.0;
    for (int64_t j = 0; j < shape->in_count; j++) {
        in[j].re = random_value(random);
        in[j].im = shape->is_complex ? random_value(random) : 0.0;
        sum += hypot(in[j].re, in[j].im);
    }
    struct transform *transform = transform_new(shape);
    transform_run(transform, in, got);
    run_fftw(shape, in, fftw);
    if (shape->in_count <= 200) {
        run_sums(shape, in, exact);
    } else { /* long sums take long */
        memcpy(exact, fftw, sizeof exact);
    }
    bool is_real = shape->kind >= TRANSFORM_IRFFT;
    for (int64_t k = 0; k < shape->out_count; k++) {
        double largest = fmax(fabs(got[k].re), fabs(got[k].im));
        double bound = transform_error(transform, k, sum, 0.0, largest);
        double half = 0x1p-53 * (fabs(exact[k].re) + fabs(exact[k].im));
        assert_close(shape, k, got[k].re, exact[k].re, bound + half);
        assert_close(shape, k, got[k].re, fftw[k].re, 2.0 * bound + half);
        assert_true(bound <= 1e-10 * sum);
        if (!is_real) {
            assert_close(shape, k, got[k].im, exact[k].im, bound + half);
            assert_close(shape, k, got[k].im, fftw[k].im, 2.0 * bound + half);
        }
    }
    transform_free(transform);
}

static void test_fast_transforms_equal_fftw_and_the_sums(void **state)
{
    (void)state;
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        int64_t n = lengths[i];
        const struct transform_shape shapes[] = {
            {TRANSFORM_FFT, n, n, true},
            {TRANSFORM_FFT, n, n, false},
            {TRANSFORM_IFFT, n, n, true},
            {TRANSFORM_RFFT, n, n / 2 + 1, false},
            {TRANSFORM_IRFFT, n / 2 + 1, n, true},
            {TRANSFORM_DCT, n, n, false},
            {TRANSFORM_IDCT, n, n, false},
        };
        for (size_t s = 0; s < G_N_ELEMENTS(shapes); s++) {
            assert_true(transform_fits(&shapes[s]));
            check_fiber(random, &shapes[s]);
        }
    }
}

/* ---- counts ---------------------------------------------------------------- */

static void assert_count(enum selection kind, int64_t n, bool is_complex,
                         int64_t mul, int64_t add)
{
    struct transform_shape shape = {kind, n, n, is_complex};
    if (kind == TRANSFORM_RFFT) {
        shape.out_count = n / 2 + 1;
    }
    struct fft_ops ops;
    assert_true(transform_count(&shape, &ops));
    assert_int_equal(ops.mul, mul);
    assert_int_equal(ops.add, add);
}

/* By hand. */
static void test_operations_of_transforms(void **state)
{
    (void)state;
    assert_count(TRANSFORM_FFT, 1, true, 0, 0);
    assert_count(TRANSFORM_FFT, 2, true, 0, 4);
    /* 8 complex additions. */
    assert_count(TRANSFORM_FFT, 4, true, 0, 16);
    /* 4 of 2 values, then 2 of 4 with 3 twiddles. */
    assert_count(TRANSFORM_FFT, 8, true, 12, 4 * 4 + 2 * 16 + 3 * 2);
    assert_count(TRANSFORM_FFT, 16, true, 36, 4 * 16 + 4 * 16 + 9 * 2);
    /* 2 x 2 products, 3 x 2 sums. */
    assert_count(TRANSFORM_FFT, 3, true, 16, 12 + 8);
    /* 3 butterflies of 2 after 2 of 3: radix 2 goes first, 2 twiddles. */
    assert_count(TRANSFORM_FFT, 6, true, 2 * 16 + 2 * 4,
                 2 * 20 + 3 * 4 + 2 * 2);
    assert_count(TRANSFORM_IFFT, 4, true, 8, 16);
    /* 4 complex values, 3 pairs of 6 and 8, and 2 additions. */
    assert_count(TRANSFORM_RFFT, 8, false, 18, 16 + 24 + 2);
    assert_count(TRANSFORM_FFT, 8, false, 18, 16 + 24 + 2);
    assert_count(TRANSFORM_DCT, 8, false, 18 + 15, 42 + 7);
    /* 17 as two transforms of 64 and 2 x 17 + 64 products. */
    struct fft_ops inner;
    assert_true(fft_count(64, &inner));
    assert_count(TRANSFORM_FFT, 17, true, 2 * inner.mul + 4 * 98 + 34,
                 2 * inner.add + 2 * 98);
}

/* n log n: no more than 5 n log2 n for powers of two, where radix 2 has all. */
static void test_counts_grow_with_n_log_n(void **state)
{
    (void)state;
    for (int log = 1; log <= 40; log++) {
        struct fft_ops ops;
        int64_t n = (int64_t)1 << log;
        assert_true(fft_count(n, &ops));
        assert_true(ops.mul + ops.add <= 5 * n * log);
        assert_true(ops.mul + ops.add >= 2 * n * log);
    }
    struct fft_ops ops;
    assert_false(fft_count(INT64_MAX - 24, &ops));
}

/* ---- statements ------------------------------------------------------------- */

/* Both tensors are the same within their bounds, which are of use. */
static void assert_same(const struct loaded *loaded,
                        const struct einsum_data *data, const char *fast,
                        const char *dense)
{
    const struct tensor_data *a = values_of(loaded, data, fast);
    const struct tensor_data *b = values_of(loaded, data, dense);
    double most = 0.0;
    assert_int_equal(element_count(loaded, fast), element_count(loaded, dense));
    for (int64_t i = 0; i < element_count(loaded, fast); i++) {
        if (!(fabs(a->value[i] - b->value[i]) <= a->error[i] + b->error[i])) {
            print_error("%s %.17g, %s %.17g\n", fast, a->value[i], dense,
                        b->value[i]);
            fail();
        }
        if (!(a->error[i] < 1e-9 && b->error[i] < 1e-9)) {
            print_error("%s within %g, %s within %g\n", fast, a->error[i],
                        dense, b->error[i]);
            fail();
        }
        most = fmax(most, fabs(a->value[i]));
    }
    assert_true(most > 0.01);
}

static const char dense_and_fast[] =
    "W[u,n]  = cis(-2 * pi / N * (index(u) * index(n) mod N))\n"
    "Z[c,n]  = X[c,n] * complex(1, 0.5) + complex(0, 1) * Y[c,n]\n"
    "F[c,u]  = fft(n) Z[c,n]\n"
    "FD[c,u] = W[u,n] * Z[c,n]\n"
    "G[n,c]  = ifft(u) F[c,u]\n"
    "GD[n,c] = conj(W[u,n]) * FD[c,u] / N\n"
    "R[v,c]  = rfft(n) X[c,n] where n < N-1\n"
    "RD[v,c] = W[zero(v),n] * X[c,n] where n < N-1\n"
    "A[c,n]  = irfft(v) R[v,c] * 2\n"
    "AD[c,n] = 2 * X[c,n] where n < N-1\n"
    "C[c,u]  = dct(n) X[c,n]\n"
    "K[u,n]  = select(index(u), sqrt(2 / N), sqrt(1 / N)) * "
    "cos(pi / (2 * N) * ((2 * index(n) + 1) * index(u) mod (4 * N)))\n"
    "CD[c,u] = K[u,n] * X[c,n]\n"
    "I[c,n]  = idct(u) C[c,u]\n"
    "ID[c,n] = X[c,n] * 1\n";

static void test_fast_statements_equal_dense_ones(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 5, 8, 12, 17, 31, 64};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *shapes =
            g_strdup_printf("N: %d, U: N, V: N/2+1, C: 3, D: N", sizes[i]);
        struct loaded loaded =
            load_cascade(shapes, "X: \"[c,n]\", Y: \"[c,n]\"", dense_and_fast,
                         "F, FD, G, GD, R, RD, A, AD, C, CD, I, ID");
        struct einsum_data *data = new_data(&loaded, true, 8);
        run_all(&loaded, data);
        static const char *const pairs[][2] = {
            {"F_RE", "FD_RE"}, {"F_IM", "FD_IM"}, {"G_RE", "GD_RE"},
            {"G_IM", "GD_IM"}, {"C", "CD"},       {"I", "ID"},
        };
        for (size_t p = 0; p < G_N_ELEMENTS(pairs); p++) {
            assert_same(&loaded, data, pairs[p][0], pairs[p][1]);
        }
        if (sizes[i] > 2) {
            assert_same(&loaded, data, "R_RE", "RD_RE");
            assert_same(&loaded, data, "R_IM", "RD_IM");
            assert_same(&loaded, data, "A", "AD");
        }
        einsum_data_free(data);
        loaded_clear(&loaded);
    }
}

/* A Toeplitz product by a circulant of twice the length, and two axes. */
static void test_convolutions_by_transforms(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "N: 11, M: N, L: 2*N, U: N+1, Y: 6, X: 7, P: Y, Q: X, K: X/2+1, S: Y, "
        "T: Y",
        "G: \"[l]\", A: \"[m]\", Z: \"[y,x]\", H: \"[p,q]\"",
        "GF[u]    = rfft(l) G[l]\n"
        "AF[u]    = rfft(l) A[zero(l)]\n"
        "YL[l]    = irfft(u) GF[u] * AF[u]\n"
        "B[n]     = YL[zero(n)]\n"
        "BD[n]    = G[(n-m+L) mod L] * A[m]\n"
        "ZK[y,k]  = rfft(x) Z[y,x]\n"
        "ZF[s,k]  = fft(y) ZK[y,k]\n"
        "HK[p,k]  = rfft(q) H[p,q]\n"
        "HF[s,k]  = fft(p) HK[p,k]\n"
        "OK[y,k]  = ifft(s) ZF[s,k] * HF[s,k]\n"
        "O[y,x]   = irfft(k) OK[y,k]\n"
        "OD[y,x]  = Z[(y-p+Y) mod Y, (x-q+X) mod X] * H[p,q]\n",
        "B, BD, O, OD");
    struct einsum_data *data = new_data(&loaded, true, 8);
    run_all(&loaded, data);
    assert_same(&loaded, data, "B", "BD");
    assert_same(&loaded, data, "O", "OD");
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_statements_carry_operations_and_features(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("N: 8, U: 8, C: 5, T: 2", "X: \"[n,c]\"",
                     "F[c,u] = fft(n) exp(X[n,c])\n"
                     "V[c,t], I[c,t] = topk(u, T) re(F[c,u])\n",
                     "V, I, F");
    const struct einsum_statement *re = statement_of(&loaded, "F_RE");
    const struct einsum_statement *im = statement_of(&loaded, "F_IM");
    assert_int_equal(re->features, EINSUM_TRANSFORM);
    assert_string_equal(einsum_feature_name(re->features), "a transform");
    int64_t ops[EINSUM_OP_COUNT];
    assert_int_equal(workload_count_ops(loaded.workload,
                                        (int)(re - loaded.workload->statements),
                                        ops),
                     OK);
    assert_int_equal(ops[EINSUM_EXP], 40);
    assert_int_equal(ops[EINSUM_MUL], 5 * 18);
    assert_int_equal(ops[EINSUM_ADD], 5 * 42);
    assert_int_equal(im->ops_of_transform[EINSUM_ADD], 0);
    assert_int_equal(im->ops_per_point[EINSUM_EXP], 0);
    assert_int_equal(statement_of(&loaded, "V")->ops_per_point[EINSUM_LESS], 2);
    assert_int_equal(statement_of(&loaded, "I")->ops_per_point[EINSUM_LESS], 0);
    g_autofree char *printed = cascade_print(loaded.cascade);
    assert_string_equal(printed, "F_RE[c,u], F_IM[c,u] = fft(n) exp(X[n,c])\n"
                                 "V[c,t], I[c,t] = topk(u,T) F_RE[c,u]\n");
    struct loaded again = load_cascade("N: 8, U: 8, C: 5, T: 2", "X: \"[n,c]\"",
                                       printed, "V, I, F");
    g_autofree char *same = cascade_print(again.cascade);
    assert_string_equal(printed, same);
    loaded_clear(&again);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_transforms_equal_fftw_and_the_sums),
        cmocka_unit_test(test_operations_of_transforms),
        cmocka_unit_test(test_counts_grow_with_n_log_n),
        cmocka_unit_test(test_fast_statements_equal_dense_ones),
        cmocka_unit_test(test_convolutions_by_transforms),
        cmocka_unit_test(test_statements_carry_operations_and_features),
    };
    return cmocka_run_group_tests_name("einsum_transform", tests, NULL, NULL);
}
