/* Multi-head latent attention, from the latents on, for each b, h and query p:
 *
 *     KC[m,e] = sum over c of CK[m,c] WUK[h,e,c]
 *     V[m,f]  = sum over c of CK[m,c] WUV[h,f,c]
 *     s[p,m]  = sum over e of QC[p,e] KC[m,e] + sum over r of QR[p,r] KR[m,r]
 *     AV[p,f] = sum over m of softmax(m)(s[p,m]) V[m,f]
 *
 * DeepSeek-V2 (2024), equations 9 to 19: CK is the compressed latent of keys
 * and values, KR the rotary key that all heads share; both QR and KR come
 * rotated. This is the expanded form. The absorbed one, which multiplies WUK
 * into the query and WUV into the output, has the same exact values, so one
 * kernel serves both. The scale 1/sqrt(E+R) is the caller's. The causal form
 * keeps m <= p.
 */
#include "kernels/attend.h"

enum { QC, QR, CK, KR, WUK, WUV, AV };

struct work {
    struct bounded *key;   /* KC[m,e] of the head at hand */
    struct bounded *value; /* V[m,f] */
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->key);
    g_free(work->value);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    int64_t m_count = kernel_extent(call, 'm');
    *work = (struct work){.keys = {0}};
    work->key = scratch_new(m_count, kernel_extent(call, 'e'), diags);
    work->value = scratch_new(m_count, kernel_extent(call, 'f'), diags);
    if (work->key == NULL || work->value == NULL ||
        key_list_init(&work->keys, m_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* expanded[m,x] = sum over c of CK[m,c] weight[x,c]. */
static void expand(const struct slice *slice, const struct cut *weight,
                   int64_t x_count, struct bounded *expanded)
{
    struct cut latent = slice_cut(slice, CK, "mc");
    for (int64_t m = 0; m < slice_extent(slice, 'm'); m++) {
        for (int64_t x = 0; x < x_count; x++) {
            expanded[m * x_count + x] =
                lane_dot(cut_lane(&latent, m), cut_lane(weight, x),
                         slice_extent(slice, 'c'));
        }
    }
}

static void attend(const struct slice *slice, bool is_causal, struct work *work)
{
    int64_t e_count = slice_extent(slice, 'e');
    int64_t f_count = slice_extent(slice, 'f');
    struct cut content = slice_cut(slice, QC, "pe");
    struct cut rotary = slice_cut(slice, QR, "pr");
    struct cut rotary_key = slice_cut(slice, KR, "mr");
    struct cut av = slice_cut(slice, AV, "pf");
    for (int64_t p = 0; p < slice_extent(slice, 'p'); p++) {
        key_list_restart(&work->keys);
        int64_t m_count = is_causal ? MIN(p + 1, slice_extent(slice, 'm'))
                                    : slice_extent(slice, 'm');
        for (int64_t m = 0; m < m_count; m++) {
            struct bounded logit =
                lane_dot(cut_lane(&content, p),
                         lane_of_row(work->key, e_count, m), e_count);
            struct bounded position =
                lane_dot(cut_lane(&rotary, p), cut_lane(&rotary_key, m),
                         slice_extent(slice, 'r'));
            key_list_add(&work->keys, bounded_add(logit, position),
                         lane_of_row(work->value, f_count, m));
        }
        key_list_attend(&work->keys, cut_lane(&av, p), f_count);
    }
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        struct cut up_key = slice_cut(&s, WUK, "ec");
        struct cut up_value = slice_cut(&s, WUV, "fc");
        expand(&s, &up_key, kernel_extent(call, 'e'), work.key);
        expand(&s, &up_value, kernel_extent(call, 'f'), work.value);
        attend(&s, is_causal, &work);
    }
    work_clear(&work);
    return OK;
}

enum status kernel_mla(const struct kernel_call *call, struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_mla_causal(const struct kernel_call *call,
                              struct diags *diags)
{
    return run(call, true, diags);
}
