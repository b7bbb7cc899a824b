/* What every lane's hold fetches, keeps and sends: see tests/nest_oracle.h. Include
 * after cmocka.h. */
#ifndef WEIR_TESTS_NEST_HOLDS_H
#define WEIR_TESTS_NEST_HOLDS_H

#include "tests/nest_lanes.h"

/* ---- holds --------------------------------------------------------------- */

static inline void nest_join(struct nest *nest, GHashTable *groups, char *key,
                             int tensor, const struct element_set *set)
{
    struct element_set *all = g_hash_table_lookup(groups, key);
    if (all == NULL) {
        all = element_set_new(nest->plan, tensor);
        g_hash_table_insert(groups, key, all);
    } else {
        g_free(key);
    }
    element_set_merge(all, set);
}

static inline void nest_replace(struct nest *nest, const char *key,
                                struct element_set *set)
{
    g_hash_table_insert(nest->sets, g_strdup(key), set);
}

static inline struct window_state *nest_window(struct nest *nest, int hold,
                                               int tensor,
                                               const struct nest_lane *lane)
{
    char *key = nest_key(lane, "window", hold, tensor, NULL);
    struct window_state *state = g_hash_table_lookup(nest->windows, key);
    if (state == NULL) {
        state = g_new0(struct window_state, 1);
        g_hash_table_insert(nest->windows, key, state);
    } else {
        g_free(key);
    }
    return state;
}

/* One lane fetches `needed` if it has others; what it fetches is left of them.
 * True if it does. */
static inline bool nest_fetch(struct nest *nest, int hold, int tensor,
                              const struct nest_lane *lane,
                              struct element_set *needed)
{
    g_autofree char *key = nest_key(lane, "inside", hold, tensor, NULL);
    const struct element_set *inside = g_hash_table_lookup(nest->sets, key);
    if (needed->count == 0 || element_set_equal(needed, inside)) {
        return false;
    }
    struct element_set *fresh =
        window_fetch(nest->plan, hold, tensor, inside, needed,
                     nest_window(nest, hold, tensor, lane));
    nest_flow(nest, FLOW_FILL, hold, tensor)->inside += fresh->count;
    struct element_set *copy = element_set_new(nest->plan, tensor);
    element_set_merge(copy, needed);
    nest_replace(nest, key, copy);
    memcpy(needed->has, fresh->has, (size_t)fresh->size);
    needed->count = fresh->count;
    element_set_free(fresh);
    return true;
}

/* Does a reduction run across lanes that cannot reduce, on the way to the place
 * outside? Then nothing comes back. */
static inline bool nest_adds_outside(const struct nest *nest, int hold,
                                     int tensor, int keeper)
{
    const struct plan *plan = nest->plan;
    int producer = plan->workload->tensors[tensor].producer;
    if (producer < 0) {
        return false;
    }
    const struct einsum_statement *s = &plan->workload->statements[producer];
    for (int n = plan->nodes[hold].parent; n >= 0 && n != keeper;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind != PLAN_SPATIAL || node->trips == 1 ||
            nest_axis(plan, node->axis)->reduce == ARCH_REDUCE_CHAIN ||
            nest_axis(plan, node->axis)->reduce == ARCH_REDUCE_TREE) {
            continue;
        }
        for (int r = 0; r < s->rank_count; r++) {
            if (s->rank[r] == node->rank && s->is_reduced[r]) {
                return true;
            }
        }
    }
    return false;
}

/* Where nothing comes back, what the leaves of a lane have made is forgotten when
 * its results have left. */
static inline void nest_forget(struct nest *nest, int hold, int tensor,
                               const struct nest_lane *lane)
{
    for (int l = 0; l < nest->plan->leaf_count; l++) {
        g_autofree char *key = nest_key(lane, "made", l, tensor, NULL);
        if (oracle_hold(nest->plan, nest->plan->leaves[l].node, tensor,
                        false) == hold) {
            g_hash_table_remove(nest->sets, key);
        }
    }
}

