/* What any mapping moves, by brute force. The tree of the plan is run iteration
 * by iteration, with the box of every lane of its spatial nodes at hand; every
 * hold of every lane, and every lane of every leaf, is followed element by
 * element. No rule of mapping/ is used but what its header says of a node:
 *
 *   hold    each lane has its own; it fetches the elements that are read below
 *           it and not computed there, whenever they are others than before, and
 *           passes results outwards before others take their place
 *   outside one read serves all lanes of axes that multicast which want an
 *           element at the same time; lanes of axes that reduce send one result;
 *           what is sent for not the first time was read before, to come back
 *           or, where an axis cannot reduce, to be added to
 *   lanes   of a leaf: see tests/traffic_oracle.h
 *
 * Only for small shapes. Include after cmocka.h. */
#ifndef WEIR_TESTS_NEST_ORACLE_H
#define WEIR_TESTS_NEST_ORACLE_H

#include "tests/nest_holds.h"

/* ---- leaves -------------------------------------------------------------- */

struct nest_instant {
    int leaf;
    const struct nest_lane *lanes; /* as the step began: to tell them apart */
    int count;
    /* By access (the output last) and lane: what it had the instant before. */
    struct element_set **before;
};

/* Lanes of the unit that want the same element each on their own. */
static inline int64_t nest_copies(struct nest *nest,
                                  const struct oracle_step *step,
                                  const struct einsum_access *access,
                                  bool is_write)
{
    return oracle_copies(&nest->oracle, step, access, is_write, step->lo,
                         step->hi);
}

/* What a lane writes, of that which the place outside had before, came back. */
static inline void nest_cross_back(struct nest *nest,
                                   struct network_moment *returns,
                                   const struct nest_instant *instant, int lane,
                                   const struct einsum_access *access,
                                   int number, const struct oracle_step *step,
                                   const struct element_set *set)
{
    int leaf = instant->leaf;
    int keeper = oracle_hold(nest->plan, nest->plan->leaves[leaf].node,
                             access->tensor, false);
    bool is_kept[NEST_MAX_DEPTH];
    nest_kept(nest->plan, &instant->lanes[lane], keeper, true, is_kept);
    nest_above(nest->plan, &instant->lanes[lane], keeper, is_kept);
    g_autofree char *key =
        nest_key(&instant->lanes[lane], "made", leaf, access->tensor, is_kept);
    struct element_set *back = element_set_new(nest->plan, access->tensor);
    element_set_keep(back, set, nest_set(nest, key, access->tensor));
    nest_cross_lanes(nest, returns, FLOW_PARTIAL, number, access,
                     &instant->lanes[lane], step, keeper, back);
    element_set_free(back);
}

/* The lanes ask for (or write) the elements of one access. `now` has no box for
 * lanes without work. */
static inline void nest_ask(struct nest *nest, struct nest_instant *instant,
                            const struct einsum_access *access, int number,
                            bool is_write, const struct nest_lane *now,
                            const bool *has_work)
{
    int leaf = instant->leaf;
    int node = nest->plan->leaves[leaf].node;
    int keeper = oracle_hold(nest->plan, node, access->tensor, false);
    struct nest_flow *flow = nest_flow(nest, is_write ? FLOW_WRITE : FLOW_READ,
                                       leaf * 100 + number, access->tensor);
    g_autoptr(GHashTable) groups =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_free_set);
    g_autoptr(GHashTable) copies =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    struct network_moment moment = nest_moment();
    struct network_moment returns = nest_moment();
    for (int i = 0; i < instant->count; i++) {
        if (!has_work[i]) {
            continue;
        }
        struct oracle_step step;
        nest_step_of_lane(nest, leaf, &now[i], &step);
        struct element_set *set = element_set_new(nest->plan, access->tensor);
        oracle_add_box(&nest->oracle, &step, access, set);
        struct element_set **before =
            &instant->before[number * instant->count + i];
        if (!element_set_equal(set, *before)) {
            bool is_kept[NEST_MAX_DEPTH];
            nest_kept(nest->plan, &instant->lanes[i], keeper, is_write,
                      is_kept);
            char *key = nest_key(&instant->lanes[i], "group", leaf,
                                 access->tensor, is_kept);
            int64_t each = nest_copies(nest, &step, access, is_write);
            int64_t *most = g_hash_table_lookup(copies, key);
            if (most == NULL) {
                most = g_new0(int64_t, 1);
                g_hash_table_insert(copies, g_strdup(key), most);
            }
            *most = MAX(*most, each);
            nest_join(nest, groups, key, access->tensor, set);
            nest_cross_lanes(nest, &moment, is_write ? FLOW_WRITE : FLOW_READ,
                             number, access, &instant->lanes[i], &step, keeper,
                             NULL);
            if (is_write) {
                nest_cross_back(nest, &returns, instant, i, access, number,
                                &step, set);
            }
        }
        element_set_free(*before);
        *before = set;
    }
    for (int i = 0; i < instant->count; i++) {
        bool is_kept[NEST_MAX_DEPTH];
        nest_kept(nest->plan, &instant->lanes[i], keeper, is_write, is_kept);
        g_autofree char *key = nest_key(&instant->lanes[i], "group", leaf,
                                        access->tensor, is_kept);
        const struct element_set *set = g_hash_table_lookup(groups, key);
        if (set == NULL) {
            continue;
        }
        const int64_t *each = g_hash_table_lookup(copies, key);
        assert_non_null(each);
        flow->outside += set->count * (each == NULL ? 0 : *each);
        if (is_write) {
            nest_above(nest->plan, &instant->lanes[i], keeper, is_kept);
            g_autofree char *ever_key = nest_key(&instant->lanes[i], "made",
                                                 leaf, access->tensor, is_kept);
            struct element_set *ever = nest_set(nest, ever_key, access->tensor);
            nest_flow(nest, FLOW_PARTIAL, leaf * 100 + number, access->tensor)
                ->outside += element_set_common(set, ever) +
                             set->count * ((each == NULL ? 1 : *each) - 1);
            element_set_merge(ever, set);
        }
        g_hash_table_remove(groups, key);
    }
    g_hash_table_unref(moment.seen);
    g_hash_table_unref(returns.seen);
}

