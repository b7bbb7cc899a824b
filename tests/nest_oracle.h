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

#include <stdio.h>

#include "tests/network_oracle.h"
#include "tests/traffic_oracle.h"

#define NEST_MAX_DEPTH 24 /* spatial nodes above each other */

struct nest_lane {
    int64_t lo[EINSUM_MAX_RANKS]; /* by rank id */
    int64_t hi[EINSUM_MAX_RANKS];
    int depth;
    int node[NEST_MAX_DEPTH]; /* spatial nodes above, and the lane of each */
    int64_t at[NEST_MAX_DEPTH];
};

/* Elements of one flow. */
struct nest_flow {
    int64_t outside;
    int64_t inside;
};

struct nest {
    struct oracle oracle; /* of its steps nothing is used */
    const struct plan *plan;
    GHashTable *sets;  /* key -> struct element_set: what is there */
    GHashTable *flows; /* key -> struct nest_flow */
    bool *is_last;     /* by node: the loop is in its last iteration */
    int64_t *points;   /* by leaf: computed */
    int64_t *existing; /* those of them that no predicate leaves out */
    int64_t *steps;
    int64_t *trips;
};

/* ---- tables -------------------------------------------------------------- */

static inline void nest_free_set(gpointer set)
{
    element_set_free(set);
}

static inline void nest_init(struct nest *nest, const struct plan *plan)
{
    nest->plan = plan;
    nest->oracle = (struct oracle){.plan = plan};
    nest->sets =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_free_set);
    nest->flows =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    nest->is_last = g_new0(bool, (gsize)plan->node_count);
    nest->points = g_new0(int64_t, (gsize)plan->leaf_count);
    nest->existing = g_new0(int64_t, (gsize)plan->leaf_count);
    nest->steps = g_new0(int64_t, (gsize)plan->leaf_count);
    nest->trips = g_new0(int64_t, (gsize)plan->leaf_count);
}

static inline void nest_clear(struct nest *nest)
{
    g_hash_table_unref(nest->sets);
    g_hash_table_unref(nest->flows);
    g_free(nest->is_last);
    g_free(nest->points);
    g_free(nest->existing);
    g_free(nest->steps);
    g_free(nest->trips);
}

static inline struct nest_flow *
nest_flow(struct nest *nest, enum flow_kind kind, int place, int tensor)
{
    char key[64];
    g_snprintf(key, sizeof(key), "%d %d %d", (int)kind, place, tensor);
    struct nest_flow *flow = g_hash_table_lookup(nest->flows, key);
    if (flow == NULL) {
        flow = g_new0(struct nest_flow, 1);
        g_hash_table_insert(nest->flows, g_strdup(key), flow);
    }
    return flow;
}

/* The set of that name; a new one is empty. */
static inline struct element_set *nest_set(struct nest *nest, const char *key,
                                           int tensor)
{
    struct element_set *set = g_hash_table_lookup(nest->sets, key);
    if (set == NULL) {
        set = element_set_new(nest->plan, tensor);
        g_hash_table_insert(nest->sets, g_strdup(key), set);
    }
    return set;
}

/* "what place tensor" and the lanes of those spatial nodes for which `is_kept`;
 * caller frees. */
static inline char *nest_key(const struct nest_lane *lane, const char *what,
                             int place, int tensor, const bool *is_kept)
{
    GString *key = g_string_new(NULL);
    g_string_printf(key, "%s %d %d", what, place, tensor);
    for (int i = 0; i < lane->depth; i++) {
        if (is_kept == NULL || is_kept[i]) {
            g_string_append_printf(key, " %d:%" G_GINT64_FORMAT, lane->node[i],
                                   lane->at[i]);
        }
    }
    return g_string_free(key, FALSE);
}

static inline const struct arch_axis *nest_axis(const struct plan *plan,
                                                int axis)
{
    const struct arch_axis *found = &plan->arch->units[0].axis[0];
    for (int u = 0; u < plan->arch->unit_count; u++) {
        const struct arch_unit *unit = &plan->arch->units[u];
        for (int a = 0; a < unit->axis_count; a++) {
            found = unit->axis[a].id == axis ? &unit->axis[a] : found;
        }
    }
    assert_int_equal(found->id, axis);
    return found;
}

/* Which lanes of `lane` are told apart by the place that `keeper` is in: those
 * above it, and those whose axis neither multicasts nor (results) reduces. */
