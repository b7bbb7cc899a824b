/* The distinct elements that one access meets at the points that exist.
 *
 * Dimensions whose indices share a rank, or ranks that a condition joins, form a
 * group; groups are independent, so their counts multiply. Of a group
 *
 *   - ranks that are in no index are projected out: with comparisons in which
 *     such a rank stands by itself, every lower bound must not exceed any upper
 *     bound (Fourier-Motzkin, exact for integers with unit coefficients);
 *   - if the indices tell all their ranks' values apart, the elements are the
 *     points of what is left, counted in closed form;
 *   - one affine index without conditions is a sum of progressions;
 *   - else each value of the ranks in the indices is looked at, up to a limit. */
#include "einsum/used_elements.h"

#include <string.h>

#define ENUMERATION_LIMIT ((int64_t)1 << 19)
#define CONSTRAINTS_MAX   64

/* ---- one affine index ---------------------------------------------------- */

/* Distinct values of one index. It starts as a single value; each rank, in
 * order of rising |coefficient|, lays shifted copies beside what there is. */
struct value_set {
    int64_t count;
    int64_t span;  /* largest minus smallest */
    int64_t pitch; /* values are `pitch` apart without gaps, or 0 */
    bool is_exact; /* else a lower bound */
};

static void add_copies(struct value_set *set, int64_t shift, int64_t copies)
{
    bool is_apart = shift > set->span;
    if (set->count == 1) {
        set->pitch = shift;
        set->count = copies;
    } else if (set->pitch > 0 && shift % set->pitch == 0 &&
               shift <= set->span + set->pitch) {
        set->count += shift / set->pitch * (copies - 1);
    } else {
        /* At least |A| + |B| - 1 values when copies overlap. */
        set->count = is_apart ? set->count * copies : set->count + copies - 1;
        set->is_exact = set->is_exact && is_apart;
        set->pitch = 0;
    }
    set->span += shift * (copies - 1);
}

static int64_t next_shift(const struct affine *index, int64_t above, int *rank,
                          int after_rank)
{
    int64_t best = INT64_MAX;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t size = ABS(index->coefficient[r]);
        bool is_next = size > above || (size == above && r > after_rank);
        if (size > 0 && is_next && size < best) {
            best = size;
            *rank = r;
        }
    }
    return best;
}

static struct value_set count_values(const struct workload *workload,
                                     const struct affine *index)
{
    struct value_set set = {1, 0, 0, true};
    int rank = -1;
    int64_t shift = 0;
    while ((shift = next_shift(index, shift, &rank, rank)) != INT64_MAX) {
        if (workload->rank[rank].extent > 1) {
            add_copies(&set, shift, workload->rank[rank].extent);
        }
    }
    return set;
}

/* ---- groups -------------------------------------------------------------- */

struct group {
    const struct used_access *access;
    guint32 ranks;
    unsigned dims;
    guint32 index_ranks; /* those in indices of the group */
    struct einsum_extension part;
};

/* None where data says: such a dimension is counted apart. */
static guint32 dim_ranks(const struct used_access *access, int dim)
{
    const struct affine *affine = used_affine(access, dim);
    guint32 ranks = 0;
    if (affine == NULL) {
        return used_has_data(access, dim) ? 0
                                          : access->bound->index[dim]->ranks;
    }
    for (int r = 0; r < access->workload->rank_count; r++) {
        ranks |= affine->coefficient[r] != 0 ? (guint32)1 << r : 0;
    }
    return ranks;
}

/* Everything that shares a rank with what is in the group joins it. */
static void close_group(struct group *group)
{
    const struct used_access *access = group->access;
    guint32 before = 0;
    while (before != group->ranks) {
        before = group->ranks;
        for (int d = 0; d < access->access->dim_count; d++) {
            guint32 ranks = dim_ranks(access, d);
            group->ranks |= (ranks & group->ranks) != 0 ? ranks : 0;
        }
        for (int i = 0; i < access->part->condition_count; i++) {
            guint32 ranks = access->part->condition[i]->ranks;
            group->ranks |= (ranks & group->ranks) != 0 ? ranks : 0;
        }
    }
}

