/* What a hold keeps of windows that overlap, by brute force: the place of a set of
 * elements is its least coordinate along every dimension; from one set to the
 * next it moves by a stride. As long as that is the same, or nothing moved before,
 * the elements that both sets have stay; after another stride none does, and the
 * next move counts as the first. Include after cmocka.h. */
#ifndef WEIR_TESTS_WINDOW_ORACLE_H
#define WEIR_TESTS_WINDOW_ORACLE_H

#include "tests/schedule_oracle.h"

struct window_state {
    bool has_stride;
    int64_t stride[EINSUM_MAX_DIMS];
};

/* The tensor is read below by one index only, is not a recurrence, and the hold
 * does not say otherwise. */
static inline bool window_is_kept(const struct plan *plan, int hold, int tensor)
{
    const struct workload *w = plan->workload;
    const struct einsum_access *first = NULL;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s =
            &w->statements[plan->leaves[l].statement];
        for (int r = 0; r < s->read_count &&
                        plan_is_above(plan, hold, plan->leaves[l].node);
             r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor != tensor) {
                continue;
            }
            for (int d = 0; first != NULL && d < read->dim_count; d++) {
                if (memcmp(&first->index[d], &read->index[d],
                           sizeof(first->index[d])) != 0) {
                    return false;
                }
            }
            first = read;
        }
    }
    return !plan->nodes[hold].refetches && w->tensors[tensor].iterative_dim < 0;
}

static inline void window_place(const struct plan *plan, int tensor,
                                const struct element_set *set,
                                int64_t place[EINSUM_MAX_DIMS])
{
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    for (int d = 0; d < EINSUM_MAX_DIMS; d++) {
        place[d] = INT64_MAX;
    }
    for (int64_t i = 0; i < set->size; i++) {
        int64_t rest = i;
        for (int d = t->dim_count; d-- > 0 && set->has[i] != 0;) {
            place[d] = MIN(place[d], rest % t->extent[d]);
            rest /= t->extent[d];
        }
    }
}

/* What of `needed` is fetched after `inside` (NULL: nothing); caller frees. */
static inline struct element_set *window_fetch(const struct plan *plan,
                                               int hold, int tensor,
                                               const struct element_set *inside,
                                               const struct element_set *needed,
                                               struct window_state *state)
{
    struct element_set *fresh = element_set_new(plan, tensor);
    element_set_merge(fresh, needed);
    if (inside == NULL || inside->count == 0 ||
        !window_is_kept(plan, hold, tensor)) {
        return fresh;
    }
    int64_t from[EINSUM_MAX_DIMS];
    int64_t to[EINSUM_MAX_DIMS];
    bool is_moved = false;
    bool goes_on = true;
    window_place(plan, tensor, inside, from);
    window_place(plan, tensor, needed, to);
    for (int d = 0; d < plan->workload->tensors[tensor].dim_count; d++) {
        is_moved |= to[d] != from[d];
        goes_on &= !state->has_stride || state->stride[d] == to[d] - from[d];
    }
    if (!is_moved || goes_on) {
        element_set_remove(fresh, inside);
    }
    if (is_moved) {
        state->has_stride = goes_on;
        for (int d = 0; d < EINSUM_MAX_DIMS; d++) {
            state->stride[d] = to[d] - from[d];
        }
    }
    return fresh;
}

#endif
