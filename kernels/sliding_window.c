/* Softmax attention within a window, for each b, h and query p:
 *
 *  causal      keys p - W < m <= p: the query's own token and the W - 1 before
 *              it (Jiang et al., Mistral 7B (2023), section 2)
 *  symmetric   keys |p - m| <= W (Beltagy et al., Longformer (2020), section
 *              3.1, whose window is written w = 2 W)
 *
 * No scale. Keys beyond the ends do not exist; a query without any key, which
 * takes more queries than keys, gets 0.
 */
#include "kernels/attend.h"

static bool is_causal_key(const struct slice *slice, int64_t p, int64_t m)
{
    return m <= p && p - m < slice->call->parameter[0];
}

static bool is_symmetric_key(const struct slice *slice, int64_t p, int64_t m)
{
    int64_t distance = p < m ? m - p : p - m;
    return distance <= slice->call->parameter[0];
}

enum status kernel_sliding_window(const struct kernel_call *call,
                                  struct diags *diags)
{
    return attend_where(call, is_causal_key, diags);
}

enum status kernel_symmetric_window(const struct kernel_call *call,
                                    struct diags *diags)
{
    return attend_where(call, is_symmetric_key, diags);
}
