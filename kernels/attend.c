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
        (void)diag_fail(diags, ERR_MEM, "kernel-memory",
                        "no memory for %" G_GINT64_FORMAT " keys", capacity);
        return ERR_MEM;
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

void key_list_weigh(struct key_list *list)
{
    softmax(list->logit, list->count);
}

struct bounded key_list_mean(const struct key_list *list, int64_t f)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < list->count; i++) {
        struct bounded term =
            bounded_mul(list->logit[i], lane_get(list->value[i], f));
        sum = bounded_add(sum, term);
    }
    if (!list->is_decided) {
        sum.error = HUGE_VAL;
    }
    return sum;
}

void key_list_average(const struct key_list *list, struct lane result,
                      int64_t f_count)
{
    for (int64_t f = 0; f < f_count; f++) {
        lane_put(result, f, key_list_mean(list, f));
    }
}

void key_list_attend(struct key_list *list, struct lane result, int64_t f_count)
{
    key_list_weigh(list);
    key_list_average(list, result, f_count);
}

struct bounded key_list_sum(const struct key_list *list)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < list->count; i++) {
        sum = bounded_add(sum, list->logit[i]);
    }
    return sum;
}

void key_list_divide(struct key_list *list, struct bounded divisor)
{
    for (int64_t i = 0; i < list->count; i++) {
        list->logit[i] = bounded_div(list->logit[i], divisor);
    }
}

struct attention attention_of(const struct slice *slice, bool is_one_sequence)
{
    const char *query_axes = is_one_sequence ? "se" : "pe";
    const char *key_axes = is_one_sequence ? "se" : "me";
    const char *value_axes = is_one_sequence ? "sf" : "mf";
    const char *result_axes = is_one_sequence ? "sf" : "pf";
    return (struct attention){
        .q = slice_cut(slice, Q_OPERAND, query_axes),
        .k = slice_cut(slice, K_OPERAND, key_axes),
        .v = slice_cut(slice, V_OPERAND, value_axes),
        .av = slice_cut(slice, AV_OPERAND, result_axes),
        .p_count = slice_extent(slice, query_axes[0]),
        .m_count = slice_extent(slice, key_axes[0]),
        .e_count = slice_extent(slice, 'e'),
        .f_count = slice_extent(slice, 'f'),
    };
}

enum status attend_each(const struct kernel_call *call, int64_t capacity,
                        attend_function attend, bool is_causal,
                        struct diags *diags)
{
    struct key_list keys;
    TRY(key_list_init(&keys, capacity, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, is_causal, &keys);
    }
    key_list_clear(&keys);
    return OK;
}

static void attend_to_named(const struct slice *slice, is_key_function is_key,
                            struct key_list *keys)
{
    struct attention at = attention_of(slice, false);
    for (int64_t p = 0; p < at.p_count; p++) {
        key_list_restart(keys);
        for (int64_t m = 0; m < at.m_count; m++) {
            if (is_key(slice, p, m)) {
                key_list_add(keys,
                             lane_dot(cut_lane(&at.q, p), cut_lane(&at.k, m),
                                      at.e_count),
                             cut_lane(&at.v, m));
            }
        }
        key_list_attend(keys, cut_lane(&at.av, p), at.f_count);
    }
}

enum status attend_where(const struct kernel_call *call, is_key_function is_key,
                         struct diags *diags)
{
    struct key_list keys;
    TRY(key_list_init(&keys, kernel_extent(call, 'm'), diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend_to_named(&s, is_key, &keys);
    }
    key_list_clear(&keys);
    return OK;
}
