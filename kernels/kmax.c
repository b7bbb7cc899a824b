/* k-means cross-attention, for each b and h, with cluster centres as queries p
 * and pixels as keys m:
 *
 *     ARG[m]  = argmax over p of sum over e of Q[p,e] K[m,e], the lowest of
 *               equals
 *     AV[p,f] = sum of V[m,f] over the pixels m with ARG[m] = p
 *
 * Yu et al., k-means Mask Transformer (2022), equation 5. The update is a sum,
 * not a mean; a centre without pixels gets 0. The normalisations around it are
 * not here; neither would a positive scale change anything.
 *
 * A pixel that could belong to several centres leaves these undecided, and no
 * other.
 */
#include "kernels/attend.h"
#include "kernels/select.h"

static void add_pixel(const struct attention *at, int64_t m, int64_t p,
                      struct bounded *sum)
{
    for (int64_t f = 0; f < at->f_count; f++) {
        struct bounded *target = &sum[p * at->f_count + f];
        *target = bounded_add(*target, lane_get(cut_lane(&at->v, m), f));
    }
}

/* Whoever may be the largest instead of `largest`. */
static void doubt(const struct attention *at, const struct bounded *closeness,
                  int64_t largest, struct bounded *sum)
{
    for (int64_t p = 0; p < at->p_count; p++) {
        bool is_candidate =
            p == largest ||
            !bounded_is_ordered(closeness[largest], closeness[p]);
        for (int64_t f = 0; is_candidate && f < at->f_count; f++) {
            sum[p * at->f_count + f].error = HUGE_VAL;
        }
    }
}

static void attend(const struct slice *slice, struct bounded *closeness,
                   struct bounded *sum)
{
    struct attention at = attention_of(slice, false);
    for (int64_t i = 0; i < at.p_count * at.f_count; i++) {
        sum[i] = bounded_exact(0.0);
    }
    for (int64_t m = 0; m < at.m_count; m++) {
        bool is_decided = true;
        for (int64_t p = 0; p < at.p_count; p++) {
            closeness[p] =
                lane_dot(cut_lane(&at.q, p), cut_lane(&at.k, m), at.e_count);
        }
        int64_t largest = select_largest(closeness, at.p_count, &is_decided);
        add_pixel(&at, m, largest, sum);
        if (!is_decided) {
            doubt(&at, closeness, largest, sum);
        }
    }
    for (int64_t i = 0; i < at.p_count * at.f_count; i++) {
        lane_put(cut_lane(&at.av, i / at.f_count), i % at.f_count, sum[i]);
    }
}

enum status kernel_kmax(const struct kernel_call *call, struct diags *diags)
{
    int64_t p_count = kernel_extent(call, 'p');
    g_autofree struct bounded *closeness = scratch_new(p_count, 1, diags);
    g_autofree struct bounded *sum =
        scratch_new(p_count, kernel_extent(call, 'f'), diags);
    if (closeness == NULL || sum == NULL) {
        return ERR_MEM;
    }
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, closeness, sum);
    }
    return OK;
}
