/* For which values of one rank conditions hold, the other ranks being fixed.
 *
 * A comparison with 0 asks for the tree's value to lie in an interval. Where
 * only one operand of an operation depends on the rank, the interval is carried
 * to that operand: x + c in [l,h] is x in [l-c,h-c], floor(x/c) in [l,h] is x
 * in [lc, hc+c-1], |x| in [l,h] is the union of two, and so on down to an
 * affine form, which gives the values of the rank themselves. So windows,
 * blocks (p/W == m/W) and halves of squares are intervals, and && and || are
 * intersections and unions of them. Where that does not work (x mod c, both
 * operands depend on the rank) all values remain and each has to be tested. */
#include "einsum/extension.h"

#include <math.h>

static struct ranges none(void)
{
    return (struct ranges){.is_exact = true};
}

static struct ranges all(int64_t low, int64_t high, bool is_exact)
{
    struct ranges ranges = {.count = low <= high ? 1 : 0, .is_exact = is_exact};
    ranges.low[0] = low;
    ranges.high[0] = high;
    return ranges;
}

static struct ranges intersect(const struct ranges *a, const struct ranges *b)
{
    struct ranges result = {.is_exact = a->is_exact && b->is_exact};
    int i = 0;
    int j = 0;
    while (i < a->count && j < b->count) {
        int64_t low = MAX(a->low[i], b->low[j]);
        int64_t high = MIN(a->high[i], b->high[j]);
        if (low <= high && result.count == RANGES_MAX) {
            result.high[RANGES_MAX - 1] = high; /* takes the gap in */
            result.is_exact = false;
        } else if (low <= high) {
            result.low[result.count] = low;
            result.high[result.count++] = high;
        }
        if (a->high[i] < b->high[j]) {
            i++;
        } else {
            j++;
        }
    }
    return result;
}

static void append(struct ranges *ranges, int64_t low, int64_t high)
{
    int last = ranges->count - 1;
    bool is_full = ranges->count == RANGES_MAX;
    if (last >= 0 && (low <= ranges->high[last] + 1 || is_full)) {
        ranges->is_exact = ranges->is_exact && low <= ranges->high[last] + 1;
        ranges->high[last] = MAX(ranges->high[last], high);
        return;
    }
    ranges->low[ranges->count] = low;
    ranges->high[ranges->count++] = high;
}

static struct ranges unite(const struct ranges *a, const struct ranges *b)
{
    struct ranges result = {.is_exact = a->is_exact && b->is_exact};
    int i = 0;
    int j = 0;
    while (i < a->count || j < b->count) {
        bool is_first =
            j == b->count || (i < a->count && a->low[i] <= b->low[j]);
        if (is_first) {
            append(&result, a->low[i], a->high[i]);
            i++;
        } else {
            append(&result, b->low[j], b->high[j]);
            j++;
        }
    }
    return result;
}

struct solver {
    struct point *point;
    int rank;
    int64_t low; /* all values of the rank */
    int64_t high;
};

static bool depends(const struct solver *solver, const struct index_node *node)
{
    return (node->ranks >> solver->rank & 1) != 0;
}

static struct ranges solve(const struct solver *solver,
                           const struct index_node *node, int64_t low,
                           int64_t high);

static int64_t limited(int64_t value)
{
    return CLAMP(value, -INDEX_LIMIT, INDEX_LIMIT);
}

/* coefficient * rank + rest in [low, high] */
static struct ranges solve_affine(const struct solver *solver,
                                  const struct index_node *node, int64_t low,
                                  int64_t high)
{
    int64_t factor = node->affine.coefficient[solver->rank];
    int64_t *index = &solver->point->index[solver->rank];
    int64_t kept = *index;
    *index = 0;
    int64_t rest = index_value(node, solver->point);
    *index = kept;
    int64_t least = low <= -INDEX_LIMIT ? -INDEX_LIMIT : low - rest;
    int64_t most = high >= INDEX_LIMIT ? INDEX_LIMIT : high - rest;
    if (factor < 0) {
        int64_t negative = -least;
        least = -most;
        most = negative;
        factor = -factor;
    }
    return all(MAX(solver->low, -floor_div(-least, factor)),
               MIN(solver->high, floor_div(most, factor)), true);
}