static inline void nest_kept(const struct plan *plan,
                             const struct nest_lane *lane, int keeper,
                             bool is_write, bool *is_kept)
{
    for (int i = 0; i < lane->depth; i++) {
        const struct arch_axis *axis =
            nest_axis(plan, plan->nodes[lane->node[i]].axis);
        bool is_between =
            keeper < 0 || oracle_is_below(plan, lane->node[i], keeper);
        bool is_shared = is_write ? axis->reduce == ARCH_REDUCE_CHAIN ||
                                        axis->reduce == ARCH_REDUCE_TREE
                                  : axis->is_multicast || axis->has_neighbours;
        is_kept[i] = !(is_between && is_shared);
    }
}

static inline void nest_above(const struct plan *plan,
                              const struct nest_lane *lane, int keeper,
                              bool *is_kept)
{
    for (int i = 0; i < lane->depth; i++) {
        is_kept[i] =
            keeper >= 0 && !oracle_is_below(plan, lane->node[i], keeper);
    }
}

/* ---- elements ------------------------------------------------------------ */

static inline void nest_step_of_lane(const struct nest *nest, int leaf,
                                     const struct nest_lane *lane,
                                     struct oracle_step *step)
{
    const struct einsum_statement *s = oracle_statement(&nest->oracle, leaf);
    step->leaf = leaf;
    for (int r = 0; r < s->rank_count; r++) {
        step->lo[r] = lane->lo[s->rank[r]];
        step->hi[r] = lane->hi[s->rank[r]];
    }
}

static inline bool nest_runs(const struct nest *nest, int leaf, int hold)
{
    const struct plan_leaf *l = &nest->plan->leaves[leaf];
    for (int i = 0; i < l->at_count; i++) {
        bool is_above =
            hold < 0 || !oracle_is_below(nest->plan, l->at_node[i], hold);
        if (is_above && !nest->is_last[l->at_node[i]]) {
            return false;
        }
    }
    return true;
}

static inline bool nest_has_point(const struct nest *nest, int leaf,
                                  const struct nest_lane *lane)
{
    const struct einsum_statement *s = oracle_statement(&nest->oracle, leaf);
    struct oracle_step step;
    nest_step_of_lane(nest, leaf, lane, &step);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step.lo, sizeof(point));
    do {
        int64_t end[EINSUM_MAX_RANKS];
        int64_t count = 0;
        for (int r = 0; r < s->rank_count; r++) {
            end[r] = point[r] + 1;
        }
        assert_int_equal(
            workload_count_box_points(nest->plan->workload,
                                      nest->plan->leaves[leaf].statement, point,
                                      end, &count),
            OK);
        if (count > 0) {
            return true;
        }
    } while (oracle_next_point(s, step.lo, step.hi, point));
    return false;
}

/* Does any Einsum below the hold that uses the tensor have a point now? */
static inline bool nest_is_used(const struct nest *nest, int hold, int tensor,
                                const struct nest_lane *lane)
{
    const struct plan *plan = nest->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(&nest->oracle, l);
        bool is_use = s->output.tensor == tensor;
        for (int r = 0; r < s->read_count; r++) {
            is_use |= s->resolved_reads[r].tensor == tensor;
        }
        if (is_use && oracle_is_below(plan, plan->leaves[l].node, hold) &&
            nest_has_point(nest, l, lane)) {
            return true;
        }
    }
    return false;
}

/* What is read below the hold and not written there, and what is written. */
static inline void nest_tiles(const struct nest *nest, int hold, int tensor,
                              const struct nest_lane *lane,
                              struct element_set *needed,
                              struct element_set *written)
{
    const struct plan *plan = nest->plan;
    bool is_used = nest_is_used(nest, hold, tensor, lane);
    for (int l = 0; l < plan->leaf_count && is_used; l++) {
        const struct einsum_statement *s = oracle_statement(&nest->oracle, l);
        if (!oracle_is_below(plan, plan->leaves[l].node, hold) ||
            !nest_runs(nest, l, hold)) {
            continue;
        }
        struct oracle_step step;
        nest_step_of_lane(nest, l, lane, &step);
        if (s->output.tensor == tensor) {
            oracle_add_box(&nest->oracle, &step, &s->output, written);
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == tensor &&
                !oracle_is_forwarded(&nest->oracle, l, read)) {
                oracle_add_box(&nest->oracle, &step, read, needed);
            }
        }
    }
    element_set_remove(needed, written);
}

/* ---- networks ------------------------------------------------------------ */

/* Hops (outside) over a fan-out; inside != 0: of an axis that
 * several nodes divide, where the plan only estimates. */
static inline struct nest_flow *nest_hops(struct nest *nest, int fanout,
                                          enum flow_kind kind, int place,
                                          int tensor)
{
    char key[64];
    g_snprintf(key, sizeof(key), "net %d %d %d %d", fanout, (int)kind, place,
               tensor);
    struct nest_flow *flow = g_hash_table_lookup(nest->flows, key);
    if (flow == NULL) {
        flow = g_new0(struct nest_flow, 1);
        g_hash_table_insert(nest->flows, g_strdup(key), flow);
    }
    return flow;
}