static void fill_group(struct group *group)
{
    const struct used_access *access = group->access;
    close_group(group);
    for (int d = 0; d < access->access->dim_count; d++) {
        guint32 ranks = dim_ranks(access, d);
        if ((ranks & group->ranks) != 0) {
            group->dims |= 1U << d;
            group->index_ranks |= ranks;
        }
    }
    for (int i = 0; i < access->part->condition_count; i++) {
        struct condition *condition = access->part->condition[i];
        if ((condition->ranks & group->ranks) != 0) {
            group->part.condition[group->part.condition_count++] = condition;
        }
    }
}

static int list_ranks(guint32 bits, int *ranks)
{
    int count = 0;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if ((bits >> r & 1U) != 0) {
            ranks[count++] = r;
        }
    }
    return count;
}

/* ---- projection ---------------------------------------------------------- */

/* affine <= 0, each */
struct constraints {
    int count;
    struct affine affine[CONSTRAINTS_MAX];
};

static bool add_constraint(struct constraints *constraints,
                           const struct affine *affine)
{
    for (int i = 0; i < constraints->count; i++) {
        if (affine_is_equal(&constraints->affine[i], affine)) {
            return true;
        }
    }
    if (constraints->count == CONSTRAINTS_MAX) {
        return false;
    }
    constraints->affine[constraints->count++] = *affine;
    return true;
}

static bool add_conditions(const struct group *group,
                           struct constraints *constraints)
{
    for (int i = 0; i < group->part.condition_count; i++) {
        const struct condition *condition = group->part.condition[i];
        struct affine negative;
        if (condition->kind != CONDITION_INDEX ||
            !condition->index->is_affine ||
            condition->relation == EINSUM_NOT_EQUAL ||
            !add_constraint(constraints, &condition->index->affine)) {
            return false;
        }
        if (condition->relation == EINSUM_EQUAL &&
            (!affine_scale(&condition->index->affine, -1, &negative) ||
             !add_constraint(constraints, &negative))) {
            return false;
        }
    }
    return true;
}

/* -r <= 0 and r - (extent - 1) <= 0 */
static bool add_extent(const struct workload *workload, int rank,
                       struct constraints *constraints)
{
    struct affine low = {0};
    struct affine high = affine_rank(rank);
    low.coefficient[rank] = -1;
    high.constant = 1 - workload->rank[rank].extent;
    return add_constraint(constraints, &low) &&
           add_constraint(constraints, &high);
}

static bool eliminate(const struct workload *workload, int rank,
                      struct constraints *constraints)
{
    struct constraints old = *constraints;
    if (!add_extent(workload, rank, &old)) {
        return false;
    }
    constraints->count = 0;
    for (int i = 0; i < old.count; i++) {
        int64_t factor = old.affine[i].coefficient[rank];
        if (ABS(factor) > 1 ||
            (factor == 0 && !add_constraint(constraints, &old.affine[i]))) {
            return false;
        }
        for (int j = 0; j < old.count && factor > 0; j++) {
            struct affine sum;
            if (old.affine[j].coefficient[rank] == -1 &&
                (!affine_add(&old.affine[i], &old.affine[j], &sum) ||
                 !add_constraint(constraints, &sum))) {
                return false;
            }
        }
    }
    return true;
}

/* The indices tell the values of all their ranks apart. */
static bool is_injective(const struct group *group)
{
    const struct used_access *access = group->access;
    guint32 seen = 0;
    for (int d = 0; d < access->access->dim_count; d++) {
        const struct affine *affine = used_affine(access, d);
        guint32 ranks = dim_ranks(access, d);
        if ((group->dims >> d & 1U) == 0) {
            continue;
        }
        if (affine == NULL || (seen & ranks) != 0) {
            return false;
        }
        int64_t reach = 0;
        int64_t shift = 0;
        int rank = -1;
        seen |= ranks;
        while ((shift = next_shift(affine, shift, &rank, rank)) != INT64_MAX) {
            if (shift <= reach) {
                return false;
            }
            reach += shift * (access->workload->rank[rank].extent - 1);
        }
    }
    return true;
}

