/* Grammar (doc/language.md has it in full):
 *
 *   statement = access [ ',' access ] '=' [ prefix ] expr [ 'where' expr ]
 *   prefix    = ('sum' | 'max' | 'min' | 'prod') '(' ranks ')'
 *             | 'topk' '(' rank ',' SHAPE ')'
 *             | ('argmax' | 'argmin' | 'argsort' | 'sort') '(' rank ')'
 *             | ('fft' | 'ifft' | 'rfft' | 'irfft' | 'dct' | 'idct') '(' rank ')'
 *             | MACRO '(' [ ranks ] { ',' expr } ')'
 *   ranks     = rank { ',' rank }
 *
 * A statement ends with its line unless a bracket is open or the line's last
 * token asks for more (an operator, '=' or ','). After an error the parser goes
 * on with the next line, so that one run reports the mistakes of all of them.
 */
#include "einsum/parser.h"

#include <string.h>

#include "einsum/einsum_ops.h"
#include "einsum/macro.h"

struct token parser_look(const struct parser *parser, guint ahead)
{
    guint i = MIN(parser->at + ahead, parser->tokens->len - 1);
    return g_array_index(parser->tokens, struct token, i);
}

static bool is_continued(const struct parser *parser)
{
    if (parser->open_brackets > 0 || parser->at == parser->statement_start) {
        return true;
    }
    switch (g_array_index(parser->tokens, struct token, parser->at - 1).kind) {
    case TOKEN_PLUS:
    case TOKEN_MINUS:
    case TOKEN_STAR:
    case TOKEN_SLASH:
    case TOKEN_LESS:
    case TOKEN_LESS_EQUAL:
    case TOKEN_GREATER:
    case TOKEN_GREATER_EQUAL:
    case TOKEN_SAME:
    case TOKEN_DIFFERENT:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_NOT:
    case TOKEN_EQUALS:
    case TOKEN_COMMA:
        return true;
    case TOKEN_NAME:
        return parser_is_name(
            parser, g_array_index(parser->tokens, struct token, parser->at - 1),
            "where");
    case TOKEN_END:
    case TOKEN_NUMBER:
    case TOKEN_BAD:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_LEFT_PAREN:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_RIGHT_BRACE:
    case TOKEN_RANGE:
        break;
    }
    return false;
}

struct token parser_peek(const struct parser *parser)
{
    struct token token = parser_look(parser, 0);
    if (token.starts_line && !is_continued(parser) &&
        !parser_is_name(parser, token, "where")) {
        token.kind = TOKEN_END;
    }
    return token;
}

struct token parser_take(struct parser *parser)
{
    struct token token = parser_look(parser, 0);
    if (token.kind == TOKEN_LEFT_BRACKET || token.kind == TOKEN_LEFT_PAREN) {
        parser->open_brackets++;
    } else if (token.kind == TOKEN_RIGHT_BRACKET ||
               token.kind == TOKEN_RIGHT_PAREN) {
        parser->open_brackets--;
    }
    parser->at = MIN(parser->at + 1, parser->tokens->len - 1);
    return token;
}

bool parser_accept(struct parser *parser, enum token_kind kind)
{
    if (parser_peek(parser).kind != kind) {
        return false;
    }
    parser_take(parser);
    return true;
}

bool parser_expect(struct parser *parser, enum token_kind kind,
                   const char *what)
{
    if (!parser_accept(parser, kind)) {
        parser_fail(parser, what);
        return false;
    }
    return true;
}

/* 'were' for 'where'; NULL if nothing is near. */
static char *suggest_keyword(const struct parser *parser, struct token token)
{
    static const char *const keywords[] = {"where", "mod"};
    if (token.kind != TOKEN_NAME) {
        return NULL;
    }
    g_autofree char *word =
        g_strndup(parser->text + token.offset, (gsize)MIN(token.length, 60));
    return suggest_text(word, keywords, G_N_ELEMENTS(keywords));
}

