/* The schedule of a plan, recorded step by step, sets of elements, and the proof
 * that every point is computed exactly once: what the oracles of traffic stand on.
 * Include after cmocka.h. */
#ifndef WEIR_TESTS_SCHEDULE_ORACLE_H
#define WEIR_TESTS_SCHEDULE_ORACLE_H

#include <string.h>

#include "mapping/mapping.h"
#include "mapping/tree.h"

/* ---- the schedule, recorded --------------------------------------------- */

struct oracle_step {
    int leaf;
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
};

struct oracle {
    const struct plan *plan;
    GArray *steps; /* struct oracle_step, in the order of the schedule */
};

static inline void oracle_init(struct oracle *oracle, const struct plan *plan)
{
    oracle->plan = plan;
    oracle->steps = g_array_new(FALSE, TRUE, sizeof(struct oracle_step));
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    while (walk_next(walk, &event)) {
        if (event.kind == WALK_COMPUTE) {
            struct oracle_step step = {.leaf = event.leaf};
            memcpy(step.lo, event.lo, sizeof(step.lo));
            memcpy(step.hi, event.hi, sizeof(step.hi));
            g_array_append_val(oracle->steps, step);
        }
    }
}

static inline void oracle_clear(struct oracle *oracle)
{
    g_array_unref(oracle->steps);
}

static inline const struct einsum_statement *
oracle_statement(const struct oracle *oracle, int leaf)
{
    return &oracle->plan->workload
                ->statements[oracle->plan->leaves[leaf].statement];
}

/* ---- sets of elements --------------------------------------------------- */

/* One byte an element: membership. */
struct element_set {
    int64_t size;
    int64_t count;
    unsigned char *has;
};

static inline struct element_set *element_set_of_size(int64_t size)
{
    struct element_set *set = g_new0(struct element_set, 1);
    set->size = size;
    set->has = g_new0(unsigned char, (gsize)size);
    return set;
}

static inline struct element_set *element_set_new(const struct plan *plan,
                                                  int tensor)
{
    return element_set_of_size(plan->workload->tensors[tensor].element_count);
}

static inline void element_set_free(struct element_set *set)
{
    if (set != NULL) {
        g_free(set->has);
        g_free(set);
    }
}

static inline void element_set_add(struct element_set *set, int64_t element)
{
    set->count += set->has[element] == 0;
    set->has[element] = 1;
}

static inline bool element_set_equal(const struct element_set *a,
                                     const struct element_set *b)
{
    return a != NULL && b != NULL && a->count == b->count &&
           memcmp(a->has, b->has, (size_t)a->size) == 0;
}

static inline void element_set_merge(struct element_set *into,
                                     const struct element_set *from)
{
    for (int64_t i = 0; i < from->size; i++) {
        if (from->has[i] != 0) {
            element_set_add(into, i);
        }
    }
}

static inline void element_set_remove(struct element_set *from,
                                      const struct element_set *what)
{
    for (int64_t i = 0; i < from->size; i++) {
        if (from->has[i] != 0 && what->has[i] != 0) {
            from->has[i] = 0;
            from->count--;
        }
    }
}

/* Adds what is in both. */
static inline void element_set_keep(struct element_set *into,
                                    const struct element_set *a,
                                    const struct element_set *b)
{
    for (int64_t i = 0; i < a->size; i++) {
        if (a->has[i] != 0 && b->has[i] != 0) {
            element_set_add(into, i);
        }
    }
}

static inline int64_t element_set_common(const struct element_set *a,
                                         const struct element_set *b)
{
    int64_t common = 0;
    for (int64_t i = 0; i < a->size; i++) {
        common += a->has[i] != 0 && b->has[i] != 0;
    }
    return common;
}

/* Row-major number of the element that `access` names at a point (by position
 * in the statement's ranks). */
static inline int64_t oracle_element(const struct oracle *oracle,
                                     const struct einsum_statement *s,
                                     const struct einsum_access *access,
                                     const int64_t *point)
{
    const struct einsum_tensor *t =
        &oracle->plan->workload->tensors[access->tensor];
    int64_t element = 0;
    for (int d = 0; d < access->dim_count; d++) {
        int64_t index = access->index[d].constant;
        for (int r = 0; r < s->rank_count; r++) {
            index += access->index[d].coefficient[s->rank[r]] * point[r];
        }
        assert_in_range(index, 0, t->extent[d] - 1);
        element = element * t->extent[d] + index;
    }
    return element;
}

/* Next point of the box, last position fastest; false after the last one. */
static inline bool oracle_next_point(const struct einsum_statement *s,
                                     const int64_t *lo, const int64_t *hi,
                                     int64_t *point)
{
    for (int r = s->rank_count; r-- > 0;) {
        if (++point[r] < hi[r]) {
            return true;
        }
        point[r] = lo[r];
    }
    return false;
}

/* Is the rank one of those that the statement's points have? */
static inline bool oracle_has_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return true;
        }
    }
    return false;
}

/* Adds the element, and those that ranks beyond the statement's points name: all
 * of a dimension where data decides, all results of a selection. */
