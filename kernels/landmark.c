/* Landmark attention, for each b, h and query p, in blocks of L tokens each of
 * which ends with its landmark; c is the block of p, g that of m:
 *
 *     s[m]  = Q[p] K[m] for m <= p, without the landmark of block c itself
 *     own   = tokens of block c, and the landmarks of earlier blocks
 *     a[m]  = softmax over own of s[m]
 *     b[m]  = softmax over the tokens of m's block that are no landmark
 *     AV[p] = sum over m in block c of a[m] V[m]
 *           + sum over earlier tokens m, no landmarks, of
 *             b[m] a[landmark of g] V[m]
 *
 * Mohtashami and Jaggi, Landmark Attention (2023), section 3.1 (grouped softmax,
 * equations 1 to 3). The weights sum to 1; landmarks have no value of their own;
 * a query that is a landmark does not see itself. No scale. The last block may
 * be short.
 */
#include "kernels/attend.h"

struct work {
    int64_t block;          /* L */
    struct bounded *gate;   /* a[]: earlier landmarks, then own tokens */
    struct bounded *member; /* b[] of one block */
    struct key_list keys;
};

static struct bounded logit(const struct attention *at, int64_t p, int64_t m)
{
    return lane_dot(cut_lane(&at->q, p), cut_lane(&at->k, m), at->e_count);
}

/* a[]; how many there are. */
static int64_t find_gates(const struct attention *at, int64_t p,
                          struct work *work)
{
    int64_t own = p / work->block;
    int64_t count = 0;
    for (int64_t g = 0; g < own; g++) {
        work->gate[count++] = logit(at, p, (g + 1) * work->block - 1);
    }
    for (int64_t m = own * work->block; m <= p; m++) {
        if ((m + 1) % work->block != 0) {
            work->gate[count++] = logit(at, p, m);
        }
    }
    softmax(work->gate, count);
    return count;
}

static void attend(const struct attention *at, int64_t p, struct work *work)
{
    int64_t own = p / work->block;
    int64_t member_count = work->block - 1;
    int64_t count = find_gates(at, p, work);
    key_list_restart(&work->keys);
    for (int64_t g = 0; g < own; g++) {
        int64_t first = g * work->block;
        for (int64_t i = 0; i < member_count; i++) {
            work->member[i] = logit(at, p, first + i);
        }
        softmax(work->member, member_count);
        for (int64_t i = 0; i < member_count; i++) {
            key_list_add(&work->keys,
                         bounded_mul(work->member[i], work->gate[g]),
                         cut_lane(&at->v, first + i));
        }
    }
    for (int64_t i = own; i < count; i++) {
        int64_t m = own * work->block + i - own;
        key_list_add(&work->keys, work->gate[i], cut_lane(&at->v, m));
    }
    key_list_average(&work->keys, cut_lane(&at->av, p), at->f_count);
}

static void work_clear(struct work *work)
{
    g_free(work->gate);
    g_free(work->member);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    int64_t n_count = kernel_extent(call, 's');
    *work = (struct work){.block = call->parameter[0]};
    work->gate = scratch_new(n_count, 1, diags);
    work->member = scratch_new(MIN(work->block, n_count), 1, diags);
    if (work->gate == NULL || work->member == NULL ||
        key_list_init(&work->keys, n_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

enum status kernel_landmark(const struct kernel_call *call, struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        struct attention at = attention_of(&s, true);
        for (int64_t p = 0; p < at.p_count; p++) {
            attend(&at, p, &work);
        }
    }
    work_clear(&work);
    return OK;
}