static bool count_projected(const struct group *group, int64_t *count)
{
    const struct workload *workload = group->access->workload;
    struct constraints constraints = {0};
    struct condition conditions[CONSTRAINTS_MAX];
    struct index_node nodes[CONSTRAINTS_MAX];
    struct einsum_extension part = {0};
    int ranks[EINSUM_MAX_RANKS];
    if (!is_injective(group) || !add_conditions(group, &constraints)) {
        return false;
    }
    for (int r = 0; r < workload->rank_count; r++) {
        if (((group->ranks & ~group->index_ranks) >> r & 1U) != 0 &&
            !eliminate(workload, r, &constraints)) {
            return false;
        }
    }
    for (int i = 0; i < constraints.count; i++) {
        nodes[i] = (struct index_node){.is_affine = true,
                                       .affine = constraints.affine[i]};
        for (int r = 0; r < workload->rank_count; r++) {
            nodes[i].ranks |=
                constraints.affine[i].coefficient[r] != 0 ? (guint32)1 << r : 0;
        }
        conditions[i] = (struct condition){.kind = CONDITION_INDEX,
                                           .relation = EINSUM_LESS_EQUAL,
                                           .index = &nodes[i],
                                           .ranks = nodes[i].ranks};
        part.condition[part.condition_count++] = &conditions[i];
    }
    return conditions_count(workload, &part, ranks,
                            list_ranks(group->index_ranks, ranks), count) == OK;
}

/* ---- looking at each ----------------------------------------------------- */

struct used_walk {
    const struct used_access *access;
    const struct einsum_extension *part;
    unsigned dims;
    int count;       /* of ranks */
    int index_count; /* the first of them are those in indices */
    int rank[EINSUM_MAX_RANKS];
    guint32 fixed; /* ranks of which only the value 0 is looked at */
    guint64 conditions[EINSUM_MAX_RANKS];
    struct point point;
    used_visitor visit;
    void *data;
};

static bool holds_at(struct used_walk *walk, int k)
{
    for (int i = 0; i < walk->part->condition_count; i++) {
        if ((walk->conditions[k] >> i & 1U) != 0 &&
            !condition_holds(walk->part->condition[i], &walk->point)) {
            return false;
        }
    }
    return true;
}

/* Row-major over the dimensions of the walk; -1 outside of zero(..). */
static int64_t find_element(struct used_walk *walk)
{
    const struct used_access *access = walk->access;
    const struct einsum_tensor *tensor =
        &access->workload->tensors[access->access->tensor];
    int64_t element = 0;
    for (int d = 0; d < access->access->dim_count; d++) {
        if ((walk->dims >> d & 1U) == 0) {
            continue;
        }
        int64_t index = used_index(access, d, &walk->point);
        if (index < 0 || index >= tensor->extent[d]) {
            return -1;
        }
        element = element * tensor->extent[d] + index;
    }
    return element;
}

/* True once some point of the ranks from k on exists: those behind the ranks of
 * the indices only have to. */
static bool walk_level(struct used_walk *walk, int k)
{
    struct ranges ranges;
    bool exists = false;
    if (k == walk->count) {
        return true;
    }
    bool is_fixed = (walk->fixed >> walk->rank[k] & 1U) != 0;
    int64_t extent = walk->access->workload->rank[walk->rank[k]].extent;
    conditions_solve(walk->part, walk->conditions[k], walk->rank[k], 0,
                     is_fixed ? 0 : extent - 1, &walk->point, &ranges);
    for (int i = 0; i < ranges.count; i++) {
        for (int64_t at = ranges.low[i]; at <= ranges.high[i]; at++) {
            walk->point.index[walk->rank[k]] = at;
            if ((!ranges.is_exact && !holds_at(walk, k)) ||
                !walk_level(walk, k + 1)) {
                continue;
            }
            exists = true;
            if (k >= walk->index_count) {
                return true;
            }
            if (k == walk->index_count - 1) {
                walk->visit(find_element(walk), walk->data);
            }
        }
    }
    return exists;
}

static void walk_elements(const struct used_access *access,
                          const struct einsum_extension *part, unsigned dims,
                          guint32 index_ranks, guint32 ranks, guint32 fixed,
                          used_visitor visit, void *data)
{
    struct used_walk walk = {
        .fixed = fixed,
        .access = access,
        .part = part,
        .dims = dims,
        .point = {.workload = access->workload},
        .visit = visit,
        .data = data,
    };
    walk.index_count = list_ranks(index_ranks, walk.rank);
    walk.count = walk.index_count +
                 list_ranks(ranks & ~index_ranks, walk.rank + walk.index_count);
    conditions_place(part, walk.rank, walk.count, walk.conditions);
    if (walk_level(&walk, 0) && walk.index_count == 0) {
        visit(find_element(&walk), data);
    }
}

