/* Performer attention (FAVOR+, positive features), for each b, h and query p:
 *
 *     phi_q[p,r] = (exp(W[r] Q[p] - |Q[p]|^2 / 2 - cq[p]) + 1e-4) / sqrt(R)
 *     phi_k[m,r] = (exp(W[r] K[m] - |K[m]|^2 / 2 - ck) + 1e-4) / sqrt(R)
 *     cq[p] = max over r of W[r] Q[p],  ck = max over m, r of W[r] K[m]
 *     w[p,m]  = sum over r of phi_q[p,r] phi_k[m,r]
 *     AV[p,f] = sum over m of w[p,m] V[m,f] / sum over m of w[p,m]
 *
 * Choromanski et al., Rethinking Attention with Performers (2021), lemma 1 and
 * the stabilised features of the released code (google-research, performer,
 * nonnegative_softmax_kernel_feature_creator, whose default of 1e-4 this is;
 * its make_fast_softmax_attention passes 1e-6 instead). The random features
 * W[r,e] are an input. The scale E^(-1/4) of Q and K is the caller's. The causal
 * form keeps m <= p, with ck over the whole sequence as in the code.
 */
#include "kernels/attend.h"

static const double epsilon = 1e-4;

enum { W = FURTHER_OPERAND };

struct work {
    struct bounded *query_feature; /* [p,r] */
    struct bounded *key_feature;   /* [m,r] */
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->query_feature);
    g_free(work->key_feature);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             bool is_causal, struct diags *diags)
{
    int64_t r_count = kernel_extent(call, 'r');
    int64_t p_count = kernel_extent(call, is_causal ? 's' : 'p');
    int64_t m_count = kernel_extent(call, is_causal ? 's' : 'm');
    *work = (struct work){.keys = {0}};
    work->query_feature = scratch_new(p_count, r_count, diags);
    work->key_feature = scratch_new(m_count, r_count, diags);
    if (work->query_feature == NULL || work->key_feature == NULL ||
        key_list_init(&work->keys, m_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* feature[n,r] = W[r] X[n]. */
static void project(const struct cut *x, const struct cut *w, int64_t n_count,
                    int64_t r_count, int64_t e_count, struct bounded *feature)
{
    for (int64_t n = 0; n < n_count; n++) {
        for (int64_t r = 0; r < r_count; r++) {
            feature[n * r_count + r] =
                lane_dot(cut_lane(w, r), cut_lane(x, n), e_count);
        }
    }
}

static struct bounded maximum(const struct bounded *x, int64_t count)
{
    struct bounded largest = x[0];
    for (int64_t i = 1; i < count; i++) {
        largest = bounded_max(largest, x[i]);
    }
    return largest;
}

/* From the projections of one token to its features. */
static void finish(struct lane token, int64_t e_count, struct bounded shift,
                   struct bounded *feature, int64_t r_count)
{
    struct bounded half_square =
        bounded_mul(bounded_exact(0.5), lane_dot(token, token, e_count));
    struct bounded size = bounded_sqrt(bounded_exact((double)r_count));
    for (int64_t r = 0; r < r_count; r++) {
        struct bounded exponent =
            bounded_sub(bounded_sub(feature[r], half_square), shift);
        feature[r] = bounded_div(
            bounded_add(bounded_exp(exponent), bounded_exact(epsilon)), size);
    }
}

static void compute_features(const struct attention *at, const struct cut *w,
                             int64_t r_count, struct work *work)
{
    project(&at->q, w, at->p_count, r_count, at->e_count, work->query_feature);
    for (int64_t p = 0; p < at->p_count; p++) {
        struct bounded *feature = work->query_feature + p * r_count;
        finish(cut_lane(&at->q, p), at->e_count, maximum(feature, r_count),
               feature, r_count);
    }
    project(&at->k, w, at->m_count, r_count, at->e_count, work->key_feature);
    struct bounded shift = maximum(work->key_feature, at->m_count * r_count);
    for (int64_t m = 0; m < at->m_count; m++) {
        finish(cut_lane(&at->k, m), at->e_count, shift,
               work->key_feature + m * r_count, r_count);
    }
}

static void attend(const struct slice *slice, bool is_causal, struct work *work)
{
    struct attention at = attention_of(slice, is_causal);
    struct cut w = slice_cut(slice, W, "re");
    int64_t r_count = slice_extent(slice, 'r');
    compute_features(&at, &w, r_count, work);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(&work->keys);
        for (int64_t m = 0; m < at.m_count && (m <= p || !is_causal); m++) {
            struct bounded weight =
                lane_dot(lane_of_row(work->query_feature, r_count, p),
                         lane_of_row(work->key_feature, r_count, m), r_count);
            key_list_add(&work->keys, weight, cut_lane(&at.v, m));
        }
        key_list_divide(&work->keys, key_list_sum(&work->keys));
        key_list_average(&work->keys, cut_lane(&at.av, p), at.f_count);
    }
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, is_causal, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, is_causal, &work);
    }
    work_clear(&work);
    return OK;
}

enum status kernel_performer(const struct kernel_call *call,
                             struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_performer_causal(const struct kernel_call *call,
                                    struct diags *diags)
{
    return run(call, true, diags);
}
