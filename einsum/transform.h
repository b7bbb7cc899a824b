/* The transforms that a statement can name, along one fiber:
 *
 *   fft    out[k] = sum of in[j] exp(-2 pi i j k / n)
 *   ifft   out[k] = 1/n sum of in[j] exp(2 pi i j k / n)
 *   rfft   fft of real values, k <= n/2
 *   irfft  of n/2 + 1 values, the n real values whose rfft they are, if any are:
 *          1/n sum of w[j] re(in[j] exp(2 pi i j k / n)), w = 1 for j = 0 and
 *          j = n/2, else 2
 *   dct    out[k] = c[k] sum of in[j] cos(pi (2j+1) k / 2n), c[0] = sqrt(1/n),
 *          c[k] = sqrt(2/n): orthogonal, of type II
 *   idct   out[k] = sum of c[j] in[j] cos(pi (2k+1) j / 2n), its inverse
 *
 * Private to this folder. */
#ifndef WEIR_EINSUM_TRANSFORM_H
#define WEIR_EINSUM_TRANSFORM_H

#include "einsum/ast.h"
#include "einsum/fft.h"

struct transform_shape {
    enum selection kind;
    int64_t in_count;
    int64_t out_count;
    bool is_complex; /* what is transformed */
};

struct transform;

struct transform *transform_new(const struct transform_shape *shape);
void transform_free(struct transform *transform);
/* Imaginary parts of real values are 0 and not looked at. */
void transform_run(struct transform *transform, const struct fft_value *in,
                   struct fft_value *out);
/* Bound on the error of both parts of out[k], whose larger part is `largest`;
 * `sum` of |in| and `error`, the sum of the errors of in. */
double transform_error(const struct transform *transform, int64_t k, double sum,
                       double error, double largest);
/* Of transform_run. False beyond int64. */
MUST_USE bool transform_count(const struct transform_shape *shape,
                              struct fft_ops *ops);
/* The counts of values go with each other. */
bool transform_fits(const struct transform_shape *shape);

#endif