static bool is_enumerable(const struct workload *workload, guint32 ranks,
                          int64_t *points)
{
    *points = 1;
    for (int r = 0; r < workload->rank_count; r++) {
        if ((ranks >> r & 1U) != 0 &&
            !num_mul(*points, workload->rank[r].extent, points)) {
            *points = INT64_MAX;
            return false;
        }
    }
    return *points <= ENUMERATION_LIMIT;
}

struct bitmap {
    guint8 *bits;
    int64_t count;
};

static void mark(int64_t element, void *data)
{
    struct bitmap *bitmap = data;
    if (element < 0) {
        return;
    }
    guint8 bit = (guint8)(1U << (element & 7));
    bitmap->count += (bitmap->bits[element >> 3] & bit) == 0 ? 1 : 0;
    bitmap->bits[element >> 3] |= bit;
}

/* The number of elements along the group's dimensions. */
static int64_t count_box(const struct group *group)
{
    const struct used_access *access = group->access;
    int64_t box = 1; /* at most the tensor's elements */
    for (int d = 0; d < access->access->dim_count; d++) {
        if ((group->dims >> d & 1U) != 0) {
            box *= access->workload->tensors[access->access->tensor].extent[d];
        }
    }
    return box;
}

/* The shortest ranks, at 0 only, until the others are few enough. */
static guint32 fix_ranks(const struct group *group)
{
    const struct workload *workload = group->access->workload;
    guint32 fixed = 0;
    int64_t points = 0;
    while (!is_enumerable(workload, group->index_ranks & ~fixed, &points)) {
        int shortest = -1;
        for (int r = 0; r < workload->rank_count; r++) {
            bool is_candidate = ((group->index_ranks & ~fixed) >> r & 1U) != 0;
            if (is_candidate &&
                (shortest < 0 ||
                 workload->rank[r].extent < workload->rank[shortest].extent)) {
                shortest = r;
            }
        }
        fixed |= (guint32)1 << shortest;
    }
    return fixed;
}

/* `is_all`: no rank had to be fixed; else some of the elements. */
static bool count_enumerated(const struct group *group, int64_t *count,
                             bool *is_all)
{
    int64_t box = count_box(group);
    guint32 fixed = fix_ranks(group);
    *is_all = fixed == 0;
    if (box > 128 * ENUMERATION_LIMIT) {
        return false;
    }
    g_autofree guint8 *bits = g_malloc0((gsize)(box / 8 + 1));
    struct bitmap bitmap = {bits, 0};
    walk_elements(group->access, &group->part, group->dims, group->index_ranks,
                  group->ranks, fixed, mark, &bitmap);
    *count = bitmap.count;
    return true;
}

/* ---- a group, an access -------------------------------------------------- */

static struct used_range count_group(const struct group *group)
{
    const struct used_access *access = group->access;
    int64_t points = 0;
    int64_t box = count_box(group);
    int64_t count = 0;
    const struct affine *only = NULL;
    for (int d = 0; d < access->access->dim_count; d++) {
        bool is_alone = group->dims == 1U << d;
        only = is_alone ? used_affine(access, d) : only;
    }
    if (count_projected(group, &count)) {
        return (struct used_range){count, count};
    }
    struct value_set set = {0, 0, 0, false};
    if (only != NULL && group->part.condition_count == 0) {
        set = count_values(access->workload, only);
    }
    if (set.is_exact) {
        return (struct used_range){set.count, set.count};
    }
    bool is_all = false;
    if (count_enumerated(group, &count, &is_all) && (is_all || count == box)) {
        return (struct used_range){count, count};
    }
    (void)is_enumerable(access->workload, group->index_ranks, &points);
    return (struct used_range){MAX(set.count, count), MIN(points, box)};
}

/* A dimension without ranks: one element, or, if data says which, some. */
static struct used_range count_rankless(const struct used_access *access,
                                        int dim)
{
    int64_t extent =
        access->workload->tensors[access->access->tensor].extent[dim];
    return (struct used_range){1, used_has_data(access, dim) ? extent : 1};
}

/* Data may send all points of its ranks to the same place. */
static struct used_range count_data(const struct used_access *access, int dim)
{
    struct used_range range = count_rankless(access, dim);
    int64_t points = 0;
    guint32 ranks =
        access->bound == NULL ? 0 : access->bound->index[dim]->ranks;
    if (access->bound != NULL &&
        is_enumerable(access->workload, ranks, &points)) {
        range.most = MIN(range.most, points);
    }
    return range;
}

