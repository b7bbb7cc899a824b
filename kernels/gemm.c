/* Matrix product, Z[b,m,n] = sum over k of A[b,m,k] B[b,k,n].
 *
 * Bound. A sum of K products rounded in any order has an error of at most
 *     gamma_K sum |A||B|  +  K eta
 * (Higham, section 3.1; the last term is what products lose by underflow). The
 * sum of magnitudes is known only as computed, which is too small by a factor
 * of at most 1 - gamma_K and K eta: `rounding_inflation` covers both that and
 * the roundings of the bound itself.
 */
#include "kernels/call.h"
#include "kernels/rounding.h"

#include <math.h>

struct dot {
    const double *a;
    int64_t a_stride;
    const double *b;
    int64_t b_stride;
    int64_t length;
};

static double dot_value(const struct dot *dot)
{
    double sum = 0.0;
    for (int64_t k = 0; k < dot->length; k++) {
        sum += dot->a[k * dot->a_stride] * dot->b[k * dot->b_stride];
    }
    return sum;
}

static double dot_error(const struct dot *dot)
{
    double magnitude = 0.0;
    for (int64_t k = 0; k < dot->length; k++) {
        magnitude +=
            fabs(dot->a[k * dot->a_stride] * dot->b[k * dot->b_stride]);
    }
    double eta = (double)dot->length * ROUNDING_ETA;
    double error = rounding_gamma(dot->length) * (magnitude + eta) + eta;
    return error * rounding_inflation(dot->length + 8);
}

enum status kernel_gemm(const struct kernel_call *call, struct diags *diags)
{
    (void)diags; /* nothing can fail: no scratch memory */
    const struct kernel_view *a = &call->view[0];
    const struct kernel_view *b = &call->view[1];
    const struct kernel_view *z = &call->view[2];
    struct dot dot = {.a_stride = kernel_stride(a, 'k'),
                      .b_stride = kernel_stride(b, 'k'),
                      .length = kernel_extent(call, 'k')};
    int64_t m_count = kernel_extent(call, 'm');
    int64_t n_count = kernel_extent(call, 'n');
    int64_t row_count = kernel_extent(call, 'b') * m_count;
    for (int64_t row = 0; row < row_count; row++) {
        int64_t batch = row / m_count;
        int64_t m = row % m_count;
        dot.a = a->value + batch * kernel_stride(a, 'b') +
                m * kernel_stride(a, 'm');
        for (int64_t n = 0; n < n_count; n++) {
            dot.b = b->value + batch * kernel_stride(b, 'b') +
                    n * kernel_stride(b, 'n');
            int64_t at = batch * kernel_stride(z, 'b') +
                         m * kernel_stride(z, 'm') + n * kernel_stride(z, 'n');
            z->value[at] = dot_value(&dot);
            if (z->error != NULL) {
                z->error[at] =
                    isfinite(z->value[at]) ? dot_error(&dot) : HUGE_VAL;
            }
        }
    }
    return OK;
}
