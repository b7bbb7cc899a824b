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

static bool is_index_op(enum einsum_op op)
{
    return op == EINSUM_ADD || op == EINSUM_SUB || op == EINSUM_MUL ||
           op == EINSUM_NEGATE || op == EINSUM_DIVIDE || op == EINSUM_MOD ||
           op == EINSUM_MIN || op == EINSUM_MAX || op == EINSUM_ABS;
}

static bool is_varying(const struct ast_node *node)
{
    return ast_has(node, AST_RANK) || ast_has(node, AST_ACCESS);
}

static void check_index_op(const struct statement_check *check,
                           const struct ast_node *node)
{
    if (!is_index_op(node->op)) {
        report(check, node, "einsum-not-affine",
               "an index is made of ranks, shapes and integers with + - * / "
               "mod min max abs");
    } else if (node->op == EINSUM_MUL && is_varying(node->child[0]) &&
               is_varying(node->child[1])) {
        report(check, node, "einsum-not-affine",
               "an index must not multiply two ranks");
    } else if ((node->op == EINSUM_DIVIDE || node->op == EINSUM_MOD) &&
               is_varying(node->child[1])) {
        report(check, node, "einsum-not-affine",
               "an index is divided by a constant only");
    }
}

static void check_index(const struct statement_check *check,
                        const struct ast_node *node)
{
    switch (node->kind) {
    case AST_RANK:
    case AST_SHAPE:
    case AST_ACCESS: /* its own indices are looked at as another access */
        return;
    case AST_NUMBER:
        if (!node->is_integer) {
            report(check, node, "einsum-index-not-integer",
                   "an index takes whole numbers below 10^18");
        }
        return;
    case AST_CALL:
        report(check, node, "einsum-not-affine",
               "zero, clamp, wrap and skip stand around a whole index, and "
               "nothing else is called in one");
        return;
    case AST_OP:
        check_index_op(check, node);
        break;
    }
    for (int i = 0; i < node->child_count; i++) {
        check_index(check, node->child[i]);
    }
}

static bool is_index_mode(const struct ast_node *node)
{
    return ast_is_call(node, CALL_ZERO) || ast_is_call(node, CALL_CLAMP) ||
           ast_is_call(node, CALL_WRAP) || ast_is_call(node, CALL_SKIP);
}

/* Y[c=IDX[n]] */
static void check_scatter_index(const struct statement_check *check,
                                const struct ast_node *index)
{
    if (is_index_mode(index)) {
        diag_error(check->diags, place_span(index->place), "einsum-left-index",
                   "'mod', 'min' and 'max' bound the index, 'where' leaves out "
                   "points",
                   "'%s' is for reads, not for the place of a result",
                   call_name(index->call));
        return;
    }
    check_index(check, index);
}

static void check_indices(struct ast_node *access, void *data)
{
    const struct statement_check *check = data;
    bool is_output = access == check->statement->output;
    for (int i = 0; i < access->child_count; i++) {
        const struct ast_node *index = access->child[i];
        if (is_output && ast_is_call(index, CALL_BIND)) {
            check_scatter_index(check, index->child[1]);
        } else {
            bool is_mode = is_index_mode(index) && !is_output;
            check_index(check, is_mode ? index->child[0] : index);
        }
    }
}

/* ---- the right side ------------------------------------------------------ */

static void check_value_call(const struct statement_check *check,
                             const struct ast_node *node)
{
    switch (node->call) {
    case CALL_INDEX:
        check_index(check, node->child[0]);
        if (ast_has(node, AST_ACCESS)) {
            report(check, node, "einsum-call-place",
                   "index() takes ranks, shapes and integers");
        }
        return;
    case CALL_ZERO:
    case CALL_CLAMP:
    case CALL_WRAP:
    case CALL_SKIP:
    case CALL_BIND:
        report(check, node, "einsum-call-place",
               "zero, clamp, wrap and skip stand around an index");
        return;
    case CALL_AND:
    case CALL_OR:
    case CALL_NOT:
        report(check, node, "einsum-call-place",
               "&&, || and ! combine conditions after 'where'");
        return;
    case CALL_ONE:
    case CALL_RE:
    case CALL_IM:
    case CALL_CONJ:
    case CALL_CIS:
    case CALL_COMPLEX:
    case CALL_SILU:
    case CALL_GELU:
    case CALL_SOFTPLUS:
    case CALL_REST:
    case CALL_COUNT:
        return;
    }
}