static void multiply(struct used_range *product, struct used_range factor)
{
    if (!num_mul(product->least, factor.least, &product->least)) {
        product->least = 0;
    }
    if (!num_mul(product->most, factor.most, &product->most)) {
        product->most = INT64_MAX;
    }
}

struct used_range used_count(const struct used_access *access)
{
    struct used_range range = {1, 1};
    guint32 done = 0;
    guint32 named = 0;
    int64_t elements =
        access->workload->tensors[access->access->tensor].element_count;
    struct einsum_extension none = {0};
    struct used_access loose = *access;
    bool has_data = false;
    for (int d = 0; d < access->access->dim_count; d++) {
        has_data = has_data || used_has_data(access, d);
    }
    for (int i = 0; i < access->part->condition_count; i++) {
        named |= access->part->condition[i]->ranks;
    }
    loose.part = has_data ? &none : access->part;
    for (int d = 0; d < access->access->dim_count; d++) {
        guint32 ranks = dim_ranks(access, d);
        if (used_has_data(access, d)) {
            multiply(&range, count_data(access, d));
        } else if (ranks == 0) {
            multiply(&range, count_rankless(access, d));
        } else if ((ranks & done) == 0) {
            struct group group = {.access = &loose, .ranks = ranks};
            fill_group(&group);
            multiply(&range, count_group(&group));
            done |= group.ranks;
        }
    }
    if ((named & ~done) != 0 || (has_data && named != 0) ||
        access->has_data_condition) {
        /* Nobody knows whether any point is left. */
        int64_t points = 0;
        int ranks[EINSUM_MAX_RANKS];
        bool is_static = !has_data && !access->has_data_condition;
        if (!is_static ||
            conditions_count(access->workload, access->part, ranks,
                             list_ranks(named, ranks), &points) != OK ||
            points == 0) {
            range.least = 0;
            range.most = is_static ? 0 : range.most;
        }
    }
    range.most = MIN(range.most, elements);
    range.least = MIN(range.least, range.most);
    return range;
}

bool used_mark(const struct used_access *access, bool is_certain,
               int64_t *budget, used_visitor visit, void *data)
{
    guint32 index_ranks = 0;
    guint32 ranks = 0;
    int64_t points = 0;
    for (int d = 0; d < access->access->dim_count; d++) {
        if (used_has_data(access, d)) {
            return is_certain;
        }
        index_ranks |= dim_ranks(access, d);
    }
    for (int i = 0; i < access->part->condition_count; i++) {
        ranks |= access->part->condition[i]->ranks;
    }
    if (access->has_data_condition && is_certain) {
        return true;
    }
    if (!is_enumerable(access->workload, index_ranks, &points) ||
        points > *budget) {
        return false;
    }
    *budget -= points;
    walk_elements(access, access->part, ~0U, index_ranks, ranks | index_ranks,
                  0, visit, data);
    return true;
}

/* ---- indices ------------------------------------------------------------- */

const struct affine *used_affine(const struct used_access *access, int dim)
{
    return (access->access->beyond_affine >> dim & 1U) == 0
               ? &access->access->index[dim]
               : NULL;
}

bool used_has_data(const struct used_access *access, int dim)
{
    return used_affine(access, dim) == NULL &&
           (access->bound == NULL || access->bound->index[dim]->has_data);
}

int64_t used_index(const struct used_access *access, int dim,
                   struct point *point)
{
    const struct affine *affine = used_affine(access, dim);
    int64_t extent =
        access->workload->tensors[access->access->tensor].extent[dim];
    int64_t index = 0;
    if (affine != NULL) {
        index = affine->constant;
        for (int r = 0; r < access->workload->rank_count; r++) {
            index += affine->coefficient[r] * point->index[r];
        }
        return index;
    }
    if (access->bound == NULL) {
        BUG("an index that is not known");
    }
    index = index_value(access->bound->index[dim], point);
    switch (access->bound->mode[dim]) {
    case MODE_CLAMP:
        return CLAMP(index, 0, extent - 1);
    case MODE_WRAP:
        return index - extent * floor_div(index, extent);
    case MODE_ZERO:
    case MODE_NONE:
        break;
    }
    return index;
}
