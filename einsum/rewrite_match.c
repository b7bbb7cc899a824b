/* What rewrites ask of statements and trees. */
#include "einsum/rewrite.h"

#include "einsum/einsum_ops.h"

#include <string.h>

static bool is_known_kind(const struct ast_node *node)
{
    return node->kind == AST_NUMBER || node->kind == AST_RANK ||
           node->kind == AST_SHAPE || node->kind == AST_ACCESS ||
           node->kind == AST_OP;
}

static bool is_known_tree(const struct ast_node *node, bool is_index)
{
    if (!is_known_kind(node) || (is_index && node->kind == AST_ACCESS)) {
        return false;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (!is_known_tree(node->child[i],
                           is_index || node->kind == AST_ACCESS)) {
            return false;
        }
    }
    return true;
}

static bool is_known_condition(const struct ast_node *node)
{
    if (ast_is_call(node, CALL_AND) || ast_is_call(node, CALL_OR)) {
        return is_known_condition(node->child[0]) &&
               is_known_condition(node->child[1]);
    }
    if (ast_is_call(node, CALL_NOT)) {
        return is_known_condition(node->child[0]);
    }
    return is_known_tree(node, false);
}

/* Output, reduction, body and condition alone; what else a statement may have would make
 * its canonical text differ. */
static char *print_known(const struct ast_statement *statement)
{
    GString *out = g_string_new(NULL);
    ast_print(statement->output, out);
    g_string_append(out, " = ");
    if (statement->has_reduction) {
        g_string_append_printf(out, "%s(", reduce_name(statement->reduce));
        for (guint i = 0; i < statement->reduce_ranks->len; i++) {
            const struct ast_node *rank =
                g_ptr_array_index(statement->reduce_ranks, i);
            g_string_append_printf(out, "%s%s", i > 0 ? "," : "", rank->name);
        }
        g_string_append(out, ") ");
    }
    ast_print(statement->body, out);
    if (statement->condition != NULL) {
        g_string_append(out, " where ");
        ast_print(statement->condition, out);
    }
    return g_string_free(out, FALSE);
}

bool draft_is_plain(const struct draft *draft, int index)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    if (statement->body == NULL || !is_known_tree(statement->output, false) ||
        !is_known_tree(statement->body, false) ||
        (statement->condition != NULL &&
         !is_known_condition(statement->condition))) {
        return false;
    }
    if (statement->has_reduction && statement->reduce != EINSUM_SUM &&
        statement->reduce != EINSUM_MAXIMUM) {
        return false;
    }
    g_autofree char *known = print_known(statement);
    return g_str_equal(known, g_ptr_array_index(draft->old, (guint)index));
}

bool draft_is_simple(const struct draft *draft, int index)
{
    if (!draft_is_plain(draft, index)) {
        return false;
    }
    const struct ast_statement *statement = draft_statement(draft, index);
    const struct ast_node *output = statement->output;
    for (int i = 0; i < output->child_count; i++) {
        if (output->child[i]->kind != AST_RANK) {
            return false;
        }
    }
    return condition_is_static(statement->condition) &&
           statement->selection == SELECT_NONE &&
           !statement_is_initial(statement);
}

bool draft_sums(const struct draft *draft, int index)
{
    const struct ast_statement *statement = draft_statement(draft, index);
    g_autoptr(GPtrArray) reduced = statement_reduced(statement);
    return reduced->len > 0 &&
           (!statement->has_reduction || statement->reduce == EINSUM_SUM);
}

bool names_have(const GPtrArray *names, const char *name)
{
    for (guint i = 0; i < names->len; i++) {
        if (g_str_equal(g_ptr_array_index(names, i), name)) {
            return true;
        }
    }
    return false;
}

static void add_rank(struct ast_node *node, void *data)
{
    GPtrArray *names = data;
    if (!names_have(names, node->name)) {
        g_ptr_array_add(names, borrow(node->name));
    }
}

GPtrArray *node_ranks(const struct ast_node *node)
{
    GPtrArray *names = g_ptr_array_new();
    ast_visit(borrow(node), AST_RANK, add_rank, names);
    return names;
}

