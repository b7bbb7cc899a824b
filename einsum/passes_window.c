/* How much of a fiber a statement's conditions leave for any one point of the
 * other ranks, as an expression in the shapes: W of m <= p && p - m < W. The
 * condition is brought into the form (a && b) || (c && d); in each part every
 * comparison that has the rank by itself bounds it from above or below by what
 * is left, and a pair of bounds in which the other ranks cancel is a window.
 * Comparisons of m/L bound blocks, (p-m) mod D == 0 takes every D-th. What is
 * not understood is taken to hold; parts are added up. */
#include "einsum/passes.h"
#include "einsum/passes_length.h"

#define WINDOW_MAX_PARTS 32

/* f <= 0, or f mod stride is fixed. */
struct bound {
    const struct length *f;
    const struct length *stride; /* NULL: f <= 0 */
};

struct window_finder {
    struct lengths *lengths;
    GPtrArray *memory; /* GArray of struct bound */
};

static GArray *new_part(struct window_finder *finder)
{
    GArray *part = g_array_new(FALSE, FALSE, sizeof(struct bound));
    g_ptr_array_add(finder->memory, part);
    return part;
}

/* ---- conditions as parts ------------------------------------------------- */

/* left + more <= right */
static void add_less(struct window_finder *finder, const struct length *left,
                     int64_t more, const struct length *right, GArray *part)
{
    struct lengths *lengths = finder->lengths;
    struct bound bound = {length_add(lengths,
                                     length_add(lengths, left, -1, right), 1,
                                     length_number(lengths, more)),
                          NULL};
    g_array_append_val(part, bound);
}

/* x mod c == k */
static bool add_stride(struct window_finder *finder,
                       const struct ast_node *remainder, GArray *part)
{
    if (remainder->kind != AST_OP || remainder->op != EINSUM_MOD) {
        return false;
    }
    struct bound bound = {length_of(finder->lengths, remainder->child[0]),
                          length_of(finder->lengths, remainder->child[1])};
    if (bound.f != NULL && bound.stride != NULL) {
        g_array_append_val(part, bound);
    }
    return true;
}

static void add_comparison(struct window_finder *finder,
                           const struct ast_node *node, bool is_negated,
                           GArray *part)
{
    struct lengths *lengths = finder->lengths;
    const struct ast_node *a = node->child[is_negated ? 1 : 0];
    const struct ast_node *b = node->child[is_negated ? 0 : 1];
    bool is_equal = node->op == EINSUM_EQUAL && !is_negated;
    if (is_equal &&
        (add_stride(finder, a, part) || add_stride(finder, b, part))) {
        return;
    }
    bool is_order = node->op == EINSUM_LESS || node->op == EINSUM_LESS_EQUAL;
    bool is_abs = is_order && a->kind == AST_OP && a->op == EINSUM_ABS;
    const struct length *left = length_of(lengths, is_abs ? a->child[0] : a);
    const struct length *right = length_of(lengths, b);
    if (left == NULL || right == NULL || (!is_equal && !is_order)) {
        return;
    }
    /* !(a < b) is b <= a */
    int64_t more = is_order && (node->op == EINSUM_LESS) != is_negated ? 1 : 0;
    add_less(finder, left, more, right, part);
    if (is_equal) {
        add_less(finder, right, 0, left, part);
    }
    if (is_abs) {
        const struct length *none = length_number(lengths, 0);
        add_less(finder, length_add(lengths, none, -1, left), more, right,
                 part);
    }
}