/* max(a, b) in [low, high]: both at most high, one at least low. */
static struct ranges solve_extreme(const struct solver *solver,
                                   const struct index_node *node, int64_t low,
                                   int64_t high)
{
    bool is_max = node->op == EINSUM_MAX;
    const struct index_node *a = node->child[0];
    const struct index_node *b = node->child[1];
    int64_t all_low = is_max ? -INDEX_LIMIT : low;
    int64_t all_high = is_max ? high : INDEX_LIMIT;
    int64_t any_low = is_max ? low : -INDEX_LIMIT;
    int64_t any_high = is_max ? INDEX_LIMIT : high;
    struct ranges both[2] = {solve(solver, a, all_low, all_high),
                             solve(solver, b, all_low, all_high)};
    struct ranges some[2] = {solve(solver, a, any_low, any_high),
                             solve(solver, b, any_low, any_high)};
    struct ranges every = intersect(&both[0], &both[1]);
    struct ranges either = unite(&some[0], &some[1]);
    return intersect(&every, &either);
}

static struct ranges solve_abs(const struct solver *solver,
                               const struct index_node *node, int64_t low,
                               int64_t high)
{
    if (high < 0) {
        return none();
    }
    int64_t least = MAX(low, 0);
    struct ranges positive = solve(solver, node->child[0], least, high);
    struct ranges negative = solve(solver, node->child[0], -high, -least);
    return unite(&positive, &negative);
}

/* One operand is fixed: carries the interval to the other. */
static struct ranges solve_one(const struct solver *solver,
                               const struct index_node *node, int64_t low,
                               int64_t high)
{
    bool is_left = depends(solver, node->child[0]);
    const struct index_node *moving = node->child[is_left ? 0 : 1];
    const struct index_node *fixed = node->child[is_left ? 1 : 0];
    int64_t c = index_value(fixed, solver->point);
    bool has_low = low > -INDEX_LIMIT;
    bool has_high = high < INDEX_LIMIT;
    if (node->op == EINSUM_ADD || (node->op == EINSUM_SUB && is_left)) {
        int64_t shift = node->op == EINSUM_ADD ? -c : c;
        return solve(solver, moving, has_low ? limited(low + shift) : low,
                     has_high ? limited(high + shift) : high);
    }
    if (node->op == EINSUM_SUB) { /* c - x */
        return solve(solver, moving,
                     has_high ? limited(c - high) : -INDEX_LIMIT,
                     has_low ? limited(c - low) : INDEX_LIMIT);
    }
    if (node->op == EINSUM_DIVIDE) {
        bool is_wide = !has_low || low < -INDEX_LIMIT / c;
        bool is_tall = !has_high || high > INDEX_LIMIT / c - 1;
        return solve(solver, moving, is_wide ? -INDEX_LIMIT : low * c,
                     is_tall ? INDEX_LIMIT : high * c + c - 1);
    }
    if (node->op == EINSUM_MUL && c > 0) {
        return solve(solver, moving,
                     has_low ? -floor_div(-low, c) : -INDEX_LIMIT,
                     has_high ? floor_div(high, c) : INDEX_LIMIT);
    }
    return all(solver->low, solver->high, false);
}

