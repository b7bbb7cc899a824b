/* Attention over the edges of a graph, for each b and h. Edge g leads from node
 * SRC[g] to node DST[g], inputs of integers, and modulates the product with its
 * own state PE[g]:
 *
 *     a[g]    = exp(clamp(sum over e of K[SRC[g],e] Q[DST[g],e] PE[g,e], -5, 5))
 *     AV[n,f] = sum over g with DST[g] = n of a[g] V[SRC[g],f]
 *               / (sum over g with DST[g] = n of a[g] + 1e-6)
 *
 * Dwivedi and Bresson, A Generalization of Transformer Networks to Graphs
 * (2020), equations 11 to 13, with the clamp and the 1e-6 of the released code
 * (graphdeeplearning/graphtransformer), which takes the paper's softmax without
 * a shift. Without an operand PE nothing modulates. A node that no edge leads
 * to gets 0. The scale is the caller's; the new states of the edges, K Q PE
 * before the sum, are not here.
 */
#include "kernels/attend.h"

static const double largest_logit = 5.0;
static const double epsilon = 1e-6;

enum { SRC = FURTHER_OPERAND, DST, PE };

static struct bounded weigh(const struct slice *slice, int64_t edge,
                            struct lane query, struct lane key)
{
    bool has_states = kernel_has(slice->call, PE);
    struct cut states = {.value = NULL};
    if (has_states) {
        states = slice_cut(slice, PE, "ge");
    }
    struct bounded sum = bounded_exact(0.0);
    for (int64_t e = 0; e < slice_extent(slice, 'e'); e++) {
        struct bounded term = bounded_mul(lane_get(key, e), lane_get(query, e));
        if (has_states) {
            term = bounded_mul(term, lane_get(cut_lane(&states, edge), e));
        }
        sum = bounded_add(sum, term);
    }
    return bounded_exp(bounded_clamp(sum, -largest_logit, largest_logit));
}

/* Looks through all edges for those that lead to node n. */
static void attend(const struct slice *slice, bool is_causal,
                   struct key_list *keys)
{
    (void)is_causal;
    struct attention at = attention_of(slice, true);
    struct cut sources = slice_cut(slice, SRC, "g");
    struct cut targets = slice_cut(slice, DST, "g");
    for (int64_t n = 0; n < at.p_count; n++) {
        key_list_restart(keys);
        for (int64_t g = 0; g < slice_extent(slice, 'g'); g++) {
            int64_t from = (int64_t)cut_get(&sources, g, 0);
            if ((int64_t)cut_get(&targets, g, 0) == n) {
                key_list_add(
                    keys,
                    weigh(slice, g, cut_lane(&at.q, n), cut_lane(&at.k, from)),
                    cut_lane(&at.v, from));
            }
        }
        key_list_divide(
            keys, bounded_add(key_list_sum(keys), bounded_exact(epsilon)));
        key_list_average(keys, cut_lane(&at.av, n), at.f_count);
    }
}

enum status kernel_graph_transformer(const struct kernel_call *call,
                                     struct diags *diags)
{
    TRY(kernel_check_index(call, SRC, kernel_extent(call, 's'), diags));
    TRY(kernel_check_index(call, DST, kernel_extent(call, 's'), diags));
    return attend_each(call, kernel_extent(call, 'g'), attend, false, diags);
}
