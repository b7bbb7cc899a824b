/* Tokens to a tree, by precedence climbing.
 *
 *   conditional := binary ['?' conditional ':' conditional]
 *   binary      := unary {OPERATOR unary}        all left-associative
 *   unary       := ('-' | '!') unary | primary
 *   primary     := NUMBER | NAME | NAME '(' arguments ')' | '(' conditional ')'
 *
 * Recursion is bounded twice: MAX_NESTING by how deep the text nests, and
 * MAX_HEIGHT by how tall a tree a flat text ('1+1+1+...') makes, because
 * evaluation and printing recurse over the tree. */
#include "base/expr.h"

#include <string.h>

#define MAX_NESTING 64
#define MAX_HEIGHT  1000

struct parser {
    struct expr_lexer lexer;
    struct expr_token token; /* looked at, not yet taken */
    struct diags *diags;
    int nesting;
    bool has_failed; /* reported already */
};

static struct expr *parse_conditional(struct parser *parser);
static struct expr *parse_unary(struct parser *parser);

static struct expr *new_node(enum expr_kind kind, struct span span)
{
    struct expr *expr = g_new0(struct expr, 1);
    expr->kind = kind;
    expr->span = span;
    expr->height = 1;
    return expr;
}

struct expr *expr_new_literal(int64_t value, struct span at)
{
    struct expr *expr = new_node(EXPR_LITERAL, at);
    expr->literal = value;
    return expr;
}

void expr_free(struct expr *expr)
{
    if (expr == NULL) {
        return;
    }
    if (expr->operands != NULL) {
        for (guint i = 0; i < expr->operands->len; i++) {
            expr_free(expr->operands->pdata[i]);
        }
        g_ptr_array_unref(expr->operands);
    }
    g_free(expr->name);
    g_free(expr);
}

/* From the start of the span to the end of `last`; both on one line. */
static void extend_span(struct span *span, struct span last)
{
    int end = last.column + last.length;
    span->length = MAX(end - span->column, span->length);
}

static void add_operand(struct expr *expr, struct expr *operand)
{
    if (expr->operands == NULL) {
        expr->operands = g_ptr_array_new();
    }
    g_ptr_array_add(expr->operands, operand);
    expr->height = MAX(expr->height, operand->height + 1);
    extend_span(&expr->span, operand->span);
}

static void fail(struct parser *parser, struct span span, const char *code,
                 const char *message)
{
    if (!parser->has_failed) {
        diag_error(parser->diags, span, code, NULL, "%s", message);
    }
    parser->has_failed = true;
}

static void advance(struct parser *parser)
{
    parser->token = expr_lexer_next(&parser->lexer);
    if (parser->token.kind == EXPR_TOKEN_ERROR) {
        parser->has_failed = true;
    }
}

static void fail_expected(struct parser *parser, const char *expected)
{
    const struct expr_token *token = &parser->token;
    if (parser->has_failed) {
        return;
    }
    g_autofree char *found =
        token->kind == EXPR_TOKEN_END
            ? g_strdup("the end")
            : g_strdup_printf("'%.*s'", (int)MIN(token->length_bytes, 40),
                              token->start);
    g_autofree char *message =
        g_strdup_printf("expected %s, found %s", expected, found);
    fail(parser, token->span, "expr-syntax", message);
}

static bool take(struct parser *parser, enum expr_token_kind kind,
                 const char *expected)
{
    if (parser->token.kind != kind) {
        fail_expected(parser, expected);
        return false;
    }
    advance(parser);
    return true;
}

static bool enter(struct parser *parser)
{
    if (++parser->nesting > MAX_NESTING) {
        fail(parser, parser->token.span, "expr-too-deep",
             "expression nests deeper than 64 levels");
        return false;
    }
    return true;
}