static struct ranges solve(const struct solver *solver,
                           const struct index_node *node, int64_t low,
                           int64_t high)
{
    if (low > high) {
        return none();
    }
    if (!depends(solver, node)) {
        int64_t value = index_value(node, solver->point);
        return value >= low && value <= high
                   ? all(solver->low, solver->high, true)
                   : none();
    }
    if (node->is_affine) {
        return solve_affine(solver, node, low, high);
    }
    if (node->op == EINSUM_MAX || node->op == EINSUM_MIN) {
        return solve_extreme(solver, node, low, high);
    }
    if (node->op == EINSUM_ABS) {
        return solve_abs(solver, node, low, high);
    }
    if (node->op == EINSUM_NEGATE) {
        return solve(solver, node->child[0], -high, -low);
    }
    bool is_both =
        depends(solver, node->child[0]) && depends(solver, node->child[1]);
    return is_both ? all(solver->low, solver->high, false)
                   : solve_one(solver, node, low, high);
}

/* m < LEN[b], LEN[b] <= m and the like, with one side an index that has the rank
 * and the other side without it, known exactly. */
static struct ranges solve_data(const struct solver *solver,
                                const struct condition *condition)
{
    int side = condition_index_side(condition, solver->rank);
    const struct value_node *index =
        side == 0 ? condition->left : condition->right;
    const struct value_node *other =
        side == 0 ? condition->right : condition->left;
    double value = 0.0;
    if (side < 0 || solver->point->data == NULL ||
        !condition_exact_value(other, solver->point, &value) ||
        fabs(value) >= (double)INDEX_LIMIT) {
        return all(solver->low, solver->high, false);
    }
    bool is_strict = condition->relation == EINSUM_LESS;
    int64_t below = (int64_t)(is_strict ? ceil(value) - 1.0 : floor(value));
    int64_t above = (int64_t)(is_strict ? floor(value) + 1.0 : ceil(value));
    return side == 0 ? solve(solver, index->index, -INDEX_LIMIT, below)
                     : solve(solver, index->index, above, INDEX_LIMIT);
}

static struct ranges solve_condition(const struct solver *solver,
                                     const struct condition *condition)
{
    if (condition->kind == CONDITION_DATA) {
        return solve_data(solver, condition);
    }
    if (condition->kind == CONDITION_PATTERN ||
        (condition->kind == CONDITION_INDEX && condition->has_data)) {
        return all(solver->low, solver->high, false);
    }
    if (condition->kind != CONDITION_INDEX) {
        struct ranges a = solve_condition(solver, condition->part[0]);
        struct ranges b = solve_condition(solver, condition->part[1]);
        return condition->kind == CONDITION_ALL ? intersect(&a, &b)
                                                : unite(&a, &b);
    }
    if (condition->relation == EINSUM_LESS_EQUAL) {
        return solve(solver, condition->index, -INDEX_LIMIT, 0);
    }
    if (condition->relation == EINSUM_EQUAL) {
        return solve(solver, condition->index, 0, 0);
    }
    struct ranges below = solve(solver, condition->index, -INDEX_LIMIT, -1);
    struct ranges above = solve(solver, condition->index, 1, INDEX_LIMIT);
    return unite(&below, &above);
}

void conditions_solve(const struct einsum_extension *extension,
                      guint64 conditions, int rank, int64_t low, int64_t high,
                      struct point *point, struct ranges *ranges)
{
    struct solver solver = {point, rank, low, high};
    *ranges = all(low, high, true);
    for (int i = 0; i < extension->condition_count && ranges->count > 0; i++) {
        if ((conditions >> i & 1) != 0) {
            struct ranges own =
                solve_condition(&solver, extension->condition[i]);
            *ranges = intersect(ranges, &own);
        }
    }
}

void conditions_place(const struct einsum_extension *extension,
                      const int *order, int count, guint64 *conditions)
{
    guint32 known = 0;
    guint64 placed = 0;
    for (int k = 0; k < count; k++) {
        known |= (guint32)1 << order[k];
        conditions[k] = 0;
        for (int i = 0; i < extension->condition_count; i++) {
            bool is_known = (extension->condition[i]->ranks & ~known) == 0;
            if (is_known && (placed >> i & 1) == 0) {
                conditions[k] |= (guint64)1 << i;
                placed |= (guint64)1 << i;
            }
        }
    }
}
