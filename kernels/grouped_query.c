/* Softmax attention with fewer key and value heads than query heads, for each
 * b, h and query p: query head h reads head g = floor(h / (H/G)) of K and V.
 *
 * Ainslie et al., GQA: Training Generalized Multi-Query Transformer Models
 * (2023), section 2.2; with G = 1 multi-query attention (Shazeer, Fast
 * Transformer Decoding (2019)), with G = H ordinary multi-head attention. No
 * scale, no mask.
 */
#include "kernels/attend.h"

static struct cut group_cut(const struct slice *slice, int operand,
                            const char *axes)
{
    int64_t heads_per_group =
        slice_extent(slice, 'h') / slice_extent(slice, 'g');
    struct cut cut = slice_cut(slice, operand, axes);
    cut.value += slice->head / heads_per_group *
                 kernel_stride(&slice->call->view[operand], 'g');
    return cut;
}

static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    (void)is_causal;
    struct attention at = attention_of(slice, false);
    at.k = group_cut(slice, K_OPERAND, "me");
    at.v = group_cut(slice, V_OPERAND, "mf");
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(keys);
        for (int64_t m = 0; m < at.m_count; m++) {
            key_list_add(
                keys,
                lane_dot(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count),
                cut_lane(&at.v, m));
        }
        key_list_attend(keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status kernel_grouped_query(const struct kernel_call *call,
                                 struct diags *diags)
{
    TRY(kernel_check_divides(
        call, "the number of key heads", kernel_extent(call, 'g'),
        "the number of query heads", kernel_extent(call, 'h'), diags));
    return attend_each(call, kernel_extent(call, 'm'), attend, false, diags);
}
