/* Routing attention, for each b and h, with centroids MU[c,e]:
 *
 *     QN[n] = (Q[n] - mean) / sqrt(variance + 1e-6) over e, KN of K
 *     IQ[c] = the W queries of largest QN[n] MU[c], IK[c] of KN; in order of
 *             position, ties to the lower
 *     O[c,i] = softmax attention of QN[IQ[c,i]] to KN[IK[c,j]], j < W
 *     AV[n] = sum of O[c,i] with IQ[c,i] = n, over (their number + 1e-2)
 *
 * Roy et al., Efficient Content-Based Sparse Attention with Routing Transformers
 * (2021), section 4. The constants, the mean instead of an overwriting scatter
 * and the logits without a scale (the normalisation undoes any scale that was
 * given to Q) are those of the released code (google-research,
 * routing_transformer/utils.py); the catalogue of algorithms holds 1/sqrt(E) to
 * be likely. A query in no cluster gets 0. The causal form keeps IK[c,j] <=
 * IQ[c,i]; for shared Q and K, where the two index sets are equal, that is the
 * code's triangle over i and j.
 *
 * One cluster that is not decided makes all results of its head undecided.
 */
#include "kernels/attend.h"
#include "kernels/select.h"

static const double variance_epsilon = 1e-6;
static const double count_epsilon = 1e-2;

enum { MU = FURTHER_OPERAND };

struct work {
    int64_t n_count;
    int64_t window;
    bool is_causal;
    struct bounded *query; /* QN[n,e] */
    struct bounded *key;   /* KN[n,e] */
    struct bounded *closeness;
    int64_t *query_index;
    int64_t *key_index;
    struct bounded *partial; /* O[f] of one query in one cluster */
    struct bounded *sum;     /* [n,f] over clusters */
    int64_t *visits;         /* [n] */
    struct key_list keys;
    bool is_decided;
};

static void work_clear(struct work *work)
{
    g_free(work->query);
    g_free(work->key);
    g_free(work->closeness);
    g_free(work->query_index);
    g_free(work->key_index);
    g_free(work->partial);
    g_free(work->sum);
    g_free(work->visits);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             bool is_causal, struct diags *diags)
{
    int64_t n_count = kernel_extent(call, 's');
    int64_t e_count = kernel_extent(call, 'e');
    int64_t f_count = kernel_extent(call, 'f');
    int64_t window = call->parameter[0];
    *work = (struct work){
        .n_count = n_count, .window = window, .is_causal = is_causal};
    bool is_good =
        (work->query = scratch_new(n_count, e_count, diags)) != NULL &&
        (work->key = scratch_new(n_count, e_count, diags)) != NULL &&
        (work->closeness = scratch_new(n_count, 1, diags)) != NULL &&
        (work->query_index = scratch_new_indices(window, 1, diags)) != NULL &&
        (work->key_index = scratch_new_indices(window, 1, diags)) != NULL &&
        (work->partial = scratch_new(f_count, 1, diags)) != NULL &&
        (work->sum = scratch_new(n_count, f_count, diags)) != NULL &&
        (work->visits = scratch_new_indices(n_count, 1, diags)) != NULL &&
        key_list_init(&work->keys, window, diags) == OK;
    if (!is_good) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void normalise(struct lane token, int64_t e_count,
                      struct bounded *result)
{
    struct bounded width = bounded_exact((double)e_count);
    struct bounded mean = bounded_exact(0.0);
    struct bounded variance = bounded_exact(0.0);
    for (int64_t e = 0; e < e_count; e++) {
        mean = bounded_add(mean, lane_get(token, e));
    }
    mean = bounded_div(mean, width);
    for (int64_t e = 0; e < e_count; e++) {
        result[e] = bounded_sub(lane_get(token, e), mean);
        variance = bounded_add(variance, bounded_mul(result[e], result[e]));
    }
    struct bounded spread = bounded_sqrt(bounded_add(
        bounded_div(variance, width), bounded_exact(variance_epsilon)));
    for (int64_t e = 0; e < e_count; e++) {
        result[e] = bounded_div(result[e], spread);
    }
}

static void find_members(struct bounded *token, struct lane centroid,
                         int64_t e_count, int64_t *index, struct work *work)
{
    for (int64_t n = 0; n < work->n_count; n++) {
        work->closeness[n] =
            lane_dot(lane_of_row(token, e_count, n), centroid, e_count);
    }
    select_top(work->closeness, work->n_count, work->window, index,
               &work->is_decided);
}

/* Query n to the keys of the cluster at hand. */
static void attend(const struct attention *at, int64_t n, struct work *work)
{
    key_list_restart(&work->keys);
    for (int64_t j = 0; j < work->window; j++) {
        int64_t m = work->key_index[j];
        if (!work->is_causal || m <= n) {
            struct bounded logit =
                lane_dot(lane_of_row(work->query, at->e_count, n),
                         lane_of_row(work->key, at->e_count, m), at->e_count);
            key_list_add(&work->keys, logit, cut_lane(&at->v, m));
        }
    }
    key_list_attend(&work->keys, lane_of_row(work->partial, at->f_count, 0),
                    at->f_count);
    work->visits[n]++;
    for (int64_t f = 0; f < at->f_count; f++) {
        struct bounded *sum = &work->sum[n * at->f_count + f];
        *sum = bounded_add(*sum, work->partial[f]);
    }
}

static void put_means(const struct attention *at, const struct work *work)
{
    for (int64_t i = 0; i < work->n_count * at->f_count; i++) {
        int64_t n = i / at->f_count;
        struct bounded divisor =
            bounded_add(bounded_exact((double)work->visits[n]),
                        bounded_exact(count_epsilon));
        struct bounded mean = bounded_div(work->sum[i], divisor);
        if (!work->is_decided) {
            mean.error = HUGE_VAL;
        }
        lane_put(cut_lane(&at->av, n), i % at->f_count, mean);
    }
}

static void attend_head(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, true);
    struct cut centroids = slice_cut(slice, MU, "ce");
    work->is_decided = true;
    for (int64_t n = 0; n < work->n_count; n++) {
        normalise(cut_lane(&at.q, n), at.e_count, work->query + n * at.e_count);
        normalise(cut_lane(&at.k, n), at.e_count, work->key + n * at.e_count);
        work->visits[n] = 0;
    }
    for (int64_t i = 0; i < work->n_count * at.f_count; i++) {
        work->sum[i] = bounded_exact(0.0);
    }
    for (int64_t c = 0; c < slice_extent(slice, 'c'); c++) {
        struct lane centroid = cut_lane(&centroids, c);
        find_members(work->query, centroid, at.e_count, work->query_index,
                     work);
        find_members(work->key, centroid, at.e_count, work->key_index, work);
        for (int64_t i = 0; i < work->window; i++) {
            attend(&at, work->query_index[i], work);
        }
    }
    put_means(&at, work);
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    if (call->parameter[0] > kernel_extent(call, 's')) {
        return KERNEL_REJECT(call, diags, "kernel-parameter",
                             "'W' (%" G_GINT64_FORMAT
                             ") is more than the sequence",
                             call->parameter[0]);
    }
    struct work work;
    TRY(work_init(&work, call, is_causal, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend_head(&s, &work);
    }
    work_clear(&work);
    return OK;
}

enum status kernel_routing_transformer(const struct kernel_call *call,
                                       struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_routing_transformer_causal(const struct kernel_call *call,
                                              struct diags *diags)
{
    return run(call, true, diags);
}
