/* Reformer attention (locality-sensitive hashing, shared queries and keys), for
 * each b and h, with rotations R[r,e,k] of rounds r, chunks of G tokens:
 *
 *     K[n]        = Q[n] / |Q[n]|
 *     bucket[r,n] = argmax over 2 K of (Q[n] R[r] ++ -Q[n] R[r])
 *     order[r]    = tokens sorted by bucket, then by position
 *     keys of n   = tokens of the chunk in which order[r] puts n and of the
 *                   chunk before (the last one before the first), that are in
 *                   n's bucket
 *     s[r,n,m]    = Q[n] K[m], but -1e5 for m = n
 *     O[r,n]      = softmax attention over these keys
 *     L[r,n]      = log of the sum over keys of exp(s[r,n,m])
 *     AV[n]       = sum over r of softmax(r)(L[r,n]) O[r,n]
 *
 * Kitaev et al., Reformer: The Efficient Transformer (2020), section 2. Causal:
 * only keys m <= n. Scale Q by 1/sqrt(E) beforehand: neither K nor the buckets
 * change. As in the catalogue of algorithms, buckets are masked and rounds are
 * merged without the paper's division by the number of rounds in which a pair
 * meets; the known code (lucidrains/reformer-pytorch) can do both, lets chunks
 * look back from one round into the round before (which the bucket mask hides),
 * and its mask for the token itself is -5e4, which changes nothing. Lengths
 * below 1e-12 are divided by 1e-12 as there.
 *
 * One bucket that is not decided makes all results of its head undecided.
 */
#include "kernels/attend.h"
#include "kernels/select.h"

static const double self_logit = -1e5;
static const double smallest_length = 1e-12;

enum { Q, V, AV, R };

struct work {
    int64_t n_count;
    int64_t round_count;
    int64_t half_count; /* half the buckets */
    int64_t chunk;
    bool is_causal;
    struct bounded *key;       /* [n,e] */
    struct bounded *closeness; /* of one token to all buckets */
    struct bounded *log_sum;   /* L[r] of one token */
    struct bounded *partial;   /* O[r,f] of one token */
    int64_t *bucket;           /* [r,n] */
    int64_t *order;            /* [r,i]: the i-th token */
    int64_t *place;            /* [r,n]: its inverse */
    struct key_list keys;
    bool is_decided;
};

