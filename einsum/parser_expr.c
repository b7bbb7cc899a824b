/* Grammar of values and indices, loosest binding first:
 *
 *   expr    = and { '||' and }
 *   and     = compare { '&&' compare }
 *   compare = sum [ ('<' | '<=' | '>' | '>=' | '==' | '!=') sum ]
 *   sum     = term { ('+' | '-') term }
 *   term    = factor { ('*' | '/' | 'mod') factor }
 *   factor  = ('-' | '!') factor | primary
 *   primary = number | 'inf' | 'pi' | rank | SHAPE | access | call | '(' expr ')'
 */
#include "einsum/parser.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"
#include "einsum/macro.h"

static struct ast_node *parse_factor(struct parser *parser);

static struct ast_node *report_depth(struct parser *parser, struct place place)
{
    diag_error(parser->diags, place_span(place), "einsum-too-deep", NULL,
               "the expression is nested deeper than %d levels",
               AST_MAX_HEIGHT);
    return NULL;
}

/* What an operator or a name before parentheses stands for. */
struct meaning {
    enum ast_kind kind; /* AST_OP or AST_CALL */
    enum einsum_op op;
    enum ast_call call;
};

static struct ast_node *new_node(struct parser *parser, struct meaning meaning,
                                 struct place place, GPtrArray *operands)
{
    struct ast_node *node = ast_new(parser->cascade, meaning.kind,
                                    parser_place_from(parser, place));
    node->op = meaning.op;
    node->call = meaning.call;
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
    if (g_str_equal(name, "inf") || g_str_equal(name, "pi")) {
        kind = AST_NUMBER;
    } else if (name_is_rank(name)) {
        kind = AST_RANK;
    }
    struct ast_node *node =
        ast_new(parser->cascade, kind, parser_place(parser, token));
    node->name = name;
    if (kind == AST_NUMBER) {
        node->number = name[0] == 'p' ? G_PI : (double)INFINITY;
    }
    return node;
}

/* False: no function has that name. */
static bool find_function(const char *name, struct meaning *meaning,
                          int *argument_count)
{
    enum einsum_op op = op_find_call(name);
    enum ast_call call = call_find(name);
    if (op != EINSUM_OP_COUNT) {
        *meaning = (struct meaning){.kind = AST_OP, .op = op};
        *argument_count = op_arity(op);
        return true;
    }
    if (call != CALL_COUNT) {
        *meaning = (struct meaning){.kind = AST_CALL, .call = call};
        *argument_count = call == CALL_COMPLEX ? 2 : 1;
        return true;
    }
    return false;
}

static char *suggest_function(const char *name)
{
    const char *names[EINSUM_OP_COUNT + CALL_COUNT];
    size_t count = 0;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        const char *known = einsum_op_name((enum einsum_op)op);
        if (op_find_call(known) != EINSUM_OP_COUNT) {
            names[count++] = known;
        }
    }
    for (int call = 0; call < CALL_BIND; call++) {
        names[count++] = call_name((enum ast_call)call);
    }
    g_autofree char *lower = g_ascii_strdown(name, -1);
    return suggest_text(lower, names, count);
}