/* `back` becomes what comes back with the tile. */
static inline bool nest_open(struct nest *nest, int hold, int tensor,
                             const struct nest_lane *lane,
                             struct element_set *written,
                             struct element_set *back)
{
    g_autofree char *key = nest_key(lane, "open", hold, tensor, NULL);
    const struct element_set *open = g_hash_table_lookup(nest->sets, key);
    if (written->count == 0 || element_set_equal(written, open)) {
        return false;
    }
    g_autofree char *ever_key = nest_key(lane, "ever", hold, tensor, NULL);
    struct element_set *ever = nest_set(nest, ever_key, tensor);
    nest_flow(nest, FLOW_DRAIN, hold, tensor)->inside += written->count;
    nest_flow(nest, FLOW_REFILL, hold, tensor)->inside +=
        element_set_common(written, ever);
    element_set_keep(back, written, ever);
    element_set_merge(ever, written);
    if (nest_adds_outside(nest, hold, tensor,
                          oracle_hold(nest->plan, hold, tensor, false))) {
        nest_forget(nest, hold, tensor, lane);
    }
    struct element_set *copy = element_set_new(nest->plan, tensor);
    element_set_merge(copy, written);
    nest_replace(nest, key, copy);
    return true;
}

/* What the groups of a moment send, and what is read back for it: of lanes above
 * the keeper, which all groups of a moment that share a prefix have in common. */
static inline void nest_send(struct nest *nest, int hold, int tensor,
                             int keeper, const struct nest_lane *lanes,
                             int count, GHashTable *groups)
{
    struct nest_flow *drain = nest_flow(nest, FLOW_DRAIN, hold, tensor);
    struct nest_flow *refill = nest_flow(nest, FLOW_REFILL, hold, tensor);
    for (int i = 0; i < count; i++) {
        bool is_kept[NEST_MAX_DEPTH];
        nest_kept(nest->plan, &lanes[i], keeper, true, is_kept);
        g_autofree char *key =
            nest_key(&lanes[i], "group", hold, tensor, is_kept);
        const struct element_set *set = g_hash_table_lookup(groups, key);
        if (set == NULL) {
            continue;
        }
        nest_above(nest->plan, &lanes[i], keeper, is_kept);
        g_autofree char *ever_key =
            nest_key(&lanes[i], "sent", hold, tensor, is_kept);
        struct element_set *ever = nest_set(nest, ever_key, tensor);
        drain->outside += set->count;
        refill->outside += element_set_common(set, ever);
        element_set_merge(ever, set);
        g_hash_table_remove(groups, key);
    }
}

static inline void nest_visit_hold(struct nest *nest, int hold, int tensor,
                                   const struct nest_lane *lanes, int count)
{
    int keeper = oracle_hold(nest->plan, hold, tensor, false);
    g_autoptr(GHashTable) reads =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_free_set);
    g_autoptr(GHashTable) writes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_free_set);
    struct network_moment moment = nest_moment();
    struct network_moment returns = nest_moment();
    for (int i = 0; i < count; i++) {
        struct element_set *back = element_set_new(nest->plan, tensor);
        struct element_set *needed = element_set_new(nest->plan, tensor);
        struct element_set *written = element_set_new(nest->plan, tensor);
        nest_tiles(nest, hold, tensor, &lanes[i], needed, written);
        bool is_kept[NEST_MAX_DEPTH];
        if (!oracle_starts_inside(&nest->oracle, tensor, written) &&
            nest_fetch(nest, hold, tensor, &lanes[i], needed)) {
            nest_kept(nest->plan, &lanes[i], keeper, false, is_kept);
            nest_join(nest, reads,
                      nest_key(&lanes[i], "group", hold, tensor, is_kept),
                      tensor, needed);
            nest_cross_tile(nest, &moment, FLOW_FILL, hold, tensor, &lanes[i],
                            needed);
        }
        if (nest_open(nest, hold, tensor, &lanes[i], written, back)) {
            nest_cross_tile(nest, &returns, FLOW_REFILL, hold, tensor,
                            &lanes[i], back);
            nest_kept(nest->plan, &lanes[i], keeper, true, is_kept);
            nest_join(nest, writes,
                      nest_key(&lanes[i], "group", hold, tensor, is_kept),
                      tensor, written);
            nest_cross_tile(nest, &moment, FLOW_DRAIN, hold, tensor, &lanes[i],
                            written);
        }
        element_set_free(back);
        element_set_free(needed);
        element_set_free(written);
    }
    g_hash_table_unref(returns.seen);
    GHashTableIter iter;
    gpointer set;
    g_hash_table_iter_init(&iter, reads);
    while (g_hash_table_iter_next(&iter, NULL, &set)) {
        nest_flow(nest, FLOW_FILL, hold, tensor)->outside +=
            ((struct element_set *)set)->count;
    }
    nest_send(nest, hold, tensor, keeper, lanes, count, writes);
    g_hash_table_unref(moment.seen);
}

#endif