void parser_fail(struct parser *parser, const char *what)
{
    struct token token = parser_peek(parser);
    struct token next = parser_look(parser, 0);
    if (token.kind == TOKEN_BAD) {
        return; /* the lexer has reported it */
    }
    struct place place = parser_place(parser, token);
    bool is_end = token.kind == TOKEN_END;
    if (is_end && parser->at > 0) {
        /* The end of a line is behind its last token. */
        struct token last =
            g_array_index(parser->tokens, struct token, parser->at - 1);
        place =
            (struct place){parser->node, last.offset + last.length, 1, NULL};
    }
    if (is_end) {
        diag_error(parser->diags, place_span(place), "einsum-syntax", NULL,
                   "expected %s, found the end of the %s", what,
                   next.kind == TOKEN_END ? "text" : "line");
    } else {
        g_autofree char *suggestion = suggest_keyword(parser, token);
        diag_error(parser->diags, place_span(place), "einsum-syntax",
                   suggestion, "expected %s, found '%.*s'", what,
                   (int)MIN(token.length, 60), parser->text + token.offset);
    }
}

struct place parser_place(const struct parser *parser, struct token token)
{
    return (struct place){parser->node, token.offset, (int)token.length, NULL};
}

struct place parser_place_from(const struct parser *parser, struct place first)
{
    struct token last =
        g_array_index(parser->tokens, struct token, parser->at - 1);
    size_t length = last.offset + last.length - first.offset;
    const char *start = parser->text + first.offset;
    const char *newline = memchr(start, '\n', length);
    if (newline != NULL) {
        length = (size_t)(newline - start);
    }
    return (struct place){first.node, first.offset, (int)length, NULL};
}

const char *parser_name(const struct parser *parser, struct token token)
{
    g_autofree char *name =
        g_strndup(parser->text + token.offset, token.length);
    return g_string_chunk_insert_const(parser->cascade->names, name);
}

bool parser_is_name(const struct parser *parser, struct token token,
                    const char *name)
{
    return token.kind == TOKEN_NAME && token.length == strlen(name) &&
           strncmp(parser->text + token.offset, name, token.length) == 0;
}

/* What may stand between '=' and the expression. */
struct prefix {
    const char *name;
    enum einsum_reduce reduce;
    enum selection selection;
    bool is_function; /* max(a, b) is an operation as well */
    bool has_count;   /* topk(m, T) */
};

static const struct prefix *find_prefix(const char *name)
{
    static const struct prefix table[] = {
        {"sum", EINSUM_SUM, 0, false, false},
        {"max", EINSUM_MAXIMUM, 0, true, false},
        {"min", EINSUM_MINIMUM, 0, true, false},
        {"prod", EINSUM_PRODUCT, 0, false, false},
        {"topk", EINSUM_NO_REDUCE, SELECT_TOPK, false, true},
        {"argmax", EINSUM_NO_REDUCE, SELECT_ARGMAX, false, false},
        {"argmin", EINSUM_NO_REDUCE, SELECT_ARGMIN, false, false},
        {"argsort", EINSUM_NO_REDUCE, SELECT_ARGSORT, false, false},
        {"sort", EINSUM_NO_REDUCE, SELECT_SORT, false, false},
        {"fft", EINSUM_NO_REDUCE, TRANSFORM_FFT, false, false},
        {"ifft", EINSUM_NO_REDUCE, TRANSFORM_IFFT, false, false},
        {"rfft", EINSUM_NO_REDUCE, TRANSFORM_RFFT, false, false},
        {"irfft", EINSUM_NO_REDUCE, TRANSFORM_IRFFT, false, false},
        {"dct", EINSUM_NO_REDUCE, TRANSFORM_DCT, false, false},
        {"idct", EINSUM_NO_REDUCE, TRANSFORM_IDCT, false, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_str_equal(table[i].name, name)) {
            return &table[i];
        }
    }
    return NULL;
}

