/* What the lanes of a leaf's step exchange with memory, moment by moment. Include
 * after cmocka.h. */
#ifndef WEIR_TESTS_LANE_ORACLE_H
#define WEIR_TESTS_LANE_ORACLE_H

#include "tests/schedule_oracle.h"

/* ---- lanes -------------------------------------------------------------- */

#define ORACLE_MAX_TIME (2 * EINSUM_MAX_RANKS)

/* The loops in time inside a step of a leaf, outermost first, by position in
 * the statement's ranks; each takes the rank in `tile`s. */
struct oracle_time {
    int count;
    int position[ORACLE_MAX_TIME];
    int64_t trips[ORACLE_MAX_TIME];
    int64_t tile[ORACLE_MAX_TIME];
};

static inline const struct tree_item *oracle_find_item(const GPtrArray *items,
                                                       const struct span *span)
{
    for (guint i = 0; i < items->len; i++) {
        const struct tree_item *item = items->pdata[i];
        for (guint n = 0; n < item->names->len; n++) {
            const struct tree_name *name =
                &g_array_index(item->names, struct tree_name, n);
            if (item->kind == PLAN_COMPUTE && name->span.line == span->line &&
                name->span.column == span->column) {
                return item;
            }
        }
        for (guint c = 0; c < item->branches->len; c++) {
            const struct tree_branch *branch = item->branches->pdata[c];
            const struct tree_item *found =
                oracle_find_item(branch->items, span);
            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

static inline void oracle_fill_scope(const struct plan *plan,
                                     struct scope *scope)
{
    arch_fill_scope(plan->arch, scope);
    for (int i = 0; i < plan->workload->shape_count; i++) {
        scope_set(scope, plan->workload->shape_name[i],
                  plan->workload->shape_value[i]);
    }
    for (int i = 0; i < plan->param_count; i++) {
        scope_set(scope, plan->param_name[i], plan->param_value[i]);
    }
}

static inline struct oracle_time
oracle_time_of_leaf(const struct oracle *oracle, int leaf_id)
{
    const struct plan *plan = oracle->plan;
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    const struct einsum_statement *s = oracle_statement(oracle, leaf_id);
    const struct tree_item *item = NULL;
    for (guint v = 0; v < plan->mapping->variants->len && item == NULL; v++) {
        const struct tree_variant *variant = plan->mapping->variants->pdata[v];
        item = oracle_find_item(variant->items, &plan->nodes[leaf->node].span);
    }
    assert_non_null(item);
    AUTO(scope) scope = scope_new(NULL);
    oracle_fill_scope(plan, scope);
    struct oracle_time time = {0};
    int64_t left[EINSUM_MAX_RANKS];
    memcpy(left, leaf->step_extent, sizeof(left));
    for (guint i = 0; i < item->loops->len; i++) {
        const struct tree_pair *loop =
            &g_array_index(item->loops, struct tree_pair, i);
        AUTO(diags) diags = diags_new();
        int64_t tile = 0;
        assert_int_equal(expr_eval(loop->value, scope, diags, &tile), OK);
        for (int r = 0; r < s->rank_count; r++) {
            const char *name = plan->workload->rank[s->rank[r]].name;
            if (strcmp(name, loop->key.text) == 0) {
                time.position[time.count] = r;
                time.trips[time.count] = left[r] / tile;
                time.tile[time.count++] = tile;
                left[r] = tile;
            }
        }
    }
    for (int r = 0; r < s->rank_count; r++) {
        if (leaf->axis_of[r] < 0) {
            time.position[time.count] = r;
            time.trips[time.count] = left[r];
            time.tile[time.count++] = 1;
        }
    }
    return time;
}

/* The corner and the end of what the lanes work on at instant `now`. */
static inline void oracle_lanes_at(const struct oracle *oracle,
                                   const struct oracle_step *step,
                                   const struct oracle_time *time, int64_t now,
                                   int64_t *lo, int64_t *hi)
{
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    memcpy(lo, step->lo, sizeof(int64_t) * EINSUM_MAX_RANKS);
    memcpy(hi, step->hi, sizeof(int64_t) * EINSUM_MAX_RANKS);
    int64_t extent[EINSUM_MAX_RANKS];
    for (int r = 0; r < s->rank_count; r++) {
        extent[r] = hi[r] - lo[r];
    }
    for (int i = time->count; i-- > 0;) {
        lo[time->position[i]] += now % time->trips[i] * time->tile[i];
        extent[time->position[i]] =
            MIN(extent[time->position[i]], time->tile[i]);
        now /= time->trips[i];
    }
    for (int r = 0; r < s->rank_count; r++) {
        hi[r] = lo[r] + extent[r];
    }
}

static inline int64_t oracle_time_count(const struct oracle_time *time)
{
    int64_t count = 1;
    for (int i = 0; i < time->count; i++) {
        count *= time->trips[i];
    }
    return count;
}

/* ---- where data decides ---------------------------------------------------- */

/* One element for every combination of the ranks that decide which: `point` as
 * one number in as many digits. */
static inline int64_t oracle_gathered(const struct oracle *oracle,
                                      const struct einsum_statement *s,
                                      unsigned ranks, const int64_t *point,
                                      int64_t *size)
{
    int64_t element = 0;
    *size = 1;
    for (int r = 0; r < s->rank_count; r++) {
        if ((ranks >> s->rank[r] & 1U) != 0) {
            int64_t extent = oracle->plan->workload->rank[s->rank[r]].extent;
            element = element * extent + point[r];
            *size *= extent;
        }
    }
    return element;
}

static inline unsigned oracle_access_ranks(const struct oracle *oracle,
                                           int leaf,
                                           const struct einsum_access *access)
{
    const struct einsum_statement *s = oracle_statement(oracle, leaf);
    int read = access == &s->output ? -1 : (int)(access - s->resolved_reads);
    return workload_access_ranks(oracle->plan->workload,
                                 oracle->plan->leaves[leaf].statement, read);
}

/* What the lanes take, or make, of an access now. */
static inline struct element_set *
oracle_take_box(const struct oracle *oracle, const struct oracle_step *step,
                const struct einsum_access *access)
{
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    struct element_set *set = NULL;
    if (access->beyond_affine == 0) {
        set = element_set_new(oracle->plan, access->tensor);
        oracle_add_box(oracle, step, access, set);
        return set;
    }
    unsigned ranks = oracle_access_ranks(oracle, step->leaf, access);
    int64_t size = 1;
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step->lo, sizeof(point));
    do {
        int64_t element = oracle_gathered(oracle, s, ranks, point, &size);
        set = set == NULL ? element_set_of_size(size) : set;
        element_set_add(set, element);
    } while (oracle_next_point(s, step->lo, step->hi, point));
    return set;
}

/* Copies of one element that are sent: one for each lane of an axis that does
 * not multicast, unless lanes of that axis want different elements. */
static inline int64_t oracle_copies(const struct oracle *oracle,
                                    const struct oracle_step *step,
                                    const struct einsum_access *access,
                                    bool is_write, const int64_t *lo,
                                    const int64_t *hi)
{
    const struct plan_leaf *leaf = &oracle->plan->leaves[step->leaf];
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    int64_t copies = 1;
    for (int r = 0; r < s->rank_count; r++) {
        bool is_moved = false;
        for (int d = 0; d < access->dim_count; d++) {
            is_moved |= access->index[d].coefficient[s->rank[r]] != 0;
        }
        is_moved |=
            access->beyond_affine != 0 &&
            (oracle_access_ranks(oracle, step->leaf, access) >> s->rank[r] &
             1U) != 0;
        if (leaf->axis_of[r] < 0 || is_moved) {
            continue;
        }
        const struct arch_axis *axis =
            &oracle->plan->arch->units[leaf->unit].axis[leaf->axis_of[r]];
        bool is_shared = is_write ? axis->reduce == ARCH_REDUCE_CHAIN ||
                                        axis->reduce == ARCH_REDUCE_TREE
                                  : axis->is_multicast || axis->has_neighbours;
        copies *= is_shared ? 1 : hi[r] - lo[r];
    }
    return copies;
}

struct oracle_lanes {
    int64_t elements; /* read, or written */
    int64_t again;    /* of those written, for not the first time */
};

/* Follows the lanes of a leaf through all its steps; `read` NULL: what they
 * write. */
static inline struct oracle_lanes
oracle_count_lanes(const struct oracle *oracle, int leaf,
                   const struct einsum_access *read)
{
    const struct plan *plan = oracle->plan;
    const struct einsum_statement *s = oracle_statement(oracle, leaf);
    const struct einsum_access *access = read != NULL ? read : &s->output;
    struct oracle_time time = oracle_time_of_leaf(oracle, leaf);
    struct oracle_lanes lanes = {0};
    struct element_set *ever = NULL;
    for (guint i = 0; i < oracle->steps->len; i++) {
        const struct oracle_step *step =
            &g_array_index(oracle->steps, struct oracle_step, i);
        if (step->leaf != leaf) {
            continue;
        }
        struct element_set *before = NULL;
        for (int64_t now = 0; now < oracle_time_count(&time); now++) {
            struct oracle_step part = {.leaf = leaf};
            oracle_lanes_at(oracle, step, &time, now, part.lo, part.hi);
            struct element_set *set = oracle_take_box(oracle, &part, access);
            ever = ever == NULL ? element_set_of_size(set->size) : ever;
            if (!element_set_equal(set, before)) {
                int64_t copies = oracle_copies(oracle, step, access,
                                               read == NULL, part.lo, part.hi);
                lanes.elements += set->count * copies;
                lanes.again +=
                    element_set_common(set, ever) + set->count * (copies - 1);
                element_set_merge(ever, set);
            }
            element_set_free(before);
            before = set;
        }
        element_set_free(before);
    }
    element_set_free(ever);
    if (access->beyond_affine != 0) { /* different as long as there are any */
        lanes.again =
            MAX(lanes.elements -
                    plan->workload->tensors[access->tensor].element_count,
                0);
    }
    return lanes;
}

#endif
