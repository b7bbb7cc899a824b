/* What a mapping moves, by brute force: the tile steps of the walked schedule
 * are taken apart into the elements each of them reads and writes, and every
 * hold and every lane is followed element by element. No rule of mapping/flows.c
 * is used; what a hold, a stream, a lane does is taken from mapping/mapping.h:
 *
 *   hold    fetches the elements that are read below it and not computed there,
 *           all of them whenever they are others than before; passes results
 *           outwards before others take their place; fetches partial results
 *           back when it works on them again
 *   stream  fetches what a step needs anew for every step
 *   lanes   all at one point of their time loops ask for the elements of their
 *           points at once; one element goes to all lanes of an axis that
 *           multicasts; nothing is asked for again while the set stays the same
 *
 * Only for small shapes: every point is visited. Include after cmocka.h. */
#ifndef WEIR_TESTS_TRAFFIC_ORACLE_H
#define WEIR_TESTS_TRAFFIC_ORACLE_H

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

static inline struct element_set *element_set_new(const struct plan *plan,
                                                  int tensor)
{
    struct element_set *set = g_new0(struct element_set, 1);
    set->size = plan->workload->tensors[tensor].element_count;
    set->has = g_new0(unsigned char, (gsize)set->size);
    return set;
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

static inline void oracle_add_box(const struct oracle *oracle,
                                  const struct oracle_step *step,
                                  const struct einsum_access *access,
                                  struct element_set *set)
{
    const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step->lo, sizeof(point));
    do {
        element_set_add(set, oracle_element(oracle, s, access, point));
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

/* ---- holds -------------------------------------------------------------- */

struct oracle_moves {
    int64_t fill_events;
    int64_t fill_elements;
    int64_t refill_elements;
    int64_t drain_events;
    int64_t drain_elements;
};

/* The elements of each visit to a hold: read and not computed there; written. */
struct oracle_visits {
    int64_t count;
    struct element_set **needed;
    struct element_set **written;
};

static inline void oracle_visits_add(struct element_set **sets,
                                     const struct oracle *oracle, int64_t visit,
                                     const struct oracle_step *step,
                                     const struct einsum_access *access)
{
    if (sets[visit] == NULL) {
        sets[visit] = element_set_new(oracle->plan, access->tensor);
    }
    oracle_add_box(oracle, step, access, sets[visit]);
}

static inline void oracle_visits_record(const struct oracle *oracle, int hold,
                                        int tensor, struct oracle_visits *v)
{
    v->count = oracle_visit_count(oracle->plan, hold);
    v->needed = g_new0(struct element_set *, (gsize)v->count);
    v->written = g_new0(struct element_set *, (gsize)v->count);
    for (guint i = 0; i < oracle->steps->len; i++) {
        const struct oracle_step *step =
            &g_array_index(oracle->steps, struct oracle_step, i);
        if (!oracle_is_below(oracle->plan,
                             oracle->plan->leaves[step->leaf].node, hold)) {
            continue;
        }
        const struct einsum_statement *s = oracle_statement(oracle, step->leaf);
        int64_t visit = oracle_visit(oracle, hold, step);
        if (s->output.tensor == tensor) {
            oracle_visits_add(v->written, oracle, visit, step, &s->output);
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == tensor &&
                !oracle_is_forwarded(oracle, step->leaf, read)) {
                oracle_visits_add(v->needed, oracle, visit, step, read);
            }
        }
    }
    for (int64_t i = 0; i < v->count; i++) {
        if (v->needed[i] != NULL && v->written[i] != NULL) {
            element_set_remove(v->needed[i], v->written[i]);
        }
    }
}

static inline void oracle_visits_clear(struct oracle_visits *v)
{
    for (int64_t i = 0; i < v->count; i++) {
        element_set_free(v->needed[i]);
        element_set_free(v->written[i]);
    }
    g_free(v->needed);
    g_free(v->written);
}

/* A recurrence that runs from its first slice to its last inside one visit
 * starts from its constant there: nothing is fetched for it. */
static inline bool oracle_starts_inside(const struct oracle *oracle, int tensor,
                                        const struct element_set *written)
{
    const struct einsum_tensor *t = &oracle->plan->workload->tensors[tensor];
    if (t->iterative_dim < 0 || written == NULL) {
        return false;
    }
    int64_t inner = 1;
    for (int d = t->iterative_dim + 1; d < t->dim_count; d++) {
        inner *= t->extent[d];
    }
    int64_t slices = t->extent[t->iterative_dim];
    g_autofree bool *has = g_new0(bool, (gsize)slices);
    int64_t found = 0;
    for (int64_t i = 0; i < written->size; i++) {
        int64_t slice = i / inner % slices;
        if (written->has[i] != 0 && !has[slice]) {
            has[slice] = true;
            found++;
        }
    }
    return found == slices - 1;
}

static inline struct oracle_moves oracle_count_hold(const struct oracle *oracle,
                                                    int hold, int tensor)
{
    const struct plan *plan = oracle->plan;
    struct oracle_moves moves = {0};
    struct oracle_visits v;
    oracle_visits_record(oracle, hold, tensor, &v);
    struct element_set *ever = element_set_new(plan, tensor);
    const struct element_set *inside = NULL; /* fetched and still there */
    const struct element_set *open = NULL;   /* being computed */
    for (int64_t i = 0; i < v.count; i++) {
        const struct element_set *needed = v.needed[i];
        if (needed != NULL && needed->count > 0 &&
            !oracle_starts_inside(oracle, tensor, v.written[i])) {
            if (!element_set_equal(needed, inside)) {
                moves.fill_events++;
                moves.fill_elements += needed->count;
            }
            inside = needed;
        }
        const struct element_set *written = v.written[i];
        if (written != NULL && !element_set_equal(written, open)) {
            moves.drain_events++;
            moves.drain_elements += written->count;
            moves.refill_elements += element_set_common(written, ever);
            element_set_merge(ever, written);
            open = written;
        }
    }
    element_set_free(ever);
    oracle_visits_clear(&v);
    return moves;
}

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
    struct element_set *ever = element_set_new(plan, access->tensor);
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
            struct element_set *set = element_set_new(plan, access->tensor);
            oracle_add_box(oracle, &part, access, set);
            if (!element_set_equal(set, before)) {
                int64_t copies = oracle_copies(
                    oracle, step, access, read == NULL, part.lo, part.hi);
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
    return lanes;
}

/* ---- against the plan --------------------------------------------------- */

/* Totals of the plan's flows of one kind. `leaf` or `node` is -1: any. */
static inline int64_t oracle_planned(const struct plan *plan,
                                     enum flow_kind kind, int tensor, int leaf,
                                     int node, bool want_events)
{
    int64_t sum = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->kind == kind && flow->tensor == tensor &&
            (leaf < 0 || flow->leaf == leaf) && flow->node == node) {
            sum += want_events ? flow->events : flow->total;
        }
    }
    return sum;
}