static void work_clear(struct work *work)
{
    g_free(work->key);
    g_free(work->closeness);
    g_free(work->log_sum);
    g_free(work->partial);
    g_free(work->bucket);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             bool is_causal, struct diags *diags)
{
    *work = (struct work){
        .n_count = kernel_extent(call, 's'),
        .round_count = kernel_extent(call, 'r'),
        .half_count = kernel_extent(call, 'k'),
        .chunk = call->parameter[0],
        .is_causal = is_causal,
    };
    int64_t places = work->round_count * work->n_count;
    work->key = scratch_new(work->n_count, kernel_extent(call, 'e'), diags);
    work->closeness = scratch_new(2, work->half_count, diags);
    work->log_sum = scratch_new(work->round_count, 1, diags);
    work->partial =
        scratch_new(work->round_count, kernel_extent(call, 'f'), diags);
    work->bucket = scratch_new_indices(3, places, diags);
    if (work->key == NULL || work->closeness == NULL || work->log_sum == NULL ||
        work->partial == NULL || work->bucket == NULL ||
        key_list_init(&work->keys, 2 * work->chunk, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    work->order = work->bucket + places;
    work->place = work->order + places;
    return OK;
}

static void normalise_keys(const struct slice *slice, struct work *work)
{
    struct cut q = slice_cut(slice, Q, "se");
    int64_t e_count = slice_extent(slice, 'e');
    for (int64_t n = 0; n < work->n_count; n++) {
        struct lane token = cut_lane(&q, n);
        struct bounded length =
            bounded_max(bounded_sqrt(lane_dot(token, token, e_count)),
                        bounded_exact(smallest_length));
        for (int64_t e = 0; e < e_count; e++) {
            work->key[n * e_count + e] =
                bounded_div(lane_get(token, e), length);
        }
    }
}

static int64_t find_bucket(const struct slice *slice, int64_t round,
                           struct lane token, struct work *work)
{
    struct cut rotation = slice_cut(slice, R, "rke");
    for (int64_t k = 0; k < work->half_count; k++) {
        struct bounded rotated = lane_dot(
            token, cut_lane_2(&rotation, round, k), slice_extent(slice, 'e'));
        work->closeness[k] = rotated;
        work->closeness[work->half_count + k] = bounded_negate(rotated);
    }
    return select_largest(work->closeness, 2 * work->half_count,
                          &work->is_decided);
}

/* A stable sort by bucket: bucket after bucket, tokens in order. */
static void sort_tokens(int64_t round, struct work *work)
{
    const int64_t *bucket = work->bucket + round * work->n_count;
    int64_t *order = work->order + round * work->n_count;
    int64_t *place = work->place + round * work->n_count;
    int64_t next = 0;
    for (int64_t b = 0; b < 2 * work->half_count; b++) {
        for (int64_t n = 0; n < work->n_count; n++) {
            if (bucket[n] == b) {
                place[n] = next;
                order[next++] = n;
            }
        }
    }
}

static void add_chunk(const struct slice *slice, int64_t round, int64_t query,
                      int64_t chunk, struct work *work)
{
    int64_t e_count = slice_extent(slice, 'e');
    struct cut q = slice_cut(slice, Q, "se");
    struct cut v = slice_cut(slice, V, "sf");
    const int64_t *bucket = work->bucket + round * work->n_count;
    const int64_t *order = work->order + round * work->n_count;
    for (int64_t i = chunk * work->chunk; i < (chunk + 1) * work->chunk; i++) {
        int64_t n = order[i];
        if (bucket[n] != bucket[query] || (work->is_causal && n > query)) {
            continue;
        }
        struct bounded logit =
            n == query ? bounded_exact(self_logit)
                       : lane_dot(cut_lane(&q, query),
                                  lane_of_row(work->key, e_count, n), e_count);
        key_list_add(&work->keys, logit, cut_lane(&v, n));
    }
}

static struct bounded log_sum_exp(const struct key_list *keys)
{
    struct bounded shift = keys->logit[0];
    for (int64_t i = 1; i < keys->count; i++) {
        shift.value = fmax(shift.value, keys->logit[i].value);
    }
    shift = bounded_exact(shift.value); /* any number will do */
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < keys->count; i++) {
        sum = bounded_add(sum, bounded_exp(bounded_sub(keys->logit[i], shift)));
    }
    return bounded_add(shift, bounded_log(sum));
}

static void attend_in_round(const struct slice *slice, int64_t round,
                            int64_t query, struct work *work)
{
    int64_t f_count = slice_extent(slice, 'f');
    int64_t chunk_count = work->n_count / work->chunk;
    int64_t chunk = work->place[round * work->n_count + query] / work->chunk;
    key_list_restart(&work->keys);
    add_chunk(slice, round, query, chunk, work);
    if (chunk_count > 1) {
        add_chunk(slice, round, query, (chunk + chunk_count - 1) % chunk_count,
                  work);
    }
    work->log_sum[round] = log_sum_exp(&work->keys);
    key_list_attend(&work->keys, lane_of_row(work->partial, f_count, round),
                    f_count);
}

static void merge_rounds(struct lane result, int64_t f_count, struct work *work)
{
    softmax(work->log_sum, work->round_count);
    for (int64_t f = 0; f < f_count; f++) {
        struct bounded sum = bounded_exact(0.0);
        for (int64_t r = 0; r < work->round_count; r++) {
            sum = bounded_add(sum, bounded_mul(work->log_sum[r],
                                               work->partial[r * f_count + f]));
        }
        if (!work->is_decided) {
            sum.error = HUGE_VAL;
        }
        lane_put(result, f, sum);
    }
}

static void attend(const struct slice *slice, struct work *work)
{
    struct cut q = slice_cut(slice, Q, "se");
    struct cut av = slice_cut(slice, AV, "sf");
    work->is_decided = true;
    normalise_keys(slice, work);
    for (int64_t r = 0; r < work->round_count; r++) {
        for (int64_t n = 0; n < work->n_count; n++) {
            work->bucket[r * work->n_count + n] =
                find_bucket(slice, r, cut_lane(&q, n), work);
        }
        sort_tokens(r, work);
    }
    for (int64_t n = 0; n < work->n_count; n++) {
        for (int64_t r = 0; r < work->round_count; r++) {
            attend_in_round(slice, r, n, work);
        }
        merge_rounds(cut_lane(&av, n), slice_extent(slice, 'f'), work);
    }
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    TRY(kernel_check_divides(call, "the chunk", call->parameter[0],
                             "the sequence", kernel_extent(call, 's'), diags));
    struct work work;
    TRY(work_init(&work, call, is_causal, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, &work);
    }
    work_clear(&work);
    return OK;
}

enum status kernel_reformer(const struct kernel_call *call, struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_reformer_causal(const struct kernel_call *call,
                                   struct diags *diags)
{
    return run(call, true, diags);
}
