/* Combiner attention, fixed pattern, causal, for each b and h, over segments of
 * R tokens; token t is in segment g = floor(t / R):
 *
 *     QP[g,e] = max over the tokens of g of Q[t,e], KP of K
 *     VP[g,f] = sum over the tokens of g of softmax(t in g)(QP[g] K[t]) V[t,f]
 *     keys of t = tokens i <= t of its own segment, with logit Q[t] K[i] and
 *                 value V[i]; earlier segments g', with Q[t] KP[g'] and VP[g']
 *     AV[t]   = softmax over all these keys, times their values
 *
 * so every token sees its whole past, segment by segment through a conditional
 * expectation. Ren et al., Combiner: Full Attention Transformer with Sparse
 * Computation Cost (2021), sections 3.2 and 4.1. Pooling by the maximum is one
 * of the released code's choices (google-research, combiner), as are mean and
 * sum; no activation or layer before it. No scale.
 */
#include "kernels/attend.h"

struct work {
    int64_t segment_count;
    int64_t length;             /* of a segment */
    struct bounded *query_pool; /* QP[e] of one segment */
    struct bounded *key_pool;   /* KP[g,e] */
    struct bounded *value_pool; /* VP[g,f] */
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->query_pool);
    g_free(work->key_pool);
    g_free(work->value_pool);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    int64_t e_count = kernel_extent(call, 'e');
    *work = (struct work){
        .length = call->parameter[0],
        .segment_count = kernel_extent(call, 's') / call->parameter[0],
    };
    work->query_pool = scratch_new(e_count, 1, diags);
    work->key_pool = scratch_new(work->segment_count, e_count, diags);
    work->value_pool =
        scratch_new(work->segment_count, kernel_extent(call, 'f'), diags);
    if (work->query_pool == NULL || work->key_pool == NULL ||
        work->value_pool == NULL ||
        key_list_init(&work->keys, work->segment_count + work->length, diags) !=
            OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void pool(const struct cut *x, int64_t segment, int64_t length,
                 int64_t e_count, struct bounded *largest)
{
    for (int64_t e = 0; e < e_count; e++) {
        largest[e] = lane_get(cut_lane(x, segment * length), e);
        for (int64_t r = 1; r < length; r++) {
            largest[e] = bounded_max(
                largest[e], lane_get(cut_lane(x, segment * length + r), e));
        }
    }
}

static void summarise(const struct attention *at, int64_t segment,
                      struct work *work)
{
    pool(&at->q, segment, work->length, at->e_count, work->query_pool);
    pool(&at->k, segment, work->length, at->e_count,
         work->key_pool + segment * at->e_count);
    key_list_restart(&work->keys);
    for (int64_t r = 0; r < work->length; r++) {
        int64_t t = segment * work->length + r;
        struct bounded logit =
            lane_dot(lane_of_row(work->query_pool, at->e_count, 0),
                     cut_lane(&at->k, t), at->e_count);
        key_list_add(&work->keys, logit, cut_lane(&at->v, t));
    }
    key_list_attend(&work->keys,
                    lane_of_row(work->value_pool, at->f_count, segment),
                    at->f_count);
}

static void attend(const struct attention *at, int64_t t, struct work *work)
{
    int64_t segment = t / work->length;
    struct lane query = cut_lane(&at->q, t);
    key_list_restart(&work->keys);
    for (int64_t g = 0; g < segment; g++) {
        struct bounded logit = lane_dot(
            query, lane_of_row(work->key_pool, at->e_count, g), at->e_count);
        key_list_add(&work->keys, logit,
                     lane_of_row(work->value_pool, at->f_count, g));
    }
    for (int64_t i = segment * work->length; i <= t; i++) {
        key_list_add(&work->keys,
                     lane_dot(query, cut_lane(&at->k, i), at->e_count),
                     cut_lane(&at->v, i));
    }
    key_list_attend(&work->keys, cut_lane(&at->av, t), at->f_count);
}

enum status kernel_combiner(const struct kernel_call *call, struct diags *diags)
{
    TRY(kernel_check_divides(call, "the segment", call->parameter[0],
                             "the sequence", kernel_extent(call, 's'), diags));
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        struct attention at = attention_of(&s, true);
        for (int64_t g = 0; g < work.segment_count; g++) {
            summarise(&at, g, &work);
        }
        for (int64_t t = 0; t < at.p_count; t++) {
            attend(&at, t, &work);
        }
    }
    work_clear(&work);
    return OK;
}
