/* sum_m (N[m] / D) * V[m] = (sum_m N[m] * V[m]) / D, where D does not depend on
 * m. The division may stand in the sum itself or in a tensor that the sum reads
 * and that is defined point by point. */
#include "einsum/rewrite.h"

struct substitution {
    const struct ast_node *from; /* an access with ranks for indices */
    const struct ast_node *to;   /* its indices take their place */
};

static struct ast_node *
rename_rank(struct draft *draft, const struct ast_node *node, const void *data)
{
    const struct substitution *names = data;
    for (int i = 0; node->kind == AST_RANK && i < names->from->child_count;
         i++) {
        if (g_str_equal(names->from->child[i]->name, node->name)) {
            return draft_map(draft, names->to->child[i], NULL, NULL);
        }
    }
    return NULL;
}

static void add_renamed(struct draft *draft, const GPtrArray *factors,
                        const struct substitution *names, GPtrArray *to)
{
    for (guint i = 0; i < factors->len; i++) {
        g_ptr_array_add(to, draft_map(draft, g_ptr_array_index(factors, i),
                                      rename_rank, names));
    }
}

static bool lacks_all(const struct ast_node *node, const GPtrArray *ranks)
{
    for (guint i = 0; i < ranks->len; i++) {
        if (ast_has_rank(node, g_ptr_array_index(ranks, i))) {
            return false;
        }
    }
    return true;
}

static bool has_movable(const GPtrArray *under, const GPtrArray *reduced)
{
    for (guint i = 0; i < under->len; i++) {
        if (lacks_all(g_ptr_array_index(under, i), reduced)) {
            return true;
        }
    }
    return false;
}

/* The quotient that `factor` reads, with a denominator that can move, goes into
 * `product` in its place. */
static bool expand_quotient(struct draft *draft, const struct ast_node *factor,
                            const struct ast_node *condition,
                            const GPtrArray *reduced, struct product *product)
{
    int producer =
        factor->kind == AST_ACCESS ? draft_producer(draft, factor->name) : -1;
    if (producer < 0 || !draft_is_simple(draft, producer)) {
        return false;
    }
    const struct ast_statement *quotient = draft_statement(draft, producer);
    g_autoptr(GPtrArray) inner_reduced = statement_reduced(quotient);
    /* Where the quotient has no point it is 0, and the sum must have none. */
    if (inner_reduced->len > 0 ||
        (quotient->condition != NULL &&
         (!condition_is_equal(quotient->condition, condition) ||
          !node_is_equal(quotient->output, factor)))) {
        return false;
    }
    struct substitution names = {quotient->output, factor};
    struct product inner = product_of(quotient->body);
    g_autoptr(GPtrArray) over = g_ptr_array_new();
    g_autoptr(GPtrArray) under = g_ptr_array_new();
    add_renamed(draft, inner.over, &names, over);
    add_renamed(draft, inner.under, &names, under);
    product_clear(&inner);
    bool is_useful = has_movable(under, reduced);
    for (guint i = 0; is_useful && i < over->len; i++) {
        g_ptr_array_add(product->over, g_ptr_array_index(over, i));
    }
    for (guint i = 0; is_useful && i < under->len; i++) {
        g_ptr_array_add(product->under, g_ptr_array_index(under, i));
    }
    return is_useful;
}

/* The sum's factors, quotients expanded; tensors that were are added to
 * `expanded`. */
static struct product expand(struct draft *draft,
                             const struct ast_statement *statement,
                             const GPtrArray *reduced, GPtrArray *expanded)
{
    struct product old = product_of(statement->body);
    struct product product = {g_ptr_array_new(), old.under};
    for (guint i = 0; i < old.over->len; i++) {
        struct ast_node *factor = g_ptr_array_index(old.over, i);
        if (expand_quotient(draft, factor, statement->condition, reduced,
                            &product)) {
            g_ptr_array_add(expanded, borrow(factor->name));
        } else {
            g_ptr_array_add(product.over, factor);
        }
    }
    g_ptr_array_unref(old.over);
    return product;
}

static void emit_deferred(struct draft *draft, int index,
                          const struct product *product,
                          const GPtrArray *reduced)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) ranks = statement_written(statement);
    g_autofree char *otherwise =
        g_strconcat(statement->output->name, "N", NULL);
    const char *name = draft_name_product(draft, product->over, otherwise);
    struct ast_node *sum =
        draft_access_like(draft, name, statement->output, 0, NULL);
    struct ast_node *inner = draft_multiply(draft, product->over);
    struct ast_node *outer = sum;
    struct ast_node *guard = NULL;
    bool may_be_empty =
        !draft_always_exists(draft, statement->condition, reduced, false);
    for (guint i = 0; i < product->under->len; i++) {
        struct ast_node *factor = g_ptr_array_index(product->under, i);
        bool is_moved = lacks_all(factor, reduced);
        struct ast_node **side = is_moved ? &outer : &inner;
        *side = draft_op(draft, EINSUM_DIVIDE, *side, factor);
        if (is_moved && may_be_empty && guard == NULL &&
            factor->kind == AST_ACCESS) {
            guard = draft_op(draft, EINSUM_NOT_EQUAL, factor,
                             draft_number(draft, 0));
        }
    }
    draft_clear(draft, index);
    draft_emit(draft, index, sum, EINSUM_SUM, ranks, inner);
    draft->guard = guard; /* a sum over no point is 0, not 0/0 */
    draft_emit(draft, index, statement->output, EINSUM_SUM, NULL, outer);
    draft->guard = NULL;
}

static bool defer_in(struct draft *draft, int index, GPtrArray *expanded)
{
    if (!draft_is_simple(draft, index) || !draft_sums(draft, index)) {
        return false;
    }
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) reduced = statement_reduced(statement);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    struct product product = expand(draft, statement, reduced, names);
    /* A sum of nothing but what would move has no numerator to sum. */
    bool is_match = has_movable(product.under, reduced);
    if (is_match) {
        emit_deferred(draft, index, &product, reduced);
        g_ptr_array_extend(expanded, names, NULL, NULL);
    }
    product_clear(&product);
    return is_match;
}

/* A quotient that every reader has expanded is not needed any more. */
static void drop_unread(struct draft *draft, const GPtrArray *expanded)
{
    for (guint i = 0; i < expanded->len; i++) {
        const char *name = g_ptr_array_index(expanded, i);
        g_autoptr(GArray) readers = draft_readers(draft, name);
        bool is_read = draft_is_output(draft, name);
        for (guint r = 0; r < readers->len && !is_read; r++) {
            const GString *line = g_ptr_array_index(
                draft->lines, (guint)g_array_index(readers, int, r));
            is_read = line == NULL || text_reads(line->str, name);
        }
        if (!is_read) {
            draft_clear(draft, draft_producer(draft, name));
        }
    }
}

enum status rewrite_defer_division(struct draft *draft)
{
    g_autoptr(GPtrArray) expanded = g_ptr_array_new();
    bool is_any = false;
    for (int i = 0; i < draft_count(draft); i++) {
        is_any = defer_in(draft, i, expanded) || is_any;
    }
    if (!is_any) {
        draft_refuse(draft, -1, "rewrite-no-division",
                     "no sum of products has a divisor, in itself or in an "
                     "operand, that lacks the ranks it sums over");
    }
    drop_unread(draft, expanded);
    return OK;
}
