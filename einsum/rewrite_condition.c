/* Conditions in rewrites. A statement's condition is a conjunction; each line
 * that replaces it carries the parts whose ranks it has, so that a sum over
 * blocks of sums under m1*M0+m0 <= p has none itself.
 *
 * What a sum over no point at all is, 0, and a maximum over none, -inf, must
 * come out the same. Whether some point always exists is asked of the condition:
 * put the first element, or the rank of a query that no key lies beyond, in
 * place of the reduced ranks, and every comparison has to be true whatever the
 * shapes are (each at least 1). */
#include "einsum/passes_length.h"
#include "einsum/rewrite.h"

#include "einsum/einsum_ops.h"

/* ---- parts --------------------------------------------------------------- */

static void collect_parts(const struct ast_node *condition, GPtrArray *parts)
{
    if (ast_is_call(condition, CALL_AND)) {
        collect_parts(condition->child[0], parts);
        collect_parts(condition->child[1], parts);
    } else {
        g_ptr_array_add(parts, borrow(condition));
    }
}

/* Caller unrefs; empty without a condition. */
static GPtrArray *list_parts(const struct ast_node *condition)
{
    GPtrArray *parts = g_ptr_array_new();
    if (condition != NULL) {
        collect_parts(condition, parts);
    }
    return parts;
}

bool condition_is_equal(const struct ast_node *a, const struct ast_node *b)
{
    return a == NULL || b == NULL ? a == b : node_is_equal(a, b);
}

bool condition_is_static(const struct ast_node *condition)
{
    return condition == NULL || !ast_has(condition, AST_ACCESS);
}

bool condition_needs_all(const struct ast_node *condition,
                         const GPtrArray *ranks)
{
    g_autoptr(GPtrArray) parts = list_parts(condition);
    for (guint i = 0; i < parts->len; i++) {
        for (guint r = 0; r < ranks->len; r++) {
            if (!ast_has_rank(g_ptr_array_index(parts, i),
                              g_ptr_array_index(ranks, r))) {
                return false;
            }
        }
    }
    return true;
}

struct ast_node *draft_condition(struct draft *draft,
                                 const struct ast_node *condition,
                                 const GPtrArray *ranks)
{
    g_autoptr(GPtrArray) parts = list_parts(condition);
    struct ast_node *kept = NULL;
    for (guint i = 0; i < parts->len; i++) {
        struct ast_node *part = g_ptr_array_index(parts, i);
        if (names_cover(ranks, part)) {
            kept =
                kept == NULL ? part : draft_call(draft, CALL_AND, kept, part);
        }
    }
    return kept;
}

/* ---- does some point exist? ---------------------------------------------- */

struct substitutes {
    struct lengths *lengths;
    const struct length *blocks; /* M0*m1, or NULL */
    const struct length *rank;   /* m, or m0 */
    const struct length *by;
};

/* The comparison's f, which has to be at most 0, with the rank replaced. */
static const struct length *put(const struct substitutes *s,
                                const struct length *f)
{
    int64_t factor = length_coefficient(f, s->rank);
    const struct length *result = length_add(s->lengths, f, -factor, s->rank);
    if (s->blocks != NULL) {
        if (length_coefficient(f, s->blocks) != factor) {
            return f;
        }
        result = length_add(s->lengths, result, -factor, s->blocks);
    }
    return length_add(s->lengths, result, factor, s->by);
}

static bool is_true_after(const struct substitutes *s,
                          const struct ast_node *part)
{
    bool is_less = part->kind == AST_OP && part->op == EINSUM_LESS;
    bool is_order =
        is_less || (part->kind == AST_OP && part->op == EINSUM_LESS_EQUAL);
    const struct length *left =
        is_order ? length_of(s->lengths, part->child[0]) : NULL;
    const struct length *right =
        is_order ? length_of(s->lengths, part->child[1]) : NULL;
    if (left == NULL || right == NULL) {
        return false;
    }
    const struct length *f = length_add(s->lengths, left, -1, right);
    f = length_add(s->lengths, f, is_less ? 1 : 0,
                   length_number(s->lengths, 1));
    return length_is_never_positive(s->lengths, put(s, f));
}

static bool all_true_after(const struct substitutes *s,
                           const struct ast_node *condition)
{
    g_autoptr(GPtrArray) parts = list_parts(condition);
    for (guint i = 0; i < parts->len; i++) {
        if (!is_true_after(s, g_ptr_array_index(parts, i))) {
            return false;
        }
    }
    return true;
}

/* The file says that the extent is that of `rank`: M: P, or M0 divides it. */
static bool has_extent_of(const struct draft *draft,
                          const struct workload *workload, int64_t extent,
                          const char *rank)
{
    const char *shape = name_shape_of_rank(draft->cascade, rank);
    for (size_t i = 0; i < draft->cascade->shapes->len; i++) {
        const struct cascade_shape *s = cascade_shape_at(draft->cascade, i);
        g_autofree char *text = expr_print(s->expr);
        for (int j = 0; j < workload->shape_count; j++) {
            if (g_str_equal(workload->shape_name[j], s->name) &&
                workload->shape_value[j] == extent &&
                g_str_equal(text, shape)) {
                return true;
            }
        }
    }
    return false;
}

/* Sets what stands for the rank that is reduced over: m, or M0*m1 and m0. */
static bool set_ranks(const struct draft *draft,
                      const struct workload *workload, const GPtrArray *reduced,
                      struct substitutes *s, int64_t *extent)
{
    *extent = 1;
    for (guint i = 0; i < reduced->len; i++) {
        int rank = workload_find_rank(workload, g_ptr_array_index(reduced, i));
        if (rank < 0 ||
            !num_mul(*extent, workload->rank[rank].extent, extent)) {
            return false;
        }
    }
    if (reduced->len < 1 || reduced->len > 2) {
        return false;
    }
    const char *inner = g_ptr_array_index(reduced, reduced->len - 1);
    s->rank = length_name(s->lengths, inner);
    if (reduced->len == 2) {
        s->blocks = length_multiply(
            s->lengths,
            length_name(s->lengths, name_shape_of_rank(draft->cascade, inner)),
            length_name(s->lengths, g_ptr_array_index(reduced, 0)));
    }
    return true;
}

bool draft_always_exists(struct draft *draft, const struct ast_node *condition,
                         const GPtrArray *reduced, bool is_first)
{
    AUTO(diags) trial = diags_new();
    AUTO(workload) workload = NULL;
    int64_t extent = 0;
    if (condition == NULL) {
        return true;
    }
    if (workload_bind(draft->cascade, NULL, NULL, trial, &workload) != OK) {
        return false;
    }
    AUTO(lengths) lengths = lengths_new(workload);
    struct substitutes s = {.lengths = lengths};
    if (!set_ranks(draft, workload, reduced, &s, &extent)) {
        return false;
    }
    s.by = length_number(lengths, 0);
    if (all_true_after(&s, condition)) {
        return true;
    }
    g_autoptr(GPtrArray) ranks = node_ranks(condition);
    for (guint i = 0; i < ranks->len && !is_first; i++) {
        const char *rank = g_ptr_array_index(ranks, i);
        s.by = length_name(lengths, rank);
        if (!names_have(reduced, rank) &&
            has_extent_of(draft, workload, extent, rank) &&
            all_true_after(&s, condition)) {
            return true;
        }
    }
    return false;
}