/* Ranks are taken in tiles, outermost first: those of `time`. */
static inline void nest_run_instants(struct nest *nest,
                                     struct nest_instant *instant,
                                     const struct oracle_time *time, int level,
                                     const struct nest_lane *now,
                                     const bool *has_work)
{
    const struct einsum_statement *s =
        oracle_statement(&nest->oracle, instant->leaf);
    enum arch_masking masking = nest->plan->leaves[instant->leaf].masking;
    bool happens = masking != ARCH_MASKING_SKIP;
    for (int l = 0; l < instant->count && level == time->count; l++) {
        happens |= has_work[l] && nest_has_point(nest, instant->leaf, &now[l]);
    }
    if (level == time->count && !happens) {
        return;
    }
    if (level == time->count) {
        for (int r = 0; r < s->read_count; r++) {
            if (!oracle_is_forwarded(&nest->oracle, instant->leaf,
                                     &s->resolved_reads[r])) {
                nest_ask(nest, instant, &s->resolved_reads[r], r, false, now,
                         has_work);
            }
        }
        nest_ask(nest, instant, &s->output, s->read_count, true, now, has_work);
        nest->trips[instant->leaf]++;
        return;
    }
    int rank = s->rank[time->position[level]];
    int64_t tile = time->tile[level];
    g_autofree struct nest_lane *part =
        g_new0(struct nest_lane, (gsize)instant->count);
    g_autofree bool *has_part = g_new0(bool, (gsize)instant->count);
    for (int64_t i = 0;; i++) {
        bool is_any = false;
        for (int l = 0; l < instant->count; l++) {
            part[l] = now[l];
            part[l].lo[rank] = now[l].lo[rank] + i * tile;
            part[l].hi[rank] = MIN(now[l].hi[rank], part[l].lo[rank] + tile);
            has_part[l] = has_work[l] && part[l].lo[rank] < part[l].hi[rank];
            is_any |= has_part[l];
        }
        if (!is_any) {
            return;
        }
        nest_run_instants(nest, instant, time, level + 1, part, has_part);
    }
}

/* Points of the lane that no predicate leaves out. */
static inline int64_t nest_count_points(const struct nest *nest, int leaf,
                                        const struct nest_lane *lane)
{
    struct oracle_step step;
    int64_t points = 0;
    nest_step_of_lane(nest, leaf, lane, &step);
    assert_int_equal(
        workload_count_box_points(nest->plan->workload,
                                  nest->plan->leaves[leaf].statement, step.lo,
                                  step.hi, &points),
        OK);
    return points;
}

static inline void nest_run_leaf(struct nest *nest, int leaf,
                                 const struct nest_lane *lanes, int count)
{
    const struct einsum_statement *s = oracle_statement(&nest->oracle, leaf);
    if (!nest_runs(nest, leaf, -1)) {
        return;
    }
    struct oracle_time time = oracle_time_of_leaf(&nest->oracle, leaf);
    gsize sets = (gsize)(s->read_count + 1) * (gsize)count;
    struct nest_instant instant = {leaf, lanes, count,
                                   g_new0(struct element_set *, sets)};
    g_autofree bool *has_work = g_new0(bool, (gsize)count);
    bool is_any = false;
    for (int l = 0; l < count; l++) {
        int64_t points = 1;
        for (int r = 0; r < s->rank_count; r++) {
            points *= lanes[l].hi[s->rank[r]] - lanes[l].lo[s->rank[r]];
        }
        has_work[l] = nest_has_point(nest, leaf, &lanes[l]);
        nest->existing[leaf] += nest_count_points(nest, leaf, &lanes[l]);
        nest->points[leaf] += has_work[l] ? points : 0;
        is_any |= has_work[l];
    }
    nest->steps[leaf] += is_any;
    if (is_any) {
        nest_run_instants(nest, &instant, &time, 0, lanes, has_work);
    }
    for (gsize i = 0; i < sets; i++) {
        element_set_free(instant.before[i]);
    }
    g_free(instant.before);
}