static inline void oracle_add_all(const struct oracle *oracle,
                                  const struct einsum_statement *s,
                                  const struct einsum_access *access, int rank,
                                  int64_t element, struct element_set *set)
{
    const struct workload *workload = oracle->plan->workload;
    const struct einsum_tensor *t = &workload->tensors[access->tensor];
    int64_t stride = 0;
    for (; rank < workload->rank_count && stride == 0; rank++) {
        int64_t inside = 1;
        for (int d = access->dim_count; d-- > 0;) {
            stride += oracle_has_rank(s, rank)
                          ? 0
                          : access->index[d].coefficient[rank] * inside;
            inside *= t->extent[d];
        }
    }
    if (stride == 0) {
        element_set_add(set, element);
        return;
    }
    for (int64_t i = 0; i < workload->rank[rank - 1].extent; i++) {
        oracle_add_all(oracle, s, access, rank, element + i * stride, set);
    }
}

static inline void oracle_add_box(const struct oracle *oracle,
                                  const struct oracle_step *step,
                                  const struct einsum_access *access,
                                  struct element_set *set)
{
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step->lo, sizeof(point));
    do {
        oracle_add_all(oracle, s, access, 0,
                       oracle_element(oracle, s, access, point), set);
    } while (oracle_next_point(s, step->lo, step->hi, point));
}

/* ---- the tree ----------------------------------------------------------- */

static inline bool oracle_is_below(const struct plan *plan, int node, int above)
{
    while (node >= 0 && node != above) {
        node = plan->nodes[node].parent;
    }
    return node >= 0;
}

/* The nearest hold of the tensor above `node`; streams keep nothing and can be
 * passed over. -1: none. */
static inline int oracle_hold(const struct plan *plan, int node, int tensor,
                              bool can_be_stream)
{
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        const struct plan_node *p = &plan->nodes[n];
        for (int i = 0; p->kind == PLAN_HOLD && i < p->held_count; i++) {
            if (p->held[i] == tensor && (can_be_stream || !p->is_stream)) {
                return n;
            }
        }
    }
    return -1;
}

static inline int oracle_memory(const struct plan *plan, int hold)
{
    return hold < 0 ? 0 : plan->nodes[hold].memory;
}

/* Is the operand handed over inside the lane (`compute: [SN, SD]`)? It is if an
 * Einsum computed together writes these very elements at the same points. */
static inline bool oracle_is_forwarded(const struct oracle *oracle, int leaf,
                                       const struct einsum_access *read)
{
    const struct plan *plan = oracle->plan;
    for (int f = plan->leaves[leaf].forward_from; f >= 0 && f < leaf; f++) {
        const struct einsum_access *written =
            &oracle_statement(oracle, f)->output;
        if (written->tensor == read->tensor) {
            return memcmp(written->index, read->index,
                          sizeof(read->index[0]) * (size_t)read->dim_count) ==
                   0;
        }
    }
    return false;
}

/* Iterations of the loops above a node, as one number. */
static inline int64_t oracle_visit_count(const struct plan *plan, int node)
{
    int64_t count = 1;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_LOOP) {
            count *= plan->nodes[n].trips;
        }
    }
    return count;
}

/* Which of those a step belongs to. Loops over ranks that the Einsum lacks are
 * in their last iteration (`at`). */
static inline int64_t oracle_visit(const struct oracle *oracle, int node,
                                   const struct oracle_step *step)
{
    const struct plan *plan = oracle->plan;
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    int64_t visit = 0;
    int64_t weight = 1;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        const struct plan_node *loop = &plan->nodes[n];
        if (loop->kind != PLAN_LOOP) {
            continue;
        }
        int64_t index = loop->trips - 1;
        for (int r = 0; r < s->rank_count; r++) {
            if (s->rank[r] == loop->rank) {
                index = step->lo[r] / loop->tile % loop->trips;
            }
        }
        visit += index * weight;
        weight *= loop->trips;
    }
    return visit;
}

/* ---- coverage ----------------------------------------------------------- */

/* Every point of every Einsum in exactly one box. */
static inline void oracle_check_coverage(const struct oracle *oracle)
{
    const struct plan *plan = oracle->plan;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(oracle, l);
        g_autofree unsigned char *seen =
            g_new0(unsigned char, (gsize)s->point_count);
        int64_t points = 0;
        for (guint i = 0; i < oracle->steps->len; i++) {
            const struct oracle_step *step =
                &g_array_index(oracle->steps, struct oracle_step, i);
            if (step->leaf != l) {
                continue;
            }
            int64_t point[EINSUM_MAX_RANKS];
            memcpy(point, step->lo, sizeof(point));
            do {
                int64_t id = 0;
                for (int r = 0; r < s->rank_count; r++) {
                    int64_t extent = plan->workload->rank[s->rank[r]].extent;
                    assert_in_range(point[r], 0, extent - 1);
                    id = id * extent + point[r];
                }
                assert_int_equal(seen[id], 0);
                seen[id] = 1;
                points++;
            } while (oracle_next_point(s, step->lo, step->hi, point));
        }
        assert_int_equal(points, s->point_count);
    }
}

#endif