/* Every part of `parts` with every part of the condition. False: too many. */
static bool add_condition(struct window_finder *finder,
                          const struct ast_node *node, bool is_negated,
                          GPtrArray *parts)
{
    if (ast_is_call(node, CALL_NOT)) {
        return add_condition(finder, node->child[0], !is_negated, parts);
    }
    if (ast_is_call(node, CALL_AND) != is_negated && node->kind == AST_CALL) {
        return add_condition(finder, node->child[0], is_negated, parts) &&
               add_condition(finder, node->child[1], is_negated, parts);
    }
    if (node->kind == AST_CALL) { /* || */
        g_autoptr(GPtrArray) other = g_ptr_array_new();
        for (guint i = 0; i < parts->len; i++) {
            const GArray *part = g_ptr_array_index(parts, i);
            GArray *copy = new_part(finder);
            g_array_append_vals(copy, part->data, part->len);
            g_ptr_array_add(other, copy);
        }
        if (parts->len * 2 > WINDOW_MAX_PARTS ||
            !add_condition(finder, node->child[0], is_negated, parts) ||
            !add_condition(finder, node->child[1], is_negated, other)) {
            return false;
        }
        g_ptr_array_extend(parts, other, NULL, NULL);
        return true;
    }
    for (guint i = 0; i < parts->len && node->kind == AST_OP; i++) {
        add_comparison(finder, node, is_negated, g_ptr_array_index(parts, i));
    }
    return true;
}

/* ---- one part ------------------------------------------------------------ */

/* What is bounded: a rank, or floor(rank/c), times `pace` elements each. */
struct target {
    const struct length *atom;
    const struct length *pace;
    guint32 rank;
};

struct best {
    const struct length *length;
    int64_t value;
    guint32 ranks;
};

/* f = factor * target + rest, the target nowhere in the rest. */
static bool find_rest(struct window_finder *finder, const struct length *f,
                      const struct target *target, int64_t *factor,
                      const struct length **rest)
{
    *factor = length_coefficient(f, target->atom);
    if (*factor != 1 && *factor != -1) {
        return false;
    }
    *rest = length_add(finder->lengths, f, -*factor, target->atom);
    return (length_ranks(finder->lengths, *rest) & target->rank) == 0;
}

static void try_pair(struct window_finder *finder, const struct target *target,
                     const struct length *low, const struct length *high,
                     const struct length *stride, struct best *best)
{
    struct lengths *lengths = finder->lengths;
    const struct length *length =
        length_add(lengths, length_add(lengths, high, -1, low), 1,
                   length_number(lengths, 1));
    int64_t value = 0;
    if (length_has_rank(lengths, length)) {
        return;
    }
    length = length_multiply(lengths, length, target->pace);
    length = stride == NULL ? length : length_divide(lengths, length, stride);
    if (!length_value(lengths, length, &value)) {
        return;
    }
    value = MAX(value, 0);
    if (best->length == NULL || value < best->value) {
        *best = (struct best){length, value,
                              length_ranks(lengths, low) |
                                  length_ranks(lengths, high)};
    }
}

static const struct length *find_stride(struct window_finder *finder,
                                        const struct target *target,
                                        const GArray *part)
{
    for (guint i = 0; i < part->len; i++) {
        const struct bound *bound = &g_array_index(part, struct bound, i);
        const struct length *rest = NULL;
        int64_t factor = 0;
        if (bound->stride != NULL &&
            find_rest(finder, bound->f, target, &factor, &rest) &&
            !length_has_rank(finder->lengths, bound->stride)) {
            return bound->stride;
        }
    }
    return NULL;
}

/* Lower and upper bounds of the target, those of its extent among them. */
static void find_bounds(struct window_finder *finder,
                        const struct target *target, const GArray *part,
                        GArray *lows, GArray *highs)
{
    const struct length *none = length_number(finder->lengths, 0);
    for (guint i = 0; i < part->len; i++) {
        const struct bound *bound = &g_array_index(part, struct bound, i);
        const struct length *rest = NULL;
        int64_t factor = 0;
        if (bound->stride != NULL ||
            !find_rest(finder, bound->f, target, &factor, &rest)) {
            continue;
        }
        if (factor < 0) {
            g_array_append_val(lows, rest);
        } else {
            rest = length_add(finder->lengths, none, -1, rest);
            g_array_append_val(highs, rest);
        }
    }
}

