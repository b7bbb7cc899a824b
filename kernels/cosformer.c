/* cosFormer attention, for each b, h and query p:
 *
 *     w[p,m]  = sum over e of relu(Q[p,e]) relu(K[m,e])
 *               * cos(pi/2 * (p - m) / L),  L = max(P, M)
 *     AV[p,f] = sum over m of w[p,m] V[m,f] / max(sum over m of w[p,m], 1e-6)
 *
 * Qin et al., cosFormer: Rethinking Softmax in Attention (2022), equations 9
 * and 10, before the cosine is split into cos cos + sin sin, which is what makes
 * it linear. The floor of the denominator and L are those of the released code
 * (OpenNLPLab/cosFormer); its index that starts at 1 cancels in p - m. No scale.
 * The causal form keeps m <= p.
 */
#include "kernels/attend.h"

static const double smallest_denominator = 1e-6;

/* pi/2 to the nearest double, which is off by less than 2^-53. */
static const struct bounded half_pi = {0x1.921fb54442d18p+0, 0x1p-53};

static struct bounded relu(struct bounded exact)
{
    return bounded_exact(fmax(exact.value, 0.0));
}

static struct bounded similarity(struct lane query, struct lane key,
                                 int64_t e_count)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t e = 0; e < e_count; e++) {
        sum = bounded_add(
            sum, bounded_mul(relu(lane_get(query, e)), relu(lane_get(key, e))));
    }
    return sum;
}

static struct bounded nearness(int64_t p, int64_t m, int64_t length)
{
    struct bounded ratio = bounded_div(bounded_exact((double)(p - m)),
                                       bounded_exact((double)length));
    return bounded_cos(bounded_mul(half_pi, ratio));
}

static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    struct attention at = attention_of(slice, is_causal);
    int64_t length = MAX(at.p_count, at.m_count);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(keys);
        for (int64_t m = 0; m < at.m_count && (m <= p || !is_causal); m++) {
            struct bounded weight =
                similarity(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count);
            key_list_add(keys, bounded_mul(weight, nearness(p, m, length)),
                         cut_lane(&at.v, m));
        }
        key_list_divide(keys, bounded_max(key_list_sum(keys),
                                          bounded_exact(smallest_denominator)));
        key_list_average(keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status kernel_cosformer(const struct kernel_call *call,
                             struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 'm'), attend, false, diags);
}

enum status kernel_cosformer_causal(const struct kernel_call *call,
                                    struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 's'), attend, true, diags);
}
