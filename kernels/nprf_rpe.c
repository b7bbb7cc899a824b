/* Kernelised attention with relative positions and normalised positive random
 * features, for each b, h and query p:
 *
 *     phi(x)[r] = exp(sum over e of W[r,e] x[e] / |x|)
 *     w[p,m]    = exp(B[p - m + N - 1]) sum over r of phi(Q[p])[r] phi(K[m])[r]
 *     AV[p,f]   = sum over m of w[p,m] V[m,f] / sum over m of w[p,m]
 *
 * Luo et al., Stable, Fast and Accurate: Kernelized Attention with Relative
 * Positional Encoding (2021), section 3: the dense Toeplitz product, which the
 * paper computes with an FFT. Its factor exp(-|x|^2 / 2) / sqrt(R) of each
 * feature is the same for all unit vectors and cancels. Queries and keys are
 * normalised here, so a temperature is given to W. The causal form keeps m <= p.
 */
#include "kernels/attend.h"

enum { W = FURTHER_OPERAND, B };

struct work {
    int64_t n_count;
    bool is_causal;
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
    int64_t n_count = kernel_extent(call, 's');
    *work = (struct work){.n_count = n_count, .is_causal = is_causal};
    work->query_feature = scratch_new(n_count, kernel_extent(call, 'r'), diags);
    work->key_feature = scratch_new(n_count, kernel_extent(call, 'r'), diags);
    if (work->query_feature == NULL || work->key_feature == NULL ||
        key_list_init(&work->keys, n_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void compute_features(const struct slice *slice, const struct cut *x,
                             int64_t n_count, struct bounded *feature)
{
    struct cut w = slice_cut(slice, W, "re");
    int64_t e_count = slice_extent(slice, 'e');
    int64_t r_count = slice_extent(slice, 'r');
    for (int64_t n = 0; n < n_count; n++) {
        struct lane token = cut_lane(x, n);
        struct bounded length = bounded_sqrt(lane_dot(token, token, e_count));
        for (int64_t r = 0; r < r_count; r++) {
            struct bounded product = lane_dot(cut_lane(&w, r), token, e_count);
            feature[n * r_count + r] =
                bounded_exp(bounded_div(product, length));
        }
    }
}

static void attend(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, true);
    struct cut biases = slice_cut(slice, B, "d");
    int64_t r_count = slice_extent(slice, 'r');
    compute_features(slice, &at.q, work->n_count, work->query_feature);
    compute_features(slice, &at.k, work->n_count, work->key_feature);
    for (int64_t p = 0; p < work->n_count; p++) {
        int64_t m_count = work->is_causal ? p + 1 : work->n_count;
        key_list_restart(&work->keys);
        for (int64_t m = 0; m < m_count; m++) {
            double bias = cut_get(&biases, p - m + work->n_count - 1, 0);
            struct bounded likeness =
                lane_dot(lane_of_row(work->query_feature, r_count, p),
                         lane_of_row(work->key_feature, r_count, m), r_count);
            key_list_add(
                &work->keys,
                bounded_mul(bounded_exp(bounded_exact(bias)), likeness),
                cut_lane(&at.v, m));
        }
        key_list_divide(&work->keys, key_list_sum(&work->keys));
        key_list_average(&work->keys, cut_lane(&at.av, p), at.f_count);
    }
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    int64_t n_count = kernel_extent(call, 's');
    if (kernel_extent(call, 'd') != 2 * n_count - 1) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "'B' has %" G_GINT64_FORMAT
                             " distances, a sequence of %" G_GINT64_FORMAT
                             " has %" G_GINT64_FORMAT,
                             kernel_extent(call, 'd'), n_count,
                             2 * n_count - 1);
    }
    struct work work;
    TRY(work_init(&work, call, is_causal, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, &work);
    }
    work_clear(&work);
    return OK;
}

enum status kernel_nprf_rpe(const struct kernel_call *call, struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_nprf_rpe_causal(const struct kernel_call *call,
                                   struct diags *diags)
{
    return run(call, true, diags);
}