/* Ranks outside of indices, except in a condition. */
static void check_values(const struct statement_check *check,
                         const struct ast_node *node, bool takes_ranks)
{
    if (node->kind == AST_RANK && !takes_ranks) {
        g_autofree char *suggestion =
            g_strdup_printf("write 'index(%s)' for its number", node->name);
        diag_error(check->diags, place_span(node->place),
                   "einsum-rank-as-value", suggestion,
                   "rank '%s' stands for a value; only shapes and tensors "
                   "have one",
                   node->name);
    }
    if (node->kind == AST_CALL) {
        check_value_call(check, node);
    }
    if (node->kind == AST_OP ||
        (node->kind == AST_CALL && node->call < CALL_INDEX)) {
        for (int i = 0; i < node->child_count; i++) {
            check_values(check, node->child[i], takes_ranks);
        }
    }
}

/* ---- the condition ------------------------------------------------------- */

static bool is_comparison(const struct ast_node *node)
{
    return node->kind == AST_OP && op_binding(node->op) == OP_BINDS_COMPARISON;
}

static void check_condition(const struct statement_check *check,
                            const struct ast_node *node)
{
    bool is_connected = node->kind == AST_CALL &&
                        (node->call == CALL_AND || node->call == CALL_OR ||
                         node->call == CALL_NOT);
    if (!is_connected && !is_comparison(node)) {
        report(check, node, "einsum-not-condition",
               "a condition is a comparison, such as m <= p, or several with "
               "&&, || and !");
        return;
    }
    bool has_data = ast_has(node, AST_ACCESS);
    for (int i = 0; i < node->child_count; i++) {
        if (is_connected) {
            check_condition(check, node->child[i]);
        } else if (has_data) {
            check_values(check, node->child[i], true);
        } else {
            check_index(check, node->child[i]);
        }
    }
}

static void check_condition_rank(struct ast_node *rank, void *data)
{
    const struct statement_check *check = data;
    const struct ast_statement *statement = check->statement;
    if (!output_has_rank(statement->output, rank->name) &&
        !ast_has_rank(statement->output, rank->name) &&
        !ast_has_rank(statement->body, rank->name) &&
        !statement_reduces(statement, rank->name)) {
        diag_error(check->diags, place_span(rank->place), "einsum-where-rank",
                   NULL,
                   "rank '%s' stands in the condition only; reduce over it or "
                   "use it",
                   rank->name);
    }
}

/* ---- index producers ----------------------------------------------------- */

static void check_selection(const struct statement_check *check)
{
    const struct ast_statement *statement = check->statement;
    const struct ast_node *output = statement->output;
    const char *name = selection_name(statement->selection);
    const char *order = statement_order_rank(statement);
    bool has_order = statement->selection != SELECT_ARGMAX &&
                     statement->selection != SELECT_ARGMIN;
    const struct ast_node *count = statement->select_count;
    if (name == NULL) {
        return;
    }
    if (statement->reduce_ranks->len != 1) {
        diag_error(check->diags, place_span(output->place), "einsum-selection",
                   NULL, "%s goes along one rank", name);
    }
    for (int i = 0; i < output->child_count; i++) {
        if (output->child[i]->kind != AST_RANK) {
            report(check, output->child[i], "einsum-selection",
                   "the result of an operator over a rank has plain ranks");
            return;
        }
    }
    if (count != NULL &&
        (count->kind != AST_SHAPE ||
         (order != NULL &&
          !g_str_equal(count->name,
                       name_shape_of_rank(check->cascade, order))))) {
        diag_error(check->diags, place_span(count->place), "einsum-selection",
                   NULL,
                   "topk takes the shape of the new rank on the left, such as "
                   "I[p,t] = topk(m, T) S[p,m]");
    } else if (has_order && order == NULL) {
        diag_error(check->diags, place_span(output->place), "einsum-selection",
                   NULL, "%s gives a new rank, which must stand on the left",
                   name);
    }
}

