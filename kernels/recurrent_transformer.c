/* A recurrent transformer's attention layer, for each b, token after token t,
 * whose keys and values of earlier tokens come from the layer's own results:
 *
 *     Q[t,h] = WQ[h] X[t],  K[t,h] = WK[h] X[t],  V[t,h] = WV[h] X[t]
 *     A[t,h] = softmax attention of Q[t,h] to the keys KF[i,h] of tokens i < t,
 *              with values VF[i,h], and to its own K[t,h], with V[t,h]
 *     Y[t]   = X[t] + sum over h of WO[h] A[t,h]
 *     KF[t,h] = WK[h] Y[t],  VF[t,h] = WV[h] Y[t]
 *
 * so the layer is a recurrence through all earlier results, not a scan of one
 * state. Oncescu et al., The Recurrent Transformer: Greater Effective Depth and
 * Efficient Decoding (2026), the definition of the layer, without what is done
 * token by token: norms before the projections, the feed-forward part before Y.
 * No position bias; no scale: WQ may have it.
 */
#include "kernels/attend.h"

enum { X, WQ, WK, WV, WO, Y };

struct work {
    int64_t token_count;
    int64_t head_count;
    int64_t d_count;
    int64_t e_count;
    int64_t f_count;
    struct bounded *query; /* [e] of one token and head */
    struct bounded *key;   /* [t,h,e]: of X, then of Y */
    struct bounded *value; /* [t,h,f] */
    struct bounded *mean;  /* A[h,f] of one token */
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->query);
    g_free(work->key);
    g_free(work->value);
    g_free(work->mean);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    *work = (struct work){
        .token_count = kernel_extent(call, 's'),
        .head_count = kernel_extent(call, 'h'),
        .d_count = kernel_extent(call, 'd'),
        .e_count = kernel_extent(call, 'e'),
        .f_count = kernel_extent(call, 'f'),
    };
    int64_t rows = work->token_count * work->head_count;
    work->query = scratch_new(work->e_count, 1, diags);
    work->key = scratch_new(rows, work->e_count, diags);
    work->value = scratch_new(rows, work->f_count, diags);
    work->mean = scratch_new(work->head_count, work->f_count, diags);
    if (work->query == NULL || work->key == NULL || work->value == NULL ||
        work->mean == NULL ||
        key_list_init(&work->keys, work->token_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* result[i] = sum over d of weight[head,i,d] token[d]. */
static void project(const struct slice *slice, int operand, const char *axes,
                    int64_t head, struct lane token, struct bounded *result)
{
    struct cut weight = slice_head_cut(slice, operand, head, axes);
    for (int64_t i = 0; i < slice_extent(slice, axes[0]); i++) {
        result[i] =
            lane_dot(cut_lane(&weight, i), token, slice_extent(slice, 'd'));
    }
}

/* Keys and values of token t for all heads, from X[t] or Y[t]. */
static void make_keys(const struct slice *slice, int64_t t, struct lane token,
                      struct work *work)
{
    for (int64_t h = 0; h < work->head_count; h++) {
        int64_t row = t * work->head_count + h;
        project(slice, WK, "ed", h, token, work->key + row * work->e_count);
        project(slice, WV, "fd", h, token, work->value + row * work->f_count);
    }
}

static void attend(const struct slice *slice, int64_t t, int64_t head,
                   struct lane token, struct work *work)
{
    project(slice, WQ, "ed", head, token, work->query);
    key_list_restart(&work->keys);
    for (int64_t i = 0; i <= t; i++) {
        int64_t row = i * work->head_count + head;
        struct bounded logit =
            lane_dot(lane_of_row(work->query, work->e_count, 0),
                     lane_of_row(work->key, work->e_count, row), work->e_count);
        key_list_add(&work->keys, logit,
                     lane_of_row(work->value, work->f_count, row));
    }
    key_list_attend(&work->keys, lane_of_row(work->mean, work->f_count, head),
                    work->f_count);
}

static void put_result(const struct slice *slice, struct lane token,
                       struct lane result, struct work *work)
{
    for (int64_t d = 0; d < work->d_count; d++) {
        struct bounded sum = lane_get(token, d);
        for (int64_t h = 0; h < work->head_count; h++) {
            struct cut weight = slice_head_cut(slice, WO, h, "df");
            sum = bounded_add(
                sum, lane_dot(cut_lane(&weight, d),
                              lane_of_row(work->mean, work->f_count, h),
                              work->f_count));
        }
        lane_put(result, d, sum);
    }
}

/* `results` keeps Y with its bounds, which the caller's tensor may lack. */
static void run_batch(const struct slice *slice, struct bounded *results,
                      struct work *work)
{
    struct cut x = slice_cut(slice, X, "sd");
    struct cut y = slice_cut(slice, Y, "sd");
    for (int64_t t = 0; t < work->token_count; t++) {
        struct lane token = cut_lane(&x, t);
        struct lane result = lane_of_row(results, work->d_count, 0);
        make_keys(slice, t, token, work);
        for (int64_t h = 0; h < work->head_count; h++) {
            attend(slice, t, h, token, work);
        }
        put_result(slice, token, result, work);
        make_keys(slice, t, result, work);
        for (int64_t d = 0; d < work->d_count; d++) {
            lane_put(cut_lane(&y, t), d, lane_get(result, d));
        }
    }
}

enum status kernel_recurrent_transformer(const struct kernel_call *call,
                                         struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, diags));
    g_autofree struct bounded *results =
        scratch_new(kernel_extent(call, 'd'), 1, diags);
    struct slice slice = slice_first(call);
    for (; results != NULL && slice_is_valid(&slice); slice.batch++) {
        run_batch(&slice, results, &work);
    }
    work_clear(&work);
    return results == NULL ? ERR_MEM : OK;
}
