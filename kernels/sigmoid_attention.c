/* Sigmoid attention, for each b, h and query p:
 *
 *     AV[p,f] = sum over m of sigmoid(sum over e of Q[p,e] K[m,e] + BIAS[h])
 *                             V[m,f]
 *
 * Ramapuram et al., Theory, Analysis, and Best Practices for Sigmoid
 * Self-Attention (2024), equation 3. Without an operand BIAS the bias is the
 * paper's -ln(M). No scale. The causal form keeps m <= p (and -ln M, as the
 * released code, which takes the length of the sequence).
 */
#include "kernels/attend.h"

enum { BIAS = FURTHER_OPERAND };

static struct bounded bias_of(const struct slice *slice)
{
    if (kernel_has(slice->call, BIAS)) {
        struct cut bias = slice_cut(slice, BIAS, "");
        return bounded_exact(cut_get(&bias, 0, 0));
    }
    double m_count = (double)slice_extent(slice, 'm');
    return bounded_negate(bounded_log(bounded_exact(m_count)));
}

static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    struct bounded bias = bias_of(slice);
    struct attention at = attention_of(slice, false);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(keys);
        for (int64_t m = 0; m < at.m_count && (m <= p || !is_causal); m++) {
            struct bounded logit =
                lane_dot(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count);
            key_list_add(keys, bounded_sigmoid(bounded_add(logit, bias)),
                         cut_lane(&at.v, m));
        }
        key_list_average(keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status kernel_sigmoid_attention(const struct kernel_call *call,
                                     struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 'm'), attend, false, diags);
}

enum status kernel_sigmoid_attention_causal(const struct kernel_call *call,
                                            struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 'm'), attend, true, diags);
}
