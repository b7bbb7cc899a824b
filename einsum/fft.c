/* Error bound. u = 2^-53; every value is a sum over paths from the inputs, each
 * path a product of roots, and each rounding a factor (1 + d) on it:
 *
 *   root          |d| <= 6 u   (both parts off by less than 4 u)
 *   product       |d| <= 3 u   (sqrt 2 gamma_2; Higham, lemma 3.5)
 *   sum of two    |d| <= u
 *
 * A radix r costs a path one root and product, and then 1 sum (r = 2), 2 sums
 * (r = 4, whose roots are exact), or another root and product and r-1 sums. The
 * exponents of (1 + u) are added up in `units`; an output is off by at most
 * ((1 + u)^units - 1) sum |x|.
 *
 * Bluestein: out[k] = c[k] sum_j (x[j] c[j]) conj(c[k-j]), c[j] = exp(-pi i j^2/n),
 * as the inverse transform of length L of A B, with A and B the transforms of
 * x c and conj(c). |A| <= sum |x|, |B| <= 2n - 1, so with e for a transform of
 * length L the product is off by (2 e + 2 root + 2 product) (2n-1) sum |x|, the
 * inverse adds e (2n-1) sum |x|, and c[k] a root and a product. */
#include "einsum/fft.h"

#include <float.h>
#include <math.h>

#define LARGEST_RADIX 13
#define MAX_RADICES   64
#define ROOT_UNITS    6.0
#define PRODUCT_UNITS 3.0
#define ROUNDOFF      0x1p-53
/* Of terms of higher order, and of computing the bound itself. */
#define UNITS_INFLATE 1.01

struct fft {
    int64_t n;
    int radix_count; /* 0: a convolution */
    int radix[MAX_RADICES];
    struct fft_value *root; /* n of them: exp(-2 pi i k / n) */
    double units;
    /* For a convolution of length `inner->n`. */
    struct fft *inner;
    struct fft_value *chirp;    /* n of them */
    struct fft_value *spectrum; /* of conj(chirp), both ways */
    struct fft_value *work[2];
};

static struct fft_value multiply(struct fft_value a, struct fft_value b)
{
    return (struct fft_value){a.re * b.re - a.im * b.im,
                              a.re * b.im + a.im * b.re};
}

static struct fft_value sum(struct fft_value a, struct fft_value b)
{
    return (struct fft_value){a.re + b.re, a.im + b.im};
}

static struct fft_value difference(struct fft_value a, struct fft_value b)
{
    return (struct fft_value){a.re - b.re, a.im - b.im};
}

static struct fft_value conjugate(struct fft_value a)
{
    return (struct fft_value){a.re, -a.im};
}

/* By symmetry from an angle of at most pi/4, which is off by 2.4 u at most. */
struct fft_value fft_root(int64_t k, int64_t n)
{
    bool is_lower = 2 * k > n;
    int64_t up = is_lower ? n - k : k; /* <= n/2 */
    bool is_left = 4 * up > n;
    int64_t near = is_left ? n - 2 * up : 2 * up; /* half turns of n, <= n/2 */
    bool is_steep = 4 * near > n;
    /* near / n in half turns; the complement to a quarter is (n - 2 near)/2n. */
    double angle = is_steep ? G_PI * (double)(n - 2 * near) / (double)(2 * n)
                            : G_PI * (double)near / (double)n;
    double c = is_steep ? sin(angle) : cos(angle);
    double s = is_steep ? cos(angle) : sin(angle);
    return (struct fft_value){is_left ? -c : c, is_lower ? -s : s};
}

/* ---- factors --------------------------------------------------------------- */

/* 0 if there is a prime factor that is too large. */
static int find_radices(int64_t n, int *radix)
{
    static const int candidates[] = {4, 2, 3, 5, 7, 11, LARGEST_RADIX};
    int count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
        while (n % candidates[i] == 0) {
            radix[count++] = candidates[i];
            n /= candidates[i];
        }
    }
    return n == 1 ? count : 0;
}

static bool is_convolution(int64_t n, int radix_count)
{
    return n > 1 && radix_count == 0;
}

/* The next power of two from 2n-1. */
static int64_t convolution_length(int64_t n)
{
    int64_t length = 1;
    while (length < 2 * n - 1) {
        length *= 2;
    }
    return length;
}