static void report_unknown_function(struct parser *parser, struct token token,
                                    const char *name)
{
    struct span span = place_span(parser_place(parser, token));
    bool is_macro = macro_is_name(parser->cascade, name, parser->diags);
    bool is_prefix = is_macro || parser_is_prefix(name);
    if (is_prefix) {
        g_autofree char *suggestion = g_strdup_printf(
            "define a tensor for the %s in a statement of its own", name);
        diag_error(parser->diags, span, "einsum-nested-reduction", suggestion,
                   "a %s stands only right after '='",
                   is_macro ? "macro" : "reduction");
        return;
    }
    g_autofree char *suggestion = suggest_function(name);
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
    struct meaning meaning = {.kind = AST_OP};
    int argument_count = 0;
    if (!find_function(name, &meaning, &argument_count)) {
        report_unknown_function(parser, token, name);
        return NULL;
    }
    parser_take(parser);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    if (!parse_arguments(parser, arguments)) {
        return NULL;
    }
    struct place place = parser_place(parser, token);
    if ((int)arguments->len != argument_count) {
        diag_error(parser->diags, place_span(place), "einsum-argument-count",
                   NULL, "'%s' takes %d argument%s, not %u", name,
                   argument_count, argument_count == 1 ? "" : "s",
                   arguments->len);
        return NULL;
    }
    return new_node(parser, meaning, place, arguments);
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

/* "-a", "!a" */
static struct ast_node *parse_prefix(struct parser *parser)
{
    struct token token = parser_take(parser);
    struct place place = parser_place(parser, token);
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    struct ast_node *operand = parse_factor(parser);
    if (operand == NULL) {
        return NULL;
    }
    g_ptr_array_add(operands, operand);
    struct meaning meaning = {.kind = AST_OP, .op = EINSUM_NEGATE};
    if (token.kind == TOKEN_NOT) {
        meaning = (struct meaning){.kind = AST_CALL, .call = CALL_NOT};
    }
    return new_node(parser, meaning, place, operands);
}

static struct ast_node *parse_factor(struct parser *parser)
{
    if (parser->nesting >= AST_MAX_HEIGHT) {
        return report_depth(parser, parser_place(parser, parser_peek(parser)));
    }
    parser->nesting++;
    enum token_kind kind = parser_peek(parser).kind;
    struct ast_node *node = kind == TOKEN_MINUS || kind == TOKEN_NOT
                                ? parse_prefix(parser)
                                : parse_primary(parser);
    parser->nesting--;
    return node;
}

struct operator
{
    enum token_kind kind;
    enum op_binding binding;
    struct meaning meaning;
    bool is_swapped; /* a > b is b < a */
};

static const struct operator*
    find_operator(const struct parser *parser, int binding)
{
    static const struct operator table[] = {
        {TOKEN_OR, OP_BINDS_OR, {AST_CALL, 0, CALL_OR}, false},
        {TOKEN_AND, OP_BINDS_AND, {AST_CALL, 0, CALL_AND}, false},
        {TOKEN_LESS, OP_BINDS_COMPARISON, {AST_OP, EINSUM_LESS, 0}, false},
        {TOKEN_LESS_EQUAL,
         OP_BINDS_COMPARISON,
         {AST_OP, EINSUM_LESS_EQUAL, 0},
         false},
        {TOKEN_GREATER, OP_BINDS_COMPARISON, {AST_OP, EINSUM_LESS, 0}, true},
        {TOKEN_GREATER_EQUAL,
         OP_BINDS_COMPARISON,
         {AST_OP, EINSUM_LESS_EQUAL, 0},
         true},
        {TOKEN_SAME, OP_BINDS_COMPARISON, {AST_OP, EINSUM_EQUAL, 0}, false},
        {TOKEN_DIFFERENT,
         OP_BINDS_COMPARISON,
         {AST_OP, EINSUM_NOT_EQUAL, 0},
         false},
        {TOKEN_PLUS, OP_BINDS_SUM, {AST_OP, EINSUM_ADD, 0}, false},
        {TOKEN_MINUS, OP_BINDS_SUM, {AST_OP, EINSUM_SUB, 0}, false},
        {TOKEN_STAR, OP_BINDS_PRODUCT, {AST_OP, EINSUM_MUL, 0}, false},
        {TOKEN_SLASH, OP_BINDS_PRODUCT, {AST_OP, EINSUM_DIVIDE, 0}, false},
        {TOKEN_NAME, OP_BINDS_PRODUCT, {AST_OP, EINSUM_MOD, 0}, false},
    };
    struct token token = parser_peek(parser);
    if (token.kind == TOKEN_NAME && !parser_is_name(parser, token, "mod")) {
        return NULL;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].kind == token.kind && (int)table[i].binding == binding) {
            return &table[i];
        }
    }
    return NULL;
}

/* Left-associative; comparisons do not chain. */
static struct ast_node *parse_level(struct parser *parser, int level)
{
    if (level == OP_BINDS_NEGATION) {
        return parse_factor(parser);
    }
    struct place place = parser_place(parser, parser_peek(parser));
    struct ast_node *left = parse_level(parser, level + 1);
    const struct operator* found = NULL;
    while (left != NULL && (found = find_operator(parser, level)) != NULL) {
        parser_take(parser);
        struct ast_node *right = parse_level(parser, level + 1);
        if (right == NULL) {
            return NULL;
        }
        g_autoptr(GPtrArray) operands = g_ptr_array_new();
        g_ptr_array_add(operands, found->is_swapped ? right : left);
        g_ptr_array_add(operands, found->is_swapped ? left : right);
        left = new_node(parser, found->meaning, place, operands);
        if (level == OP_BINDS_COMPARISON) {
            break;
        }
    }
    return left;
}

struct ast_node *parse_expr(struct parser *parser)
{
    return parse_level(parser, OP_BINDS_OR);
}
