/* What one statement may say: which forms of index stand where, and which
 * ranks are reduced. */
#include "einsum/ast.h"
#include "einsum/einsum_ops.h"

struct statement_check {
    const struct cascade *cascade;
    const struct ast_statement *statement;
    bool has_known_ranks;
    struct diags *diags;
};

static void report(const struct statement_check *check,
                   const struct ast_node *node, const char *code,
                   const char *message)
{
    diag_error(check->diags, place_span(node->place), code, NULL, "%s",
               message);
}

/* ---- one index ----------------------------------------------------------- */

static bool is_affine_op(enum einsum_op op)
{
    return op == EINSUM_ADD || op == EINSUM_SUB || op == EINSUM_MUL ||
           op == EINSUM_NEGATE;
}

static void check_index_op(const struct statement_check *check,
                           const struct ast_node *node)
{
    if (!is_affine_op(node->op)) {
        report(check, node, "einsum-not-affine",
               "an index is made of ranks, shapes and integers with + - *");
    } else if (node->op == EINSUM_MUL && ast_has(node->child[0], AST_RANK) &&
               ast_has(node->child[1], AST_RANK)) {
        report(check, node, "einsum-not-affine",
               "an index must not multiply two ranks");
    }
}

static void check_index(const struct statement_check *check,
                        const struct ast_node *node)
{
    switch (node->kind) {
    case AST_RANK:
    case AST_SHAPE:
        return;
    case AST_NUMBER:
        if (!node->is_integer) {
            report(check, node, "einsum-index-not-integer",
                   "an index takes whole numbers below 10^18");
        }
        return;
    case AST_ACCESS:
        report(check, node, "einsum-not-affine",
               "a tensor cannot stand in an index");
        return;
    case AST_OP:
        check_index_op(check, node);
        break;
    }
    for (int i = 0; i < node->child_count; i++) {
        check_index(check, node->child[i]);
    }
}

static void check_indices(struct ast_node *access, void *data)
{
    const struct statement_check *check = data;
    for (int i = 0; i < access->child_count; i++) {
        check_index(check, access->child[i]);
    }
}

/* ---- the right side ------------------------------------------------------ */

/* Ranks outside of indices. */
static void check_values(const struct statement_check *check,
                         const struct ast_node *node)
{
    if (node->kind == AST_RANK) {
        diag_error(check->diags, place_span(node->place),
                   "einsum-rank-as-value", NULL,
                   "rank '%s' stands for a value; only shapes and tensors "
                   "have one",
                   node->name);
    }
    if (node->kind == AST_OP) {
        for (int i = 0; i < node->child_count; i++) {
            check_values(check, node->child[i]);
        }
    }
}

/* ---- the left side ------------------------------------------------------- */

static void check_left_rank(const struct statement_check *check,
                            const struct ast_node *rank, int dim)
{
    const struct ast_statement *statement = check->statement;
    for (int i = 0; i < dim; i++) {
        if (ast_has_rank(statement->output->child[i], rank->name)) {
            diag_error(check->diags, place_span(rank->place),
                       "einsum-repeated-rank", NULL,
                       "rank '%s' stands twice on the left", rank->name);
            return;
        }
    }
    if (check->has_known_ranks && !statement_is_initial(statement) &&
        !ast_has_rank(statement->body, rank->name)) {
        diag_error(check->diags, place_span(rank->place), "einsum-unbound-rank",
                   NULL, "rank '%s' stands on the left but not on the right",
                   rank->name);
    }
}

static void check_left(const struct statement_check *check)
{
    const struct ast_node *output = check->statement->output;
    const struct ast_node *shifted = NULL;
    for (int i = 0; i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        const struct ast_node *rank = NULL;
        enum index_form form = index_find_form(index, &rank);
        if (form == INDEX_AFFINE ||
            (form == INDEX_SHIFTED && shifted != NULL)) {
            report(check, index, "einsum-left-index",
                   "on the left an index is a rank, a constant or, once, a "
                   "rank plus a constant");
        } else if (form == INDEX_CONSTANT &&
                   !statement_is_initial(check->statement)) {
            report(check, index, "einsum-initial-not-constant",
                   "a slice can only be given a constant");
        } else if (rank != NULL) {
            check_left_rank(check, rank, i);
        }
        shifted = form == INDEX_SHIFTED ? index : shifted;
    }
}

/* ---- reductions ---------------------------------------------------------- */

static void check_reduce_rank(const struct statement_check *check,
                              const struct ast_node *rank)
{
    const struct ast_statement *statement = check->statement;
    if (ast_has_rank(statement->output, rank->name)) {
        diag_error(check->diags, place_span(rank->place),
                   "einsum-reduced-on-left", NULL,
                   "rank '%s' is reduced and cannot stand on the left",
                   rank->name);
    } else if (!ast_has_rank(statement->body, rank->name)) {
        diag_error(check->diags, place_span(rank->place),
                   "einsum-unused-reduction", NULL,
                   "rank '%s' is reduced but does not occur on the right",
                   rank->name);
    }
}

/* Besides max(m0) no other rank may be left to the default sum: one statement
 * has one reduction. */
static void check_default_sum(struct ast_node *rank, void *data)
{
    const struct statement_check *check = data;
    const struct ast_statement *statement = check->statement;
    if (!ast_has_rank(statement->output, rank->name) &&
        !statement_reduces(statement, rank->name)) {
        const char *reduce = reduce_name(statement->reduce);
        g_autofree char *suggestion =
            g_strdup_printf("add it to %s(...) or to the left", reduce);
        diag_error(check->diags, place_span(rank->place),
                   "einsum-mixed-reduction", suggestion,
                   "rank '%s' would be summed beside a %s", rank->name, reduce);
    }
}

static void check_reduction(struct statement_check *check)
{
    const struct ast_statement *statement = check->statement;
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        check_reduce_rank(check, g_ptr_array_index(statement->reduce_ranks, i));
    }
    if (statement->has_reduction && statement->reduce != EINSUM_SUM) {
        ast_visit(statement->body, AST_RANK, check_default_sum, check);
    }
}

void statement_check(const struct cascade *cascade,
                     const struct ast_statement *statement,
                     bool has_known_ranks, struct diags *diags)
{
    struct statement_check check = {cascade, statement, has_known_ranks, diags};
    check_indices(statement->output, &check);
    if (statement->body == NULL) {
        return;
    }
    ast_visit(statement->body, AST_ACCESS, check_indices, &check);
    check_values(&check, statement->body);
    check_left(&check);
    if (has_known_ranks) {
        check_reduction(&check);
    }
}
