/* Grammar of values and indices, loosest binding first:
 *
 *   expr    = term { ('+' | '-') term }
 *   term    = factor { ('*' | '/') factor }
 *   factor  = '-' factor | primary
 *   primary = number | 'inf' | rank | SHAPE | access | call | '(' expr ')'
 */
#include "einsum/parser.h"

#include <math.h>
#include <string.h>

static const struct function {
    const char *name;
    int argument_count;
    enum einsum_op op;
} functions[] = {
    {"exp", 1, EINSUM_EXP}, {"log", 1, EINSUM_LOG},   {"sqrt", 1, EINSUM_SQRT},
    {"abs", 1, EINSUM_ABS}, {"tanh", 1, EINSUM_TANH}, {"max", 2, EINSUM_MAX},
    {"min", 2, EINSUM_MIN},
};

static struct ast_node *parse_factor(struct parser *parser);

static struct ast_node *report_depth(struct parser *parser, struct place place)
{
    diag_error(parser->diags, place_span(place), "einsum-too-deep", NULL,
               "the expression is nested deeper than %d levels",
               AST_MAX_HEIGHT);
    return NULL;
}

/* An operation on one (`right` NULL) or two operands. */
static struct ast_node *new_op(struct parser *parser, enum einsum_op op,
                               struct place place, struct ast_node *left,
                               struct ast_node *right)
{
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    g_ptr_array_add(operands, left);
    if (right != NULL) {
        g_ptr_array_add(operands, right);
    }
    struct ast_node *node =
        ast_new(parser->cascade, AST_OP, parser_place_from(parser, place));
    node->op = op;
    ast_set_children(node, operands);
    if (node->height > AST_MAX_HEIGHT) {
        return report_depth(parser, node->place);
    }
    return node;
}

static struct ast_node *parse_number(struct parser *parser)
{
    struct token token = parser_take(parser);
    struct place place = parser_place(parser, token);
    g_autofree char *text =
        g_strndup(parser->text + token.offset, token.length);
    struct ast_node *node = ast_new(parser->cascade, AST_NUMBER, place);
    node->number = g_ascii_strtod(text, NULL);
    if (!isfinite(node->number)) {
        diag_error(parser->diags, place_span(place), "einsum-bad-number",
                   "write 'inf' for infinity",
                   "number '%.60s' is beyond the range of a double", text);
        return NULL;
    }
    node->is_integer = strpbrk(text, ".eE") == NULL && token.length <= 18;
    if (node->is_integer) {
        node->integer = g_ascii_strtoll(text, NULL, 10);
    }
    return node;
}

static struct ast_node *parse_name(struct parser *parser)
{
    struct token token = parser_take(parser);
    const char *name = parser_name(parser, token);
    enum ast_kind kind = AST_SHAPE;
    if (g_str_equal(name, "inf")) {
        kind = AST_NUMBER;
    } else if (name_is_rank(name)) {
        kind = AST_RANK;
    }
    struct ast_node *node =
        ast_new(parser->cascade, kind, parser_place(parser, token));
    node->name = name;
    node->number = kind == AST_NUMBER ? (double)INFINITY : 0.0;
    return node;
}

static const struct function *find_function(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(functions); i++) {
        if (g_str_equal(functions[i].name, name)) {
            return &functions[i];
        }
    }
    return NULL;
}

static void report_unknown_function(struct parser *parser, struct token token,
                                    const char *name)
{
    struct span span = place_span(parser_place(parser, token));
    if (g_str_equal(name, "sum")) {
        diag_error(parser->diags, span, "einsum-nested-reduction",
                   "define a tensor for the sum in a statement of its own",
                   "a reduction stands only right after '='");
        return;
    }
    const char *names[G_N_ELEMENTS(functions)];
    for (size_t i = 0; i < G_N_ELEMENTS(functions); i++) {
        names[i] = functions[i].name;
    }
    g_autofree char *lower = g_ascii_strdown(name, -1);
    g_autofree char *suggestion =
        suggest_text(lower, names, G_N_ELEMENTS(names));
    diag_error(parser->diags, span, "einsum-unknown-function", suggestion,
               "unknown function '%s'", name);
}

static bool parse_arguments(struct parser *parser, GPtrArray *arguments)
{
    do {
        struct ast_node *argument = parse_expr(parser);
        if (argument == NULL) {
            return false;
        }
        g_ptr_array_add(arguments, argument);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "an operator, ',' or ')'");
}

