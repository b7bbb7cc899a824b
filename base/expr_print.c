/* Canonical text: one space around binary operators, the fewest parentheses,
 * numbers in plain decimal. */
#include "base/expr.h"

static void print(const struct expr *expr, int least_precedence, GString *out);

static int precedence(const struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_LITERAL:
        return expr->literal < 0 ? EXPR_PRECEDENCE_UNARY
                                 : EXPR_PRECEDENCE_PRIMARY;
    case EXPR_NAME:
    case EXPR_CALL:
        return EXPR_PRECEDENCE_PRIMARY;
    case EXPR_NEGATE:
    case EXPR_NOT:
        return EXPR_PRECEDENCE_UNARY;
    case EXPR_BINARY:
        return expr->operation->precedence;
    case EXPR_CONDITIONAL:
        return EXPR_PRECEDENCE_CONDITIONAL;
    }
    BUG("expression kind %d", (int)expr->kind);
}

static const struct expr *operand(const struct expr *expr, guint i)
{
    g_assert(expr->operands != NULL && i < expr->operands->len);
    return expr->operands->pdata[i];
}

static void print_operands(const struct expr *expr, GString *out)
{
    for (guint i = 0; i < expr->operands->len; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        print(operand(expr, i), EXPR_PRECEDENCE_CONDITIONAL, out);
    }
}

/* A literal that follows '-' would become one with it: -(5) is not -5, whose
 * tree has no negation. */
static void print_negate(const struct expr *positive, GString *out)
{
    bool is_literal = positive->kind == EXPR_LITERAL && positive->literal >= 0;
    g_string_append_c(out, '-');
    print(positive,
          is_literal ? EXPR_PRECEDENCE_PRIMARY + 1 : EXPR_PRECEDENCE_UNARY,
          out);
}

static void print_bare(const struct expr *expr, GString *out)
{
    switch (expr->kind) {
    case EXPR_LITERAL:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, expr->literal);
        return;
    case EXPR_NAME:
        g_string_append(out, expr->name);
        return;
    case EXPR_NEGATE:
        print_negate(operand(expr, 0), out);
        return;
    case EXPR_NOT:
        g_string_append_c(out, '!');
        print(operand(expr, 0), EXPR_PRECEDENCE_UNARY, out);
        return;
    case EXPR_BINARY:
        print(operand(expr, 0), expr->operation->precedence, out);
        g_string_append_printf(out, " %s ", expr->operation->text);
        print(operand(expr, 1), expr->operation->precedence + 1, out);
        return;
    case EXPR_CONDITIONAL:
        print(operand(expr, 0), EXPR_PRECEDENCE_CONDITIONAL + 1, out);
        g_string_append(out, " ? ");
        print(operand(expr, 1), EXPR_PRECEDENCE_CONDITIONAL, out);
        g_string_append(out, " : ");
        print(operand(expr, 2), EXPR_PRECEDENCE_CONDITIONAL, out);
        return;
    case EXPR_CALL:
        g_string_append_printf(out, "%s(", expr->name);
        print_operands(expr, out);
        g_string_append_c(out, ')');
        return;
    }
    BUG("expression kind %d", (int)expr->kind);
}

static void print(const struct expr *expr, int least_precedence, GString *out)
{
    bool needs_parentheses = precedence(expr) < least_precedence;
    g_string_append(out, needs_parentheses ? "(" : "");
    print_bare(expr, out);
    g_string_append(out, needs_parentheses ? ")" : "");
}

char *expr_print(const struct expr *expr)
{
    GString *out = g_string_new(NULL);
    print(expr, EXPR_PRECEDENCE_CONDITIONAL, out);
    return g_string_free(out, FALSE);
}