/* Frees `expr` and gives NULL if anything failed or the tree got too tall. */
static struct expr *finish(struct parser *parser, struct expr *expr)
{
    if (expr->height > MAX_HEIGHT) {
        fail(parser, expr->span, "expr-too-deep",
             "expression has more than 1000 operations in a chain");
    }
    if (parser->has_failed) {
        expr_free(expr);
        return NULL;
    }
    return expr;
}

static struct expr *parse_number(struct parser *parser, bool is_negative,
                                 struct span start)
{
    uint64_t magnitude = parser->token.magnitude;
    int64_t value = 0;
    if (magnitude <= INT64_MAX) {
        value = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    } else if (is_negative) {
        value = INT64_MIN;
    } else {
        fail(parser, parser->token.span, "expr-overflow",
             "number does not fit in 63 bits");
    }
    struct expr *expr = expr_new_literal(value, start);
    extend_span(&expr->span, parser->token.span);
    advance(parser);
    return finish(parser, expr);
}

static const struct expr_function *find_function(struct parser *parser,
                                                 const struct expr *name)
{
    const struct expr_function *functions = expr_functions();
    const char *names[EXPR_FUNCTION_COUNT];
    for (size_t i = 0; i < EXPR_FUNCTION_COUNT; i++) {
        names[i] = functions[i].name;
        if (strcmp(functions[i].name, name->name) == 0) {
            return &functions[i];
        }
    }
    g_autofree char *suggestion =
        suggest_text(name->name, names, EXPR_FUNCTION_COUNT);
    diag_error(parser->diags, name->span, "expr-unknown-function", suggestion,
               "unknown function '%s'", name->name);
    parser->has_failed = true;
    return NULL;
}

static void check_argument_count(struct parser *parser, const struct expr *call,
                                 struct span name_span)
{
    const struct expr_function *function = call->function;
    size_t count = call->operands ? call->operands->len : 0;
    if (parser->has_failed ||
        (count >= function->least_count && count <= function->most_count)) {
        return;
    }
    diag_error(parser->diags, name_span, "expr-arguments", NULL,
               "'%s' takes %s%zu arguments, not %zu", function->name,
               function->most_count == SIZE_MAX ? "at least " : "",
               function->least_count, count);
    parser->has_failed = true;
}

/* The name has become the call's; the token is its '('. */
static struct expr *parse_call(struct parser *parser, struct expr *call)
{
    struct span name_span = call->span;
    call->kind = EXPR_CALL;
    call->function = find_function(parser, call);
    if (parser->has_failed) {
        return finish(parser, call);
    }
    advance(parser);
    bool has_more = parser->token.kind != EXPR_TOKEN_CLOSE;
    while (has_more) {
        struct expr *argument = parse_conditional(parser);
        if (argument == NULL) {
            break;
        }
        add_operand(call, argument);
        has_more = parser->token.kind == EXPR_TOKEN_COMMA;
        if (has_more) {
            advance(parser);
        }
    }
    extend_span(&call->span, parser->token.span);
    (void)take(parser, EXPR_TOKEN_CLOSE, "',' or ')'");
    check_argument_count(parser, call, name_span);
    return finish(parser, call);
}

static struct expr *parse_parenthesis(struct parser *parser)
{
    struct span start = parser->token.span;
    advance(parser);
    struct expr *expr = parse_conditional(parser);
    if (expr == NULL) {
        return NULL;
    }
    /* Carets for the whole include its parentheses. */
    extend_span(&start, parser->token.span);
    expr->span = start;
    (void)take(parser, EXPR_TOKEN_CLOSE, "')'");
    return finish(parser, expr);
}

static struct expr *parse_name(struct parser *parser)
{
    struct expr *expr = new_node(EXPR_NAME, parser->token.span);
    expr->name = g_strndup(parser->token.start, parser->token.length_bytes);
    advance(parser);
    if (parser->token.kind == EXPR_TOKEN_OPEN) {
        return parse_call(parser, expr);
    }
    return finish(parser, expr);
}