/* Do different points read the same element through one index (I[q+s])? The
 * plan fetches every tile whole, and every footprint anew, even if the next one
 * happens to be the same or overlaps it: it then moves at least what is counted
 * here. */
static inline bool oracle_overlaps(const struct plan *plan, int tensor)
{
    const struct workload *w = plan->workload;
    for (int i = 0; i < w->statement_count; i++) {
        for (int r = 0; r < w->statements[i].read_count; r++) {
            const struct einsum_access *read =
                &w->statements[i].resolved_reads[r];
            for (int d = 0; read->tensor == tensor && d < read->dim_count;
                 d++) {
                int64_t points = 1;
                for (int k = 0; k < w->rank_count; k++) {
                    points *= read->index[d].coefficient[k] != 0
                                  ? w->rank[k].extent
                                  : 1;
                }
                if (points > w->tensors[tensor].extent[d]) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* What is planned must be what is counted. Returns it. */
static inline int64_t oracle_expect(const struct plan *plan, const char *what,
                                    int tensor, int line, int64_t planned,
                                    int64_t counted)
{
    bool is_good = planned == counted ||
                   (planned > counted && oracle_overlaps(plan, tensor));
    if (!is_good) {
        print_error("line %d, '%s', %s: planned %" G_GINT64_FORMAT
                    ", counted %" G_GINT64_FORMAT "\n",
                    line, plan->workload->tensors[tensor].name, what, planned,
                    counted);
    }
    assert_true(is_good);
    return planned;
}

/* Elements read from and written to each memory, all flows. */
struct oracle_memory {
    int64_t read;
    int64_t written;
};

static inline void oracle_check_lanes(const struct oracle *oracle, int leaf,
                                      struct oracle_memory *memories)
{
    const struct plan *plan = oracle->plan;
    const struct einsum_statement *s = oracle_statement(oracle, leaf);
    int node = plan->leaves[leaf].node;
    int line = plan->nodes[node].span.line;
    for (int r = 0; r < s->read_count; r++) {
        int tensor = s->resolved_reads[r].tensor;
        int64_t counted = 0;
        int hold = oracle_hold(plan, node, tensor, true);
        bool is_streamed = hold >= 0 && plan->nodes[hold].is_stream;
        if (is_streamed) {
            /* A stream in the very memory it comes from is that memory. */
            int keeper = oracle_hold(plan, hold, tensor, false);
            is_streamed =
                oracle_memory(plan, keeper) != plan->nodes[hold].memory;
            hold = is_streamed ? hold : keeper;
        }
        bool is_first = true;
        for (int k = 0; k < s->read_count; k++) {
            if (s->resolved_reads[k].tensor != tensor) {
                continue;
            }
            is_first &= k >= r;
            if (oracle_is_forwarded(oracle, leaf, &s->resolved_reads[k])) {
                continue;
            }
            counted += oracle_count_lanes(oracle, leaf, &s->resolved_reads[k])
                           .elements;
        }
        if (!is_first) {
            continue;
        }
        if (is_streamed) {
            counted = 0;
        }
        memories[oracle_memory(plan, hold)].read += oracle_expect(
            plan, "read by lanes", tensor, line,
            oracle_planned(plan, FLOW_READ, tensor, leaf, -1, false), counted);
    }
    struct oracle_lanes written = oracle_count_lanes(oracle, leaf, NULL);
    int tensor = s->output.tensor;
    (void)oracle_expect(
        plan, "written by lanes", tensor, line,
        oracle_planned(plan, FLOW_WRITE, tensor, leaf, -1, false),
        written.elements);
    (void)oracle_expect(
        plan, "partial results read back by lanes", tensor, line,
        oracle_planned(plan, FLOW_PARTIAL, tensor, leaf, -1, false),
        written.again);
    int keeper = oracle_memory(plan, oracle_hold(plan, node, tensor, false));
    memories[keeper].written += written.elements;
    memories[keeper].read += written.again;
}

/* What a stream fetches for the leaves that read from it directly. */
static inline int64_t oracle_count_stream(const struct oracle *oracle, int hold,
                                          int tensor)
{
    const struct plan *plan = oracle->plan;
    int64_t elements = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct einsum_statement *s = oracle_statement(oracle, l);
        if (oracle_hold(plan, plan->leaves[l].node, tensor, true) != hold) {
            continue;
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == tensor &&
                !oracle_is_forwarded(oracle, l, read)) {
                elements += oracle_count_lanes(oracle, l, read).elements;
            }
        }
    }
    return elements;
}

static inline void oracle_check_hold(const struct oracle *oracle, int hold,
                                     int tensor, struct oracle_memory *memories)
{
    const struct plan *plan = oracle->plan;
    const struct plan_node *node = &plan->nodes[hold];
    const struct einsum_tensor *t = &plan->workload->tensors[tensor];
    int keeper = oracle_hold(plan, hold, tensor, false);
    int outer = oracle_memory(plan, keeper);
    bool is_filled = (keeper >= 0 || t->producer < 0) && outer != node->memory;
    bool is_drained = (keeper >= 0 || t->kind == TENSOR_OUTPUT) &&
                      outer != node->memory && !node->is_stream;
    struct oracle_moves moves = {0};
    if (node->is_stream) {
        moves.fill_elements = oracle_count_stream(oracle, hold, tensor);
    } else {
        moves = oracle_count_hold(oracle, hold, tensor);
    }
    int64_t fill = is_filled ? moves.fill_elements : 0;
    int64_t drain = is_drained ? moves.drain_elements : 0;
    int64_t refill = is_drained ? moves.refill_elements : 0;
    int line = node->span.line;
    fill = oracle_expect(
        plan, "filled", tensor, line,
        oracle_planned(plan, FLOW_FILL, tensor, -1, hold, false), fill);
    (void)oracle_expect(
        plan, "drained", tensor, line,
        oracle_planned(plan, FLOW_DRAIN, tensor, -1, hold, false), drain);
    (void)oracle_expect(
        plan, "refilled", tensor, line,
        oracle_planned(plan, FLOW_REFILL, tensor, -1, hold, false), refill);
    if (!node->is_stream) {
        (void)oracle_expect(
            plan, "fills", tensor, line,
            oracle_planned(plan, FLOW_FILL, tensor, -1, hold, true),
            is_filled ? moves.fill_events : 0);
        (void)oracle_expect(
            plan, "drains", tensor, line,
            oracle_planned(plan, FLOW_DRAIN, tensor, -1, hold, true),
            is_drained ? moves.drain_events : 0);
    }
    memories[outer].read += fill + refill;
    memories[outer].written += drain;
    if (!node->is_stream) {
        memories[node->memory].written += fill + refill;
        memories[node->memory].read += drain;
    }
}

/* All flows of the plan against the count. `memories` (by memory id, zeroed by
 * the caller) become the elements that pass each memory's port; spilling left
 * out. */
static inline void oracle_check_plan(const struct plan *plan,
                                     struct oracle_memory *memories)
{
    struct oracle oracle;
    oracle_init(&oracle, plan);
    oracle_check_coverage(&oracle);
    for (int l = 0; l < plan->leaf_count; l++) {
        oracle_check_lanes(&oracle, l, memories);
    }
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            oracle_check_hold(&oracle, n, node->held[i], memories);
        }
    }
    oracle_clear(&oracle);
}

#endif
