/* sum_m (sum_e A[e] * B[e,m]) * C[m] = sum_e A[e] * (sum_m B[e,m] * C[m]): a
 * chain of products summed from the other end, which is possible as long as
 * nothing but products stands in between. Linear attention: (Q K) V costs
 * P*M*(E+F), Q (K V) costs E*F*(M+P). */
#include "einsum/rewrite.h"

/* The statement is one sum of products, nothing divided. */
static bool is_product_sum(const struct draft *draft, int index)
{
    if (!draft_is_simple(draft, index) || !draft_sums(draft, index) ||
        draft_statement(draft, index)->condition != NULL) {
        return false;
    }
    struct product product = product_of(draft_statement(draft, index)->body);
    bool is_product = product.under->len == 0;
    product_clear(&product);
    return is_product;
}

/* `reader` sums inner * C over ranks that `inner` has on its left, and ranks
 * that inner sums over are not used otherwise in it. */
static bool is_chained(const struct draft *draft, int inner, int reader)
{
    const struct ast_statement *first = draft_statement(draft, inner);
    const struct ast_statement *second = draft_statement(draft, reader);
    if (!is_product_sum(draft, reader) ||
        !node_is_linear(second->body, first->output)) {
        return false;
    }
    g_autoptr(GPtrArray) summed_first = statement_reduced(first);
    g_autoptr(GPtrArray) summed_second = statement_reduced(second);
    bool is_shared = false;
    for (guint i = 0; i < summed_first->len; i++) {
        if (ast_has_rank(second->body, g_ptr_array_index(summed_first, i)) ||
            ast_has_rank(second->output, g_ptr_array_index(summed_first, i))) {
            return false;
        }
    }
    for (guint i = 0; i < summed_second->len; i++) {
        is_shared =
            is_shared ||
            ast_has_rank(first->output, g_ptr_array_index(summed_second, i));
    }
    return is_shared;
}

static bool has_any(const struct ast_node *node, const GPtrArray *ranks)
{
    for (guint i = 0; i < ranks->len; i++) {
        if (ast_has_rank(node, g_ptr_array_index(ranks, i))) {
            return true;
        }
    }
    return false;
}

/* Factors of both statements: those with ranks that the second sums over go
 * into the new first product, the rest stays for the second. */
static void part_factors(const struct draft *draft, int inner, int reader,
                         const GPtrArray *summed, GPtrArray *early,
                         GPtrArray *late)
{
    const struct ast_statement *first = draft_statement(draft, inner);
    struct product a = product_of(first->body);
    struct product b = product_of(draft_statement(draft, reader)->body);
    g_ptr_array_extend(a.over, b.over, NULL, NULL);
    for (guint i = 0; i < a.over->len; i++) {
        struct ast_node *factor = g_ptr_array_index(a.over, i);
        if (!node_is_equal(factor, first->output)) {
            g_ptr_array_add(has_any(factor, summed) ? early : late, factor);
        }
    }
    product_clear(&a);
    product_clear(&b);
}

/* Something is left for the second product. */
static bool has_late_factor(const struct draft *draft, int inner, int reader)
{
    g_autoptr(GPtrArray) early = g_ptr_array_new();
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    g_autoptr(GPtrArray) summed =
        statement_reduced(draft_statement(draft, reader));
    part_factors(draft, inner, reader, summed, early, late);
    return late->len > 0;
}

/* Ranks of the new product, summed ones excluded, in order of appearance. */
static GPtrArray *make_indices(struct draft *draft, const GPtrArray *factors,
                               const GPtrArray *summed)
{
    GPtrArray *indices = g_ptr_array_new();
    g_autoptr(GPtrArray) seen = g_ptr_array_new();
    for (guint i = 0; i < factors->len; i++) {
        g_autoptr(GPtrArray) ranks = node_ranks(g_ptr_array_index(factors, i));
        for (guint r = 0; r < ranks->len; r++) {
            char *name = g_ptr_array_index(ranks, r);
            if (!names_have(summed, name) && !names_have(seen, name)) {
                g_ptr_array_add(seen, name);
                g_ptr_array_add(indices, draft_rank(draft, name));
            }
        }
    }
    return indices;
}

static void emit(struct draft *draft, int inner, int reader)
{
    const struct ast_statement *first = draft_statement(draft, inner);
    const struct ast_statement *second = draft_statement(draft, reader);
    g_autoptr(GPtrArray) summed = statement_reduced(second);
    g_autoptr(GPtrArray) later = statement_reduced(first);
    g_autoptr(GPtrArray) early = g_ptr_array_new();
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    part_factors(draft, inner, reader, summed, early, late);
    g_autoptr(GPtrArray) indices = make_indices(draft, early, summed);
    g_autofree char *otherwise = NULL;
    const struct ast_node *only = g_ptr_array_index(early, 0);
    otherwise = early->len == 1 && only->kind == AST_ACCESS
                    ? g_strconcat("S", only->name, NULL)
                    : g_strconcat(second->output->name, "P", NULL);
    const char *name = draft_name_product(draft, early, otherwise);
    struct ast_node *product = draft_access(draft, name, indices);
    draft_emit_sum(draft, reader, product, second, summed,
                   draft_multiply(draft, early));
    g_ptr_array_add(late, product);
    draft_emit_sum(draft, reader, second->output, first, later,
                   draft_multiply(draft, late));
}

/* All readers of the product, which is then not needed any more. */
static bool reassociate(struct draft *draft, int inner)
{
    const char *name = draft_statement(draft, inner)->output->name;
    if (!is_product_sum(draft, inner) || draft_is_output(draft, name)) {
        return false;
    }
    g_autoptr(GArray) readers = draft_readers(draft, name);
    for (guint i = 0; i < readers->len; i++) {
        int reader = g_array_index(readers, int, i);
        if (!is_chained(draft, inner, reader) ||
            !has_late_factor(draft, inner, reader)) {
            return false;
        }
    }
    for (guint i = 0; i < readers->len; i++) {
        emit(draft, inner, g_array_index(readers, int, i));
    }
    draft_clear(draft, inner);
    return readers->len > 0;
}

static bool has_condition(const struct draft *draft)
{
    for (int i = 0; i < draft_count(draft); i++) {
        if (draft_statement(draft, i)->condition != NULL) {
            return true;
        }
    }
    return false;
}

enum status rewrite_reassociate(struct draft *draft)
{
    for (int i = 0; i < draft_count(draft); i++) {
        if (reassociate(draft, i)) {
            return OK;
        }
    }
    draft_refuse(draft, -1, "rewrite-no-products",
                 "no sum of products is read by sums of products alone, over "
                 "ranks that it has%s",
                 has_condition(draft) ? " (a condition between them, such as a "
                                        "causal mask, forbids it)"
                                      : "");
    return OK;
}
