/* Lightning attention (linear attention with decay), for each b and h, as the
 * recurrence over tokens t with a state S[e,f] that starts at 0:
 *
 *     S[e,f]  = DECAY[h] S[e,f] + K[t,e] V[t,f]
 *     AV[t,f] = sum over e of Q[t,e] S[e,f]
 *
 * Qin et al., Lightning Attention-2 (2024), equation 6. DECAY is the factor of
 * one step, exp(-slope), an input; no scale, no denominator. The quadratic and
 * the tiled form have the same exact values.
 */
#include "kernels/attend.h"

enum { DECAY = FURTHER_OPERAND };

static void run_slice(const struct slice *slice, struct bounded *state)
{
    struct attention at = attention_of(slice, true);
    struct cut decays = slice_cut(slice, DECAY, "");
    struct bounded decay = bounded_exact(cut_get(&decays, 0, 0));
    for (int64_t i = 0; i < at.e_count * at.f_count; i++) {
        state[i] = bounded_exact(0.0);
    }
    for (int64_t t = 0; t < at.p_count; t++) {
        for (int64_t i = 0; i < at.e_count * at.f_count; i++) {
            struct bounded product =
                bounded_mul(lane_get(cut_lane(&at.k, t), i / at.f_count),
                            lane_get(cut_lane(&at.v, t), i % at.f_count));
            state[i] = bounded_add(bounded_mul(decay, state[i]), product);
        }
        for (int64_t f = 0; f < at.f_count; f++) {
            struct bounded sum = bounded_exact(0.0);
            for (int64_t e = 0; e < at.e_count; e++) {
                struct bounded query = lane_get(cut_lane(&at.q, t), e);
                sum = bounded_add(
                    sum, bounded_mul(query, state[e * at.f_count + f]));
            }
            lane_put(cut_lane(&at.av, t), f, sum);
        }
    }
}

enum status kernel_lightning(const struct kernel_call *call,
                             struct diags *diags)
{
    g_autofree struct bounded *state =
        scratch_new(kernel_extent(call, 'e'), kernel_extent(call, 'f'), diags);
    if (state == NULL) {
        return ERR_MEM;
    }
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        run_slice(&s, state);
    }
    return OK;
}
