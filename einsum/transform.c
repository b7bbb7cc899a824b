/* dct: with v = in[0], in[2], .. and then the odd ones backwards, V its
 * transform, out[k] = c[k] re(exp(-pi i k / 2n) V[k]) (Makhoul 1980). idct: the
 * other way, V[0] = in[0] / c[0], V[k] = exp(pi i k / 2n) (in[k] - i in[n-k]) / c[k].
 *
 * Errors, u = 2^-53, S the sum of |in|, E that of their errors, e the bound of
 * the transform within, which is off by e S where its exact result is at most S:
 *
 *   ifft   1/n is off by u of it, the product by another u.
 *   dct    c[k] exp(..) is off by 10 u of it (a root, quotient, square root and
 *          product), the real part of the product by 3 u of |V| <= S.
 *   idct   |1/c[k]| <= sqrt(n), and every in[k] is in at most two of V[0..n/2],
 *          so sum |V| <= 2 sqrt(n) S, off by 14 u of it; irfft takes that twice
 *          over n, and adds its own error. */
#include "einsum/transform.h"

#include <float.h>
#include <math.h>

#define ROUNDOFF 0x1p-53
/* Of adding up S and E, and of the formulas. */
#define SUM_INFLATE(n) (1.0 + (double)((n) + 64) * ROUNDOFF)

struct transform {
    struct transform_shape shape;
    int64_t n;
    struct fft *fft;            /* of complex values */
    struct real_fft *real;      /* of real ones, or to them */
    struct fft_value *root;     /* of dct and idct, k <= n/2 and n-1 */
    struct fft_value *spectrum; /* n/2 + 1 */
    struct fft_value *conjugate;
    double *value; /* n */
};

/* The number of values that are not halved. */
static int64_t find_length(const struct transform_shape *shape)
{
    return shape->kind == TRANSFORM_IRFFT ? shape->out_count : shape->in_count;
}

static bool takes_complex(const struct transform_shape *shape)
{
    return shape->kind == TRANSFORM_IFFT ||
           (shape->kind == TRANSFORM_FFT && shape->is_complex);
}

bool transform_fits(const struct transform_shape *shape)
{
    if (shape->kind == TRANSFORM_RFFT) {
        return shape->out_count == shape->in_count / 2 + 1;
    }
    if (shape->kind == TRANSFORM_IRFFT) {
        return shape->in_count == shape->out_count / 2 + 1;
    }
    return shape->in_count == shape->out_count;
}

static double scale_of(const struct transform *transform, int64_t k)
{
    return sqrt((k == 0 ? 1.0 : 2.0) / (double)transform->n);
}

static bool is_cosine(const struct transform *transform)
{
    return transform->shape.kind == TRANSFORM_DCT ||
           transform->shape.kind == TRANSFORM_IDCT;
}

/* c[k] exp(-pi i k / 2n), or exp(pi i k / 2n) / c[k]. */
static void init_roots(struct transform *transform)
{
    bool is_inverse = transform->shape.kind == TRANSFORM_IDCT;
    transform->root = g_new(struct fft_value, (gsize)transform->n);
    for (int64_t k = 0; k < transform->n; k++) {
        struct fft_value root = fft_root(k, 4 * transform->n);
        double scale = scale_of(transform, k);
        transform->root[k] =
            is_inverse ? (struct fft_value){root.re / scale, root.im / scale}
                       : (struct fft_value){scale * root.re, -scale * root.im};
    }
}

struct transform *transform_new(const struct transform_shape *shape)
{
    struct transform *transform = g_new0(struct transform, 1);
    transform->shape = *shape;
    transform->n = find_length(shape);
    if (takes_complex(shape)) {
        transform->fft = fft_new(transform->n);
        transform->conjugate = g_new(struct fft_value, (gsize)transform->n);
        return transform;
    }
    transform->real = real_fft_new(transform->n);
    transform->value = g_new(double, (gsize)transform->n);
    transform->spectrum =
        g_new0(struct fft_value, (gsize)(transform->n / 2 + 1));
    if (is_cosine(transform)) {
        init_roots(transform);
    }
    return transform;
}

