/* The lanes, elements and flows that tests/nest_oracle.h follows, and what of them
 * crosses a network. Include after cmocka.h. */
#ifndef WEIR_TESTS_NEST_LANES_H
#define WEIR_TESTS_NEST_LANES_H

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
    GHashTable *sets;    /* key -> struct element_set: what is there */
    GHashTable *flows;   /* key -> struct nest_flow */
    GHashTable *windows; /* key -> struct window_state */
    bool *is_last;       /* by node: the loop is in its last iteration */
    int64_t *points;     /* by leaf: computed */
    int64_t *existing;   /* those of them that no predicate leaves out */
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
    nest->windows =
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
    g_hash_table_unref(nest->windows);
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
    bool is_write = kind != FLOW_READ && kind != FLOW_FILL;
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

/* The lanes of the unit take one element each, if it is one of `only` (NULL: of
 * any). */
static inline void nest_cross_lanes(struct nest *nest,
                                    struct network_moment *moment,
                                    enum flow_kind kind, int number,
                                    const struct einsum_access *access,
                                    const struct nest_lane *lane,
                                    const struct oracle_step *step, int keeper,
                                    const struct element_set *only)
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
        int64_t element = oracle_element(&nest->oracle, s, access, point);
        if (only == NULL || only->has[element] != 0) {
            nest_cross(nest, moment, kind, step->leaf * 100 + number,
                       access->tensor, &place,
                       oracle_memory(nest->plan, keeper), -1, leaf->unit,
                       element);
        }
    } while (oracle_next_point(s, step->lo, step->hi, point));
}

static inline struct network_moment nest_moment(void)
{
    return (struct network_moment){
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
}

#endif