static struct ast_node *parse_call(struct parser *parser)
{
    struct token token = parser_take(parser);
    const char *name = parser_name(parser, token);
    const struct function *function = find_function(name);
    if (function == NULL) {
        report_unknown_function(parser, token, name);
        return NULL;
    }
    parser_take(parser);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    if (!parse_arguments(parser, arguments)) {
        return NULL;
    }
    struct place place = parser_place(parser, token);
    if ((int)arguments->len != function->argument_count) {
        diag_error(parser->diags, place_span(place), "einsum-argument-count",
                   NULL, "'%s' takes %d argument%s, not %u", name,
                   function->argument_count,
                   function->argument_count == 1 ? "" : "s", arguments->len);
        return NULL;
    }
    return new_op(parser, function->op, place, g_ptr_array_index(arguments, 0),
                  arguments->len > 1 ? g_ptr_array_index(arguments, 1) : NULL);
}

static struct ast_node *parse_parentheses(struct parser *parser)
{
    parser_take(parser);
    struct ast_node *inner = parse_expr(parser);
    if (inner == NULL ||
        !parser_expect(parser, TOKEN_RIGHT_PAREN, "an operator or ')'")) {
        return NULL;
    }
    return inner;
}

static struct ast_node *parse_primary(struct parser *parser)
{
    struct token token = parser_peek(parser);
    struct token next = parser_look(parser, 1);
    if (token.kind == TOKEN_NUMBER) {
        return parse_number(parser);
    }
    if (token.kind == TOKEN_LEFT_PAREN) {
        return parse_parentheses(parser);
    }
    if (token.kind != TOKEN_NAME) {
        parser_fail(parser, "a value");
        return NULL;
    }
    if (next.kind == TOKEN_LEFT_PAREN && !next.starts_line) {
        return parse_call(parser);
    }
    if (next.kind == TOKEN_LEFT_BRACKET && !next.starts_line) {
        if (!g_ascii_isupper(parser->text[token.offset])) {
            parser_fail(parser,
                        "the name of a tensor (it begins with a capital)");
            return NULL;
        }
        return parse_access(parser);
    }
    return parse_name(parser);
}

static struct ast_node *parse_negation(struct parser *parser)
{
    struct place place = parser_place(parser, parser_take(parser));
    struct ast_node *operand = parse_factor(parser);
    if (operand == NULL) {
        return NULL;
    }
    return new_op(parser, EINSUM_NEGATE, place, operand, NULL);
}

static struct ast_node *parse_factor(struct parser *parser)
{
    if (parser->nesting >= AST_MAX_HEIGHT) {
        return report_depth(parser, parser_place(parser, parser_peek(parser)));
    }
    parser->nesting++;
    struct ast_node *node = parser_peek(parser).kind == TOKEN_MINUS
                                ? parse_negation(parser)
                                : parse_primary(parser);
    parser->nesting--;
    return node;
}

static bool find_binary(struct token token, int level, enum einsum_op *op)
{
    static const struct {
        enum token_kind kind;
        int level;
        enum einsum_op op;
    } table[] = {
        {TOKEN_PLUS, 0, EINSUM_ADD},
        {TOKEN_MINUS, 0, EINSUM_SUB},
        {TOKEN_STAR, 1, EINSUM_MUL},
        {TOKEN_SLASH, 1, EINSUM_DIVIDE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].kind == token.kind && table[i].level == level) {
            *op = table[i].op;
            return true;
        }
    }
    return false;
}

/* level 0: sums of level 1: products of factors. Left-associative. */
static struct ast_node *parse_level(struct parser *parser, int level)
{
    if (level == 2) {
        return parse_factor(parser);
    }
    struct place place = parser_place(parser, parser_peek(parser));
    struct ast_node *left = parse_level(parser, level + 1);
    enum einsum_op op = EINSUM_ADD;
    while (left != NULL && find_binary(parser_peek(parser), level, &op)) {
        parser_take(parser);
        struct ast_node *right = parse_level(parser, level + 1);
        if (right == NULL) {
            return NULL;
        }
        left = new_op(parser, op, place, left, right);
    }
    return left;
}

struct ast_node *parse_expr(struct parser *parser)
{
    return parse_level(parser, 0);
}