bool parser_is_prefix(const char *name)
{
    return find_prefix(name) != NULL;
}

/* Tells `max(m0) X` from `max(a, b)`: only ranks in the parentheses, and after
 * them the beginning of an expression. `sum` is never a call. */
static bool is_reduction(const struct parser *parser,
                         const struct prefix *prefix)
{
    if (parser_look(parser, 1).kind != TOKEN_LEFT_PAREN) {
        return false;
    }
    if (!prefix->is_function) {
        return true;
    }
    guint i = 2;
    for (;; i += 2) {
        struct token name = parser_look(parser, i);
        if (name.kind != TOKEN_NAME ||
            !g_ascii_islower(parser->text[name.offset])) {
            return false;
        }
        if (parser_look(parser, i + 1).kind != TOKEN_COMMA) {
            break;
        }
    }
    struct token after = parser_look(parser, i + 2);
    return parser_look(parser, i + 1).kind == TOKEN_RIGHT_PAREN &&
           (after.kind == TOKEN_NAME || after.kind == TOKEN_NUMBER ||
            after.kind == TOKEN_LEFT_PAREN || after.kind == TOKEN_MINUS) &&
           !after.starts_line;
}

bool parse_rank(struct parser *parser, GPtrArray *ranks)
{
    struct token token = parser_peek(parser);
    if (token.kind != TOKEN_NAME) {
        parser_fail(parser, "the name of a rank");
        return false;
    }
    const char *name = parser_name(parser, token);
    if (!name_is_rank(name)) {
        parser_fail(parser, "the name of a rank (lower case)");
        return false;
    }
    struct ast_node *rank =
        ast_new(parser->cascade, AST_RANK, parser_place(parser, token));
    rank->name = name;
    g_ptr_array_add(ranks, rank);
    parser_take(parser);
    return true;
}

/* The argument after the ranks: topk(m, T). */
static bool is_last_argument(const struct parser *parser,
                             const struct prefix *prefix)
{
    struct token token = parser_peek(parser);
    return prefix->has_count && (token.kind != TOKEN_NAME ||
                                 !g_ascii_islower(parser->text[token.offset]));
}