/* ---- the tree ------------------------------------------------------------ */

static inline void nest_run_node(struct nest *nest, int node,
                                 const struct nest_lane *lanes, int count);

/* What an Einsum below makes repeatedly, once for each iteration of a loop over
 * a rank that it does not have, begins anew: nothing of it has been made. */
static inline void nest_begin_anew(struct nest *nest, int loop)
{
    const struct plan *plan = nest->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(&nest->oracle, l);
        bool is_own = false;
        for (int r = 0; r < s->rank_count; r++) {
            is_own |= s->rank[r] == plan->nodes[loop].rank;
        }
        for (int i = 0; i < plan->leaves[l].at_count; i++) {
            is_own |= plan->leaves[l].at_node[i] == loop; /* made once */
        }
        if (is_own || !plan->leaves[l].is_recomputed ||
            !oracle_is_below(plan, plan->leaves[l].node, loop)) {
            continue;
        }
        GHashTableIter iter;
        gpointer key;
        g_hash_table_iter_init(&iter, nest->sets);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
            char what[16];
            int place = 0;
            int tensor = 0;
            assert_int_equal(sscanf(key, "%15s %d %d", what, &place, &tensor),
                             3);
            if (tensor == s->output.tensor &&
                (strcmp(what, "made") == 0 || strcmp(what, "ever") == 0 ||
                 strcmp(what, "sent") == 0)) {
                g_hash_table_iter_remove(&iter);
            }
        }
    }
}

static inline void nest_run_loop(struct nest *nest, int node,
                                 const struct nest_lane *lanes, int count)
{
    const struct plan_node *n = &nest->plan->nodes[node];
    g_autofree struct nest_lane *part = g_new0(struct nest_lane, (gsize)count);
    int64_t most = 0;
    for (int l = 0; l < count; l++) {
        most = MAX(most, lanes[l].hi[n->rank] - lanes[l].lo[n->rank]);
    }
    for (int64_t done = 0; done < most; done += n->tile) {
        int parts = 0;
        nest->is_last[node] = done + n->tile >= most;
        if (done > 0) {
            nest_begin_anew(nest, node);
        }
        for (int l = 0; l < count; l++) {
            struct nest_lane lane = lanes[l];
            lane.lo[n->rank] += done;
            lane.hi[n->rank] =
                MIN(lane.hi[n->rank], lane.lo[n->rank] + n->tile);
            if (lane.lo[n->rank] < lane.hi[n->rank]) {
                part[parts++] = lane;
            }
        }
        nest_run_node(nest, n->first_child, part, parts);
    }
}

static inline void nest_run_spatial(struct nest *nest, int node,
                                    const struct nest_lane *lanes, int count)
{
    const struct plan_node *n = &nest->plan->nodes[node];
    g_autoptr(GArray) parts =
        g_array_new(FALSE, FALSE, sizeof(struct nest_lane));
    for (int l = 0; l < count; l++) {
        int64_t end = lanes[l].hi[n->rank];
        int64_t at = 0;
        for (int64_t lo = lanes[l].lo[n->rank]; lo < end; lo += n->tile) {
            struct nest_lane lane = lanes[l];
            assert_in_range(lane.depth, 0, NEST_MAX_DEPTH - 1);
            lane.lo[n->rank] = lo;
            lane.hi[n->rank] = MIN(end, lo + n->tile);
            lane.node[lane.depth] = node;
            lane.at[lane.depth++] = at++;
            g_array_append_val(parts, lane);
        }
    }
    nest_run_node(nest, n->first_child,
                  (const struct nest_lane *)(const void *)parts->data,
                  (int)parts->len);
}

static inline void nest_run_node(struct nest *nest, int node,
                                 const struct nest_lane *lanes, int count)
{
    const struct plan_node *n = &nest->plan->nodes[node];
    switch (n->kind) {
    case PLAN_LOOP:
        nest_run_loop(nest, node, lanes, count);
        return;
    case PLAN_SPATIAL:
        nest_run_spatial(nest, node, lanes, count);
        return;
    case PLAN_COMPUTE:
        nest_run_leaf(nest, n->leaf, lanes, count);
        return;
    case PLAN_HOLD:
        for (int i = 0; i < n->held_count && !n->is_stream; i++) {
            nest_visit_hold(nest, node, n->held[i], lanes, count);
        }
        break;
    case PLAN_PHASES:
    case PLAN_SEQUENCE:
    case PLAN_PIPELINE:
        break;
    }
    for (int c = n->first_child; c >= 0;
         c = nest->plan->nodes[c].next_sibling) {
        nest_run_node(nest, c, lanes, count);
    }
}

#endif
