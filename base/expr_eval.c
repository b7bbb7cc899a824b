/* Values of expressions. Every operation is checked; an error stands at the
 * part of the expression that caused it. */
#include "base/expr.h"

struct evaluation {
    const struct scope *scope;
    struct diags *diags;
};

static enum status eval(const struct evaluation *evaluation,
                        const struct expr *expr, int64_t *value);

static const struct expr *operand(const struct expr *expr, guint i)
{
    return expr->operands->pdata[i];
}

static enum status report_overflow(const struct evaluation *evaluation,
                                   const struct expr *expr)
{
    diag_error(evaluation->diags, expr->span, "expr-overflow", NULL,
               "result does not fit in 64 bits");
    return ERR_INPUT;
}

static enum status eval_name(const struct evaluation *evaluation,
                             const struct expr *expr, int64_t *value)
{
    if (evaluation->scope != NULL &&
        scope_get(evaluation->scope, expr->name, value)) {
        return OK;
    }
    g_autofree char *suggestion = NULL;
    if (evaluation->scope != NULL) {
        g_autoptr(GPtrArray) names = scope_names(evaluation->scope);
        suggestion = suggest_text(expr->name, (const char *const *)names->pdata,
                                  names->len);
    }
    diag_error(evaluation->diags, expr->span, "expr-unknown-name", suggestion,
               "unknown name '%s'", expr->name);
    return ERR_INPUT;
}

static enum status eval_negate(const struct evaluation *evaluation,
                               const struct expr *expr, int64_t *value)
{
    int64_t positive;
    TRY(eval(evaluation, operand(expr, 0), &positive));
    if (!num_sub(0, positive, value)) {
        return report_overflow(evaluation, expr);
    }
    return OK;
}

static enum status eval_not(const struct evaluation *evaluation,
                            const struct expr *expr, int64_t *value)
{
    int64_t truth;
    TRY(eval(evaluation, operand(expr, 0), &truth));
    *value = truth == 0;
    return OK;
}

/* '&&' and '||': the right side only where the left does not decide. */
static enum status eval_logical(const struct evaluation *evaluation,
                                const struct expr *expr, int64_t *value)
{
    bool is_or = expr->operation->token == EXPR_TOKEN_OR;
    int64_t truth;
    TRY(eval(evaluation, operand(expr, 0), &truth));
    if ((truth != 0) == is_or) {
        *value = is_or;
        return OK;
    }
    TRY(eval(evaluation, operand(expr, 1), &truth));
    *value = truth != 0;
    return OK;
}

/* Quotient rounded down and the remainder of the divisor's sign. */
static bool divide(int64_t a, int64_t b, int64_t *quotient, int64_t *remainder)
{
    if (b == -1) {
        *remainder = 0;
        return num_sub(0, a, quotient);
    }
    *quotient = a / b;
    *remainder = a % b;
    if (*remainder != 0 && (*remainder < 0) != (b < 0)) {
        *quotient -= 1;
        *remainder += b;
    }
    return true;
}

static bool compute(enum expr_token_kind operation, int64_t a, int64_t b,
                    int64_t *value)
{
    int64_t unused;
    /* Only the kinds of the operation table occur here. */
    if (operation == EXPR_TOKEN_ADD) {
        return num_add(a, b, value);
    }
    if (operation == EXPR_TOKEN_SUB) {
        return num_sub(a, b, value);
    }
    if (operation == EXPR_TOKEN_MUL) {
        return num_mul(a, b, value);
    }
    if (operation == EXPR_TOKEN_DIV) {
        return divide(a, b, value, &unused);
    }
    if (operation == EXPR_TOKEN_MOD) {
        (void)divide(a, b, &unused, value);
        return true;
    }
    *value = (operation == EXPR_TOKEN_EQUAL && a == b) ||
             (operation == EXPR_TOKEN_UNEQUAL && a != b) ||
             (operation == EXPR_TOKEN_LESS && a < b) ||
             (operation == EXPR_TOKEN_LESS_EQUAL && a <= b) ||
             (operation == EXPR_TOKEN_GREATER && a > b) ||
             (operation == EXPR_TOKEN_GREATER_EQUAL && a >= b);
    return true;
}

static enum status eval_binary(const struct evaluation *evaluation,
                               const struct expr *expr, int64_t *value)
{
    enum expr_token_kind operation = expr->operation->token;
    if (operation == EXPR_TOKEN_OR || operation == EXPR_TOKEN_AND) {
        return eval_logical(evaluation, expr, value);
    }
    int64_t left;
    int64_t right;
    TRY(eval(evaluation, operand(expr, 0), &left));
    TRY(eval(evaluation, operand(expr, 1), &right));
    bool is_division =
        operation == EXPR_TOKEN_DIV || operation == EXPR_TOKEN_MOD;
    if (is_division && right == 0) {
        diag_error(evaluation->diags, operand(expr, 1)->span,
                   "expr-division-by-zero", NULL, "division by zero");
        return ERR_INPUT;
    }
    if (!compute(operation, left, right, value)) {
        return report_overflow(evaluation, expr);
    }
    return OK;
}

static enum status eval_conditional(const struct evaluation *evaluation,
                                    const struct expr *expr, int64_t *value)
{
    int64_t condition;
    TRY(eval(evaluation, operand(expr, 0), &condition));
    return eval(evaluation, operand(expr, condition != 0 ? 1 : 2), value);
}

static enum status eval_call(const struct evaluation *evaluation,
                             const struct expr *expr, int64_t *value)
{
    guint count = expr->operands->len;
    g_autofree int64_t *values = g_new(int64_t, count);
    for (guint i = 0; i < count; i++) {
        TRY(eval(evaluation, operand(expr, i), &values[i]));
    }
    const struct expr_function *function = expr->function;
    const char *fault = function->find_fault(values, count);
    if (fault != NULL) {
        diag_error(evaluation->diags, expr->span, "expr-domain", NULL,
                   "'%s' is not defined here: %s", function->name, fault);
        return ERR_INPUT;
    }
    *value = function->apply(values, count);
    return OK;
}

static enum status eval(const struct evaluation *evaluation,
                        const struct expr *expr, int64_t *value)
{
    switch (expr->kind) {
    case EXPR_LITERAL:
        *value = expr->literal;
        return OK;
    case EXPR_NAME:
        return eval_name(evaluation, expr, value);
    case EXPR_NEGATE:
        return eval_negate(evaluation, expr, value);
    case EXPR_NOT:
        return eval_not(evaluation, expr, value);
    case EXPR_BINARY:
        return eval_binary(evaluation, expr, value);
    case EXPR_CONDITIONAL:
        return eval_conditional(evaluation, expr, value);
    case EXPR_CALL:
        return eval_call(evaluation, expr, value);
    }
    BUG("expression kind %d", (int)expr->kind);
}

enum status expr_eval(const struct expr *expr, const struct scope *scope,
                      struct diags *diags, int64_t *value)
{
    struct evaluation evaluation = {.scope = scope, .diags = diags};
    int64_t result;
    TRY(eval(&evaluation, expr, &result));
    *value = result;
    return OK;
}

struct span expr_span(const struct expr *expr)
{
    return expr->span;
}

void expr_visit_names(const struct expr *expr,
                      void (*visit)(const char *name, struct span span,
                                    void *data),
                      void *data)
{
    if (expr->kind == EXPR_NAME) {
        visit(expr->name, expr->span, data);
    }
    for (guint i = 0; expr->operands != NULL && i < expr->operands->len; i++) {
        expr_visit_names(operand(expr, i), visit, data);
    }
}