static inline struct network_place nest_place(const struct nest *nest,
                                              const struct nest_lane *lane)
{
    struct network_place place = {.is_loose = false};
    for (int a = 0; a < 64; a++) {
        place.at[a] = -1;
    }
    for (int i = 0; i < lane->depth; i++) {
        const struct plan_node *node = &nest->plan->nodes[lane->node[i]];
        network_place_add(&place, node->axis, lane->at[i], node->trips);
    }
    return place;
}

static inline void nest_cross(struct nest *nest, struct network_moment *moment,
                              enum flow_kind kind, int number, int tensor,
                              const struct network_place *place, int outer,
                              int inner, int unit, int64_t element)
{
    const struct arch *arch = nest->plan->arch;
    bool is_write = kind == FLOW_WRITE || kind == FLOW_DRAIN;
    for (int f = 0; f < arch->fanout_count; f++) {
        if (network_is_between(arch, f, outer, inner, unit)) {
            struct nest_flow *hops = nest_hops(nest, f, kind, number, tensor);
            hops->outside +=
                network_cross(moment, arch, f, place, is_write, element);
            hops->inside += place->is_loose;
        }
    }
}

static inline void nest_cross_tile(struct nest *nest,
                                   struct network_moment *moment,
                                   enum flow_kind kind, int hold, int tensor,
                                   const struct nest_lane *lane,
                                   const struct element_set *set)
{
    const struct plan *plan = nest->plan;
    struct network_place place = nest_place(nest, lane);
    int outer = oracle_memory(plan, oracle_hold(plan, hold, tensor, false));
    for (int64_t i = 0; i < set->size; i++) {
        if (set->has[i] != 0) {
            nest_cross(nest, moment, kind, hold, tensor, &place, outer,
                       plan->nodes[hold].memory, -1, i);
        }
    }
}

/* The lanes of the unit take one element each. */
static inline void nest_cross_lanes(struct nest *nest,
                                    struct network_moment *moment,
                                    enum flow_kind kind, int number,
                                    const struct einsum_access *access,
                                    const struct nest_lane *lane,
                                    const struct oracle_step *step, int keeper)
{
    const struct plan_leaf *leaf = &nest->plan->leaves[step->leaf];
    const struct einsum_statement *s =
        oracle_statement(&nest->oracle, step->leaf);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step->lo, sizeof(point));
    do {
        struct network_place place = nest_place(nest, lane);
        for (int r = 0; r < s->rank_count; r++) {
            if (leaf->axis_of[r] >= 0) {
                network_place_add(&place,
                                  nest->plan->arch->units[leaf->unit]
                                      .axis[leaf->axis_of[r]]
                                      .id,
                                  point[r] - step->lo[r], leaf->lane_extent[r]);
            }
        }
        nest_cross(nest, moment, kind, step->leaf * 100 + number,
                   access->tensor, &place, oracle_memory(nest->plan, keeper),
                   -1, leaf->unit,
                   oracle_element(&nest->oracle, s, access, point));
    } while (oracle_next_point(s, step->lo, step->hi, point));
}

static inline struct network_moment nest_moment(void)
{
    return (struct network_moment){
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
}

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

/* One lane fetches `needed` if it has others; true if it does. */
static inline bool nest_fetch(struct nest *nest, int hold, int tensor,
                              const struct nest_lane *lane,
                              struct element_set *needed)
{
    g_autofree char *key = nest_key(lane, "inside", hold, tensor, NULL);
    const struct element_set *inside = g_hash_table_lookup(nest->sets, key);
    if (needed->count == 0 || element_set_equal(needed, inside)) {
        return false;
    }
    nest_flow(nest, FLOW_FILL, hold, tensor)->inside += needed->count;
    struct element_set *copy = element_set_new(nest->plan, tensor);
    element_set_merge(copy, needed);
    nest_replace(nest, key, copy);
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

static inline bool nest_open(struct nest *nest, int hold, int tensor,
                             const struct nest_lane *lane,
                             struct element_set *written)
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
    for (int i = 0; i < count; i++) {
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
        if (nest_open(nest, hold, tensor, &lanes[i], written)) {
            nest_kept(nest->plan, &lanes[i], keeper, true, is_kept);
            nest_join(nest, writes,
                      nest_key(&lanes[i], "group", hold, tensor, is_kept),
                      tensor, written);
            nest_cross_tile(nest, &moment, FLOW_DRAIN, hold, tensor, &lanes[i],
                            written);
        }
        element_set_free(needed);
        element_set_free(written);
    }
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
                             number, access, &instant->lanes[i], &step, keeper);
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
