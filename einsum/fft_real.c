/* Transforms of real values. An even n is packed into n/2 complex values z[j] =
 * x[2j] + i x[2j+1] with transform Z, h = n/2, w = exp(-2 pi i / n):
 *
 *   2 X[k] = (Z[k] + conj Z[h-k]) - i w^k (Z[k] - conj Z[h-k]),   0 < k < h
 *   X[0] = re Z[0] + im Z[0],  X[h] = re Z[0] - im Z[0]
 *   2 Z[k] = (X[k] + conj X[h-k]) + i w^-k (X[k] - conj X[h-k])
 *
 * Errors, with e for a transform of h and S the sum of |x|, which bounds that of
 * |z|: the brackets are off by 2 e S + 2 u S each, the second by 9 u (2 S) more
 * for its root and product, their sum by u: (2 e + 12 u) S in all. Backwards
 * sum |2 Z| <= 4 S, each off by 11 u of it, then n x is off by (4 e + 44 u) S,
 * and the division adds 3 u |x|, |x| <= 2 S / n. */
#include "einsum/fft.h"

#define ROUNDOFF 0x1p-53

struct real_fft {
    int64_t n;
    struct fft *fft;        /* of n/2, or of an odd n itself */
    struct fft_value *root; /* exp(-2 pi i k / n), k <= n/2 */
    struct fft_value *in;
    struct fft_value *out;
};

static bool is_packed(int64_t n)
{
    return n % 2 == 0;
}

struct real_fft *real_fft_new(int64_t n)
{
    struct real_fft *fft = g_new0(struct real_fft, 1);
    int64_t length = is_packed(n) ? n / 2 : n;
    fft->n = n;
    fft->fft = fft_new(length);
    fft->root = g_new(struct fft_value, (gsize)(n / 2 + 1));
    fft->in = g_new(struct fft_value, (gsize)length);
    fft->out = g_new(struct fft_value, (gsize)length);
    for (int64_t k = 0; k <= n / 2; k++) {
        struct fft_value root = fft_root(k, n);
        fft->root[k] = (struct fft_value){root.re, -root.im};
    }
    return fft;
}

void real_fft_free(struct real_fft *fft)
{
    if (fft != NULL) {
        fft_free(fft->fft);
        g_free(fft->root);
        g_free(fft->in);
        g_free(fft->out);
        g_free(fft);
    }
}

/* ---- forward ---------------------------------------------------------------- */

static void unpack(struct real_fft *fft, struct fft_value *out)
{
    const struct fft_value *z = fft->out;
    int64_t h = fft->n / 2;
    out[0] = (struct fft_value){z[0].re + z[0].im, 0.0};
    out[h] = (struct fft_value){z[0].re - z[0].im, 0.0};
    for (int64_t k = 1; k < h; k++) {
        struct fft_value w = fft->root[k];
        struct fft_value even = {z[k].re + z[h - k].re, z[k].im - z[h - k].im};
        struct fft_value odd = {z[k].re - z[h - k].re, z[k].im + z[h - k].im};
        /* -i w odd */
        struct fft_value turned = {w.re * odd.im + w.im * odd.re,
                                   w.im * odd.im - w.re * odd.re};
        out[k] = (struct fft_value){0.5 * (even.re + turned.re),
                                    0.5 * (even.im + turned.im)};
    }
}

void real_fft_forward(struct real_fft *fft, const double *in,
                      struct fft_value *out)
{
    bool is_half = is_packed(fft->n);
    int64_t length = is_half ? fft->n / 2 : fft->n;
    for (int64_t j = 0; j < length; j++) {
        fft->in[j] = is_half ? (struct fft_value){in[2 * j], in[2 * j + 1]}
                             : (struct fft_value){in[j], 0.0};
    }
    fft_run(fft->fft, fft->in, fft->out);
    if (is_half) {
        unpack(fft, out);
        return;
    }
    for (int64_t k = 0; k <= fft->n / 2; k++) {
        out[k] = fft->out[k];
    }
}

double real_fft_forward_error(const struct real_fft *fft)
{
    double error = fft_error(fft->fft);
    return is_packed(fft->n) ? 2.0 * error + 16.0 * ROUNDOFF : error;
}

/* ---- inverse ---------------------------------------------------------------- */

/* conj(2 Z[k]), k > 0; the transform of it, conjugated, is the inverse of 2 Z. */
static struct fft_value pack(const struct real_fft *fft,
                             const struct fft_value *in, int64_t k)
{
    int64_t h = fft->n / 2;
    struct fft_value w = fft->root[k]; /* conjugated: w^-k */
    struct fft_value even = {in[k].re + in[h - k].re, in[k].im - in[h - k].im};
    struct fft_value odd = {in[k].re - in[h - k].re, in[k].im + in[h - k].im};
    /* i conj(w) odd */
    struct fft_value turned = {w.im * odd.re - w.re * odd.im,
                               w.re * odd.re + w.im * odd.im};
    return (struct fft_value){even.re + turned.re, -(even.im + turned.im)};
}

static void fill_hermitian(struct real_fft *fft, const struct fft_value *in)
{
    for (int64_t k = 0; k < fft->n; k++) {
        bool is_given = k <= fft->n / 2;
        struct fft_value value = in[is_given ? k : fft->n - k];
        double im = k == 0 ? 0.0 : value.im;
        fft->in[k] = (struct fft_value){value.re, is_given ? -im : im};
    }
}

void real_fft_inverse(struct real_fft *fft, const struct fft_value *in,
                      double *out)
{
    bool is_half = is_packed(fft->n);
    double scale = 1.0 / (double)fft->n;
    int64_t length = is_half ? fft->n / 2 : fft->n;
    if (!is_half) {
        fill_hermitian(fft, in);
    }
    for (int64_t k = 1; is_half && k < length; k++) {
        fft->in[k] = pack(fft, in, k);
    }
    if (is_half) {
        fft->in[0] = (struct fft_value){in[0].re + in[length].re,
                                        in[length].re - in[0].re};
    }
    fft_run(fft->fft, fft->in, fft->out);
    for (int64_t j = 0; j < length; j++) {
        if (is_half) {
            out[2 * j] = scale * fft->out[j].re;
            out[2 * j + 1] = -scale * fft->out[j].im;
        } else {
            out[j] = scale * fft->out[j].re;
        }
    }
}

double real_fft_inverse_error(const struct real_fft *fft)
{
    double error = fft_error(fft->fft);
    double of_sum = is_packed(fft->n) ? 4.0 * error + 52.0 * ROUNDOFF
                                      : 2.0 * error + 8.0 * ROUNDOFF;
    return of_sum / (double)fft->n;
}

/* ---- counts ----------------------------------------------------------------- */

/* Of an odd n what a complex transform takes. Packed, forward: 8 additions and 6
 * products for each 0 < k < h, 2 additions for k = 0. Inverse: 8 and 4 for each
 * k > 0, for k = 0, where the root is 1 and imaginary parts are none, 2
 * additions; then n products by 1/n. */
bool real_fft_count(int64_t n, bool is_inverse, struct fft_ops *ops)
{
    int64_t h = n / 2;
    if (!fft_count(is_packed(n) ? h : n, ops)) {
        return false;
    }
    int64_t per_value = is_inverse ? 4 : 6;
    int64_t products = is_inverse ? n : 0;
    int64_t sums = 0;
    if (is_packed(n)) {
        products += (h - 1) * per_value;
        sums = (h - 1) * 8 + 2;
    }
    return num_add(ops->mul, products, &ops->mul) &&
           num_add(ops->add, sums, &ops->add);
}