static bool parse_prefix_arguments(struct parser *parser,
                                   const struct prefix *prefix,
                                   GPtrArray *ranks, struct ast_node **count)
{
    do {
        if (ranks->len > 0 && is_last_argument(parser, prefix)) {
            *count = parse_expr(parser);
            return *count != NULL &&
                   parser_expect(parser, TOKEN_RIGHT_PAREN, "')'");
        }
        if (!parse_rank(parser, ranks)) {
            return false;
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    if (prefix->has_count) {
        parser_fail(parser, "',' and the shape of the new rank");
        return false;
    }
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "',' or ')'");
}

static bool parse_prefix_of(struct parser *parser, const struct prefix *prefix,
                            struct ast_statement *statement)
{
    statement->has_reduction = true;
    statement->reduce = prefix->reduce;
    statement->selection = prefix->selection;
    parser_take(parser);
    parser_take(parser);
    return parse_prefix_arguments(parser, prefix, statement->reduce_ranks,
                                  &statement->select_count);
}

/* ---- calls of macros ----------------------------------------------------- */

/* The token behind the bracket that closes the one `ahead`. */
static struct token find_behind(const struct parser *parser, guint ahead)
{
    int open = 0;
    struct token token = parser_look(parser, ahead);
    do {
        token = parser_look(parser, ahead++);
        open += token.kind == TOKEN_LEFT_PAREN ? 1 : 0;
        open -= token.kind == TOKEN_RIGHT_PAREN ? 1 : 0;
    } while (open > 0 && token.kind != TOKEN_END);
    return parser_look(parser, ahead);
}

/* A name in front of brackets that is no function, but a macro or, as there is
 * an expression behind it, was meant to be one. */
static bool is_macro_call(const struct parser *parser)
{
    struct token token = parser_peek(parser);
    struct token next = parser_look(parser, 1);
    if (token.kind != TOKEN_NAME || next.kind != TOKEN_LEFT_PAREN ||
        next.starts_line) {
        return false;
    }
    const char *name = parser_name(parser, token);
    if (!name_is_rank(name) || op_find_call(name) != EINSUM_OP_COUNT ||
        call_find(name) != CALL_COUNT) {
        return false;
    }
    struct token behind = find_behind(parser, 1);
    bool is_expr = (behind.kind == TOKEN_NAME &&
                    !parser_is_name(parser, behind, "where") &&
                    !parser_is_name(parser, behind, "mod")) ||
                   behind.kind == TOKEN_NUMBER ||
                   behind.kind == TOKEN_LEFT_PAREN;
    return (is_expr && !behind.starts_line) ||
           macro_is_name(parser->cascade, name, parser->diags);
}

static bool is_rank_argument(const struct parser *parser)
{
    struct token token = parser_peek(parser);
    enum token_kind next = parser_look(parser, 1).kind;
    return token.kind == TOKEN_NAME &&
           g_ascii_islower(parser->text[token.offset]) &&
           !parser_is_name(parser, token, "inf") &&
           (next == TOKEN_COMMA || next == TOKEN_RIGHT_PAREN);
}

static bool parse_call_argument(struct parser *parser, GPtrArray *ranks,
                                GPtrArray *values)
{
    if (is_rank_argument(parser)) {
        if (values->len > 0) {
            parser_fail(parser, "a value (ranks stand before values)");
            return false;
        }
        return parse_rank(parser, ranks);
    }
    struct ast_node *value = parse_expr(parser);
    if (value != NULL) {
        g_ptr_array_add(values, value);
    }
    return value != NULL;
}

static bool parse_macro_call(struct parser *parser,
                             struct parsed_statement *parsed)
{
    struct token token = parser_take(parser);
    parser_take(parser);
    parsed->call.name = parser_name(parser, token);
    parsed->call.place = parser_place(parser, token);
    parsed->call.values = g_ptr_array_new();
    if (parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return true;
    }
    do {
        if (!parse_call_argument(parser, parsed->statement.reduce_ranks,
                                 parsed->call.values)) {
            return false;
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "an operator, ',' or ')'");
}

/* ---- a statement --------------------------------------------------------- */

static bool parse_before_body(struct parser *parser,
                              struct parsed_statement *parsed)
{
    struct token token = parser_peek(parser);
    const struct prefix *prefix = token.kind == TOKEN_NAME
                                      ? find_prefix(parser_name(parser, token))
                                      : NULL;
    if (prefix != NULL && is_reduction(parser, prefix)) {
        return parse_prefix_of(parser, prefix, &parsed->statement);
    }
    return prefix != NULL || !is_macro_call(parser) ||
           parse_macro_call(parser, parsed);
}

static bool parse_condition(struct parser *parser,
                            struct ast_statement *statement)
{
    if (parser_peek(parser).kind == TOKEN_NAME &&
        parser_is_name(parser, parser_peek(parser), "where")) {
        parser_take(parser);
        statement->condition = parse_expr(parser);
        return statement->condition != NULL;
    }
    return true;
}

static bool parse_right(struct parser *parser, struct parsed_statement *parsed)
{
    if (!parser_expect(parser, TOKEN_EQUALS, "'='") ||
        !parse_before_body(parser, parsed)) {
        return false;
    }
    struct ast_node *body = parse_expr(parser);
    if (body == NULL || !parse_condition(parser, &parsed->statement)) {
        return false;
    }
    enum token_kind end = parser_peek(parser).kind;
    if (end != TOKEN_END && !(parser->is_macro && end == TOKEN_RIGHT_BRACE)) {
        parser_fail(parser, "an operator or the end of the line");
        return false;
    }
    parsed->statement.body = body;
    return true;
}

static struct ast_node *parse_left(struct parser *parser)
{
    struct token token = parser_peek(parser);
    if (token.kind != TOKEN_NAME ||
        !g_ascii_isupper(parser->text[token.offset])) {
        parser_fail(parser, "the name of a tensor (it begins with a capital)");
        return NULL;
    }
    return parse_access(parser);
}

void parser_skip_line(struct parser *parser)
{
    parser->nesting = 0;
    if (parser->at == parser->statement_start) {
        parser_take(parser);
    }
    while (!parser_look(parser, 0).starts_line) {
        parser_take(parser);
    }
    parser->open_brackets = 0;
}

void parse_statement(struct parser *parser, struct parsed_statement *parsed)
{
    bool is_parsed = true;
    *parsed = (struct parsed_statement){
        .statement = {.reduce_ranks = g_ptr_array_new()},
    };
    parser->statement_start = parser->at;
    parsed->statement.output = parse_left(parser);
    if (parsed->statement.output != NULL &&
        parser_accept(parser, TOKEN_COMMA)) {
        parsed->second = parse_left(parser);
        is_parsed = parsed->second != NULL;
    }
    if (parsed->statement.output == NULL || !is_parsed ||
        !parse_right(parser, parsed)) {
        parsed->statement.body = NULL;
        parser_skip_line(parser);
    }
    if (parsed->statement.output == NULL || !is_parsed) {
        parser->cascade->has_lost_tensors = true;
    }
}

void parsed_statement_clear(struct parsed_statement *parsed)
{
    g_clear_pointer(&parsed->statement.reduce_ranks, g_ptr_array_unref);
    g_clear_pointer(&parsed->call.values, g_ptr_array_unref);
}

/* VAL[..], I[..] = topk(..) BODY: the values, then the indices. */
static void add_pair(struct cascade *cascade, struct ast_node *values,
                     struct ast_statement *indices)
{
    struct ast_statement first = *indices;
    first.output = values;
    first.gives_values = true;
    first.reduce_ranks = g_ptr_array_new();
    for (guint i = 0; i < indices->reduce_ranks->len; i++) {
        g_ptr_array_add(first.reduce_ranks,
                        g_ptr_array_index(indices->reduce_ranks, i));
    }
    g_array_append_val(cascade->statements, first);
}

void cascade_add_statement(struct cascade *cascade,
                           struct parsed_statement *parsed,
                           const struct expansion *expansion,
                           struct diags *diags)
{
    struct ast_statement *statement = &parsed->statement;
    bool has_pair = parsed->second != NULL;
    if (has_pair && !selection_is_pair(statement->selection)) {
        diag_error(diags, place_span(parsed->second->place),
                   "einsum-two-outputs", NULL,
                   "only topk, argmax, argmin and argsort have two results, "
                   "values and indices, and fft, ifft and rfft, real and "
                   "imaginary part");
        has_pair = false;
    }
    if (has_pair) {
        struct ast_node *values = statement->output;
        statement->output = parsed->second;
        add_pair(cascade, values, statement);
    }
    if (statement->body != NULL && parsed->call.name != NULL) {
        macro_expand(cascade, parsed, expansion, diags);
    } else {
        g_array_append_val(cascade->statements, *statement);
        statement->reduce_ranks = NULL;
    }
    parsed_statement_clear(parsed);
}

struct parser parser_start(struct cascade *cascade,
                           const struct yaml_node *node, struct diags *diags)
{
    return (struct parser){
        .cascade = cascade,
        .node = node,
        .text = yaml_text(node),
        .diags = diags,
        .tokens = lexer_scan(node, diags),
    };
}

void parse_statements(struct cascade *cascade, const struct yaml_node *node,
                      struct diags *diags)
{
    struct parser parser = parser_start(cascade, node, diags);
    while (parser_look(&parser, 0).kind != TOKEN_END &&
           cascade->statements->len < AST_MAX_STATEMENTS) {
        struct parsed_statement parsed;
        parse_statement(&parser, &parsed);
        if (parsed.statement.output != NULL) {
            cascade_add_statement(cascade, &parsed, NULL, diags);
        } else {
            parsed_statement_clear(&parsed);
        }
    }
    if (parser_look(&parser, 0).kind != TOKEN_END) {
        cascade->has_lost_tensors = true;
        diag_error(diags,
                   place_span(parser_place(&parser, parser_look(&parser, 0))),
                   "einsum-too-many-statements", NULL,
                   "a cascade has at most %d statements", AST_MAX_STATEMENTS);
    } else if (parser.tokens->len == 1) {
        diag_error(diags, yaml_span(node), "einsum-no-statements", NULL,
                   "the cascade has no statement");
    }
    g_array_unref(parser.tokens);
}

struct ast_node *parse_single(struct cascade *cascade,
                              const struct yaml_node *node, struct diags *diags)
{
    struct parser parser = parser_start(cascade, node, diags);
    struct ast_node *expr = parse_expr(&parser);
    if (expr != NULL && parser_peek(&parser).kind != TOKEN_END) {
        parser_fail(&parser, "an operator or the end of the text");
        expr = NULL;
    }
    g_array_unref(parser.tokens);
    return expr;
}

/* ".." of a macro, and ranks that are left out of it: "..-m". */
static struct ast_node *parse_rest(struct parser *parser)
{
    g_autoptr(GPtrArray) without = g_ptr_array_new();
    struct ast_node *rest = ast_new(parser->cascade, AST_CALL,
                                    parser_place(parser, parser_take(parser)));
    rest->call = CALL_REST;
    while (parser_accept(parser, TOKEN_MINUS)) {
        if (!parse_rank(parser, without)) {
            return NULL;
        }
    }
    ast_set_children(rest, without);
    return rest;
}

/* An expression, or c=IDX[n]: on the left, the rank c of a dimension and where
 * in it a value goes. */
static struct ast_node *parse_index(struct parser *parser)
{
    struct token token = parser_peek(parser);
    struct token next = parser_look(parser, 1);
    if (parser->is_macro && token.kind == TOKEN_RANGE) {
        return parse_rest(parser);
    }
    /* With a space before '=' the bracket is more likely not closed. */
    if (token.kind != TOKEN_NAME || next.kind != TOKEN_EQUALS ||
        next.offset != token.offset + token.length) {
        return parse_expr(parser);
    }
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    if (!parse_rank(parser, children)) {
        return NULL;
    }
    parser_take(parser);
    struct ast_node *index = parse_expr(parser);
    if (index == NULL) {
        return NULL;
    }
    g_ptr_array_add(children, index);
    struct ast_node *bind =
        ast_new(parser->cascade, AST_CALL, parser_place(parser, token));
    bind->call = CALL_BIND;
    ast_set_children(bind, children);
    return bind;
}

bool parse_brackets(struct parser *parser, GPtrArray *indices)
{
    if (!parser_expect(parser, TOKEN_LEFT_BRACKET, "'['")) {
        return false;
    }
    if (parser_accept(parser, TOKEN_RIGHT_BRACKET)) {
        return true;
    }
    do {
        struct ast_node *index = parse_index(parser);
        if (index == NULL) {
            return false;
        }
        g_ptr_array_add(indices, index);
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_BRACKET,
                         "an operator, ',' or ']'");
}

struct ast_node *parse_access(struct parser *parser)
{
    struct token token = parser_take(parser);
    struct ast_node *access =
        ast_new(parser->cascade, AST_ACCESS, parser_place(parser, token));
    access->name = parser_name(parser, token);
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    if (!parse_brackets(parser, indices)) {
        return NULL;
    }
    ast_set_children(access, indices);
    return access;
}
