/* Causal softmax attention, for each b, h and query p:
 *
 *     AV[p,f] = sum over m <= p of softmax(m <= p)(Q[p,e] K[m,e]) V[m,f]
 *
 * Vaswani et al., Attention Is All You Need (2017), section 3.2.3, without the
 * scale. Positions p and m count from the same origin, whether or not there are
 * as many queries as keys.
 */
#include "kernels/attend.h"

static bool is_key(const struct slice *slice, int64_t p, int64_t m)
{
    (void)slice;
    return m <= p;
}

enum status kernel_causal_attention(const struct kernel_call *call,
                                    struct diags *diags)
{
    return attend_where(call, is_key, diags);
}