static double stage_units(int radix)
{
    double twiddle = ROOT_UNITS + PRODUCT_UNITS;
    if (radix == 2 || radix == 4) {
        return twiddle + radix / 2;
    }
    return 2.0 * twiddle + radix - 1;
}

/* ---- mixed radix ------------------------------------------------------------ */

struct stage {
    const struct fft *fft;
    int radix;
    int64_t block; /* outputs apart */
    int64_t step;  /* of roots: n / (radix block) */
};

static void butterfly_four(struct fft_value *t)
{
    struct fft_value even = sum(t[0], t[2]);
    struct fft_value odd = difference(t[0], t[2]);
    struct fft_value a = sum(t[1], t[3]);
    struct fft_value b = difference(t[1], t[3]);
    struct fft_value turned = {b.im, -b.re}; /* -i b */
    t[0] = sum(even, a);
    t[1] = sum(odd, turned);
    t[2] = difference(even, a);
    t[3] = difference(odd, turned);
}

static void butterfly_odd(const struct stage *stage, struct fft_value *t)
{
    int r = stage->radix;
    int64_t turn = stage->fft->n / r;
    struct fft_value out[LARGEST_RADIX];
    for (int j = 0; j < r; j++) {
        out[j] = t[0];
        for (int q = 1; q < r; q++) {
            struct fft_value root = stage->fft->root[turn * (q * j % r)];
            out[j] = sum(out[j], j == 0 ? t[q] : multiply(t[q], root));
        }
    }
    for (int j = 0; j < r; j++) {
        t[j] = out[j];
    }
}

static void combine(const struct stage *stage, struct fft_value *out)
{
    int r = stage->radix;
    for (int64_t k = 0; k < stage->block; k++) {
        struct fft_value t[LARGEST_RADIX];
        for (int q = 0; q < r; q++) {
            t[q] = out[q * stage->block + k];
            if (q > 0 && k > 0) {
                t[q] = multiply(t[q], stage->fft->root[stage->step * q * k]);
            }
        }
        if (r == 2) {
            struct fft_value first = t[0];
            t[0] = sum(first, t[1]);
            t[1] = difference(first, t[1]);
        } else if (r == 4) {
            butterfly_four(t);
        } else {
            butterfly_odd(stage, t);
        }
        for (int q = 0; q < r; q++) {
            out[q * stage->block + k] = t[q];
        }
    }
}

/* Depth: the number of radices. */
static void run_radices(const struct fft *fft, int level,
                        const struct fft_value *in, int64_t stride, int64_t n,
                        struct fft_value *out)
{
    if (n == 1) {
        out[0] = in[0];
        return;
    }
    struct stage stage = {fft, fft->radix[level], n / fft->radix[level],
                          fft->n / n};
    for (int q = 0; q < stage.radix; q++) {
        run_radices(fft, level + 1, in + q * stride, stride * stage.radix,
                    stage.block, out + q * stage.block);
    }
    combine(&stage, out);
}

/* ---- convolution ------------------------------------------------------------ */

static void run_convolution(struct fft *fft, const struct fft_value *in,
                            struct fft_value *out)
{
    int64_t length = fft->inner->n;
    struct fft_value *a = fft->work[0];
    struct fft_value *b = fft->work[1];
    for (int64_t j = 0; j < length; j++) {
        a[j] = j < fft->n ? multiply(in[j], fft->chirp[j])
                          : (struct fft_value){0.0, 0.0};
    }
    fft_run(fft->inner, a, b);
    for (int64_t j = 0; j < length; j++) { /* conjugated for the inverse */
        a[j] = conjugate(multiply(b[j], fft->spectrum[j]));
    }
    fft_run(fft->inner, a, b);
    for (int64_t k = 0; k < fft->n; k++) {
        out[k] = multiply(conjugate(b[k]), fft->chirp[k]);
        out[k].re /= (double)length;
        out[k].im /= (double)length;
    }
}

static void init_convolution(struct fft *fft)
{
    int64_t length = convolution_length(fft->n);
    fft->inner = fft_new(length);
    fft->chirp = g_new(struct fft_value, (gsize)fft->n);
    fft->spectrum = g_new(struct fft_value, (gsize)length);
    for (int i = 0; i < 2; i++) {
        fft->work[i] = g_new0(struct fft_value, (gsize)length);
    }
    for (int64_t j = 0; j < fft->n; j++) {
        fft->chirp[j] = conjugate(fft_root(j * j % (2 * fft->n), 2 * fft->n));
        fft->work[0][j] = conjugate(fft->chirp[j]);
        fft->work[0][(length - j) % length] = fft->work[0][j];
    }
    fft_run(fft->inner, fft->work[0], fft->spectrum);
    double factors =
        3.0 * fft->inner->units + 2.0 * ROOT_UNITS + 2.0 * PRODUCT_UNITS;
    fft->units = (double)(2 * fft->n - 1) * factors + ROOT_UNITS + //
                 PRODUCT_UNITS + 1.0;
}

