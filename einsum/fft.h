/* Discrete Fourier transforms of any length in O(n log n), with a bound of their
 * rounding error and a count of their operations. Private to this folder.
 *
 * A length with no prime factor above 13 is split by decimation in time into
 * radices 4, 2 and odd primes; any other is a convolution of a power of two
 * (Bluestein 1970). Only + - * and roots of unity are used, so results are the
 * same on every machine up to its sin and cos. */
#ifndef WEIR_EINSUM_FFT_H
#define WEIR_EINSUM_FFT_H

#include "base/base.h"

struct fft_value {
    double re;
    double im;
};

/* cos and sin of 2 pi k / n, 0 <= k < n, each off by less than 4 units 2^-53. */
struct fft_value fft_root(int64_t k, int64_t n);

struct fft;

struct fft *fft_new(int64_t n);
void fft_free(struct fft *fft);
/* out[k] = sum of in[j] exp(-2 pi i j k / n); the two do not overlap. */
void fft_run(struct fft *fft, const struct fft_value *in,
             struct fft_value *out);
/* Every output is off by at most this times the sum of |in|. */
double fft_error(const struct fft *fft);

/* Of real values: out[0..n/2]. An even n takes a transform of n/2. */
struct real_fft;

struct real_fft *real_fft_new(int64_t n);
void real_fft_free(struct real_fft *fft);
void real_fft_forward(struct real_fft *fft, const double *in,
                      struct fft_value *out);
/* Off by at most this times the sum of |in|. */
double real_fft_forward_error(const struct real_fft *fft);
/* The inverse, divided by n; imaginary parts of in[0] and, n even, in[n/2] are
 * left out. */
void real_fft_inverse(struct real_fft *fft, const struct fft_value *in,
                      double *out);
/* Off by at most this times the sum of |in|. */
double real_fft_inverse_error(const struct real_fft *fft);

/* Multiplications and additions (or subtractions) of reals. False beyond
 * int64. */
struct fft_ops {
    int64_t mul;
    int64_t add;
};

MUST_USE bool fft_count(int64_t n, struct fft_ops *ops);
MUST_USE bool real_fft_count(int64_t n, bool is_inverse, struct fft_ops *ops);

#endif
