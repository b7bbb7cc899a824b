/* What can be said of a macro's text before any call: every name in it is a
 * parameter or a tensor that the macro itself defines further up, so that what
 * it means does not depend on the names of the cascade that calls it. */
#include "einsum/macro.h"

struct check {
    const struct cascade *cascade;
    const struct macro *macro;
    guint statement; /* the one being looked at */
    struct diags *diags;
};

/* "WHAT 'name' MESSAGE" */
static void report(const struct check *check, const struct ast_node *node,
                   const char *code, const char *what, const char *message)
{
    diag_error(check->diags, place_span(node->place), code, NULL, "%s'%s' %s",
               what, node->name, message);
}

/* Defined by a statement above. */
static bool is_local(const struct check *check, const char *name)
{
    for (guint i = 0; i < check->statement; i++) {
        const struct parsed_statement *parsed =
            g_ptr_array_index(check->macro->statements, i);
        if (g_str_equal(parsed->statement.output->name, name) ||
            (parsed->second != NULL &&
             g_str_equal(parsed->second->name, name))) {
            return true;
        }
    }
    return false;
}

static void check_rank(const struct check *check, const struct ast_node *rank)
{
    if (macro_find_rank(check->macro, rank->name) < 0) {
        report(check, rank, "einsum-macro-free", "rank ",
               "is no parameter of the macro");
    }
}

static void check_shape(const struct check *check, const struct ast_node *node)
{
    const struct macro *macro = check->macro;
    bool is_known = macro_is_parameter(macro, node->name) ||
                    g_strcmp0(macro->condition, node->name) == 0;
    for (guint i = 0; i < macro->ranks->len; i++) {
        const char *rank = g_ptr_array_index(macro->ranks, i);
        is_known =
            is_known ||
            g_str_equal(name_shape_of_rank(check->cascade, rank), node->name);
    }
    if (!is_known) {
        report(check, node, "einsum-macro-free", "",
               "is neither a parameter nor the shape of one");
    }
}

static void check_node(const struct check *check, const struct ast_node *node);

/* X[d=h*E+e]: only replacements stand in a parameter's brackets. */
static void check_replacements(const struct check *check,
                               const struct ast_node *access)
{
    for (int i = 0; i < access->child_count; i++) {
        const struct ast_node *index = access->child[i];
        if (!ast_is_call(index, CALL_BIND)) {
            report(check, access, "einsum-macro-free", "parameter ",
                   "stands without indices, or with ranks replaced: X[n=m]");
            return;
        }
        check_rank(check, index->child[0]);
        check_node(check, index->child[1]);
    }
}

static void check_access(const struct check *check, const struct ast_node *node)
{
    if (macro_is_parameter(check->macro, node->name)) {
        check_replacements(check, node);
        return;
    }
    if (!is_local(check, node->name)) {
        report(check, node, "einsum-macro-free", "tensor ",
               "is neither a parameter nor defined above");
    }
    for (int i = 0; i < node->child_count; i++) {
        check_node(check, node->child[i]);
    }
}

static void check_node(const struct check *check, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_NUMBER:
        return;
    case AST_RANK:
        check_rank(check, node);
        return;
    case AST_SHAPE:
        check_shape(check, node);
        return;
    case AST_ACCESS:
        check_access(check, node);
        return;
    case AST_OP:
    case AST_CALL:
        for (int i = 0; i < node->child_count; i++) {
            check_node(check, node->child[i]);
        }
        return;
    }
}

/* The result is written as OUTPUT[..]; everything else is local. */
static void check_left(const struct check *check, const struct ast_node *output)
{
    bool is_whole = output->child_count == 1 &&
                    ast_is_call(output->child[0], CALL_REST) &&
                    output->child[0]->child_count == 0;
    if (macro_is_parameter(check->macro, output->name) ||
        g_strcmp0(check->macro->condition, output->name) == 0) {
        report(check, output, "einsum-macro-name", "",
               "is a parameter and cannot be defined");
    } else if (g_str_equal(output->name, check->macro->output) && !is_whole) {
        report(check, output, "einsum-macro", "the result ",
               "of the macro is defined with [..]");
    }
    for (int i = 0; i < output->child_count; i++) {
        check_node(check, output->child[i]);
    }
}

static void check_statement(const struct check *check,
                            const struct parsed_statement *parsed)
{
    const struct ast_statement *statement = &parsed->statement;
    check_left(check, statement->output);
    if (parsed->second != NULL) {
        check_left(check, parsed->second);
    }
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        check_rank(check, g_ptr_array_index(statement->reduce_ranks, i));
    }
    for (guint i = 0; parsed->call.name != NULL && i < parsed->call.values->len;
         i++) {
        check_node(check, g_ptr_array_index(parsed->call.values, i));
    }
    check_node(check, statement->body);
    if (statement->condition != NULL) {
        check_node(check, statement->condition);
    }
    if (statement->select_count != NULL) {
        check_node(check, statement->select_count);
    }
}

void macro_check(const struct cascade *cascade, const struct macro *macro,
                 struct diags *diags)
{
    struct check check = {cascade, macro, 0, diags};
    for (; check.statement < macro->statements->len; check.statement++) {
        check_statement(&check,
                        g_ptr_array_index(macro->statements, check.statement));
    }
    if (!is_local(&check, macro->output)) {
        diag_error(diags, place_span(macro->place), "einsum-macro", NULL,
                   "macro '%s' does not define its result '%s[..]'",
                   macro->name, macro->output);
    }
}