static struct expr *parse_primary(struct parser *parser)
{
    if (parser->token.kind == EXPR_TOKEN_NUMBER) {
        return parse_number(parser, false, parser->token.span);
    }
    if (parser->token.kind == EXPR_TOKEN_NAME) {
        return parse_name(parser);
    }
    if (parser->token.kind == EXPR_TOKEN_OPEN) {
        return parse_parenthesis(parser);
    }
    fail_expected(parser, "a number, a name or '('");
    return NULL;
}

static struct expr *parse_unary(struct parser *parser)
{
    enum expr_token_kind kind = parser->token.kind;
    if (kind != EXPR_TOKEN_SUB && kind != EXPR_TOKEN_NOT) {
        return parse_primary(parser);
    }
    struct span start = parser->token.span;
    if (!enter(parser)) {
        return NULL;
    }
    advance(parser);
    struct expr *expr;
    if (kind == EXPR_TOKEN_SUB && parser->token.kind == EXPR_TOKEN_NUMBER) {
        expr = parse_number(parser, true, start);
    } else {
        struct expr *operand = parse_unary(parser);
        if (operand == NULL) {
            return NULL;
        }
        expr = new_node(kind == EXPR_TOKEN_SUB ? EXPR_NEGATE : EXPR_NOT, start);
        add_operand(expr, operand);
        expr = finish(parser, expr);
    }
    parser->nesting--;
    return expr;
}

static struct expr *parse_binary(struct parser *parser, int least_precedence)
{
    struct expr *left = parse_unary(parser);
    while (left != NULL) {
        const struct expr_operator *operation =
            expr_find_operator(parser->token.kind);
        if (operation == NULL || operation->precedence < least_precedence) {
            return left;
        }
        advance(parser);
        struct expr *right = parse_binary(parser, operation->precedence + 1);
        if (right == NULL) {
            expr_free(left);
            return NULL;
        }
        struct expr *binary = new_node(EXPR_BINARY, left->span);
        binary->operation = operation;
        add_operand(binary, left);
        add_operand(binary, right);
        left = finish(parser, binary);
    }
    return NULL;
}

static struct expr *parse_choices(struct parser *parser, struct expr *condition)
{
    struct expr *expr = new_node(EXPR_CONDITIONAL, condition->span);
    add_operand(expr, condition);
    advance(parser);
    struct expr *chosen = parse_conditional(parser);
    if (chosen == NULL) {
        expr_free(expr);
        return NULL;
    }
    add_operand(expr, chosen);
    struct expr *otherwise = NULL;
    if (take(parser, EXPR_TOKEN_COLON, "':'")) {
        otherwise = parse_conditional(parser);
    }
    if (otherwise == NULL) {
        expr_free(expr);
        return NULL;
    }
    add_operand(expr, otherwise);
    return finish(parser, expr);
}

static struct expr *parse_conditional(struct parser *parser)
{
    if (!enter(parser)) {
        return NULL;
    }
    struct expr *expr = parse_binary(parser, EXPR_PRECEDENCE_LOWEST_BINARY);
    if (expr != NULL && parser->token.kind == EXPR_TOKEN_QUESTION) {
        expr = parse_choices(parser, expr);
    }
    parser->nesting--;
    return expr;
}

enum status expr_parse(struct diags *diags, struct span at, const char *text,
                       struct expr **expr)
{
    struct parser parser = {
        .lexer = {.diags = diags, .at = at, .next = text},
        .diags = diags,
    };
    advance(&parser);
    if (parser.token.kind == EXPR_TOKEN_END) {
        fail(&parser, at, "expr-syntax", "expected an expression");
    }
    struct expr *parsed = parser.has_failed ? NULL : parse_conditional(&parser);
    if (parsed != NULL && parser.token.kind != EXPR_TOKEN_END) {
        fail_expected(&parser, "an operator or the end");
    }
    if (parser.has_failed) {
        expr_free(parsed);
        return ERR_INPUT;
    }
    g_assert(parsed != NULL);
    *expr = parsed;
    return OK;
}
