/* Aaren ("attention as a recurrent neural network"), for each b and h: one query
 * for all positions, and at position t softmax attention to the prefix,
 *
 *     AV[t,f] = sum over i <= t of softmax(i <= t)(Q[e] K[i,e]) V[i,f]
 *
 * Feng et al., Attention as an RNN (2024), section 3.2. The query is a learned
 * parameter, an input here. No scale. The scan over (maximum, denominator,
 * numerator) and the recurrence have the same exact values.
 */
#include "kernels/attend.h"

static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    (void)is_causal;
    struct attention at = attention_of(slice, true);
    for (int64_t t = 0; t < at.m_count; t++) {
        key_list_restart(keys);
        for (int64_t i = 0; i <= t; i++) {
            /* The query has no position: any row of Q is the only one. */
            key_list_add(
                keys,
                lane_dot(cut_lane(&at.q, t), cut_lane(&at.k, i), at.e_count),
                cut_lane(&at.v, i));
        }
        key_list_attend(keys, cut_lane(&at.av, t), at.f_count);
    }
}

enum status kernel_aaren(const struct kernel_call *call, struct diags *diags)
{
    return attend_each(call, kernel_extent(call, 's'), attend, true, diags);
}
