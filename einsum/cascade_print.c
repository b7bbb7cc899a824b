/* The canonical text: one statement a line, no comments, the fewest
 * parentheses, values with spaces around + - * /, indices without. */
#include "einsum/ast.h"
#include "einsum/einsum_ops.h"

#include <math.h>

static void print_node(const struct ast_node *node, bool is_index,
                       GString *out);

/* How tightly a node binds: sums 0, products 1, negation 2, the rest 3. */
static int binding(const struct ast_node *node)
{
    if (node->kind != AST_OP) {
        return 3;
    }
    switch (node->op) {
    case EINSUM_ADD:
    case EINSUM_SUB:
        return 0;
    case EINSUM_MUL:
    case EINSUM_DIVIDE:
        return 1;
    case EINSUM_NEGATE:
        return 2;
    case EINSUM_MAC:
    case EINSUM_MAX:
    case EINSUM_MIN:
    case EINSUM_EXP:
    case EINSUM_LOG:
    case EINSUM_SQRT:
    case EINSUM_ABS:
    case EINSUM_TANH:
    case EINSUM_OP_COUNT:
        break;
    }
    return 3;
}

static void print_number(const struct ast_node *node, GString *out)
{
    /* The shortest that reads back as the same number. */
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    char text[G_ASCII_DTOSTR_BUF_SIZE] = "inf";
    if (node->is_integer) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, node->integer);
        return;
    }
    for (size_t i = 0; isfinite(node->number) && i < G_N_ELEMENTS(formats);
         i++) {
        g_ascii_formatd(text, sizeof text, formats[i], node->number);
        double read = g_ascii_strtod(text, NULL);
        if (!(read < node->number) && !(read > node->number)) {
            break;
        }
    }
    g_string_append(out, text);
}

static void print_list(const struct ast_node *node, bool is_index, GString *out)
{
    for (int i = 0; i < node->child_count; i++) {
        if (i > 0) {
            g_string_append(out, is_index ? "," : ", ");
        }
        print_node(node->child[i], is_index, out);
    }
}

static void print_operand(const struct ast_node *node, int least, bool is_index,
                          GString *out)
{
    bool has_parentheses = binding(node) < least;
    g_string_append(out, has_parentheses ? "(" : "");
    print_node(node, is_index, out);
    g_string_append(out, has_parentheses ? ")" : "");
}

static void print_op(const struct ast_node *node, bool is_index, GString *out)
{
    char sign = op_sign(node->op);
    if (sign == 0) {
        g_string_append_printf(out, "%s(", einsum_op_name(node->op));
        print_list(node, false, out);
        g_string_append_c(out, ')');
    } else if (node->child_count == 1) {
        g_string_append_c(out, sign);
        print_operand(node->child[0], 2, is_index, out);
    } else {
        /* Left-associative: an equal operator on the right needs its own. */
        print_operand(node->child[0], binding(node), is_index, out);
        g_string_append_printf(out, is_index ? "%c" : " %c ", sign);
        print_operand(node->child[1], binding(node) + 1, is_index, out);
    }
}

static void print_node(const struct ast_node *node, bool is_index, GString *out)
{
    switch (node->kind) {
    case AST_NUMBER:
        print_number(node, out);
        break;
    case AST_RANK:
    case AST_SHAPE:
        g_string_append(out, node->name);
        break;
    case AST_ACCESS:
        g_string_append_printf(out, "%s[", node->name);
        print_list(node, true, out);
        g_string_append_c(out, ']');
        break;
    case AST_OP:
        print_op(node, is_index, out);
        break;
    }
}

void ast_print(const struct ast_node *node, GString *out)
{
    print_node(node, false, out);
}

void ast_print_index(const struct ast_node *index, GString *out)
{
    print_node(index, true, out);
}

static void print_reduction(const struct ast_statement *statement, GString *out)
{
    g_string_append_printf(out, "%s(", reduce_name(statement->reduce));
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        const struct ast_node *rank =
            g_ptr_array_index(statement->reduce_ranks, i);
        g_string_append_printf(out, "%s%s", i > 0 ? "," : "", rank->name);
    }
    g_string_append(out, ") ");
}

char *cascade_print(const struct cascade *cascade)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        ast_print(statement->output, out);
        g_string_append(out, " = ");
        if (statement->has_reduction) {
            print_reduction(statement, out);
        }
        ast_print(statement->body, out);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