void transform_free(struct transform *transform)
{
    if (transform != NULL) {
        fft_free(transform->fft);
        real_fft_free(transform->real);
        g_free(transform->root);
        g_free(transform->spectrum);
        g_free(transform->conjugate);
        g_free(transform->value);
        g_free(transform);
    }
}

/* ---- values ----------------------------------------------------------------- */

static void run_inverse(struct transform *transform, const struct fft_value *in,
                        struct fft_value *out)
{
    double scale = 1.0 / (double)transform->n;
    for (int64_t j = 0; j < transform->n; j++) {
        transform->conjugate[j] = (struct fft_value){in[j].re, -in[j].im};
    }
    fft_run(transform->fft, transform->conjugate, out);
    for (int64_t k = 0; k < transform->n; k++) {
        out[k].re *= scale;
        out[k].im *= -scale;
    }
}

/* Of k > n/2 by symmetry. */
static struct fft_value spectrum_at(const struct transform *transform,
                                    int64_t k)
{
    bool is_given = k <= transform->n / 2;
    struct fft_value value =
        transform->spectrum[is_given ? k : transform->n - k];
    return is_given ? value : (struct fft_value){value.re, -value.im};
}

static void run_real(struct transform *transform, const struct fft_value *in,
                     struct fft_value *out)
{
    for (int64_t j = 0; j < transform->n; j++) {
        transform->value[j] = in[j].re;
    }
    real_fft_forward(transform->real, transform->value, transform->spectrum);
    for (int64_t k = 0; k < transform->shape.out_count; k++) {
        out[k] = spectrum_at(transform, k);
    }
}

static void run_real_inverse(struct transform *transform,
                             const struct fft_value *in, struct fft_value *out)
{
    real_fft_inverse(transform->real, in, transform->value);
    for (int64_t k = 0; k < transform->n; k++) {
        out[k] = (struct fft_value){transform->value[k], 0.0};
    }
}

/* Where in[j] stands among the even ones and the odd ones backwards. */
static int64_t find_place(const struct transform *transform, int64_t j)
{
    return j % 2 == 0 ? j / 2 : transform->n - 1 - j / 2;
}

static void run_cosine(struct transform *transform, const struct fft_value *in,
                       struct fft_value *out)
{
    for (int64_t j = 0; j < transform->n; j++) {
        transform->value[find_place(transform, j)] = in[j].re;
    }
    real_fft_forward(transform->real, transform->value, transform->spectrum);
    for (int64_t k = 0; k < transform->n; k++) {
        struct fft_value value = spectrum_at(transform, k);
        struct fft_value root = transform->root[k];
        double re = k == 0 ? root.re * value.re
                           : root.re * value.re - root.im * value.im;
        out[k] = (struct fft_value){re, 0.0};
    }
}

static void run_cosine_inverse(struct transform *transform,
                               const struct fft_value *in,
                               struct fft_value *out)
{
    int64_t n = transform->n;
    transform->spectrum[0] =
        (struct fft_value){transform->root[0].re * in[0].re, 0.0};
    for (int64_t k = 1; k <= n / 2; k++) {
        struct fft_value root = transform->root[k];
        double re = in[k].re;
        double im = -in[n - k].re;
        transform->spectrum[k] = (struct fft_value){
            root.re * re - root.im * im, root.re * im + root.im * re};
    }
    real_fft_inverse(transform->real, transform->spectrum, transform->value);
    for (int64_t j = 0; j < n; j++) {
        out[j] =
            (struct fft_value){transform->value[find_place(transform, j)], 0.0};
    }
}

