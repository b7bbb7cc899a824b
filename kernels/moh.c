/* Mixture-of-head attention, for each b, query p and head h, of which the first
 * C are shared by all tokens and the others, r = h - C, are routed:
 *
 *     GS[p,c] = C softmax(c)(sum over d of X[p,d] WS[c,d])
 *     GR[p,r] = softmax(r)(sum over d of X[p,d] WR[r,d])
 *     top[p]  = the T routed heads of largest GR[p,r], ties to the lower r
 *     GT[p,r] = T GR[p,r] / (sum over top[p] of GR[p,r']), 0 outside of top[p]
 *     W[p,a]  = 2 softmax(a)(sum over d of X[p,d] WA[a,d]), a < 2
 *     G[p,h]  = W[p,0] GS[p,h] for shared heads, W[p,1] GT[p,h-C] for routed
 *     AV[p,h] = G[p,h] times softmax attention of Q[h,p] to all K[h,m], V[h,m]
 *
 * Jin et al., MoH: Multi-Head Attention as Mixture-of-Head Attention (2024),
 * equations 4 to 7, with the factors C, T and 2 of the released code
 * (SkyworkAI/MoH, the ViT form), which keep the gates' mean at 1. The code's
 * least denominator never binds: the T largest of R shares are at least T/R.
 * The output projection, which sums the heads, is not here; no scale. A head
 * outside of top[p] gives 0, whatever its attention.
 */
#include "kernels/attend.h"
#include "kernels/select.h"

enum { X = FURTHER_OPERAND, WS, WR, WA };

struct work {
    int64_t shared_count;
    int64_t routed_count;
    int64_t chosen_count;
    struct bounded *share; /* of the heads of one kind */
    int64_t *chosen;
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->share);
    g_free(work->chosen);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    *work = (struct work){
        .shared_count = kernel_extent(call, 'c'),
        .routed_count = kernel_extent(call, 'r'),
        .chosen_count = call->parameter[0],
    };
    int64_t most = MAX(work->shared_count, work->routed_count);
    work->share = scratch_new(MAX(most, 2), 1, diags);
    work->chosen = scratch_new_indices(work->chosen_count, 1, diags);
    if (work->share == NULL || work->chosen == NULL ||
        key_list_init(&work->keys, kernel_extent(call, 'm'), diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* share[i] = softmax(i)(X[p] . weight[i]). */
static void find_shares(const struct slice *slice, int operand,
                        const char *axes, int64_t p, struct work *work)
{
    struct cut tokens = slice_cut(slice, X, "pd");
    struct cut weights = slice_cut(slice, operand, axes);
    int64_t count = slice_extent(slice, axes[0]);
    for (int64_t i = 0; i < count; i++) {
        work->share[i] = lane_dot(cut_lane(&tokens, p), cut_lane(&weights, i),
                                  slice_extent(slice, 'd'));
    }
    softmax(work->share, count);
}

static struct bounded scaled(struct bounded x, int64_t factor)
{
    return bounded_mul(bounded_exact((double)factor), x);
}

static struct bounded find_routed_gate(const struct slice *slice, int64_t p,
                                       struct work *work)
{
    int64_t head = slice->head - work->shared_count;
    struct bounded sum = bounded_exact(0.0);
    bool is_chosen = false;
    bool is_decided = true;
    find_shares(slice, WR, "rd", p, work);
    select_top(work->share, work->routed_count, work->chosen_count,
               work->chosen, &is_decided);
    for (int64_t t = 0; t < work->chosen_count; t++) {
        sum = bounded_add(sum, work->share[work->chosen[t]]);
        is_chosen = is_chosen || work->chosen[t] == head;
    }
    struct bounded gate =
        is_chosen
            ? bounded_div(scaled(work->share[head], work->chosen_count), sum)
            : bounded_exact(0.0);
    if (!is_decided) {
        gate.error = HUGE_VAL;
    }
    return gate;
}

static struct bounded find_gate(const struct slice *slice, int64_t p,
                                struct work *work)
{
    bool is_shared = slice->head < work->shared_count;
    find_shares(slice, WA, "ad", p, work);
    struct bounded kind = scaled(work->share[is_shared ? 0 : 1], 2);
    if (!is_shared) {
        return bounded_mul(kind, find_routed_gate(slice, p, work));
    }
    find_shares(slice, WS, "cd", p, work);
    return bounded_mul(kind,
                       scaled(work->share[slice->head], work->shared_count));
}

static void attend(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, false);
    for (int64_t p = 0; p < at.p_count; p++) {
        struct bounded gate = find_gate(slice, p, work);
        key_list_restart(&work->keys);
        for (int64_t m = 0; m < at.m_count; m++) {
            struct bounded logit =
                lane_dot(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count);
            key_list_add(&work->keys, logit, cut_lane(&at.v, m));
        }
        key_list_weigh(&work->keys);
        for (int64_t f = 0; f < at.f_count; f++) {
            lane_put(cut_lane(&at.av, p), f,
                     bounded_mul(gate, key_list_mean(&work->keys, f)));
        }
    }
}

enum status kernel_moh(const struct kernel_call *call, struct diags *diags)
{
    if (kernel_extent(call, 'h') !=
            kernel_extent(call, 'c') + kernel_extent(call, 'r') ||
        call->parameter[0] > kernel_extent(call, 'r') ||
        kernel_extent(call, 'a') != 2) {
        return KERNEL_REJECT(
            call, diags, "kernel-extents",
            "heads are not those of 'WS' and 'WR', or 'T' "
            "(%" G_GINT64_FORMAT
            ") is more than those of 'WR', or 'WA' has not two "
            "rows",
            call->parameter[0]);
    }
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, &work);
    }
    work_clear(&work);
    return OK;
}