/* ---- as a whole ------------------------------------------------------------- */

static void init_radices(struct fft *fft)
{
    fft->root = g_new(struct fft_value, (gsize)fft->n);
    for (int64_t k = 0; k < fft->n; k++) {
        fft->root[k] = conjugate(fft_root(k, fft->n));
    }
    for (int i = 0; i < fft->radix_count; i++) {
        fft->units += stage_units(fft->radix[i]);
    }
}

struct fft *fft_new(int64_t n)
{
    struct fft *fft = g_new0(struct fft, 1);
    fft->n = n;
    fft->radix_count = find_radices(n, fft->radix);
    if (is_convolution(n, fft->radix_count)) {
        init_convolution(fft);
    } else {
        init_radices(fft);
    }
    return fft;
}

void fft_free(struct fft *fft)
{
    if (fft == NULL) {
        return;
    }
    fft_free(fft->inner);
    g_free(fft->root);
    g_free(fft->chirp);
    g_free(fft->spectrum);
    g_free(fft->work[0]);
    g_free(fft->work[1]);
    g_free(fft);
}

void fft_run(struct fft *fft, const struct fft_value *in, struct fft_value *out)
{
    if (fft->inner != NULL) {
        run_convolution(fft, in, out);
    } else {
        run_radices(fft, 0, in, 1, fft->n, out);
    }
}

double fft_error(const struct fft *fft)
{
    return fft->units * ROUNDOFF * UNITS_INFLATE;
}

/* ---- counts ----------------------------------------------------------------- */

/* ops += count complex products and additions */
static bool add_ops(struct fft_ops *ops, int64_t products, int64_t sums)
{
    int64_t mul = 0;
    int64_t add = 0;
    int64_t of_products = 0;
    return num_mul(4, products, &mul) && num_add(ops->mul, mul, &ops->mul) &&
           num_mul(2, sums, &add) && num_mul(2, products, &of_products) &&
           num_add(ops->add, add, &ops->add) &&
           num_add(ops->add, of_products, &ops->add);
}

/* Per butterfly: r-1 twiddles, none in the first of a block; then 2 sums, 8, or
 * (r-1)^2 products and r(r-1) sums. */
static bool count_stage(int64_t n, int64_t block, int radix,
                        struct fft_ops *ops)
{
    int64_t blocks = n / (block * radix);
    int64_t butterflies = n / radix;
    int64_t r = radix;
    int64_t sums = r == 2 ? 2 : r == 4 ? 8 : r * (r - 1);
    int64_t products = r == 2 || r == 4 ? 0 : (r - 1) * (r - 1);
    int64_t all_products = 0;
    int64_t all_sums = 0;
    int64_t twiddles = (butterflies - blocks) * (r - 1);
    return num_mul(butterflies, products, &all_products) &&
           num_mul(butterflies, sums, &all_sums) &&
           num_add(all_products, twiddles, &all_products) &&
           add_ops(ops, all_products, all_sums);
}

static bool count_convolution(int64_t n, struct fft_ops *ops)
{
    if (n > INT64_MAX / 8) {
        return false;
    }
    int64_t length = convolution_length(n);
    struct fft_ops inner;
    return fft_count(length, &inner) && num_mul(2, inner.mul, &ops->mul) &&
           num_mul(2, inner.add, &ops->add) &&
           add_ops(ops, 2 * n + length, 0) && /* and 2n real products */
           num_add(ops->mul, 2 * n, &ops->mul);
}

bool fft_count(int64_t n, struct fft_ops *ops)
{
    int radix[MAX_RADICES];
    int count = find_radices(n, radix);
    *ops = (struct fft_ops){0, 0};
    if (is_convolution(n, count)) {
        return count_convolution(n, ops);
    }
    int64_t block = n;
    bool fits = true;
    for (int i = 0; i < count && fits; i++) {
        block /= radix[i];
        fits = count_stage(n, block, radix[i], ops);
    }
    return fits;
}
