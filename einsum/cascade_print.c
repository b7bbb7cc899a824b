/* The canonical text: one statement a line, no comments, the fewest
 * parentheses, values with spaces around + - * /, indices without. */
#include "einsum/ast.h"
#include "einsum/einsum_ops.h"

#include <math.h>

static void print_node(const struct ast_node *node, bool is_index,
                       GString *out);

static int binding(const struct ast_node *node)
{
    if (node->kind == AST_OP) {
        return op_binding(node->op);
    }
    if (ast_is_call(node, CALL_OR)) {
        return OP_BINDS_OR;
    }
    if (ast_is_call(node, CALL_AND)) {
        return OP_BINDS_AND;
    }
    return ast_is_call(node, CALL_NOT) ? OP_BINDS_NEGATION : OP_BINDS_CALL;
}

static void print_number(const struct ast_node *node, GString *out)
{
    /* The shortest that reads back as the same number. */
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    char text[G_ASCII_DTOSTR_BUF_SIZE] = "inf";
    if (node->name != NULL) { /* pi */
        g_string_append(out, node->name);
        return;
    }
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

static void print_binary(const struct ast_node *node, const char *sign,
                         bool is_index, GString *out)
{
    int least = binding(node);
    bool is_word = g_ascii_isalpha(sign[0]);
    /* Left-associative: an equal operator on the right needs its own. */
    print_operand(node->child[0],
                  least == OP_BINDS_COMPARISON ? least + 1 : least, is_index,
                  out);
    g_string_append_printf(out, is_index && !is_word ? "%s" : " %s ", sign);
    print_operand(node->child[1], least + 1, is_index, out);
}

static void print_op(const struct ast_node *node, bool is_index, GString *out)
{
    const char *sign = op_sign(node->op);
    if (sign == NULL) {
        g_string_append_printf(out, "%s(", einsum_op_name(node->op));
        print_list(node, is_index, out);
        g_string_append_c(out, ')');
    } else if (node->child_count == 1) {
        g_string_append(out, sign);
        print_operand(node->child[0], OP_BINDS_NEGATION, is_index, out);
    } else {
        print_binary(node, sign, is_index, out);
    }
}

static void print_call(const struct ast_node *node, bool is_index, GString *out)
{
    const char *name = call_name(node->call);
    bool is_around_index = node->call == CALL_INDEX || is_index;
    switch (node->call) {
    case CALL_BIND:
        g_string_append_printf(out, "%s=", node->child[0]->name);
        print_node(node->child[1], true, out);
        break;
    case CALL_AND:
    case CALL_OR:
        print_binary(node, name, is_index, out);
        break;
    case CALL_NOT:
        g_string_append(out, name);
        print_operand(node->child[0], OP_BINDS_NEGATION, is_index, out);
        break;
    case CALL_ONE:
    case CALL_RE:
    case CALL_IM:
    case CALL_CONJ:
    case CALL_CIS:
    case CALL_COMPLEX:
    case CALL_SILU:
    case CALL_GELU:
    case CALL_SOFTPLUS:
    case CALL_INDEX:
    case CALL_ZERO:
    case CALL_CLAMP:
    case CALL_WRAP:
    case CALL_SKIP:
        g_string_append_printf(out, "%s(", name);
        print_list(node, is_around_index, out);
        g_string_append_c(out, ')');
        break;
    case CALL_REST:
    case CALL_COUNT:
        BUG("a call of nothing");
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
    case AST_CALL:
        print_call(node, is_index, out);
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
    const char *selection = selection_name(statement->selection);
    g_string_append_printf(out, "%s(",
                           selection != NULL ? selection
                                             : reduce_name(statement->reduce));
    for (guint i = 0; i < statement->reduce_ranks->len; i++) {
        const struct ast_node *rank =
            g_ptr_array_index(statement->reduce_ranks, i);
        g_string_append_printf(out, "%s%s", i > 0 ? "," : "", rank->name);
    }
    if (statement->select_count != NULL) {
        g_string_append_c(out, ',');
        ast_print_index(statement->select_count, out);
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
        if (statement->gives_values) {
            g_string_append(out, ", ");
            continue; /* the indices follow */
        }
        g_string_append(out, " = ");
        if (statement->has_reduction) {
            print_reduction(statement, out);
        }
        ast_print(statement->body, out);
        if (statement->written_condition != NULL) {
            g_string_append(out, " where ");
            ast_print(statement->written_condition, out);
        }
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
