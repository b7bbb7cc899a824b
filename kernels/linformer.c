/* Linformer attention, for each b, h and query p:
 *
 *     KP[k,e] = sum over m of EP[k,m] K[m,e]
 *     VP[k,f] = sum over m of FP[k,m] V[m,f]
 *     AV[p,f] = sum over k of softmax(k)(sum over e of Q[p,e] KP[k,e]) VP[k,f]
 *
 * Wang et al., Linformer: Self-Attention with Linear Complexity (2020),
 * equation 7, without the scale. Without an operand FP the key's projection
 * serves the values too (key-value sharing, section 4); projections without 'h'
 * are shared by the heads.
 */
#include "kernels/attend.h"

enum { EP = FURTHER_OPERAND, FP };

struct work {
    struct bounded *key;   /* KP[k,e] */
    struct bounded *value; /* VP[k,f] */
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
    int64_t k_count = kernel_extent(call, 'k');
    *work = (struct work){.keys = {0}};
    work->key = scratch_new(k_count, kernel_extent(call, 'e'), diags);
    work->value = scratch_new(k_count, kernel_extent(call, 'f'), diags);
    if (work->key == NULL || work->value == NULL ||
        key_list_init(&work->keys, k_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* projected[k,x] = sum over m of projection[k,m] tensor[x,m]. */
static void project(const struct slice *slice, const struct cut *projection,
                    const struct cut *tensor, int64_t x_count,
                    struct bounded *projected)
{
    for (int64_t k = 0; k < slice_extent(slice, 'k'); k++) {
        for (int64_t x = 0; x < x_count; x++) {
            projected[k * x_count + x] =
                lane_dot(cut_lane(projection, k), cut_lane(tensor, x),
                         slice_extent(slice, 'm'));
        }
    }
}

static void attend(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, false);
    struct cut key_projection = slice_cut(slice, EP, "km");
    struct cut value_projection = kernel_has(slice->call, FP)
                                      ? slice_cut(slice, FP, "km")
                                      : key_projection;
    struct cut keys = slice_cut(slice, K_OPERAND, "em");
    struct cut values = slice_cut(slice, V_OPERAND, "fm");
    project(slice, &key_projection, &keys, at.e_count, work->key);
    project(slice, &value_projection, &values, at.f_count, work->value);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(&work->keys);
        for (int64_t k = 0; k < slice_extent(slice, 'k'); k++) {
            struct bounded logit =
                lane_dot(cut_lane(&at.q, p),
                         lane_of_row(work->key, at.e_count, k), at.e_count);
            key_list_add(&work->keys, logit,
                         lane_of_row(work->value, at.f_count, k));
        }
        key_list_attend(&work->keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status kernel_linformer(const struct kernel_call *call,
                             struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, &work);
    }
    work_clear(&work);
    return OK;
}