void transform_run(struct transform *transform, const struct fft_value *in,
                   struct fft_value *out)
{
    if (transform->shape.kind == TRANSFORM_IFFT) {
        run_inverse(transform, in, out);
    } else if (transform->fft != NULL) {
        fft_run(transform->fft, in, out);
    } else if (transform->shape.kind == TRANSFORM_IRFFT) {
        run_real_inverse(transform, in, out);
    } else if (transform->shape.kind == TRANSFORM_DCT) {
        run_cosine(transform, in, out);
    } else if (transform->shape.kind == TRANSFORM_IDCT) {
        run_cosine_inverse(transform, in, out);
    } else {
        run_real(transform, in, out);
    }
}

/* ---- errors ----------------------------------------------------------------- */

static double propagate(const struct transform *transform, int64_t k,
                        double sum, double error)
{
    double n = (double)transform->n;
    double u = ROUNDOFF;
    switch (transform->shape.kind) {
    case TRANSFORM_IFFT:
        return (error + fft_error(transform->fft) * sum) / n;
    case TRANSFORM_IRFFT:
        return 2.0 * error / n + real_fft_inverse_error(transform->real) * sum;
    case TRANSFORM_DCT:
        return scale_of(transform, k) *
               (error +
                (real_fft_forward_error(transform->real) + 14.0 * u) * sum);
    case TRANSFORM_IDCT:
        return sqrt(2.0 / n) * error +
               2.0 * sqrt(n) * sum *
                   (28.0 * u / n + real_fft_inverse_error(transform->real));
    case TRANSFORM_FFT:
    case TRANSFORM_RFFT:
    case SELECT_NONE:
    case SELECT_TOPK:
    case SELECT_ARGMAX:
    case SELECT_ARGMIN:
    case SELECT_ARGSORT:
    case SELECT_SORT:
        break;
    }
    double own = transform->fft != NULL
                     ? fft_error(transform->fft)
                     : real_fft_forward_error(transform->real);
    return error + own * sum;
}

/* Products below the normal range are each off by half the smallest subnormal
 * at most; a path has fewer than 64 of them, and a convolution sums 2n times as
 * many. */
static double underflow(const struct transform *transform)
{
    double n = (double)transform->n;
    return DBL_TRUE_MIN * 64.0 * (2.0 * n + 8.0) * (2.0 * n + 8.0);
}

double transform_error(const struct transform *transform, int64_t k, double sum,
                       double error, double largest)
{
    double inflate = SUM_INFLATE(transform->n);
    double bound = propagate(transform, k, sum * inflate, error * inflate);
    if (isnan(largest)) {
        return (double)NAN;
    }
    if (!(sum > 0.0) && !(error > 0.0)) {
        return 0.0;
    }
    return isinf(sum) ? (double)INFINITY
                      : bound * inflate + 3.0 * ROUNDOFF * largest +
                            underflow(transform);
}

/* ---- counts ----------------------------------------------------------------- */

static bool add_products(struct fft_ops *ops, int64_t mul, int64_t add)
{
    return num_add(ops->mul, mul, &ops->mul) &&
           num_add(ops->add, add, &ops->add);
}

bool transform_count(const struct transform_shape *shape, struct fft_ops *ops)
{
    int64_t n = find_length(shape);
    if (n > INT64_MAX / 64) {
        return false;
    }
    if (takes_complex(shape)) {
        int64_t scaled = shape->kind == TRANSFORM_IFFT ? 2 * n : 0;
        return fft_count(n, ops) && add_products(ops, scaled, 0);
    }
    bool is_inverse =
        shape->kind == TRANSFORM_IRFFT || shape->kind == TRANSFORM_IDCT;
    if (!real_fft_count(n, is_inverse, ops)) {
        return false;
    }
    if (shape->kind == TRANSFORM_DCT) {
        return add_products(ops, 2 * (n - 1) + 1, n - 1);
    }
    return shape->kind != TRANSFORM_IDCT ||
           add_products(ops, 4 * (n / 2) + 1, 2 * (n / 2));
}