bool names_cover(const GPtrArray *names, const struct ast_node *node)
{
    g_autoptr(GPtrArray) ranks = node_ranks(node);
    for (guint i = 0; i < ranks->len; i++) {
        if (!names_have(names, g_ptr_array_index(ranks, i))) {
            return false;
        }
    }
    return true;
}

GPtrArray *statement_written(const struct ast_statement *statement)
{
    GPtrArray *written = g_ptr_array_new();
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        add_rank(g_ptr_array_index(statement->reduce_ranks, i), written);
    }
    return written;
}

GPtrArray *statement_reduced(const struct ast_statement *statement)
{
    GPtrArray *reduced = statement_written(statement);
    g_autoptr(GPtrArray) ranks = node_ranks(statement->body);
    ast_visit(statement->condition, AST_RANK, add_rank, ranks);
    for (guint i = 0; i < ranks->len; i++) {
        char *name = g_ptr_array_index(ranks, i);
        if (!ast_has_rank(statement->output, name) &&
            !names_have(reduced, name)) {
            g_ptr_array_add(reduced, name);
        }
    }
    return reduced;
}

bool node_is_equal(const struct ast_node *a, const struct ast_node *b)
{
    g_autoptr(GString) text_a = g_string_new(NULL);
    g_autoptr(GString) text_b = g_string_new(NULL);
    ast_print(a, text_a);
    ast_print(b, text_b);
    return g_string_equal(text_a, text_b);
}

bool node_reads(const struct ast_node *node, const char *tensor)
{
    if (node == NULL) {
        return false;
    }
    if (node->kind == AST_ACCESS && g_str_equal(node->name, tensor)) {
        return true;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (node_reads(node->child[i], tensor)) {
            return true;
        }
    }
    return false;
}

bool node_is_linear(const struct ast_node *node, const struct ast_node *access)
{
    if (node->kind == AST_ACCESS) {
        return node_is_equal(node, access);
    }
    if (node->kind != AST_OP) {
        return false;
    }
    if (node->op == EINSUM_NEGATE) {
        return node_is_linear(node->child[0], access);
    }
    if (node->op != EINSUM_MUL && node->op != EINSUM_DIVIDE) {
        return false;
    }
    bool is_left = node_reads(node->child[0], access->name);
    bool is_right = node_reads(node->child[1], access->name);
    if (is_left == is_right || (is_right && node->op == EINSUM_DIVIDE)) {
        return false;
    }
    return node_is_linear(node->child[is_left ? 0 : 1], access);
}

int draft_producer(const struct draft *draft, const char *tensor)
{
    int id = cascade_find_tensor(draft->cascade, tensor);
    return id < 0 ? -1
                  : cascade_tensor_at(draft->cascade, (size_t)id)->producer;
}

bool draft_is_output(const struct draft *draft, const char *tensor)
{
    int id = cascade_find_tensor(draft->cascade, tensor);
    return id >= 0 && cascade_tensor_at(draft->cascade, (size_t)id)->is_output;
}

bool text_reads(const char *text, const char *tensor)
{
    size_t length = strlen(tensor);
    for (const char *at = strstr(text, tensor); at != NULL;
         at = strstr(at + 1, tensor)) {
        bool is_start =
            at == text || !(g_ascii_isalnum(at[-1]) || at[-1] == '_');
        if (is_start && at[length] == '[') {
            return true;
        }
    }
    return false;
}

GArray *draft_readers(const struct draft *draft, const char *tensor)
{
    GArray *readers = g_array_new(FALSE, FALSE, sizeof(int));
    for (int i = 0; i < draft_count(draft); i++) {
        const char *text = g_ptr_array_index(draft->old, (guint)i);
        if (node_reads(draft_statement(draft, i)->body, tensor) ||
            node_reads(draft_statement(draft, i)->condition, tensor) ||
            (!draft_is_plain(draft, i) && text_reads(text, tensor) &&
             !g_str_equal(draft_statement(draft, i)->output->name, tensor))) {
            g_array_append_val(readers, i);
        }
    }
    return readers;
}
