/* Bi-level routing attention, for each b, over regions r of tokens w:
 *
 *     QR[r,h,e] = mean over w of Q[h,r,w,e], KR of K
 *     AR[r,r']  = sum over h, e of QR[r,h,e] KR[r',h,e]
 *     routes[r] = the T regions r' of largest AR[r,r'], ties to the lower r'
 *     AV[h,r,w] = softmax attention of Q[h,r,w] to all tokens of routes[r]
 *
 * Zhu et al., BiFormer (2023), equations 3 to 7: one route for all heads, one
 * softmax over the tokens of all routed regions. No scale (the released code's,
 * from the width of all heads together, may be given to Q: routes do not change
 * by it). The depthwise convolution of V that the paper adds is not here.
 *
 * A region whose routes are not decided is undecided as a whole.
 */
#include "kernels/attend.h"
#include "kernels/select.h"

struct work {
    int64_t region_count;
    int64_t token_count; /* of a region */
    int64_t route_count;
    struct bounded *query_mean; /* [r,h,e] */
    struct bounded *key_mean;
    struct bounded *affinity; /* of one region to all */
    int64_t *route;
    struct key_list keys;
    bool is_decided;
};

static void work_clear(struct work *work)
{
    g_free(work->query_mean);
    g_free(work->key_mean);
    g_free(work->affinity);
    g_free(work->route);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    int64_t width = kernel_extent(call, 'h') * kernel_extent(call, 'e');
    *work = (struct work){
        .region_count = kernel_extent(call, 'r'),
        .token_count = kernel_extent(call, 'w'),
        .route_count = call->parameter[0],
    };
    work->query_mean = scratch_new(work->region_count, width, diags);
    work->key_mean = scratch_new(work->region_count, width, diags);
    work->affinity = scratch_new(work->region_count, 1, diags);
    work->route = scratch_new_indices(work->route_count, 1, diags);
    if (work->query_mean == NULL || work->key_mean == NULL ||
        work->affinity == NULL || work->route == NULL ||
        key_list_init(&work->keys, work->route_count * work->token_count,
                      diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* mean[r,h,e] over the tokens of each region. */
static void pool(const struct slice *slice, int operand,
                 const struct work *work, struct bounded *mean)
{
    int64_t e_count = slice_extent(slice, 'e');
    int64_t width = slice_extent(slice, 'h') * e_count;
    for (int64_t i = 0; i < work->region_count * width; i++) {
        struct cut x =
            slice_head_cut(slice, operand, i % width / e_count, "rwe");
        struct bounded sum = bounded_exact(0.0);
        for (int64_t w = 0; w < work->token_count; w++) {
            struct lane token = cut_lane_2(&x, i / width, w);
            sum = bounded_add(sum, lane_get(token, i % e_count));
        }
        mean[i] = bounded_div(sum, bounded_exact((double)work->token_count));
    }
}

static void find_routes(int64_t region, int64_t width, struct work *work)
{
    for (int64_t r = 0; r < work->region_count; r++) {
        work->affinity[r] =
            lane_dot(lane_of_row(work->query_mean, width, region),
                     lane_of_row(work->key_mean, width, r), width);
    }
    work->is_decided = true;
    select_top(work->affinity, work->region_count, work->route_count,
               work->route, &work->is_decided);
}

/* Token w of a region, one head, to all tokens of the region's routes. */
static void attend(const struct slice *slice, int64_t head, int64_t region,
                   int64_t token, struct work *work)
{
    struct cut q = slice_head_cut(slice, Q_OPERAND, head, "rwe");
    struct cut k = slice_head_cut(slice, K_OPERAND, head, "rwe");
    struct cut v = slice_head_cut(slice, V_OPERAND, head, "rwf");
    struct cut av = slice_head_cut(slice, AV_OPERAND, head, "rwf");
    key_list_restart(&work->keys);
    work->keys.is_decided = work->is_decided;
    for (int64_t i = 0; i < work->route_count * work->token_count; i++) {
        int64_t from = work->route[i / work->token_count];
        int64_t w = i % work->token_count;
        struct bounded logit =
            lane_dot(cut_lane_2(&q, region, token), cut_lane_2(&k, from, w),
                     slice_extent(slice, 'e'));
        key_list_add(&work->keys, logit, cut_lane_2(&v, from, w));
    }
    key_list_attend(&work->keys, cut_lane_2(&av, region, token),
                    slice_extent(slice, 'f'));
}

static void attend_batch(const struct slice *slice, struct work *work)
{
    int64_t heads = slice_extent(slice, 'h');
    pool(slice, Q_OPERAND, work, work->query_mean);
    pool(slice, K_OPERAND, work, work->key_mean);
    for (int64_t r = 0; r < work->region_count; r++) {
        find_routes(r, heads * slice_extent(slice, 'e'), work);
        for (int64_t i = 0; i < heads * work->token_count; i++) {
            attend(slice, i / work->token_count, r, i % work->token_count,
                   work);
        }
    }
}

enum status kernel_biformer(const struct kernel_call *call, struct diags *diags)
{
    if (call->parameter[0] > kernel_extent(call, 'r')) {
        return KERNEL_REJECT(call, diags, "kernel-parameter",
                             "'T' (%" G_GINT64_FORMAT
                             ") is more than the number of regions",
                             call->parameter[0]);
    }
    struct work work;
    TRY(work_init(&work, call, diags));
    struct slice slice = slice_first(call);
    for (; slice_is_valid(&slice); slice.batch++) {
        attend_batch(&slice, &work);
    }
    work_clear(&work);
    return OK;
}
