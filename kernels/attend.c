/* Softmax over a list of keys. */
#include "kernels/attend.h"

void softmax(struct bounded *x, int64_t count)
{
    struct bounded shift = bounded_exact(-HUGE_VAL);
    for (int64_t i = 0; i < count; i++) {
        shift.value = fmax(shift.value, x[i].value);
    }
    shift = bounded_exact(shift.value);
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < count; i++) {
        x[i] = bounded_exp(bounded_sub(x[i], shift));
        sum = bounded_add(sum, x[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        x[i] = bounded_within(bounded_div(x[i], sum), 0.0, 1.0);
    }
}

enum status key_list_init(struct key_list *list, int64_t capacity,
                          struct diags *diags)
{
    *list = (struct key_list){.capacity = capacity};
    list->logit = scratch_new(capacity, 1, diags);
    if (list->logit == NULL) {
        return ERR_MEM;
    }
    list->value = g_try_malloc_n((gsize)capacity, sizeof(struct lane));
    if (list->value == NULL) {
        key_list_clear(list);
        return diag_fail(diags, ERR_MEM, "kernel-memory",
                         "no memory for %" G_GINT64_FORMAT " keys", capacity);
    }
    return OK;
}

void key_list_clear(struct key_list *list)
{
    g_clear_pointer(&list->logit, g_free);
    g_clear_pointer(&list->value, g_free);
}

void key_list_restart(struct key_list *list)
{
    list->count = 0;
    list->is_decided = true;
}

void key_list_add(struct key_list *list, struct bounded logit,
                  struct lane value)
{
    g_assert(list->count < list->capacity);
    list->logit[list->count] = logit;
    list->value[list->count] = value;
    list->count++;
}

void key_list_average(const struct key_list *list, struct lane result,
                      int64_t f_count)
{
    for (int64_t f = 0; f < f_count; f++) {
        struct bounded sum = bounded_exact(0.0);
        for (int64_t i = 0; i < list->count; i++) {
            struct bounded term =
                bounded_mul(list->logit[i], lane_get(list->value[i], f));
            sum = bounded_add(sum, term);
        }
        if (!list->is_decided) {
            sum.error = HUGE_VAL;
        }
        lane_put(result, f, sum);
    }
}

void key_list_attend(struct key_list *list, struct lane result, int64_t f_count)
{
    softmax(list->logit, list->count);
    key_list_average(list, result, f_count);
}

enum status attend_where(const struct kernel_call *call,
                         bool (*is_key)(const struct slice *slice, int64_t p,
                                        int64_t m),
                         struct diags *diags)
{
    int64_t m_count = kernel_extent(call, 'm');
    struct key_list keys;
    TRY(key_list_init(&keys, m_count, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        struct cut q = slice_cut(&s, Q_OPERAND, "pe");
        struct cut k = slice_cut(&s, K_OPERAND, "me");
        struct cut v = slice_cut(&s, V_OPERAND, "mf");
        struct cut av = slice_cut(&s, AV_OPERAND, "pf");
        for (int64_t p = 0; p < kernel_extent(call, 'p'); p++) {
            key_list_restart(&keys);
            for (int64_t m = 0; m < m_count; m++) {
                if (is_key(&s, p, m)) {
                    struct bounded logit =
                        lane_dot(cut_lane(&q, p), cut_lane(&k, m),
                                 kernel_extent(call, 'e'));
                    key_list_add(&keys, logit, cut_lane(&v, m));
                }
            }
            key_list_attend(&keys, cut_lane(&av, p), kernel_extent(call, 'f'));
        }
    }
    key_list_clear(&keys);
    return OK;
}
