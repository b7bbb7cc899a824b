/* Linear attention, for each b, h and query p, in its quadratic form:
 *
 *     phi(x)  = elu(x) + 1 = x + 1 if x > 0, exp(x) otherwise
 *     w[p,m]  = sum over e of phi(Q[p,e]) phi(K[m,e])
 *     AV[p,f] = sum over m of w[p,m] V[m,f] / (sum over m of w[p,m] + 1e-6)
 *
 * Katharopoulos et al., Transformers are RNNs (2020), equations 4 and 7; causal
 * with m <= p, equation 8. No scale. The paper has no 1e-6; its released code
 * (idiap/fast-transformers) adds it in the causal form too, and is followed,
 * while the catalogue of algorithms has it in the other form only.
 */
#include "kernels/attend.h"

static const double epsilon = 1e-6;

static struct bounded phi(double x)
{
    struct bounded exact = bounded_exact(x);
    return x > 0.0 ? bounded_add(exact, bounded_exact(1.0))
                   : bounded_exp(exact);
}

struct work {
    struct bounded *query_feature; /* phi(Q[p,e]) */
    struct bounded *key_feature;   /* phi(K[m,e]) */
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
    int64_t e_count = kernel_extent(call, 'e');
    int64_t m_count = kernel_extent(call, is_causal ? 's' : 'm');
    int64_t p_count = kernel_extent(call, is_causal ? 's' : 'p');
    *work = (struct work){.keys = {0}};
    work->query_feature = scratch_new(p_count, e_count, diags);
    work->key_feature = scratch_new(m_count, e_count, diags);
    if (work->query_feature == NULL || work->key_feature == NULL ||
        key_list_init(&work->keys, m_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void compute_features(const struct cut *x, int64_t count,
                             int64_t e_count, struct bounded *feature)
{
    for (int64_t i = 0; i < count * e_count; i++) {
        feature[i] = phi(cut_get(x, i / e_count, i % e_count));
    }
}

static void attend(const struct slice *slice, bool is_causal, struct work *work)
{
    struct attention at = attention_of(slice, is_causal);
    compute_features(&at.q, at.p_count, at.e_count, work->query_feature);
    compute_features(&at.k, at.m_count, at.e_count, work->key_feature);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(&work->keys);
        for (int64_t m = 0; m < at.m_count && (m <= p || !is_causal); m++) {
            struct bounded weight = lane_dot(
                lane_of_row(work->query_feature, at.e_count, p),
                lane_of_row(work->key_feature, at.e_count, m), at.e_count);
            key_list_add(&work->keys, weight, cut_lane(&at.v, m));
        }
        struct bounded sum = key_list_sum(&work->keys);
        key_list_divide(&work->keys, bounded_add(sum, bounded_exact(epsilon)));
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

enum status kernel_linear_attention(const struct kernel_call *call,
                                    struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_linear_attention_causal(const struct kernel_call *call,
                                           struct diags *diags)
{
    return run(call, true, diags);
}