/* ---- the left side ------------------------------------------------------- */

static bool is_order_rank(const struct statement_check *check, const char *rank)
{
    const char *order = statement_order_rank(check->statement);
    return order != NULL && g_str_equal(order, rank);
}

static void check_left_rank(const struct statement_check *check,
                            const struct ast_node *rank, int dim)
{
    const struct ast_statement *statement = check->statement;
    for (int i = 0; i < dim; i++) {
        const struct ast_node *other = statement->output->child[i];
        if (!ast_is_call(other, CALL_BIND) && ast_has_rank(other, rank->name)) {
            diag_error(check->diags, place_span(rank->place),
                       "einsum-repeated-rank", NULL,
                       "rank '%s' stands twice on the left", rank->name);
            return;
        }
    }
    if (check->has_known_ranks && !statement_is_initial(statement) &&
        !is_order_rank(check, rank->name) &&
        !statement_has_right_rank(statement, rank->name)) {
        diag_error(check->diags, place_span(rank->place), "einsum-unbound-rank",
                   NULL, "rank '%s' stands on the left but not on the right",
                   rank->name);
    }
}

static void report_left_index(const struct statement_check *check,
                              const struct ast_node *index)
{
    bool is_gather = ast_has(index, AST_ACCESS);
    diag_error(check->diags, place_span(index->place), "einsum-left-index",
               is_gather ? "name the rank of the dimension: c=IDX[n]" : NULL,
               "on the left an index is a rank, once a constant or a rank plus "
               "a constant, or c=IDX[n]");
}

static void check_left(const struct statement_check *check)
{
    const struct ast_node *output = check->statement->output;
    bool has_interval = false; /* a constant, or a rank plus one */
    for (int i = 0; i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        const struct ast_node *rank = NULL;
        enum index_form form = index_find_form(index, &rank);
        bool is_bind = ast_is_call(index, CALL_BIND);
        if (is_bind && ast_has(index->child[1], AST_ACCESS)) {
            continue;
        }
        if (form == INDEX_AFFINE || is_bind || ast_has(index, AST_ACCESS) ||
            (form == INDEX_SHIFTED && has_interval) ||
            (form == INDEX_CONSTANT && has_interval &&
             !statement_is_initial(check->statement))) {
            report_left_index(check, index);
        } else if (rank != NULL) {
            check_left_rank(check, rank, i);
        }
        has_interval =
            has_interval || form == INDEX_SHIFTED || form == INDEX_CONSTANT;
    }
}

/* ---- reductions ---------------------------------------------------------- */

static void check_reduce_rank(const struct statement_check *check,
                              const struct ast_node *rank)
{
    const struct ast_statement *statement = check->statement;
    if (output_has_rank(statement->output, rank->name)) {
        diag_error(check->diags, place_span(rank->place),
                   "einsum-reduced-on-left", NULL,
                   "rank '%s' is reduced and cannot stand on the left",
                   rank->name);
    } else if (!statement_has_right_rank(statement, rank->name) &&
               !output_scatters_rank(statement->output, rank->name)) {
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
    if (!output_has_rank(statement->output, rank->name) &&
        !statement_reduces(statement, rank->name)) {
        const char *reduce = statement->selection != SELECT_NONE
                                 ? selection_name(statement->selection)
                                 : reduce_name(statement->reduce);
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
    ast_visit(statement->output, AST_ACCESS, check_indices, &check);
    if (statement->body == NULL) {
        return;
    }
    ast_visit(statement->body, AST_ACCESS, check_indices, &check);
    check_values(&check, statement->body, false);
    check_left(&check);
    check_selection(&check);
    if (statement->condition != NULL) {
        ast_visit(statement->condition, AST_ACCESS, check_indices, &check);
        check_condition(&check, statement->condition);
        ast_visit(statement->condition, AST_RANK, check_condition_rank, &check);
    }
    if (has_known_ranks) {
        check_reduction(&check);
    }
}
