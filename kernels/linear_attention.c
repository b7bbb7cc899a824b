/* Linear attention, for each b, h and query p, in its quadratic form:
 *
 *     phi(x)  = elu(x) + 1 = x + 1 if x > 0, exp(x) otherwise
 *     w[p,m]  = sum over e of phi(Q[p,e]) phi(K[m,e])
 *     AV[p,f] = sum over m of w[p,m] V[m,f] / (sum over m of w[p,m] + 1e-6)
 *
 * Katharopoulos et al., Transformers are RNNs (2020), equations 4 and 7; causal
 * with m <= p, equation 8. No scale. The paper has no 1e-6; its released code
 * (idiap/fast-transformers) adds it in the causal form too, and is followed,
 * while the catalogue of algorithms has it in the other form only.
 */
#include "kernels/attend.h"

static const double epsilon = 1e-6;

static struct bounded phi(double x)
{
    struct bounded exact = bounded_exact(x);
    return x > 0.0 ? bounded_add(exact, bounded_exact(1.0))
                   : bounded_exp(exact);
}

/* w[p,m]. */
static struct bounded similarity(struct lane query, struct lane key,
                                 int64_t e_count)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t e = 0; e < e_count; e++) {
        struct bounded product = bounded_mul(phi(lane_get(query, e).value),
                                             phi(lane_get(key, e).value));
        sum = bounded_add(sum, product);
    }
    return sum;
}

static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    struct attention at = attention_of(slice, is_causal);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(keys);
        for (int64_t m = 0; m < at.m_count && (m <= p || !is_causal); m++) {
            struct bounded weight =
                similarity(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count);
            key_list_add(keys, weight, cut_lane(&at.v, m));
        }
        key_list_divide(
            keys, bounded_add(key_list_sum(keys), bounded_exact(epsilon)));
        key_list_average(keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status kernel_linear_attention(const struct kernel_call *call,
                                    struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 'm'), attend, false, diags);
}

enum status kernel_linear_attention_causal(const struct kernel_call *call,
                                           struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 's'), attend, true, diags);
}