static void try_target(struct window_finder *finder,
                       const struct target *target, const struct length *last,
                       const GArray *part, struct best *best)
{
    g_autoptr(GArray) lows = g_array_new(FALSE, FALSE, sizeof last);
    g_autoptr(GArray) highs = g_array_new(FALSE, FALSE, sizeof last);
    const struct length *stride = find_stride(finder, target, part);
    const struct length *first = length_number(finder->lengths, 0);
    g_array_append_val(lows, first);
    if (last != NULL) {
        g_array_append_val(highs, last);
    }
    find_bounds(finder, target, part, lows, highs);
    for (guint i = 0; i < lows->len; i++) {
        for (guint j = 0; j < highs->len; j++) {
            try_pair(
                finder, target, g_array_index(lows, const struct length *, i),
                g_array_index(highs, const struct length *, j), stride, best);
        }
    }
}

struct block_search {
    struct window_finder *finder;
    const GArray *part;
    struct best *best;
    guint32 rank;
};

static void try_block(const struct length *atom, const struct length *divisor,
                      void *data)
{
    struct block_search *search = data;
    struct target target = {atom, divisor, search->rank};
    try_target(search->finder, &target, NULL, search->part, search->best);
}

static struct best find_in_part(struct window_finder *finder,
                                const struct einsum_rank *rank, guint32 bit,
                                const struct length *extent, const GArray *part)
{
    struct lengths *lengths = finder->lengths;
    struct best best = {NULL, 0, 0};
    struct target target = {length_name(lengths, rank->name),
                            length_number(lengths, 1), bit};
    const struct length *last =
        length_add(lengths, extent, -1, length_number(lengths, 1));
    try_target(finder, &target, last, part, &best);
    struct block_search search = {finder, part, &best, bit};
    for (guint i = 0; i < part->len; i++) {
        length_visit_quotients(lengths, g_array_index(part, struct bound, i).f,
                               rank->name, try_block, &search);
    }
    return best;
}

/* ---- a statement --------------------------------------------------------- */

static const struct ast_node *condition_of(const struct workload *workload,
                                           int statement)
{
    return cascade_statement_at(workload->cascade, (size_t)statement)
        ->condition;
}

/* The sum over the parts; false: no less than the whole. */
static bool add_parts(struct window_finder *finder,
                      const struct workload *workload, int rank,
                      const GPtrArray *parts, struct best *sum)
{
    const struct einsum_rank *r = &workload->rank[rank];
    const struct length *extent = length_name(
        finder->lengths, name_shape_of_rank(workload->cascade, r->name));
    *sum = (struct best){length_number(finder->lengths, 0), 0, 0};
    for (guint i = 0; i < parts->len; i++) {
        struct best best = find_in_part(finder, r, (guint32)1 << rank, extent,
                                        g_ptr_array_index(parts, i));
        if (best.length == NULL || best.value >= r->extent ||
            !num_add(sum->value, best.value, &sum->value)) {
            return false;
        }
        sum->length = length_add(finder->lengths, sum->length, 1, best.length);
        sum->ranks |= best.ranks;
    }
    return sum->value < r->extent;
}

bool pass_window_find(const struct workload *workload, int statement, int rank,
                      struct pass_window *window)
{
    const struct ast_node *condition = condition_of(workload, statement);
    if (condition == NULL) {
        return false;
    }
    AUTO(lengths) lengths = lengths_new(workload);
    g_autoptr(GPtrArray) memory =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    g_autoptr(GPtrArray) parts = g_ptr_array_new();
    struct window_finder finder = {lengths, memory};
    struct best sum;
    g_ptr_array_add(parts, new_part(&finder));
    if (!add_condition(&finder, condition, false, parts) ||
        !add_parts(&finder, workload, rank, parts, &sum)) {
        return false;
    }
    *window = (struct pass_window){
        .text = length_print(sum.length),
        .elements = sum.value,
        .ranks = sum.ranks & ~((guint32)1 << rank),
    };
    return true;
}
